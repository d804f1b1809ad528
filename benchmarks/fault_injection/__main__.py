"""Fault injection: nothing is lost when a training is killed, and no input makes ganzoo hang, crash or obey.

    python -m benchmarks.fault_injection kills --count 100
    python -m benchmarks.fault_injection files --count 1000 [--kinds image audio ...]
    python -m benchmarks.fault_injection bombs
    python -m benchmarks.fault_injection tampered
    python -m benchmarks.fault_injection torn_runs
    python -m benchmarks.fault_injection archives
    python -m benchmarks.fault_injection page --count 40
    python -m benchmarks.fault_injection full --count 20
    python -m benchmarks.fault_injection together --count 4
    python -m benchmarks.fault_injection readonly

`kills` trains a small DCGAN, which saves as often as it can, in a process of its own and kills it (SIGKILL) at a random
moment within two seconds of the end of its first epoch, again and again: after each kill the last checkpoint must load,
the records must be readable, and --resume must go on from no earlier step than before. `files` damages a good file of
each kind (cut off, bytes changed, zeros, pieces twice or missing, another kind's beginning; of an archive every second
time one member, with its checksum made right) and reads it as a user would: the answer must be a one-line `GanzooError`
or a result, within 20 seconds and 2 GB more than before. `bombs` are small files that unpack to gigabytes or ask for
networks of that size: within 1 GB. `tampered` are `.keras` files that name code to run: none of it may run, under every
version of Keras that is supported. `torn_runs` tears each file of a run folder in every way and resumes. `archives`
unpacks hostile archives of runs: nothing may be left behind, and a run that is there must stay as it is. `page` sends
hostile requests to a web page on the loopback address. `full` trains on a disk of its own that has room for a part of
what the run writes: the answer must be one line, the checkpoint that was there must load, and with room made the run
must go on. `together` lets processes that begin at the same time fill one empty cache and load the same weights: all
must get the same. `readonly` uses a package whose folder nobody can write to. Disks and folders are mounted in a
namespace of the campaign's own (Linux, `unshare`). Prints a line for each campaign, and every failure.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from . import CAMPAIGNS, KINDS


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("campaign", choices=CAMPAIGNS)
    parser.add_argument("--count", type=int, default=None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="Of files.")
    options = parser.parse_args()
    chosen = {"kinds": options.kinds} if options.campaign == "files" else {}
    if options.count is not None:
        chosen["count"] = options.count
    with tempfile.TemporaryDirectory() as folder:
        failures = CAMPAIGNS[options.campaign](Path(folder), seed=options.seed, **chosen)
    for failure in failures:
        print(failure)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
