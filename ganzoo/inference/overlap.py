"""Sound of any length through a convolutional network, a window at a time, in bounded memory."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Windows:
    """How sound is cut into windows that overlap.

    A window is shown `margin` samples more than it answers for on either side; what it answers for overlaps with its
    neighbors' by `fade` samples, where one passes into the other. With a margin as wide as the network sees, the
    answer is that to the sound in one piece.

    Attributes:
        step: samples from one window to the next.
        margin: samples that a window sees and does not answer for, on either side.
        fade: samples that two windows answer for, at most `step`.
        multiple: the network takes multiples of so many samples; step and margin are such.
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
    """A network's answer to sound that comes in blocks.

    Args:
        function: from float32 (channels, samples) to the same shape; samples are a multiple of `windows.multiple`.
        blocks: iterable of float32 (channels, any number of samples).
        windows: a `Windows`.

    Yields:
        float32 (channels, samples), together as many samples as came. No more is kept than a window and a block.
    """
    step, margin, fade = windows.step, windows.margin, windows.fade
    rising = np.sin(0.5 * np.pi * (np.arange(fade) + 0.5) / max(fade, 1)).astype("float32") ** 2
    # What came from sample `begins` on; where the next window's answer begins; the last one's fading end.
    held, begins, place, tail = None, 0, 0, None

    def answer(last):
        """What the window at `place` adds to the result."""
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
        # Not yet with exactly what it needs: the last window takes what is left, which may not be nothing.
        while begins + held.shape[1] > place + step + fade + margin:
            yield answer(last=False)
            place += step
            keep = max(0, place - margin)
            held, begins = held[:, keep - begins :], keep
    if held is not None and begins + held.shape[1] > place:
        yield answer(last=True)
