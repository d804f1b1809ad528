"""What `ganzoo generate` writes: a grid of images, an image per file, or a walk through latent space."""

import inspect
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo.data.writing import class_folders
from ganzoo.errors import GanzooError, at_least_one
from ganzoo.files import write_atomically
from ganzoo.inference import video
from ganzoo.inference.counts import allocated, whole_count
from ganzoo.inference.frames import LARGEST_ANIMATION, write_frames
from ganzoo.inference.latent import Latents, walk
from ganzoo.inference.sampling import checked_seconds, grid, save_image
from ganzoo.types import PathLike

# Formats of a walk, besides those of videos.
ANIMATIONS = (".gif", ".png", ".webp")
# Frames per second of a walk: whole hundredths of a second, as GIF needs.
RATE = 25
# Images per file operation and forward pass.
_BLOCK = 64

# A row of images that differ only in their latents: the arguments of `generate` that they have in common.
Row = dict[str, Any]


def rows_of(model: Any, captions: Sequence[str] = (), labels: Sequence[str] = ()) -> list[Row]:
    """One row for each caption or label; a single row without condition if there are none.

    Args:
        model: a model with `generate`.
        captions: for a `TextToImage` model.
        labels: for a `ClassConditionalGeneration` model: names of classes, or their numbers as text.

    Raises:
        GanzooError: both captions and labels, those of another kind of model, or an unknown class.

    Example:
        from ganzoo.inference.generation import rows_of

        rows_of(ganzoo.load("cgan.fashion_mnist"), labels=["sneaker", "8"])     # [{"labels": 7}, {"labels": 8}]
    """
    if captions and labels:
        raise GanzooError("captions and labels are for different models: give one of them")
    if captions:
        if "captions" not in inspect.signature(model.generate).parameters:
            raise GanzooError(f"{model.model_name} generates images without captions: leave them out")
        return [{"captions": caption} for caption in captions]
    if labels and not hasattr(model, "class_number"):
        raise GanzooError(f"{model.model_name} generates images without classes: leave the labels out")
    return [{"labels": model.class_number(label)} for label in labels] or [{}]


def write_grid(model: Any, path: PathLike, rows: Sequence[Row], count: int, seed: int, **options: float | None) -> None:
    """Writes a grid of images: a row for each of several conditions, from the same latents.

    Args:
        model: a model with `generate`.
        path: image to write.
        rows: see `rows_of`.
        count: images per row; in total if there is one row without condition, which is folded to a square.
        seed: of the latents.
        **options: further arguments of the model's `generate`, e.g. `truncation`; None counts as not given.

    Raises:
        GanzooError: an option that the model does not take, images that do not fit in memory, or a file that cannot be
            written.

    Example:
        from ganzoo.inference.generation import rows_of, write_grid

        model = ganzoo.load("cgan")
        write_grid(model, "grid.png", rows_of(model, labels=["2", "7"]), count=8, seed=0)
    """
    whole_count(count)
    options = {name: value for name, value in options.items() if value is not None}
    for name in options:
        if name not in inspect.signature(model.generate).parameters:
            raise GanzooError(f"{model.model_name} generates images without a {name}: leave it out")
    images = [model.generate(count, seed=seed, **row, **options) for row in rows]
    columns = None if rows == [{}] else count
    sheet = allocated(lambda: grid(np.concatenate(images), columns), f"{count * len(rows)} images")
    save_image(path, sheet)


def write_separately(
    model: Any, folder: PathLike, rows: Sequence[Row], count: int, seed: int, truncation: float | None = None
) -> int:
    """Writes each image to a PNG file of its own, a few at a time so that any number fits in memory.

    Images of classes go to a folder for each class, as "folder:FOLDER" reads them; images of captions are listed in
    captions.json, as "captions:FOLDER" reads them.

    Args:
        folder: a new or empty folder.
        model, rows, count, seed, truncation: as in `write_grid`.

    Returns:
        The number of images.

    Raises:
        GanzooError: a model without latents, an empty caption, which captions.json cannot hold, a folder that is not
            empty, or a file that cannot be written.

    Example:
        from ganzoo.inference.generation import rows_of, write_separately

        model = ganzoo.load("dcgan.digits")
        write_separately(model, "generated", rows_of(model), count=20, seed=0)     # generated/000000.png and so on
    """
    from tqdm import tqdm

    whole_count(count)
    if any(not row["captions"].strip() for row in rows if "captions" in row):
        raise GanzooError("an empty caption cannot be listed in captions.json: write a grid instead")
    folder, captions, i = Path(folder), {}, 0
    if os.path.isdir(folder) and any(os.scandir(folder)):
        raise GanzooError(f"the folder {folder} is not empty: name another one")
    named = class_folders(range(model.classes), model.class_names) if hasattr(model, "class_number") else {}
    with tqdm(total=count * len(rows), desc="writing", unit="image", disable=None, leave=False) as bar:
        for row in rows:
            for images, given in _blocks(model, row, count, seed, truncation):
                for image, label in zip(images, given.get("labels", [None] * len(images))):
                    name = f"{named[int(label)]}/{i:06d}.png" if label is not None else f"{i:06d}.png"
                    save_image(folder / name, image)
                    if "captions" in row:
                        captions[name] = row["captions"]
                    i += 1
                bar.update(len(images))
    if captions:
        try:
            text = json.dumps(captions, indent=0, ensure_ascii=False)
            write_atomically(folder / "captions.json", text.encode(errors="replace"))
        except OSError as error:
            raise GanzooError(f"cannot write {folder / 'captions.json'}: {error.strerror or error}") from None
    return i


