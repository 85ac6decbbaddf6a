use crate::graph::{DType, Graph};
use crate::runtime::testing::{options, run, runtime, session};
use crate::runtime::{Binding, Cancel, Error, Options, Provider, Session, StatefulSession, Tensor};

fn sum_graph() -> Graph {
    let mut g = Graph::new("sum");
    let a = g.input("a", DType::F32, &[2, 3]).unwrap();
    let b = g.input("b", DType::F32, &[3]).unwrap();
    let sum = g.add(a, b).unwrap();
    let total = g.reduce_sum(sum, &[0, 1], false).unwrap();
    g.output("total", total).unwrap();
    g.output("sum", sum).unwrap();
    g
}

#[test]
fn a_graph_runs_and_outputs_keep_their_order() {
    let Some(runtime) = runtime() else { return };
    let a = Tensor::from_f32(&[2, 3], &[1., 2., 3., 4., 5., 6.]).unwrap();
    let b = Tensor::from_f32(&[3], &[10., 20., 30.]).unwrap();
    let mut s = session(runtime, sum_graph());
    assert_eq!(s.output_names().collect::<Vec<_>>(), ["total", "sum"]);
    assert_eq!(s.in_use().to_string(), "cpu");
    for order in [[("a", &a), ("b", &b)], [("b", &b), ("a", &a)]] {
        let out = s.run(&order).unwrap();
        assert_eq!(out[0].shape(), [0usize; 0]);
        assert_eq!(out[0].to_f32().unwrap(), [141.0]);
        assert_eq!(out[1].shape(), [2, 3]);
        assert_eq!(out[1].to_f32().unwrap(), [11., 22., 33., 14., 25., 36.]);
    }
}

#[test]
fn outputs_outlive_the_session_and_later_runs() {
    let Some(runtime) = runtime() else { return };
    let b = Tensor::from_f32(&[3], &[0.0; 3]).unwrap();
    let mut s = session(runtime, sum_graph());
    let mut kept = vec![];
    for i in 0..4u8 {
        let a = Tensor::from_f32(&[2, 3], &[f32::from(i); 6]).unwrap();
        kept.push(s.run(&[("a", &a), ("b", &b)]).unwrap().swap_remove(1));
    }
    drop(s);
    for (i, tensor) in (0..4u8).zip(&kept) {
        assert_eq!(tensor.to_f32().unwrap(), [f32::from(i); 6]);
    }
}

#[test]
fn outputs_are_written_over_what_nothing_holds() {
    let Some(runtime) = runtime() else { return };
    let a = Tensor::from_f32(&[2, 3], &[1.0; 6]).unwrap();
    let b = Tensor::from_f32(&[3], &[1.0; 3]).unwrap();
    let mut s = session(runtime, sum_graph());
    let inputs = [("a", &a), ("b", &b)];
    let address = |t: &Tensor| t.value().data_ptr();
    let first = s.run(&inputs).unwrap();
    let of_first: Vec<_> = first.iter().map(address).collect();
    let held = first[1].clone();
    // A scalar over a scalar; a sum beside the sum that is still held.
    let second = s.run_over(first, &inputs).unwrap();
    assert_eq!(address(&second[0]), of_first[0]);
    assert_ne!(address(&second[1]), of_first[1]);
    // In another order than that of the outputs.
    drop(held);
    let held = second[1].clone();
    let first = s.run(&inputs).unwrap();
    let of_first: Vec<_> = first.iter().map(address).collect();
    let third = s.run_over(first.into_iter().rev().collect(), &inputs);
    assert!(third.unwrap().iter().map(address).eq(of_first));
    // Tensors that do not fit: other shapes, another type, too few, too many.
    let odd = Tensor::from_i64(&[2, 3], &[5; 6]).unwrap();
    for spent in [
        vec![b.clone(), a.clone()],
        vec![odd.clone(), odd.clone()],
        vec![odd.clone()],
        vec![a.clone(), b.clone(), odd],
    ] {
        let out = s.run_over(spent, &inputs).unwrap();
        assert_eq!(out[0].to_f32().unwrap(), [12.0]);
        assert_eq!(out[1].to_f32().unwrap(), [2.0; 6]);
    }
    // An input is held by the caller, so it is never written over.
    let same = [("a", &held), ("b", &b)];
    let out = s.run_over(vec![b.clone(), held.clone()], &same).unwrap();
    assert_eq!(out[1].to_f32().unwrap(), [3.0; 6]);
    assert_eq!(held.to_f32().unwrap(), [2.0; 6]);
}

