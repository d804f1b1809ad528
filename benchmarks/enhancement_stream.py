"""Speech enhancement while audio arrives: latency, speed and quality; and frequencies above those of the network.

    python benchmarks/enhancement_stream.py PAIRS [--model segan] [--seconds 20]
    python benchmarks/enhancement_stream.py SPEECH --noise NOISE --smoothing 0.005 0.01 0.02 0.04

PAIRS is a folder with the folders `noisy` and `clean` of recordings of the same names.

The first table streams the pairs in blocks of 20 ms: the stated latency, the time of computation divided by the length
of the audio, and the mean SI-SDR, for several blocks and contexts.

The second table measures how a stream treats frequencies above those of the network, an octave lower, where the clean
speech is known: the network's output below 4 kHz stands for all that it gives, and 4 to 8 kHz of the output are made
from 4 to 8 kHz of the noisy speech: left out, kept, or kept with the gain that the network has between 2 and 4 kHz. Two
numbers compare 4 to 8 kHz with the clean speech: the signal-to-noise ratio, and the log-spectral distance (frames of
32 ms). The last row is what the network itself gives there. With --noise, recordings of SPEECH are mixed with it at 0,
5 and 10 dB; the time constant was chosen with such mixtures, not with PAIRS.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import soundfile
import soxr

import ganzoo
from ganzoo.data.audio import audio_files
from ganzoo.inference import enhancement_stream
from ganzoo.inference.enhancement_stream import EnhancementStream, Settings
from ganzoo.inference.overlap import Windows
from ganzoo.metrics.speech import si_sdr

RATE = 16_000
# (block, context) in seconds; None for the receptive field.
STREAMS = ((1.0, None), (0.25, None), (0.1, None), (0.1, 0.2), (0.1, 0.1), (0.1, 0.05), (0.05, 0.02))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--noise", type=Path)
    parser.add_argument("--model", default="segan")
    parser.add_argument("--most", type=int, default=20, help="recordings")
    parser.add_argument("--num-shifts", type=int, default=1)
    parser.add_argument("--smoothing", type=float, nargs="+", default=[enhancement_stream._SMOOTHING])
    options = parser.parse_args()
    model = ganzoo.load(options.model)
    if options.noise:
        pairs = mixed(options.recordings, options.noise, options.most)
    else:
        noisy, clean = (audio_files(options.recordings / part)[: options.most] for part in ("noisy", "clean"))
        pairs = [(read(one), read(other)) for one, other in zip(noisy, clean)]
        streams(model, pairs, options.num_shifts)
    high_bands(model, pairs, options.smoothing, options.num_shifts)


def read(path):
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return soxr.resample(samples.mean(axis=1), rate, RATE).astype("float32")


def mixed(speech, noise, most):
    """(noisy, clean) of recordings spread over both folders."""
    voices, noises = audio_files(speech), audio_files(noise)
    pairs = []
    for i in range(min(most, len(voices))):
        clean = read(voices[i * len(voices) // most])
        other = np.resize(read(noises[i * len(noises) // most]), len(clean))
        loudness = np.sqrt((clean**2).mean() / max((other**2).mean(), 1e-12))
        pairs.append((clean + other * loudness * 10 ** (-(0, 5, 10)[i % 3] / 20), clean))
    return pairs


def streams(model, pairs, num_shifts):
    print("| block, s | context, s | latency, s | time / length of audio | SI-SDR, dB |\n|---|---|---|---|---|")
    seconds = sum(len(noisy) for noisy, _ in pairs) / RATE
    for block, context in STREAMS:
        latency, scores, spent = 0.0, [], 0.0
        for noisy, clean in pairs:
            stream = model.stream(RATE, block, context, num_shifts)
            latency = stream.latency
            began = time.perf_counter()
            parts = [stream.push(noisy[i : i + 320]) for i in range(0, len(noisy), 320)]
            enhanced = np.concatenate([*parts, stream.finish()])
            spent += time.perf_counter() - began
            scores.append(si_sdr(clean, enhanced))
        shown = "all" if context is None else context
        print(f"| {block} | {shown} | {latency:.2f} | {spent / seconds:.3f} | {np.mean(scores):.2f} |", flush=True)


def high_bands(model, pairs, smoothing, num_shifts):
    enhanced = [model.enhance(noisy, RATE, progress=False, num_shifts=num_shifts) for noisy, _ in pairs]
    half = RATE // 2

    def lower(sound):
        return soxr.resample(sound, RATE, half, quality="VHQ").astype("float32")

    def low(sound):
        return np.resize(soxr.resample(lower(sound), half, RATE, quality="VHQ"), len(sound))

    def with_gain(noisy, own):
        # A "network" at 8 kHz whose output is the real one's, up to 4 kHz.
        answer = lower(own)
        place = iter(range(0, len(answer), half // 50))

        def network(part):
            start = next(place)
            given = answer[start : start + part.shape[1]]
            return np.pad(given, (0, part.shape[1] - len(given)))[None]

        stream = EnhancementStream(network, RATE, Settings(half, Windows(half // 50)))
        return np.concatenate([stream.push(noisy), stream.finish()]) - low(own)

    rows = {
        "left out": lambda noisy, own: np.zeros_like(noisy),
        "kept": lambda noisy, own: noisy - low(noisy),
        **{f"gain of 2 to 4 kHz, {seconds * 1000:g} ms": with_gain for seconds in smoothing},
        "the network": lambda noisy, own: own - low(own),
    }
    print("\n| 4 to 8 kHz | SNR, dB | log-spectral distance, dB |\n|---|---|---|")
    seconds = iter(smoothing)
    for name, made in rows.items():
        if made is with_gain:
            enhancement_stream._SMOOTHING = next(seconds)
        found = []
        for (noisy, clean), own in zip(pairs, enhanced):
            high, wanted = made(noisy, own), clean - low(clean)
            ratio = 10 * np.log10((wanted**2).sum() / ((high - wanted) ** 2).sum())
            found.append((ratio, spectral_distance(high, wanted)))
        print("| {} | {:.2f} | {:.2f} |".format(name, *np.mean(found, axis=0)), flush=True)


def spectral_distance(sound, other):
    """Root mean square difference of log spectra between 4.1 and 7.8 kHz, in decibels, the mean over frames."""

    def spectra(samples):
        frames = np.lib.stride_tricks.sliding_window_view(samples, 512)[::128] * np.hanning(512)
        return 10 * np.log10(np.abs(np.fft.rfft(frames, axis=1))[:, 132:250] ** 2 + 1e-7)

    return np.sqrt(((spectra(sound) - spectra(other)) ** 2).mean(axis=1)).mean()


if __name__ == "__main__":
    main()
