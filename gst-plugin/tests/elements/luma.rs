//! `task=colorize` leaves a frame's luma as it is, and what is shown of it.

use std::cell::RefCell;

use crate::common::{
    self, bytes, caps, colours, component, film, frame, info, out_caps, out_info, parse, run_well,
    runtime, spread,
};
use gst::prelude::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

#[test]
fn luma_goes_out_as_it_came_in_every_format() {
    let Some(_) = runtime() else { return };
    let mut harness = film("method=none threads=1");
    let mut coloured = 0;
    for format in common::formats() {
        for (width, height) in [(63, 47), (17, 16), (16, 33)] {
            let text = caps(&format, width, height);
            harness.set_src_caps_str(&text);
            let input = frame(&text, 0);
            // Without another reference, so that it may be drawn into, and with one.
            for input_now in [input.copy_deep().unwrap(), input.clone()] {
                let output = harness.push_and_pull(input_now).unwrap();
                let (before, after) = (info(&text), out_info(&harness));
                assert_eq!(output.pts(), input.pts());
                assert_eq!((after.width(), after.height()), (width, height));
                if !before.is_gray() {
                    assert_eq!(before.format(), after.format());
                }
                if after.is_rgb() {
                    continue;
                }
                assert!(after.is_yuv(), "{text}");
                let luma = [component(&input, &before, 0), component(&output, &after, 0)];
                assert!(luma[0] == luma[1], "{text}");
                coloured += 1;
            }
        }
    }
    assert!(coloured > 100);
}

/// Grey of full range, for what cannot say that of a file: by arithmetic, side by side as well, and through the bin.
#[test]
fn luma_of_grey_becomes_limited_where_that_is_asked_for() {
    let Some(_) = runtime() else { return };
    let grey = (0..32 * 16).map(|n| (n % 256) as u8).collect::<Vec<u8>>();
    let of_bytes = |code: u8| 16 + (u16::from(code) * 219 + 127) / 255;
    for (output, columns) in [("overlay", 32), ("side-by-side", 64)] {
        for colorimetry in ["bt601", "bt709"] {
            let mut harness = film(&format!("method=none threads=1 output={output}"));
            harness.set_src_caps_str("video/x-raw,format=GRAY8,width=32,height=16,framerate=25/1");
            harness.set_sink_caps_str(&format!(
                "video/x-raw,format=Y444,colorimetry={colorimetry}"
            ));
            let mut input = gst::Buffer::from_slice(grey.clone());
            input.get_mut().unwrap().set_pts(gst::ClockTime::ZERO);
            let made = harness.push_and_pull(input).unwrap();
            let after = out_info(&harness);
            assert_eq!(
                (after.colorimetry().to_string(), after.width()),
                (colorimetry.to_owned(), columns)
            );
            let luma = component(&made, &after, 0);
            for (row, of) in luma.iter().zip(grey.chunks(32)) {
                let wanted = of.iter().cycle().map(|code| of_bytes(*code) as u8);
                let wanted: Vec<u8> = wanted.take(columns as usize).collect();
                assert_eq!(*row, wanted, "{output}");
            }
        }
    }
}

/// Any format with luma, any size, rows together or apart, whatever the pixels are.
#[test]
fn luma_is_never_touched() {
    let Some(_) = runtime() else { return };
    let formats: Vec<String> = common::formats();
    let harness = RefCell::new(film("method=none threads=1"));
    let mut runner = TestRunner::new(Config {
        cases: 96,
        ..Config::with_source_file(file!())
    });
    let cases = (
        proptest::sample::select(formats),
        (16u32..72, 16u32..60),
        any::<bool>(),
        any::<u64>(),
    );
    let ran = runner.run(&cases, |(format, (width, height), is_apart, n)| {
        let harness = &mut *harness.borrow_mut();
        let text = caps(&format, width, height);
        harness.set_src_caps_str(&text);
        let before = info(&text);
        let mut input = frame(&text, 0);
        fill(input.make_mut(), n);
        if is_apart {
            input = spread(&input, &before, n as u8);
        }
        let output = harness.push_and_pull(input.copy_deep().unwrap()).unwrap();
        let after = out_info(harness);
        if !after.is_rgb() {
            let luma = component(&input, &before, 0);
            prop_assert!(luma == component(&output, &after, 0), "{}", text);
        }
        Ok(())
    });
    ran.unwrap();
}

