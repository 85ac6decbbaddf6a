//! Perceptual differences: LPIPS, and a distance like FID.

mod alexnet;
#[cfg(test)]
mod tests;

use std::path::Path;

use crate::eval::EvalError;
use tttseg::graph::Model;
use tttseg::nn::Parameters;
use tttseg::runtime::{Cancel, Options, Runtime, Session, Tensor};
use tttseg::video::Rgb;
use tttseg::weights::Weights;

/// The network of LPIPS, which compares pictures.
///
/// Its weights are a safetensors file that `scripts/lpips.sh` makes out of published ones.
pub struct Perceptual {
    weights: Weights,
    runtime: &'static Runtime,
    options: Options,
    /// For pictures of the size of the last ones.
    session: Option<(Shape, Session)>,
}

/// Number, height and width of the pictures.
type Shape = (usize, (usize, usize));

/// The result of a comparison.
pub(super) struct Compared {
    /// LPIPS of every picture but the first, in order.
    pub distances: Vec<f32>,
    /// Features of all pictures at all places, 256 each.
    pub features: Vec<f32>,
}

impl Perceptual {
    /// Coordinates of a feature.
    pub(super) const DIMENSIONS: usize = 256;

    /// Reads the network's weights.
    ///
    /// # Errors
    /// When the file cannot be read, or is not that of this network.
    pub fn open(
        path: impl AsRef<Path>,
        runtime: &'static Runtime,
        options: &Options,
    ) -> Result<Self, EvalError> {
        let path = path.as_ref();
        let weights = Weights::read_safetensors(path).map_err(tttseg::adapt::Error::from)?;
        let network = Self {
            weights,
            runtime,
            options: options.clone(),
            session: None,
        };
        let smallest = (2, (alexnet::SHORTEST, alexnet::SHORTEST));
        match network.graph(smallest) {
            Ok(_) => Ok(network),
            Err(error) => Err(EvalError::Perceptual {
                path: path.to_owned(),
                why: error.to_string(),
            }),
        }
    }

    fn graph(&self, (count, size): Shape) -> Result<Model, tttseg::adapt::Error> {
        let mut parameters = Parameters::new(&self.weights, |_| false);
        let graph = alexnet::comparison(&mut parameters, count, size)?;
        Ok(graph.finish(self.runtime.in_use(&self.options)?.target())?)
    }

    /// Compares pictures of one size with the first of them. None where they are too small.
    ///
    /// # Errors
    /// When the network cannot be built or run.
    pub(super) fn compare(&mut self, pictures: &[&Rgb]) -> Result<Option<Compared>, EvalError> {
        let (height, width, _) = pictures.first().map_or((0, 0, 0), |p| p.dim());
        if width.min(height) < alexnet::SHORTEST || pictures.len() < 2 {
            return Ok(None);
        }
        let shape = (pictures.len(), (height, width));
        let session = match self.session.take() {
            Some((of, session)) if of == shape => session,
            _ => {
                let model = self.graph(shape)?;
                Session::new(self.runtime, &model, &self.options, &Cancel::new())
                    .map_err(tttseg::adapt::Error::from)?
            }
        };
        let (_, session) = self.session.insert((shape, session));
        let run = |session: &mut Session| {
            let all: Vec<u8> = pictures.iter().copied().flatten().copied().collect();
            let pictures = Tensor::from_u8(&[shape.0, height, width, 3], &all)?;
            let outputs = session.run(&[("pictures", &pictures)])?;
            let mut values = outputs.iter().map(Tensor::to_f32);
            let mut next = || values.next().unwrap_or_else(|| Ok(vec![]));
            Ok(Compared {
                distances: next()?,
                features: next()?,
            })
        };
        let compared: Result<_, tttseg::runtime::Error> = run(session);
        Ok(Some(compared.map_err(tttseg::adapt::Error::from)?))
    }
}
