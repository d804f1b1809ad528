"""Pictures with sentences about them."""

import hashlib
import json
import re
import warnings
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from ganzoo import pixels
from ganzoo.config import AtLeastOne, Seed
from ganzoo.data.decoding import fit, read_picture
from ganzoo.data.feed import Feed, checked, kept_out
from ganzoo.data.sources import allocate, kept_in_place, load_tfds, split_source
from ganzoo.errors import GanzooError
from ganzoo.files import cache_folder, read_cached, write_cached

# A file of captions larger than this is none.
_MOST_BYTES = 2**28


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
    """A data set of pictures and, of each, a caption as a vector.

    Of a picture with several captions every epoch takes one at random. Vectors are worked out once, and kept in the
    cache folder. An encoder that has not learned yet does so first, from these pictures.

    Args:
        source: "captions:FOLDER" (pictures, and captions.json or captions.txt beside them, see `read_captions`) or
            "tfds:NAME[:SPLIT]" with the features `image` and `captions` or `caption`.
        image_shape: (height, width, channels) of the pictures.
        encoder: of `ganzoo.text`, e.g. `model.text_encoder`.
        batch_size: pictures per batch.
        seed: of the order, captions and mirroring.
        flip: mirror half of the pictures, left to right.
        shift: move pictures by up to this share of their size, on white.
        upscale: enlarge pictures that are smaller, instead of refusing them.
        held_out: share of the pictures, with all their captions, that is kept from training: evenly spaced in the order
            of the captions' file, the same for every seed.
        strict: a broken picture is an error instead of being skipped with a warning.

    Returns:
        `tf.data.Dataset` of (pictures float32 (batch_size, height, width, channels) in [-1, 1], vectors float32
        (batch_size, encoder.dim)).

    Raises:
        GanzooError: a missing or empty source, a file of captions that is none, a picture outside its folder.

    Example:
        dataset = ganzoo.data.captions("captions:my_pictures", (64, 64, 3), model.text_encoder)
    """
    return feed(**locals()).dataset()


def feed(source, image_shape, encoder, **options):
    """The `Feed` behind `captions`, with the same arguments; `validation` holds (picture, captions) kept from
    training."""
    given = checked(captions, {"source": source, "image_shape": image_shape, "encoder": encoder, **options})
    images, texts, skipped = open_captions(source, given["image_shape"], given["upscale"], given["strict"])
    kept = kept_out(len(images), given["held_out"])
    validation = tuple((images[i].copy(), texts[i]) for i in sorted(kept))
    training = [i for i in range(len(images)) if i not in kept]
    images, texts = kept_in_place(images, training), [texts[i] for i in training]
    if not encoder.learned:
        encoder.learn(images, texts, verbose=1)
    vectors = cached_vectors(encoder, [text for of_one in texts for text in of_one])
    counts = np.array([len(of_one) for of_one in texts])
    begins = np.cumsum(counts) - counts

    def make_batch(step, indices):
        rng = np.random.default_rng([given["seed"], 6, int(step)])
        batch = images[indices]
        if given["flip"]:
            mirrored = rng.random(len(batch)) < 0.5
            batch[mirrored] = batch[mirrored, :, ::-1]
        if given["shift"]:
            batch = np.stack([_shifted(rng, picture, given["shift"]) for picture in batch])
        chosen = begins[indices] + rng.integers(counts[indices])
        return pixels.to_float(batch), vectors[chosen]

    return Feed(
        count=len(images),
        batch_size=given["batch_size"],
        seed=given["seed"],
        make_batch=make_batch,
        spec=[(images.shape[1:], "float32"), ((vectors.shape[1],), "float32")],
        source=source,
        pictures=images,
        captions=tuple(texts),
        validation=validation,
        skipped=skipped,
    )


