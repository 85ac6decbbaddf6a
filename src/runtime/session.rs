//! Sessions: a graph made ready to run, and its runs.

use std::collections::{HashMap, VecDeque};
use std::ffi::CString;
use std::fmt;

use once_cell::sync::OnceCell;
use ort::AsPointer;
use ort::logging::LogLevel;
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::builder::{AutoDevicePolicy, GraphOptimizationLevel, SessionBuilder};
use ort::value::{DynTensor, Outlet};

use super::tensor::{dims, dtype_of, element_type};
use super::{Cancel, Error, InUse, Options, Result, Runtime, Tensor, log, operators, provider};
use crate::graph::{DType, Graph, GraphError, Model};

/// A graph made ready to run. Belongs to one thread at a time.
pub struct Session {
    session: ort::session::Session,
    place: InUse,
    cancel: Cancel,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    index: HashMap<String, usize>,
    /// Memory of the device; `None` on the CPU.
    device: Option<Allocator>,
}

/// An input or output of the graph.
struct Port {
    name: String,
    c_name: CString,
    dtype: DType,
    shape: Vec<usize>,
    /// Whether an output is copied to the host at the end of a run.
    on_host: bool,
}

impl Session {
    /// Builds a session for a model that was finished for [`InUse::target`] of the same options. Seconds
    /// for a large graph; `cancel` ends it early, and stops later runs.
    ///
    /// # Errors
    /// [`Error::Build`] when ONNX Runtime refuses the graph, [`Error::Provider`] when the provider asked
    /// for does not work, [`Error::Cancelled`].
    pub fn new(
        runtime: &'static Runtime,
        model: &Model,
        options: &Options,
        cancel: &Cancel,
    ) -> Result<Self> {
        let place = runtime.in_use(options)?;
        Self::on(runtime, model, options, place, cancel)
    }

    pub(super) fn on(
        runtime: &Runtime,
        model: &Model,
        options: &Options,
        place: InUse,
        cancel: &Cancel,
    ) -> Result<Self> {
        REGISTERED.get_or_try_init(|| register(runtime))?;
        let mut builder = builder(runtime, options, &place)?;
        let guard = cancel.build(builder.canceler())?;
        let session = builder
            .commit_from_memory(&model.encode())
            .map_err(|e| guard.explain(Error::Build(e.to_string())))?;
        drop(guard);
        let inputs = ports(session.inputs())?;
        let outputs = ports(session.outputs())?;
        let index = inputs
            .iter()
            .enumerate()
            .map(|(i, p)| (p.name.clone(), i))
            .collect();
        let device = place
            .cuda_device()
            .map(|d| device_memory(&session, d))
            .transpose()?;
        Ok(Self {
            session,
            place,
            cancel: cancel.clone(),
            inputs,
            outputs,
            index,
            device,
        })
    }

    /// Has later runs stopped by another handle than the one it was built with.
    pub fn stopped_by(&mut self, cancel: &Cancel) {
        self.cancel = cancel.clone();
    }

    /// Where it runs.
    pub fn in_use(&self) -> &InUse {
        &self.place
    }

