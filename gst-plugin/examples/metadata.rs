//! Reads class maps off frames: `tttseg output=metadata` in an application. `metadata.py` and `metadata.c` do the same.
//!
//! ```sh
//! cargo run -p gst-plugin-tttseg --example metadata -- film.mp4
//! ```
//!
//! Prints which share of each frame every class has. Without a film there is a test picture. A second argument names a
//! model file.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc;

use gst::meta::CustomMeta;
use gst::prelude::*;
use gsttttseg::filter::CLASS_MAP_META;

/// Percent of a frame for each class that it has, as text.
fn shares(frame: &gst::BufferRef) -> Result<String, Box<dyn Error>> {
    let meta = CustomMeta::from_buffer(frame, CLASS_MAP_META)?;
    let structure = meta.structure();
    let names: Vec<String> = structure.get("classes")?;
    let map: gst::Buffer = structure.get("map")?;
    let map = map.map_readable()?;
    // Classes lie row by row: `width` of them in each of `height` rows. 255 is no class.
    let mut counts = [0; 256];
    for class in map.iter() {
        counts[usize::from(*class)] += 1;
    }
    let shares = names.iter().zip(counts).filter(|(_, count)| *count > 0);
    let shares = shares.map(|(name, count)| format!("{name} {} %", 100 * count / map.len()));
    Ok(shares.collect::<Vec<_>>().join(", "))
}

/// Prints a line per frame of a film, or of a test picture.
pub fn metadata(
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
        .property_from_str("output", "metadata")
        .property_from_str("pace", "every-frame")
        .build()?;
    let sink = gst::ElementFactory::make("fakesink").build()?;
    let pipeline = gst::Pipeline::new();
    pipeline.add_many([&source, &tttseg, &sink])?;
    gst::Element::link_many([&source, &tttseg, &sink])?;

    let (lines, read) = mpsc::channel();
    let pad = sink.static_pad("sink").ok_or("a sink without a pad")?;
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(frame) = info.buffer() {
            // Whoever reads them has gone only when the pipeline goes down.
            let _ = lines.send(shares(frame).unwrap_or_else(|e| e.to_string()));
        }
        gst::PadProbeReturn::Ok
    });

    let bus = pipeline.bus().ok_or("the pipeline has no bus")?;
    // Why it fails is on the bus.
    let started = pipeline.set_state(gst::State::Playing);
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = bus.timed_pop_filtered(gst::ClockTime::NONE, &kinds);
    pipeline.set_state(gst::State::Null)?;
    if let Some(gst::MessageView::Error(e)) = message.as_ref().map(|message| message.view()) {
        return Err(format!("{} ({})", e.error(), e.debug().unwrap_or_default()).into());
    }
    started?;
    for (n, line) in (1..).zip(read.try_iter()) {
        writeln!(out, "frame {n}: {line}")?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut arguments = arguments.iter().map(String::as_str);
    let (film, model) = (arguments.next(), arguments.next());
    let done = gst::init()
        .map_err(Into::into)
        .and_then(|()| gsttttseg::plugin_register_static().map_err(Into::into))
        .and_then(|()| metadata(film, model, &mut io::stdout()));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("metadata: {e}");
            ExitCode::FAILURE
        }
    }
}
