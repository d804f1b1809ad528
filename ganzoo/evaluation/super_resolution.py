"""Models that upscale images: how close they come to the originals of downscaled images."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ganzoo.data.image_files import multiple_of, open_image_files, resized, to_small
from ganzoo.evaluation.report import Evaluation, short
from ganzoo.metrics.registry import averages, chosen_metrics, compute, protocols, rounded


def evaluate(
    model: Any,
    data: str,
    extractor: None = None,
    samples: int | None = None,
    upscale: bool = False,
    metrics: Sequence[str] | None = None,
    name: str = "model",
    self_ensemble: bool = False,
) -> Evaluation:
    """Measures an upscaling model on photos.

    Args:
        model: a trained `SuperResolution` model.
        data: source of photos, e.g. "folder:Set5", see `ganzoo.data.image_files.open_image_files`.
        extractor, samples, upscale: for other tasks; not used.
        metrics: names of metrics. By default `psnr_y`, `ssim_y`, `psnr_rgb` and `ssim_rgb`; also `lpips_alex` and
            `lpips_vgg` if their weights are found (`ganzoo.pretrained_files.find_weights`) and no image is larger than
            16 and 1.5 megapixels respectively, because of the memory the networks need.
        name: name of the model, for tables.
        self_ensemble: as in `SuperResolution.upscale`.

    Returns:
        An `Evaluation` with the means over the images, PSNR in dB.

    Raises:
        GanzooError: an unknown metric, or unusable data.

    Example:
        from ganzoo.evaluation import super_resolution

        model = ganzoo.load("srresnet")
        usual = super_resolution.evaluate(model, "folder:my_images", metrics=["psnr_y"])
        better = super_resolution.evaluate(model, "folder:my_images", metrics=["psnr_y"], self_ensemble=True)
    """

    def enlarged(small: np.ndarray) -> np.ndarray:
        return model.upscale(small, progress=False, self_ensemble=self_ensemble)

    found = _evaluate(enlarged, model.scale, data, metrics, name)
    return replace(found, protocol=f"{found.protocol}; self-ensemble of eight views") if self_ensemble else found


def baseline(model: Any, data: str, metrics: Sequence[str] | None = None) -> Evaluation:
    """The metrics of bicubic interpolation, at the model's scale."""
    return evaluate_bicubic(model.scale, data, metrics)


def evaluate_bicubic(scale: int, data: str, metrics: Sequence[str] | None = None) -> Evaluation:
    """The metrics of bicubic interpolation, the baseline of any table of models.

    Args, Raises: as in `evaluate`.

    Example:
        from ganzoo.evaluation.super_resolution import evaluate_bicubic

        baseline = evaluate_bicubic(4, "folder:my_images", metrics=["psnr_y", "ssim_y"])
    """

    def upscale(small: np.ndarray) -> np.ndarray:
        return resized(small, (small.shape[0] * scale, small.shape[1] * scale))

    return _evaluate(upscale, scale, data, metrics, "bicubic")


def _evaluate(upscale: Callable, scale: int, data: str, names: Sequence[str] | None, name: str) -> Evaluation:
    images = [multiple_of(image, scale) for image in open_image_files(data, at_least=16 * scale).images]
    metrics = chosen_metrics("super_resolution", names, images)
    rows, digest = [], hashlib.sha256()
    for image in images:
        digest.update(np.ascontiguousarray(image).tobytes())
        rows.append(compute(metrics, upscale(to_small(image, scale)), image, scale))
    protocol = (
        f"x{scale}, means over {len(images)} images of {short(data)} ({digest.hexdigest()[:8]}), cut to multiples of "
        f"{scale}; small ones by antialiased bicubic (Keys, a = -0.5, Pillow), 8 bits{protocols(metrics)}"
    )
    return Evaluation(name, protocol, rounded(averages(rows)))
