//! What happens to a frame.

use std::sync::Arc;
use std::time::Instant;

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::base_transform::{
    GenerateOutputSuccess, InputBuffer, PrepareOutputBufferSuccess,
};
use gst_base::subclass::prelude::*;
use tttseg::adapt::{Prediction, Skipped};
use tttseg::video::Palette;

use super::engine::{Engine, Failure, Forget, Wanted};
use super::imp::{CAT, Negotiated, TttSegFilter};
use super::pace::Spell;
use super::pixels::{self, Picture, PixelError};
use super::settings::Live;
use super::{FrameReport, Output, Pace};

/// The last result, for frames that come too late for one of their own.
pub(super) struct Drawn {
    bytes: Vec<u8>,
    size: (usize, usize),
}

impl Drawn {
    fn picture(&self) -> Picture<'_> {
        Picture {
            bytes: &self.bytes,
            width: self.size.0,
            height: self.size.1,
        }
    }
}

impl TttSegFilter {
    /// Learns from a frame, and sends it out as the properties say.
    pub(super) fn process(
        &self,
        inbuf: gst::Buffer,
    ) -> Result<GenerateOutputSuccess, gst::FlowError> {
        let Some(negotiated) = self.negotiated() else {
            return Err(gst::FlowError::NotNegotiated);
        };
        let live = self.live_settings();
        let Some(output) = negotiated.output.filter(|_| {
            // Until caps have been negotiated again a class map has to stay one.
            !live.passthrough || negotiated.output == Some(Output::ClassMap)
        }) else {
            return Ok(GenerateOutputSuccess::Buffer(inbuf));
        };
        let engine = self.engine().ok_or(gst::FlowError::Flushing)?;
        let began = Instant::now();
        let running_time = self.running_time(&inbuf);

        if inbuf
            .flags()
            .intersects(gst::BufferFlags::DISCONT | gst::BufferFlags::GAP)
        {
            engine.forget(Forget::Window);
        }
        let rgb = self
            .pixels()
            .at_model_size(&inbuf, &negotiated.info, negotiated.model_size)
            .map_err(|e| self.pixel_error(e))?;

        let late = self.is_late(&live, running_time);
        let wanted = Wanted {
            learn: live.adapt && !late,
            late,
            classes: !late && output != Output::Reconstruction,
            reconstruction: !late && output == Output::Reconstruction,
        };
        let before = began.elapsed();
        let mut prediction = engine
            .run(rgb, negotiated.model_size, wanted)
            .map_err(|failure| self.engine_failure(failure))?;
        let after = Instant::now();
        self.keep(&mut prediction, output);
        let outbuf = self.draw(inbuf, output, &negotiated, &live, engine.palette())?;
        self.account(&engine, &prediction, &live, running_time);
        // Without what the first frame of a size waits for: graphs being built.
        let report = &prediction.report;
        let took = before + report.step_time + report.predict_time + after.elapsed();
        // What skipped frames take says nothing about what others will.
        if !late && self.latency().observe(took) {
            self.obj()
                .post_message(gst::message::Latency::builder().src(&*self.obj()).build())
                .ok();
        }
        gst::trace!(
            CAT,
            imp = self,
            "Frame {} took {took:?}, late: {late}",
            prediction.report.frame
        );
        Ok(GenerateOutputSuccess::Buffer(outbuf))
    }

    fn engine_failure(&self, failure: Failure) -> gst::FlowError {
        match failure {
            Failure::Cancelled => gst::FlowError::Flushing,
            Failure::Error(e) => {
                gst::element_imp_error!(self, gst::LibraryError::Failed, ("{e}"));
                gst::FlowError::Error
            }
        }
    }

    fn running_time(&self, buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
        let segment = self.obj().segment();
        segment
            .downcast_ref::<gst::ClockTime>()?
            .to_running_time(buffer.pts()?)
    }

