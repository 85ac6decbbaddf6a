use super::{Constant, DType, Graph, GraphError, Op, Target, Value};

fn input(g: &mut Graph, name: &str, shape: &[usize]) -> Value {
    g.input(name, DType::F32, shape).unwrap()
}

/// A graph whose output is `y`.
fn finished(mut g: Graph, y: Value) -> usize {
    g.output("y", y).unwrap();
    // The writer closes every output with an Identity.
    g.finish(Target::Cpu).unwrap().node_count() - 1
}

#[test]
fn shapes_are_inferred() {
    let mut g = Graph::new("shapes");
    let x = input(&mut g, "x", &[2, 3, 4]);
    let row = input(&mut g, "row", &[4]);
    let m = input(&mut g, "m", &[4, 5]);
    let ids = g.input("ids", DType::I32, &[6, 7]).unwrap();
    let mut shape = |op: Op, operands: &[Value]| {
        let out = g.node(op, operands).unwrap();
        (g.shape(out[0]).to_vec(), g.dtype(out[0]))
    };
    let real = |s: &[usize]| (s.to_vec(), DType::F32);
    assert_eq!(shape(Op::Add, &[x, row]), real(&[2, 3, 4]));
    assert_eq!(shape(Op::Less, &[row, x]), (vec![2, 3, 4], DType::Bool));
    assert_eq!(shape(Op::MatMul, &[x, m]), real(&[2, 3, 5]));
    assert_eq!(
        shape(Op::Gather { axis: 1 }, &[x, ids]),
        real(&[2, 6, 7, 4])
    );
    assert_eq!(
        shape(Op::ArgMax { axis: 1 }, &[x]),
        (vec![2, 4], DType::I64)
    );
    let (axes, keep) = (vec![0, 2], true);
    assert_eq!(
        shape(
            Op::ReduceMean {
                axes: axes.clone(),
                keep
            },
            &[x]
        ),
        real(&[1, 3, 1])
    );
    assert_eq!(shape(Op::ReduceMax { axes, keep: false }, &[x]), real(&[3]));
    assert_eq!(
        shape(
            Op::Transpose {
                perm: vec![2, 0, 1]
            },
            &[x]
        ),
        real(&[4, 2, 3])
    );
    assert_eq!(shape(Op::Concat { axis: 2 }, &[x, x]), real(&[2, 3, 8]));
    let (before, after) = (vec![0, 1, 0], vec![2, 0, 3]);
    assert_eq!(shape(Op::Pad { before, after }, &[x]), real(&[4, 4, 7]));
    let (starts, ends) = (vec![1, 0, 1], vec![2, 3, 3]);
    assert_eq!(shape(Op::Slice { starts, ends }, &[x]), real(&[1, 3, 2]));
    assert_eq!(
        shape(Op::Expand { shape: vec![9, 4] }, &[row]),
        real(&[9, 4])
    );
    assert_eq!(
        shape(Op::Cast { to: DType::U8 }, &[x]),
        (vec![2, 3, 4], DType::U8)
    );

    let parts = g.split(x, 1, &[1, 2]).unwrap();
    assert_eq!(
        (g.shape(parts[0]), g.shape(parts[1])),
        (&[2, 1, 4][..], &[2, 2, 4][..])
    );
    let norm = g
        .node(Op::LayerNormalization { epsilon: 1e-5 }, &[x, row, row])
        .unwrap();
    assert_eq!(
        (g.shape(norm[0]), g.shape(norm[2])),
        (&[2, 3, 4][..], &[2, 3, 1][..])
    );
}

#[test]
fn errors_name_the_layer_and_the_shapes() {
    let mut g = Graph::new("model");
    let a = input(&mut g, "a", &[2, 3]);
    let b = input(&mut g, "b", &[4, 5]);
    let failed = g
        .layer("stage1", |g| g.layer("attention", |g| g.matmul(a, b)))
        .unwrap_err();
    assert_eq!(
        failed,
        GraphError::Shape {
            layer: "stage1.attention".into(),
            op: "MatMul",
            detail: "[2, 3] times [4, 5]".into()
        }
    );
    assert_eq!(
        failed.to_string(),
        "stage1.attention: MatMul: [2, 3] times [4, 5]"
    );
    // The scope is left again after an error.
    assert_eq!(g.layer_path(), "model");
    let ids = g.input("ids", DType::I64, &[2]).unwrap();
    let failed = g.layer("mix", |g| g.add(ids, a)).unwrap_err();
    assert!(matches!(failed, GraphError::Type { ref layer, op: "Add", .. } if layer == "mix"));
}

