//! The bin as GStreamer sees it: the traits of GObject, GstElement and GstBin.

use std::sync::{Arc, LazyLock, OnceLock};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::CAT;
use super::chain;
use super::entry::Entry;
use super::input::{self, Input};
use crate::filter::{CLASSES, TttSegFilter, pad_templates, properties, signals};

/**
 * SECTION:element-tttseg
 * @title: tttseg
 * @see_also: tttsegfilter
 *
 * Segments video, or colours it, with a network that keeps learning from it: `tttsegfilter`, whose properties and signals it
 * shares, for every kind of input. Raw video is converted where necessary, anything else is decoded with `decodebin3`; of
 * several streams the first video is used. Input without video is an error.
 *
 * |[
 * gst-launch-1.0 filesrc location=film.mp4 ! tttseg window=16 ! autovideosink
 * ]|
 * Plays a film with its classes painted over it.
 *
 * |[
 * gst-launch-1.0 filesrc location=film.mp4 ! tttseg pace=every-frame ! vp8enc deadline=1 ! webmmux ! filesink location=out.webm
 * ]|
 * Writes the same to a file. No frame has to be shown in time, so all of them are learned from.
 *
 * |[
 * gst-launch-1.0 v4l2src ! queue leaky=downstream max-size-buffers=1 ! tttseg opacity=0.7 ! autovideosink
 * ]|
 * Segments a camera's video.
 *
 * |[
 * gst-launch-1.0 filesrc location=film.mp4 ! tttseg name=t ! queue ! autovideosink t.classes ! queue ! fakesink
 * ]|
 * The request pad `classes` carries the class of each pixel beside the source pad: see `tttsegfilter`.
 *
 * |[
 * gst-launch-1.0 filesrc location=film.mp4 ! tttseg task=colorize ! autovideosink
 * ]|
 * Colours a black-and-white film, without changing its luma: see `tttsegfilter`.
 *
 * A class map is output as ids when the next element takes GRAY8: put `video/x-raw,format=GRAY8` after the bin. In any other
 * format the ids would be converted as if they were brightness.
 *
 * Since: 0.1.0
 */
pub struct TttSeg {
    entry: Arc<Entry>,
    src: gst::GhostPad,
    /// None if `videoconvert` is not installed.
    filter: OnceLock<TttSegFilter>,
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
                    |bin| bin.entry.on_sink_event(bin.obj().upcast_ref(), pad, event),
                )
            })
            .query_function(|pad, parent, query| {
                TttSeg::catch_panic_pad_function(
                    parent,
                    || false,
                    |bin| bin.entry.on_sink_query(bin.obj().upcast_ref(), pad, query),
                )
            })
            .build();
        let src = gst::GhostPad::builder_from_template(&template("src"))
            .query_function(|pad, parent, query| {
                TttSeg::catch_panic_pad_function(
                    parent,
                    || false,
                    |bin| bin.entry.on_src_query(bin.obj().upcast_ref(), pad, query),
                )
            })
            .build();
        Self {
            entry: Arc::new(Entry::new(sink)),
            src,
            filter: OnceLock::new(),
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
                let filter = bin.imp().filter.get();
                filter.is_some_and(|filter| signals::forward(filter.upcast_ref(), action))
            })
        });
        &SIGNALS
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        if let Some(filter) = self.filter.get() {
            filter.set_property_from_value(pspec.name(), value);
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match self.filter.get() {
            Some(filter) => filter.property_value(pspec.name()),
            None => pspec.default_value().clone(),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        // Sinks for streams that are not used make no sink of the bin.
        let bin = self.obj();
        bin.set_suppressed_flags(gst::ElementFlags::SINK);
        let built = bin
            .add_pad(&self.entry.sink)
            .and_then(|()| bin.add_pad(&self.src))
            .and_then(|()| chain::build(&bin, &self.entry, &self.src));
        match built {
            Ok(filter) => {
                self.filter.get_or_init(|| filter);
            }
            // The error is posted on the way to READY.
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
        // The sink pad's has to be ANY: what can be decoded depends on the plugins of the machine, which are not known
        // while plugins are being registered. The answer to a caps query is exact, and counts for linking.
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
            LazyLock::new(|| pad_templates(&gst::Caps::new_any(), &input::ANY_RAW));
        &TEMPLATES
    }

    /// The filter's pad `classes`, as one of the bin's.
    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        _name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        let filter = self.filter.get()?;
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
        if let (Some(filter), Some(target)) = (self.filter.get(), target) {
            filter.release_request_pad(&target);
        }
        // It is gone either way.
        let _ = pad.set_active(false);
        let _ = self.obj().remove_pad(pad);
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        let bin = self.obj();
        match transition {
            gst::StateChange::NullToReady if self.filter.get().is_none() => {
                gst::element_imp_error!(
                    self,
                    gst::CoreError::MissingPlugin,
                    ("The element videoconvert is missing; it is part of GStreamer's base plugins")
                );
                return Err(gst::StateChangeError);
            }
            // Pads are activated next, and with them a source decides whether it is pulled from.
            gst::StateChange::ReadyToPaused => {
                let input = input::upstream(&self.entry.sink);
                self.entry.choose(bin.upcast_ref(), input)?;
            }
            _ => {}
        }
        let success = self.parent_change_state(transition)?;
        match transition {
            gst::StateChange::ReadyToPaused if !self.entry.bring_up() => {
                return Err(gst::StateChangeError);
            }
            gst::StateChange::PausedToReady => self.entry.choose(bin.upcast_ref(), Input::Raw)?,
            _ => {}
        }
        Ok(success)
    }
}

impl BinImpl for TttSeg {
    fn handle_message(&self, message: gst::Message) {
        self.entry.on_message(self.obj().upcast_ref(), &message);
        // The end of a stream that is not used does not count; the sinks after this element do.
        if !matches!(message.view(), gst::MessageView::Eos(_)) {
            self.parent_handle_message(message);
        }
    }
}
