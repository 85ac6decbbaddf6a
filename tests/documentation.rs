//! Numbers in the documentation are those of the code.

use tttseg::adapt::{LossOver, Moments, Recipe, Sampling, Settings};

#[test]
fn the_table_of_recipes_is_that_of_the_settings() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/method.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, section) = text.split_once("## Recipes").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let mut found = section
        .lines()
        .filter(|l| l.starts_with('|') && !l.starts_with("|-"));
    assert_eq!(
        found.next(),
        Some("| | `default` | `paper` | `code` |"),
        "the order of recipes"
    );

    let recipes = [Recipe::Default, Recipe::Paper, Recipe::Code].map(Settings::recipe);
    let row = |name: &str, value: &dyn Fn(&Settings) -> String| {
        let values: Vec<String> = recipes.iter().map(value).collect();
        format!("| {name} | {} |", values.join(" | "))
    };
    let expected = [
        row("`method`", &|s| s.method.name().into()),
        row("`window`", &|s| s.window.to_string()),
        row("`batch-size`", &|s| s.batch_size.to_string()),
        row("`steps`", &|s| s.steps.to_string()),
        row("`self-training` (colours)", &|s| {
            s.self_training.to_string()
        }),
        row("`mask-ratio`", &|s| s.mask_ratio.to_string()),
        row("`learning-rate` (g)", &|s| s.learning_rate.to_string()),
        row("encoder multiplier (f's rate / g's)", &|s| {
            s.encoder_multiplier.to_string()
        }),
        row("`surprise`", &|s| s.surprise.to_string()),
        row("weight decay", &|s| s.weight_decay.to_string()),
        row("clip norm", &|s| s.clip_norm.to_string()),
        row("loss over", &|s| match s.loss_over {
            LossOver::Masked => "hidden patches".into(),
            LossOver::All => "all pixels".into(),
        }),
        row("sampling", &|s| match s.sampling {
            Sampling::Replacement => "with replacement".into(),
            Sampling::Permutation => "permutations".into(),
        }),
        row("stochastic depth", &|s| s.stochastic_depth.to_string()),
        row("optimiser's moments", &|s| match s.moments {
            Moments::Restart => "restart".into(),
            Moments::Persistent => "persistent".into(),
        }),
        row("`training-interval`", &|s| s.training_interval.to_string()),
    ];
    assert_eq!(found.collect::<Vec<_>>(), expected);
}