#[test]
fn operands_that_do_not_fit_are_refused() {
    let mut g = Graph::new("model");
    let x = input(&mut g, "x", &[2, 3]);
    let y = input(&mut g, "y", &[4]);
    let ids = g.input("ids", DType::I64, &[2]).unwrap();
    let truth = g.input("truth", DType::Bool, &[2, 3]).unwrap();
    let wrong: Vec<(Op, Vec<Value>)> = vec![
        (Op::Add, vec![x]),
        (Op::Add, vec![x, y]),
        (Op::Add, vec![x, ids]),
        (Op::Exp, vec![ids]),
        (Op::Not, vec![x]),
        (Op::Where, vec![x, x, x]),
        (Op::Where, vec![truth, x, ids]),
        (
            Op::Gemm {
                trans_a: false,
                trans_b: false,
            },
            vec![x, x],
        ),
        (
            Op::Gemm {
                trans_a: false,
                trans_b: true,
            },
            vec![x, x, y],
        ),
        (Op::Softmax { axis: 2 }, vec![x]),
        (Op::LayerNormalization { epsilon: 0.0 }, vec![x, y, y]),
        (
            Op::ReduceSum {
                axes: vec![5],
                keep: true,
            },
            vec![x],
        ),
        (Op::Reshape { shape: vec![5] }, vec![x]),
        (Op::Expand { shape: vec![3] }, vec![x]),
        (Op::Transpose { perm: vec![0, 0] }, vec![x]),
        (Op::Concat { axis: 0 }, vec![x, y]),
        (
            Op::Split {
                axis: 1,
                sizes: vec![1, 1],
            },
            vec![x],
        ),
        (
            Op::Slice {
                starts: vec![0, 2],
                ends: vec![2, 4],
            },
            vec![x],
        ),
        (
            Op::Pad {
                before: vec![1],
                after: vec![1],
            },
            vec![x],
        ),
        (Op::Gather { axis: 0 }, vec![x, y]),
        (Op::MixRows, vec![y, ids, y]),
        (Op::ScatterRows { rows: 3 }, vec![y, ids, y]),
        (Op::DotRows, vec![y, ids, y]),
    ];
    for (op, operands) in wrong {
        assert!(g.node(op.clone(), &operands).is_err(), "{op:?}");
    }
    assert!(g.nodes().is_empty(), "a refused node is not kept");
    assert!(g.slice_axis(x, 2, 0, 1).is_err());
}

#[test]
fn names_are_taken_once() {
    let mut g = Graph::new("model");
    let x = input(&mut g, "x", &[1]);
    assert!(g.input("x", DType::F32, &[1]).is_err());
    g.output("y", x).unwrap();
    assert!(g.output("y", x).is_err());
    assert!(g.output("x", x).is_err(), "an input has that name");
    assert!(
        g.input("y", DType::F32, &[1]).is_err(),
        "an output has that name"
    );
    assert!(g.output("%v0", x).is_err(), "the writer's own");
    assert!(g.output("", x).is_err());
}

#[test]
fn what_reaches_no_output_is_removed() {
    let mut g = Graph::new("dead");
    let x = input(&mut g, "x", &[3]);
    let y = g.exp(x).unwrap();
    let unused = g.sin(y).unwrap();
    g.cos(unused).unwrap();
    assert_eq!(finished(g, y), 1);
}

