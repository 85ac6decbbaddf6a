//! The one operator of our own, [`Op::ScatterRows`](crate::graph::Op::ScatterRows), on the CPU.
//!
//! The standard operators do not do: `ScatterND(reduction=add)` loses updates when indices repeat and
//! there is more than one thread, and `ScatterElements(add)` is some forty times slower.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::ops::{AddAssign, Range};
use std::sync::Mutex;

use ort::operator::{
    ComputeContext, Kernel, KernelContext, Operator, OperatorDomain, OperatorInput, OperatorOutput,
    ShapeInferenceContext,
};
use ort::value::{PrimitiveTensorElementType, SymbolicDimensions, ValueType};

use crate::graph::DOMAIN;

/// Fewer elements than this are not worth a second thread.
const WORTH_A_THREAD: usize = 1 << 15;
/// Output rows are dealt to threads in this many lots at most.
const LOTS: usize = 1024;
/// Indices looked at in one go.
const BLOCK: usize = 256;

/// The domain with the operator for every combination of element and index type, for sessions with
/// `threads` threads.
pub(super) fn domain(threads: usize) -> ort::Result<OperatorDomain> {
    OperatorDomain::new(DOMAIN)?
        .add(ScatterRows::<f32, i64>::new(threads))?
        .add(ScatterRows::<f32, i32>::new(threads))?
        .add(ScatterRows::<f64, i64>::new(threads))?
        .add(ScatterRows::<f64, i32>::new(threads))
}

trait Element: PrimitiveTensorElementType + AddAssign + Copy + Default + Debug + Send + Sync {}
impl Element for f32 {}
impl Element for f64 {}

trait Index: PrimitiveTensorElementType + Copy + Debug + Into<i64> + Send + Sync {}
impl Index for i64 {}
impl Index for i32 {}

struct ScatterRows<T, I> {
    threads: usize,
    types: PhantomData<fn(T, I)>,
}

impl<T, I> ScatterRows<T, I> {
    fn new(threads: usize) -> Self {
        Self {
            threads,
            types: PhantomData,
        }
    }
}

impl<T: Element + 'static, I: Index + 'static> Operator for ScatterRows<T, I> {
    type Kernel<'attr> = ScatterKernel<T, I>;

    fn name(&self) -> &str {
        "ScatterRows"
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [
            OperatorInput::required(T::into_tensor_element_type()),
            OperatorInput::required(I::into_tensor_element_type()),
        ]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(T::into_tensor_element_type())]
    }

    fn create_kernel<'attr>(
        &self,
        node: &KernelContext<'attr>,
    ) -> ort::Result<ScatterKernel<T, I>> {
        let rows = node
            .get::<i64>("rows")
            .and_then(|r| usize::try_from(r).ok());
        Ok(ScatterKernel {
            rows: rows
                .ok_or_else(|| ort::Error::new("ScatterRows: attribute 'rows' is missing"))?,
            threads: self.threads,
            types: PhantomData,
        })
    }

    fn infer_shape(&self, node: &mut ShapeInferenceContext) -> ort::Result<()> {
        let rows: i64 = node.attr("rows")?;
        let inputs = node.inputs();
        if let Some(ValueType::Tensor { ty, shape, .. }) = inputs.first()
            && let [_, columns] = shape[..]
        {
            let output = ValueType::Tensor {
                ty: *ty,
                shape: [rows, columns].into(),
                dimension_symbols: SymbolicDimensions::empty(2),
            };
            node.set_output(0, &output)?;
        }
        Ok(())
    }
}

struct ScatterKernel<T, I> {
    rows: usize,
    threads: usize,
    types: PhantomData<fn(T, I)>,
}

impl<T: Element, I: Index> Kernel for ScatterKernel<T, I> {
    fn compute(&mut self, run: &ComputeContext) -> ort::Result<()> {
        let absent = || ort::Error::new("ScatterRows: an operand is missing");
        let x = run.input(0)?.ok_or_else(absent)?;
        let indices = run.input(1)?.ok_or_else(absent)?;
        let (x_shape, x) = x.try_extract_tensor::<T>()?;
        let (_, indices) = indices.try_extract_tensor::<I>()?;
        let &[n, columns] = &x_shape[..] else {
            return Err(ort::Error::new(format!(
                "ScatterRows: operand of shape {x_shape:?}"
            )));
        };
        if usize::try_from(n).ok() != Some(indices.len()) {
            return Err(ort::Error::new(format!(
                "ScatterRows: {n} rows at {} indices",
                indices.len()
            )));
        }
        let mut output = run
            .output(0, [self.rows as i64, columns])?
            .ok_or_else(absent)?;
        let (_, output) = output.try_extract_tensor_mut::<T>()?;
        let columns = columns as usize;
        let threads = if x.len().max(output.len()) < WORTH_A_THREAD {
            1
        } else {
            self.threads.max(1)
        };
        let lots = self.count(run, indices, threads)?;
        if output.is_empty() {
            return Ok(());
        }
        let parts = Parts::new(output, columns, &deal(&lots, self.rows, threads));
        run.par_for(parts.0.len(), parts.0.len(), |at| {
            if let Ok(mut part) = parts.0[at].lock() {
                let (rows, output) = &mut *part;
                add_rows(x, indices, columns, rows, output);
            }
        })
    }
}

