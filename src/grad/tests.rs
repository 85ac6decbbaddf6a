//! Properties of the walk as a whole: which operators have a gradient, which values get one,
//! and what is emitted.

use std::mem::discriminant;

use super::check::{Given, check, check_in, check_twice, check_twice_in, given, positive};
use super::{gradients, vjp};
use crate::graph::{Constant, DType, Graph, GraphError, Op, Value};
use crate::runtime::testing;

/// What an operator's gradient is.
enum Gradient {
    /// Checked by differences, with the first operands real.
    Rule(Vec<Given>),
    /// None passes.
    Flat(Vec<(DType, Vec<usize>)>),
    /// Asking for one is an error.
    Error(Vec<(DType, Vec<usize>)>),
}

/// Every operator with operands.
fn all() -> Vec<(Op, Gradient)> {
    use Gradient::{Error, Flat, Rule};
    let real = |count: usize| Flat(vec![(DType::F32, vec![2, 3]); count]);
    let truth = |count: usize| Flat(vec![(DType::Bool, vec![2, 3]); count]);
    let x = || Rule(vec![given(&[2, 3])]);
    let two = || Rule(vec![given(&[2, 3]), given(&[2, 3])]);
    let above = || Rule(vec![positive(&[2, 3])]);
    let axes = || vec![1];
    vec![
        (Op::Add, two()),
        (Op::Sub, two()),
        (Op::Mul, two()),
        (Op::Div, Rule(vec![given(&[2, 3]), positive(&[2, 3])])),
        (Op::Max, two()),
        (Op::Min, two()),
        (Op::Neg, x()),
        (Op::Abs, x()),
        (Op::Sqrt, above()),
        (Op::Reciprocal, above()),
        (Op::Exp, x()),
        (Op::Log, above()),
        (Op::Erf, x()),
        (Op::Relu, x()),
        (Op::Sigmoid, x()),
        (Op::Tanh, x()),
        (Op::Sin, x()),
        (Op::Cos, x()),
        (Op::Floor, real(1)),
        (Op::Sign, real(1)),
        (Op::Softplus, x()),
        (Op::Equal, real(2)),
        (Op::Less, real(2)),
        (Op::Greater, real(2)),
        (Op::GreaterOrEqual, real(2)),
        (Op::And, truth(2)),
        (Op::Or, truth(2)),
        (Op::Not, truth(1)),
        (Op::Where, two()),
        (Op::Cast { to: DType::F64 }, x()),
        (Op::MatMul, Rule(vec![given(&[2, 3]), given(&[3, 2])])),
        (
            Op::Gemm {
                trans_a: false,
                trans_b: false,
            },
            Rule(vec![given(&[2, 3]), given(&[3, 2]), given(&[2])]),
        ),
        (Op::Softmax { axis: 1 }, x()),
        (Op::LogSoftmax { axis: 1 }, x()),
        (
            Op::LayerNormalization { epsilon: 1e-5 },
            Rule(vec![given(&[2, 3]), given(&[3]), given(&[3])]),
        ),
        (
            Op::ReduceSum {
                axes: axes(),
                keep: false,
            },
            x(),
        ),
        (
            Op::ReduceMean {
                axes: axes(),
                keep: false,
            },
            x(),
        ),
        (
            Op::ReduceMax {
                axes: axes(),
                keep: false,
            },
            Error(vec![(DType::F32, vec![2, 3])]),
        ),
        (
            Op::ReduceSumSquare {
                axes: axes(),
                keep: false,
            },
            x(),
        ),
        (Op::ArgMax { axis: 1 }, real(1)),
        (Op::Reshape { shape: vec![3, 2] }, x()),
        (
            Op::Expand {
                shape: vec![4, 2, 3],
            },
            x(),
        ),
        (Op::Transpose { perm: vec![1, 0] }, x()),
        (Op::Concat { axis: 1 }, two()),
        (
            Op::Split {
                axis: 1,
                sizes: vec![1, 2],
            },
            x(),
        ),
        (
            Op::Slice {
                starts: vec![0, 1],
                ends: vec![2, 3],
            },
            x(),
        ),
        (
            Op::Pad {
                before: vec![0, 1],
                after: vec![2, 0],
            },
            x(),
        ),
        (Op::Gather { axis: 0 }, x()),
        (Op::MixRows, Rule(vec![given(&[4, 2]), given(&[3, 2])])),
        (
            Op::ScatterRows { rows: 4 },
            Rule(vec![given(&[3, 2]), given(&[3, 2])]),
        ),
        (Op::DotRows, Rule(vec![given(&[4, 2]), given(&[3, 2])])),
        (Op::Detach, real(1)),
    ]
}