    /// Names of the outputs, in the graph's order.
    pub fn output_names(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|p| p.name.as_str())
    }

    /// Has an output delivered on the host, for results that are read after every run. Without meaning
    /// on the CPU.
    ///
    /// # Errors
    /// [`Error::UnknownOutput`].
    pub fn deliver_on_host(&mut self, output: &str) -> Result<()> {
        match self.outputs.iter_mut().find(|p| p.name == output) {
            Some(port) => {
                port.on_host = true;
                Ok(())
            }
            None => Err(Error::UnknownOutput(output.to_owned())),
        }
    }

    /// Runs the graph. Gives the outputs in the graph's order, in new memory on the session's device.
    ///
    /// Inputs already there are used in place; others are copied (see [`Tensor::on`]). Inputs in the
    /// graph's order are the quickest to find.
    ///
    /// # Errors
    /// [`Error::MissingInput`], [`Error::UnexpectedInput`] and [`Error::Input`] before anything runs;
    /// [`Error::Run`] when an operator fails, after which the session still works;
    /// [`Error::Cancelled`].
    pub fn run(&mut self, inputs: &[(&str, &Tensor)]) -> Result<Vec<Tensor>> {
        self.run_over(vec![], inputs)
    }

    /// Like [`Session::run`], but writes the outputs over those tensors of `spent` that they fit, so that
    /// what is computed again and again takes no new memory; quickest in the order of the outputs. A tensor
    /// that is held elsewhere too stays as it is. An output that fits none gets new memory.
    ///
    /// # Errors
    /// As [`Session::run`]; `spent` is gone then.
    pub fn run_over(
        &mut self,
        spent: Vec<Tensor>,
        inputs: &[(&str, &Tensor)],
    ) -> Result<Vec<Tensor>> {
        let inputs = self.arrange(inputs)?;
        let mut outputs = self.outputs_over(spent)?;
        let names = |ports: &[Port]| ports.iter().map(|p| p.c_name.as_ptr()).collect::<Vec<_>>();
        let input_names = names(&self.inputs);
        let output_names = names(&self.outputs);
        let input_values: Vec<_> = inputs.iter().map(|t| t.value().ptr()).collect();
        let mut output_values: Vec<_> = outputs.iter_mut().map(AsPointer::ptr_mut).collect();
        let (run_options, guard) = self.cancel.run()?;
        // `ort`'s own `run` copies every name and asks for an allocator per output in every call, and
        // has no way to say that all outputs stay on a device short of looking each up in a list.
        //
        // SAFETY: names and values are arrays of as many valid pointers as their lengths say, all kept
        // alive by `self`, `inputs` and `outputs` until after the call; there are exactly as many inputs
        // and outputs as the session has. No output is also an input: `outputs` owns its values alone.
        // `&mut self` keeps other runs of this session away.
        let status = unsafe {
            (ort::api().Run)(
                self.session.ptr_mut(),
                run_options.ptr(),
                input_names.as_ptr(),
                input_values.as_ptr(),
                input_values.len(),
                output_names.as_ptr(),
                output_names.len(),
                output_values.as_mut_ptr(),
            )
        };
        // SAFETY: a status that ONNX Runtime has just returned and that nothing else has seen.
        unsafe { ort::Error::result_from_status(status) }
            .map_err(|e| guard.explain(Error::Run(e.to_string())))?;
        drop(guard);
        outputs.into_iter().map(Tensor::wrap).collect()
    }

    /// The inputs in the graph's order, checked.
    fn arrange<'a>(&self, inputs: &[(&str, &'a Tensor)]) -> Result<Vec<&'a Tensor>> {
        let mut slots: Vec<Option<&Tensor>> = vec![None; self.inputs.len()];
        for (at, &(name, tensor)) in inputs.iter().enumerate() {
            let slot = match self.inputs.get(at) {
                Some(port) if port.name == name => Some(at),
                _ => self.index.get(name).copied(),
            };
            let Some(slot) = slot.filter(|&s| slots[s].is_none()) else {
                return Err(Error::UnexpectedInput(name.to_owned()));
            };
            let port = &self.inputs[slot];
            if port.dtype != tensor.dtype() || port.shape != tensor.shape() {
                return Err(Error::Input {
                    name: name.to_owned(),
                    given: format!("{:?} {:?}", tensor.dtype(), tensor.shape()),
                    wanted: format!("{:?} {:?}", port.dtype, port.shape),
                });
            }
            slots[slot] = Some(tensor);
        }
        let missing = |at: usize| Error::MissingInput(self.inputs[at].name.clone());
        slots
            .into_iter()
            .enumerate()
            .map(|(at, tensor)| tensor.ok_or_else(|| missing(at)))
            .collect()
    }

    /// Memory for the outputs, from `spent` where it fits.
    ///
    /// Never from the session's arena. On a device ONNX Runtime would deliver the outputs on the host. On the
    /// CPU they would lie in the arena until some later run, so that every run would find other gaps between
    /// them and touch other pages: memory crept up for hundreds of runs.
    fn outputs_over(&self, spent: Vec<Tensor>) -> Result<Vec<DynTensor>> {
        let host = Allocator::default();
        let mut spent = VecDeque::from(spent);
        self.outputs
            .iter()
            .map(|port| {
                let device = self.device.as_ref().filter(|_| !port.on_host);
                let fits = |t: &Tensor| {
                    t.is_held_once()
                        && t.dtype() == port.dtype
                        && t.shape() == port.shape
                        && t.device() == device.and(self.place.cuda_device())
                };
                let found = spent.iter().position(&fits).and_then(|at| spent.remove(at));
                if let Some(value) = found.and_then(Tensor::into_value) {
                    return Ok(value);
                }
                let (memory, dtype) = (device.unwrap_or(&host), element_type(port.dtype));
                DynTensor::new(memory, dtype, dims(&port.shape))
                    .map_err(|e| Error::Tensor(format!("output '{}': {e}", port.name)))
            })
            .collect()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("in_use", &self.place)
            .field("inputs", &self.inputs.len())
            .field("outputs", &self.outputs.len())
            .finish_non_exhaustive()
    }
}

