//! Both gradients along a stream, with the weights of the model file.

use std::sync::Arc;

use super::graph::{part_of, parts};
use super::report::{FrameSums, mean};
use super::{Alignment, AlignmentOptions, alignment_graph};
use crate::data::{Playback, Played, Shift, Stream, at_model_size};
use crate::eval::{EvalError, check_classes};
use tttseg::adapt::graphs::Size;
use tttseg::adapt::{Draws, Error, Settings};
use tttseg::model::{ENCODER_PREFIX, parameters};
use tttseg::optim::Layout;
use tttseg::runtime::{Cancel, Options, Runtime, Session, Tensor};
use tttseg::video::{ClassMap, Rgb, Scaler, nearest_labels};
use tttseg::weights::ModelFile;

/// Measures on every labelled frame of a stream under a shift, with the weights of the model file: nothing is learned.
/// Of the settings, mask ratio, batch size (masked views of the frame), pixels of the loss and seed count.
/// Labels are brought to model size by taking the nearest. `progress` is called after every frame.
///
/// # Errors
/// Files that are missing or unreadable, labels that do not fit or are coarser than the model's classes, settings out of range, a model without classes or the
/// fixed readout, and errors in building or running the graph.
pub fn alignment(
    model: &Arc<ModelFile>,
    settings: &Settings,
    stream: &Stream,
    shift: Shift,
    runtime: &'static Runtime,
    options: &Options,
    mut progress: impl FnMut(),
) -> Result<Alignment, EvalError> {
    settings.check()?;
    check_classes(model)?;
    let mut probe = Probe::new(model, settings, runtime, options)?;
    let known = parameters(&model.config).map_err(Error::from)?;
    let mut weights = vec![0; parts(&model.config).len()];
    for (name, shape) in known.iter().filter(|(n, _)| n.starts_with(ENCODER_PREFIX)) {
        weights[part_of(name)] += shape.iter().product::<usize>();
    }
    let mut sums = FrameSums::new(parts(&model.config).into_iter().zip(weights).collect());
    let mut losses = (vec![], vec![]);
    let groups = stream.groups(&model.classes)?;
    if groups.as_ref().is_some_and(|groups| !groups.is_own()) {
        return Err(EvalError::Coarser);
    }
    let ids = stream.label_ids(&model.classes, groups.as_ref())?;
    let mut scaler = Scaler::new();
    for (number, frame) in (1..).zip(Playback::new(stream, shift, settings.seed, ids)) {
        let Played {
            picture, labels, ..
        } = frame?;
        if let Some(labels) = labels {
            let rgb = at_model_size(model, &picture, &mut scaler)?;
            let measured = probe.frame(&rgb, &labels, number)?;
            if sums.frame(&measured.sums) {
                losses.0.push(f64::from(measured.main_loss));
                losses.1.push(f64::from(measured.recon_loss));
            }
        }
        progress();
    }
    let (overall, parts) = sums.finish();
    Ok(Alignment {
        frames: sums.frames(),
        views: settings.batch_size,
        mask_ratio: settings.mask_ratio,
        seed: settings.seed,
        main_loss: mean(&losses.0),
        recon_loss: mean(&losses.1),
        overall,
        parts,
    })
}

/// The measurements of one frame.
struct Measured {
    /// `(parts, 4)`.
    sums: Vec<f32>,
    main_loss: f32,
    recon_loss: f32,
}

/// The weights, and the session of the last size.
struct Probe<'a> {
    model: &'a ModelFile,
    settings: &'a Settings,
    runtime: &'static Runtime,
    options: &'a Options,
    layout: Layout,
    weights: Vec<(String, Tensor)>,
    session: Option<(Size, Session)>,
}

impl<'a> Probe<'a> {
    fn new(
        model: &'a ModelFile,
        settings: &'a Settings,
        runtime: &'static Runtime,
        options: &'a Options,
    ) -> Result<Self, Error> {
        let layout = Layout::new(&parameters(&model.config)?, Layout::PACK_BELOW);
        let packed = layout.pack(&model.weights)?;
        let mut weights = vec![];
        for (buffer, t) in layout.buffers.iter().zip(packed) {
            weights.push((buffer.name.clone(), Tensor::from_f32(&t.shape, &t.data)?));
        }
        Ok(Self {
            model,
            settings,
            runtime,
            options,
            layout,
            weights,
            session: None,
        })
    }

    fn frame(&mut self, rgb: &Rgb, labels: &ClassMap, number: u64) -> Result<Measured, Error> {
        let size = Size::of(rgb)?;
        let labels = nearest_labels(labels, (size.height, size.width));
        let (rgb, labels) = (rgb.as_slice(), labels.as_slice());
        let (rgb, labels) = (rgb.unwrap_or_default(), labels.unwrap_or_default());
        let settings = self.settings;
        let (views, (rows, columns)) = (settings.batch_size, size.blocks());
        let mut draws = Draws::new(settings.seed, number);
        let mask: Vec<f32> = (0..views)
            .flat_map(|_| draws.mask(rows * columns, settings.mask_ratio))
            .collect();
        let images = Tensor::from_u8(&[1, size.height, size.width, 3], rgb)?;
        let labels = Tensor::from_u8(&[1, size.height, size.width], labels)?;
        let mask = Tensor::from_f32(&[views, rows, columns], &mask)?;
        let mut session = match self.session.take() {
            Some((built_for, session)) if built_for == size => session,
            _ => self.build(size)?,
        };
        let weights = self.weights.iter().map(|(name, t)| (name.as_str(), t));
        let given = [("images", &images), ("labels", &labels), ("mask", &mask)];
        let outputs = session.run(&weights.chain(given).collect::<Vec<_>>())?;
        self.session = Some((size, session));
        Ok(Measured {
            sums: outputs[0].to_f32()?,
            main_loss: outputs[1].to_f32()?[0],
            recon_loss: outputs[2].to_f32()?[0],
        })
    }

    fn build(&self, size: Size) -> Result<Session, Error> {
        let options = AlignmentOptions {
            size,
            views: self.settings.batch_size,
            loss_over: self.settings.loss_over,
            expose: false,
        };
        let m = self.model;
        let graph = alignment_graph(&m.config, &m.normalisation, &self.layout, options)?;
        let place = self.runtime.in_use(self.options)?;
        let built = graph.finish(place.target())?;
        let cancel = Cancel::new();
        Ok(Session::new(self.runtime, &built, self.options, &cancel)?)
    }
}
