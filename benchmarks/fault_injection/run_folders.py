"""Run folders with damaged files, and hostile archives of runs."""

import contextlib
import hashlib
import io
import json
import shutil
import tarfile

import numpy as np

from .outcome import outcome_of, report
from .processes import TINY

_FILES = (
    *("config.yaml", "preset.yaml", "data.json", "metrics.jsonl", "lock"),
    *("checkpoints/last.keras", "checkpoints/best.keras"),
)


def small_run(folder, epochs=2):
    """A finished run of a tiny DCGAN with metrics and a best checkpoint."""
    import ganzoo

    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "data.npz", images=np.random.default_rng(0).integers(0, 256, (32, 28, 28), dtype="uint8"))
    text = TINY.format(data=folder / "data.npz").replace("[16, 16, 1]", "[28, 28, 1]")
    text = text.replace("100000", str(epochs)).replace("extractor: null", "extractor: mnist_classifier, samples: 50")
    (folder / "tiny.yaml").write_text(text)
    return ganzoo.train(folder / "tiny.yaml", output=folder / "runs")


def torn_runs(folder, count=None, seed=0):
    """Resumes a run with each of its files damaged in every way; returns a list of failures.

    Args:
        count: number of combinations, selected by the seed; all if None.
    """
    import ganzoo

    run = small_run(folder)
    good = folder / "good"
    shutil.copytree(run, good)
    cases = [(name, way) for name in (*_FILES, "checkpoints/best.json") if (run / name).exists() for way in _TEARS]
    if count is not None and count < len(cases):
        cases = [cases[i] for i in np.random.default_rng(seed).permutation(len(cases))[:count]]
    outcomes = []
    for name, way in cases:
        shutil.rmtree(run)
        shutil.copytree(good, run)
        path = run / name
        content = path.read_bytes()
        path.unlink()
        _TEARS[way](path, content)
        resume = dict(output=folder / "runs", resume=True, settings=["training.epochs=3"])
        outcome = outcome_of(lambda resume=resume: _quietly(lambda: ganzoo.train(folder / "tiny.yaml", **resume)))
        if outcome == "read" and name != "checkpoints/last.keras" and not _is_whole(run):
            outcome = "failed: the resumed run does not load"
        outcomes.append((f"{name} {way}", outcome))
    return report("torn runs", outcomes)


def _is_whole(run):
    import ganzoo

    return ganzoo.load(run).steps > 0


def _quietly(function):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return function()


