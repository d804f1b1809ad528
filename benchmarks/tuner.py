"""The effect of tf.data's autotuner on `fit`, and of its absence on parallel maps.

    python benchmarks/tuner.py

First, the seconds per step of ten calls of `fit` with 20 steps each (dcgan at 28x28, batches of 128 random images),
with and without the autotuner. Then the seconds of maps with num_parallel_calls=AUTOTUNE with and without it, for 1,500
matrix products and for 300 sleeps of 20 ms.
"""

import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

import ganzoo


def main():
    for tuned in (True, False):
        steps = " ".join(f"{seconds:.3f}" for seconds in seconds_per_step(tuned))
        print(f"fit, tuner {'on: ' if tuned else 'off:'} {steps}", flush=True)
    for name, function, count in (("products", product, 1500), ("sleeps", sleep, 300)):
        for tuned in (True, False):
            print(f"{count} {name}, tuner {'on' if tuned else 'off'}: {seconds_of_map(function, count, tuned):.2f} s")


def seconds_per_step(tuned):
    images = np.random.default_rng(0).uniform(-1, 1, (128, 28, 28, 1)).astype("float32")
    data = with_tuner(tf.data.Dataset.from_tensors(images).repeat().prefetch(2), tuned)
    model = ganzoo.create("dcgan", image_shape=(28, 28, 1))
    model.compile()
    model.fit(data, steps_per_epoch=2, verbose=0)
    for _ in range(10):
        began = time.perf_counter()
        model.fit(data, steps_per_epoch=20, verbose=0)
        yield (time.perf_counter() - began) / 20


def seconds_of_map(function, count, tuned):
    data = tf.data.Dataset.range(count).map(function, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
    began = time.perf_counter()
    for _ in with_tuner(data, tuned):
        pass
    return time.perf_counter() - began


def product(i):
    matrix = tf.random.stateless_uniform((300, 300), [i, i])
    return tf.reduce_sum(matrix @ matrix)


def sleep(i):
    return tf.numpy_function(lambda i: (time.sleep(0.02), i)[1], [i], "int64")


def with_tuner(data, tuned):
    options = tf.data.Options()
    options.autotune.enabled = tuned
    return data.with_options(options)


if __name__ == "__main__":
    main()
