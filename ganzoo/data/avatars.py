"""Cartoon avatars, rendered with known attributes.

    avatars:2000                           2,000 avatars, none with a held-out pair of colors
    avatars:2000:held-out                  2,000 avatars that all have such a pair, for evaluation
    avatars:2000:seed=7                    2,000 other avatars
    avatars:2000:label=glasses             the kind of glasses as the class label
    avatars:2000:style=lorelei             another DiceBear style, without attributes, labels and captions

They are rendered once, by the packages of the extra `avatars`, and cached. The style of the first
four is Avataaars by Pablo Stanley (https://avataaars.com), free for personal and commercial use.
"""

import functools
import hashlib
import json
import os
import warnings
from dataclasses import dataclass

import numpy as np

from ganzoo.data import avatar_renderer
from ganzoo.data.allocation import allocate
from ganzoo.data.avatar_attributes import ATTRIBUTES, NAMES, sample_attributes, style_options
from ganzoo.data.avatar_captions import MAX_LENGTH, Captions, write_captions
from ganzoo.data.decoding import as_channels, fit
from ganzoo.errors import GanzooError, unknown
from ganzoo.files import cache_folder, replaced

STYLE = "avataaars"
# With more, the captions alone would fill the memory of most machines.
_MOST = 1_000_000
# Version of cached files: increase it when attributes or rendering change.
_VERSION = 1
_READ_AT_ONCE = 2**24


@dataclass(frozen=True)
class Request:
    """A parsed source "avatars:...".

    Attributes:
        count: number of avatars.
        seed: seed of their attributes and captions.
        held_out: whether all have held-out pairs of colors; otherwise none has.
        label: the attribute used as the class label.
        style: name of a DiceBear style.
    """

    count: int
    seed: int = 0
    held_out: bool = False
    label: str = "hair"
    style: str = STYLE

    @property
    def place(self) -> str:
        """The text that `parse` turns into this request."""
        options = [f"seed={self.seed}"] if self.seed else []
        options += ["held-out"] if self.held_out else []
        options += [f"label={self.label}"] if self.label != Request.label else []
        options += [f"style={self.style}"] if self.style != STYLE else []
        return ":".join([str(self.count), *options])

    @property
    def attributes(self) -> np.ndarray | None:
        """int8 (count, 8), see `sample_attributes`; None for styles without attributes."""
        return sample_attributes(self.count, self.seed, self.held_out) if self.style == STYLE else None


def parse(place: str) -> Request:
    """Parses the part of a source that follows "avatars:".

    Args:
        place: a count, then options in any order, each after a colon: "held-out", "seed=NUMBER" or a number alone,
            "label=ATTRIBUTE", "style=STYLE".

    Raises:
        GanzooError: a missing count or one out of range; an unknown option, attribute or style, with the nearest
            match; the extra `avatars` is not installed.

    Example:
        from ganzoo.data.avatars import Request, parse
        assert parse("2000:held-out:seed=3") == Request(count=2000, seed=3, held_out=True)
    """
    count, *options = str(place).split(":")
    found = {"count": _whole(count, "COUNT", 1, _MOST)}
    for option in options:
        name, equals, value = option.partition("=")
        if option == "held-out":
            found["held_out"] = True
        elif name == "seed" and equals:
            found["seed"] = _whole(value, "the seed", 0, 2**31 - 1)
        elif option.isdecimal():
            found["seed"] = _whole(option, "the seed", 0, 2**31 - 1)
        elif name == "label" and equals:
            if value not in ATTRIBUTES:
                raise unknown("attribute of avatars", value, ATTRIBUTES)
            found["label"] = value
        elif name == "style" and equals:
            found["style"] = value
        else:
            raise unknown("option of avatars", option, ["held-out", "seed=NUMBER", "label=ATTRIBUTE", "style=STYLE"])
    request = Request(**found)
    avatar_renderer.check_style(request.style)
    if request.style != STYLE and (request.held_out or "label" in found):
        raise GanzooError(f"held-out and label= are for the style {STYLE}: other styles have no attributes")
    return request


def _whole(text, what, least, most):
    if not text.isdecimal() or len(text) > 20 or not least <= int(text) <= most:
        raise GanzooError(
            f"avatars:COUNT[:OPTION...]: {what} is a whole number from {least:,} to {most:,}, got '{text[:40]}', "
            "e.g. avatars:2000:seed=1"
        )
    return int(text)


