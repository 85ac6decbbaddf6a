//! Named tensors in host memory.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::WeightsError;

/// A float32 tensor in host memory, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Elements in row-major order.
    pub data: Vec<f32>,
}

impl Tensor {
    /// A tensor of `shape` holding `data`.
    ///
    /// # Errors
    /// [`WeightsError::Elements`] when `data` is not as long as the product of `shape` (1 for a scalar's empty shape).
    pub fn new(shape: Vec<usize>, data: Vec<f32>) -> Result<Self, WeightsError> {
        let elements = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        if elements != Some(data.len()) {
            let elements = data.len();
            return Err(WeightsError::Elements { shape, elements });
        }
        Ok(Self { shape, data })
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// True when one of the sizes is 0.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The first element that is NaN or infinite, with its row-major position.
    pub fn first_not_finite(&self) -> Option<(usize, f32)> {
        let index = self.data.iter().position(|v| !v.is_finite())?;
        Some((index, self.data[index]))
    }
}

/// Parameters by name. Names are those of Hugging Face checkpoints
/// (`model.pixel_level_module.encoder…`), with the prefix `recon.` for head g.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights(pub BTreeMap<String, Tensor>);

impl Weights {
    /// The tensor called `name`.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name)
    }

    /// Puts a tensor under `name`; returns the one that stood there.
    pub fn insert(&mut self, name: impl Into<String>, tensor: Tensor) -> Option<Tensor> {
        self.0.insert(name.into(), tensor)
    }

    /// Names and tensors, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.0.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True without a single tensor.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of elements of all tensors together.
    pub fn elements(&self) -> usize {
        self.0.values().map(Tensor::len).sum()
    }

    /// The tensor called `name`, which must have `shape`; `file` is named in the error.
    ///
    /// # Errors
    /// [`WeightsError::Missing`], [`WeightsError::Shape`].
    pub fn expect(&self, file: &str, name: &str, shape: &[usize]) -> Result<&Tensor, WeightsError> {
        let tensor = self.get(name).ok_or_else(|| WeightsError::Missing {
            file: file.to_owned(),
            tensor: name.to_owned(),
        })?;
        if tensor.shape != shape {
            return Err(WeightsError::Shape {
                file: file.to_owned(),
                tensor: name.to_owned(),
                found: tensor.shape.clone(),
                expected: shape.to_vec(),
            });
        }
        Ok(tensor)
    }

    /// Checks that every parameter of a model is there in the shape it needs; further tensors do no harm.
    ///
    /// # Errors
    /// As [`Weights::expect`], for the first parameter that is not as needed.
    pub fn check<'a>(
        &self,
        file: &str,
        needed: impl IntoIterator<Item = (&'a str, &'a [usize])>,
    ) -> Result<(), WeightsError> {
        for (name, shape) in needed {
            self.expect(file, name, shape)?;
        }
        Ok(())
    }

    /// Checks that every element is finite; `file` is named in the error.
    ///
    /// # Errors
    /// [`WeightsError::NotFinite`] for the first element that is not.
    pub fn check_finite(&self, file: &str) -> Result<(), WeightsError> {
        for (name, tensor) in self.iter() {
            if let Some((index, value)) = tensor.first_not_finite() {
                return Err(WeightsError::NotFinite {
                    file: file.to_owned(),
                    tensor: name.to_owned(),
                    index,
                    value,
                });
            }
        }
        Ok(())
    }
}

impl Weights {
    /// SHA-256, in hexadecimal, of names, shapes and values.
    pub fn content_hash(&self) -> String {
        let mut hash = Sha256::new();
        self.hash_into(&mut hash);
        hexadecimal(hash)
    }

    pub(super) fn hash_into(&self, hash: &mut Sha256) {
        for (name, tensor) in self.iter() {
            hash.update(format!("{name} {:?}\n", tensor.shape));
            for chunk in tensor.data.chunks(4096) {
                let bytes: Vec<u8> = chunk.iter().flat_map(|v| v.to_le_bytes()).collect();
                hash.update(bytes);
            }
        }
    }
}

pub(super) fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

impl FromIterator<(String, Tensor)> for Weights {
    fn from_iter<I: IntoIterator<Item = (String, Tensor)>>(tensors: I) -> Self {
        Self(tensors.into_iter().collect())
    }
}
