"""Metrics that compare an upscaled image with its original: the task "super_resolution"."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.metrics.image import psnr, ssim
from ganzoo.metrics.lpips import FILES, SMALLEST, distance
from ganzoo.metrics.registry import register_metric
from ganzoo.pretrained_files import find_weights

# VGG needs 3.7 GB of memory per megapixel.
_MOST_PIXELS = {"alex": 16_000_000, "vgg": 1_500_000}
_PSNR_SSIM = (
    "PSNR and SSIM on the luma of BT.601 (unrounded) and on RGB, as many pixels as the scale left out at each border, "
    "SSIM with the Gaussian window of 11x11"
)


def _metric(name: str, protocol: str, **options: Any) -> Any:
    return register_metric(name, "super_resolution", protocol=protocol, default=True, **options)


@_metric("psnr_y", _PSNR_SSIM, higher_is_better=True)
def _psnr_y(image: np.ndarray, reference: np.ndarray, scale: int) -> float:
    return psnr(image, reference, "y", scale)


@_metric("ssim_y", _PSNR_SSIM, higher_is_better=True)
def _ssim_y(image: np.ndarray, reference: np.ndarray, scale: int) -> float:
    return ssim(image, reference, "y", scale)


@_metric("psnr_rgb", _PSNR_SSIM, higher_is_better=True)
def _psnr_rgb(image: np.ndarray, reference: np.ndarray, scale: int) -> float:
    return psnr(image, reference, "rgb", scale)


@_metric("ssim_rgb", _PSNR_SSIM, higher_is_better=True)
def _ssim_rgb(image: np.ndarray, reference: np.ndarray, scale: int) -> float:
    return ssim(image, reference, "rgb", scale)


def refuse_impossible(network: str, images: Sequence[np.ndarray]) -> None:
    """Refuses missing weights, images that the network is not defined for, and those that need too much memory."""
    find_weights(FILES[network])
    smallest = min((min(image.shape[:2]) for image in images), default=SMALLEST)
    if smallest < SMALLEST:
        raise GanzooError(
            f"lpips_{network} takes images of at least {SMALLEST}x{SMALLEST} pixels, got a side of {smallest}"
        )
    most = max((image.shape[0] * image.shape[1] for image in images), default=0)
    if most > _MOST_PIXELS[network]:
        raise GanzooError(
            f"lpips_{network} takes images of at most {_MOST_PIXELS[network] / 1e6:g} megapixels, got {most / 1e6:.3g}"
        )


@_metric("lpips_alex", "LPIPS version 0.1, whole images", requires=partial(refuse_impossible, "alex"))
def _lpips_alex(image: np.ndarray, reference: np.ndarray, scale: int) -> float:
    return distance("alex")(image, reference)


@_metric("lpips_vgg", "LPIPS version 0.1, whole images", requires=partial(refuse_impossible, "vgg"))
def _lpips_vgg(image: np.ndarray, reference: np.ndarray, scale: int) -> float:
    return distance("vgg")(image, reference)
