//! The element message `tttseg`, posted for every frame.

use std::sync::Arc;

use gst::glib;
use tttseg::adapt;
use tttseg::choice::Choice;

use crate::filter::Rung;
use crate::filter::time::FramePlan;

tttseg::choices! {
    /// Why the weights are the same after a frame as before it.
    pub enum Skipped: "Skipped" {
        Off = "off", "Learning is switched off (`adapt=false` or `method=none`).";
        Familiar = "familiar", "The video is no stranger to the model than the pictures that it was trained on.";
        Interval = "interval", "The frame lies between two training intervals.";
        Late = "late", "A sink reported lateness, and the last map was reused.";
        Budget = "budget", "There was no time for a step: see the rung.";
        NotFinite = "not-finite", "Loss or gradient was not finite.";
        RolledBack = "rolled-back", "What was learned did harm and has been undone, and there is a pause.";
    }
}

/// What happened for one frame: the structure of the element message `tttseg`.
///
/// ```text
/// tttseg, frame=(guint64)12, steps=(uint)1, masks=(uint)1, skipped=(string)no, rung=(string)full, window=(uint)12,
///     steps-since-reset=(guint64)12, resets=(guint64)0, step-time=(guint64)61250000, predict-time=(guint64)24100000,
///     fusion-time=(guint64)6200000, adapted-frames=(guint64)12, rollbacks=(guint64)0, remembered=(uint)0,
///     directed-steps=(uint)0, references=(uint)0, hints=(uint)0, provider=(string)cpu, loss=(double)0.41, gradient-norm=(double)0.83, running-time=(guint64)440000000;
/// ```
///
/// `classes` (names) and `class-shares` (from 0 to 1), two arrays of one length, are there when the frame has classes.
/// `loss` is there when a step was taken or the video was measured and found familiar, `gradient-norm` with steps of reconstruction,
/// `unexplained` when it was measured, `disagreement` when two models were compared, `running-time` when the frame has one.
/// Times are in nanoseconds. `skipped` is one of `no`, `off`, `familiar`, `interval`, `late`, `budget`, `not-finite` and
/// `rolled-back`; `rung` one of `full`, `fewer-masks`, `fewer-steps`, `skip-step` and `reuse-map`.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameReport {
    /// Frames since the element became READY, this one included.
    pub frame: u64,
    /// Loss of the last step: of reconstruction (mean squared error of normalised pixels) or, with `method=replay`, of labels
    /// (cross-entropy); with `method=consistency` of labels and a tenth of that of reconstruction.
    pub loss: Option<f64>,
    /// Share of the variance of hidden pixels that reconstruction left unexplained, which the property `surprise` is about.
    pub unexplained: Option<f64>,
    /// Global norm of the last step's gradient, before clipping.
    pub gradient_norm: Option<f64>,
    /// Gradient steps taken; with `asynchronous`, those that have ended since the last message.
    pub steps: u32,
    /// Masked views that a step sees at most.
    pub masks: u32,
    /// Why the frame had no effect on the weights.
    pub skipped: Option<Skipped>,
    /// What is left out for lack of time.
    pub rung: Rung,
    /// Frames in the window.
    pub window: u32,
    /// Gradient steps since the weights were last those of the model file.
    pub steps_since_reset: u64,
    /// How often the weights became those of the model file again, since READY.
    pub resets: u64,
    /// Frames that went out with learned weights, since READY.
    pub adapted_frames: u64,
    /// How often what was learned was undone because it did harm, since READY.
    pub rollbacks: u64,
    /// Share of what the model on disk is sure of where learned weights find something else: a running mean.
    pub disagreement: Option<f64>,
    /// Frames that are remembered to be learned again.
    pub remembered: u32,
    /// Time of all steps.
    pub step_time: gst::ClockTime,
    /// Time of the prediction.
    pub predict_time: gst::ClockTime,
    /// The part of it that fusion along motion took.
    pub fusion_time: gst::ClockTime,
    /// Running time of the frame.
    pub running_time: Option<gst::ClockTime>,
    /// Steps of the colour head: towards the colours of references and hints, or towards the model's own.
    pub directed_steps: u32,
    /// Pictures of `reference-location` in force.
    pub references: u32,
    /// Hints in force.
    pub hints: u32,
    /// Where the network runs.
    pub provider: String,
    /// Names of the model's classes; none where the frame has no classes.
    pub classes: Arc<[String]>,
    /// The share of each of them in the frame, from 0 to 1.
    pub class_shares: Vec<f64>,
}

