//! Caps: what the pads can carry, and what caps on one side are on the other; pools for them.

use std::cmp::Ordering;
use std::sync::LazyLock;

use gst::prelude::*;
use gst_video::VideoFormat;
use tttseg::video::PixelFormat;

use super::CLASSES;
use super::colour::caps as colour_caps;
use super::log::CAT;
use super::out::OutputKind;

/// Formats the filter works in, the cheap ones first: sources with a free choice take the first.
static FORMATS: LazyLock<Vec<VideoFormat>> = LazyLock::new(|| {
    let named = PixelFormat::ALL.iter().map(|format| format.name());
    named.map(VideoFormat::from_string).collect()
});

/// Caps that are kept for as long as the process lives, which no leak tracer is to report.
pub(crate) fn kept(mut caps: gst::Caps) -> gst::Caps {
    caps.make_mut().mark_may_be_leaked();
    caps
}

fn any_format() -> gst::List {
    gst::List::new(PixelFormat::ALL.iter().map(|format| format.name()))
}

/// Width and height in square pixels, neither smaller than in the frame's own: the shape that things have in the world.
pub(super) fn square_pixels(info: &gst_video::VideoInfo) -> (usize, usize) {
    let (width, height) = (info.width() as usize, info.height() as usize);
    let aspect = info.par();
    let across = usize::try_from(aspect.numer()).unwrap_or(1).max(1);
    let down = usize::try_from(aspect.denom()).unwrap_or(1).max(1);
    if across >= down {
        (width.saturating_mul(across) / down, height)
    } else {
        (width, height.saturating_mul(down) / across)
    }
}

/// Everything both pads can carry.
///
/// Frames below 16x16 are let in here and refused by name when they come: a plain "not negotiated" would not say why.
pub(crate) static CAPS: LazyLock<gst::Caps> = LazyLock::new(|| {
    let formats = FORMATS.iter().copied();
    kept(
        gst_video::VideoCapsBuilder::new()
            .format_list(formats)
            .build(),
    )
});

/// Everything the pad `classes` can carry.
static CLASS_MAPS: LazyLock<gst::Caps> = LazyLock::new(|| {
    kept(
        gst_video::VideoCapsBuilder::new()
            .format(VideoFormat::Gray8)
            .build(),
    )
});

/// The templates of the pads, of which the first two carry these.
pub(crate) fn pad_templates(sink: &gst::Caps, src: &gst::Caps) -> Vec<gst::PadTemplate> {
    use gst::PadDirection::{Sink, Src};
    use gst::PadPresence::{Always, Request};
    let template = |name, direction, presence, caps| {
        gst::PadTemplate::new(name, direction, presence, caps).ok()
    };
    let templates = [
        template("sink", Sink, Always, sink),
        template("src", Src, Always, src),
        template(CLASSES, Src, Request, &CLASS_MAPS),
    ];
    templates.into_iter().flatten().collect()
}

/// Caps on the other side of the element. A class map changes the format, and with it what describes the colours of the
/// frame; side by side, frames are twice as wide; grey in colours is grey no more. Nothing else changes anything.
pub(super) fn transform(
    direction: gst::PadDirection,
    caps: &gst::Caps,
    output: Option<OutputKind>,
) -> gst::Caps {
    match output {
        Some(OutputKind::ClassMap) => each(caps, |structure| to_class_map(direction, structure)),
        Some(OutputKind::SideBySide) => each(caps, |structure| to_double(direction, structure)),
        Some(OutputKind::Colours) => colour_caps::transform(direction, caps),
        Some(OutputKind::ColoursBeside) => {
            let coloured = colour_caps::transform(direction, caps);
            each(&coloured, |structure| to_double(direction, structure))
        }
        Some(OutputKind::Overlay | OutputKind::Reconstruction | OutputKind::Metadata) | None => {
            caps.clone()
        }
    }
}

/// Whether two outputs make the same of the caps of frames, which may be grey.
pub(super) fn are_alike(one: Option<OutputKind>, other: Option<OutputKind>, grey: bool) -> bool {
    let changes = |output: Option<OutputKind>| output.filter(|output| output.changes_caps(grey));
    changes(one) == changes(other)
}

/// Caps with each structure changed, or left out.
fn each(caps: &gst::Caps, change: impl Fn(&mut gst::Structure) -> Option<()>) -> gst::Caps {
    let mut other = gst::Caps::new_empty();
    let into = other.make_mut();
    for (structure, features) in caps.iter_with_features() {
        let mut structure = structure.to_owned();
        if change(&mut structure).is_some() {
            into.append_structure_full(structure, Some(features.to_owned()));
        }
    }
    other
}

