"""Publishes a run as a preset: its best checkpoint, or its last one, as a small file of weights, with a model card."""

import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from ganzoo import cards, hub, loading, preset_folders, presets
from ganzoo.config import MOST_BYTES, Config, Weights, dump, load_config
from ganzoo.errors import GanzooError
from ganzoo.evaluation import evaluate
from ganzoo.evaluation.compare import takes_extractor
from ganzoo.evaluation.report import short
from ganzoo.files import LARGEST_WEIGHTS, open_regular, write_atomically
from ganzoo.training.callbacks.checkpoints import recorded_value
from ganzoo.training.callbacks.record import read_records
from ganzoo.training.facts import checkpoint_to_publish, monitor_of, no_best_checkpoint
from ganzoo.types import PathLike

# Of the sample image of a card, in bytes.
_LARGEST_SAMPLES = 2**23
_NOT_MEASURED = "not measured: the run had no validation metrics, and its last checkpoint was published"
_NO_EXTRACTOR = "not measured: the preset names no feature extractor (evaluation.extractor)"


def publish_run(
    run: PathLike,
    folder: PathLike,
    data: str,
    license: str,
    trained_on: str,
    *,
    name: str | None = None,
    overwrite: bool = False,
    samples: int = 10_000,
    inference_only: bool = False,
    bits: int = 16,
) -> Path:
    """Writes a preset folder from a run folder of `ganzoo train`: a YAML file, the weights, a model card and
    a sample image.

    The metrics are those of the published weights, after rounding, on data that was used neither for
    training nor for choosing the checkpoint. Of a run without validation metrics, such as one on images that no
    extractor of the package is for, the last checkpoint is published, and nothing is measured; nor is a model that
    generates images from noise whose preset names no extractor.

    Args:
        run: the run folder.
        folder: where to write the files; `ganzoo.load` and `ganzoo push` take it afterwards.
        data: source of held-out data, as for `ganzoo evaluate`.
        license: of the training data.
        trained_on: description of the training data.
        name: write only `<name>.yaml` and `<name>.npz`, beside other presets and replacing earlier ones. The package's
            presets are written in this way.
        overwrite: replace a preset that the folder holds, and its card.
        samples: images to generate for the metrics, as for `ganzoo evaluate`.
        inference_only: leave out the networks that only training uses, such as the discriminator: a smaller file, but
            fine-tuning starts with new ones.
        bits: of each weight: 16, or 8 for about half the size. The metrics show whether 8 are enough.

    Returns:
        The path of the YAML file.

    Raises:
        GanzooError: no checkpoint, none that was measured yet although the run measures, a folder that holds a preset,
            an invalid name, or anything `evaluate` raises.
    """
    run, folder = Path(run).resolve(), Path(folder)
    checkpoint = checkpoint_to_publish(run)
    preset_folders.check_target(folder, overwrite, name)
    config = load_config(run / "config.yaml")
    trained = loading.load_saved(checkpoint)
    if checkpoint.name == "last.keras" and monitor_of(run) is None:
        # A run of an older version, which did not record whether it measures. Models with a likelihood measure it.
        likelihood = hasattr(trained, "log_likelihood") and config.data.get("held_out")
        measured = trained.validation_metrics(None, config.evaluation)
        if likelihood or measured:
            raise no_best_checkpoint(run, measured.monitor if measured else "the log-likelihood")
    validated = checkpoint.name == "best.keras"
    lines = read_records(run / "metrics.jsonl")
    if validated:
        lines = [line for line in lines if line["step"] == trained.steps]
    if not lines:
        raise GanzooError(f"{run / 'metrics.jsonl'} has no epoch that describes {checkpoint.name}")
    best = lines[-1]

    def published(place: Path) -> tuple[Config, Any]:
        """Writes the weights to a folder, and returns the preset with their metrics, and the model that has them."""
        file, sha256 = preset_folders.write_weights(trained, place, inference_only, bits)
        # In float32, as users load it.
        model = loading.build(config, str(run), policy="float32")
        model.load_shipped(place / file, sha256)
        metrics: dict[str, Any] = {}
        if not validated:
            protocol = _NOT_MEASURED
        elif takes_extractor(config.model) and not (config.evaluation.judge or config.evaluation.extractor):
            protocol = _NO_EXTRACTOR
        else:
            metrics, protocol = measure(model, config, data, samples)
            selected = recorded_value(checkpoint, "frechet_distance") is not None
            if selected and protocol.endswith(f"on {config.evaluation.extractor} features"):
                protocol += ", which selected the checkpoint"
        metrics["best_epoch"] = best["epoch"]
        kind = "gpu" if "gpu_seconds" in best else "cpu"
        metrics[f"training_{kind}_minutes"] = round(best[f"{kind}_seconds"] / 60, 1)
        weights = Weights(file, sha256, license, trained_on, protocol, metrics)
        return replace(_portable(config, run), weights=weights), model

    # The folder stays as it is until all is measured.
    with tempfile.TemporaryDirectory() as place:
        preset, model = published(Path(place))
        assert preset.weights is not None
        content = (Path(place) / preset.weights.file).read_bytes()
    if name is not None:
        weights = replace(preset.weights, file=f"{name}.npz")
        text = dump(replace(preset, weights=weights))
        write_atomically(folder / weights.file, content)
        path = folder / f"{name}.yaml"
        write_atomically(path, text.encode())
        return path
    write_atomically(folder / preset.weights.file, content)
    sample_image = cards.samples_of(model, data, preset.weights.sha256)
    if sample_image is None:
        (folder / cards.SAMPLES_FILE).unlink(missing_ok=True)
    else:
        write_atomically(folder / cards.SAMPLES_FILE, sample_image)
    write_atomically(folder / cards.CARD_FILE, cards.card(preset, cards.PLACE, sample_image).encode())
    return preset_folders.write_config(preset, folder)


