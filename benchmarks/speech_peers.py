"""Other speech enhancement programs on the same noisy speech, measured like `ganzoo evaluate`.

    pip install noisereduce pyrnnoise
    python benchmarks/speech_peers.py --data folder:voicebank_demand

The data is pairs in the subfolders noisy and clean, 16 kHz. Programs that are not installed are left out.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from ganzoo.evaluation.speech_enhancement import evaluate_function, evaluate_noisy

RATE = 16_000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--presets", nargs="*", default=["segan.speech"])
    options = parser.parse_args()
    found = [evaluate_noisy(RATE, options.data)]
    for name, peer in (("Wiener filter", wiener), ("noisereduce 0.9", noisereduce), ("RNNoise", rnnoise)):
        try:
            found.append(evaluate_function(peer(), RATE, options.data, name=name))
        except ImportError as error:
            print(f"{name}: left out ({error})")
    if options.presets:
        import ganzoo
        from ganzoo.evaluation import evaluate

        found += [evaluate(ganzoo.load(name), options.data, name=name) for name in options.presets]
    keys = list(found[0].metrics)
    print("|", " | ".join(["", *keys]), "|")
    for one in found:
        print("|", " | ".join([one.name, *(f"{one.metrics[key]:.3f}" for key in keys)]), "|")
    print("protocol:", found[0].protocol)


def wiener():
    """A Wiener filter on 32 ms frames with the decision-directed estimate of Ephraim & Malah 1984. The noise of each
    frequency is estimated from the first decile of its power over the utterance."""
    from scipy.signal import istft, stft

    def enhance(noisy):
        _, _, spectrum = stft(noisy, RATE, nperseg=512, noverlap=384)
        power = np.abs(spectrum) ** 2
        # The first decile of an exponential distribution is 0.105 times its mean.
        floor = np.quantile(power, 0.1, axis=1, keepdims=True) / 0.105 + 1e-12
        gains, before = np.empty_like(power), np.zeros(len(power))
        for i, posterior in enumerate((power / floor).T):
            prior = 0.98 * before + 0.02 * np.maximum(posterior - 1, 0)
            gains[:, i] = np.maximum(prior / (1 + prior), 0.05)
            before = gains[:, i] ** 2 * posterior
        _, enhanced = istft(spectrum * gains, RATE, nperseg=512, noverlap=384)
        return np.pad(enhanced, (0, max(0, len(noisy) - len(enhanced))))[: len(noisy)].astype("float32")

    return enhance


def noisereduce():
    import noisereduce as library

    return lambda noisy: library.reduce_noise(y=noisy, sr=RATE, prop_decrease=0.9).astype("float32")


def rnnoise():
    from pyrnnoise.rnnoise import FRAME_SIZE, create, destroy, process_mono_frame

    from ganzoo.data.audio import resampled

    def enhance(noisy):
        loud = np.rint(32767 * np.clip(resampled(noisy, RATE, 48_000), -1, 1)).astype("int16")
        # Append silence, because the output is delayed.
        loud = np.pad(loud, (0, 2 * FRAME_SIZE + -len(loud) % FRAME_SIZE))
        state = create()
        frames = [process_mono_frame(state, frame)[0] for frame in loud.reshape(-1, FRAME_SIZE)]
        destroy(state)
        clean = resampled((np.concatenate(frames) / 32768).astype("float32"), 48_000, RATE)
        lag = best_lag(noisy, clean)
        return np.ascontiguousarray(clean[lag : lag + len(noisy)])

    return enhance


def best_lag(noisy, clean, most=320):
    """The delay of `clean`, in samples."""
    length = min(len(noisy), len(clean) - most)
    return int(np.argmax([np.dot(noisy[:length], clean[lag : lag + length]) for lag in range(most)]))


if __name__ == "__main__":
    main()
