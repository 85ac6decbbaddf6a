use super::*;
use crate::video::testing::{COLORIMETRIES, Owned};
use crate::video::{ChromaMap, FrameMut, Rgb, bt601_chroma};
use ndarray::array;

fn flat(width: usize, height: usize, [cb, cr]: [f32; 2]) -> ChromaMap {
    ChromaMap::from_shape_fn((2, height, width), |(c, ..)| [cb, cr][c])
}

#[test]
fn luma_stays_bit_by_bit_and_opacity_with_it() {
    for &format in PixelFormat::ALL {
        let layout = format.layout();
        for colorimetry in COLORIMETRIES {
            let before = Owned::noise(format, 13, 7, colorimetry, 3, false);
            let mut frame = before.clone();
            let drawn = Colorizer::new().draw(&mut frame.as_mut(), &flat(4, 3, [20.0, -9.0]));
            if layout.model == ColourModel::Grey {
                assert_eq!(drawn, Err(ColorizeError::Grey(format)));
                assert_eq!(frame, before);
                continue;
            }
            drawn.unwrap();
            assert_eq!(frame.padding(), before.padding());
            let pixels = (0..7).flat_map(|y| (0..13).map(move |x| (x, y)));
            for (x, y) in pixels.filter(|_| layout.model == ColourModel::Yuv) {
                assert_eq!(frame.codes(x, y)[0], before.codes(x, y)[0], "{format}");
            }
        }
    }
}

#[test]
fn one_chroma_is_that_chroma_everywhere() {
    let wanted = [24.0, -17.0];
    for &format in PixelFormat::ALL {
        let layout = format.layout();
        if layout.model == ColourModel::Grey {
            continue;
        }
        for colorimetry in COLORIMETRIES {
            // Middle grey, at which these colours can be shown.
            let mut frame = Owned::noise(format, 10, 6, colorimetry, 0, false);
            for (x, y) in (0..6).flat_map(|y| (0..10).map(move |x| (x, y))) {
                frame.set_rgb(x, y, [120; 3]);
            }
            let map = flat(3, 2, wanted);
            Colorizer::new().draw(&mut frame.as_mut(), &map).unwrap();
            for y in 0..6 {
                for x in 0..10 {
                    let found = bt601_chroma(frame.rgb_f64(x, y).map(|v| v as f32));
                    for (found, wanted) in found.into_iter().zip(wanted) {
                        assert!((found - wanted).abs() < 1.5, "{format} {found} {wanted}");
                    }
                }
            }
        }
    }
}

#[test]
fn colours_end_where_things_do() {
    // A dark thing whose edge lies inside the second token of four.
    let (width, height, edge) = (32, 8, 12);
    let mut rgb = Rgb::from_shape_fn(
        (height, width, 3),
        |(_, x, _)| if x < edge { 40 } else { 200 },
    );
    let chroma = array![[[0.0, 0.0, 0.0, 0.0]], [[30.0, 15.0, 0.0, 0.0]]];
    let mut frame = FrameMut::rgb(&mut rgb).unwrap();
    Colorizer::new().draw(&mut frame, &chroma).unwrap();
    let red = |x: usize| bt601_chroma([0, 1, 2].map(|c| f32::from(rgb[[0, x, c]])))[1];
    // Bilinear would give 16 and 3.
    assert!(red(edge - 1) > 14.0, "{}", red(edge - 1));
    assert!(red(edge + 6) < 2.0, "{}", red(edge + 6));
}

#[test]
fn what_cannot_be_shown_is_paled() {
    let far = [60.0, 90.0];
    for (luma, most) in [(0, 0.5), (255, 0.5), (128, 200.0)] {
        let mut rgb = Rgb::from_elem((4, 4, 3), luma);
        let mut frame = FrameMut::rgb(&mut rgb).unwrap();
        Colorizer::new().draw(&mut frame, &flat(1, 1, far)).unwrap();
        for p in rgb.as_slice().unwrap().as_chunks::<3>().0 {
            let [r, g, b] = p.map(f32::from);
            // Luma is what it was, and the hue is kept.
            let kept = 0.299 * r + 0.587 * g + 0.114 * b;
            assert!((kept - f32::from(luma)).abs() < 1.0, "{p:?}");
            let [cb, cr] = bt601_chroma([r, g, b]);
            assert!(cb.hypot(cr) < most, "{p:?}");
            if most > 1.0 {
                assert!((cb / cr - far[0] / far[1]).abs() < 0.05, "{p:?}");
            }
        }
    }
}

#[test]
fn a_map_larger_than_the_frame_is_no_harm() {
    let mut rgb = Rgb::from_elem((1, 1, 3), 99);
    let mut frame = FrameMut::rgb(&mut rgb).unwrap();
    Colorizer::new()
        .draw(&mut frame, &flat(5, 4, [0.0, 30.0]))
        .unwrap();
    assert!(rgb[[0, 0, 0]] > 120 && rgb[[0, 0, 1]] < 99, "{rgb:?}");
}

#[test]
fn what_is_no_chroma() {
    let mut rgb = Rgb::zeros((4, 4, 3));
    for shape in [(1, 2, 2), (2, 0, 2), (2, 2, 0)] {
        let mut frame = FrameMut::rgb(&mut rgb).unwrap();
        let drawn = Colorizer::new().draw(&mut frame, &ChromaMap::zeros(shape));
        assert_eq!(drawn, Err(ColorizeError::Chroma(shape.into())));
    }
}
