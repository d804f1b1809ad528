"""Trains the judge of spoken digits and their speakers that the package ships, and measures it on the official test
recordings of the Free Spoken Digit Dataset, which it has not seen.

    python benchmarks/speech_judge.py --data fsdd

writes the weights and facts that `ganzoo.metrics.get_extractor` reads.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from ganzoo import mu_law, weights
from ganzoo.data.labelled_recordings import open_labelled
from ganzoo.data.utterances import label_numbers
from ganzoo.metrics.attributes import accuracies, train_attribute_classifier
from ganzoo.metrics.extractors import AttributeExtractor
from ganzoo.metrics.spoken import JUDGES, spectrogram_images

NAME = "spoken_digits_judge"
LABELS = {
    "digit": tuple("0123456789"),
    "speaker": ("george", "jackson", "lucas", "nicolas", "theo", "yweweler"),
}
_SEED, _COPIES = 3, 4


def changed(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A sound that begins later, at another speed, half of the time with the noise of mu-law values, or with others."""
    speed = np.exp(rng.uniform(-0.05, 0.05))
    sound = np.interp(np.arange(0, len(sound) - 1, speed), np.arange(len(sound)), sound).astype("float32")
    if rng.random() < 0.5:
        values = mu_law.values()
        sound = values[np.abs(sound[:, None] - values).argmin(axis=1)]
    if rng.random() < 0.5:
        level = np.sqrt(np.mean(sound**2)) * 10 ** (-rng.uniform(15, 40) / 20)
        sound = sound + level * rng.standard_normal(len(sound), "float32")
    return np.pad(sound, (int(rng.integers(0, 800)), 0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of the recordings, named DIGIT_SPEAKER_INDEX")
    parser.add_argument("--epochs", type=int, default=10)
    folder = Path(__file__).parents[1] / "ganzoo" / "metrics" / "weights"
    parser.add_argument("--output", type=Path, default=folder)
    options = parser.parse_args()
    began, cpu, rng = time.monotonic(), time.process_time(), np.random.default_rng(_SEED)
    place, rate = f"named:{options.data}:{{digit}}_{{speaker}}_{{index}}", JUDGES[NAME]
    training, test = (open_labelled(f"{place}:index={index}", rate) for index in ("5-49", "0-4"))
    sounds = [*training.samples, *(changed(sound, rng) for _ in range(_COPIES) for sound in training.samples)]
    images = spectrogram_images(sounds, rate)
    values = np.tile(label_numbers(training, LABELS, place), (1 + _COPIES, 1))
    counts = [len(names) for names in LABELS.values()]
    network = train_attribute_classifier("residual", images, values, counts, options.epochs, _SEED)
    taken = dict(minutes=round((time.monotonic() - began) / 60, 1), cpu=round((time.process_time() - cpu) / 60, 1))
    path = options.output / f"{NAME}.npz"
    sha256 = weights.save(path, {"classifier": network})
    # As anybody loads it: in half precision.
    weights.load(path, {"classifier": network}, sha256)
    extractor = AttributeExtractor(network, NAME, LABELS, sha256)
    facts = dict(
        image_shape=images.shape[1:],
        architecture="residual",
        attributes={name: list(values) for name, values in LABELS.items()},
        data=f"Free Spoken Digit Dataset, recordings 5 to 49 of each digit and speaker, {len(training.samples):,}",
        license="CC BY-SA 4.0",
        accuracy=accuracies(extractor, spectrogram_images(test.samples, rate), label_numbers(test, LABELS, place)),
        accuracy_on=f"recordings 0 to 4, the official test set, {len(test.samples):,}",
        sha256=sha256,
    )
    path.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")
    print(json.dumps({**facts, **taken}, indent=2))


if __name__ == "__main__":
    main()