/// Why a structure is not a [`FrameReport`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The structure has another name.
    #[error("the structure is named '{0}', not 'tttseg'")]
    Name(String),
    /// A field is missing or of another type.
    #[error("field '{0}' is missing or of another type")]
    Field(&'static str),
}

impl FrameReport {
    /// Name of the structure.
    pub const NAME: &'static str = "tttseg";

    /// Of a frame for which the engine gives a report; what is not the engine's to report is still empty.
    pub(in crate::filter) fn new(report: &adapt::Report, plan: &FramePlan) -> Self {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let time = |t: std::time::Duration| {
            gst::ClockTime::from_nseconds(u64::try_from(t.as_nanos()).unwrap_or(u64::MAX - 1))
        };
        let skipped = report.skipped.map(|skipped| match skipped {
            adapt::Skipped::Off => Skipped::Off,
            adapt::Skipped::Familiar => Skipped::Familiar,
            adapt::Skipped::Interval => Skipped::Interval,
            adapt::Skipped::Late if plan.late => Skipped::Late,
            adapt::Skipped::Late => Skipped::Budget,
            adapt::Skipped::NotFinite => Skipped::NotFinite,
            adapt::Skipped::RolledBack => Skipped::RolledBack,
        });
        Self {
            frame: report.frame,
            loss: report.loss.map(f64::from),
            unexplained: report.unexplained.map(f64::from),
            gradient_norm: report.gradient_norm.map(f64::from),
            steps: count(report.steps),
            masks: count(plan.effort.masks),
            skipped,
            rung: plan.effort.rung,
            window: count(report.window),
            steps_since_reset: report.steps_since_reset,
            resets: 0,
            adapted_frames: report.adapted_frames,
            rollbacks: report.rollbacks,
            disagreement: report.disagreement.map(f64::from),
            remembered: count(report.remembered),
            step_time: time(report.step_time),
            predict_time: time(report.predict_time),
            fusion_time: time(report.fusion_time),
            running_time: None,
            directed_steps: count(report.colour_steps),
            references: 0,
            hints: 0,
            provider: String::new(),
            classes: Arc::default(),
            class_shares: vec![],
        }
    }
}

impl From<&FrameReport> for gst::Structure {
    fn from(report: &FrameReport) -> Self {
        let shares = (!report.class_shares.is_empty()).then(|| {
            let names = gst::Array::new(report.classes.iter());
            (names, gst::Array::new(&report.class_shares))
        });
        let (classes, shares) = shares.unzip();
        gst::Structure::builder(FrameReport::NAME)
            .field("frame", report.frame)
            .field("steps", report.steps)
            .field("masks", report.masks)
            .field("skipped", report.skipped.map_or("no", Skipped::name))
            .field("rung", report.rung.name())
            .field("window", report.window)
            .field("steps-since-reset", report.steps_since_reset)
            .field("resets", report.resets)
            .field("adapted-frames", report.adapted_frames)
            .field("rollbacks", report.rollbacks)
            .field("remembered", report.remembered)
            .field("step-time", report.step_time.nseconds())
            .field("predict-time", report.predict_time.nseconds())
            .field("fusion-time", report.fusion_time.nseconds())
            .field("directed-steps", report.directed_steps)
            .field("references", report.references)
            .field("hints", report.hints)
            .field("provider", &report.provider)
            .field_if_some("loss", report.loss)
            .field_if_some("unexplained", report.unexplained)
            .field_if_some("gradient-norm", report.gradient_norm)
            .field_if_some("disagreement", report.disagreement)
            .field_if_some("running-time", report.running_time.map(|t| t.nseconds()))
            .field_if_some("classes", classes)
            .field_if_some("class-shares", shares)
            .build()
    }
}

impl TryFrom<&gst::StructureRef> for FrameReport {
    type Error = MessageError;

