"""All benchmarks of speed and memory, as tables.

    python benchmarks/suite.py [step inference data start] [--models dcgan srgan] [--rounds 6]

step: a training step of each model at the sizes of its default preset, with the default losses and optimizers of
`compile()` (a pixel loss for SRGAN, no augmentations). The contenders are `model.fit` in float32 and mixed_bfloat16, a
bare tf.function of the same computation (no moving average, metrics or callbacks), and PyTorch eager and torch.compile
on PyTorch copies of the networks (`torch_reference.py`, `plain.py`). `fit on torch` and `fit on jax` are `model.fit` on
Keras' other back ends. They and the PyTorch loop use a GPU if there is one.
inference: the throughput of `generate`, `upscale` and `enhance`, compared with the same network in PyTorch eager.
data: the time of creating a batch and of a training step on it.
start: the time of `import ganzoo` and `ganzoo.load`.
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
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import memory
import numpy as np

import ganzoo
from ganzoo import presets
from ganzoo.registry import list_models, model_class

SECTIONS = ("step", "inference", "data", "start")
LOOPS = ("fit", "fit, bfloat16", "bare", "PyTorch", "torch.compile")
ELSEWHERE = ("fit on torch", "fit on torch, bfloat16", "fit on jax", "fit on jax, bfloat16")
# The `fit` in the same process as the bare loop.
BESIDE = "fit beside bare"
# Approximate seconds per contender and round.
TURN = 1.5


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", default=list(SECTIONS), metavar="section")
    parser.add_argument("--models", nargs="+", default=list_models())
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument(
        "--loops", nargs="+", default=list(LOOPS), choices=LOOPS + ELSEWHERE, help="contenders of the section step"
    )
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(*options.worker)
        return
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
        taken, worked, peaks = race(options, "step", name, processes)
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
    ("fit, bfloat16 : PyTorch", "seconds", "fit, bfloat16", "PyTorch"),
    ("fit, bfloat16 : fit", "seconds", "fit, bfloat16", "fit"),
    *((f"{loop} : PyTorch", "seconds", loop, "PyTorch") for loop in ELSEWHERE),
    *((f"{loop} : fit", "seconds", loop, "fit") for loop in ELSEWHERE),
)


def section_inference(options):
    row("model", "per second", "ganzoo", "PyTorch eager", "ganzoo : PyTorch", "MB, ganzoo", "MB, PyTorch")
    row(*["---"] * 7)
    for name in options.models:
        taken, _, peaks = race(options, "inference", name, [(side,) for side in _SIDES])
        _, amount, unit = inference_task(name)
        speeds = [f"{amount / statistics.median(taken[side]):.1f}" if side in taken else "" for side in _SIDES]
        compared = ratio(taken["ganzoo"], taken["PyTorch"]) if len(taken) == 2 else ""
        row(name, unit, *speeds, compared, *(peaks.get(side, "") for side in _SIDES))


_SIDES = ("ganzoo", "PyTorch")


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
    row("code", "seconds, median of 3", "MB")
    row("---", "---", "---")
    tasks = {"import ganzoo": "import ganzoo"}
    for name in options.models:
        preset = config_of(name)["preset"]
        if presets.find(preset).config.weights is not None:
            tasks[f"ganzoo.load('{preset}')"] = f"import ganzoo; ganzoo.load('{preset}')"
    for what, code in tasks.items():
        code += f"; import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import memory; print(memory.peak())"
        taken = []
        for _ in range(3):
            began = time.perf_counter()
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            taken.append(time.perf_counter() - began)
        row(what, f"{statistics.median(taken):.2f}", done.stdout.strip())


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


# The contenders alternate. Two libraries never share a process, because idle threads of one slow down the other.


def race(options, section, name, processes):
    """Times the contenders that can run.

    Args:
        processes: the contenders of each process.

    Returns:
        ({contender: seconds per repetition in each round}, the same in processor time, {contender: peak MB of its
        process}).
    """
    workers = {}
    for contenders in processes:
        worker = start_worker(section, name, contenders)
        workers.update(dict.fromkeys(contenders, worker))
    repeats = {}
    for contender, worker in list(workers.items()):
        if worker not in workers.values():
            continue
        once = ask(worker, contender, 1) and ask(worker, contender, 1)
        if once is None:
            workers = {name: one for name, one in workers.items() if one is not worker}
            worker.communicate()
            worker.stderr_file.seek(0)
            why = [line for line in worker.stderr_file.read().splitlines() if line.strip()]
            print(f"{name}, {contender}: {why[-1] if why else 'the process ended'}", file=sys.stderr)
        else:
            repeats[contender] = max(1, round(TURN / once["seconds"]))
    taken, worked = ({contender: [] for contender in workers} for _ in range(2))
    peaks = {}
    for number in range(options.rounds):
        # Alternate the order: the previous contender affects caches and clock rates.
        for contender in list(workers)[:: 1 if number % 2 == 0 else -1]:
            answer = ask(workers[contender], contender, repeats[contender])
            if answer is None:
                raise SystemExit(f"{name}, {contender}: the process ended in round {number + 1}")
            taken[contender].append(answer["seconds"] / repeats[contender])
            worked[contender].append(answer["processor"] / repeats[contender])
            peaks[contender] = answer["peak"]
    for worker in set(workers.values()):
        worker.communicate()
    return taken, worked, peaks


def start_worker(section, name, contenders):
    command = [sys.executable, __file__, "--worker", section, name]
    backend = "tensorflow"
    if found := re.search("torch|jax", " ".join(contenders).lower()):
        backend = found[0]
    stderr_file = tempfile.TemporaryFile("w+")  # noqa: SIM115 (open as long as the worker runs)
    environment = {**os.environ, "KERAS_BACKEND": backend}
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr_file, text=True)
    worker = subprocess.Popen(command, env=environment, **pipes)
    worker.stderr_file = stderr_file
    return worker


def ask(worker, contender, repeats):
    """A worker's answer for a number of repetitions; None if it cannot run."""
    try:
        worker.stdin.write(json.dumps([contender, repeats]) + "\n")
        worker.stdin.flush()
        return json.loads(worker.stdout.readline())
    except (ValueError, BrokenPipeError):
        return None


