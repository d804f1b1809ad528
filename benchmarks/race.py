"""Times contenders in alternation.

Two libraries never share a process, because idle threads of one slow down the other.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

# Approximate seconds per contender and round.
TURN = 1.5


def race(section, name, processes, rounds):
    """Times the contenders that can run.

    Args:
        section: step or inference.
        name: of the model.
        processes: the contenders of each process.
        rounds: how often each contender is timed.

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
    for number in range(rounds):
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
    command = [sys.executable, str(Path(__file__).with_name("contenders.py")), section, name]
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


def ratio(ours, theirs):
    ratios = [a / b for a, b in zip(ours, theirs)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
