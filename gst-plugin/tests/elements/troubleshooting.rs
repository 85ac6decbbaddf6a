//! The messages that `docs/troubleshooting.md` quotes are those of the elements.

use std::path::Path;

/// All Rust files below a folder, one after the other.
fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|e| e == "rs") {
            *text += &std::fs::read_to_string(path).unwrap();
        }
    }
}

/// Strings that go on in the next line, on one line.
fn joined(text: &str) -> String {
    let mut parts = text.split("\\\n");
    let mut all = parts.next().unwrap_or_default().to_owned();
    parts.for_each(|part| all += part.trim_start());
    all
}

#[test]
fn quoted_messages_are_in_the_source() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut text = String::new();
    sources(&root.join("src"), &mut text);
    sources(&root.join("gst-plugin/src"), &mut text);
    let text = joined(&text);
    let guide = std::fs::read_to_string(root.join("docs/troubleshooting.md")).unwrap();
    let mut seen = 0;
    for heading in guide.lines().filter_map(|l| l.strip_prefix("### `")) {
        // Other headings begin with the name of a field.
        let Some(message) = heading.strip_suffix('`').filter(|m| m.contains(' ')) else {
            continue;
        };
        // What stands for a name or a number is not in the source, and advice is put behind an error elsewhere.
        for part in message.split('…').map(|p| p.trim_matches([' ', ';'])) {
            for part in part.split(". Set ") {
                assert!(text.contains(part), "nothing says '{part}'");
            }
        }
        seen += 1;
    }
    assert!(seen >= 15, "{seen} messages found");
}
