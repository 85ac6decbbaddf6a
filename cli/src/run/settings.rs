//! The settings of a run: properties of the element, checked, and what they are on record as.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gst::glib;
use gst::prelude::*;
use serde::{Deserialize, Serialize};

use super::Task;
use super::error::Error;
use super::fixity::sha256;
use super::names::TextPath;
use super::plugin::ELEMENT;

/// Properties that are not for `--set`, and what is.
const OURS: [(&str, &str); 7] = [
    ("task", "--task sets it"),
    ("model-file", "--model sets it"),
    ("pace", "every frame is worked on"),
    ("load-state", "the run looks after states itself"),
    ("save-state", "the run looks after states itself"),
    ("adapt", "method=none does not learn"),
    ("passthrough", "there would be nothing to do"),
];

/// What makes one run's frames others than those of another run: on record beside what is finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    task: String,
    model: String,
    set: BTreeMap<String, String>,
    version: String,
    /// Pictures that are bound to frames.
    #[serde(default)]
    references: Option<String>,
}

impl Identity {
    /// Whether pictures are bound to frames.
    pub fn has_references(&self) -> bool {
        self.references.is_some()
    }

    /// What is another than in an earlier run; none if all is the same.
    pub fn difference(&self, earlier: &Self) -> Option<String> {
        let list = |set: &BTreeMap<String, String>| {
            let all: Vec<String> = set.iter().map(|(n, v)| format!("{n}={v}")).collect();
            match all.is_empty() {
                true => "not there".to_owned(),
                false => all.join(" "),
            }
        };
        let text = String::clone;
        differs("--task", &earlier.task, &self.task, text)
            .or_else(|| differs("--model", &earlier.model, &self.model, text))
            .or_else(|| {
                let what = "the version of tttseg";
                differs(what, &earlier.version, &self.version, text)
            })
            .or_else(|| differs("--set", &earlier.set, &self.set, list))
            .or_else(|| {
                let text = |set: &Option<String>| set.clone().unwrap_or("not there".to_owned());
                differs("--references", &earlier.references, &self.references, text)
            })
    }
}

/// How a setting differs from that of an earlier run, if it does.
pub fn differs<T: PartialEq>(
    what: &str,
    then: &T,
    now: &T,
    text: impl Fn(&T) -> String,
) -> Option<String> {
    (then != now).then(|| format!("{what} was {} and is {}", text(then), text(now)))
}

/// The element's properties.
pub struct Settings {
    task: Task,
    model: Option<(PathBuf, TextPath)>,
    set: BTreeMap<String, String>,
    identity: Identity,
}

impl Settings {
    /// Checks the properties against the element's own definitions.
    ///
    /// # Errors
    /// What is no NAME=VALUE, no property of the element, out of its range, or not for the user; a model that cannot
    /// be read.
    pub fn new(task: Task, model: Option<&Path>, set: &[String]) -> Result<Self, Error> {
        let mut pairs = BTreeMap::new();
        for text in set {
            let (name, value) = text
                .split_once('=')
                .ok_or_else(|| Error::Other(format!("--set {text}: this is no NAME=VALUE")))?;
            if let Some((_, why)) = OURS.iter().find(|(ours, _)| *ours == name) {
                return Err(Error::Other(format!("--set {text}: {why}")));
            }
            pairs.insert(name.to_owned(), value.to_owned());
        }
        let hash = |path| sha256(path, || true).map_err(|e| Error::of(path, e));
        let hash = model.map(hash).transpose()?;
        let named = |path: &Path| Ok::<_, Error>((path.to_owned(), TextPath::of(path)?));
        let settings = Self {
            task,
            model: model.map(named).transpose()?,
            identity: Identity {
                task: task_name(task).to_owned(),
                model: hash.unwrap_or_else(|| "the built-in one".to_owned()),
                set: pairs.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                references: None,
            },
            set: pairs,
        };
        // Now, and not when the film is open.
        settings.element()?;
        Ok(settings)
    }

    /// See [`Identity`].
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Adds pictures that are bound to frames, by what makes them others than those of another run.
    ///
    /// # Errors
    /// When there is nothing that they could be references for, or there are others already.
    pub fn with_references(mut self, identity: String) -> Result<Self, Error> {
        if self.task != Task::Colorize {
            return Err("--references is for colours: it goes with --task colorize".into());
        }
        if self.set.contains_key("reference-location") {
            return Err("--references takes the place of --set reference-location".into());
        }
        self.identity.references = Some(identity);
        Ok(self)
    }

    /// A picture, or a folder of them, that holds for all frames.
    pub fn reference_location(&self) -> Option<&Path> {
        let location = self.set.get("reference-location");
        location.filter(|text| !text.is_empty()).map(Path::new)
    }

    /// What is done.
    pub fn task(&self) -> Task {
        self.task
    }

    /// The same as text.
    pub fn task_name(&self) -> &'static str {
        task_name(self.task)
    }

    /// The model's file; none for the built-in one.
    pub fn model(&self) -> Option<&Path> {
        self.model.as_ref().map(|(path, _)| path.as_path())
    }

    /// Whether what goes out has to have the luma of what goes in.
    pub fn keeps_luma(&self) -> bool {
        self.task == Task::Colorize && !self.set.contains_key("output")
    }

    /// An element with these settings.
    pub fn element(&self) -> Result<gst::Element, Error> {
        let element = gst::ElementFactory::make(ELEMENT).build()?;
        set(&element, "task", task_name(self.task))?;
        set(&element, "pace", "every-frame")?;
        if let Some((_, model)) = &self.model {
            set(&element, "model-file", model.as_str())?;
        }
        for (name, value) in &self.set {
            set(&element, name, value)?;
        }
        Ok(element)
    }
}

fn task_name(task: Task) -> &'static str {
    match task {
        Task::Colorize => "colorize",
        Task::Segment => "segment",
    }
}

/// Sets a property from text; GObject itself would panic where the text makes no sense.
fn set(element: &gst::Element, name: &str, text: &str) -> Result<(), Error> {
    let wrong = |why: &str| Error::Other(format!("--set {name}={text}: {why}"));
    let known = element
        .find_property(name)
        .filter(|p| p.owner_type() == element.type_())
        .ok_or_else(|| {
            wrong("the element has no such property (gst-inspect-1.0 tttsegfilter lists them)")
        })?;
    if !known.flags().contains(glib::ParamFlags::WRITABLE) {
        return Err(wrong("this property can only be read"));
    }
    let blurb = known.blurb().unwrap_or_default();
    let value = glib::Value::deserialize_with_pspec(text, &known)
        .map_err(|_| wrong(&format!("this is no value for it: {blurb}")))?;
    if let Some(range) = range_missed(&known, &value) {
        return Err(wrong(&format!("this is out of its range, {range}")));
    }
    element.set_property_from_value(name, &value);
    Ok(())
}

/// The range of a number that is not in it.
fn range_missed(known: &glib::ParamSpec, value: &glib::Value) -> Option<String> {
    macro_rules! number {
        ($kind:ty, $value:ty) => {
            if let (Some(known), Ok(value)) = (known.downcast_ref::<$kind>(), value.get::<$value>())
            {
                let range = known.minimum()..=known.maximum();
                let text = format!("{} to {}", known.minimum(), known.maximum());
                return (!range.contains(&value)).then_some(text);
            }
        };
    }
    number!(glib::ParamSpecUInt, u32);
    number!(glib::ParamSpecUInt64, u64);
    number!(glib::ParamSpecDouble, f64);
    None
}
