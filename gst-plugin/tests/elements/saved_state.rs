//! Saved state: `load-state` and `save-state`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{self, CAPS, element, frame, model, parse, push, runtime, watch};
use gst::prelude::*;
use tttseg::weights::State;

/// A folder for states.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn name(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn files(&self) -> usize {
        fs::read_dir(self.0.path()).unwrap().count()
    }
}

fn line(frames: u32, properties: &str) -> String {
    format!(
        "videotestsrc num-buffers={frames} ! video/x-raw,width=64,height=48,framerate=25/1 ! \
         tttseg name=t model-file=MODEL execution-provider=cpu {properties} ! fakesink"
    )
}

fn load(path: &Path) -> State {
    State::load(path).unwrap()
}

#[test]
fn at_the_end_of_a_stream_it_is_saved_and_the_next_run_goes_on_from_it() {
    let Some(_) = runtime() else { return };
    let folder = Folder::new();
    let path = folder.path("learned.safetensors");
    let keep = format!("load-state={0} save-state={0}", path.display());
    for run in 1..=3 {
        let ended = common::run_well(&line(4, &keep));
        assert_eq!(ended.warnings, [""; 0]);
        let steps: Vec<u64> = ended.reports.iter().map(|r| r.steps_since_reset).collect();
        let before = 4 * (run - 1);
        assert_eq!(steps, [1, 2, 3, 4].map(|n| before + n), "run {run}");
        let origin = load(&path).origin;
        assert_eq!((origin.frames, origin.steps), (4 * run, 4 * run));
        assert_eq!(origin.model, "tiny");
        assert_eq!(origin.base, common::tiny().content_hash());
        assert_eq!(origin.settings["window"], "16");
        assert_eq!(origin.version, env!("CARGO_PKG_VERSION"));
    }
    assert_eq!(folder.files(), 1);
}

/// What is saved at EOS is all that there is to save: going down writes nothing more.
#[test]
fn at_eos_already_and_not_again_below() {
    let Some(_) = runtime() else { return };
    let folder = Folder::new();
    let path = folder.path("learned.safetensors");
    let pipeline = parse(&line(3, &format!("save-state={}", path.display())));
    pipeline.set_state(gst::State::Playing).unwrap();
    assert_eq!(common::wait(&pipeline).error, None);
    assert_eq!(load(&path).origin.steps, 3);
    fs::remove_file(&path).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(folder.files(), 0);
    // Up and down without a frame is no stream.
    pipeline.set_state(gst::State::Ready).unwrap();
    let bin = pipeline.by_name("t").unwrap();
    bin.set_state(gst::State::Paused).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(folder.files(), 0);
}

