#!/usr/bin/env bash
# Runs every `sh` block of the README, the tutorial, docs/archive.md, docs/provenance.md, docs/farm.md and docs/sequences.md, with the plugin and the program of
# target/debug, in a folder of its own where a short film.mp4 and a few labelled stills are. A window becomes a fakesink, a camera a test picture, long
# training short. Lines that call make are checked to name its targets. Called by `make test`.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
export PATH=$target/debug:$PATH
export GST_PLUGIN_PATH=$target/gst/debug${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}
readme=$root/README.md
guides=("$readme" "$root"/docs/{tutorial,archive,provenance,farm,sequences}.md)

mapfile -t goals < <(grep -oE '^    make [a-z-]+' "$readme" | awk '{ print $2 }')
[[ ${#goals[@]} -ge 2 ]] || {
    echo "check-readme: no make lines found" >&2
    exit 1
}
for goal in "${goals[@]}"; do
    grep -qE "^$goal:" "$root/Makefile" || {
        echo "check-readme: the README says make $goal, the Makefile has no such target" >&2
        exit 1
    }
done
echo "make ${goals[*]}: there"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
mkdir -p street/frames street/labels classes
ln -s "$root/gst-plugin" gst-plugin
# Debian's packages are seen by its own Python only, which need not be the first one.
python=
for name in python3 /usr/bin/python3; do
    "$name" -c "import gi; gi.require_version('Gst', '1.0')" 2>/dev/null && python=$name && break
done
[[ $python ]] || {
    echo "check-readme: no Python with GStreamer (python3-gi, gir1.2-gstreamer-1.0)" >&2
    exit 1
}
film="videotestsrc num-buffers=12 pattern=ball ! video/x-raw,width=320,height=192,framerate=25/1"
# shellcheck disable=SC2086 # the words of $film are elements
gst-launch-1.0 -q $film ! tee name=film ! queue ! x264enc tune=zerolatency ! h264parse ! mp4mux \
    ! filesink location=film.mp4 \
    film. ! queue ! videoconvert ! video/x-raw,format=RGB ! pngenc ! multifilesink location=street/frames/%02d.png
ln -s street/frames scans
mkdir films bin
ln -s ../film.mp4 films/film.mp4
# Of Python's packages, wherever they are (scripts/test.sh).
ln -s "$root/docs" docs
printf '#!/bin/sh\nexec python3 -m openjd "$@"\n' >bin/openjd
chmod +x bin/openjd
export PATH=$scratch/bin:$PATH
# A frame that was painted.
mkdir painted
gst-launch-1.0 -q videotestsrc num-buffers=1 ! video/x-raw,format=RGB,width=320,height=192 ! pngenc \
    ! filesink location=painted/ref_000004.png
# Labels: three classes, one below the other; training wants to see each.
for _ in $(seq 12); do
    head -c $((320 * 64)) /dev/zero
    head -c $((320 * 64)) /dev/zero | tr '\0' '\1'
    head -c $((320 * 64)) /dev/zero | tr '\0' '\2'
done >labels.raw
gst-launch-1.0 -q filesrc location=labels.raw ! rawvideoparse format=gray8 width=320 height=192 ! pngenc \
    ! multifilesink location=street/labels/%02d.png

# One block a line, its lines joined by the character that no command has.
blocks=0
while IFS= read -r block; do
    command=${block//$'\x1f'/$'\n'}
    echo
    echo "$command"
    here=$(sed -E -e 's/autovideosink/fakesink/g' -e "s#^python3 #$python #" \
        -e 's/v4l2src/videotestsrc is-live=true num-buffers=5 ! video\/x-raw,width=320,height=192,framerate=5\/1/g' \
        -e 's/--iterations [0-9]+/--iterations 1 --batch 2 --masked 1 --crop-height 64 --crop-width 64/g' <<<"$command")
    if ! timeout 600 bash -euo pipefail -c "$here" >log 2>&1; then
        tail -n 30 log >&2
        echo "check-readme: the command above failed; as it was run here: $here" >&2
        exit 1
    fi
    # gst-launch-1.0 prints some errors and exits with 0.
    if grep -qE '^ERROR|CRITICAL' log; then
        cat log >&2
        exit 1
    fi
    blocks=$((blocks + 1))
done < <(awk '
    /^```sh$/ { inside = 1; text = ""; next }
    /^```$/ && inside { inside = 0; print text; next }
    inside { text = text (text == "" ? "" : "\x1f") $0 }' "${guides[@]}")

[[ $blocks -ge 15 ]] || {
    echo "check-readme: only $blocks sh blocks found" >&2
    exit 1
}
[[ -s out.mp4 && -s classes/00000.png && -s street.safetensors && -s film.safetensors && -s mine.safetensors &&
    -s film-in-colour.mkv && -s all.json && -s share-4.json && -s films-in-colour/shard-2.json && -s coloured.mov && -s films-in-colour/film.mkv && -s stills/ref_000000.png && -s coloured.mkv.framemd5 &&
    -s painted.mkv.provenance.json && -s scans-in-colour/00.png ]] || {
    echo "check-readme: a file that the guides say is written is missing" >&2
    exit 1
}

# docs/formats.md, a part of it. Set-up installs no ffmpeg.
if command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null; then
    TTTSEG=$target/debug/tttseg "$root/scripts/corpus.sh" \
        --only '^(FFV1 v3 4:2:0 8|ProRes 422 LT|v210 in MOV|YUY2|H.264 with B|Y4M 4:2:0)' | tee corpus.txt
    grep -q '18 cases: 18 done' corpus.txt || {
        echo "check-readme: not all of these formats are done" >&2
        exit 1
    }
else
    echo "skipped: scripts/corpus.sh, which needs ffmpeg"
fi

echo
echo "$blocks blocks of ${guides[*]##*/} ran"
