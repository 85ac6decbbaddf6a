#!/usr/bin/env bash
# Takes ONNX Runtime's library out of its wheel: into .runtime, or with --cuda (or CUDA=1) the CUDA build into
# .runtime/cuda. Says nothing when it is there.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/wheel.sh
source "$root/scripts/wheel.sh"

version=1.31.1
library=libonnxruntime.so.$version
cuda=${CUDA:-}
[[ ${1:-} != --cuda ]] || cuda=1

if [[ -n ${ORT_DYLIB_PATH:-} && $ORT_DYLIB_PATH != "$root"/.runtime/* ]]; then
    [[ -e $ORT_DYLIB_PATH ]] && exit 0
    echo "onnxruntime: ORT_DYLIB_PATH names $ORT_DYLIB_PATH, which does not exist" >&2
    exit 1
fi

case "$(uname -m)${cuda:+-cuda}" in
x86_64)
    package=onnxruntime platform=manylinux_2_28_x86_64
    sum=5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f
    ;;
aarch64)
    package=onnxruntime platform=manylinux_2_28_aarch64
    sum=da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3
    ;;
x86_64-cuda)
    package=onnxruntime-gpu platform=manylinux_2_28_x86_64
    sum=e26c475fe361b2015f45b4b824bd13f0bb20204e59b62814e6f0acd5f3d491a6
    ;;
*)
    echo "onnxruntime: there is no wheel for $(uname -m)${cuda:+ with CUDA};" \
        "build ONNX Runtime $version and name it in ORT_DYLIB_PATH" >&2
    exit 1
    ;;
esac

folder=$root/.runtime${cuda:+/cuda}
libraries=("$library")
# Providers are libraries of their own, which ONNX Runtime looks for beside itself.
[[ -z $cuda ]] || libraries+=(libonnxruntime_providers_shared.so libonnxruntime_providers_cuda.so)

# The sums of what was unpacked, beside it: a broken file is fetched again.
(cd "$folder" 2>/dev/null && sha256sum --check --status SHA256SUMS 2>/dev/null) && exit 0

echo "onnxruntime: fetching $package $version"
mkdir -p "$folder"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
wheel=$(wheel_fetch "$scratch" "$package" "$version" "$sum" \
    --python-version 3.11 --implementation cp --platform "$platform")
for name in "${libraries[@]}"; do
    wheel_member "$wheel" "onnxruntime/capi/$name" "$folder/$name"
done
cd "$folder"
ln -sf "$library" libonnxruntime.so.1
ln -sf "$library" libonnxruntime.so
sha256sum "${libraries[@]}" >SHA256SUMS.part
mv SHA256SUMS.part SHA256SUMS
