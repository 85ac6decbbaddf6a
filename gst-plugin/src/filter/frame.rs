//! The frame path: map, scale, plan, learn, predict, keep, draw, report.

use std::sync::Arc;
use std::time::Instant;

use gst_base::BaseTransform;
use gst_base::prelude::*;
use tttseg::adapt::{self, Request, Skipped};
use tttseg::video::{ChromaMap, Style};

use super::class_style::ModelClasses;
use super::engine::{Engine, Forget};
use super::error::Error;
use super::lock;
use super::log::CAT;
use super::negotiate;
use super::out::pixels::{self, Paint};
use super::out::{OutputKind, Pixels, class_map_meta};
use super::parts::Parts;
use super::report::{self, FrameReport};
use super::settings::Live;
use super::stream::{Negotiated, Results};
use super::time::{FramePlan, Spent};

/// Learns from a frame, and gives what goes out for it. `new_buffer` takes one from the negotiated pool, with time stamps,
/// flags and metas of the input.
pub(super) fn process(
    element: &BaseTransform,
    parts: &Parts,
    inbuf: gst::Buffer,
    new_buffer: impl FnOnce(&gst::Buffer) -> Result<gst::Buffer, gst::FlowError>,
) -> Result<gst::Buffer, Error> {
    let negotiated = negotiate::for_frame(element, parts)?;
    let live = parts.control.live();
    // Until caps have been negotiated again, what goes out stays what it is.
    let goes_through = live.passthrough && !negotiated.changes_caps();
    let (Some(output), Some(size), false) =
        (negotiated.output, negotiated.model_size, goes_through)
    else {
        parts.classes.skip(element, &inbuf);
        return Ok(inbuf);
    };
    let engine = parts.control.engine().ok_or(gst::FlowError::Flushing)?;
    let began = Instant::now();

    let breaks = gst::BufferFlags::DISCONT | gst::BufferFlags::GAP;
    if inbuf.flags().intersects(breaks) {
        engine.forget(Forget::Window);
    }
    let rgb = lock(&parts.pixels).at_model_size(&inbuf, &negotiated.info, size)?;
    if output.is_coloured() && lock(&parts.pixels).steady.see(&rgb, size.0) {
        forget_scene(element, parts);
    }

    let running_time = running_time(element, &inbuf);
    let shows_classes = !output.is_coloured() && output != OutputKind::Reconstruction;
    let classes = shows_classes || parts.classes.pad().is_some();
    let plan = plan(
        element,
        parts,
        &engine,
        &live,
        &negotiated,
        (output, classes),
        running_time,
    );
    let before = began.elapsed();

    let mut prediction = engine.run(&rgb, size, plan.request)?;

    if output.is_coloured() {
        parts.colours.given().show(&rgb, size);
    }
    lock(&parts.pixels).keep(rgb);
    let results = keep(parts, &mut prediction, &live);
    match results.classes.as_ref().filter(|_| classes) {
        Some(map) => parts.classes.push(element, &inbuf, map, &parts.pixels)?,
        // The pad came while the frame was computed.
        None => parts.classes.skip(element, &inbuf),
    }

    // The time that others take for the classes is no cost of this element.
    let after = Instant::now();
    let mut outbuf = copy(inbuf, output, &negotiated, new_buffer)?;
    draw(
        &mut lock(&parts.pixels),
        outbuf.make_mut(),
        output,
        &negotiated,
        &results,
        &live,
        &engine.classes,
    )?;

    // Without what the first frame of a size waits for: graphs being built.
    let report = &prediction.report;
    let waited = if engine.key.asynchronous {
        report.predict_time
    } else {
        report.step_time + report.predict_time
    };
    let spent = Spent {
        learning: report.step_time,
        frame: before + waited + after.elapsed(),
    };
    count(element, parts, &engine, report, &live, &plan, running_time);
    // A frame whose step waits for its graph says nothing about the cost of others.
    if !(plan.effort.learn && report.skipped == Some(Skipped::Late)) {
        observe(element, parts, &plan, spent, &outbuf);
    }
    gst::trace!(
        CAT,
        obj = element,
        "Frame {} took {:?}, late: {}",
        report.frame,
        spent.frame,
        plan.late
    );
    Ok(outbuf)
}

/// Another scene begins: colours of the last one do not fit it, however late the frame is.
fn forget_scene(element: &BaseTransform, parts: &Parts) {
    gst::debug!(CAT, obj = element, "Another scene");
    lock(&parts.stream).results.chroma = None;
    let engine = parts.control.engine();
    parts.colours.clear_hints(element, engine.as_deref());
    parts.forget(element, Forget::Scene);
}

fn running_time(element: &BaseTransform, buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
    let segment = element.segment();
    segment
        .downcast_ref::<gst::ClockTime>()?
        .to_running_time(buffer.pts()?)
}

fn plan(
    element: &BaseTransform,
    parts: &Parts,
    engine: &Engine,
    live: &Live,
    negotiated: &Negotiated,
    (output, classes): (OutputKind, bool),
    running_time: Option<gst::ClockTime>,
) -> FramePlan {
    let (masks, steps) = parts.control.full_effort();
    let full = Request {
        learn: live.adapt,
        predict: classes || output.is_coloured(),
        reconstruct: output == OutputKind::Reconstruction,
        most_views: Some(masks),
        most_steps: Some(steps),
        // Beside the stream, a little at a time shows something sooner.
        most_directed: engine.key.asynchronous.then_some(FramePlan::FEW_DIRECTED),
        ..Request::default()
    };
    let mut stream = lock(&parts.stream);
    let first = !stream.results.suffice(output, classes);
    let rate = negotiated.info.fps();
    let (plan, lateness) = stream.pacing.plan(full, first, live, rate, running_time);
    drop(stream);
    if let Some(lateness) = lateness {
        report::warn_of_lateness(element, lateness);
    }
    plan
}

