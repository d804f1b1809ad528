"""ganzoo convert"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ganzoo.cli.common import _each, _loaded
from ganzoo.cli.group import _Path, main


@main.command()
@click.argument("sources", metavar="IN...", nargs=-1, required=True, type=_Path(path_type=Path))
@click.argument("target", metavar="OUT", type=_Path(path_type=Path))
@click.option(
    "--model",
    type=_Path(),
    default="cyclegan_vc",
    show_default=True,
    metavar="NAME",
    help="A model, a preset, an address of the hub, a .keras file or a run folder.",
)
@click.option(
    "--direction",
    default="forward",
    show_default=True,
    metavar="NAME",
    help="forward, backward, or by the names of the model's two voices, e.g. george_to_jackson.",
)
def convert(sources: Sequence[Path], target: Path, model: str, direction: str) -> None:
    """Converts speech in a recording, several, or all in a folder to another voice. OUT is a file if IN is a single
    file, otherwise a folder.

    \b
    Examples: ganzoo convert george.wav jackson.wav
              ganzoo convert jackson.wav george.wav --direction backward
              ganzoo convert speech converted --model cyclegan_vc.voices

    Reads all formats of libsndfile; writes .wav, .flac, .ogg, .mp3 and .aiff, with one channel. Speech of other people
    comes out changed, but not as the wanted voice. Convert and publish the voice of a person only with their consent.
    """
    from ganzoo import checks
    from ganzoo.inference.folders import written_pairs
    from ganzoo.inference.recordings import WRITTEN, check_writable, convert_file, recordings_in

    if len(sources) == 1:
        checks.to_read(sources[0], "recording")
    pairs = written_pairs(list(sources), target, recordings_in, lambda suffix: suffix if suffix in WRITTEN else ".wav")
    for _, written in pairs:
        check_writable(written)
    loaded = _loaded(model, "convert")
    loaded.generator_of(direction)

    def warn(message: str, category: type[Warning]) -> None:
        click.echo(f"warning: {message}".encode(errors="replace"), err=True)

    def work(path: Path, written: Path, report: Any) -> None:
        convert_file(loaded, path, written, direction, None if report is None else False, warn)

    _each(pairs, sources[0] if len(sources) == 1 else None, work)
