"""Runs as small files, to move them between machines that cannot transfer large ones.

The files of a run are written to one tar archive, split into parts `run.000`, `run.001` and so on. `run.json` contains
the run's name, the names of the parts and the SHA-256 of the archive. Nothing that is read is trusted: see
`restore_run`.
"""

import contextlib
import hashlib
import json
import math
import numbers
import os
import re
import reprlib
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ganzoo import keras_archive
from ganzoo.errors import GanzooError, first_line
from ganzoo.files import held, replaced, sync_folder, write_atomically
from ganzoo.types import PathLike

_MANIFEST = "run.json"
# What is needed to resume a run; sample images and TensorBoard events are not.
_REQUIRED = ("config.yaml", "preset.yaml", "data.json", "checkpoints/last.keras")
# A run without validation metrics so far has none of these.
_OPTIONAL = ("metrics.jsonl", "checkpoints/best.keras")
_NEEDED = (*_REQUIRED, *_OPTIONAL)
_BLOCK = 512
_CHUNK = 2**20
# Upper bounds on the size of the manifest and of a tar header, in bytes.
_LARGEST_MANIFEST, _LARGEST_HEADER = 2**22, 2**16


def archive_run(run: PathLike, folder: PathLike, megabytes: float = 15.0) -> list[Path]:
    """Writes the part of a run that `--resume` and `ganzoo publish` need, as files of limited size.

    Args:
        run: a run folder. Symbolic links are followed.
        folder: where to write the files; created if missing.
        megabytes: maximum size of each file, in units of 2**20 bytes.

    Returns:
        The paths of the files.

    Raises:
        GanzooError: not a run with a checkpoint, a missing or irregular file in it, a run that is being trained, or a
            folder that cannot be written.

    Example:
        from ganzoo.training.archive import archive_run, restore_run

        settings = {"epochs": 1, "arguments.width": 4, "data.batch_size": 512, "evaluation.extractor": None}
        run = ganzoo.train("dcgan.digits", settings=settings)
        archive_run(run, "parts")                               # parts/run.000 and parts/run.json
        run = restore_run("parts", "restored")                  # restored/dcgan.digits-001
    """
    run, folder = Path(run).resolve(), Path(folder)
    if not os.path.lexists(run / "checkpoints" / "last.keras"):
        raise GanzooError(f"{run} is not a run folder with a checkpoint")
    # The comparison is false for NaN.
    if not isinstance(megabytes, numbers.Real) or not 1 <= megabytes * 2**20 < math.inf:
        raise GanzooError(f"megabytes must be a number of at least one byte, got {reprlib.repr(megabytes)}")
    size = int(megabytes * 2**20)
    if not _is_run_name(run.name):
        raise GanzooError(f"the name of the run folder {run.name!r:.200} cannot be archived: rename the folder")
    with held(run):
        for name in _NEEDED:
            if (name in _REQUIRED or os.path.lexists(run / name)) and not (run / name).is_file():
                raise GanzooError(
                    f"{run / name} is missing, a broken link or not a regular file: the run cannot be resumed"
                )
        with _PartWriter(folder, size) as parts:
            for name in _NEEDED:
                if (run / name).is_file():
                    parts.add(run / name, name)
            # The end of a tar archive.
            parts.write(bytes(2 * _BLOCK))
        return parts.finish(run.name)


