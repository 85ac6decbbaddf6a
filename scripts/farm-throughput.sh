#!/usr/bin/env bash
# Films through 1, 2 and 4 workers on this machine, and what limits it: frames a second, processors in use, the time that a film
# costs beside its frames. About six minutes on two cores; prints a table for docs/farm.md.
#
#   FILMS=8 FRAMES=24 WIDTH=480 HEIGHT=360 WORKERS="1 2 4" scripts/farm-throughput.sh [options of tttseg run]
set -euo pipefail
cd "$(dirname "$0")/.."
program=${TTTSEG:-${CARGO_TARGET_DIR:-$PWD/target}/release/tttseg}
films=${FILMS:-8} frames=${FRAMES:-24}
cores=$(nproc)
[[ -x $program ]] || {
    echo "farm-throughput: there is no $program: make plugin builds it, TTTSEG=PROGRAM names another" >&2
    exit 1
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/films" "$scratch/short"

# Not the same film again and again: each begins at another place of what moves.
film() { # folder, number, frames
    gst-launch-1.0 -q videotestsrc pattern=smpte num-buffers="$3" horizontal-speed="$2" \
        ! "video/x-raw,format=GRAY8,width=${WIDTH:-480},height=${HEIGHT:-360},framerate=24/1" \
        ! videoconvert ! avenc_ffv1 ! matroskamux ! filesink location="$scratch/$1/$2.mkv"
}
for n in $(seq "$films"); do
    film films "$n" "$frames"
    film short "$n" 1
done

# Seconds, and seconds of processors.
farm() { # folder, workers, options
    local folder=$1 workers=$2 TIMEFORMAT='%R %U %S'
    shift 2
    rm -rf "$scratch/out"
    mkdir "$scratch/out"
    { time {
        for _ in $(seq "$workers"); do
            "$program" run --wait "$@" "$scratch/$folder" "$scratch/out" >"$scratch/log" 2>&1 &
        done
        wait
    }; } 2>&1
    local made
    made=$(find "$scratch/out" -name '*.mkv' | wc -l)
    [[ $made -eq $films ]] || {
        cat "$scratch/log" >&2
        echo "farm-throughput: $made of $films films came out" >&2
        return 1
    }
}

echo "$(sed -n 's/^model name[^:]*: //p;T;q' /proc/cpuinfo), $cores processors; $films films of $frames frames," \
    "${WIDTH:-480}x${HEIGHT:-360}${*:+, $*}"
echo
echo "| workers | threads each | frames a second | of one worker | processors in use | s a film beside its frames |"
echo "|---|---|---|---|---|---|"
farm short 1 "$@" >/dev/null # what is read for the first time is in memory then
first=
for workers in ${WORKERS:-1 2 4}; do
    shared=$(((cores + workers - 1) / workers))
    for threads in $(printf '%s\n' "$cores" "$shared" | sort -nru); do
        options=(--set "threads=$threads" "$@")
        long=$(farm films "$workers" "${options[@]}")
        short=$(farm short "$workers" "${options[@]}")
        read -r seconds user system <<<"$long"
        awk -v workers="$workers" -v threads="$threads" -v seconds="$seconds" -v busy="$user $system" \
            -v short="${short%% *}" -v films="$films" -v frames="$frames" -v first="${first:-0}" 'BEGIN {
                split(busy, cpu, " ")
                rate = films * frames / seconds
                printf "| %d | %d | %.2f | %.0f %% | %.1f | %.2f |\n", workers, threads, rate,
                    first ? 100 * rate / first : 100, (cpu[1] + cpu[2]) / seconds,
                    (short - (seconds - short) / (frames > 1 ? frames - 1 : 1)) * workers / films
            }'
        first=${first:-$(awk -v n="$((films * frames))" -v s="$seconds" 'BEGIN { print n / s }')}
    done
done
echo
echo "Where processors in use are near $cores, more workers gain nothing; with fewer threads each, fewer of them wait."
