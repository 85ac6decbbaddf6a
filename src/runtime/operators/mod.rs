//! The operators of our own, on the CPU: products of a sparse matrix with dense ones.
//!
//! The sparse matrix S has `k` entries in each of its `n` rows; `index (n, k)` names their columns, which may
//! repeat, and `weight (n, k)` holds their values. [`Op::MixRows`](crate::graph::Op::MixRows) is S · T,
//! [`Op::ScatterRows`](crate::graph::Op::ScatterRows) is Sᵀ · Y and [`Op::DotRows`](crate::graph::Op::DotRows) gives
//! the entries of Y · Tᵀ where S has some: each is the gradient of the others.
//!
//! The standard operators do not do. `ScatterND(reduction=add)` loses updates when indices repeat and there is more
//! than one thread, `ScatterElements(add)` is some forty times slower, and a `Gather` before a `MatMul` writes every
//! row that is picked to memory only to read it back once.

mod dot;
mod mix;
mod parts;
mod scatter;

use std::fmt::Debug;
use std::marker::PhantomData;
use std::ops::{AddAssign, Mul};

use ort::operator::{
    ComputeContext, Kernel, KernelContext, Operator, OperatorDomain, OperatorInput, OperatorOutput,
    ShapeInferenceContext,
};
use ort::value::{PrimitiveTensorElementType, SymbolicDimensions, ValueType};

use crate::graph::DOMAIN;

/// Fewer elements than this are not worth a second thread.
const WORTH_A_THREAD: usize = 1 << 15;

/// The domain with every operator for every combination of element and index type, for sessions with
/// `threads` threads.
pub(super) fn domain(threads: usize) -> ort::Result<OperatorDomain> {
    let domain = OperatorDomain::new(DOMAIN)?;
    let domain = add::<mix::Mix>(domain, threads)?;
    let domain = add::<scatter::Scatter>(domain, threads)?;
    add::<dot::Dot>(domain, threads)
}

fn add<P: Product>(domain: OperatorDomain, threads: usize) -> ort::Result<OperatorDomain> {
    domain
        .add(RowOperator::<P, f32, i64>::new(threads))?
        .add(RowOperator::<P, f32, i32>::new(threads))?
        .add(RowOperator::<P, f64, i64>::new(threads))?
        .add(RowOperator::<P, f64, i32>::new(threads))
}

trait Element:
    PrimitiveTensorElementType
    + AddAssign
    + Mul<Output = Self>
    + Copy
    + Default
    + Debug
    + Send
    + Sync
    + 'static
{
}
impl Element for f32 {}
impl Element for f64 {}

trait Index: PrimitiveTensorElementType + Copy + Debug + Into<i64> + Send + Sync + 'static {}
impl Index for i64 {}
impl Index for i32 {}

/// One of the three products.
trait Product: 'static {
    /// Name of the operator.
    const NAME: &'static str;

    /// Shape of the result from those of the operands, `None` where they do not fit; `rows` is the attribute, where
    /// there is one.
    fn shape(operands: [[usize; 2]; 3], rows: Option<usize>) -> Option<[usize; 2]>;

    /// Fills `output`; the first index that is outside is an error.
    fn compute<T: Element, I: Index>(
        operands: &Operands<T, I>,
        output: &mut [T],
        threads: Threads,
    ) -> ort::Result<Result<(), Outside>>;
}

/// What a product is computed from. Shapes have been checked, indices have not.
struct Operands<'a, T, I> {
    /// The first operand, a matrix of `width` columns.
    first: &'a [T],
    /// Columns of the first operand.
    width: usize,
    /// Columns of S, row by row.
    index: &'a [I],
    /// Entries per row of S.
    entries: usize,
    /// The last operand.
    last: &'a [T],
    /// Rows that an index can name.
    rows: usize,
}

impl<T, I: Index> Operands<'_, T, I> {
    /// The indices of a row of S.
    #[inline(always)]
    fn indices(&self, n: usize) -> &[I] {
        &self.index[n * self.entries..][..self.entries]
    }

    /// The weights of a row of S, where they are the last operand.
    #[inline(always)]
    fn weights(&self, n: usize) -> &[T] {
        &self.last[n * self.entries..][..self.entries]
    }

    /// The row that an index names.
    #[inline(always)]
    fn row(&self, index: I) -> Result<usize, Outside> {
        let index: i64 = index.into();
        match usize::try_from(index) {
            Ok(row) if row < self.rows => Ok(row),
            _ => Err(Outside {
                index,
                rows: self.rows,
            }),
        }
    }
}

