//! The examples of how `tttseg` is used in an application, in Rust, Python and C: they do the same, to the last digit.

// The programs are their `main`, which has no use here.
#[allow(dead_code)]
#[path = "../../examples/embed.rs"]
mod embed;
#[allow(dead_code)]
#[path = "../../examples/metadata.rs"]
mod metadata;
#[allow(dead_code)]
#[path = "../../examples/monitor.rs"]
mod monitor;
#[allow(dead_code)]
#[path = "../../examples/prometheus.rs"]
mod prometheus;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::{self, model, run_well, runtime};
use gst::prelude::*;

const FRAMES: usize = 6;

/// A folder with a film, and with the plugin as a library for those who cannot link it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        run_well(&format!(
            "videotestsrc num-buffers={FRAMES} ! video/x-raw,width=96,height=64,framerate=25/1 ! jpegenc ! avimux \
             ! filesink location={}",
            place.path("film.avi")
        ));
        // Alone: GStreamer would take every library of cargo's folder for a plugin.
        std::fs::create_dir(place.path("plugins")).unwrap();
        let library = std::env::current_exe()
            .unwrap()
            .with_file_name("libgsttttseg.so");
        assert!(library.exists(), "{}", library.display());
        std::os::unix::fs::symlink(library, place.path("plugins/libgsttttseg.so")).unwrap();
        place
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// Runs a program that embeds the element with its three arguments.
    fn run(&self, mut program: Command, state: &str, film: &str) -> Output {
        program.arg(self.path(state));
        self.read(program, film)
    }

    /// Runs one with the arguments that all of them take.
    fn read(&self, mut program: Command, film: &str) -> Output {
        program
            .arg(self.path(film))
            .arg(model())
            .env("GST_PLUGIN_PATH", self.path("plugins"))
            .env("GST_REGISTRY_1_0", self.path("registry.bin"))
            .output()
            .unwrap()
    }

    /// What the program in Rust says.
    fn expected(&self) -> String {
        let mut out = Vec::new();
        let (state, film) = (self.path("rust.safetensors"), self.path("film.avi"));
        embed::embed(&state, Some(&film), Some(model()), &mut out).unwrap();
        self.loads("rust.safetensors");
        String::from_utf8(out).unwrap()
    }

    /// What was saved can be gone on from.
    #[track_caller]
    fn loads(&self, state: &str) {
        let element = gst::ElementFactory::make("tttseg")
            .property("model-file", model())
            .build()
            .unwrap();
        element.set_state(gst::State::Ready).unwrap();
        assert!(element.emit_by_name::<bool>("load-state", &[&self.path(state)]));
        element.set_state(gst::State::Null).unwrap();
    }

    /// A program in another language prints the same as the one in Rust, and reports errors.
    #[track_caller]
    fn same(&self, program: impl Fn() -> Command) {
        let good = self.run(program(), "state.safetensors", "film.avi");
        let errors = String::from_utf8_lossy(&good.stderr);
        assert!(good.status.success(), "{errors}");
        assert_eq!(String::from_utf8_lossy(&good.stdout), self.expected());
        self.loads("state.safetensors");

        let bad = self.run(program(), "none.safetensors", "nowhere.avi");
        let errors = String::from_utf8_lossy(&bad.stderr);
        assert!(!bad.status.success());
        assert!(errors.contains(&self.path("nowhere.avi")), "{errors}");
        assert!(!Path::new(&self.path("none.safetensors")).exists());
    }
}

/// A program that reads class maps prints the same as the one in Rust, and reports errors.
#[track_caller]
fn reads_the_same(place: &Place, program: impl Fn() -> Command) {
    let mut expected = Vec::new();
    metadata::metadata(Some(&place.path("film.avi")), Some(model()), &mut expected).unwrap();
    let good = place.read(program(), "film.avi");
    let errors = String::from_utf8_lossy(&good.stderr);
    assert!(good.status.success(), "{errors}");
    let said = String::from_utf8_lossy(&good.stdout);
    assert_eq!(said, String::from_utf8_lossy(&expected));
    let bad = place.read(program(), "nowhere.avi");
    let errors = String::from_utf8_lossy(&bad.stderr);
    assert!(!bad.status.success());
    assert!(errors.contains(&place.path("nowhere.avi")), "{errors}");
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name)
}

