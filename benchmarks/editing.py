"""Editing: how close painted and kept pixels come, and the seconds per edit.

    python benchmarks/editing.py [dcgan.fashion_mnist] [--images 20] [--size 0.3]

A text-to-image model generates from noise and the text vectors of captions of avatars (`model.unconditional`).

On each of --images random images, a square in the middle of the lower half is painted: once with one color, and once
with the same square of another random image. The upper third is kept. The table shows root mean squared differences in
gray levels, means over the images: between the image and the painting before the edit, between the best candidate and
the painting, of kept pixels from the original, and of kept pixels between two random images, for comparison. Seconds
are the median of calls after a warm-up, with 4 candidates.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

COLORS = np.array([[200, 50, 50], [50, 104, 200], [46, 139, 87], [240, 192, 48], [32, 32, 32], [255, 255, 255]])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset", nargs="?", default="dcgan.fashion_mnist", help="a preset, a run folder or a file")
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--size", type=float, default=0.3, help="side of the square, as a share of the image")
    parser.add_argument("--steps", type=int, default=100)
    options = parser.parse_args()

    import ganzoo
    from ganzoo.data.avatar_captions import random_captions
    from ganzoo.inference.editing import edit

    model = ganzoo.load(options.preset)
    if isinstance(model, ganzoo.TextToImage):
        model = model.unconditional(random_captions(2000))
    height, width, channels = model.image_shape
    latents = model.latents(2 * options.images, seed=0)
    images = model.generate(latents=latents)
    mask, keep = np.zeros((2, height, width), bool)
    side = max(1, round(options.size * height))
    top, left = round(0.75 * height - side / 2), (width - side) // 2
    mask[top : top + side, left : left + side] = True
    keep[: height // 3] = True

    print("painting, before, after, kept, kept of random images, candidates, seconds per edit")
    for what in ("color", "another image"):
        rows, seconds = [], []
        for i in range(options.images):
            before, other = images[i], images[i + options.images]
            painted = other if what == "another image" else np.full_like(before, _color(i, before, mask, channels))
            began = time.perf_counter()
            result = edit(model, latents[i], painted, mask, keep, steps=options.steps)
            seconds.append(time.perf_counter() - began)
            best = result.images[0]
            pairs = (before, painted, mask), (best, painted, mask), (best, before, keep), (other, before, keep)
            rows.append([*(_rms(first, second, where) for first, second, where in pairs), len(result.images)])
        means = ", ".join(f"{value:.1f}" for value in np.mean(rows, axis=0))
        print(f"{what}, {means}, {statistics.median(seconds[1:] or seconds):.2f}", flush=True)


def _color(number, image, mask, channels):
    """One of a few colors in turn; for grayscale, a gray level on the other side of the middle."""
    return COLORS[number % len(COLORS)] if channels == 3 else (60 if image[mask].mean() > 128 else 200)


def _rms(first, second, where):
    return np.sqrt(((first.astype("float64") - second) ** 2)[where].mean())


if __name__ == "__main__":
    main()