def work(section, name):
    loops = {}
    for line in sys.stdin:
        contender, repeats = json.loads(line)
        if contender not in loops:
            loops[contender] = globals()[f"{section}_loop"](name, contender)
        began, worked = time.perf_counter(), time.process_time()
        loops[contender](repeats)
        seconds, worked = time.perf_counter() - began, time.process_time() - worked
        print(json.dumps({"seconds": seconds, "processor": worked, "peak": memory.peak()}), flush=True)


def ratio(ours, theirs):
    ratios = [a / b for a, b in zip(ours, theirs)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


# The contenders.


def config_of(name):
    """{preset, arguments, compile, batch_size, shape, discriminator_steps} of a model's default preset, without its
    augmentations."""
    preset = presets.find(name)
    arguments = dict(preset.config.arguments)
    if name == "stackgan":
        # Stage-I only.
        arguments["factor"] = 1
    cls = model_class(name)
    model = ganzoo.create(name, **arguments)
    shape = np.shape(first(model.example_batch(1)))[1:]
    model.compile(**cls.test_compile_config)
    return dict(
        preset=preset.name,
        arguments=arguments,
        compile=dict(cls.test_compile_config),
        batch_size=preset.config.data.get("batch_size", 64),
        shape=shape,
        discriminator_steps=model.batches_per_step,
    )


def first(batch):
    return batch[0] if isinstance(batch, (tuple, list)) else batch


def compiled_model(name):
    config = config_of(name)
    model = ganzoo.create(name, **config["arguments"])
    model.compile(**config["compile"])
    return model, model.example_batch(config["batch_size"] * model.batches_per_step)


def step_loop(name, contender):
    import keras

    if contender.endswith("bfloat16"):
        keras.config.set_dtype_policy("mixed_bfloat16")
    model, batch = compiled_model(name)
    if contender in ("PyTorch", "torch.compile"):
        import torch

        on_gpu = torch.cuda.is_available()
        torch.set_default_device("cuda" if on_gpu else "cpu")
        from plain import step_of

        step = step_of(model, batch, compiled=contender == "torch.compile")

        def loop(steps):
            for _ in range(steps):
                step()
            if on_gpu:
                torch.cuda.synchronize()

        return loop
    parts = batch if isinstance(batch, tuple) else (batch,)
    if contender in ELSEWHERE:
        return lambda steps: model.fit(repeated(parts, steps), verbose=0)
    import tensorflow as tf

    if contender == "bare":
        return bare_loop(model, batch)
    whole = len(first(batch)) // model.batches_per_step
    data = tf.data.Dataset.from_tensor_slices(parts if len(parts) > 1 else parts[0])
    data = data.batch(whole, drop_remainder=True).cache().repeat().prefetch(2)
    return lambda steps: model.fit(data, steps_per_epoch=steps, verbose=0)


def repeated(parts, steps):
    """A data set without tf.data that repeats one batch."""
    import keras

    class Repeated(keras.utils.PyDataset):
        num_batches = steps

        def __getitem__(self, index):
            return parts

    return Repeated()


def bare_loop(model, batch):
    """The bare training step: losses, gradients, optimizers."""
    import tensorflow as tf

    from ganzoo.data.batches import split

    def minimize(objective, batch):
        variables = [variable for name in objective.networks for variable in model.networks[name].trainable_variables]
        values = [variable.value for variable in variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            loss = objective.loss(batch, training=True)
        model.optimizers[objective.name].apply(tape.gradient(loss, values), variables)
        return loss

    model.minimize = minimize

    model.record = lambda **values: model._step_state.recorded.update(values)

    @tf.function
    def step(number, batch):
        model._step_state.recorded = {}
        model.noise.start_step(number)
        model.alternate(split(batch, model.batches_per_step))

    batches = tf.data.Dataset.from_tensors(batch).cache().repeat().prefetch(2)
    batches = iter(batches)
    count = 0

    def loop(steps):
        nonlocal count
        for _ in range(steps):
            step(tf.constant(count, "int32"), next(batches))
            count += 1

    return loop


def inference_task(name):
    """(method, amount of output, unit)."""
    commands = model_class(name).commands
    if "enhance" in commands:
        return "enhance", 10, "seconds of audio"
    if "upscale" in commands:
        return "upscale", 256 * 256 * 16 / 1e6, "megapixels of output"
    return "generate", 64, "images"


def inference_loop(name, contender):
    config = config_of(name)
    model = ganzoo.create(name, **config["arguments"])
    task = inference_task(name)[0]
    rng = np.random.default_rng(0)
    if task == "enhance":
        example = (0.1 * rng.standard_normal(10 * model.sample_rate)).astype("float32")
    elif task == "upscale":
        example = rng.integers(0, 256, (256, 256, 3), dtype="uint8")
    if contender == "PyTorch":
        import torch
        from torch_reference import TorchReference, layout

        torch.set_default_device("cuda" if torch.cuda.is_available() else "cpu")
        reference = TorchReference(model.ema_generator).eval().to(memory_format=torch.channels_last)
        if task == "generate":
            inputs = [layout(part) for part in model.example_inputs(64)]
        elif task == "upscale":
            inputs = [layout(example[None].astype("float32") / 127.5 - 1)]
        else:
            inputs = [torch.tensor(example[: len(example) // model.hop * model.hop])[None, None]]
            if model.latent_dim:
                inputs.append(torch.zeros(1, model.latent_dim, inputs[0].shape[-1] // model.hop))

        @torch.no_grad()
        def once():
            return ((reference(*inputs) + 1) * 127.5).round().clamp(0, 255).byte().cpu().numpy()

    else:
        once = {
            "generate": lambda: _generated(model),
            "upscale": lambda: model.upscale(example),
            "enhance": lambda: model.enhance(example, model.sample_rate, progress=False, num_shifts=1),
        }[task]

    def loop(repeats):
        for _ in range(repeats):
            once()

    return loop


def _generated(model):
    if isinstance(model, ganzoo.TextToImage):
        return model.generate(captions=["a red apple"], count=64, seed=0)
    return model.generate(64, seed=0)


if __name__ == "__main__":
    main()