_TEARS = {
    "missing": lambda path, content: None,
    "empty": lambda path, content: path.write_bytes(b""),
    "cut in half": lambda path, content: path.write_bytes(content[: len(content) // 2]),
    "of zeros": lambda path, content: path.write_bytes(bytes(len(content))),
    "of other bytes": lambda path, content: path.write_bytes(np.random.default_rng(0).bytes(max(64, len(content)))),
    "a folder": lambda path, content: path.mkdir(),
    "a dangling link": lambda path, content: path.symlink_to(path.with_name("nowhere")),
}


def archives(folder, count=None, seed=0):
    """Restores hostile archives of a run, each beside and over an existing run; returns a list of failures.

    Each must raise a one-line error, leave no files behind, and leave the existing run unchanged. `count` and `seed`
    are ignored.
    """
    from ganzoo.training.archive import archive_run, restore_run

    run = small_run(folder, epochs=1)
    archive_run(run, folder / "good")
    before = _contents(run)
    outcomes = []
    for name, make in _ARCHIVES.items():
        parts = folder / "parts"
        shutil.rmtree(parts, ignore_errors=True)
        parts.mkdir()
        make(parts, folder / "good")
        for where, options in (
            ("new", {"output": folder / "new"}),
            ("replace", {"output": folder / "runs", "replace": True}),
        ):
            outcome = outcome_of(lambda parts=parts, options=options: restore_run(parts, **options), 2**29)
            if outcome == "read":
                outcome = "failed: restored"
            elif _contents(run) != before:
                outcome = "failed: the existing run has changed"
            elif (folder / "new").exists() and any((folder / "new").iterdir()):
                outcome = f"failed: left behind {sorted(path.name for path in (folder / 'new').iterdir())}"
            outcomes.append((f"{name}, {where}", outcome))
    return report("archives", outcomes)


def _contents(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def _written(folder, whole, names=None, **changes):
    """Writes a manifest and one part like `archive_run`, with `changes` to the manifest."""
    (folder / "run.000").write_bytes(whole)
    names = ["run.000"] if names is None else names
    digest = hashlib.sha256()
    if len(names) < 10:
        for _ in names:
            digest.update(whole)
    manifest = json.loads((folder.parent / "good" / "run.json").read_text())
    manifest.update({"name": "tiny-001", "parts": names, "sha256": digest.hexdigest()})
    for key in ("bytes", "size"):
        if key in manifest:
            manifest[key] = len(whole) * len(names)
    manifest.update(changes)
    (folder / "run.json").write_text(json.dumps(manifest))


def _members(good):
    whole = b"".join(path.read_bytes() for path in sorted(good.glob("run.[0-9]*")))
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive.getmembers() if member.isfile()}


def _tar(members, extra=()):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info, content in extra:
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _sparse(parts, good):
    """A sparse member in GNU tar format that claims 4 GB and stores 512 bytes."""
    members = _members(good)
    members.pop("checkpoints/last.keras")
    info = tarfile.TarInfo("checkpoints/last.keras")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 512
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[156:157] = tarfile.GNUTYPE_SPARSE
    real = 4 * 2**30
    header[386:410] = b"%011o\0%011o\0" % (real - 512, 512)
    header[483:495] = b"%011o\0" % real
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    whole = _tar(members)
    _written(parts, bytes(header) + bytes(512) + whole)


def _with_link(kind):
    def make(parts, good):
        members = _members(good)
        members.pop("checkpoints/last.keras")
        info = tarfile.TarInfo("checkpoints/last.keras")
        info.type, info.linkname = kind, "/etc/passwd"
        _written(parts, _tar(members, [(info, b"")]))

    return make


def _without(name):
    def make(parts, good):
        members = _members(good)
        members.pop(name)
        _written(parts, _tar(members))

    return make


def _twice(parts, good):
    members = _members(good)
    info = tarfile.TarInfo("checkpoints/last.keras")
    content = b"another"
    info.size = len(content)
    _written(parts, _tar(members, [(info, content)]))


def _torn_checkpoint(parts, good):
    members = _members(good)
    members["checkpoints/last.keras"] = members["checkpoints/last.keras"][:1000]
    _written(parts, _tar(members))


def _many_parts(parts, good):
    _written(parts, bytes(2 * 2**20), names=["run.000"] * 3000)


def _manifest(**changes):
    def make(parts, good):
        _written(parts, _tar(_members(good)), **changes)

    return make


def _raw_manifest(content):
    def make(parts, good):
        _written(parts, _tar(_members(good)))
        (parts / "run.json").write_bytes(content)

    return make


_ARCHIVES = {
    "a sparse member of 4 GB": _sparse,
    "a part named 3,000 times": _many_parts,
    "without a checkpoint": _without("checkpoints/last.keras"),
    "without a config": _without("config.yaml"),
    "a symbolic link as checkpoint": _with_link(tarfile.SYMTYPE),
    "a hard link as checkpoint": _with_link(tarfile.LNKTYPE),
    "a device as checkpoint": _with_link(tarfile.CHRTYPE),
    "a checkpoint twice": _twice,
    "a torn checkpoint": _torn_checkpoint,
    "a part outside the folder": _manifest(parts=["../good/run.000"]),
    "a name outside the output folder": _manifest(name="../elsewhere"),
    "an absolute name": _manifest(name="/tmp/elsewhere"),
    "a name with a null byte": _manifest(name="a\0b"),
    "a name of 300 letters": _manifest(name="a" * 300),
    "a wrong hash": _manifest(sha256="0" * 64),
    "no parts": _manifest(parts=[]),
    "parts that are numbers": _manifest(parts=[1, 2]),
    "a manifest that is a list": _raw_manifest(b"[]"),
    "a manifest of zeros": _raw_manifest(bytes(100)),
    "a deeply nested manifest": _raw_manifest(b"[" * 10**6),
    "a file that is not an archive": lambda parts, good: _written(parts, b"not a tar" * 100),
}
