"""The command line. Commands check as much as possible before they import Keras, which takes seconds."""

import importlib.util
import math
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from ganzoo import __version__
from ganzoo.errors import GanzooError
from ganzoo.start import import_keras


class _Path(click.Path):
    """A path, or a name that may be one. ~ is expanded even where the shell does not, as in --output=~/runs."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(os.path.expanduser(value) if isinstance(value, str) else value, param, ctx)


class _Number(click.FloatRange):
    """A number in a range that is not NaN or infinite."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


class _Group(click.Group):
    """Reports the package's errors in one line, and suggests the nearest command for a mistyped one."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GanzooError as error:
            raise click.ClickException(str(error)) from None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and self.get_command(ctx, args[0]) is None:
            from ganzoo.errors import unknown

            raise click.UsageError(str(unknown("command", args[0], self.list_commands(ctx))))
        return super().resolve_command(ctx, args)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--import",
    "files",
    multiple=True,
    type=_Path(),
    metavar="FILE.py",
    help="Run a Python file first, so that its models are registered. This runs its code: use only files you trust.",
)
@click.version_option(__version__)
def main(files: Sequence[str]) -> None:
    """Trained generative models for Keras 3.

    \b
    Example: ganzoo generate dcgan --count 64 --seed 1 --output grid.png
    """
    # Without the line of code that warns.
    warnings.formatwarning = lambda message, *where, **options: f"warning: {message}\n"
    if files:
        from ganzoo import checks
        from ganzoo.registry import import_file

        for file in files:
            checks.existing(Path(file), kind="Python file")
        import_keras()
        for file in files:
            import_file(file)


@main.command("list")
@click.argument("pattern", default="*")
def list_(pattern: str) -> None:
    """Lists models and their presets.

    \b
    Example: ganzoo list "*.mnist"
    """
    from ganzoo import presets, registry

    names = presets.list_presets(pattern)
    models = [name for name in registry.list_models() if any(preset.startswith(f"{name}.") for preset in names)]
    models += registry.list_models(pattern)
    if not models:
        from ganzoo.errors import unknown

        raise unknown("model or preset", pattern, [*registry.list_models(), *presets.list_presets()])
    for model in sorted(set(models)):
        click.echo(f"{model:28}{registry.describe(model)}")
        for name in names:
            if name.startswith(f"{model}."):
                config = presets.find(name).config
                trained = "trained" if config.weights else "no weights"
                click.echo(f"  {name:26}{config.description} [{trained}{', default' if config.default else ''}]")


@main.command()
@click.argument("name", type=_Path())
def info(name: str) -> None:
    """Describes a model, a preset, an address of the hub, a run folder or a .keras file, with its metrics.

    \b
    Example: ganzoo info dcgan
    """
    from ganzoo import presets, registry
    from ganzoo.config import dump

    if name not in registry.list_models():
        presets.model_of(name)
    import_keras()
    from ganzoo.training.zoo_model import describe_networks

    if name in registry.list_models():
        click.echo(registry.own_docstring(registry.model_class(name)) + "\n")
        if not presets.list_presets(f"{name}.*"):
            return
    config = presets.config_of(name)
    if config is None or presets.is_run(name):
        model, title = presets.load(name), name
        click.echo(f"{title}: {model.model_name} after {model.steps:,} steps")
    else:
        title = presets.find(name).name
        model = presets.build(config, title)
        click.echo(f"preset {title}: {config.description}")
    click.echo(f"{describe_networks(model)}\n")
    if config:
        click.echo(dump(config), nl=False)
        return
    click.echo(f"arguments: {model.arguments}")
    if names := getattr(model, "class_names", ()):
        click.echo(f"class_names: {', '.join(names)}")


@main.command()
@click.argument("preset", type=_Path())
@click.option(
    "--data",
    metavar="SOURCE",
    help="Source of the data: folder:PATH, captions:FOLDER, folders:PATH_A,PATH_B, idx:FILE, npz:FILE, tfds:NAME, "
    "avatars:COUNT or digits.",
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
@click.option("--resume", is_flag=True, help="Continue the newest run of this preset.")
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
@click.option("--dry-run", is_flag=True, help="Check everything and estimate the duration; create no run folder.")
def train(
    preset: str,
    data: str | None,
    settings: Sequence[str],
    output: str,
    resume: bool,
    strategy: str,
    max_minutes: float | None,
    loggers: Sequence[str],
    dry_run: bool,
) -> None:
    """Trains a preset, or your own YAML file, and writes everything to a run folder.

    \b
    Examples: ganzoo train dcgan.digits
              ganzoo train dcgan.mnist --data idx:train-images-idx3-ubyte.gz --set training.epochs=10
              ganzoo train dcgan.mnist --resume
              ganzoo train dcgan.digits --logger mlflow
              ganzoo train mine.yaml        # e.g. "extends: dcgan.mnist" and "training: {epochs: 40}"
    """
    from ganzoo import checks

    if loggers:
        settings = [*settings, f"training.loggers=[{', '.join(map(repr, loggers))}]"]
    checks.training(preset, data, settings, output, resume)
    import_keras()
    from ganzoo.training import run

    if dry_run:
        click.echo(run.prepare(preset, data, settings, output, resume, strategy).describe())
        return
    folder = run.train(preset, data, settings, output, resume, strategy, max_minutes)
    click.echo(f"run folder: {folder}")
    for title, command in _next_commands(preset, folder, output):
        click.echo(f"  {title + ':':13}{command}")


def _next_commands(preset: str, folder: Path, output: str) -> Iterator[tuple[str, str]]:
    """Yields (title, command): what can be done with a run folder."""
    import shlex

    from ganzoo.config import load_config
    from ganzoo.registry import model_class
    from ganzoo.training.callbacks.record import read_records

    # Workers that write nothing may not see the folder.
    if not (folder / "checkpoints" / "last.keras").exists():
        return
    config, name = load_config(folder / "config.yaml"), shlex.quote(str(folder))
    files = click.get_current_context().find_root().params.get("files", ())
    imports = "".join(f" --import {shlex.quote(str(file))}" for file in files)
    records = read_records(folder / "metrics.jsonl")
    finished = bool(records) and records[-1].get("epoch") == config.training.epochs
    verbs = {
        "upscale": f"ganzoo{imports} upscale IN.jpg OUT.png --model {name}",
        "translate": f"ganzoo{imports} translate IN.png OUT.png --model {name}",
        "enhance": f"ganzoo{imports} enhance IN.wav OUT.wav --model {name}",
        "vectors": f'ganzoo{imports} generate {name} --caption "A CAPTION"',
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
    again = f"ganzoo{imports} train {shlex.quote(str(preset))}{place} --resume"
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

    if output is not None:
        from ganzoo.data.writing import write_images

        checks.folder_to_write(output)
        click.echo(write_images(source, output, size, upscale=upscale))
        return
    checks.image_to_write(preview)
    scheme, _, place = source.partition(":")
    if place and scheme in ("folder", "captions"):
        checks.existing(Path(place).expanduser(), kind="folder")
    from ganzoo.inference.inspection import inspect, preview_grid
    from ganzoo.inference.sampling import save_image

    found = inspect(source)
    for title, text in found.lines():
        click.echo(f"{title + ':':13}{text}".encode(errors="replace"))
    save_image(preview, preview_grid(found, size))
    click.echo(f"{'preview:':13}{click.format_filename(preview)}")


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
    help="Write a walk through this many random points of latent space, a loop, as .gif, .png (APNG), .webp or .mp4.",
)
@click.option(
    "--seconds",
    type=_Number(0, 3600, min_open=True),
    help="Duration of the walk, at 25 frames per second. [default: 2 per point]",
)
def generate(
    name: str,
    count: int | None,
    captions: Sequence[str],
    labels: Sequence[str],
    seed: int,
    truncation: float | None,
    output: str | None,
    separate: bool,
    walk: int | None,
    seconds: float | None,
) -> None:
    """Generates a grid of images. NAME is a model, a preset, an address of the hub, a .keras
    file or a run folder.

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
    model = _loaded(name, "generate --caption" if captions else "generate --label" if labels else "generate")
    rows = generation.rows_of(model, captions, labels)
    count = count or (8 if captions or labels else 16 if walk else 64)
    if separate:
        generation.write_separately(model, output, rows, count, seed, truncation)
    elif walk:
        generation.write_walk(model, output, rows, count, seed, truncation, walk, seconds)
    else:
        generation.write_grid(model, output, rows, count, seed, truncation)
    click.echo(click.format_filename(output))