class _PartWriter:
    """Writes a tar archive to files `run.000`, ... of at most `size` bytes; removes them if it fails."""

    def __init__(self, folder: Path, size: int):
        self._folder, self._size = folder, size
        self._part, self._room = contextlib.ExitStack(), 0
        self._names: list[str] = []
        self._sha256 = hashlib.sha256()

    def __enter__(self) -> "_PartWriter":
        with self._errors():
            self._folder.mkdir(parents=True, exist_ok=True)
            # Without a manifest the folder holds no run until the new parts are complete.
            (self._folder / _MANIFEST).unlink(missing_ok=True)
        return self

    def __exit__(self, *error: Any) -> None:
        with contextlib.suppress(OSError) if error[0] else self._errors():
            self._part.__exit__(*error)
        if error[0]:
            for name in self._names:
                with contextlib.suppress(OSError):
                    (self._folder / name).unlink(missing_ok=True)

    def add(self, path: Path, name: str) -> None:
        """Adds the content of a file under a name, without its metadata."""
        member = tarfile.TarInfo(name)
        try:
            with open(path, "rb") as file:
                left = member.size = os.fstat(file.fileno()).st_size
                self.write(member.tobuf(tarfile.GNU_FORMAT))
                while left:
                    content = file.read(min(left, _CHUNK))
                    if not content:
                        raise OSError("it was truncated while being read")
                    self.write(content)
                    left -= len(content)
        except OSError as error:
            raise GanzooError(f"cannot read {path}: {error.strerror or error}") from None
        self.write(bytes(-member.size % _BLOCK))

    def write(self, content: bytes) -> None:
        """Appends bytes to the archive."""
        self._sha256.update(content)
        view = memoryview(content)
        with self._errors():
            while view:
                if not self._room:
                    self._part.close()
                    self._names.append(f"run.{len(self._names):03d}")
                    self._file = self._part.enter_context(replaced(self._folder / self._names[-1]))
                    self._room = self._size
                size = min(self._room, len(view))
                self._file.write(view[:size])
                view, self._room = view[size:], self._room - size

    def finish(self, name: str) -> list[Path]:
        """Writes the manifest and removes parts of an earlier run; returns the paths of all files."""
        manifest = {"name": name, "parts": self._names, "sha256": self._sha256.hexdigest()}
        with self._errors():
            # Last, since it marks the parts as complete.
            write_atomically(self._folder / _MANIFEST, json.dumps(manifest).encode())
            for path in self._folder.iterdir():
                if re.fullmatch(r"run\.\d{3,}", path.name) and path.name not in self._names:
                    path.unlink()
        return [self._folder / name for name in (*self._names, _MANIFEST)]

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise GanzooError(f"cannot write to {self._folder}: {error.strerror or error}") from None


def restore_run(folder: PathLike, output: PathLike = "runs", replace: bool = False) -> Path:
    """Restores a run folder from the files that `archive_run` has written.

    New files are written to a temporary folder and moved into place once they are complete: a failure leaves nothing
    behind, and a run that is replaced stays intact until then. Anything that does not belong to a run is rejected:
    links, devices, sparse files, unknown names, duplicate names. So the restored run is never larger than the archive.

    Args:
        folder: the folder with the files; see `archive_run` for an example.
        output: folder for run folders.
        replace: replace an existing run of this name; its sample images and TensorBoard events are kept.

    Returns:
        The run folder.

    Raises:
        GanzooError: missing or damaged files, an existing run of this name, or one that another process is training.
    """
    folder = Path(folder)
    name, parts = _manifest(folder)
    run = Path(output) / name
    if os.path.lexists(run) and not replace:
        raise GanzooError(f"{run} exists already: choose another folder, or replace it with replace=True (--replace)")
    try:
        if run.is_dir():
            # The folder of checkpoints may be a link to another file system, to which files cannot be moved atomically.
            place = run / "checkpoints" if (run / "checkpoints").is_dir() else run
            with held(run), _aside(run) as aside, _aside(place) as checkpoints:
                paths = {name: (checkpoints if name.startswith("checkpoints/") else aside) / name for name in _NEEDED}
                _extract(folder, parts, paths)
                _exchange(paths, run)
        else:
            Path(output).mkdir(parents=True, exist_ok=True)
            with _aside(Path(output)) as aside:
                _extract(folder, parts, {name: aside / name for name in _NEEDED})
                os.rename(aside, run)
                sync_folder(output)
    except OSError as error:
        raise GanzooError(f"cannot write to {run}: {error.strerror or error}") from None
    return run


def _manifest(folder: Path) -> tuple[str, list[Path]]:
    """Reads the manifest and verifies the parts; returns (the run's name, the paths of the parts)."""
    try:
        path = folder / _MANIFEST
        # Not a device or a pipe, which may never end.
        if not path.is_file() or path.stat().st_size > _LARGEST_MANIFEST:
            raise GanzooError(
                f"{folder} does not hold a complete run: {_MANIFEST} is missing or was not written by `ganzoo archive`"
            )
        manifest = json.loads(path.read_bytes())
        name, names, sha256 = manifest["name"], manifest["parts"], manifest["sha256"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, GanzooError):
            raise
        reason = f"'{error.args[0]}' is missing" if isinstance(error, KeyError) else first_line(error)
        raise GanzooError(f"{folder} does not hold a complete run: {_MANIFEST} cannot be read ({reason})") from None
    if not isinstance(name, str) or not _is_run_name(name):
        raise GanzooError(f"the files in {folder} are damaged: {_MANIFEST} names the run {name!r:.200}")
    if not isinstance(names, list) or not names or names != [f"run.{i:03d}" for i in range(len(names))]:
        raise GanzooError(f"the files in {folder} are damaged: the parts in {_MANIFEST} are not run.000, run.001, ...")
    parts = [folder / part for part in names]
    for part in parts:
        if not part.is_file():
            raise GanzooError(f"{folder} does not hold a complete run: {part.name} is missing or not a regular file")
    found = hashlib.sha256()
    stream = _Parts(parts)
    while content := stream.read(_CHUNK):
        found.update(content)
    if found.hexdigest() != sha256:
        raise GanzooError(f"the files in {folder} are damaged, or from different runs: their SHA-256 does not match")
    return name, parts


