"""ganzoo complete"""

from pathlib import Path

import click

from ganzoo.cli.common import _loaded
from ganzoo.cli.group import _Number, _Path, main
from ganzoo.errors import GanzooError


@main.command()
@click.argument("source", metavar="IN", type=_Path(path_type=Path))
@click.argument("target", metavar="OUT", type=_Path(path_type=Path))
@click.option(
    "--model",
    type=_Path(),
    default="pixelcnn",
    show_default=True,
    metavar="NAME",
    help="A model, a preset, a Hugging Face Hub address (hf://USER/NAME), a .keras file or a run folder.",
)
@click.option(
    "--keep",
    type=click.Choice(["top", "left", "bottom", "right"]),
    help="The half of the image to keep; the other is sampled. [default: top]",
)
@click.option(
    "--mask",
    type=_Path(path_type=Path),
    metavar="FILE",
    help="Instead of --keep: an image of the model's size; its white pixels are kept, its black ones sampled.",
)
@click.option("--count", type=click.IntRange(1, 400), default=1, show_default=True, help="Completions, in a grid.")
@click.option("--label", metavar="CLASS", help="Class of the image, by name or number, for a conditional model.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed gives the same completions."
)
@click.option(
    "--temperature",
    type=_Number(0, min_open=True),
    default=1.0,
    show_default=True,
    help="Below 1, likelier pixels become even likelier.",
)
def complete(
    source: Path,
    target: Path,
    model: str,
    keep: str | None,
    mask: Path | None,
    count: int,
    label: str | None,
    seed: int,
    temperature: float,
) -> None:
    """Completes an image of which a part is known: keeps this part and samples the other, pixel by pixel.

    \b
    Examples: ganzoo complete half.png whole.png
              ganzoo complete half.png grid.png --count 16 --seed 1
              ganzoo complete seven.png whole.png --model conditional_pixelcnn --label 7 --mask mask.png

    A pixel depends on those before it, row by row from the top left, so the upper half says more than the lower one.
    The middle of IN is resized to the size of the model's images. MNIST's digits are white on black.
    """
    from ganzoo import checks

    if keep and mask:
        raise GanzooError("--keep and --mask exclude each other: give one of them")
    for path in (source, *([mask] if mask else [])):
        checks.to_read(path, "image")
    checks.image_to_write(target)
    for name, path in (("IN", source), ("the mask", mask)):
        if path is not None and target.exists() and target.samefile(path):
            raise GanzooError(f"{name} and OUT are the same file: {click.format_filename(target)}")
    loaded = _loaded(model, "complete")
    options = {}
    if label is not None:
        if not hasattr(loaded, "class_number"):
            raise GanzooError(f"'{model}' takes no labels: leave out --label")
        options["labels"] = loaded.class_number(label)
    from ganzoo.inference.completion import complete_file, half_mask, read_mask

    kept = read_mask(mask, loaded.image_shape) if mask else half_mask(keep or "top", loaded.image_shape)
    complete_file(loaded, source, target, kept, count, seed, temperature=temperature, **options)
    click.echo(click.format_filename(target))
