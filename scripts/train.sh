#!/usr/bin/env bash
# Trains a model of models/ again: scripts/train.sh camvid-nano|film-nano DATA OUTPUT.safetensors
#
# DATA holds camvid/0006R0 and camvid/0016E5 (each with frames and labels) and photos/train. Takes hours on one core;
# checkpoints are beside OUTPUT, and the same command goes on from them. ITERATIONS=N makes every stage that short, for a
# trial.
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:?camvid-nano or film-nano}
data=$(realpath "${2:?the folder of the data}")
output=$(realpath -m "${3:?the model to write}")
tttseg=${CARGO_TARGET_DIR:-$PWD/target}/release/tttseg
[[ -x $tttseg ]] || cargo build --release -p tttseg-cli

drives=(--data "$data/camvid/0006R0" --data "$data/camvid/0016E5")
photos=(--unlabelled "$data/photos/train" --unlabelled-share 0.25)
classes=(--classes "sky,building,pole,road,pavement,tree,sign,fence,car,pedestrian,bicyclist")
licence="research use (CamVid; photographs: ImageNet samples, BSDS500 and others)"

stage() {
    local iterations=${ITERATIONS:-$1}
    shift
    "$tttseg" train --iterations "$iterations" --threads 1 --licence "$licence" "$@"
}

case $name in
camvid-nano)
    first=${output%.safetensors}-first.safetensors
    second=${output%.safetensors}-second.safetensors
    stage 1800 "${drives[@]}" "${classes[@]}" --learning-rate 8e-4 --ema 0 --balance 0.5 --temper 0.25 --scale 0.45 1.2 \
        --output "$first"
    stage 1300 --init "$first" "${drives[@]}" "${photos[@]}" "${classes[@]}" --learning-rate 6e-4 --ema 0.998 \
        --output "$second"
    stage 4500 --init "$second" "${drives[@]}" "${photos[@]}" "${classes[@]}" --learning-rate 1e-3 --ema 0.998 \
        --output "$output"
    ;;
film-nano)
    first=${output%.safetensors}-first.safetensors
    colours=(--task colorize --data "$data/photos/train" "${drives[@]}" --learning-rate 1e-3 --ema 0.998
        --height 192 --width 256)
    stage 2200 "${colours[@]}" --init models/camvid-nano.safetensors --rebalance 0.5 --output "$first"
    stage 3000 "${colours[@]}" --init "$first" --rebalance 0.15 --output "$output"
    ;;
*)
    echo "train: no model $name (camvid-nano, film-nano)" >&2
    exit 1
    ;;
esac
