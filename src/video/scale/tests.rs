use super::*;
use crate::video::Rgb;
use crate::video::colour::Colorimetry;
use crate::video::format::{ColourModel, PixelFormat};
use crate::video::testing::{COLORIMETRIES, Owned, encode_f64};
use ndarray::ShapeBuilder;
use proptest::prelude::*;

fn to_rgb(frame: &Owned, w: usize, h: usize) -> Rgb {
    let mut out = Rgb::from_elem((h, w, 3), 7);
    Scaler::new().to_rgb(&frame.as_ref(), &mut out).unwrap();
    out
}

#[test]
fn every_format_and_colorimetry_against_exact_arithmetic() {
    for &format in PixelFormat::ALL {
        for colorimetry in COLORIMETRIES {
            for (w, h) in [(1, 1), (2, 2), (63, 47), (16, 33)] {
                // Luma varies, chroma is one colour: resizing chroma must not matter here.
                let frame = Owned::noise(format, w, h, colorimetry, 5, true);
                let got = to_rgb(&frame, w, h);
                for y in 0..h {
                    for x in 0..w {
                        let exact = frame.rgb_f64(x, y);
                        for c in 0..3 {
                            let d = (f64::from(got[[y, x, c]]) - exact[c]).abs();
                            assert!(d <= 0.502, "{format:?} {colorimetry:?} {w}x{h} at {x},{y}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn chroma_follows_its_pixels() {
    // Left half blue, right half red; the edge lies between two chroma samples.
    let shared = PixelFormat::ALL.iter().filter(|f| f.layout().span.0 > 1);
    for &format in shared {
        let mut frame = Owned::noise(format, 64, 32, COLORIMETRIES[0], 1, true);
        for y in 0..32 {
            for x in 0..64 {
                let rgb = if x < 32 { [0, 0, 255] } else { [255, 0, 0] };
                frame.set_rgb(x, y, rgb);
            }
        }
        let got = to_rgb(&frame, 16, 8);
        for (i, pixel) in got.rows().into_iter().enumerate() {
            let want = match i % 16 {
                0..=6 => [0u8, 0, 255],
                9..=15 => [255, 0, 0],
                _ => continue,
            };
            for c in 0..3 {
                assert!(pixel[c].abs_diff(want[c]) <= 3, "{format} {i}: {pixel:?}");
            }
        }
    }
}

#[test]
fn padding_is_never_read() {
    for &format in PixelFormat::ALL {
        let frame = Owned::noise(format, 31, 17, COLORIMETRIES[1], 3, false);
        let clean = to_rgb(&frame, 9, 5);
        for padding in [0, 255] {
            let mut other = frame.clone();
            other.fill_padding(padding);
            assert_eq!(to_rgb(&other, 9, 5), clean, "{format:?}");
            other.drop_last_padding();
            assert_eq!(to_rgb(&other, 9, 5), clean, "{format:?}");
        }
    }
}

#[test]
fn reduction_averages() {
    // A fine checkerboard turns grey: taking single pixels would give black or white.
    let white = |y: usize, x: usize| (x + y).is_multiple_of(2);
    let board = Rgb::from_shape_fn((64, 64, 3), |(y, x, _)| if white(y, x) { 255 } else { 0 });
    let frame = FrameRef::rgb(&board).unwrap();
    let mut out = Rgb::zeros((8, 8, 3));
    Scaler::new().to_rgb(&frame, &mut out).unwrap();
    assert!(out.iter().all(|&p| (120..=135).contains(&p)), "{out:?}");
}

#[test]
fn wrong_buffers_are_errors() {
    let pixels = Rgb::zeros((2, 2, 3));
    let frame = FrameRef::rgb(&pixels).unwrap();
    let mut scaler = Scaler::new();
    let mut to = |mut out: Rgb| scaler.to_rgb(&frame, &mut out);
    assert_eq!(to(Rgb::zeros((2, 1, 4))), Err(FrameError::Rgb([2, 1, 4])));
    let columns = Rgb::zeros((2, 2, 3).f());
    assert_eq!(to(columns.clone()), Err(FrameError::Rgb([2, 2, 3])));
    assert!(matches!(
        to(Rgb::zeros((1, 0, 3))),
        Err(FrameError::Size { .. })
    ));
    let mut owned = Owned::noise(PixelFormat::Rgb, 4, 4, Colorimetry::default(), 1, true);
    assert!(scaler.paint_rgb(&mut owned.as_mut(), &columns).is_err());
}

#[test]
fn painting_a_colour_gives_that_colour() {
    for &format in PixelFormat::ALL {
        for colorimetry in COLORIMETRIES {
            let mut frame = Owned::noise(format, 63, 47, colorimetry, 4, false);
            let before = frame.clone();
            let image = Rgb::from_shape_fn((6, 8, 3), |(_, _, c)| [200, 40, 90][c]);
            let mut scaler = Scaler::new();
            scaler.paint_rgb(&mut frame.as_mut(), &image).unwrap();
            for (x, y) in [(0, 0), (62, 46), (31, 20)] {
                let codes = encode_f64(&format.layout(), [200, 40, 90], colorimetry);
                for (code, exact) in frame.codes(x, y).into_iter().zip(codes) {
                    assert!(
                        (f64::from(code) - exact).abs() < 0.51,
                        "{format} at {x},{y}"
                    );
                }
            }
            assert_eq!(frame.padding(), before.padding());
        }
    }
}

proptest! {
    #[test]
    fn painted_frames_look_like_the_image(
        seed in 0u64..1000, w in 16usize..90, h in 16usize..90, which in 0..PixelFormat::ALL.len(),
    ) {
        let format = PixelFormat::ALL[which];
        // A smooth image survives going up and down.
        let image = Rgb::from_shape_fn((10, 12, 3), |(y, x, c)| {
            (60 + x * 5 + y * 4 + c * 20 + (seed as usize % 30)) as u8
        });
        let mut frame = Owned::noise(format, w, h, COLORIMETRIES[seed as usize % 10], 3, false);
        let mut scaler = Scaler::new();
        scaler.paint_rgb(&mut frame.as_mut(), &image).unwrap();
        let mut back = Rgb::zeros(image.dim());
        scaler.to_rgb(&frame.as_ref(), &mut back).unwrap();
        for (i, (a, b)) in image.rows().into_iter().zip(back.rows()).enumerate() {
            if format.layout().model == ColourModel::Grey {
                prop_assert!(b[0] == b[1] && b[1] == b[2]);
                prop_assert!(b[0] + 12 >= a[0] && b[0] <= a[2] + 12, "{i}");
            } else {
                for c in 0..3 {
                    prop_assert!(a[c].abs_diff(b[c]) <= 12, "{i} {format:?}: {a:?} {b:?}");
                }
            }
        }
    }
}

proptest! {
    // Each case is a picture in every format.
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_same_picture_is_the_same_in_every_format(
        w in 1usize..40, h in 1usize..30, colour in 0..COLORIMETRIES.len(), from: [u8; 3], to: [u8; 3],
    ) {
        // Colours change slowly, so that it does not matter who shares chroma.
        let at = |x: usize, y: usize| -> [u8; 3] {
            let share = (x + y) as f64 / (w + h) as f64 * 0.3;
            std::array::from_fn(|c| {
                (f64::from(from[c]) + share * (f64::from(to[c]) - f64::from(from[c]))).round() as u8
            })
        };
        let (mw, mh) = (w.div_ceil(4), h.div_ceil(3));
        let picture = |format| {
            let mut frame = Owned::noise(format, w, h, COLORIMETRIES[colour], 2, false);
            for y in 0..h {
                for x in 0..w {
                    frame.set_rgb(x, y, at(x, y));
                }
            }
            to_rgb(&frame, mw, mh)
        };
        let rgb = picture(PixelFormat::Rgb);
        let grey = picture(PixelFormat::Gray16Le);
        // What a pixel that shares chroma is off at most, and two roundings.
        let slope = 80.0 / (w + h) as f64 * 6.0;
        for &format in PixelFormat::ALL {
            let seen = picture(format);
            let model = format.layout().model;
            let expected = if model == ColourModel::Grey { &grey } else { &rgb };
            let shared = if format.layout().span == (1, 1) { 0.0 } else { slope };
            for (a, b) in seen.iter().zip(expected) {
                let off = f64::from(a.abs_diff(*b));
                prop_assert!(off <= 3.0 + shared, "{format}: {a} instead of {b}");
            }
        }
    }
}
