"""Images with sentences about them."""

import codecs
import hashlib
import json
import os
import posixpath
import re
import unicodedata
import warnings
from collections import Counter, defaultdict
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from ganzoo import pixels
from ganzoo.config import AtLeastOne, Seed
from ganzoo.data.decoding import TooSmall, as_channels, fit, image_suffixes, read_image
from ganzoo.data.feed import Feed, data_function, held_out_indices
from ganzoo.data.folders import described, listed, printable
from ganzoo.data.sources import allocate, kept_in_place, load_tfds, split_source
from ganzoo.errors import GanzooError, first_line
from ganzoo.files import cache_folder, read_cached, write_cached

# A file of captions larger than this is none.
_MOST_BYTES = 2**28


@data_function
def captions(
    source: str,
    image_shape: tuple[int, int, int],
    encoder: object,
    batch_size: AtLeastOne = 64,
    seed: Seed = 0,
    flip: bool = False,
    shift: Annotated[float, Field(ge=0, le=0.5)] = 0.0,
    upscale: bool = False,
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.1,
    strict: bool = False,
):
    """A data set of images and, of each, a caption as a vector.

    Of an image with several captions every epoch takes one at random. Vectors are worked out once, and kept in the
    cache folder. An encoder that has not learned yet does so first, from these images.

    Args:
        source: "captions:FOLDER" (images, and captions.json or captions.txt beside them, see `read_captions`) or
            "tfds:NAME[:SPLIT]" with the features `image` and `captions` or `caption`.
        image_shape: (height, width, channels) of the images.
        encoder: of `ganzoo.text`, e.g. `model.text_encoder`.
        batch_size: images per batch.
        seed: of the order, captions and mirroring.
        flip: mirror half of the images, left to right.
        shift: move images by up to this share of their size, on white.
        upscale: enlarge images that are smaller, instead of refusing them.
        held_out: share of the images, with all their captions, that is kept from training: evenly spaced in the order
            of the captions' file, the same for every seed.
        strict: a broken image is an error instead of being skipped with a warning.

    Returns:
        `tf.data.Dataset` of (images float32 (batch_size, height, width, channels) in [-1, 1], vectors float32
        (batch_size, encoder.dim)).

    Raises:
        GanzooError: a missing or empty source, a file of captions that is none, an image outside its folder.

    Example:
        dataset = ganzoo.data.captions("captions:my_images", (64, 64, 3), model.text_encoder)
    """
    images, texts, skipped = open_captions(source, image_shape, upscale, strict)
    chosen = held_out_indices(len(images), held_out)
    validation = tuple((images[i].copy(), texts[i]) for i in sorted(chosen))
    training = [i for i in range(len(images)) if i not in chosen]
    images, texts = kept_in_place(images, training), [texts[i] for i in training]
    known = {}

    def learn():
        if "vectors" not in known:
            if not encoder.learned:
                encoder.learn(images, texts, verbose=1)
            known["vectors"] = cached_vectors(encoder, [text for of_one in texts for text in of_one])

    if encoder.learned:
        learn()
    counts = np.array([len(of_one) for of_one in texts])
    begins = np.cumsum(counts) - counts

    def make_batch(step, indices):
        rng = np.random.default_rng([seed, 6, int(step)])
        batch = images[indices]
        if flip:
            mirrored = rng.random(len(batch)) < 0.5
            batch[mirrored] = batch[mirrored, :, ::-1]
        if shift:
            batch = np.stack([_shifted(rng, image, shift) for image in batch])
        chosen = begins[indices] + rng.integers(counts[indices])
        # How long a step takes does not depend on what the vectors say: zeros do until the encoder has learned.
        vectors = known["vectors"][chosen] if known else np.zeros((len(chosen), encoder.dim), "float32")
        return pixels.to_float(batch), vectors

    return Feed(
        count=len(images),
        batch_size=batch_size,
        seed=seed,
        make_batch=make_batch,
        spec=[(images.shape[1:], "float32"), ((encoder.dim,), "float32")],
        source=source,
        images=images,
        captions=tuple(texts),
        validation=validation,
        skipped=skipped,
        learning=None if known else learn,
    )


def open_captions(source, image_shape, upscale=False, strict=False):
    """(images uint8 (count, height, width, channels), a list of captions of each, files that could not be read).

    Args, Raises: as `captions`.
    """
    scheme, place = split_source(source, " of captions", _SCHEMES)
    return _SCHEMES[scheme](place, tuple(image_shape), upscale, strict)


def _folder(place, image_shape, upscale, strict):
    root = Path(place)
    found = read_captions(root)
    images = allocate((len(found), *image_shape), f"captions:{root}")
    texts, lost, used = [], {}, 0
    for path, of_one in found.items():
        try:
            images[used] = fit(read_image(path, image_shape[2]), image_shape, upscale)
            texts.append(of_one)
            used += 1
        except TooSmall as error:
            lost[str(path)] = (
                f"{printable(path)} is {error}, smaller than the {image_shape[1]}x{image_shape[0]} asked for: allow "
                "enlarging with upscale=True (in a preset, data: {upscale: true}), or choose a smaller image_shape"
            )
        except GanzooError as error:
            lost[str(path)] = str(error)
    if lost and (strict or not used):
        raise GanzooError(f"{lost[min(lost)]} ({len(lost)} of {len(found)} images of {root} cannot be used)")
    if lost:
        warnings.warn(f"{root}: skipped {len(lost)} of {len(found)}; first: {lost[min(lost)]}", stacklevel=2)
    return images[:used], texts, tuple(lost)