    /// Whether the frame gets the last result again. The first one never does: there is nothing to reuse.
    fn is_late(&self, live: &Live, running_time: Option<gst::ClockTime>) -> bool {
        let mut stream = self.stream();
        let late = live.pace == Pace::Auto
            && stream.drawn.is_some()
            && stream.lateness.is_late(running_time);
        let spell = stream.lateness.count(late);
        drop(stream);
        if let Some(Spell { learned, frames }) = spell {
            gst::element_imp_warning!(
                self,
                gst::StreamError::Failed,
                ("Learning from {learned} of {frames} frames: this machine is slower than the stream. All frames go \
                     out; late ones are shown with the last result. For a result of its own for every frame, use \
                     pace=every-frame and a sink with sync=false")
            );
        }
        late
    }

    /// Keeps the result of this frame for the next ones.
    fn keep(&self, prediction: &mut Prediction, output: Output) {
        let bytes = match output {
            Output::Reconstruction => prediction.reconstruction.take(),
            Output::Overlay | Output::ClassMap => prediction.classes.take(),
        };
        if let Some(bytes) = bytes {
            self.stream().drawn = Some(Arc::new(Drawn {
                bytes,
                size: (prediction.width, prediction.height),
            }));
        }
    }

    fn draw(
        &self,
        mut inbuf: gst::Buffer,
        output: Output,
        negotiated: &Negotiated,
        live: &Live,
        palette_of_model: &Palette,
    ) -> Result<gst::Buffer, gst::FlowError> {
        let drawn = self.stream().drawn.clone();
        let Some(drawn) = drawn else {
            gst::element_imp_error!(
                self,
                gst::LibraryError::Failed,
                ("The engine gave no result for a frame")
            );
            return Err(gst::FlowError::Error);
        };
        let picture = drawn.picture();
        let in_place = output == Output::Overlay && pixels::is_ours(&mut inbuf);
        let mut outbuf = if in_place {
            inbuf
        } else {
            let mut outbuf = self.buffer_for(&inbuf)?;
            if output == Output::Overlay {
                pixels::copy(&inbuf, outbuf.make_mut(), &negotiated.info)
                    .map_err(|e| self.pixel_error(e))?;
            }
            outbuf
        };
        let buffer = outbuf.make_mut();
        let info = &negotiated.out_info;
        let mut pixels = self.pixels();
        match output {
            Output::Overlay => {
                let palette = live.palette.as_deref().unwrap_or(palette_of_model);
                pixels.draw(buffer, info, &picture, palette, live.opacity)
            }
            Output::ClassMap => pixels.class_map(buffer, info, &picture),
            Output::Reconstruction => pixels.paint(buffer, info, &picture),
        }
        .map_err(|e| self.pixel_error(e))?;
        drop(pixels);
        Ok(outbuf)
    }

    /// A buffer of the negotiated pool, with time stamps, flags and metas of the input.
    fn buffer_for(&self, inbuf: &gst::Buffer) -> Result<gst::Buffer, gst::FlowError> {
        match self.parent_prepare_output_buffer(InputBuffer::Readable(inbuf))? {
            PrepareOutputBufferSuccess::Buffer(buffer) => Ok(buffer),
            // Only in the base class's own pass-through, which is never switched on.
            PrepareOutputBufferSuccess::InputBuffer => Err(gst::FlowError::Error),
        }
    }

    fn pixel_error(&self, error: PixelError) -> gst::FlowError {
        gst::element_imp_error!(
            self,
            gst::StreamError::Failed,
            ("A video frame could not be handled: {error}")
        );
        gst::FlowError::Error
    }

    /// Counts the frame and tells the bus.
    fn account(
        &self,
        engine: &Engine,
        prediction: &Prediction,
        live: &Live,
        running_time: Option<gst::ClockTime>,
    ) {
        let report = &prediction.report;
        if report.skipped == Some(Skipped::NotFinite) {
            gst::warning!(
                CAT,
                imp = self,
                "Loss or gradient of frame {} is not finite; the weights are as they were",
                report.frame
            );
        }
        let report = FrameReport::new(report, running_time, engine.provider_in_use());
        if live.post_messages {
            let message = gst::message::Element::builder(gst::Structure::from(&report))
                .src(&*self.obj())
                .build();
            // Without a bus there is nobody to tell.
            self.obj().post_message(message).ok();
        }
        self.stats().count(report);
    }
}
