//! The bin: `videoconvert ! tttsegfilter ! videoconvert`, with `typefind ! decodebin3` in front when the input is not raw video.

use std::sync::{LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::input::{self, Input};
use crate::filter::{CLASSES, TttSegFilter, properties, signals};

/**
 * SECTION:element-tttseg
 * @title: tttseg
 * @see_also: tttsegfilter
 *
 * Segments video, or colours it, with a network that keeps learning from it: `tttsegfilter`, whose properties and signals it shares, for
 * every input. Raw video is converted where it has to be, anything else is decoded with `decodebin3`; of several streams
 * the first video is taken. Input without video is an error.
 *
 * |[
 * gst-launch-1.0 filesrc location=film.mp4 ! tttseg window=16 ! autovideosink
 * ]|
 * Plays a film with its classes painted over it.
 *
 * |[
 * gst-launch-1.0 filesrc location=film.mp4 ! tttseg pace=every-frame ! vp8enc deadline=1 ! webmmux ! filesink location=out.webm
 * ]|
 * Writes the same to a file. Nothing has to be shown in time, so that every frame is learned from.
 *
 * |[
 * gst-launch-1.0 v4l2src ! queue leaky=downstream max-size-buffers=1 ! tttseg opacity=0.7 ! autovideosink
 * ]|
 * Segments what a camera sees.
 *
 * |[
 * gst-launch-1.0 filesrc location=film.mp4 ! tttseg name=t ! queue ! autovideosink t.classes ! queue ! fakesink
 * ]|
 * The request pad `classes` carries the class of each pixel beside what goes out: see `tttsegfilter`.
 *
 * |[
 * gst-launch-1.0 filesrc location=film.mp4 ! tttseg task=colorize ! autovideosink
 * ]|
 * Colours a black-and-white film, whose own luma stays untouched: see `tttsegfilter`.
 *
 * A class map goes out as ids when what follows takes GRAY8: put `video/x-raw,format=GRAY8` behind it. In any other
 * format the ids would be converted as if they were brightness.
 *
 * Since: 0.1.0
 */
pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "tttseg",
        gst::DebugColorFlags::empty(),
        Some("Test-time training on any video"),
    )
});

/// The elements that are always there.
pub(super) struct Chain {
    pub before: gst::Element,
    pub filter: TttSegFilter,
    after: gst::Element,
}

/// What was made for the input at hand.
#[derive(Default)]
pub(super) struct State {
    pub decoder: Option<gst::Element>,
    /// What goes with it: `typefind` in front, sinks for streams that are not the first video.
    pub others: Vec<gst::Element>,
    pub video_linked: bool,
}

/// See the module's text.
pub struct TttSeg {
    pub(super) sink: gst::GhostPad,
    pub(super) src: gst::GhostPad,
    chain: OnceLock<Chain>,
    state: Mutex<State>,
}

impl TttSeg {
    /// The inner elements; none if `videoconvert` is not installed.
    pub(super) fn chain(&self) -> Option<&Chain> {
        self.chain.get()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Every field stays usable whatever has panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn build(&self) -> Result<Chain, glib::BoolError> {
        let convert = |name| gst::ElementFactory::make("videoconvert").name(name).build();
        let chain = Chain {
            before: convert("before")?,
            filter: glib::Object::builder().property("name", "filter").build(),
            after: convert("after")?,
        };
        let elements = [&chain.before, chain.filter.upcast_ref(), &chain.after];
        self.obj().add_many(elements)?;
        gst::Element::link_many(elements)?;
        Ok(chain)
    }

    /// Passes on what the filter tells about its properties, and values that are controlled on the bin.
    fn connect(&self, chain: &Chain) -> Result<(), glib::BoolError> {
        let bin = self.obj().downgrade();
        chain.filter.connect_notify(None, move |_, pspec| {
            if let Some(bin) = bin.upgrade()
                && pspec.owner_type() == TttSegFilter::static_type()
            {
                bin.notify(pspec.name());
            }
        });
        let pad = |element: &gst::Element, name| {
            element
                .static_pad(name)
                .ok_or_else(|| glib::bool_error!("{} has no pad {name}", element.name()))
        };
        let entry = pad(chain.filter.upcast_ref(), "sink")?;
        let bin = self.obj().downgrade();
        entry.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if let (Some(bin), Some(buffer)) = (bin.upgrade(), info.buffer()) {
                sync_values(&bin, pad, buffer);
            }
            gst::PadProbeReturn::Ok
        });
        self.sink.set_target(Some(&pad(&chain.before, "sink")?))?;
        self.src.set_target(Some(&pad(&chain.after, "src")?))
    }
}

/// Nobody calls this for a bin; the filter does it for itself only.
fn sync_values(bin: &super::TttSeg, pad: &gst::Pad, buffer: &gst::Buffer) {
    if !bin.has_active_control_bindings() {
        return;
    }
    let stream_time = pad
        .sticky_event::<gst::event::Segment>(0)
        .and_then(|event| {
            let segment = event.segment().downcast_ref::<gst::ClockTime>()?;
            segment.to_stream_time(buffer.pts()?)
        });
    if let Some(stream_time) = stream_time
        && let Err(e) = bin.sync_values(stream_time)
    {
        gst::warning!(
            CAT,
            obj = bin,
            "Controlled properties stay as they are: {e}"
        );
    }
}

