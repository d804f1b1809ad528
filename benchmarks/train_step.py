"""Training speed of DCGAN: `model.fit` beside a bare tf.function loop and a plain PyTorch loop.

    python benchmarks/train_step.py [--rounds 12] [--steps 15]

All three train the same architecture (width 64, kernels of 5) with Adam on random pictures in float32, in turn within
each round, every second round in the opposite order, so that a machine that slows down slows all of them. Printed
are pictures per second (median over the rounds) and ratios (median over the rounds of the ratio within one), of wall
time and of processor time, which does not depend on how the system places threads on cores. What fit does and the
bare loop does not: the moving average of the generator, four metrics, callbacks, and the setting up of one call of
fit for each round. PyTorch (pip install torch) is left out where it is missing.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

import ganzoo

LATENT = 100
ADAM = dict(learning_rate=2e-4, beta_1=0.5)
CASES = [((28, 28, 1), 128), ((64, 64, 3), 64)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--steps", type=int, default=15, help="in a round at 28x28; a fifth at 64x64")
    parser.add_argument("--precision", default="float32", help="of fit and the bare loop; PyTorch stays in float32")
    parser.add_argument("--sizes", type=int, nargs="+", default=[28, 64])
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker[0], *CASES[int(options.worker[1])], options.precision)
        return
    for case, (shape, batch_size) in enumerate(CASES):
        if shape[0] not in options.sizes:
            continue
        steps = options.steps if shape[0] < 64 else max(2, options.steps // 5)
        workers = {name: start_worker(name, case, options.precision) for name in LOOPS}
        workers = {name: worker for name, worker in workers.items() if run_steps(worker, 2) is not None}
        seconds = {name: [] for name in workers}
        for number in range(options.rounds):
            # Always after the same neighbour, a loop would inherit what that one does to caches and clock rates.
            for name in list(workers)[:: 1 if number % 2 == 0 else -1]:
                seconds[name].append(run_steps(workers[name], steps))
        for worker in workers.values():
            worker.communicate()
        print(f"\n{shape[0]}x{shape[1]}x{shape[2]}, batch {batch_size}, {options.rounds} rounds of {steps} steps")
        for name, taken in seconds.items():
            speed = statistics.median(steps * batch_size / wall for wall, _ in taken)
            print(
                f"  {name:18}{speed:9.1f} pictures/s   fit takes {ratio(seconds['fit'], taken, 0)} of its time, ",
                end="",
            )
            print(f"{ratio(seconds['fit'], taken, 1)} of its processor time")
        for name in LOOPS.keys() - workers.keys():
            print(f"  {name}: not installed, not compared")


def start_worker(name, case, precision):
    """A process of its own for each loop: two libraries' idle threads in one process slow each other down."""
    command = [sys.executable, __file__, "--worker", name, str(case), "--precision", precision]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def run_steps(worker, steps):
    """(seconds, seconds of processor time) a worker takes for so many steps; None from one that cannot run."""
    try:
        worker.stdin.write(f"{steps}\n")
        worker.stdin.flush()
        wall, processor = worker.stdout.readline().split()
        return float(wall), float(processor)
    except (ValueError, BrokenPipeError):
        return None


def work(name, shape, batch_size, precision):
    keras.config.set_dtype_policy(precision)
    loop = LOOPS[name](shape, batch_size)
    for line in sys.stdin:
        began, processor_began = time.perf_counter(), time.process_time()
        loop(int(line))
        print(time.perf_counter() - began, time.process_time() - processor_began, flush=True)


def ratio(ours, theirs, which):
    """Median, smallest and largest ratio over the rounds, of wall time (0) or processor time (1)."""
    ratios = [a[which] / b[which] for a, b in zip(ours, theirs)]
    return f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"


def dataset(shape, batch_size):
    pictures = np.random.default_rng(0).uniform(-1, 1, (batch_size, *shape)).astype("float32")
    return tf.data.Dataset.from_tensors(pictures).repeat().prefetch(2)


