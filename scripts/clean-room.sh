#!/usr/bin/env bash
# For maintainers: the README's commands on a bare Debian (debootstrap, minimal) with nothing but Rust, so that an
# installation step that is missing shows. Needs root and debootstrap.
#
#   scripts/clean-room.sh [--suite bookworm|trixie] [--keep] [TARGET...]      (targets of make; demo and test)
#
# It takes the tracked files of HEAD, this machine's Rust toolchain (read-only) and this machine's settings for apt,
# pip, cargo and certificates.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

suite=bookworm keep='' targets=()
while [[ $# -gt 0 ]]; do
    case $1 in
    --suite) suite=${2:?} && shift ;;
    --keep) keep=1 ;;
    -*) sed -n '2,9s/^# \{0,1\}//p' "$0" && exit 2 ;;
    *) targets+=("$1") ;;
    esac
    shift
done
[[ ${#targets[@]} -gt 0 ]] || targets=(demo test)

[[ $EUID -eq 0 ]] || { echo "clean-room: needs root (chroot)" >&2 && exit 1; }
command -v debootstrap >/dev/null || { echo "clean-room: apt-get install debootstrap" >&2 && exit 1; }
git -C "$root" diff --quiet HEAD || echo "clean-room: uncommitted changes are not part of this" >&2

# The archive that this machine installs Debian packages from.
# shellcheck disable=SC2016 # apt-get replaces these, not the shell
archive=$(apt-get indextargets --format '$(REPO_URI) $(COMPONENT) $(LABEL)' 'Created-By: Packages' |
    awk '$2 == "main" && $3 == "Debian" { print $1; exit }')
[[ -n $archive ]] || { echo "clean-room: apt knows no Debian archive" >&2 && exit 1; }

room=$(mktemp -d "${TMPDIR:-/var/tmp}/tttseg-room.XXXXXX")
chmod 755 "$room" # apt works as a user of its own
mounts=()
leave() {
    local i
    for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do
        umount "${mounts[i]}" || keep=1 # what is still mounted must not be removed
    done
    if [[ -n $keep ]]; then
        echo "clean-room: left in $room"
    else
        rm -rf --one-file-system "$room"
    fi
}
trap leave EXIT

echo "clean-room: $suite in $room"
debootstrap --variant=minbase "$suite" "$room" "$archive" >"$room.log" 2>&1 || {
    tail -n 20 "$room.log" >&2
    exit 1
}
rm -f "$room.log"

bind() {
    mkdir -p "$room$2"
    mount --bind "$1" "$room$2"
    mounts+=("$room$2")
    [[ ${3:-} != ro ]] || mount -o remount,bind,ro "$room$2"
}
mount -t proc proc "$room/proc" && mounts+=("$room/proc")
bind /dev /dev
bind /dev/pts /dev/pts
bind "$(rustc --print sysroot)" /opt/rust ro

# This machine's settings: names of servers, archives, certificates.
settings=(/etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs /usr/local/share/ca-certificates
    "$HOME/.config/pip" "$HOME/.cargo/config.toml" /etc/apt/apt.conf.d /etc/apt/auth.conf.d /etc/apt/keyrings
    /etc/apt/trusted.gpg.d)
[[ $suite != "$(. /etc/os-release && echo "$VERSION_CODENAME")" ]] ||
    { settings+=(/etc/apt/sources.list /etc/apt/sources.list.d) && rm -f "$room/etc/apt/sources.list"; }
for path in "${settings[@]}"; do
    [[ -e $path ]] || continue
    inside=${path/#$HOME//root}
    rm -rf "${room:?}$inside"
    mkdir -p "$room$(dirname "$inside")"
    # Links into other folders become files.
    cp -rL "$path" "$room$inside"
done
# Lines that run programs of this machine.
find "$room/etc/apt/apt.conf.d" -type f -exec grep -lZE 'Invoke|packagekit|appstream' {} + | xargs -0r rm -f

mkdir "$room/src"
git -C "$root" archive HEAD | tar -x -C "$room/src"

# Variables that name servers or certificates go along, nothing else.
mapfile -t variables < <(env | grep -iE '^(pip_|cargo_(http|registr|net)|(https?|no|all)_proxy=|ssl_cert|requests_ca|curl_ca)')
for target in "${targets[@]}"; do
    echo "clean-room: apt-get install make, then make $target"
    chroot "$room" env -i HOME=/root PATH=/opt/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
        "${variables[@]}" bash -ec "
            command -v make >/dev/null || { apt-get -q update && apt-get -q install -y --no-install-recommends make; } >/dev/null
            cd /src && make $target"
    echo "clean-room: make $target works"
done
