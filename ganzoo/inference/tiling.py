"""Images of any size through a convolutional network, tile by tile."""

import itertools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ganzoo.errors import GanzooError, at_least_one
from ganzoo.inference.counts import allocated
from ganzoo.types import Tensor

# Most pixels of a result; a larger one is refused before it is allocated.
LARGEST_RESULT = 2_000_000_000


def windows(length: int, tile: int, reach: int) -> list[tuple[int, int, int]]:
    """Cuts a line of pixels into overlapping windows of one length.

    The input of a window extends `reach` pixels beyond its output on either side, except at the image border, where
    the network pads as it would for the whole image.

    Args:
        length: pixels.
        tile: maximum output of a window inside the image; made smaller if the number of windows stays the same.
        reach: how far an output pixel depends on its neighbors.

    Returns:
        List of (start, first, last): the first input pixel of a window and its output range; the ranges are contiguous.

    Example:
        from ganzoo.inference.tiling import windows

        windows(10, 4, 2)      # [(0, 0, 5), (3, 5, 10)], windows of 7 pixels
    """
    size = window_size(length, tile, reach)
    found, done = [], 0
    while done < length:
        start = max(0, min(done - reach, length - size))
        last = length if start + size == length else start + size - reach
        found.append((start, done, last))
        done = last
    return found


