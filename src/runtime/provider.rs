//! Execution providers: what is chosen, and whether it works here.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use ort::session::builder::SessionBuilder;
use parking_lot::Mutex;

use super::{Cancel, Error, Options, Result, Runtime, Session, Tensor};
use crate::choice::Choice;
use crate::graph::{DType, Graph, GraphError, Model, Target};

crate::choices! {
    /// Where graphs are asked to run. [`InUse::note`] says why `auto` chose what it chose.
    #[derive(Default, Hash)]
    pub enum Provider: "ExecutionProvider" {
        #[default]
        Auto = "auto", "CUDA where it works, else the CPU: see execution-provider-in-use";
        Cpu = "cpu", "The CPU";
        Cuda = "cuda", "CUDA; an error where it does not work";
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Provider {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::from_name(name).ok_or_else(|| Error::UnknownProvider(name.to_owned()))
    }
}

/// Where graphs really run: `cpu`, or `cuda:0` with the device, when written out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InUse {
    device: Option<u32>,
    note: Option<String>,
}

impl InUse {
    /// The CPU, with no note.
    pub(super) const CPU: Self = Self {
        device: None,
        note: None,
    };

    /// The CUDA device, `None` on the CPU.
    pub fn cuda_device(&self) -> Option<u32> {
        self.device
    }

    /// What a graph has to be written for.
    pub fn target(&self) -> Target {
        match self.device {
            None => Target::Cpu,
            Some(_) => Target::Cuda,
        }
    }

    /// Why `auto` chose what it chose, as a sentence.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }
}

impl fmt::Display for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.device {
            None => f.write_str("cpu"),
            Some(device) => write!(f, "cuda:{device}"),
        }
    }
}

/// What trying each device has given: it takes seconds.
#[derive(Debug, Default)]
pub(super) struct Tried(Mutex<HashMap<u32, std::result::Result<(), String>>>);

impl Runtime {
    /// What the options mean on this machine. CUDA is tried by running a small graph on it, once per
    /// device and process.
    ///
    /// # Errors
    /// [`Error::Provider`] when CUDA is asked for and does not work.
    pub fn in_use(&self, options: &Options) -> Result<InUse> {
        if options.provider == Provider::Cpu {
            return Ok(InUse::CPU);
        }
        let device = options.device;
        let cuda = InUse {
            device: Some(device),
            note: None,
        };
        let mut tried = self.tried.0.lock();
        let outcome = tried
            .entry(device)
            .or_insert_with(|| {
                self.try_on(&cuda).map_err(|e| match e {
                    Error::Provider { detail, .. } => detail,
                    other => other.to_string(),
                })
            })
            .clone();
        match (options.provider, outcome) {
            (Provider::Auto, Err(why)) => Ok(InUse {
                note: Some(format!("auto chose cpu: {why}")),
                ..InUse::CPU
            }),
            (Provider::Auto, Ok(())) => Ok(InUse {
                note: Some(format!("auto chose {cuda}")),
                ..cuda
            }),
            (_, Ok(())) => Ok(cuda),
            (_, Err(detail)) => Err(Error::Provider {
                provider: cuda.to_string(),
                detail,
            }),
        }
    }

    fn try_on(&self, place: &InUse) -> Result<()> {
        let model = small_graph(place.target()).map_err(|e| Error::Build(e.to_string()))?;
        let mut session = Session::on(
            self,
            &model,
            &Options::default(),
            place.clone(),
            &Cancel::new(),
        )?;
        let x = Tensor::from_f32(&[2, 2], &[1.0, 2.0, 3.0, 4.0])?;
        let y = session.run(&[("x", &x)])?;
        match y[0].to_f32()?[..] {
            [7.0, 10.0, 15.0, 22.0] => Ok(()),
            ref wrong => Err(Error::Run(format!(
                "a 2 by 2 product came out as {wrong:?}"
            ))),
        }
    }
}

fn small_graph(target: Target) -> std::result::Result<Model, GraphError> {
    let mut g = Graph::new("try");
    let x = g.input("x", DType::F32, &[2, 2])?;
    let y = g.matmul(x, x)?;
    g.output("y", y)?;
    g.finish(target)
}

/// Adds the provider to the options of a session. The CPU needs nothing.
pub(super) fn register(builder: &mut SessionBuilder, place: &InUse) -> Result<()> {
    match place.device {
        None => Ok(()),
        Some(device) => register_cuda(builder, device).map_err(|detail| Error::Provider {
            provider: place.to_string(),
            detail,
        }),
    }
}

#[cfg(feature = "cuda")]
fn register_cuda(builder: &mut SessionBuilder, device: u32) -> std::result::Result<(), String> {
    use ort::ep::{ArenaExtendStrategy, CUDA, ExecutionProvider, cuda::ConvAlgorithmSearch};

    let index = i32::try_from(device).map_err(|_| format!("no device {device}"))?;
    if !CUDA::is_available().map_err(|e| e.to_string())? {
        return Err(
            "this ONNX Runtime library is built without CUDA (the Python wheel \
                    `onnxruntime-gpu` has one with it)"
                .into(),
        );
    }
    CUDA::default()
        .with_device_id(index)
        // Half the digits of a product would be lost; gradients need them.
        .with_tf32(false)
        .with_arena_extend_strategy(ArenaExtendStrategy::SameAsRequested)
        // The default tries every algorithm on the first frame.
        .with_conv_algorithm_search(ConvAlgorithmSearch::Heuristic)
        .register(builder)
        .map_err(|e| e.to_string())
}

#[cfg(not(feature = "cuda"))]
fn register_cuda(_: &mut SessionBuilder, _: u32) -> std::result::Result<(), String> {
    Err("this build of tttseg has no CUDA support (Cargo feature `cuda`)".into())
}
