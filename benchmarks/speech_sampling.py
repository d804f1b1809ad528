"""How recognizable wavenet.digits is with other settings: python -m benchmarks.speech_sampling --data fsdd

Trains a recognizer of digits and speakers of another architecture and seed than `spoken_digits_judge`, on the same
training recordings. For each temperature, guidance and number of candidates it prints which share of generated sounds
is recognized, of all digits by all speakers, several times, and how many seconds a sound lasts on average.
The judge, which reports the model's metrics, chooses nothing.
"""

import argparse
import itertools

import numpy as np

import ganzoo
from benchmarks.speech_judge import JUDGE_SETTINGS, changed, sounds_of
from ganzoo.metrics.attributes import accuracies, train_attribute_classifier
from ganzoo.metrics.extractors import AttributeExtractor
from ganzoo.metrics.spoken import JUDGES, SpeechSets, spectrogram_images

SEED, NAME = 11, "spoken_digits_judge"


def recognizer(data, epochs):
    """The second recognizer, and how well it recognizes the test recordings."""
    judge, rate, rng = JUDGE_SETTINGS[NAME], JUDGES[NAME], np.random.default_rng(SEED)
    (training, values), (test, test_values) = (sounds_of(judge, source, data, rate) for source in judge.sources)
    sounds = [*training, *(changed(sound, rng) for _ in range(judge.copies) for sound in training)]
    images = spectrogram_images(sounds, rate)
    values = np.tile(values, (1 + judge.copies, 1))
    counts = [len(names) for names in judge.labels.values()]
    network = train_attribute_classifier("strided", images, values, counts, epochs, SEED)
    found = AttributeExtractor(network, "second_recognizer", judge.labels, "")
    return found, accuracies(found, spectrogram_images(test, rate), test_values)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset", nargs="?", default="wavenet.digits")
    parser.add_argument("--data", required=True, help="folder of the Free Spoken Digit Dataset")
    parser.add_argument("--epochs", type=int, default=10, help="of the recognizer")
    parser.add_argument("--temperatures", nargs="+", type=float, default=[1.0])
    parser.add_argument("--guidances", nargs="+", type=float, default=[0.0], help="for models with label_dropout")
    parser.add_argument("--candidates", nargs="+", type=int, default=[1], help="of which the most typical is chosen")
    parser.add_argument("--seed", type=int, default=1, help="of the sounds")
    parser.add_argument("--repeats", type=int, default=4, help="sounds of each digit by each speaker")
    options = parser.parse_args()
    second, accuracy = recognizer(options.data, options.epochs)
    print(f"the recognizer on real test recordings: {accuracy}", flush=True)
    model = ganzoo.load(options.preset)
    labels = np.tile(model.labels(60), (options.repeats, 1))
    given = {name: labels[:, i] for i, name in enumerate(model.label_names)}
    sets = SpeechSets(model, [], labels)
    sets.judge = second
    for settings in itertools.product(options.temperatures, options.guidances, options.candidates):
        settings = dict(zip(("temperature", "guidance", "candidates"), settings))
        sounds = model.generate(seed=options.seed, labels=given, **settings)
        seconds = np.mean([np.flatnonzero(sound)[-1:].sum() for sound in sounds]) / model.sample_rate
        found = sets.recognized(list(sounds))
        print(f"{settings}: {found}, {seconds:.2f} seconds", flush=True)


if __name__ == "__main__":
    main()
