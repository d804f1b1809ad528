"""How fast PixelCNN samples: cached activations against a loop that runs the whole network for each pixel.

    python -m benchmarks.sampling                   # 64 images of 28x28 with the network of pixelcnn.mnist
    python -m benchmarks.sampling --images 16 --pixels 28

The naive loop is timed on the first pixels of the images, and its time extrapolated: each pixel takes the same time.
Its network is compiled by the backend. Both are run in turn, and the best of each is reported.
"""

import argparse
import time
from typing import Any

import keras
import numpy as np

import ganzoo
from ganzoo import backend, loading, presets
from ganzoo.inference.pixel_sampling import PixelSampler
from ganzoo.inference.stepwise import last
from ganzoo.losses.likelihoods import Likelihood


def sampled_naively(
    network: keras.Model,
    likelihood: Likelihood,
    images: np.ndarray,
    keep: np.ndarray,
    uniform: np.ndarray,
    temperature: float = 1.0,
    labels: np.ndarray | None = None,
    pixels: int | None = None,
) -> np.ndarray:
    """As the last of `PixelSampler(network, likelihood).rows(images, keep, uniform, ...)`, with a forward pass of the
    whole network for each pixel, and for each channel where they are sampled one after the other; only the first
    `pixels` pixels."""
    specs = [((None, *tensor.shape[1:]), tensor.dtype) for tensor in network.inputs]

    def forward(*inputs: Any) -> Any:
        return network(list(inputs) if len(inputs) > 1 else inputs[0], training=False)

    outputs_of = backend.compiled(forward, specs, network)
    conditions = [] if labels is None else [labels]
    images = np.where(keep[..., None], images, np.float32(0.0))
    passes = network.get_layer("outputs").channels
    for place in range(images.shape[1] * images.shape[2])[:pixels]:
        row, column = divmod(place, images.shape[2])
        for channel in range(passes):
            outputs = outputs_of(images, *conditions)[:, row, column]
            values = likelihood.sample(outputs, uniform[:, place], temperature)
            sampled = slice(None) if passes == 1 else slice(channel, channel + 1)
            free = ~keep[:, row, column]
            images[free, row, column, sampled] = values[free, sampled]
    return images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="pixelcnn.mnist")
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--pixels", type=int, default=4, help="pixels of the naive loop")
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    preset = presets.find(options.preset)
    model: Any = ganzoo.load(options.preset) if preset.config.weights else loading.build(preset.config, preset.name)
    height, width, channels = model.image_shape
    nothing = np.zeros((options.images, height, width, channels), "float32")
    keep = np.zeros(nothing.shape[:3], bool)
    uniform = np.random.default_rng(0).uniform(1e-9, 1, (options.images, height * width, channels + 1))
    arguments: Any = model.inference_network, model.likelihood, nothing, keep, uniform
    # The first call also compiles.
    sampled_naively(*arguments, pixels=1)
    seconds: dict[str, list[float]] = {"cached": [], "naive": []}
    for _ in range(options.times):
        began = time.perf_counter()
        cached = last(PixelSampler(*arguments[:2]).rows(*arguments[2:]))
        seconds["cached"].append(time.perf_counter() - began)
        began = time.perf_counter()
        naive = sampled_naively(*arguments, pixels=options.pixels)
        seconds["naive"].append((time.perf_counter() - began) * height * width / options.pixels)
    first = np.abs(cached - naive).reshape(options.images, height * width, channels)[:, : options.pixels]
    best = {name: min(times) for name, times in seconds.items()}
    print(
        f"{options.preset}, {options.images} images of {height}x{width}x{channels} on {backend.device()} "
        f"(KERAS_BACKEND={keras.backend.backend()}): cached {best['cached']:.3g} s, naive {best['naive']:.3g} s "
        f"(from {options.pixels} of {height * width} pixels), {best['naive'] / best['cached']:.3g} times as long; "
        f"{(first < 1e-5).mean():.2%} of these pixels are the same"
    )


if __name__ == "__main__":
    main()
