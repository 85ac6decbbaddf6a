//! Which name belongs to which part of the model (`docs/method.md#parameter-names`).
//!
//! A file holds f and h under the names of a published Mask2Former checkpoint. Head g is a second
//! Mask2Former that shares f: its parameter `model.transformer_module.X` is stored as
//! `recon.model.transformer_module.X`, and the encoder, being shared, is stored once without a prefix.

use super::Weights;

/// Prefix of the parameters of head g.
pub const RECON: &str = "recon.";

/// Prefix of the parameters of encoder f.
pub const ENCODER: &str = "model.pixel_level_module.encoder.";

/// The part of the model that a parameter belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Encoder f, shared by both heads.
    Encoder,
    /// Main-task head h.
    Main,
    /// Reconstruction head g.
    Recon,
}

/// The part that the stored name `name` belongs to.
pub fn part(name: &str) -> Part {
    if name.starts_with(RECON) {
        Part::Recon
    } else if name.starts_with(ENCODER) {
        Part::Encoder
    } else {
        Part::Main
    }
}

/// The stored name of what is `name` in g ∘ f taken as a Mask2Former of its own.
pub fn recon(name: &str) -> String {
    match part(name) {
        Part::Encoder | Part::Recon => name.to_owned(),
        Part::Main => format!("{RECON}{name}"),
    }
}

/// The stored name of what is `name` in a Swin backbone taken alone (`embeddings…`, `encoder.layers…`,
/// `hidden_states_norms…`).
pub fn backbone(name: &str) -> String {
    format!("{ENCODER}{name}")
}

/// Whether `name` is something that a model learns. Checkpoints also hold constant buffers and the
/// weights of a loss, and g has no use for a class predictor.
pub fn is_parameter(name: &str) -> bool {
    !(name.ends_with("relative_position_index")
        || name.starts_with("criterion.")
        || name.starts_with("recon.criterion.")
        || name.starts_with("recon.class_predictor."))
}

impl Weights {
    /// Takes g ∘ f with the names of a Mask2Former of its own, and returns it under the stored names;
    /// what is no parameter of g ∘ f is left out.
    pub fn into_recon(self) -> Self {
        let renamed = self.0.into_iter().map(|(n, t)| (recon(&n), t));
        renamed.filter(|(n, _)| is_parameter(n)).collect()
    }

    /// Takes a Swin backbone taken alone, and returns it under the stored names.
    pub fn into_backbone(self) -> Self {
        let renamed = self.0.into_iter().map(|(n, t)| (backbone(&n), t));
        renamed.filter(|(n, _)| is_parameter(n)).collect()
    }

    /// The tensors of one part.
    pub fn of(&self, which: Part) -> Self {
        let kept = self.0.iter().filter(|(n, _)| part(n) == which);
        kept.map(|(n, t)| (n.clone(), t.clone())).collect()
    }

    /// Adds all tensors of `other`, which win where both have one.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Tensor;

    #[test]
    fn names_round_the_three_parts() {
        let encoder = "model.pixel_level_module.encoder.hidden_states_norms.stage1.bias";
        let decoder = "model.pixel_level_module.decoder.level_embed";
        let queries = "model.transformer_module.queries_embedder.weight";
        assert_eq!(recon(encoder), encoder);
        assert_eq!(recon(decoder), format!("recon.{decoder}"));
        assert_eq!(recon(queries), format!("recon.{queries}"));
        assert_eq!(recon(&recon(queries)), recon(queries));
        assert_eq!(backbone("hidden_states_norms.stage1.bias"), encoder);
        assert_eq!(part(encoder), Part::Encoder);
        assert_eq!(part(decoder), Part::Main);
        assert_eq!(part("class_predictor.weight"), Part::Main);
        assert_eq!(part(&recon(queries)), Part::Recon);
    }

    #[test]
    fn a_mask2former_becomes_head_g() {
        let one = |n: &str| (n.to_owned(), Tensor::new(vec![1], vec![1.0]).unwrap());
        let weights: Weights = [
            one("class_predictor.weight"),
            one("criterion.empty_weight"),
            one("model.pixel_level_module.encoder.embeddings.norm.weight"),
            one("model.pixel_level_module.decoder.level_embed"),
        ]
        .into_iter()
        .collect();
        let g = weights.into_recon();
        let names: Vec<_> = g.iter().map(|(n, _)| n).collect();
        assert_eq!(
            names,
            [
                "model.pixel_level_module.encoder.embeddings.norm.weight",
                "recon.model.pixel_level_module.decoder.level_embed"
            ]
        );
        assert_eq!(g.of(Part::Encoder).len(), 1);
    }
}