fn to_class_map(direction: gst::PadDirection, structure: &mut gst::Structure) -> Option<()> {
    let grey = VideoFormat::Gray8.to_str();
    if direction == gst::PadDirection::Sink {
        structure.set("format", grey);
    } else {
        // What is not grey on the source side can come from nowhere.
        let is_grey = |format: &gst::glib::SendValue| format.intersect(&grey.to_value()).is_some();
        if structure
            .value("format")
            .is_ok_and(|format| !is_grey(format))
        {
            return None;
        }
        structure.set("format", any_format());
    }
    structure.remove_fields(["colorimetry", "chroma-site"]);
    Some(())
}

fn to_double(direction: gst::PadDirection, structure: &mut gst::Structure) -> Option<()> {
    if let Ok(width) = structure.value("width") {
        let width = match direction {
            gst::PadDirection::Sink => doubled(width),
            _ => halved(width),
        };
        structure.set_value("width", width?);
    }
    Some(())
}

/// Twice a width, a range or a list of them; none where no number is that large.
fn doubled(width: &gst::glib::SendValue) -> Option<gst::glib::SendValue> {
    if let Ok(width) = width.get::<i32>() {
        return Some(width.checked_mul(2)?.to_send_value());
    }
    let Ok(range) = width.get::<gst::IntRange<i32>>() else {
        return each_of_list(width, doubled);
    };
    let most = i32::MAX / 2;
    let step = range.step().checked_mul(2)?;
    let max = range.max().min(most - most % range.step()) * 2;
    range_or_one(range.min().checked_mul(2)?, max, step)
}

/// The half of it; none where that is no whole number.
fn halved(width: &gst::glib::SendValue) -> Option<gst::glib::SendValue> {
    if let Ok(width) = width.get::<i32>() {
        return (width % 2 == 0).then(|| (width / 2).to_send_value());
    }
    let Ok(range) = width.get::<gst::IntRange<i32>>() else {
        return each_of_list(width, halved);
    };
    // What is no multiple of an odd step is caught when caps are fixed.
    let step = if range.step() % 2 == 0 {
        range.step() / 2
    } else {
        1
    };
    range_or_one(range.min() - range.min() / 2, range.max() / 2, step)
}

/// A range that is one number is a number, and one that is none is nothing.
fn range_or_one(min: i32, max: i32, step: i32) -> Option<gst::glib::SendValue> {
    match min.cmp(&max) {
        Ordering::Less => Some(gst::IntRange::with_step(min, max, step).to_send_value()),
        Ordering::Equal => Some(min.to_send_value()),
        Ordering::Greater => None,
    }
}

fn each_of_list(
    list: &gst::glib::SendValue,
    change: impl Fn(&gst::glib::SendValue) -> Option<gst::glib::SendValue>,
) -> Option<gst::glib::SendValue> {
    let list = list.get::<gst::List>().ok()?;
    let changed: Vec<_> = list.iter().filter_map(change).collect();
    (!changed.is_empty()).then(|| gst::List::new(changed).to_send_value())
}

/// The metas that upstream may attach: strides and offsets of planes, and what downstream takes. Not a part of the frame to be
/// cropped later: frames are seen and drawn into as a whole.
pub(super) fn choose_metas(query: &mut gst::query::Allocation, output: Option<OutputKind>) {
    while let Some(at) = query.find_allocation_meta::<gst_video::VideoCropMeta>() {
        query.remove_nth_allocation_meta(at);
    }
    let layout = query.find_allocation_meta::<gst_video::VideoMeta>();
    if layout.is_none() && output != Some(OutputKind::Metadata) {
        query.add_allocation_meta::<gst_video::VideoMeta>(None);
    }
}

