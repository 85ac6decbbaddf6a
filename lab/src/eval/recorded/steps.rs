//! Cases of kind `ttt`: gradient steps in a row.

use super::{Collected, Hyper, Recording, Result, deviation, largest};
use tttseg::adapt::graphs::{Size, StepOptions, learning_layout, step_graph};
use tttseg::model::{HeadConfig, LossOver, MASK_PATCH, ModelConfig, Readout, SwinConfig};
use tttseg::optim::{AdamW, Layout};
use tttseg::runtime::Tensor;
use tttseg::weights::{Normalisation, Weights, naming};

impl Recording<'_> {
    pub(super) fn ttt(
        &self,
        encoder: SwinConfig,
        head: HeadConfig,
        [batch, height, width]: [usize; 3],
        steps: usize,
        hyper: &Hyper,
        to: &mut Collected,
    ) -> Result<()> {
        let recon = HeadConfig {
            readout: Readout::Fixed,
            ..head
        };
        let config = ModelConfig {
            encoder,
            main: recon.clone(),
            recon,
            chroma: None,
        };
        let size = Size { height, width };
        let layout = learning_layout(&config, Layout::PACK_BELOW)?;
        let start = self.weights.clone().into_recon();
        let step = StepOptions {
            batch,
            size,
            loss_over: if hyper.loss_over == "all" {
                LossOver::All
            } else {
                LossOver::Masked
            },
            optimiser: AdamW {
                weight_decay: hyper.weight_decay,
                clip_norm: hyper.clip_norm,
                moments: !hyper.restart_optimizer,
                betas: AdamW::BETAS,
            },
            stochastic_depth: false,
            pull: false,
            expose: true,
        };
        let built = step_graph(&config, &Normalisation::default(), &layout, step)?;
        let names: Vec<String> = built
            .outputs()
            .iter()
            .map(|(name, _)| name.clone())
            .collect();
        let inputs: Vec<String> = built.inputs().map(|(name, _)| name.to_owned()).collect();
        let states = names.iter().filter(|n| n.starts_with("new.")).count();
        let mut session = self.session(built)?;

        let mut state: Vec<Tensor> = layout
            .pack(&start)?
            .iter()
            .map(|t| Tensor::from_f32(&t.shape, &t.data))
            .collect::<std::result::Result<_, _>>()?;
        for buffer in layout
            .buffers
            .iter()
            .cycle()
            .take(states - layout.buffers.len())
        {
            state.push(Tensor::from_f32(
                &buffer.shape,
                &vec![0.0; buffer.shape.iter().product()],
            )?);
        }
        let rate = Tensor::from_f32(&[], &[hyper.lr as f32])?;
        let encoder_rate =
            Tensor::from_f32(&[], &[(hyper.lr * hyper.encoder_lr_multiplier) as f32])?;
        for s in 0..steps {
            let images = Tensor::from_u8(&[batch, height, width, 3], &self.interleaved(s)?)?;
            let (rows, columns) = size.blocks();
            let mask = Tensor::from_f32(&[batch, rows, columns], &self.block_mask(s, size)?)?;
            let number = Tensor::from_f32(&[], &[(s + 1) as f32])?;
            let mut given: Vec<(&str, &Tensor)> = vec![];
            for name in &inputs {
                let tensor = match name.as_str() {
                    "images" => &images,
                    "mask" => &mask,
                    "learning_rate" => &rate,
                    "encoder_learning_rate" => &encoder_rate,
                    "step" => &number,
                    other => {
                        let place = names
                            .iter()
                            .position(|n| n.strip_prefix("new.") == Some(other));
                        place
                            .and_then(|i| state.get(i))
                            .ok_or_else(|| self.error(other, "not a state".into()))?
                    }
                };
                given.push((name, tensor));
            }
            let outputs = session.run(&given)?;
            let scalar = |wanted: &str| -> Result<f32> {
                let place = names
                    .iter()
                    .position(|n| n == wanted)
                    .ok_or_else(|| self.error(wanted, "missing".into()))?;
                Ok(outputs[place].to_f32()?[0])
            };
            for (recorded, computed) in
                [("out.losses", "loss"), ("out.grad_norms", "gradient_norm")]
            {
                let (expected, value) = (
                    f64::from(self.recorded(recorded)?.data[s]),
                    scalar(computed)?,
                );
                to.hash(&[value]);
                to.add(
                    &format!("{recorded}[{s}]"),
                    (f64::from(value) - expected).abs() / expected.abs(),
                    1e-4,
                );
            }
            if s == 0 {
                self.compare_first_step(&names, &outputs, to)?;
            }
            state = outputs.into_iter().take(states).collect();
        }
        let contents: Vec<Vec<f32>> = state
            .iter()
            .take(layout.buffers.len())
            .map(Tensor::to_f32)
            .collect::<std::result::Result<_, _>>()?;
        self.compare_displacement(&start, &layout.unpack(&contents), to)
    }

    fn compare_first_step(
        &self,
        names: &[String],
        outputs: &[Tensor],
        to: &mut Collected,
    ) -> Result<()> {
        let gradients: Vec<_> = self
            .recorded
            .iter()
            .filter(|(name, _)| name.starts_with("grad."))
            .collect();
        let global = gradients
            .iter()
            .map(|(_, t)| largest(&t.data))
            .fold(0.0, f64::max);
        let find = |wanted: &str| names.iter().position(|n| n == wanted).map(|i| &outputs[i]);
        let mut worst: f64 = 0.0;
        for (name, expected) in gradients {
            let stored = naming::recon(name.trim_start_matches("grad."));
            let computed = find(&format!("grad.{stored}"))
                .ok_or_else(|| self.error(name, "not computed".into()))?;
            let computed = computed.to_f32()?;
            if computed.len() != expected.data.len() {
                return Err(self.error(name, "has another size than what was computed".into()));
            }
            to.hash(&computed);
            let allowed = 1e-3 * largest(&expected.data) + 1e-6 * global;
            let share = deviation(&expected.data, &computed) / allowed;
            // `max` drops what is not a number, so that has to be listed by itself, too.
            if share.is_nan() || share > 1.0 {
                to.add(name, share, 1.0);
            }
            worst = worst.max(share);
        }
        to.add("grad.* (share of what is allowed)", worst, 1.0);
        match find("reconstruction") {
            Some(t) => self.compare_map("out.reconstruction.0", &t.to_f32()?, to),
            None => Err(self.error("out.reconstruction.0", "not computed".into())),
        }
    }

    /// Displacement from the start, all parameters together: L2 error relative to the L2 displacement.
    fn compare_displacement(
        &self,
        start: &Weights,
        end: &Weights,
        to: &mut Collected,
    ) -> Result<()> {
        let (mut error, mut moved) = (0.0, 0.0);
        for (name, expected) in self
            .recorded
            .iter()
            .filter(|(name, _)| name.starts_with("out.param."))
        {
            let stored = naming::recon(name.trim_start_matches("out.param."));
            let (Some(before), Some(after)) = (start.get(&stored), end.get(&stored)) else {
                return Err(self.error(name, "is no parameter of f or g".into()));
            };
            to.hash(&after.data);
            for ((e, a), b) in expected.data.iter().zip(&after.data).zip(&before.data) {
                error += f64::from(e - a).powi(2);
                moved += f64::from(e - b).powi(2);
            }
        }
        to.add("out.param.* (displacement)", (error / moved).sqrt(), 0.01);
        Ok(())
    }

    /// `in.image_u8.s`, planes, as interleaved bytes.
    fn interleaved(&self, step: usize) -> Result<Vec<u8>> {
        let image = self.recorded(&format!("in.image_u8.{step}"))?;
        let [batch, channels, height, width] = *image.shape else {
            return Err(self.error("in.image_u8", format!("has shape {:?}", image.shape)));
        };
        let area = height * width;
        let mut bytes = Vec::with_capacity(image.data.len());
        for b in 0..batch {
            for i in 0..area {
                bytes
                    .extend((0..channels).map(|c| image.data[(b * channels + c) * area + i] as u8));
            }
        }
        Ok(bytes)
    }

    /// `in.mask.s`, per pixel, as one value per block.
    fn block_mask(&self, step: usize, size: Size) -> Result<Vec<f32>> {
        let mask = self.recorded(&format!("in.mask.{step}"))?;
        let (rows, columns) = size.blocks();
        let at = |i: usize| {
            let (b, y, x) = (i / (rows * columns), i / columns % rows, i % columns);
            mask.data[(b * size.height + y * MASK_PATCH) * size.width + x * MASK_PATCH]
        };
        Ok((0..mask.shape[0] * rows * columns).map(at).collect())
    }
}