def measure(model: Any, config: Config, data: str, samples: int = 10_000) -> tuple[dict[str, Any], str]:
    """The metrics of published weights and their protocol.

    They are those of the preset's judge if it names one. The Fréchet distance is then also given on the features
    of the extractor used in training, as `classifier_frechet_distance`.

    Args:
        model: with the weights.
        config: of the preset.
        data: source of held-out data, as for `ganzoo evaluate`.
        samples: images to generate, as for `ganzoo evaluate`.
    """
    if config.class_names and hasattr(model, "class_names"):
        # They tell a classifier of attributes which one the classes are.
        model.class_names = config.class_names
    upscale = bool(config.data.get("upscale"))
    judge, extractor = config.evaluation.judge, config.evaluation.extractor
    found = evaluate(model, data, judge or extractor, samples, upscale, config.evaluation.metrics)
    metrics, protocol = dict(found.metrics), found.protocol
    if judge and extractor and "frechet_distance" in metrics and "classifier_frechet_distance" not in metrics:
        other = evaluate(model, data, extractor, samples, upscale, ["frechet_distance"])
        metrics["classifier_frechet_distance"] = other.metrics["frechet_distance"]
        protocol += f"; Fréchet distance also on {extractor} features"
    return metrics, protocol


def _portable(config: Config, run: Path) -> Config:
    """A run's config without what only one machine has: the paths of its data and of its start, and its precision."""
    name = re.sub(r"-\d+$", "", run.name).split(".")[-1]
    published = presets.preset_files().get(f"{config.model}.{name}")
    precision = load_config(run / "preset.yaml").training.precision
    known = load_config(published) if published else None
    if known:
        # A preset that exists keeps its own.
        sources: dict[str, Any] = {key: known.data.get(key) for key in ("source", "noise") if key in config.data}
    else:
        sources = {key: short(str(config.data[key])) for key in ("source", "noise") if config.data.get(key)}
    start = config.training.start_from
    if start and start not in presets.preset_files() and not hub.is_address(start):
        # The folder of another run: a preset of the package starts from that preset trained anew.
        start = known.training.start_from if known else None
    settings: dict[str, Any] = {**config.data, **sources}
    settings = {key: value for key, value in settings.items() if value is not None}
    return replace(
        config, data=settings, training=replace(config.training, start_from=start, precision=precision, loggers=[])
    )


def push_folder(folder: PathLike, address: str, private: bool = False) -> str:
    """Uploads a preset folder to the Hugging Face Hub, so that `ganzoo.load(address)` loads it.

    The folder is loaded first, with all checks. Only the YAML file, the weights file that it names, the model card and
    its sample image are uploaded; a card is written for a folder without one.

    Args:
        folder: written by `publish_run` or `model.save_to_preset`.
        address: "hf://user/name", or "hf://user/name@branch".
        private: create the repository as private.

    Returns:
        The URL of the commit.

    Raises:
        GanzooError: not a preset folder, no weights or damaged ones, not logged in, no permission, or no connection.
    """
    hub.parse(address)
    folder = Path(folder)
    preset_folders.check_preset_folder(folder)
    # The path of the YAML file: a folder may have the name of a shipped preset.
    path = folder / presets.PRESET_FILE
    model = loading.load(path, compile=False)
    config = load_config(path)
    assert config.weights is not None
    files = {
        presets.PRESET_FILE: _content(folder, presets.PRESET_FILE, MOST_BYTES),
        config.weights.file: _content(folder, config.weights.file, LARGEST_WEIGHTS),
    }
    if (folder / cards.SAMPLES_FILE).exists():
        files[cards.SAMPLES_FILE] = _content(folder, cards.SAMPLES_FILE, _LARGEST_SAMPLES)
        _refuse_earlier(folder, cards.stored_in(files[cards.SAMPLES_FILE]).get("weights"), config.weights.sha256)
    if (folder / cards.CARD_FILE).exists():
        text = _content(folder, cards.CARD_FILE, MOST_BYTES).decode(errors="replace")
        _refuse_earlier(folder, cards.weights_of(text), config.weights.sha256)
    else:
        source = str(config.data.get("source", ""))
        sample_image = files.get(cards.SAMPLES_FILE) or cards.samples_of(model, source, config.weights.sha256)
        if sample_image is not None:
            files[cards.SAMPLES_FILE] = sample_image
        text = cards.card(config, cards.PLACE, sample_image)
    files[cards.CARD_FILE] = text.replace(cards.PLACE, str(address)).encode()
    return hub.upload(address, files, private)


def _refuse_earlier(folder: Path, shown: str | None, sha256: str) -> None:
    if shown not in (None, sha256):
        raise GanzooError(
            f"the model card in {folder}, {cards.CARD_FILE} and {cards.SAMPLES_FILE}, is of earlier weights: remove "
            "both, and a card is written anew, or publish the run again"
        )


def _content(folder: Path, name: str, most_bytes: int) -> bytes:
    """A file of a folder. Links are refused: they may lead to any file of this machine, which would be uploaded."""
    path = folder / name
    if path.is_symlink():
        raise GanzooError(f"{path} is a link to another file: replace it by the file itself")
    try:
        with open_regular(path) as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise GanzooError(f"cannot read {path}: {error.strerror or error}") from None
    if len(content) > most_bytes:
        raise GanzooError(f"{path} has more than {most_bytes:,} bytes")
    return content
