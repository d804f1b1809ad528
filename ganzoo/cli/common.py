"""What several commands need: the model by its name, and the work on several files."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from ganzoo.errors import GanzooError
from ganzoo.precision import INFERENCE_PRECISIONS
from ganzoo.start import import_keras


def _each(pairs: Sequence[tuple[Path, Path]], source: Path | None, work: Callable[[Path, Path, Any], object]) -> None:
    """Calls work(path, written, report) for all pairs, with one progress bar on a terminal.

    For a folder, or several inputs (source is None), files that fail are reported and skipped. report is a function of
    (done, total) within a file, which moves the bar; None for a single file, which may show a bar of its own.
    """
    from tqdm import tqdm

    failed = 0
    several = len(pairs) > 1
    shown = "{l_bar}{bar}| {n:.1f}/{total} files [{elapsed}<{remaining}]"
    with tqdm(total=len(pairs), bar_format=shown, disable=None if several else True, leave=False) as bar:
        for i, (path, written) in enumerate(pairs):

            def report(done: int, total: int, before: int = i) -> None:
                bar.update(before + min(1.0, done / total) - bar.n)

            try:
                work(path, written, report if several else None)
                with bar.external_write_mode():
                    click.echo(click.format_filename(written))
            except GanzooError as error:
                if source is not None and not os.path.isdir(source):
                    raise
                failed += 1
                with bar.external_write_mode():
                    click.echo(f"left out: {error}".encode(errors="replace"), err=True)
            report(1, 1)
    if failed:
        where = "" if source is None else f" in {source}"
        raise GanzooError(f"{failed} of the {len(pairs)} files{where} {'was' if failed == 1 else 'were'} left out")


_with_precision = click.option(
    "--precision",
    type=click.Choice(INFERENCE_PRECISIONS),
    default="auto",
    show_default=True,
    help="Precision of the computation. auto: bfloat16 if this machine is faster with it and it was measured to keep "
    "the preset's quality, otherwise float32.",
)


# The method that a command calls, if it has another name than the command.
_METHODS = {
    "generate --caption": "vectors",
    "generate --label": "class_number",
    "postfilter": "restore",
    "probe": "features",
}


def _loaded(name: str, command: str, precision: Any = None) -> Any:
    """The model for a command; unknown and unsuitable names are refused before Keras is imported."""
    from ganzoo import checks, loading

    checks.model(name, command)
    import_keras()
    model = loading.load(name, precision=precision)
    method = _METHODS.get(command, command)
    # A model of the user's own task may not have it.
    if not hasattr(model, method):
        raise GanzooError(f"`ganzoo {command}` needs a model with the method {method}(); '{name}' has none")
    return model


def _change_recordings(
    sources: Sequence[Path],
    target: Path,
    model: str,
    command: str,
    change: Callable[[Any, Any, int], Any],
    check: Callable[[Any], None] | None = None,
) -> None:
    """Writes a model's output for a recording, for several, or for all in a folder.

    Args:
        sources: files, or one folder.
        target: file to write if there is a single file to read, otherwise a folder.
        model: its name.
        command: as in `_loaded`.
        change: function of (model, audio, sample rate), see `ganzoo.inference.recordings.change_file`.
        check: function of the model that refuses other options before the first file is read.
    """
    from ganzoo import checks
    from ganzoo.inference.folders import written_pairs
    from ganzoo.inference.recordings import WRITTEN, change_file, check_writable, recordings_in

    if len(sources) == 1:
        checks.recording_to_read(sources[0])
    pairs = written_pairs(list(sources), target, recordings_in, lambda suffix: suffix if suffix in WRITTEN else ".wav")
    for _, written in pairs:
        check_writable(written)
    loaded = _loaded(model, command)
    if check is not None:
        check(loaded)

    def warn(message: str, category: type[Warning]) -> None:
        click.echo(f"warning: {message}".encode(errors="replace"), err=True)

    def work(path: Path, written: Path, report: Any) -> None:
        change_file(lambda audio, rate: change(loaded, audio, rate), path, written, warn)

    _each(pairs, sources[0] if len(sources) == 1 else None, work)
