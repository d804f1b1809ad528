"""The tables of the chapters of the lecture and of the laboratory, from docs/lecture/results.json, which
`python -m docs.lecture_plots` computes, and from ganzoo/lab/measured.json."""

import functools
import json
from pathlib import Path

from docs.markdown_tables import commas, percent, table

NUMBERS = Path(__file__).parent / "lecture" / "results.json"
# The settings of benchmarks/ring.py.
REMEDIES = {
    "feature_matching": "feature matching, added to the loss",
    "minibatch_discrimination": "minibatch discrimination, 4 kernels of 2",
    "historical_averaging": "historical averaging, weight 0.01",
    "label_smoothing": "one-sided label smoothing, 0.1",
    "least_squares": "least squares",
    "instance_noise": "instance noise, decaying from 1",
    "gradient_penalty": "Wasserstein with a gradient penalty, k = 5",
    "r1": "R1, weight 1",
}


@functools.cache
def measured():
    return json.loads(NUMBERS.read_text("utf-8"))


@table
def gaussian_fit():
    found = measured()["gaussian_fit"]
    yield "samples near a mode", "share"
    yield "real data", percent(found["real"])
    yield "a Gaussian of maximum likelihood", percent(found["gaussian"])


@table
def optimal_discriminator():
    found = measured()["optimal_discriminator"]
    yield "", "learned", "theory"
    yield "distance of D from p / (p + q)", f"{found['difference']:.3f}", "0"
    yield "value of the game, V", f"{found['value']:.3f}", f"2 JS - log 4 = {found['theory']:.3f}"


@table
def generator_gradients():
    found = measured()["generator_gradients"]
    yield "size of the gradient at D(G(z)) =", *found["scores"]
    for name in ("minimax", "non_saturating", "least_squares", "wasserstein"):
        yield f"`{name}`", *(f"{value:.2f}" for value in found[name])


@table
def confident_discriminator():
    found = measured()["confident_discriminator"]
    yield "steps to halfway, seeds 0, 1 and 2", "gradient descent", "Adam"
    for loss in ("minimax", "non_saturating"):
        yield f"`{loss}`", *(commas(found[f"{loss}, {optimizer}"]) for optimizer in ("sgd", "adam"))


@table
def laboratory():
    from ganzoo.lab import experiments

    yield "experiment", "measured", "first game", "second game", "as claimed"
    for one in experiments.values():
        pairs = list(zip(*one.results))
        numbers = [f"{name}: {sum(values) / len(values):.3g}" for name, values in zip(one.names, pairs)]
        right = sum(one.holds([pair]) for pair in one.results)
        yield one.title, one.measured, *numbers, f"{right} of {len(one.results)} seeds"


@table
def discriminator_steps():
    found = measured()["discriminator_steps"]
    yield "", *found
    yield "modes found of 8", *(commas(modes) for modes in found.values())


@table
def remedies():
    yield "", "modes found, seeds 0, 1 and 2"
    for name, modes in measured()["remedies"]["modes"].items():
        yield REMEDIES.get(name, name.replace("_", " ")), commas(modes)


@table
def points_on_a_line():
    yield "", "distance after 500 steps"
    for name, distance in measured()["points_on_a_line"]["distances"].items():
        yield name.replace("_", " ").replace("plain", "cross-entropy, alone"), f"{distance:.3f}"


@table
def smoothed_discriminator():
    found = measured()["smoothed_discriminator"]
    yield "", "D(x), trained", "best D(x)"
    yield "without smoothing", f"{found['without']:.3f}", "1"
    yield "smoothing of 0.1", f"{found['with']:.3f}", "0.9"


@table
def batch_dependence():
    found = measured()["batch_dependence"]
    yield "", "change with the batch"
    yield "batch normalization", f"{found['batch']:.1f}%"
    yield "virtual batch normalization", f"{found['virtual_batch']:.1f}%"


@table
def classes():
    yield "", "the class asked for"
    for name, share in measured()["classes"].items():
        yield f"`{name}`", percent(share)


@table
def walk():
    found = measured()["walk"]
    yield "", "difference"
    yield "neighbors on a walk", f"{found['neighbors']:.0f}"
    yield "independent images", f"{found['independent']:.0f}"


@table
def linear_probe():
    yield "linear classifier on", "accuracy"
    for name, share in measured()["linear_probe"].items():
        yield name, percent(share)


@table
def separated_lines():
    found = measured()["separated_lines"]
    yield (
        "distance",
        "Jensen-Shannon divergence",
        "critic with penalty",
        "clipped critic, rescaled",
        "slope with penalty",
        "slope, clipped",
    )
    for i, distance in enumerate(found["distances"]):
        rescaled = found["clipped"][i] / found["clipped_slope"][i]
        values = found["divergence"][i], found["penalty"][i], rescaled, found["slope"][i], found["clipped_slope"][i]
        yield f"{distance:g}", *(f"{abs(value) if abs(value) < 5e-3 else value:.2f}" for value in values)


@table
def equilibrium():
    found = measured()["equilibrium"]
    shown = [*range(0, len(found["ratio"]), 3), len(found["ratio"]) - 1]
    yield "epoch", *(epoch + 1 for epoch in shown)
    yield "L(G(z)) / L(x)", *(f"{found['ratio'][epoch]:.2f}" for epoch in shown)
    yield "M", *(f"{found['convergence'][epoch]:.3f}" for epoch in shown)


@table
def captions():
    found = measured()["captions"]
    yield "200 captions", "share"
    yield "the glasses of the caption", percent(found["glasses"])
    yield "the color of the clothes", percent(found["clothes_color"])


@table
def analogies():
    yield "man with glasses - man + woman", "women with glasses"
    for name, share in measured()["analogies"].items():
        yield name.replace("groups of 1", "single faces"), percent(share)


@table
def edits():
    found = measured()["edits"]
    yield "", "difference"
    yield "painted pixels from the paint, before", f"{found['before']:.0f}"
    yield "painted pixels from the paint, after", f"{found['after']:.0f}"
    yield "kept pixels from the original, after", f"{found['kept']:.0f}"
    yield "kept pixels of independent images", f"{found['independent']:.0f}"


@table
def temple():
    yield "", "PSNR", "distance of spectra"
    for name, (decibels, distance) in measured()["temple"].items():
        yield name if name == "bicubic" else f"`{name}`", f"{decibels:.2f} dB", f"{distance:.1f} dB"


@table
def shifts():
    found = measured()["shifts"]
    yield "white noise", "level of the output"
    yield "one pass", f"{found['one']:.0f} dB"
    yield "four shifts", f"{found['four']:.0f} dB"
