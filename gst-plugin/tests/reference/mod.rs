//! The text of `docs/properties.md`, made from the elements themselves. What a type does not say stands here; a name that is
//! described here and is not there, or the other way round, is an error.

pub mod llms;

use gst::glib;
use gst::prelude::*;
use gsttttseg::filter::{FrameReport, Rung, Skipped};

use super::values;

/// Values of the enumeration with what they mean.
fn choices(definition: &glib::ParamSpec) -> String {
    let Some(definition) = definition.downcast_ref::<glib::ParamSpecEnum>() else {
        return String::new();
    };
    let class = definition.enum_class();
    let line = |v: &glib::EnumValue| format!("- `{}`: {}\n", v.nick(), v.name());
    let lines: String = class.values().iter().map(line).collect();
    format!("\n{lines}")
}

fn when(flags: glib::ParamFlags) -> &'static str {
    if !flags.contains(glib::ParamFlags::WRITABLE) {
        "read only"
    } else if flags.contains(gst::PARAM_FLAG_MUTABLE_PLAYING) {
        if flags.contains(gst::PARAM_FLAG_CONTROLLABLE) {
            "may change at any time; GstController can drive it"
        } else {
            "may change at any time"
        }
    } else {
        "set in NULL or READY"
    }
}

fn properties(element: &gst::Element) -> String {
    let own = element.list_properties();
    let own = own.iter().filter(|p| p.owner_type() == element.type_());
    own.map(|definition| {
        let (values, default) = values(definition);
        let kind = match definition.value_type().name() {
            "gchararray" => "string",
            "gboolean" => "boolean",
            "guint" => "unsigned integer",
            "guint64" => "unsigned 64-bit integer",
            "gdouble" => "double",
            other => other,
        };
        let values = match values.as_str() {
            "text" | "structure" | "true, false" => String::new(),
            _ if kind.starts_with("GstTttSeg") => String::new(),
            range => format!(", {range}"),
        };
        let kind = if kind.starts_with("GstTttSeg") {
            "one of"
        } else {
            kind
        };
        let default = match default.as_str() {
            "" if definition.flags().contains(glib::ParamFlags::WRITABLE) => "; not set".into(),
            "" => String::new(),
            default => format!("; default {default}"),
        };
        format!(
            "### `{}`\n\n{}.\n{}\n*{kind}{values}{default}; {}*\n\n",
            definition.name(),
            definition.blurb().unwrap_or_default(),
            choices(definition),
            when(definition.flags()),
        )
    })
    .collect()
}

