"""Images of any size through a convolutional network, a tile at a time."""

import sys

import numpy as np

from ganzoo.errors import GanzooError, at_least_one
from ganzoo.inference.counts import allocated

# Pixels; a larger result is refused before it is allocated.
LARGEST_RESULT = 2_000_000_000


def windows(length: int, tile: int, reach: int) -> list[tuple[int, int, int]]:
    """How a line of pixels is cut: windows of one length that overlap, and what each of them is right about.

    A window sees `reach` pixels more than it answers for on either side, but for the image's own border, where the
    network pads as it would have for the whole image.

    Args:
        length: pixels.
        tile: the most pixels that a window answers for inside the image; as few as make the same number of windows.
        reach: how far a pixel of the result depends on its neighbors.

    Returns:
        List of (start, first, last): the window's first pixel, and the range it answers for; the ranges follow one
        another.

    Example:
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
    """The length of `windows`."""
    inside = length - 2 * reach
    if inside <= tile:
        return length
    # The first and the last window answer for their border as well.
    count = -(-inside // tile)
    return -(-inside // count) + 2 * reach


def in_tiles(
    function: Callable[[np.ndarray], Tensor],
    image: np.ndarray,
    scale: int,
    tile: int,
    reach: int,
    batch_size: int = 1,
    progress: bool | Callable[[int, int], object] | None = None,
) -> np.ndarray:
    """A network's answer to a whole image, from its answers to tiles of it.

    Equal to the answer to the whole in one piece, to rounding, if `reach` is as far as the network sees. Beside the
    two images, memory goes to `batch_size` tiles of (tile + 2 reach)^2 pixels.

    Args:
        function: from float32 (batch, height, width, 3) in [-1, 1] to (batch, scale height, scale width, 3).
        image: (height, width, 3), uint8 or uint16; or (height, width, 1), which is shown as gray and whose answer is
            the mean of the three colors.
        scale, reach: of the network.
        tile: pixels a tile answers for, in both directions.
        batch_size: tiles at a time.
        progress: show a bar; None shows one on a terminal; or a function of (tiles done, tiles in all).

    Returns:
        (scale height, scale width, channels) of the image's type.
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
            # A last group of fewer tiles would be a shape of its own to compile for.
            padded = np.concatenate([batch] + [batch[-1:]] * (min(batch_size, len(places)) - len(group)))
            padded = np.repeat(padded, 3 // channels, axis=3)
            answers = np.asarray(function(padded.astype("float32") * (2.0 / most) - 1.0), "float32")
            for answer, ((top, row, row_end), (left, column, column_end)) in zip(answers, group):
                inside = answer[
                    (row - top) * scale : (row_end - top) * scale, (column - left) * scale : (column_end - left) * scale
                ]
                inside = inside if channels == 3 else inside.mean(axis=2, keepdims=True)
                if not np.isfinite(inside).all():
                    raise GanzooError("the network's answer holds values that are no numbers: its weights are damaged")
                levels = np.clip(np.rint((inside + 1.0) * (most / 2)), 0, most).astype(image.dtype)
                result[row * scale : row_end * scale, column * scale : column_end * scale] = levels
            bar.update(len(group))
            report(min(i + batch_size, len(places)), len(places))
    return result
