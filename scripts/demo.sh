#!/usr/bin/env bash
# The street clip (or FILE=...) through the element: a video and a few pictures of input beside output, in demo-output.
# Called by `make demo`, which builds the plugin and sets ORT_DYLIB_PATH.
set -euo pipefail
caller=$PWD
cd "$(dirname "$0")/.."
export GST_PLUGIN_PATH=${CARGO_TARGET_DIR:-$PWD/target}/gst/release${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}

# By default it asks for a plugin of GStreamer's own version.
has() {
    gst-inspect-1.0 --exists --atleast-version=0.0.0 "$1"
}
has tttseg || {
    echo "demo: GStreamer does not find the element tttseg in $GST_PLUGIN_PATH:" >&2
    gst-inspect-1.0 "${CARGO_TARGET_DIR:-$PWD/target}/gst/release/libgsttttseg.so" >&2 || true
    exit 1
}

if [[ -n ${FILE:-} ]]; then
    input=$(cd "$caller" && realpath -e -- "$FILE") || exit 1
else
    input=$(scripts/clip.sh)
fi

# What is there: H.264 as everybody plays it, or else VP8.
if has x264enc && has mp4mux; then
    encode=(x264enc speed-preset=veryfast bframes=0 pass=quant quantizer=21 ! mp4mux) suffix=mp4
elif has openh264enc && has h264parse && has mp4mux; then
    encode=(openh264enc bitrate=2000000 ! h264parse ! mp4mux) suffix=mp4
elif has vp8enc && has webmmux; then
    encode=(vp8enc deadline=1 target-bitrate=2000000 ! webmmux) suffix=webm
else
    echo "demo: GStreamer has no encoder for H.264 (x264enc, openh264enc) or VP8 (vp8enc)" >&2
    exit 1
fi

# The colours of the built-in model's classes, from what its file says about itself, as words on their colours.
words() {
    python3 - models/camvid-nano.safetensors <<'PYTHON'
import json, struct, sys

with open(sys.argv[1], "rb") as file:
    (length,) = struct.unpack("<Q", file.read(8))
    model = json.loads(json.loads(file.read(length))["__metadata__"]["tttseg"])
for name, (r, g, b) in zip(model["classes"], model["palette"]):
    word = "black" if 0.3 * r + 0.59 * g + 0.11 * b > 110 else "white"
    print(f"<span bgcolor='#{r:02x}{g:02x}{b:02x}' color='{word}'> {name} </span>", end="")
PYTHON
}
legend=(identity)
if has textoverlay; then
    legend=(textoverlay text="$(words)" font-desc="DejaVu Sans 9" valignment=bottom ypad=2
        draw-shadow=false draw-outline=false)
fi

name=$(basename "$input")
name=${name%.*}
output=demo-output/$name-segmented.$suffix
part=demo-output/.$name.part
stills=demo-output/$name-stills
mkdir -p demo-output
trap 'rm -rf "$part" "$part.stills"' EXIT

echo "demo: $input"
echo "demo: filesrc ! tttseg window=16 ! videoconvert ! ${encode[*]} ! filesink"
# Messages of the element say how the learning goes; every 25th is shown.
gst-launch-1.0 -m filesrc location="$input" ! tttseg window=16 ! videoconvert ! video/x-raw,format=I420 \
    ! "${legend[@]}" ! "${encode[@]}" ! filesink location="$part" |
    awk '
        function field(name, text) {
            if (!match(text, " " name "=\\([a-z0-9]+\\)[^,;]+")) return ""
            text = substr(text, RSTART, RLENGTH)
            sub(/^[^)]*\)/, "", text)
            return text
        }
        /\(element\): tttseg,/ {
            frame = field("frame", $0); loss = field("loss", $0)
            if (loss != "") { learned++; if (first == "") first = loss; last = loss }
            frames++
            if (frames % 25 == 1)
                printf "  frame %4d   loss %-8s  step %3.0f ms   prediction %3.0f ms\n", frame,
                    (loss == "" ? "-" : sprintf("%.4f", loss)),
                    field("step-time", $0) / 1e6, field("predict-time", $0) / 1e6
            fflush()
        }
        END {
            if (frames) printf "  %d frames, learned from %d", frames, learned
            if (learned) printf "; loss %.4f at the first, %.4f at the last", first, last
            if (frames) print ""
        }'
if [[ ! -s $part ]]; then
    echo "demo: the pipeline wrote nothing" >&2
    exit 1
fi
mv "$part" "$output"

# Input beside output, a picture every second, at most twelve.
mkdir "$part.stills"
half="videoconvert ! videoscale ! video/x-raw,width=640,pixel-aspect-ratio=1/1"
# shellcheck disable=SC2086 # the words of $half are elements
gst-launch-1.0 -q filesrc location="$input" ! decodebin ! $half ! queue ! pair.sink_0 \
    filesrc location="$output" ! decodebin ! $half ! queue ! pair.sink_1 \
    compositor name=pair sink_1::xpos=640 ! videorate ! video/x-raw,framerate=1/1 ! identity eos-after=12 \
    ! videoconvert ! pngenc ! multifilesink location="$part.stills/%02d.png"
rm -rf "$stills"
mv "$part.stills" "$stills"

echo
echo "demo: the annotated video   $output"
echo "      input beside output   $stills/ ($(find "$stills" -name '*.png' | wc -l) pictures)"
