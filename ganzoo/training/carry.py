"""Runs in small files: for machines that are lent by the slice and hand back no large ones."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

from ganzoo.errors import GanzooError
from ganzoo.files import held, write_atomically

_MANIFEST = "run.json"
# What a run needs to go on and to be packed; pictures and curves of TensorBoard are not among it.
_NEEDED = (
    *("config.yaml", "preset.yaml", "data.json", "metrics.jsonl"),
    *("checkpoints/last.keras", "checkpoints/best.keras"),
)


def carry(run, folder, megabytes=15.0):
    """Writes a run as files of at most so many megabytes (of 1,048,576 bytes): what `--resume` and `ganzoo pack` need.

    Args:
        run: a run folder.
        folder: for the files; made if it is not there.
        megabytes: of each file, at the most.

    Returns:
        Their paths.

    Raises:
        GanzooError: no run with a checkpoint there, a training that goes on in it, or a place that cannot be written.

    Example:
        carry("runs/dcgan.mnist-001", "parts")
        folder = unpack("parts", "runs")
    """
    run, folder = Path(run).resolve(), Path(folder)
    if not (run / "checkpoints" / "last.keras").is_file():
        raise GanzooError(f"{run} is no run folder with a checkpoint")
    size = int(megabytes * 2**20)
    if size < 1:
        raise GanzooError(f"megabytes must be above 0, got {megabytes}")
    buffer = io.BytesIO()
    try:
        with held(run), tarfile.open(fileobj=buffer, mode="w") as archive:
            for name in _NEEDED:
                if (run / name).is_file():
                    archive.add(run / name, arcname=name)
    except OSError as error:
        raise GanzooError(f"cannot lock and read {run}: {error.strerror or error}") from None
    whole = buffer.getbuffer()
    parts = [whole[i : i + size] for i in range(0, len(whole), size)]
    names = [f"run.{i:03d}" for i in range(len(parts))]
    manifest = {"name": run.name, "parts": names, "sha256": hashlib.sha256(whole).hexdigest()}
    try:
        for name, part in zip(names, parts):
            write_atomically(folder / name, part)
        # Last: with it they are whole.
        write_atomically(folder / _MANIFEST, json.dumps(manifest).encode())
        for left in set(folder.glob("run.[0-9][0-9][0-9]")) - {folder / name for name in names}:
            left.unlink()
    except OSError as error:
        raise GanzooError(f"cannot write to {folder}: {error.strerror or error}") from None
    return [folder / name for name in (*names, _MANIFEST)]


def unpack(folder, output="runs", replace=False):
    """Makes the run folder again that `carry` has written.

    Args:
        folder: of the files.
        output: folder for run folders.
        replace: a run of this name that is there; its pictures and curves stay.

    Returns:
        The run folder.

    Raises:
        GanzooError: files are missing or damaged, or a run of this name is there.
    """
    folder = Path(folder)
    try:
        manifest = json.loads((folder / _MANIFEST).read_text())
        name, names = str(manifest["name"]), [Path(part).name for part in manifest["parts"]]
        whole = b"".join((folder / part).read_bytes() for part in names)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise GanzooError(f"{folder} does not hold a whole run: {error}") from None
    if (
        name in ("", ".", "..")
        or Path(name).name != name
        or hashlib.sha256(whole).hexdigest() != manifest.get("sha256")
    ):
        raise GanzooError(f"the files in {folder} are damaged, or of different runs")
    run = Path(output) / name
    if run.exists() and not replace:
        raise GanzooError(f"{run} exists already: choose another folder, or replace it with replace=True (--replace)")
    try:
        run.mkdir(parents=True, exist_ok=True)
        with held(run), tarfile.open(fileobj=io.BytesIO(whole)) as archive:
            found = {member.name: member for member in archive.getmembers() if member.isfile()}
            for needed in _NEEDED:
                if needed in found:
                    write_atomically(run / needed, archive.extractfile(found[needed]).read())
                else:
                    (run / needed).unlink(missing_ok=True)
    except tarfile.TarError as error:
        raise GanzooError(f"the files in {folder} are damaged: {error}") from None
    except OSError as error:
        raise GanzooError(f"cannot write to {run}: {error.strerror or error}") from None
    return run
