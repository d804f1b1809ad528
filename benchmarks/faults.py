"""Faults on purpose: nothing is lost when a training is killed, nothing hangs or fails from the depths on broken files.

    python benchmarks/faults.py kills --count 100
    python benchmarks/faults.py files --count 1000 [--kinds picture audio yaml weights keras captions]
    python benchmarks/faults.py full --count 20
    python benchmarks/faults.py together --count 4
    python benchmarks/faults.py readonly

`kills` trains a small DCGAN, which saves as often as it can, in a process of its own and kills it (SIGKILL) at a random
moment within two seconds of the end of its first epoch, again and again: after each kill the last checkpoint must load,
the records must be readable, and --resume must go on from no earlier step than before. `files` damages a good file of
each kind (cut off, bytes changed, zeros, pieces twice or missing, another kind's beginning; of a `.keras` file every
second time a part of the archive, whose checksum is then right) and reads it as a user would: the answer must be a
`GanzooError` or a result, within 20 seconds and 2 GB more than before. `full` trains on a disk of its own that has room
for a part of what the run writes: the answer must be one line, the checkpoint that was there must load, and with room
made the run must go on. `together` lets processes that begin at the same time fill one empty cache and load the same
weights: all must get the same. `readonly` uses a package whose folder nobody can write to. Disks and folders are
mounted in a namespace of the campaign's own (Linux, `unshare`). Prints a line for each kind, and the seed of every
failure.
"""

import argparse
import io
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

SECONDS, MEMORY = 20, 2 * 2**30
KINDS = ("picture", "audio", "yaml", "weights", "keras", "captions")

TINY = """
model: dcgan
arguments: {{image_shape: [16, 16, 1], latent_dim: 4, width: 4, kernel_size: 3}}
data: {{source: "npz:{data}", batch_size: 8}}
training: {{epochs: 100000, samples: 4, checkpoint_minutes: 0.002}}
evaluation: {{extractor: null}}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("campaign", choices=["kills", "files", "full", "together", "readonly"])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.campaign == "files":
            failures = [
                failure for kind in options.kinds for failure in files(kind, Path(folder), options.count, options.seed)
            ]
        else:
            failures = globals()[options.campaign](Path(folder), options.count, options.seed)
    for failure in failures:
        print(failure)
    sys.exit(bool(failures))


def kills(folder, count, seed=0):
    """Kills and resumes; a list of what went wrong."""
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
            # From here on it trains and writes; before, there is nothing to lose.
            if line.startswith("epoch"):
                time.sleep(rng.uniform(0, 2))
                break
        process.kill()
        said.append(process.communicate()[0])
        if process.returncode != -signal.SIGKILL:
            failures.append(f"kill {kill}: it ended by itself: {''.join(said)[-500:]}")
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
    """Whether this process may have mounts of its own."""
    if not shutil.which("unshare"):
        return False
    return subprocess.run([*_OWN_MOUNTS, "mount -t tmpfs none /mnt"], capture_output=True).returncode == 0


_OWN_MOUNTS = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec"]
# A run on a disk with so many kilobytes; then what is left of it, and with room made, the run's end.
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


def full(folder, count, seed=0):
    """Disks that become full while a run saves; a list of what went wrong."""
    rng = np.random.default_rng(seed)
    np.savez(folder / "data.npz", images=rng.integers(0, 256, (32, 16, 16), dtype="uint8"))
    text = TINY.format(data=folder / "data.npz").replace("100000", "3")
    (folder / "tiny.yaml").write_text(text)
    failures, outcomes = [], Counter()
    for i in range(count):
        # All that a run writes are some 400 KB; a checkpoint and the one that takes its place half of that.
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
print("got:", hashlib.sha256(model.generate(16, seed=0).tobytes() + vectors.tobytes()).hexdigest(), found.figures)
"""


def together(folder, count, seed=0):
    """Processes that fill one cache at the same time; a list of what went wrong."""
    environment = {**os.environ, "GANZOO_CACHE": str(folder / "cache")}
    command = [sys.executable, "-c", _TOGETHER]
    options = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    processes = [subprocess.Popen(command, **options) for _ in range(count)]
    said = [process.communicate()[0] for process in processes]
    # And once more with what they have left there.
    said.append(subprocess.run(command, **options).stdout)
    got = {line for text in said for line in text.splitlines() if line.startswith("got:")}
    failures = [text[-1500:] for text in said if "got:" not in text]
    if len(got) != 1:
        failures.append(f"together: different results: {got}")
    failures += [f"together: left behind: {path}" for path in (folder / "cache").rglob("*.tmp")]
    print(f"together: {count} processes, {len(failures)} failures")
    return failures


