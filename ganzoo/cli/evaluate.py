"""ganzoo evaluate, compare, probe"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ganzoo.cli.common import _loaded
from ganzoo.cli.group import _Path, main
from ganzoo.start import import_keras

if TYPE_CHECKING:
    from ganzoo.evaluation import Evaluation


_classifier = click.option(
    "--classifier",
    type=_Path(),
    metavar="NAME",
    help="Second feature extractor, for another Fréchet distance. [default: the one that selected the checkpoints]",
)


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
@_classifier
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
    names: Sequence[str],
    data: str,
    extractor: str | None,
    classifier: str | None,
    samples: int,
    upscale: bool,
    metrics: Sequence[str],
) -> None:
    """Measures trained models against real data. NAME is a model (its default preset), a preset, a
    Hugging Face Hub address (hf://USER/NAME), a .keras file or a run folder.

    \b
    Examples: ganzoo evaluate dcgan.mnist --data idx:t10k-images-idx3-ubyte.gz
              ganzoo evaluate dcgan.mnist lsgan.mnist --data idx:t10k-images-idx3-ubyte.gz
              ganzoo evaluate segan --data folder:voicebank_demand
              ganzoo evaluate cyclegan.emoji --data folders:noto,twemoji:test
              ganzoo evaluate wavenet --data "named:fsdd:{digit}_{speaker}_{index}:index=0-4"
    """
    from ganzoo import checks

    models = [checks.model(name) for name in names]
    _check(models, data, extractor, classifier)
    checks.metrics(metrics, models[0])
    import_keras()
    from ganzoo.evaluation import evaluate_presets

    _show(evaluate_presets(names, data, extractor, samples, upscale, metrics, classifier))


@main.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True, type=_Path())
@click.option(
    "--data", required=True, metavar="SOURCE", help="Real data to compare with, e.g. idx:t10k-images-idx3-ubyte.gz."
)
@click.option(
    "--extractor",
    type=_Path(),
    metavar="NAME",
    help="Feature extractor: a name or a .keras file. It should not have selected the checkpoints of the models. "
    "[default: the presets' evaluation.judge]",
)
@_classifier
@click.option("--samples", type=click.IntRange(2), default=10_000, show_default=True, help="Images to generate.")
@click.option("--upscale", is_flag=True, help="Upscale smaller real images. [default: the presets' own setting]")
def compare(
    names: Sequence[str], data: str, extractor: str | None, classifier: str | None, samples: int, upscale: bool
) -> None:
    """Compares models of images of different families: likelihood, distance from real images, sharpness, speed.
    A preset without trained weights is named and left out. Autoregressive models generate slowly: lower --samples.

    \b
    Example: ganzoo compare dcgan.mnist vae.mnist pixelcnn.mnist --data idx:t10k-images-idx3-ubyte.gz --samples 2000
    """
    from ganzoo import presets

    _check([presets.model_of(name) for name in names], data, extractor, classifier)
    import_keras()
    from ganzoo.evaluation import compare_presets

    found = compare_presets(names, data, extractor, classifier, samples, upscale)
    _show([one for one in found if one.metrics])
    for one in found:
        if not one.metrics:
            click.echo(f"{one.name}: no trained weights; train them with `ganzoo train {one.name}`")


def _check(models: list[str], data: str, *extractors: str | None) -> None:
    """Checks what can be checked without Keras."""
    from ganzoo import checks, registry

    # Models of different tasks are refused later.
    if len({registry.declared(model, "sources") for model in models}) == 1:
        checks.source(data, models[0])
    for extractor in extractors:
        if extractor and extractor.endswith(".keras"):
            checks.existing(Path(extractor))


def _show(found: "list[Evaluation]") -> None:
    """Prints a table with a row for each metric, and the protocol."""
    from ganzoo.evaluation.report import protocol_of

    width = max(22, *(len(one.name) + 2 for one in found)) if len(found) > 1 else 0
    keys = list(dict.fromkeys(key for one in found for key in one.metrics))
    first = max(18, *(len(key) + 2 for key in keys))
    if width:
        click.echo(f"{'':{first}}" + "".join(f"{one.name:>{width}}" for one in found))
    for key in keys:
        values = (f"{one.metrics[key]:g}" if key in one.metrics else "-" for one in found)
        click.echo(f"{key + ':':{first}}" + "".join(f"{value:>{width}}" for value in values))
    click.echo(f"protocol: {protocol_of(found)}")


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
