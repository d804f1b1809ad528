"""Exported models: the largest difference from the model, time beside TensorFlow, and size, by format.

    python -m benchmarks.exports [--models dcgan srgan] [--rounds 10]

Each model with trained weights is exported to every format, which runs the file and compares its outputs with the
model's, for several batch sizes and sizes. Then the files are timed on the CPU with all cores, in turn with TensorFlow
(the SavedModel's `serving_default`). The table has the ratio of the shortest times of a call, so other work on the
machine matters little; below 1 is faster. A file that takes only batches of 1 is compared with TensorFlow at this batch
size.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import ganzoo
from ganzoo.export import FORMATS
from ganzoo.export.formats import input_names

# Images or recordings in a forward pass; photos and recordings are large.
BATCH, LARGE_BATCH = 16, 1
# Each round calls a function for this long, in seconds.
ROUND = 0.2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=[name for name in ganzoo.list_models() if trained(name)])
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    print("| model | format | batch | difference | difference, float16 | time : TensorFlow | MB | MB, float16 |")
    print("|---|---|---|---|---|---|---|---|")
    for name in options.models:
        with tempfile.TemporaryDirectory() as folder:
            for row in rows(ganzoo.load(name), Path(folder), options.rounds):
                print(f"| `{name}` | {' | '.join(row)} |", flush=True)


def trained(name):
    try:
        return ganzoo.load(name) is not None
    except ganzoo.GanzooError:
        return False


def rows(model, folder, rounds):
    """The cells of the table's rows, one row for each format."""
    runners, exports, halves = {}, {}, {}
    for name, one in FORMATS.items():
        exports[name] = model.export(folder / f"{name}{one.suffix}", name)
        runners[name] = one.load(exports[name].path)
        if one.takes_float16:
            halves[name] = model.export(folder / f"{name}_half{one.suffix}", name, float16=True)
    has_free_sizes = any(size is None for size in model.inference_network.inputs[0].shape[1:])
    usual = LARGE_BATCH if has_free_sizes or max(model.inference_network.output_shape[1:]) > 64 else BATCH
    for name, exported in exports.items():
        batch = exported.batch_size or usual
        inputs = dict(zip(input_names(model.inference_network), model.example_inputs(batch)))
        ratio = "1" if name == "tf_saved_model" else ratio_of(runners[name], runners["tf_saved_model"], inputs, rounds)
        half = halves.get(name)
        yield (
            name,
            f"{batch} ({'only' if exported.batch_size else 'any'})",
            f"{exported.difference:.1e}",
            f"{half.difference:.1e}" if half else "",
            ratio,
            f"{megabytes(exported):.1f}",
            f"{megabytes(half):.1f}" if half else "",
        )


def ratio_of(run, reference, inputs, rounds):
    """The ratio of the shortest times of a call of two functions, which take turns."""
    shortest = {}
    for one in (run, reference) * rounds:
        # The first calls prepare the runtime.
        one(inputs)
        until = time.perf_counter() + ROUND
        while (start := time.perf_counter()) < until:
            one(inputs)
            shortest[one] = min(shortest.get(one, float("inf")), time.perf_counter() - start)
    return f"{shortest[run] / shortest[reference]:.2f}"


def megabytes(exported):
    """Size of all files of an export."""
    files = FORMATS[exported.format].parts(exported.path)
    files = [file for part in files for file in (part.rglob("*") if part.is_dir() else [part])]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


if __name__ == "__main__":
    main()
