"""Directions in latent space that change one attribute of the image, found with an attribute classifier.

Each direction is the covariance of the latent with the classifier's log-probability, for Gaussian latents the mean
gradient of the log-probability (Stein's lemma). Of a direction, the parts that change other attributes are removed, as
in InterFaceGAN (Shen et al. 2020, arXiv:1907.10786, section 3.2).
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzoo.errors import GanzooError, unknown
from ganzoo.files import cache_folder, read_cached, write_cached
from ganzoo.inference.selection import fitting_classifier, seen, value_number
from ganzoo.metrics.extractors import AttributeExtractor

if TYPE_CHECKING:
    from ganzoo.types import PathLike

# The least number of images that have to show a value, and not to show it.
_LEAST = 20
# A move ends where the classifier sees the values with this probability, or after the largest distance. Another
# classifier, which does not see all that this one sees, needs some more.
_CONFIDENCE, _STEP, _FARTHEST = 0.98, 0.5, 24.0


def find_directions(
    model: Any,
    classifier: "AttributeExtractor | PathLike" = "avatars_classifier",
    samples: int = 5000,
    seed: int = 0,
    avoidance: float = 3.0,
) -> "Directions":
    """Finds a direction for each value of each attribute.

    The result is cached in the cache folder, under the model's weights, the classifier and the arguments.

    Args:
        model: an `ImageGeneration` model without classes.
        classifier: an `AttributeExtractor`, or a name for `get_extractor`. Judge the changed images with another
            classifier.
        samples: number of generated images to find the directions from, more than `latent_dim`.
        seed: seed of their latents.
        avoidance: weight of the slopes of other attributes that a direction avoids: a larger weight keeps more of them
            and needs longer steps. 0 is best where attributes change independently, as in `model.unconditional` of a
            text-to-image model.

    Returns:
        `Directions`.

    Raises:
        GanzooError: a classifier that does not fit the model, or too few samples.

    Example:
        from ganzoo.inference.directions import find_directions

        model = ganzoo.create("dcgan", image_shape=(64, 64, 3), latent_dim=8, width=4)
        directions = find_directions(model, "avatars_classifier", samples=200, seed=0)
        directions.counts["glasses"]     # how many of the images show each value
    """
    found = fitting_classifier(model, classifier)
    if not isinstance(samples, (int, np.integer)) or samples <= 2 * model.latent_dim:
        raise GanzooError(f"samples must be an integer above twice the latent_dim {model.latent_dim}, got {samples!r}")
    total = sum(len(values) for values in found.attributes.values())
    # Without a seed, each call has latents of its own.
    path = None if seed is None else _cache_path(model, found, samples, seed)
    cached = read_cached(path) if path else {}
    slopes, counts = cached.get("slopes"), cached.get("counts")
    if slopes is None or counts is None or slopes.shape != (model.latent_dim, total) or counts.shape != (total,):
        slopes, counts = _fitted(model, found, samples, seed)
        if path:
            write_cached(path, slopes=slopes, counts=counts)
    return Directions(model, found, slopes, counts, avoidance)


def edit_attributes(
    model: Any,
    latents: np.ndarray,
    changes: Mapping[str, str],
    classifier: "AttributeExtractor | PathLike" = "avatars_classifier",
    strength: float = 1.0,
    samples: int = 5000,
    seed: int = 0,
    avoidance: float = 3.0,
) -> np.ndarray:
    """Latents whose images show other attributes: `find_directions` and `Directions.move` in one call.

    Args:
        model, classifier, samples, seed, avoidance: as in `find_directions`.
        latents, strength: as in `Directions.move`.
        changes: {attribute: new value}.

    Returns:
        float32 (count, latent_dim).

    Raises:
        GanzooError: as in `find_directions` and `Directions.move`.

    Example:
        from ganzoo.inference.directions import edit_attributes

        model = ganzoo.create("dcgan", image_shape=(64, 64, 3), latent_dim=8, width=4)
        latents = model.latents(2, seed=1)
        values = edit_attributes(model, latents, {}, samples=200)     # nothing to change: equal to latents
        edit_attributes(model, latents, {"glases": "round"}, samples=200)     # GanzooError: ... 'glasses'?
    """
    return find_directions(model, classifier, samples, seed, avoidance).move(latents, changes, strength)


class _UnknownAttribute(GanzooError, KeyError):
    """A mapping raises a KeyError, on which `get` and `in` rely."""

    __str__ = GanzooError.__str__


class Directions(Mapping):
    """The directions of a model's attributes, {attribute: {value: float32 (latent_dim,) of length 1}}.

    Values that fewer than 20 of the images show have none. `find_directions` makes it.

    Attributes:
        model: the model.
        classifier: the `AttributeExtractor` that the directions were found with.
        counts: {attribute: {value: number of images that show it}}.

    Args:
        model, classifier: as above.
        slopes: float (latent_dim, all values): covariances of the latents with the log-probabilities.
        counts: int (all values,): how many images show each value.
        avoidance: as in `find_directions`.

    Example:
        from ganzoo.inference.directions import Directions

        classifier = ganzoo.metrics.get_extractor("avatars_classifier")
        model = ganzoo.create("dcgan", image_shape=(64, 64, 3), latent_dim=50, width=4)
        directions = Directions(model, classifier, np.eye(50)[:, :46], np.full(46, 100))
        directions["glasses"]["round"]     # float32 (50,)
        latents = model.latents(2, seed=1)
        changed = directions.move(latents, glasses="round")     # float32 (2, 50)
    """

    def __init__(
        self,
        model: Any,
        classifier: AttributeExtractor,
        slopes: np.ndarray,
        counts: np.ndarray,
        avoidance: float = 3.0,
    ) -> None:
        self.model, self.classifier, self._avoidance = model, classifier, avoidance
        self.counts: dict[str, dict[str, int]] = {}
        self._places = classifier.places
        self._slopes = np.array(slopes, "float64")
        for name, place in self._places.items():
            shown = zip(classifier.attributes[name], counts[place])
            self.counts[name] = {value: int(count) for value, count in shown}
            # A constant added to all log-probabilities of an attribute changes nothing.
            self._slopes[:, place] -= self._slopes[:, place].mean(axis=1, keepdims=True)

    def __getitem__(self, name: str) -> dict[str, np.ndarray]:
        if name not in self.classifier.attributes:
            raise _UnknownAttribute(unknown("attribute", name, self.classifier.attributes))
        return {
            value: self._direction(name, value, {name})
            for value in self.counts[name]
            if self._missing(name, value) is None
        }

    def __iter__(self) -> Any:
        return iter(self.classifier.attributes)

    def __len__(self) -> int:
        return len(self.classifier.attributes)

    def move(
        self,
        latents: np.ndarray,
        changes: Mapping[str, str] | None = None,
        strength: float = 1.0,
        **named: str,
    ) -> np.ndarray:
        """Latents whose images show other values of attributes.

        Each latent moves in steps of 0.5 along the directions from the values that its image shows to the new ones,
        until the classifier sees all new values with a probability of 0.98, and at most by 24; it then keeps the step
        with the highest probability. Its length stays.

        Args:
            latents: float32 (count, latent_dim).
            changes: {attribute: new value}.
            strength: 0 gives the latents as they are, 1 the change, between them a part of it; also beyond 1.
            **named: further changes, as attribute="new value".

        Returns:
            float32 (count, latent_dim), each of the length of the given one.

        Raises:
            GanzooError: an unknown attribute or value (with the nearest match), a value that too few images showed, a
                strength that is not finite, or latents of another shape.

        Example:
            from ganzoo.inference.directions import find_directions

            model = ganzoo.create("dcgan", image_shape=(64, 64, 3), latent_dim=8, width=4)
            directions = find_directions(model, samples=200)
            latents = model.latents(4, seed=1)
            same = directions.move(latents)     # no changes: equal to latents
            directions.move(latents, glasses="rond")     # GanzooError: ... Did you mean 'round'?
        """
        changes = {**(changes or {}), **named}
        start = self.model.latents(latents=latents)
        numbers = {name: value_number(self.classifier, name, value) for name, value in changes.items()}
        for name, value in changes.items():
            if (why := self._missing(name, value)) is not None:
                raise GanzooError(why)
        if isinstance(strength, bool) or not isinstance(strength, (int, float, np.number)) or not np.isfinite(strength):
            raise GanzooError(f"strength must be a finite number, got {strength!r}")
        if not numbers or strength == 0:
            return start
        lengths = np.linalg.norm(start, axis=1, keepdims=True)
        end = self._walked(start, numbers, lengths)
        return _with_length(start + strength * (end - start), lengths)

    def means(self, name: str, value: str, samples: int = 5000, seed: int = 0) -> np.ndarray:
        """The mean latent of images that show a value minus that of the others (Radford et al. 2015), of length 1.

        The simplest direction, for comparison: other attributes change with it.

        Args:
            name, value: attribute and its value.
            samples, seed: number and seed of the random latents.

        Returns:
            float32 (latent_dim,).

        Raises:
            GanzooError: an unknown attribute or value, or too few images with or without it.

        Example:
            from ganzoo.inference.directions import find_directions

            model = ganzoo.create("dcgan", image_shape=(64, 64, 3), latent_dim=8, width=4)
            directions = find_directions(model, samples=200)
            directions.means("glasses", "rond")     # GanzooError: ... Did you mean 'round'?
        """
        number = value_number(self.classifier, name, value)
        parts = [(z, p[name].argmax(axis=1) == number) for z, p in seen(self.model, self.classifier, samples, seed)]
        latents, shown = (np.concatenate(arrays) for arrays in zip(*parts))
        if min(shown.sum(), (~shown).sum()) < _LEAST:
            raise GanzooError(self._too_few(name, value, int(shown.sum()), samples))
        difference = latents[shown].mean(axis=0) - latents[~shown].mean(axis=0)
        return (difference / np.linalg.norm(difference)).astype("float32")

    def _missing(self, name: str, value: str) -> str | None:
        """Why a value has no direction, or None."""
        shown, images = self.counts[name][value], sum(self.counts[name].values())
        return self._too_few(name, value, shown, images) if min(shown, images - shown) < _LEAST else None

    def _too_few(self, name: str, value: str, shown: int, images: int) -> str:
        return (
            f"{shown:,} of {images:,} generated images show {name}={value}: a direction needs at least {_LEAST} with "
            f"it and {_LEAST} without; more samples may have them"
        )

    def _direction(self, name: str, value: str, changed: set[str]) -> np.ndarray:
        """The slope of a value without what changes the attributes that are not in `changed`; of length 1."""
        slope = self._slopes[:, self._places[name]][:, value_number(self.classifier, name, value)]
        return self._avoiding(slope[None], changed)[0]

    def _steps(self, name: str, number: int, changed: set[str]) -> np.ndarray:
        """float32 (values, latent_dim): directions of length 1 from each value of an attribute to a new one."""
        slopes = self._slopes[:, self._places[name]].T
        return self._avoiding(slopes[number] - slopes, changed)

    def _avoiding(self, slopes: np.ndarray, changed: set[str]) -> np.ndarray:
        """Slopes (count, latent_dim) without what changes the attributes that are not in `changed`; of length 1."""
        others = [self._slopes[:, place] for other, place in self._places.items() if other not in changed]
        avoided = np.concatenate(others, axis=1) if others else np.zeros((slopes.shape[1], 1))
        # The direction d with d·slope = 1 that minimizes |d|² + avoidance |avoided·d|², up to its length.
        found = np.linalg.solve(np.eye(slopes.shape[1]) + self._avoidance * avoided @ avoided.T, slopes.T).T
        return (found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)).astype("float32")

    def _walked(self, start: np.ndarray, numbers: Mapping[str, int], lengths: np.ndarray) -> np.ndarray:
        """The first point on each latent's line whose image has the new values, or the best of them."""
        shown = self.classifier.values(self.model.generate(latents=start))
        places = {name: list(self.classifier.attributes).index(name) for name in numbers}
        # From the value that an image shows to the new one.
        direction = sum(
            self._steps(name, number, set(numbers))[shown[:, places[name]]] for name, number in numbers.items()
        )
        best, highest = start.copy(), self._least_probability(start, numbers)
        walking = np.flatnonzero(highest < _CONFIDENCE)
        for distance in np.arange(_STEP, _FARTHEST + _STEP, _STEP):
            if not len(walking):
                break
            points = _with_length(start[walking] + distance * direction[walking], lengths[walking])
            found = self._least_probability(points, numbers)
            higher = found > highest[walking]
            best[walking[higher]], highest[walking[higher]] = points[higher], found[higher]
            walking = walking[found < _CONFIDENCE]
        return best

    def _least_probability(self, latents: np.ndarray, numbers: Mapping[str, int]) -> np.ndarray:
        probabilities = self.classifier.probabilities(self.model.generate(latents=latents))
        return np.min([probabilities[name][:, number] for name, number in numbers.items()], axis=0)


