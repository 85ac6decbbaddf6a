//! Every test process watches itself: it fails, when its tests are done, if there was a warning of GLib's or GStreamer's
//! libraries, and if an object of GStreamer's outlives them. At once (`G_DEBUG=fatal-warnings`) it would fail without a word
//! about the test that panicked with a pipeline in PLAYING.

use std::ffi::c_int;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use gst::glib::{self, LogLevel};
use gst::prelude::*;

/// GStreamer's own tracer of what is alive. Traces of where objects were made are off: they take most of a test's time.
static TRACER: OnceLock<gst::Object> = OnceLock::new();

/// What GStreamer 1.22's typefind may say when it is taken down while it looks at a file that it pulls.
const OF_OTHERS: [&str; 2] = ["<typefind", "Sticky event misordering"];

/// What GStreamer 1.22's decodebin3 may leave behind when it is taken down while it makes its streams known: the collection
/// and what is in it. It does so without us: a program that takes `filesrc ! decodebin3` to NULL when the message of its
/// collection has come left two of 1,500 collections behind.
const OF_DECODEBIN: [&str; 7] = [
    "GstStreamCollection",
    "GstStream",
    "GstTagList",
    "GstCaps",
    "GstMemory",
    "GstBuffer",
    "GstSample",
];

static WARNINGS: AtomicUsize = AtomicUsize::new(0);

/// From here on. GStreamer has to be initialised.
pub fn watch() {
    glib::log_set_writer_func(|level, fields| {
        let text = fields.iter().find(|field| field.key() == "MESSAGE");
        let text = text.and_then(|field| field.value_str()).unwrap_or_default();
        let warned = matches!(level, LogLevel::Warning | LogLevel::Critical);
        if warned && !OF_OTHERS.iter().all(|part| text.contains(part)) {
            WARNINGS.fetch_add(1, Ordering::Relaxed);
        }
        glib::log_writer_default(level, fields)
    });
    // Its functions keep their caps for good.
    gst::Plugin::load_by_name("typefindfunctions").ok();
    let registry = gst::Registry::get();
    let feature = registry.lookup_feature("leaks");
    let feature = feature.expect("GStreamer's core tracers").load().unwrap();
    let factory = feature.downcast::<gst::TracerFactory>().unwrap();
    let tracer = glib::Object::with_type(factory.tracer_type());
    TRACER.set(tracer.downcast().unwrap()).unwrap();
    // SAFETY: the function takes nothing, is there as long as the process, and does not unwind: a panic in it aborts.
    unsafe { atexit(at_exit) };
}

unsafe extern "C" {
    fn atexit(function: extern "C" fn()) -> c_int;
}

/// The test harness leaves by way of `exit`, with all of its threads joined.
extern "C" fn at_exit() {
    // Threads of GStreamer's own pool may still be letting go.
    let mut alive = alive_now();
    for _ in 0..10 {
        if alive.is_empty() {
            break;
        }
        thread::sleep(Duration::from_millis(100));
        alive = alive_now();
    }
    if !alive.is_empty() {
        eprintln!(
            "of GStreamer's objects these outlive the tests:\n{}",
            alive
                .iter()
                .map(|(_, one)| &**one)
                .collect::<Vec<_>>()
                .join("\n")
        );
    }
    let lost_collection = alive.iter().any(|(type_, _)| type_ == OF_DECODEBIN[0])
        && alive
            .iter()
            .all(|(type_, _)| OF_DECODEBIN.contains(&&**type_));
    let warnings = WARNINGS.load(Ordering::Relaxed);
    if warnings > 0 {
        eprintln!("{warnings} warnings of GLib's or GStreamer's libraries, see above");
    }
    if warnings > 0 || !(alive.is_empty() || lost_collection) {
        std::process::abort();
    }
}

/// What is alive that was made since [`watch`], but for what belongs to the registry: types, and what to say of each.
fn alive_now() -> Vec<(String, String)> {
    let tracer = TRACER.get().unwrap();
    let info = tracer.emit_by_name::<gst::Structure>("get-live-objects", &[]);
    let list = info.get::<gst::List>("live-objects-list").unwrap();
    // GStreamer 1.22 puts objects in there without a reference, and would take one from each with the list.
    std::mem::forget(info);
    let alive = list.iter().filter_map(|value| {
        let one = value.get::<gst::Structure>().unwrap();
        let object = one.value("object").unwrap();
        let type_ = object.type_();
        let registered =
            type_.is_a(gst::Plugin::static_type()) || type_.is_a(gst::PluginFeature::static_type());
        (!registered).then(|| {
            let count = one.get::<u32>("ref-count").unwrap();
            let said = format!("  {object:?}, {count} references");
            (type_.name().to_owned(), said)
        })
    });
    alive.collect()
}
