//! Launch lines: those in `pipelines/`, in `docs/` and in the elements' documentation.

use std::path::{Path, PathBuf};

use crate::common::{self, init, run, runtime};
use tttseg::video::{Rgb, write_png};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What comes after `gst-launch-1.0` and its options, on one line, without shell quoting.
fn launch_text(shell: &str) -> String {
    let joined = shell.replace("\\\n", " ");
    let (_, line) = joined.split_once("gst-launch-1.0").expect("a launch line");
    let line = line.lines().next().unwrap_or_default().trim();
    let line = line.trim_start_matches("-m ").trim_start_matches("-e ");
    line.replace('"', "")
}

/// The same line where there is neither screen nor camera nor built-in model.
fn here(line: &str, input: &str, output: &Path) -> String {
    let output = output.to_str().unwrap();
    let stills = Path::new(input).with_file_name("stills");
    let stills = stills.to_str().unwrap();
    let line = line
        // The network is in tests of its own.
        .replace("srtsrc uri=$1", "filesrc location=$1")
        .replace("$1", input)
        .replace("$2", output)
        .replace("film.mp4", input)
        .replace("out.webm", output)
        .replace("out.mkv", output)
        .replace("out.mp4", output)
        .replace("camera.safetensors", &format!("{output}.safetensors"))
        .replace("classes/%05d", &format!("{output}-%05d"))
        .replace("coloured.png", &format!("{stills}/frame.png"))
        .replace("location=stills", &format!("location={stills}"))
        .replace("autovideosink", "fakesink sync=true");
    let camera = "videotestsrc is-live=true num-buffers=6 ! video/x-raw,width=96,height=64 !";
    let line = match line.split_once("v4l2src") {
        Some((before, after)) => {
            let (_, after) = after.split_once('!').unwrap();
            format!("{before}{camera}{after}")
        }
        None => line,
    };
    let model = if line.contains("task=colorize") {
        common::colours()
    } else {
        common::model()
    };
    line.split(' ')
        .map(|word| match word {
            "tttseg" | "tttsegfilter" => format!("{word} model-file={model}"),
            // The tiny model has other classes.
            _ if word.contains("-classes=") || word.contains("palette=") => {
                word.replace("car", "a").replace("pedestrian", "b")
            }
            word => word.to_owned(),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

fn film(folder: &Path) -> String {
    init();
    let path = folder.join("film.avi");
    let line = format!(
        "videotestsrc num-buffers=6 ! video/x-raw,width=96,height=64,framerate=25/1 ! jpegenc ! avimux ! filesink \
         location={}",
        path.display()
    );
    assert_eq!(run(&common::parse(&line)).error, None);
    let stills = folder.join("stills");
    std::fs::create_dir(&stills).unwrap();
    let sky = Rgb::from_shape_fn((64, 96, 3), |(_, _, c)| [90, 140, 200][c]);
    write_png(&stills.join("frame.png"), &sky).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The same film as a sequence of grey pictures.
fn pictures(folder: &Path) -> String {
    init();
    let pattern = folder.join("scan-%05d.png");
    let line = format!(
        "videotestsrc num-buffers=6 ! video/x-raw,format=GRAY8,width=96,height=64 ! pngenc ! multifilesink location={}",
        pattern.display()
    );
    assert_eq!(run(&common::parse(&line)).error, None);
    pattern.to_str().unwrap().to_owned()
}

/// Runs a line; false where an element it names is missing.
#[track_caller]
fn runs(line: &str) -> bool {
    let Some(pipeline) = common::pipeline(line) else {
        return false;
    };
    let ended = run(&pipeline);
    assert_eq!(ended.error, None, "{line}");
    // A leaky queue leaves out what comes while graphs are being built, and a lower rate what is too much.
    let least = if line.contains("leaky") || line.contains("videorate") {
        1
    } else {
        6
    };
    assert!(
        ended.reports.len() >= least,
        "{line}: {}",
        ended.reports.len()
    );
    true
}

#[test]
fn ready_pipelines_run() {
    let Some(_) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let input = film(folder.path());
    let mut seen = 0;
    for entry in std::fs::read_dir(root().join("pipelines")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "#!/bin/sh", "{name}");
        assert!(
            lines[1].starts_with("# ") && !lines[2].starts_with('#'),
            "{name}"
        );
        let output = folder.path().join(name);
        if text.contains("$2/") {
            std::fs::create_dir(&output).unwrap();
        }
        let input = if text.contains("multifilesrc") {
            &pictures(folder.path())
        } else {
            &input
        };
        let ran = runs(&here(&launch_text(&text), input, &output));
        if ran && text.contains("$2") {
            let written = if output.is_dir() {
                std::fs::read_dir(&output).unwrap().count()
            } else {
                std::fs::metadata(&output).unwrap().len() as usize
            };
            assert!(written >= 6, "{name}");
        }
        seen += 1;
    }
    assert!(seen >= 5);
}

#[test]
fn documented_lines_run() {
    let Some(_) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let input = film(folder.path());
    let output = folder.path().join("out");
    let mut seen = 0;
    for file in ["src/filter/imp.rs", "src/bin/imp.rs"] {
        let source =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        // |[ ... ]| is how gtk-doc marks examples.
        for example in source.split("|[").skip(1) {
            let (example, _) = example.split_once("]|").expect("an end of the example");
            let shell = example.replace("\n *", "\n");
            runs(&here(&launch_text(shell.trim()), &input, &output));
            seen += 1;
        }
    }
    assert!(seen >= 4, "{seen} lines found");
}

#[test]
fn lines_of_the_guides_run() {
    let Some(_) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let input = film(folder.path());
    let output = folder.path().join("out");
    for (file, least) in [
        ("colour.md", 8),
        ("live.md", 8),
        ("outputs.md", 3),
        ("troubleshooting.md", 4),
    ] {
        let text = std::fs::read_to_string(root().join("docs").join(file)).unwrap();
        let mut seen = 0;
        for block in text.split("```sh\n").skip(1) {
            let (shell, _) = block.split_once("```").expect("an end of the block");
            assert_eq!(shell.matches("gst-launch-1.0").count(), 1, "{shell}");
            seen += 1;
            let line = here(&launch_text(shell), &input, &output);
            if line.contains("segmentationoverlay") && gst::version() < (1, 28, 0, 0) {
                common::skipped("segmentationoverlay came with GStreamer 1.28");
                continue;
            }
            // There is no other end.
            if ["rtspsrc", "srtsrc", "srtsink"]
                .iter()
                .any(|n| line.contains(n))
            {
                common::pipeline(&line);
            } else {
                std::fs::remove_file(&output).ok();
                let written = if line.contains("multifilesink") {
                    folder.path().join("out-00005.png")
                } else {
                    output.clone()
                };
                if runs(&line) && line.contains("filesink") {
                    assert!(std::fs::metadata(&written).unwrap().len() > 0, "{line}");
                }
            }
        }
        assert!(seen >= least, "{file}: {seen} lines found");
    }
}