#[test]
fn state_moves_on_by_its_names() {
    let Some(runtime) = runtime() else { return };
    let mut g = Graph::new("step");
    let step = g.input("step", DType::F32, &[4]).unwrap();
    let still = g.input("still", DType::F32, &[4]).unwrap();
    let w = g.input("w", DType::F32, &[4]).unwrap();
    let b = g.input("b", DType::F32, &[4]).unwrap();
    let next = g.add(w, step).unwrap();
    let both = g.add(next, still).unwrap();
    let other = g.sub(b, both).unwrap();
    let sum = g.reduce_sum(both, &[0], false).unwrap();
    // In no order that state has.
    g.output("new.b", other).unwrap();
    g.output("sum", sum).unwrap();
    g.output("new.w", next).unwrap();
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    let binding = Binding {
        state: names(&["w", "still", "b"]),
        held: names(&["step"]),
        read: &["sum"],
    };
    let mut s = StatefulSession::new(session(runtime, g), binding.clone()).unwrap();
    let four = |v: f32| Tensor::from_f32(&[4], &[v; 4]).unwrap();
    let step = four(1.0);
    let mut state = [four(0.0), four(10.0), four(0.0)];
    let mut spent = vec![];
    for (number, sum) in [(1.0, 44.0), (2.0, 48.0), (3.0, 52.0)] {
        let ([read], replaced) = s.run(&mut state, [&step], &[], spent).unwrap();
        assert_eq!(read.to_f32().unwrap(), [sum]);
        assert_eq!(state[0].to_f32().unwrap(), [number; 4]);
        assert_eq!(state[1].to_f32().unwrap(), [10.0; 4]);
        assert_eq!(replaced.len(), 3);
        spent = replaced;
    }
    assert_eq!(state[2].to_f32().unwrap(), [-36.0; 4]);
    let missing = s.run::<1>(&mut state[..2], [&step], &[], vec![]);
    assert_eq!(missing.err(), Some(Error::MissingInput("b".into())));

    let mut g = Graph::new("nothing to read");
    let x = g.input("x", DType::F32, &[1]).unwrap();
    let y = g.neg(x).unwrap();
    g.output("y", y).unwrap();
    let refused = StatefulSession::new(session(runtime, g), binding).err();
    assert_eq!(refused, Some(Error::UnknownOutput("sum".into())));
}

#[test]
fn results_become_inputs() {
    let Some(runtime) = runtime() else { return };
    let mut g = Graph::new("step");
    let w = g.input("w", DType::F32, &[4]).unwrap();
    let half = g.scalar(w, 0.5);
    let next = g.mul(w, half).unwrap();
    g.output("w'", next).unwrap();
    let mut s = session(runtime, g);
    let mut w = Tensor::from_f32(&[4], &[8., 16., 24., 32.]).unwrap();
    for _ in 0..3 {
        w = s.run(&[("w", &w)]).unwrap().swap_remove(0);
    }
    assert_eq!(w.to_f32().unwrap(), [1., 2., 3., 4.]);
}

#[test]
fn wrong_inputs_are_named() {
    let Some(runtime) = runtime() else { return };
    let mut s = session(runtime, sum_graph());
    let a = Tensor::from_f32(&[2, 3], &[0.0; 6]).unwrap();
    let b = Tensor::from_f32(&[3], &[0.0; 3]).unwrap();
    let wide = Tensor::from_f32(&[1, 3], &[0.0; 3]).unwrap();
    let double = Tensor::from_f64(&[3], &[0.0; 3]).unwrap();
    let fails = |s: &mut Session, inputs: &[(&str, &Tensor)]| s.run(inputs).unwrap_err();
    assert_eq!(fails(&mut s, &[("a", &a)]), Error::MissingInput("b".into()));
    assert_eq!(
        fails(&mut s, &[("a", &a), ("b", &b), ("c", &b)]),
        Error::UnexpectedInput("c".into())
    );
    assert_eq!(
        fails(&mut s, &[("a", &a), ("b", &b), ("b", &b)]),
        Error::UnexpectedInput("b".into())
    );
    for (given, text) in [(&wide, "F32 [1, 3]"), (&double, "F64 [3]")] {
        assert_eq!(
            fails(&mut s, &[("a", &a), ("b", given)]),
            Error::Input {
                name: "b".into(),
                given: text.into(),
                wanted: "F32 [3]".into()
            }
        );
    }
    assert_eq!(
        s.deliver_on_host("nothing"),
        Err(Error::UnknownOutput("nothing".into()))
    );
    s.run(&[("a", &a), ("b", &b)]).unwrap();
}

