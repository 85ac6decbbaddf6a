//! The text of `docs/llms.txt`: the elements in one page, for programs that read before they write, in the form of llmstxt.org.

use std::path::Path;

use gst::prelude::*;

use super::{FIELDS, SIGNALS, values, when};

const ABOUT: &str = "\
# tttseg

> GStreamer elements and a program, in Rust, that keep learning from the video that flows through them (test-time training): \
between two frames a gradient step, then classes of every pixel or colours for black-and-white film. ONNX Runtime runs it; \
models are built in.

- `gst-launch-1.0 filesrc location=film.mp4 ! tttseg ! autovideosink`: the bin, for any input. `tttsegfilter` inside it takes raw \
video only. Both have the properties below.
- `task=segment` (classes of Cityscapes) or `task=colorize`; `output=overlay`, `class-map`, `side-by-side`, `metadata` or \
`reconstruction`; `pace=every-frame` where every frame is to be learned from and nothing shows in real time.
- `tttseg run IN OUT` puts films, sequences of pictures and folders of them through the element and goes on after an interruption; \
`tttseg eval`, `train`, `tune`, `bench`, `info`, `export`: `tttseg COMMAND --help`.
- In Rust: crate `tttseg` (`adapt::Adapter`: push a frame, get a prediction and a report) without GStreamer; \
`gsttttseg::plugin_register_static()` for the elements in a program of one's own.
";

/// Lines `- [title](file): where it begins`, one for each page.
fn pages(docs: &Path) -> String {
    let mut names: Vec<_> = std::fs::read_dir(docs)
        .expect("the documentation")
        .map(|entry| entry.expect("a page").path())
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
        .collect();
    names.sort();
    let line = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).expect("a page");
        let title = text.lines().find_map(|line| line.strip_prefix("# "));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        format!("- [{}]({name})\n", title.expect("a title"))
    };
    names.iter().map(line).collect()
}

fn properties(element: &gst::Element) -> String {
    let own = element.list_properties();
    let own = own.iter().filter(|p| p.owner_type() == element.type_());
    own.map(|definition| {
        let (values, default) = values(definition);
        let default = match default.as_str() {
            "" => String::new(),
            default => format!("; default {}", default.replace('`', "")),
        };
        format!(
            "- `{}` ({}{default}; {}): {}\n",
            definition.name(),
            values.replace('`', ""),
            when(definition.flags()),
            definition.blurb().unwrap_or_default()
        )
    })
    .collect()
}

/// The whole file. `docs` is the folder it is in.
pub fn text(element: &gst::Element, docs: &Path) -> String {
    let list = |all: &[(&str, &str)]| -> String {
        let lines = all
            .iter()
            .map(|(name, what)| format!("- `{name}`: {what}\n"));
        lines.collect()
    };
    format!(
        "{ABOUT}\n## Properties\n\n{}\n## Signals\n\n{}\n## Fields of the element message `tttseg`, one a frame\n\n{}\n\
         ## Documentation\n\n- [README](../README.md)\n{}",
        properties(element),
        list(&SIGNALS),
        list(&FIELDS),
        pages(docs)
    )
}