/// Keeps the results of this frame for the next ones, and gives those to draw it with. Chroma keeps a share of the last
/// frame's.
fn keep(parts: &Parts, prediction: &mut adapt::Prediction, live: &Live) -> Results {
    if let Some(chroma) = prediction.chroma.take() {
        let before = lock(&parts.stream).results.chroma.clone();
        let share = live.chroma_smoothing as f32;
        let smooth = lock(&parts.pixels)
            .steady
            .calm(chroma, before.as_deref(), share);
        lock(&parts.stream).results.chroma = Some(Arc::new(smooth));
    }
    let results = &mut lock(&parts.stream).results;
    results.keep(prediction);
    results.clone()
}

/// A buffer to draw into: the frame itself where that is possible, or another one with what stays of it.
fn copy(
    mut inbuf: gst::Buffer,
    output: OutputKind,
    negotiated: &Negotiated,
    new_buffer: impl FnOnce(&gst::Buffer) -> Result<gst::Buffer, gst::FlowError>,
) -> Result<gst::Buffer, Error> {
    let in_place = match output {
        // Its pixels stay as they are, whatever else holds them.
        OutputKind::Metadata => true,
        OutputKind::Overlay | OutputKind::Colours => {
            !negotiated.changes_caps() && pixels::is_ours(&mut inbuf)
        }
        _ => false,
    };
    if in_place {
        return Ok(inbuf);
    }
    let mut outbuf = new_buffer(&inbuf)?;
    let buffer = outbuf.make_mut();
    let (info, out_info) = (&negotiated.info, &negotiated.out_info);
    match output {
        _ if output.is_coloured() && info.is_gray() => {
            pixels::copy_luma(&inbuf, info, buffer, out_info)?;
        }
        OutputKind::SideBySide | OutputKind::ColoursBeside => {
            pixels::copy_beside_itself(&inbuf, info, buffer, out_info)?;
        }
        OutputKind::Overlay | OutputKind::Colours => pixels::copy(&inbuf, buffer, out_info)?,
        OutputKind::ClassMap | OutputKind::Reconstruction | OutputKind::Metadata => {}
    }
    Ok(outbuf)
}

fn draw(
    pixels: &mut Pixels,
    buffer: &mut gst::BufferRef,
    output: OutputKind,
    negotiated: &Negotiated,
    results: &Results,
    live: &Live,
    model: &ModelClasses,
) -> Result<(), Error> {
    let (info, left) = (&negotiated.out_info, negotiated.left());
    let classes = || results.classes.as_ref().ok_or(Error::NoResult);
    match output {
        OutputKind::Overlay | OutputKind::SideBySide => {
            let paint = Paint {
                style: Style {
                    colours: live.look.colours(),
                    opacity: live.opacity as f32,
                    contours: live.contours as usize,
                },
                legend: live.legend.then_some(&*model.classes),
            };
            pixels.draw(buffer, info, left, classes()?, &paint)?;
        }
        OutputKind::ClassMap => pixels.class_map(buffer, info, classes()?)?,
        OutputKind::Metadata => class_map_meta::attach(buffer, classes()?, &model.classes)?,
        OutputKind::Reconstruction => {
            let picture = results.reconstruction.as_ref().ok_or(Error::NoResult)?;
            pixels.paint(buffer, info, picture)?;
        }
        OutputKind::Colours | OutputKind::ColoursBeside => {
            let chroma = results.chroma.as_ref().ok_or(Error::NoResult)?;
            let chroma = live.grade().apply(ChromaMap::clone(chroma));
            pixels.tint(buffer, info, left, &chroma)?;
        }
    }
    if matches!(output, OutputKind::Overlay | OutputKind::Metadata) {
        pixels.attach_mask(buffer, info, classes()?, &model.classes)?;
    }
    Ok(())
}

/// Counts the frame, and posts its message.
fn count(
    element: &BaseTransform,
    parts: &Parts,
    engine: &Engine,
    report: &adapt::Report,
    live: &Live,
    plan: &FramePlan,
    running_time: Option<gst::ClockTime>,
) {
    report::log_skipped(element, report);
    let (references, hints) = parts.colours.given().counts();
    let report = FrameReport {
        references,
        hints,
        resets: lock(&parts.stats).resets(),
        running_time,
        provider: engine.provider_in_use(),
        ..FrameReport::new(report, plan)
    };
    if live.post_messages {
        report::post_frame(element, &report);
    }
    lock(&parts.stats).count(report, !plan.effort.predict);
}

/// Takes in what a frame has cost, and posts what that changes.
fn observe(
    element: &BaseTransform,
    parts: &Parts,
    plan: &FramePlan,
    spent: Spent,
    buffer: &gst::BufferRef,
) {
    let mut stream = lock(&parts.stream);
    let (latency, moved) = stream.pacing.observe(plan, spent);
    let is_live = stream.pacing.latency.is_live();
    drop(stream);
    if let Some(latency) = latency {
        report::post_latency(element, latency);
    }
    if let Some(next) = moved {
        let frames = lock(&parts.stats).frames_and_reused();
        report::post_rung(element, plan, spent, next, is_live, frames, buffer);
    }
}
