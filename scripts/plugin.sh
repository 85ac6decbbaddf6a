#!/usr/bin/env bash
# Builds the elements and the command line. The plugin is copied to a folder of its own, target/gst/PROFILE:
# GStreamer would take every other library of a cargo folder for a plugin as well. FEATURES are cargo's, with commas.
set -euo pipefail
cd "$(dirname "$0")/.."
profile=${1:?debug or release}
target=${CARGO_TARGET_DIR:-$PWD/target}

options=()
[[ $profile != release ]] || options+=(--release)
cargo build "${options[@]}" ${FEATURES:+--features "$FEATURES"} -p tttseg-cli -p gst-plugin-tttseg

folder=$target/gst/$profile
mkdir -p "$folder"
if ! cmp -s "$target/$profile/libgsttttseg.so" "$folder/libgsttttseg.so"; then
    cp "$target/$profile/libgsttttseg.so" "$folder/libgsttttseg.so.part"
    mv "$folder/libgsttttseg.so.part" "$folder/libgsttttseg.so"
fi
