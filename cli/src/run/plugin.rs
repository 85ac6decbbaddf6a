//! The element of this program's own version, part of the program.

use super::error::Error;

/// The element that does the work.
pub const ELEMENT: &str = "tttsegfilter";
/// The plugin's name in GStreamer's registry.
const PLUGIN: &str = "tttseg";

/// Starts GStreamer and registers the element. An installed plugin, which may be of another version, is not used.
pub fn register() -> Result<(), Error> {
    gst::init().map_err(|e| Error::Other(format!("GStreamer does not start: {e}")))?;
    let registry = gst::Registry::get();
    if let Some(installed) = registry.find_plugin(PLUGIN) {
        registry.remove_plugin(&installed);
    }
    gsttttseg::plugin_register_static()
        .map_err(|e| Error::Other(format!("GStreamer refuses the element {ELEMENT}: {e}")))
}
