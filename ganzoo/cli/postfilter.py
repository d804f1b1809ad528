"""ganzoo postfilter, smooth"""

from pathlib import Path
from typing import Any

import click

from ganzoo.cli.common import _change_recordings
from ganzoo.cli.group import _Path, main

_MODEL_HELP = "A model, a preset, a Hugging Face Hub address (hf://USER/NAME), a .keras file or a run folder."


@main.command()
@click.argument("source", metavar="IN", type=_Path(path_type=Path))
@click.argument("target", metavar="OUT", type=_Path(path_type=Path))
@click.option("--model", type=_Path(), default="postfilter", show_default=True, metavar="NAME", help=_MODEL_HELP)
@click.option(
    "--strength",
    type=click.FloatRange(0, 2),
    help="Factor of what the post-filter adds. [default: the model's own]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the noise.")
@click.option(
    "--smooth-first", is_flag=True, help="Smooth natural speech first, to hear the post-filter's output for it."
)
def postfilter(source: Path, target: Path, model: str, strength: float | None, seed: int, smooth_first: bool) -> None:
    """Gives over-smoothed speech, such as that of statistical speech synthesis, its texture back. IN and OUT are files
    or folders.

    \b
    Examples: ganzoo postfilter synthesized.wav restored.wav
              ganzoo postfilter natural.wav restored.wav --smooth-first
              ganzoo postfilter synthesized restored --strength 0.8

    Reads all formats of libsndfile; writes .wav, .flac, .ogg, .mp3 and .aiff. Frequencies above 8 kHz are lost.
    """

    def change(loaded: Any, audio: Any, rate: int) -> Any:
        return loaded.restore(audio, rate, strength=strength, seed=seed, smooth_first=smooth_first)

    _change_recordings([source], target, model, "postfilter", change)


@main.command()
@click.argument("source", metavar="IN", type=_Path(path_type=Path))
@click.argument("target", metavar="OUT", type=_Path(path_type=Path))
@click.option("--model", type=_Path(), default="smoother", show_default=True, metavar="NAME", help=_MODEL_HELP)
def smooth(source: Path, target: Path, model: str) -> None:
    """Makes speech as smooth as that of statistical speech synthesis, for `ganzoo postfilter` to undo. IN and OUT are
    files or folders.

    \b
    Examples: ganzoo smooth natural.wav smooth.wav
              ganzoo smooth recordings smooth --model postfilter

    Reads all formats of libsndfile; writes .wav, .flac, .ogg, .mp3 and .aiff. Frequencies above 8 kHz are lost.
    """
    _change_recordings([source], target, model, "smooth", lambda loaded, audio, rate: loaded.smooth(audio, rate))
