//! The README's table of properties, `docs/properties.md` and `docs/llms.txt`, compared with the elements, and the elements with the table of
//! settings.

mod reference;

use std::path::{Path, PathBuf};
use std::sync::Once;

use gst::glib;
use gst::prelude::*;
use tttseg::adapt::SETTINGS;

const BEGIN: &str = "<!-- properties: ";
const END: &str = "<!-- end of properties -->";

/// Values it takes and its default, as text.
fn values(definition: &glib::ParamSpec) -> (String, String) {
    if let Some(s) = definition.downcast_ref::<glib::ParamSpecEnum>() {
        let class = s.enum_class();
        let nicks: Vec<String> = class
            .values()
            .iter()
            .map(|v| format!("`{}`", v.nick()))
            .collect();
        let default = class
            .value(s.default_value_as_i32())
            .expect("a default among the values");
        return (nicks.join(", "), format!("`{}`", default.nick()));
    }
    macro_rules! number {
        ($kind:ty, $max:expr) => {
            if let Some(s) = definition.downcast_ref::<$kind>() {
                let range = if s.maximum() == $max {
                    format!("from {}", s.minimum())
                } else {
                    format!("{} to {}", s.minimum(), s.maximum())
                };
                return (range, s.default_value().to_string());
            }
        };
    }
    number!(glib::ParamSpecUInt, u32::MAX);
    number!(glib::ParamSpecUInt64, u64::MAX);
    number!(glib::ParamSpecDouble, f64::MAX);
    if let Some(s) = definition.downcast_ref::<glib::ParamSpecBoolean>() {
        return ("true, false".into(), s.default_value().to_string());
    }
    let kind = if definition.value_type() == String::static_type() {
        "text"
    } else {
        "structure"
    };
    (kind.into(), String::new())
}

/// One row per property, in the order of their definitions.
fn table(element: &gst::Element) -> String {
    let mut text =
        String::from("| property | values | default | | what it is |\n|---|---|---|---|---|\n");
    for definition in element.list_properties() {
        if definition.owner_type() != element.type_() {
            continue;
        }
        let (values, default) = values(&definition);
        let flags = definition.flags();
        let note = if !flags.contains(glib::ParamFlags::WRITABLE) {
            "read only"
        } else if flags.contains(gst::PARAM_FLAG_MUTABLE_PLAYING) {
            "live"
        } else {
            ""
        };
        let blurb = definition.blurb().unwrap_or_default();
        let row = format!(
            "| `{}` | {values} | {default} | {note} | {blurb} |\n",
            definition.name()
        );
        text += &row;
    }
    text
}

/// The elements `tttseg` and `tttsegfilter`.
fn elements() -> [gst::Element; 2] {
    gst::init().unwrap();
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| gsttttseg::plugin_register_static().unwrap());
    ["tttseg", "tttsegfilter"].map(|name| gst::ElementFactory::make(name).build().unwrap())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn is_to_be_written() -> bool {
    std::env::var_os("TTTSEG_UPDATE_README").is_some()
}

fn write(path: &Path, text: &str) {
    let part = path.with_extension("md.part");
    std::fs::write(&part, text).unwrap();
    std::fs::rename(&part, path).unwrap();
}

#[test]
fn the_table_of_properties_is_that_of_the_elements() {
    let tables = elements().map(|element| table(&element));
    assert_eq!(tables[0], tables[1]);

    let path = root().join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("where the table begins");
    let (note, rest) = rest.split_once("-->\n").expect("the end of the comment");
    let (found, after) = rest.split_once(END).expect("where the table ends");
    if is_to_be_written() {
        let text = format!("{before}{BEGIN}{note}-->\n\n{}\n{END}{after}", tables[0]);
        return write(&path, &text);
    }
    assert_eq!(
        found.trim(),
        tables[0].trim(),
        "the README lags behind; {note}"
    );
}

#[test]
fn the_reference_is_that_of_the_elements() {
    let [bin, filter] = elements();
    let text = reference::text(&bin, &filter);
    let path = root().join("docs/properties.md");
    if is_to_be_written() {
        return write(&path, &text);
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        found, text,
        "docs/properties.md lags behind: TTTSEG_UPDATE_README=1 writes it"
    );
}

#[test]
fn the_page_for_programs_is_that_of_the_elements() {
    let [bin, _] = elements();
    let docs = root().join("docs");
    let (text, path) = (reference::llms::text(&bin, &docs), docs.join("llms.txt"));
    if is_to_be_written() {
        return write(&path, &text);
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        found, text,
        "docs/llms.txt lags behind: TTTSEG_UPDATE_README=1 writes it"
    );
}

#[test]
fn every_setting_that_is_a_property_is_one_of_both_elements_and_documented() {
    let documents = ["README.md", "docs/properties.md"]
        .map(|name| std::fs::read_to_string(root().join(name)).unwrap());
    for element in elements() {
        for setting in &SETTINGS {
            let name = setting.name();
            let found = element.find_property(name);
            let Some(property) = setting.about.property else {
                assert!(found.is_none(), "{name}");
                continue;
            };
            let found = found.unwrap_or_else(|| panic!("{name} is no property"));
            assert_eq!(found.nick(), property.nick);
            assert_eq!(found.blurb(), Some(&*setting.description()));
            let name = format!("`{name}`");
            let documented = || documents.iter().all(|text| text.contains(&name));
            assert!(is_to_be_written() || documented(), "{name}");
        }
    }
}
