"""Time and memory of each method against the size of its input or result: python -m benchmarks.growth [METHOD ...]

Each method and size runs in a process of its own: once at the smallest size, so that graphs exist, then once at the
size. Prints for each size the seconds of that call, the seconds per unit, the memory of the result, and how much the
peak memory of the process rose during the call beyond the result; then writes docs/growth.png with both against size.
With METHOD, only these are measured, and nothing is written. The inputs are random; precision is float32.
"""

import argparse
import functools
import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from benchmarks import memory

PLOT = Path(__file__).parents[1] / "docs" / "growth.png"


def images(model, count):
    return lambda: model.generate(count, seed=0)


def captioned(model, count):
    return lambda: model.generate(captions=["a man with a beard in a red hoodie"] * count, seed=0)


def reconstructed(model, count):
    given = np.random.default_rng(0).integers(0, 256, (count, *model.image_shape), "uint8")
    return functools.partial(model.reconstruct, given)


def upscaled(model, megapixels):
    side = round((megapixels * 1e6) ** 0.5 / model.scale)
    return functools.partial(model.upscale, _image(side))


def translated(model, megapixels):
    return functools.partial(model.translate, _image(round((megapixels * 1e6) ** 0.5)), "forward")


def enhanced(model, seconds):
    return functools.partial(model.enhance, _sound(model, seconds), model.sample_rate)


def smoothed(model, seconds):
    return functools.partial(model.smooth, _sound(model, seconds), model.sample_rate)


def restored(model, seconds):
    return functools.partial(model.restore, _sound(model, seconds), model.sample_rate)


def converted(model, seconds):
    return functools.partial(model.convert, _sound(model, seconds), model.sample_rate)


def spoken(model, count):
    return lambda: model.generate(count, seed=0, seconds=1.0, candidates=1)


def trained(model, count):
    """Small models of the same class, trained one after another for two steps."""

    def train():
        for _ in range(count):
            one = type(model)(**type(model).test_config)
            one.compile()
            one.fit(one.example_batch(8), batch_size=4, verbose=0)
            # Python would keep several in memory before it looks for cycles.
            del one
            gc.collect()
        return np.zeros(0)

    return train


def _image(side):
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), "uint8")


def _sound(model, seconds):
    """A voice of 120 Hz that sounds half of the time, and a little noise; ten seconds are repeated."""
    time_ = np.arange(10 * model.sample_rate) / model.sample_rate
    voice = sum(np.sin(2 * np.pi * 120 * k * time_) / k for k in range(1, 8)) * (np.sin(2 * np.pi * 2 * time_) > 0)
    sound = (0.1 * voice + 0.003 * np.random.default_rng(0).standard_normal(len(time_))).astype("float32")
    return np.resize(sound, round(seconds * model.sample_rate))


MINUTE, HOUR = 60, 3600
# {name: (preset, function that prepares a call, sizes, unit)}; the first size is the one of the call before.
METHODS = {
    "generate": ("dcgan.mnist", images, (10, 100, 1_000, 10_000), "images"),
    "generate, captions": ("gan_int_cls.avatars", captioned, (10, 100, 1_000, 10_000), "images"),
    "reconstruct": ("vae.mnist", reconstructed, (10, 100, 1_000, 10_000), "images"),
    "generate, pixel by pixel": ("pixelcnn.mnist", images, (10, 100, 1_000), "images"),
    "upscale": ("srresnet.photos_x4", upscaled, (0.25, 1, 4, 16, 64), "megapixels of the result"),
    "translate": ("cyclegan.emoji", translated, (0.25, 1, 4, 16), "megapixels"),
    "enhance": ("segan.speech", enhanced, (10, MINUTE, 10 * MINUTE, HOUR), "seconds of sound"),
    "smooth": ("smoother.speech", smoothed, (10, MINUTE, 10 * MINUTE, HOUR), "seconds of sound"),
    "restore": ("postfilter.speech", restored, (10, MINUTE, 10 * MINUTE, HOUR), "seconds of sound"),
    "convert": ("cyclegan_vc.voices", converted, (10, MINUTE, 10 * MINUTE, HOUR), "seconds of sound"),
    "say": ("wavenet.digits", spoken, (4, 16, 64, 256), "seconds of sound, at most"),
    "fit": ("dcgan.mnist", trained, (1, 4, 16), "models one after another"),
}


def measured(name, size):
    """{seconds, result and beyond in MB} of one call."""
    import ganzoo

    preset, function, sizes, _ = METHODS[name]
    model = ganzoo.load(preset)
    function(model, sizes[0])()
    call = function(model, size)
    before, begun = memory.peak(), time.perf_counter()
    result = call()
    seconds = time.perf_counter() - begun
    taken = result.nbytes / 2**20
    return {"seconds": seconds, "result": taken, "beyond": max(0.0, memory.peak() - before - taken)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", metavar="METHOD", help=", ".join(METHODS))
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(measured(options.worker[0], json.loads(options.worker[1]))))
        return
    found = {}
    print("| method, preset | size | seconds | per unit | result, MB | beyond, MB |\n|---|---|---|---|---|---|")
    for name in options.methods or METHODS:
        preset, _, sizes, unit = METHODS[name]
        for size in sizes:
            command = [sys.executable, "-m", "benchmarks.growth", "--worker", name, str(size)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{name}, {size} {unit}: {(done.stderr.strip().splitlines() or ['no error message'])[-1]}")
            row = json.loads(done.stdout.splitlines()[-1])
            found.setdefault(name, []).append((size, row))
            print(
                f"| {name}, `{preset}` | {size:,} {unit} | {row['seconds']:.3g} | {row['seconds'] / size:.2g} "
                f"| {row['result']:.0f} | {row['beyond']:.0f} |",
                flush=True,
            )
    if not options.methods:
        plot(found)
        print(PLOT)


def plot(found):
    """Both quantities against size, divided by the largest size of each method."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for number, (name, rows) in enumerate(found.items()):
        largest = rows[-1][0]
        sizes = [size / largest for size, _ in rows]
        label = f"{name}: {largest:,} {METHODS[name][3]}, {rows[-1][1]['seconds']:.3g} s"
        # Ten colors are distinct.
        style = dict(marker="os"[number // 10], markersize=4, color=f"C{number % 10}")
        left.plot(sizes, [row["seconds"] / rows[-1][1]["seconds"] for _, row in rows], label=label, **style)
        right.plot(sizes, [max(1.0, row["beyond"]) for _, row in rows], **style)
    left.plot([1e-3, 1], [1e-3, 1], color="gray", linestyle=":", label="linear")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("size, as a share of the largest")
    left.set_ylabel("time, as a share of that of the largest")
    right.set_ylabel("peak memory beyond the result, MB")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    figure.savefig(PLOT, dpi=110)


if __name__ == "__main__":
    main()