def _fitted(model: Any, classifier: AttributeExtractor, samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(slopes float32 (latent_dim, all values), counts int (all values,))."""
    latents, logs, counts = [], [], 0
    for part, probabilities in seen(model, classifier, samples, seed):
        latents.append(part)
        # Below 1e-4 the classifier is sure; how sure would outweigh everything else.
        logs.append(np.log(np.maximum(np.concatenate(list(probabilities.values()), axis=1), 1e-4)))
        shown = [np.bincount(p.argmax(axis=1), minlength=p.shape[1]) for p in probabilities.values()]
        counts = counts + np.concatenate(shown)
    z, y = np.concatenate(latents).astype("float64"), np.concatenate(logs).astype("float64")
    # For Gaussian latents, the covariance is the slope of a least-squares fit. The text vectors of captions lie in
    # clusters, in whose rare directions the slope would be arbitrarily large.
    slopes = (z - z.mean(axis=0)).T @ (y - y.mean(axis=0)) / len(z)
    return slopes.astype("float32"), np.asarray(counts)


def _with_length(latents: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    return (latents * (lengths / np.maximum(np.linalg.norm(latents, axis=1, keepdims=True), 1e-12))).astype("float32")


def _cache_path(model: Any, classifier: AttributeExtractor, samples: int, seed: int) -> Path:
    digest = hashlib.sha256(repr((2, classifier.digest, classifier.attributes, int(samples), seed)).encode())
    for array in model.inference_network.get_weights():
        digest.update(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    # Two networks of equal weights may still differ in what they compute, and in the captions whose latents they take.
    digest.update(model.generate(4, seed=0).tobytes())
    digest.update(np.ascontiguousarray(model.latents(samples, seed=seed)).tobytes())
    return cache_folder() / f"directions-{classifier.name}-{digest.hexdigest()[:24]}.npz"
