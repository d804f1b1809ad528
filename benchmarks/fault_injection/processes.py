"""Killed training runs, disks that fill up, processes that share a cache, a read-only package."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

# A run of a tiny DCGAN that saves as often as possible.
TINY = """
model: dcgan
arguments: {{image_shape: [16, 16, 1], latent_dim: 4, width: 4, kernel_size: 3}}
data: {{source: "npz:{data}", batch_size: 8}}
training: {{epochs: 100000, samples: 4, checkpoint_minutes: 0.002}}
evaluation: {{extractor: null}}
"""


def kills(folder, count=100, seed=0):
    """Kills and resumes a run; returns a list of failures."""
    import ganzoo
    from ganzoo.training.callbacks.record import read_records

    rng = np.random.default_rng(seed)
    np.savez(folder / "data.npz", images=rng.integers(0, 256, (32, 16, 16), dtype="uint8"))
    (folder / "tiny.yaml").write_text(TINY.format(data=folder / "data.npz"))
    command = [sys.executable, "-m", "ganzoo.cli", "train", str(folder / "tiny.yaml"), "--output", str(folder / "runs")]
    checkpoint = folder / "runs" / "tiny-001" / "checkpoints" / "last.keras"
    failures, reached, kill = [], 0, -1
    for kill in range(count):
        resume = ["--resume"] if checkpoint.exists() else []
        process = subprocess.Popen([*command, *resume], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = []
        for line in process.stdout:
            said.append(line)
            # After the first epoch, there is a checkpoint to lose.
            if line.startswith("epoch"):
                time.sleep(rng.uniform(0, 2))
                break
        process.kill()
        said.append(process.communicate()[0])
        if process.returncode != -signal.SIGKILL:
            failures.append(f"kill {kill}: the process ended by itself: {''.join(said)[-500:]}")
            break
        try:
            steps = ganzoo.load(checkpoint).steps
            records = read_records(checkpoint.parents[1] / "metrics.jsonl")
            assert [record["epoch"] for record in records] == list(range(1, len(records) + 1)), "records"
        except Exception as error:
            failures.append(f"kill {kill}: the checkpoint does not load: {type(error).__name__}: {error}")
            break
        if steps < reached:
            failures.append(f"kill {kill}: step {steps} after {reached}")
        reached = steps
    print(f"kills: {kill + 1}, {len(failures)} failures, step {reached} reached")
    return failures


def can_mount():
    """Whether this process may create a mount namespace."""
    if not shutil.which("unshare"):
        return False
    return subprocess.run([*_OWN_MOUNTS, "mount -t tmpfs none /mnt"], capture_output=True).returncode == 0


_OWN_MOUNTS = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec"]
# Trains on a disk of SIZE kilobytes, checks what is left, and resumes the run on a larger disk.
_ON_A_SMALL_DISK = """
mkdir -p disk
mount -t tmpfs -o size=SIZEk none disk
"$@" --output disk/runs && echo trained: 0 || echo trained: $?
find disk -name '.*.tmp*' | sed 's/^/left: /'
python=$1
if [ -e disk/runs/tiny-001/checkpoints/last.keras ]; then
  "$python" -c 'import ganzoo; print("steps:", ganzoo.load("disk/runs/tiny-001/checkpoints/last.keras").steps)'
  mount -o remount,size=100m disk
  "$@" --output disk/runs --resume && echo resumed: 0 || echo resumed: $?
