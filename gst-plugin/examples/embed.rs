//! Learns from a video and keeps what was learned: `tttseg` in an application. `embed.py` and `embed.c` do the same.
//!
//! ```sh
//! cargo run -p gst-plugin-tttseg --example embed -- learned.safetensors film.mp4
//! ```
//!
//! Without a film there is a test picture. A third argument names a model file.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use gst::prelude::*;
use gsttttseg::filter::FrameReport;

/// Prints a line per frame until the video ends.
fn watch(bus: &gst::Bus, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    for message in bus.iter_timed(gst::ClockTime::NONE) {
        match message.view() {
            gst::MessageView::Element(e) => {
                // Other elements post messages as well.
                let Some(Ok(report)) = e.structure().map(FrameReport::try_from) else {
                    continue;
                };
                let loss = report.loss.map_or("none".into(), |l| format!("{l:.4}"));
                writeln!(
                    out,
                    "frame {}: loss {loss}, {}",
                    report.frame,
                    report.rung.name()
                )?;
            }
            gst::MessageView::Warning(w) => eprintln!("embed: {}", w.error()),
            gst::MessageView::Error(e) => {
                return Err(format!("{} ({})", e.error(), e.debug().unwrap_or_default()).into());
            }
            gst::MessageView::Eos(_) => break,
            _ => {}
        }
    }
    Ok(())
}

/// Learns from a film, or a test picture, and writes what was learned into `state`.
pub fn embed(
    state: &str,
    film: Option<&str>,
    model: Option<&str>,
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    let source = match film {
        Some(film) => gst::ElementFactory::make("filesrc").property("location", film),
        None => gst::ElementFactory::make("videotestsrc").property("num-buffers", 20),
    };
    let source = source.build()?;
    let tttseg = gst::ElementFactory::make("tttseg")
        .property("model-file", model)
        .build()?;
    let sink = gst::ElementFactory::make("fakesink").build()?;
    let pipeline = gst::Pipeline::new();
    pipeline.add_many([&source, &tttseg, &sink])?;
    gst::Element::link_many([&source, &tttseg, &sink])?;

    let bus = pipeline.bus().ok_or("the pipeline has no bus")?;
    // Why it fails is on the bus.
    let started = pipeline.set_state(gst::State::Playing);
    let mut end = watch(&bus, out).and(started.map(drop).map_err(Into::into));
    if end.is_ok() {
        let stats: gst::Structure = tttseg.property("stats");
        let (learned, frames): (u64, u64) = (stats.get("frames-learned")?, stats.get("frames")?);
        writeln!(out, "learned from {learned} of {frames} frames")?;
        // Below READY there is nothing left to save.
        if !tttseg.emit_by_name::<bool>("save-state", &[&state]) {
            end = Err(format!("{state} could not be written").into());
        }
    }
    pipeline.set_state(gst::State::Null)?;
    end
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut arguments = arguments.iter().map(String::as_str);
    let Some(state) = arguments.next() else {
        eprintln!("usage: embed STATE [FILM [MODEL]]");
        return ExitCode::FAILURE;
    };
    let (film, model) = (arguments.next(), arguments.next());
    let done = gst::init()
        .map_err(Into::into)
        .and_then(|()| gsttttseg::plugin_register_static().map_err(Into::into))
        .and_then(|()| embed(state, film, model, &mut io::stdout()));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("embed: {e}");
            ExitCode::FAILURE
        }
    }
}
