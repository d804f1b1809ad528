"""Datasets of images with embedding vectors of their captions."""

import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from ganzoo import pixels
from ganzoo.arguments import AtLeastOne, Seed
from ganzoo.data import avatars
from ganzoo.data.allocation import allocate, select_in_place
from ganzoo.data.avatar_attributes import ATTRIBUTES
from ganzoo.data.captions_file import read_captions
from ganzoo.data.decoding import TooSmall, fit, read_image
from ganzoo.data.feed import Feed, data_function, held_out_indices
from ganzoo.data.folders import printable
from ganzoo.data.image_arrays import fit_array
from ganzoo.data.sources import split_source
from ganzoo.data.tfds import load_tfds
from ganzoo.errors import GanzooError
from ganzoo.files import cache_folder, read_cached, write_cached


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
    contradictions: Annotated[float, Field(ge=0, le=1)] = 0.0,
) -> Feed:
    """A dataset of images, each with an embedding vector of one of its captions.

    For an image with several captions, every epoch picks one at random. Vectors are computed once and cached in the
    cache folder. An untrained encoder is first trained on these images.

    Args:
        source: "captions:FOLDER" (images, and captions.json or captions.txt beside them, see
            `ganzoo.data.captions_file.read_captions`) or
            "tfds:NAME[:SPLIT]" with the features `image` and `captions` or `caption`, or "avatars:COUNT", see
            `ganzoo.data.avatars`.
        image_shape: (height, width, channels) of the images.
        encoder: an encoder of `ganzoo.text`, e.g. `model.text_encoder`.
        batch_size: images per batch.
        seed: seed of the order, the choice of captions, flips and shifts.
        flip: flip half of the images horizontally.
        shift: shift images by up to this fraction of their size; the border is filled with white.
        upscale: enlarge smaller images instead of raising an error.
        held_out: fraction of the images, with all their captions, that is held out for validation: evenly spaced in
            the order of the captions file, the same for every seed.
        strict: raise an error for an unreadable image instead of skipping it with a warning.
        contradictions: return two more arrays. The third are texts that do not match the images, for a discriminator
            that has to read exactly: this fraction of them contradicts the image in a single attribute, the others
            belong to other images. The fourth are the attributes that captions name. For sources that know attributes,
            "avatars:COUNT"; 0 leaves both out.

    Returns:
        `tf.data.Dataset` of (images float32 (batch_size, height, width, channels) in [-1, 1], vectors float32
        (batch_size, encoder.dim)); with `contradictions` also wrong vectors like the second, and attributes int32
        (batch_size, attributes), -1 for those that the caption leaves out.

    Raises:
        GanzooError: a missing or empty source, an invalid captions file, an image outside its folder.

    Example:
        from ganzoo.text import CharacterEncoder

        encoder = CharacterEncoder(dim=16, width=8)
        encoder.learn(np.zeros((2, 32, 32, 3), "uint8"), [["a cat"], ["a dog"]], epochs=1)
        dataset = ganzoo.data.captions("captions:my_images", (64, 64, 3), encoder, batch_size=4)
        images, vectors = next(iter(dataset))     # float32 (4, 64, 64, 3) and (4, 16)
    """
    text_encoder: Any = encoder
    described = _described(source)
    if contradictions and described is None:
        raise GanzooError(f"contradictions are for sources that know attributes, avatars:COUNT, and not for {source}")
    images, texts, skipped = open_captions(source, image_shape, upscale, strict)
    chosen = held_out_indices(len(images), held_out)
    validation = tuple((images[i].copy(), texts[i]) for i in sorted(chosen))
    training = [i for i in range(len(images)) if i not in chosen]
    images, texts = select_in_place(images, training), [texts[i] for i in training]
    wrong = [text for i in training for text in described.wrong[i]] if contradictions else []
    said = None if described is None else described.said[training]
    named = np.empty((0, 0), "int32") if said is None else said.reshape(-1, said.shape[-1]).astype("int32")
    known: dict[str, np.ndarray] = {}

    def learn() -> None:
        if "vectors" not in known:
            flat = [text for of_one in texts for text in of_one]
            if not text_encoder.learned and described is not None and hasattr(text_encoder, "learn_attributes"):
                text_encoder.learn_attributes(flat, named, [len(values) for values in ATTRIBUTES.values()], verbose=1)
            elif not text_encoder.learned:
                text_encoder.learn(images, texts, verbose=1)
            known["vectors"] = cached_vectors(text_encoder, flat)
            if wrong:
                known["wrong"] = cached_vectors(text_encoder, wrong)

    if text_encoder.learned:
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
        # Zeros until the encoder is trained: enough to measure the time of a step.
        vectors = known["vectors"][chosen] if known else np.zeros((len(chosen), text_encoder.dim), "float32")
        if not contradictions:
            return pixels.to_float(batch), vectors
        others = np.roll(vectors, 1, axis=0)
        contradicting = known["wrong"][chosen] if known else others
        by_one = rng.random((len(vectors), 1)) < contradictions
        return pixels.to_float(batch), vectors, np.where(by_one, contradicting, others), named[chosen]

    vector = ((text_encoder.dim,), "float32")
    return Feed(
        count=len(images),
        batch_size=batch_size,
        seed=seed,
        make_batch=make_batch,
        spec=[(images.shape[1:], "float32"), vector, *([vector, (named.shape[1:], "int32")] if contradictions else [])],
        source=source,
        images=images,
        captions=tuple(texts),
        said=said,
        validation=validation,
        skipped=skipped,
        learning=None if known else learn,
    )


def open_captions(
    source: str, image_shape: Sequence[int], upscale: bool = False, strict: bool = False
) -> tuple[np.ndarray, list[list[str]], tuple[str, ...]]:
    """(images uint8 (count, height, width, channels), list of captions per image, paths of unreadable files).

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
                f"{printable(path)} is {error}, smaller than the requested {image_shape[1]}x{image_shape[0]}: allow "
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
            f"tfds:{place} lacks the features 'image' and 'captions' (or 'caption'); it has: {', '.join(info.features)}"
        )
    images, texts = allocate((int(dataset.cardinality()), *image_shape), f"tfds:{place}:{info.full_name}"), []
    for image, example in zip(images, tfds.as_numpy(dataset)):
        value = example[key]
        value = value.get("text", next(iter(value.values()))) if isinstance(value, dict) else value
        image[:] = fit_array(np.asarray(example["image"])[None], image_shape, upscale, f"tfds:{place}")[0]
        texts.append([bytes(text).decode("utf-8", "replace") for text in np.atleast_1d(value)])
    if not texts:
        raise GanzooError(f"tfds:{place} is empty")
    return images, texts, ()


def _avatars(place, image_shape, upscale, strict):
    texts = avatars.captions_of(place).texts
    return avatars.open_images(place, image_shape), [list(of_one) for of_one in texts], ()


def _described(source):
    """The `Captions` of a source that knows what its captions say; None of any other."""
    scheme, _, place = source.partition(":")
    return avatars.captions_of(place) if scheme == "avatars" else None


_SCHEMES = {"avatars": _avatars, "captions": _folder, "tfds": _tfds}


def cached_vectors(encoder: Any, texts: list[str]) -> np.ndarray:
    """`encoder.encode(texts)`, read from the cache folder if it was computed before."""
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