/// An index that names no row.
struct Outside {
    index: i64,
    rows: usize,
}

/// The threads of a run.
#[derive(Clone, Copy)]
struct Threads<'a> {
    run: &'a ComputeContext,
    count: usize,
}

struct RowOperator<P, T, I> {
    threads: usize,
    types: PhantomData<fn(P, T, I)>,
}

impl<P, T, I> RowOperator<P, T, I> {
    fn new(threads: usize) -> Self {
        Self {
            threads,
            types: PhantomData,
        }
    }
}

impl<P: Product, T: Element, I: Index> Operator for RowOperator<P, T, I> {
    type Kernel<'attr> = RowKernel<P, T, I>;

    fn name(&self) -> &str {
        P::NAME
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [
            OperatorInput::required(T::into_tensor_element_type()),
            OperatorInput::required(I::into_tensor_element_type()),
            OperatorInput::required(T::into_tensor_element_type()),
        ]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(T::into_tensor_element_type())]
    }

    fn create_kernel<'attr>(&self, node: &KernelContext<'attr>) -> ort::Result<RowKernel<P, T, I>> {
        let rows = node.get::<i64>("rows");
        Ok(RowKernel {
            rows: rows.and_then(|r| usize::try_from(r).ok()),
            threads: self.threads,
            types: PhantomData,
        })
    }

    fn infer_shape(&self, node: &mut ShapeInferenceContext) -> ort::Result<()> {
        let rows: Option<i64> = node.attr("rows").ok();
        let rows = rows.and_then(|r| usize::try_from(r).ok());
        let inputs = node.inputs();
        let shapes = inputs.iter().map(|input| match input {
            ValueType::Tensor { shape, .. } => matrix(shape),
            _ => None,
        });
        let shapes: Option<Vec<_>> = shapes.collect();
        let shapes = shapes.and_then(|s| <[_; 3]>::try_from(s).ok());
        // One schema serves all element types, so the type is the operand's.
        if let Some(ValueType::Tensor { ty, .. }) = inputs.first()
            && let Some([n, d]) = shapes.and_then(|s| P::shape(s, rows))
        {
            let output = ValueType::Tensor {
                ty: *ty,
                shape: [n as i64, d as i64].into(),
                dimension_symbols: SymbolicDimensions::empty(2),
            };
            node.set_output(0, &output)?;
        }
        Ok(())
    }
}

fn matrix(shape: &[i64]) -> Option<[usize; 2]> {
    let &[n, d] = shape else { return None };
    Some([usize::try_from(n).ok()?, usize::try_from(d).ok()?])
}

struct RowKernel<P, T, I> {
    rows: Option<usize>,
    threads: usize,
    types: PhantomData<fn(P, T, I)>,
}

impl<P: Product, T: Element, I: Index> Kernel for RowKernel<P, T, I> {
    fn compute(&mut self, run: &ComputeContext) -> ort::Result<()> {
        let error = |detail: String| ort::Error::new(format!("{}: {detail}", P::NAME));
        let absent = || error("an operand is missing".into());
        let (first, index, last) = (run.input(0)?, run.input(1)?, run.input(2)?);
        let (first, index, last) = (
            first.ok_or_else(absent)?,
            index.ok_or_else(absent)?,
            last.ok_or_else(absent)?,
        );
        let (first_shape, first) = first.try_extract_tensor::<T>()?;
        let (index_shape, index) = index.try_extract_tensor::<I>()?;
        let (last_shape, last) = last.try_extract_tensor::<T>()?;
        let shapes = || {
            let shapes = [
                matrix(first_shape)?,
                matrix(index_shape)?,
                matrix(last_shape)?,
            ];
            Some((shapes, P::shape(shapes, self.rows)?))
        };
        let Some(([[height, width], [_, entries], _], [n, d])) = shapes() else {
            return Err(error(format!(
                "operands of shapes {first_shape:?}, {index_shape:?} and {last_shape:?}"
            )));
        };
        let mut output = run.output(0, [n as i64, d as i64])?.ok_or_else(absent)?;
        let (_, output) = output.try_extract_tensor_mut::<T>()?;
        let worth = index.len().saturating_mul(width).max(output.len()) >= WORTH_A_THREAD;
        let threads = Threads {
            run,
            count: if worth { self.threads.max(1) } else { 1 },
        };
        let operands = Operands {
            first,
            width,
            index,
            entries,
            last,
            rows: self.rows.unwrap_or(height),
        };
        P::compute(&operands, output, threads)?.map_err(|Outside { index, rows }| {
            error(format!("index {index} is outside of {rows} rows"))
        })
    }
}
