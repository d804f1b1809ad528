"""ganzoo train, archive, restore"""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from ganzoo.cli.group import _Number, _Path, main
from ganzoo.errors import GanzooError
from ganzoo.start import import_keras


@main.command()
@click.argument("preset", type=_Path())
@click.option(
    "--data",
    metavar="SOURCE",
    help="Source of the data: folder:PATH, captions:FOLDER, folders:PATH_A,PATH_B, "
    "named:FOLDER:PATTERN, idx:FILE, npz:FILE, tfds:NAME, avatars:COUNT or digits.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a setting of the preset, e.g. training.epochs=5.",
)
@click.option(
    "--output", type=_Path(), default="runs", show_default=True, metavar="DIR", help="Folder for run folders."
)
@click.option("--resume", is_flag=True, help="Continue the newest run of this preset, or that of --run.")
@click.option("--run", type=click.IntRange(min=1), metavar="NUMBER", help="The run to resume, e.g. 2 for NAME-002.")
@click.option(
    "--strategy",
    type=click.Choice(["auto", "one", "mirrored", "multiworker", "tpu"]),
    default="auto",
    show_default=True,
    help="Devices to train on; multiworker reads TF_CONFIG or SLURM's variables.",
)
@click.option(
    "--max-minutes",
    type=_Number(0, min_open=True),
    help="Save and stop after this time; continue with --resume.",
)
@click.option(
    "--logger",
    "loggers",
    multiple=True,
    metavar="NAME",
    help="Log the run to a service too: wandb or mlflow, whose package you install; may be repeated.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Check everything and estimate the duration; create no run folder and download nothing.",
)
def train(
    preset: str,
    data: str | None,
    settings: Sequence[str],
    output: str,
    resume: bool,
    run: int | None,
    strategy: str,
    max_minutes: float | None,
    loggers: Sequence[str],
    dry_run: bool,
) -> None:
    """Trains a preset, or your own YAML file, and writes everything to a run folder.

    \b
    Examples: ganzoo train dcgan.digits
              ganzoo train dcgan.mnist --data idx:train-images-idx3-ubyte.gz --set training.epochs=10
              ganzoo train dcgan.mnist --resume             # the newest run; an older one with --run 2
              ganzoo train dcgan.digits --logger mlflow
              ganzoo train mine.yaml        # e.g. "extends: dcgan.mnist" and "training: {epochs: 40}"
    """
    from ganzoo import checks

    if run is not None and not resume:
        raise GanzooError("--run names a run to resume: add --resume")
    if loggers:
        settings = [*settings, f"training.loggers=[{', '.join(map(repr, loggers))}]"]
    checks.training(preset, data, settings, output, resume)
    # Of several workers, those that write nothing may not see the folder.
    if resume and strategy != "multiworker":
        checks.run_to_resume(preset, output, run)
    import_keras()
    if dry_run:
        from ganzoo.data.tfds import without_downloads
        from ganzoo.training.plan import prepare

        with without_downloads():
            click.echo(prepare(preset, data, settings, output, resume, strategy, run).describe())
        return
    from ganzoo.training.run import train as train_preset

    folder = train_preset(preset, data, settings, output, resume, strategy, max_minutes, run=run)
    click.echo(f"run folder: {folder}")
    files = click.get_current_context().find_root().params.get("files", ())
    imports = "".join(f" --import {shlex.quote(str(file))}" for file in files)
    for title, command in next_commands(preset, folder, output, imports):
        click.echo(f"  {title + ':':13}{command}")


def next_commands(
    preset: str, folder: Path, output: str, imports: str = "", numbered: bool = False
) -> Iterator[tuple[str, str]]:
    """Yields (title, command): what can be done with a run folder.

    Args:
        preset, output: as in `ganzoo train`.
        folder: the run folder.
        imports: options for every command.
        numbered: name the run's number even if it is the newest, since others may begin.
    """
    from ganzoo import presets
    from ganzoo.config import load_config
    from ganzoo.registry import model_class
    from ganzoo.training.callbacks.record import read_records
    from ganzoo.training.stages import number_of, stage_runs

    # Workers that write nothing may not see the folder.
    if not (folder / "checkpoints" / "last.keras").exists():
        return
    config, name = load_config(folder / "config.yaml"), shlex.quote(str(folder))
    records = read_records(folder / "metrics.jsonl")
    finished = bool(records) and records[-1].get("epoch") == config.training.epochs
    verbs = {
        "upscale": f"ganzoo{imports} upscale IN.jpg OUT.png --model {name}",
        "translate": f"ganzoo{imports} translate IN.png OUT.png --model {name}",
        "enhance": f"ganzoo{imports} enhance IN.wav OUT.wav --model {name}",
        "convert": f"ganzoo{imports} convert IN.wav OUT.wav --model {name}",
        "vectors": f'ganzoo{imports} generate {name} --caption "A CAPTION"',
        "say": f"ganzoo{imports} say OUT.wav --model {name}",
        "generate": f"ganzoo{imports} generate {name} --output grid.png",
    }
    # A model that takes captions can also generate without any.
    yield from [("use it", verbs[method]) for method in verbs if hasattr(model_class(config.model), method)][:1]
    places = [path for path in (folder / "samples.gif", folder / "samples") if path.exists()]
    if places:
        yield "samples", " and ".join(shlex.quote(str(path)) for path in places)
    if (folder / "curves.png").exists():
        yield "plot", shlex.quote(str(folder / "curves.png"))
    if (folder / "events").is_dir():
        yield "curves", f"tensorboard --logdir {shlex.quote(str(folder / 'events'))}"
    place = "" if output == "runs" else f" --output {shlex.quote(str(output))}"
    # Without a number, the newest run of the preset is resumed.
    found, number = presets.find(preset), number_of(folder)
    newest = stage_runs(found.config, found.label, Path(output), resume=True)[0].folder
    which = "" if number_of(newest) == number and not numbered else f" --run {number}"
    again = f"ganzoo{imports} train {shlex.quote(str(preset))}{place} --resume{which}"
    if finished:
        yield "more epochs", f"{again} --set training.epochs={2 * config.training.epochs}"
    else:
        yield "go on", again


@main.command()
@click.argument("run", type=_Path())
@click.argument("folder", type=_Path())
@click.option(
    "--megabytes",
    type=_Number(0, min_open=True),
    default=15.0,
    show_default=True,
    help="Maximum size of a file.",
)
def archive(run: str, folder: str, megabytes: float) -> None:
    """Writes the run folder RUN to FOLDER as small files, to continue it elsewhere.

    \b
    Example: ganzoo archive runs/dcgan.mnist-001 parts
             ganzoo restore parts          # elsewhere
             ganzoo train dcgan.mnist --resume
    """
    from ganzoo.training.archive import archive_run

    for path in archive_run(run, folder, megabytes):
        click.echo(path)


@main.command()
@click.argument("folder", type=_Path())
@click.option(
    "--output", type=_Path(), default="runs", show_default=True, metavar="DIR", help="Folder for run folders."
)
@click.option("--replace", is_flag=True, help="Replace an existing run of this name.")
def restore(folder: str, output: str, replace: bool) -> None:
    """Restores a run folder from the small files in FOLDER.

    \b
    Example: ganzoo restore parts
    """
    from ganzoo.training.archive import restore_run

    click.echo(f"run folder: {restore_run(folder, output, replace)}")
