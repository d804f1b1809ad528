"""Plays the ten experiments of the laboratory with several seeds and writes what it measured.

    python -m benchmarks.laboratory [NAME ...] [--seeds 0 1 2 3 4]
    python -m benchmarks.laboratory --remedies [--seeds 0 1 2 3 4]

Writes ganzoo/lab/measured.json, from which the page and `python -m docs.tables` take their numbers. With --remedies it
plays the first game of the experiment "collapse" with each remedy instead, and prints a table.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

import ganzoo
from ganzoo import lab

MEASURED = Path(lab.__file__).parent / "measured.json"
# Changes to the game that collapses.
COLLAPSE_REMEDIES = {
    "none": {},
    "minibatch discrimination": {"discriminator_regularizers": ["minibatch_discrimination"]},
    "R1, weight 1": {"penalties": [{"name": "r1", "weight": 1.0}]},
    "gradient penalty, weight 1": {"penalties": [{"name": "gradient_penalty", "weight": 1.0}]},
    "spectral normalization of D": {"discriminator_regularizers": ["spectral_normalization"]},
    "instance noise, deviation 0.3": {"augmentations": [{"name": "instance_noise", "deviation": 0.3}]},
    "feature matching, weight 1": {"feature_matching": 1.0},
    "historical averaging, weight 1": {"historical_averaging": 1.0},
    "Wasserstein with gradient penalty": {
        "loss": "wasserstein",
        "penalties": [{"name": "gradient_penalty", "weight": 1.0}],
    },
    "k = 5": {"discriminator_steps": 5},
    "class labels for both networks": {"conditional": True},
    "equal learning rates of 1e-3": {"discriminator_learning_rate": 1e-3, "generator_learning_rate": 1e-3},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(lab.experiments))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(5)))
    parser.add_argument("--remedies", action="store_true", help="compare remedies for the collapse")
    options = parser.parse_args()
    if options.remedies:
        if options.names:
            parser.error("--remedies takes no names of experiments")
        remedies(options.seeds)
        return
    for name in options.names or lab.experiments:
        experiment, start = ganzoo.lab.experiments[name], time.perf_counter()
        results = [[round(number, 4) for number in experiment.play(seed)] for seed in options.seeds]
        stored = json.loads(MEASURED.read_text("utf-8")) if MEASURED.exists() else {}
        stored = {one: results if one == name else stored[one] for one in lab.experiments if one in {*stored, name}}
        lines = (f"{json.dumps(one)}: {json.dumps(values)}" for one, values in stored.items())
        MEASURED.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
        holds = "holds" if experiment.holds(results) else "DOES NOT HOLD"
        print(f"{name:18} {holds:14} {results} {time.perf_counter() - start:.0f} s", flush=True)


def remedies(seeds):
    experiment = lab.experiments["collapse"]
    print("| remedy | directions, of 8 | modes found, of 8 | distance |\n| --- | --- | --- | --- |", flush=True)
    for name, changes in COLLAPSE_REMEDIES.items():
        found = []
        for seed in seeds:
            played = lab.play(experiment.settings(seed)[0].with_changes(**changes), steps=experiment.steps, frames=40)
            half = played.frames[len(played.frames) // 2 :]
            modes, distances = ([getattr(frame, one) for frame in half] for one in ("modes", "distance"))
            found.append([experiment.measure(played.game, played.frames), np.mean(modes), np.mean(distances)])
        directions, modes, distance = np.array(found).T
        spread = f"{directions.mean():.1f} ({directions.min():.1f} to {directions.max():.1f})"
        print(f"| {name} | {spread} | {modes.mean():.1f} | {distance.mean():.2f} |", flush=True)


if __name__ == "__main__":
    main()
