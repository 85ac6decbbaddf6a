//! The operator `DotRows`.

use std::ops::Range;

use super::parts::Parts;
use super::{Element, Index, Operands, Outside, Product, Threads};

/// Sums that a dot product is computed in side by side. Fixed, so that its rounding is as well.
const LANES: usize = 8;

/// Entries of Y · Tᵀ where S has some: `table (rows, d)`, `index (n, k)`, `y (n, d)` to `(n, k)`.
pub(super) struct Dot;

impl Product for Dot {
    const NAME: &'static str = "DotRows";

    fn shape([table, index, y]: [[usize; 2]; 3], _: Option<usize>) -> Option<[usize; 2]> {
        (y == [index[0], table[1]]).then_some(index)
    }

    fn compute<T: Element, I: Index>(
        operands: &Operands<T, I>,
        output: &mut [T],
        threads: Threads,
    ) -> ort::Result<Result<(), Outside>> {
        let parts = Parts::even(output, operands.entries, threads.count);
        parts.each(threads, |rows, output| match operands.width {
            16 => dots(operands, 16, rows, output),
            32 => dots(operands, 32, rows, output),
            width => dots(operands, width, rows, output),
        })
    }
}

#[inline(always)]
fn dots<T: Element, I: Index>(
    operands: &Operands<T, I>,
    width: usize,
    rows: Range<usize>,
    output: &mut [T],
) -> Result<(), Outside> {
    for (n, output) in rows.zip(output.chunks_exact_mut(operands.entries.max(1))) {
        let y = &operands.last[n * width..][..width];
        for (dot, &index) in output.iter_mut().zip(operands.indices(n)) {
            let row = &operands.first[operands.row(index)? * width..][..width];
            *dot = product(row, y);
        }
    }
    Ok(())
}

#[inline(always)]
fn product<T: Element>(a: &[T], b: &[T]) -> T {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [T::default(); LANES];
    for (a, b) in a.iter().zip(b) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let mut total = T::default();
    for sum in sums {
        total += sum;
    }
    for (&a, &b) in a_rest.iter().zip(b_rest) {
        total += a * b;
    }
    total
}
