#!/usr/bin/env bash
# A street clip whose light drifts into noise and dusk, segmented without learning and with it: a video of input, one and the
# other, pictures out of it, and how much of what the model finds in the clear clip each of them still finds. With FILE=...
# the user's own video as it is, without numbers. Into demo-output. Called by `make demo`, which builds the elements and the
# program and sets ORT_DYLIB_PATH.
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

tttseg=${CARGO_TARGET_DIR:-$PWD/target}/release/tttseg
drift=${DRIFT:-noise}

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
    python3 - models/street-nano.safetensors <<'PYTHON'
import json, struct, sys

with open(sys.argv[1], "rb") as file:
    (length,) = struct.unpack("<Q", file.read(8))
    model = json.loads(json.loads(file.read(length))["__metadata__"]["tttseg"])
for name, (r, g, b) in zip(model["classes"], model["palette"]):
    word = "black" if 0.3 * r + 0.59 * g + 0.11 * b > 110 else "white"
    print(f"<span bgcolor='#{r:02x}{g:02x}{b:02x}' color='{word}'> {name} </span>", end=" ")
PYTHON
}
# Words over a picture, where GStreamer can write: the vertical alignment, then the words.
write() {
    if has textoverlay; then
        printf '%s\n' textoverlay "text=$2" 'font-desc=DejaVu Sans 9' "valignment=$1" halignment=left ypad=2 xpad=4
    else
        echo identity
    fi
}
mapfile -t input_title < <(write top "input")
mapfile -t frozen_title < <(write top "without learning")
mapfile -t learning_title < <(write top "with learning")
mapfile -t legend < <(write bottom "$(words)")

name=$(basename "$input")
name=${name%.*}
output=demo-output/$name-learning.$suffix
stills=demo-output/$name-stills
work=demo-output/.$name.part
mkdir -p demo-output
rm -rf "$work"
mkdir -p "$work"/{clear,drifting,labels,stills}
trap 'rm -rf "$work"' EXIT

echo "demo: $input"
sized=(videoconvert ! videoscale ! "video/x-raw,format=RGB,width=640,pixel-aspect-ratio=1/1")
if [[ -n ${FILE:-} ]]; then
    gst-launch-1.0 -q filesrc location="$input" ! decodebin ! "${sized[@]}" ! pngenc snapshot=true \
        ! filesink location="$work/clear/00000.png"
    source=(filesrc location="$input" ! decodebin ! "${sized[@]}")
else
    # Frames as stills, so that the numbers below are about the same pictures.
    gst-launch-1.0 -q filesrc location="$input" ! decodebin ! "${sized[@]}" ! pngenc compression-level=1 \
        ! multifilesink location="$work/clear/%05d.png"
    echo "demo: tttseg corrupt $drift: it grows to full strength in the middle of the clip"
    "$tttseg" corrupt "$drift" --frames "$work/clear" --output "$work/drifting" --force >/dev/null
    source=(multifilesrc location="$work/drifting/%05d.png" "caps=image/png,framerate=25/1" ! pngdec ! videoconvert)
fi
height=$(python3 -c 'import struct, sys; print(struct.unpack(">I", open(sys.argv[1], "rb").read(24)[20:])[0])' \
    "$work/clear/00000.png")

echo "demo: tttseg method=none fusion=0 beside tttseg window=16"
# Messages of the element that learns say how it goes; every 25th is shown.
gst-launch-1.0 -m "${source[@]}" ! tee name=street \
    street. ! queue ! videoconvert ! "${input_title[@]}" ! videoconvert ! pair.sink_0 \
    street. ! queue ! tttseg method=none fusion=0 pace=every-frame post-messages=false ! videoconvert ! "${frozen_title[@]}" \
    ! videoconvert ! pair.sink_1 \
    street. ! queue ! tttseg window=16 pace=every-frame ! videoconvert ! "${learning_title[@]}" \
    ! videoconvert ! pair.sink_2 \
    compositor name=pair sink_1::ypos="$height" sink_2::ypos=$((2 * height)) ! videoconvert ! "${legend[@]}" \
    ! videoconvert ! video/x-raw,format=I420 ! tee name=both \
    both. ! queue ! "${encode[@]}" ! filesink location="$work/video" \
    both. ! queue ! videorate ! video/x-raw,framerate=1/1 ! videoconvert ! pngenc \
    ! multifilesink location="$work/stills/%02d.png" |
    awk '
        function field(name, text) {
            if (!match(text, " " name "=\\([a-z0-9]+\\)[^,;]+")) return ""
            text = substr(text, RSTART, RLENGTH)
            sub(/^[^)]*\)/, "", text)
            return text
        }
        /\(element\): tttseg,/ {
            frame = field("frame", $0); steps = field("steps", $0)
            frames++; learned += steps > 0
            if (frames % 25 == 1)
                printf "  frame %4d   learned from %-4d step %3.0f ms   prediction %3.0f ms\n", frame, learned,
                    field("step-time", $0) / 1e6, field("predict-time", $0) / 1e6
            fflush()
        }
        END { if (frames) printf "  %d frames, learned from %d\n", frames, learned }'
if [[ ! -s $work/video ]]; then
    echo "demo: the pipeline wrote nothing" >&2
    exit 1
fi
mv "$work/video" "$output"
rm -rf "$stills"
mv "$work/stills" "$stills"

if [[ -z ${FILE:-} ]]; then
    # What the model finds in the clear pictures, frame by frame, stands for the truth.
    gst-launch-1.0 -q multifilesrc location="$work/clear/%05d.png" "caps=image/png,framerate=25/1" ! pngdec ! videoconvert \
        ! tttseg method=none fusion=0 pace=every-frame output=class-map ! pngenc compression-level=1 \
        ! multifilesink location="$work/labels/%05d.png"
    echo
    echo "Pixels that keep the class they have in the clear clip:"
    agreement() {
        "$tttseg" eval --frames "$work/drifting" --labels "$work/labels" --json "${@:2}" |
            python3 -c 'import json, sys
scores = json.loads(sys.stdin.read().splitlines()[-1])
accuracy, miou = 100 * scores["pixel_accuracy"], 100 * scores["miou_pooled"]
print(f"  {sys.argv[1]:<32} {accuracy:5.1f} %   mIoU {miou:5.1f} %")' "$1"
    }
    agreement "without learning" --method none --fusion 0
    agreement "the same, fused along motion" --method none
    agreement "with learning"
fi

echo
echo "demo: input, without learning, with learning   $output"
echo "      pictures out of it                        $stills/ ($(find "$stills" -name '*.png' | wc -l) pictures)"
