"""ganzoo generate"""

from collections.abc import Sequence

import click

from ganzoo.cli.common import _loaded, _with_precision
from ganzoo.cli.group import _Number, _Path, main
from ganzoo.errors import GanzooError


@main.command()
@click.argument("name", type=_Path())
@click.option(
    "--count",
    type=click.IntRange(1),
    help="Number of images, in total or per caption or label. [default: 64, or 8 per caption or label; 16 for a walk]",
)
@click.option(
    "--caption",
    "captions",
    multiple=True,
    metavar="TEXT",
    help="Caption to generate images from; may be repeated, for one row each.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="CLASS",
    help="Class to generate images of, by name or number; may be repeated, for one row each. [default: all in turn]",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed gives the same images."
)
@click.option(
    "--truncation",
    type=_Number(0, min_open=True),
    metavar="LIMIT",
    help="Resample latent values beyond +-LIMIT standard deviations (the truncation trick of Brock et al. 2018): "
    "cleaner but less diverse images, e.g. 0.7. [default: none]",
)
@click.option(
    "--temperature",
    type=_Number(0, min_open=True),
    help="Of models that sample pixel by pixel: below 1, likelier pixels become even likelier. [default: 1]",
)
@click.option(
    "--output",
    type=_Path(),
    metavar="PATH",
    help="Image, animation or folder to write. [default: grid.png; walk.gif; images]",
)
@click.option("--separate", is_flag=True, help="Write each image to its own file, in the folder --output.")
@click.option(
    "--walk",
    type=click.IntRange(2, 10_000),
    metavar="POINTS",
    help="Write a walk through this many random points of latent space, a loop, as .gif, .png (APNG), .webp, "
    ".mp4, .mov or .mkv.",
)
@click.option(
    "--seconds",
    type=_Number(0, 3600, min_open=True),
    help="Duration of the walk, at 25 frames per second. [default: 2 per point]",
)
@_with_precision
def generate(
    name: str,
    count: int | None,
    captions: Sequence[str],
    labels: Sequence[str],
    seed: int,
    truncation: float | None,
    temperature: float | None,
    output: str | None,
    separate: bool,
    walk: int | None,
    seconds: float | None,
    precision: str,
) -> None:
    """Generates a grid of images. NAME is a model, a preset, a Hugging Face Hub address
    (hf://USER/NAME), a .keras file or a run folder.

    \b
    Examples: ganzoo generate dcgan --count 64 --seed 1 --output grid.png
              ganzoo generate stackgan --caption "a man with round glasses"
              ganzoo generate cgan.fashion_mnist --label sneaker --label 8 --truncation 0.7
              ganzoo generate dcgan --count 1000 --separate --output my_images
              ganzoo generate dcgan --walk 4 --count 16 --output walk.mp4

    With --separate, images of classes go to a folder for each class, and images of captions are listed in
    captions.json: `ganzoo train` reads both. Videos need PyAV: pip install av
    """
    from ganzoo import checks
    from ganzoo.inference import generation

    if separate and walk:
        raise GanzooError("--separate and --walk exclude each other: a walk is one file")
    if seconds is not None and not walk:
        raise GanzooError("--seconds is the duration of a walk: add --walk POINTS")
    if captions and labels:
        raise GanzooError("--caption and --label are for different models: give one of them")
    if temperature is not None and (separate or walk):
        raise GanzooError("--temperature is for grids: leave out --separate and --walk")
    if separate:
        output = output or "images"
        checks.empty_folder_to_write(output)
    elif walk:
        output = output or "walk.gif"
        generation.check_walk(output)
        checks.file_to_write(output)
    else:
        output = output or "grid.png"
        checks.image_to_write(output)
    command = "generate --caption" if captions else "generate --label" if labels else "generate"
    checks.labels(name, labels)
    model = _loaded(name, command, precision)
    rows = generation.rows_of(model, captions, labels)
    count = count or (8 if captions or labels else 16 if walk else 64)
    if separate:
        generation.write_separately(model, output, rows, count, seed, truncation)
    elif walk:
        generation.write_walk(model, output, rows, count, seed, truncation, walk, seconds)
    else:
        generation.write_grid(model, output, rows, count, seed, truncation=truncation, temperature=temperature)
    click.echo(click.format_filename(output))
