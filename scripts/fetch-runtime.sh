#!/usr/bin/env bash
# Gets ONNX Runtime, which tttseg computes with, out of its Python wheel, and puts it where it is found: into
# /usr/local/lib as root, or into the folder that is named. --cuda takes the build for CUDA. Needs python3 with pip.
#
#   tttseg-fetch-runtime [--cuda] [FOLDER]
#
# Installed with the Debian package.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
[[ -e $here/wheel.sh ]] || here=$here/../share/tttseg
# shellcheck source=scripts/wheel.sh
source "$here/wheel.sh"

cuda='' folder=''
for argument in "$@"; do
    case $argument in
    --cuda) cuda=1 ;;
    -*) sed -n '2,6s/^# \{0,1\}//p' "$0" && exit 2 ;;
    *) folder=$argument ;;
    esac
done
if [[ -z $folder ]]; then
    [[ $EUID -eq 0 ]] || {
        echo "tttseg-fetch-runtime: run it as root, or name a folder, such as ~/.local/lib" >&2
        exit 1
    }
    folder=/usr/local/lib system=1
fi
python3 -m pip --version >/dev/null 2>&1 || {
    echo "tttseg-fetch-runtime: needs pip: apt install python3-pip" >&2
    exit 1
}
mkdir -p "$folder"
folder=$(realpath "$folder")
runtime_fetch "$folder" "$cuda"
if [[ -n ${system:-} ]]; then
    ldconfig
    echo "ONNX Runtime is in $folder, where it is found."
else
    echo "For tttseg to find it: export ORT_DYLIB_PATH=$folder/libonnxruntime.so.1"
fi
