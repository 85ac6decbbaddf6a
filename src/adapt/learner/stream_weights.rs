//! The weights of f and g in a stream: as they are on disk, and as they are now.

use std::mem::replace;
use std::sync::Arc;

use super::output_buffers::OutputBuffers;
use crate::adapt::graphs::stream_layout;
use crate::adapt::{Error, Moments, Settings, SharedModel};
use crate::optim::Layout;
use crate::runtime::Tensor;
use crate::weights::Weights;

/// Weights that learn from a stream, in the buffers in which they travel.
pub(super) struct StreamWeights {
    pub layout: Layout,
    /// Buffers of the encoder f, which come first.
    encoder: usize,
    /// Buffers as they are on disk; the moments that go with them are zero.
    base: Arc<[Tensor]>,
    /// Buffers now, then first and second moments of those that learn if they carry over.
    pub state: Vec<Tensor>,
    pub output_buffers: OutputBuffers,
    /// Steps that are in the weights.
    pub steps_since_reset: u64,
    pub steps_since_moments: u64,
}

impl StreamWeights {
    /// As they are on disk; `shared` is as for [`OutputBuffers::new`].
    pub fn new(model: &SharedModel, settings: &Settings, shared: bool) -> Result<Self, Error> {
        let config = &model.file().config;
        let layout = stream_layout(config, Layout::PACK_BELOW, settings.learn)?;
        let base = base(model, &layout)?;
        let mut weights = Self {
            encoder: layout.encoder_count(),
            layout,
            state: base.to_vec(),
            base,
            output_buffers: OutputBuffers::new(shared),
            steps_since_reset: 0,
            steps_since_moments: 0,
        };
        weights.clear_moments(settings.moments)?;
        Ok(weights)
    }

    /// The same weights in buffers for other parameters to learn; moments are zero.
    pub fn relaid(
        &self,
        model: &SharedModel,
        settings: &Settings,
        shared: bool,
    ) -> Result<Self, Error> {
        let mut weights = Self::new(model, settings, shared)?;
        weights.adopt(packed(&weights.layout, &self.weights()?)?);
        weights.steps_since_reset = self.steps_since_reset;
        Ok(weights)
    }

    /// The buffers.
    pub fn buffers(&self) -> &[Tensor] {
        &self.state[..self.base.len()]
    }

    /// The buffers as they are on disk.
    pub fn on_disk(&self) -> &[Tensor] {
        &self.base
    }

    /// The buffers that learn, as they are on disk.
    pub fn initial(&self) -> impl Iterator<Item = &Tensor> {
        let buffers = self.layout.buffers.iter().zip(self.base.iter());
        buffers.filter(|(b, _)| b.learns).map(|(_, tensor)| tensor)
    }

    /// Those of f.
    pub fn encoder(&self) -> &[Tensor] {
        &self.state[..self.encoder]
    }

    /// Those of f as they are on disk.
    pub fn encoder_on_disk(&self) -> &[Tensor] {
        &self.base[..self.encoder]
    }

    /// Back to the weights on disk.
    pub fn reset(&mut self, moments: Moments) -> Result<(), Error> {
        let mut replaced = vec![];
        for (place, on_disk) in self.base.iter().enumerate() {
            let old = replace(&mut self.state[place], on_disk.clone());
            if self.layout.buffers[place].learns {
                replaced.push(old);
            }
        }
        self.output_buffers.replace(replaced);
        self.steps_since_reset = 0;
        self.clear_moments(moments)
    }

    pub fn clear_moments(&mut self, moments: Moments) -> Result<(), Error> {
        self.state.truncate(self.base.len());
        self.steps_since_moments = 0;
        if moments == Moments::Persistent {
            let learning = self.layout.learning();
            self.state.extend(zeros(&learning)?);
            self.state.extend(zeros(&learning)?);
        }
        Ok(())
    }

    /// The weights by name.
    pub fn weights(&self) -> Result<Weights, Error> {
        let contents = self.buffers().iter().map(Tensor::to_f32);
        let contents = contents.collect::<Result<Vec<_>, _>>()?;
        Ok(self.layout.unpack(&contents))
    }

    /// Goes on with the first of these buffers and gives back the rest. Moments stay.
    pub fn adopt(&mut self, mut buffers: Vec<Tensor>) -> Vec<Tensor> {
        let rest = buffers.split_off(self.base.len());
        self.state.splice(..self.base.len(), buffers);
        rest
    }
}

/// The model's own weights as the inputs of graphs.
pub(super) fn base(model: &SharedModel, layout: &Layout) -> Result<Arc<[Tensor]>, Error> {
    model.base(layout, || packed(layout, &model.file().weights))
}

/// Weights as the inputs of graphs, in the order of the layout.
pub(super) fn packed(layout: &Layout, weights: &Weights) -> Result<Vec<Tensor>, Error> {
    let contents = layout.pack(weights)?;
    let tensors = contents.iter().map(|t| Tensor::from_f32(&t.shape, &t.data));
    Ok(tensors.collect::<Result<_, _>>()?)
}

/// As many zeros as a layout has weights, in its order.
pub(super) fn zeros(layout: &Layout) -> Result<Vec<Tensor>, Error> {
    let zero = |shape: &Vec<usize>| Tensor::from_f32(shape, &vec![0.0; shape.iter().product()]);
    let tensors = layout.buffers.iter().map(|b| zero(&b.shape));
    Ok(tensors.collect::<Result<_, _>>()?)
}
