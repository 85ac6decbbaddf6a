//! Elements that a test uses beside our own. Shared by the tests of the plugin and of the command line.

use crate::common::missing;

/// All of these elements; `None` where one is [`missing`].
#[track_caller]
pub fn elements(names: &[&str]) -> Option<()> {
    gst::init().unwrap();
    let has = |name: &str| gst::ElementFactory::find(name).is_some();
    match names.iter().find(|name| !has(name)) {
        Some(name) => {
            missing(format!("element {name}"));
            None
        }
        None => Some(()),
    }
}
