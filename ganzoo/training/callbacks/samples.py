"""Images of the training's progress."""

import contextlib
from pathlib import Path

import keras
import numpy as np

from ganzoo.inference.sampling import grid, save_animation, save_image

_MOST_FRAMES = 100


class Samples(keras.callbacks.Callback):
    """Writes a grid of the model's previews after every epoch, always of the same things, and a GIF of all at the end.

    Args:
        folder: for `epoch_0001.png` and so on; the GIF is written beside it.
        feed: of the training, for models that preview its examples.
        count: images in the grid.
    """

    def __init__(self, folder, feed=None, count=64):
        super().__init__()
        self.folder = Path(folder)
        self.feed = feed
        self.count = count

    def on_epoch_end(self, epoch, logs=None):
        images = self.model.preview(self.feed, self.count)
        if images is not None:
            save_image(self.folder / f"epoch_{epoch + 1:04d}.png", grid(images))

    def on_train_end(self, logs=None):
        from PIL import Image

        paths = sorted(self.folder.glob("epoch_*.png"))
        if len(paths) > _MOST_FRAMES:
            paths = [paths[round(i)] for i in np.linspace(0, len(paths) - 1, _MOST_FRAMES)]
        frames = []
        for path in paths:
            # A damaged one costs its frame, not the run that has just ended.
            with contextlib.suppress(OSError, ValueError, SyntaxError):
                frames.append(np.atleast_3d(np.asarray(Image.open(path))))
        # A run resumed with another number of samples has grids of several sizes.
        frames = [frame for frame in frames if frame.shape == frames[-1].shape]
        if len(frames) > 1:
            save_animation(self.folder.with_suffix(".gif"), frames)
