//! Serves what a pipeline reports as metrics for Prometheus: frames, steps, times, and the share of every class.
//!
//! ```sh
//! cargo run -p gst-plugin-tttseg --example prometheus -- 127.0.0.1:9095 filesrc location=film.mp4 ! tttseg ! fakesink sync=true
//! curl http://127.0.0.1:9095/metrics
//! ```

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use gst::prelude::*;
use gsttttseg::filter::FrameReport;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

type Seconds = Gauge<f64, AtomicU64>;

/// Metrics of one element.
pub struct Metrics {
    registry: Registry,
    frames: Counter,
    steps: Counter,
    rollbacks: Gauge,
    step_time: Seconds,
    predict_time: Seconds,
    loss: Seconds,
    shares: Family<[(&'static str, String); 1], Seconds>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("tttseg"),
            frames: Counter::default(),
            steps: Counter::default(),
            rollbacks: Gauge::default(),
            step_time: Seconds::default(),
            predict_time: Seconds::default(),
            loss: Seconds::default(),
            shares: Family::default(),
        };
        let all = &mut metrics.registry;
        all.register("frames", "Frames", metrics.frames.clone());
        all.register("steps", "Gradient steps", metrics.steps.clone());
        let what = "How often what was learned was undone";
        all.register("rollbacks", what, metrics.rollbacks.clone());
        let what = "Time of the last frame's steps";
        all.register("step_time_seconds", what, metrics.step_time.clone());
        let what = "Time of the last frame's prediction";
        all.register("predict_time_seconds", what, metrics.predict_time.clone());
        all.register("loss", "Loss of the last step", metrics.loss.clone());
        let what = "Share of a class in the last frame";
        all.register("class_share", what, metrics.shares.clone());
        metrics
    }
}

impl Metrics {
    /// Takes in what became of a frame.
    pub fn observe(&self, report: &FrameReport) {
        self.frames.inc();
        self.steps.inc_by(report.steps.into());
        let rollbacks = i64::try_from(report.rollbacks);
        self.rollbacks.set(rollbacks.unwrap_or(i64::MAX));
        self.step_time.set(report.step_time.nseconds() as f64 / 1e9);
        self.predict_time
            .set(report.predict_time.nseconds() as f64 / 1e9);
        report.loss.into_iter().for_each(|loss| {
            self.loss.set(loss);
        });
        for (class, share) in report.classes.iter().zip(&report.class_shares) {
            let of_class = [("class", class.clone())];
            self.shares.get_or_create(&of_class).set(*share);
        }
    }

    /// The text that Prometheus reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // A String takes all that is written.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// Answers a request, whatever it asks for.
fn answer(mut stream: TcpStream, metrics: &Metrics) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let text = metrics.text();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\nContent-Length: \
         {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}

/// Runs a pipeline to its end, and serves its metrics meanwhile.
pub fn serve(listener: TcpListener, line: &str) -> Result<(), Box<dyn std::error::Error>> {
    let metrics = Arc::new(Metrics::default());
    let of_server = metrics.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Err(e) = answer(stream, &of_server) {
                eprintln!("prometheus: {e}");
            }
        }
    });
    let pipeline = gst::parse::launch(line)?;
    let bus = pipeline.bus().ok_or("no bus")?;
    pipeline.set_state(gst::State::Playing)?;
    let mut end = Ok(());
    for message in bus.iter_timed(gst::ClockTime::NONE) {
        match message.view() {
            gst::MessageView::Element(e) => {
                if let Some(Ok(report)) = e.structure().map(FrameReport::try_from) {
                    metrics.observe(&report);
                }
            }
            gst::MessageView::Eos(_) => break,
            gst::MessageView::Error(e) => {
                end = Err(e.error().to_string().into());
                break;
            }
            _ => {}
        }
    }
    pipeline.set_state(gst::State::Null)?;
    end
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or("an address, then a pipeline")?;
    let line = arguments.collect::<Vec<_>>().join(" ");
    gst::init()?;
    gsttttseg::plugin_register_static()?;
    serve(TcpListener::bind(address)?, &line)
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("prometheus: {e}");
            ExitCode::FAILURE
        }
    }
}