/// A video pool for what goes out: downstream's if it offers one. Either may pad rows, which drawing honours.
pub(super) fn choose_pool(query: &mut gst::query::Allocation) -> Result<(), gst::LoggableError> {
    let (caps, _) = query.get_owned();
    let caps = caps.ok_or_else(|| gst::loggable_error!(CAT, "Allocation query without caps"))?;
    let info = gst_video::VideoInfo::from_caps(&caps)
        .map_err(|e| gst::loggable_error!(CAT, "{caps} are no video: {e}"))?;
    let size_of_frame = u32::try_from(info.size())
        .map_err(|_| gst::loggable_error!(CAT, "Frames of {} bytes are too large", info.size()))?;
    let offered = query.allocation_pools().next();
    let padding = query
        .find_allocation_meta::<gst_video::VideoMeta>()
        .is_some();
    let new = || gst_video::VideoBufferPool::new().upcast();
    let (pool, size, min, max) = match offered.clone() {
        Some((pool, size, min, max)) => {
            (pool.unwrap_or_else(new), size.max(size_of_frame), min, max)
        }
        None => (new(), size_of_frame, 0, 0),
    };
    let mut config = pool.config();
    config.set_params(Some(&caps), size, min, max);
    if padding {
        config.add_option(gst_video::BUFFER_POOL_OPTION_VIDEO_META);
    }
    pool.set_config(config)
        .map_err(|e| gst::loggable_error!(CAT, "The pool refused its configuration: {e}"))?;
    match offered {
        Some(_) => query.set_nth_allocation_pool(0, Some(&pool), size, min, max),
        None => query.add_allocation_pool(Some(&pool), size, min, max),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(text: &str) -> gst::Caps {
        text.parse().unwrap()
    }

    #[test]
    fn a_class_map_changes_formats() {
        gst::init().unwrap();
        let i420 = caps("video/x-raw,format=I420,width=64,height=48,colorimetry=bt709");
        for output in [
            None,
            Some(OutputKind::Overlay),
            Some(OutputKind::Reconstruction),
            Some(OutputKind::Metadata),
        ] {
            for direction in [gst::PadDirection::Sink, gst::PadDirection::Src] {
                assert_eq!(transform(direction, &i420, output), i420);
            }
        }
        let map = transform(gst::PadDirection::Sink, &i420, Some(OutputKind::ClassMap));
        assert_eq!(map, caps("video/x-raw,format=GRAY8,width=64,height=48"));
        let back = transform(gst::PadDirection::Src, &map, Some(OutputKind::ClassMap));
        assert!(i420.is_subset(&back));
        assert!(transform(gst::PadDirection::Src, &i420, Some(OutputKind::ClassMap)).is_empty());
    }

    #[test]
    fn side_by_side_is_twice_as_wide() {
        gst::init().unwrap();
        let of = |width: &str| caps(&format!("video/x-raw,format=I420,width={width},height=48"));
        let to =
            |direction, caps: &gst::Caps| transform(direction, caps, Some(OutputKind::SideBySide));
        use gst::PadDirection::{Sink, Src};
        for (narrow, wide) in [
            ("63", "126"),
            ("{ 3, 10 }", "{ 6, 20 }"),
            ("[ 1, 100 ]", "[ 2, 200, 2 ]"),
            ("[ 16, 160, 16 ]", "[ 32, 320, 32 ]"),
            ("{ 5, [ 10, 20 ] }", "{ 10, [ 20, 40, 2 ] }"),
        ] {
            // As text: GStreamer 1.26 trips over comparing lists of numbers and ranges.
            assert_eq!(to(Sink, &of(narrow)).to_string(), of(wide).to_string());
            assert_eq!(to(Src, &of(wide)).to_string(), of(narrow).to_string());
        }
        assert_eq!(to(Src, &of("[ 3, 9 ]")), of("[ 2, 4 ]"));
        assert_eq!(to(Src, &of("[ 3, 5 ]")), of("2"));
        assert_eq!(to(Src, &of("{ 5, 6 }")), of("{ 3 }"));
        // No frame is half a pixel wide, and none wider than numbers go.
        for none in ["5", "{ 1, 3 }"] {
            assert!(to(Src, &of(none)).is_empty(), "{none}");
        }
        assert!(to(Sink, &of("2147483647")).is_empty());
        let any = caps("video/x-raw,width=[ 1, 2147483647 ],height=[ 1, 2147483647 ]");
        let wide = to(Sink, &any);
        assert!(wide.can_intersect(&of("4096")) && !wide.can_intersect(&of("4095")));
        assert!(to(Src, &any).can_intersect(&of("4095")));
        assert_eq!(to(Sink, &caps("video/x-raw")), caps("video/x-raw"));
    }

    #[test]
    fn every_format_of_the_engine_is_one_of_gstreamer() {
        gst::init().unwrap();
        assert!(!FORMATS.contains(&VideoFormat::Unknown));
        assert_eq!(FORMATS[0], VideoFormat::I420);
    }

    #[test]
    fn pixels_become_square_by_growing() {
        gst::init().unwrap();
        let shape = |width: u32, height: u32, aspect: (i32, i32)| {
            let info = gst_video::VideoInfo::builder(VideoFormat::I420, width, height);
            square_pixels(
                &info
                    .par(gst::Fraction::new(aspect.0, aspect.1))
                    .build()
                    .unwrap(),
            )
        };
        assert_eq!(shape(640, 480, (1, 1)), (640, 480));
        assert_eq!(shape(720, 576, (64, 45)), (1024, 576));
        assert_eq!(shape(704, 480, (10, 11)), (704, 528));
        assert_eq!(shape(16, 16, (i32::MAX, 1)), (16 * 0x7fff_ffff, 16));
        assert_eq!(shape(16, 16, (1, i32::MAX)), (16, 16 * 0x7fff_ffff));
    }
}
