//! A gradient step on a loss, and what can become of its result.

use super::adamw::{MomentInputs, adamw};
use super::{AdamW, Buffer, Layout, Rates, Update};
use crate::grad::gradients;
use crate::graph::{DType, Graph, Result, Value};
use crate::nn::Parameter;

/// A gradient step inside a graph: what [`descend`] has added to it.
#[derive(Clone, Debug)]
pub struct Descent {
    /// The buffers that the step changes.
    pub learning: Layout,
    /// What becomes of them.
    pub update: Update,
    /// Gradients of the parameters in them, by name, before clipping.
    pub gradients: Vec<(String, Value)>,
}

/// Adds the gradient step on a loss to the graph that computes it: the gradients of what learns, clipping, AdamW, and the
/// guard that keeps everything as it was where loss or gradient is not finite.
///
/// `parameters` are those the graph has used so far; they are read from the buffers of `layout` from here on, which become
/// inputs. With [`AdamW::moments`] so do `first.…` and `second.…` for each buffer that learns, and the scalar `step`, 1 for
/// the first.
///
/// # Errors
/// A parameter without a place in the layout, one that learns but has no effect on the loss, or shapes that do not fit.
pub fn descend(
    g: &mut Graph,
    optimiser: AdamW,
    rates: Rates,
    layout: &Layout,
    parameters: &[Parameter],
    loss: Value,
) -> Result<Descent> {
    let learning = layout.learning();
    let learned: Vec<&Parameter> = parameters
        .iter()
        .filter(|p| learning.contains(&p.name))
        .collect();
    let wrt: Vec<Value> = learned.iter().map(|p| p.value).collect();
    let found = gradients(g, loss, &wrt)?;
    let gradients: Vec<(String, Value)> = learned
        .iter()
        .zip(found)
        .filter_map(|(parameter, gradient)| Some((parameter.name.clone(), gradient?)))
        .collect();
    let gathered = learning.gather_gradients(g, |name| {
        let found = gradients.iter().find(|(of, _)| of == name);
        found.map(|(_, gradient)| *gradient)
    })?;
    let attached = layout.attach(g, parameters)?;
    let buffers: Vec<Value> = layout
        .buffers
        .iter()
        .zip(attached)
        .filter(|(buffer, _)| buffer.learns)
        .map(|(_, value)| value)
        .collect();
    let moments = if optimiser.moments {
        Some(MomentInputs::declare(g, &learning)?)
    } else {
        None
    };
    let update = g.layer("adamw", |g| {
        adamw(
            g,
            optimiser,
            &learning,
            rates,
            moments.as_ref(),
            &buffers,
            &gathered,
            loss,
        )
    })?;
    Ok(Descent {
        learning,
        update,
        gradients,
    })
}

impl Descent {
    /// Takes a share of the way back to the initial weights: `w + pull · (initial − w)`, with the inputs `initial.…` per
    /// buffer and the scalar `pull`. A step that was not finite stays without effect.
    pub fn pull(&mut self, g: &mut Graph) -> Result<()> {
        let share = g.input("pull", DType::F32, &[])?;
        for (buffer, new) in self.learning.buffers.iter().zip(&mut self.update.buffers) {
            let initial = declare(g, "initial", buffer)?;
            let pulled = part_way(g, *new, initial, share)?;
            *new = g.select(self.update.finite, pulled, *new)?;
        }
        Ok(())
    }

    /// Makes what the next step begins with outputs: `new.…` per buffer and, if moments carry over, `new.first.…` and
    /// `new.second.…`.
    pub fn output_state(&self, g: &mut Graph) -> Result<()> {
        let mut kinds = vec![("new", &self.update.buffers)];
        if let Some((first, second)) = &self.update.moments {
            kinds.extend([("new.first", first), ("new.second", second)]);
        }
        for (kind, values) in kinds {
            for (buffer, &value) in self.learning.buffers.iter().zip(values) {
                g.output(&format!("{kind}.{}", buffer.name), value)?;
            }
        }
        Ok(())
    }

