"""The facts of the classifiers that the package ships, read without importing Keras."""

import functools
import json
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
