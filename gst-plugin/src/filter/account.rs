//! What is told about a frame.

use gst::prelude::*;
use gst::subclass::prelude::*;
use tttseg::adapt;

use super::effort::Plan;
use super::engine::Engine;
use super::imp::{CAT, TttSegFilter};
use super::message::{FrameReport, Skipped, Surroundings};
use super::settings::Live;

impl TttSegFilter {
    /// Counts the frame and tells the bus.
    pub(super) fn account(
        &self,
        engine: &Engine,
        report: &adapt::Report,
        live: &Live,
        plan: &Plan,
        running_time: Option<gst::ClockTime>,
    ) {
        if report.skipped == Some(adapt::Skipped::NotFinite) {
            gst::warning!(
                CAT,
                imp = self,
                "Loss or gradient of frame {} is not finite; the weights are as they were",
                report.frame
            );
        }
        let (references, hints) = self.directions().counts();
        let surroundings = Surroundings {
            references,
            hints,
            rung: plan.effort.rung,
            masks: plan.effort.masks,
            resets: self.stats().resets(),
            running_time,
            provider: engine.provider_in_use(),
        };
        let mut report = FrameReport::new(report, surroundings);
        // To the engine they are the same.
        if report.skipped == Some(Skipped::Late) && !plan.late {
            report.skipped = Some(Skipped::Budget);
        }
        if live.post_messages {
            let message = gst::message::Element::builder(gst::Structure::from(&report))
                .src(&*self.obj())
                .build();
            // Without a bus there is nobody to tell.
            self.obj().post_message(message).ok();
        }
        self.stats().count(report, !plan.effort.predict);
    }
}