def open_captions(source, image_shape, upscale=False, strict=False):
    """(pictures uint8 (count, height, width, channels), a list of captions of each, files that could not be read).

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
            images[used] = fit(read_picture(path, image_shape[2]), image_shape, upscale)
            texts.append(of_one)
            used += 1
        except GanzooError as error:
            lost[str(path)] = str(error)
    if lost and (strict or not used):
        first = min(lost)
        raise GanzooError(f"{first}: {lost[first]} ({len(lost)} of {len(found)} pictures of {root} cannot be used)")
    if lost:
        warnings.warn(f"{root}: skipped {len(lost)} of {len(found)}; first: {min(lost)}", stacklevel=2)
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
        image[:] = fit(np.asarray(example["image"]), image_shape, upscale)
        texts.append([bytes(text).decode("utf-8", "replace") for text in np.atleast_1d(value)])
    if not texts:
        raise GanzooError(f"tfds:{place} is empty")
    return images, texts, ()


_SCHEMES = {"captions": _folder, "tfds": _tfds}


def read_captions(folder):
    """{path of a picture: its captions} of a folder.

    captions.json is a mapping from file names to a caption or a list of them, or a list of mappings with `file` and
    `caption` or `captions`; or with `name`, `short_names` and `category`, as emoji-datasource has it, from which
    captions are written. captions.txt has a file name, a tab and a caption in each line, a file as often as it has
    captions. Files lie in the folder itself, or in one of its subfolders.

    Raises:
        GanzooError: neither file, one that cannot be read, or a picture that is missing or lies elsewhere.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise GanzooError(f"no such folder of captioned pictures: {folder}")
    for name, reader in (("captions.json", _from_json), ("captions.txt", _from_lines)):
        path = folder / name
        if path.is_file():
            if path.stat().st_size > _MOST_BYTES:
                raise GanzooError(f"{path} is larger than {_MOST_BYTES >> 20} MB")
            try:
                found = reader(path.read_text(encoding="utf-8"))
            except (UnicodeDecodeError, OSError, ValueError, RecursionError) as error:
                raise GanzooError(f"{path} cannot be read: {error}") from None
            return _located(folder, path, found)
    raise GanzooError(f"the folder {folder} holds neither captions.json nor captions.txt")


def _from_json(text):
    content = json.loads(text)
    if isinstance(content, dict):
        content = [{"file": file, "captions": of_one} for file, of_one in content.items()]
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise ValueError("it is neither a mapping nor a list of mappings")
    found = {}
    for entry in content:
        written = entry.get("captions", entry.get("caption"))
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
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        file, tab, caption = line.partition("\t")
        if not tab or not file.strip() or not caption.strip():
            raise ValueError(f"line {number} is not a file name, a tab and a caption")
        found.setdefault(file.strip(), []).append(caption.strip())
    return found


def _located(folder, listing, found):
    """{path: captions}; no file outside of the folder is ever opened."""
    if not found:
        raise GanzooError(f"{listing} holds no captions")
    root = folder.resolve()
    places = {}
    located = {}
    for name, of_one in found.items():
        path = folder / name
        if ".." in Path(name).parts or Path(name).is_absolute() or not path.resolve().is_relative_to(root):
            raise GanzooError(f"{listing}: '{name}' lies outside of its folder")
        if not path.is_file():
            if not places:
                places = {file.name: file for file in sorted(folder.rglob("*")) if file.is_file()}
            path = places.get(Path(name).name)
        if path is None or not path.resolve().is_relative_to(root):
            raise GanzooError(f"{listing}: there is no picture '{name}' in {folder}")
        located[path] = of_one
    return located


def written_from_names(entry):
    """Captions from a picture's `name`, `short_names` and `category`: the names as people would say them.

    Example:
        written_from_names({"name": "RED APPLE", "short_names": ["apple"], "category": "Food & Drink"})
        # ["red apple", "a red apple", "a picture of a red apple", "apple", "an apple", "a picture of an apple"]
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
        found += [name, countable, f"a picture of {countable}"]
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
    return vectors


def _shifted(rng, picture, share):
    height, width = picture.shape[:2]
    down, right = (int(rng.integers(-int(share * size), int(share * size) + 1)) for size in (height, width))
    moved = np.full_like(picture, 255)
    moved[max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)] = picture[
        max(0, -down) : height + min(0, -down), max(0, -right) : width + min(0, -right)
    ]
    return moved
