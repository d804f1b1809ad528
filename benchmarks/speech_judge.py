"""Trains the judges of speech that the package ships, and measures them on recordings that they have not seen.

    python benchmarks/speech_judge.py --data fsdd
    python benchmarks/speech_judge.py --judge four_voices_judge --data voices4

The judge of spoken digits and their speakers learns from the Free Spoken Digit Dataset, whose official test recordings
measure it. The judge of four voices hears one second of read speech; its folder holds a file labels.csv with the
columns file, speaker and split, train or test. Each command writes the weights and facts that
`ganzoo.metrics.get_extractor` reads.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganzoo import mu_law, weights
from ganzoo.data.labeled_recordings import open_labeled
from ganzoo.data.utterances import label_numbers
from ganzoo.metrics.attributes import accuracies, train_attribute_classifier
from ganzoo.metrics.conversions import excerpts
from ganzoo.metrics.extractors import AttributeExtractor
from ganzoo.metrics.spoken import JUDGES, spectrogram_images

_SEED = 3


@dataclass(frozen=True)
class _Judge:
    """What differs between the judges."""

    labels: dict[str, tuple[str, ...]]
    # Sources of recordings for training and for the test, with {data} for the folder.
    sources: tuple[str, str]
    # Versions of each sound besides the recording itself.
    copies: int
    data: str
    license: str
    accuracy_on: str


_FSDD = "named:{data}:{{digit}}_{{speaker}}_{{index}}:index="
JUDGE_SETTINGS = {
    "spoken_digits_judge": _Judge(
        {
            "digit": tuple("0123456789"),
            "speaker": ("george", "jackson", "lucas", "nicolas", "theo", "yweweler"),
        },
        (f"{_FSDD}5-49", f"{_FSDD}0-4"),
        4,
        "Free Spoken Digit Dataset, recordings 5 to 49 of each digit and speaker, {count:,}",
        "CC BY-SA 4.0",
        "recordings 0 to 4, the official test set, {count:,}",
    ),
    "four_voices_judge": _Judge(
        {"speaker": ("ls19_female", "ls26_male", "ls27_male", "kathleen_female")},
        ("folder:{data}:split=train", "folder:{data}:split=test"),
        2,
        "speakers 19, 26 and 27 of LibriSpeech and the voice Kathleen, eleven minutes each, {count:,} seconds",
        "CC BY 4.0, Kathleen CC0",
        "later recordings of the same voices, a minute and a half each, {count:,} seconds",
    ),
}


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
    parser.add_argument("--judge", choices=list(JUDGE_SETTINGS), default="spoken_digits_judge")
    parser.add_argument("--data", required=True, help="folder of the recordings")
    parser.add_argument("--epochs", type=int, default=10)
    folder = Path(__file__).parents[1] / "ganzoo" / "metrics" / "weights"
    parser.add_argument("--output", type=Path, default=folder)
    options = parser.parse_args()
    began, cpu, rng = time.monotonic(), time.process_time(), np.random.default_rng(_SEED)
    judge, rate = JUDGE_SETTINGS[options.judge], JUDGES[options.judge]
    (training, values), (test, test_values) = (sounds_of(judge, source, options.data, rate) for source in judge.sources)
    sounds = [*training, *(changed(sound, rng) for _ in range(judge.copies) for sound in training)]
    images = spectrogram_images(sounds, rate)
    values = np.tile(values, (1 + judge.copies, 1))
    counts = [len(names) for names in judge.labels.values()]
    network = train_attribute_classifier("residual", images, values, counts, options.epochs, _SEED)
    taken = dict(minutes=round((time.monotonic() - began) / 60, 1), cpu=round((time.process_time() - cpu) / 60, 1))
    path = options.output / f"{options.judge}.npz"
    sha256 = weights.save(path, {"classifier": network})
    # As anybody loads it: in half precision.
    weights.load(path, {"classifier": network}, sha256)
    extractor = AttributeExtractor(network, options.judge, judge.labels, sha256)
    facts = dict(
        image_shape=images.shape[1:],
        architecture="residual",
        attributes={name: list(values) for name, values in judge.labels.items()},
        data=judge.data.format(count=len(training)),
        license=judge.license,
        accuracy=accuracies(extractor, spectrogram_images(test, rate), test_values),
        accuracy_on=judge.accuracy_on.format(count=len(test)),
        sha256=sha256,
    )
    path.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")
    print(json.dumps({**facts, **taken}, indent=2))


def sounds_of(judge: _Judge, source: str, data: str, rate: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Excerpts of up to a second of the recordings of a source, and their labels."""
    place = source.format(data=data)
    found = open_labeled(place, rate)
    numbers = label_numbers(found, judge.labels, place)
    # A spoken digit is judged as a whole.
    pieces = [[sound] if "digit" in judge.labels else excerpts([sound], rate) for sound in found.samples]
    return [piece for one in pieces for piece in one], numbers.repeat([len(one) for one in pieces], axis=0)


if __name__ == "__main__":
    main()
