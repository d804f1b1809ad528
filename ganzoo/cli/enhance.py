"""ganzoo enhance"""

import sys
from pathlib import Path
from typing import Any

import click

from ganzoo.cli.common import _each, _loaded, _with_precision
from ganzoo.cli.group import _Number, _Path, main
from ganzoo.errors import GanzooError


@main.command()
@click.argument("source", metavar="[IN]", required=False, type=_Path(path_type=Path))
@click.argument("target", metavar="[OUT]", required=False, type=_Path(path_type=Path))
@click.option(
    "--model",
    type=_Path(),
    default="segan",
    show_default=True,
    metavar="NAME",
    help="A model, a preset, a Hugging Face Hub address (hf://USER/NAME), a .keras file or a run folder.",
)
@click.option(
    "--num-shifts",
    type=click.IntRange(1),
    help="Test-time averaging over this many time shifts; 1 is fastest. [default: the model's own]",
)
@click.option(
    "--stream",
    is_flag=True,
    help="Enhance raw 16-bit samples from standard input to standard output while they arrive.",
)
@click.option("--rate", type=click.IntRange(1), help="With --stream: sample rate in Hz.  [default: 16000]")
@click.option("--channels", type=click.IntRange(1, 64), help="With --stream: interleaved channels.  [default: 1]")
@click.option(
    "--block",
    type=_Number(0, min_open=True),
    help="With --stream: seconds of audio processed at a time.  [default: 0.25]",
)
@click.option(
    "--context",
    type=float,
    help="With --stream: seconds of audio after each block to wait for. By default all that can affect the block; "
    "smaller values reduce latency and quality.",
)
@_with_precision
def enhance(
    source: Path | None,
    target: Path | None,
    model: str,
    num_shifts: int | None,
    stream: bool,
    precision: str,
    **streaming: Any,
) -> None:
    """Removes noise from a speech recording, or from all in a folder. IN and OUT are files or folders.

    \b
    Examples: ganzoo enhance noisy.wav clean.wav
              ganzoo enhance interviews interviews_clean
              arecord -t raw -f S16_LE -r 48000 | ganzoo enhance --stream --rate 48000 | aplay -t raw -f S16_LE -r 48000

    Reads all formats of libsndfile; writes .wav, .flac, .ogg, .mp3 and .aiff. Samples of --stream are little-endian.

    Exit status: 0 on success; 1 if a file could not be enhanced; 3 if a recording is damaged or shorter than its
    header says: the part that could be decoded was written, and a warning gives its length.
    """
    from ganzoo import checks
    from ganzoo.data.recording_files import EndsEarly
    from ganzoo.inference.folders import written_pairs
    from ganzoo.inference.recordings import WRITTEN, check_writable, enhance_file, recordings_in

    if stream:
        if source is not None:
            raise click.UsageError("--stream reads standard input and writes standard output: leave out IN and OUT")
        _enhance_stream(model, num_shifts, precision, streaming)
        return
    if source is None or target is None:
        raise click.UsageError(f"Missing argument '{'IN' if source is None else 'OUT'}'.")
    if given := [name for name, value in streaming.items() if value is not None]:
        raise click.UsageError(f"--{given[0]} is an option of --stream")
    checks.recording_to_read(source)
    pairs = written_pairs(source, target, recordings_in, lambda suffix: suffix if suffix in WRITTEN else ".wav")
    for _, written in pairs:
        check_writable(written)
    loaded = _loaded(model, "enhance", precision)
    short: list[str] = []

    def warn(message: str, category: type[Warning]) -> None:
        short.extend([message] if issubclass(category, EndsEarly) else [])
        click.echo(f"warning: {message}".encode(errors="replace"), err=True)

    def work(path: Path, written: Path, report: Any) -> None:
        progress = None if report is None else False
        enhance_file(loaded, path, written, progress=progress, num_shifts=num_shifts, warn=warn)

    _each(pairs, source, work)
    if short:
        if source.is_dir():
            click.echo(
                f"{len(short)} of the {len(pairs)} recordings in {source} end early".encode(errors="replace"), err=True
            )
        click.get_current_context().exit(3)


def _enhance_stream(model: str, num_shifts: int | None, precision: str, settings: dict[str, Any]) -> None:
    """`enhance --stream`; all messages go to standard error."""
    from ganzoo.inference.recordings import enhance_pipe

    rate, channels = settings["rate"] or 16_000, settings["channels"] or 1
    if sys.stdin is None or sys.stdout is None:
        raise GanzooError("--stream needs standard input and standard output, and one of them is closed")
    source, target = sys.stdin.buffer, sys.stdout.buffer
    loaded = _loaded(model, "enhance", precision)
    stream = loaded.stream(rate, settings["block"], settings["context"], num_shifts)
    click.echo(f"latency {stream.latency:.2f} s and the time of computation; Ctrl-C or the input's end stops", err=True)
    enhance_pipe(stream, source, target, channels)