/// All operands: the real ones and, in their places, those that are no real numbers.
fn operands(g: &mut Graph, op: &Op, x: &[Value]) -> Vec<Value> {
    match op {
        Op::Where => {
            let a = g.constant(Constant::f32(&[3], &[1.0, 0.0, 1.0]));
            let zero = g.scalar(a, 0.0);
            [&[g.greater(a, zero).unwrap()], x].concat()
        }
        Op::Gather { .. } => vec![x[0], g.constant(Constant::i64(&[3], &[1, 0, 1]))],
        Op::MixRows | Op::ScatterRows { .. } | Op::DotRows => {
            let index = g.constant(Constant::i64(&[3, 2], &[3, 3, 0, 1, 1, 3]));
            vec![x[0], index, x[1]]
        }
        _ => x.to_vec(),
    }
}

#[test]
fn every_operator_has_a_rule_or_is_listed_without_one() {
    // The rules are chosen by a match without a wildcard; this list has to keep up with it.
    let all = all();
    for (i, (op, _)) in all.iter().enumerate() {
        assert!(
            all[..i]
                .iter()
                .all(|(o, _)| discriminant(o) != discriminant(op)),
            "{op:?} twice"
        );
    }
    assert_eq!(all.len(), OPERATORS);
    for (op, gradient) in all {
        match gradient {
            Gradient::Rule(inputs) => {
                // The statistics of a layer normalisation are single precision.
                let single = matches!(op, Op::Cast { .. } | Op::LayerNormalization { .. });
                let dtype = if single || !testing::supports_f64(&op) {
                    DType::F32
                } else {
                    DType::F64
                };
                check_in(dtype, &inputs, |g, x| {
                    let operands = operands(g, &op, x);
                    // All results of operators with several, so that each gets a cotangent.
                    let results = g.node(op.clone(), &operands)?;
                    let mut sum = None;
                    for y in results {
                        let y = g.cast(y, dtype)?;
                        let count = g.shape(y).iter().product();
                        let y = g.reshape(y, &[count])?;
                        sum = Some(match sum {
                            None => y,
                            Some(sum) => g.concat(&[sum, y], 0)?,
                        });
                    }
                    sum.ok_or_else(|| g.config_error("no result"))
                });
            }
            Gradient::Flat(inputs) => {
                let (mut g, x, y) = applied(&op, &inputs);
                let real = g.cast(y, DType::F32).unwrap();
                assert_eq!(gradients(&mut g, real, &x[..1]).unwrap(), [None], "{op:?}");
            }
            Gradient::Error(inputs) => {
                let (mut g, x, y) = applied(&op, &inputs);
                let expected = GraphError::NotDifferentiable {
                    layer: "flat".into(),
                    op: op.name(),
                };
                assert_eq!(gradients(&mut g, y, &x).unwrap_err(), expected);
            }
        }
    }
}

/// Number of operators in [`Op`].
const OPERATORS: usize = 52;

/// Fails to compile when [`Op`] grows: give the new operator a place in [`all`] and count it.
#[allow(dead_code, reason = "its use is that it compiles")]
fn count_me(op: &Op) {
    match op {
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Max | Op::Min | Op::Neg | Op::Abs => {}
        Op::Sqrt | Op::Reciprocal | Op::Exp | Op::Log | Op::Erf | Op::Relu | Op::Sigmoid => {}
        Op::Tanh | Op::Sin | Op::Cos | Op::Floor | Op::Sign | Op::Softplus | Op::Equal => {}
        Op::Less | Op::Greater | Op::GreaterOrEqual | Op::And | Op::Or | Op::Not | Op::Where => {}
        Op::Cast { .. } | Op::MatMul | Op::Gemm { .. } | Op::Softmax { .. } => {}
        Op::LogSoftmax { .. } | Op::LayerNormalization { .. } | Op::ReduceSum { .. } => {}
        Op::ReduceMean { .. } | Op::ReduceMax { .. } | Op::ReduceSumSquare { .. } => {}
        Op::ArgMax { .. } | Op::Reshape { .. } | Op::Expand { .. } | Op::Transpose { .. } => {}
        Op::Concat { .. } | Op::Split { .. } | Op::Slice { .. } | Op::Pad { .. } => {}
        Op::Gather { .. } | Op::MixRows | Op::ScatterRows { .. } | Op::DotRows => {}
        Op::Detach => {}
    }
}

