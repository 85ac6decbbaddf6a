//! `task=colorize`: colours beside a frame's own luma.

mod common;

use std::cell::RefCell;

use common::{
    CAPS, bytes, colours, element, error_on, film, frame, model, parse, run_badly, run_well,
    runtime, spread, watch,
};
use gst::prelude::*;
use gst_video::prelude::*;
use gst_video::{VideoFormatFlags, VideoFrame, VideoInfo};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

fn caps(format: &str, width: u32, height: u32) -> String {
    format!("video/x-raw,format={format},width={width},height={height},framerate=25/1")
}

fn info(caps: &gst::CapsRef) -> VideoInfo {
    VideoInfo::from_caps(caps).unwrap()
}

fn parsed(caps: &str) -> gst::Caps {
    caps.parse().unwrap()
}

/// The codes of a component, row by row, as far as there are pixels.
fn component(buffer: &gst::Buffer, info: &VideoInfo, component: u32) -> Vec<Vec<u8>> {
    let frame = VideoFrame::from_buffer_readable(buffer.clone(), info).unwrap();
    let c = component as usize;
    let sample = (info.format_info().depth()[c] as usize).div_ceil(8);
    let (width, height) = (frame.comp_width(component), frame.comp_height(component));
    let step = frame.comp_pstride(component) as usize;
    let stride = frame.comp_stride(component) as usize;
    // Offsets of words are counted in bytes by some versions, in samples by others.
    let plane = info.format_info().plane()[c];
    let begins = info.format_info().poffset()[c] as usize;
    let begins = if sample == 2 && begins == 1 {
        2
    } else {
        begins
    };
    let data = &frame.plane_data(plane).unwrap()[begins..];
    (0..height as usize)
        .map(|y| {
            (0..width as usize)
                .flat_map(|x| data[y * stride + x * step..][..sample].to_vec())
                .collect()
        })
        .collect()
}

/// The code in a sample: some have it at the top of a word, and anything below.
fn code(sample: &[u8], info: &VideoInfo) -> u16 {
    let of = info.format_info();
    match *sample {
        [byte] => byte.into(),
        [a, b] if of.flags().contains(VideoFormatFlags::LE) => {
            u16::from_le_bytes([a, b]) >> of.shift()[0]
        }
        [a, b] => u16::from_be_bytes([a, b]) >> of.shift()[0],
        _ => panic!("{} bytes", sample.len()),
    }
}

/// Caps of what goes out.
fn out_caps(harness: &gst_check::Harness) -> gst::Caps {
    harness.sinkpad().unwrap().current_caps().unwrap()
}

