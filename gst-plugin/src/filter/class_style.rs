//! The style in which classes are drawn: properties that name classes and colours, resolved for a model.

use std::str::FromStr;
use std::sync::Arc;

use tttseg::video::Palette;

/// The colour of each class, by its id; none for those that are not drawn.
pub(super) type Colours = Arc<[Option<[u8; 3]>]>;

/// What a model calls its classes, and their colours.
#[derive(Clone, Debug, Default)]
pub(super) struct ModelClasses {
    pub classes: Arc<[String]>,
    pub palette: Palette,
}

impl ModelClasses {
    /// The id of a class, or an error with the names there are.
    fn id(&self, property: &str, name: &str) -> Result<usize, String> {
        let id = self.classes.iter().position(|class| class == name);
        id.ok_or_else(|| {
            format!(
                "{property}: the model has no class '{name}'; its classes are {}",
                self.classes.join(", ")
            )
        })
    }
}

/// Colours by the property `palette`.
#[derive(Clone, Debug, PartialEq)]
enum Chosen {
    Camvid,
    Cityscapes,
    Distinct,
    /// In the order of classes.
    List(Palette),
    /// Of some classes; the others keep the model's.
    Named(Vec<(String, [u8; 3])>),
}

impl FromStr for Chosen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "camvid" => return Ok(Self::Camvid),
            "cityscapes" => return Ok(Self::Cityscapes),
            "distinct" => return Ok(Self::Distinct),
            _ => {}
        }
        let refused = |e: &dyn std::fmt::Display| {
            format!(
                "palette: {e}. It takes camvid, cityscapes or distinct, colours in the order of classes as in \
                 'ff0000,00ff00', or class=colour as in 'road=804080,car=40c0ff'"
            )
        };
        if !text.contains('=') {
            return text
                .parse()
                .map(Self::List)
                .map_err(|e: tttseg::video::PaletteError| refused(&e));
        }
        names(text)
            .map(|pair| {
                let Some((name, colour)) = pair.split_once('=') else {
                    return Err(refused(&format!("'{pair}' has no colour")));
                };
                let palette: Palette = colour.parse().map_err(|e| refused(&e))?;
                match palette.0[..] {
                    [colour] => Ok((name.trim().to_owned(), colour)),
                    _ => Err(refused(&format!("'{}' is not a colour", colour.trim()))),
                }
            })
            .collect::<Result<_, _>>()
            .map(Self::Named)
    }
}

/// Texts between commas.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

/// The properties `palette`, `selected-classes` and `hidden-classes`. A text that makes no sense is never kept.
#[derive(Clone, Debug, Default)]
pub(super) struct ClassStyle {
    palette: Option<(String, Chosen)>,
    selected: Option<String>,
    hidden: Option<String>,
    /// None until a model is loaded: names can be checked from then on.
    model: Option<ModelClasses>,
    colours: Colours,
}

impl ClassStyle {
    pub const PALETTE: &'static str = "palette";
    pub const SELECTED: &'static str = "selected-classes";
    pub const HIDDEN: &'static str = "hidden-classes";

    /// Takes the text of a property; the error leaves everything as it was.
    pub fn set(&mut self, property: &str, text: Option<String>) -> Result<(), String> {
        let mut new = self.clone();
        match property {
            Self::PALETTE => {
                let chosen = text.map(|text| text.parse().map(|chosen| (text, chosen)));
                new.palette = chosen.transpose()?;
            }
            Self::SELECTED => new.selected = text,
            Self::HIDDEN => new.hidden = text,
            _ => {}
        }
        new.resolve()?;
        *self = new;
        Ok(())
    }

    pub fn get(&self, property: &str) -> Option<&str> {
        match property {
            Self::PALETTE => self.palette.as_ref().map(|(text, _)| text.as_str()),
            Self::SELECTED => self.selected.as_deref(),
            Self::HIDDEN => self.hidden.as_deref(),
            _ => None,
        }
    }

    /// Another model, or none any more. The error names what does not fit the model.
    pub fn set_model(&mut self, model: Option<ModelClasses>) -> Result<(), String> {
        self.model = model;
        self.resolve()
    }

    /// What to draw classes with; nothing as long as there is no model.
    pub fn colours(&self) -> &Colours {
        &self.colours
    }

    /// Whether a model is there.
    pub fn has_model(&self) -> bool {
        self.model.is_some()
    }

