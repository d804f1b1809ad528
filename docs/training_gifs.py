"""Writes demos/samples/MODEL.gif, the first minutes of a preset's training: python docs/training_gifs.py PRESET

python docs/training_gifs.py dcgan.digits
python docs/training_gifs.py gan.mnist --data idx:train-images-idx3-ubyte.gz --steps 2000
python docs/training_gifs.py vae.mnist --data idx:train-images-idx3-ubyte.gz --minutes 3

The preset is trained as it is, without its metrics, and nothing else is written. A frame is `model.preview`, what the
run folder of `ganzoo train` shows after each epoch, always of the same inputs. Frames are dense in the first steps.
"""

import argparse
import io
import math
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from PIL import Image

from ganzoo.data.image_files import resized
from ganzoo.errors import GanzooError
from ganzoo.files import write_atomically
from ganzoo.inference import grid
from ganzoo.inference.sampling import to_pillow
from ganzoo.training.plan import prepare

FOLDER = Path(__file__).parents[1] / "demos" / "samples"
MOST_BYTES = 120_000
# Pixels of a frame, its height as a share of its width, images of a preview, and steps from a frame to the next, as a
# factor.
WIDTH, SHARE, MOST_IMAGES, RATIO = 264, 0.4, 32, 1.2
# Square images of twice this side or more are reduced.
LARGEST = 128
# Frames and colors, of which the first that make a file small enough are taken; at last, frames become smaller.
REDUCTIONS = ((32, 64), (32, 32), (24, 32), (24, 16), (18, 32), (18, 16), (14, 16), (10, 16))
SCALES = (1, 0.75, 0.5, 0.375)
# Late frames, which differ more to the eye, are kept more often than early ones, of which some are left out.
EARLY = 0.7
# How long frames are shown, in milliseconds.
EACH, LAST = 250, 2500


class Frames(keras.callbacks.Callback):
    """Collects previews of a model after steps that are farther and farther apart, and stops the training.

    Args:
        feed: the training data, for previews that show its examples.
        steps: after which the training stops.
        minutes: after which it stops, too.
    """

    def __init__(self, feed, steps, minutes):
        super().__init__()
        self.feed, self.steps = feed, steps
        self.until = time.monotonic() + 60 * minutes
        self.frames, self.next, self.count = [], 1, MOST_IMAGES

    def on_train_batch_end(self, batch, logs=None):
        step = self.model.steps
        stop = step >= self.steps or time.monotonic() >= self.until
        if step >= self.next or stop:
            self.frames.append((step, self.preview()))
            self.next = max(step + 1, math.ceil(RATIO * step))
            print(f"\rstep {step:,}", end="", flush=True)
        if stop:
            self.model.stop_training = True

    def preview(self):
        """Previews, as many as a frame has places for, once the first have shown their size."""
        images = self.model.preview(self.feed, self.count)
        if images is None:
            raise GanzooError(f"{self.model.model_name} has no preview, or the data nothing that it could show")
        images = reduced(images)
        columns, rows = places(images.shape)
        if not self.frames and columns * rows < self.count:
            self.count = columns * rows
            images = reduced(self.model.preview(self.feed, self.count))
        return images


def reduced(images):
    """Square images that are large, at half or a third of the size and so on."""
    height, width = images.shape[1:3]
    times = max(1, height // LARGEST) if height == width else 1
    return np.stack([resized(image, (height // times, width // times)) for image in images]) if times > 1 else images


def places(shape):
    """(columns, rows) of a frame for images of this shape."""
    height, width = shape[1:3]
    columns = max(1, WIDTH // (width + 2))
    return columns, max(1, round(SHARE * columns * width / height))


def frames_of(preset, data=None, steps=None, minutes=math.inf, settings=()):
    """([(step, previews)], the `Plan`) of the beginning of a preset's training."""
    plan = prepare(preset, data, [*settings, "evaluation.extractor=null"])
    plan.feed.learn()
    found = Frames(plan.feed, steps or plan.total_steps, minutes)
    plan.model.fit(
        plan.feed.dataset(first_step=0),
        epochs=plan.config.training.epochs,
        steps_per_epoch=plan.steps_per_epoch,
        callbacks=[found],
        verbose=0,
    )
    return found.frames, plan


def gif_of(frames, caption):
    """The content of a GIF file of [(step, previews)] with its caption as a comment, of at most `MOST_BYTES`.

    Raises:
        GanzooError: no reduction is small enough.
    """
    columns, rows = places(frames[0][1].shape)
    whole = [to_pillow(grid(images[: columns * rows], columns)).convert("RGB") for _, images in frames]
    widest = min(1, 1.5 * WIDTH / whole[0].width)
    for scale in (widest * scale for scale in SCALES):
        sheets = [sheet.resize([round(scale * size) for size in sheet.size], Image.Resampling.BOX) for sheet in whole]
        for count, colors in REDUCTIONS:
            # The first and the last frame stay.
            kept = (len(sheets) - 1) * np.linspace(0, 1, min(count, len(sheets))) ** EARLY
            content = _gif([sheets[place] for place in np.unique(kept.round().astype(int))], colors, caption)
            if len(content) <= MOST_BYTES:
                return content
    raise GanzooError(f"the smallest GIF has {len(content):,} bytes, more than {MOST_BYTES:,}")


def _gif(sheets, colors, caption):
    # One palette for all frames.
    every = Image.fromarray(np.concatenate([np.asarray(sheet) for sheet in sheets]))
    palette = every.quantize(colors, dither=Image.Dither.NONE)
    first, *others = [sheet.quantize(palette=palette, dither=Image.Dither.NONE) for sheet in sheets]
    buffer = io.BytesIO()
    durations = [EACH] * len(others) + [LAST]
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=durations, loop=0, comment=caption.encode())
    return buffer.getvalue()


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("preset")
    parser.add_argument("--data", help="the preset's data from another place, e.g. idx:train-images-idx3-ubyte.gz")
    parser.add_argument(
        "--set", action="append", default=[], help="as in ganzoo train; the caption tells all but data.noise"
    )
    parser.add_argument("--steps", type=int, help="training steps; by default all, within --minutes")
    parser.add_argument("--minutes", type=float, default=3.0, help="of training")
    given = parser.parse_args(arguments)
    frames, plan = frames_of(given.preset, given.data, given.steps, given.minutes, given.set)
    (first, _), (last, _) = frames[0], frames[-1]
    caption = f"{given.preset}: steps {first:,} to {last:,} of its training"
    if last < plan.total_steps:
        caption += f", which has {plan.total_steps:,}"
    changed = [setting for setting in given.set if not setting.startswith("data.noise=")]
    if changed:
        caption += f", with {', '.join(changed)}"
    if plan.stage:
        caption += f" ({plan.stage})"
    content = gif_of(frames, caption)
    path = FOLDER / f"{given.preset.partition('.')[0]}.gif"
    write_atomically(path, content)
    print(f"\n{path}: {len(content):,} bytes; {caption}")


if __name__ == "__main__":
    try:
        main()
    except GanzooError as error:
        sys.exit(f"{error}")
