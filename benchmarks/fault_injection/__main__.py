"""Fault injection: a killed training run loses no checkpoint, and no input makes ganzoo hang, crash or run its code.

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

`kills` trains a small DCGAN that saves as often as possible, and repeatedly kills it (SIGKILL) at a random moment
within two seconds after the end of its first epoch. After each kill, the last checkpoint must load, the records must be
readable, and --resume must not continue from an earlier step than before.
`files` damages a valid file of each kind (truncated, bytes changed, zeros, parts duplicated or missing, the signature
of another format; for archives, in half of the cases one member, with a correct checksum) and reads it like a user. The
result must be a one-line `GanzooError` or a value, within 20 seconds and 2 GB more memory than before.
`bombs` reads small files that unpack to gigabytes or describe networks of that size, within 1 GB.
`tampered` loads `.keras` files that name code to run. None of it may run, under any supported version of Keras.
`torn_runs` damages each file of a run folder in every way and resumes the run.
`archives` restores hostile archives of runs. They must leave no files behind, and an existing run must stay unchanged.
`page` sends hostile requests to a web page on the loopback address.
`full` trains on a small disk with space for only a part of the run. The run must stop with a one-line error, an
existing checkpoint must load, and the run must resume once there is space.
`together` starts processes at the same time that fill the same empty cache and load the same weights. All must get the
same results.
`readonly` uses a package in a read-only folder.

Disks and folders are mounted in a mount namespace of the campaign (Linux, `unshare`). Prints one line per campaign and
every failure.
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
    parser.add_argument(
        "--kinds", nargs="+", choices=KINDS, default=KINDS, help="Kinds of files for the campaign files."
    )
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
