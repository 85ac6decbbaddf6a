use super::*;
use crate::data::{ClassGroups, LabelMap};
use tttseg::grad::gradients;
use tttseg::runtime::{Runtime, Tensor, testing};

const BATCH: usize = 3;
const CLASSES: usize = 5;
const PIXELS: usize = 12;
const DICE: f64 = 0.7;

fn own() -> Scheme {
    let names: Vec<String> = (0..CLASSES).map(|c| format!("{c}")).collect();
    Scheme {
        groups: ClassGroups::own(&names),
        weights: vec![0.5, 1.0, 2.0, 0.7, 1.3],
    }
}

/// Three groups, one of them a single class, and a class that is in none.
fn coarse() -> Scheme {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("map.json");
    std::fs::write(&file, r#"{"a": ["4", "0"], "b": ["2"], "c": ["1"]}"#).unwrap();
    let map = LabelMap::open(file.to_str().unwrap()).unwrap();
    Scheme {
        groups: map.groups(own().groups.names()).unwrap(),
        weights: vec![0.4, 3.0, 1.1],
    }
}

/// Numbers that look random.
fn logits(scale: f32) -> Vec<f32> {
    let count = (0..BATCH * CLASSES * PIXELS).map(|i| (i * i * 31 % 97) as f32 / 48.0 - 1.0);
    count.map(|x| scale * x).collect()
}

/// Ids of `groups` groups, every seventh void.
fn labels(groups: usize) -> impl Iterator<Item = u8> {
    (0..PIXELS).map(move |i| match i % 7 {
        3 => 255,
        _ => (i * 5 % groups) as u8,
    })
}

/// The loss and its gradient with respect to the logits.
fn run(
    runtime: &'static Runtime,
    logits: &[f32],
    labels: &[u8],
    loss: impl Fn(&mut Graph, Value, Value, Value) -> Result<Value>,
) -> (f32, Vec<f32>) {
    let mut graph = Graph::new("loss");
    let g = &mut graph;
    let shape = [BATCH, CLASSES, PIXELS];
    let x = g.input("logits", DType::F32, &shape).unwrap();
    let y = g.input("labels", DType::U8, &[BATCH, 3, 4]).unwrap();
    let scheme = g.input("scheme", DType::U8, &[BATCH]).unwrap();
    let loss = loss(g, x, y, scheme).unwrap();
    let gradient = gradients(g, loss, &[x]).unwrap()[0].unwrap();
    g.output("loss", loss).unwrap();
    g.output("gradient", gradient).unwrap();
    let found = testing::run(
        runtime,
        graph,
        &[
            ("logits", &Tensor::from_f32(&shape, logits).unwrap()),
            ("labels", &Tensor::from_u8(&[BATCH, 3, 4], labels).unwrap()),
            ("scheme", &Tensor::from_u8(&[BATCH], &[1, 0, 1]).unwrap()),
        ],
    );
    (found[0].to_f32().unwrap()[0], found[1].to_f32().unwrap())
}

/// The definition in double precision, image i labelled in `schemes[i]`.
fn defined(logits: &[f64], labels: &[u8], schemes: [&Scheme; BATCH]) -> f64 {
    let (mut surprise, mut mass, mut missed) = (0.0, 0.0, 0.0);
    let mut sums = vec![];
    for (i, scheme) in schemes.iter().enumerate() {
        let mut of_image = vec![[0.0; 3]; scheme.weights.len()];
        for p in 0..PIXELS {
            let label = labels[i * PIXELS + p];
            let Some(&weight) = scheme.weights.get(usize::from(label)) else {
                continue;
            };
            let powers: Vec<f64> = (0..CLASSES)
                .map(|c| logits[(i * CLASSES + c) * PIXELS + p].exp())
                .collect();
            let total: f64 = powers.iter().sum();
            for (id, sums) in of_image.iter_mut().enumerate() {
                let members = powers.iter().zip(scheme.groups.groups());
                let inside = members.filter(|(_, g)| g.map(usize::from) == Some(id));
                let probability = inside.map(|(p, _)| p).sum::<f64>() / total;
                sums[1] += probability;
                if id == usize::from(label) {
                    sums[0] += probability;
                    sums[2] += 1.0;
                    surprise -= f64::from(weight) * probability.ln();
                    mass += f64::from(weight);
                }
            }
        }
        sums.push(of_image);
    }
    let mut schemes_seen: Vec<usize> = vec![];
    for i in 0..BATCH {
        // Images of one scheme are pooled when the first of them comes.
        if schemes_seen.contains(&i) {
            continue;
        }
        let same: Vec<usize> = (i..BATCH).filter(|&k| schemes[k] == schemes[i]).collect();
        let groups = schemes[i].weights.len();
        let missed_of = |id: usize| {
            let sum = |k: usize| same.iter().map(|&image| sums[image][id][k]).sum::<f64>();
            1.0 - (2.0 * sum(0) + 1.0) / (sum(1) + sum(2) + 1.0)
        };
        let mean = (0..groups).map(missed_of).sum::<f64>() / groups as f64;
        missed += mean * same.len() as f64 / BATCH as f64;
        schemes_seen.extend(same);
    }
    surprise / mass.max(1.0) + DICE * missed
}

#[test]
fn groups_of_one_class_each_give_the_plain_loss() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let labels: Vec<u8> = (0..BATCH).flat_map(|_| labels(CLASSES)).collect();
    let logits = logits(3.0);
    let plain = run(runtime, &logits, &labels, |g, x, y, _| {
        dense_loss(g, x, y, &own().weights, DICE)
    });
    let grouped = run(runtime, &logits, &labels, |g, x, y, scheme| {
        grouped_loss(g, x, y, scheme, &[coarse(), own()], DICE)
    });
    // The middle image is in the other scheme; with that one the same as well, so is everything.
    assert!((plain.0 - grouped.0).abs() > 1e-3);
    let grouped = run(runtime, &logits, &labels, |g, x, y, scheme| {
        grouped_loss(g, x, y, scheme, &[own(), own()], 0.0)
    });
    let plain_entropy = run(runtime, &logits, &labels, |g, x, y, _| {
        dense_loss(g, x, y, &own().weights, 0.0)
    });
    close(&plain_entropy, &grouped);
    // One scheme for all, so that dice is pooled over all as well.
    let grouped = run(runtime, &logits, &labels, |g, x, y, _| {
        let zeros = g.constant(Constant::f32(&[BATCH], &[0.0; BATCH]));
        grouped_loss(g, x, y, zeros, &[own(), coarse()], DICE)
    });
    close(&plain, &grouped);
}