def readonly(folder, count=1, seed=0):
    """A package in a folder that cannot be written to; a list of what went wrong."""
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
        ["generate", "dcgan", "--count", "4", "--output", str(folder / "drawn.png")],
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


def files(kind, folder, count, seed=0):
    """Damaged files of a kind; a list of what went wrong."""
    good, read = _good(kind, folder / kind)
    original = good.read_bytes()
    read()
    outcomes, failures = Counter(), []
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        good.write_bytes((damaged_part if kind == "keras" and i % 2 else damaged)(original, rng))
        outcome = _outcome(read)
        outcomes[outcome.split(":")[0]] += 1
        if outcome.split(":")[0] not in ("refused", "read"):
            failures.append(f"{kind}, seed {i}: {outcome}")
    good.write_bytes(original)
    print(f"{kind}: {', '.join(f'{number} {outcome}' for outcome, number in sorted(outcomes.items()))}", flush=True)
    return failures


def damaged(content, rng):
    """The bytes of a file after something has happened to them."""
    content = bytearray(content)
    place = int(rng.integers(len(content)))
    length = int(min(len(content) - place, 2 ** rng.integers(0, 12)))
    way = rng.integers(7)
    if way == 0:
        return bytes(content[:place])
    if way == 1:
        for at in rng.integers(len(content), size=int(2 ** rng.integers(0, 6))):
            content[at] = rng.integers(256)
    elif way == 2:
        content[place : place + length] = bytes(length)
    elif way == 3:
        content[place:place] = content[place : place + length]
    elif way == 4:
        del content[place : place + length]
    elif way == 5:
        content[place : place + length] = rng.bytes(length)
    else:
        begin = (b"\x89PNG\r\n\x1a\n", b"RIFF\xff\xff\xff\xffWAVE", b"PK\x03\x04", b"{", b"\x00" * 16, b"fLaC")
        content[:length] = begin[int(rng.integers(len(begin)))]
    return bytes(content)


def damaged_part(archive, rng):
    """A zip archive with one of its parts damaged and its checksums right."""
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    name = sorted(parts)[int(rng.integers(len(parts)))]
    parts[name] = damaged(parts[name], rng)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, part in parts.items():
            packed.writestr(name, part)
    return buffer.getvalue()


class _TooLong(BaseException):
    """Past everything that catches what a broken file may raise."""


def _outcome(read):
    from ganzoo import GanzooError

    def too_long(number, frame):
        raise _TooLong

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read()
        outcome = "read"
    except GanzooError:
        outcome = "refused"
    except _TooLong:
        outcome = "hung: more than 20 seconds"
    except Exception as error:
        outcome = f"failed: {type(error).__name__}: {str(error)[:300]}"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, kept)
    if 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) > MEMORY:
        return "memory: more than 2 GB"
    return outcome


def _good(kind, folder):
    """A good file of the kind, and the function that reads it as a user would."""
    import ganzoo

    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    sizes = dict(image_shape=(16, 16, 1), latent_dim=4, width=4, kernel_size=3)
    if kind == "picture":
        from ganzoo.inference import save_picture
        from ganzoo.inference.photographs import read_photograph

        path = folder / "good.png"
        save_picture(path, rng.integers(0, 256, (40, 30, 3), dtype="uint8"))
        return path, lambda: read_photograph(path)
    if kind == "audio":
        import soundfile

        from ganzoo.data.audio import read_audio

        path = folder / "good.flac"
        soundfile.write(path, 0.1 * rng.standard_normal((8000, 2)), 16_000)
        return path, lambda: read_audio(path)
    if kind == "yaml":
        from ganzoo.training.run import prepare

        np.savez(folder / "data.npz", images=rng.integers(0, 256, (32, 16, 16), dtype="uint8"))
        path = folder / "good.yaml"
        path.write_text(TINY.format(data=folder / "data.npz"))
        return path, lambda: prepare(path, output=folder / "runs")
    if kind == "weights":
        path = folder / "good.npz"
        ganzoo.create("dcgan", **sizes).save_shipped(path)
        model = ganzoo.create("dcgan", **sizes)
        return path, lambda: model.load_shipped(path)
    if kind == "keras":
        path = folder / "good.keras"
        model = ganzoo.create("dcgan", **sizes)
        model.compile()
        model.save(path)
        return path, lambda: ganzoo.load(path)
    from ganzoo.data.captions import open_captions
    from ganzoo.inference import save_picture

    for i in range(8):
        save_picture(folder / f"{i}.png", rng.integers(0, 256, (16, 16, 3), dtype="uint8"))
    path = folder / "captions.json"
    path.write_text('{"0.png": ["a red apple", "an apple"], "1.png": "a pear", "2.png": ["a \\u00e9toile"]}')
    return path, lambda: open_captions(f"captions:{folder}", (16, 16, 3))


if __name__ == "__main__":
    main()
