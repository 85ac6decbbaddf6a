//! The first frame of a film, decoded in a process of its own. Decoders crash on what they do not know (in GStreamer 1.22 that of
//! FFV1 does with grey of 10 and 12 bits, and with 16 bits in colour): then it is known before anything begins.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gst::prelude::*;

use super::Context;
use super::error::Error;
use super::pipeline::Pipeline;

/// How long it may take. What takes longer is seen when the film is worked on.
const PATIENCE: Duration = Duration::from_secs(20);
const BEFORE_A_CRASH: Duration = Duration::from_millis(500);
const A_WHILE: Duration = Duration::from_millis(10);

/// Tries it in a process of its own.
///
/// # Errors
/// A crash. All else is found, and said, when the film is worked on.
pub fn run(context: &Context, film: &Path) -> Result<(), Error> {
    let failed = |e| Error::of(film, e);
    let program = std::env::current_exe().map_err(failed)?;
    let mut child = Command::new(program)
        .args(["run", "--trial", "--"])
        // There is no output.
        .args([film, film])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let since = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            return match status.signal() {
                Some(signal) => Err(Error::of(
                    film,
                    format!(
                        "GStreamer's decoder crashes on its first frame (signal {signal}); ffmpeg may bring it to FFV1 with \
                         another format of samples, yuv420p10le for example"
                    ),
                )),
                None => Ok(()),
            };
        }
        if context.stop.is_asked() || since.elapsed() > PATIENCE {
            // It may have ended just now.
            let _ = child.kill();
            let _ = child.wait();
            return Ok(());
        }
        std::thread::sleep(A_WHILE);
    }
}

/// What that process does.
///
/// # Errors
/// None that the parent looks at.
pub fn decode(film: &Path) -> Result<(), Error> {
    gst::init()?;
    let pipeline = Pipeline::launch(
        "filesrc name=in ! decodebin caps=video/x-raw(ANY) expose-all-streams=false \
         ! fakesink num-buffers=3 sync=false",
    )?;
    let source: gst::Element = pipeline.named("in")?;
    source.set_property("location", film);
    // What goes wrong is seen when the film is worked on.
    let _ = pipeline.set_state(gst::State::Playing);
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let patience = gst::ClockTime::from_seconds(PATIENCE.as_secs());
    let end = (pipeline.bus()).and_then(|bus| bus.timed_pop_filtered(patience, &ends));
    if end.is_some_and(|end| end.type_() == gst::MessageType::Error) {
        // An error may come just before the crash.
        std::thread::sleep(BEFORE_A_CRASH);
    }
    Ok(())
}
