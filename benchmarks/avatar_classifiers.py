"""Trains the two classifiers of avatars' attributes that the package ships, and measures them on fresh avatars.

    python benchmarks/avatar_classifiers.py avatars_classifier
    python benchmarks/avatar_classifiers.py avatars_judge

writes the weights and facts that `ganzoo.metrics.get_extractor` reads. No seed here is one that a preset trains on or
an evaluation is documented with.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from ganzoo import weights
from ganzoo.data import avatars
from ganzoo.data.avatar_attributes import ATTRIBUTES
from ganzoo.metrics.attributes import accuracies, train_attribute_classifier
from ganzoo.metrics.extractors import AttributeExtractor

_SHAPE = (64, 64, 3)
# {name: (architecture, training avatars, seed of the training, epochs)}. The judge also learns from pairs of colors
# that generators are not trained on, as many as there would be without the exclusion: it measures them too.
_CLASSIFIERS = {
    "avatars_classifier": ("strided", ["16000:seed=101"], 1, 8),
    "avatars_judge": ("residual", ["16000:seed=102", "2667:held-out:seed=105"], 2, 36),
}
_TESTS = {"accuracy": "4000:seed=103", "accuracy_held_out": "2000:held-out:seed=104"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=_CLASSIFIERS)
    parser.add_argument("--epochs", type=int)
    folder = Path(__file__).parents[1] / "ganzoo" / "metrics" / "weights"
    parser.add_argument("--output", type=Path, default=folder)
    options = parser.parse_args()
    architecture, places, seed, epochs = _CLASSIFIERS[options.name]
    counts = [len(values) for values in ATTRIBUTES.values()]
    began, cpu = time.monotonic(), time.process_time()
    images = np.concatenate([avatars.open_images(place, _SHAPE) for place in places])
    values = np.concatenate([avatars.parse(place).attributes for place in places])
    network = train_attribute_classifier(architecture, images, values, counts, options.epochs or epochs, seed)
    taken = dict(minutes=round((time.monotonic() - began) / 60, 1), cpu=round((time.process_time() - cpu) / 60, 1))
    path = options.output / f"{options.name}.npz"
    sha256 = weights.save(path, {"classifier": network})
    # As anybody loads it: in half precision.
    weights.load(path, {"classifier": network}, sha256)
    extractor = AttributeExtractor(network, options.name, ATTRIBUTES, sha256)
    facts = dict(
        image_shape=_SHAPE,
        architecture=architecture,
        attributes={name: list(values) for name, values in ATTRIBUTES.items()},
        data=" and ".join(f"avatars:{place}" for place in places),
        license="free for personal and commercial use (Avataaars by Pablo Stanley)",
        sha256=sha256,
    )
    for title, test in _TESTS.items():
        shown = avatars.open_images(test, _SHAPE)
        facts[title] = accuracies(extractor, shown, avatars.parse(test).attributes)
        facts[f"{title}_on"] = f"avatars:{test}"
    path.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")
    print(json.dumps({**facts, **taken}, indent=2))


if __name__ == "__main__":
    main()
