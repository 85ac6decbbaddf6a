#!/usr/bin/env bash
# Formats that archives have, through `tttseg run` into .mkv, .mov and .mp4. ffmpeg makes a film of twelve frames in each of them
# and reads what comes out: frames, luma, times, sound, tags. Prints the table of docs/formats.md, and what is to be said of each
# case behind it.
#
#   scripts/corpus.sh [--keep DIR] [--only PATTERN] [--model FILE] [--json]
#
#   --keep DIR      keeps films, results and logs there
#   --only PATTERN  the formats whose names match this extended regular expression
#   --model FILE    another model than the built-in one: a smaller one is faster, and luma is the same
#   --json          a line of JSON for each case in place of the table
#
# TTTSEG names the program; else it is target/release/tttseg or target/debug/tttseg, whichever is newer. Verdicts:
#
#   done         exit code 0, and all of the film is there; what had to become another thing is noted
#   refused      exit code 1, with a reason
#   incomplete   exit code 3, with a reason
#   WRONG        exit code 0, and something differs; or an exit code without a reason
#   CRASH, HANG  a signal, or an end after two minutes
#
# Ends with 1 if there is one of the last three kinds, and with 2 if nothing could be tried.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

fail() {
    echo "corpus: $*" >&2
    exit 2
}

keep='' only='' model='' json=''
while [[ $# -gt 0 ]]; do
    case $1 in
    --keep | --only | --model)
        [[ $# -ge 2 ]] || fail "$1 needs a value"
        declare "${1#--}=$2"
        shift
        ;;
    --json) json=1 ;;
    -h | --help)
        sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
        exit
        ;;
    *) fail "what is $1? --help lists the options" ;;
    esac
    shift
done

for tool in ffmpeg ffprobe python3; do
    command -v "$tool" >/dev/null || fail "$tool is missing; Debian: apt-get install ffmpeg python3"
done
target=${CARGO_TARGET_DIR:-$root/target}
tttseg=${TTTSEG:-}
for built in "$target/release/tttseg" "$target/debug/tttseg"; do
    [[ ! -x $built || (${TTTSEG:-} || $built -ot ${tttseg:-$built}) ]] || tttseg=$built
done
[[ $tttseg ]] || fail "there is no program yet; make plugin builds it, or TTTSEG=PATH names it"
library=$root/.runtime/libonnxruntime.so.1.31.1
[[ ${ORT_DYLIB_PATH:-} || ! -e $library ]] || export ORT_DYLIB_PATH=$library

if [[ $keep ]]; then
    mkdir -p "$keep"
    scratch=$(cd "$keep" && pwd)
else
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
fi
results=$scratch/results.jsonl
: >"$results"

# film FILE PICTURES SOUND OPTIONS...: twelve frames of moving shapes, no two alike, and tones, another one in each channel of
# each track. PICTURES is WIDTHxHEIGHT@RATE; SOUND is `none` or CHANNELSxRATE[,...], one for each track.
film() {
    local file=$1 pictures=$2 sound=$3 tracks track rate channels tones channel number=0 length
    shift 3
    rate=${pictures#*@}
    length=$(python3 -c "from fractions import Fraction as F; print(float(12 / F('$rate')))")
    local inputs=(-f lavfi -i "testsrc2=size=${pictures%@*}:rate=$rate:d=$length") maps=(-map 0:v)
    if [[ $sound != none ]]; then
        IFS=, read -ra tracks <<<"$sound"
        for track in "${tracks[@]}"; do
            channels=${track%x*} tones=
            for ((channel = 0; channel < channels; channel++)); do
                tones+="${tones:+|}0.2*sin(2*PI*$((300 + 100 * number + 200 * channel))*t)"
            done
            number=$((number + 1))
            inputs+=(-f lavfi -i "aevalsrc=$tones:s=${track#*x}:d=$length:c=${channels}c")
            maps+=(-map "$number:a")
        done
    fi
    # Layouts that decoders know, in place of bare numbers.
    inputs=("${inputs[@]//:c=1c/:c=mono}") inputs=("${inputs[@]//:c=2c/:c=stereo}") inputs=("${inputs[@]//:c=6c/:c=5.1}")
    ffmpeg -hide_banner -nostdin -v error -y "${inputs[@]}" "${maps[@]}" -threads 1 "$@" "$file" </dev/null
}

# A program that hangs does not heed SIGTERM either.
run() {
    timeout --kill-after 10 120 "$tttseg" run "${options[@]}" "$1" "$2" >"$2.log" 2>&1 </dev/null
}

options=(--overwrite --set method=none --set saturation=0 ${model:+--model "$model"})
tried=0 unmade=()
# The table: a name, the film's file, whether its samples are exact, pictures, sound, options of ffmpeg.
while IFS='|' read -r -u 3 name file exact pictures sound how; do
    name=$(xargs <<<"$name")
    [[ $name && $name != \#* ]] || continue
    [[ ! $only || $name =~ $only ]] || continue
    file=$scratch/films/$(xargs <<<"$file")
    mkdir -p "$scratch/films"
    # shellcheck disable=SC2086,SC2046 # words of the table
    if ! film "$file" $(xargs <<<"$pictures") $(xargs <<<"$sound") $how 2>"$file.log"; then
        unmade+=("$name: $(tail -n 1 "$file.log")")
        continue
    fi
    for extension in mkv mov mp4; do
        output=$scratch/films/$(basename "$file").out.$extension
        code=0
        rm -rf "$output" "$output.part"
        run "$file" "$output" || code=$?
        python3 "$root/scripts/corpus/check.py" "$name" "$(xargs <<<"$exact")" "$file" "$output" "$code" "$output.log" >>"$results"
        [[ ! $json ]] || tail -n 1 "$results"
        [[ $keep ]] || rm -rf "$output" "$output.part"
        tried=$((tried + 1))
    done
done 3<"$root/scripts/corpus/formats.txt"

[[ ! ${unmade[*]:-} ]] || printf 'corpus: this ffmpeg makes no %s\n' "${unmade[@]}" >&2
[[ $tried -gt 0 ]] || fail "no format was tried"
[[ $json ]] || python3 "$root/scripts/corpus/table.py" "$results"
! grep -qE '"verdict": "(WRONG|CRASH|HANG)"' "$results"
