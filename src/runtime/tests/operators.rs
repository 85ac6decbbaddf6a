//! Operator by operator: ONNX Runtime matches kernels by exact version and type.

use crate::graph::{DType, Graph, Op, Target};
use crate::missing::skipped;
use crate::runtime::testing::{options, runtime, supports_f64};
use crate::runtime::{Cancel, InUse, Options, Provider, Runtime, Session, Tensor};

/// Every operator once.
fn vocabulary() -> Vec<Op> {
    let mut all = vec![
        Op::Add,
        Op::Sub,
        Op::Mul,
        Op::Div,
        Op::Max,
        Op::Min,
        Op::Neg,
        Op::Abs,
        Op::Sqrt,
        Op::Reciprocal,
        Op::Exp,
        Op::Log,
        Op::Erf,
        Op::Relu,
        Op::Sigmoid,
        Op::Tanh,
        Op::Sin,
        Op::Cos,
        Op::Floor,
        Op::Sign,
        Op::Softplus,
        Op::Equal,
        Op::Less,
        Op::Greater,
        Op::GreaterOrEqual,
        Op::And,
        Op::Or,
        Op::Not,
        Op::Where,
        Op::MatMul,
        Op::Softmax { axis: 0 },
        Op::LogSoftmax { axis: 1 },
        Op::LayerNormalization { epsilon: 1e-5 },
        Op::ArgMax { axis: 1 },
        Op::Reshape { shape: vec![6] },
        Op::Expand {
            shape: vec![4, 2, 3],
        },
        Op::Transpose { perm: vec![1, 0] },
        Op::Concat { axis: 1 },
        Op::Split {
            axis: 1,
            sizes: vec![1, 2],
        },
        Op::Slice {
            starts: vec![0, 1],
            ends: vec![1, 3],
        },
        Op::Pad {
            before: vec![1, 0],
            after: vec![0, 2],
        },
        Op::Gather { axis: 1 },
        Op::MixRows,
        Op::ScatterRows { rows: 5 },
        Op::DotRows,
        Op::Detach,
    ];
    for (trans_a, trans_b) in [(false, false), (true, false), (false, true), (true, true)] {
        all.push(Op::Gemm { trans_a, trans_b });
    }
    for to in [
        DType::F32,
        DType::F64,
        DType::I64,
        DType::I32,
        DType::U8,
        DType::Bool,
    ] {
        all.push(Op::Cast { to });
    }
    for axes in [vec![], vec![1], vec![0, 1]] {
        for keep in [false, true] {
            let axes = axes.clone();
            all.push(Op::ReduceSum {
                axes: axes.clone(),
                keep,
            });
            all.push(Op::ReduceMean {
                axes: axes.clone(),
                keep,
            });
            all.push(Op::ReduceMax {
                axes: axes.clone(),
                keep,
            });
            all.push(Op::ReduceSumSquare { axes, keep });
        }
    }
    all
}

