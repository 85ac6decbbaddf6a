//! Errors of the frame path, and how they are posted.

use gst_base::BaseTransform;
use tttseg::adapt;

/// Why a frame does not go out.
#[derive(Debug)]
pub(super) enum Error {
    /// A pool, or what follows, has none for it.
    Flow(gst::FlowError),
    /// The frame could not be read or drawn into.
    Pixels(String),
    Engine(adapt::Error),
    /// There is nothing to make it of.
    NoResult,
    /// The network cannot work on such video.
    Negotiation(String),
}

impl Error {
    /// Posts what is an error of this element, and gives the result for upstream.
    pub fn post(self, element: &BaseTransform) -> gst::FlowError {
        match self {
            Self::Flow(flow) => return flow,
            // The element is flushing or going down.
            Self::Engine(adapt::Error::Cancelled) => return gst::FlowError::Flushing,
            Self::Pixels(e) => gst::element_error!(
                element,
                gst::StreamError::Failed,
                ("A video frame could not be handled: {e}")
            ),
            Self::Engine(e) => {
                gst::element_error!(element, gst::LibraryError::Failed, ("{e}"));
            }
            Self::NoResult => gst::element_error!(
                element,
                gst::LibraryError::Failed,
                ("The engine gave no result for a frame")
            ),
            Self::Negotiation(why) => {
                gst::element_error!(
                    element,
                    gst::CoreError::Negotiation,
                    ("This video cannot be worked on: {why}")
                );
                return gst::FlowError::NotNegotiated;
            }
        }
        gst::FlowError::Error
    }
}

impl From<gst::FlowError> for Error {
    fn from(flow: gst::FlowError) -> Self {
        Self::Flow(flow)
    }
}

impl From<gst::glib::BoolError> for Error {
    fn from(e: gst::glib::BoolError) -> Self {
        Self::Pixels(e.to_string())
    }
}

impl From<adapt::Error> for Error {
    fn from(e: adapt::Error) -> Self {
        Self::Engine(e)
    }
}
