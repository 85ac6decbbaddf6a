//! Helpers of tests that run graphs.

use super::{Cancel, Options, Provider, Runtime, Session, Tensor, load};
use crate::graph::{Graph, Op};
use crate::missing::missing;

/// Options for tests: the CPU with two threads, which is where order and races show.
pub fn options() -> Options {
    Options {
        provider: Provider::Cpu,
        threads: 2,
        ..Options::default()
    }
}

/// The runtime; `None` where it is [`missing`].
pub fn runtime() -> Option<&'static Runtime> {
    load(&options()).map_err(missing).ok()
}

/// A session for a graph on the CPU.
pub fn session(runtime: &'static Runtime, graph: Graph) -> Session {
    let options = options();
    let place = runtime.in_use(&options).unwrap();
    let model = graph.finish(place.target()).unwrap();
    Session::new(runtime, &model, &options, &Cancel::new()).unwrap()
}

/// Runs a graph once on the CPU: the outputs in the graph's order.
pub fn run(runtime: &'static Runtime, graph: Graph, inputs: &[(&str, &Tensor)]) -> Vec<Tensor> {
    session(runtime, graph).run(inputs).unwrap()
}

/// Whether ONNX Runtime's CPU provider computes an operator in double precision, in which finite
/// differences check gradients. The table test holds it to be exactly right.
pub fn supports_f64(op: &Op) -> bool {
    !matches!(op, Op::Erf)
}
