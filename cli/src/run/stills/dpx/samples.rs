//! Samples in words, as ffmpeg and the standard have them: every line begins with a byte of its own, and with a word of 32 bits where
//! words hold several samples.

use super::DpxError;
use super::header::Element;

/// Three samples of 10 bits lie in a word, the first one highest; of grey, the lowest.
fn places(packing: u16, components: usize) -> [u32; 3] {
    let low = if packing == 1 { 2 } else { 0 };
    match components {
        1 => [low, low + 10, low + 20],
        _ => [low + 20, low + 10, low],
    }
}

/// Bytes of a line, without padding.
fn line(samples: usize, bits: u32, packing: u16) -> usize {
    match (bits, packing) {
        (8, _) => samples,
        (16, _) => 2 * samples,
        (_, 0) => (samples * bits as usize).div_ceil(32) * 4,
        (10, _) => samples.div_ceil(3) * 4,
        _ => 2 * samples,
    }
}

/// All samples, line by line.
///
/// # Errors
/// When there are fewer bytes than that.
pub fn read(data: &[u8], of: &Element, is_big: bool) -> Result<Vec<u16>, DpxError> {
    let samples = of.width * of.components;
    let length = line(samples, of.bits, of.packing);
    let mut stride = length + of.padding;
    // The standard wants lines of whole words; not all programs write them.
    let whole = length.next_multiple_of(4);
    if of.padding == 0 && data.len() >= whole * of.height {
        stride = whole;
    }
    let wanted = (stride * (of.height - 1) + length).saturating_add(of.offset);
    if data.len() + of.offset < wanted {
        return Err(DpxError::Short {
            found: data.len() + of.offset,
            wanted,
        });
    }
    let mut all = Vec::with_capacity(samples * of.height);
    for line in data.chunks(stride).take(of.height) {
        let line = line.get(..length).unwrap_or(line);
        let before = all.len();
        match (of.bits, of.packing) {
            (8, _) => all.extend(line.iter().map(|byte| u16::from(*byte))),
            (16, _) => all.extend(words16(line, is_big)),
            (bits, 0) => all.extend(packed(line, bits, is_big)),
            (10, packing) => {
                let places = places(packing, of.components);
                let words = words32(line, is_big);
                all.extend(words.flat_map(|word| places.map(|at| (word >> at & 0x3ff) as u16)));
            }
            (_, packing) => {
                let shift = if packing == 1 { 4 } else { 0 };
                all.extend(words16(line, is_big).map(|word| word >> shift & 0xfff));
            }
        }
        all.resize(before + samples, 0);
    }
    Ok(all)
}

fn words16(line: &[u8], is_big: bool) -> impl Iterator<Item = u16> {
    line.as_chunks().0.iter().map(move |word| match is_big {
        true => u16::from_be_bytes(*word),
        false => u16::from_le_bytes(*word),
    })
}

fn words32(line: &[u8], is_big: bool) -> impl Iterator<Item = u32> {
    line.as_chunks().0.iter().map(move |word| match is_big {
        true => u32::from_be_bytes(*word),
        false => u32::from_le_bytes(*word),
    })
}

/// Samples one behind the other, from the lowest bit of every word.
fn packed(line: &[u8], bits: u32, is_big: bool) -> impl Iterator<Item = u16> {
    let (mut words, mut held, mut count) = (words32(line, is_big), 0_u64, 0);
    std::iter::from_fn(move || {
        if count < bits {
            held |= u64::from(words.next()?) << count;
            count += 32;
        }
        let sample = held & ((1 << bits) - 1);
        held >>= bits;
        count -= bits;
        Some(sample as u16)
    })
}

/// The bytes of samples, so many pixels of so many components in a line: 10 bits in filled words of 32, 12 in filled words of 16 (method A).
pub fn write(
    values: &[u16],
    (width, components): (usize, usize),
    bits: u32,
    is_big: bool,
) -> Vec<u8> {
    let mut data = Vec::with_capacity(values.len() * 2);
    let word16 = |value: u16| match is_big {
        true => value.to_be_bytes(),
        false => value.to_le_bytes(),
    };
    for line in values.chunks((width * components).max(1)) {
        match bits {
            8 => data.extend(line.iter().map(|value| *value as u8)),
            10 => data.extend(line.chunks(3).flat_map(|three| {
                let word = three
                    .iter()
                    .zip(places(1, components))
                    .fold(0_u32, |word, (value, at)| word | u32::from(*value) << at);
                match is_big {
                    true => word.to_be_bytes(),
                    false => word.to_le_bytes(),
                }
            })),
            12 => data.extend(line.iter().flat_map(|value| word16(value << 4))),
            _ => data.extend(line.iter().flat_map(|value| word16(*value))),
        }
    }
    data
}