    fn try_from(structure: &gst::StructureRef) -> Result<Self, MessageError> {
        fn needed<'a, T: glib::value::FromValue<'a>>(
            structure: &'a gst::StructureRef,
            field: &'static str,
        ) -> Result<T, MessageError> {
            optional(structure, field)?.ok_or(MessageError::Field(field))
        }
        fn optional<'a, T: glib::value::FromValue<'a>>(
            structure: &'a gst::StructureRef,
            field: &'static str,
        ) -> Result<Option<T>, MessageError> {
            structure
                .get_optional(field)
                .map_err(|_| MessageError::Field(field))
        }
        fn all<T: for<'a> glib::value::FromValue<'a>>(
            structure: &gst::StructureRef,
            field: &'static str,
        ) -> Result<Vec<T>, MessageError> {
            let array = optional::<gst::ArrayRef>(structure, field)?;
            let values = array.iter().flat_map(|array| array.iter());
            let values: Result<_, _> = values.map(|value| value.get()).collect();
            values.map_err(|_| MessageError::Field(field))
        }
        if structure.name() != Self::NAME {
            return Err(MessageError::Name(structure.name().to_string()));
        }
        let skipped: &str = needed(structure, "skipped")?;
        let skipped = match Skipped::from_name(skipped) {
            None if skipped != "no" => return Err(MessageError::Field("skipped")),
            known => known,
        };
        let rung =
            Rung::from_name(needed(structure, "rung")?).ok_or(MessageError::Field("rung"))?;
        Ok(Self {
            frame: needed(structure, "frame")?,
            loss: optional(structure, "loss")?,
            unexplained: optional(structure, "unexplained")?,
            gradient_norm: optional(structure, "gradient-norm")?,
            steps: needed(structure, "steps")?,
            masks: needed(structure, "masks")?,
            skipped,
            rung,
            window: needed(structure, "window")?,
            steps_since_reset: needed(structure, "steps-since-reset")?,
            resets: needed(structure, "resets")?,
            adapted_frames: needed(structure, "adapted-frames")?,
            rollbacks: needed(structure, "rollbacks")?,
            disagreement: optional(structure, "disagreement")?,
            remembered: needed(structure, "remembered")?,
            step_time: gst::ClockTime::from_nseconds(needed(structure, "step-time")?),
            predict_time: gst::ClockTime::from_nseconds(needed(structure, "predict-time")?),
            fusion_time: gst::ClockTime::from_nseconds(needed(structure, "fusion-time")?),
            running_time: optional(structure, "running-time")?.map(gst::ClockTime::from_nseconds),
            directed_steps: needed(structure, "directed-steps")?,
            references: needed(structure, "references")?,
            hints: needed(structure, "hints")?,
            provider: needed(structure, "provider")?,
            classes: all(structure, "classes")?.into(),
            class_shares: all(structure, "class-shares")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> FrameReport {
        FrameReport {
            frame: 7,
            loss: Some(0.25),
            unexplained: Some(0.5),
            gradient_norm: Some(1.5),
            steps: 2,
            masks: 4,
            skipped: None,
            rung: Rung::FewerMasks,
            window: 7,
            steps_since_reset: 14,
            resets: 1,
            adapted_frames: 5,
            rollbacks: 1,
            disagreement: Some(0.03125),
            remembered: 6,
            step_time: gst::ClockTime::from_mseconds(60),
            predict_time: gst::ClockTime::from_mseconds(20),
            fusion_time: gst::ClockTime::from_mseconds(6),
            running_time: Some(gst::ClockTime::from_mseconds(280)),
            directed_steps: 3,
            references: 1,
            hints: 2,
            provider: "cpu".into(),
            classes: ["road".to_owned(), "traffic light".to_owned()].into(),
            class_shares: vec![0.75, 0.125],
        }
    }

    #[test]
    fn there_and_back() {
        gst::init().unwrap();
        let mut reports = vec![report()];
        for rung in Rung::EVERY {
            reports.push(FrameReport { rung, ..report() });
        }
        for skipped in Skipped::EVERY {
            reports.push(FrameReport {
                loss: None,
                unexplained: None,
                gradient_norm: None,
                disagreement: None,
                running_time: None,
                classes: [].into(),
                class_shares: vec![],
                skipped: Some(skipped),
                ..report()
            });
        }
        for report in reports {
            let structure = gst::Structure::from(&report);
            assert_eq!(FrameReport::try_from(&*structure), Ok(report.clone()));
            // The text form is what gst-launch-1.0 -m prints.
            let read: gst::Structure = structure.to_string().parse().unwrap();
            assert_eq!(FrameReport::try_from(&*read), Ok(report));
        }
    }

    #[test]
    fn what_is_not_a_report() {
        gst::init().unwrap();
        let other = gst::Structure::new_empty("level");
        assert_eq!(
            FrameReport::try_from(&*other),
            Err(MessageError::Name("level".into()))
        );
        let mut lacking = gst::Structure::from(&report());
        lacking.remove_field("window");
        assert_eq!(
            FrameReport::try_from(&*lacking),
            Err(MessageError::Field("window"))
        );
        let mut wrong = gst::Structure::from(&report());
        wrong.set("loss", "low");
        assert_eq!(
            FrameReport::try_from(&*wrong),
            Err(MessageError::Field("loss"))
        );
        for field in ["rung", "skipped"] {
            wrong.set(field, "perhaps");
            assert_eq!(
                FrameReport::try_from(&*wrong),
                Err(MessageError::Field(field))
            );
        }
    }
}
