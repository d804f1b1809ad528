"""The facts of the classifiers that the package ships, read without importing Keras."""

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "metrics" / "weights"


@functools.cache
def classifier_facts(name: str) -> dict[str, Any]:
    """The JSON file of a shipped classifier: data, license, test accuracy, image_shape, sha256, and of those that name
    attributes also {attribute: its values}.

    Example:
        from ganzoo.classifiers import classifier_facts

        classifier_facts("avatars_classifier")["image_shape"]     # [64, 64, 3]
    """
    facts: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return facts


def times_as_large(image_shape: Sequence[int], own_shape: Sequence[int]) -> int:
    """How many times as high and wide images are as those that a classifier takes; 0 if the sides are no such multiple,
    or the channels differ.

    Args:
        image_shape, own_shape: (height, width, channels) of the images and of the classifier.

    Example:
        from ganzoo.classifiers import times_as_large

        times_as_large((256, 256, 3), (64, 64, 3))     # 4
    """
    if len(image_shape) != 3:
        return 0
    factor = image_shape[0] // own_shape[0]
    return factor if tuple(image_shape) == (factor * own_shape[0], factor * own_shape[1], own_shape[2]) else 0
