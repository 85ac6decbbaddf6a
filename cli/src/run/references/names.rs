//! The number of a frame in the name of a picture: `ref_000040.png`.

use std::path::Path;

/// Extensions of pictures that can be read.
const PICTURES: [&str; 3] = ["png", "jpg", "jpeg"];

/// Name of a still of a frame.
pub fn name(frame: u64) -> String {
    format!("ref_{frame:06}.png")
}

/// The frame that a picture is bound to; none where its name is of another kind.
pub fn frame_of(path: &Path) -> Option<u64> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    let digits = path.file_stem()?.to_str()?.strip_prefix("ref_")?;
    let is_name = PICTURES.contains(&&*extension) && digits.bytes().all(|b| b.is_ascii_digit());
    is_name.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_bound_and_what_is_not() {
        for (name, frame) in [
            ("a/ref_000040.png", Some(40)),
            ("ref_0.JPG", Some(0)),
            ("ref_1234567.jpeg", Some(1_234_567)),
            ("ref_.png", None),
            ("ref_40 copy.png", None),
            ("ref_+40.png", None),
            ("ref_000040.tif", None),
            ("still_000040.png", None),
            ("ref_99999999999999999999999.png", None),
        ] {
            assert_eq!(frame_of(Path::new(name)), frame, "{name}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back(frame in 0_u64..10_000_000_000) {
            prop_assert_eq!(frame_of(Path::new(&name(frame))), Some(frame));
        }
    }
}
