"""Latents of generated images that show given attributes, as an attribute classifier sees them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzoo.errors import GanzooError, unknown
from ganzoo.inference.counts import checked_seed, whole_count
from ganzoo.inference.latent import arithmetic
from ganzoo.metrics.extractors import AttributeExtractor, get_extractor

if TYPE_CHECKING:
    from ganzoo.metrics.extractors import Extractor
    from ganzoo.types import PathLike

# Images that are generated at a time.
_PART = 500
# For a selection: often, the first few hundred images suffice.
_SMALL_PART = 100


def select(
    model: Any,
    wanted: Mapping[str, str | Sequence[str]],
    count: int,
    classifier: "AttributeExtractor | PathLike" = "avatars_classifier",
    samples: int = 5000,
    confidence: float = 0.9,
    seed: int = 0,
) -> np.ndarray:
    """Random latents whose images show given attributes, for `ganzoo.inference.latent.arithmetic`.

    Args:
        model: an `ImageGeneration` model without classes.
        wanted: {attribute: its value, or several values of which the image shows one}; {} accepts every image.
        count: number of latents to return.
        classifier: an `AttributeExtractor`, or a name for `get_extractor`.
        samples: number of random latents to search.
        confidence: least probability of each attribute, from 0 to 1.
        seed: seed of the random latents.

    Returns:
        float32 (count, latent_dim), in the order of `model.latents(samples, seed=seed)`.

    Raises:
        GanzooError: an unknown attribute or value, a classifier that does not fit the model, or fewer than `count`
            images that show what is wanted.

    Example:
        from ganzoo.inference.latent import arithmetic
        from ganzoo.inference.selection import select

        model = ganzoo.create("dcgan", image_shape=(64, 64, 3), latent_dim=8, width=4)
        # Of a trained model, keep the confidence of 0.9.
        worn = {"glasses": ("glasses", "round", "sunglasses")}
        with_glasses = select(model, worn, 3, samples=20, confidence=0.0)     # float32 (3, 8)
        without = select(model, {"glasses": "none"}, 3, samples=20, confidence=0.0)
        latent = arithmetic(plus=[with_glasses], minus=[without])     # float32 (8,)
    """
    whole_count(count)
    if not isinstance(wanted, Mapping):
        raise GanzooError(f"wanted must be a dictionary {{attribute: value}}, got {wanted!r}")
    found = fitting_classifier(model, classifier)
    numbers = {
        name: [value_number(found, name, value) for value in ([values] if isinstance(values, str) else values)]
        for name, values in wanted.items()
    }
    if not isinstance(confidence, (int, float)) or not 0 <= confidence <= 1:
        raise GanzooError(f"confidence must be a number from 0 to 1, got {confidence!r}")
    kept: list[np.ndarray] = []
    for latents, probabilities in seen(model, found, samples, seed, _SMALL_PART):
        shown = np.ones(len(latents), bool)
        for name, allowed in numbers.items():
            shown &= probabilities[name][:, allowed].sum(axis=1) >= confidence
        kept.extend(latents[shown])
        if len(kept) >= count:
            return np.stack(kept[:count])
    asked = ", ".join(
        f"{name}={values if isinstance(values, str) else '/'.join(values)}" for name, values in wanted.items()
    )
    raise GanzooError(
        f"{len(kept)} of {samples:,} generated images show {asked} with a probability of {confidence}, {count} are "
        "needed: search more samples, or lower the confidence"
    )


def renormalized(latents: np.ndarray) -> np.ndarray:
    """Latents scaled to the length sqrt(latent_dim), near which Gaussian latents lie.

    Means of latents are shorter, and a generator was not trained on short latents.

    Args:
        latents: float (count, latent_dim), none of them zero.

    Returns:
        float32 (count, latent_dim).

    Raises:
        GanzooError: another shape, or a latent that is zero.

    Example:
        from ganzoo.inference.selection import renormalized

        renormalized(np.array([[3.0, 0.0, 4.0, 0.0]]))     # [[1.2, 0.0, 1.6, 0.0]]
    """
    latents = np.asarray(latents, "float64")
    if latents.ndim != 2:
        raise GanzooError(f"latents must have shape (count, latent_dim), got {latents.shape}")
    lengths = np.linalg.norm(latents, axis=1, keepdims=True)
    if not lengths.all():
        raise GanzooError("a latent of zeros has no direction: it cannot be renormalized")
    return (latents / lengths * np.sqrt(latents.shape[1])).astype("float32")


def analogy(
    first: np.ndarray, minus: np.ndarray, plus: np.ndarray, count: int = 9, deviation: float = 0.25, seed: int = 0
) -> np.ndarray:
    """Latents around first - minus + plus, e.g. man with glasses - man + woman (Radford et al. 2015,
    arXiv:1511.06434, figure 7).

    Args:
        first, minus, plus: float (n, latent_dim), latents of the three groups; their means are used.
        count: number of latents: in the middle the result itself, around it the result plus noise.
        deviation: standard deviation of the noise.
        seed: seed of the noise.

    Returns:
        float32 (count, latent_dim), with the length of typical latents.

    Raises:
        GanzooError: latents of different lengths, or a count below 1.

    Example:
        from ganzoo.inference.selection import analogy

        a, b, c = np.random.default_rng(0).standard_normal((3, 5, 64))
        latents = analogy(a, b, c)     # float32 (9, 64)
    """
    whole_count(count)
    center = renormalized(arithmetic(plus=[first, plus], minus=[minus])[None])
    noise = np.random.default_rng(checked_seed(seed)).standard_normal((count, center.shape[1]))
    noise[count // 2] = 0
    return renormalized(center + deviation * noise)


def fitting_classifier(model: Any, classifier: "Extractor | PathLike") -> AttributeExtractor:
    """The classifier of attributes of a model's images.

    Raises:
        GanzooError: a model whose images depend on more than a latent, a classifier that names no attributes, or one
            that takes images of another size.
    """
    if len(model.inference_network.inputs) != 1:
        raise GanzooError(
            f"{model.model_name} generates from more than latents: attributes are found for models without"
        )
    found = get_extractor(classifier)
    if not isinstance(found, AttributeExtractor):
        raise GanzooError(f"{found.name} does not classify attributes: use avatars_classifier or an AttributeExtractor")
    if not found.takes(model.image_shape):
        raise GanzooError(
            f"{found.name} takes images of {found.image_shape}, the model generates {tuple(model.image_shape)}"
        )
    return found


def value_number(classifier: AttributeExtractor, name: str, value: str) -> int:
    """The number of an attribute's value.

    Raises:
        GanzooError: an unknown attribute or value, with the nearest match.
    """
    if name not in classifier.attributes:
        raise unknown("attribute", name, classifier.attributes)
    values = classifier.attributes[name]
    if value not in values:
        raise unknown(f"value of {name}", value, values)
    return values.index(value)


def seen(
    model: Any, classifier: AttributeExtractor, samples: int, seed: int, part: int = _PART
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """(latents, probabilities of their images' attributes) of random latents, `part` at a time, which limits memory."""
    whole_count(samples)
    latents = model.latents(samples, seed=seed)
    for start in range(0, samples, part):
        some = latents[start : start + part]
        yield some, classifier.probabilities(model.generate(latents=some))