fn close(a: &(f32, Vec<f32>), b: &(f32, Vec<f32>)) {
    assert!((a.0 - b.0).abs() < 1e-6 * a.0.abs(), "{} {}", a.0, b.0);
    for (a, b) in a.1.iter().zip(&b.1) {
        assert!((a - b).abs() < 1e-7, "{a} {b}");
    }
}

#[test]
fn mixed_schemes_follow_the_definition() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let (own, coarse) = (own(), coarse());
    // Image 1 is labelled in scheme 0.
    let schemes = [&coarse, &own, &coarse];
    let labels: Vec<u8> = [3, CLASSES, 3].into_iter().flat_map(labels).collect();
    let logits = logits(2.0);
    let (loss, gradient) = run(runtime, &logits, &labels, |g, x, y, scheme| {
        grouped_loss(g, x, y, scheme, &[own.clone(), coarse.clone()], DICE)
    });
    let mut exact: Vec<f64> = logits.iter().map(|&x| f64::from(x)).collect();
    let wanted = defined(&exact, &labels, schemes);
    assert!((f64::from(loss) - wanted).abs() < 1e-5, "{loss} {wanted}");
    let mut largest = 0f32;
    for (i, &found) in gradient.iter().enumerate() {
        let at = exact[i];
        let mut beside = |by: f64| {
            exact[i] = at + by;
            defined(&exact, &labels, schemes)
        };
        let slope = (beside(1e-4) - beside(-1e-4)) / 2e-4;
        exact[i] = at;
        assert!(
            (f64::from(found) - slope).abs() < 1e-6,
            "{i}: {found} {slope}"
        );
        largest = largest.max(found.abs());
    }
    assert!(largest > 0.01);
}

#[test]
fn what_is_all_but_impossible_still_has_a_gradient() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    // The model is certain of class 3, which belongs to no group, by far more than a float's exponent.
    let mut logits = logits(1.0);
    for (i, x) in logits.iter_mut().enumerate() {
        if i / PIXELS % CLASSES == 3 {
            *x = 400.0;
        }
    }
    let labels = [0; BATCH * PIXELS];
    let (loss, gradient) = run(runtime, &logits, &labels, |g, x, y, scheme| {
        grouped_loss(g, x, y, scheme, &[coarse(), coarse()], 0.0)
    });
    assert!((398.0..402.0).contains(&loss), "{loss}");
    for (i, &slope) in gradient.iter().enumerate() {
        let class = i / PIXELS % CLASSES;
        // Up with classes 0 and 4 together, by as much as down with class 3.
        match class {
            3 => assert!((slope * (BATCH * PIXELS) as f32 - 1.0).abs() < 1e-4),
            0 | 4 => assert!(slope < 0.0),
            _ => assert_eq!(slope, 0.0),
        }
    }
}

#[test]
fn schemes_that_do_not_fit_the_model() {
    let mut graph = Graph::new("loss");
    let g = &mut graph;
    let x = g.input("logits", DType::F32, &[1, 4, PIXELS]).unwrap();
    let y = g.input("labels", DType::U8, &[1, 3, 4]).unwrap();
    let scheme = g.input("scheme", DType::U8, &[1]).unwrap();
    let error = grouped_loss(g, x, y, scheme, &[own()], 1.0).unwrap_err();
    assert!(
        error.to_string().contains("5 classes for a model of 4"),
        "{error}"
    );
    let mut short = own();
    short.weights.pop();
    let x = g.input("five", DType::F32, &[1, 5, PIXELS]).unwrap();
    let error = grouped_loss(g, x, y, scheme, &[short], 1.0).unwrap_err();
    assert!(
        error.to_string().contains("5 groups with 4 weights"),
        "{error}"
    );
}
