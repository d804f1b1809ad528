"""Audio of any length through a convolutional network, window by window, in bounded memory."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Windows:
    """How audio is cut into overlapping windows.

    The network's input extends `margin` samples beyond the output on either side. Outputs of neighboring windows
    overlap by `fade` samples, where they are cross-faded. If the margin covers the network's receptive field, the
    result equals that for the whole signal at once.

    Attributes:
        step: samples from one window to the next.
        margin: samples of context on either side.
        fade: samples in which two windows are cross-faded, at most `step`.
        multiple: input lengths of the network are multiples of this; so are step and margin.
    """

    step: int
    margin: int = 0
    fade: int = 0
    multiple: int = 1

    def __post_init__(self):
        for name in ("step", "margin"):
            if getattr(self, name) % self.multiple:
                raise ValueError(f"{name} {getattr(self, name)} is not a multiple of {self.multiple}")
        if not 0 <= self.fade <= self.step:
            raise ValueError(f"fade {self.fade} is not between 0 and step {self.step}")


def overlapped(
    function: Callable[[np.ndarray], np.ndarray], blocks: Iterable[np.ndarray], windows: Windows
) -> Iterator[np.ndarray]:
    """Applies a network to audio that comes in blocks; holds only one window and one block in memory.

    Args:
        function: from float32 (channels, samples) to the same shape; samples are a multiple of `windows.multiple`.
        blocks: iterable of float32 (channels, any number of samples).
        windows: the `Windows`.

    Yields:
        float32 (channels, samples), in total as many samples as in `blocks`.

    Example:
        from ganzoo.inference.overlap import Windows, overlapped

        blocks = [np.ones((1, 700), "float32"), np.ones((1, 300), "float32")]
        halved = np.concatenate(list(overlapped(lambda x: x / 2, blocks, Windows(256, 64, 32))), axis=1)     # (1, 1000)
    """
    step, margin, fade = windows.step, windows.margin, windows.fade
    rising = np.sin(0.5 * np.pi * (np.arange(fade) + 0.5) / max(fade, 1)).astype("float32") ** 2
    # The input from sample `begins` on; where the next window's output starts; the last window's tail to cross-fade.
    held, begins, place, tail = None, 0, 0, None

    def answer(last):
        """The output of the window at `place`."""
        nonlocal tail
        start = max(0, place - margin)
        end = begins + held.shape[1] if last else place + step + fade + margin
        shown = held[:, start - begins : end - begins]
        padded = np.pad(shown, ((0, 0), (0, -shown.shape[1] % windows.multiple)))
        answered = np.array(function(padded)[:, place - start : (end if last else place + step + fade) - start])
        if tail is not None:
            mixed = min(fade, answered.shape[1])
            answered[:, :mixed] = rising[:mixed] * answered[:, :mixed] + (1 - rising[:mixed]) * tail[:, :mixed]
        if last:
            return answered
        tail = answered[:, step:] if fade else None
        return answered[:, :step]

    for block in blocks:
        held = block if held is None else np.concatenate([held, block], axis=1)
        # Strictly more than a window needs, so that the last window is not empty.
        while begins + held.shape[1] > place + step + fade + margin:
            yield answer(last=False)
            place += step
            keep = max(0, place - margin)
            held, begins = held[:, keep - begins :], keep
    if held is not None and begins + held.shape[1] > place:
        yield answer(last=True)
