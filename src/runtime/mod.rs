//! ONNX Runtime: finding and loading the library, choosing a provider, sessions that run the graphs
//! of [`crate::graph`], tensors on their device, our custom operators, and cancelling.
//!
//! Nothing is linked: the library is opened by [`load`], once per process, and everything that can be
//! wrong with it is an [`Error`].
//!
//! ```no_run
//! use tttseg::graph::{DType, Graph};
//! use tttseg::runtime::{self, Cancel, Options, Session, Tensor};
//!
//! let options = Options::default();
//! let runtime = runtime::load(&options)?;
//! let mut g = Graph::new("double");
//! let x = g.input("x", DType::F32, &[2])?;
//! let y = g.add(x, x)?;
//! g.output("y", y)?;
//! let model = g.finish(runtime.in_use(&options)?.target())?;
//! let mut session = Session::new(runtime, &model, &options, &Cancel::new())?;
//! let y = session.run(&[("x", &Tensor::from_f32(&[2], &[1.0, 2.0])?)])?;
//! assert_eq!(y[0].to_f32()?, [2.0, 4.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cancel;
mod error;
mod exit;
mod library;
mod log;
mod operators;
mod provider;
mod session;
mod stateful;
mod tensor;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use cancel::Cancel;
pub use error::Error;
pub(crate) use exit::leave;
pub use library::{Runtime, load};
pub use log::{Log, Severity, set_log};
pub use provider::{InUse, Provider};
pub use session::Session;
pub use stateful::{Binding, StatefulSession};
pub use tensor::Tensor;

/// Shorthand for results of this module.
pub type Result<T> = std::result::Result<T, Error>;

/// How graphs are run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// The ONNX Runtime library to load; `None` searches for one (see [`load`]).
    pub library: Option<PathBuf>,
    /// Where to compute.
    pub provider: Provider,
    /// Index of the CUDA device; without meaning on the CPU.
    pub device: u32,
    /// Threads a session computes with on the CPU; 0 = as many as the process may use.
    pub threads: usize,
    /// Asks for the same bytes from the same input also where the fastest kernels would not give
    /// them (CUDA). On the CPU the same thread count gives the same bytes anyway.
    pub deterministic: bool,
    /// Writes ONNX Runtime's profile of every session (JSON, one event per operator run) to files whose names begin
    /// with this.
    pub profile: Option<PathBuf>,
}

impl Options {
    /// The number of threads meant by [`Options::threads`], at least 1.
    pub fn thread_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => n,
        }
    }
}
