//! Finding the element.

use std::path::{Path, PathBuf};

use super::error::Error;

/// The element that does the work.
pub const ELEMENT: &str = "tttsegfilter";
const FILE: &str = "libgsttttseg.so";

/// Starts GStreamer and makes sure that it has the element: from where GStreamer looks, or else from where the plugin lies
/// when it was installed or built together with this program.
///
/// # Errors
/// With everything that was tried.
pub fn find() -> Result<(), Error> {
    gst::init().map_err(|e| Error::Other(format!("GStreamer does not start: {e}")))?;
    let is_there = || gst::ElementFactory::find(ELEMENT).is_some();
    if is_there() {
        return Ok(());
    }
    let places = std::env::current_exe().map_or_else(|_| vec![], |program| places(&program));
    let mut tried = vec![];
    for place in &places {
        let file = place.join(FILE);
        if !file.exists() {
            continue;
        }
        match gst::Plugin::load_file(&file) {
            Ok(_) if is_there() => return Ok(()),
            Ok(_) => tried.push(format!("{} has no such element", file.display())),
            Err(e) => tried.push(format!("{}: {e}", file.display())),
        }
    }
    let tried = match tried.is_empty() {
        true => String::new(),
        false => format!(" ({})", tried.join("; ")),
    };
    Err(Error::Other(format!(
        "GStreamer has no element {ELEMENT}{tried}: install the plugin (make install, or the package gstreamer1.0-tttseg), or \
         name the folder of {FILE} in GST_PLUGIN_PATH"
    )))
}

/// Where the plugin lies beside the program: in one folder with it, below the prefix it is installed in, and where
/// scripts/plugin.sh puts it.
fn places(program: &Path) -> Vec<PathBuf> {
    let mut places = vec![];
    for program in [program.canonicalize().ok(), Some(program.to_owned())] {
        let Some(folder) = program.as_deref().and_then(Path::parent) else {
            continue;
        };
        places.push(folder.to_owned());
        let Some(above) = folder.parent() else {
            continue;
        };
        let machine = format!("{}-linux-gnu", std::env::consts::ARCH);
        places.push(above.join("lib").join(machine).join("gstreamer-1.0"));
        places.push(above.join("lib/gstreamer-1.0"));
        if let Some(profile) = folder.file_name() {
            places.push(above.join("gst").join(profile));
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_beside_the_program() {
        let installed = places(Path::new("/nowhere/bin/tttseg"));
        assert!(installed.contains(&PathBuf::from("/nowhere/lib/gstreamer-1.0")));
        assert!(installed.contains(&PathBuf::from("/nowhere/bin")));
        let built = places(Path::new("/nowhere/target/debug/tttseg"));
        assert!(built.contains(&PathBuf::from("/nowhere/target/gst/debug")));
    }
}
