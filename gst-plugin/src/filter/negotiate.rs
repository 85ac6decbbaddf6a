//! Negotiation: what caps mean for frames.

use std::sync::Arc;

use gst_base::BaseTransform;
use gst_video::{VideoInfo, VideoInterlaceMode};
use tttseg::video::MAX_SIDE;

use super::engine::Forget;
use super::error::Error;
use super::log::CAT;
use super::out::OutputKind;
use super::parts::Parts;
use super::stream::{Negotiated, Results};
use super::{caps, lock};

/// Takes what the base class has negotiated, or posts why not.
pub(super) fn set_caps(
    element: &BaseTransform,
    parts: &Parts,
    incaps: &gst::Caps,
    outcaps: &gst::Caps,
) -> Result<(), gst::LoggableError> {
    let negotiated = negotiate(parts, incaps, outcaps).map_err(|why| {
        let refused = gst::loggable_error!(CAT, "{incaps} refused: {why}");
        let _ = Error::Negotiation(why).post(element);
        refused
    })?;
    gst::info!(
        CAT,
        obj = element,
        "{incaps} in, {outcaps} out, seen by the network at {:?}",
        negotiated.model_size
    );
    let info = negotiated.info.clone();
    let mut stream = lock(&parts.stream);
    stream.results = Results::default();
    let before = stream.negotiated.replace(Arc::new(negotiated));
    drop(stream);
    send_references(element, parts);
    // If only what goes out is another, the window is as good as before.
    if before.is_some_and(|before| before.info != info) {
        let engine = parts.control.engine();
        parts.colours.clear_hints(element, engine.as_deref());
        parts.forget(element, Forget::Window);
    }
    Ok(())
}

fn negotiate(
    parts: &Parts,
    incaps: &gst::CapsRef,
    outcaps: &gst::CapsRef,
) -> Result<Negotiated, String> {
    let info = VideoInfo::from_caps(incaps).map_err(|e| e.to_string())?;
    let out_info = VideoInfo::from_caps(outcaps).map_err(|e| e.to_string())?;
    if !matches!(
        info.interlace_mode(),
        VideoInterlaceMode::Progressive
            | VideoInterlaceMode::Interleaved
            | VideoInterlaceMode::Mixed
    ) {
        return Err(format!(
            "video with interlace-mode={} has its fields apart; put a deinterlacer before this element",
            info.interlace_mode().to_str()
        ));
    }
    if out_info.width() as usize > MAX_SIDE {
        return Err(format!(
            "what goes out is {} pixels wide; {MAX_SIDE} are possible",
            out_info.width()
        ));
    }
    let output = parts.control.output();
    Ok(Negotiated {
        model_size: model_size(parts, &info, output)?,
        info,
        out_info,
        output,
    })
}

/// The size at which the network sees frames; none in pass-through.
fn model_size(
    parts: &Parts,
    info: &VideoInfo,
    output: Option<OutputKind>,
) -> Result<Option<(usize, usize)>, String> {
    if output.is_none() {
        return Ok(None);
    }
    let engine = parts.control.engine().ok_or("the element is going down")?;
    let size = |(width, height)| {
        let size = engine.model_size(width, height);
        size.map_err(|e| e.to_string())
    };
    // Stretching makes no patch of a frame that has none.
    size((info.width() as usize, info.height() as usize))?;
    size(caps::square_pixels(info)).map(Some)
}

/// What has been negotiated, for a frame. When the output has changed and caps have not, the base class does not negotiate
/// again.
pub(super) fn for_frame(element: &BaseTransform, parts: &Parts) -> Result<Arc<Negotiated>, Error> {
    let negotiated = lock(&parts.stream).negotiated.clone();
    let negotiated = negotiated.ok_or(gst::FlowError::NotNegotiated)?;
    let output = parts.control.output();
    let is_grey = negotiated.info.is_gray();
    if output == negotiated.output || !caps::are_alike(output, negotiated.output, is_grey) {
        return Ok(negotiated);
    }
    let size = model_size(parts, &negotiated.info, output).map_err(Error::Negotiation)?;
    let now = Arc::new(Negotiated {
        output,
        model_size: size,
        ..Negotiated::clone(&negotiated)
    });
    lock(&parts.stream).negotiated = Some(now.clone());
    send_references(element, parts);
    Ok(now)
}

fn send_references(element: &BaseTransform, parts: &Parts) {
    if let Some(engine) = parts.control.engine() {
        parts
            .colours
            .send_references(element, &engine, || parts.model_size());
    }
}
