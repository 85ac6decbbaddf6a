//! Where what was written comes from: `OUT.provenance.json`, and tags in OUT itself.
//!
//! | file | holds |
//! |---|---|
//! | `source_type` | IPTC's term for what a machine has made of pictures |
//! | `tags` | what stands in OUT itself |
//! | `model` | the model: name, hash, licence, data |
//! | `settings` | the element's properties |
//! | `record` | the file beside OUT |

mod model;
mod record;
mod settings;
mod source_type;
mod tags;

use std::path::{Path, PathBuf};

pub use model::Model;
pub use record::{Damage, Luma, Named, Provenance};
pub use tags::tags;

/// Where the provenance of a film or of a folder of pictures is.
pub fn path_of(output: &Path) -> PathBuf {
    let mut path = output.as_os_str().to_owned();
    path.push(".provenance.json");
    path.into()
}
