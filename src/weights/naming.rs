//! Names of parameters, and the network that each belongs to (`docs/method.md#parameter-names`).
//!
//! A file holds f and h under the names of a published Mask2Former checkpoint. Head g is a second
//! Mask2Former that shares f: its parameter `model.transformer_module.X` is stored as
//! `recon.model.transformer_module.X`, and the encoder, being shared, is stored once without a prefix.

use super::Weights;

/// What the names of the encoder f begin with.
pub const ENCODER_PREFIX: &str = "model.pixel_level_module.encoder.";
/// What stands before the names of the main-task head h.
pub const MAIN_PREFIX: &str = "";
/// What stands before the names of h where it is a colour head.
pub const COLOR_PREFIX: &str = "color.";
/// What stands before the names of the reconstruction head g.
pub const RECON_PREFIX: &str = "recon.";

/// The networks that a model consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Encoder f, shared by both heads.
    Encoder,
    /// Main-task head h.
    Main,
    /// Reconstruction head g.
    Recon,
}

/// The network that the parameter stored as `name` belongs to.
pub fn network_of(name: &str) -> Network {
    if name.starts_with(RECON_PREFIX) {
        Network::Recon
    } else if name.starts_with(ENCODER_PREFIX) {
        Network::Encoder
    } else {
        Network::Main
    }
}

/// The stored name of what is `name` in g ∘ f taken as a Mask2Former of its own.
pub fn recon(name: &str) -> String {
    match network_of(name) {
        Network::Encoder | Network::Recon => name.to_owned(),
        Network::Main => format!("{RECON_PREFIX}{name}"),
    }
}

/// Whether a parameter belongs to a layer norm or a group norm.
pub fn is_norm(name: &str) -> bool {
    let Some((layer, _)) = name.rsplit_once('.') else {
        return false;
    };
    layer.contains("norm")
        || ["adapter_1.1", "layer_1.1"]
            .iter()
            .any(|n| layer.ends_with(n))
        || {
            layer.contains("input_projections.")
                && layer.ends_with(".1")
                && !layer.ends_with("input_projections.1")
        }
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

    /// The tensors of one network.
    pub fn of(&self, which: Network) -> Self {
        let kept = self.0.iter().filter(|(n, _)| network_of(n) == which);
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
    fn names_of_the_three_networks() {
        let encoder = "model.pixel_level_module.encoder.hidden_states_norms.stage1.bias";
        let decoder = "model.pixel_level_module.decoder.level_embed";
        let queries = "model.transformer_module.queries_embedder.weight";
        assert_eq!(recon(encoder), encoder);
        assert_eq!(recon(decoder), format!("recon.{decoder}"));
        assert_eq!(recon(queries), format!("recon.{queries}"));
        assert_eq!(recon(&recon(queries)), recon(queries));
        assert_eq!(network_of(encoder), Network::Encoder);
        assert_eq!(network_of(decoder), Network::Main);
        assert_eq!(network_of("class_predictor.weight"), Network::Main);
        assert_eq!(network_of(&recon(queries)), Network::Recon);
    }

    #[test]
    fn norms_are_recognised_by_name() {
        for (name, norm) in [
            (
                "model.pixel_level_module.decoder.input_projections.1.0.weight",
                false,
            ),
            (
                "model.pixel_level_module.decoder.input_projections.1.1.weight",
                true,
            ),
            ("model.pixel_level_module.decoder.adapter_1.0.weight", false),
            ("model.pixel_level_module.decoder.layer_1.1.bias", true),
            (
                "model.pixel_level_module.encoder.hidden_states_norms.stage1.bias",
                true,
            ),
            (
                "model.transformer_module.decoder.layers.0.fc1.weight",
                false,
            ),
            (
                "model.transformer_module.decoder.layers.0.final_layer_norm.weight",
                true,
            ),
        ] {
            assert_eq!(is_norm(name), norm, "{name}");
        }
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
        assert_eq!(g.of(Network::Encoder).len(), 1);
    }
}