def _is_run_name(name: str) -> bool:
    """Whether this is a valid folder name on any machine that can be printed on one line."""
    # Control characters, line separators, and surrogates, which file systems reject.
    odd = re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", name)
    return name not in ("", ".", "..") and Path(name).name == name and odd is None


class _Parts:
    """Reads several files as one stream."""

    def __init__(self, paths: Sequence[Path]):
        self._pieces = self._read(paths)
        self._rest = b""

    def _read(self, paths: Sequence[Path]) -> Iterator[bytes]:
        for path in paths:
            try:
                with open(path, "rb") as file:
                    while content := file.read(_CHUNK):
                        yield content
            except OSError as error:
                raise GanzooError(f"cannot read {path}: {error.strerror or error}") from None

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; b"" at the end."""
        if not self._rest:
            self._rest = next(self._pieces, b"")
        content, self._rest = self._rest[:size], self._rest[size:]
        return content

    def exactly(self, size: int) -> Iterator[bytes]:
        """Exactly `size` bytes, in pieces."""
        while size:
            content = self.read(min(size, _CHUNK))
            if not content:
                raise GanzooError("the files of the run end unexpectedly")
            size -= len(content)
            yield content


def _extract(folder: Path, parts: Sequence[Path], paths: dict[str, Path]) -> None:
    """Extracts the files of a run, and nothing else, to their paths in `paths`, {name: path}.

    Headers are read one by one, since tarfile's own reader trusts the archive.
    """
    stream = _Parts(parts)
    found: set[str] = set()
    refused = f"the files in {folder} are not a run written by ganzoo"
    while True:
        header = b"".join(stream.exactly(_BLOCK))
        if not header.strip(b"\0"):
            break
        try:
            member = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise GanzooError(f"{refused}: {error}") from None
        padded = -(-member.size // _BLOCK) * _BLOCK
        if member.type == tarfile.XHDTYPE and 0 <= member.size <= _LARGEST_HEADER:
            # Older versions store times; headers that change a file's name or size are rejected.
            if re.search(rb" (?!mtime|atime|ctime)[^ =\n]+=", b"".join(stream.exactly(padded))):
                raise GanzooError(f"{refused}: a header changes a file's name or size")
            continue
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.size < 0:
            raise GanzooError(f"{refused}: {member.name!r:.200} is not a regular file")
        if member.name not in _NEEDED or member.name in found:
            what = "is a duplicate" if member.name in found else "does not belong to a run"
            raise GanzooError(f"{refused}: {member.name!r:.200} {what}")
        found.add(member.name)
        with replaced(paths[member.name]) as file:
            left = member.size
            for content in stream.exactly(padded):
                file.write(content[:left])
                left -= min(left, len(content))
    missing = [name for name in _REQUIRED if name not in found]
    if missing:
        raise GanzooError(f"{refused}: {missing[0]} is missing")
    for name in sorted(found):
        if name.endswith(".keras"):
            try:
                keras_archive.read(paths[name])
            except GanzooError as error:
                raise GanzooError(f"{refused}: {name} is damaged ({error})") from None


@contextlib.contextmanager
def _aside(place: Path) -> Iterator[Path]:
    """A temporary folder within another one."""
    # A subfolder, because the folder that `mkdtemp` makes is readable by its owner only.
    outer = Path(tempfile.mkdtemp(prefix=".restore_run-", dir=place))
    try:
        (outer / "run").mkdir()
        yield outer / "run"
    finally:
        shutil.rmtree(outer, ignore_errors=True)


def _exchange(paths: dict[str, Path], run: Path) -> None:
    """Replaces the files of a run by new ones, {name: path}.

    Each move is atomic, since source and target are on the same file system; likely failures are checked first.
    """
    for name in _NEEDED:
        if (run / name).is_dir():
            raise GanzooError(f"{run / name} is a folder: move it away")
    (run / "checkpoints").mkdir(exist_ok=True)
    # The last checkpoint is moved last: until then, the run can be resumed from the old one.
    for name in (*_OPTIONAL, *_REQUIRED):
        if paths[name].exists():
            os.replace(paths[name], run / name)
        else:
            (run / name).unlink(missing_ok=True)
    for place in (run, run / "checkpoints"):
        sync_folder(place)
