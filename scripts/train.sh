#!/usr/bin/env bash
# Trains a model of models/ again: scripts/train.sh NAME DATA OUTPUT.safetensors
#
# NAME is camvid-nano, cityscapes-nano, street-nano or film-nano. DATA holds camvid/0006R0, camvid/0016E5,
# cityscapes/train (stills squeezed from 2:1) and iddlite/train, each with frames and labels, and photos/train: what the
# model takes of them. Takes hours on one core; checkpoints are beside OUTPUT, and the same command goes on from them.
# ITERATIONS=N makes every stage that short, for a trial.
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:?camvid-nano, cityscapes-nano, street-nano or film-nano}
data=$(realpath "${2:?the folder of the data}")
output=$(realpath -m "${3:?the model to write}")
tttseg=${CARGO_TARGET_DIR:-$PWD/target}/release/tttseg
[[ -x $tttseg ]] || cargo build --release -p tttseg-cli

drives=(--data "$data/camvid/0006R0" --data "$data/camvid/0016E5")
photos=(--unlabelled "$data/photos/train" --unlabelled-share 0.25)
classes=(--classes "sky,building,pole,road,pavement,tree,sign,fence,car,pedestrian,bicyclist")
licence="research use (CamVid; photographs: ImageNet samples, BSDS500 and others)"
first=${output%.safetensors}-first.safetensors

# The classes of Cityscapes.
street=(--classes "road,sidewalk,building,wall,fence,pole,traffic light,traffic sign,vegetation,terrain,sky,person,\
rider,car,truck,bus,train,motorcycle,bicycle" --batch 8 --masked 2 --balance 0.5 --temper 0.25)
cityscapes="$data/cityscapes/train,aspect=2:1"

stage() {
    local iterations=${ITERATIONS:-$1}
    shift
    "$tttseg" train --iterations "$iterations" --threads 1 --licence "$licence" "$@"
}

case $name in
camvid-nano)
    second=${output%.safetensors}-second.safetensors
    stage 1800 "${drives[@]}" "${classes[@]}" --learning-rate 8e-4 --ema 0 --balance 0.5 --temper 0.25 --scale 0.45 1.2 \
        --output "$first"
    stage 1300 --init "$first" "${drives[@]}" "${photos[@]}" "${classes[@]}" --learning-rate 6e-4 --ema 0.998 \
        --output "$second"
    stage 4500 --init "$second" "${drives[@]}" "${photos[@]}" "${classes[@]}" --learning-rate 1e-3 --ema 0.998 \
        --output "$output"
    ;;
cityscapes-nano)
    licence="non-commercial research (Cityscapes; IDD; photographs: ImageNet samples, BSDS500 and others)"
    stage 2000 --data "$cityscapes" "${street[@]}" --crop-height 128 --crop-width 192 --scale 0.4 1.0 --light 0.4 \
        --learning-rate 1.5e-3 --ema 0 --output "$first"
    stage 2400 --init "$first" --data "$cityscapes" "${photos[@]}" --unlabelled "$data/iddlite/train" "${street[@]}" \
        --crop-height 160 --crop-width 256 --scale 0.5 1.3 --light 0.5 --learning-rate 1.2e-3 --ema 0.998 \
        --output "$output"
    ;;
street-nano)
    licence="non-commercial research (Cityscapes, CamVid, IDD; photographs: ImageNet samples, BSDS500 and others)"
    second=${output%.safetensors}-second.safetensors
    third=${output%.safetensors}-third.safetensors
    crops=(--crop-height 160 --crop-width 256 --light 0.6 --learning-rate 1e-3)
    all=(--data "$cityscapes,share=0.5" --data "$data/camvid/0006R0,map=camvid11,share=0.1"
        --data "$data/camvid/0016E5,map=camvid11,share=0.2" --data "$data/iddlite/train,map=idd7,share=0.2"
        "${street[@]}" "${crops[@]}" --scale 0.5 1.3 --ema 0.998)
    stage 700 --init models/camvid-nano.safetensors --data "$cityscapes" "${street[@]}" "${crops[@]}" --scale 0.5 1.2 \
        --ema 0 --output "$first"
    stage 2400 --init "$first" "${all[@]}" --output "$second"
    stage 3000 --init "$second" "${all[@]}" --output "$third"
    stage 3200 --init "$third" "${all[@]}" --output "$output"
    ;;
film-nano)
    colours=(--task colorize --data "$data/photos/train" "${drives[@]}" --learning-rate 1e-3 --ema 0.998
        --height 192 --width 256)
    stage 2200 "${colours[@]}" --init models/camvid-nano.safetensors --rebalance 0.5 --output "$first"
    stage 3000 "${colours[@]}" --init "$first" --rebalance 0.15 --output "$output"
    ;;
*)
    echo "train: no model $name (camvid-nano, cityscapes-nano, street-nano, film-nano)" >&2
    exit 1
    ;;
esac
