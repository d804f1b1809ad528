"""Image files enlarged: one image, an animation (GIF, APNG, WebP, AVIF) or a document of several pages (TIFF)."""

import io
import sys
from pathlib import Path

import numpy as np

from ganzoo.data.decoding import naming, opened_image
from ganzoo.data.folders import printable
from ganzoo.errors import GanzooError, first_line
from ganzoo.files import write_atomically
from ganzoo.inference.image_files import (
    PIXEL_LIMIT,
    as_image_file,
    check_size,
    check_writable,
    read_image_file,
    write_image_file,
)
from ganzoo.inference.sampling import to_pillow
from ganzoo.inference.tiling import LARGEST_RESULT

# What can hold several frames, by suffix.
HOLDS_FRAMES = {".gif": "GIF", ".png": "PNG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
# Pixels of all enlarged frames together, which are in memory at once.
_LARGEST_ANIMATION = 500_000_000
# Formats whose further images are no frames: previews and gain maps of cameras, layers.
_ONE_IMAGE = ("MPO", "PSD")
# Milliseconds that a frame is shown where the file does not say, and a page of a document.
_FRAME, _PAGE = 100, 1000


def frame_count(image: Any) -> int:
    """Number of frames or pages of an open Pillow image; 1 for a still image."""
    if image.format in _ONE_IMAGE:
        return 1
    return max(1, getattr(image, "n_frames", 1) - _first_frame(image))


def result_suffix(path: PathLike) -> str:
    """The suffix of the file that an image is enlarged into where only a folder is named: .png, which holds whatever a
    still image has, or what an animation or document is in already."""
    try:
        with opened_image(path, PIXEL_LIMIT) as image:
            several = frame_count(image) > 1
            return {"GIF": ".gif", "WEBP": ".webp", "TIFF": ".tif"}.get(image.format, ".png") if several else ".png"
    except GanzooError:  # said when it is to be read
        return ".png"


def upscale_file(model: Any, source: PathLike, target: PathLike, tile: int = 384, progress: bool | None = None) -> None:
    """Enlarges an image file; of an animation or a document of several pages all frames.

    Depth, transparency, color profile, EXIF and the times of an animation are kept where the target's format has them
    (a GIF has 256 colors a frame and no partial transparency). Sizes are checked before anything is decoded. The file
    appears when it is whole.

    Args:
        model: an `UpscalingModel`.
        source: file to read.
        target: file to write; its suffix says the format. Several frames go into .gif, .png (as APNG), .webp, .tif.
        tile: pixels of the small image that are computed at once, in both directions.
        progress: show a bar; None shows one on a terminal for more than one tile or frame.

    Raises:
        GanzooError: a file that cannot be read or written, a result beyond 2 gigapixels or, of several frames, 500
            megapixels together, or a format that cannot hold the result.

    Example:
        upscale_file(ganzoo.load("srgan"), "in.gif", "out.gif")
    """
    source, target = Path(source), Path(target)
    with opened_image(source, PIXEL_LIMIT) as image, naming(source):
        count, height, width = frame_count(image), image.height * model.scale, image.width * model.scale
        if height * width > LARGEST_RESULT:
            raise GanzooError(f"{image.width}x{image.height} times {model.scale} is beyond 2 gigapixels")
        check_size(target, height, width)
        if count > 1:
            _check_frames(target, count, height * width * count)
            frames, durations, plays, extras = _enlarged(model, image, count, tile, progress)
    if count > 1:
        write_frames(target, frames, durations, plays, **extras)
        return
    photo = read_image_file(source)
    height, width, channels = photo.pixels.shape
    check_writable(target, (height * model.scale, width * model.scale, channels), photo.pixels.dtype)
    with naming(source):
        photo.pixels = model.upscale(photo.pixels, tile=tile, progress=progress)
    write_image_file(target, photo)


def write_frames(
    path: PathLike,
    frames: Sequence[np.ndarray],
    durations: Sequence[float] | None = None,
    plays: int = 0,
    **extras: Any,
) -> None:
    """Writes an animation, or a TIFF of several pages.

    Args:
        path: file to write; .gif, .png (APNG), .webp, .tif or .tiff.
        frames: list of uint8 (height, width, 1 to 4 channels), of one size but for TIFF; TIFF also takes uint16
            (height, width, 1).
        durations: milliseconds of each frame; TIFF has none.
        plays: how many times the animation is shown; 0 is without end.
        **extras: of Pillow's `save`, e.g. `icc_profile`.

    Raises:
        GanzooError: a format that cannot hold them, or a place that cannot be written.
    """
    path = Path(path)
    file_format = HOLDS_FRAMES[path.suffix.lower()]
    if file_format == "TIFF":
        images = [to_pillow(frame) for frame in frames]
        options = {"compression": "tiff_deflate"}
    else:
        if len({frame.shape[:2] for frame in frames}) > 1:
            raise GanzooError(f"{printable(path)}: pages of different sizes are written as .tif alone")
        if any(frame.dtype != np.uint8 for frame in frames):
            raise GanzooError(f"{printable(path)}: frames of 16 bits are written as .tif alone")
        images = [to_pillow(frame) for frame in _alike(frames, binary_alpha=file_format == "GIF")]
        options = {"duration": [round(duration) for duration in durations or [_FRAME] * len(frames)]}
        if file_format != "GIF":
            options["loop"] = plays
        elif plays != 1:
            # A GIF says how often it is repeated after it has been shown once.
            options["loop"] = max(0, plays - 1)
        if images[0].mode == "RGBA":
            # What is transparent in a frame must not show the one before.
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


def _enlarged(model, image, count, tile, progress):
    """(enlarged frames, milliseconds of each, number of plays, extras of `write_frames`) of an open Pillow image."""
    from tqdm import tqdm

    looped = image.info.get("loop")
    if image.format == "GIF":
        plays = 1 if looped is None else looped + 1 if looped else 0
    else:
        plays = looped or 0
    frames, durations, extras, total = [], [], [], 0
    first = _first_frame(image)
    hidden = not progress if progress is not None else not sys.stderr.isatty()
    for i in tqdm(range(first, first + count), unit="frame", disable=hidden):
        try:
            image.seek(i)
            total += image.width * image.height * model.scale**2
            # Pages may be larger than the first.
            if image.width * image.height > PIXEL_LIMIT or total > _LARGEST_ANIMATION:
                raise GanzooError(_too_large(count))
            photo = as_image_file(image)
        except GanzooError:
            raise
        except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
            raise GanzooError(f"frame {i - first + 1} of {count} cannot be read: {first_line(error)}") from None
        durations.append(image.info.get("duration"))
        frames.append(model.upscale(photo.pixels, tile=tile, progress=False))
        extras.append(photo.extras)
    usual = _PAGE if image.format == "TIFF" else _FRAME
    return frames, [usual if duration is None else duration for duration in durations], plays, extras[0]


def _check_frames(target, count, pixels):
    suffix = target.suffix.lower()
    if suffix not in HOLDS_FRAMES:
        raise GanzooError(f"{count} frames or pages cannot be held by {suffix}: write .gif, .png, .webp or .tif")
    if pixels > _LARGEST_ANIMATION:
        raise GanzooError(_too_large(count))


def _too_large(count):
    return f"{count} frames make more than {_LARGEST_ANIMATION // 10**6} megapixels enlarged: split the file"


def _first_frame(image):
    """1 if a PNG shows another image than its animation where animations are not known."""
    return int(bool(getattr(image, "default_image", False)))


def _alike(frames, binary_alpha):
    """uint8 frames as all RGB, or all RGB and alpha if any of them is transparent anywhere."""
    transparent = any(frame.shape[2] in (2, 4) and frame[..., -1].min() < 255 for frame in frames)
    for frame in frames:
        colors = frame[..., :-1] if frame.shape[2] in (2, 4) else frame
        colors = np.repeat(colors, 3 // colors.shape[2], axis=2)
        if not transparent:
            yield colors
            continue
        alpha = frame[..., -1:] if frame.shape[2] in (2, 4) else np.full_like(frame[..., :1], 255)
        yield np.concatenate([colors, np.where(alpha < 128, 0, 255).astype("uint8") if binary_alpha else alpha], axis=2)
