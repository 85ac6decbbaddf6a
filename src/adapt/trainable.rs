//! Choices of the parameters that learn from a stream.

use crate::model::{ENCODER_PREFIX, is_norm};

crate::choices! {
    /// Which parameters learn from a stream: of the encoder f, and of the head that learns with it, g by reconstruction, or h by
    /// labels ([`super::Method::learns_labels`]). The others keep the values they have: no gradient is computed for them, and
    /// the way back ends where nothing below learns.
    #[derive(Default, Hash)]
    pub enum Trainable: "Trainable" {
        #[default]
        All = "all", "All of the encoder and of the head, as the papers do";
        Encoder = "encoder", "All of the encoder; the head stays";
        Norms = "norms", "Scales and shifts of the norms of both, as Tent adapts them";
        // The step's way back ends half-way through the encoder.
        LastStages = "last-stages", "Stages 3 and 4 of the encoder, and all of the head";
        // What is near the pixels, where a shift of their statistics is met first.
        FirstStages = "first-stages", "The patch embedding and stages 1 and 2 of the encoder, and all of the head";
    }
}

impl Trainable {
    /// Whether a parameter of f or of the head, given by its full name, learns.
    pub fn includes(self, name: &str) -> bool {
        let of_encoder = name.strip_prefix(ENCODER_PREFIX);
        match self {
            Self::All => true,
            Self::Encoder => of_encoder.is_some(),
            Self::Norms => is_norm(name),
            Self::LastStages => of_encoder.is_none_or(is_late),
            Self::FirstStages => of_encoder.is_none_or(|rest| !is_late(rest)),
        }
    }
}

/// Whether a parameter of f, its prefix taken away, belongs to stage 3 or 4.
fn is_late(name: &str) -> bool {
    let stages = ["layers.2.", "layers.3.", "norms.stage3.", "norms.stage4."];
    stages.iter().any(|stage| name.contains(stage))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapt::graphs::learns;
    use crate::model::{Preset, parameters};

    /// Names of what learns, out of those of f and g.
    fn names(trainable: Trainable) -> (Vec<String>, Vec<String>) {
        let all = parameters(&Preset::Nano.config(5)).unwrap();
        let names = all.into_iter().map(|(name, _)| name);
        names
            .filter(|n| learns(n))
            .partition(|n| trainable.includes(n))
    }

    #[test]
    fn the_sets_are_what_their_names_say() {
        assert!(names(Trainable::All).1.is_empty());
        let (encoder, heads) = names(Trainable::Encoder);
        assert!(encoder.iter().all(|n| n.starts_with(ENCODER_PREFIX)));
        assert!(!heads.is_empty() && heads.iter().all(|n| !n.starts_with(ENCODER_PREFIX)));

        let (norms, others) = names(Trainable::Norms);
        assert!(norms.iter().any(|n| n.contains("hidden_states_norms")));
        assert!(norms.iter().any(|n| !n.starts_with(ENCODER_PREFIX)));
        assert!(others.iter().all(|n| !n.contains("layernorm")));

        let (late, early) = names(Trainable::LastStages);
        assert!(early.iter().all(|n| n.starts_with(ENCODER_PREFIX)));
        let stage = |n: &str, which: &str| n.contains(which);
        for which in [
            "embeddings.",
            "layers.0.blocks",
            "layers.1.",
            "norms.stage2",
        ] {
            assert!(early.iter().any(|n| stage(n, which)), "{which}");
        }
        for which in [
            "encoder.layers.2.downsample",
            "encoder.layers.3.",
            "norms.stage4",
        ] {
            assert!(late.iter().any(|n| stage(n, which)), "{which}");
            assert!(!early.iter().any(|n| stage(n, which)), "{which}");
        }
        let (first, last) = names(Trainable::FirstStages);
        assert_eq!(first.len() - heads.len(), early.len());
        assert!(early.iter().all(|n| first.contains(n)) && heads.iter().all(|n| first.contains(n)));
        assert!(last.iter().all(|n| late.contains(n)));
        // The pixel decoder of g has layers of the same numbers; all of it learns.
        let g = late.iter().filter(|n| !n.starts_with(ENCODER_PREFIX));
        assert_eq!(g.count(), heads.len());
    }
}
