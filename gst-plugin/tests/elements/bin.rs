//! The bin shares the filter's properties, notifications and signals.

use std::sync::{Arc, Mutex};

use crate::common::{self, init, model, parse, run_well, runtime};
use gst::glib;
use gst::prelude::*;

fn make(name: &str) -> gst::Element {
    init();
    gst::ElementFactory::make(name).build().unwrap()
}

#[test]
fn properties_are_the_filters() {
    let (bin, filter) = (make("tttseg"), make("tttsegfilter"));
    let own = |element: &gst::Element| -> Vec<glib::ParamSpec> {
        let all = element.list_properties();
        let mut own: Vec<_> = all
            .iter()
            .filter(|p| p.owner_type() == element.type_())
            .cloned()
            .collect();
        own.sort_by(|a, b| a.name().cmp(b.name()));
        own
    };
    let (of_bin, of_filter) = (own(&bin), own(&filter));
    assert_eq!(of_bin.len(), of_filter.len());
    assert!(of_bin.len() > 20);
    for (b, f) in of_bin.iter().zip(&of_filter) {
        assert_eq!(b.name(), f.name());
        assert_eq!(b.value_type(), f.value_type(), "{}", b.name());
        assert_eq!(b.flags(), f.flags(), "{}", b.name());
        assert_eq!(b.blurb(), f.blurb());
        let (of_bin, of_filter) = (
            bin.property_value(b.name()),
            filter.property_value(b.name()),
        );
        assert_eq!(format!("{of_bin:?}"), format!("{of_filter:?}"));
        if b.flags().contains(glib::ParamFlags::READWRITE) {
            // What is shown as the default is what it is.
            let default = b.default_value();
            assert_eq!(
                format!("{default:?}"),
                format!("{of_bin:?}"),
                "{}",
                b.name()
            );
        }
    }
}

#[test]
fn values_and_notifications_go_both_ways() {
    let bin = make("tttseg");
    let inner = bin
        .downcast_ref::<gst::Bin>()
        .unwrap()
        .by_name("filter")
        .unwrap();
    let notified = Arc::new(Mutex::new(vec![]));
    bin.connect_notify(None, {
        let notified = notified.clone();
        move |_, pspec| notified.lock().unwrap().push(pspec.name().to_owned())
    });
    bin.set_property("window", 5u32);
    bin.set_property_from_str("recipe", "code");
    assert_eq!(inner.property::<u32>("window"), 5);
    assert_eq!(inner.property::<u32>("batch-size"), 32);
    assert_eq!(*notified.lock().unwrap(), ["window", "recipe"], "once each");
    inner.set_property("opacity", 0.25);
    assert_eq!(bin.property::<f64>("opacity"), 0.25);
    assert_eq!(notified.lock().unwrap().last().unwrap(), "opacity");
}

#[test]
fn signals_reach_the_filter() {
    let Some(_) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let path = path.to_str().unwrap();
    let pipeline = parse(
        "videotestsrc num-buffers=3 ! video/x-raw,width=64,height=48 ! tttseg name=t model-file=MODEL ! fakesink",
    );
    let bin = pipeline.by_name("t").unwrap();
    assert!(
        !bin.emit_by_name::<bool>("save-state", &[&path]),
        "nothing to save yet"
    );
    pipeline.set_state(gst::State::Playing).unwrap();
    let ended = common::wait(&pipeline);
    assert_eq!(ended.error, None);
    assert!(bin.emit_by_name::<bool>("save-state", &[&path]));
    assert!(std::fs::metadata(path).unwrap().len() > 0);
    bin.emit_by_name::<()>("reset", &[]);
    assert!(bin.emit_by_name::<bool>("load-state", &[&path]));
    let stats = bin.property::<gst::Structure>("stats");
    assert_eq!(stats.get::<u64>("frames").unwrap(), 3);
    assert_eq!(stats.get::<u64>("resets").unwrap(), 1);
    assert!(
        bin.property::<Option<String>>("execution-provider-in-use")
            .is_some()
    );
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn a_class_map_comes_out_as_ids() {
    let Some(_) = runtime() else { return };
    let pipeline = parse(
        "videotestsrc num-buffers=1 ! video/x-raw,format=YUY2,width=64,height=48 ! \
         tttseg model-file=MODEL output=class-map ! fakesink name=k enable-last-sample=true",
    );
    pipeline.set_state(gst::State::Paused).unwrap();
    pipeline.state(common::LONG).0.unwrap();
    let sample = pipeline
        .by_name("k")
        .unwrap()
        .property::<gst::Sample>("last-sample");
    let caps = sample.caps().unwrap().structure(0).unwrap();
    assert_eq!(caps.get::<&str>("format").unwrap(), "GRAY8");
    let map = common::bytes(&sample.buffer_owned().unwrap());
    assert_eq!(map.len(), 64 * 48);
    assert!(map.iter().all(|class| *class < 3));
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn latency_and_seeks_go_through() {
    let Some(_) = runtime() else { return };
    let pipeline = parse(
        "videotestsrc is-live=true ! video/x-raw,width=64,height=48 ! tttseg name=t model-file=MODEL ! fakesink sync=true",
    );
    pipeline.set_state(gst::State::Playing).unwrap();
    let bus = pipeline.bus().unwrap();
    // The first frame's time becomes the pipeline's latency.
    let message = bus.timed_pop_filtered(
        common::LONG,
        &[gst::MessageType::Latency, gst::MessageType::Error],
    );
    assert_eq!(message.unwrap().type_(), gst::MessageType::Latency);
    let mut query = gst::query::Latency::new();
    assert!(pipeline.query(&mut query));
    let (live, _, _) = query.result();
    assert!(live);
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn a_model_named_on_the_bin_is_used() {
    let Some(_) = runtime() else { return };
    assert!(std::path::Path::new(model()).exists());
    let line = "videotestsrc num-buffers=2 ! tttseg model-file=MODEL adapt=false ! fakesink";
    let ended = run_well(line);
    assert!(
        ended
            .reports
            .iter()
            .all(|r| r.steps == 0 && r.loss.is_none())
    );
}
