"""Audio of any length through a convolutional network, window by window, in bounded memory."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Windows:
    """How audio is cut into overlapping windows.

    The network's input extends `margin` samples before the output, and `ahead` samples after it. Outputs of neighboring
    windows overlap by `fade` samples, where they are cross-faded. If both cover the network's receptive field, the
    result equals that for the whole signal at once.

    Attributes:
        step: samples from one window to the next.
        margin: samples of context before a window's output.
        fade: samples in which two windows are cross-faded, at most `step`.
        multiple: input lengths of the network are multiples of this; so are step and margin.
        ahead: samples of context after a window's output, rounded up to a multiple; None for as many as before it.
    """

    step: int
    margin: int = 0
    fade: int = 0
    multiple: int = 1
    ahead: int | None = None

    def __post_init__(self):
        for name in ("step", "margin"):
            if getattr(self, name) % self.multiple:
                raise ValueError(f"{name} {getattr(self, name)} is not a multiple of {self.multiple}")
        if not 0 <= self.fade <= self.step:
            raise ValueError(f"fade {self.fade} is not between 0 and step {self.step}")

    @property
    def context(self) -> int:
        """Samples of context after a window's output."""
        return self.margin if self.ahead is None else -(-self.ahead // self.multiple) * self.multiple

    @property
    def latency(self) -> int:
        """How many samples after a sample its output is known, at most."""
        return self.step + self.fade + self.context


class Overlapping:
    """Applies a network to audio that arrives in blocks; holds only one window and one block in memory.

    Args:
        function: from float32 (channels, samples) to the same shape; samples are a multiple of `windows.multiple`.
        windows: the `Windows`.

    Example:
        from ganzoo.inference.overlap import Overlapping, Windows

        halving = Overlapping(lambda x: x / 2, Windows(256, 64, 32))
        parts = [halving.push(np.ones((1, 700), "float32")), halving.finish()]      # (1, 512) and (1, 188)
    """

    def __init__(self, function: Callable[[np.ndarray], np.ndarray], windows: Windows) -> None:
        self._function, self._windows = function, windows
        fade = windows.fade
        self._rising = np.sin(0.5 * np.pi * (np.arange(fade) + 0.5) / max(fade, 1)).astype("float32") ** 2
        # The input from sample `_begin` on, where the next output starts, and the last window's tail to cross-fade.
        self._held: np.ndarray | None = None
        self._begin, self._place = 0, 0
        self._tail: np.ndarray | None = None

    def push(self, block: np.ndarray) -> np.ndarray:
        """Takes a block, float32 (channels, any number of samples); returns the output that is final by now, float32
        (channels, samples)."""
        windows = self._windows
        self._held = block if self._held is None else np.concatenate([self._held, block], axis=1)
        parts = [block[:, :0]]
        # Strictly more than a window needs, so that the last window is not empty.
        while self._begin + self._held.shape[1] > self._place + windows.latency:
            parts.append(self._output(last=False))
            self._place += windows.step
            keep = max(0, self._place - windows.margin)
            self._held, self._begin = self._held[:, keep - self._begin :], keep
        return np.concatenate(parts, axis=1)

    def finish(self) -> np.ndarray:
        """The rest of the output; nothing can be pushed after it."""
        if self._held is None:
            return np.zeros((1, 0), "float32")
        left = self._begin + self._held.shape[1] > self._place
        return self._output(last=True) if left else self._held[:, :0]

    def _output(self, last: bool) -> np.ndarray:
        """The output of the window at `_place`."""
        assert self._held is not None
        windows, place, begin, held = self._windows, self._place, self._begin, self._held
        start = max(0, place - windows.margin)
        end = begin + held.shape[1] if last else place + windows.latency
        shown = held[:, start - begin : end - begin]
        padded = np.pad(shown, ((0, 0), (0, -shown.shape[1] % windows.multiple)))
        stop = end if last else place + windows.step + windows.fade
        output = np.array(self._function(padded)[:, place - start : stop - start])
        if self._tail is not None:
            mixed = min(windows.fade, output.shape[1])
            rising = self._rising[:mixed]
            output[:, :mixed] = rising * output[:, :mixed] + (1 - rising) * self._tail[:, :mixed]
        if last:
            return output
        self._tail = output[:, windows.step :] if windows.fade else None
        return output[:, : windows.step]
