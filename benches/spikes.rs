//! Measurements behind three decisions: the operator that adds rows at repeated indices, the number of
//! tensors that hold the weights, and spinning threads. `docs/spikes.md` holds the numbers.
//!
//! ```text
//! ORT_DYLIB_PATH=... cargo bench --bench spikes -- scatter
//! ORT_DYLIB_PATH=... cargo bench --bench spikes -- weights
//! ORT_DYLIB_PATH=... cargo bench --bench spikes -- idle
//! ```
//!
//! A number among the arguments is the number of threads; the default is 2.

use std::error::Error;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tttseg::graph::{DType, Graph, Target, Value};
use tttseg::model::Preset;
use tttseg::runtime::{Cancel, Options, Provider, Runtime, Session, Tensor, load};
use tttseg::weights::naming::{Network, network_of};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let threads = arguments.iter().find_map(|a| a.parse().ok()).unwrap_or(2);
    let named = |a: &String| a.parse::<usize>().is_err();
    let wanted = |name: &str| !arguments.iter().any(named) || arguments.iter().any(|a| a == name);
    let options = Options {
        provider: Provider::Cpu,
        threads,
        ..Options::default()
    };
    let runtime = load(&options)?;
    println!("ONNX Runtime {}, {threads} threads", runtime.version());
    if wanted("scatter") {
        scatter(runtime, &options)?;
    }
    if wanted("weights") {
        weights(runtime, &options)?;
    }
    if wanted("idle") {
        idle(runtime, &options)?;
    }
    Ok(())
}

/// CPU time that the threads of a session use between runs.
fn idle(runtime: &'static Runtime, options: &Options) -> Result<()> {
    let mut g = Graph::new("products");
    let x = g.input("x", DType::F32, &[512, 512])?;
    let mut y = x;
    for _ in 0..50 {
        y = g.matmul(y, x)?;
    }
    g.output("y", y)?;
    let mut session = Session::new(runtime, &g.finish(Target::Cpu)?, options, &Cancel::new())?;
    let x = Tensor::from_f32(&[512, 512], &[0.0; 512 * 512])?;
    let mut times = vec![];
    for _ in 0..11 {
        let start = Instant::now();
        session.run(&[("x", &x)])?;
        times.push(start.elapsed());
    }
    let before = cpu_ticks()?;
    std::thread::sleep(Duration::from_secs(1));
    let spent = (cpu_ticks()? - before) * 10;
    println!(
        "\n50 products of 512, fastest and median: {} ms; CPU time in an idle second after: {spent} ms",
        times_text(times)
    );
    Ok(())
}

/// User and system time of this process, in hundredths of a second (Linux).
fn cpu_ticks() -> Result<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The program's name may hold spaces; what counts comes after its bracket.
    let rest = stat.rsplit(')').next().unwrap_or_default();
    let field = |i: usize| rest.split_whitespace().nth(i).unwrap_or("0").parse::<u64>();
    Ok(field(11)? + field(12)?)
}

/// Fastest and median, in milliseconds. On a busy machine the fastest is nearer the truth.
fn times_text(mut times: Vec<Duration>) -> String {
    times.sort();
    let ms = |t: &Duration| t.as_secs_f64() * 1e3;
    format!("{:.1} | {:.1}", ms(&times[0]), ms(&times[times.len() / 2]))
}

/// Our operator against `ScatterND(reduction=add)`, which is what a graph for CUDA holds.
fn scatter(runtime: &'static Runtime, options: &Options) -> Result<()> {
    println!(
        "\n| rows | into | indices | operator | wrong runs | fastest ms | median ms |\n|---|---|---|---|---|---|---|"
    );
    for (n, d, rows) in [(395_136, 16, 8232), (790_000, 32, 16_464)] {
        for hot in [false, true] {
            let mut random = ChaCha8Rng::seed_from_u64(1);
            let x: Vec<f32> = (0..n * d).map(|_| random.random_range(-1.0..1.0)).collect();
            let indices: Vec<i64> = (0..n)
                .map(|i| {
                    if hot && i % 4 == 0 {
                        5
                    } else {
                        random.random_range(0..rows as i64)
                    }
                })
                .collect();
            let mut sum = vec![];
            let mut plain = vec![];
            for _ in 0..7 {
                let start = Instant::now();
                sum = vec![0f32; rows * d];
                for (row, &at) in x.chunks(d).zip(&indices) {
                    let at = at as usize * d;
                    for (s, v) in sum[at..at + d].iter_mut().zip(row) {
                        *s += v;
                    }
                }
                plain.push(start.elapsed());
            }
            let x = Tensor::from_f32(&[n, d], &x)?;
            let indices = Tensor::from_i64(&[n], &indices)?;
            let kind = if hot {
                "a quarter at one row"
            } else {
                "random"
            };
            for (name, target) in [
                ("ScatterRows", Target::Cpu),
                ("ScatterND(add)", Target::Cuda),
            ] {
                let mut g = Graph::new("scatter");
                let xv = g.input("x", DType::F32, &[n, d])?;
                let iv = g.input("indices", DType::I64, &[n])?;
                let y = g.add_rows_at(xv, iv, rows)?;
                g.output("y", y)?;
                let model = g.finish(target)?;
                let mut session = Session::new(runtime, &model, options, &Cancel::new())?;
                let (mut times, mut wrong) = (vec![], 0);
                for _ in 0..21 {
                    let start = Instant::now();
                    let y = session.run(&[("x", &x), ("indices", &indices)])?;
                    times.push(start.elapsed());
                    let y = y[0].to_f32()?;
                    // Far above what another order of summation makes.
                    wrong += u32::from(y.iter().zip(&sum).any(|(a, b)| (a - b).abs() > 0.3));
                }
                println!(
                    "| {n} x {d} | {rows} | {kind} | {name} | {wrong} of 21 | {} |",
                    times_text(times)
                );
            }
            println!(
                "| {n} x {d} | {rows} | {kind} | plain loop, one thread | | {} |",
                times_text(plain)
            );
        }
    }
    Ok(())
}

