"""Runs the experiments of the lecture and plots their results: python -m docs.lecture_plots [NAME ...]

Writes docs/lecture/results.json, from which `python -m docs.tables` makes the tables of the chapters, and
docs/lecture/*.png. All of it takes about twenty minutes on two cores; single experiments can be named. Training small
GANs is chaotic: the numbers change with the number of threads and with versions, the conclusions should not, and
tests/test_lecture.py checks those.
"""

import io
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import pyplot as plt
from PIL import Image

from docs.lecture import applications, experiments

HERE = Path(__file__).parent / "lecture"
NUMBERS = HERE / "results.json"
# Not numbers of a table.
ARRAYS = ("curves", "samples", "paths")
BLUE, RED, GRAY = "#2563eb", "#dc2626", "#6b7280"
plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110})


def main(names):
    for name, (experiment, draw) in EXPERIMENTS.items():
        if names and name not in names:
            continue
        found = experiment()
        if draw:
            draw(found)
        numbers = json.loads(NUMBERS.read_text("utf-8")) if NUMBERS.exists() else {}
        numbers[name] = rounded({key: value for key, value in found.items() if key not in ARRAYS})
        numbers = {known: numbers[known] for known in EXPERIMENTS if known in numbers}
        NUMBERS.write_text(json.dumps(numbers, indent=1) + "\n", "utf-8")
        print(name, numbers[name], flush=True)


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(inner) for inner in value]
    return round(float(value), 4) if isinstance(value, (float, np.floating)) else value


def save(name, figure):
    """As a PNG of 64 colors, which is small."""
    buffer = io.BytesIO()
    figure.tight_layout()
    figure.savefig(buffer, format="png")
    plt.close(figure)
    Image.open(buffer).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(HERE / f"{name}.png", optimize=True)


def draw_gaussian(found):
    rng = np.random.default_rng(0)
    real = experiments.ring.CENTERS[rng.integers(0, 8, 500)] + rng.normal(0, 0.02, (500, 2))
    figure, axes = plt.subplots(1, 2, figsize=(5.2, 2.6), sharex=True, sharey=True)
    for axis, points, title in zip(axes, (real, found["samples"][:500]), ("real", "the fitted Gaussian")):
        axis.scatter(*points.T, s=3, color=BLUE if title == "real" else RED)
        axis.set(title=title, aspect="equal", xticks=[], yticks=[], xlim=(-4, 4), ylim=(-4, 4))
    save("gaussian", figure)


def draw_optimal(found):
    x, p, q, learned, best = found["curves"]
    figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.6))
    left.plot(x, p, color=BLUE, label="p, real")
    left.plot(x, q, color=RED, label="q, generated")
    right.plot(x, best, color=GRAY, linewidth=4, alpha=0.4, label="p / (p + q)")
    right.plot(x, learned, color="black", linewidth=1, label="D, learned")
    for axis in (left, right):
        axis.set(xlim=(-4, 4), xlabel="x")
        axis.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    save("optimal_discriminator", figure)


def draw_gradients(_):
    scores = np.linspace(0.01, 0.99, 99)
    found = experiments.generator_gradients(scores)
    figure, axis = plt.subplots(figsize=(6, 2.7))
    for name, color in (("minimax", RED), ("non_saturating", BLUE), ("least_squares", GRAY), ("wasserstein", "black")):
        axis.plot(scores, found[name], color=color, label=name.replace("_", " "))
    axis.set(xlabel="D(G(z)), as the sigmoid of the logit", ylabel="size of the gradient", ylim=(0, 2))
    axis.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    save("gradients", figure)


def draw_remedies(found):
    shown = ("plain", "minibatch_discrimination", "feature_matching", "gradient_penalty", "r1")
    figure, axes = plt.subplots(1, len(shown), figsize=(8, 2), sharex=True, sharey=True)
    for axis, name in zip(axes, shown):
        axis.scatter(*experiments.ring.CENTERS.T, s=60, facecolors="none", edgecolors=GRAY)
        axis.scatter(*found["samples"][name][:800].T, s=2, color=BLUE)
        axis.set(title=name.replace("_", " "), aspect="equal", xticks=[], yticks=[], xlim=(-3, 3), ylim=(-3, 3))
        axis.title.set_fontsize(8)
    save("ring", figure)


def draw_paths(found):
    figure, axes = plt.subplots(1, len(found["paths"]), figsize=(8, 2), sharex=True, sharey=True)
    for axis, (name, path) in zip(axes, found["paths"].items()):
        axis.plot(*path.T, color=BLUE, linewidth=0.8)
        axis.scatter([0], [0], marker="+", color="black")
        axis.scatter(*path[-1], s=14, color=RED)
        axis.set(title=name.replace("_", " "), aspect="equal", xlim=(-2, 2), ylim=(-2, 2), xticks=[], yticks=[])
        axis.title.set_fontsize(8)
    axes[0].set(xlabel="theta", ylabel="psi")
    save("points_on_a_line", figure)


def draw_lines(found):
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 2.6))
    left.plot(found["distances"], found["divergence"], "o-", color=RED)
    left.axhline(np.log(2), color=GRAY, linewidth=0.8, linestyle=":")
    left.set(title="Jensen-Shannon divergence", xlabel="distance of the lines", ylim=(-0.05, 0.8))
    right.plot(found["distances"], found["penalty"], "o-", color=BLUE, label="gradient penalty")
    right.plot(
        found["distances"],
        np.divide(found["clipped"], found["clipped_slope"]),
        "s--",
        color="black",
        label="clipped, rescaled",
        markersize=4,
    )
    right.set(title="Wasserstein distance", xlabel="distance of the lines")
    right.legend(frameon=False)
    save("separated_lines", figure)


def draw_equilibrium(found):
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 2.4))
    epochs = np.arange(1, len(found["ratio"]) + 1)
    left.plot(epochs, found["ratio"], color=BLUE)
    left.axhline(0.5, color=GRAY, linestyle=":")
    left.set(title="L(G(z)) / L(x)", xlabel="epoch", ylim=(0, 1), xticks=epochs[::2])
    right.plot(epochs, found["convergence"], color=BLUE)
    right.set(title="M, the convergence measure", xlabel="epoch", ylim=(0, None), xticks=epochs[::2])
    save("began", figure)


EXPERIMENTS = {
    "gaussian_fit": (experiments.gaussian_fit, draw_gaussian),
    "optimal_discriminator": (experiments.optimal_discriminator, draw_optimal),
    "generator_gradients": (experiments.generator_gradients, draw_gradients),
    "confident_discriminator": (experiments.confident_discriminator, None),
    "discriminator_steps": (experiments.discriminator_steps, None),
    "remedies": (experiments.remedies, draw_remedies),
    "points_on_a_line": (experiments.points_on_a_line, draw_paths),
    "smoothed_discriminator": (experiments.smoothed_discriminator, None),
    "batch_dependence": (experiments.batch_dependence, None),
    "separated_lines": (experiments.separated_lines, draw_lines),
    "equilibrium": (experiments.equilibrium, draw_equilibrium),
    "classes": (applications.classes, None),
    "walk": (applications.walk, applications.draw_walk),
    "linear_probe": (applications.linear_probe, None),
    "captions": (applications.captions, None),
    "analogies": (applications.analogies, None),
    "edits": (applications.edits, applications.draw_edit),
    "temple": (applications.temple, None),
    "shifts": (applications.shifts, None),
}

if __name__ == "__main__":
    main(sys.argv[1:])