    /// Makes running means of the buffers outputs: `new.mean.…`, where each buffer counts what the input `share` says, a
    /// scalar, and the mean so far, the input `mean.…`, the rest. With a share of 0 or 1 one of both stays to the bit. A step
    /// that was not finite leaves the mean as it was.
    pub fn output_means(&self, g: &mut Graph) -> Result<()> {
        let share = g.input("share", DType::F32, &[])?;
        let one = g.scalar(share, 1.0);
        let rest = g.sub(one, share)?;
        for (buffer, &value) in self.learning.buffers.iter().zip(&self.update.buffers) {
            let mean = declare(g, "mean", buffer)?;
            let old = g.mul(mean, rest)?;
            let new = g.mul(value, share)?;
            let moved = g.add(old, new)?;
            let mean = g.select(self.update.finite, moved, mean)?;
            g.output(&format!("new.mean.{}", buffer.name), mean)?;
        }
        Ok(())
    }

    /// Makes averages of the buffers outputs: `new.average.…`, which is the input `average.…` moved towards the buffer by
    /// the share that the scalar input `average_share` says.
    pub fn output_averages(&self, g: &mut Graph) -> Result<()> {
        let share = g.input("average_share", DType::F32, &[])?;
        for (buffer, &new) in self.learning.buffers.iter().zip(&self.update.buffers) {
            let old = declare(g, "average", buffer)?;
            let moved = part_way(g, old, new, share)?;
            g.output(&format!("new.average.{}", buffer.name), moved)?;
        }
        Ok(())
    }

    /// Makes the raw gradients outputs, before clipping: `grad.NAME` per parameter that learns.
    pub fn output_gradients(&self, g: &mut Graph) -> Result<()> {
        for (name, gradient) in &self.gradients {
            g.output(&format!("grad.{name}"), *gradient)?;
        }
        Ok(())
    }

    /// Makes outputs of how the step went: the losses, `gradient_norm` (a float), and `finite`, whether the step was taken.
    pub fn output_report(&self, g: &mut Graph, losses: &[(&str, Value)]) -> Result<()> {
        for (name, loss) in losses {
            g.output(name, *loss)?;
        }
        g.output("gradient_norm", self.update.norm)?;
        g.output("finite", self.update.finite)
    }
}

fn declare(g: &mut Graph, kind: &str, buffer: &Buffer) -> Result<Value> {
    let name = format!("{kind}.{}", buffer.name);
    g.input(&name, DType::F32, &buffer.shape)
}

/// `from + share · (to − from)`.
fn part_way(g: &mut Graph, from: Value, to: Value, share: Value) -> Result<Value> {
    let way = g.sub(to, from)?;
    let part = g.mul(way, share)?;
    g.add(from, part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Parameters;
    use crate::runtime::{Tensor, testing};

    #[test]
    fn a_mean_counts_what_is_new_by_its_share() {
        let Some(runtime) = testing::runtime() else {
            return;
        };
        let layout = Layout::new(&[("weight".into(), vec![3])], 0);
        let mut graph = Graph::new("descent");
        let g = &mut graph;
        let mut p = Parameters::all_learned();
        let weight = p.get(g, "weight", &[3]).unwrap();
        let square = g.mul(weight, weight).unwrap();
        let loss = g.reduce_sum(square, &[0], false).unwrap();
        let rate = g.scalar(loss, 0.1);
        let rates = Rates {
            heads: rate,
            encoder: rate,
        };
        let optimiser = AdamW {
            weight_decay: 0.0,
            clip_norm: 1.0,
            moments: false,
            betas: AdamW::BETAS,
        };
        let descent = descend(g, optimiser, rates, &layout, p.learned(), loss).unwrap();
        descent.output_state(g).unwrap();
        descent.output_means(g).unwrap();

        let name = &layout.buffers[0].name;
        let mean_name = format!("mean.{name}");
        let weight = Tensor::from_f32(&[3], &[1.0, -2.0, 0.5]).unwrap();
        let mean = Tensor::from_f32(&[3], &[4.0, 4.0, 4.0]).unwrap();
        for share in [0.0, 0.25, 1.0] {
            let given = Tensor::from_f32(&[], &[share]).unwrap();
            let inputs = [(&**name, &weight), (&*mean_name, &mean), ("share", &given)];
            let found = testing::run(runtime, graph.clone(), &inputs);
            let (new, means) = (found[0].to_f32().unwrap(), found[1].to_f32().unwrap());
            assert!((new[0] - 0.9).abs() < 1e-3, "{new:?}");
            let wanted = new.iter().map(|new| 4.0 * (1.0 - share) + new * share);
            assert_eq!(means, Vec::from_iter(wanted), "{share}");
        }
    }
}