#[test]
fn luma_goes_out_as_it_came_in_every_format() {
    if !runtime() {
        return;
    }
    let mut harness = film("method=none threads=1");
    let mut coloured = 0;
    for format in common::formats() {
        for (width, height) in [(63, 47), (17, 16), (16, 33)] {
            let text = caps(&format, width, height);
            harness.set_src_caps_str(&text);
            let input = frame(&text, 0);
            // Both as it may be drawn into and as somebody else holds it.
            for input_now in [input.copy_deep().unwrap(), input.clone()] {
                let output = harness.push_and_pull(input_now).unwrap();
                let (before, after) = (info(&parsed(&text)), info(&out_caps(&harness)));
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

/// Any format with luma, any size, rows together or apart, whatever the pixels are.
#[test]
fn luma_is_never_touched() {
    if !runtime() {
        return;
    }
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
        let before = info(&parsed(&text));
        let mut input = frame(&text, 0);
        fill(input.make_mut(), n);
        if is_apart {
            input = spread(&input, &before, n as u8);
        }
        let output = harness.push_and_pull(input.copy_deep().unwrap()).unwrap();
        let after = info(&out_caps(harness));
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
    if !runtime() {
        return;
    }
    let mut harness = film("method=none threads=1");
    for format in ["GRAY8", "GRAY16_LE", "GRAY16_BE"] {
        let text = caps(format, 61, 47);
        harness.set_src_caps_str(&text);
        let plain = frame(&text, 3);
        let expected = harness.push_and_pull(plain.clone()).unwrap();
        let apart = spread(&plain, &info(&parsed(&text)), 99);
        let output = harness.push_and_pull(apart).unwrap();
        let after = info(&out_caps(&harness));
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
    if !runtime() {
        return;
    }
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
    if !runtime() {
        return;
    }
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

#[test]
fn saturation_follows_while_frames_flow() {
    if !runtime() {
        return;
    }
    let mut harness = film("method=none threads=1 chroma-smoothing=0");
    let text = caps("Y444", 64, 48);
    harness.set_src_caps_str(&text);
    let of = info(&parsed(&text));
    let mut strength = |saturation: f64| -> u32 {
        element(&harness).set_property("saturation", saturation);
        let output = harness.push_and_pull(frame(&text, 0)).unwrap();
        let codes = [1, 2].map(|c| component(&output, &of, c).concat()).concat();
        codes.iter().map(|c| u32::from(c.abs_diff(128))).sum()
    };
    let (none, half, whole) = (strength(0.0), strength(0.5), strength(1.0));
    assert_eq!(none, 0);
    assert!(half > 0 && whole > half, "{half} {whole}");
    assert_eq!(strength(0.5), half);
}

#[test]
fn side_by_side_is_grey_and_coloured() {
    if !runtime() {
        return;
    }
    let mut pair = film("method=none threads=1 output=side-by-side temperature=1");
    let mut single = film("method=none threads=1 temperature=1");
    for format in common::formats() {
        for width in [64, 61] {
            let text = caps(&format, width, 33);
            pair.set_src_caps_str(&text);
            single.set_src_caps_str(&text);
            let input = frame(&text, 0);
            let both = pair.push_and_pull(input.copy_deep().unwrap()).unwrap();
            let alone = single.push_and_pull(input.copy_deep().unwrap()).unwrap();
            let (wide, narrow) = (info(&out_caps(&pair)), info(&out_caps(&single)));
            assert_eq!(wide.width(), 2 * width);
            assert_eq!(wide.format(), narrow.format());
            if narrow.is_rgb() {
                continue;
            }
            let sample = (narrow.format_info().depth()[0] as usize).div_ceil(8);
            for (row, (left, right)) in component(&both, &wide, 0).iter().zip(
                component(&input, &info(&parsed(&text)), 0)
                    .iter()
                    .zip(component(&alone, &narrow, 0)),
            ) {
                assert!(*row == [&left[..], &right[..]].concat(), "{text}");
            }
            let span = 1usize << narrow.format_info().w_sub()[1];
            for c in [1, 2] {
                let (both, alone) = (component(&both, &wide, c), component(&alone, &narrow, c));
                for (both, alone) in both.iter().zip(&alone) {
                    let left = width as usize / span * sample;
                    let mut codes = both[..left].chunks(sample).map(|s| code(s, &narrow));
                    let neutral = 1 << (narrow.format_info().depth()[0] - 1);
                    assert!(codes.all(|code| code == neutral), "{text}: grey");
                    if (width as usize).is_multiple_of(span) {
                        assert!(both[left..] == alone[..], "{text}: colours");
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_about_classes_is_refused() {
    if !runtime() {
        return;
    }
    for (properties, named) in [
        ("output=class-map", "output=class-map"),
        ("output=metadata", "output=metadata"),
        ("legend=true", "legend"),
        ("contours=1", "contours"),
        ("palette=distinct", "palette"),
        ("selected-classes=car", "selected-classes"),
        ("hidden-classes=car", "hidden-classes"),
    ] {
        for element in ["tttseg", "tttsegfilter"] {
            let error = run_badly(&format!(
                "videotestsrc num-buffers=1 ! {element} {properties} task=colorize model-file={} ! fakesink",
                colours()
            ));
            assert!(
                error.contains(named) && error.contains("task=colorize"),
                "{error}"
            );
        }
    }
    // Nor while frames flow: what was set before stays.
    let mut harness = film("method=none");
    let bus = watch(&harness);
    harness.set_src_caps_str(CAPS);
    harness.push_and_pull(frame(CAPS, 0)).unwrap();
    let filter = element(&harness);
    filter.set_property_from_str("output", "class-map");
    filter.set_property("legend", true);
    assert!(!filter.property::<bool>("legend"));
    harness.push_and_pull(frame(CAPS, 1)).unwrap();
    assert_eq!(
        info(&out_caps(&harness)).format(),
        gst_video::VideoFormat::Rgb
    );
    let warnings = bus.iter_filtered(&[gst::MessageType::Warning]);
    assert_eq!(warnings.count(), 2);
}

#[test]
fn the_pad_classes_is_refused() {
    if !runtime() {
        return;
    }
    for name in ["tttseg", "tttsegfilter"] {
        let element = gst::ElementFactory::make(name)
            .property("model-file", colours())
            .property_from_str("task", "colorize")
            .build()
            .unwrap();
        assert!(element.request_pad_simple("classes").is_none(), "{name}");
        // Asked for before the task was set, it has to go.
        element.set_property_from_str("task", "segment");
        let pad = element.request_pad_simple("classes").unwrap();
        element.set_property_from_str("task", "colorize");
        let bus = common::watch_element(&element);
        assert!(element.set_state(gst::State::Ready).is_err());
        let error = error_on(&bus);
        assert!(error.contains("pad classes"), "{error}");
        element.release_request_pad(&pad);
        assert!(element.set_state(gst::State::Ready).is_ok());
        element.set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn a_model_for_another_task_is_an_error_that_names_both() {
    if !runtime() {
        return;
    }
    for (task, file, name, other) in [
        ("colorize", model(), "tiny", "segment"),
        ("segment", colours(), "film", "colorize"),
    ] {
        let error = run_badly(&format!(
            "videotestsrc num-buffers=1 ! tttseg task={task} model-file={file} ! fakesink"
        ));
        for wanted in [
            name,
            file,
            &format!("task={task}"),
            &format!("task={other}"),
        ] {
            assert!(error.contains(wanted), "{wanted} is not in {error}");
        }
    }
}

#[test]
fn it_learns_from_grey_frames() {
    if !runtime() {
        return;
    }
    let ended = run_well(&format!(
        "videotestsrc num-buffers=4 ! video/x-raw,format=GRAY8,width=64,height=48,framerate=25/1 ! tttseg task=colorize \
         pace=every-frame model-file={} ! fakesink",
        colours()
    ));
    assert_eq!(ended.reports.len(), 4);
    assert!(
        ended
            .reports
            .iter()
            .all(|r| r.steps == 1 && r.loss.is_some())
    );
}

#[test]
fn outputs_and_pass_through_change_while_frames_flow() {
    if !runtime() {
        return;
    }
    for format in ["I420", "GRAY8"] {
        let mut harness = film("method=none threads=1");
        let text = caps(format, 64, 48);
        harness.set_src_caps_str(&text);
        let filter = element(&harness);
        let mut n = 0;
        let mut go = |harness: &mut gst_check::Harness| {
            n += 1;
            let input = frame(&text, n);
            let output = harness.push_and_pull(input.copy_deep().unwrap()).unwrap();
            let of = info(&out_caps(harness));
            assert_eq!(output.size(), of.size());
            (of, bytes(&output) == bytes(&input))
        };
        assert!(go(&mut harness).0.is_yuv());
        filter.set_property("passthrough", true);
        let (of, same) = go(&mut harness);
        assert!(same && of.format().to_str() == format);
        filter.set_property("passthrough", false);
        let (of, same) = go(&mut harness);
        assert!(of.is_yuv() && !same);
        filter.set_property_from_str("output", "side-by-side");
        assert_eq!(go(&mut harness).0.width(), 128);
        filter.set_property_from_str("output", "reconstruction");
        let (of, same) = go(&mut harness);
        assert!(of.width() == 64 && of.format().to_str() == format && !same);
        filter.set_property_from_str("output", "overlay");
        assert!(go(&mut harness).0.is_yuv());
    }
}

/// A frame in 4:4:4 with bright bands, which are elsewhere in the other scene.
fn scene(other: bool, n: u64) -> gst::Buffer {
    let mut buffer = frame(&caps("Y444", 64, 48), n);
    let of = buffer.get_mut().unwrap();
    let mut map = of.map_writable().unwrap();
    for (i, luma) in map[..64 * 48].iter_mut().enumerate() {
        let band = (i % 16 < 8) != other;
        *luma = if band { 220 } else { 60 };
    }
    // Colours of its own would tell scenes apart where they are too strong for their luma.
    map[64 * 48..].fill(128);
    drop(map);
    buffer
}

#[test]
fn colours_stay_as_long_as_a_scene() {
    if !runtime() {
        return;
    }
    // With everything kept, what was found first is shown, whatever the network says now.
    let text = caps("Y444", 64, 48);
    let of = info(&parsed(&text));
    let mut kept = film("threads=1 chroma-smoothing=1 learning-rate=0.01 steps=3 surprise=0");
    let mut new = film("threads=1 chroma-smoothing=0 learning-rate=0.01 steps=3 surprise=0");
    let chroma = |harness: &mut gst_check::Harness, other, n| {
        let output = harness.push_and_pull(scene(other, n)).unwrap();
        component(&output, &of, 1)
    };
    for harness in [&mut kept, &mut new] {
        harness.set_src_caps_str(&text);
    }
    let first = chroma(&mut kept, false, 0);
    assert!(first == chroma(&mut new, false, 0));
    let mut has_learned = false;
    for n in 1..6 {
        assert!(chroma(&mut kept, false, n) == first, "frame {n}");
        has_learned |= chroma(&mut new, false, n) != first;
    }
    assert!(has_learned);
    // After the cut nothing of it is left.
    assert!(chroma(&mut kept, true, 6) == chroma(&mut new, true, 6));
}

#[test]
fn regions_stay_where_they_are() {
    if !runtime() {
        return;
    }
    for format in ["I420", "GRAY8"] {
        let mut harness = film("method=none threads=1");
        let text = caps(format, 64, 48);
        harness.set_src_caps_str(&text);
        let mut input = frame(&text, 0);
        gst_video::VideoRegionOfInterestMeta::add(input.get_mut().unwrap(), "face", (4, 4, 8, 8));
        let output = harness.push_and_pull(input).unwrap();
        let region = output.meta::<gst_video::VideoRegionOfInterestMeta>();
        assert_eq!(region.map(|r| r.rect()), Some((4, 4, 8, 8)), "{format}");
    }
}
