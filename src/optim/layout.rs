//! The tensors in which weights travel.

use crate::graph::{DType, Graph, Result, Value};
use crate::model::{ENCODER_PREFIX, RECON_PREFIX, is_norm};
use crate::nn::Parameter;
use crate::weights::{Tensor, Weights};

/// Parameters that share a learning rate and a weight decay (`docs/method.md#optimiser`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// Of the encoder f, which learns at a rate of its own.
    pub encoder: bool,
    /// Subject to weight decay: all but norms, embeddings and position-bias tables.
    pub decay: bool,
}

impl Group {
    /// The group of a parameter, by its name.
    pub fn of(name: &str) -> Self {
        let embedding = [
            "queries_features",
            "queries_embedder",
            "transformer_module.level_embed",
        ];
        let exempt = is_norm(name)
            || name.contains("relative_position_bias_table")
            || embedding.iter().any(|e| name.contains(e));
        Self {
            encoder: name.starts_with(ENCODER_PREFIX),
            decay: !exempt,
        }
    }
}

/// A parameter inside a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its full name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Where it starts in the buffer, in elements.
    pub offset: usize,
}

/// A tensor in which weights travel: one large parameter, or many small ones of a group end to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Name of the graph input.
    pub name: String,
    /// Shape of the graph input.
    pub shape: Vec<usize>,
    /// What its parameters share.
    pub group: Group,
    /// Whether a step changes it. What does not learn travels as well: it may have learned before.
    pub learns: bool,
    /// The parameters in it.
    pub members: Vec<Member>,
}

impl Buffer {
    fn is_packed(&self) -> bool {
        self.members.len() != 1 || self.members[0].shape != self.shape
    }
}

/// How learning weights travel between runs: every buffer is one input and one output of a step.
///
/// Few tensors make for few nodes, but copies: large parameters travel alone, small ones packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The buffers, encoder first.
    pub buffers: Vec<Buffer>,
}

/// Weights that do not fit a layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter {name}: {detail}")]
pub struct LayoutError {
    /// The parameter.
    pub name: String,
    /// What is wrong with it.
    pub detail: String,
}

impl Layout {
    /// Parameters of fewer elements than this are packed (docs/spikes.md).
    pub const PACK_BELOW: usize = 1 << 16;

    /// The layout of parameters given by name and shape, all of which learn. Those of fewer elements than
    /// `pack_below` are packed.
    pub fn new(parameters: &[(String, Vec<usize>)], pack_below: usize) -> Self {
        Self::with_frozen(parameters, pack_below, |_| true)
    }

    /// As [`Layout::new`], for parameters of which only those learn that `learns` names. No buffer holds
    /// both kinds.
    pub fn with_frozen(
        parameters: &[(String, Vec<usize>)],
        pack_below: usize,
        learns: impl Fn(&str) -> bool,
    ) -> Self {
        let mut packed = std::collections::BTreeMap::<(Group, bool), Buffer>::new();
        let mut buffers = vec![];
        for (name, shape) in parameters {
            let (group, len) = (Group::of(name), shape.iter().product::<usize>());
            let learns = learns(name);
            let member = Member {
                name: name.clone(),
                shape: shape.clone(),
                offset: 0,
            };
            if len >= pack_below {
                buffers.push(Buffer {
                    name: name.clone(),
                    shape: shape.clone(),
                    group,
                    learns,
                    members: vec![member],
                });
                continue;
            }
            let buffer = packed.entry((group, learns)).or_insert_with(|| Buffer {
                name: format!(
                    "packed.{}.{}{}",
                    if group.encoder { "encoder" } else { "heads" },
                    if group.decay { "decay" } else { "no_decay" },
                    if learns { "" } else { ".frozen" }
                ),
                shape: vec![0],
                group,
                learns,
                members: vec![],
            });
            buffer.members.push(Member {
                offset: buffer.shape[0],
                ..member
            });
            buffer.shape[0] += len;
        }
        buffers.extend(packed.into_values());
        buffers.sort_by_key(|b| !b.group.encoder);
        Self { buffers }
    }

    /// The part that the encoder f lives in.
    pub fn encoder(&self) -> Self {
        self.part(|b| b.group.encoder)
    }

