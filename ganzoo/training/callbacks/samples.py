"""Sample images of the training's progress."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from ganzoo.inference.sampling import grid, save_animation, save_image
from ganzoo.types import PathLike

if TYPE_CHECKING:
    from ganzoo.data.feed import Feed

_MOST_FRAMES = 100


class Samples(keras.callbacks.Callback):
    """Writes a grid of the model's previews, with fixed inputs, after every epoch, and an animated GIF of them at the
    end.

    Args:
        folder: for `epoch_0001.png` and so on; the GIF is written next to it.
        feed: the training data, for models whose previews use its examples.
        count: number of images in the grid.

    Example:
        from ganzoo.training.callbacks import Samples

        model = ganzoo.create("gan", image_shape=(8, 8, 1), generator_widths=(16,), discriminator_widths=(8,))
        model.compile()
        model.fit(np.zeros((8, 8, 8, 1), "float32"), batch_size=8, callbacks=[Samples("samples", count=16)])
    """

    def __init__(self, folder: PathLike, feed: "Feed | None" = None, count: int = 64):
        super().__init__()
        self.folder = Path(folder)
        self.feed = feed
        self.count = count

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        images = self.model.preview(self.feed, self.count)
        if images is not None:
            save_image(self.folder / f"epoch_{epoch + 1:04d}.png", grid(images))

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        from PIL import Image

        # By number: from epoch 10,000 on, names have more digits.
        paths = sorted(self.folder.glob("epoch_*.png"), key=lambda path: (len(path.name), path.name))
        if len(paths) > _MOST_FRAMES:
            paths = [paths[round(i)] for i in np.linspace(0, len(paths) - 1, _MOST_FRAMES)]
        frames = []
        for path in paths:
            # Damaged files are skipped.
            with contextlib.suppress(OSError, ValueError, SyntaxError):
                frames.append(np.atleast_3d(np.asarray(Image.open(path))))
        # If a run was resumed with another number of samples, the grids differ in size.
        frames = [frame for frame in frames if frame.shape == frames[-1].shape]
        if len(frames) > 1:
            save_animation(self.folder.with_suffix(".gif"), frames)