/// Operands for an operator. No arm for the rest: adding an operator leads here, and from here
/// to `vocabulary`.
fn operands(op: &Op, t: DType) -> Vec<(DType, Vec<usize>)> {
    let x = (t, vec![2, 3]);
    let truth = (DType::Bool, vec![2, 3]);
    match op {
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Max | Op::Min => vec![x, (t, vec![3])],
        Op::Equal | Op::Less | Op::Greater | Op::GreaterOrEqual => vec![x, (t, vec![3])],
        Op::And | Op::Or => vec![truth.clone(), truth],
        Op::Not => vec![truth],
        Op::Where => vec![truth, x, (t, vec![])],
        Op::MatMul => vec![(t, vec![4, 2, 3]), (t, vec![3, 5])],
        Op::Gemm { trans_a, trans_b } => vec![
            (t, if *trans_a { vec![3, 2] } else { vec![2, 3] }),
            (t, if *trans_b { vec![5, 3] } else { vec![3, 5] }),
            (t, vec![5]),
        ],
        Op::LayerNormalization { .. } => vec![x, (t, vec![3]), (t, vec![3])],
        Op::Concat { .. } => vec![x.clone(), x],
        Op::Gather { .. } => vec![x, (DType::I64, vec![2])],
        Op::MixRows | Op::ScatterRows { .. } | Op::DotRows => {
            vec![x.clone(), (DType::I64, vec![2, 3]), x]
        }
        Op::Neg
        | Op::Abs
        | Op::Sqrt
        | Op::Reciprocal
        | Op::Exp
        | Op::Log
        | Op::Erf
        | Op::Relu
        | Op::Sigmoid
        | Op::Tanh
        | Op::Sin
        | Op::Cos
        | Op::Floor
        | Op::Sign
        | Op::Softplus
        | Op::Cast { .. }
        | Op::Softmax { .. }
        | Op::LogSoftmax { .. }
        | Op::ReduceSum { .. }
        | Op::ReduceMean { .. }
        | Op::ReduceMax { .. }
        | Op::ReduceSumSquare { .. }
        | Op::ArgMax { .. }
        | Op::Reshape { .. }
        | Op::Expand { .. }
        | Op::Transpose { .. }
        | Op::Split { .. }
        | Op::Slice { .. }
        | Op::Pad { .. }
        | Op::Detach => vec![x],
    }
}

/// Ones (and indices 0) of a type.
fn ones(t: DType, shape: &[usize]) -> Tensor {
    let n = shape.iter().product();
    match t {
        DType::F32 => Tensor::from_f32(shape, &vec![1.0; n]),
        DType::F64 => Tensor::from_f64(shape, &vec![1.0; n]),
        DType::I64 => Tensor::from_i64(shape, &vec![0; n]),
        DType::I32 => Tensor::from_i32(shape, &vec![0; n]),
        DType::U8 => Tensor::from_u8(shape, &vec![1; n]),
        DType::Bool => Tensor::from_bool(shape, &vec![true; n]),
    }
    .unwrap()
}

/// Builds and runs one operator, and holds the results to the inferred types and shapes.
fn try_op(
    runtime: &'static Runtime,
    options: &Options,
    place: &InUse,
    op: &Op,
    types: &[(DType, Vec<usize>)],
) -> Result<(), String> {
    let mut g = Graph::new("one");
    let values: Vec<_> = types
        .iter()
        .enumerate()
        .map(|(i, (t, shape))| g.input(&format!("x{i}"), *t, shape).unwrap())
        .collect();
    let outputs = g.node(op.clone(), &values).unwrap();
    for (i, &v) in outputs.iter().enumerate() {
        g.output(&format!("y{i}"), v).unwrap();
    }
    let inferred: Vec<_> = outputs
        .iter()
        .map(|&v| (g.dtype(v), g.shape(v).to_vec()))
        .collect();
    let model = g.finish(place.target()).unwrap();
    let mut session =
        Session::new(runtime, &model, options, &Cancel::new()).map_err(|e| e.to_string())?;
    let tensors: Vec<_> = types.iter().map(|(t, s)| ones(*t, s)).collect();
    let names: Vec<_> = (0..types.len()).map(|i| format!("x{i}")).collect();
    let inputs: Vec<_> = names.iter().map(String::as_str).zip(&tensors).collect();
    let results = session.run(&inputs).map_err(|e| e.to_string())?;
    let got: Vec<_> = results
        .iter()
        .map(|r| (r.dtype(), r.shape().to_vec()))
        .collect();
    assert_eq!(got, inferred, "{op:?}");
    Ok(())
}

fn refused(runtime: &'static Runtime, options: &Options, t: DType) -> Vec<(Op, String)> {
    let place = runtime.in_use(options).unwrap();
    vocabulary()
        .into_iter()
        .filter_map(|op| {
            let outcome = try_op(runtime, options, &place, &op, &operands(&op, t));
            outcome.err().map(|why| (op, why))
        })
        .collect()
}