    /// The part that predictions need: without the reconstruction head g, which shares no buffer with h.
    pub fn predicting(&self) -> Self {
        self.part(|b| !b.members.iter().any(|m| m.name.starts_with(RECON_PREFIX)))
    }

    /// Both, this one's buffers first. They have no name in common.
    pub fn with(mut self, other: &Self) -> Self {
        self.buffers.extend_from_slice(&other.buffers);
        self
    }

    /// The part that a step changes.
    pub fn learning(&self) -> Self {
        self.part(|b| b.learns)
    }

    fn part(&self, belongs: impl Fn(&Buffer) -> bool) -> Self {
        let buffers = self.buffers.iter().filter(|b| belongs(b));
        Self {
            buffers: buffers.cloned().collect(),
        }
    }

    /// Whether a parameter of this name has a place.
    pub fn contains(&self, name: &str) -> bool {
        self.buffers
            .iter()
            .any(|b| b.members.iter().any(|m| m.name == name))
    }

    /// Number of buffers that the encoder f lives in; they come first.
    pub fn encoder_count(&self) -> usize {
        self.buffers.iter().filter(|b| b.group.encoder).count()
    }

    /// Names of the buffers.
    pub fn names(&self) -> Vec<String> {
        self.buffers.iter().map(|b| b.name.clone()).collect()
    }

    /// Number of elements in all buffers.
    pub fn elements(&self) -> usize {
        self.buffers
            .iter()
            .map(|b| b.shape.iter().product::<usize>())
            .sum()
    }

    /// Contents of the buffers, from named weights.
    ///
    /// # Errors
    /// When a parameter is missing or has another shape.
    pub fn pack(&self, weights: &Weights) -> std::result::Result<Vec<Tensor>, LayoutError> {
        let fill = |buffer: &Buffer| {
            let mut data = Vec::with_capacity(buffer.shape.iter().product());
            for Member { name, shape, .. } in &buffer.members {
                let error = |detail: String| LayoutError {
                    name: name.clone(),
                    detail,
                };
                let tensor = weights.0.get(name).ok_or_else(|| error("missing".into()))?;
                if tensor.shape != *shape {
                    return Err(error(format!("is {:?}, not {shape:?}", tensor.shape)));
                }
                data.extend_from_slice(&tensor.data);
            }
            Ok(Tensor {
                shape: buffer.shape.clone(),
                data,
            })
        };
        self.buffers.iter().map(fill).collect()
    }

    /// Named weights, from contents of the buffers in their order.
    pub fn unpack(&self, contents: &[Vec<f32>]) -> Weights {
        let mut weights = Weights::default();
        for (buffer, data) in self.buffers.iter().zip(contents) {
            for Member {
                name,
                shape,
                offset,
            } in &buffer.members
            {
                let len = shape.iter().product::<usize>();
                let data = data[*offset..offset + len].to_vec();
                weights.0.insert(
                    name.clone(),
                    Tensor {
                        shape: shape.clone(),
                        data,
                    },
                );
            }
        }
        weights
    }

    /// Makes the buffers inputs of the graph and lets packed parameters be read from them. Returns the
    /// buffers as values.
    ///
    /// # Errors
    /// When a learned parameter of the graph has no place in the layout.
    pub fn attach(&self, g: &mut Graph, parameters: &[Parameter]) -> Result<Vec<Value>> {
        let find = |name: &str| parameters.iter().find(|p| p.name == name);
        if let Some(lost) = parameters.iter().find(|p| !self.contains(&p.name)) {
            return Err(g.config_error(format!(
                "parameter {} has no place in the layout",
                lost.name
            )));
        }
        let mut values = vec![];
        for buffer in &self.buffers {
            if !buffer.is_packed() {
                let existing = find(&buffer.name).map(|p| p.value);
                values.push(match existing {
                    Some(value) => value,
                    None => g.input(&buffer.name, DType::F32, &buffer.shape)?,
                });
                continue;
            }
            let packed = g.input(&buffer.name, DType::F32, &buffer.shape)?;
            let sizes: Vec<usize> = buffer
                .members
                .iter()
                .map(|m| m.shape.iter().product())
                .collect();
            let parts = g.split(packed, 0, &sizes)?;
            for (member, part) in buffer.members.iter().zip(parts) {
                if let Some(parameter) = find(&member.name) {
                    let shaped = g.reshape(part, &member.shape)?;
                    // A one-dimensional parameter is the part itself; replacing needs another value than the input.
                    g.replace_input(parameter.value, shaped)?;
                }
            }
            values.push(packed);
        }
        Ok(values)
    }

