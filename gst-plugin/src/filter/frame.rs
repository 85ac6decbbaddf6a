//! What happens to a frame.

use std::sync::Arc;
use std::time::Instant;

use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::base_transform::{
    GenerateOutputSuccess, InputBuffer, PrepareOutputBufferSuccess,
};
use gst_base::subclass::prelude::*;
use tttseg::adapt::{Prediction, Skipped};
use tttseg::video::{ChromaMap, Style};

use super::effort::{Cost, Needs};
use super::engine::{Failure, Forget};
use super::imp::{CAT, TttSegFilter};
use super::look::Known;
use super::meta;
use super::negotiate::Negotiated;
use super::pixels::{self, Paint, Picture, PixelError};
use super::product::Product;
use super::settings::Live;

/// The last results, for frames that come too late for ones of their own.
#[derive(Clone, Default)]
pub(super) struct Drawn {
    classes: Option<Picture>,
    /// As it is shown but for `saturation` and `temperature`.
    pub chroma: Option<Arc<ChromaMap>>,
    reconstruction: Option<Picture>,
}

impl Drawn {
    /// Whether what is needed is there.
    pub fn has(&self, needs: Needs) -> bool {
        (!needs.classes || self.classes.is_some())
            && (!needs.chroma || self.chroma.is_some())
            && (!needs.reconstruction || self.reconstruction.is_some())
    }

    /// What goes out is made of.
    fn picture(&self, output: Product) -> Option<&Picture> {
        match output {
            Product::Reconstruction => self.reconstruction.as_ref(),
            Product::Overlay | Product::ClassMap | Product::SideBySide | Product::Metadata => {
                self.classes.as_ref()
            }
            Product::Colours | Product::ColoursBeside => None,
        }
    }
}

