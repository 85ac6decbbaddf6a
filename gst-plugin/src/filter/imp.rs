//! The element: state changes, negotiation, and the way to its parts.
//!
//! Locks, none of which is held while the engine works, except that of the pixels while frames are drawn: `settings`,
//! `engine`, `stream`, `pixels`, `stats`, `latency`, `branch`, `flows` and `directions` are never taken one inside the
//! other, but for `engine` inside `settings`.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::UniqueFlowCombiner;
use gst_base::prelude::*;
use gst_base::subclass::BaseTransformMode;
use gst_base::subclass::base_transform::GenerateOutputSuccess;
use gst_base::subclass::prelude::*;
use gst_video::VideoInfo;

use super::classes::Branch;
use super::directions::Directions;
use super::engine::Engine;
use super::frame::Drawn;
use super::ladder::Ladder;
use super::latency::Latency;
use super::negotiate::Negotiated;
use super::pace::Lateness;
use super::pixels::Pixels;
use super::product::Product;
use super::settings::{Change, Live, Settings};
use super::state::Files;
use super::stats::Stats;
use super::{Task, caps, meta, properties, signals};

/**
 * SECTION:element-tttsegfilter
 * @title: tttsegfilter
 * @see_also: tttseg
 *
 * Segments raw video, or colours it, with a network that keeps learning from it. For every frame it takes a gradient step
 * on masked reconstruction, over views of frames out of a window of recent ones, and segments the frame with the weights it
 * has just updated. `tttseg` is the same for every input.
 *
 * What goes out is the frame with its classes painted over it (`output=overlay`), that and the frame side by side
 * (`side-by-side`, twice as wide), the class of each pixel as GRAY8 (`class-map`), the network's reconstruction of the frame
 * (`reconstruction`), or the frame as it is with its class map as a meta (`metadata`). Time stamps are those of the input,
 * and so are metas, but those about colours on a class map and those about the size of the frame side by side.
 *
 * |[
 * gst-launch-1.0 filesrc location=film.mp4 ! decodebin3 ! videoconvert ! tttsegfilter ! videoconvert ! autovideosink
 * ]|
 * Plays a film with its classes. Every frame is shown in time; those that come while the element is late are shown with
 * the last classes (`pace=auto`).
 *
 * |[
 * gst-launch-1.0 -m filesrc location=film.mp4 ! decodebin3 ! videoconvert ! tttsegfilter pace=every-frame ! fakesink
 * ]|
 * Learns from every frame of it, and prints what came of that: an element message `tttseg` for every frame, with the
 * fields `frame`, `steps`, `masks`, `skipped`, `rung`, `window`, `steps-since-reset`, `resets`, `step-time`,
 * `predict-time`, `provider`, `loss`, `unexplained`, `gradient-norm` and `running-time`.
 *
 * |[
 * gst-launch-1.0 -m v4l2src ! videoconvert ! tttsegfilter training-budget=10 ! videoconvert ! autovideosink
 * ]|
 * Segments what a camera sees and spends 10 ms a frame on learning. When time is short, be it for that or for the frame
 * rate of a live source, ever more is left out: masked views, steps, learning on some frames, predictions on some. Never
 * the frame. A QoS message with the fields `rung`, `masks` and `steps` tells of every change.
 *
 * |[
 * gst-launch-1.0 -m v4l2src ! videoconvert ! tttsegfilter asynchronous=true ! videoconvert ! autovideosink
 * ]|
 * Learns beside the stream instead: no frame waits for a step, and each is segmented with the newest weights there are.
 *
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! tttsegfilter load-state=camera.safetensors save-state=camera.safetensors ! videoconvert ! autovideosink
 * ]|
 * Goes on every time from what it has learned from this camera before, the first time from the model.
 *
 * |[
 * gst-launch-1.0 filesrc location=film.mp4 ! decodebin3 ! videoconvert ! tttsegfilter name=t ! queue ! videoconvert ! autovideosink t.classes ! queue ! videoconvert ! autovideosink
 * ]|
 * The request pad `classes` carries the class of each pixel beside what goes out, as GRAY8 with the same time stamps. It can
 * be asked for and released at any time. Each of the two needs a queue. The stream goes on as long as one of them is
 * linked; a frame that has no classes of its own (in pass-through) is a gap.
 *
 * |[
 * gst-launch-1.0 filesrc location=film.mp4 ! decodebin3 ! videoconvert ! tttsegfilter task=colorize ! videoconvert ! autovideosink
 * ]|
 * Colours a black-and-white film. Its luma stays as it is, bit by bit; the chroma is the network's, whatever there was
 * before. Grey frames go out in Y'CbCr with their own range: GRAY8 in I420, Y42B or Y444, GRAY16 in Y444_16LE and Y444_16BE.
 * `output=side-by-side` shows the frame in grey and in colours, `reconstruction` is as ever; there are no class maps and no
 * pad `classes`. `reference-location` and hints say which colours are right. `saturation`, `temperature` and
 * `chroma-smoothing` say how colours look; they do nothing otherwise.
 *
 * Weights start anew with every stream (another stream-id) and in READY: with the model, or with the state that
 * `load-state` names. A seek keeps them, and starts a new window.
 *
 * Frames are read and drawn into in the stream's own format, with the matrix and range its caps tell; the transfer function
 * is not looked at. Opacity and filling stay as they are. Where pixels are not square, the network sees the picture as it
 * is shown. Frames that somebody else holds, or in memory that is read-only, are copied into buffers of a pool first; a
 * buffer that is no frame of its caps is an error.
 *
 * Interlaced video with its fields woven into frames (`interleaved`, `mixed`) is segmented as frames: both fields get the
 * classes of one map, and stay fields. Where something moves fast, its edges are combed, and a deinterlacer in front helps.
 * Video with its fields apart (`fields`, `alternate`) is refused.
 *
 * Since: 0.1.0
 */
pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "tttsegfilter",
        gst::DebugColorFlags::empty(),
        Some("Test-time training on raw video"),
    )
});

/// What belongs to the stream that flows.
#[derive(Default)]
pub(super) struct Stream {
    pub id: Option<String>,
    pub negotiated: Option<Arc<Negotiated>>,
    pub drawn: Drawn,
    pub lateness: Lateness,
    pub ladder: Ladder,
    /// Time stamp of the last frame.
    pub position: Option<gst::ClockTime>,
}

/// See the module's text.
#[derive(Default)]
pub struct TttSegFilter {
    settings: Mutex<Settings>,
    pub(super) engine: Mutex<Option<Arc<Engine>>>,
    stream: Mutex<Stream>,
    pixels: Mutex<Pixels>,
    stats: Mutex<Stats>,
    latency: Mutex<Latency>,
    branch: Mutex<Option<Branch>>,
    flows: Mutex<UniqueFlowCombiner>,
    directions: Mutex<Directions>,
}

/// A panic elsewhere leaves each of the locked values usable.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TttSegFilter {
    pub(super) fn settings(&self) -> MutexGuard<'_, Settings> {
        lock(&self.settings)
    }

    pub(super) fn live_settings(&self) -> Live {
        lock(&self.settings).live.clone()
    }

    /// Masked views per step and steps per frame by the properties.
    pub(super) fn full_effort(&self) -> (usize, usize) {
        let method = lock(&self.settings).method();
        (method.batch_size, method.steps)
    }

    pub(super) fn state_files(&self) -> Files {
        Files::new(&lock(&self.settings))
    }

    pub(super) fn engine(&self) -> Option<Arc<Engine>> {
        lock(&self.engine).clone()
    }

    pub(super) fn negotiated(&self) -> Option<Arc<Negotiated>> {
        lock(&self.stream).negotiated.clone()
    }

    pub(super) fn stream(&self) -> MutexGuard<'_, Stream> {
        lock(&self.stream)
    }

    pub(super) fn pixels(&self) -> MutexGuard<'_, Pixels> {
        lock(&self.pixels)
    }

    pub(super) fn stats(&self) -> MutexGuard<'_, Stats> {
        lock(&self.stats)
    }

    pub(super) fn latency(&self) -> MutexGuard<'_, Latency> {
        lock(&self.latency)
    }

    pub(super) fn branch(&self) -> MutexGuard<'_, Option<Branch>> {
        lock(&self.branch)
    }

    pub(super) fn flows(&self) -> MutexGuard<'_, UniqueFlowCombiner> {
        lock(&self.flows)
    }

    pub(super) fn directions(&self) -> MutexGuard<'_, Directions> {
        lock(&self.directions)
    }

    pub(super) fn sink_pad(&self) -> gst::Pad {
        BaseTransformExtManual::sink_pad(&*self.obj()).clone()
    }

    /// What is done: what the model that is loaded can do, or is going to be for.
    pub(super) fn task(&self) -> Task {
        let loaded = self.engine().map(|engine| engine.task());
        loaded.unwrap_or_else(|| lock(&self.settings).task)
    }

    /// What goes out by the properties as they are now.
    pub(super) fn product(&self) -> Option<Product> {
        let task = self.task();
        let settings = lock(&self.settings);
        (!settings.live.passthrough).then(|| Product::new(task, settings.output))
    }
}

#[glib::object_subclass]
impl ObjectSubclass for TttSegFilter {
    const NAME: &'static str = "GstTttSegFilter";
    type Type = super::TttSegFilter;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for TttSegFilter {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(properties::all);
        &PROPERTIES
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: LazyLock<Vec<glib::subclass::Signal>> = LazyLock::new(|| {
            signals::all(|element: &super::TttSegFilter, action| element.imp().act(action))
        });
        &SIGNALS
    }