#[test]
fn a_stream_that_is_stopped_is_saved_on_the_way_down() {
    let Some(_) = runtime() else { return };
    for how in ["", "asynchronous=true"] {
        let folder = Folder::new();
        let path = folder.path("learned.safetensors");
        let save = format!("save-state={}", path.display());
        let mut harness = common::filter(&format!("{save} {how}"));
        let bus = watch(&harness);
        harness.set_src_caps_str(CAPS);
        for n in 0..3 {
            push(&mut harness, &bus, frame(CAPS, n));
        }
        assert_eq!(folder.files(), 0);
        element(&harness).set_state(gst::State::Ready).unwrap();
        let origin = load(&path).origin;
        // Beside the stream, what has not been learned from by then is not.
        assert!(origin.frames <= 3, "{how}");
        if how.is_empty() {
            assert_eq!((origin.frames, origin.steps), (3, 3));
        }
        element(&harness).set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn another_stream_goes_on_where_its_state_was_left() {
    let Some(_) = runtime() else { return };
    let folder = Folder::new();
    let (first, last) = (folder.name("first"), folder.name("last"));
    let mut harness = common::filter(&format!("save-state={first}"));
    let bus = watch(&harness);
    harness.set_src_caps_str(CAPS);
    for n in 0..3 {
        push(&mut harness, &bus, frame(CAPS, n));
    }
    let element = element(&harness);
    element.set_property("save-state", &last);
    element.set_property("load-state", &first);
    // Saved under the name there is now, and the other one is not there.
    harness.push_event(gst::event::StreamStart::new("second"));
    assert!(common::error_on(&bus).contains("first: no such file"));
    assert_eq!(load(Path::new(&last)).origin.steps, 3);
    let refused = harness.push(frame(CAPS, 3));
    assert!(refused.is_err(), "nothing is learned over it");

    element.set_state(gst::State::Ready).unwrap();
    element.set_property("load-state", &last);
    element.set_state(gst::State::Playing).unwrap();
    harness.push_event(gst::event::StreamStart::new("third"));
    harness.set_src_caps_str(CAPS);
    let report = push(&mut harness, &bus, frame(CAPS, 0));
    assert_eq!(report.steps_since_reset, 4);
    harness.push_event(gst::event::StreamStart::new("fourth"));
    harness.push_event(gst::event::Segment::new(&gst::FormattedSegment::<
        gst::ClockTime,
    >::new()));
    let report = push(&mut harness, &bus, frame(CAPS, 1));
    assert_eq!((report.window, report.steps_since_reset), (1, 5));
    // The signal forgets all the same.
    element.emit_by_name::<()>("reset", &[]);
    let report = push(&mut harness, &bus, frame(CAPS, 2));
    assert_eq!(report.steps_since_reset, 1);
    assert!(bus.pop_filtered(&[gst::MessageType::Warning]).is_none());
}

#[test]
fn weights_go_through_a_file_byte_for_byte() {
    let Some(_) = runtime() else { return };
    let folder = Folder::new();
    let (first, second) = (folder.path("first"), folder.path("second"));
    common::run_well(&line(4, &format!("save-state={}", first.display())));
    // Loaded and saved again with a frame between that is not learned from.
    let again = format!(
        "adapt=false load-state={} save-state={}",
        first.display(),
        second.display()
    );
    common::run_well(&line(1, &again));
    let (first, second) = (load(&first), load(&second));
    assert_eq!(first.weights.content_hash(), second.weights.content_hash());
    assert_eq!(first.weights, second.weights);
    assert_eq!((second.origin.steps, second.origin.frames), (4, 5));
}

#[test]
fn a_state_that_cannot_be_gone_on_from_is_an_error_and_stays_as_it_is() {
    let Some(_) = runtime() else { return };
    let folder = Folder::new();
    let good = folder.path("good.safetensors");
    common::run_well(&line(2, &format!("save-state={}", good.display())));
    let whole = fs::read(&good).unwrap();

    let mut other = common::tiny();
    other.name = "another".into();
    other.weights = tttseg::model::initial_weights(&other.config, 2).unwrap();
    let hashes = [&other, &common::tiny()].map(|m| m.content_hash()[..12].to_owned());
    let other = common::save("another.safetensors", other);
    let mut of_another = line(2, &format!("save-state={}", folder.name("other")));
    of_another = of_another.replace("MODEL", &other);
    common::run_well(&of_another);

    fs::write(folder.path("cut"), &whole[..whole.len() / 2]).unwrap();
    fs::write(folder.path("text"), "Nothing learned.").unwrap();
    fs::copy(model(), folder.path("model")).unwrap();
    let [theirs, ours] = &hashes;
    for (name, wanted) in [
        (
            "other",
            vec![theirs.as_str(), ours, "another", "model-file"],
        ),
        ("cut", vec!["truncated"]),
        ("text", vec!["not a safetensors file"]),
        ("model", vec!["holds a model, not a state"]),
        ("missing", vec!["no such file"]),
    ] {
        let path = folder.path(name);
        let before = fs::read(&path).ok();
        for save in ["", "save-state=ELSEWHERE", "save-state=SAME"] {
            // That is a first run.
            if name == "missing" && save.contains("SAME") {
                continue;
            }
            let save = save
                .replace("ELSEWHERE", &folder.name("elsewhere"))
                .replace("SAME", path.to_str().unwrap());
            let properties = format!("load-state={} {save}", path.display());
            let error = common::run_badly(&line(2, &properties));
            for wanted in wanted.iter().chain(&["load-state"]) {
                assert!(error.contains(wanted), "{wanted} is not in {error}");
            }
            assert!(error.contains(path.to_str().unwrap()), "{error}");
        }
        assert_eq!(fs::read(&path).ok(), before, "{name}");
    }
    assert!(!folder.path("elsewhere").exists());
    // The element is as good as before.
    let pipeline = parse(&line(2, &format!("load-state={}", folder.name("cut"))));
    assert!(common::run(&pipeline).error.is_some());
    let bin = pipeline.by_name("t").unwrap();
    bin.set_property("load-state", good.to_str().unwrap());
    assert_eq!(common::run(&pipeline).error, None);
}

#[test]
fn a_folder_that_is_not_there_is_an_error_before_anything_is_learned() {
    let Some(_) = runtime() else { return };
    let folder = Folder::new();
    for name in ["no/such/folder/state", ""] {
        let path = folder.name(name);
        let error = common::run_badly(&line(2, &format!("save-state={path}")));
        assert!(
            error.contains(&path) && error.contains("save-state"),
            "{error}"
        );
    }
    // Gone meanwhile: the stream goes on, with a warning.
    let inner = folder.path("inner");
    fs::create_dir(&inner).unwrap();
    let path = inner.join("state");
    let pipeline = parse(&line(2, &format!("save-state={}", path.display())));
    pipeline.set_state(gst::State::Paused).unwrap();
    pipeline.state(common::LONG).0.unwrap();
    fs::remove_dir(&inner).unwrap();
    let ended = common::run(&pipeline);
    assert_eq!(ended.error, None);
    assert!(
        ended
            .warnings
            .iter()
            .any(|w| w.contains(path.to_str().unwrap())),
        "{:?}",
        ended.warnings
    );
}
