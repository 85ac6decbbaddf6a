//! Caps with `task=colorize`: grey goes out in Y'CbCr, everything else as it came.

use gst::prelude::*;
use gst_video::{
    VideoColorMatrix, VideoColorPrimaries, VideoColorRange, VideoColorimetry, VideoTransferFunction,
};
use tttseg::video::{ColourModel, PixelFormat};

/// Formats that have room for colours beside the luma of a grey one, the first one first. Luma goes from one to the other
/// as it is, so their bytes are in the same order.
const COLOURED: [(&str, &[&str]); 3] = [
    ("GRAY8", &["I420", "Y42B", "Y444"]),
    ("GRAY16_LE", &["Y444_16LE"]),
    ("GRAY16_BE", &["Y444_16BE"]),
];

/// Colorimetry of grey without any in its caps, to GStreamer as well: full range.
const UNKNOWN: &str = "1:4:0:0";

/// What colours may be said to be beside the luma of grey that says no more than its range: chroma is made for any of them.
/// Of limited range, which luma of full range is brought to.
const NAMED: [&str; 4] = ["2:4:0:0", "bt601", "bt709", "bt2020"];

/// Caps on the other side of the element.
pub(in crate::filter) fn transform(direction: gst::PadDirection, caps: &gst::Caps) -> gst::Caps {
    let is_fixed = caps.is_fixed();
    let mut other = gst::Caps::new_empty();
    let into = other.make_mut();
    for (structure, features) in caps.iter_with_features() {
        let given = formats(structure);
        let mut add = |formats: &[&str], mut structure: gst::Structure| {
            match formats {
                [] => return,
                [format] => structure.set("format", *format),
                formats => structure.set("format", gst::List::new(formats.iter().copied())),
            }
            into.append_structure_full(structure, Some(features.to_owned()));
        };
        let stay: Vec<&str> = given.iter().copied().filter(|f| !is_grey(f)).collect();
        add(&stay, structure.to_owned());
        for (grey, coloured) in COLOURED {
            let mut changed = structure.to_owned();
            changed.remove_field("chroma-site");
            if direction == gst::PadDirection::Sink {
                if given.contains(&grey) {
                    set_coloured(&mut changed, is_fixed);
                    add(coloured, changed);
                }
            } else if coloured.iter().any(|format| given.contains(format)) {
                set_grey(&mut changed);
                add(&[grey], changed);
            }
        }
    }
    other
}

fn is_grey(format: &str) -> bool {
    let format = PixelFormat::from_name(format);
    format.is_some_and(|format| format.layout().model == ColourModel::Grey)
}

/// The formats that a structure allows, of those the filter works in.
fn formats(structure: &gst::StructureRef) -> Vec<&'static str> {
    let all = PixelFormat::ALL.iter().map(|format| format.name());
    match structure.value("format") {
        Ok(given) => all
            .filter(|name| given.intersect(&name.to_value()).is_some())
            .collect(),
        Err(_) => all.collect(),
    }
}

/// Colorimetry of what goes out: that of the grey, so that its luma is shown as before without being changed, or one of limited
/// range where what follows needs that.
fn set_coloured(structure: &mut gst::Structure, is_fixed: bool) {
    let given = structure.value("colorimetry").ok().cloned();
    let coloured = match given {
        Some(given) => coloured(&given),
        // Of caps that are still open it may become any.
        None if !is_fixed => return,
        None => coloured(&UNKNOWN.to_send_value()),
    };
    if !coloured.is_empty() {
        structure.set("colorimetry", gst::List::new(coloured));
    }
}

/// Colorimetry of the grey that such colours can come from.
fn set_grey(structure: &mut gst::Structure) {
    let of_unknown = gst::List::new(NAMED.iter().chain([&UNKNOWN])).to_send_value();
    let may_be_unknown = structure
        .value("colorimetry")
        .is_ok_and(|given| given.intersect(&of_unknown).is_some());
    if may_be_unknown {
        structure.remove_field("colorimetry");
    }
}

