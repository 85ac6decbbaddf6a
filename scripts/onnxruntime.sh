#!/usr/bin/env bash
# Takes ONNX Runtime's library out of its wheel: into .runtime, or with --cuda (or CUDA=1) the CUDA build into
# .runtime/cuda. Says nothing when it is there.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/wheel.sh
source "$root/scripts/wheel.sh"

cuda=${CUDA:-}
[[ ${1:-} != --cuda ]] || cuda=1

if [[ -n ${ORT_DYLIB_PATH:-} && $ORT_DYLIB_PATH != "$root"/.runtime/* ]]; then
    [[ -e $ORT_DYLIB_PATH ]] && exit 0
    echo "onnxruntime: ORT_DYLIB_PATH names $ORT_DYLIB_PATH, which does not exist" >&2
    exit 1
fi

folder=$root/.runtime${cuda:+/cuda}
# The sums of what was unpacked, beside it: a broken file is fetched again.
(cd "$folder" 2>/dev/null && sha256sum --check --status SHA256SUMS 2>/dev/null) && exit 0

runtime_fetch "$folder" "$cuda"
cd "$folder"
find . -type f -name 'libonnxruntime*' -exec sha256sum {} + >SHA256SUMS.part
mv SHA256SUMS.part SHA256SUMS
