//! Output matrices split between threads.

use std::ops::Range;

use parking_lot::Mutex;

use super::{Outside, Threads};

/// A matrix that is being computed, split by rows: each thread locks one part, once, only so that the compiler knows that
/// no two threads write the same one.
pub(super) struct Parts<'a, T>(Vec<Mutex<Part<'a, T>>>);

struct Part<'a, T> {
    rows: Range<usize>,
    output: &'a mut [T],
    result: Result<(), Outside>,
}

impl<'a, T: Send> Parts<'a, T> {
    /// `output`, rows of `columns`, in the given ranges, which follow one another.
    pub(super) fn new(mut output: &'a mut [T], columns: usize, ranges: &[Range<usize>]) -> Self {
        let mut parts = vec![];
        for rows in ranges {
            let (part, rest) = output.split_at_mut(rows.len() * columns);
            parts.push(Mutex::new(Part {
                rows: rows.clone(),
                output: part,
                result: Ok(()),
            }));
            output = rest;
        }
        Self(parts)
    }

    /// `output`, in parts of about the same number of rows.
    pub(super) fn even(output: &'a mut [T], columns: usize, threads: usize) -> Self {
        let rows = output.len().checked_div(columns).unwrap_or(0);
        let size = rows.div_ceil(threads).max(1);
        let ranges: Vec<_> = (0..rows)
            .step_by(size)
            .map(|start| start..(start + size).min(rows))
            .collect();
        Self::new(output, columns, &ranges)
    }

    /// Computes every part, each on a thread.
    pub(super) fn each(
        self,
        threads: Threads,
        compute: impl Fn(Range<usize>, &mut [T]) -> Result<(), Outside> + Sync,
    ) -> ort::Result<Result<(), Outside>> {
        let count = self.0.len();
        threads.run.par_for(count, count, |at| {
            let part = &mut *self.0[at].lock();
            part.result = compute(part.rows.clone(), part.output);
        })?;
        let results = self.0.into_iter().map(|part| part.into_inner().result);
        Ok(results.collect())
    }
}
