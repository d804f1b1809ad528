"""The layers of a network as rows of a table."""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras

# The least number of times, and of rows saved, that make repeated layers a block.
_TIMES, _SAVED = 3, 4


@dataclass(frozen=True)
class Row:
    """A layer of a network.

    Attributes:
        name: of the layer.
        kind: its class, e.g. "Conv2D" or "SpectralNormalization(Conv2D)".
        shape: of its output without the batch; None is any size. Of several outputs, that of the first.
        weights: number of its weights, trained or not.
        depth: in how many networks within the network it is.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...]
    weights: int
    depth: int = 0

    @property
    def alike(self) -> tuple[Any, ...]:
        """What the layers of repeated blocks have in common."""
        return self.kind, self.shape, self.weights, self.depth


@dataclass(frozen=True)
class Block:
    """Layers that follow each other once or several times.

    Attributes:
        rows: of the first time.
        times: how often.
    """

    rows: tuple[Row, ...]
    times: int = 1


def weights_of(layers: Iterable[keras.layers.Layer]) -> int:
    """The number of weights of layers or networks, trained or not."""
    return sum(math.prod(variable.shape) for layer in layers for variable in layer.weights)


def rows_of(network: keras.Model, depth: int = 0) -> list[Row]:
    """The layers of a network in the order of computation, with the inputs of a functional one; those of a network
    within it follow it.

    Example:
        from ganzoo.networks.layout import rows_of

        model = ganzoo.create("gan", image_shape=(8, 8, 1), generator_widths=(16,), discriminator_widths=(8,))
        [row.kind for row in rows_of(model.generator)][:2]  # ["InputLayer", "Dense"]
    """
    rows = []
    for layer in getattr(network, "operations", network.layers):
        kind = type(layer).__name__
        if isinstance(layer, keras.layers.Wrapper):
            kind += f"({type(layer.layer).__name__})"
        # Operations such as a sum are no layers.
        weights = weights_of([layer]) if isinstance(layer, keras.layers.Layer) else 0
        shape = keras.tree.flatten(layer.output)[0].shape[1:]
        rows.append(Row(layer.name, kind, tuple(shape), weights, depth))
        if isinstance(layer, keras.Model):
            rows += rows_of(layer, depth + 1)
    return rows


def count_of(rows: Sequence[Row]) -> int:
    """The number of layers among rows, without inputs and without the networks that contain others."""
    inside = [later.depth > row.depth for row, later in itertools.pairwise(rows)]
    return sum(row.kind != "InputLayer" and not within for row, within in zip(rows, [*inside, False]))


def blocks_of(rows: Sequence[Row]) -> list[Block]:
    """The rows with blocks that are repeated, such as residual blocks, once. Repeated are kinds, shapes and sizes; what
    does not show in these, such as dilations, may differ.

    Example:
        from ganzoo.networks.layout import Row, blocks_of

        rows = [Row(f"{kind}{i}", kind, (8,), 72) for i in range(16) for kind in ("Dense", "ReLU")]
        [(len(block.rows), block.times) for block in blocks_of(rows)]  # [(2, 16)]
    """
    blocks: list[Block] = []
    alike = [row.alike for row in rows]
    place = 0
    while place < len(rows):
        length, times = 1, 1
        for other in range(1, (len(rows) - place) // 2 + 1):
            block, repeated = alike[place : place + other], 1
            while alike[place + repeated * other : place + (repeated + 1) * other] == block:
                repeated += 1
            # A pair of layers is read more easily than explained. Of the same rows, shorter blocks come first.
            if repeated >= _TIMES and (repeated - 1) * other >= _SAVED and repeated * other > times * length:
                length, times = other, repeated
        blocks.append(Block(tuple(rows[place : place + length]), times))
        place += length * times
    return blocks
