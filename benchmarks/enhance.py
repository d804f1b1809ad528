"""Speech enhancement: real-time factor and memory over length, beside the same network in PyTorch.

    python benchmarks/enhance.py [segan.speech] [--seconds 10 60 600]
    python benchmarks/enhance.py --seconds 3600 --frameworks ganzoo --files

Every length and framework in a process of its own: random sound at 16 kHz, the median of three calls (one where a call
takes minutes) after one of ten seconds that is not counted. ganzoo's `enhance` is called as by anybody, in windows; the
PyTorch module has the same layers and weights and takes the whole sound at once. The factor is the time taken over the
sound's length: below 1 is faster than it is spoken. Memory is the highest resident set of the process, and how much of
it came after the model was loaded. With --files `ganzoo enhance`'s way from file to file. That both give the same sound
is checked.
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
    parser.add_argument("--num-shifts", type=int, default=1, help="of ganzoo's `enhance`; the PyTorch loop looks once")
    parser.add_argument("--files", action="store_true", help="from file to file")
    parser.add_argument("--untrained", action="store_true", help="with fresh weights")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        framework, seconds = options.worker
        work(framework, options.preset, int(seconds), options.files, not options.untrained, options.num_shifts)
        return
    print("seconds of sound, framework, real-time factor, peak MB, of it after loading MB")
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
    """A function from sound to sound, float32 (samples,): the model's network in PyTorch, over the whole at once."""
    import torch
    from torch_reference import TorchReference

    reference = TorchReference(model.ema_generator, exact=True).eval()
    if model.preemphasis:
        raise SystemExit("only networks without pre-emphasis are compared")

    @torch.no_grad()
    def enhance(sound):
        noisy = torch.tensor(np.pad(sound, (0, -len(sound) % model.hop)))[None, None]
        code = [torch.zeros(1, model.latent_dim, noisy.shape[-1] // model.hop)] if model.latent_dim else []
        return reference(noisy, *code)[0, 0, : len(sound)].numpy()

    return enhance


if __name__ == "__main__":
    main()
