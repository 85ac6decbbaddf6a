//! Films that crash a decoder or make it hang: the others of a folder are finished all the same, and the program says which it was.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::elements::elements;
use crate::films::Films;
use crate::program::text;
use crate::{check_frames, ends_with, run};

/// A decoder that crashes on PNG and hangs on JPEG, and that is taken before all others.
const BAD_DECODER: &str = r#"
#include <gst/gst.h>
#include <stdlib.h>
#include <unistd.h>
typedef GstElement Bad;
typedef GstElementClass BadClass;
GType bad_get_type(void);
G_DEFINE_TYPE(Bad, bad, GST_TYPE_ELEMENT)
static GstStaticPadTemplate sink = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                                                           GST_STATIC_CAPS("image/png; image/jpeg"));
static GstStaticPadTemplate src = GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw"));
static GstFlowReturn chain(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    GstCaps *caps = gst_pad_get_current_caps(pad);
    if (gst_structure_has_name(gst_caps_get_structure(caps, 0), "image/png"))
        abort();
    for (;;)
        sleep(1);
}
static gboolean event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
        GstPad *out = gst_element_get_static_pad(GST_ELEMENT(parent), "src");
        GstCaps *caps = gst_caps_from_string("video/x-raw,format=I420,width=96,height=64,framerate=25/1");
        gst_pad_push_event(out, gst_event_new_caps(caps));
        return TRUE;
    }
    return gst_pad_event_default(pad, parent, event);
}
static void bad_class_init(BadClass *klass)
{
    gst_element_class_set_static_metadata(klass, "Bad", "Codec/Decoder/Image", "Crashes and hangs", "The tttseg authors");
    gst_element_class_add_static_pad_template(klass, &sink);
    gst_element_class_add_static_pad_template(klass, &src);
}
static void bad_init(Bad *self)
{
    GstPad *pad = gst_pad_new_from_static_template(&sink, "sink");
    gst_pad_set_chain_function(pad, chain);
    gst_pad_set_event_function(pad, event);
    gst_element_add_pad(self, pad);
    gst_element_add_pad(self, gst_pad_new_from_static_template(&src, "src"));
}
static gboolean init(GstPlugin *plugin)
{
    return gst_element_register(plugin, "baddec", GST_RANK_PRIMARY + 1000, bad_get_type());
}
#define PACKAGE "bad"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, baddec, "Crashes and hangs", init, "0.0.1", "MIT", "bad",
                  "https://example.org")
"#;

/// A run that meets it.
fn with_bad_decoder(films: &Films, arguments: &[&str]) -> Command {
    let folder = films.at("plugins");
    if !folder.exists() {
        fs::create_dir(&folder).unwrap();
        fs::write(films.at("bad.c"), BAD_DECODER).unwrap();
        let flags = Command::new("pkg-config")
            .args(["--cflags", "--libs", "gstreamer-1.0"])
            .output()
            .unwrap();
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .arg(folder.join("libgstbaddec.so"))
            .arg(films.at("bad.c"))
            .args(text(&flags.stdout).split_whitespace())
            .output()
            .unwrap();
        assert!(built.status.success(), "{built:?}");
    }
    let mut command = run(arguments);
    let environment: [(&str, PathBuf); 2] = [
        ("GST_PLUGIN_PATH", folder),
        ("GST_REGISTRY_1_0", films.at("registry.bin")),
    ];
    command.envs(environment);
    command
}

#[test]
fn one_film_never_stops_another() {
    let Some(films) = Films::new() else { return };
    let Some(()) = elements(&["pngenc", "jpegenc", "qtmux"]) else {
        return;
    };
    fs::create_dir(films.at("in")).unwrap();
    films.pngs("in/a.mov", 5);
    films.jpegs("in/b.mkv", 5);
    films.film("in/c.mkv", 5, |_| 0);
    let [model, input, out] = ["film.safetensors", "in", "out"].map(|name| films.name(name));
    let all = ["--model", &model, &input, &out, "--patience", "8"];
    let output = with_bad_decoder(&films, &all).output().unwrap();
    let error = ends_with(1, &output);
    assert!(error.contains("2 of 3 films"), "{error}");
    let printed = text(&output.stdout);
    assert!(printed.contains("1 finished, 2 failed"), "{printed}");
    for why in [
        "a.mov: the process that worked on it crashed (signal 6)",
        "b.mkv: nothing came",
    ] {
        let said = printed.lines().filter(|line| line.contains(why));
        assert_eq!(said.count(), 1, "{printed}");
    }
    check_frames(&films, &films.name("out/c.mkv"), 5, 2);

    // Now they come last: another film is finished before them.
    films.film("in/d.mkv", 5, |_| 0);
    let output = with_bad_decoder(&films, &[&all[..], &["--json"]].concat())
        .output()
        .unwrap();
    ends_with(1, &output);
    let printed = text(&output.stdout);
    let place = |what: &str| {
        printed
            .lines()
            .position(|line| line.contains(what))
            .unwrap()
    };
    assert!(place("out/d.mkv") < place("in/a.mov"), "{printed}");
    assert!(printed.contains("\"there_already\":1"), "{printed}");

    // Where nothing crashes any more, they are finished.
    let output = run(&all).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let written = super::program::files(&films.at("out"));
    let is_film = |path: &&std::path::PathBuf| path.extension().is_some_and(|e| e == "mkv");
    assert_eq!(written.iter().filter(is_film).count(), 4);
}

#[test]
fn a_film_by_itself_that_crashes_its_decoder_is_refused() {
    let Some(films) = Films::new() else { return };
    let Some(()) = elements(&["pngenc", "qtmux"]) else {
        return;
    };
    let film = films.pngs("film.mov", 5);
    let [model, out] = ["film.safetensors", "out.mkv"].map(|name| films.name(name));
    let all = ["--model", &model, &film, &out];
    let output = with_bad_decoder(&films, &all).output().unwrap();
    let error = ends_with(1, &output);
    let why = "film.mov: GStreamer's decoder crashes on its first frame (signal 6)";
    assert!(error.contains(why), "{error}");
    assert!(!films.at("out.mkv").exists() && !films.at("out.mkv.part").exists());
}

#[test]
fn an_interrupted_folder_goes_on() {
    let Some(films) = Films::new() else { return };
    fs::create_dir(films.at("in")).unwrap();
    films.film("in/a.mkv", 60, |_| 0);
    let [model, input, out] = ["film.safetensors", "in", "out"].map(|name| films.name(name));
    let all = ["--model", &model, &input, &out, "--segment", "4"];
    let child = run(&all)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while !films.at("out/a.mkv.part/00001.mkv").exists() {
        assert!(began.elapsed() < Duration::from_secs(120), "it hangs");
        std::thread::sleep(Duration::from_millis(5));
    }
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let printed = text(&output.stderr);
    assert!(printed.contains("the same command goes on"), "{printed}");
    assert!(films.at("out/a.mkv.part/journal.json").exists() && !films.at("out/a.mkv").exists());
    let output = run(&all).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(
        text(&output.stderr).contains("going on after"),
        "{output:?}"
    );
    check_frames(&films, &films.name("out/a.mkv"), 60, 2);
}
