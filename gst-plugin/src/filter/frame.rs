//! The frame path: map, scale, plan, learn, predict, keep, draw, report.

use std::sync::Arc;
use std::time::Instant;

use gst_base::BaseTransform;
use gst_base::prelude::*;
use tttseg::adapt::{self, Request, Skipped};
use tttseg::video::{ChromaMap, Orientation, Rgb, Style};

use super::engine::{Engine, Forget};
use super::error::Error;
use super::lock;
use super::log::CAT;
use super::negotiate;
use super::out::{OutputKind, class_map_meta, pixels};
use super::parts::Parts;
use super::report::{self, FrameReport, class_shares};
use super::settings::Live;
use super::stream::{Negotiated, Results};
use super::time::{FramePlan, Spent};

/// A frame on its way, and what holds for it from its beginning to its end.
struct Frame<'a> {
    element: &'a BaseTransform,
    parts: &'a Parts,
    engine: Arc<Engine>,
    negotiated: Arc<Negotiated>,
    output: OutputKind,
    /// Classes are wanted, for what goes out or for the pad `classes`.
    classes: bool,
    live: Live,
    running_time: Option<gst::ClockTime>,
}

/// Learns from a frame, and gives the buffer that goes out for it. `new_buffer` takes one from the negotiated pool, with time stamps,
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
    let shows_classes = !output.is_coloured() && output != OutputKind::Reconstruction;
    let frame = Frame {
        element,
        parts,
        engine: parts.control.engine().ok_or(gst::FlowError::Flushing)?,
        negotiated,
        output,
        classes: shows_classes || parts.classes.pad().is_some(),
        live,
        running_time: running_time(element, &inbuf),
    };
    let began = Instant::now();

    let orientation = frame.negotiated.orientation;
    let rgb = frame.scale(&inbuf, orientation.size(size))?;
    let upright = (!orientation.is_upright()).then(|| orientation.upright(&rgb, [0, 1]));
    let plan = frame.plan();
    let before = began.elapsed();

    let mut prediction = frame
        .engine
        .run(upright.as_ref().unwrap_or(&rgb), plan.request)?;

    let results = frame.keep(&mut prediction, rgb, upright);
    match results.classes.as_ref().filter(|_| frame.classes) {
        Some(map) => parts.classes.push(element, &inbuf, map, &parts.pixels)?,
        // The pad came while the frame was computed.
        None => parts.classes.skip(element, &inbuf),
    }

    // The time that others take for the classes is no cost of this element.
    let after = Instant::now();
    let mut outbuf = frame.copy(inbuf, new_buffer)?;
    frame.draw(outbuf.make_mut(), &results)?;

    // Without what the first frame of a size waits for: graphs being built.
    let report = &prediction.report;
    let waited = if frame.engine.key.asynchronous {
        report.predict_time
    } else {
        report.step_time + report.predict_time
    };
    let spent = Spent {
        learning: report.step_time,
        frame: before + waited + after.elapsed(),
    };
    frame.count(report, &plan, &results);
    // A frame whose step waits for its graph says nothing about the cost of others.
    if !(plan.effort.learn && report.skipped == Some(Skipped::Late)) {
        frame.observe(&plan, spent, &outbuf);
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

fn running_time(element: &BaseTransform, buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
    let segment = element.segment();
    segment
        .downcast_ref::<gst::ClockTime>()?
        .to_running_time(buffer.pts()?)
}

/// Turns what comes of an upright picture as the frames of the stream lie.
fn turn_as_recorded(prediction: &mut adapt::Prediction, orientation: Orientation) {
    if let Some(map) = &mut prediction.classes {
        *map = Arc::new(orientation.as_recorded(map, [0, 1]));
    }
    if let Some(picture) = &mut prediction.reconstruction {
        *picture = Arc::new(orientation.as_recorded(picture, [0, 1]));
    }
    if let Some(chroma) = &mut prediction.chroma {
        *chroma = orientation.as_recorded(chroma, [1, 2]);
    }
}

impl Frame<'_> {
    /// The frame at the size at which the network sees it; what does not fit it is forgotten.
    fn scale(&self, inbuf: &gst::BufferRef, size: (usize, usize)) -> Result<Rgb, Error> {
        let breaks = gst::BufferFlags::DISCONT | gst::BufferFlags::GAP;
        if inbuf.flags().intersects(breaks) {
            self.engine.forget(Forget::Window);
        }
        let mut pixels = lock(&self.parts.pixels);
        let rgb = pixels.at_model_size(inbuf, &self.negotiated.info, size)?;
        let is_cut = self.output.is_coloured() && pixels.chroma_filter.is_cut(&rgb);
        drop(pixels);
        if is_cut {
            gst::debug!(CAT, obj = self.element, "Another scene");
            // Its colours are not those of the last one, however late the frame is.
            lock(&self.parts.stream).results.chroma = None;
            let colours = &self.parts.colours;
            colours.clear_hints(self.element, Some(&self.engine));
            self.parts.forget(self.element, Forget::Scene);
        }
        Ok(rgb)
    }

    fn plan(&self) -> FramePlan {
        let (masks, steps) = self.parts.control.full_effort();
        let full = Request {
            learn: self.live.adapt,
            predict: self.classes || self.output.is_coloured(),
            reconstruct: self.output == OutputKind::Reconstruction,
            most_views: Some(masks),
            most_steps: Some(steps),
            // Beside the stream, a little at a time shows something sooner.
            most_colour_steps: (self.engine.key.asynchronous)
                .then_some(FramePlan::FEW_COLOUR_STEPS),
            ..Request::default()
        };
        let mut stream = lock(&self.parts.stream);
        let first = !stream.results.suffice(self.output, self.classes);
        let rate = self.negotiated.info.fps();
        let pacing = &mut stream.pacing;
        let (plan, lateness) = pacing.plan(full, first, &self.live, rate, self.running_time);
        drop(stream);
        if let Some(lateness) = lateness {
            report::warn_of_lateness(self.element, lateness);
        }
        plan
    }

    /// Keeps the results of this frame for the next ones, and gives those to draw it with. Chroma keeps a share of the last
    /// frame's.
    fn keep(&self, prediction: &mut adapt::Prediction, rgb: Rgb, upright: Option<Rgb>) -> Results {
        if self.output.is_coloured() {
            let given = &self.parts.colours;
            given.given().show(upright.as_ref().unwrap_or(&rgb));
        }
        if upright.is_some() {
            turn_as_recorded(prediction, self.negotiated.orientation);
        }
        let mut stream = lock(&self.parts.stream);
        let mut pixels = lock(&self.parts.pixels);
        let results = &mut stream.results;
        if let Some(chroma) = prediction.chroma.take() {
            let share = self.live.chroma_smoothing as f32;
            let smooth = pixels
                .chroma_filter
                .smooth(chroma, results.chroma.as_deref(), share);
            results.chroma = Some(Arc::new(smooth));
        }
        pixels.keep(rgb);
        results.keep(prediction);
        results.clone()
    }

    /// A buffer to draw into: the frame itself where that is possible, or another one with what stays of it.
    fn copy(
        &self,
        mut inbuf: gst::Buffer,
        new_buffer: impl FnOnce(&gst::Buffer) -> Result<gst::Buffer, gst::FlowError>,
    ) -> Result<gst::Buffer, Error> {
        let in_place = match self.output {
            // Its pixels stay as they are, whatever else holds them.
            OutputKind::Metadata => true,
            OutputKind::Overlay | OutputKind::Colours => {
                !self.negotiated.changes_caps() && pixels::is_ours(&mut inbuf)
            }
            _ => false,
        };
        if in_place {
            return Ok(inbuf);
        }
        let mut outbuf = new_buffer(&inbuf)?;
        let buffer = outbuf.make_mut();
        let (info, out_info) = (&self.negotiated.info, &self.negotiated.out_info);
        match self.output {
            output if output.is_coloured() && info.is_gray() => {
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

    fn draw(&self, buffer: &mut gst::BufferRef, results: &Results) -> Result<(), Error> {
        let (info, left) = (&self.negotiated.out_info, self.negotiated.left());
        let (live, names) = (&self.live, &*self.engine.classes.classes);
        let classes = || results.classes.as_ref().ok_or(Error::NoResult);
        let mut pixels = lock(&self.parts.pixels);
        match self.output {
            OutputKind::Overlay | OutputKind::SideBySide => {
                let style = Style {
                    colours: live.look.colours(),
                    opacity: live.opacity as f32,
                    contours: live.contours as usize,
                };
                let legend = live.legend.then_some(names);
                pixels.overlay(buffer, info, left, classes()?, &style, legend)?;
            }
            OutputKind::ClassMap => pixels.class_map(buffer, info, classes()?)?,
            OutputKind::Metadata => class_map_meta::attach(buffer, classes()?, names)?,
            OutputKind::Reconstruction => {
                let picture = results.reconstruction.as_ref().ok_or(Error::NoResult)?;
                pixels.paint(buffer, info, picture)?;
            }
            OutputKind::Colours | OutputKind::ColoursBeside => {
                let chroma = results.chroma.as_ref().ok_or(Error::NoResult)?;
                let chroma = live.grade().apply(ChromaMap::clone(chroma));
                pixels.colorize(buffer, info, left, &chroma)?;
            }
        }
        if matches!(self.output, OutputKind::Overlay | OutputKind::Metadata) {
            pixels.attach_mask(buffer, info, classes()?, names)?;
        }
        Ok(())
    }

    /// Counts the frame, and posts its message.
    fn count(&self, report: &adapt::Report, plan: &FramePlan, results: &Results) {
        if report.skipped == Some(Skipped::NotFinite) {
            gst::warning!(
                CAT,
                obj = self.element,
                "Loss or gradient of frame {} is not finite; the weights are as they were",
                report.frame
            );
        }
        let (references, hints) = self.parts.colours.given().counts();
        let names = &self.engine.classes.classes;
        let map = results.classes.as_ref().filter(|_| self.classes);
        let shares = map.map(|map| class_shares(map, names.len()));
        let mut stats = lock(&self.parts.stats);
        let report = FrameReport {
            references,
            hints,
            resets: stats.resets(),
            running_time: self.running_time,
            provider: self.engine.provider_in_use(),
            classes: shares.as_ref().map_or_else(Arc::default, |_| names.clone()),
            class_shares: shares.unwrap_or_default(),
            ..FrameReport::new(report, plan)
        };
        let structure = self
            .live
            .post_messages
            .then(|| gst::Structure::from(&report));
        stats.count(report, !plan.effort.predict);
        drop(stats);
        if let Some(structure) = structure {
            let message = gst::message::Element::builder(structure).src(self.element);
            // Without a bus it goes nowhere.
            self.element.post_message(message.build()).ok();
        }
    }

    /// Takes in what the frame has cost, and posts what that changes.
    fn observe(&self, plan: &FramePlan, spent: Spent, buffer: &gst::BufferRef) {
        let mut stream = lock(&self.parts.stream);
        let (latency, moved) = stream.pacing.observe(plan, spent);
        let is_live = stream.pacing.latency.is_live();
        drop(stream);
        if let Some(latency) = latency {
            gst::info!(CAT, obj = self.element, "Latency is {latency} now");
            let message = gst::message::Latency::builder().src(self.element);
            self.element.post_message(message.build()).ok();
        }
        if let Some(next) = moved {
            let frames = lock(&self.parts.stats).frames_and_reused();
            report::post_rung(self.element, plan, spent, next, is_live, frames, buffer);
        }
    }
}