def _tfds(place, image_shape, upscale, strict):
    dataset, info = load_tfds(place)
    import tensorflow_datasets as tfds

    key = next((name for name in ("captions", "caption") if name in info.features), None)
    if key is None or "image" not in info.features:
        raise GanzooError(
            f"tfds:{place} has not both 'image' and 'captions' (or 'caption'); it has: {', '.join(info.features)}"
        )
    images, texts = allocate((int(dataset.cardinality()), *image_shape), f"tfds:{place}:{info.full_name}"), []
    for image, example in zip(images, tfds.as_numpy(dataset)):
        value = example[key]
        value = value.get("text", next(iter(value.values()))) if isinstance(value, dict) else value
        image[:] = fit(as_channels(np.asarray(example["image"]), image_shape[2]), image_shape, upscale)
        texts.append([bytes(text).decode("utf-8", "replace") for text in np.atleast_1d(value)])
    if not texts:
        raise GanzooError(f"tfds:{place} is empty")
    return images, texts, ()


_SCHEMES = {"captions": _folder, "tfds": _tfds}


def read_captions(folder):
    """{path of an image: its captions} of a folder.

    captions.json is a mapping from file names to a caption or a list of them, or a list of mappings with `file` and
    `caption` or `captions`; or with `name`, `short_names` and `category`, as emoji-datasource has it, from which
    captions are written. captions.txt has a file name, a tab and a caption in each line, a file as often as it has
    captions. Both are UTF-8, or UTF-16 with a byte-order mark.

    A file name is a path below the folder, with slashes or backslashes, or an absolute path that lies in it. Where
    there is no such file, the name stands for the one file whose path ends with it: "1.png", or "cats/1.png", of
    images/cats/1.png. Names in different Unicode normalizations are the same name.

    Which files count is said in `ganzoo.data.folders.files_in`; images without a caption are left out with a warning.

    Raises:
        GanzooError: neither file, one that cannot be read, an image that is missing or lies outside of the folder, or
            a name that several files could be meant by.
    """
    folder = Path(folder)
    if not os.path.isdir(folder):
        raise GanzooError(f"no such folder of captioned images: {printable(folder)}")
    for name, reader in (("captions.json", _from_json), ("captions.txt", _from_lines)):
        path = folder / name
        if os.path.isfile(path):
            try:
                if path.stat().st_size > _MOST_BYTES:
                    raise ValueError(f"it is larger than {_MOST_BYTES >> 20} MB")
                found = reader(_text(path.read_bytes()))
            except (OSError, ValueError, RecursionError) as error:
                raise GanzooError(f"{printable(path)} cannot be read: {printable(first_line(error))}") from None
            if not found:
                raise GanzooError(f"{printable(path)} holds no captions")
            return _located(folder, path, found)
    raise GanzooError(f"the folder {printable(folder)} holds neither captions.json nor captions.txt")


