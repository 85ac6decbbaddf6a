#!/usr/bin/env bash
# For maintainers: the README's commands on a bare Debian (debootstrap, minimal) with nothing but Rust, so that an
# installation step that is missing shows. Needs root and debootstrap.
#
#   scripts/clean-room.sh [--suite bookworm|trixie] [--keep] [TARGET|VARIABLE=VALUE...]   (of make; demo and test)
#
# It takes the tracked files of HEAD, this machine's Rust toolchain (read-only) and this machine's settings for apt,
# pip, cargo and certificates.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/room.sh
source "$root/scripts/room.sh"

suite=bookworm keep='' targets=() assignments=()
while [[ $# -gt 0 ]]; do
    case $1 in
    --suite) suite=${2:?} && shift ;;
    --keep) keep=1 ;;
    -*) sed -n '2,9s/^# \{0,1\}//p' "$0" && exit 2 ;;
    *=*) assignments+=("$1") ;;
    *) targets+=("$1") ;;
    esac
    shift
done
[[ ${#targets[@]} -gt 0 ]] || targets=(demo test)

git -C "$root" diff --quiet HEAD || echo "clean-room: uncommitted changes are not part of this" >&2

room_make "$suite"
room_bind "$(rustc --print sysroot)" /opt/rust ro
mkdir "$room/src"
git -C "$root" archive HEAD | tar -x -C "$room/src"

for target in "${targets[@]}"; do
    echo "clean-room: apt-get install make, then make $target"
    room_run bash -ec "
        command -v make >/dev/null || { apt-get -q update && apt-get -q install -y --no-install-recommends make; } >/dev/null
        cd /src && make $target ${assignments[*]}"
    echo "clean-room: make $target works"
done