@main.command()
@click.argument("sources", metavar="IN...", nargs=-1, required=True, type=_Path(path_type=Path))
@click.argument("target", metavar="OUT", type=_Path(path_type=Path))
@click.option(
    "--model",
    type=_Path(),
    default="srgan",
    show_default=True,
    metavar="NAME",
    help="A model, a preset, an address of the hub, a .keras file or a run folder.",
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
    help="Factor of width and height: below the network's, its result is resampled; above it, up to its square, the "
    "image passes the network twice. [default: the network's, 4 for shipped models]",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["png", "jpg", "webp", "tif", "bmp", "gif", "keep"]),
    help="Format of the files in a folder OUT; keep: that of each input. Animations and documents stay what they are "
    "where the format cannot hold them, and videos are .mp4. [default: png]",
)
def upscale(
    sources: Sequence[Path], target: Path, model: str, tile: int, scale: float | None, file_format: str | None
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

    def files_in(folder: Path) -> Any:
        return frames.files_to_upscale(folder, skip_folder=target)

    def suffix_of(path: Path) -> str:
        return frames.result_suffix(path, file_format if file_format in (None, "keep") else f".{file_format}")

    if len(sources) == 1:
        checks.to_read(sources[0], "image")
    pairs = written_pairs(list(sources), target, files_in, suffix_of=suffix_of)
    if file_format and pairs[0][1] == target:
        raise GanzooError(f"--format is for a folder OUT: the suffix of {target.name} says the format")
    for path, written in pairs:
        frames.check_target(path, written)
    loaded = _loaded(model, "upscale")
    loaded.size_of_result(1, 1, scale)
    alone = sources[0] if len(sources) == 1 else None

    def work(path: Path, written: Path, report: Any) -> None:
        frames.upscale_file(loaded, path, written, tile=tile, progress=report, scale=scale)

    _each(pairs, alone, work)


@main.command()
@click.argument("sources", metavar="IN...", nargs=-1, required=True, type=_Path(path_type=Path))
@click.argument("target", metavar="OUT", type=_Path(path_type=Path))
@click.option(
    "--model",
    type=_Path(),
    default="cyclegan",
    show_default=True,
    metavar="NAME",
    help="A model, a preset, an address of the hub, a .keras file or a run folder.",
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
def translate(
    sources: Sequence[Path], target: Path, model: str, direction: str, tile: int, file_format: str | None
) -> None:
    """Translates an image, several files, or all in a folder to the other kind of image. OUT is a file if IN is a
    single file, otherwise a folder.

    \b
    Examples: ganzoo translate in.png out.png
              ganzoo translate twemoji noto --direction backward
              ganzoo translate a.png b.png translated --model runs/cyclegan.mine-001
    """
    from ganzoo import checks
    from ganzoo.data.sources import find_image_files
    from ganzoo.inference.folders import written_pairs
    from ganzoo.inference.image_files import check_size
    from ganzoo.inference.translation import translate_file

    def files_in(folder: Path) -> Any:
        return find_image_files(folder, skip_folder=target)

    if len(sources) == 1:
        checks.to_read(sources[0], "image")
    pairs = written_pairs(list(sources), target, files_in, lambda suffix: f".{file_format or 'png'}")
    if file_format and pairs[0][1] == target:
        raise GanzooError(f"--format is for a folder OUT: the suffix of {target.name} says the format")
    for _, written in pairs:
        check_size(written, 1, 1)
    loaded = _loaded(model, "translate")
    loaded.generator_of(direction)

    def work(path: Path, written: Path, report: Any) -> None:
        translate_file(loaded, path, written, direction, tile, report)

    _each(pairs, sources[0] if len(sources) == 1 else None, work)


@main.command()
@click.argument("source", metavar="[IN]", required=False, type=_Path(path_type=Path))
@click.argument("target", metavar="[OUT]", required=False, type=_Path(path_type=Path))
@click.option(
    "--model",
    type=_Path(),
    default="segan",
    show_default=True,
    metavar="NAME",
    help="A model, a preset, an address of the hub, a .keras file or a run folder.",
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
@click.option("--block", type=float, help="With --stream: seconds per run of the network.  [default: 0.25]")
@click.option(
    "--context",
    type=float,
    help="With --stream: seconds after a block that the network waits for; with less than the default, all that affect "
    "the block, the output comes sooner and is worse.",
)
def enhance(
    source: Path | None,
    target: Path | None,
    model: str,
    num_shifts: int | None,
    stream: bool,
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
    from ganzoo.data.audio import EndsEarly
    from ganzoo.inference.folders import written_pairs
    from ganzoo.inference.recordings import WRITTEN, check_writable, enhance_file, recordings_in

    if stream:
        if source is not None:
            raise click.UsageError("--stream reads standard input and writes standard output: leave out IN and OUT")
        _enhance_stream(model, num_shifts, streaming)
        return
    if source is None or target is None:
        raise click.UsageError(f"Missing argument '{'IN' if source is None else 'OUT'}'.")
    if given := [name for name, value in streaming.items() if value is not None]:
        raise click.UsageError(f"--{given[0]} is an option of --stream")
    checks.to_read(source, "recording")
    pairs = written_pairs(source, target, recordings_in, lambda suffix: suffix if suffix in WRITTEN else ".wav")
    for _, written in pairs:
        check_writable(written)
    loaded = _loaded(model, "enhance")
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


def _enhance_stream(model: str, num_shifts: int | None, settings: dict[str, Any]) -> None:
    """`enhance --stream`; all messages go to standard error."""
    from ganzoo.inference.recordings import enhance_pipe

    rate, channels = settings["rate"] or 16_000, settings["channels"] or 1
    source, target = sys.stdin.buffer, sys.stdout.buffer
    loaded = _loaded(model, "enhance")
    stream = loaded.stream(rate, settings["block"], settings["context"], num_shifts)
    click.echo(f"latency {stream.latency:.2f} s and the time of computation; Ctrl-C or the input's end stops", err=True)
    enhance_pipe(stream, source, target, channels)


def _each(pairs: Sequence[tuple[Path, Path]], source: Path | None, work: Callable[[Path, Path, Any], object]) -> None:
    """Calls work(path, written, report) for all pairs, with one progress bar on a terminal.

    For a folder, or several inputs (source is None), files that fail are reported and skipped. report is a function of
    (done, total) within a file, which moves the bar; None for a single file, which may show a bar of its own.
    """
    from tqdm import tqdm

    failed = 0
    several = len(pairs) > 1
    shown = "{l_bar}{bar}| {n:.1f}/{total} files [{elapsed}<{remaining}]"
    with tqdm(total=len(pairs), bar_format=shown, disable=None if several else True, leave=False) as bar:
        for i, (path, written) in enumerate(pairs):

            def report(done: int, total: int, before: int = i) -> None:
                bar.update(before + min(1.0, done / total) - bar.n)

            try:
                work(path, written, report if several else None)
                with bar.external_write_mode():
                    click.echo(click.format_filename(written))
            except GanzooError as error:
                if source is not None and not os.path.isdir(source):
                    raise
                failed += 1
                with bar.external_write_mode():
                    click.echo(f"left out: {error}".encode(errors="replace"), err=True)
            report(1, 1)
    if failed:
        where = "" if source is None else f" in {source}"
        raise GanzooError(f"{failed} of the {len(pairs)} files{where} {'was' if failed == 1 else 'were'} left out")


# The method that a command calls, if it has another name than the command.
_METHODS = {"generate --caption": "vectors", "generate --label": "class_number", "probe": "features"}


def _loaded(name: str, command: str) -> Any:
    """The model for a command; unknown and unsuitable names are refused before Keras is imported."""
    from ganzoo import checks, presets

    checks.model(name, command)
    import_keras()
    model = presets.load(name)
    method = _METHODS.get(command, command)
    # A model of the user's own task may not have it.
    if not hasattr(model, method):
        raise GanzooError(f"`ganzoo {command}` needs a model with the method {method}(); '{name}' has none")
    return model


@main.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True, type=_Path())
@click.option(
    "--data", required=True, metavar="SOURCE", help="Real data to compare with, e.g. idx:t10k-images-idx3-ubyte.gz."
)
@click.option(
    "--extractor",
    type=_Path(),
    metavar="NAME",
    help="Feature extractor: a name or a .keras file. [default: the preset's own]",
)
@click.option("--samples", type=click.IntRange(2), default=10_000, show_default=True, help="Images to generate.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help="Metric to report; may be repeated. [default: the preset's own]",
)
@click.option("--upscale", is_flag=True, help="Upscale smaller real images. [default: the preset's own setting]")
def evaluate(
    names: Sequence[str], data: str, extractor: str | None, samples: int, upscale: bool, metrics: Sequence[str]
) -> None:
    """Measures trained models against real data. NAME is a preset, an address of the hub, a .keras file
    or a run folder.

    \b
    Examples: ganzoo evaluate dcgan.mnist --data idx:t10k-images-idx3-ubyte.gz
              ganzoo evaluate dcgan.mnist lsgan.mnist --data idx:t10k-images-idx3-ubyte.gz
              ganzoo evaluate segan --data folder:voicebank_demand
              ganzoo evaluate cyclegan.emoji --data folders:noto,twemoji:test
    """
    from ganzoo import checks, registry

    models = [checks.model(name) for name in names]
    # Models of different tasks are refused below.
    if len({registry.declared(model, "sources") for model in models}) == 1:
        checks.source(data, models[0])
    if extractor and extractor.endswith(".keras"):
        checks.existing(Path(extractor))
    import_keras()
    from ganzoo.evaluation import evaluate_presets

    found = evaluate_presets(names, data, extractor, samples, upscale, metrics)
    width = max(22, *(len(one.name) + 2 for one in found)) if len(found) > 1 else 0
    keys = list(dict.fromkeys(key for one in found for key in one.metrics))
    first = max(18, *(len(key) + 2 for key in keys))
    if width:
        click.echo(f"{'':{first}}" + "".join(f"{one.name:>{width}}" for one in found))
    for key in keys:
        values = (f"{one.metrics[key]:g}" if key in one.metrics else "-" for one in found)
        click.echo(f"{key + ':':{first}}" + "".join(f"{value:>{width}}" for value in values))
    click.echo(f"protocol: {found[0].protocol}")


@main.command()
@click.argument("name", type=_Path())
@click.option(
    "--data",
    required=True,
    metavar="SOURCE",
    help="Labeled training images, e.g. idx:train-images-idx3-ubyte.gz.",
)
@click.option(
    "--test", required=True, metavar="SOURCE", help="Labeled test images, e.g. idx:t10k-images-idx3-ubyte.gz."
)
@click.option(
    "--examples", type=click.IntRange(20), default=10_000, show_default=True, help="Number of training images."
)
@click.option("--upscale", is_flag=True, help="Upscale images that are smaller than the model's.")
def probe(name: str, data: str, test: str, examples: int, upscale: bool) -> None:
    """Measures the accuracy of linear classifiers on the discriminator's features and on raw pixels.

    \b
    Example: ganzoo probe dcgan.mnist --data idx:train-images-idx3-ubyte.gz --test idx:t10k-images-idx3-ubyte.gz
    """
    from ganzoo import checks

    found = checks.model(name, "probe")
    for source in (data, test):
        checks.source(source, found)
    model = _loaded(name, "probe")
    from ganzoo.evaluation import probe as evaluated_features

    protocol, metrics = evaluated_features(model, data, test, examples, upscale)
    for view, accuracy in metrics.items():
        click.echo(f"{view}: {accuracy:.2%}")
    click.echo(f"protocol: {protocol}")


@main.command()
@click.argument("name", type=_Path())
@click.argument("path", type=_Path())
@click.option(
    "--format",
    help="tf_saved_model, onnx, litert or openvino; by default from the suffix of PATH: .onnx, .tflite, .xml or none.",
)
@click.option("--float16", is_flag=True, help="Store the weights in float16, at half the size; not for SavedModels.")
@click.option("--overwrite", is_flag=True, help="Replace an existing export.")
def export(name: str, path: str, format: str | None, float16: bool, overwrite: bool) -> None:
    """Writes a model's generator as a SavedModel, or as an ONNX, LiteRT or OpenVINO file, that runs without ganzoo.

    \b
    Example: ganzoo export dcgan my_savedmodel
             ganzoo export dcgan dcgan.onnx --float16
    """
    from ganzoo import checks, presets
    from ganzoo.export import checked_target, format_of, require

    checks.model(name)
    format = format or format_of(path)
    checks.folder_to_write(checked_target(path, overwrite, format, float16).parent)
    require(format)
    import_keras()
    exported = presets.load(name).export(path, format, overwrite=overwrite, float16=float16)
    click.echo(path)
    click.echo(str(exported))


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
def publish(
    run: Path, folder: Path, data: str, license: str, trained_on: str, overwrite: bool, name: str | None
) -> None:
    """Turns a run's best checkpoint into a preset: a folder with a YAML file, weights, a model card and a sample image.

    \b
    Example: ganzoo publish runs/dcgan.mnist-001 my_digits --data idx:t10k-images-idx3-ubyte.gz \\
                 --license "CC BY-SA 3.0" --trained-on "MNIST training set"
             ganzoo generate my_digits
             ganzoo push my_digits hf://USER/my-digits
    """
    from ganzoo import checks, presets

    checks.existing(run, kind="run folder")
    presets.best_checkpoint_of(run)
    checks.source(data, checks.model(run))
    presets.check_target(folder, overwrite, name)
    checks.folder_to_write(folder)
    import_keras()
    from ganzoo.training.publish import publish_run

    click.echo(publish_run(run, folder, data, license, trained_on, name=name, overwrite=overwrite))


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
    from ganzoo import checks, hub, presets

    checks.existing(folder, kind="preset folder")
    presets.check_preset_folder(folder)
    hub.check_login(address)
    import_keras()
    from ganzoo.training.publish import push_folder

    click.echo(push_folder(folder, address, private))
    click.echo(f'  use it: ganzoo.load("{address}")')


@main.command()
@click.argument("model", required=False, type=_Path())
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    envvar="GRADIO_SERVER_NAME",
    help="Address to listen on; 0.0.0.0 makes the page reachable from your network. [env: GRADIO_SERVER_NAME]",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=7860,
    show_default=True,
    envvar="GRADIO_SERVER_PORT",
    help="Port to listen on. [env: GRADIO_SERVER_PORT]",
)
@click.option(
    "--root-path",
    default="",
    envvar="GRADIO_ROOT_PATH",
    metavar="PATH",
    help="Path under which a reverse proxy serves the page and which it removes, e.g. /demo. [env: GRADIO_ROOT_PATH]",
)
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    envvar="GANZOO_ALLOWED_HOSTS",
    help="Additional host name of the page, e.g. that of a proxy; may be repeated. Requests for other names are "
    "refused. [env: GANZOO_ALLOWED_HOSTS, separated by spaces]",
)
def demo(model: str | None, host: str, port: int, root_path: str, allowed_hosts: Sequence[str]) -> None:
    """Starts the web page of all models and of editing images, or of one model. MODEL is a model, a preset, an address
    of the hub, a .keras file or a run folder.

    \b
    Examples: ganzoo demo dcgan
              ganzoo demo hf://USER/my-digits
              ganzoo demo --host 0.0.0.0 --allowed-host demo.example.org
              GRADIO_SERVER_PORT=8000 ganzoo demo

    Options win over the environment variables, which are those of Gradio.
    """
    from ganzoo import checks, registry
    from ganzoo.errors import missing_package

    if model is not None and model not in registry.list_models():
        checks.model(model)
    if importlib.util.find_spec("gradio") is None:
        raise missing_package("gradio", "demo", "the web page")
    import_keras()
    from ganzoo.demos import hub

    hub.launch(model, host, port, allowed_hosts, root_path)


if __name__ == "__main__":
    main()
