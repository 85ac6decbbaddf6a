//! A film's sound on its way from the folder of the run to the muxer.

use std::path::Path;

use gst::prelude::*;
use gst_app::AppSrc;

use super::super::error::Error;
use super::super::pipeline::{link, pad};
use super::super::sound::Track;

/// Bytes of sound that wait for the video.
const WAITING: u64 = 4 << 20;

/// Adds a stream of sound to the pipeline. Its packets come in a thread of their own, which ends with the pipeline. Sound after
/// `until` is left out. What waits for the muxer holds up nothing but that thread.
pub fn add(
    pipeline: &gst::Pipeline,
    mux: &gst::Element,
    folder: &Path,
    track: &Track,
    until: Option<gst::ClockTime>,
) -> Result<(), Error> {
    let source = AppSrc::builder()
        .format(gst::Format::Time)
        .caps(&track.caps()?)
        .block(true)
        .build();
    source.set_max_bytes(WAITING);
    let packets = track.packets(folder)?;
    pipeline.add(&source)?;
    let entry = mux
        .pad_template("audio_%u")
        .and_then(|template| mux.request_pad(&template, None, None));
    let entry = entry.ok_or("the muxer takes no more sound")?;
    link(&pad(&source, "src")?, &entry)?;
    let pipeline = pipeline.downgrade();
    std::thread::spawn(move || {
        for packet in packets {
            match packet {
                Ok(packet)
                    if packet
                        .time
                        .zip(until)
                        .is_some_and(|(time, until)| time > until) =>
                {
                    break;
                }
                Ok(packet) => {
                    if source.push_buffer(packet.into_buffer()).is_err() {
                        return;
                    }
                }
                Err(error) => {
                    if let Some(pipeline) = pipeline.upgrade() {
                        gst::element_error!(pipeline, gst::ResourceError::Read, ("{error}"));
                    }
                    return;
                }
            }
        }
        // What goes wrong is on the bus.
        let _ = source.end_of_stream();
    });
    Ok(())
}
