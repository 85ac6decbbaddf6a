//! The models inside the library, if there are any.

use super::*;

#[test]
#[cfg(embedded_model)]
fn the_embedded_model_opens() {
    let model = ModelFile::embedded().unwrap();
    assert!(!model.licence.is_empty() && !model.trained_on.is_empty());
    assert_eq!(model.task, Task::Segment);
    assert_eq!(ModelFile::all_embedded().unwrap()[0], model);
}

#[test]
#[cfg(embedded_colours)]
fn the_embedded_model_for_colours_opens() {
    let model = ModelFile::embedded_for(Task::Colorize).unwrap();
    assert!(!model.licence.is_empty() && !model.trained_on.is_empty());
    assert_eq!(model.task, Task::Colorize);
    assert!(ModelFile::all_embedded().unwrap().contains(&model));
}

#[test]
#[cfg(not(embedded_model))]
fn without_an_embedded_model_the_error_says_why() {
    let e = ModelFile::embedded().unwrap_err();
    assert!(matches!(e, WeightsError::NoneEmbedded { .. }), "{e}");
    assert!(e.to_string().contains("carries no model"), "{e}");
}
