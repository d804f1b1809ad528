"""Upscaling of files: a still image, an animation (GIF, APNG, WebP, AVIF), a multi-page document (TIFF) or a video."""

import contextlib
import io
import itertools
import os
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo.data.decoding import image_suffixes, naming, opened_image
from ganzoo.data.folders import files_in, printable
from ganzoo.errors import GanzooError, first_line
from ganzoo.files import write_atomically
from ganzoo.inference import video
from ganzoo.inference.image_files import (
    PIXEL_LIMIT,
    as_image_file,
    check_size,
    check_writable,
    fitting_format,
    is_deep,
    read_image_file,
    write_image_file,
)
from ganzoo.inference.sampling import WRITTEN, to_pillow, with_binary_alpha
from ganzoo.inference.tiling import LARGEST_RESULT
from ganzoo.inference.video import is_video
from ganzoo.types import PathLike

# Formats that can hold several frames, by suffix.
HOLDS_FRAMES = {".gif": "GIF", ".png": "PNG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
# Most pixels of all upscaled frames together, which are in memory at once.
LARGEST_ANIMATION = 500_000_000
# Formats whose additional images are not frames: cameras' previews and gain maps, layers.
_ONE_IMAGE = ("MPO", "PSD")
# Default duration of a frame, and of a page of a document, in milliseconds.
_FRAME, _PAGE = 100, 1000


def frame_count(image: Any) -> int:
    """Number of frames or pages of an open Pillow image; 1 for a still image."""
    if image.format in _ONE_IMAGE:
        return 1
    return max(1, getattr(image, "n_frames", 1) - _first_frame(image))


def result_suffix(path: PathLike, chosen: str | None = None) -> str:
    """The suffix of the upscaled file if only an output folder is given.

    Args:
        path: the file to upscale.
        chosen: None for .png for a still image, the format of an animation or document, and .mp4 for a video; "keep"
            for the file's own format where it can be written; or a suffix such as ".jpg", for all that it can hold.
            Images of more than 8 bits are .png in any case.
    """
    path = Path(path)
    own = path.suffix.lower()
    if is_video(path):
        return own if chosen == "keep" and own in video.WRITTEN else ".mp4"
    try:
        with opened_image(path, PIXEL_LIMIT) as image:
            several, file_format = frame_count(image) > 1, image.format
            deep = is_deep(path, image)
    except GanzooError:  # raised again when the file is read
        several, file_format, deep = False, None, False
    if deep and not several:
        return ".png"
    possible: Collection[str] = HOLDS_FRAMES if several else WRITTEN
    wanted = own if chosen == "keep" else chosen
    if wanted in possible:
        return str(wanted)
    return {"GIF": ".gif", "WEBP": ".webp", "TIFF": ".tif"}.get(file_format or "", ".png") if several else ".png"


def files_to_upscale(folder: PathLike, skip_folder: PathLike | None = None) -> list[Path]:
    """The images and videos of a folder, at any depth, sorted; see `ganzoo.data.folders.files_in`.

    Raises:
        GanzooError: there are none.
    """
    return files_in(folder, (*image_suffixes(), *video.READ), "images", skip_folder=skip_folder)


def check_target(source: PathLike, target: PathLike) -> None:
    """Checks that an upscaled file can have this name, before anything is read.

    Raises:
        GanzooError: the target is a folder, of a format that cannot be written, or a video where PyAV is missing.
    """
    if is_video(source):
        if os.path.isdir(target):
            raise GanzooError(f"{printable(target)} is a folder: name a file in it")
        video.check_writable(target)
    else:
        check_size(target, 1, 1)


def upscale_file(
    model: Any,
    source: PathLike,
    target: PathLike,
    tile: int = 384,
    progress: bool | Callable[[int, int], object] | None = None,
    scale: float | None = None,
    self_ensemble: bool = False,
) -> None:
    """Upscales an image file, with all frames of an animation or pages of a document, or a video.

    Bit depth, transparency, color profile, EXIF and the timing of an animation are preserved if the target's format
    supports them (a GIF has 256 colors per frame and no partial transparency). A video keeps the times of its frames
    and its sound. Sizes are checked before anything is decoded. The file is written atomically.

    Args:
        model: a `SuperResolution` model.
        source: file to read.
        target: file to write; its suffix determines the format. Several frames need .gif, .png (APNG), .webp or .tif,
            a video .mp4, .mov or .mkv.
        tile: height and width of a tile of the input, in pixels.
        progress: show a progress bar; None shows one on a terminal for more than one tile or frame. Or a function of
            (tiles or frames done, total).
        scale, self_ensemble: as in `SuperResolution.upscale`.

    Raises:
        GanzooError: a file cannot be read or written, the result exceeds 2 gigapixels or, for all frames of an
            animation together, 500 megapixels, or the format cannot hold it.

    Example:
        from ganzoo.inference.frames import upscale_file

        upscale_file(ganzoo.load("srresnet"), "in.jpg", "out.png")     # 192x256 pixels from 48x64
    """
    source, target = Path(source), Path(target)
    options: dict[str, Any] = dict(tile=tile, scale=scale, self_ensemble=self_ensemble)
    if is_video(source):
        _upscale_video(model, source, target, progress, options)
        return
    with opened_image(source, PIXEL_LIMIT) as image, naming(source):
        count, (height, width) = frame_count(image), model.size_of_result(image.height, image.width, scale)
        if height * width > LARGEST_RESULT:
            raise GanzooError(f"{image.width}x{image.height} times {scale or model.scale:g} is more than 2 gigapixels")
        check_size(target, height, width)
        if count > 1:
            _check_frames(target, count, height * width * count)
            frames, durations, plays, extras = _enlarged(model, image, count, progress, options)
    if count > 1:
        write_frames(target, frames, durations, plays, **extras)
        return
    photo = fitting_format(read_image_file(source), target)
    with naming(source):
        height, width, channels = photo.pixels.shape
        check_writable(target, (*model.size_of_result(height, width, scale), channels), photo.pixels.dtype)
        photo.pixels = model.upscale(photo.pixels, progress=progress, **options)
    write_image_file(target, photo)


def _upscale_video(model, source, target, progress, options):
    video.check_writable(target)
    with video.VideoReader(source, PIXEL_LIMIT) as reader:
        height, width = model.size_of_result(reader.height, reader.width, options["scale"])
        video.check_writable(target, height, width)
        with _counted(progress, reader.count) as count, video.VideoWriter(target, reader.rate, reader) as writer:
            for part, time in reader.parts():
                if not isinstance(part, np.ndarray):
                    writer.add_sound(part)
                    continue
                writer.write(model.upscale(part, progress=False, **options), time)
                count()


@contextlib.contextmanager
def _counted(progress, total):
    """Context manager that gives a function to call after each frame, for a progress bar or the function `progress`."""
    from tqdm import tqdm

    done = itertools.count(1)
    if callable(progress):
        yield lambda: progress(next(done), total or 1)
        return
    hidden = not progress if progress is not None else not sys.stderr.isatty()
    with tqdm(total=total or None, unit="frame", disable=hidden) as bar:
        yield bar.update


def write_frames(
    path: PathLike,
    frames: Sequence[np.ndarray],
    durations: Sequence[float] | None = None,
    plays: int = 0,
    **extras: Any,
) -> None:
    """Writes an animation or a multi-page TIFF.

    Args:
        path: file to write; .gif, .png (APNG), .webp, .tif or .tiff.
        frames: list of uint8 (height, width, 1 to 4 channels), all of one size except for TIFF; TIFF also takes uint16
            (height, width, 1).
        durations: milliseconds of each frame; ignored for TIFF.
        plays: how many times the animation plays; 0 means forever.
        **extras: options of Pillow's `save`, e.g. `icc_profile`.

    Raises:
        GanzooError: the format cannot hold the frames, or the file cannot be written.

    Example:
        from ganzoo.inference.frames import write_frames

        frames = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), "uint8")
        write_frames("animation.gif", frames, durations=[100] * 4)
    """
    path = Path(path)
    file_format = HOLDS_FRAMES[path.suffix.lower()]
    if file_format == "TIFF":
        images = [to_pillow(frame) for frame in frames]
        options: dict[str, Any] = {"compression": "tiff_deflate"}
    else:
        if len({frame.shape[:2] for frame in frames}) > 1:
            raise GanzooError(f"{printable(path)}: only .tif can hold pages of different sizes")
        if any(frame.dtype != np.uint8 for frame in frames):
            raise GanzooError(f"{printable(path)}: only .tif can hold frames of 16 bits")
        images = [to_pillow(frame) for frame in _alike(frames, binary_alpha=file_format == "GIF")]
        options = {"duration": [round(duration) for duration in durations or [_FRAME] * len(frames)]}
        if file_format != "GIF":
            options["loop"] = plays
        elif plays != 1:
            # A GIF states the number of repetitions after the first play.
            options["loop"] = max(0, plays - 1)
        if images[0].mode == "RGBA":
            # Transparent parts of a frame must not show the previous frame.
            options["disposal"] = {"GIF": 2, "PNG": 1}.get(file_format)
        if file_format == "WEBP":
            options["quality"] = 95
    buffer = io.BytesIO()
    try:
        given = {key: value for key, value in options.items() if value is not None}
        images[0].save(buffer, file_format, save_all=True, append_images=images[1:], **given, **extras)
        write_atomically(path, buffer.getvalue())
    except (OSError, ValueError, MemoryError) as error:
        raise GanzooError(f"cannot write {printable(path)}: {getattr(error, 'strerror', None) or error}") from None


def _enlarged(model, image, count, progress, options):
    """(upscaled frames, milliseconds of each, number of plays, extras of `write_frames`) of an open Pillow image."""
    looped = image.info.get("loop")
    if image.format == "GIF":
        plays = 1 if looped is None else looped + 1 if looped else 0
    else:
        plays = looped or 0
    frames, durations, extras, total = [], [], [], 0
    first = _first_frame(image)
    with _counted(progress, count) as report:
        for i in range(first, first + count):
            try:
                image.seek(i)
                height, width = model.size_of_result(image.height, image.width, options["scale"])
                total += height * width
                # Later pages may be larger than the first.
                if image.width * image.height > PIXEL_LIMIT or total > LARGEST_ANIMATION:
                    raise GanzooError(_too_large(count))
                photo = as_image_file(image)
            except GanzooError:
                raise
            except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
                raise GanzooError(f"frame {i - first + 1} of {count} cannot be read: {first_line(error)}") from None
            durations.append(image.info.get("duration"))
            frames.append(model.upscale(photo.pixels, progress=False, **options))
            extras.append(photo.extras)
            report()
    usual = _PAGE if image.format == "TIFF" else _FRAME
    return frames, [usual if duration is None else duration for duration in durations], plays, extras[0]


def _check_frames(target, count, pixels):
    suffix = target.suffix.lower()
    if suffix not in HOLDS_FRAMES:
        raise GanzooError(f"{suffix} cannot hold {count} frames or pages: write .gif, .png, .webp or .tif")
    if pixels > LARGEST_ANIMATION:
        raise GanzooError(_too_large(count))


def _too_large(count):
    return f"{count} upscaled frames have more than {LARGEST_ANIMATION // 10**6} megapixels: split the file"


def _first_frame(image):
    """1 if a PNG has a default image that is not part of its animation, else 0."""
    return int(bool(getattr(image, "default_image", False)))


def _alike(frames, binary_alpha):
    """uint8 frames, all converted to RGB, or to RGBA if any frame has transparency."""
    transparent = any(frame.shape[2] in (2, 4) and frame[..., -1].min() < 255 for frame in frames)
    for frame in frames:
        colors = frame[..., :-1] if frame.shape[2] in (2, 4) else frame
        colors = np.repeat(colors, 3 // colors.shape[2], axis=2)
        if not transparent:
            yield colors
            continue
        alpha = frame[..., -1:] if frame.shape[2] in (2, 4) else np.full_like(frame[..., :1], 255)
        colored = np.concatenate([colors, alpha], axis=2)
        yield with_binary_alpha(colored) if binary_alpha else colored
