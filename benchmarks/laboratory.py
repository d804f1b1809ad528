"""Plays the ten experiments of the laboratory with several seeds and writes what it measured.

    python -m benchmarks.laboratory [NAME ...] [--seeds 0 1 2 3 4]

Writes ganzoo/lab/measured.json, from which the page and `python -m docs.tables` take their numbers.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import ganzoo
from ganzoo import lab

MEASURED = Path(lab.__file__).parent / "measured.json"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(lab.experiments))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(5)))
    options = parser.parse_args()
    for name in options.names or lab.experiments:
        experiment, start = ganzoo.lab.experiments[name], time.perf_counter()
        results = [[round(number, 4) for number in experiment.play(seed)] for seed in options.seeds]
        stored = json.loads(MEASURED.read_text("utf-8")) if MEASURED.exists() else {}
        stored = {one: results if one == name else stored[one] for one in lab.experiments if one in {*stored, name}}
        lines = (f"{json.dumps(one)}: {json.dumps(values)}" for one, values in stored.items())
        MEASURED.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
        holds = "holds" if experiment.holds(results) else "DOES NOT HOLD"
        print(f"{name:18} {holds:14} {results} {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
