//! The loss on labels of coarser schemes than the model's classes: on sums of class probabilities.

use super::{Powers, dice, per_weight, powers};
use crate::data::ClassGroups;
use tttseg::graph::{Constant, DType, Graph, Result, Value};

/// Far below every logit, and far from overflow.
const EXCLUDED: f64 = -1e30;

/// What the ids of a set's labels stand for, and what they weigh.
#[derive(Clone, Debug, PartialEq)]
pub struct Scheme {
    /// The groups of the model's classes that the ids are.
    pub groups: ClassGroups,
    /// Weight of every group in the cross-entropy.
    pub weights: Vec<f32>,
}

/// The schemes of a run as constants, each a table with a row for every scheme.
struct Tables {
    classes: usize,
    /// Groups of all schemes, one scheme after the other.
    rows: usize,
    /// The id of every class's group, -1 for none: (schemes, classes).
    ids: Vec<f32>,
    /// One part of the size of every class's group, and the same times the group's weight: (schemes, 2 · classes).
    parts: Vec<f32>,
    /// 1 where a class belongs to a group: (schemes, rows · classes).
    members: Vec<f32>,
    /// One part of the number of groups, for the rows of the scheme: (schemes, rows).
    means: Vec<f32>,
}

impl Tables {
    fn new(schemes: &[Scheme], classes: usize) -> Self {
        let rows = schemes.iter().map(|s| s.weights.len()).sum();
        let mut tables = Self {
            classes,
            rows,
            ids: vec![],
            parts: vec![],
            members: vec![],
            means: vec![],
        };
        let mut first = 0;
        for Scheme { groups, weights } in schemes {
            let groups = groups.groups();
            let size = |id: u8| groups.iter().filter(|g| **g == Some(id)).count() as f32;
            let part = |group: &Option<u8>| group.map_or(0.0, |id| 1.0 / size(id));
            let weight = |group: &Option<u8>| group.map_or(0.0, |id| weights[usize::from(id)]);
            let id = |group: &Option<u8>| group.map_or(-1.0, f32::from);
            tables.ids.extend(groups.iter().map(id));
            tables.parts.extend(groups.iter().map(part));
            let weighted = groups.iter().map(|g| part(g) * weight(g));
            tables.parts.extend(weighted);
            let own = first..first + weights.len();
            for row in 0..rows {
                let of_row = |group: &Option<u8>| {
                    let at = group.map(|id| first + usize::from(id));
                    f32::from(at == Some(row))
                };
                tables.members.extend(groups.iter().map(of_row));
                let inside = own.contains(&row);
                tables.means.push(f32::from(inside) / weights.len() as f32);
            }
            first = own.end;
        }
        tables
    }
}

/// The loss of [`dense_loss`](super::dense_loss) where the labels of every image are ids of one of `schemes`, which `scheme`
/// (bytes, `(batch)`) says. The probability of an id is the sum over the classes of its group; dice is pooled over the images of
/// a scheme, and each scheme counts by its share of the images.
pub(crate) fn grouped_loss(
    g: &mut Graph,
    logits: Value,
    labels: Value,
    scheme: Value,
    schemes: &[Scheme],
    dice_weight: f64,
) -> Result<Value> {
    let [batch, classes, pixels] = *g.shape(logits) else {
        return Err(g.config_error(format!("logits {:?}", g.shape(logits))));
    };
    for (i, Scheme { groups, weights }) in schemes.iter().enumerate() {
        let (of, named) = (groups.groups().len(), groups.names().len());
        if of != classes || named != weights.len() {
            return Err(g.config_error(format!(
                "scheme {i}: groups of {of} classes for a model of {classes}, {named} groups with {} weights",
                weights.len()
            )));
        }
    }
    let count = schemes.len();
    let tables = Tables::new(schemes, classes);
    let numbers: Vec<f32> = (0..count).map(|i| i as f32).collect();
    let numbers = g.constant(Constant::f32(&[1, count], &numbers));
    let scheme = g.cast(scheme, DType::F32)?;
    let scheme = g.reshape(scheme, &[batch, 1])?;
    let chosen = g.equal(scheme, numbers)?;
    let chosen = g.cast(chosen, DType::F32)?;
    let of_image = |g: &mut Graph, table: &[f32], shape: &[usize]| {
        let table = g.constant(Constant::f32(&[count, table.len() / count], table));
        let rows = g.matmul(chosen, table)?;
        g.reshape(rows, shape)
    };
    let ids = of_image(g, &tables.ids, &[batch, classes, 1])?;
    let parts = of_image(g, &tables.parts, &[batch, 2, classes])?;
    let members = of_image(g, &tables.members, &[batch, tables.rows, tables.classes])?;
    let means = of_image(g, &tables.means, &[batch, tables.rows])?;

    let labels = g.cast(labels, DType::F32)?;
    let labels = g.reshape(labels, &[batch, 1, pixels])?;
    let allowed = g.equal(labels, ids)?;
    let truth = g.cast(allowed, DType::F32)?;
    let sums = g.matmul(parts, truth)?;
    let valid = g.slice_axis(sums, 1, 0, 1)?;
    let weight = g.slice_axis(sums, 1, 1, 2)?;

    let Powers {
        shifted,
        powers,
        total,
    } = powers(g, logits)?;
    // The sum over the group from its own largest: from that of all classes it may underflow.
    let excluded = g.scalar(shifted, EXCLUDED);
    let inside = g.select(allowed, shifted, excluded)?;
    let largest = g.reduce_max(inside, &[1], true)?;
    let largest = g.detach(largest)?;
    let inside = g.sub(inside, largest)?;
    let inside = g.exp(inside)?;
    let inside = g.reduce_sum(inside, &[1], true)?;
    let log_inside = g.log(inside)?;
    let log_inside = g.add(log_inside, largest)?;
    let log_total = g.log(total)?;
    let surprise = g.sub(log_total, log_inside)?;
    let surprise = g.mul(surprise, weight)?;
    let surprise = g.reduce_sum(surprise, &[0, 1, 2], false)?;
    let weight = g.reshape(weight, &[batch, pixels])?;
    let entropy = per_weight(g, surprise, weight)?;

    let scale = g.div(valid, total)?;
    let probability = g.mul(powers, scale)?;
    let overlap = g.mul(probability, truth)?;
    let overlap = g.reduce_sum(overlap, &[2], true)?;
    let predicted = g.reduce_sum(probability, &[2], true)?;
    let actual = g.reduce_sum(truth, &[2], true)?;
    // Every class of a group has all of the group's pixels.
    let part = g.slice_axis(parts, 1, 0, 1)?;
    let part = g.reshape(part, &[batch, classes, 1])?;
    let actual = g.mul(actual, part)?;
    let by_class = g.concat(&[overlap, predicted, actual], 2)?;
    let by_group = g.matmul(members, by_class)?;
    let by_group = g.reduce_sum(by_group, &[0], false)?;
    let column = |g: &mut Graph, i| g.slice_axis(by_group, 1, i, i + 1);
    let (overlap, predicted, actual) = (column(g, 0)?, column(g, 1)?, column(g, 2)?);
    let dice = dice(g, overlap, predicted, actual)?;
    let dice = g.reshape(dice, &[tables.rows])?;
    let one = g.scalar(dice, 1.0);
    let missed = g.sub(one, dice)?;
    let means = g.reduce_mean(means, &[0], false)?;
    let missed = g.mul(missed, means)?;
    let missed = g.reduce_sum(missed, &[0], false)?;
    let weight = g.scalar(missed, dice_weight);
    let missed = g.mul(missed, weight)?;
    g.add(entropy, missed)
}