def window_size(length: int, tile: int, reach: int) -> int:
    """The length of a window of `windows`."""
    inside = length - 2 * reach
    if inside <= tile:
        return length
    # The first and the last window also cover the border.
    count = -(-inside // tile)
    return -(-inside // count) + 2 * reach


def in_eight_views(function: Callable[[np.ndarray], Tensor]) -> Callable[[np.ndarray], np.ndarray]:
    """A function that averages the results of another one for the eight rotations and reflections of images, each
    turned back (self-ensemble: Timofte et al. 2016, arXiv:1511.02228).

    Args:
        function: from float32 (batch, height, width, channels) to (batch, scale height, scale width, channels).

    Example:
        from ganzoo.inference.tiling import in_eight_views

        images = np.random.default_rng(0).uniform(-1, 1, (1, 8, 12, 3)).astype("float32")
        same = in_eight_views(lambda x: x)(images)     # float32 (1, 8, 12, 3)
    """

    def averaged(images: np.ndarray) -> np.ndarray:
        total: Any = 0.0
        # Rows and columns exchanged or not, upside down or not, left and right exchanged or not.
        for transposed, down, across in itertools.product((False, True), repeat=3):
            axes = (1,) * down + (2,) * across
            view = np.flip(images.swapaxes(1, 2) if transposed else images, axes)
            result = np.flip(np.asarray(function(np.ascontiguousarray(view)), "float32"), axes)
            total = total + (result.swapaxes(1, 2) if transposed else result)
        return total / 8

    return averaged


def in_tiles(
    function: Callable[[np.ndarray], Tensor],
    image: np.ndarray,
    scale: int,
    tile: int,
    reach: int,
    batch_size: int = 1,
    progress: bool | Callable[[int, int], object] | None = None,
) -> np.ndarray:
    """Applies a network to an image, tile by tile.

    Equals the result for the whole image, up to rounding, if `reach` covers the network's receptive field. Besides the
    two images, memory is needed for `batch_size` tiles of (tile + 2 reach)^2 pixels.

    Args:
        function: from float32 (batch, height, width, 3) in [-1, 1] to (batch, scale height, scale width, 3).
        image: uint8 or uint16 (height, width, 3); or (height, width, 1), which is converted to RGB and back by the
            mean of the three channels.
        scale: scale of the network.
        tile: height and width of a tile's output, in pixels of the input.
        reach: how far an output pixel of the network depends on its neighbors, in pixels of the input.
        batch_size: tiles per batch.
        progress: show a progress bar; None shows one on a terminal; or a function of (tiles done, total tiles).

    Returns:
        (scale height, scale width, channels) of the image's type.

    Raises:
        GanzooError: the result does not fit in memory, or the network's output is not finite.

    Example:
        from ganzoo.inference.tiling import in_tiles

        image = np.random.default_rng(0).integers(0, 256, (40, 30, 3), "uint8")
        same = in_tiles(lambda x: x, image, scale=1, tile=16, reach=2)     # uint8 (40, 30, 3)
    """
    at_least_one(tile=tile, batch_size=batch_size)
    from tqdm import tqdm

    height, width, channels = image.shape
    most = np.iinfo(image.dtype).max
    rows, columns = windows(height, tile, reach), windows(width, tile, reach)
    places = [(row, column) for row in rows for column in columns]
    size = [window_size(length, tile, reach) for length in (height, width)]
    result = allocated(
        lambda: np.empty((height * scale, width * scale, channels), image.dtype),
        f"{width}x{height} times {scale} pixels",
    )
    report = progress if callable(progress) else lambda done, total: None
    hidden = callable(progress) or not progress if progress is not None else len(places) == 1 or not sys.stderr.isatty()
    with tqdm(total=len(places), unit="tile", disable=hidden) as bar:
        for i in range(0, len(places), batch_size):
            group = places[i : i + batch_size]
            batch = np.stack([image[t : t + size[0], x : x + size[1]] for (t, _, _), (x, _, _) in group])
            # A smaller last batch would have to be compiled separately.
            padded = np.concatenate([batch] + [batch[-1:]] * (min(batch_size, len(places)) - len(group)))
            padded = np.repeat(padded, 3 // channels, axis=3)
            answers = np.asarray(function(padded.astype("float32") * (2.0 / most) - 1.0), "float32")
            for answer, ((top, row, row_end), (left, column, column_end)) in zip(answers, group):
                inside = answer[
                    (row - top) * scale : (row_end - top) * scale, (column - left) * scale : (column_end - left) * scale
                ]
                inside = inside if channels == 3 else inside.mean(axis=2, keepdims=True)
                if not np.isfinite(inside).all():
                    raise GanzooError("the network's output is not finite: its weights are damaged")
                levels = np.clip(np.rint((inside + 1.0) * (most / 2)), 0, most).astype(image.dtype)
                result[row * scale : row_end * scale, column * scale : column_end * scale] = levels
            bar.update(len(group))
            report(min(i + batch_size, len(places)), len(places))
    return result


def in_blended_tiles(
    function: Callable[[np.ndarray], Tensor],
    image: np.ndarray,
    tile: int,
    overlap: int,
    progress: bool | Callable[[int, int], object] | None = None,
) -> np.ndarray:
    """Applies a network to an image, tile by tile, and fades each tile into the next.

    For networks whose output depends on the whole input, such as those with instance normalization: tiles never agree
    exactly. Besides both images, memory is needed for a row of tiles.

    Args:
        function: from float32 (1, height, width, 3) in [-1, 1] to the same shape.
        image: uint8 (height, width, 3).
        tile: height and width of a tile; an image that is no larger is a single one.
        overlap: pixels in which neighbors are faded at least, below `tile`.
        progress: show a progress bar; None shows one on a terminal; or a function of (tiles done, total tiles).

    Returns:
        uint8 (height, width, 3).

    Raises:
        GanzooError: the network's output is not finite, or the image does not fit in memory.

    Example:
        from ganzoo.inference.tiling import in_blended_tiles

        image = np.random.default_rng(0).integers(0, 256, (40, 30, 3), "uint8")
        same = in_blended_tiles(lambda x: x, image, tile=16, overlap=4)     # uint8 (40, 30, 3)
    """
    from tqdm import tqdm

    height, width, _ = image.shape
    rows, columns = _faded(height, tile, overlap), _faded(width, tile, overlap)
    result = allocated(lambda: np.empty_like(image), f"{width}x{height} pixels")
    total, done, first = len(rows) * len(columns), 0, 0
    report = progress if callable(progress) else lambda done, total: None
    hidden = callable(progress) or not progress if progress is not None else total == 1 or not sys.stderr.isatty()
    band = np.zeros((min(tile, height), width, 3), "float32")

    def write(rows):
        result[first : first + len(rows)] = np.clip(np.rint((rows + 1.0) * 127.5), 0, 255).astype("uint8")

    with tqdm(total=total, unit="tile", disable=hidden) as bar:
        for top, row_weights in rows:
            # Rows above this row of tiles are complete.
            complete = top - first
            write(band[:complete])
            band = np.concatenate([band[complete:], np.zeros((complete, width, 3), "float32")])
            first = top
            for left, column_weights in columns:
                piece = image[top : top + len(row_weights), left : left + len(column_weights)]
                answer = np.asarray(function(piece[None].astype("float32") * (2 / 255) - 1.0), "float32")[0]
                if not np.isfinite(answer).all():
                    raise GanzooError("the network's output is not finite: its weights are damaged")
                weights = (row_weights[:, None] * column_weights)[..., None]
                band[:, left : left + len(column_weights)] += weights * answer
                done += 1
                bar.update()
                report(done, total)
    write(band)
    return result


def _faded(length: int, tile: int, overlap: int) -> list[tuple[int, np.ndarray]]:
    """(start, weights) of windows of one length that cover a line; the weights of all windows add up to 1."""
    size = min(tile, length)
    count = 1 if size == length else -(-(length - overlap) // (size - overlap))
    starts = [round(i * (length - size) / max(1, count - 1)) for i in range(count)]
    ramp = np.minimum(1.0, np.arange(1, size + 1) / (overlap + 1))
    weights = (np.minimum(ramp, ramp[::-1]) if count > 1 else np.ones(size)).astype("float32")
    total = np.zeros(length, "float32")
    for start in starts:
        total[start : start + size] += weights
    return [(start, weights / total[start : start + size]) for start in starts]
