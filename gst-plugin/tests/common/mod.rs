//! Shared by the tests: the plugin, a tiny model, pipelines and their messages.
#![allow(
    dead_code,
    unused_imports,
    reason = "every test file uses a part of it"
)]

#[path = "../../../tests/common/elements.rs"]
pub mod elements;
mod frames;
mod leaks;
#[path = "../../../tests/common/missing.rs"]
mod missing;
pub mod process;

use std::path::PathBuf;
use std::sync::{Once, OnceLock};
use std::time::Duration;

pub use frames::*;
use gst::prelude::*;
use gsttttseg::filter::FrameReport;
pub use missing::*;
use tttseg::model::{ChromaConfig, HeadConfig, ModelConfig, Readout, SwinConfig, initial_weights};
use tttseg::runtime::{Options, Runtime};
use tttseg::weights::{ModelFile, Normalisation, Precision, Task, Tensor, Weights};

/// Patience with things that have no bound of their own.
pub const LONG: gst::ClockTime = gst::ClockTime::from_seconds(120);

/// Registers the elements.
pub fn init() {
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        gst::init().unwrap();
        leaks::watch();
        gsttttseg::plugin_register_static().unwrap();
    });
}

/// ONNX Runtime, with the elements registered; `None` where it is [`missing`].
pub fn runtime() -> Option<&'static Runtime> {
    init();
    tttseg::runtime::load(&Options::default())
        .map_err(missing)
        .ok()
}

/// The smallest model that is one, untrained, in a file.
pub fn model() -> &'static str {
    static MODEL: OnceLock<String> = OnceLock::new();
    MODEL.get_or_init(|| save("tiny.safetensors", tiny()))
}

pub fn save(name: &str, model: ModelFile) -> String {
    // Every test process writes the same bytes, and the file is replaced as a whole.
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    model.save(&path, Precision::Single).unwrap();
    path.to_str().unwrap().to_owned()
}

pub fn tiny() -> ModelFile {
    let head = HeadConfig {
        hidden: 32,
        encoder_ffn: 32,
        encoder_layers: 1,
        decoder_layers: 0,
        decoder_ffn: 32,
        heads: 2,
        queries: 3,
        classes: 3,
        readout: Readout::Fixed,
    };
    let config = ModelConfig {
        encoder: SwinConfig {
            embed: 8,
            depths: vec![1, 1, 1, 1],
            heads: vec![1, 1, 2, 2],
            window: 4,
        },
        recon: HeadConfig {
            queries: 48,
            classes: 1,
            ..head.clone()
        },
        main: head,
        chroma: None,
    };
    ModelFile {
        name: "tiny".into(),
        task: Task::Segment,
        classes: ["a", "b", "c"].map(String::from).to_vec(),
        palette: vec![[255, 0, 0], [0, 255, 0], [0, 0, 255]],
        normalisation: Normalisation::default(),
        size: (64, 96),
        licence: "none".into(),
        trained_on: "nothing".into(),
        unexplained: None,
        recipe: Default::default(),
        weights: sure(initial_weights(&config, 1).unwrap()),
        config,
    }
}

/// Weights of a model that is sure of its classes, so that there is something to replay.
fn sure(weights: Weights) -> Weights {
    let scaled = |(name, tensor): (&str, &Tensor)| {
        let is_last = name.starts_with("model.") && name.contains("mask_embedder.2.");
        let factor = if is_last { 20.0 } else { 1.0 };
        let data = tensor.data.iter().map(|value| factor * value).collect();
        let scaled = Tensor::new(tensor.shape.clone(), data).unwrap();
        (name.to_owned(), scaled)
    };
    weights.iter().map(scaled).collect()
}

/// The same with a head that colours.
pub fn colours() -> &'static str {
    static MODEL: OnceLock<String> = OnceLock::new();
    MODEL.get_or_init(|| {
        let bins = vec![[-30, 20], [0, 0], [40, -40], [20, 50]];
        let mut model = tiny();
        model.name = "film".into();
        model.task = Task::Colorize;
        model.classes.clear();
        model.palette.clear();
        model.config.main.classes = bins.len();
        model.config.main.queries = bins.len();
        model.config.chroma = Some(ChromaConfig {
            bins,
            step: 10,
            temperature: 0.4,
        });
        model.weights = initial_weights(&model.config, 1).unwrap();
        save("film.safetensors", model)
    })
}

