"""Metrics of translated images beside their the ground truth: the task "image_translation"."""

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
        twin: what the translation should be, an image of the other side.
        returned: the translation, translated back.
    """

    image: np.ndarray
    translated: np.ndarray
    twin: np.ndarray
    returned: np.ndarray


def _metric(name: str, protocol: str, **options: Any) -> Any:
    return register_metric(name, "image_translation", protocol=protocol, default=True, **options)


@_metric("twin_psnr", "PSNR of translations to the ground truth on RGB, in dB", higher_is_better=True)
def _twin_psnr(found: Translation) -> float:
    return psnr(found.translated, found.twin, "rgb")


@_metric("twin_lpips_alex", "LPIPS version 0.1 to the ground truth", requires=partial(refuse_impossible, "alex"))
def _twin_lpips_alex(found: Translation) -> float:
    return distance("alex")(found.translated, found.twin)


@_metric("twin_lpips_vgg", "LPIPS version 0.1 to the ground truth", requires=partial(refuse_impossible, "vgg"))
def _twin_lpips_vgg(found: Translation) -> float:
    return distance("vgg")(found.translated, found.twin)


@_metric("cycle_psnr", "PSNR of the return to the original on RGB, in dB", higher_is_better=True)
def _cycle_psnr(found: Translation) -> float:
    return psnr(found.returned, found.image, "rgb")