def open_images(place: str, image_shape: tuple[int, int, int]) -> np.ndarray:
    """The images of a source, rendered at the requested size, uint8 (count, height, width, channels).

    Images that are not square are center crops of square ones.

    Args:
        place: what follows "avatars:" in the source.
        image_shape: (height, width, 1 or 3).

    Raises:
        GanzooError: as `parse`; or not enough memory or disk space for the images.
    """
    request = parse(place)
    size = max(image_shape[:2])
    if size > 4096:
        raise GanzooError(f"avatars are rendered with at most 4096x4096 pixels, but image_shape is {image_shape}")
    images = _rendered(request, size)
    if images.shape[1:] == tuple(image_shape):
        return images
    fitted = allocate((request.count, *image_shape), f"avatars:{place}")
    for to, image in zip(fitted, images):
        to[:] = fit(as_channels(image, image_shape[2]), image_shape)
    return fitted


def labels_of(place: str) -> tuple[np.ndarray | None, tuple[str, ...] | None]:
    """(labels int64 (count,), their names) of a source; (None, None) if the style has no attributes.

    Avatars without hair have the hair color "none", an additional last class.
    """
    request = parse(place)
    attributes = request.attributes
    if attributes is None:
        return None, None
    labels = attributes[:, NAMES.index(request.label)].astype("int64")
    names = ATTRIBUTES[request.label]
    if request.label == "hair_color":
        return np.where(labels < 0, len(names), labels), (*names, "none")
    return labels, names


def captions_of(place: str) -> Captions:
    """The captions of a source's avatars, with the attributes they name and wrong captions; see `Captions`.

    Raises:
        GanzooError: a style without attributes.
    """
    request = parse(place)
    if request.style != STYLE:
        raise GanzooError(f"the style {request.style} has no captions: leave out style= to use {STYLE}")
    return _captions(request)


@functools.lru_cache(maxsize=2)
def _captions(request):
    # Held-out avatars have a random stream of their own, as for the attributes.
    return write_captions(request.attributes, 2 * request.seed + request.held_out)


def _rendered(request, size):
    """The images uint8 (count, size, size, 3), from the cache, or rendered and then cached."""
    shape = (request.count, size, size, 3)
    facts = dict(version=_VERSION, renderer=avatar_renderer.versions(), shape=list(shape), style=request.style)
    facts.update(seed=request.seed, held_out=request.held_out)
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]
    # Before rendering: fails if there is no space.
    images = allocate(shape, f"avatars {key}")
    path = cache_folder() / f"avatars-{key}.rgb"
    if _read(path, images):
        return images
    attributes = request.attributes

    def options_of(i):
        if attributes is None:
            return {"seed": f"{request.seed}-{i}", "size": size, "backgroundColor": ["ffffff"]}
        return style_options(attributes[i], size)

    from tqdm import tqdm

    with tqdm(total=request.count, desc="rendering avatars", unit=" images", disable=None, leave=False) as bar:
        avatar_renderer.render_all(images, request.style, options_of, bar.update)
    _write(path, images)
    return images


def _read(path, images):
    """Fills the images from a file that `_write` wrote; False if it is missing or damaged."""
    content, digest = images.reshape(-1), hashlib.sha256()
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size != len(content) + digest.digest_size:
                return False
            for start in range(0, len(content), _READ_AT_ONCE):
                part = content[start : start + _READ_AT_ONCE]
                if file.readinto(part) != len(part):
                    return False
                digest.update(part)
            return file.read() == digest.digest()
    except OSError:
        return False


def _write(path, images):
    """Writes the images' bytes and their SHA-256 to the cache; warns if it cannot."""
    content, digest = images.reshape(-1), hashlib.sha256()
    try:
        with replaced(path) as file:
            for start in range(0, len(content), _READ_AT_ONCE):
                part = content[start : start + _READ_AT_ONCE]
                file.write(part)
                digest.update(part)
            file.write(digest.digest())
    except OSError as error:
        warnings.warn(
            f"rendered avatars cannot be cached in {path.parent} ({error.strerror or error}) and will be rendered "
            "again every time: set GANZOO_CACHE to a writable folder",
            stacklevel=2,
        )


__all__ = ["MAX_LENGTH", "STYLE", "Request", "captions_of", "labels_of", "open_images", "parse"]
