"""Everything that ganzoo promises about speed, in one table.

    python benchmarks/suite.py [step inference data start] [--models dcgan srgan] [--rounds 6]

step: a training step of each model at the sizes of its default preset, with the losses and optimizers that its
`compile()` has without arguments (pixels instead of SRGAN's features, no augmentations): `model.fit` in float32 and in
mixed_bfloat16, a bare tf.function of the same (no moving average, no metrics, no callbacks), PyTorch eager and
torch.compile on PyTorch copies of the networks (`torch_reference.py`, `plain.py`);
`fit on torch` and `fit on jax` are `model.fit` on
Keras' other back ends, on a GPU where PyTorch or JAX finds one, as the PyTorch loop is. inference: what `generate`,
`upscale` and `enhance` do in a second, beside the same network in PyTorch eager. data: what a batch takes to make, and
to learn from. start: seconds of `import ganzoo` and `ganzoo.load`. Data that a preset cannot fetch is named in the
environment: GANZOO_BENCH_SRGAN="--data folder:my_images".

Contenders run in processes of their own, but the bare loop shares one with another `fit`, and `fit : bare` is of these
two: they differ by a few hundredths, and so do two processes of one program. `of processors` is the ratio of these
two's processor time, which other work on the machine disturbs less. All take turns within a round, every second round
in the opposite order, so that a machine that slows down slows all of them. Ratios are medians over the rounds of the
ratio within one, with the smallest and largest; below 1 ganzoo is the faster one. A contender that cannot run leaves
its columns empty and says why on standard error. Where TensorFlow is not there:
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
# The `fit` in the process of the bare loop.
BESIDE = "fit beside bare"
# Seconds that one contender's turn takes, about.
TURN = 1.5


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", default=list(SECTIONS), metavar="section")
    parser.add_argument("--models", nargs="+", default=list_models())
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--loops", nargs="+", default=list(LOOPS), choices=LOOPS + ELSEWHERE, help="of section step")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(*options.worker)
        return
    if unknown := [name for name in options.sections if name not in SECTIONS]:
        parser.error(f"no section {', '.join(unknown)}; there are: {', '.join(SECTIONS)}")
    for section in options.sections:
        globals()[f"section_{section}"](options)


def section_step(options):
    running = {*options.loops, BESIDE if "bare" in options.loops else None}
    pairs = [pair for pair in _PAIRS if running.issuperset(pair[2:])]
    weighed = [name for name in options.loops if name not in ("bare", "torch.compile") and "bfloat16" not in name]
    heads = [f"{name}, ms" for name in options.loops] + [head for head, *_ in pairs] + [f"MB, {n}" for n in weighed]
    row("model", "a step on", *heads)
    row(*["---"] * (len(heads) + 2))
    for name in options.models:
        config = config_of(name)
        processes = [(BESIDE, loop) if loop == "bare" else (loop,) for loop in options.loops]
        taken, worked, peaks = race(options, "step", name, processes)
        both = {"seconds": taken, "processor": worked}
        ratios = [
            ratio(both[what][ours], both[what][theirs]) if ours in taken and theirs in taken else ""
            for _, what, ours, theirs in pairs
        ]
        times = [f"{1000 * statistics.median(taken[loop]):.1f}" if loop in taken else "" for loop in options.loops]
        steps = config["discriminator_steps"]
        on = f"{steps} x {config['batch_size']}" if steps > 1 else f"{config['batch_size']}"
        shape = "x".join(str(size) for size in config["shape"])
        row(name, f"{on} of {shape}", *times, *ratios, *(peaks.get(loop, "") for loop in weighed))


# The heads of the columns, and what of whom is compared there.
_PAIRS = (
    ("fit : bare", "seconds", BESIDE, "bare"),
    ("of processors", "processor", BESIDE, "bare"),
    ("fit : PyTorch", "seconds", "fit", "PyTorch"),
    ("fit : torch.compile", "seconds", "fit", "torch.compile"),
    ("fit, bfloat16 : PyTorch", "seconds", "fit, bfloat16", "PyTorch"),
    ("fit, bfloat16 : fit", "seconds", "fit, bfloat16", "fit"),
    *((f"{loop} : PyTorch", "seconds", loop, "PyTorch") for loop in ELSEWHERE),
    *((f"{loop} : fit", "seconds", loop, "fit") for loop in ELSEWHERE),
)


def section_inference(options):
    row("model", "what", "ganzoo, a second", "PyTorch, a second", "ganzoo : PyTorch", "MB, ganzoo", "MB, PyTorch")
    row(*["---"] * 7)
    for name in options.models:
        taken, _, peaks = race(options, "inference", name, [(side,) for side in _SIDES])
        _, amount, unit = inference_task(name)
        speeds = [f"{amount / statistics.median(taken[side]):.1f}" if side in taken else "" for side in _SIDES]
        compared = ratio(taken["ganzoo"], taken["PyTorch"]) if len(taken) == 2 else ""
        row(name, unit, *speeds, compared, *(peaks.get(side, "") for side in _SIDES))


_SIDES = ("ganzoo", "PyTorch")


def section_data(options):
    row("preset", "a batch, ms", "a step, ms", "step : batch")
    row(*["---"] * 4)
    for name in options.models:
        command = [sys.executable, str(Path(__file__).with_name("pipeline.py")), config_of(name)["preset"], "--row"]
        command += os.environ.get(f"GANZOO_BENCH_{name.upper()}", "").split()
        done = subprocess.run(command, capture_output=True, text=True)
        # Before its row a preset that learns captions first says how far it is.
        rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
        why = "" if rows else done.stderr.strip().splitlines()[-1][:120]
        print(rows[-1] if rows else f"| {name} | no data: {why} | | |", flush=True)


def section_start(options):
    row("what", "seconds, median of 3", "MB")
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


# The race: contenders in turn, two libraries never in one process, where idle threads of one slow the other down.


def race(options, section, name, processes):
    """({contender: seconds of one repetition, of each round}, the same of processor time, {contender: MB at its
    process's peak}) of those that can run; `processes` has the contenders of each."""
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
            worker.said.seek(0)
            why = [line for line in worker.said.read().splitlines() if line.strip()]
            print(f"{name}, {contender}: {why[-1] if why else 'it ended'}", file=sys.stderr)
        else:
            repeats[contender] = max(1, round(TURN / once["seconds"]))
    taken, worked = ({contender: [] for contender in workers} for _ in range(2))
    peaks = {}
    for number in range(options.rounds):
        # Always after the same neighbor, one would inherit what that one does to caches and clock rates.
        for contender in list(workers)[:: 1 if number % 2 == 0 else -1]:
            answer = ask(workers[contender], contender, repeats[contender])
            if answer is None:
                raise SystemExit(f"{name}, {contender}: it ended in round {number + 1}")
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
    said = tempfile.TemporaryFile("w+")  # noqa: SIM115 (as long as the worker)
    environment = {**os.environ, "KERAS_BACKEND": backend}
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True)
    worker = subprocess.Popen(command, env=environment, **pipes)
    worker.said = said
    return worker


def ask(worker, contender, repeats):
    """What a worker says of so many repetitions; None from one that cannot run."""
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
        # Stage-I; Stage-II is frozen around it.
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
    """A data set without tf.data: the same batch so many times."""
    import keras

    class Repeated(keras.utils.PyDataset):
        num_batches = steps

        def __getitem__(self, index):
            return parts

    return Repeated()


def bare_loop(model, batch):
    """The game with nothing around it: losses, gradients, optimizers."""
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
    """(what is done, how much of it, its unit)."""
    commands = model_class(name).commands
    if "enhance" in commands:
        return "enhance", 10, "seconds of sound"
    if "upscale" in commands:
        return "upscale", 256 * 256 * 16 / 1e6, "megapixels drawn"
    return "generate", 64, "images"


def inference_loop(name, contender):
    config = config_of(name)
    model = ganzoo.create(name, **config["arguments"])
    task = inference_task(name)[0]
    rng = np.random.default_rng(0)
    if task == "enhance":
        given = (0.1 * rng.standard_normal(10 * model.sample_rate)).astype("float32")
    elif task == "upscale":
        given = rng.integers(0, 256, (256, 256, 3), dtype="uint8")
    if contender == "PyTorch":
        import torch
        from torch_reference import TorchReference, layout

        torch.set_default_device("cuda" if torch.cuda.is_available() else "cpu")
        reference = TorchReference(model.ema_generator).eval().to(memory_format=torch.channels_last)
        if task == "generate":
            inputs = [layout(part) for part in model.example_inputs(64)]
        elif task == "upscale":
            inputs = [layout(given[None].astype("float32") / 127.5 - 1)]
        else:
            inputs = [torch.tensor(given[: len(given) // model.hop * model.hop])[None, None]]
            if model.latent_dim:
                inputs.append(torch.zeros(1, model.latent_dim, inputs[0].shape[-1] // model.hop))

        @torch.no_grad()
        def once():
            return ((reference(*inputs) + 1) * 127.5).round().clamp(0, 255).byte().cpu().numpy()

    else:
        once = {
            "generate": lambda: _generated(model),
            "upscale": lambda: model.upscale(given),
            "enhance": lambda: model.enhance(given, model.sample_rate, progress=False, num_shifts=1),
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