impl TttSegFilter {
    /// Learns from a frame, and sends it out as the properties say.
    pub(super) fn process(
        &self,
        inbuf: gst::Buffer,
    ) -> Result<GenerateOutputSuccess, gst::FlowError> {
        let negotiated = self.negotiated_for_frame()?;
        let live = self.live_settings();
        let Some(output) = negotiated.output.filter(|_| {
            // Until caps have been negotiated again what goes out has to stay what it is.
            !live.passthrough || negotiated.changes_caps()
        }) else {
            self.skip_in_classes(&inbuf);
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

        if output.is_coloured() {
            self.look_for_cut(&rgb, negotiated.model_size.0);
        }
        let needs = Needs {
            classes: !(output == Product::Reconstruction || output.is_coloured())
                || self.classes_pad().is_some(),
            chroma: output.is_coloured(),
            reconstruction: output == Product::Reconstruction,
        };
        let plan = self.plan(
            &live,
            needs,
            &negotiated,
            engine.is_asynchronous(),
            running_time,
        );
        let wanted = plan.wanted(&live, needs);
        let before = began.elapsed();
        let mut prediction = engine
            .run(&rgb, negotiated.model_size, wanted)
            .map_err(|failure| self.engine_failure(failure))?;
        if output.is_coloured() {
            self.directions().show(&rgb, negotiated.model_size);
        }
        self.pixels().keep(rgb);
        self.keep(&mut prediction, &live);
        let classes = self.stream().drawn.classes.clone();
        match classes.filter(|_| needs.classes) {
            Some(classes) => self.push_classes(&inbuf, &classes)?,
            // Asked for while the frame was computed.
            None => self.skip_in_classes(&inbuf),
        }
        // How long others take for the classes is no cost of ours.
        let after = Instant::now();
        let outbuf = self.draw(inbuf, output, &negotiated, &live, engine.known())?;
        // Without what the first frame of a size waits for: graphs being built.
        let report = &prediction.report;
        let waited = if engine.is_asynchronous() {
            report.predict_time
        } else {
            report.step_time + report.predict_time
        };
        let cost = Cost {
            learning: report.step_time,
            frame: before + waited + after.elapsed(),
        };
        self.account(&engine, report, &live, &plan, running_time);
        // A frame without a step that was wanted tells nothing: the graph for it is being built.
        if !(plan.effort.learn && report.skipped == Some(Skipped::Late)) {
            self.learn_of_cost(&plan, cost, &outbuf);
        }
        gst::trace!(
            CAT,
            imp = self,
            "Frame {} took {:?}, late: {}",
            report.frame,
            cost.frame,
            plan.late
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

    /// Keeps the results of this frame for the next ones.
    fn keep(&self, prediction: &mut Prediction, live: &Live) {
        if let Some(chroma) = prediction.chroma.take() {
            self.keep_colours(chroma, live);
        }
        let picture = |bytes: Arc<[u8]>| Picture {
            bytes,
            width: prediction.width,
            height: prediction.height,
        };
        let classes = prediction.classes.take().map(picture);
        let reconstruction = prediction.reconstruction.take().map(picture);
        let mut stream = self.stream();
        if classes.is_some() {
            stream.drawn.classes = classes;
        }
        if reconstruction.is_some() {
            stream.drawn.reconstruction = reconstruction;
        }
    }

    fn draw(
        &self,
        mut inbuf: gst::Buffer,
        output: Product,
        negotiated: &Negotiated,
        live: &Live,
        known: &Known,
    ) -> Result<gst::Buffer, gst::FlowError> {
        if output.is_coloured() {
            return self.draw_colours(inbuf, output, negotiated, live);
        }
        let drawn = self.stream().drawn.clone();
        let picture = drawn.picture(output).ok_or_else(|| no_result(self))?;
        if output == Product::Metadata {
            // A buffer that somebody else holds is copied without its pixels.
            let buffer = inbuf.make_mut();
            meta::attach(buffer, picture, &known.classes)
                .map_err(PixelError::from)
                .and_then(|()| {
                    let mut pixels = self.pixels();
                    pixels.attach_mask(buffer, &negotiated.info, picture, &known.classes)
                })
                .map_err(|e| self.pixel_error(e))?;
            return Ok(inbuf);
        }
        let in_place = output == Product::Overlay && pixels::is_ours(&mut inbuf);
        let info = &negotiated.out_info;
        let mut outbuf = if in_place {
            inbuf
        } else {
            let mut outbuf = self.buffer_for(&inbuf)?;
            let buffer = outbuf.make_mut();
            match output {
                Product::Overlay => pixels::copy(&inbuf, buffer, info),
                Product::SideBySide => {
                    pixels::copy_beside_itself(&inbuf, &negotiated.info, buffer, info)
                }
                _ => Ok(()),
            }
            .map_err(|e| self.pixel_error(e))?;
            outbuf
        };
        let buffer = outbuf.make_mut();
        let mut pixels = self.pixels();
        match output {
            Product::Overlay | Product::SideBySide => {
                let left = info.width() - negotiated.info.width();
                let paint = Paint {
                    style: Style {
                        colours: live.look.colours(),
                        opacity: live.opacity as f32,
                        contours: live.contours as usize,
                    },
                    legend: live.legend.then_some(&*known.classes),
                };
                let drawn = pixels.draw(buffer, info, left as usize, picture, &paint);
                drawn.and_then(|()| match output {
                    Product::Overlay => pixels.attach_mask(buffer, info, picture, &known.classes),
                    _ => Ok(()),
                })
            }
            Product::ClassMap => pixels.class_map(buffer, info, picture),
            Product::Reconstruction => pixels.paint(buffer, info, picture),
            Product::Metadata | Product::Colours | Product::ColoursBeside => Ok(()),
        }
        .map_err(|e| self.pixel_error(e))?;
        Ok(outbuf)
    }

    /// A buffer of the negotiated pool, with time stamps, flags and metas of the input.
    pub(super) fn buffer_for(&self, inbuf: &gst::Buffer) -> Result<gst::Buffer, gst::FlowError> {
        match self.parent_prepare_output_buffer(InputBuffer::Readable(inbuf))? {
            PrepareOutputBufferSuccess::Buffer(buffer) => Ok(buffer),
            // Only in the base class's own pass-through, which is never switched on.
            PrepareOutputBufferSuccess::InputBuffer => Err(gst::FlowError::Error),
        }
    }

    pub(super) fn pixel_error(&self, error: PixelError) -> gst::FlowError {
        gst::element_imp_error!(
            self,
            gst::StreamError::Failed,
            ("A video frame could not be handled: {error}")
        );
        gst::FlowError::Error
    }
}

/// Tells that there is nothing to make a frame of.
pub(super) fn no_result(filter: &TttSegFilter) -> gst::FlowError {
    gst::element_imp_error!(
        filter,
        gst::LibraryError::Failed,
        ("The engine gave no result for a frame")
    );
    gst::FlowError::Error
}
