//! Weights of other programs' making.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::missing::skipped;

/// The recorded cases, when they are on this machine.
fn goldens() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/goldens");
    let Ok(cases) = fs::read_dir(&folder) else {
        skipped(format!("no {}", folder.display()));
        return Vec::new();
    };
    let paths = cases.map(|c| c.unwrap().path());
    paths
        .filter(|p| p.join("weights.safetensors").is_file())
        .collect()
}

#[test]
fn recorded_weights_are_read() {
    for case in goldens() {
        let file = case.join("weights.safetensors");
        let weights = Weights::read_safetensors(&file).unwrap();
        assert!(
            weights.len() > 50 && weights.elements() > 100_000,
            "{file:?}"
        );
        assert!(
            weights
                .iter()
                .all(|(n, _)| !n.ends_with("relative_position_index"))
        );
        let e = ModelFile::open(&file).unwrap_err();
        assert!(e.to_string().contains("looks like"), "{e}");

        // A Swin backbone alone has names without the encoder's prefix.
        if weights.get("embeddings.norm.weight").is_none() {
            let g = weights.into_recon();
            let norm = format!("{}embeddings.norm.weight", naming::ENCODER_PREFIX);
            assert!(g.get(&norm).is_some());
            assert!(g.of(naming::Network::Main).is_empty());
            let queries = "recon.model.transformer_module.queries_embedder.weight";
            assert_eq!(g.get(queries).unwrap().shape.len(), 2);
        }

        let recording = Weights::read_recording(case.join("tensors.safetensors")).unwrap();
        assert!(recording.iter().any(|(n, _)| n.starts_with("in.")));
    }
}
