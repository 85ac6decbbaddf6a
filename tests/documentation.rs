//! The documentation fits the code: numbers, and what comments refer to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

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
        row("`fusion`", &|s| s.fusion.to_string()),
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

/// Every text file of the project that can refer to documents, with its content.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec![];
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" && name != "shared" {
                    folders.push(path);
                }
                continue;
            }
            let extension = path.extension().unwrap_or_default().to_string_lossy();
            let text = ["rs", "md", "py", "sh", "toml", "c"].contains(&&*extension);
            if (text || name == "Makefile") && !name.starts_with('.') {
                let content = std::fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root).unwrap().to_owned(), content));
            }
        }
    }
    assert!(found.len() > 100, "{} files", found.len());
    found
}

/// The anchors that a Markdown file's headings have.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let headings = markdown.lines().filter(|l| l.starts_with('#'));
    headings
        .map(|heading| {
            let words = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = words
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn facts_of_the_method_that_sources_refer_to_are_written_down() {
    let sources = sources();
    let method = sources
        .iter()
        .find(|(path, _)| path.ends_with("docs/method.md"));
    let anchors = anchors(&method.unwrap().1);
    let mut references = 0;
    for (path, content) in &sources {
        for rest in content.split("method.md#").skip(1) {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '-'));
            let anchor = &rest[..end.unwrap_or(rest.len())];
            // This test's own pattern has none.
            if !anchor.is_empty() {
                references += 1;
                assert!(anchors.contains(anchor), "{}: #{anchor}", path.display());
            }
        }
    }
    assert!(references > 20, "{references}");
}

#[test]
fn no_source_refers_to_a_document_outside_the_repository() {
    // Put together, so that this file has none of them.
    let outside = ["METHOD", "DESIGN"].map(|name| format!("{name} §"));
    let files = ["METHOD", "DESIGN", "NOTES", "ANCHORS"].map(|name| format!("{name}.md"));
    let bare = ["NOTES", "ANCHORS", "DESIGN"].map(|name| format!("({name}"));
    let all: Vec<String> = [&outside[..], &files, &bare].concat();
    let found: Vec<String> = sources()
        .iter()
        .flat_map(|(path, content)| {
            let lines = content.lines().enumerate();
            lines
                .filter(|(_, line)| all.iter().any(|name| line.contains(name)))
                .map(|(number, line)| format!("{}:{}: {line}", path.display(), number + 1))
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(found, [""; 0]);
}
