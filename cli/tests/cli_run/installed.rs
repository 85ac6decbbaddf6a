//! A plugin of another version in GStreamer's folders does not get in the way of the program's own elements.

use std::fs;
use std::process::Command;

use crate::films::Films;
use crate::{check_frames, run};

/// An older plugin by its names; its element has none of the properties, and no pads.
const OTHER_VERSION: &str = r#"
#include <gst/gst.h>
typedef GstElement Other;
typedef GstElementClass OtherClass;
GType other_get_type(void);
G_DEFINE_TYPE(Other, other, GST_TYPE_ELEMENT)
static void other_class_init(OtherClass *klass)
{
    gst_element_class_set_static_metadata(klass, "Other", "Filter", "Another version", "The tttseg authors");
}
static void other_init(Other *self) {}
static gboolean init(GstPlugin *plugin)
{
    return gst_element_register(plugin, "tttsegfilter", GST_RANK_NONE, other_get_type());
}
#define PACKAGE "tttseg"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, tttseg, "Another version", init, "0.0.1", "MIT", "tttseg",
                  "https://example.org")
"#;

#[test]
fn a_plugin_of_another_version_is_not_used() {
    let Some(films) = Films::new() else { return };
    fs::create_dir(films.at("plugins")).unwrap();
    fs::write(films.at("other.c"), OTHER_VERSION).unwrap();
    let flags = Command::new("pkg-config")
        .args(["--cflags", "--libs", "gstreamer-1.0"])
        .output()
        .unwrap();
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(films.at("plugins/libgsttttseg.so"))
        .arg(films.at("other.c"))
        .args(String::from_utf8(flags.stdout).unwrap().split_whitespace())
        .output()
        .unwrap();
    assert!(built.status.success(), "{built:?}");
    let environment = [
        ("GST_PLUGIN_PATH", films.at("plugins")),
        ("GST_REGISTRY_1_0", films.at("registry.bin")),
    ];
    let seen = Command::new("gst-inspect-1.0")
        .envs(environment.clone())
        .arg("tttsegfilter")
        .output()
        .unwrap();
    let seen = String::from_utf8_lossy(&seen.stdout).into_owned();
    assert!(
        seen.contains("Another version"),
        "it is not installed: {seen}"
    );

    let film = films.film("film.mkv", 5, |_| 0);
    let (model, out) = (films.name("film.safetensors"), films.name("out.mkv"));
    let done = run(&["--model", &model, &film, &out])
        .envs(environment)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    check_frames(&films, &out, 5, 2);
}
