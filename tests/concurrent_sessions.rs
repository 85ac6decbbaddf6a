//! Several elements in one process build their first sessions at the same time. In a file of its own: only the first
//! sessions of a process meet the race that ONNX Runtime has in registering operators.

mod common;

use std::sync::Barrier;

use tttseg::graph::{DType, Graph, Target};
use tttseg::runtime::{Cancel, Options, Session};

#[test]
fn first_sessions_can_be_built_at_once() {
    let options = Options::default();
    let Some(runtime) = common::runtime() else {
        return;
    };
    let threads = 8;
    let barrier = Barrier::new(threads);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut g = Graph::new("scatter");
                let x = g.input("x", DType::F32, &[4, 2]).unwrap();
                let at = g.input("at", DType::I64, &[4]).unwrap();
                let y = g.add_rows_at(x, at, 3).unwrap();
                g.output("y", y).unwrap();
                let model = g.finish(Target::Cpu).unwrap();
                barrier.wait();
                Session::new(runtime, &model, &options, &Cancel::new()).unwrap();
            });
        }
    });
}