/// A harness around `tttsegfilter` with that model and further properties.
#[track_caller]
pub fn film(properties: &str) -> gst_check::Harness {
    init();
    gst_check::Harness::new_parse(&format!(
        "tttsegfilter task=colorize model-file={} execution-provider=cpu {properties}",
        colours()
    ))
}

/// What a launch line makes. On an error there is nothing: half a pipeline would leak.
pub fn launch(line: &str) -> Result<gst::Element, gst::glib::Error> {
    gst::parse::launch_full(line, None, gst::ParseFlags::FATAL_ERRORS)
}

/// The pipeline of a launch line; `None` where an element in it is [`missing`].
#[track_caller]
pub fn pipeline(line: &str) -> Option<gst::Pipeline> {
    match launch(line) {
        Ok(pipeline) => Some(pipeline.downcast().unwrap()),
        Err(e) if e.matches(gst::ParseError::NoSuchElement) => {
            missing(e);
            None
        }
        Err(e) => panic!("{line}: {e}"),
    }
}

/// A launch line with `MODEL` for the tiny model's file.
#[track_caller]
pub fn parse(line: &str) -> gst::Pipeline {
    init();
    let line = line.replace("MODEL", model());
    let element = gst::parse::launch(&line).unwrap_or_else(|e| panic!("{line}: {e}"));
    match element.downcast::<gst::Pipeline>() {
        Ok(pipeline) => pipeline,
        Err(element) => {
            let pipeline = gst::Pipeline::new();
            pipeline.add(&element).unwrap();
            pipeline
        }
    }
}

/// How a pipeline ended.
#[derive(Debug)]
pub struct Ended {
    pub error: Option<String>,
    pub warnings: Vec<String>,
    pub reports: Vec<FrameReport>,
}

/// Runs a pipeline to its end or first error.
#[track_caller]
pub fn run(pipeline: &gst::Pipeline) -> Ended {
    let started = pipeline.set_state(gst::State::Playing);
    let ended = wait(pipeline);
    assert!(
        started.is_ok() || ended.error.is_some(),
        "a failed state change posts an error"
    );
    pipeline.set_state(gst::State::Null).unwrap();
    ended
}

#[track_caller]
pub fn wait(pipeline: &gst::Pipeline) -> Ended {
    let mut ended = Ended {
        error: None,
        warnings: vec![],
        reports: vec![],
    };
    let bus = pipeline.bus().unwrap();
    loop {
        let message = bus.timed_pop(LONG).expect("neither end nor error");
        match message.view() {
            gst::MessageView::Eos(_) => return ended,
            gst::MessageView::Error(e) => {
                ended.error = Some(e.error().to_string());
                return ended;
            }
            gst::MessageView::Warning(w) => ended.warnings.push(w.error().to_string()),
            gst::MessageView::Element(e) => {
                let report = e.structure().and_then(|s| s.try_into().ok());
                ended.reports.extend(report);
            }
            _ => {}
        }
    }
}

/// Runs a launch line that has to end well.
#[track_caller]
pub fn run_well(line: &str) -> Ended {
    let ended = run(&parse(line));
    assert_eq!(ended.error, None, "{line}");
    ended
}

/// Runs a launch line that has to end in an error, and gives its text.
#[track_caller]
pub fn run_badly(line: &str) -> String {
    let ended = run(&parse(line));
    ended.error.unwrap_or_else(|| panic!("{line} ended well"))
}

/// What the sink pad of `tttsegfilter` takes at most.
pub fn template() -> gst::Caps {
    let factory = gst::ElementFactory::find("tttsegfilter").unwrap();
    let templates = factory.static_pad_templates();
    let sink = templates
        .iter()
        .find(|t| t.direction() == gst::PadDirection::Sink)
        .unwrap();
    sink.caps()
}

/// Formats that the filter takes.
pub fn formats() -> Vec<String> {
    let caps = template();
    let formats = caps.structure(0).unwrap().get::<gst::List>("format");
    let formats = formats.unwrap();
    formats.iter().map(|f| f.get().unwrap()).collect()
}

