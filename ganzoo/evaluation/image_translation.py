"""Models that translate images: how close translations come to the ground truth, which training has not seen."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ganzoo.data.decoding import WHITE
from ganzoo.errors import GanzooError
from ganzoo.evaluation.report import Evaluation, short
from ganzoo.metrics.registry import averages, chosen_metrics, compute, protocols, rounded
from ganzoo.pixels import zoomed_uint8
from ganzoo.tasks.image_translation import BACKWARD, FORWARD, pairs_of, translations


def evaluate(
    model: Any,
    data: str,
    extractor: None = None,
    samples: int | None = None,
    upscale: bool = False,
    metrics: Sequence[str] | None = None,
    name: str = "model",
) -> Evaluation:
    """Measures a translation model on pairs: images of the same name on both sides.

    Args:
        model: a trained `ImageTranslation` model.
        data: source of two sides, see `ganzoo.data.unpaired.open_sides`, e.g. "folders:noto,twemoji:test".
        extractor, samples, upscale: for other tasks; not used.
        metrics: names of metrics. By default `paired_psnr` and `cycle_psnr`; also `paired_lpips_alex` and
            `paired_lpips_vgg` if their weights are found (`ganzoo.pretrained_files.find_weights`).
        name: name of the model, for tables.

    Returns:
        An `Evaluation` with the means over the images in each direction, e.g. `paired_psnr_forward` and
        `paired_psnr_backward`, in dB.

    Raises:
        GanzooError: an unknown metric, or data without pairs.
    """
    return evaluate_function(model.translate, data, metrics, name)


def baseline(model: Any, data: str, metrics: Sequence[str] | None = None) -> list[Evaluation]:
    """The metrics of the images as they are, of color curves, which no model without pairs could know, and of images
    that are only magnified or reduced, if the model has a `zoom`.

    The curves map the levels of each channel to others. They are fitted to the very pairs that are measured, with the
    least squared error of all curves: a bound for what a change of colors can do.
    """
    functions: dict[str, Callable[..., Any]] = {
        "unchanged": lambda images, direction: images,
        "best color curves": color_curves(data),
    }
    if model is not None and model.zoom != 1:
        functions["zoom alone"] = magnification(model.zoom)
    return [evaluate_function(translate, data, metrics, name, returns=False) for name, translate in functions.items()]


def evaluate_function(
    translate: Callable[..., Any],
    data: str,
    metrics: Sequence[str] | None = None,
    name: str = "function",
    *,
    returns: bool = True,
) -> Evaluation:
    """Measures a function of (images, direction), as `ImageTranslation.translate`.

    Args:
        translate: the function.
        data, metrics, name: as in `evaluate`.
        returns: whether to report `cycle_psnr`, which says nothing of a function that changes little.

    Raises: as in `evaluate`.

    Example:
        from ganzoo.evaluation.image_translation import evaluate_function

        source = "folders:my_images/cats,my_images/dogs"
        found = evaluate_function(lambda images, direction: images, source, ["paired_psnr"], "unchanged")
        found.metrics      # {"paired_psnr_forward": ..., "paired_psnr_backward": ...}
    """
    pairs = _pairs(data)
    chosen = chosen_metrics("image_translation", metrics, [image for pair in pairs for image in pair])
    reported = [metric for metric in chosen if returns or metric.name != "cycle_psnr"]
    found = {}
    for direction in (FORWARD, BACKWARD):
        rows = [compute(reported, one) for one in translations(translate, pairs, direction)]
        found.update({f"{key}_{direction}": value for key, value in averages(rows).items()})
    digest = hashlib.sha256(b"".join(image.tobytes() for pair in pairs for image in pair)).hexdigest()[:8]
    protocol = (
        f"means over {len(pairs)} pairs of {short(data)} ({digest}) of the same name, in both directions, "
        f"transparency over white{protocols(chosen)}"
    )
    return Evaluation(name, protocol, rounded(dict(sorted(found.items()))))


def magnification(zoom: float) -> Callable[[Sequence[np.ndarray], str], list[np.ndarray]]:
    """The part of a model's translation that needs no training: images of the first side magnified, those of the second
    reduced on white.

    Args:
        zoom: of the model.

    Returns:
        A function of (images, direction), as `ImageTranslation.translate`.

    Example:
        from ganzoo.evaluation.image_translation import magnification

        larger = magnification(1.5)([np.zeros((8, 8, 3), "uint8")], "forward")      # [uint8 (8, 8, 3)]
    """
    factors = {FORWARD: zoom, BACKWARD: 1 / zoom}
    return lambda images, direction: [zoomed_uint8(image, factors[direction], outside=WHITE) for image in images]


def color_curves(data: str) -> Callable[[Sequence[np.ndarray], str], list[np.ndarray]]:
    """The translation by the best curve for each channel, fitted to the pairs of a source.

    Returns:
        A function of (images, direction), as `ImageTranslation.translate`.

    Raises:
        GanzooError: data without pairs.
    """
    sides = [np.concatenate([pair[side].reshape(-1, 3) for pair in _pairs(data)]) for side in (0, 1)]
    curves = {FORWARD: best_curves(*sides), BACKWARD: best_curves(*sides[::-1])}

    def translate(images: Sequence[np.ndarray], direction: str) -> list[np.ndarray]:
        return [np.stack([curves[direction][i][image[..., i]] for i in range(3)], axis=-1) for image in images]

    return translate


def best_curves(given: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The curve of each channel with the least squared error: the mean of what is wanted for each given level.

    Args:
        given, wanted: uint8 (count, channels).

    Returns:
        uint8 (channels, 256).

    Example:
        from ganzoo.evaluation.image_translation import best_curves

        best_curves(np.array([[0], [9], [9]], "uint8"), np.array([[5], [10], [20]], "uint8"))[0, [0, 9]]    # [5, 15]
    """
    curves = np.empty((given.shape[1], 256), "uint8")
    for channel in range(given.shape[1]):
        counts = np.bincount(given[:, channel], minlength=256)
        sums = np.bincount(given[:, channel], wanted[:, channel], minlength=256)
        # A level that does not occur keeps its value.
        means = np.where(counts, sums / np.maximum(counts, 1), np.arange(256))
        curves[channel] = np.rint(means)
    return curves


def _pairs(data):
    pairs = pairs_of(data)
    if not pairs:
        raise GanzooError(
            f"{data} has no pairs, images of the same name and size on both sides: nothing to compare with"
        )
    return pairs
