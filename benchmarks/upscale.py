"""Upscaling: megapixels per second and peak memory, compared with the same network in PyTorch.

    python benchmarks/upscale.py [srresnet.photos_x4] [--sizes 256x256 512x512 1024x1024]
    python benchmarks/upscale.py --sizes 4000x3000 --frameworks ganzoo --calls 1

Each size and framework runs in its own process, on random images: the median of --calls calls after a warm-up call. It
compares `upscale`, including tiling and the conversion from and to uint8, with a plain PyTorch module of the same
layers and weights on the whole image at once, also from uint8 to uint8. Memory is the peak resident set of the process,
and its increase after loading the model. The outputs of both are checked to agree. Without PyTorch, its rows show
the error.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import memory
import numpy as np


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset", nargs="?", default="srresnet.photos_x4")
    parser.add_argument("--sizes", nargs="+", default=["256x256", "512x512", "1024x1024"], metavar="WIDTHxHEIGHT")
    parser.add_argument("--frameworks", nargs="+", choices=["ganzoo", "torch"], default=["ganzoo", "torch"])
    parser.add_argument("--calls", type=int, default=3)
    parser.add_argument("--untrained", action="store_true", help="with fresh weights")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        width, height = map(int, options.worker[1].split("x"))
        work(options.worker[0], options.preset, (height, width), options.calls, not options.untrained)
        return
    print("size, framework, seconds, megapixels per second (of the result), peak MB, increase after loading MB")
    for size in options.sizes:
        for framework in options.frameworks:
            command = [
                sys.executable,
                __file__,
                options.preset,
                "--worker",
                framework,
                size,
                "--calls",
                str(options.calls),
            ]
            command += ["--untrained"] if options.untrained else []
            done = subprocess.run(command, capture_output=True, text=True)
            print(size, framework, done.stdout.strip() or done.stderr.strip().splitlines()[-1], flush=True)


def work(framework, preset, size, calls, trained):
    import ganzoo

    model = ganzoo.load(preset, trained=trained)
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype="uint8")
    function = model.upscale
    if framework == "torch":
        function = in_torch(model)
        small = image[:64, :64]
        assert np.abs(function(small).astype(int) - model.upscale(small)).max() <= 1
    before = memory.peak()
    function(image)
    seconds = []
    for _ in range(calls):
        began = time.perf_counter()
        function(image)
        seconds.append(time.perf_counter() - began)
    median = statistics.median(seconds)
    megapixels = size[0] * size[1] * model.scale**2 / 1e6
    peak = memory.peak()
    print(f"{median:.3f} {megapixels / median:.2f} {peak} {peak - before}")


def in_torch(model):
    """A function from uint8 to uint8 images: the model's network in PyTorch."""
    import torch
    from torch_reference import TorchReference

    reference = TorchReference(model.ema_generator, exact=True).eval()

    @torch.no_grad()
    def upscale(image):
        small = torch.tensor(image).permute(2, 0, 1)[None].float() / 127.5 - 1
        return ((reference(small) + 1) * 127.5).round().clamp(0, 255).byte()[0].permute(1, 2, 0).numpy()

    return upscale


if __name__ == "__main__":
    main()