/// Whether a command is there and ends well.
fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let done = Command::new(program).args(arguments).output();
    done.is_ok_and(|output| output.status.success())
}

/// A Python that has GStreamer (python3-gi, gir1.2-gstreamer-1.0).
fn python() -> Option<PathBuf> {
    let import = "import gi; gi.require_version('Gst', '1.0'); from gi.repository import Gst";
    common::python_with(import)
}

#[test]
fn in_rust() {
    let Some(_) = runtime() else { return };
    let place = Place::new();
    let said = place.expected();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), FRAMES + 1, "{said}");
    for (n, line) in (1..).zip(&lines[..FRAMES]) {
        let rest = line.strip_prefix(&format!("frame {n}: loss ")).unwrap();
        let loss: f64 = rest.strip_suffix(", full").unwrap().parse().unwrap();
        assert!(loss > 0.0, "{line}");
    }
    assert_eq!(
        lines[FRAMES],
        format!("learned from {FRAMES} of {FRAMES} frames")
    );

    let nowhere = place.path("nowhere.avi");
    let state = place.path("none.safetensors");
    let error = embed::embed(&state, Some(&nowhere), Some(model()), &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains(&nowhere), "{error}");
    assert!(!Path::new(&state).exists());
}

#[test]
fn class_maps_in_rust() {
    let Some(_) = runtime() else { return };
    let place = Place::new();
    let mut said = Vec::new();
    metadata::metadata(Some(&place.path("film.avi")), Some(model()), &mut said).unwrap();
    let said = String::from_utf8(said).unwrap();
    assert_eq!(said.lines().count(), FRAMES, "{said}");
    for (n, line) in (1..).zip(said.lines()) {
        let shares = line.strip_prefix(&format!("frame {n}: ")).unwrap();
        let percent = shares.split(", ").map(|share| {
            let (name, percent) = share.strip_suffix(" %").unwrap().split_once(' ').unwrap();
            assert!(["a", "b", "c"].contains(&name), "{line}");
            percent.parse::<u32>().unwrap()
        });
        // Each is rounded down.
        assert!((98..=100).contains(&percent.sum::<u32>()), "{line}");
    }
    let nowhere = place.path("nowhere.avi");
    let error = metadata::metadata(Some(&nowhere), Some(model()), &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains(&nowhere), "{error}");
}

#[test]
fn a_monitor_in_rust() {
    let Some(_) = runtime() else { return };
    let line = |frames: usize, properties: &str| {
        format!(
            "videotestsrc num-buffers={frames} ! video/x-raw,width=96,height=64 ! \
             tttseg name=watched model-file={} {properties} ! fakesink",
            model()
        )
    };
    let watch = |line: &str, in_place| {
        let mut out = Vec::new();
        let done = monitor::watch(line, in_place, &mut out);
        (
            done.map_err(|e| e.to_string()),
            String::from_utf8(out).unwrap(),
        )
    };
    let (done, said) = watch(&line(70, "pace=every-frame training-interval=2"), false);
    assert_eq!(done, Ok(()));
    let lines: Vec<&str> = said.lines().filter(|l| !l.is_empty()).collect();
    assert_eq!(lines.len(), 71, "{said}");
    // What was learned from and what was not, the loss of the last step in both.
    assert!(
        lines[69].contains("loss  ") && lines[69].ends_with("full"),
        "{said}"
    );
    assert!(
        lines[68].contains("loss  ") && lines[68].ends_with("interval"),
        "{said}"
    );
    assert_eq!(
        lines[70],
        "70 frames, learned from 35 in 35 steps; late 0, without time 0, weights forgotten 0 times"
    );
    let (done, said) = watch(&line(3, ""), true);
    assert_eq!(done, Ok(()));
    assert_eq!(said.matches("\r\x1b[K").count(), 3, "{said}");
    let (done, _) = watch(&line(3, "load-state=/nowhere"), false);
    assert!(done.unwrap_err().contains("/nowhere"));
}