    fn resolve(&mut self) -> Result<(), String> {
        let Some(model) = &self.model else {
            self.colours = Colours::default();
            return Ok(());
        };
        let count = model.classes.len();
        let palette = match self.palette.as_ref().map(|(_, chosen)| chosen) {
            None => model.palette.clone(),
            Some(Chosen::Camvid) => Palette::camvid(),
            Some(Chosen::Cityscapes) => Palette::cityscapes(),
            Some(Chosen::Distinct) => Palette::distinct(count),
            Some(Chosen::List(palette)) => palette.clone(),
            Some(Chosen::Named(pairs)) => {
                let mut palette = model.palette.clone();
                for (name, colour) in pairs {
                    let id = model.id(Self::PALETTE, name)?;
                    if palette.0.len() <= id {
                        // A model may have fewer colours than classes.
                        let more = Palette::distinct(count).0;
                        palette.0.extend(&more[palette.0.len()..]);
                    }
                    palette.0[id] = *colour;
                }
                palette
            }
        };
        let selects = self.selected.iter().flat_map(|text| names(text)).count() > 0;
        let mut shown = vec![!selects; count];
        for (property, text, show) in [
            (Self::SELECTED, &self.selected, true),
            (Self::HIDDEN, &self.hidden, false),
        ] {
            for name in text.iter().flat_map(|text| names(text)) {
                shown[model.id(property, name)?] = show;
            }
        }
        self.colours = palette.colours(count, |class| shown[class]).into();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> ModelClasses {
        ModelClasses {
            classes: ["road", "traffic light", "car"].map(String::from).into(),
            palette: Palette(vec![[1; 3], [2; 3], [3; 3]]),
        }
    }

    fn set(style: &mut ClassStyle, property: &str, text: &str) -> Result<(), String> {
        style.set(property, Some(text.to_owned()))
    }

    #[test]
    fn classes_are_selected_and_hidden() {
        let mut style = ClassStyle::default();
        style.set_model(Some(model())).unwrap();
        let all = [Some([1; 3]), Some([2; 3]), Some([3; 3])];
        assert_eq!(style.colours()[..], all);
        set(&mut style, ClassStyle::SELECTED, " car, traffic light").unwrap();
        assert_eq!(style.colours()[..], [None, all[1], all[2]]);
        set(&mut style, ClassStyle::HIDDEN, "car").unwrap();
        assert_eq!(style.colours()[..], [None, all[1], None]);
        set(&mut style, ClassStyle::SELECTED, " , ").unwrap();
        assert_eq!(style.colours()[..], [all[0], all[1], None]);
        for property in [ClassStyle::SELECTED, ClassStyle::HIDDEN] {
            let before = style.get(property).map(str::to_owned);
            let refused = set(&mut style, property, "car,bus").unwrap_err();
            assert!(refused.contains(property) && refused.contains("'bus'"));
            assert!(refused.contains("road, traffic light, car"), "{refused}");
            assert_eq!(style.get(property), before.as_deref());
        }
        assert_eq!(style.colours()[..], [all[0], all[1], None]);
    }

    #[test]
    fn palettes_by_name_by_order_and_by_class() {
        let mut style = ClassStyle::default();
        style.set_model(Some(model())).unwrap();
        for (text, colours) in [
            ("camvid", [[128, 128, 128], [128, 0, 0], [192, 192, 128]]),
            ("cityscapes", [[128, 64, 128], [244, 35, 232], [70, 70, 70]]),
            (
                "ff0000,#00ff00;0000ff",
                [[255, 0, 0], [0, 255, 0], [0, 0, 255]],
            ),
            (
                "car=#ff0000, traffic light = 00ff00",
                [[1; 3], [0, 255, 0], [255, 0, 0]],
            ),
        ] {
            set(&mut style, ClassStyle::PALETTE, text).unwrap();
            assert_eq!(style.get(ClassStyle::PALETTE), Some(text));
            assert_eq!(style.colours()[..], colours.map(Some), "{text}");
        }
        set(&mut style, ClassStyle::PALETTE, "distinct").unwrap();
        let distinct = Palette::distinct(3).colours(3, |_| true);
        assert_eq!(style.colours()[..], distinct[..]);
        for (text, why) in [
            ("reddish", "'reddish' is not a colour"),
            ("car=red", "'red' is not a colour"),
            ("car=ff0000 00ff00", "is not a colour"),
            ("car=", "'' is not a colour"),
            ("car=ff0000,road", "'road' has no colour"),
            ("bus=ff0000", "no class 'bus'"),
        ] {
            let refused = set(&mut style, ClassStyle::PALETTE, text).unwrap_err();
            assert!(refused.contains(why), "{refused}");
            assert_eq!(style.get(ClassStyle::PALETTE), Some("distinct"));
        }
    }

    #[test]
    fn names_are_checked_when_there_is_a_model() {
        let mut style = ClassStyle::default();
        set(&mut style, ClassStyle::HIDDEN, "bus").unwrap();
        assert!(style.colours().is_empty());
        let refused = style.set_model(Some(model())).unwrap_err();
        assert!(refused.contains("'bus'"), "{refused}");
        style.set_model(None).unwrap();
        set(&mut style, ClassStyle::HIDDEN, "road").unwrap();
        style.set_model(Some(model())).unwrap();
        assert_eq!(style.colours()[0], None);
        // Fewer colours than classes.
        let mut few = model();
        few.palette.0.truncate(1);
        set(&mut style, ClassStyle::PALETTE, "car=ff0000").unwrap();
        style.set_model(Some(few)).unwrap();
        assert_eq!(style.colours()[2], Some([255, 0, 0]));
    }
}
