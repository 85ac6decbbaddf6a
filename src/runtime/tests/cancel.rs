use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::graph::{Constant, DType, Graph, Target};
use crate::runtime::testing::{options, runtime};
use crate::runtime::{Cancel, Error, Session, Tensor};

/// Many products one after the other: seconds of work, with many places to stop at.
fn long_graph(products: usize) -> Graph {
    let mut g = Graph::new("long");
    let n = 256;
    let x = g.input("x", DType::F32, &[n, n]).unwrap();
    let mut y = x;
    for _ in 0..products {
        let product = g.matmul(y, x).unwrap();
        let scale = g.constant(Constant::real(DType::F32, &[], [1.0 / n as f64]));
        y = g.mul(product, scale).unwrap();
    }
    g.output("y", y).unwrap();
    g
}

fn input() -> Tensor {
    Tensor::from_f32(&[256, 256], &[1.0; 256 * 256]).unwrap()
}

#[test]
fn cancelling_ends_a_run_and_clearing_allows_the_next() {
    let Some(runtime) = runtime() else { return };
    let cancel = Cancel::new();
    let model = long_graph(10_000).finish(Target::Cpu).unwrap();
    let mut long = Session::new(runtime, &model, &options(), &cancel).unwrap();
    let model = long_graph(3).finish(Target::Cpu).unwrap();
    let mut short = Session::new(runtime, &model, &options(), &cancel).unwrap();
    let x = input();

    let (sender, receiver) = mpsc::channel();
    let worker = thread::spawn(move || {
        sender.send(()).unwrap();
        let outcome = long.run(&[("x", &x)]);
        (long, x, outcome.map(|_| ()))
    });
    receiver.recv().unwrap();
    thread::sleep(Duration::from_millis(50));
    cancel.cancel();
    // What was stopped stays stopped, however soon it is cleared.
    cancel.clear();
    let (_long, x, outcome) = worker.join().unwrap();
    assert_eq!(outcome, Err(Error::Cancelled));

    let y = short.run(&[("x", &x)]).unwrap();
    assert_eq!(y[0].to_f32().unwrap()[0], 1.0);
    cancel.cancel();
    assert_eq!(short.run(&[("x", &x)]).unwrap_err(), Error::Cancelled);
    assert!(cancel.is_cancelled());
    let model = long_graph(2).finish(Target::Cpu).unwrap();
    let built = Session::new(runtime, &model, &options(), &cancel);
    assert_eq!(built.unwrap_err(), Error::Cancelled);
    cancel.clear();
    short.run(&[("x", &x)]).unwrap();
}

#[test]
fn a_run_is_never_missed_whenever_it_is_cancelled() {
    let Some(runtime) = runtime() else { return };
    let cancel = Cancel::new();
    let model = long_graph(10_000).finish(Target::Cpu).unwrap();
    let mut session = Session::new(runtime, &model, &options(), &cancel).unwrap();
    let x = input();
    for round in 0..30 {
        let (sender, receiver) = mpsc::channel();
        let canceller = thread::spawn({
            let cancel = cancel.clone();
            move || {
                receiver.recv().unwrap();
                // From before the run starts to well inside.
                thread::sleep(Duration::from_micros(round * 20));
                cancel.cancel();
            }
        });
        sender.send(()).unwrap();
        assert_eq!(session.run(&[("x", &x)]).unwrap_err(), Error::Cancelled);
        canceller.join().unwrap();
        cancel.clear();
    }
}
