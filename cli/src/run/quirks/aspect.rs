//! Samples of a negative width: avidemux (GStreamer 1.22) makes them out of the negative height by which AVI says that the first
//! row is the upper one.

const NAME: &str = "pixel-aspect-ratio";

/// Caps with a shape of samples that is possible; none where theirs is.
pub fn possible_aspect(caps: &gst::CapsRef) -> Option<gst::Caps> {
    let ratio: gst::Fraction = caps.structure(0)?.get(NAME).ok()?;
    if ratio.numer() > 0 {
        return None;
    }
    let (width, height) = match ratio.numer().checked_neg() {
        Some(width) if width > 0 => (width, ratio.denom()),
        _ => (1, 1),
    };
    let mut caps = caps.to_owned();
    let structure = caps.make_mut().structure_mut(0)?;
    structure.set(NAME, gst::Fraction::new(width, height));
    Some(caps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_ones_are_turned_around() {
        gst::init().unwrap();
        let mended = |ratio: &str| {
            let caps = format!("video/x-raw,{NAME}={ratio}");
            let caps = possible_aspect(&caps.parse::<gst::Caps>().unwrap())?;
            let ratio: gst::Fraction = caps.structure(0)?.get(NAME).ok()?;
            Some((ratio.numer(), ratio.denom()))
        };
        assert_eq!(mended("-16/11"), Some((16, 11)));
        assert_eq!(mended("0/1"), Some((1, 1)));
        assert_eq!(mended("16/11"), None);
    }
}