#[test]
fn every_type_goes_in_and_comes_back() {
    let Some(runtime) = runtime() else { return };
    let mut g = Graph::new("types");
    let all = [
        DType::F32,
        DType::F64,
        DType::I64,
        DType::I32,
        DType::U8,
        DType::Bool,
    ];
    for t in all {
        let v = g.input(&format!("{t:?}"), t, &[3]).unwrap();
        g.output(&format!("{t:?} out"), v).unwrap();
    }
    let shape = [3];
    let f32s = [f32::MIN_POSITIVE, -0.0, f32::INFINITY];
    let f64s = [f64::MIN_POSITIVE, -1.5, f64::MAX];
    let i64s = [i64::MIN, 0, i64::MAX];
    let i32s = [i32::MIN, 0, i32::MAX];
    let u8s = [0, 127, 255];
    let bools = [true, false, true];
    let given = [
        Tensor::from_f32(&shape, &f32s).unwrap(),
        Tensor::from_f64(&shape, &f64s).unwrap(),
        Tensor::from_i64(&shape, &i64s).unwrap(),
        Tensor::from_i32(&shape, &i32s).unwrap(),
        Tensor::from_u8(&shape, &u8s).unwrap(),
        Tensor::from_bool(&shape, &bools).unwrap(),
    ];
    let names = all.map(|t| format!("{t:?}"));
    let inputs: Vec<_> = names.iter().map(String::as_str).zip(&given).collect();
    let out = run(runtime, g, &inputs);
    assert_eq!(out[0].to_f32().unwrap(), f32s);
    assert_eq!(out[1].to_f64().unwrap(), f64s);
    assert_eq!(out[2].to_i64().unwrap(), i64s);
    assert_eq!(out[3].to_i32().unwrap(), i32s);
    assert_eq!(out[4].to_u8().unwrap(), u8s);
    assert_eq!(out[5].to_bool().unwrap(), bools);
    for (tensor, t) in out.iter().zip(all) {
        assert_eq!((tensor.dtype(), tensor.shape()), (t, &[3][..]));
    }
    assert_eq!(
        out[0].to_i64(),
        Err(Error::ElementType {
            given: DType::F32,
            wanted: DType::I64
        })
    );
}

#[test]
fn tensors_have_to_fill_their_shape() {
    let Some(_) = runtime() else { return };
    assert_eq!(
        Tensor::from_f32(&[2, 2], &[1.0]).unwrap_err(),
        Error::ElementCount {
            shape: vec![2, 2],
            elements: 1
        }
    );
    assert!(Tensor::from_f32(&[usize::MAX, 2], &[]).is_err());
    let scalar = Tensor::from_i64(&[], &[7]).unwrap();
    assert_eq!(scalar.to_i64().unwrap(), [7]);
    let empty = Tensor::from_u8(&[0, 3], &[]).unwrap();
    assert!(empty.is_empty() && empty.to_u8().unwrap().is_empty());
}

#[test]
fn auto_says_what_it_chose_and_cuda_never_falls_back() {
    let Some(runtime) = runtime() else { return };
    let with = |provider| Options {
        provider,
        ..options()
    };
    let auto = runtime.in_use(&with(Provider::Auto)).unwrap();
    assert!(auto.note().unwrap().starts_with("auto chose"), "{auto:?}");
    match runtime.in_use(&with(Provider::Cuda)) {
        Ok(place) => {
            assert_eq!(place.to_string(), "cuda:0");
            assert_eq!(auto.cuda_device(), Some(0));
        }
        Err(Error::Provider { provider, detail }) => {
            assert_eq!(provider, "cuda:0");
            assert!(!detail.is_empty());
            assert_eq!(auto.to_string(), "cpu");
            assert!(auto.note().unwrap().contains(&detail));
        }
        Err(other) => panic!("{other}"),
    }
    assert_eq!("cuda".parse(), Ok(Provider::Cuda));
    assert_eq!(
        "tpu".parse::<Provider>(),
        Err(Error::UnknownProvider("tpu".into()))
    );
    for p in [Provider::Auto, Provider::Cpu, Provider::Cuda] {
        assert_eq!(p.to_string().parse(), Ok(p));
    }
}

#[test]
fn a_model_that_is_refused_is_an_error() {
    let Some(runtime) = runtime() else { return };
    // An operator without a kernel for the type: the error function in double precision.
    let mut g = Graph::new("refused");
    let x = g.input("x", DType::F64, &[2]).unwrap();
    let y = g.erf(x).unwrap();
    g.output("y", y).unwrap();
    let model = g.finish(crate::graph::Target::Cpu).unwrap();
    let built = Session::new(runtime, &model, &options(), &Cancel::new());
    match built {
        Err(Error::Build(text)) => assert!(text.contains("Erf"), "{text}"),
        other => panic!("{other:?}"),
    }
}
