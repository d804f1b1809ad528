"""Speech enhancement: real-time factor and memory by length, compared with the same network in PyTorch.

    python benchmarks/enhance.py [segan.speech] [--seconds 10 60 600]
    python benchmarks/enhance.py --seconds 3600 --frameworks ganzoo --files

Each length and framework runs in its own process, on random audio at 16 kHz: the median of three calls (one for audio
of 5 minutes or more) after a warm-up call of ten seconds. ganzoo's `enhance` works in windows; the PyTorch module has
the same layers and weights and processes the whole recording at once. The real-time factor is the computation time
divided by the length of the audio. Memory is the peak resident set of the process, and its increase after loading the
model. --files measures from file to file, as `ganzoo enhance` does. The outputs of both frameworks are checked to be
equal.
"""

import argparse
import functools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import memory
import numpy as np

RATE = 16_000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset", nargs="?", default="segan.speech")
    parser.add_argument("--seconds", nargs="+", type=int, default=[10, 60, 600])
    parser.add_argument("--frameworks", nargs="+", choices=["ganzoo", "torch"], default=["ganzoo", "torch"])
    parser.add_argument("--num-shifts", type=int, default=1, help="for ganzoo's `enhance`; the PyTorch loop uses one")
    parser.add_argument("--files", action="store_true", help="measure from file to file")
    parser.add_argument("--untrained", action="store_true", help="with fresh weights")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        framework, seconds = options.worker
        work(framework, options.preset, int(seconds), options.files, not options.untrained, options.num_shifts)
        return
    print("seconds of audio, framework, real-time factor, peak MB, increase after loading MB")
    for seconds in options.seconds:
        for framework in options.frameworks:
            command = [sys.executable, __file__, options.preset, "--worker", framework, str(seconds)]
            command += ["--num-shifts", str(options.num_shifts)]
            command += ["--files"] * options.files + ["--untrained"] * options.untrained
            done = subprocess.run(command, capture_output=True, text=True)
            print(seconds, framework, done.stdout.strip() or done.stderr.strip().splitlines()[-1], flush=True)


def work(framework, preset, seconds, files, trained, num_shifts):
    import ganzoo

    model = ganzoo.load(preset, trained=trained)
    short = sound_of(10)
    if framework == "torch":
        function = in_torch(model)
        difference = np.abs(function(short) - model.enhance(short, RATE, progress=False, num_shifts=1)).max()
        assert difference < 1e-4, difference
    else:
        model.num_shifts = num_shifts
        function = functools.partial(model.enhance, sample_rate=RATE, progress=False)
        function(short)
    before = memory.peak()
    taken = from_file(model, seconds) if files else from_array(function, seconds)
    peak = memory.peak()
    print(f"{taken / seconds:.4f} {peak} {peak - before}")


def sound_of(seconds):
    return (0.1 * np.random.default_rng(0).standard_normal(seconds * RATE, "float32")).astype("float32")


def from_array(function, seconds):
    sound, taken = sound_of(seconds), []
    for _ in range(3 if seconds < 300 else 1):
        began = time.perf_counter()
        function(sound)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def from_file(model, seconds):
    import soundfile

    from ganzoo.inference.recordings import enhance_file

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "noisy.wav"
        with soundfile.SoundFile(source, "w", RATE, 1) as file:
            for _ in range(seconds // 10):
                file.write(sound_of(10))
        began = time.perf_counter()
        enhance_file(model, source, Path(folder) / "clean.wav", progress=False)
        return time.perf_counter() - began


def in_torch(model):
    """A function from audio to audio, float32 (samples,): the model's network in PyTorch, on the whole recording."""
    import torch
    from torch_reference import TorchReference

    reference = TorchReference(model.ema_generator, exact=True).eval()
    if model.preemphasis:
        raise SystemExit("only networks without pre-emphasis can be compared")

    @torch.no_grad()
    def enhance(sound):
        noisy = torch.tensor(np.pad(sound, (0, -len(sound) % model.hop)))[None, None]
        code = [torch.zeros(1, model.noise_channels, noisy.shape[-1] // model.hop)] if model.noise_channels else []
        return reference(noisy, *code)[0, 0, : len(sound)].numpy()

    return enhance


if __name__ == "__main__":
    main()