    fn constructed(&self) {
        self.parent_constructed();
        self.flows().add_pad(self.obj().src_pad());
        self.combine_flows();
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        // Under one lock, so that the engine gets values in the order in which they are set, by whichever threads. Sending
        // queues, and waits for nothing.
        let mut settings = lock(&self.settings);
        let before = settings.reference_location.clone();
        let mut change = settings.set(pspec.name(), value);
        if change == Change::Engine
            && let Some(engine) = self.engine()
            && let Err(e) = engine.update(&settings)
        {
            change = Change::Refused(e.to_string());
        }
        drop(settings);
        gst::debug!(CAT, imp = self, "{} = {value:?}: {change:?}", pspec.name());
        match change {
            Change::None | Change::Engine => {}
            Change::References => self.change_references(before),
            Change::Caps => self.obj().reconfigure_src(),
            Change::Refused(why) => {
                gst::element_imp_warning!(self, gst::LibraryError::Settings, ("{why}"));
            }
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            properties::STATS => self.stats().structure().to_value(),
            properties::PROVIDER_IN_USE => self.engine().map(|e| e.provider_in_use()).to_value(),
            name => {
                let value = lock(&self.settings).get(name);
                value.unwrap_or_else(|| pspec.default_value().clone())
            }
        }
    }
}

impl GstObjectImpl for TttSegFilter {}

impl ElementImpl for TttSegFilter {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Test-time training segmentation filter",
                "Filter/Effect/Converter/Analyzer/Video",
                "Segments raw video, or colours it, with a network that keeps learning from it: between two frames it takes a gradient \
                 step on masked reconstruction over a window of recent frames",
                "The tttseg authors",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(caps::pad_templates);
        &TEMPLATES
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        _name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        self.request_classes(template)
    }

    fn release_pad(&self, pad: &gst::Pad) {
        self.release_classes(pad);
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        self.before_change(transition)?;
        let success = self.parent_change_state(transition)?;
        self.after_change(transition);
        Ok(success)
    }
}

impl BaseTransformImpl for TttSegFilter {
    // Frames are drawn into in place all the same where they may be: see `process`. In the base class's own mode for
    // that there would be no pool for those that may not.
    const MODE: BaseTransformMode = BaseTransformMode::NeverInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn transform_caps(
        &self,
        direction: gst::PadDirection,
        caps: &gst::Caps,
        filter: Option<&gst::Caps>,
    ) -> Option<gst::Caps> {
        let other = caps::transform(direction, caps, self.product());
        let other = match filter {
            Some(filter) => filter.intersect_with_mode(&other, gst::CapsIntersectMode::First),
            None => other,
        };
        gst::debug!(
            CAT,
            imp = self,
            "{caps} on the {direction:?} pad gives {other}"
        );
        Some(other)
    }

    fn set_caps(&self, incaps: &gst::Caps, outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        self.take_caps(incaps, outcaps)
    }

    fn unit_size(&self, caps: &gst::Caps) -> Option<usize> {
        VideoInfo::from_caps(caps).ok().map(|info| info.size())
    }

    fn propose_allocation(
        &self,
        decide_query: Option<&gst::query::Allocation>,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        if self.product() == Some(Product::Metadata) {
            // Frames go on as they are: what follows may say what they should lie in.
            return self.parent_propose_allocation(None, query);
        }
        self.parent_propose_allocation(decide_query, query)?;
        if query
            .find_allocation_meta::<gst_video::VideoMeta>()
            .is_none()
        {
            query.add_allocation_meta::<gst_video::VideoMeta>(None);
        }
        Ok(())
    }

    fn decide_allocation(
        &self,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        caps::choose_pool(query)?;
        self.parent_decide_allocation(query)
    }

    fn transform_meta<'a>(
        &self,
        _outbuf: &mut gst::BufferRef,
        meta: gst::MetaRef<'a, gst::Meta>,
        _inbuf: &'a gst::BufferRef,
    ) -> bool {
        self.negotiated()
            .is_none_or(|n| meta::holds(&meta, n.output, n.info.is_gray()))
    }

    fn before_transform(&self, inbuf: &gst::BufferRef) {
        let Some(pts) = inbuf.pts() else { return };
        self.stream().position = Some(pts);
        let segment = self.obj().segment();
        let stream_time = segment
            .downcast_ref::<gst::ClockTime>()
            .and_then(|s| s.to_stream_time(pts));
        if let Some(stream_time) = stream_time
            && let Err(e) = self.obj().sync_values(stream_time)
        {
            gst::warning!(
                CAT,
                imp = self,
                "Controlled properties stay as they are: {e}"
            );
        }
    }

    fn generate_output(&self) -> Result<GenerateOutputSuccess, gst::FlowError> {
        match self.take_queued_buffer() {
            Some(buffer) => self.process(buffer),
            None => Ok(GenerateOutputSuccess::NoOutput),
        }
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        self.on_sink_event(event)
    }

    fn src_event(&self, event: gst::Event) -> bool {
        self.on_src_event(event)
    }

    fn query(&self, direction: gst::PadDirection, query: &mut gst::QueryRef) -> bool {
        self.on_query(direction, query)
    }
}
