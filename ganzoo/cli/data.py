"""ganzoo data"""

import re
from pathlib import Path

import click

from ganzoo.cli.group import _Path, main
from ganzoo.errors import GanzooError
from ganzoo.start import import_keras


@main.command()
@click.argument("source")
@click.option(
    "--output",
    type=_Path(),
    metavar="FOLDER",
    help="Write the images as files into this folder, a new or empty one, instead of describing them.",
)
@click.option(
    "--preview",
    type=_Path(),
    default="preview.png",
    show_default=True,
    metavar="FILE",
    help="Image of a random choice to write, a row for each class; spectrograms of recordings.",
)
@click.option(
    "--size",
    type=click.IntRange(1, 4096),
    default=64,
    show_default=True,
    help="Height and width in pixels, of the files or of each image of the preview.",
)
@click.option("--upscale", is_flag=True, help="Enlarge images that are smaller, with --output.")
def data(source: str, output: str | None, preview: str, size: int, upscale: bool) -> None:
    """Describes a source before training, and writes a preview. With --output, writes its images as files.

    \b
    Examples: ganzoo data folder:my_images
              ganzoo data idx:train-images-idx3-ubyte.gz --preview mnist.png
              ganzoo data avatars:2000 --output my_avatars
              ganzoo data avatars:500:held-out:seed=3 --size 256 --output held_out

    Reads every file: how many there are, their sizes, channels, range of values and classes, and which are broken.
    Files are written with a captions.json for avatars, and into a folder for each class for other sources.
    """
    from ganzoo import checks

    option, written = ("preview", preview) if output is None else ("output", output)
    for folder in _folders(source):
        checks.existing(folder, kind="folder")
        # The folder itself, or a place at any depth in it.
        if folder.resolve() in (Path(written).resolve() / "file").parents:
            raise GanzooError(
                f"the {option} {click.format_filename(written)} lies within {folder} and would become a part of it: "
                f"name another place with --{option}"
            )
    if output is not None:
        checks.folder_to_write(output)
        import_keras()
        from ganzoo.data.writing import write_images

        click.echo(write_images(source, output, size, upscale=upscale))
        return
    checks.image_to_write(preview)
    import_keras()
    from ganzoo.inference.inspection import inspect, preview_grid
    from ganzoo.inference.sampling import save_image

    found = inspect(source)
    for title, text in found.lines():
        click.echo(f"{title + ':':13}{text}".encode(errors="replace"))
    save_image(preview, preview_grid(found, size))
    click.echo(f"{'preview:':13}{click.format_filename(preview)}")


def _folders(source: str) -> list[Path]:
    """The folders whose images are the data of a source."""
    scheme, _, place = source.partition(":")
    if scheme == "folders":
        parts = re.sub(":(train|test)$", "", place).split(",")
        return [Path(part).expanduser() for part in parts if part]
    return [Path(place).expanduser()] if place and scheme in ("folder", "captions") else []
