//! After the first frame of a size, reading and drawing frames allocates nothing, and learning nothing that grows with the frame.

mod common;

use std::sync::Arc;

use tttseg::adapt::graphs::Size;
use tttseg::adapt::{Learner, Method, Request, Settings};
use tttseg::runtime::Cancel;
use tttseg::video::{
    ClassMap, Colorimetry, ColourModel, FrameMut, FrameRef, Legend, Overlay, Palette, PixelFormat,
    Rgb, Scaler, Style,
};

/// A frame with plain strides.
fn planes(format: PixelFormat, width: usize, height: usize) -> Vec<(Vec<u8>, usize)> {
    let layout = format.layout();
    let sizes = (0..layout.planes()).map(|plane| layout.plane_size(plane, width, height));
    sizes
        .map(|(row, rows)| (vec![77; row * rows], row))
        .collect()
}

#[test]
fn reading_and_drawing_allocate_nothing() {
    let map = ClassMap::from_shape_fn((64, 96), |(y, x)| ((96 * y + x) / 7 % 11) as u8);
    let class_colours = Palette::camvid().colours(11, |_| true);
    let names: Vec<String> = (0..11).map(|i| format!("class {i}")).collect();
    let mut rgb = Rgb::zeros((64, 96, 3));
    let (mut scaler, mut overlay, mut legend) = (Scaler::new(), Overlay::new(), Legend::new());
    for &format in PixelFormat::ALL {
        for (width, height) in [(160, 90), (321, 181)] {
            let mut planes = planes(format, width, height);
            let mut work = || {
                let all = planes.iter().map(|(bytes, stride)| (&bytes[..], *stride));
                let colours = Colorimetry::default();
                let frame = FrameRef::new(format, width, height, colours, all).unwrap();
                scaler.to_rgb(&frame, &mut rgb).unwrap();
                let all = planes
                    .iter_mut()
                    .map(|(bytes, stride)| (&mut bytes[..], *stride));
                let mut frame = FrameMut::new(format, width, height, colours, all).unwrap();
                let style = Style {
                    colours: &class_colours,
                    opacity: 0.5,
                    contours: 2,
                };
                overlay.draw(&mut frame, &map, &style);
                legend.draw(&mut frame, 0, &names, &class_colours);
                if format == PixelFormat::Gray8 {
                    overlay.class_map(&mut frame, &map).unwrap();
                }
                if format.layout().model == ColourModel::Yuv {
                    scaler.paint_rgb(&mut frame, &rgb).unwrap();
                }
            };
            let first = allocation_counter::measure(&mut work);
            let later = allocation_counter::measure(|| {
                work();
                work();
            });
            assert_eq!(later.count_total, 0, "{format} at {width}x{height}");
            if format == PixelFormat::ALL[0] {
                assert_ne!(first.count_total, 0, "nothing is counted");
            }
        }
    }
}

/// Bytes that are allocated for a frame of a square this large, once the stream has settled.
fn allocated(method: Method, side: usize) -> Option<u64> {
    const FRAMES: usize = 4;
    let runtime = common::runtime()?;
    let options = common::options(1);
    let settings = Settings {
        method,
        surprise: 0.0,
        memory: 2,
        window: 2,
        ..Settings::default()
    };
    let model = Arc::new(common::model(1));
    let mut learner = Learner::new(model, settings, runtime, &options, &Cancel::new()).unwrap();
    let size = Size {
        height: side,
        width: side,
    };
    let frames: Vec<_> = (0..FRAMES)
        .map(|time| Arc::new(common::picture(size, time)))
        .collect();
    let mut show = |frames: &[Arc<Rgb>]| {
        for frame in frames {
            let report = learner
                .frame(frame.clone(), Request::default())
                .unwrap()
                .report;
            assert_eq!((report.steps, report.rollbacks), (1, 0), "{method:?}");
        }
    };
    show(&frames);
    show(&frames);
    let counted = allocation_counter::measure(|| show(&frames));
    Some(counted.bytes_total / FRAMES as u64)
}

#[test]
fn learning_allocates_nothing_that_grows_with_the_frame() {
    for method in [Method::Replay, Method::Consistency] {
        let (Some(small), Some(large)) = (allocated(method, 64), allocated(method, 192)) else {
            return;
        };
        let tokens = (192 * 192 - 64 * 64) / 16;
        assert!(
            large < small + tokens,
            "{method:?}: {small} bytes, and {large} for a larger frame"
        );
    }
}
