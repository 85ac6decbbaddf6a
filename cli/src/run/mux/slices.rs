//! The checksums of FFV1's slices. The decoder writes into its log that one is wrong, and shows the slice of an earlier frame; its
//! frames are not called damaged (libav 59 in GStreamer 1.22).

use crc::{Algorithm, Crc, Table};

/// As in FFV1 (RFC 9043, section 4.9.3): the checksum of a slice with its own at the end is zero.
const CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&Algorithm {
    width: 32,
    poly: 0x04c1_1db7,
    init: 0,
    refin: false,
    refout: false,
    xorout: 0,
    check: 0x89a1_897f,
    residue: 0,
});
/// Bytes behind a slice: its length in three, whether an encoder knew of errors in one, and the checksum.
const FOOTER: usize = 8;

/// How many slices of a frame are not what they were when they were encoded with checksums; none where the frame is whole.
/// Slices that cannot be found count as one.
pub fn broken_slices(mut frame: &[u8]) -> u32 {
    let mut broken = 0;
    while !frame.is_empty() {
        let footer = frame.len().checked_sub(FOOTER);
        let length = footer.and_then(|at| match frame[at..] {
            [a, b, c, ..] => Some(u32::from_be_bytes([0, a, b, c]) as usize),
            _ => None,
        });
        let begin = footer.zip(length).and_then(|(at, n)| at.checked_sub(n));
        let Some(begin) = begin else {
            return broken + 1;
        };
        broken += u32::from(CRC.checksum(&frame[begin..]) != 0);
        frame = &frame[..begin];
    }
    broken
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A slice with its footer.
    fn slice(data: &[u8]) -> Vec<u8> {
        let mut slice = data.to_vec();
        slice.extend(&(data.len() as u32).to_be_bytes()[1..]);
        slice.push(0);
        let sum = CRC.checksum(&slice);
        slice.extend(sum.to_be_bytes());
        slice
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_found(
            slices in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..60), 1..6),
            at in any::<proptest::sample::Index>(),
            bits in 1_u8..,
        ) {
            let mut frame = slices.iter().flat_map(|data| slice(data)).collect::<Vec<_>>();
            prop_assert_eq!(broken_slices(&frame), 0);
            let at = at.index(frame.len());
            frame[at] ^= bits;
            prop_assert!(broken_slices(&frame) > 0);
        }

        #[test]
        fn anything_can_be_looked_at(frame in proptest::collection::vec(any::<u8>(), 0..200)) {
            broken_slices(&frame);
        }
    }
}
