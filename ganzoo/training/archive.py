"""Runs in small files: for machines that are lent by the slice and hand back no large ones.

A run's files become one tar archive, cut into parts `run.000`, `run.001` and so on; `run.json` names the run and the
parts and holds the archive's SHA-256. Nothing that is read is trusted: see `restore_run`.
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
from pathlib import Path

from ganzoo import keras_archive
from ganzoo.errors import GanzooError, first_line
from ganzoo.files import held, replaced, sync_folder, write_atomically

_MANIFEST = "run.json"
# What a run needs to go on; images and curves of TensorBoard are not among it.
_REQUIRED = ("config.yaml", "preset.yaml", "data.json", "checkpoints/last.keras")
# A run that has not measured yet has none of these.
_OPTIONAL = ("metrics.jsonl", "checkpoints/best.keras")
_NEEDED = (*_REQUIRED, *_OPTIONAL)
_BLOCK = 512
_CHUNK = 2**20
# Bytes: a manifest names its parts, a header of a tar archive a file; what is larger is none of ours.
_LARGEST_MANIFEST, _LARGEST_HEADER = 2**22, 2**16


def archive_run(run, folder, megabytes=15.0):
    """Writes what `--resume` and `ganzoo publish` need of a run, as files of at most so many megabytes (of 2**20
    bytes).

    Args:
        run: a run folder. Its files may be symbolic links to files elsewhere: their content is written.
        folder: for the files; made if it is not there.
        megabytes: of each file, at the most.

    Returns:
        Their paths.

    Raises:
        GanzooError: no run with a checkpoint there, a file of it that is missing or no regular file, a training that
            goes on in it, or a place that cannot be written.

    Example:
        archive_run("runs/dcgan.mnist-001", "parts")
        folder = restore_run("parts", "runs")
    """
    run, folder = Path(run).resolve(), Path(folder)
    if not os.path.lexists(run / "checkpoints" / "last.keras"):
        raise GanzooError(f"{run} is no run folder with a checkpoint")
    # The comparison is false for NaN.
    if not isinstance(megabytes, numbers.Real) or not 1 <= megabytes * 2**20 < math.inf:
        raise GanzooError(f"megabytes must be a number of at least one byte, got {reprlib.repr(megabytes)}")
    size = int(megabytes * 2**20)
    if not _is_run_name(run.name):
        raise GanzooError(f"the name of the run folder {run.name!r:.200} cannot be archived: rename the folder")
    with held(run):
        for name in _NEEDED:
            if (name in _REQUIRED or os.path.lexists(run / name)) and not (run / name).is_file():
                raise GanzooError(f"{run / name} is missing, a broken link or no regular file: the run cannot go on so")
        with _PartWriter(folder, size) as parts:
            for name in _NEEDED:
                if (run / name).is_file():
                    parts.add(run / name, name)
            # The end of a tar archive.
            parts.write(bytes(2 * _BLOCK))
        return parts.finish(run.name)


class _PartWriter:
    """A tar archive that goes into files `run.000`, ... of at most `size` bytes; when it fails, it leaves none."""

    def __init__(self, folder, size):
        self._folder, self._size = folder, size
        self._part, self._room = contextlib.ExitStack(), 0
        self._names, self._sha256 = [], hashlib.sha256()

    def __enter__(self):
        with self._errors():
            self._folder.mkdir(parents=True, exist_ok=True)
            # Until the new parts are whole, there is no run here.
            (self._folder / _MANIFEST).unlink(missing_ok=True)
        return self

    def __exit__(self, *error):
        with contextlib.suppress(OSError) if error[0] else self._errors():
            self._part.__exit__(*error)
        if error[0]:
            for name in self._names:
                with contextlib.suppress(OSError):
                    (self._folder / name).unlink(missing_ok=True)

    def add(self, path, name):
        """Adds a file under a name; of what the file is, its content alone."""
        member = tarfile.TarInfo(name)
        try:
            with open(path, "rb") as file:
                left = member.size = os.fstat(file.fileno()).st_size
                self.write(member.tobuf(tarfile.GNU_FORMAT))
                while left:
                    content = file.read(min(left, _CHUNK))
                    if not content:
                        raise OSError("it has become shorter")
                    self.write(content)
                    left -= len(content)
        except OSError as error:
            raise GanzooError(f"cannot read {path}: {error.strerror or error}") from None
        self.write(bytes(-member.size % _BLOCK))

    def write(self, content):
        """Appends bytes to the archive."""
        self._sha256.update(content)
        content = memoryview(content)
        with self._errors():
            while content:
                if not self._room:
                    self._part.close()
                    self._names.append(f"run.{len(self._names):03d}")
                    self._file = self._part.enter_context(replaced(self._folder / self._names[-1]))
                    self._room = self._size
                taken = min(self._room, len(content))
                self._file.write(content[:taken])
                content, self._room = content[taken:], self._room - taken

    def finish(self, name):
        """Writes the manifest of a run of this name, removes what is left of an earlier one; the paths of all files."""
        manifest = {"name": name, "parts": self._names, "sha256": self._sha256.hexdigest()}
        with self._errors():
            # Last: with it they are whole.
            write_atomically(self._folder / _MANIFEST, json.dumps(manifest).encode())
            for path in self._folder.iterdir():
                if re.fullmatch(r"run\.\d{3,}", path.name) and path.name not in self._names:
                    path.unlink()
        return [self._folder / name for name in (*self._names, _MANIFEST)]

    @contextlib.contextmanager
    def _errors(self):
        try:
            yield
        except OSError as error:
            raise GanzooError(f"cannot write to {self._folder}: {error.strerror or error}") from None


def restore_run(folder, output="runs", replace=False):
    """Makes the run folder again that `archive_run` has written.

    The new files are written aside and moved into place when all of them are there, so what fails leaves nothing, and a
    run that is replaced is whole until then. What a run does not consist of is refused: links, devices, sparse files,
    other names, names that come twice. So the unpacked run is never larger than the files in `folder`.

    Args:
        folder: of the files.
        output: folder for run folders.
        replace: a run of this name that is there; its images and curves stay.

    Returns:
        The run folder.

    Raises:
        GanzooError: files are missing or damaged, a run of this name is there, or another process is training it.

    Example:
        folder = restore_run("parts", "runs")
    """
    folder = Path(folder)
    name, parts = _manifest(folder)
    run = Path(output) / name
    if os.path.lexists(run) and not replace:
        raise GanzooError(f"{run} exists already: choose another folder, or replace it with replace=True (--replace)")
    try:
        if run.is_dir():
            # The folder of checkpoints may be a link to another disk, to which a file cannot be moved in one step.
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


def _manifest(folder):
    """(the run's name, the paths of its parts), of files that are there and, all together, what was written."""
    try:
        path = folder / _MANIFEST
        # Neither a device nor a pipe, which may never end.
        if not path.is_file() or path.stat().st_size > _LARGEST_MANIFEST:
            raise GanzooError(
                f"{folder} does not hold a whole run: {_MANIFEST} is missing or was not written by `ganzoo archive`"
            )
        manifest = json.loads(path.read_bytes())
        name, names, sha256 = manifest["name"], manifest["parts"], manifest["sha256"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, GanzooError):
            raise
        reason = f"no '{error.args[0]}'" if isinstance(error, KeyError) else first_line(error)
        raise GanzooError(f"{folder} does not hold a whole run: {_MANIFEST} cannot be read ({reason})") from None
    if not isinstance(name, str) or not _is_run_name(name):
        raise GanzooError(f"the files in {folder} are damaged: {_MANIFEST} names the run {name!r:.200}")
    if not isinstance(names, list) or not names or names != [f"run.{i:03d}" for i in range(len(names))]:
        raise GanzooError(f"the files in {folder} are damaged: the parts in {_MANIFEST} are not run.000, run.001, ...")
    parts = [folder / part for part in names]
    for part in parts:
        if not part.is_file():
            raise GanzooError(f"{folder} does not hold a whole run: {part.name} is missing, or no regular file")
    found = hashlib.sha256()
    stream = _Parts(parts)
    while content := stream.read(_CHUNK):
        found.update(content)
    if found.hexdigest() != sha256:
        raise GanzooError(f"the files in {folder} are damaged, or of different runs: their SHA-256 is another one")
    return name, parts


def _is_run_name(name):
    """Whether this can be the name of one folder on any machine, and be printed in one line."""
    # Control characters, line separators, and halves of characters, which no file system takes.
    odd = re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", name)
    return name not in ("", ".", "..") and Path(name).name == name and odd is None


class _Parts:
    """The content of several files, one after the other."""

    def __init__(self, paths):
        self._pieces = self._read(paths)
        self._rest = b""

    def _read(self, paths):
        for path in paths:
            try:
                with open(path, "rb") as file:
                    while content := file.read(_CHUNK):
                        yield content
            except OSError as error:
                raise GanzooError(f"cannot read {path}: {error.strerror or error}") from None

    def read(self, size):
        """Up to `size` bytes; none at the end."""
        if not self._rest:
            self._rest = next(self._pieces, b"")
        content, self._rest = self._rest[:size], self._rest[size:]
        return content

    def exactly(self, size):
        """`size` bytes, in pieces."""
        while size:
            content = self.read(min(size, _CHUNK))
            if not content:
                raise GanzooError("the files of the run end too early")
            size -= len(content)
            yield content


def _extract(folder, parts, paths):
    """Writes the files of a run, and nothing else, each to its path in `paths`, {name: path}.

    Header by header, since tarfile's own reader follows whatever an archive promises.
    """
    stream, found = _Parts(parts), set()
    refused = f"the files in {folder} are no run that ganzoo has written"
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
            # Times of files, in runs of older versions; what would change a file's name or size is refused.
            if re.search(rb" (?!mtime|atime|ctime)[^ =\n]+=", b"".join(stream.exactly(padded))):
                raise GanzooError(f"{refused}: it has a header that changes a file")
            continue
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.size < 0:
            raise GanzooError(f"{refused}: {member.name!r:.200} is no regular file")
        if member.name not in _NEEDED or member.name in found:
            what = "comes twice" if member.name in found else "is no file of a run"
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
def _aside(place):
    """A new folder within another one, gone at the end if it is still there."""
    # Within one of its own: `mkdtemp` makes folders that nobody else can read.
    outer = Path(tempfile.mkdtemp(prefix=".restore_run-", dir=place))
    try:
        (outer / "run").mkdir()
        yield outer / "run"
    finally:
        shutil.rmtree(outer, ignore_errors=True)


def _exchange(paths, run):
    """Moves the new files, {name: path}, over those of a run.

    Each move is whole or not made, since a file and its place are in the same file system; what could fail is tried
    before.
    """
    for name in _NEEDED:
        if (run / name).is_dir():
            raise GanzooError(f"{run / name} is a folder: move it away")
    (run / "checkpoints").mkdir(exist_ok=True)
    # The checkpoint that the run goes on from comes last: until then, it goes on from the old one.
    for name in (*_OPTIONAL, *_REQUIRED):
        if paths[name].exists():
            os.replace(paths[name], run / name)
        else:
            (run / name).unlink(missing_ok=True)
    for place in (run, run / "checkpoints"):
        sync_folder(place)