#[test]
fn what_is_computed_twice_is_computed_once() {
    let mut g = Graph::new("twice");
    let x = input(&mut g, "x", &[3]);
    let (two, again) = (g.scalar(x, 2.0), g.scalar(x, 2.0));
    let a = g.mul(x, two).unwrap();
    let b = g.mul(x, again).unwrap();
    let (a, b) = (g.exp(a).unwrap(), g.exp(b).unwrap());
    let y = g.add(a, b).unwrap();
    // Another attribute is another computation.
    let s = g.split(y, 0, &[1, 2]).unwrap();
    let t = g.split(y, 0, &[1, 2]).unwrap();
    let other = g.split(y, 0, &[2, 1]).unwrap();
    let y = g.concat(&[s[1], t[1], other[0]], 0).unwrap();
    assert_eq!(finished(g, y), 6);
}

#[test]
fn layout_of_constants_is_worked_out_now() {
    let mut g = Graph::new("constants");
    let x = input(&mut g, "x", &[3, 2]);
    let c = g.constant(Constant::f32(&[6], &[0., 1., 2., 3., 4., 5.]));
    let c = g.reshape(c, &[2, 3]).unwrap();
    let c = g.transpose(c, &[1, 0]).unwrap();
    let c = g.detach(c).unwrap();
    let y = g.add(x, c).unwrap();
    g.output("y", y).unwrap();
    super::passes::clean_up(&mut g).unwrap();
    assert_eq!(g.nodes().len(), 1);
    let folded = g.as_constant(g.nodes()[0].inputs[1]).unwrap();
    assert_eq!(folded, &Constant::f32(&[3, 2], &[0., 3., 1., 4., 2., 5.]));
}

#[test]
fn what_changes_nothing_is_dropped() {
    let mut g = Graph::new("nothing");
    let x = input(&mut g, "x", &[2, 3]);
    let (zero, one) = (g.scalar(x, 0.0), g.scalar(x, 1.0));
    let y = g.add(x, zero).unwrap();
    let y = g.div(y, one).unwrap();
    let y = g.detach(y).unwrap();
    let y = g
        .node(
            Op::ReduceSum {
                axes: vec![],
                keep: true,
            },
            &[y],
        )
        .unwrap()[0];
    // There and back again.
    let y = g.reshape(y, &[6]).unwrap();
    let y = g.reshape(y, &[3, 2]).unwrap();
    let y = g.reshape(y, &[2, 3]).unwrap();
    assert_eq!(finished(g, y), 0);

    let mut g = Graph::new("something");
    let x = input(&mut g, "x", &[2, 3]);
    let zeros = g.constant(Constant::f32(&[4, 2, 3], &[0.0; 24]));
    let y = g.add(x, zeros).unwrap();
    assert_eq!(finished(g, y), 1, "adding zeros of a larger shape repeats");
}

#[test]
fn reshapes_in_a_row_are_one() {
    let mut g = Graph::new("reshapes");
    let x = input(&mut g, "x", &[2, 6]);
    let a = g.reshape(x, &[3, 4]).unwrap();
    let b = g.reshape(a, &[12]).unwrap();
    let direct = g.reshape(x, &[12]).unwrap();
    let y = g.add(b, direct).unwrap();
    assert_eq!(finished(g, y), 2, "one reshape and the sum");
}

#[test]
fn an_input_is_replaced_by_what_is_built_later() {
    let mut g = Graph::new("replace");
    let seed = input(&mut g, "seed", &[2]);
    let y = g.exp(seed).unwrap();
    let x = input(&mut g, "x", &[2]);
    let later = g.sin(x).unwrap();
    g.replace_input(seed, later).unwrap();
    assert_eq!(g.inputs().map(|(n, _)| n).collect::<Vec<_>>(), ["x"]);
    g.output("y", y).unwrap();
    super::passes::clean_up(&mut g).unwrap();
    let order: Vec<_> = g.nodes().iter().map(|n| n.op.name()).collect();
    assert_eq!(order, ["Sin", "Exp"]);

    let wide = input(&mut g, "wide", &[3]);
    assert!(g.replace_input(x, wide).is_err(), "another shape");
    assert!(g.replace_input(y, x).is_err(), "not an input");
}

