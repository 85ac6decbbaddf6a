#!/usr/bin/env python3
"""Compare a gradient step and a prediction with PyTorch's, in one go on one machine.

Runs `tttseg bench` and a peer that prints the same JSON line (`step_ms`, `predict_ms`) in turn, A B A B ..., and prints
the ratios peer / tttseg of every pair and their median. Nothing else should run meanwhile.

    benches/against_pytorch.py PEER_SCRIPT [--python PYTHON] [--tttseg target/release/tttseg] [--pairs 3]
"""
import argparse
import json
import statistics
import subprocess


def measure(command):
    """The JSON object on the last line that a command prints."""
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(printed.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", help="script that takes --preset, --height, --width, --batch, --threads and --runs")
    parser.add_argument("--python", default="python3", help="interpreter that has PyTorch")
    parser.add_argument("--tttseg", default="target/release/tttseg")
    parser.add_argument("--presets", nargs="+", default=["nano", "small"])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--height", default="224")
    parser.add_argument("--width", default="448")
    parser.add_argument("--runs", default="5")
    arguments = parser.parse_args()
    common = ["--height", arguments.height, "--width", arguments.width, "--batch", "1", "--threads", "2",
              "--runs", arguments.runs]
    for preset in arguments.presets:
        ratios = {"step_ms": [], "predict_ms": []}
        for _ in range(arguments.pairs):
            ours = measure([arguments.tttseg, "bench", "--json", "--provider", "cpu", "--preset", preset, *common])
            theirs = measure([arguments.python, arguments.peer, "--preset", preset, *common])
            for key, found in ratios.items():
                found.append(theirs[key] / ours[key])
                print(f"{preset:6} {key:10} tttseg {ours[key]:9.2f}  peer {theirs[key]:9.2f}  ratio {found[-1]:.2f}",
                      flush=True)
        for key, found in ratios.items():
            print(f"{preset:6} {key:10} median ratio {statistics.median(found):.2f}")


if __name__ == "__main__":
    main()
