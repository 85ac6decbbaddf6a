//! The element as GStreamer sees it: the traits of GObject, GstElement and GstBaseTransform.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::BaseTransformMode;
use gst_base::subclass::base_transform::{
    GenerateOutputSuccess, InputBuffer, PrepareOutputBufferSuccess,
};
use gst_base::subclass::prelude::*;
use gst_video::VideoInfo;

use super::lifecycle::NO_CLASSES;
use super::log::CAT;
use super::out::{OutputKind, class_map_meta, flow_combiner};
use super::parts::Parts;
use super::{
    CLASSES, Task, actions, caps, events, frame, lifecycle, lock, negotiate, properties, signals,
};

/**
 * SECTION:element-tttsegfilter
 * @title: tttsegfilter
 * @see_also: tttseg
 *
 * Segments raw video, or colours it, with a network that keeps learning from it. For every frame it takes a gradient step
 * on masked reconstruction, over views of frames from a window of recent ones, and then segments the frame with the
 * updated weights. `tttseg` does the same for every kind of input.
 *
 * The source pad carries the frame with its classes painted over it (`output=overlay`), the frame and that side by side
 * (`side-by-side`, twice as wide), the class of each pixel as GRAY8 (`class-map`), the network's reconstruction of the frame
 * (`reconstruction`), or the frame unchanged with its class map as a meta (`metadata`). Time stamps are those of the input,
 * and so are metas, except those about colours on a class map and those about the size of the frame with `side-by-side`.
 *
 * |[
 * gst-launch-1.0 filesrc location=film.mp4 ! decodebin3 ! videoconvert ! tttsegfilter ! videoconvert ! autovideosink
 * ]|
 * Plays a film with its classes. Every frame is shown in time; frames that come while the element is late are shown with
 * the last classes (`pace=auto`).
 *
 * |[
 * gst-launch-1.0 -m filesrc location=film.mp4 ! decodebin3 ! videoconvert ! tttsegfilter pace=every-frame ! fakesink
 * ]|
 * Learns from every frame, and prints an element message `tttseg` for each, with the fields `frame`, `steps`, `masks`,
 * `skipped`, `rung`, `window`, `steps-since-reset`, `resets`, `adapted-frames`, `rollbacks`, `remembered`, `step-time`,
 * `predict-time`, `fusion-time`, `directed-steps`, `references`, `hints`, `provider`, `loss`, `unexplained`,
 * `gradient-norm`, `disagreement`, `running-time`, `classes` and `class-shares`.
 *
 * |[
 * gst-launch-1.0 -m v4l2src ! videoconvert ! tttsegfilter training-budget=10 ! videoconvert ! autovideosink
 * ]|
 * Segments a camera's video and spends 10 ms per frame on learning. When time is short, for that or for the frame rate of a
 * live source, more and more is left out: masked views, steps, learning on some frames, predictions on some. No frame is
 * dropped. Every change is posted as a QoS message with the fields `rung`, `masks` and `steps`.
 *
 * |[
 * gst-launch-1.0 -m v4l2src ! videoconvert ! tttsegfilter asynchronous=true ! videoconvert ! autovideosink
 * ]|
 * Learns in parallel with the stream instead: no frame waits for a step, and each is segmented with the newest weights.
 *
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! tttsegfilter load-state=camera.safetensors save-state=camera.safetensors ! videoconvert ! autovideosink
 * ]|
 * Starts from what was learned from this camera before; the first time, from the model.
 *
 * |[
 * gst-launch-1.0 filesrc location=film.mp4 ! decodebin3 ! videoconvert ! tttsegfilter name=t ! queue ! videoconvert ! autovideosink t.classes ! queue ! videoconvert ! autovideosink
 * ]|
 * The request pad `classes` carries the class of each pixel beside the source pad, as GRAY8 with the same time stamps. It
 * can be requested and released at any time. Each of the two needs a queue. The stream continues as long as one of them is
 * linked; a frame without classes of its own (in pass-through) is a gap.
 *
 * |[
 * gst-launch-1.0 filesrc location=film.mp4 ! decodebin3 ! videoconvert ! tttsegfilter task=colorize ! videoconvert ! autovideosink
 * ]|
 * Colours a black-and-white film. Its luma is not changed by a single bit; the chroma is the network's, whatever the input
 * had. Grey frames go out in Y'CbCr with their own range: GRAY8 in I420, Y42B or Y444, GRAY16 in Y444_16LE and Y444_16BE.
 * `output=side-by-side` shows the frame in grey and in colours, `reconstruction` is the same as without; there are no class
 * maps and no pad `classes`. `reference-location` and hints give the colours of pictures and places. `saturation`,
 * `temperature` and `chroma-smoothing` change how colours look; they have no effect on classes.
 *
 * Weights start anew with every stream (another stream-id) and in READY: from the model, or from the state in `load-state`.
 * A seek keeps them, and starts a new window.
 *
 * Where a tag says that frames were recorded sideways or upside down (`image-orientation`), the network sees them upright. They
 * go out as they came, and so does the tag: a `videoflip video-direction=auto` may stand before or behind the element.
 *
 * Frames are read and drawn into in the stream's own format, with the matrix and range of its caps; the transfer function
 * is ignored. Opacity and filling are not changed. Where pixels are not square, the network sees the picture as it is
 * shown. Frames that other elements hold, or that are in read-only memory, are copied into buffers of a pool first; a
 * buffer that does not fit its caps is an error.
 *
 * Interlaced video with its fields woven into frames (`interleaved`, `mixed`) is segmented as frames: both fields get the
 * classes of one map, and stay fields. Where something moves fast, its edges are combed, and a deinterlacer in front helps.
 * Video with separate fields (`fields`, `alternate`) is refused.
 *
 * Since: 0.1.0
 */
