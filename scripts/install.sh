#!/usr/bin/env bash
# Puts elements, command line and ONNX Runtime into one folder, PREFIX/lib/tttseg, where they find each other, and
# links to them from where GStreamer and the shell look.
set -euo pipefail
cd "$(dirname "$0")/.."
release=${CARGO_TARGET_DIR:-$PWD/target}/release
prefix=${PREFIX:-$HOME/.local}
home=$prefix/lib/tttseg
# GStreamer looks into the user's own folder by itself; elsewhere GST_PLUGIN_PATH has to name it.
plugins=$prefix/lib/gstreamer-1.0
[[ $prefix != "$HOME/.local" ]] || plugins=${XDG_DATA_HOME:-$HOME/.local/share}/gstreamer-1.0/plugins

mkdir -p "$home" "$plugins" "$prefix/bin"
# To a new name first: a library that is replaced in place crashes whoever has it open.
put() {
    cp "$1" "$home/.$2.part"
    mv "$home/.$2.part" "$home/$2"
}
put "$release/tttseg" tttseg
put "$release/libgsttttseg.so" libgsttttseg.so
put "$ORT_DYLIB_PATH" "$(basename "$ORT_DYLIB_PATH")"
for provider in "$(dirname "$ORT_DYLIB_PATH")"/libonnxruntime_providers_*.so; do
    [[ ! -e $provider ]] || put "$provider" "$(basename "$provider")"
done
ln -sfn "$home/tttseg" "$prefix/bin/tttseg"
ln -sfn "$home/libgsttttseg.so" "$plugins/libgsttttseg.so"

echo "Installed:"
echo "  $prefix/bin/tttseg"
echo "  $plugins/libgsttttseg.so"
[[ $prefix == "$HOME/.local" ]] || echo "For GStreamer to find it: export GST_PLUGIN_PATH=$plugins"
