"""ganzoo export"""

import click

from ganzoo.cli.group import _Path, main
from ganzoo.start import import_keras


@main.command()
@click.argument("name", type=_Path())
@click.argument("path", type=_Path())
@click.option(
    "--format",
    help="tf_saved_model, onnx, litert or openvino. [default: by the suffix of PATH: .onnx, .tflite (LiteRT), .xml "
    "(OpenVINO), none (SavedModel, a folder)]",
)
@click.option("--float16", is_flag=True, help="Store the weights in float16, at half the size; not for SavedModels.")
@click.option("--overwrite", is_flag=True, help="Replace an existing export.")
def export(name: str, path: str, format: str | None, float16: bool, overwrite: bool) -> None:
    """Writes a model's generator as a SavedModel, or as an ONNX, LiteRT or OpenVINO file, that runs without ganzoo.

    \b
    Example: ganzoo export dcgan my_savedmodel
             ganzoo export dcgan dcgan.onnx --float16
    """
    from ganzoo import checks, loading
    from ganzoo.export import checked_target, format_of, require

    checks.model(name)
    format = format or format_of(path)
    checks.folder_to_write(checked_target(path, overwrite, format, float16).parent)
    require(format)
    import_keras()
    exported = loading.load(name).export(path, format, overwrite=overwrite, float16=float16)
    click.echo(path)
    click.echo(str(exported))
