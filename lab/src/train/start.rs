//! Weights to start from.

use std::path::Path;

use super::TrainerOptions;
use tttseg::graph::GraphError;
use tttseg::model::{
    COLOR_PREFIX, ChromaConfig, HeadConfig, ModelConfig, RECON_PREFIX, initial_weights, parameters,
};
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
/// queries and the others begin at random.
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
    let expected = ModelConfig {
        main: HeadConfig {
            classes: model.classes.len(),
            queries: model.classes.len(),
            ..options.config.main.clone()
        },
        ..options.config.clone()
    };
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
    Ok(with_queries_by_name(start, &model, classes))
}

/// `start`, with everything that `model` has; where tensors hold a row for every class, only the rows of `classes` that
/// have a name of the model's.
fn with_queries_by_name(mut start: Weights, model: &ModelFile, classes: &[String]) -> Weights {
    for (name, tensor) in &mut start.0 {
        let Some(from) = model.weights.0.get(name) else {
            continue;
        };
        if from.shape == tensor.shape && !is_by_query(name) {
            tensor.data.clone_from(&from.data);
            continue;
        }
        let row = tensor.data.len() / classes.len();
        for (to, class) in tensor.data.chunks_exact_mut(row).zip(classes) {
            let known = model.classes.iter().position(|known| known == class);
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
        let start = with_queries_by_name(
            initial_weights(&options.config, 1).unwrap(),
            &before,
            &names(),
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