def _text(content):
    """The text of a file: UTF-8 with or without a byte-order mark, or UTF-16 with one."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    return content.decode("utf-8-sig")


def _without_loss(pairs):
    """A JSON object; values under the same key become one list instead of the last one alone."""
    found = {}
    for key, value in pairs:
        if key in found:
            value = [*_as_list(found[key]), *_as_list(value)]
        found[key] = value
    return found


def _as_list(value):
    return value if isinstance(value, list) else [value]


def _from_json(text):
    content = json.loads(text, object_pairs_hook=_without_loss)
    if isinstance(content, dict):
        content = [{"file": file, "captions": of_one} for file, of_one in content.items()]
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise ValueError("it is neither a mapping nor a list of mappings")
    found = {}
    for entry in content:
        # Programs that write every key leave the one that they do not use null or empty.
        written = next((entry[key] for key in ("captions", "caption") if entry.get(key) not in (None, [])), None)
        written = [written] if isinstance(written, str) else written
        if written is None and isinstance(entry.get("name"), str):
            written = written_from_names(entry)
        if not isinstance(entry.get("file"), str) or not isinstance(written, list) or not written:
            raise ValueError(f"an entry without a file and captions: {str(entry)[:200]}")
        if not all(isinstance(caption, str) for caption in written):
            raise ValueError(f"a caption that is no text: {str(entry)[:200]}")
        found.setdefault(entry["file"], []).extend(written)
    return found


def _from_lines(text):
    found = {}
    # Not splitlines(): a caption may hold what Unicode has besides as line breaks.
    for number, line in enumerate(re.split("\r\n|\r|\n", text), start=1):
        if not line.strip():
            continue
        file, tab, caption = line.partition("\t")
        if not tab or not file.strip() or not caption.strip():
            raise ValueError(f"line {number} is not a file name, a tab and a caption")
        found.setdefault(file.strip(), []).append(caption.strip())
    return found


def _located(folder, listing, found):
    """{path: captions}. Names are looked up among the files of the folder: no other path is ever opened."""
    suffixes = image_suffixes()
    files, counts = listed(folder)
    images = [path for path in files if path.suffix.lower() in suffixes]
    lookup = _Lookup({path.relative_to(folder).as_posix(): path for path in images}, folder, listing)
    located = {}
    for name, of_one in found.items():
        # Several names may stand for one file.
        located.setdefault(lookup.path(name), []).extend(of_one)
    counts.update({"images without a caption": len(images) - len(located)})
    others = (path for path in files if path.suffix.lower() not in suffixes and path != listing)
    counts.update(path.suffix.lower() or "without a suffix" for path in others)
    counts = Counter({kind: count for kind, count in counts.items() if count})
    if counts:
        words = f"{len(located)} images with captions; left out: {described(counts)}"
        warnings.warn(f"folder {printable(folder)}: {words}", stacklevel=3)
    return located


class _Lookup:
    """Which file of a folder a name in a list means.

    Args:
        files: {path below the folder, with slashes: path}.
        folder: the folder.
        listing: path of the list, for errors.
    """

    def __init__(self, files, folder, listing):
        self.files, self.listing = files, listing
        self.roots = {_plain(os.path.abspath(folder)), _plain(os.path.realpath(folder))}
        self.normalized, self.by_name = defaultdict(list), defaultdict(list)
        for place in files:
            self.normalized[_plain(place)].append(place)
            self.by_name[_plain(place).rpartition("/")[2]].append(place)

    def path(self, name):
        """The path that is meant.

        Raises:
            GanzooError: none, or several.
        """
        if name in self.files:
            return self.files[name]
        wanted = self._below(_plain(name.replace("\\", "/")), name)
        meant = self.normalized.get(wanted)
        if not meant:
            ending = f"/{wanted}"
            meant = [place for place in self.by_name[wanted.rpartition("/")[2]] if f"/{_plain(place)}".endswith(ending)]
        shown = f"{printable(self.listing)}: '{printable(name[:300])}'"
        if not meant:
            raise GanzooError(f"{shown}: there is no image of this name in {printable(self.listing.parent)}")
        if len(meant) > 1:
            both = " or ".join(printable(place) for place in meant[:2])
            more = f" (or {len(meant) - 2} others)" if len(meant) > 2 else ""
            raise GanzooError(f"{shown} may be {both}{more}: write its path below {printable(self.listing.parent)}")
        return self.files[meant[0]]

    def _below(self, wanted, name):
        """A path relative to the folder, without "." and ".."."""
        wanted = posixpath.normpath(wanted)
        if posixpath.isabs(wanted) or re.match("[A-Za-z]:/", wanted):
            root = next((root for root in self.roots if wanted.startswith(f"{root}/")), None)
            wanted = ".." if root is None else wanted[len(root) + 1 :]
        if wanted.split("/")[0] == "..":
            raise GanzooError(f"{printable(self.listing)}: '{printable(name[:300])}' lies outside of its folder")
        return wanted


def _plain(path):
    """A path with slashes, in one normalization of Unicode."""
    return unicodedata.normalize("NFC", path.replace(os.sep, "/"))


def written_from_names(entry):
    """Captions from an image's `name`, `short_names` and `category`: the names as people would say them.

    Example:
        written_from_names({"name": "RED APPLE", "short_names": ["apple"], "category": "Food & Drink"})
        # ["red apple", "a red apple", "an image of a red apple", "apple", "an apple", "an image of an apple"]
    """
    names = [entry["name"], *(name for name in entry.get("short_names") or () if isinstance(name, str))]
    plain = []
    for name in names:
        name = re.sub(r"[_\-:,]+", " ", name.lower())
        name = " ".join(re.sub(r"\bflag for\b", "flag of", name).split())
        if name and name not in plain:
            plain.append(name)
    found = []
    for name in plain:
        countable = f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
        found += [name, countable, f"an image of {countable}"]
    return found


def cached_vectors(encoder, texts):
    """`encoder.encode(texts)`, from the cache folder where it has been worked out before."""
    digest = hashlib.sha256(f"{encoder.name} {encoder.digest}".encode())
    for text in texts:
        digest.update(text.encode("utf-8", "replace") + b"\0")
    path = cache_folder() / f"captions-{encoder.name}-{digest.hexdigest()[:24]}.npz"
    vectors = read_cached(path).get("vectors")
    if vectors is None or vectors.shape != (len(texts), encoder.dim):
        vectors = encoder.encode(texts)
        write_cached(path, vectors=vectors)
    elif hasattr(encoder, "warn_of_cut"):
        encoder.warn_of_cut(texts)
    return vectors


def _shifted(rng, image, share):
    height, width = image.shape[:2]
    down, right = (int(rng.integers(-int(share * size), int(share * size) + 1)) for size in (height, width))
    moved = np.full_like(image, 255)
    moved[max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)] = image[
        max(0, -down) : height + min(0, -down), max(0, -right) : width + min(0, -right)
    ]
    return moved
