//! Weights to start from.

use std::path::Path;

use super::TrainerOptions;
use crate::data::LabelMap;
use tttseg::graph::GraphError;
use tttseg::model::{COLOR_PREFIX, ChromaConfig, RECON_PREFIX, initial_weights, parameters};
use tttseg::weights::{ModelFile, Weights, WeightsError};

/// Why a run cannot start from a model.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The file cannot be read, or a parameter is missing or has another shape; names the file and the parameter.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The run's own configuration makes no sense.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The file holds a parameter that the run's model does not have.
    #[error("{file}: tensor `{tensor}` has no place in the model to be trained")]
    Surplus {
        /// The file.
        file: String,
        /// The first such parameter by name.
        tensor: String,
    },
    /// All parameters fit, but something else would make them mean something else.
    #[error("{file}: its {what} differ: {found}, not {expected}")]
    Meaning {
        /// The file.
        file: String,
        /// What differs, in the plural.
        what: &'static str,
        /// That of the file.
        found: String,
        /// That of the run.
        expected: String,
    },
}

/// The weights of a model file for a run with `options` whose main task has `classes`. Nothing but the weights is
/// taken over: optimiser and schedule begin afresh. Where the file has other classes, those of the same name keep their
/// queries. The others get that of the class that they belong to, if the file's classes are the coarse ones of one of the
/// run's label maps, or of one that is built in; and else begin at random.
///
/// # Errors
/// [`StartError`] for the first parameter that differs, or if the settings do.
pub fn weights_to_start_from(
    path: &Path,
    options: &TrainerOptions,
    classes: &[String],
) -> Result<Weights, StartError> {
    let file = path.display().to_string();
    let model = ModelFile::open(path)?;
    let mut expected = options.config.clone();
    if expected.chroma.is_none() {
        expected.main.classes = model.classes.len();
        expected.main.queries = model.classes.len();
    }
    let mut surplus = model.weights.clone();
    for (name, shape) in parameters(&expected)? {
        model.weights.expect(&file, &name, &shape)?;
        surplus.0.remove(&name);
    }
    if let Some(tensor) = surplus.0.into_keys().next() {
        return Err(StartError::Surplus { file, tensor });
    }
    same(&file, "settings", &model.config, &expected)?;
    let expected = &options.normalisation;
    same(&file, "channel statistics", &model.normalisation, expected)?;
    if model.classes == classes {
        return Ok(model.weights);
    }
    let start = initial_weights(&options.config, options.seed)?;
    let known = known_classes(options, &model.classes, classes);
    Ok(with_queries(start, &model, &known))
}

/// For each of `classes` which one of a model's it starts from.
fn known_classes(
    options: &TrainerOptions,
    model: &[String],
    classes: &[String],
) -> Vec<Option<usize>> {
    let own = options.schemes.iter().map(|scheme| scheme.groups.clone());
    let built_in = LabelMap::built_in().filter_map(|map| map.groups(classes).ok());
    let coarser = own.chain(built_in).find(|groups| groups.names() == model);
    let each = classes.iter().enumerate();
    let known = each.map(|(i, class)| {
        let by_name = model.iter().position(|known| known == class);
        let group = coarser.as_ref().and_then(|c| *c.groups().get(i)?);
        by_name.or(group.map(usize::from))
    });
    known.collect()
}

/// `start`, with everything that `model` has; where tensors hold a row for every class, only the rows of classes that are
/// `known`, by the model's class that they start from.
fn with_queries(mut start: Weights, model: &ModelFile, known: &[Option<usize>]) -> Weights {
    for (name, tensor) in &mut start.0 {
        let Some(from) = model.weights.0.get(name) else {
            continue;
        };
        if from.shape == tensor.shape && !is_by_query(name) {
            tensor.data.clone_from(&from.data);
            continue;
        }
        let row = tensor.data.len() / known.len();
        for (to, known) in tensor.data.chunks_exact_mut(row).zip(known) {
            if let Some(known) = known {
                to.copy_from_slice(&from.data[known * row..][..row]);
            }
        }
    }
    start
}

/// Whether a parameter of h has a row for every query, and so for every class.
fn is_by_query(name: &str) -> bool {
    !name.starts_with(RECON_PREFIX)
        && (name.ends_with("queries_features.weight") || name.ends_with("queries_embedder.weight"))
}

/// The bins of chroma of a model file, if it is one that colours: a run that starts from it keeps them.
///
/// # Errors
/// [`StartError::Weights`] when the file cannot be read.
pub fn colours_to_start_from(path: &Path) -> Result<Option<ChromaConfig>, StartError> {
    Ok(ModelFile::open(path)?.config.chroma)
}

/// The weights of a model file for a run with `options` whose main task is colours. Of a model that does something else
/// encoder and reconstruction head are taken over, and the colour head is random.
///
/// # Errors
/// [`StartError`] for the first parameter that differs, or if the settings do.
pub fn weights_for_colours(path: &Path, options: &TrainerOptions) -> Result<Weights, StartError> {
    let model = ModelFile::open(path)?;
    if model.config.chroma.is_some() {
        return weights_to_start_from(path, options, &[]);
    }
    let file = path.display().to_string();
    let (found, expected) = (&model.config, &options.config);
    same(&file, "settings", &found.encoder, &expected.encoder)?;
    same(&file, "settings", &found.recon, &expected.recon)?;
    let expected = &options.normalisation;
    same(&file, "channel statistics", &model.normalisation, expected)?;
    let mut weights = initial_weights(&options.config, options.seed)?;
    for (name, tensor) in &mut weights.0 {
        if !name.starts_with(COLOR_PREFIX) {
            *tensor = model.weights.expect(&file, name, &tensor.shape)?.clone();
        }
    }
    Ok(weights)
}

