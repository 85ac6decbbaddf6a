//! What caps mean for frames.

use std::sync::Arc;

use gst::subclass::prelude::*;
use gst_video::{VideoInfo, VideoInterlaceMode};
use tttseg::video::MAX_SIDE;

use super::engine::Forget;
use super::imp::{CAT, TttSegFilter};
use super::{Output, caps};

/// What has been negotiated.
pub(super) struct Negotiated {
    pub info: VideoInfo,
    pub out_info: VideoInfo,
    /// What goes out; `None` in pass-through.
    pub output: Option<Output>,
    /// Width and height the network sees frames at.
    pub model_size: (usize, usize),
}

impl TttSegFilter {
    /// Takes what the base class has negotiated, or says on the bus why not.
    pub(super) fn take_caps(
        &self,
        incaps: &gst::Caps,
        outcaps: &gst::Caps,
    ) -> Result<(), gst::LoggableError> {
        let negotiated = self.negotiate(incaps, outcaps).map_err(|why| {
            gst::element_imp_error!(
                self,
                gst::CoreError::Negotiation,
                ("This video cannot be segmented: {why}")
            );
            gst::loggable_error!(CAT, "{incaps} refused: {why}")
        })?;
        gst::info!(
            CAT,
            imp = self,
            "{incaps} in, {outcaps} out, seen by the network at {:?}",
            negotiated.model_size
        );
        let mut stream = self.stream();
        let before = stream.negotiated.replace(Arc::new(negotiated));
        stream.drawn = Default::default();
        let now = stream.negotiated.clone();
        drop(stream);
        // Asked for what goes out only, the window is as good as before.
        if let (Some(before), Some(now)) = (before, now)
            && before.info != now.info
        {
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
        let output = self.output();
        if out_info.width() as usize > MAX_SIDE {
            return Err(format!(
                "what goes out is {} pixels wide; {MAX_SIDE} are possible",
                out_info.width()
            ));
        }
        let model_size = match output {
            None => (0, 0),
            Some(_) => {
                let engine = self.engine().ok_or("the element is going down")?;
                let size = |(width, height)| {
                    let size = engine.model_size(width, height);
                    size.map_err(|e| e.to_string())
                };
                // Stretching makes no patch of a frame that has none.
                size((info.width() as usize, info.height() as usize))?;
                size(caps::square_pixels(&info))?
            }
        };
        Ok(Negotiated {
            info,
            out_info,
            output,
            model_size,
        })
    }
}