/// Shapes of the parameters of f and g in the preset `small`.
fn parameters() -> Result<Vec<Vec<usize>>> {
    let all = tttseg::model::parameters(&Preset::Small.config(19))?;
    let learning = all
        .into_iter()
        .filter(|(name, _)| network_of(name) != Network::Main);
    Ok(learning.map(|(_, shape)| shape).collect())
}

fn count(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// A step of AdamW with restarted moments behind a gradient that costs almost nothing: the cost of
/// carrying the weights. A parameter smaller than `flat_below` elements travels in the one flat vector.
fn adamw(shapes: &[Vec<usize>], flat_below: usize) -> Result<Graph> {
    let mut g = Graph::new("adamw");
    let scale = g.input("scale", DType::F32, &[])?;
    let (flat, own): (Vec<_>, Vec<_>) = shapes.iter().partition(|s| count(s) < flat_below);
    // What travels, and the parameters of the model that are cut out of it.
    let mut groups: Vec<(Value, Vec<Value>)> = vec![];
    if !flat.is_empty() {
        let sizes: Vec<usize> = flat.iter().map(|s| count(s)).collect();
        let vector = g.input("flat", DType::F32, &[sizes.iter().sum()])?;
        let parts = g.split(vector, 0, &sizes)?;
        let parts = parts
            .into_iter()
            .zip(&flat)
            .map(|(v, s)| Ok(g.reshape(v, s)?));
        groups.push((vector, parts.collect::<Result<_>>()?));
    }
    for (i, shape) in own.iter().enumerate() {
        let p = g.input(&format!("p{i}"), DType::F32, shape)?;
        groups.push((p, vec![p]));
    }
    // The gradient, as a model would give it: one tensor per parameter.
    let mut gradients = vec![];
    for (whole, parts) in &groups {
        let mut found = vec![];
        for &p in parts {
            let gradient = g.mul(p, scale)?;
            found.push(g.reshape(gradient, &[count(g.shape(p))])?);
        }
        let gradient = g.concat(&found, 0)?;
        let shape = g.shape(*whole).to_vec();
        gradients.push(g.reshape(gradient, &shape)?);
    }
    // Clipping by the norm over all.
    let mut squares = vec![];
    for &gradient in &gradients {
        let square = g.sum_square(gradient)?;
        squares.push(g.reshape(square, &[1])?);
    }
    let squares = g.concat(&squares, 0)?;
    let total = g.reduce_sum(squares, &[0], false)?;
    let norm = g.sqrt(total)?;
    let limit = g.scalar(norm, 0.01);
    let clip = g.div(limit, norm)?;
    let one = g.scalar(norm, 1.0);
    let clip = g.min(clip, one)?;
    for (i, ((p, _), gradient)) in groups.iter().zip(gradients).enumerate() {
        let (epsilon, rate, keep) = (
            g.scalar(*p, 1e-8),
            g.scalar(*p, 1e-4),
            g.scalar(*p, 1.0 - 5e-6),
        );
        let gradient = g.mul(gradient, clip)?;
        let size = g.abs(gradient)?;
        let size = g.add(size, epsilon)?;
        let step = g.div(gradient, size)?;
        let step = g.mul(step, rate)?;
        let kept = g.mul(*p, keep)?;
        let next = g.sub(kept, step)?;
        g.output(&format!("next{i}"), next)?;
    }
    Ok(g)
}

fn weights(runtime: &'static Runtime, options: &Options) -> Result<()> {
    let shapes = parameters()?;
    let elements: usize = shapes.iter().map(|s| count(s)).sum();
    println!(
        "\n{} parameters, {:.1} M elements",
        shapes.len(),
        elements as f64 / 1e6
    );
    println!(
        "\n| weights travel as | tensors | nodes | session ms | first step ms | fastest step ms | median step ms |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (name, below) in [
        ("one per parameter", 0),
        ("one flat vector", usize::MAX),
        ("flat below 64 k elements", 65_536),
    ] {
        let graph = adamw(&shapes, below)?;
        let names: Vec<String> = graph.inputs().map(|(n, _)| n.to_owned()).collect();
        let sizes: Vec<Vec<usize>> = graph
            .inputs()
            .map(|(_, v)| graph.shape(v).to_vec())
            .collect();
        let model = graph.finish(Target::Cpu)?;
        let start = Instant::now();
        let mut session = Session::new(runtime, &model, options, &Cancel::new())?;
        let built = start.elapsed().as_secs_f64() * 1e3;
        let scale = Tensor::from_f32(&[], &[0.5])?;
        let first = |shape: &Vec<usize>| Tensor::from_f32(shape, &vec![0.02; count(shape)]);
        let mut state: Vec<Tensor> = sizes[1..]
            .iter()
            .map(first)
            .collect::<std::result::Result<_, _>>()?;
        let mut times = vec![];
        for _ in 0..8 {
            let mut inputs = vec![("scale", &scale)];
            inputs.extend(names[1..].iter().map(String::as_str).zip(&state));
            let start = Instant::now();
            let next = session.run(&inputs)?;
            times.push(start.elapsed());
            state = next;
        }
        let first = times.remove(0).as_secs_f64() * 1e3;
        println!(
            "| {name} | {} | {} | {built:.0} | {first:.0} | {} |",
            state.len(),
            model.node_count(),
            times_text(times)
        );
    }
    Ok(())
}
