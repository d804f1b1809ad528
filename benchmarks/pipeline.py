"""Whether a preset's data keeps up with its training step.

    python benchmarks/pipeline.py srresnet.photos_x4 --data folder:my_images

Prints the milliseconds of creating a batch alone, and of a training step on an existing batch.
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from ganzoo.training.plan import prepare


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset")
    parser.add_argument("--data")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--batches", type=int, default=100)
    parser.add_argument("--row", action="store_true", help="print a row of a table")
    options = parser.parse_args()
    plan = prepare(options.preset, options.data, options.settings)
    batches = iter(plan.feed.dataset(first_step=0))
    for _ in range(20):
        next(batches)
    began = time.perf_counter()
    for _ in range(options.batches):
        next(batches)
    batch = (time.perf_counter() - began) / options.batches * plan.model.batches_per_step
    del batches
    step = plan.seconds_per_step()
    if options.row:
        print(f"| {options.preset} | {1000 * batch:.1f} | {1000 * step:.1f} | {step / batch:.1f} |")
        return
    print(f"{options.preset}: data {1000 * batch:.1f} ms, step {1000 * step:.1f} ms, {step / batch:.1f} times")


if __name__ == "__main__":
    main()
