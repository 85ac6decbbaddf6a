"""The table of docs/formats.md, from the results of scripts/corpus.sh: a row for each format, notes behind it.

table.py RESULTS
"""

import json
import sys


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = [json.loads(line) for line in file]
    notes, rows = [], {}
    for case in cases:
        numbers = []
        for note in case["differs"] + case["said"]:
            if note not in notes:
                notes.append(note)
            numbers.append(notes.index(note) + 1)
        text = case["verdict"] + (f" ({', '.join(map(str, numbers))})" if numbers else "")
        rows.setdefault(case["format"], {})[case["container"]] = text
    print("| film | .mkv | .mov | .mp4 |\n|---|---|---|---|")
    for name, cells in rows.items():
        print(f"| {name} | {' | '.join(cells.get(c, '') for c in ('mkv', 'mov', 'mp4'))} |")
    print()
    for number, note in enumerate(notes, 1):
        print(f"{number}. {note}")
    counts = {}
    for case in cases:
        counts[case["verdict"]] = counts.get(case["verdict"], 0) + 1
    print(f"\n{len(rows)} formats, {len(cases)} cases: " + ", ".join(f"{n} {v}" for v, n in counts.items()))


if __name__ == "__main__":
    main()
