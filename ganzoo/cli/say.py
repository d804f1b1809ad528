"""ganzoo say"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ganzoo.cli.common import _loaded
from ganzoo.cli.group import _Number, _Path, main
from ganzoo.errors import GanzooError


@main.command()
@click.argument("target", metavar="OUT", type=_Path(path_type=Path))
@click.option(
    "--model",
    type=_Path(),
    default="wavenet",
    show_default=True,
    metavar="NAME",
    help="A model, a preset, a Hugging Face Hub address (hf://USER/NAME), a .keras file or a run folder.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="LABEL=VALUES",
    help="What to say, e.g. digit=4,7,1, or how, e.g. speaker=theo; may be repeated, once for each label of the model. "
    "[default: all values in turn]",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed gives the same sounds."
)
@click.option(
    "--count", type=click.IntRange(1), help="Number of sounds, where no label has several values. [default: 1]"
)
@click.option(
    "--temperature",
    type=_Number(0, 10, min_open=True),
    default=1.0,
    show_default=True,
    help="Below 1: duller, and fewer sounds end by themselves.",
)
@click.option(
    "--guidance",
    type=_Number(0, 10),
    help="Above 0, labels can be easier to recognize, but fewer sounds end by themselves; for models that were trained "
    "with label_dropout. [default: the model's]",
)
@click.option(
    "--candidates",
    type=click.IntRange(1, 64),
    help="How many sounds are generated for each one; the most typical is written: clearer, but slower. "
    "[default: the model's]",
)
@click.option(
    "--seconds",
    type=_Number(0, 60, min_open=True),
    default=2.0,
    show_default=True,
    help="Duration of the longest single sound.",
)
@click.option(
    "--pause", type=_Number(0, 60), default=0.15, show_default=True, help="Seconds of silence between sounds."
)
@click.option("--separate", is_flag=True, help="Write each sound to its own .wav file, in the folder OUT.")
def say(
    target: Path,
    model: str,
    labels: Sequence[str],
    seed: int,
    count: int | None,
    temperature: float,
    guidance: float | None,
    candidates: int | None,
    seconds: float,
    pause: float,
    separate: bool,
) -> None:
    """Generates speech and writes it to the file OUT: one sound after another.

    \b
    Examples: ganzoo say number.wav --label digit=4,7,1 --label speaker=theo
              ganzoo say digits --separate --count 60 --model wavenet.digits

    Writes .wav, .flac, .ogg, .mp3 and .aiff.
    """
    from ganzoo import checks
    from ganzoo.inference.recordings import check_writable, write_sounds

    if separate:
        checks.empty_folder_to_write(target)
    else:
        check_writable(target)
        checks.file_to_write(target)
    given: dict[str, Any] = {}
    for label in labels:
        name, equals, text = label.partition("=")
        if not equals or not text:
            raise GanzooError(f"--label takes LABEL=VALUES, e.g. digit=4,7,1; got '{label}'")
        if name in given:
            raise GanzooError(f"--label {name} is given twice: separate its values by commas")
        values = text.split(",")
        given[name] = values if len(values) > 1 else values[0]
    loaded = _loaded(model, "say")
    several = any(isinstance(value, list) for value in given.values())
    number = count or (None if several else 1)
    sounds = loaded.generate(
        number,
        seed=seed,
        labels=given,
        seconds=seconds,
        temperature=temperature,
        guidance=guidance,
        candidates=candidates,
    )
    for path in write_sounds(target, sounds, loaded.sample_rate, pause, separate):
        click.echo(click.format_filename(path))