def write_walk(
    model: Any,
    path: PathLike,
    rows: Sequence[Row],
    count: int,
    seed: int,
    truncation: float | None = None,
    points: int = 4,
    seconds: float | None = None,
) -> int:
    """Writes an animation that walks through latent space in a closed loop, by spherical interpolation.

    The first frame is the grid of `write_grid`; each of its images walks on its own.

    Args:
        path: .gif, .png (APNG), .webp, or a video: .mp4, .mov or .mkv.
        points: random latents that each walk passes, at least 2, the first included.
        seconds: duration of the loop; 2 for each point if not given.
        model, rows, count, seed, truncation: as in `write_grid`.

    Returns:
        The number of frames, 25 per second.

    Raises:
        GanzooError: a model without latents, an animation of more than 500 megapixels in all, or a file that cannot be
            written.

    Example:
        from ganzoo.inference.generation import rows_of, write_walk

        model = ganzoo.load("dcgan.digits")
        write_walk(model, "walk.gif", rows_of(model), count=4, seed=0, points=2, seconds=0.4)     # 10 frames
    """
    from tqdm import tqdm

    if not hasattr(model, "latent_dim"):
        raise GanzooError(f"{model.model_name} has no latents to walk through: generate a grid")
    whole_count(count)
    at_least_one(points=points)
    if points < 2:
        raise GanzooError(f"a walk passes at least 2 points, got {points}")
    if seconds is not None:
        checked_seconds(seconds)
    path = Path(path)
    each = max(1, round((2 * points if seconds is None else seconds) * RATE / points))
    total = each * points
    columns = None if rows == [{}] else count

    def stops() -> np.ndarray:
        source = _latents(model, count * points, seed, truncation)
        return np.stack([source.next(count) for _ in range(points)], axis=1)

    walks = [walk(way, each) for way in allocated(stops, f"{count * points} latents")]

    def frames() -> Iterator[np.ndarray]:
        for latents in tqdm(zip(*walks), total=total, unit="frame", disable=None, leave=False):
            step = np.stack(latents)
            yield grid(np.concatenate([model.generate(latents=step, **row) for row in rows]), columns)

    if path.suffix.lower() in video.WRITTEN:
        with video.VideoWriter(path, RATE) as writer:
            for frame in frames():
                writer.write(frame)
        return total
    made = frames()
    first = next(made)
    if first.shape[0] * first.shape[1] * total > LARGEST_ANIMATION:
        raise GanzooError(
            f"{total} frames of {first.shape[1]}x{first.shape[0]} are more than {LARGEST_ANIMATION // 10**6} "
            "megapixels: write an .mp4, or fewer images or seconds"
        )
    write_frames(path, [first, *made], durations=[1000 / RATE] * total)
    return total


def check_walk(path: PathLike) -> None:
    """Checks that `write_walk` can write the format of a path's suffix.

    Raises:
        GanzooError: it cannot, or PyAV is not installed; the message says what to do.
    """
    path = Path(path)
    if path.suffix.lower() in video.WRITTEN:
        video.check_writable(path)
    elif path.suffix.lower() not in ANIMATIONS:
        raise GanzooError(f"cannot write '{path.name}' as an animation: use {', '.join([*ANIMATIONS, *video.WRITTEN])}")


def _latents(model: Any, count: int, seed: int, truncation: float | None) -> Latents:
    if not hasattr(model, "latent_dim"):
        raise GanzooError(f"{model.model_name} has no latents, so its images come as a grid only")
    return Latents(count, model.latent_dim, seed, truncation)


def _blocks(
    model: Any, row: Row, count: int, seed: int, truncation: float | None
) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    """Yields (images, their conditions), a block at a time; classes in turn if none is given."""
    source = _latents(model, count, seed, truncation)
    for start in range(0, count, _BLOCK):
        size = min(_BLOCK, count - start)
        given = dict(row)
        if hasattr(model, "class_number"):
            given["labels"] = np.broadcast_to(row.get("labels", np.arange(start, start + size) % model.classes), size)
        yield model.generate(latents=source.next(size), **given), given
