"""Samples images from an autoregressive network pixel by pixel, with cached activations.

A loop over pixels that runs the whole network each time computes everything again that earlier pixels have computed
already. Here each layer computes every position once: the vertical stack a row at a time, since it depends only on the
rows above, and the horizontal stack a pixel at a time. NumPy multiplies the matrices, which are too small for the
operations of a backend to pay (`python -m benchmarks.sampling`).
"""

import collections
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from ganzoo.errors import GanzooError
from ganzoo.inference.stepwise import one_blas_thread
from ganzoo.losses.likelihoods import Likelihood


class PixelSampler:
    """Samples from a network of `ganzoo.networks.pixelcnn`, whose current weights it copies.

    Args:
        network: the network.
        likelihood: the distribution of pixels given its outputs.

    Example:
        from ganzoo.inference.pixel_sampling import PixelSampler

        model = ganzoo.create("pixelcnn", image_shape=(8, 8, 1), width=4, depth=2, hidden=4)
        sampler = PixelSampler(model.inference_network, model.likelihood)
        images, keep = np.zeros((2, 8, 8, 1), "float32"), np.zeros((2, 8, 8), bool)
        uniform = np.random.default_rng(0).uniform(1e-9, 1, (2, 64, 2))
        for images in sampler.rows(images, keep, uniform):
            print(images.shape)         # (2, 8, 8, 1), in [-1, 1]
    """

    def __init__(self, network: keras.Model, likelihood: Likelihood):
        self.likelihood = likelihood
        self.shape = tuple(network.inputs[0].shape[1:])
        known = {layer.name: layer for layer in network.layers}
        depth = max(i for i in range(1, len(known)) if f"horizontal{i}" in known)
        self.layers = [_Layer(known, i) for i in range(1, depth + 1)]
        self.head = [_affine(known[name]) for name in ("skip", "hidden", "outputs")]
        # How many channels of a pixel are sampled one after the other, each with a pass of the horizontal stack.
        self.passes = known["outputs"].channels

    def rows(
        self,
        images: np.ndarray,
        keep: np.ndarray,
        uniform: np.ndarray,
        temperature: float = 1.0,
        labels: np.ndarray | None = None,
    ) -> Iterator[np.ndarray]:
        """Samples the pixels that are not kept, in raster order.

        The matrices are small: where other work runs, threads of one product wait for each other many times longer than
        they compute. So each product takes one thread.

        Args:
            images: float32 (count, height, width, channels) in [-1, 1]; only kept pixels matter.
            keep: bool (count, height, width).
            uniform: random numbers in (0, 1), (count, height * width, channels + 1).
            temperature: as in `Likelihood.sample`.
            labels: int (count,), for a network that takes labels.

        Yields:
            float32 (count, height, width, channels) in [-1, 1], after each row in which pixels were sampled, or once if
            all are kept. It is always the same array; what is not yet sampled is 0, a medium gray.
        """
        height, width, channels = self.shape
        top, side = self.layers[0].rows, self.layers[0].columns // 2
        # Among the zeros with which the first convolutions pad.
        padded = np.zeros((len(images), top + height, width + 2 * side, channels), "float32")
        inside = padded[:, top:, side : side + width]
        inside[keep] = images[keep]
        for layer in self.layers:
            layer.start(len(images), width, labels)
        unknown: Any = ~keep.all(axis=0)
        ends = [max(np.flatnonzero(row), default=-1) + 1 for row in unknown]
        # Nothing is computed after the last unknown pixel of the image, nor after that of a row.
        for row in range(max((i + 1 for i, end in enumerate(ends) if end), default=0)):
            with one_blas_thread():
                self._start_row(padded[:, row : row + top], width)
                for column in range(ends[row]):
                    seen = padded[:, row + top, column : column + side + 1]
                    if not unknown[row, column]:
                        self._pixel(seen, column)
                        continue
                    free = ~keep[:, row, column]
                    for channel in range(self.passes):
                        outputs = self._outputs(self._pixel(seen, column))
                        values = self.likelihood.sample(outputs, uniform[:, row * width + column], temperature)
                        sampled = slice(None) if self.passes == 1 else slice(channel, channel + 1)
                        inside[free, row, column, sampled] = values[free, sampled]
            if ends[row]:
                yield inside
        if not unknown.any():
            yield inside

    def _start_row(self, above: np.ndarray, width: int) -> None:
        """Computes the vertical stack at a row from the padded rows of the image above it."""
        vertical = self.layers[0].vertical_stack(list(np.moveaxis(above, 1, 0)), None, width)
        for layer in self.layers[1:]:
            vertical = layer.vertical_stack(layer.recent_rows(vertical), vertical, width)

    def _pixel(self, seen: np.ndarray, column: int) -> np.ndarray:
        """Computes the horizontal stack at a pixel; the gated outputs of all layers, concatenated.

        Args:
            seen: the pixels to the left of it, and the pixel itself: all that the first kernel may see.
            column: its place in the row.
        """
        outputs = []
        horizontal = None
        for layer in self.layers:
            if horizontal is None:
                inputs = seen[:, : layer.reach]
            else:
                layer.row[:, layer.reach - 1 + column] = horizontal
                inputs = layer.row[:, column : column + layer.reach]
            x = inputs.reshape(len(inputs), -1) @ layer.horizontal
            x += layer.given[:, column]
            outputs.append(_gated(x))
            if layer.out is not None:
                x = _applied(outputs[-1], layer.out)
                horizontal = x if horizontal is None else x + horizontal
        return np.concatenate(outputs, axis=1)

    def _outputs(self, gated: np.ndarray) -> np.ndarray:
        """What the likelihood takes, float32 (count, numbers)."""
        skip, hidden, outputs = self.head
        x = np.maximum(_applied(gated, skip), 0.0)
        return _applied(np.maximum(_applied(x, hidden), 0.0), outputs)


