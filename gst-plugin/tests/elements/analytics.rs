//! Masks that GStreamer's own elements read, with the feature of the same name.

use crate::common::{CAPS, filter, frame, runtime};
use gst_analytics::prelude::*;
use gst_analytics::{AnalyticsClassificationMtd, AnalyticsRelationMeta};

#[test]
fn frames_as_they_came_have_a_mask() {
    let Some(_) = runtime() else { return };
    for (output, has_mask) in [
        ("overlay", true),
        ("metadata", true),
        ("side-by-side", false),
        ("class-map", false),
        ("reconstruction", false),
    ] {
        for hold in [false, true] {
            let mut harness = filter(&format!("output={output} method=none"));
            harness.set_src_caps_str(CAPS);
            let mut input = frame(CAPS, 0);
            // What others have found stays.
            let mut meta = AnalyticsRelationMeta::add(input.make_mut());
            let found = gst::glib::Quark::from_str("weather");
            meta.add_one_cls_mtd(0.5, found).unwrap();
            let held = hold.then(|| input.clone());
            let buffer = harness.push_and_pull(input).unwrap();
            let meta = buffer.meta::<AnalyticsRelationMeta>();
            let meta = meta.unwrap_or_else(|| panic!("{output} has lost it"));
            assert_eq!(meta.len(), if has_mask { 3 } else { 1 }, "{output}");
            let names = meta.iter::<AnalyticsClassificationMtd>().last().unwrap();
            let names: Vec<&str> = names
                .iterate()
                .map(|(name, _)| name.as_str().as_str())
                .collect();
            if has_mask {
                assert_eq!(names, ["background", "a", "b", "c"], "{output}");
            } else {
                assert_eq!(names, ["weather"], "{output}");
            }
            if let Some(held) = held {
                assert_eq!(held.meta::<AnalyticsRelationMeta>().unwrap().len(), 1);
            }
        }
    }
}
