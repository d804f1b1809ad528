"""Upscaling: megapixels per second and peak memory, beside the same network in PyTorch.

    python benchmarks/upscale.py [srresnet.photos_x4] [--sizes 256x256 512x512 1024x1024]
    python benchmarks/upscale.py --sizes 4000x3000 --frameworks ganzoo --calls 1

Every size and framework in a process of its own: random images, the median of --calls calls after one that is
not counted; `upscale` as it is called by anybody, tiles and the way to uint8 and back included, and a plain PyTorch
module of the same layers and weights over the whole image at once, uint8 to uint8 as well. Memory is the highest
resident set of the process, and how much of it came after the model was loaded. That both give the same images is
checked. PyTorch is left out where it is missing.
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
    print("size, framework, seconds, megapixels per second (of the result), peak MB, of it after loading MB")
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