/// A harness around `tttsegfilter` with the tiny model and further properties.
#[track_caller]
pub fn filter(properties: &str) -> gst_check::Harness {
    init();
    gst_check::Harness::new_parse(&format!(
        "tttsegfilter model-file={} execution-provider=cpu {properties}",
        model()
    ))
}

/// The filter inside a harness made from a launch line.
pub fn element(harness: &gst_check::Harness) -> gst::Element {
    let element = harness.element().unwrap();
    match element.downcast_ref::<gst::Bin>() {
        Some(bin) if !element.is::<gsttttseg::bin::TttSeg>() => {
            let found = bin.iterate_elements().into_iter().flatten();
            found
                .into_iter()
                .find(|e| e.factory().is_some_and(|f| f.name().starts_with("tttseg")))
                .unwrap()
        }
        _ => element,
    }
}

/// Where an element without a pipeline puts its messages. They refer to the element, and the element to the bus: as
/// those of a pipeline in NULL they go when the watch ends.
pub struct Watch(gst::Bus);

impl std::ops::Deref for Watch {
    type Target = gst::Bus;

    fn deref(&self) -> &gst::Bus {
        &self.0
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.set_flushing(true);
    }
}

pub fn watch_element(element: &gst::Element) -> Watch {
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    Watch(bus)
}

pub fn watch(harness: &gst_check::Harness) -> Watch {
    watch_element(&harness.element().unwrap())
}

#[track_caller]
pub fn error_on(bus: &gst::Bus) -> String {
    let message = bus
        .timed_pop_filtered(gst::ClockTime::from_seconds(10), &[gst::MessageType::Error])
        .expect("an error on the bus");
    match message.view() {
        gst::MessageView::Error(e) => e.error().to_string(),
        _ => unreachable!(),
    }
}

/// Texts of the warnings on a bus, which is empty afterwards.
pub fn warnings(bus: &gst::Bus) -> Vec<String> {
    let warnings = bus.iter_filtered(&[gst::MessageType::Warning]);
    warnings
        .map(|message| match message.view() {
            gst::MessageView::Warning(w) => w.error().to_string(),
            _ => unreachable!(),
        })
        .collect()
}

/// Bound on going down or flushing: what the elements promise.
pub const PROMISED: Duration = Duration::from_millis(50);

/// Caps that most tests can do with.
pub const CAPS: &str = "video/x-raw,format=RGB,width=64,height=48,framerate=25/1";

/// The last message about a frame.
#[track_caller]
pub fn last(bus: &gst::Bus) -> FrameReport {
    let message = bus
        .iter_filtered(&[gst::MessageType::Element])
        .last()
        .expect("a message");
    message.structure().unwrap().try_into().unwrap()
}

/// Pushes a frame; the message about it.
#[track_caller]
pub fn push(harness: &mut gst_check::Harness, bus: &gst::Bus, buffer: gst::Buffer) -> FrameReport {
    harness.push_and_pull(buffer).unwrap();
    last(bus)
}

/// A filter that has learned from three frames.
#[track_caller]
pub fn started() -> (gst_check::Harness, Watch) {
    let mut harness = filter("");
    let bus = watch(&harness);
    harness.set_src_caps_str(CAPS);
    for n in 0..3 {
        let report = push(&mut harness, &bus, frame(CAPS, n));
        assert_eq!(
            (report.window, report.steps_since_reset),
            (n as u32 + 1, n + 1)
        );
    }
    (harness, bus)
}

/// Sets every property that may change while frames flow.
pub fn change(element: &gst::Element, n: u32) {
    element.set_property("opacity", f64::from(n % 10) / 10.0);
    element.set_property("window", n % 20);
    element.set_property("learning-rate", f64::from(n % 3 + 1) * 1e-4);
    element.set_property("mask-ratio", f64::from(n % 5 + 3) / 10.0);
    element.set_property("steps", n % 2 + 1);
    element.set_property("training-interval", n % 3 + 1);
    element.set_property("training-budget", f64::from(n % 4));
    let colours = if n.is_multiple_of(2) {
        "ff0000,00ff00"
    } else {
        ""
    };
    element.set_property("palette", colours);
    element.set_property("adapt", !n.is_multiple_of(5));
    element.set_property_from_str("pace", ["auto", "every-frame"][n as usize % 2]);
    element.property::<gst::Structure>("stats");
}