#[test]
fn a_cycle_is_an_error() {
    let mut g = Graph::new("cycle");
    let x = input(&mut g, "x", &[2]);
    let a = g.layer("ring", |g| g.exp(x)).unwrap();
    let b = g.layer("ring", |g| g.sin(a)).unwrap();
    g.output("y", b).unwrap();
    g.replace_input(x, b).unwrap();
    let failed = g.finish(Target::Cpu).err();
    assert_eq!(
        failed,
        Some(GraphError::Config {
            layer: "ring".into(),
            detail: "a cycle".into()
        })
    );
}

/// A graph with a bit of everything the writer treats specially, and names that could clash with the
/// writer's own.
fn special(target: Target) -> super::Model {
    let mut g = Graph::new("special");
    let x = input(&mut g, "v1", &[2, 3]);
    let idle = input(&mut g, "c0", &[5]);
    let ids = g.input("ids", DType::I64, &[2]).unwrap();
    let table = g.constant(Constant::f32(&[3, 3], &[1.0; 9]));
    let y = g
        .layer("first", |g| g.gemm(x, table, None, false, true))
        .unwrap();
    let y = g.pad(y, &[1, 0], &[0, 1]).unwrap();
    let y = g.slice_axis(y, 1, 1, 3).unwrap();
    let total = g.reduce_mean(y, &[0, 1], false).unwrap();
    let rows = g.add_rows_at(x, ids, 4).unwrap();
    let parts = g.split(rows, 0, &[1, 3]).unwrap();
    let up = g.expand(total, &[2, 2]).unwrap();
    let flag = g.greater(up, total).unwrap();
    let number = g.cast(flag, DType::U8).unwrap();
    for (name, v) in [
        ("v2", y),
        ("ints_2", total),
        ("rows", parts[1]),
        ("flags", number),
    ] {
        g.output(name, v).unwrap();
    }
    g.output("idle", idle).unwrap();
    g.output("constant", table).unwrap();
    g.finish(target).unwrap()
}

#[test]
fn written_models_load_and_compute() {
    let Some(runtime) = crate::runtime::testing::runtime() else {
        return;
    };
    use crate::runtime::{Cancel, Session, Tensor, testing};
    let model = special(Target::Cpu);
    let mut session = Session::new(runtime, &model, &testing::options(), &Cancel::new()).unwrap();
    let x = Tensor::from_f32(&[2, 3], &[1., 2., 3., 4., 5., 6.]).unwrap();
    let idle = Tensor::from_f32(&[5], &[1., 2., 3., 4., 5.]).unwrap();
    let ids = Tensor::from_i64(&[2], &[3, 1]).unwrap();
    let out = session
        .run(&[("v1", &x), ("c0", &idle), ("ids", &ids)])
        .unwrap();
    // Row sums 6 and 15 in three columns; a zero row before, a zero column after; columns 1 and 2.
    assert_eq!(out[0].to_f32().unwrap(), [0., 0., 6., 6., 15., 15.]);
    assert_eq!(out[1].to_f32().unwrap(), [7.0]);
    assert_eq!(
        out[2].to_f32().unwrap(),
        [4., 5., 6., 0., 0., 0., 1., 2., 3.]
    );
    assert_eq!(out[3].to_u8().unwrap(), [0; 4]);
    assert_eq!(out[4].to_f32().unwrap(), [1., 2., 3., 4., 5.]);
    assert_eq!(out[5].to_f32().unwrap(), [1.0; 9]);
}

#[test]
fn the_official_checker_accepts_what_is_written() {
    let Some(python) = crate::missing::python_with("import onnx") else {
        return;
    };
    for target in [Target::Cpu, Target::Cuda] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, &special(target).encode()).unwrap();
        let script = "import onnx, sys; m = onnx.load(sys.argv[1]); \
                      onnx.checker.check_model(m, full_check=not any(n.domain for n in m.graph.node))";
        let checked = std::process::Command::new(&python)
            .args(["-c", script])
            .arg(file.path())
            .output()
            .unwrap();
        assert!(
            checked.status.success(),
            "{target:?}: {}",
            String::from_utf8_lossy(&checked.stderr)
        );
    }
}
