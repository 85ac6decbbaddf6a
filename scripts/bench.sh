#!/usr/bin/env bash
# Time of a gradient step and of a prediction, one JSON line per preset. PRESETS, HEIGHT, WIDTH, BATCH, THREADS and
# RUNS change what is measured.
set -euo pipefail
cd "$(dirname "$0")/.."
program=${CARGO_TARGET_DIR:-$PWD/target}/release/tttseg

provider=cpu
[[ -z ${CUDA:-} ]] || provider=cuda
for preset in ${PRESETS:-nano small}; do
    "$program" bench --preset "$preset" --height "${HEIGHT:-224}" --width "${WIDTH:-448}" --batch "${BATCH:-1}" \
        --provider "$provider" --threads "${THREADS:-2}" --runs "${RUNS:-10}" --json
done