#[derive(Default)]
pub struct TttSegFilter(Parts);

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
            signals::all(|element: &super::TttSegFilter, action| {
                actions::act(element.upcast_ref(), &element.imp().0, action)
            })
        });
        &SIGNALS
    }

    fn constructed(&self) {
        self.parent_constructed();
        flow_combiner::install(self.obj().upcast_ref(), self.0.classes.clone());
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        actions::set_property(self.obj().upcast_ref(), &self.0, pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let control = &self.0.control;
        match pspec.name() {
            properties::STATS => lock(&self.0.stats).structure().to_value(),
            properties::PROVIDER_IN_USE => control.engine().map(|e| e.provider_in_use()).to_value(),
            name => {
                let value = control.get(name);
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
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
            LazyLock::new(|| caps::pad_templates(&caps::CAPS, &caps::CAPS));
        &TEMPLATES
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        _name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        if template.name_template() != CLASSES || self.0.classes.pad().is_some() {
            gst::warning!(CAT, imp = self, "There is one pad {CLASSES}, no more");
            return None;
        }
        if self.0.control.task() == Task::Colorize {
            gst::element_imp_warning!(self, gst::LibraryError::Settings, ("{NO_CLASSES}"));
            return None;
        }
        let pad = gst::Pad::builder_from_template(template)
            .name(CLASSES)
            .event_function(|pad, parent, event| {
                let handle = |filter: &Self| {
                    let element = filter.obj();
                    events::on_classes_event(element.upcast_ref(), &filter.0, &event)
                        || gst::Pad::event_default(pad, parent, event)
                };
                Self::catch_panic_pad_function(parent, || false, handle)
            })
            .query_function(|pad, parent, query| {
                let handle = |filter: &Self| {
                    let element = filter.obj();
                    events::on_src_query(element.upcast_ref(), &filter.0, query)
                        .unwrap_or_else(|| gst::Pad::query_default(pad, parent, query))
                };
                Self::catch_panic_pad_function(parent, || false, handle)
            })
            .build();
        let added = self.0.classes.add(self.obj().upcast_ref(), &pad);
        added.then_some(pad)
    }

    fn release_pad(&self, pad: &gst::Pad) {
        self.0.classes.remove(self.obj().upcast_ref(), pad);
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        let element = self.obj();
        lifecycle::before_change(element.upcast_ref(), &self.0, transition)?;
        let success = self.parent_change_state(transition)?;
        lifecycle::after_change(element.upcast_ref(), &self.0, transition);
        Ok(success)
    }
}

impl BaseTransformImpl for TttSegFilter {
    // Frames are drawn into in place all the same where they may be. In the base class's own mode for
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
        let other = caps::transform(direction, caps, self.0.control.output());
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
        negotiate::set_caps(self.obj().upcast_ref(), &self.0, incaps, outcaps)
    }

    fn unit_size(&self, caps: &gst::Caps) -> Option<usize> {
        VideoInfo::from_caps(caps).ok().map(|info| info.size())
    }

    fn propose_allocation(
        &self,
        decide_query: Option<&gst::query::Allocation>,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        if self.0.control.output() == Some(OutputKind::Metadata) {
            // Frames go on as they are: what follows may say what they should lie in.
            self.parent_propose_allocation(None, query)?;
        } else {
            self.parent_propose_allocation(decide_query, query)?;
        }
        caps::choose_metas(query, self.0.control.output());
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
        let negotiated = lock(&self.0.stream).negotiated.clone();
        negotiated.is_none_or(|n| class_map_meta::holds(&meta, n.output, n.info.is_gray()))
    }

    fn before_transform(&self, inbuf: &gst::BufferRef) {
        let Some(pts) = inbuf.pts() else { return };
        lock(&self.0.stream).position = Some(pts);
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
        let Some(inbuf) = self.take_queued_buffer() else {
            return Ok(GenerateOutputSuccess::NoOutput);
        };
        let element = self.obj();
        let outbuf = frame::process(element.upcast_ref(), &self.0, inbuf, |inbuf| {
            match self.parent_prepare_output_buffer(InputBuffer::Readable(inbuf))? {
                PrepareOutputBufferSuccess::Buffer(buffer) => Ok(buffer),
                // Only in the base class's own pass-through, which is never switched on.
                PrepareOutputBufferSuccess::InputBuffer => Err(gst::FlowError::Error),
            }
        });
        outbuf
            .map(GenerateOutputSuccess::Buffer)
            .map_err(|e| e.post(element.upcast_ref()))
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        events::on_sink_event(self.obj().upcast_ref(), &self.0, &event)
            && self.parent_sink_event(event)
    }

    fn src_event(&self, event: gst::Event) -> bool {
        events::on_src_event(self.obj().upcast_ref(), &self.0, &event)
            || self.parent_src_event(event)
    }

    fn query(&self, direction: gst::PadDirection, query: &mut gst::QueryRef) -> bool {
        let answered = if direction == gst::PadDirection::Src {
            events::on_src_query(self.obj().upcast_ref(), &self.0, query)
        } else {
            None
        };
        answered.unwrap_or_else(|| BaseTransformImplExt::parent_query(self, direction, query))
    }
}