fn applied(op: &Op, inputs: &[(DType, Vec<usize>)]) -> (Graph, Vec<Value>, Value) {
    let mut g = Graph::new("flat");
    let x: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(i, (dtype, shape))| g.input(&format!("x{i}"), *dtype, shape).unwrap())
        .collect();
    let y = g.node(op.clone(), &x).unwrap()[0];
    (g, x, y)
}

fn operators(g: &Graph, from: usize) -> Vec<&'static str> {
    g.nodes()[from..].iter().map(|n| n.op.name()).collect()
}

#[test]
fn a_value_used_in_several_places_collects_all_its_cotangents() {
    check(&[given(&[2, 3])], |g, x| {
        let a = g.mul(x[0], x[0])?;
        let b = g.exp(x[0])?;
        let c = g.add(a, b)?;
        let d = g.mul(c, a)?;
        g.sub(d, x[0])
    });
}

#[test]
fn gradients_of_values_in_the_middle_are_total_derivatives() {
    let mut g = Graph::new("middle");
    let x = g.input("x", DType::F64, &[2]).unwrap();
    let h = g.exp(x).unwrap();
    let y = g.mul(h, x).unwrap();
    let d = gradients(&mut g, y, &[h, x, y, h]).unwrap();
    assert!(d.iter().all(|d| d.is_some_and(|d| g.shape(d) == [2])));
    assert_eq!(d[0], d[3]);
    let Some(runtime) = testing::runtime() else {
        return;
    };
    for (name, d) in ["dh", "dx", "dy"].iter().zip(&d) {
        g.output(name, d.unwrap()).unwrap();
    }
    let at = crate::runtime::Tensor::from_f64(&[2], &[0.0, 1.0]).unwrap();
    let found = testing::run(runtime, g, &[("x", &at)]);
    let e = 1f64.exp();
    for (found, expected) in found.iter().zip([[0.0, 1.0], [1.0, 2.0 * e], [1.0, 1.0]]) {
        let found = found.to_f64().unwrap();
        assert!(
            found
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-12)
        );
    }
}

#[test]
fn nothing_is_computed_for_what_is_not_asked_for() {
    let mut g = Graph::new("lean");
    let x = g.input("x", DType::F32, &[4, 3]).unwrap();
    let w = g.input("w", DType::F32, &[3, 2]).unwrap();
    let unused = g.input("unused", DType::F32, &[1]).unwrap();
    let largest = g.reduce_max(x, &[1], true).unwrap();
    let shifted = g.sub(x, largest).unwrap();
    let y = g.matmul(shifted, w).unwrap();
    let before = g.nodes().len();
    // ReduceMax has no rule, and does not lie between the loss and `w`.
    let d = gradients(&mut g, y, &[w, unused]).unwrap();
    assert!(d[0].is_some() && d[1].is_none());
    assert_eq!(operators(&g, before), ["Expand", "Gemm"]);
    assert!(gradients(&mut g, y, &[x]).is_err());
}

#[test]
fn a_detached_way_counts_for_nothing() {
    check(&[given(&[5])], |g, x| {
        let d = g.detach(x[0])?;
        let zero = g.sub(d, d)?;
        g.add(x[0], zero)
    });
    let mut g = Graph::new("detached");
    let x = g.input("x", DType::F32, &[3]).unwrap();
    let whole = g.cast(x, DType::I64).unwrap();
    let back = g.cast(whole, DType::F32).unwrap();
    assert_eq!(gradients(&mut g, back, &[x]).unwrap(), [None]);
}

#[test]
fn seeds_must_fit() {
    let mut g = Graph::new("seeds");
    let x = g.input("x", DType::F32, &[3]).unwrap();
    let y = g.exp(x).unwrap();
    let wrong = g.input("wrong", DType::F32, &[1]).unwrap();
    let double = g.input("double", DType::F64, &[3]).unwrap();
    let whole = g.cast(y, DType::I64).unwrap();
    for (y, dy) in [(y, wrong), (y, double), (whole, whole)] {
        let error = vjp(&mut g, &[(y, dy)], &[x]).unwrap_err();
        assert!(matches!(error, GraphError::Config { .. }), "{error}");
    }
    assert!(gradients(&mut g, whole, &[x]).is_err());
}

#[test]
fn several_outputs_are_summed() {
    let mut g = Graph::new("several");
    let x = g.input("x", DType::F64, &[2]).unwrap();
    let a = g.neg(x).unwrap();
    let b = g.neg(a).unwrap();
    let da = g.constant(Constant::real(DType::F64, &[2], [1.0, 2.0]));
    let db = g.constant(Constant::real(DType::F64, &[2], [10.0, 20.0]));
    let d = vjp(&mut g, &[(a, da), (b, db)], &[x]).unwrap()[0].unwrap();
    g.output("d", d).unwrap();
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let at = crate::runtime::Tensor::from_f64(&[2], &[0.0, 0.0]).unwrap();
    let found = testing::run(runtime, g, &[("x", &at)]);
    assert_eq!(found[0].to_f64().unwrap(), [9.0, 18.0]);
}

