"""All benchmarks of speed and memory, as tables.

    python benchmarks/suite.py [step limits inference data start] [--models dcgan srgan] [--rounds 6]

step: a training step of each model at the sizes of its default preset, with the default losses and optimizers of
`compile()`: a pixel loss for SRGAN, no augmentations and regularizers. The contenders are `model.fit` in float32 and
mixed_bfloat16, a bare tf.function of the same computation (no moving average, metrics or callbacks), and PyTorch eager
and torch.compile on PyTorch copies of the networks (`torch_reference.py`, `plain.py`), in float32 and with autocast to
bfloat16. `fit on torch` and `fit on jax` are `model.fit` on Keras' other backends. They and the PyTorch loop use a GPU
if there is one.
limits: how much a training step computes (`limits.py`), which share of the rate of a large product of matrices it
reaches, and what the time of its operations goes to, in float32 and mixed_bfloat16.
inference: the throughput of `generate`, `upscale` and `enhance`, compared with the same network in PyTorch eager, in
float32 and bfloat16.
data: the time of creating a batch and of a training step on it.
start: the time of `import tensorflow`, `import ganzoo` and `ganzoo.load` in new processes.
Data that a preset cannot download is given by an environment variable: GANZOO_BENCH_SRGAN="--data folder:my_images".

Contenders run in separate processes, except that the bare loop shares one with another `fit`. `fit : bare` compares
these two, because their difference is as small as that between two processes of one program. `fit : bare, processor`
is the ratio of their processor time, which other work on the machine affects less. All contenders alternate within a
round, in the opposite order in every second round, so that a slowdown of the machine affects all of them. Ratios are
medians over the ratios of the rounds, with the smallest and the largest; below 1, ganzoo is faster. The columns of a
contender that cannot run are empty, and standard error shows why. Without TensorFlow:
KERAS_BACKEND=torch python benchmarks/suite.py step --loops "fit on torch" PyTorch
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from contenders import ELSEWHERE, LOOPS, PRODUCTS, TORCH, config_of, inference_task
from limits import KINDS, PRODUCT_GFLOP
from race import race, ratio

from ganzoo import presets
from ganzoo.registry import list_models

SECTIONS = ("step", "limits", "inference", "data", "start")
# The `fit` in the same process as the bare loop.
BESIDE = "fit beside bare"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", default=list(SECTIONS), metavar="section")
    parser.add_argument("--models", nargs="+", default=list_models())
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument(
        "--loops", nargs="+", default=list(LOOPS), choices=LOOPS + ELSEWHERE, help="contenders of the section step"
    )
    options = parser.parse_args()
    if unknown := [name for name in options.sections if name not in SECTIONS]:
        parser.error(f"unknown section {', '.join(unknown)}; choose from {', '.join(SECTIONS)}")
    for section in options.sections:
        globals()[f"section_{section}"](options)


def section_step(options):
    running = {*options.loops, BESIDE if "bare" in options.loops else None}
    pairs = [pair for pair in _PAIRS if running.issuperset(pair[2:])]
    with_memory = [name for name in options.loops if name not in ("bare", "torch.compile") and "bfloat16" not in name]
    heads = [f"{name}, ms" for name in options.loops] + [head for head, *_ in pairs] + [f"MB, {n}" for n in with_memory]
    row("model", "batch", *heads)
    row(*["---"] * (len(heads) + 2))
    for name in options.models:
        config = config_of(name)
        processes = [(BESIDE, loop) if loop == "bare" else (loop,) for loop in options.loops]
        taken, worked, peaks = race("step", name, processes, options.rounds)
        times_of = {"seconds": taken, "processor": worked}
        ratios = [
            ratio(times_of[what][ours], times_of[what][theirs]) if ours in taken and theirs in taken else ""
            for _, what, ours, theirs in pairs
        ]
        times = [f"{1000 * statistics.median(taken[loop]):.1f}" if loop in taken else "" for loop in options.loops]
        steps = config["discriminator_steps"]
        on = f"{steps} x {config['batch_size']}" if steps > 1 else f"{config['batch_size']}"
        shape = "x".join(str(size) for size in config["shape"])
        row(name, f"{on} of {shape}", *times, *ratios, *(peaks.get(loop, "") for loop in with_memory))


# (column, what is compared, contender, other contender).
_PAIRS = (
    ("fit : bare", "seconds", BESIDE, "bare"),
    ("fit : bare, processor", "processor", BESIDE, "bare"),
    ("fit : PyTorch", "seconds", "fit", "PyTorch"),
    ("fit : torch.compile", "seconds", "fit", "torch.compile"),
    *((f"fit, bfloat16 : {loop}", "seconds", "fit, bfloat16", loop) for loop in TORCH),
    ("fit, bfloat16 : fit", "seconds", "fit, bfloat16", "fit"),
    *((f"{loop} : PyTorch", "seconds", loop, "PyTorch") for loop in ELSEWHERE),
    *((f"{loop} : fit", "seconds", loop, "fit") for loop in ELSEWHERE),
)


def section_limits(options):
    fits, rates = ("fit", "fit, bfloat16"), []
    row(
        "model",
        "GFLOP per step",
        *(f"{name}: share of the rate" for name in fits),
        *(f"{name}: {', '.join(KINDS)}" for name in fits),
    )
    row(*["---"] * 6)
    for name in options.models:
        work = _limits("work", name)
        taken, *_ = race("step", name, [(fits[0],), (fits[1],), PRODUCTS], options.rounds)
        rates.append([PRODUCT_GFLOP / statistics.median(taken[product]) for product in PRODUCTS])
        shares = []
        for ours, product in zip(fits, PRODUCTS):
            # Both in the same round.
            pairs = zip(taken[ours], taken[product])
            shares.append([work / seconds * apart / PRODUCT_GFLOP for seconds, apart in pairs])
        spent = [_limits("time", name, ours) for ours in fits]
        row(
            name,
            f"{work:.1f}",
            *(f"{100 * statistics.median(share):.0f}%" for share in shares),
            *(", ".join(f"{100 * parts[kind]:.0f}" for kind in KINDS) for parts in spent),
        )
    medians = [statistics.median(each) for each in zip(*rates)]
    print("\nRate of the product, GFLOP/s: " + ", ".join(f"{rate:.0f}" for rate in medians))


def _limits(*arguments):
    command = [sys.executable, str(Path(__file__).with_name("limits.py")), *arguments]
    environment = {**os.environ, "KERAS_BACKEND": "torch" if arguments[0] == "work" else "tensorflow"}
    done = subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def section_inference(options):
    pairs = list(zip(_SIDES[0::2], _SIDES[1::2]))
    heads = [*_SIDES, *(" : ".join(pair) for pair in pairs), *(f"MB, {side}" for side in _SIDES[:2])]
    row("model", "per second", *heads)
    row(*["---"] * (2 + len(heads)))
    for name in options.models:
        taken, _, peaks = race("inference", name, [(side,) for side in _SIDES], options.rounds)
        _, amount, unit = inference_task(name)
        speeds = [f"{amount / statistics.median(taken[side]):.1f}" if side in taken else "" for side in _SIDES]
        compared = [
            ratio(taken[ours], taken[theirs]) if ours in taken and theirs in taken else "" for ours, theirs in pairs
        ]
        row(name, unit, *speeds, *compared, *(peaks.get(side, "") for side in _SIDES[:2]))


_SIDES = ("ganzoo", "PyTorch", "ganzoo, bfloat16", "PyTorch, bfloat16")


def section_data(options):
    row("preset", "batch, ms", "step, ms", "step : batch")
    row(*["---"] * 4)
    for name in options.models:
        command = [sys.executable, str(Path(__file__).with_name("pipeline.py")), config_of(name)["preset"], "--row"]
        command += os.environ.get(f"GANZOO_BENCH_{name.upper()}", "").split()
        done = subprocess.run(command, capture_output=True, text=True)
        # A preset that trains a text encoder first prints its progress before the row.
        rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
        why = "" if rows else done.stderr.strip().splitlines()[-1][:120]
        print(rows[-1] if rows else f"| {name} | no data: {why} | | |", flush=True)


def section_start(options):
    tasks = {"import tensorflow": "import tensorflow", "import ganzoo": "import ganzoo"}
    for name in options.models:
        preset = config_of(name)["preset"]
        if presets.find(preset).config.weights is not None:
            tasks[f"ganzoo.load('{preset}')"] = f"import ganzoo; ganzoo.load('{preset}')"
    measured = f"; import time; now = time.time(); import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})"
    measured += "; import memory; print(now, memory.peak())"
    # With the cache of Python's bytecode, as after a first start.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    ready, whole, peaks = ({what: [] for what in tasks} for _ in range(3))
    for number in range(options.rounds + 1):
        for what, code in tasks.items():
            command = [sys.executable, "-c", code + measured]
            began = time.time()
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            ended = time.time()
            # The first round fills the caches.
            if number:
                now, peak = done.stdout.split()
                ready[what].append(float(now) - began)
                whole[what].append(ended - began)
                peaks[what].append(int(peak))
    row("code", "seconds until it is done", "with the end of the process", "MB")
    row(*["---"] * 4)
    for what in tasks:
        seconds = (f"{statistics.median(times[what]):.2f}" for times in (ready, whole))
        row(what, *seconds, f"{statistics.median(peaks[what]):.0f}")


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


if __name__ == "__main__":
    main()
