use proptest::prelude::*;

use super::super::raster::Encoding;
use super::*;

fn raster(width: usize, components: usize, bits: u32, seed: &[u16]) -> Raster {
    let height = 3;
    let all = width * height * components;
    let values = seed.iter().cycle().take(all).enumerate();
    Raster {
        width,
        height,
        components,
        samples: Samples::Codes {
            bits,
            values: values
                .map(|(n, v)| v.wrapping_add(n as u16) >> (16 - bits))
                .collect(),
        },
        encoding: Encoding::Density,
    }
}

/// The same header with its words in the other byte order, as far as they describe samples.
fn other_order(bytes: &[u8], raster: &Raster) -> Vec<u8> {
    let mut header = Header::new(raster);
    header.swap();
    let made = write(raster, &header).unwrap();
    assert_ne!(made[..4], bytes[..4]);
    made
}

proptest! {
    #[test]
    fn there_and_back(
        width in 1_usize..9,
        components in proptest::sample::select(vec![1_usize, 3]),
        bits in proptest::sample::select(vec![8_u32, 10, 12, 16]),
        seed in proptest::collection::vec(any::<u16>(), 1..40),
    ) {
        let raster = raster(width, components, bits, &seed);
        let bytes = write(&raster, &Header::new(&raster)).unwrap();
        prop_assert_eq!(bytes.len() as u32, u32::from_be_bytes(bytes[16..20].try_into().unwrap()));
        let (found, header) = read(&bytes).unwrap();
        prop_assert_eq!(&found, &raster);
        // All that the header says is written again.
        prop_assert_eq!(write(&found, &header).unwrap(), bytes.clone());
        prop_assert_eq!(read(&other_order(&bytes, &raster)).unwrap().0, raster);
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        at in 0_usize..2100,
        with in any::<u8>(),
        cut in any::<proptest::sample::Index>(),
    ) {
        let raster = raster(5, 3, 10, &[9]);
        let mut bytes = write(&raster, &Header::new(&raster)).unwrap();
        let place = at % bytes.len();
        bytes[place] = with;
        let _ = read(&bytes);
        let _ = read(&bytes[..cut.index(bytes.len())]);
    }

    #[test]
    fn bits_one_behind_the_other(codes in proptest::collection::vec(0_u16..4096, 8..9)) {
        // As ffmpeg reads them: from the lowest bit of a word on.
        let mut bits = 0_u128;
        for (n, code) in codes.iter().enumerate() {
            bits |= u128::from(*code) << (12 * n);
        }
        let words = (0..3).flat_map(|n| ((bits >> (32 * n)) as u32).to_be_bytes());
        let mut raster = raster(8, 1, 12, &[0]);
        raster.height = 1;
        let mut bytes = write(&raster, &Header::new(&raster)).unwrap();
        bytes[804..806].copy_from_slice(&[0, 0]);
        bytes[776..780].copy_from_slice(&1_u32.to_be_bytes());
        bytes.truncate(2048);
        bytes.extend(words);
        let Samples::Codes { values, .. } = read(&bytes).unwrap().0.samples else { panic!() };
        prop_assert_eq!(values, codes);
    }
}

#[test]
fn a_word_of_ten_bits_holds_three() {
    let rgb = Raster {
        width: 1,
        height: 1,
        components: 3,
        samples: Samples::Codes {
            bits: 10,
            values: vec![1, 2, 3],
        },
        encoding: Encoding::Display,
    };
    let of = |raster: &Raster| write(raster, &Header::new(raster)).unwrap()[2048..].to_vec();
    assert_eq!(of(&rgb), (1_u32 << 22 | 2 << 12 | 3 << 2).to_be_bytes());
    let grey = Raster {
        width: 3,
        components: 1,
        ..rgb
    };
    assert_eq!(of(&grey), (1_u32 << 2 | 2 << 12 | 3 << 22).to_be_bytes());
}

#[test]
fn lines_from_everywhere() {
    let raster = raster(4, 1, 16, &[100, 2000, 30_000]);
    let mut bytes = write(&raster, &Header::new(&raster)).unwrap();
    let Samples::Codes { values, .. } = &raster.samples else {
        panic!()
    };
    let found = |bytes: &[u8]| {
        let (raster, _) = read(bytes).unwrap();
        let Samples::Codes { values, .. } = raster.samples else {
            panic!()
        };
        ((raster.width, raster.height), values)
    };
    // By the corner in which the first sample is, and the way that lines run.
    for (orientation, size, first) in [
        (0_u16, (4, 3), [0, 1]),
        (1, (4, 3), [3, 2]),
        (2, (4, 3), [8, 9]),
        (3, (4, 3), [11, 10]),
        (4, (3, 4), [0, 4]),
        (5, (3, 4), [8, 4]),
        (6, (3, 4), [3, 7]),
        (7, (3, 4), [11, 7]),
    ] {
        bytes[768..770].copy_from_slice(&orientation.to_be_bytes());
        let (found_size, upright) = found(&bytes);
        assert_eq!(found_size, size, "{orientation}");
        assert_eq!(upright[..2], first.map(|at| values[at]), "{orientation}");
    }
}

#[test]
fn what_is_refused_is_named() {
    let raster = raster(4, 3, 16, &[5]);
    let bytes = write(&raster, &Header::new(&raster)).unwrap();
    for (at, value, named) in [
        (771, 2, "image elements"),
        (660, 1, "encryption key"),
        (810, 1, "offset to image data"),
        (783, 1, "data sign"),
        (807, 1, "encoding"),
        (800, 51, "descriptor"),
        (803, 32, "bit size"),
        (805, 9, "packing"),
        (769, 8, "orientation"),
    ] {
        let mut bytes = bytes.clone();
        bytes[at] = value;
        let error = read(&bytes).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
    for side in [772, 776] {
        let mut bytes = bytes.clone();
        bytes[side..side + 4].fill(0);
        assert!(matches!(
            read(&bytes),
            Err(DpxError::Field { value: 0, .. })
        ));
        bytes[side..side + 4].copy_from_slice(&60_000_u32.to_be_bytes());
        assert!(matches!(read(&bytes), Err(DpxError::Short { .. })));
    }
    assert_eq!(read(b"XPD"), Err(DpxError::Magic));
}

#[test]
fn ffmpeg_calls_everything_linear() {
    let raster = raster(4, 3, 8, &[5]);
    let mut bytes = write(&raster, &Header::new(&raster)).unwrap();
    bytes[801] = 2;
    assert_eq!(read(&bytes).unwrap().0.encoding, Encoding::Linear);
    bytes[160..164].copy_from_slice(b"Lavc");
    assert_eq!(read(&bytes).unwrap().0.encoding, Encoding::Display);
}