/// Whether a session has made our operators' domain known to ONNX Runtime. It looks the domain up and adds it without a
/// lock, so of the first sessions of a process two that are built at once can both try, and one is refused.
static REGISTERED: OnceCell<()> = OnceCell::new();

/// Builds the first session that knows the domain, alone.
fn register(runtime: &Runtime) -> Result<()> {
    let failed = |e: GraphError| Error::Build(e.to_string());
    let mut g = Graph::new("register");
    let x = g.input("x", DType::F32, &[1]).map_err(failed)?;
    let y = g.neg(x).map_err(failed)?;
    g.output("y", y).map_err(failed)?;
    let model = g.finish(InUse::CPU.target()).map_err(failed)?;
    let options = Options {
        threads: 1,
        ..Options::default()
    };
    builder(runtime, &options, &InUse::CPU)?
        .commit_from_memory(&model.encode())
        .map_err(|e| Error::Build(e.to_string()))?;
    Ok(())
}

fn builder(runtime: &Runtime, options: &Options, place: &InUse) -> Result<SessionBuilder> {
    let failed = |e: ort::Error| Error::Build(e.to_string());
    let mut builder = configured(runtime, options, place).map_err(failed)?;
    provider::register(&mut builder, place)?;
    let domain = operators::domain(options.thread_count()).map_err(failed)?;
    let builder = builder.with_operators(domain);
    builder.map_err(|e| Error::Build(e.to_string()))
}

fn configured(runtime: &Runtime, options: &Options, place: &InUse) -> ort::Result<SessionBuilder> {
    let mut builder = ort::session::Session::builder(&runtime.environment)?
        // The default policy may register providers by itself.
        .with_auto_device(AutoDevicePolicy::PreferCPU)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_parallel_execution(false)?
        .with_inter_threads(1)?
        .with_intra_threads(options.thread_count())?
        // Threads spin between the operators of a run, and rest between runs.
        .with_config_entry("session.force_spinning_stop", "1")?
        .with_deterministic_compute(options.deterministic)?
        // Masked scores leave numbers too small for normal arithmetic, which is many times slower on them.
        .with_flush_to_zero()?
        // A pattern is allocated beside what the first run took: it would double a step's memory.
        .with_memory_pattern(false)?;
    builder = match place.cuda_device() {
        // On the CPU it takes three times as long as the addition and the normalisation that it replaces.
        None => builder.with_config_entry(
            "optimization.disable_specified_optimizers",
            "SkipLayerNormFusion",
        )?,
        // An operator without a kernel on the device would run on the CPU unseen.
        Some(_) => builder.with_disable_cpu_fallback()?,
    };
    if let Some(prefix) = &options.profile {
        builder = builder.with_profiling(prefix)?;
    }
    if let Some(level) = log::level() {
        builder = builder.with_log_level(level)?;
    } else if std::env::var_os("ORT_LOG").is_none() {
        // Errors are returned; ONNX Runtime would print them as well.
        builder = builder.with_log_level(LogLevel::Fatal)?;
    }
    Ok(builder)
}

fn device_memory(session: &ort::session::Session, device: u32) -> Result<Allocator> {
    let failed = |e: ort::Error| Error::Tensor(e.to_string());
    let index = i32::try_from(device).map_err(|_| Error::Tensor(format!("device {device}")))?;
    let info = MemoryInfo::new(
        AllocationDevice::CUDA,
        index,
        AllocatorType::Device,
        MemoryType::Default,
    )
    .map_err(failed)?;
    Allocator::new(session, info).map_err(failed)
}

fn ports(outlets: &[Outlet]) -> Result<Vec<Port>> {
    outlets
        .iter()
        .map(|outlet| {
            let bad = |what: &str| Error::Build(format!("'{}' {what}", outlet.name()));
            let dtype = outlet.dtype().tensor_type().and_then(dtype_of);
            let shape = outlet.dtype().tensor_shape().and_then(|s| {
                s.iter()
                    .map(|&d| usize::try_from(d).ok())
                    .collect::<Option<Vec<_>>>()
            });
            Ok(Port {
                name: outlet.name().to_owned(),
                c_name: CString::new(outlet.name())
                    .map_err(|_| bad("has a zero byte in its name"))?,
                dtype: dtype.ok_or_else(|| bad("is of a type that graphs do not have"))?,
                shape: shape.ok_or_else(|| bad("has no static shape"))?,
                on_host: false,
            })
        })
        .collect()
}