def fit_loop(shape, batch_size):
    model = ganzoo.create("dcgan", image_shape=shape)
    model.compile()
    data = dataset(shape, batch_size)
    return lambda steps: model.fit(data, steps_per_epoch=steps, verbose=0)


def bare_loop(shape, batch_size):
    networks = ganzoo.create("dcgan", image_shape=shape)
    g, d = networks.generator, networks.discriminator
    g_optimizer, d_optimizer = keras.optimizers.Adam(**ADAM), keras.optimizers.Adam(**ADAM)
    g_optimizer.build(g.trainable_variables)
    d_optimizer.build(d.trainable_variables)

    @tf.function
    def step(real):
        fake = g(tf.random.normal((batch_size, LATENT)), training=True)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.softplus(-d(real, training=True)))
            loss += tf.reduce_mean(tf.nn.softplus(d(fake, training=True)))
        d_optimizer.apply(tape.gradient(loss, d.trainable_variables), d.trainable_variables)
        with tf.GradientTape() as tape:
            fake = g(tf.random.normal((batch_size, LATENT)), training=True)
            loss = tf.reduce_mean(tf.nn.softplus(-d(fake, training=True)))
        g_optimizer.apply(tape.gradient(loss, g.trainable_variables), g.trainable_variables)

    iterator = iter(dataset(shape, batch_size))

    def loop(steps):
        for _ in range(steps):
            step(next(iterator))

    return loop


def pytorch_loop(shape, batch_size):
    import torch
    from torch import nn

    size, channels = shape[0], shape[2]
    base, widths = (7, [64, 128]) if size == 28 else (4, [64, 128, 256, 512])

    class Unflatten(nn.Module):
        def forward(self, x):
            return x.view(-1, widths[-1], base, base)

    def norm(count):
        return nn.BatchNorm2d(count)

    wide = widths[::-1]
    layers = [nn.Linear(LATENT, wide[0] * base**2, bias=False), Unflatten(), norm(wide[0]), nn.ReLU(True)]
    for before, after in itertools.pairwise(wide):
        layers += [nn.ConvTranspose2d(before, after, 5, 2, 2, 1, bias=False), norm(after), nn.ReLU(True)]
    g = nn.Sequential(*layers, nn.ConvTranspose2d(wide[-1], channels, 5, 2, 2, 1), nn.Tanh())
    layers = [nn.Conv2d(channels, widths[0], 5, 2, 2), nn.LeakyReLU(0.2, True)]
    for before, after in itertools.pairwise(widths):
        layers += [nn.Conv2d(before, after, 5, 2, 2, bias=False), norm(after), nn.LeakyReLU(0.2, True)]
    d = nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * base**2, 1))
    ours = ganzoo.create("dcgan", image_shape=shape)
    for network, twin in ((g, ours.generator), (d, ours.discriminator)):
        counts = (
            sum(p.numel() for p in network.parameters()),
            sum(int(np.prod(w.shape)) for w in twin.trainable_weights),
        )
        assert counts[0] == counts[1], f"the PyTorch twin has another architecture: {counts}"
    g_optimizer = torch.optim.Adam(g.parameters(), ADAM["learning_rate"], (ADAM["beta_1"], 0.999))
    d_optimizer = torch.optim.Adam(d.parameters(), ADAM["learning_rate"], (ADAM["beta_1"], 0.999))
    softplus = nn.functional.softplus
    real = torch.rand(batch_size, channels, size, size) * 2 - 1

    def loop(steps):
        for _ in range(steps):
            fake = g(torch.randn(batch_size, LATENT)).detach()
            d_optimizer.zero_grad()
            (softplus(-d(real)).mean() + softplus(d(fake)).mean()).backward()
            d_optimizer.step()
            g_optimizer.zero_grad()
            softplus(-d(g(torch.randn(batch_size, LATENT)))).mean().backward()
            g_optimizer.step()

    return loop


LOOPS = {"fit": fit_loop, "bare tf.function": bare_loop, "PyTorch eager": pytorch_loop}

if __name__ == "__main__":
    main()
