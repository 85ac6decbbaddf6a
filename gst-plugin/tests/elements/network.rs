//! Video that comes over the network, both ends here.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use crate::common::elements::elements;
use crate::common::{LONG, parse, runtime};
use gst::prelude::*;

/// A free port.
fn port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// Plays both until the receiver has segmented some frames.
fn frames_arrive(receiver: &str, sender: &str) {
    let receiver = parse(receiver);
    receiver.set_state(gst::State::Playing).unwrap();
    let sender = parse(sender);
    sender.set_state(gst::State::Playing).unwrap();
    let bus = receiver.bus().unwrap();
    let kinds = [gst::MessageType::Element, gst::MessageType::Error];
    let began = Instant::now();
    let mut frames = 0;
    while frames < 5 {
        // Demuxers post messages as well.
        assert!(began.elapsed() < Duration::from(LONG), "{frames} frames");
        let message = bus.timed_pop_filtered(LONG, &kinds).expect("messages");
        match message.view() {
            gst::MessageView::Error(e) => panic!("{} ({:?})", e.error(), e.debug()),
            _ => frames += u32::from(message.structure().is_some_and(|s| s.name() == "tttseg")),
        }
    }
    sender.set_state(gst::State::Null).unwrap();
    receiver.set_state(gst::State::Null).unwrap();
}

const CAMERA: &str = "videotestsrc is-live=true ! video/x-raw,width=96,height=64,framerate=10/1 ! \
                      x264enc tune=zerolatency key-int-max=5 ! h264parse config-interval=-1";

#[test]
fn srt() {
    let needed = ["srtsrc", "srtsink", "x264enc", "mpegtsmux", "tsdemux"];
    let (Some(_), Some(())) = (runtime(), elements(&needed)) else {
        return;
    };
    let port = port();
    frames_arrive(
        &format!(
            "srtsrc uri=srt://127.0.0.1:{port}?mode=listener ! tttseg model-file=MODEL threads=1 ! queue ! fakesink"
        ),
        &format!(
            "{CAMERA} ! mpegtsmux alignment=7 ! srtsink uri=srt://127.0.0.1:{port}?mode=caller"
        ),
    );
}

#[test]
fn rtp() {
    let needed = [
        "udpsrc",
        "rtph264pay",
        "rtpjitterbuffer",
        "x264enc",
        "avdec_h264",
    ];
    let (Some(_), Some(())) = (runtime(), elements(&needed)) else {
        return;
    };
    let port = port();
    let caps = "application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,payload=96";
    frames_arrive(
        &format!(
            "udpsrc address=127.0.0.1 port={port} caps={caps} ! rtpjitterbuffer latency=50 ! rtph264depay ! h264parse ! \
             avdec_h264 ! queue leaky=downstream max-size-buffers=1 ! tttseg model-file=MODEL threads=1 ! queue ! fakesink"
        ),
        &format!("{CAMERA} ! rtph264pay pt=96 ! udpsink host=127.0.0.1 port={port} sync=false"),
    );
}
