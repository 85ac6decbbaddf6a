//! The loops of joint bilateral upsampling, over rows of samples, in a form that the compiler vectorises.

use std::ops::Range;

use multiversion::multiversion;

use crate::video::colour::{Encode, chroma_to_rgb};

/// How much luma may differ, in steps of 8 bits, before a token's chroma counts little for a sample (the standard deviation
/// of a Gaussian).
const ALIKE: f32 = 20.0;
/// What a token counts at least, so that a sample unlike all of them has a colour.
const LEAST: f32 = 1e-3;

/// The samples of a row that lie between the same two columns of tokens.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    pub samples: Range<usize>,
    pub tokens: [usize; 2],
}

/// A token near a sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub luma: f32,
    pub chroma: [f32; 2],
    /// By how near its row is.
    pub weight: f32,
}

/// The four tokens around the samples of a gap: of two rows, left and right.
pub(super) struct Near {
    pub left: [Token; 2],
    pub right: [Token; 2],
}

/// Adds a row to sums, column by column.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn add_row(sums: &mut [f32], row: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(row) {
        *sum += value;
    }
}

/// The mean of every `span` columns, the last of which may be fewer, of sums over `rows` rows.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn means(sums: &[f32], span: usize, rows: usize, means: &mut Vec<f32>) {
    means.clear();
    let share = 1.0 / (span * rows) as f32;
    let whole = sums.len() - sums.len() % span;
    match span {
        1 => means.extend(sums.iter().map(|sum| sum * share)),
        2 => means.extend(sums.as_chunks().0.iter().map(|[a, b]| (a + b) * share)),
        _ => means.extend(
            sums[..whole]
                .chunks_exact(span)
                .map(|of| of.iter().sum::<f32>() * share),
        ),
    }
    let rest = &sums[whole..];
    if !rest.is_empty() {
        means.push(rest.iter().sum::<f32>() / (rest.len() * rows) as f32);
    }
}

/// The chroma of a row of samples from their `luma` and from their `shares` of the way across the gaps that they lie in.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn mix_row(
    luma: &[f32],
    shares: &[f32],
    gaps: &[Gap],
    near: impl Fn(&Gap) -> Near,
    chroma: &mut [Vec<f32>; 2],
) {
    let [cb, cr] = chroma;
    cb.resize(luma.len(), 0.0);
    cr.resize(luma.len(), 0.0);
    for gap in gaps {
        let Near { left, right } = near(gap);
        let at = gap.samples.clone();
        let from = luma[at.clone()].iter().zip(&shares[at.clone()]);
        let to = cb[at.clone()].iter_mut().zip(&mut cr[at]);
        for ((&luma, &share), (cb, cr)) in from.zip(to) {
            let (mut sum, mut mass) = ([0.0; 2], 0.0);
            for (tokens, across) in [(left, 1.0 - share), (right, share)] {
                for token in tokens {
                    let weight = across * token.weight * alike(luma - token.luma);
                    mass += weight;
                    sum[0] += weight * token.chroma[0];
                    sum[1] += weight * token.chroma[1];
                }
            }
            (*cb, *cr) = (sum[0] / mass, sum[1] / mass);
        }
    }
}

/// Nearly a Gaussian, of products alone: (1 - x/16)^16.
#[inline(always)]
fn alike(apart: f32) -> f32 {
    let base = (1.0 - apart * apart / (32.0 * ALIKE * ALIKE)).max(0.0);
    let fourth = (base * base) * (base * base);
    (fourth * fourth) * (fourth * fourth) + LEAST
}

/// The codes of a row of samples of such luma and chroma.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn codes_of_row(
    encode: &Encode,
    luma: &[f32],
    [cb, cr]: &[Vec<f32>; 2],
    codes: &mut [Vec<f32>; 3],
) {
    for codes in &mut *codes {
        codes.resize(luma.len(), 0.0);
    }
    let [first, second, third] = codes;
    let to = first.iter_mut().zip(second).zip(third);
    let from = luma.iter().zip(cb).zip(cr);
    for (((&luma, &cb), &cr), ((first, second), third)) in from.zip(to) {
        let rgb = shown(luma, chroma_to_rgb([cb, cr]));
        [*first, *second, *third] = encode.real_codes(rgb);
    }
}

/// The colour of a luma with differences from it, these made smaller until no channel is below black or above white.
#[inline(always)]
fn shown(luma: f32, differences: [f32; 3]) -> [f32; 3] {
    let room = |d: f32| {
        let room = if d > 0.0 { 255.0 - luma } else { luma };
        // Hardly anything needs hardly any room.
        room / d.abs().max(1e-6)
    };
    let [red, green, blue] = differences.map(room);
    let share = red.min(green).min(blue).clamp(0.0, 1.0);
    differences.map(|d| luma + share * d)
}
