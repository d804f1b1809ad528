"""ganzoo convert"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ganzoo.cli.common import _change_recordings
from ganzoo.cli.group import _Path, _Sources, main


@main.command()
@click.argument("sources", metavar="IN...", nargs=-1, required=True, type=_Path(path_type=Path), cls=_Sources)
@click.argument("target", metavar="OUT", type=_Path(path_type=Path))
@click.option(
    "--model",
    type=_Path(),
    default="cyclegan_vc",
    show_default=True,
    metavar="NAME",
    help="A model, a preset, a Hugging Face Hub address (hf://USER/NAME), a .keras file or a run folder.",
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
    comes out changed, but not as the target voice. Convert and publish the voice of a person only with their consent.
    """

    def ready(loaded: Any) -> None:
        loaded.generator_of(direction)

    def change(loaded: Any, audio: Any, rate: int) -> Any:
        return loaded.convert(audio, rate, direction)

    _change_recordings(sources, target, model, "convert", change, ready)