#[test]
fn in_python() {
    let Some(_) = runtime() else { return };
    let Some(python) = python() else { return };
    let place = Place::new();
    let program = |name| {
        let mut command = Command::new(&python);
        command.arg(example(name));
        command
    };
    place.same(|| program("embed.py"));
    reads_the_same(&place, || program("metadata.py"));
}

#[test]
fn in_c() {
    let Some(_) = runtime() else { return };
    if !succeeds("cc", &["--version"]) || !succeeds("pkg-config", &["--exists", "gstreamer-1.0"]) {
        return common::missing("a C compiler (cc), pkg-config or headers (libgstreamer1.0-dev)");
    }
    let place = Place::new();
    let flags = Command::new("pkg-config")
        .args(["--cflags", "--libs", "gstreamer-1.0"])
        .output()
        .unwrap();
    let flags = String::from_utf8(flags.stdout).unwrap();
    let build = |name: &str| {
        let program = place.path(name);
        let compiled = Command::new("cc")
            .args(["-Wall", "-Wextra", "-Werror", "-o", &program])
            .arg(example(&format!("{name}.c")))
            .args(flags.split_whitespace())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "{errors}");
        program
    };
    let (embed, metadata) = (build("embed"), build("metadata"));
    place.same(|| Command::new(&embed));
    reads_the_same(&place, || Command::new(&metadata));
}

#[test]
fn class_maps_in_python() {
    let Some(_) = runtime() else { return };
    let Some(python) = python() else { return };
    let place = Place::new();
    let run = |film: &str| {
        Command::new(&python)
            .arg(example("classes.py"))
            .args([&place.path(film), model()])
            .env("GST_PLUGIN_PATH", place.path("plugins"))
            .env("GST_REGISTRY_1_0", place.path("registry.bin"))
            .output()
            .unwrap()
    };
    let good = run("film.avi");
    let errors = String::from_utf8_lossy(&good.stderr);
    assert!(good.status.success(), "{errors}");
    let printed = String::from_utf8_lossy(&good.stdout);
    assert_eq!(printed.lines().count(), FRAMES, "{printed}");
    for line in printed.lines() {
        let shares = line.split('%').filter_map(|part| part.rsplit(' ').next());
        let sum: f64 = shares.filter_map(|s| s.parse::<f64>().ok()).sum();
        assert!((sum - 100.0).abs() < 0.5, "{line}");
    }
    let bad = run("nowhere.avi");
    assert!(!bad.status.success());
    let errors = String::from_utf8_lossy(&bad.stderr);
    assert!(errors.starts_with("classes: "), "{errors}");
}

#[test]
fn metrics_for_prometheus() {
    let Some(_) = runtime() else { return };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let line = format!(
        "videotestsrc num-buffers=5 ! video/x-raw,width=96,height=64 ! tttseg model-file={} method=online pace=every-frame ! \
         fakesink",
        model()
    );
    prometheus::serve(listener, &line).unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n")
        .unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    let (head, text) = said.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    let value = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name}: {text}"))
            .trim()
            .parse()
            .unwrap()
    };
    assert_eq!(value("tttseg_frames_total"), 5.0);
    assert!(value("tttseg_predict_time_seconds") > 0.0);
    let shares =
        ["a", "b", "c"].map(|class| value(&format!("tttseg_class_share{{class=\"{class}\"}}")));
    assert!(
        (shares.iter().sum::<f64>() - 1.0).abs() < 1e-9,
        "{shares:?}"
    );
    assert!(
        prometheus::serve(
            std::net::TcpListener::bind("127.0.0.1:0").unwrap(),
            "nothing"
        )
        .is_err()
    );
}
