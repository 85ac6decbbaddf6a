#!/usr/bin/env bash
# Format, lints and tests; --slow adds the tests marked #[ignore], optimised. Called by `make test`, which sets
# ORT_DYLIB_PATH, and FEATURES, cargo's, with commas.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-$PWD/target}
features=(${FEATURES:+--features "$FEATURES"})

# What tests need is there: none may skip for want of it.
export TTTSEG_REQUIRE_RUNTIME=1
export GST_PLUGIN_PATH=$target/gst/debug${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}

step() {
    echo
    echo "== $*"
}

for tool in fmt clippy; do
    cargo "$tool" --version >/dev/null 2>&1 || {
        echo "test: cargo $tool is missing; with rustup: rustup component add rustfmt clippy" >&2
        exit 1
    }
done

step "format"
cargo fmt --all --check

step "lints"
cargo clippy --workspace "${features[@]}" --all-targets -- -D warnings
if command -v shellcheck >/dev/null; then
    shellcheck --external-sources scripts/*.sh docs/farm/*.sh .ci/run
else
    echo "shellcheck is not installed: shell scripts are not checked"
fi

# ONNX's own checker looks at the graphs that are written; jobs for farms are checked and run (docs/farm.md).
imports="import onnx, openjd.cli, kubernetes_validate"
if ! "${TTTSEG_PYTHON:-python3}" -c "$imports" 2>/dev/null; then
    export PYTHONPATH=$PWD/.runtime/python
    python3 -c "$imports" 2>/dev/null ||
        python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --upgrade \
            --target .runtime/python onnx==1.23.2 openjd-cli==0.8.0 kubernetes-validate==1.37.0
fi

step "build"
scripts/plugin.sh debug

step "tests"
cargo test --workspace "${features[@]}" --no-run
# One that hangs fails.
timeout --foreground 2400 cargo test --workspace "${features[@]}"

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace "${features[@]}" --no-deps
scripts/check-readme.sh

step "recorded cases"
# Reference tensors of PyTorch, kept outside the project.
cases=(../shared/goldens/*/config.json)
if [[ -e ${cases[0]} ]]; then
    "$target/debug/tttseg" verify "${cases[@]%/config.json}"
else
    echo "skipped: no ../shared/goldens"
fi

if [[ ${1:-} == --slow ]]; then
    step "slow tests"
    cargo test --workspace "${features[@]}" --release --lib --bins --tests -- --ignored
fi

step "all passed"
