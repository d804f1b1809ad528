"""ganzoo translate"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ganzoo.cli.common import _each, _loaded, _with_precision
from ganzoo.cli.group import _Path, _Sources, main
from ganzoo.errors import GanzooError


@main.command()
@click.argument("sources", metavar="IN...", nargs=-1, required=True, type=_Path(path_type=Path), cls=_Sources)
@click.argument("target", metavar="OUT", type=_Path(path_type=Path))
@click.option(
    "--model",
    type=_Path(),
    default="cyclegan",
    show_default=True,
    metavar="NAME",
    help="A model, a preset, a Hugging Face Hub address (hf://USER/NAME), a .keras file or a run folder.",
)
@click.option(
    "--direction",
    default="forward",
    show_default=True,
    metavar="NAME",
    help="forward, backward, or by the names of the model's two sides, e.g. noto_to_twemoji.",
)
@click.option(
    "--tile",
    type=click.IntRange(16),
    default=512,
    show_default=True,
    help="Size of tiles in pixels; smaller needs less memory.",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["png", "jpg", "webp", "tif", "bmp"]),
    help="Format of the files in a folder OUT. [default: png]",
)
@_with_precision
def translate(
    sources: Sequence[Path],
    target: Path,
    model: str,
    direction: str,
    tile: int,
    file_format: str | None,
    precision: str,
) -> None:
    """Translates an image, several files, or all in a folder to the other kind of image. OUT is a file if IN is a
    single file, otherwise a folder.

    \b
    Examples: ganzoo translate in.png out.png
              ganzoo translate twemoji noto --direction backward
              ganzoo translate a.png b.png translated --model runs/cyclegan.mine-001
    """
    from ganzoo import checks
    from ganzoo.data.image_folders import find_image_files
    from ganzoo.inference.folders import written_pairs
    from ganzoo.inference.image_files import check_size
    from ganzoo.inference.translation import translate_file

    def files_in(folder: Path) -> Any:
        return find_image_files(folder, skip_folder=target)

    if len(sources) == 1:
        checks.image_to_read(sources[0])
    pairs = written_pairs(list(sources), target, files_in, lambda suffix: f".{file_format or 'png'}")
    if file_format and pairs[0][1] == target:
        raise GanzooError(f"--format is for a folder OUT: the suffix of {target.name} says the format")
    for _, written in pairs:
        check_size(written, 1, 1)
    loaded = _loaded(model, "translate", precision)
    loaded.generator_of(direction)

    def work(path: Path, written: Path, report: Any) -> None:
        translate_file(loaded, path, written, direction, tile, report)

    _each(pairs, sources[0] if len(sources) == 1 else None, work)
