"""Sends a run's metrics and samples to Weights & Biases or MLflow, whose packages the user installs."""

import contextlib
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from ganzoo.errors import GanzooError, first_line
from ganzoo.files import write_atomically
from ganzoo.types import PathLike

# The project or experiment of all runs.
_PROJECT = "ganzoo"
_IDS = "loggers.json"


class Logger(keras.callbacks.Callback):
    """Sends the metrics of every epoch, the run's settings and its sample images to a tracking service.

    The callbacks that these packages bring for Keras expect a single optimizer, which adversarial models do not have;
    this one works for every model. A resumed run continues the same record, whose id is in the run's loggers.json. An
    error while sending ends the logging with a warning, not the training.

    Args:
        folder: the run folder; its name is the name of the record.
        settings: the run's settings, as nested dictionaries.

    Raises:
        GanzooError: the service cannot be reached at the beginning.
    """

    name = ""

    def __init__(self, folder: PathLike, settings: Mapping[str, Any]):
        super().__init__()
        self.folder, self.settings = Path(folder), settings
        self._is_open = self._failed = False

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self._is_open or self._failed:
            return
        known = _known_ids(self.folder)
        try:
            known[self.name] = self.open(known.get(self.name))
        except Exception as error:  # whatever the package raises
            raise GanzooError(f"{self.name} cannot begin to log this run: {first_line(error)}") from None
        self._is_open = True
        write_atomically(self.folder / _IDS, json.dumps(known).encode())

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not self._is_open:
            return
        samples = self.folder / "samples" / f"epoch_{epoch + 1:04d}.png"
        try:
            values = {key: float(value) for key, value in (logs or {}).items()}
            self.log(values, epoch + 1, samples if samples.is_file() else None)
        except Exception as error:  # the training is worth more than its log
            warnings.warn(f"{self.name} logs no more of this run: {first_line(error)}", stacklevel=2)
            self._is_open, self._failed = False, True
            # Services refuse to begin another record in this process before this one has ended.
            with contextlib.suppress(Exception):
                self.close(False)

    def end(self, finished: bool) -> None:
        """Ends the record; `finished` is False if the training failed."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            self.close(finished)
        except Exception as error:
            warnings.warn(f"{self.name} did not end its record: {first_line(error)}", stacklevel=2)

    def open(self, known: str | None) -> str:
        """Begins a record, or continues the one with a known id; returns its id."""
        raise NotImplementedError

    def log(self, values: dict[str, float], epoch: int, samples: Path | None) -> None:
        """Sends the metrics of an epoch, counted from 1, and its sample images."""
        raise NotImplementedError

    def close(self, finished: bool) -> None:
        """Ends the record."""
        raise NotImplementedError


class WandbLogger(Logger):
    """Logs to Weights & Biases; WANDB_MODE=offline, WANDB_PROJECT and its other variables work as usual."""

    name = "wandb"

    def open(self, known: str | None) -> str:
        import wandb

        options: dict[str, Any] = dict(id=known, resume="allow") if known else {}
        project = os.environ.get("WANDB_PROJECT", _PROJECT)
        self._run = wandb.init(project=project, name=self.folder.name, config=dict(self.settings), **options)
        return str(self._run.id)

    def log(self, values: dict[str, float], epoch: int, samples: Path | None) -> None:
        import wandb

        images = {"samples": wandb.Image(str(samples))} if samples else {}
        self._run.log({**values, **images, "epoch": epoch}, step=epoch)

    def close(self, finished: bool) -> None:
        self._run.finish(exit_code=0 if finished else 1)


class MlflowLogger(Logger):
    """Logs to MLflow; MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME and its other variables work as usual."""

    name = "mlflow"

    def open(self, known: str | None) -> str:
        import mlflow

        if not os.environ.get("MLFLOW_EXPERIMENT_NAME") and not os.environ.get("MLFLOW_EXPERIMENT_ID"):
            mlflow.set_experiment(_PROJECT)
        run = mlflow.start_run(run_id=known) if known else mlflow.start_run(run_name=self.folder.name)
        if not known:
            # MLflow refuses other values for the parameters of a record that continues, and values beyond 500 letters.
            mlflow.log_params({key: str(value)[:500] for key, value in _flat(self.settings).items()})
        return str(run.info.run_id)

    def log(self, values: dict[str, float], epoch: int, samples: Path | None) -> None:
        import mlflow

        mlflow.log_metrics(values, step=epoch)
        if samples:
            mlflow.log_artifact(str(samples), "samples")

    def close(self, finished: bool) -> None:
        import mlflow

        mlflow.end_run("FINISHED" if finished else "FAILED")


LOGGERS: dict[str, type[Logger]] = {"mlflow": MlflowLogger, "wandb": WandbLogger}


def _known_ids(folder: Path) -> dict[str, str]:
    """{name: id} of the records of a run; empty if the file is missing or damaged."""
    try:
        found = json.loads((folder / _IDS).read_text(encoding="utf-8"))
        return {name: value for name, value in found.items() if name in LOGGERS and isinstance(value, str)}
    except (OSError, ValueError, AttributeError):
        return {}


def _flat(settings: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """{"section.key": value} of nested dictionaries."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            found.update(_flat(value, f"{before}{key}."))
        elif value not in (None, "", []):
            found[f"{before}{key}"] = value
    return found