#[test]
fn every_operator_runs_in_single_precision() {
    let Some(runtime) = runtime() else { return };
    assert_eq!(refused(runtime, &options(), DType::F32), []);
}

#[test]
fn operators_in_double_precision_are_those_listed() {
    let Some(runtime) = runtime() else { return };
    let refused = refused(runtime, &options(), DType::F64);
    let listed: Vec<_> = vocabulary()
        .into_iter()
        .filter(|op| !supports_f64(op))
        .collect();
    let ops: Vec<_> = refused.iter().map(|(op, _)| op.clone()).collect();
    assert_eq!(ops, listed, "{refused:#?}");
}

#[test]
fn every_operator_runs_on_cuda_without_the_cpu() {
    let Some(runtime) = runtime() else { return };
    let options = Options {
        provider: Provider::Cuda,
        ..options()
    };
    match runtime.in_use(&options) {
        Ok(_) => assert_eq!(refused(runtime, &options, DType::F32), []),
        Err(e) => skipped(e),
    }
}

#[test]
fn integers_do_what_indices_need() {
    let Some(runtime) = runtime() else { return };
    let place = runtime.in_use(&options()).unwrap();
    for op in vocabulary() {
        let needed = matches!(
            op,
            Op::Add
                | Op::Sub
                | Op::Mul
                | Op::Div
                | Op::Max
                | Op::Min
                | Op::Equal
                | Op::Less
                | Op::Greater
                | Op::GreaterOrEqual
                | Op::Where
                | Op::Cast { .. }
                | Op::Reshape { .. }
                | Op::Expand { .. }
                | Op::Transpose { .. }
                | Op::Concat { .. }
                | Op::Split { .. }
                | Op::Slice { .. }
                | Op::Gather { .. }
        );
        // Integer division by the zeros of this test is not a question worth asking.
        if needed && op != Op::Div {
            for t in [DType::I64, DType::I32] {
                let outcome = try_op(runtime, &options(), &place, &op, &operands(&op, t));
                assert_eq!(outcome, Ok(()), "{op:?} {t:?}");
            }
        }
    }
}

#[test]
fn rows_take_both_index_types() {
    let Some(runtime) = runtime() else { return };
    let place = runtime.in_use(&options()).unwrap();
    let rows = [Op::MixRows, Op::ScatterRows { rows: 5 }, Op::DotRows];
    for op in [vec![Op::Gather { axis: 0 }], rows.to_vec()].concat() {
        for t in [DType::F32, DType::F64] {
            for index in [DType::I64, DType::I32] {
                let mut types = operands(&op, t);
                types[1].0 = index;
                let outcome = try_op(runtime, &options(), &place, &op, &types);
                assert_eq!(outcome, Ok(()), "{op:?} {t:?} {index:?}");
            }
        }
    }
}

#[test]
fn no_model_for_the_cpu_holds_a_standard_scatter() {
    for op in vocabulary() {
        let mut g = Graph::new("one");
        let types = operands(&op, DType::F32);
        let values: Vec<_> = types
            .iter()
            .enumerate()
            .map(|(i, (t, shape))| g.input(&format!("x{i}"), *t, shape).unwrap())
            .collect();
        let y = g.node(op.clone(), &values).unwrap()[0];
        g.output("y", y).unwrap();
        let scatters = |target| -> Vec<String> {
            let model = g.clone().finish(target).unwrap();
            let names = model.operators().into_iter();
            names
                .filter(|(domain, name)| domain.is_empty() && name.starts_with("Scatter"))
                .map(|(_, name)| name)
                .collect()
        };
        assert_eq!(scatters(Target::Cpu), [""; 0], "{op:?}");
        let on_cuda: &[&str] = match op {
            Op::ScatterRows { .. } => &["ScatterND"],
            _ => &[],
        };
        assert_eq!(scatters(Target::Cuda), on_cuda, "{op:?}");
    }
}
