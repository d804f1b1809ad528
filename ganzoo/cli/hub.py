"""ganzoo publish, push"""

from pathlib import Path

import click

from ganzoo.cli.group import _Path, main
from ganzoo.start import import_keras


@main.command()
@click.argument("run", type=_Path(path_type=Path))
@click.argument("folder", type=_Path(path_type=Path))
@click.option("--data", required=True, metavar="SOURCE", help="Held-out real data, for the metrics.")
@click.option("--license", required=True, help="License of the training data.")
@click.option("--trained-on", required=True, help="Description of the training data.")
@click.option("--overwrite", is_flag=True, help="Replace a preset that FOLDER holds, and its card.")
@click.option(
    "--name",
    metavar="NAME",
    help="Write only NAME.yaml and NAME.npz, beside other presets; the package's presets are written in this way.",
)
@click.option(
    "--inference-only",
    is_flag=True,
    help="Leave out what only training uses, such as the discriminator: a smaller file, but fine-tuning starts anew "
    "with it.",
)
@click.option(
    "--bits",
    type=click.Choice(["16", "8"]),
    default="16",
    show_default=True,
    help="Bits per weight. 8 halves the file; the metrics show whether the quality suffers.",
)
def publish(
    run: Path,
    folder: Path,
    data: str,
    license: str,
    trained_on: str,
    overwrite: bool,
    name: str | None,
    inference_only: bool,
    bits: str,
) -> None:
    """Turns a run's best checkpoint into a preset: a folder with a YAML file, weights, a model card and a sample image.
    Of a run without validation metrics, the last checkpoint is published, without metrics.

    \b
    Example: ganzoo publish runs/dcgan.mnist-001 my_digits --data idx:t10k-images-idx3-ubyte.gz \\
                 --license "CC BY-SA 3.0" --trained-on "MNIST training set"
             ganzoo generate my_digits
             ganzoo push my_digits hf://USER/my-digits
    """
    from ganzoo import checks, preset_folders
    from ganzoo.training.facts import checkpoint_to_publish

    checks.existing(run, kind="run folder")
    checkpoint_to_publish(run)
    checks.source(data, checks.model(run))
    preset_folders.check_target(folder, overwrite, name)
    checks.folder_to_write(folder)
    import_keras()
    from ganzoo.training.publish import publish_run

    path = publish_run(
        run,
        folder,
        data,
        license,
        trained_on,
        name=name,
        overwrite=overwrite,
        inference_only=inference_only,
        bits=int(bits),
    )
    click.echo(path)


@main.command()
@click.argument("folder", type=_Path(path_type=Path))
@click.argument("address")
@click.option("--private", is_flag=True, help="Create the repository as private.")
def push(folder: Path, address: str, private: bool) -> None:
    """Uploads the preset in FOLDER to the Hugging Face Hub, so that others load it by its ADDRESS.

    \b
    Examples: ganzoo push my_digits hf://USER/my-digits
              ganzoo push my_digits hf://USER/my-digits@v2 --private

    Log in first, with `hf auth login` or the environment variable HF_TOKEN. Only the YAML file, the weights, the model
    card and its sample image are uploaded. After @, a branch to push to, which is created if necessary.
    """
    from ganzoo import checks, hub, preset_folders

    checks.existing(folder, kind="preset folder")
    preset_folders.check_preset_folder(folder)
    hub.check_login(address)
    import_keras()
    from ganzoo.training.publish import push_folder

    click.echo(push_folder(folder, address, private))
    click.echo(f'  use it: ganzoo.load("{address}")')