/// The text for each name; both lists have the same names.
fn described<'a>(
    texts: &[(&str, &'a str)],
    names: &[String],
    what: &str,
) -> Vec<(String, &'a str)> {
    let mut all: Vec<&str> = texts.iter().map(|(name, _)| *name).collect();
    let mut found: Vec<&str> = names.iter().map(String::as_str).collect();
    all.sort_unstable();
    found.sort_unstable();
    assert_eq!(all, found, "{what}: what is described, and what there is");
    let text = |name: &String| {
        let found = texts.iter().find(|(n, _)| n == name);
        (name.clone(), found.map_or("", |(_, text)| *text))
    };
    names.iter().map(text).collect()
}

const SIGNALS: [(&str, &str); 5] = [
    (
        "reset",
        "Back to the weights of the model file, with an empty window and a new optimiser. Nothing happens below READY.",
    ),
    (
        "save-state",
        "Writes what was learned to the file of this name, after the frames that have come so far. Gives whether it worked; \
         if not, a warning on the bus says why. The property of this name does it at the end of every stream.",
    ),
    (
        "load-state",
        "Goes on from such a file. Window and settings stay. Gives whether it worked; if not, a warning on the bus says \
         why, and nothing has changed. The property of this name does it at the beginning of every stream.",
    ),
    (
        "hint",
        "With `task=colorize`: the colour (0xRRGGBB) of a place of the frame that is shown, in pixels of what goes out, \
         in a disc of `hint-radius`, until the shot ends. Gives whether there is such a place and a frame.",
    ),
    (
        "clear-hints",
        "Drops all hints, and forgets what was learned since the first of them.",
    ),
];

fn signals(type_: glib::Type) -> String {
    let ids = glib::subclass::SignalId::lookup("reset", type_);
    assert!(ids.is_some(), "signals");
    let names: Vec<String> = SIGNALS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut text = String::new();
    for (name, what) in described(&SIGNALS, &names, "signals") {
        let id = glib::subclass::SignalId::lookup(&name, type_).expect("the signal");
        let query = id.query();
        assert!(query.flags().contains(glib::SignalFlags::ACTION));
        let parameters: Vec<&str> = query
            .param_types()
            .iter()
            .map(|t| t.type_().name())
            .collect();
        let parameters = match name.as_str() {
            "hint" => "x: double, y: double, colour: unsigned integer".to_owned(),
            _ => parameters.join(", ").replace("gchararray", "path: string"),
        };
        let result = match query.return_type().type_().name() {
            "void" => String::new(),
            "gboolean" => " → boolean".into(),
            other => format!(" → {other}"),
        };
        text += &format!("### `{name}({parameters}){result}`\n\n{what}\n\n");
    }
    text
}

const FIELDS: [(&str, &str); 25] = [
    ("frame", "Frames since READY, this one included"),
    (
        "steps",
        "Gradient steps taken; with `asynchronous`, those that have ended since the last message",
    ),
    ("masks", "Masked views that a step sees at most"),
    (
        "skipped",
        "Why the weights are as they were before; see below",
    ),
    ("rung", "What is left out for lack of time; see below"),
    ("window", "Frames in the window"),
    (
        "steps-since-reset",
        "Gradient steps since the weights were those of the model file, in the runs before as well where a state was loaded",
    ),
    ("resets", "How often the weights were forgotten since READY"),
    (
        "adapted-frames",
        "Frames that went out with learned weights, since READY",
    ),
    (
        "rollbacks",
        "How often what was learned was undone because it did harm, since READY",
    ),
    (
        "remembered",
        "Frames that are remembered to be learned again (`method=replay`)",
    ),
    (
        "step-time",
        "Nanoseconds that the steps took, or the look at a familiar frame",
    ),
    ("predict-time", "Nanoseconds that the prediction took"),
    (
        "fusion-time",
        "Nanoseconds of these that fusion along motion took (`fusion`)",
    ),
    (
        "directed-steps",
        "Steps of the colour head, towards colours that were given or the model's own, likewise",
    ),
    ("references", "Pictures of `reference-location` in force"),
    ("hints", "Hints in force"),
    (
        "provider",
        "Where the network runs, as in `cpu` or `cuda:0`",
    ),
    (
        "loss",
        "Loss of the last step: mean squared error of normalised pixels, or with `method=replay` cross-entropy of labels, with `method=consistency` that and a tenth of the former. There when a step was taken or the video was looked at and found familiar",
    ),
    (
        "unexplained",
        "Share of the variance of hidden pixels that reconstruction by the model on disk left unexplained, which `surprise` is about. There when it was measured",
    ),
    (
        "gradient-norm",
        "Global norm of the last step's gradient before clipping. There when a step of reconstruction was taken",
    ),
    (
        "disagreement",
        "Share of what the model on disk is sure of where learned weights find something else, a running mean. There with `method=replay` and `method=consistency` once both were compared",
    ),
    (
        "running-time",
        "Running time of the frame in nanoseconds. There when it has one",
    ),
    (
        "classes",
        "Names of the model's classes, in the order of their ids. There when the frame has classes",
    ),
    (
        "class-shares",
        "The share of each of them in the frame, from 0 to 1; what is of no class is in none. There when the frame has classes",
    ),
];

const COUNTERS: [(&str, &str); 9] = [
    ("frames", "Frames since READY"),
    ("frames-learned", "Those that steps were taken for"),
    (
        "frames-late",
        "Those without a step because a sink reported lateness",
    ),
    (
        "frames-over-budget",
        "Those without a step because there was no time for one",
    ),
    (
        "frames-reused",
        "Those that went out with the map of an earlier one",
    ),
    (
        "frames-not-finite",
        "Those whose step was thrown away: loss or gradient was not finite",
    ),
    ("total-steps", "Gradient steps"),
    (
        "total-directed-steps",
        "Steps of the colour head, towards colours that were given or the model's own",
    ),
    ("resets", "How often the weights were forgotten"),
];

/// A table of a structure's fields with their types.
fn fields(structure: &gst::StructureRef, texts: &[(&str, &str)]) -> String {
    let names: Vec<String> = structure.fields().map(|f| f.to_string()).collect();
    let mut text = String::from("| field | type | what it is |\n|---|---|---|\n");
    for (name, what) in described(texts, &names, structure.name()) {
        let kind = structure.value(&name).expect("the field").type_();
        let kind = match kind.name() {
            "gchararray" => "string",
            "gdouble" => "double",
            "GstValueArray" => "array",
            other => other,
        };
        text += &format!("| `{name}` | {kind} | {what} |\n");
    }
    text
}

fn whole_report() -> FrameReport {
    FrameReport {
        frame: 12,
        loss: Some(0.41),
        unexplained: Some(0.35),
        gradient_norm: Some(0.83),
        steps: 1,
        masks: 1,
        skipped: None,
        rung: Rung::Full,
        window: 12,
        steps_since_reset: 12,
        resets: 0,
        adapted_frames: 12,
        rollbacks: 0,
        disagreement: Some(0.02),
        remembered: 12,
        step_time: gst::ClockTime::from_useconds(61_250),
        predict_time: gst::ClockTime::from_useconds(24_100),
        fusion_time: gst::ClockTime::from_useconds(6_200),
        running_time: Some(gst::ClockTime::from_mseconds(440)),
        directed_steps: 0,
        references: 0,
        hints: 0,
        provider: "cpu".into(),
        classes: ["road".to_owned(), "sky".to_owned()].into(),
        class_shares: vec![0.4, 0.6],
    }
}

fn skipped() -> String {
    let reasons = [
        (Skipped::Off, "`adapt=false` or `method=none`"),
        (
            Skipped::Familiar,
            "the video is no stranger than the pictures that the model was trained on (`surprise`)",
        ),
        (
            Skipped::Interval,
            "the frame lies between two of `training-interval`",
        ),
        (Skipped::Late, "a sink reported lateness"),
        (
            Skipped::Budget,
            "there was no time for a step: see the rung",
        ),
        (
            Skipped::NotFinite,
            "loss or gradient was not finite, and the step was thrown away",
        ),
        (
            Skipped::RolledBack,
            "what was learned did harm and has been undone; there is a pause",
        ),
    ];
    assert_eq!(reasons.map(|(reason, _)| reason), Skipped::EVERY);
    let lines = reasons.map(|(reason, why)| format!("- `{}`: {why}\n", reason.name()));
    format!("- `no`: they are not; a step was taken\n{}", lines.concat())
}

/// The sink and source pad of an element, their caps shortened to what differs.
fn pads(element: &gst::Element) -> String {
    let factory = element.factory().expect("a factory");
    let mut text = String::new();
    for template in factory.static_pad_templates().iter() {
        let direction = match template.direction() {
            gst::PadDirection::Sink => "takes",
            _ => "gives",
        };
        let caps = template.caps();
        let caps = if caps.is_any() {
            "raw video in system memory, first of all in the formats of `tttsegfilter`, and whatever the installed plugins \
             can decode"
                .to_owned()
        } else {
            let structure = caps.structure(0).expect("a structure");
            match structure.get::<gst::List>("format") {
                Ok(formats) => {
                    let names: Vec<String> = formats
                        .iter()
                        .map(|f| f.get::<String>().expect("a format's name"))
                        .collect();
                    format!(
                        "`{}`, `format` one of {}",
                        structure.name(),
                        names.join(", ")
                    )
                }
                Err(_) => match structure.get::<String>("format") {
                    Ok(format) => format!("`{}`, `format` {format}", structure.name()),
                    Err(_) => format!("`{}` of any format, in system memory", structure.name()),
                },
            }
        };
        text += &format!("- `{}` {direction} {caps}\n", template.name_template());
    }
    text
}

/// The whole file.
pub fn text(bin: &gst::Element, filter: &gst::Element) -> String {
    let report = gst::Structure::from(&whole_report());
    let stats: gst::Structure = filter.property("stats");
    let about = |element: &gst::Element| {
        let factory = element.factory().expect("a factory");
        let text = factory.metadata("description").unwrap_or_default();
        format!("- `{}`: {text}.\n", factory.name())
    };
    format!(
        "# Properties, signals, pads and messages\n\n\
         Written out of the elements by `TTTSEG_UPDATE_README=1 cargo test -p gst-plugin-tttseg --test readme`, which \
         otherwise\nchecks that it still holds. `gst-inspect-1.0 tttseg` prints the same.\n\n{}{}\n\
         Both elements have the same properties and signals and post the same messages.\n\n\
         ## Properties\n\n{}\
         ## Signals\n\n\
         Actions: an application emits them.\n\n{}\
         ## Pads\n\n`tttseg`:\n\n{}\n`tttsegfilter`:\n\n{}\n\
         With `output=class-map` the source pad gives GRAY8, one class per pixel (255: none); with `task=colorize` grey goes \
         out\nin Y'CbCr ([colour.md](colour.md)); otherwise what comes in goes out in the same caps.\nFrames of less than 16x16 pixels, and video whose fields come in halves of their own, are \
         refused by name.\n\n\
         ## Messages\n\n### Element message `tttseg`\n\nOne per frame, unless `post-messages=false`. In Rust it is \
         `gsttttseg::filter::FrameReport`.\n\n{}\n\
         `skipped` says why the weights are as they were before the frame:\n\n{}\n\
         `rung` is one of {}; the [README](../README.md#when-time-is-short) says what each leaves out.\n\n\
         ### The property `stats`\n\nThe fields of the last message, under the name `tttseg-stats`, and counters since \
         READY:\n\n{}\n\
         ### QoS\n\nEvery change of rung is a QoS message of GStreamer's with the further fields `rung` (string), `masks` \
         and `steps` (guint).\n\n\
         ### Errors and warnings\n\n[troubleshooting.md](troubleshooting.md) lists them with what helps.\n",
        about(bin),
        about(filter),
        properties(bin),
        signals(bin.type_()),
        pads(bin),
        pads(filter),
        fields(&report, &FIELDS),
        skipped(),
        Rung::EVERY
            .map(|rung| format!("`{}`", rung.name()))
            .join(", "),
        fields(&stats, &COUNTERS),
    )
}
