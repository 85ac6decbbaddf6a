//! Caps of `tttsegfilter`: what it takes, and what becomes of it on the other side.

use std::sync::LazyLock;

use gst::prelude::*;
use gst_video::VideoFormat;
use tttseg::video::PixelFormat;

use super::Output;
use super::imp::CAT;

/// Formats the filter works in, the cheap ones first: sources with a free choice take the first.
pub(crate) static FORMATS: LazyLock<Vec<VideoFormat>> = LazyLock::new(|| {
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
pub(super) static CAPS: LazyLock<gst::Caps> = LazyLock::new(|| {
    let formats = FORMATS.iter().copied();
    kept(
        gst_video::VideoCapsBuilder::new()
            .format_list(formats)
            .build(),
    )
});

pub(super) fn pad_templates() -> Vec<gst::PadTemplate> {
    [
        ("sink", gst::PadDirection::Sink),
        ("src", gst::PadDirection::Src),
    ]
    .into_iter()
    .filter_map(|(name, direction)| {
        gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &CAPS).ok()
    })
    .collect()
}

/// Caps on the other side of the element. Only a class map changes anything: the format, and with it what describes the
/// colours of the frame.
pub(super) fn transform(
    direction: gst::PadDirection,
    caps: &gst::Caps,
    output: Option<Output>,
) -> gst::Caps {
    if output != Some(Output::ClassMap) {
        return caps.clone();
    }
    let mut other = gst::Caps::new_empty();
    let into = other.make_mut();
    for (structure, features) in caps.iter_with_features() {
        let mut structure = structure.to_owned();
        if direction == gst::PadDirection::Sink {
            structure.set("format", VideoFormat::Gray8.to_str());
        } else {
            // What is not grey on the source side can come from nowhere.
            let grey = structure.value("format").is_ok_and(|format| {
                format
                    .intersect(&VideoFormat::Gray8.to_str().to_value())
                    .is_some()
            });
            if structure.has_field("format") && !grey {
                continue;
            }
            structure.set("format", any_format());
        }
        structure.remove_fields(["colorimetry", "chroma-site"]);
        into.append_structure_full(structure, Some(features.to_owned()));
    }
    other
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
    fn only_a_class_map_changes_caps() {
        gst::init().unwrap();
        let i420 = caps("video/x-raw,format=I420,width=64,height=48,colorimetry=bt709");
        for output in [None, Some(Output::Overlay), Some(Output::Reconstruction)] {
            for direction in [gst::PadDirection::Sink, gst::PadDirection::Src] {
                assert_eq!(transform(direction, &i420, output), i420);
            }
        }
        let map = transform(gst::PadDirection::Sink, &i420, Some(Output::ClassMap));
        assert_eq!(map, caps("video/x-raw,format=GRAY8,width=64,height=48"));
        let back = transform(gst::PadDirection::Src, &map, Some(Output::ClassMap));
        assert!(i420.is_subset(&back));
        assert!(transform(gst::PadDirection::Src, &i420, Some(Output::ClassMap)).is_empty());
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
