//! The graphs of the presets: operators, number of nodes, number of parameters.

mod common;

use tttseg::adapt::graphs::{
    AveragedStepOptions, Size, StepOptions, colour_layout, colour_step_graph, learning_layout,
    learns, predict_graph, reconstruct_graph, step_graph,
};
use tttseg::graph::{DOMAIN, Graph, Model, Target};
use tttseg::model::{ChromaConfig, LossOver, ModelConfig, Preset, parameters};
use tttseg::optim::{AdamW, Layout};
use tttseg::weights::Normalisation;
use tttseg::weights::naming::{self, Network};

fn options(size: Size, batch: usize, everything: bool) -> StepOptions {
    StepOptions {
        batch,
        size,
        loss_over: if everything {
            LossOver::All
        } else {
            LossOver::Masked
        },
        optimiser: AdamW {
            weight_decay: 0.05,
            clip_norm: 0.01,
            moments: everything,
            betas: AdamW::BETAS,
        },
        stochastic_depth: everything,
        pull: everything,
        expose: false,
    }
}

fn step(config: &ModelConfig, options: StepOptions) -> Graph {
    let layout = learning_layout(config, Layout::PACK_BELOW).unwrap();
    step_graph(config, &Normalisation::default(), &layout, options).unwrap()
}

fn uses(model: &Model, domain: &str, name: &str) -> bool {
    model
        .operators()
        .iter()
        .any(|(d, n)| d == domain && n == name)
}

#[test]
fn rows_are_added_by_our_operator_on_the_cpu_and_by_standard_ones_on_cuda() {
    let nano = Preset::Nano.config(19);
    let mini = common::model(1);
    let normalisation = Normalisation::default();
    let layout = learning_layout(&mini.config, Layout::PACK_BELOW).unwrap();
    let size = common::SIZE;
    let predict = predict_graph(
        &mini.config,
        &normalisation,
        &layout,
        &mini.weights,
        size,
        true,
    );
    let mut film = mini.config.clone();
    film.chroma = Some(ChromaConfig {
        bins: (0..film.main.queries as i16).map(|i| [12 * i, 0]).collect(),
        step: 12,
        temperature: 0.4,
    });
    let mut f = layout.encoder();
    f.buffers.iter_mut().for_each(|b| b.learns = false);
    let direct = colour_step_graph(
        &film,
        &normalisation,
        &f.with(&colour_layout(&film, Layout::PACK_BELOW).unwrap()),
        AveragedStepOptions {
            size,
            optimiser: options(size, 1, true).optimiser,
            expose: false,
        },
    );
    let graphs = [
        ("given colours", direct.unwrap(), true),
        ("step of nano", step(&nano, options(size, 1, false)), true),
        (
            "step with moments",
            step(&mini.config, options(size, 2, true)),
            true,
        ),
        ("prediction", predict.unwrap(), false),
        (
            "picture",
            reconstruct_graph(&mini.config, &normalisation, &layout, size).unwrap(),
            false,
        ),
    ];
    for (what, graph, adds_rows) in graphs {
        let cpu = graph.clone().finish(Target::Cpu).unwrap();
        for scatter in ["ScatterND", "ScatterElements", "Scatter"] {
            assert!(
                !uses(&cpu, "", scatter),
                "{what} holds {scatter} on the CPU"
            );
        }
        assert_eq!(uses(&cpu, DOMAIN, "ScatterRows"), adds_rows, "{what}");

        let cuda = graph.finish(Target::Cuda).unwrap();
        for (domain, name) in cuda.operators() {
            assert!(domain.is_empty(), "{what} holds {domain}.{name} on CUDA");
        }
        assert_eq!(uses(&cuda, "", "ScatterND"), adds_rows, "{what}");
    }
}

/// Sides that are no multiples of the window at any stage, and stochastic depth and moments: the most nodes there are.
#[test]
fn steps_stay_within_their_node_budgets() {
    let size = Size {
        height: 240,
        width: 432,
    };
    for (preset, name, budget) in [
        (Preset::Nano, "nano", 6_000),
        (Preset::Small, "small", 20_000),
    ] {
        for everything in [false, true] {
            let graph = step(&preset.config(19), options(size, 1, everything));
            let nodes = graph.cleaned_node_count().unwrap();
            eprintln!("{name}: {nodes} nodes");
            assert!(nodes <= budget, "{name}: {nodes} nodes");
            let written = graph.finish(Target::Cpu).unwrap().node_count();
            assert!(written <= budget, "{name}: {written} nodes written");
        }
    }
}

/// Parameters of f; of the pixel decoders of h and g together; of the query decoders of h and g.
fn counts(preset: Preset, classes: usize) -> [usize; 4] {
    let mut counts = [0; 4];
    for (name, shape) in parameters(&preset.config(classes)).unwrap() {
        let place = match naming::network_of(&name) {
            Network::Encoder => 0,
            _ if name.contains("pixel_level_module.decoder.") => 1,
            Network::Main => 2,
            Network::Recon => 3,
        };
        counts[place] += shape.iter().product::<usize>();
    }
    counts
}

fn learning(preset: Preset) -> usize {
    let all = parameters(&preset.config(19)).unwrap();
    let learning = all.iter().filter(|(name, _)| learns(name));
    learning
        .map(|(_, shape)| shape.iter().product::<usize>())
        .sum()
}

#[test]
fn presets_have_as_many_parameters_as_the_networks_they_name() {
    // Counted in the released code (small) and in Hugging Face's models of these sizes (both).
    let small = counts(Preset::Small, 19);
    assert_eq!(small, [48_840_138, 2 * 5_421_504, 14_463_764, 14_432_000]);
    assert_eq!(small.iter().sum::<usize>(), 88_578_910);
    assert_eq!(learning(Preset::Small), 68_693_642);
    assert_eq!(counts(Preset::Small, 80)[2], 14_479_441);
    assert_eq!(counts(Preset::Small, 133)[2], 14_493_062);
    let nano = counts(Preset::Nano, 19);
    assert_eq!(nano, [2_681_334, 2 * 174_816, 317_524, 318_272]);
    assert_eq!(learning(Preset::Nano), 3_174_422);
}
