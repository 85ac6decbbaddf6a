//! Several elements in one process: with one model between them, with one each, and coming and going.

use std::process::Command;

use crate::common::{
    self, CAPS, element, filter, frame, init, model, parse, push, run, runtime, watch,
};
use gst::prelude::*;

const CHILD: &str = "TTTSEG_INSTANCES_CHILD";

fn pair(first: &str, second: &str) -> String {
    let one = |properties: &str| {
        format!(
            "videotestsrc num-buffers=4 ! video/x-raw,width=64,height=48,framerate=25/1 ! \
             tttsegfilter execution-provider=cpu {properties} ! fakesink "
        )
    };
    one(first) + &one(second)
}

#[test]
fn one_id_and_two_models_is_an_error_that_names_both() {
    let Some(_) = runtime() else { return };
    let mut other = common::tiny();
    other.weights = tttseg::model::initial_weights(&other.config, 2).unwrap();
    let other = common::save("instance.safetensors", other);
    let same = format!("model-file={} model-instance-id=named", model());
    for id in ["named", "\"with spaces\""] {
        let ended = run(&parse(&pair(
            &format!("model-file={} model-instance-id={id}", model()),
            &format!("model-file={other} model-instance-id={id}"),
        )));
        let error = ended.error.expect("an error");
        for wanted in [id.trim_matches('"'), model(), &other, "model-file"] {
            assert!(error.contains(wanted), "{wanted} is not in {error}");
        }
    }
    // Another way to write the path is the same file, and an id that is no longer in use is free again.
    let (folder, name) = other.rsplit_once('/').unwrap();
    for (a, b) in [
        (same.clone(), same),
        (
            format!("model-file={other} model-instance-id=named"),
            format!("model-file={folder}/./{name} model-instance-id=named"),
        ),
    ] {
        let ended = run(&parse(&pair(&a, &b)));
        assert_eq!(ended.error, None);
        assert_eq!(ended.reports.len(), 8);
    }
}

#[test]
fn what_each_learns_is_its_own() {
    let Some(_) = runtime() else { return };
    let alone = |shift: u64| -> Vec<Option<f64>> {
        let mut harness = filter("");
        let bus = watch(&harness);
        harness.set_src_caps_str(CAPS);
        let losses = (0..4).map(|n| push(&mut harness, &bus, frame(CAPS, n + shift)).loss);
        losses.collect()
    };
    let expected = [alone(0), alone(7)];
    assert_ne!(expected[0], expected[1]);
    let mut both = [0, 7].map(|shift| {
        let mut harness = filter("model-instance-id=own");
        let bus = watch(&harness);
        harness.set_src_caps_str(CAPS);
        (harness, bus, shift)
    });
    for n in 0..4 {
        for ((harness, bus, shift), losses) in both.iter_mut().zip(&expected) {
            let report = push(harness, bus, frame(CAPS, n + *shift));
            assert_eq!(report.loss, losses[n as usize]);
            assert_eq!(report.steps_since_reset, n + 1);
        }
    }
    // Forgetting is, too.
    element(&both[0].0).emit_by_name::<()>("reset", &[]);
    let steps = both
        .each_mut()
        .map(|(harness, bus, _)| push(harness, bus, frame(CAPS, 20)).steps_since_reset);
    assert_eq!(steps, [1, 5]);
}

#[test]
fn elements_come_and_go_while_others_play() {
    let Some(_) = runtime() else { return };
    for id in ["", "model-instance-id=guests"] {
        let host = parse(&format!(
            "videotestsrc ! video/x-raw,width=64,height=48 ! tttsegfilter threads=1 model-file=MODEL {id} ! \
             fakesink"
        ));
        host.set_state(gst::State::Playing).unwrap();
        for round in 0..12 {
            let guest = parse(&format!(
                "videotestsrc num-buffers=2 ! video/x-raw,width=64,height=48 ! tttseg threads=1 model-file=MODEL {id} \
                 asynchronous={} ! fakesink",
                round % 2 == 0
            ));
            if round % 3 == 0 {
                // Gone in the middle of it.
                guest.set_state(gst::State::Playing).unwrap();
                guest.set_state(gst::State::Null).unwrap();
            } else {
                let ended = run(&guest);
                assert_eq!(ended.error, None);
                assert_eq!(ended.reports.len(), 2);
            }
        }
        let bus = host.bus().unwrap();
        assert!(bus.pop_filtered(&[gst::MessageType::Error]).is_none());
        host.set_state(gst::State::Null).unwrap();
    }
}

/// Peak memory of a process with four elements, in MiB.
fn peak_of_four(properties: &str) -> u64 {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--ignored",
            "instances::memory_of_four",
            "--nocapture",
        ])
        .env(CHILD, properties)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    let peak = text.lines().find_map(|l| l.strip_prefix("peak "));
    peak.expect("a peak").parse().unwrap()
}

#[test]
// Runs the built-in model in eight elements.
#[ignore]
fn memory_of_four() {
    if let Ok(properties) = std::env::var(CHILD) {
        init();
        let one = format!(
            "videotestsrc num-buffers=6 ! video/x-raw,width=640,height=360 ! tttsegfilter threads=1 surprise=0 \
             {properties} ! fakesink  "
        );
        assert_eq!(run(&parse(&one.repeat(4))).error, None);
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        let kib: u64 = peak
            .unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap();
        println!("\npeak {}", kib / 1024);
        return;
    }
    let Some(_) = runtime() else { return };
    let (apart, together) = (peak_of_four(""), peak_of_four("model-instance-id=four"));
    println!("four elements: {apart} MiB, with one id {together} MiB");
    assert!(10 * together < 6 * apart, "{together} of {apart} MiB");
}