#[glib::object_subclass]
impl ObjectSubclass for TttSeg {
    const NAME: &'static str = "GstTttSeg";
    type Type = super::TttSeg;
    type ParentType = gst::Bin;

    fn with_class(klass: &Self::Class) -> Self {
        let template = |name| {
            klass
                .pad_template(name)
                .expect("declared in pad_templates() below")
        };
        let sink = gst::GhostPad::builder_from_template(&template("sink"))
            .event_function(|pad, parent, event| {
                TttSeg::catch_panic_pad_function(
                    parent,
                    || false,
                    |bin| bin.on_sink_event(pad, event),
                )
            })
            .query_function(|pad, parent, query| {
                TttSeg::catch_panic_pad_function(
                    parent,
                    || false,
                    |bin| bin.on_sink_query(pad, query),
                )
            })
            .build();
        let src = gst::GhostPad::builder_from_template(&template("src"))
            .query_function(|pad, parent, query| {
                TttSeg::catch_panic_pad_function(
                    parent,
                    || false,
                    |bin| bin.on_src_query(pad, query),
                )
            })
            .build();
        Self {
            sink,
            src,
            chain: OnceLock::new(),
            state: Mutex::default(),
        }
    }
}

impl ObjectImpl for TttSeg {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(properties::all);
        &PROPERTIES
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: LazyLock<Vec<glib::subclass::Signal>> = LazyLock::new(|| {
            signals::all(|bin: &super::TttSeg, action| {
                bin.imp()
                    .chain()
                    .is_some_and(|chain| signals::forward(chain.filter.upcast_ref(), action))
            })
        });
        &SIGNALS
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        if let Some(chain) = self.chain() {
            chain.filter.set_property_from_value(pspec.name(), value);
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match self.chain() {
            Some(chain) => chain.filter.property_value(pspec.name()),
            None => pspec.default_value().clone(),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        // Sinks for streams nobody wants make no sink of the bin.
        self.obj().set_suppressed_flags(gst::ElementFlags::SINK);
        let added = self
            .obj()
            .add_pad(&self.sink)
            .and_then(|()| self.obj().add_pad(&self.src));
        let built = added.and_then(|()| self.build()).and_then(|chain| {
            self.connect(&chain)?;
            Ok(chain)
        });
        match built {
            Ok(chain) => {
                self.chain.get_or_init(|| chain);
            }
            // Told on the way to READY.
            Err(e) => gst::error!(CAT, imp = self, "{e}"),
        }
    }
}

impl GstObjectImpl for TttSeg {}

impl ElementImpl for TttSeg {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Test-time training segmentation",
                "Filter/Effect/Converter/Analyzer/Decoder/Video",
                "Segments video, or colours it, be it raw, encoded or a whole file, with a network that keeps learning from it: between two \
                 frames it takes a gradient step on masked reconstruction over a window of recent frames",
                "The tttseg authors",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(input::pad_templates);
        &TEMPLATES
    }

    /// The filter's pad `classes`, for everybody.
    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        _name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        let filter = &self.chain()?.filter;
        if filter.static_pad(CLASSES).is_some() {
            gst::warning!(CAT, imp = self, "There is one pad {CLASSES}, no more");
            return None;
        }
        let inner = filter.request_pad_simple(CLASSES)?;
        let shown = gst::GhostPad::builder_from_template_with_target(template, &inner)
            .map(|builder| builder.name(CLASSES).build())
            .and_then(|shown| {
                shown.set_active(true)?;
                self.obj().add_pad(&shown)?;
                Ok(shown)
            });
        match shown {
            Ok(shown) => Some(shown.upcast()),
            Err(e) => {
                gst::error!(CAT, imp = self, "{e}");
                filter.release_request_pad(&inner);
                None
            }
        }
    }

    fn release_pad(&self, pad: &gst::Pad) {
        let target = pad.downcast_ref::<gst::GhostPad>().and_then(|g| g.target());
        // First the one inside, so that nothing is pushed to one that is shut.
        if let (Some(chain), Some(target)) = (self.chain(), target) {
            chain.filter.release_request_pad(&target);
        }
        // It is gone either way.
        let _ = pad.set_active(false);
        let _ = self.obj().remove_pad(pad);
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::NullToReady if self.chain().is_none() => {
                gst::element_imp_error!(
                    self,
                    gst::CoreError::MissingPlugin,
                    ("The element videoconvert is missing; it is part of GStreamer's base plugins")
                );
                return Err(gst::StateChangeError);
            }
            // Pads are activated next, and with them a source decides whether it is pulled from.
            gst::StateChange::ReadyToPaused => {
                let input = self.input_upstream();
                self.choose(input)?;
            }
            _ => {}
        }
        let success = self.parent_change_state(transition)?;
        match transition {
            gst::StateChange::ReadyToPaused if !self.bring_up() => {
                return Err(gst::StateChangeError);
            }
            gst::StateChange::PausedToReady => self.choose(Input::Raw)?,
            _ => {}
        }
        Ok(success)
    }
}

impl BinImpl for TttSeg {
    fn handle_message(&self, message: gst::Message) {
        self.look_at(&message);
        // The end of a stream nobody wants is nobody's business: what counts is the sinks after this element.
        if !matches!(message.view(), gst::MessageView::Eos(_)) {
            self.parent_handle_message(message);
        }
    }
}
