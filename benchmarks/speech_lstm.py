"""Bits per sample of simple models of speech, beside which `ganzoo evaluate wavenet` is read: a histogram of mu-law
codes, and a small LSTM that is trained on the same recordings.

    python benchmarks/speech_lstm.py --data fsdd

The LSTM reads codes of samples and begins with a state that depends on the labels; it predicts the next code by a
softmax. It is trained on the recordings 5 to 49 of the Free Spoken Digit Dataset, except for one in 20 that selects the
checkpoint, and measured once on the official test recordings, 0 to 4, each after as much silence as in training.
"""

import argparse
import json
import time

import keras
import numpy as np
from keras import layers, ops

from ganzoo import mu_law
from ganzoo.data.labeled_recordings import open_labeled
from ganzoo.data.utterances import label_numbers, utterances
from ganzoo.evaluation.speech_synthesis import histogram_bits
from ganzoo.losses import get_sample_likelihood

LABELS = {
    "digit": [*"0123456789"],
    "speaker": ["george", "jackson", "lucas", "nicolas", "theo", "yweweler"],
}
_RATE, _LEVELS, _SILENCE = 8_000, 256, 64


def build(units: int) -> keras.Model:
    """A network from codes (batch, samples) and labels (batch, 2) to logits of the next codes."""
    codes, labels = keras.Input((None,), dtype="int32"), keras.Input((len(LABELS),), dtype="int32")
    x = layers.Embedding(_LEVELS, 64)(codes)
    vectors = [layers.Embedding(len(names), 16)(labels[:, i]) for i, names in enumerate(LABELS.values())]
    condition = layers.Concatenate()(vectors)
    states = [layers.Dense(units, "tanh")(condition) for _ in range(2)]
    x = layers.LSTM(units, return_sequences=True)(x, initial_state=states)
    return keras.Model([codes, labels], layers.Dense(_LEVELS)(x))


def bits(network: keras.Model, sounds: list[np.ndarray], labels: np.ndarray) -> float:
    """Bits per sample of whole recordings."""
    total, order = 0.0, sorted(range(len(sounds)), key=lambda i: len(sounds[i]))
    for start in range(0, len(order), 32):
        rows = order[start : start + 32]
        longest = -(-max(len(sounds[i]) for i in rows) // 512) * 512
        audio = np.zeros((len(rows), _SILENCE + longest), "float32")
        for row, i in zip(audio, rows):
            row[_SILENCE : _SILENCE + len(sounds[i])] = sounds[i]
        codes = ops.convert_to_numpy(mu_law.codes(audio))
        logits = network.predict_on_batch([codes[:, :-1], labels[rows]])
        log_p = ops.convert_to_numpy(ops.log_softmax(logits))
        each = np.take_along_axis(log_p, codes[:, 1:, None], axis=-1)[:, _SILENCE - 1 :, 0]
        total -= sum(float(row[: len(sounds[i])].sum()) for row, i in zip(each, rows))
    return total / sum(map(len, sounds)) / np.log(2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of the recordings, or a file of `write_packed` (.npz)")
    parser.add_argument("--units", type=int, default=192)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--window", type=int, default=512)
    parser.add_argument("--max-minutes", type=float, default=1e9, help="stop training after this time")
    options = parser.parse_args()
    packed = options.data.endswith(".npz")
    place = f"npz:{options.data}" if packed else f"named:{options.data}:{{digit}}_{{speaker}}_{{index}}"
    test = open_labeled(f"{place}:index=0-4", _RATE)
    test_labels = label_numbers(test, LABELS, place)
    feed = utterances.feed(
        f"{place}:index=5-49", LABELS, _RATE, context=_SILENCE, window=options.window, silence=400, batch_size=64
    )
    training = open_labeled(f"{place}:index=5-49", _RATE)
    likelihood = get_sample_likelihood("mu_law")
    found = {
        "histogram": histogram_bits(likelihood, test.samples, training.samples),
        "entropy of the test histogram": histogram_bits(likelihood, test.samples),
    }
    print(json.dumps(found), flush=True)
    keras.utils.set_random_seed(0)
    network = build(options.units)
    steps = options.epochs * feed.batches_per_epoch
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(schedule, global_clipnorm=1.0), loss)
    held, held_labels = [sound for sound, _ in feed.validation], np.stack([row for _, row in feed.validation])
    best, weights, began = np.inf, network.get_weights(), time.monotonic()
    for epoch in range(options.epochs):
        losses = []
        for step in range(epoch * feed.batches_per_epoch, (epoch + 1) * feed.batches_per_epoch):
            sounds, labels = feed.make_batch(step, feed.indices(step))
            codes = ops.convert_to_numpy(mu_law.codes(sounds))
            losses.append(float(network.train_on_batch([codes[:, :-1], labels], codes[:, 1:])))
        value = bits(network, held, held_labels)
        if value < best:
            best, weights = value, network.get_weights()
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.3f}, held out {value:.3f} bits", flush=True)
        if time.monotonic() - began > 60 * options.max_minutes:
            break
    network.set_weights(weights)
    found["LSTM"] = bits(network, test.samples, test_labels)
    found["LSTM, held out"], found["parameters"] = float(best), network.count_params()
    found["minutes"] = round((time.monotonic() - began) / 60, 1)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
