"""ganzoo upscale"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ganzoo.cli.common import _each, _loaded, _with_precision
from ganzoo.cli.group import _Number, _Path, _Sources, main
from ganzoo.errors import GanzooError


@main.command()
@click.argument("sources", metavar="IN...", nargs=-1, required=True, type=_Path(path_type=Path), cls=_Sources)
@click.argument("target", metavar="OUT", type=_Path(path_type=Path))
@click.option(
    "--model",
    type=_Path(),
    default="srgan",
    show_default=True,
    metavar="NAME",
    help="A model, a preset, a Hugging Face Hub address (hf://USER/NAME), a .keras file or a run folder.",
)
@click.option(
    "--tile",
    type=click.IntRange(16),
    default=384,
    show_default=True,
    help="Size of tiles in pixels; smaller needs less memory.",
)
@click.option(
    "--scale",
    type=_Number(1, min_open=True),
    help="Factor of width and height. Below the model's own, the result is resampled; above it, up to its square, the "
    "model runs twice. [default: the model's own: 2 for srresnet.photos_x2, 4 for the other presets]",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["png", "jpg", "webp", "tif", "bmp", "gif", "keep"]),
    help="Format of the files in a folder OUT; keep: that of each input. Animations and multi-page files keep "
    "their own format if this one cannot hold them; videos are .mp4. [default: png]",
)
@click.option(
    "--self-ensemble",
    is_flag=True,
    help="Average the results of eight rotations and reflections: a smaller error, a smoother image, eight times the "
    "time.",
)
@_with_precision
def upscale(
    sources: Sequence[Path],
    target: Path,
    model: str,
    tile: int,
    scale: float | None,
    file_format: str | None,
    self_ensemble: bool,
    precision: str,
) -> None:
    """Upscales an image or video, several files, or all in a folder. OUT is a file if IN is a single file, otherwise a
    folder. Animations and multi-page TIFFs stay together.

    \b
    Examples: ganzoo upscale in.jpg out.png
              ganzoo upscale in.jpg out.jpg --scale 2
              ganzoo upscale a.jpg b.png large
              ganzoo upscale holiday holiday_large --model srresnet --format keep
              ganzoo upscale clip.mp4 clip_large.mp4 --scale 2

    Videos are upscaled frame by frame and keep their sound; they need PyAV: pip install av
    """
    from ganzoo import checks
    from ganzoo.inference import frames
    from ganzoo.inference.folders import written_pairs
    from ganzoo.inference.video import is_video

    def files_in(folder: Path) -> Any:
        return frames.files_to_upscale(folder, skip_folder=target)

    def suffix_of(path: Path) -> str:
        return frames.result_suffix(path, file_format if file_format in (None, "keep") else f".{file_format}")

    if len(sources) == 1:
        if is_video(sources[0]):
            checks.to_read(sources[0], "video")
        else:
            checks.image_to_read(sources[0])
    pairs = written_pairs(list(sources), target, files_in, suffix_of=suffix_of)
    if file_format and pairs[0][1] == target:
        raise GanzooError(f"--format is for a folder OUT: the suffix of {target.name} says the format")
    for path, written in pairs:
        frames.check_target(path, written)
    loaded = _loaded(model, "upscale", precision)
    loaded.size_of_result(1, 1, scale)
    alone = sources[0] if len(sources) == 1 else None

    def work(path: Path, written: Path, report: Any) -> None:
        frames.upscale_file(loaded, path, written, tile=tile, progress=report, scale=scale, self_ensemble=self_ensemble)

    _each(pairs, alone, work)
