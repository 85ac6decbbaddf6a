//! The operator `ScatterRows`.

use std::ops::Range;

use parking_lot::Mutex;

use super::parts::Parts;
use super::{Element, Index, Operands, Outside, Product, Threads};

/// Output rows are dealt to threads in this many lots at most.
const LOTS: usize = 1024;
/// Rows of S looked at in one go hold about this many entries.
const BLOCK: usize = 256;

/// Sᵀ · Y: `y (n, d)`, `index (n, k)`, `weight (n, k)` to `(rows, d)`.
///
/// An output row is computed by one thread, in the order of the indices, so that the result depends neither on the
/// number of threads nor on their timing.
pub(super) struct Scatter;

impl Product for Scatter {
    const NAME: &'static str = "ScatterRows";

    fn shape([y, index, weight]: [[usize; 2]; 3], rows: Option<usize>) -> Option<[usize; 2]> {
        (index == weight && y[0] == index[0]).then_some([rows?, y[1]])
    }

    fn compute<T: Element, I: Index>(
        operands: &Operands<T, I>,
        output: &mut [T],
        threads: Threads,
    ) -> ort::Result<Result<(), Outside>> {
        let lots = match count(operands, threads)? {
            Ok(lots) => lots,
            Err(outside) => return Ok(Err(outside)),
        };
        let ranges = deal(&lots, operands.rows, threads.count);
        let parts = Parts::new(output, operands.width, &ranges);
        parts.each(threads, |rows, output| {
            // The widths of our models as constants: the compiler then writes out the sum of a row.
            match operands.width {
                16 => scatter(operands, 16, rows, output),
                32 => scatter(operands, 32, rows, output),
                width => scatter(operands, width, rows, output),
            }
            Ok(())
        })
    }
}

/// How many indices fall into each lot of output rows.
fn count<T: Element, I: Index>(
    operands: &Operands<T, I>,
    threads: Threads,
) -> ort::Result<Result<Vec<usize>, Outside>> {
    let lot = lot_size(operands.rows);
    let lots = operands.rows.div_ceil(lot);
    let chunk = operands.index.len().div_ceil(threads.count).max(1);
    let chunks: Vec<&[I]> = operands.index.chunks(chunk).collect();
    let counts: Vec<Mutex<Result<Vec<usize>, Outside>>> =
        chunks.iter().map(|_| Mutex::new(Ok(vec![]))).collect();
    threads.run.par_for(counts.len(), counts.len(), |at| {
        let mut count = vec![0; lots];
        let found = chunks[at].iter().try_for_each(|&index| {
            count[operands.row(index)? / lot] += 1;
            Ok(())
        });
        *counts[at].lock() = found.map(|()| count);
    })?;
    let mut total = vec![0; lots];
    for count in counts {
        match count.into_inner() {
            Ok(count) => total.iter_mut().zip(count).for_each(|(t, c)| *t += c),
            Err(outside) => return Ok(Err(outside)),
        }
    }
    Ok(Ok(total))
}

fn lot_size(rows: usize) -> usize {
    rows.div_ceil(LOTS).max(1)
}

/// Ranges of output rows with about equal work. A row is never split.
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

#[inline(always)]
fn scatter<T: Element, I: Index>(
    operands: &Operands<T, I>,
    width: usize,
    rows: Range<usize>,
    output: &mut [T],
) {
    output.fill(T::default());
    // Whose row it is is a coin toss, which a processor guesses wrong half of the time. So the entries of a block that
    // are ours are listed first, without a jump, and added after.
    let entries = operands.entries.max(1);
    let lines = (BLOCK / entries).max(1);
    let mut ours = vec![(0, 0, T::default()); lines * entries];
    let block = lines * entries;
    let blocks = operands
        .index
        .chunks(block)
        .zip(operands.last.chunks(block));
    for (number, (index, weight)) in blocks.enumerate() {
        let mut count = 0;
        for (line, (index, weight)) in index
            .chunks(entries)
            .zip(weight.chunks(entries))
            .enumerate()
        {
            for (&index, &weight) in index.iter().zip(weight) {
                let index: i64 = index.into();
                // Not negative: `count` has seen every index. Below the range it wraps to a large number.
                let row = (index as usize).wrapping_sub(rows.start);
                ours[count] = (number * lines + line, row, weight);
                count += usize::from(row < rows.len());
            }
        }
        for &(from, to, weight) in &ours[..count] {
            let from = &operands.first[from * width..][..width];
            let to = &mut output[to * width..][..width];
            for (sum, &value) in to.iter_mut().zip(from) {
                *sum += weight * value;
            }
        }
    }
}