fi
"""


def full(folder, count=20, seed=0):
    """Trains on disks that fill up; returns a list of failures."""
    rng = np.random.default_rng(seed)
    np.savez(folder / "data.npz", images=rng.integers(0, 256, (32, 16, 16), dtype="uint8"))
    text = TINY.format(data=folder / "data.npz").replace("100000", "3")
    (folder / "tiny.yaml").write_text(text)
    failures, outcomes = [], Counter()
    for i in range(count):
        # A run writes about 400 KB; a checkpoint and its replacement take half of that.
        size = int(rng.integers(4, 450))
        command = [sys.executable, "-m", "ganzoo.cli", "train", str(folder / "tiny.yaml")]
        script = _ON_A_SMALL_DISK.replace("SIZE", str(size))
        done = subprocess.run([*_OWN_MOUNTS, script, "sh", *command], cwd=folder, capture_output=True, text=True)
        said = done.stdout + done.stderr
        lines = dict(line.split(": ", 1) for line in said.splitlines() if line.startswith(("trained: ", "resumed: ")))
        clear = lines.get("trained") == "0" or "cannot write" in said
        going_on = "resumed" not in lines or ("steps: " in said and lines["resumed"] == "0")
        outcomes[
            ("trained" if lines.get("trained") == "0" else "refused") + (", resumed" if "resumed" in lines else "")
        ] += 1
        if not clear or not going_on or "Traceback" in said or "left: " in said:
            failures.append(f"full, seed {i}, {size} KB: {said[-1500:]}")
    print(f"full: {', '.join(f'{number} {outcome}' for outcome, number in sorted(outcomes.items()))}")
    return failures


_TOGETHER = """
import hashlib, sys
import numpy as np
import ganzoo
from ganzoo.data.captions import cached_vectors
from ganzoo.evaluation import evaluate_presets
from ganzoo.text.characters import CharacterEncoder

model = ganzoo.load("dcgan")
(found,) = evaluate_presets(["dcgan"], "digits", None, 100, True)
encoder = CharacterEncoder(dim=8, width=4, length=12)
encoder.network.set_weights([np.full(w.shape, 0.1, "float32") for w in encoder.network.get_weights()])
vectors = cached_vectors(encoder, [f"number {i}" for i in range(2000)])
print("got:", hashlib.sha256(model.generate(16, seed=0).tobytes() + vectors.tobytes()).hexdigest(), found.metrics)
"""


def together(folder, count=4, seed=0):
    """Processes that fill the same cache at the same time; returns a list of failures."""
    environment = {**os.environ, "GANZOO_CACHE": str(folder / "cache")}
    command = [sys.executable, "-c", _TOGETHER]
    options = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    processes = [subprocess.Popen(command, **options) for _ in range(count)]
    said = [process.communicate()[0] for process in processes]
    # And once more with the filled cache.
    said.append(subprocess.run(command, **options).stdout)
    got = {line for text in said for line in text.splitlines() if line.startswith("got:")}
    failures = [text[-1500:] for text in said if "got:" not in text]
    if len(got) != 1:
        failures.append(f"together: different results: {got}")
    failures += [f"together: left behind: {path}" for path in (folder / "cache").rglob("*.tmp")]
    print(f"together: {count} processes, {len(failures)} failures")
    return failures


def readonly(folder, count=1, seed=0):
    """Uses a package in a read-only folder; returns a list of failures."""
    import ganzoo

    package = Path(ganzoo.__file__).parent
    configs = package.parent / "zoo_configs"
    places = [path for path in (package, configs) if path.is_dir()]
    np.savez(folder / "data.npz", images=np.zeros((32, 16, 16), "uint8"))
    (folder / "tiny.yaml").write_text(TINY.format(data=folder / "data.npz").replace("100000", "1"))
    script = "".join(f"mount --bind '{place}' '{place}'; mount -o remount,bind,ro '{place}';" for place in places)
    script += f"touch '{package}/written' && echo it can be written to; "
    uses = [
        ["list"],
        ["info", "dcgan"],
        ["generate", "dcgan", "--count", "4", "--output", str(folder / "samples.png")],
        ["train", str(folder / "tiny.yaml"), "--output", str(folder / "runs")],
        ["evaluate", "dcgan", "--data", "digits", "--samples", "100", "--upscale"],
    ]
    failures = []
    environment = {**os.environ, "GANZOO_CACHE": str(folder / "cache")}
    for use in uses:
        command = [*_OWN_MOUNTS, script + '"$@"', "sh", sys.executable, "-m", "ganzoo.cli", *use]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
        if done.returncode or "it can be written to" in done.stdout:
            failures.append(f"readonly, ganzoo {' '.join(use)}: {(done.stdout + done.stderr)[-1500:]}")
    print(f"readonly: {len(uses)} uses, {len(failures)} failures")
    return failures
