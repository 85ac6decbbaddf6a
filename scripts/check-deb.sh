#!/usr/bin/env bash
# For maintainers: installs a package of `make deb` on a bare Debian and tries what is in it, without ONNX Runtime and with
# it. Needs root and debootstrap.
#
#   scripts/check-deb.sh [--suite bookworm|trixie] [--keep] PACKAGE.deb
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/room.sh
source "$root/scripts/room.sh"

suite=bookworm keep='' package=''
while [[ $# -gt 0 ]]; do
    case $1 in
    --suite) suite=${2:?} && shift ;;
    --keep) keep=1 ;;
    -*) sed -n '2,5s/^# \{0,1\}//p' "$0" && exit 2 ;;
    *) package=$1 ;;
    esac
    shift
done
[[ -e $package ]] || { echo "check-deb: no such package: '$package'" >&2 && exit 1; }

step() {
    echo "check-deb: $*"
}
fail() {
    echo "check-deb: $*" >&2
    exit 1
}

room_make "$suite"
cp "$package" "$room/tmp/package.deb"
step "apt-get install ./package.deb"
room_run bash -ec 'apt-get -q update && apt-get -q install -y --no-install-recommends /tmp/package.deb gstreamer1.0-tools' \
    >"$room/tmp/log" 2>&1 || { tail -n 20 "$room/tmp/log" >&2 && fail "it does not install"; }
room_run dpkg --verify gstreamer1.0-tttseg

step "the elements without ONNX Runtime"
for element in tttseg tttsegfilter; do
    room_run gst-inspect-1.0 "$element" >"$room/tmp/log" || fail "no element $element"
    grep -q 'model-instance-id' "$room/tmp/log" || fail "$element has no properties"
done
room_run tttseg info >"$room/tmp/log" || fail "no program tttseg"
grep -q 'street-nano' "$room/tmp/log" || fail "tttseg info knows no built-in model"
play='gst-launch-1.0 videotestsrc num-buffers=5 ! tttseg ! fakesink'
room_run bash -c "$play" >"$room/tmp/log" 2>&1 || true
grep -q 'tttseg-fetch-runtime' "$room/tmp/log" || { cat "$room/tmp/log" >&2 && fail "the error does not say what to do"; }
room_run tttseg-fetch-runtime >"$room/tmp/log" 2>&1 && fail "it fetched without pip"
grep -q 'apt install python3-pip' "$room/tmp/log" || fail "tttseg-fetch-runtime does not say that pip is missing"

step "tttseg-fetch-runtime"
room_run bash -ec 'apt-get -q install -y --no-install-recommends python3-pip ca-certificates' >"$room/tmp/log" 2>&1 ||
    { tail -n 20 "$room/tmp/log" >&2 && fail "no pip"; }
room_run tttseg-fetch-runtime
room_run bash -c "$play" >"$room/tmp/log" 2>&1 || { cat "$room/tmp/log" >&2 && fail "it does not play"; }
! grep -q ERROR "$room/tmp/log" || { cat "$room/tmp/log" >&2 && fail "it does not play"; }
room_run tttseg info >"$room/tmp/log"
sed -n 1,3p "$room/tmp/log"

step "apt-get remove"
room_run apt-get -q remove -y gstreamer1.0-tttseg >/dev/null
! room_run gst-inspect-1.0 tttseg >/dev/null 2>&1 || fail "the element is still there"
step "all well"
