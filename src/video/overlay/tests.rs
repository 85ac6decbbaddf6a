use super::*;
use crate::video::colour::Colorimetry;
use crate::video::testing::{COLORIMETRIES, Owned, encode_f64};
use proptest::prelude::*;

fn draw(frame: &mut Owned, classes: &[u8], w: usize, h: usize, palette: &Palette, o: f32) {
    let mut overlay = Overlay::new();
    overlay
        .draw(&mut frame.as_mut(), classes, w, h, palette, o)
        .unwrap();
}

#[test]
fn opacity_0_and_unlabelled_leave_every_byte() {
    for &format in PixelFormat::ALL {
        let frame = Owned::noise(format, 63, 47, COLORIMETRIES[3], 5, false);
        let mut drawn = frame.clone();
        draw(&mut drawn, &[0, 1, 2, 3], 2, 2, &Palette::camvid(), 0.0);
        assert_eq!(drawn, frame);
        draw(&mut drawn, &[0, 1], 2, 1, &Palette::camvid(), f32::NAN);
        assert_eq!(drawn, frame);
        // 255 is no label; 11 has no colour.
        draw(&mut drawn, &[255, 11, 255], 3, 1, &Palette::camvid(), 1.0);
        assert_eq!(drawn, frame);
    }
}

#[test]
fn opacity_1_gives_the_colour_and_keeps_padding() {
    let palette = Palette::camvid();
    for &format in PixelFormat::ALL {
        for colorimetry in COLORIMETRIES {
            for (w, h) in [(63, 47), (1, 1), (2, 5)] {
                let before = Owned::noise(format, w, h, colorimetry, 3, false);
                let mut frame = before.clone();
                draw(&mut frame, &[4; 6], 3, 2, &palette, 1.0);
                let want = encode_f64(&format.layout(), palette.0[4], colorimetry);
                for y in 0..h {
                    for x in 0..w {
                        for (code, want) in frame.codes(x, y).into_iter().zip(want) {
                            let off = (f64::from(code) - want).abs();
                            assert!(off < 0.502, "{format}: {code} instead of {want}");
                        }
                    }
                }
                assert_eq!(frame.padding(), before.padding());
            }
        }
    }
}

#[test]
fn edges_lie_where_the_map_says() {
    let mut frame = Owned::noise(PixelFormat::Rgb, 8, 4, Colorimetry::RGB, 0, false);
    let palette = Palette(vec![[1, 2, 3], [9, 8, 7]]);
    draw(&mut frame, &[0, 1, 1, 0], 2, 2, &palette, 1.0);
    for y in 0..4 {
        for x in 0..8 {
            let class = usize::from((x < 4) != (y < 2));
            assert_eq!(
                frame.codes(x, y),
                palette.0[class].map(u16::from),
                "{x},{y}"
            );
        }
    }
}

#[test]
fn ids_go_into_grey_frames_only() {
    let mut grey = Owned::noise(PixelFormat::Gray8, 5, 3, COLORIMETRIES[0], 2, false);
    let padding = grey.padding();
    let mut overlay = Overlay::new();
    overlay
        .class_map(&mut grey.as_mut(), &[3, 255], 2, 1)
        .unwrap();
    for y in 0..3 {
        let row: Vec<u16> = (0..5).flat_map(|x| grey.codes(x, y)).collect();
        assert_eq!(row, [3, 3, 255, 255, 255]);
    }
    assert_eq!(grey.padding(), padding);
    let mut rgb = Owned::noise(PixelFormat::Rgb, 5, 3, COLORIMETRIES[0], 2, false);
    let refused = overlay.class_map(&mut rgb.as_mut(), &[3, 255], 2, 1);
    assert_eq!(refused, Err(MapError::Format(PixelFormat::Rgb)));
}

#[test]
fn maps_of_the_wrong_size_are_errors() {
    let mut frame = Owned::noise(PixelFormat::Rgb, 5, 3, COLORIMETRIES[0], 2, false);
    let before = frame.clone();
    let mut overlay = Overlay::new();
    for (w, h, classes) in [(2, 2, 3), (0, 0, 0), (usize::MAX, 2, 4)] {
        let map = vec![0; classes];
        let palette = Palette::camvid();
        let drawn = overlay.draw(&mut frame.as_mut(), &map, w, h, &palette, 1.0);
        assert!(matches!(drawn, Err(MapError::Size { .. })));
    }
    assert_eq!(frame, before);
}

/// The same, pixel by pixel and in floating point.
fn reference(frame: &mut Owned, classes: &[u8], mw: usize, mh: usize, p: &Palette, o: f32) {
    let before = frame.clone();
    let (width, height) = (before.width as f64, before.height as f64);
    let class = |x: f64, y: f64| {
        let x = (x * mw as f64 / width) as usize;
        let y = (y * mh as f64 / height) as usize;
        classes[y.min(mh - 1) * mw + x.min(mw - 1)]
    };
    let layout = frame.format.layout();
    for y in 0..before.height {
        for x in 0..before.width {
            let mut codes = before.codes(x, y);
            for (c, code) in codes.iter_mut().enumerate() {
                let (across, down) = layout.span_of(c);
                let centre = |at: usize, span: usize| (at / span * span) as f64 + span as f64 / 2.0;
                let Some(rgb) = p.get(class(centre(x, across), centre(y, down))) else {
                    continue;
                };
                let colour = encode_f64(&layout, rgb, before.colorimetry)[c].round();
                let old = f64::from(*code);
                *code = (old + f64::from(o) * (colour - old)).round() as u16;
            }
            frame.set_codes(x, y, &codes);
        }
    }
}

proptest! {
    #[test]
    fn as_the_reference_does(
        which in 0..PixelFormat::ALL.len(), w in 1usize..70, h in 1usize..50, mw in 1usize..40, mh in 1usize..40,
        padding in 0usize..6, seed in any::<u64>(), steps in 0u16..=256,
    ) {
        let format = PixelFormat::ALL[which];
        let opacity = f32::from(steps) / 256.0;
        let classes: Vec<u8> = (0..mw * mh)
            .map(|i| {
                let v = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(seed) >> 60;
                if v == 15 { 255 } else { v as u8 }
            })
            .collect();
        let mut fast = Owned::noise(format, w, h, COLORIMETRIES[(seed % 10) as usize], padding, false);
        let mut slow = fast.clone();
        draw(&mut fast, &classes, mw, mh, &Palette::camvid(), opacity);
        reference(&mut slow, &classes, mw, mh, &Palette::camvid(), opacity);
        prop_assert_eq!(fast.padding(), slow.padding());
        for y in 0..h {
            for x in 0..w {
                for (a, b) in fast.codes(x, y).into_iter().zip(slow.codes(x, y)) {
                    prop_assert!(a.abs_diff(b) <= 1, "{a} instead of {b}");
                }
            }
        }
    }
}
