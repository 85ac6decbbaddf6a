//! What caps mean for frames.

use std::sync::Arc;

use gst::subclass::prelude::*;
use gst_video::{VideoInfo, VideoInterlaceMode};
use tttseg::video::MAX_SIDE;

use super::caps;
use super::engine::Forget;
use super::imp::{CAT, TttSegFilter};
use super::product::Product;

/// What has been negotiated.
pub(super) struct Negotiated {
    pub info: VideoInfo,
    pub out_info: VideoInfo,
    /// What goes out; `None` in pass-through.
    pub output: Option<Product>,
    /// Width and height the network sees frames at.
    pub model_size: (usize, usize),
}

impl Negotiated {
    /// Whether what goes out has other caps than what comes in.
    pub fn changes_caps(&self) -> bool {
        let grey = self.info.is_gray();
        self.output.is_some_and(|output| output.changes_caps(grey))
    }
}

impl TttSegFilter {
    /// Takes what the base class has negotiated, or says on the bus why not.
    pub(super) fn take_caps(
        &self,
        incaps: &gst::Caps,
        outcaps: &gst::Caps,
    ) -> Result<(), gst::LoggableError> {
        let negotiated = self.negotiate(incaps, outcaps).map_err(|why| {
            self.refuse(&why);
            gst::loggable_error!(CAT, "{incaps} refused: {why}")
        })?;
        gst::info!(
            CAT,
            imp = self,
            "{incaps} in, {outcaps} out, seen by the network at {:?}",
            negotiated.model_size
        );
        let size = negotiated.model_size;
        let mut stream = self.stream();
        let before = stream.negotiated.replace(Arc::new(negotiated));
        stream.drawn = Default::default();
        let now = stream.negotiated.clone();
        drop(stream);
        if let Some(engine) = self.engine() {
            self.send_references(&engine, size);
        }
        // Asked for what goes out only, the window is as good as before.
        if let (Some(before), Some(now)) = (before, now)
            && before.info != now.info
        {
            self.clear_hints();
            self.forget(Forget::Window);
        }
        Ok(())
    }

    fn negotiate(
        &self,
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
        let output = self.product();
        Ok(Negotiated {
            model_size: self.model_size(&info, output)?,
            info,
            out_info,
            output,
        })
    }

    /// The size the network sees frames at; none in pass-through.
    fn model_size(
        &self,
        info: &VideoInfo,
        output: Option<Product>,
    ) -> Result<(usize, usize), String> {
        if output.is_none() {
            return Ok((0, 0));
        }
        let engine = self.engine().ok_or("the element is going down")?;
        let size = |(width, height)| {
            let size = engine.model_size(width, height);
            size.map_err(|e| e.to_string())
        };
        // Stretching makes no patch of a frame that has none.
        size((info.width() as usize, info.height() as usize))?;
        size(caps::square_pixels(info))
    }

    /// What caps mean for this frame. When the output has changed and caps have not, the base class does not ask again.
    pub(super) fn negotiated_for_frame(&self) -> Result<Arc<Negotiated>, gst::FlowError> {
        let negotiated = self.negotiated().ok_or(gst::FlowError::NotNegotiated)?;
        let output = self.product();
        if output == negotiated.output
            || !caps::are_alike(output, negotiated.output, negotiated.info.is_gray())
        {
            return Ok(negotiated);
        }
        let model_size = self.model_size(&negotiated.info, output).map_err(|why| {
            self.refuse(&why);
            gst::FlowError::NotNegotiated
        })?;
        let now = Arc::new(Negotiated {
            info: negotiated.info.clone(),
            out_info: negotiated.out_info.clone(),
            output,
            model_size,
        });
        self.stream().negotiated = Some(now.clone());
        if let Some(engine) = self.engine() {
            self.send_references(&engine, model_size);
        }
        Ok(now)
    }

    fn refuse(&self, why: &str) {
        gst::element_imp_error!(
            self,
            gst::CoreError::Negotiation,
            ("This video cannot be worked on: {why}")
        );
    }
}