/// Of grey, the matrix need not be known; of colours it has to be. The first is that of the grey itself.
fn coloured(given: &gst::glib::SendValue) -> Vec<String> {
    if let Ok(list) = given.get::<gst::List>() {
        let mut all: Vec<String> = list.iter().flat_map(coloured).collect();
        let mut seen = std::collections::HashSet::new();
        all.retain(|one| seen.insert(one.clone()));
        return all;
    }
    let given = given.get::<String>().ok();
    let Some(given) = given.and_then(|given| given.parse::<VideoColorimetry>().ok()) else {
        return vec![];
    };
    let range = match given.range() {
        VideoColorRange::Unknown => VideoColorRange::Range0_255,
        range => range,
    };
    let matrix = match given.matrix() {
        VideoColorMatrix::Unknown | VideoColorMatrix::Rgb => VideoColorMatrix::Bt601,
        matrix => matrix,
    };
    let of_range = |range| {
        VideoColorimetry::new(range, matrix, given.transfer(), given.primaries()).to_string()
    };
    let mut all = vec![of_range(range)];
    let mut add = |other: String| {
        if !all.contains(&other) {
            all.push(other);
        }
    };
    add(of_range(VideoColorRange::Range16_235));
    let says_no_more = given.transfer() == VideoTransferFunction::Unknown
        && given.primaries() == VideoColorPrimaries::Unknown
        && matrix == VideoColorMatrix::Bt601;
    if says_no_more {
        NAMED.iter().for_each(|name| add((*name).to_owned()));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use gst::PadDirection::{Sink, Src};

    fn caps(text: &str) -> gst::Caps {
        text.parse().unwrap()
    }

    #[test]
    fn grey_goes_out_in_colours_of_its_range() {
        gst::init().unwrap();
        let grey = |format: &str, more: &str| {
            transform(
                Sink,
                &caps(&format!(
                    "video/x-raw,format={format},width=64,height=48{more}"
                )),
            )
        };
        let coloured = |format: &str, colorimetry: &str| {
            caps(&format!(
                "video/x-raw,format={format},width=64,height=48,colorimetry={colorimetry}"
            ))
        };
        let of_bytes = "{ I420, Y42B, Y444 }";
        let full = "{ 1:4:0:0, 2:4:0:0, bt601, bt709, bt2020 }";
        let limited = "{ 2:4:0:0, bt601, bt709, bt2020 }";
        assert_eq!(grey("GRAY8", ""), coloured(of_bytes, full));
        for (given, becomes) in [
            ("1:4:0:0", full),
            ("1:0:0:0", full),
            ("2:4:0:0", limited),
            ("2:0:0:0", limited),
            ("bt709", "{ bt709 }"),
            // Neither without a range nor without a matrix, nor with that of RGB.
            ("0:3:0:0", "{ 1:3:0:0, 2:3:0:0 }"),
            ("sRGB", "{ 1:4:7:1, 2:4:7:1 }"),
            ("1:3:5:1", "{ 1:3:5:1, bt709 }"),
        ] {
            let more = format!(",colorimetry={given}");
            assert_eq!(grey("GRAY8", &more), coloured(of_bytes, becomes), "{given}");
        }
        assert_eq!(grey("GRAY16_LE", ""), coloured("Y444_16LE", full));
        assert_eq!(grey("GRAY16_BE", ""), coloured("Y444_16BE", full));
        assert_eq!(
            grey("GRAY8", ",colorimetry={ 1:4:0:0, 2:0:0:0 }"),
            coloured(of_bytes, full)
        );
    }

    #[test]
    fn what_has_room_for_colours_stays() {
        gst::init().unwrap();
        for format in ["I420", "RGB", "Y444_16LE"] {
            let it = caps(&format!(
                "video/x-raw,format={format},width=64,height=48,chroma-site=mpeg2"
            ));
            assert_eq!(transform(Sink, &it), it);
            assert!(it.is_subset(&transform(Src, &it)));
        }
        // Nothing grey can come of it.
        assert!(transform(Src, &caps("video/x-raw,format=GRAY8")).is_empty());
        assert!(transform(Sink, &caps("video/x-raw,format=v308")).is_empty());
    }

    #[test]
    fn whatever_becomes_of_grey_can_come_from_it() {
        gst::init().unwrap();
        for grey in [
            "video/x-raw,format=GRAY8,width=64,height=48",
            "video/x-raw,format=GRAY8,width=64,height=48,colorimetry=bt601",
            "video/x-raw,format=GRAY16_LE,width=64,height=48,colorimetry=2:4:0:0",
        ] {
            let grey = caps(grey);
            let mut coloured = transform(Sink, &grey);
            coloured.fixate();
            assert!(grey.is_subset(&transform(Src, &coloured)), "{coloured}");
        }
        // Of what is open nothing is left out.
        let any = caps("video/x-raw");
        for direction in [Sink, Src] {
            assert!(transform(direction, &any).can_intersect(&caps("video/x-raw,format=I420")));
        }
        assert!(transform(Src, &any).can_intersect(&caps("video/x-raw,format=GRAY8")));
        assert!(!transform(Sink, &any).can_intersect(&caps("video/x-raw,format=GRAY8")));
    }
}