/// Noise.
fn fill(buffer: &mut gst::BufferRef, mut seed: u64) {
    for byte in buffer.map_writable().unwrap().iter_mut() {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        *byte = (seed >> 56) as u8;
    }
}

#[test]
fn strides_of_grey_are_honoured() {
    let Some(_) = runtime() else { return };
    let mut harness = film("method=none threads=1");
    for format in ["GRAY8", "GRAY16_LE", "GRAY16_BE"] {
        let text = caps(format, 61, 47);
        harness.set_src_caps_str(&text);
        let plain = frame(&text, 3);
        let expected = harness.push_and_pull(plain.clone()).unwrap();
        let apart = spread(&plain, &info(&text), 99);
        let output = harness.push_and_pull(apart).unwrap();
        let after = out_info(&harness);
        for c in 0..3 {
            let (a, b) = (
                component(&output, &after, c),
                component(&expected, &after, c),
            );
            assert!(a == b, "component {c} of {format}");
        }
    }
}

#[test]
fn grey_gets_room_for_colours_and_keeps_its_range() {
    let Some(_) = runtime() else { return };
    for (given, becomes, format) in [
        ("GRAY8", "1:4:0:0", "I420"),
        ("GRAY8,colorimetry=2:4:0:0", "2:4:0:0", "I420"),
        ("GRAY8,colorimetry=bt709", "bt709", "I420"),
        ("GRAY16_LE", "1:4:0:0", "Y444_16LE"),
        ("GRAY16_BE", "1:4:0:0", "Y444_16BE"),
    ] {
        let mut harness = film("method=none threads=1");
        harness.set_src_caps_str(&caps(given, 64, 48));
        harness
            .push_and_pull(frame(&caps(given, 64, 48), 0))
            .unwrap();
        let out = out_caps(&harness);
        let out = out.structure(0).unwrap();
        assert_eq!(out.get::<&str>("format"), Ok(format));
        assert_eq!(out.get::<&str>("colorimetry"), Ok(becomes));
    }
    // Downstream has the choice.
    for format in ["I420", "Y42B", "Y444"] {
        run_well(&format!(
            "videotestsrc num-buffers=2 ! video/x-raw,format=GRAY8,width=64,height=48 ! tttsegfilter task=colorize \
             model-file={} method=none ! video/x-raw,format={format} ! fakesink",
            colours()
        ));
    }
}

/// The colours of a frame as everybody else sees them: GStreamer's own converter makes RGB of it.
fn seen(line: &str) -> Vec<u8> {
    let pipeline = parse(&format!(
        "{line} ! videoconvert ! video/x-raw,format=RGB ! fakesink name=k enable-last-sample=true sync=false"
    ));
    let bus = pipeline.bus().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let end = bus.timed_pop_filtered(
        common::LONG,
        &[gst::MessageType::Eos, gst::MessageType::Error],
    );
    assert_eq!(end.unwrap().type_(), gst::MessageType::Eos, "{line}");
    let sample: gst::Sample = pipeline.by_name("k").unwrap().property("last-sample");
    let bytes = bytes(&sample.buffer_owned().unwrap());
    pipeline.set_state(gst::State::Null).unwrap();
    bytes
}

#[test]
fn grey_without_saturation_is_shown_as_before() {
    let Some(_) = runtime() else { return };
    for format in ["GRAY8", "GRAY16_LE", "GRAY8,colorimetry=2:4:0:0"] {
        let source = format!(
            "videotestsrc num-buffers=1 pattern=smpte ! video/x-raw,format={format},width=64,height=48"
        );
        let filter = format!(
            "tttsegfilter task=colorize method=none model-file={}",
            colours()
        );
        let plain = seen(&source);
        let grey = seen(&format!("{source} ! {filter} saturation=0"));
        let worst = plain.iter().zip(&grey).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst.unwrap() <= 4, "{format}: {worst:?}");
        let warm = seen(&format!("{source} ! {filter} saturation=0 temperature=1"));
        let cold = seen(&format!("{source} ! {filter} saturation=0 temperature=-1"));
        let red_over_blue = |rgb: &[u8]| -> i64 {
            let pixels = rgb.as_chunks::<3>().0.iter();
            pixels.map(|[r, _, b]| i64::from(*r) - i64::from(*b)).sum()
        };
        assert!(
            red_over_blue(&warm) > 10_000 && red_over_blue(&cold) < -10_000,
            "{format}"
        );
    }
}
