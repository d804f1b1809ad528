"""What the suite times of each model: training steps and inference of ganzoo, of a bare loop and of PyTorch.

As a program, `python contenders.py SECTION MODEL` reads lines of JSON, [contender, repetitions], and answers each with
the seconds it took, the processor time and the peak memory; see `race.py`.
"""

import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import memory
import numpy as np

import ganzoo
from ganzoo import presets
from ganzoo.precision import made_with, set_precision
from ganzoo.registry import model_class

TORCH = ("PyTorch", "PyTorch, bfloat16", "torch.compile", "torch.compile, bfloat16")
LOOPS = ("fit", "fit, bfloat16", "bare", *TORCH)
# A large product of matrices: the rate that a step could reach at most.
PRODUCTS = ("product", "product, bfloat16")
ELSEWHERE = ("fit on torch", "fit on torch, bfloat16", "fit on jax", "fit on jax, bfloat16")


def main():
    _, section, name = sys.argv
    loops = {}
    for line in sys.stdin:
        contender, repeats = json.loads(line)
        if contender not in loops:
            loops[contender] = globals()[f"{section}_loop"](name, contender)
        began, worked = time.perf_counter(), time.process_time()
        loops[contender](repeats)
        seconds, worked = time.perf_counter() - began, time.process_time() - worked
        print(json.dumps({"seconds": seconds, "processor": worked, "peak": memory.peak()}), flush=True)


# Presets of models whose default preset also trains a classifier of attributes.
_PLAIN = {"gan_int_cls": "gan_int_cls.paper", "stackgan": "stackgan.paper_stage1"}


def config_of(name):
    """{preset, arguments, compile, batch_size, shape, discriminator_steps} of a model's default preset, or that of
    `_PLAIN`, without its augmentations and regularizers, which the plain step of PyTorch does not have."""
    preset = presets.find(_PLAIN.get(name, name))
    arguments = {key: value for key, value in preset.config.arguments.items() if not key.endswith("regularizers")}
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

    if contender in PRODUCTS:
        from limits import product_loop

        return product_loop(contender)
    if contender.endswith("bfloat16") and contender not in TORCH:
        keras.config.set_dtype_policy("mixed_bfloat16")
    model, batch = compiled_model(name)
    if contender in TORCH:
        import torch

        on_gpu = torch.cuda.is_available()
        torch.set_default_device("cuda" if on_gpu else "cpu")
        from plain import step_of

        step = step_of(model, batch, contender.startswith("torch.compile"), contender.endswith("bfloat16"))

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
    """A dataset without tf.data that repeats one batch."""
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
    in_bfloat16 = contender.endswith("bfloat16")
    with made_with("mixed_bfloat16" if in_bfloat16 and contender not in TORCH else "float32"):
        model = ganzoo.create(name, **presets.find(name).config.arguments)
    if contender == "ganzoo, bfloat16":
        # As `ganzoo.load`.
        set_precision(model.inference_network, "mixed_bfloat16")
    task = inference_task(name)[0]
    rng = np.random.default_rng(0)
    if task == "enhance":
        example = (0.1 * rng.standard_normal(10 * model.sample_rate)).astype("float32")
    elif task == "upscale":
        example = rng.integers(0, 256, (256, 256, 3), dtype="uint8")
    if contender in TORCH:
        import torch
        from torch_reference import TorchReference, layout

        device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.set_default_device(device)
        reference = TorchReference(model.ema_generator).eval().to(memory_format=torch.channels_last)
        if task == "generate":
            inputs = [layout(part) for part in model.example_inputs(64)]
        elif task == "upscale":
            inputs = [layout(example[None].astype("float32") / 127.5 - 1)]
        else:
            inputs = [torch.tensor(example[: len(example) // model.hop * model.hop])[None, None]]
            if model.noise_channels:
                inputs.append(torch.zeros(1, model.noise_channels, inputs[0].shape[-1] // model.hop))

        @torch.no_grad()
        def once():
            if task == "generate":
                # Latents are sampled in each call, as by `generate`.
                inputs[0] = torch.randn_like(inputs[0])
            with torch.autocast(device, torch.bfloat16, enabled=in_bfloat16):
                outputs = reference(*inputs).float()
            return ((outputs + 1) * 127.5).round().clamp(0, 255).byte().cpu().numpy()

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
        return model.generate(captions=["a man with a beard in a red hoodie"], count=64, seed=0)
    return model.generate(64, seed=0)


if __name__ == "__main__":
    main()
