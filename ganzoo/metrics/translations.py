"""Metrics of translated images beside the ground truth: the task "image_translation"."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ganzoo.metrics.image import psnr
from ganzoo.metrics.image_pairs import refuse_impossible
from ganzoo.metrics.lpips import distance
from ganzoo.metrics.registry import register_metric


@dataclass(frozen=True)
class Translation:
    """An image on its way to the other side and back; all uint8 (height, width, 3).

    Attributes:
        image: the original.
        translated: its translation.
        target: what the translation should be, an image of the other side.
        returned: the translation, translated back.
    """

    image: np.ndarray
    translated: np.ndarray
    target: np.ndarray
    returned: np.ndarray


def _metric(name: str, protocol: str, **options: Any) -> Any:
    return register_metric(name, "image_translation", protocol=protocol, default=True, **options)


@_metric("paired_psnr", "PSNR of translations to the ground truth on RGB, in dB", higher_is_better=True)
def _paired_psnr(found: Translation) -> float:
    return psnr(found.translated, found.target, "rgb")


@_metric("paired_lpips_alex", "LPIPS version 0.1 to the ground truth", requires=partial(refuse_impossible, "alex"))
def _paired_lpips_alex(found: Translation) -> float:
    return distance("alex")(found.translated, found.target)


@_metric("paired_lpips_vgg", "LPIPS version 0.1 to the ground truth", requires=partial(refuse_impossible, "vgg"))
def _paired_lpips_vgg(found: Translation) -> float:
    return distance("vgg")(found.translated, found.target)


@_metric(
    "cycle_psnr", "PSNR of images translated there and back to the originals, on RGB, in dB", higher_is_better=True
)
def _cycle_psnr(found: Translation) -> float:
    return psnr(found.returned, found.image, "rgb")