#[test]
fn nodes_are_named_after_the_layer_they_differentiate() {
    let mut g = Graph::new("names");
    let x = g.input("x", DType::F32, &[3]).unwrap();
    let y = g
        .layer("encoder", |g| g.layer("block0", |g| g.exp(x)))
        .unwrap();
    let before = g.nodes().len();
    gradients(&mut g, y, &[x]).unwrap();
    assert_eq!(g.nodes()[before].layer, "encoder.block0/grad");
}

#[test]
fn an_input_replaced_by_something_later_is_no_obstacle() {
    let mut g = Graph::new("late");
    let x = g.input("x", DType::F64, &[2]).unwrap();
    let hole = g.input("hole", DType::F64, &[2]).unwrap();
    let y = g.exp(hole).unwrap();
    let late = g.mul(x, x).unwrap();
    g.replace_input(hole, late).unwrap();
    let d = gradients(&mut g, y, &[x]).unwrap()[0].unwrap();
    g.output("d", d).unwrap();
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let at = crate::runtime::Tensor::from_f64(&[2], &[0.5, -1.0]).unwrap();
    let found = testing::run(runtime, g, &[("x", &at)])[0].to_f64().unwrap();
    let expected = [0.5f64, -1.0].map(|x| 2.0 * x * (x * x).exp());
    assert!(
        found
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() < 1e-12)
    );
}

#[test]
fn a_mean_is_not_expanded_on_the_way_back() {
    let mut g = Graph::new("mean");
    let x = g.input("x", DType::F32, &[64, 64]).unwrap();
    let square = g.mul(x, x).unwrap();
    let loss = g.reduce_mean(square, &[0, 1], false).unwrap();
    let before = g.nodes().len();
    gradients(&mut g, loss, &[x]).unwrap();
    assert!(!operators(&g, before).contains(&"Expand"));
}

#[test]
fn second_order() {
    check_twice(&[given(&[2, 3]), given(&[3])], |g, x| g.mul(x[0], x[1]));
    check_twice(&[given(&[4])], |g, x| g.exp(x[0]));
    check_twice(&[positive(&[4]), positive(&[4])], |g, x| g.div(x[0], x[1]));
    check_twice(&[given(&[2, 3]), given(&[3, 2])], |g, x| {
        let y = g.matmul(x[0], x[1])?;
        g.mul(y, y)
    });
    check_twice(&[given(&[2, 4])], |g, x| g.softmax(x[0], 1));
    check_twice(&[given(&[2, 4])], |g, x| g.log_softmax(x[0], 1));
    // Its statistics are single precision, and so are differences of what is computed from them.
    let inputs = [given(&[2, 4]), given(&[4]), given(&[4])];
    check_twice_in(DType::F32, &inputs, |g, x| {
        g.layer_norm(x[0], x[1], x[2], 1e-3)
    });
    check_twice(&[given(&[4, 2])], |g, x| {
        let list = g.constant(Constant::i64(&[5], &[0, 2, 2, 1, 2]));
        let y = g.gather(x[0], list, 0)?;
        g.mul(y, y)
    });
}

/// One training step of a small network, whole: what the pieces do together.
#[test]
fn a_small_network() {
    let inputs = [
        given(&[2, 6, 4]),
        given(&[4, 8]),
        given(&[8]),
        given(&[8]),
        given(&[8, 8]),
    ];
    check(&inputs, |g, x| {
        let h = g.matmul(x[0], x[1])?;
        let h = g.layer_norm(h, x[2], x[3], 1e-5)?;
        let heads = g.reshape(h, &[2, 6, 2, 4])?;
        let heads = g.transpose(heads, &[0, 2, 1, 3])?;
        let keys = g.transpose(heads, &[0, 1, 3, 2])?;
        let scores = g.matmul(heads, keys)?;
        let weights = g.softmax(scores, 3)?;
        let mixed = g.matmul(weights, heads)?;
        let mixed = g.transpose(mixed, &[0, 2, 1, 3])?;
        let mixed = g.reshape(mixed, &[12, 8])?;
        let out = g.gemm(mixed, x[4], None, false, true)?;
        let out = g.reshape(out, &[2, 6, 8])?;
        let out = g.add(out, h)?;
        let square = g.mul(out, out)?;
        g.reduce_mean(square, &[0, 1, 2], false)
    });
}
