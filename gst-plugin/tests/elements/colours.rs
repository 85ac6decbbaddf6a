//! `task=colorize`: colours beside a frame's own luma.

use crate::common::{
    self, CAPS, bytes, caps, code, colours, component, element, error_on, film, frame, info, model,
    out_info, run_badly, run_well, runtime, warnings, watch,
};
use gst::prelude::*;

#[test]
fn saturation_follows_while_frames_flow() {
    let Some(_) = runtime() else { return };
    let mut harness = film("method=none threads=1 chroma-smoothing=0");
    let text = caps("Y444", 64, 48);
    harness.set_src_caps_str(&text);
    let of = info(&text);
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
    let Some(_) = runtime() else { return };
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
            let (wide, narrow) = (out_info(&pair), out_info(&single));
            assert_eq!(wide.width(), 2 * width);
            assert_eq!(wide.format(), narrow.format());
            if narrow.is_rgb() {
                continue;
            }
            let sample = (narrow.format_info().depth()[0] as usize).div_ceil(8);
            for (row, (left, right)) in component(&both, &wide, 0).iter().zip(
                component(&input, &info(&text), 0)
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
    let Some(_) = runtime() else { return };
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
    assert_eq!(out_info(&harness).format(), gst_video::VideoFormat::Rgb);
    assert_eq!(warnings(&bus).len(), 2);
}

#[test]
fn the_pad_classes_is_refused() {
    let Some(_) = runtime() else { return };
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
    let Some(_) = runtime() else { return };
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
    let Some(_) = runtime() else { return };
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
    let Some(_) = runtime() else { return };
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
            let of = out_info(harness);
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
    // Colours of its own would set scenes apart where they are too strong for their luma.
    map[64 * 48..].fill(128);
    drop(map);
    buffer
}

#[test]
fn colours_stay_as_long_as_a_scene() {
    let Some(_) = runtime() else { return };
    // With everything kept, what was found first is shown, whatever the network says now.
    let text = caps("Y444", 64, 48);
    let of = info(&text);
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
    let Some(_) = runtime() else { return };
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
