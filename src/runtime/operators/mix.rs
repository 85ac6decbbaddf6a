//! The operator `MixRows`.

use std::ops::Range;

use super::parts::Parts;
use super::{Element, Index, Operands, Outside, Product, Threads};

/// S · T: `table (rows, d)`, `index (n, k)`, `weight (n, k)` to `(n, d)`.
pub(super) struct Mix;

impl Product for Mix {
    const NAME: &'static str = "MixRows";

    fn shape([table, index, weight]: [[usize; 2]; 3], _: Option<usize>) -> Option<[usize; 2]> {
        (index == weight).then_some([index[0], table[1]])
    }

    fn compute<T: Element, I: Index>(
        operands: &Operands<T, I>,
        output: &mut [T],
        threads: Threads,
    ) -> ort::Result<Result<(), Outside>> {
        let parts = Parts::even(output, operands.width, threads.count);
        // The widths of our models as constants: the compiler then keeps a sum in registers.
        parts.each(threads, |rows, output| match operands.width {
            16 => mix_fixed::<T, I, 16>(operands, rows, output),
            32 => mix_fixed::<T, I, 32>(operands, rows, output),
            _ => mix(operands, rows, output),
        })
    }
}

fn mix_fixed<T: Element, I: Index, const WIDTH: usize>(
    operands: &Operands<T, I>,
    rows: Range<usize>,
    output: &mut [T],
) -> Result<(), Outside> {
    let (table, _) = operands.first.as_chunks::<WIDTH>();
    let (output, _) = output.as_chunks_mut::<WIDTH>();
    for (n, output) in rows.zip(output) {
        let mut sum = [T::default(); WIDTH];
        for (&index, &weight) in operands.indices(n).iter().zip(operands.weights(n)) {
            let row = &table[operands.row(index)?];
            for (sum, &value) in sum.iter_mut().zip(row) {
                *sum += weight * value;
            }
        }
        *output = sum;
    }
    Ok(())
}

fn mix<T: Element, I: Index>(
    operands: &Operands<T, I>,
    rows: Range<usize>,
    output: &mut [T],
) -> Result<(), Outside> {
    output.fill(T::default());
    for (n, output) in rows.zip(output.chunks_exact_mut(operands.width.max(1))) {
        for (&index, &weight) in operands.indices(n).iter().zip(operands.weights(n)) {
            let row = &operands.first[operands.row(index)? * operands.width..];
            for (sum, &value) in output.iter_mut().zip(row) {
                *sum += weight * value;
            }
        }
    }
    Ok(())
}
