use super::*;
use crate::video::ClassMap;
use crate::video::colour::Colorimetry;
use crate::video::palette::Palette;
use crate::video::testing::{COLORIMETRIES, Owned, encode_f64};
use ndarray::array;
use proptest::prelude::*;

fn draw(frame: &mut Owned, map: &ClassMap, palette: &Palette, o: f32) {
    lines(frame, 0, map, palette, o, 0);
}

/// The same with lines, from a column on.
fn lines(
    frame: &mut Owned,
    left: usize,
    map: &ClassMap,
    palette: &Palette,
    opacity: f32,
    contours: usize,
) {
    let style = Style {
        colours: &palette.colours(255, |_| true),
        opacity,
        contours,
    };
    Overlay::new().draw_from(&mut frame.as_mut(), left, map, &style);
}

#[test]
fn opacity_0_and_unlabelled_leave_every_byte() {
    for &format in PixelFormat::ALL {
        let frame = Owned::noise(format, 63, 47, COLORIMETRIES[3], 5, false);
        let mut drawn = frame.clone();
        draw(&mut drawn, &array![[0, 1], [2, 3]], &Palette::camvid(), 0.0);
        assert_eq!(drawn, frame);
        draw(&mut drawn, &array![[0, 1]], &Palette::camvid(), f32::NAN);
        assert_eq!(drawn, frame);
        // 255 is no label; 11 has no colour.
        draw(&mut drawn, &array![[255, 11, 255]], &Palette::camvid(), 1.0);
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
                draw(&mut frame, &ClassMap::from_elem((2, 3), 4), &palette, 1.0);
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
    draw(&mut frame, &array![[0, 1], [1, 0]], &palette, 1.0);
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
    let map = array![[3, 255]];
    overlay.class_map(&mut grey.as_mut(), &map).unwrap();
    for y in 0..3 {
        let row: Vec<u16> = (0..5).flat_map(|x| grey.codes(x, y)).collect();
        assert_eq!(row, [3, 3, 255, 255, 255]);
    }
    assert_eq!(grey.padding(), padding);
    let mut rgb = Owned::noise(PixelFormat::Rgb, 5, 3, COLORIMETRIES[0], 2, false);
    let refused = overlay.class_map(&mut rgb.as_mut(), &map);
    assert_eq!(refused, Err(MapError(PixelFormat::Rgb)));
}

#[test]
fn empty_maps_draw_nothing() {
    let before = Owned::noise(PixelFormat::Gray8, 5, 3, COLORIMETRIES[0], 2, false);
    let mut frame = before.clone();
    for shape in [(0, 0), (0, 3), (3, 0)] {
        let map = ClassMap::zeros(shape);
        draw(&mut frame, &map, &Palette::camvid(), 1.0);
        let written = Overlay::new().class_map(&mut frame.as_mut(), &map);
        assert_eq!((written, &frame), (Ok(()), &before));
    }
}

#[test]
fn lines_run_along_the_inside_of_edges() {
    let palette = Palette(vec![[1, 2, 3], [9, 8, 7]]);
    let before = Owned::noise(PixelFormat::Rgb, 12, 6, Colorimetry::RGB, 0, false);
    let mut frame = before.clone();
    // Class 7 has no colour, and so no line.
    lines(&mut frame, 0, &array![[0, 1, 7]], &palette, 0.0, 1);
    for y in 0..6 {
        for x in 0..12 {
            let expected = match x {
                3 => palette.0[0].map(u16::from).to_vec(),
                4 | 7 => palette.0[1].map(u16::from).to_vec(),
                _ => before.codes(x, y),
            };
            assert_eq!(frame.codes(x, y), expected, "{x},{y}");
        }
    }
    // Wider than what it is in, a line is all there is; more does not matter.
    let mut full = before.clone();
    let mut wide = before.clone();
    let map = array![[0, 1], [0, 1]];
    draw(&mut full, &map, &palette, 1.0);
    lines(&mut wide, 0, &map, &palette, 0.3, 100);
    assert!(full == wide);
}

#[test]
fn what_lies_left_stays() {
    for &format in PixelFormat::ALL {
        let before = Owned::noise(format, 21, 9, COLORIMETRIES[3], 3, false);
        let mut frame = before.clone();
        for (left, shape) in [(10, (2, 3)), (21, (3, 4))] {
            let map = ClassMap::from_shape_fn(shape, |(y, x)| (y * shape.1 + x) as u8);
            lines(&mut frame, left, &map, &Palette::camvid(), 1.0, 1);
        }
        assert_eq!(frame.padding(), before.padding(), "{format}");
        let across = format.layout().span.0;
        for y in 0..9 {
            for x in 0..10 - across / 2 {
                assert_eq!(frame.codes(x, y), before.codes(x, y), "{format}: {x},{y}");
            }
            assert_ne!(frame.codes(12, y), before.codes(12, y), "{format}: {y}");
        }
    }
}

/// The same, pixel by pixel and in floating point. Lines are looked for sample by sample.
fn reference(frame: &mut Owned, map: &ClassMap, p: &Palette, o: f32, contours: usize) {
    let before = frame.clone();
    let (width, height) = (before.width as f64, before.height as f64);
    let class = |x: f64, y: f64| {
        let (mh, mw) = map.dim();
        let x = (x * mw as f64 / width) as usize;
        let y = (y * mh as f64 / height) as usize;
        map[[y.min(mh - 1), x.min(mw - 1)]]
    };
    let layout = frame.format.layout();
    for y in 0..before.height {
        for x in 0..before.width {
            let mut codes = before.codes(x, y);
            for (c, code) in codes.iter_mut().enumerate() {
                let (across, down) = layout.span_of(c);
                let centre = |at: usize, span: usize| (at / span * span) as f64 + span as f64 / 2.0;
                let own = class(centre(x, across), centre(y, down));
                let Some(rgb) = p.get(own) else {
                    continue;
                };
                let line = other_within_reach(
                    (
                        x / across,
                        before.width.div_ceil(across),
                        contours.div_ceil(across),
                    ),
                    (
                        y / down,
                        before.height.div_ceil(down),
                        contours.div_ceil(down),
                    ),
                    |x, y| class(centre(x * across, across), centre(y * down, down)) != own,
                );
                let o = if line { 1.0 } else { o };
                let colour = encode_f64(&layout, rgb, before.colorimetry)[c].round();
                let old = f64::from(*code);
                *code = (old + f64::from(o) * (colour - old)).round() as u16;
            }
            frame.set_codes(x, y, &codes);
        }
    }
}

/// Whether one of the samples around is other, each side given as place, samples there are, and reach.
fn other_within_reach(
    (x, width, across): (usize, usize, usize),
    (y, height, down): (usize, usize, usize),
    is_other: impl Fn(usize, usize) -> bool,
) -> bool {
    (y.saturating_sub(down)..(y + down + 1).min(height))
        .any(|y| (x.saturating_sub(across)..(x + across + 1).min(width)).any(|x| is_other(x, y)))
}

proptest! {
    #[test]
    fn as_the_reference_does(
        which in 0..PixelFormat::ALL.len(), w in 1usize..70, h in 1usize..50, mw in 1usize..40, mh in 1usize..40,
        padding in 0usize..6, seed in any::<u64>(), steps in 0u16..=256, contours in 0usize..5,
    ) {
        let format = PixelFormat::ALL[which];
        let opacity = f32::from(steps) / 256.0;
        let map = ClassMap::from_shape_fn((mh, mw), |(y, x)| {
            let i = (y * mw + x) as u64;
            let v = i.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(seed) >> 60;
            if v == 15 { 255 } else { v as u8 }
        });
        let mut fast = Owned::noise(format, w, h, COLORIMETRIES[(seed % 10) as usize], padding, false);
        let mut slow = fast.clone();
        lines(&mut fast, 0, &map, &Palette::camvid(), opacity, contours);
        reference(&mut slow, &map, &Palette::camvid(), opacity, contours);
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