    /// Gradients of the buffers, from gradients of their members.
    pub fn gather_gradients(
        &self,
        g: &mut Graph,
        gradient: impl Fn(&str) -> Option<Value>,
    ) -> Result<Vec<Value>> {
        let mut gathered = vec![];
        for buffer in &self.buffers {
            let mut parts = vec![];
            for member in &buffer.members {
                let part = gradient(&member.name).ok_or_else(|| {
                    g.config_error(format!("parameter {} has no gradient", member.name))
                })?;
                parts.push(if buffer.is_packed() {
                    g.reshape(part, &[member.shape.iter().product()])?
                } else {
                    part
                });
            }
            gathered.push(g.concat(&parts, 0)?);
        }
        Ok(gathered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Preset, initial_weights, parameters};

    #[test]
    fn packing_and_unpacking_give_the_same_weights() {
        let config = Preset::Nano.config(5);
        let weights = initial_weights(&config, 3).expect("nano");
        for pack_below in [0, 1000, usize::MAX] {
            let layout = Layout::new(&parameters(&config).expect("nano"), pack_below);
            let contents: Vec<Vec<f32>> = layout
                .pack(&weights)
                .expect("fits")
                .into_iter()
                .map(|t| t.data)
                .collect();
            assert_eq!(
                layout.unpack(&contents),
                weights,
                "packed below {pack_below}"
            );
        }
    }

    #[test]
    fn groups_follow_the_method() {
        let group = |name: &str| Group::of(name);
        let f = "model.pixel_level_module.encoder.encoder.layers.0.blocks.0.";
        assert_eq!(
            group(&format!("{f}intermediate.dense.bias")),
            Group {
                encoder: true,
                decay: true
            }
        );
        assert_eq!(
            group(&format!("{f}layernorm_after.bias")),
            Group {
                encoder: true,
                decay: false
            }
        );
        assert!(!group(&format!("{f}attention.self.relative_position_bias_table")).decay);
        assert!(
            group("recon.model.pixel_level_module.decoder.level_embed").decay,
            "a plain parameter"
        );
        assert!(
            !group("recon.model.transformer_module.level_embed.weight").decay,
            "an embedding"
        );
        assert!(!group("model.pixel_level_module.decoder.encoder.layers.0.fc1.bias").encoder);
    }

    #[test]
    fn what_does_not_learn_has_buffers_of_its_own() {
        let config = Preset::Nano.config(5);
        let known = parameters(&config).expect("nano");
        let learns = |name: &str| name.contains("norm") || name.contains("layers.3.");
        for pack_below in [0, 1000, usize::MAX] {
            let layout = Layout::with_frozen(&known, pack_below, learns);
            for buffer in &layout.buffers {
                assert!(
                    buffer
                        .members
                        .iter()
                        .all(|m| learns(&m.name) == buffer.learns)
                );
            }
            let learning = layout.learning();
            for (name, _) in &known {
                assert!(layout.contains(name), "{name}");
                assert_eq!(learning.contains(name), learns(name), "{name}");
            }
            let encoders_first = layout.buffers.is_sorted_by_key(|b| !b.group.encoder);
            assert!(encoders_first, "predictions take the first ones");
            let names: std::collections::BTreeSet<_> =
                layout.buffers.iter().map(|b| &b.name).collect();
            assert_eq!(names.len(), layout.buffers.len());
        }
    }

    #[test]
    fn a_missing_parameter_is_named() {
        let layout = Layout::new(&[("a.weight".into(), vec![2])], 0);
        let error = layout.pack(&Weights::default()).expect_err("missing");
        assert_eq!(error.name, "a.weight");
    }
}