impl<T, I: Index> ScatterKernel<T, I> {
    /// How many indices fall into each lot of output rows. Fails on one outside.
    fn count(
        &self,
        run: &ComputeContext,
        indices: &[I],
        threads: usize,
    ) -> ort::Result<Vec<usize>> {
        let lot = lot_size(self.rows);
        let lots = self.rows.div_ceil(lot);
        let chunk = indices.len().div_ceil(threads).max(1);
        let counts: Vec<Mutex<Result<Vec<usize>, i64>>> = indices
            .chunks(chunk)
            .map(|_| Mutex::new(Ok(vec![])))
            .collect();
        run.par_for(counts.len(), counts.len(), |at| {
            let from = at * chunk;
            let part = &indices[from..(from + chunk).min(indices.len())];
            let mut count = vec![0; lots];
            let outside = part.iter().find_map(|&index| {
                let index: i64 = index.into();
                match usize::try_from(index) {
                    Ok(row) if row < self.rows => {
                        count[row / lot] += 1;
                        None
                    }
                    _ => Some(index),
                }
            });
            if let Ok(mut slot) = counts[at].lock() {
                *slot = outside.map_or(Ok(count), Err);
            }
        })?;
        let mut total = vec![0; lots];
        for count in counts {
            let count = count
                .into_inner()
                .map_err(|_| ort::Error::new("ScatterRows: counting stopped"))?
                .map_err(|index| {
                    ort::Error::new(format!(
                        "ScatterRows: index {index} is outside of {} rows",
                        self.rows
                    ))
                })?;
            total.iter_mut().zip(count).for_each(|(t, c)| *t += c);
        }
        Ok(total)
    }
}

fn lot_size(rows: usize) -> usize {
    rows.div_ceil(LOTS).max(1)
}

/// Ranges of output rows with about equal work. A row is never split: its sum keeps the order of the
/// indices, so that the result depends neither on the number of threads nor on their timing.
fn deal(lots: &[usize], rows: usize, threads: usize) -> Vec<Range<usize>> {
    let lot = lot_size(rows);
    let total = lots.iter().sum::<usize>() + rows;
    let mut ranges = vec![];
    let (mut start, mut done) = (0, 0);
    for (at, indices) in lots.iter().enumerate() {
        done += indices + lot;
        let end = ((at + 1) * lot).min(rows);
        if done * threads >= total * (ranges.len() + 1) && ranges.len() + 1 < threads {
            ranges.push(start..end);
            start = end;
        }
    }
    if start < rows {
        ranges.push(start..rows);
    }
    ranges
}

/// The output, split: each thread locks one part, once, which only tells the compiler that no two
/// threads write the same one.
struct Parts<'a, T>(Vec<Mutex<(Range<usize>, &'a mut [T])>>);

impl<'a, T> Parts<'a, T> {
    fn new(mut output: &'a mut [T], columns: usize, ranges: &[Range<usize>]) -> Self {
        let mut parts = vec![];
        for range in ranges {
            let (part, rest) = output.split_at_mut(range.len() * columns);
            parts.push(Mutex::new((range.clone(), part)));
            output = rest;
        }
        Self(parts)
    }
}

/// The sum of the rows of `x` whose index lies in `rows`, in the order of the indices.
fn add_rows<T: Element, I: Index>(
    x: &[T],
    indices: &[I],
    columns: usize,
    rows: &Range<usize>,
    output: &mut [T],
) {
    output.fill(T::default());
    // The widths of our models as constants: the compiler then writes out the sum of a row.
    match columns {
        16 => add_rows_of(x, indices, 16, rows, output),
        32 => add_rows_of(x, indices, 32, rows, output),
        _ => add_rows_of(x, indices, columns, rows, output),
    }
}

#[inline(always)]
fn add_rows_of<T: Element, I: Index>(
    x: &[T],
    indices: &[I],
    columns: usize,
    rows: &Range<usize>,
    output: &mut [T],
) {
    // Whose row it is is a coin toss, which a processor guesses wrong half of the time. So the rows of a
    // block that are ours are listed first, without a jump, and added after.
    let mut ours = [(0, 0); BLOCK];
    for (x, indices) in x.chunks(BLOCK * columns).zip(indices.chunks(BLOCK)) {
        let mut count = 0;
        for (at, &index) in indices.iter().enumerate() {
            let index: i64 = index.into();
            // Not negative: `count` has seen every index. Below the range it wraps to a large number.
            let row = (index as usize).wrapping_sub(rows.start);
            ours[count] = (at, row);
            count += usize::from(row < rows.len());
        }
        for &(from, to) in &ours[..count] {
            let from = &x[from * columns..][..columns];
            let to = &mut output[to * columns..][..columns];
            for (sum, &value) in to.iter_mut().zip(from) {
                *sum += value;
            }
        }
    }
}