fn same<T: PartialEq + serde::Serialize>(
    file: &str,
    what: &'static str,
    found: &T,
    expected: &T,
) -> Result<(), StartError> {
    if found == expected {
        return Ok(());
    }
    let text = |value| serde_json::to_string(value).unwrap_or_default();
    Err(StartError::Meaning {
        file: file.to_owned(),
        what,
        found: text(found),
        expected: text(expected),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Scheme;
    use crate::train::tests::options;
    use tttseg::model::testing::untrained;
    use tttseg::video::Palette;
    use tttseg::weights::Precision;

    fn model(options: &TrainerOptions) -> ModelFile {
        ModelFile {
            classes: names(),
            palette: Palette::for_classes(3).0,
            size: (32, 32),
            ..untrained(options.config.clone(), 7)
        }
    }

    fn names() -> Vec<String> {
        ["sky", "road", "car"].map(String::from).to_vec()
    }

    /// The outcome of starting a run with `options` from a model changed by `change`.
    fn start(change: impl Fn(&mut ModelFile)) -> Result<Weights, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("start.safetensors");
        let mut file = model(&options());
        change(&mut file);
        file.save(&path, Precision::Single).unwrap();
        weights_to_start_from(&path, &options(), &names()).map_err(|e| e.to_string())
    }

    #[test]
    fn the_weights_of_the_same_model_are_taken_as_they_are() {
        assert_eq!(start(|_| ()).unwrap(), model(&options()).weights);
    }

    #[test]
    fn classes_of_the_same_name_keep_their_queries() {
        let options = options();
        let mut before = model(&options);
        before.classes = ["car", "road", "tree"].map(String::from).to_vec();
        let known = known_classes(&options, &before.classes, &names());
        let start = with_queries(
            initial_weights(&options.config, 1).unwrap(),
            &before,
            &known,
        );
        let fresh = initial_weights(&options.config, 1).unwrap();
        let mut by_query = 0;
        for (name, tensor) in start.iter() {
            let (old, new) = (&before.weights.0[name].data, &fresh.0[name].data);
            if is_by_query(name) {
                by_query += 1;
                let row = tensor.data.len() / 3;
                assert_eq!(tensor.data[..row], new[..row], "sky begins at random");
                assert_eq!(tensor.data[row..2 * row], old[row..2 * row], "road");
                assert_eq!(tensor.data[2 * row..], old[..row], "car");
            } else {
                assert_eq!(&tensor.data, old, "{name}");
            }
        }
        assert!(by_query > 0);
    }

    #[test]
    fn classes_start_from_the_coarser_one_that_holds_them() {
        let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("map.json");
        std::fs::write(&file, r#"{"up": ["sky"], "car": ["road"]}"#).unwrap();
        let map = LabelMap::open(file.to_str().unwrap()).unwrap();
        let mut options = options();
        let coarse = owned(&["up", "car"]);
        let none = known_classes(&options, &coarse, &names());
        assert_eq!(none, [None, None, Some(1)]);
        options.schemes.push(Scheme {
            groups: map.groups(&names()).unwrap(),
            weights: vec![1.0; 2],
        });
        // The name goes before the map, in which `car` is another one.
        let known = known_classes(&options, &coarse, &names());
        assert_eq!(known, [Some(0), Some(1), Some(1)]);
        let other = known_classes(&options, &owned(&["up", "down"]), &names());
        assert_eq!(other, [None; 3]);

        // Without being asked for: a built-in map, for the classes of Cityscapes.
        let camvid = LabelMap::open("camvid11").unwrap();
        let mut cityscapes: Vec<String> = vec![];
        for class in ["road", "sidewalk", "building", "wall", "fence", "pole"] {
            cityscapes.push(class.into());
        }
        let rest = "traffic light,traffic sign,vegetation,terrain,sky,person,rider,car,truck,bus,train,motorcycle,bicycle";
        cityscapes.extend(rest.split(',').map(str::to_owned));
        let from = |class: &str| {
            let known = known_classes(&options, &camvid.names(), &cityscapes);
            let at = cityscapes.iter().position(|c| c == class).unwrap();
            camvid.names()[known[at].unwrap()].clone()
        };
        for (class, coarse) in [
            ("sidewalk", "pavement"),
            ("terrain", "tree"),
            ("person", "pedestrian"),
            ("traffic light", "sign"),
            ("sky", "sky"),
        ] {
            assert_eq!(from(class), coarse);
        }
    }

    #[test]
    fn the_first_difference_is_named() {
        let name = parameters(&options().config).unwrap()[0].0.clone();
        let error = start(|m| drop(m.weights.0.remove(&name))).unwrap_err();
        assert!(error.contains(&format!("`{name}` is missing")), "{error}");

        let error = start(|m| m.weights.0.get_mut(&name).unwrap().shape.push(1)).unwrap_err();
        assert!(
            error.contains(&name) && error.contains("has shape"),
            "{error}"
        );

        let one = tttseg::weights::Tensor::new(vec![1], vec![0.0]).unwrap();
        let error = start(|m| drop(m.weights.insert("surplus", one.clone()))).unwrap_err();
        assert!(error.contains("`surplus` has no place"), "{error}");

        // Without query layers no shape depends on their width.
        let error = start(|m| m.config.main.decoder_ffn = 4).unwrap_err();
        assert!(error.contains("settings differ"), "{error}");
        let error = start(|m| m.normalisation.mean[0] = 1.0).unwrap_err();
        assert!(error.contains("channel statistics differ"), "{error}");
        let error = weights_to_start_from(Path::new("/nowhere"), &options(), &names());
        assert!(error.unwrap_err().to_string().contains("no such file"));
    }
}
