# A bare Debian to try things in (debootstrap, minimal); to be sourced, by root. `room` is its folder afterwards, removed at
# the end of the script unless `keep` is set.
# shellcheck shell=bash

room=
mounts=()

# Run a command in there, with this machine's variables that name servers or certificates and no others.
room_run() {
    local variables
    mapfile -t variables < <(env | grep -iE '^(pip_|cargo_(http|registr|net)|(https?|no|all)_proxy=|ssl_cert|requests_ca|curl_ca)')
    chroot "$room" env -i HOME=/root PATH=/opt/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
        DEBIAN_FRONTEND=noninteractive "${variables[@]}" "$@"
}

room_bind() {
    mkdir -p "$room$2"
    mount --bind "$1" "$room$2"
    mounts+=("$room$2")
    [[ ${3:-} != ro ]] || mount -o remount,bind,ro "$room$2"
}

room_leave() {
    local i
    for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do
        umount "${mounts[i]}" || keep=1 # what is still mounted must not be removed
    done
    if [[ -n ${keep:-} ]]; then
        echo "room: left in $room"
    else
        rm -rf --one-file-system "$room"
    fi
}

# room_make SUITE: with this machine's settings for apt, pip, cargo and certificates.
room_make() {
    local suite=$1 archive settings path inside
    [[ $EUID -eq 0 ]] || { echo "room: needs root (chroot)" >&2 && exit 1; }
    command -v debootstrap >/dev/null || { echo "room: apt-get install debootstrap" >&2 && exit 1; }
    # The archive that this machine installs Debian packages from.
    # shellcheck disable=SC2016 # apt-get replaces these, not the shell
    archive=$(apt-get indextargets --format '$(REPO_URI) $(COMPONENT) $(LABEL)' 'Created-By: Packages' |
        awk '$2 == "main" && $3 == "Debian" { print $1; exit }')
    [[ -n $archive ]] || { echo "room: apt knows no Debian archive" >&2 && exit 1; }

    room=$(mktemp -d "${TMPDIR:-/var/tmp}/tttseg-room.XXXXXX")
    chmod 755 "$room" # apt works as a user of its own
    trap room_leave EXIT
    echo "room: $suite in $room"
    debootstrap --variant=minbase "$suite" "$room" "$archive" >"$room.log" 2>&1 || {
        tail -n 20 "$room.log" >&2
        exit 1
    }
    rm -f "$room.log"
    mount -t proc proc "$room/proc" && mounts+=("$room/proc")
    room_bind /dev /dev
    room_bind /dev/pts /dev/pts

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
}
