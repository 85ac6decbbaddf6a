//! Plots the loss of a video in the terminal while it is learned from.
//!
//! ```sh
//! cargo run -p gst-plugin-tttseg --example monitor -- film.mp4 steps=2 asynchronous=true
//! ```
//!
//! What follows the file are properties of `tttseg`. Without a file there is a test picture.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use gst::prelude::*;
use gsttttseg::filter::{FrameReport, Skipped};

/// Losses in the plot, one a column.
const COLUMNS: usize = 60;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The last losses.
#[derive(Default)]
struct Plot(VecDeque<f64>);

impl Plot {
    fn push(&mut self, loss: f64) {
        if self.0.len() == COLUMNS {
            self.0.pop_front();
        }
        self.0.push_back(loss);
    }

    /// One bar per loss, between the lowest and the highest.
    fn bars(&self) -> String {
        let low = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let bar = |loss: &f64| {
            let share = (loss - low) / (high - low).max(f64::MIN_POSITIVE);
            BARS[((share * 8.0) as usize).min(7)]
        };
        self.0.iter().map(bar).collect()
    }
}

fn line(report: &FrameReport, plot: &Plot) -> String {
    let loss = plot.0.back().map_or("-".into(), |l| format!("{l:.4}"));
    format!(
        "{:>6} loss {loss:>7} {:<COLUMNS$} {:>4} ms step, {:>3} ms prediction, {}",
        report.frame,
        plot.bars(),
        report.step_time.mseconds(),
        report.predict_time.mseconds(),
        // Why it was not learned from, or else what was left out.
        report.skipped.map_or(report.rung.name(), Skipped::name),
    )
}

fn watched(pipeline: &gst::Element) -> Option<gst::Element> {
    pipeline.downcast_ref::<gst::Bin>()?.by_name("watched")
}

/// Plays a pipeline whose element `watched` is to be watched. In place redraws one line, else there is one per frame.
pub fn watch(
    description: &str,
    in_place: bool,
    out: &mut impl Write,
) -> Result<(), Box<dyn std::error::Error>> {
    let pipeline = gst::parse::launch(description)?;
    let bus = pipeline.bus().ok_or("no bus")?;
    let mut plot = Plot::default();
    let (before, after) = if in_place {
        ("\r\x1b[K", "")
    } else {
        ("", "\n")
    };
    let started = pipeline.set_state(gst::State::Playing);
    let mut end = Ok(());
    for message in bus.iter_timed(gst::ClockTime::NONE) {
        match message.view() {
            gst::MessageView::Element(e) => {
                let Some(Ok(report)) = e.structure().map(FrameReport::try_from) else {
                    continue;
                };
                report.loss.into_iter().for_each(|loss| plot.push(loss));
                write!(out, "{before}{}{after}", line(&report, &plot))?;
                out.flush()?;
            }
            gst::MessageView::Latency(_) => {
                if let Some(bin) = pipeline.downcast_ref::<gst::Bin>() {
                    bin.recalculate_latency()?;
                }
            }
            gst::MessageView::Warning(w) => eprintln!("monitor: {}", w.error()),
            gst::MessageView::Eos(_) => break,
            gst::MessageView::Error(e) => {
                end = Err(e.error().to_string().into());
                break;
            }
            _ => {}
        }
    }
    writeln!(out)?;
    if let Some(element) = watched(&pipeline) {
        let stats: gst::Structure = element.property("stats");
        let count = |name| stats.get::<u64>(name).unwrap_or(0);
        writeln!(
            out,
            "{} frames, learned from {} in {} steps; late {}, without time {}, weights forgotten {} times",
            count("frames"),
            count("frames-learned"),
            count("total-steps"),
            count("frames-late"),
            count("frames-over-budget"),
            count("resets"),
        )?;
    }
    pipeline.set_state(gst::State::Null)?;
    end.and(started.map(drop).map_err(Into::into))
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    let file = arguments.next_if(|a| !a.contains('='));
    let source = match &file {
        Some(file) => format!("filesrc location=\"{file}\""),
        None => "videotestsrc num-buffers=100 ! video/x-raw,width=384,height=288".into(),
    };
    let properties: Vec<String> = arguments.collect();
    let element = format!("tttseg name=watched {}", properties.join(" "));
    let done = gst::init()
        .map_err(Into::into)
        .and_then(|()| gsttttseg::plugin_register_static().map_err(Into::into))
        .and_then(|()| {
            let mut out = io::stdout();
            let in_place = out.is_terminal();
            watch(
                &format!("{source} ! {element} ! fakesink"),
                in_place,
                &mut out,
            )
        });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("monitor: {e}");
            ExitCode::FAILURE
        }
    }
}