def checked_mask(mask: Any, shape: tuple[int, int, int]) -> np.ndarray:
    """A mask of known pixels as bool (count, height, width).

    Args:
        mask: bool (height, width) or (count, height, width), True where a pixel is known.
        shape: (count, height, width).

    Raises:
        GanzooError: it has another type or shape.

    Example:
        from ganzoo.inference.pixel_sampling import checked_mask

        checked_mask(np.ones((8, 8), bool), (2, 8, 8)).shape        # (2, 8, 8)
    """
    found = np.asarray(mask)
    if found.dtype != bool:
        raise GanzooError(f"a mask is bool, True where a pixel is kept, got {found.dtype}: e.g. pass mask > 0")
    if found.shape not in (shape, shape[1:]):
        raise GanzooError(
            f"the mask of {shape[0]} images of {shape[1]}x{shape[2]} pixels has shape {shape[1:]} or {shape}, got "
            f"{found.shape}"
        )
    return np.broadcast_to(found, shape)


class _Layer:
    """The weights of a layer of both stacks, and what it has to remember of earlier positions."""

    def __init__(self, known: dict[str, Any], i: int):
        vertical, horizontal = known[f"vertical{i}"], known[f"horizontal{i}"]
        self.vertical, (self.horizontal, bias) = _affine(vertical), _affine(horizontal)
        down, down_bias = _affine(known[f"down{i}"])
        self.down = down, down_bias + bias
        self.out = _affine(known[f"out{i}"]) if f"out{i}" in known else None
        self.rows, self.columns, self.reach = vertical.reach, vertical.kernel_size, horizontal.reach
        self.features = vertical.kernel.shape[2]
        # The shifts of the gates by each class.
        names = f"vertical{i}_class", f"horizontal{i}_class"
        self.classes = [ops.convert_to_numpy(known[name].embeddings) if name in known else None for name in names]

    def start(self, count: int, width: int, labels: np.ndarray | None) -> None:
        """Forgets earlier images."""
        self.shifts = [None if each is None else each[labels][:, None] for each in self.classes]
        self.side = self.columns // 2
        padded = np.zeros((count, width + 2 * self.side, self.features), "float32")
        self.recent = collections.deque([padded] * self.rows, maxlen=self.rows)
        # Of the horizontal stack: what the layer reads, after the zeros of its padding.
        self.row = np.zeros((count, self.reach - 1 + width, self.features), "float32")

    def recent_rows(self, vertical: np.ndarray) -> list[np.ndarray]:
        """The rows that the vertical convolution sees, the last of them the given one, padded at both sides."""
        self.recent.append(np.pad(vertical, ((0, 0), (self.side, self.side), (0, 0))))
        return list(self.recent)

    def vertical_stack(self, rows: list[np.ndarray], residual: np.ndarray | None, width: int) -> np.ndarray:
        """The layer's vertical output at a row; keeps what the horizontal stack takes from it. In the last layer, which
        has no such output, what its gates would take."""
        places = [row[:, i : i + width] for row in rows for i in range(self.columns)]
        seen = _applied(np.concatenate(places, axis=-1), self.vertical)
        self.given = _applied(seen, self.down)
        for x, shift in zip((seen, self.given), self.shifts):
            if shift is not None:
                x += shift
        if self.out is None:
            return seen
        gated = _gated(seen)
        return gated if residual is None else gated + residual


def _affine(layer: Any) -> tuple[np.ndarray, np.ndarray]:
    """(kernel (inputs, outputs), bias) of a masked convolution, as a matrix product of concatenated pixels takes it."""
    kernel = ops.convert_to_numpy(ops.cast(layer.masked_kernel(), "float32"))
    bias = ops.convert_to_numpy(ops.cast(layer.bias, "float32"))
    return np.ascontiguousarray(kernel.reshape(-1, kernel.shape[-1])), bias


def _applied(x: np.ndarray, affine: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    kernel, bias = affine
    # One product of two matrices, not one for each image.
    result = (x.reshape(-1, x.shape[-1]) @ kernel).reshape(*x.shape[:-1], -1)
    result += bias
    return result


def _gated(x: np.ndarray) -> np.ndarray:
    """As `ganzoo.layers.GatedActivation`; the logistic function by tanh, which NumPy vectorizes."""
    half = x.shape[-1] // 2
    gates = np.tanh(0.5 * x[..., half:])
    gates += 1.0
    gates *= np.tanh(x[..., :half])
    gates *= 0.5
    return gates
