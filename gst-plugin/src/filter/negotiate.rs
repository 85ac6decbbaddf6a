//! Negotiation: what caps mean for frames.

use std::sync::Arc;

use gst_base::BaseTransform;
use gst_video::{VideoInfo, VideoInterlaceMode};
use tttseg::video::{MAX_SIDE, Orientation};

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
        forget_frames(element, parts);
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
    let orientation = lock(&parts.stream).orientation;
    Ok(Negotiated {
        model_size: model_size(parts, &info, output, orientation)?,
        info,
        out_info,
        output,
        orientation,
    })
}

/// The size at which the network sees frames, upright; none in pass-through.
fn model_size(
    parts: &Parts,
    info: &VideoInfo,
    output: Option<OutputKind>,
    orientation: Orientation,
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
    size(orientation.size(caps::square_pixels(info))).map(Some)
}

/// What has been negotiated, for a frame. When the output or the orientation has changed and caps have not, the base class
/// does not negotiate again.
pub(super) fn for_frame(element: &BaseTransform, parts: &Parts) -> Result<Arc<Negotiated>, Error> {
    let stream = lock(&parts.stream);
    let (negotiated, orientation) = (stream.negotiated.clone(), stream.orientation);
    drop(stream);
    let negotiated = negotiated.ok_or(gst::FlowError::NotNegotiated)?;
    let is_grey = negotiated.info.is_gray();
    let output = match parts.control.output() {
        output if caps::are_alike(output, negotiated.output, is_grey) => output,
        // Until caps have been negotiated again, what goes out stays what it is.
        _ => negotiated.output,
    };
    let is_turned = orientation != negotiated.orientation;
    if output == negotiated.output && !is_turned {
        return Ok(negotiated);
    }
    let size = model_size(parts, &negotiated.info, output, orientation);
    let now = Arc::new(Negotiated {
        output,
        orientation,
        model_size: size.map_err(Error::Negotiation)?,
        ..Negotiated::clone(&negotiated)
    });
    let mut stream = lock(&parts.stream);
    stream.negotiated = Some(now.clone());
    if is_turned {
        stream.results = Results::default();
    }
    drop(stream);
    if is_turned {
        forget_frames(element, parts);
    }
    send_references(element, parts);
    Ok(now)
}

/// Forgets frames that are no part of what comes.
fn forget_frames(element: &BaseTransform, parts: &Parts) {
    let engine = parts.control.engine();
    parts.colours.clear_hints(element, engine.as_deref());
    parts.forget(element, Forget::Window);
}

fn send_references(element: &BaseTransform, parts: &Parts) {
    if let Some(engine) = parts.control.engine() {
        parts
            .colours
            .send_references(element, &engine, || parts.model_size());
    }
}
