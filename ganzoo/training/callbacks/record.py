"""Records the metrics of every epoch in metrics.jsonl and for TensorBoard."""

import contextlib
import json
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from ganzoo import backend
from ganzoo.errors import GanzooError, first_line
from ganzoo.files import write_atomically
from ganzoo.types import PathLike

if TYPE_CHECKING:
    from ganzoo.data.feed import Feed


_TIMES = ("seconds", "cpu_seconds", "gpu_seconds")


class Record(keras.callbacks.Callback):
    """Appends one line per epoch to a JSON Lines file and writes TensorBoard events.

    Lines of later steps than the model's, left by a run that was killed after its last checkpoint, are removed first.

    Args:
        path: of the JSON Lines file.
        events: folder for TensorBoard events, or None.
        images_per_step: for reporting images per second.
        feed: the training data, for models whose previews use its examples.
        before: what `times` returned when the checkpoint was saved from which training continues.

    Example:
        from ganzoo.training.callbacks import Record

        model = ganzoo.create("gan", image_shape=(8, 8, 1), generator_widths=(16,), discriminator_widths=(8,))
        model.compile()
        model.fit(np.zeros((8, 8, 8, 1), "float32"), batch_size=8, callbacks=[Record("metrics.jsonl")])
    """

    def __init__(
        self,
        path: PathLike,
        events: PathLike | None = None,
        images_per_step: int | None = None,
        feed: "Feed | None" = None,
        before: Mapping[str, float] | None = None,
    ):
        super().__init__()
        self.path = Path(path)
        self.events = events
        self.images_per_step = images_per_step
        self.feed = feed
        self.before = dict(before or {})
        self.lines: list[dict[str, Any]] = []
        self._writer: Any = None
        self._before = dict.fromkeys(_TIMES, 0.0)
        self._began, self._cpu_began = time.monotonic(), time.process_time()

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.lines = [line for line in read_records(self.path) if line["step"] <= self.model.steps]
        write_atomically(self.path, "".join(json.dumps(line) + "\n" for line in self.lines).encode())
        # The checkpoint may be of the middle of an epoch, whose beginning no line has.
        lines = [*self.lines[-1:], self.before]
        self._before = {key: max(line.get(key, 0.0) for line in lines) for key in _TIMES}
        # CPU time over all cores tells the cost of a run even on a busy machine.
        self._began, self._cpu_began = time.monotonic(), time.process_time()
        if self.events is not None and self._writer is None:
            self._writer = self._opened()

    def _opened(self) -> Any:
        try:
            import tensorflow as tf
        except ImportError:
            warnings.warn("no TensorBoard events are written: TensorFlow is not installed", stacklevel=3)
            return None
        try:
            return tf.summary.create_file_writer(str(self.events))
        except (OSError, tf.errors.OpError) as error:
            warnings.warn(f"no TensorBoard events are written: {first_line(error)}", stacklevel=3)
            return None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch_began, self._epoch_step = time.monotonic(), self.model.steps
        self._in_steps = 0.0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._batch_began = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._in_steps += time.monotonic() - self._batch_began

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        step = self.model.steps
        if self.lines and self.lines[-1]["step"] == step:
            return
        line: dict[str, Any] = {"epoch": epoch + 1, "step": step}
        line.update(self.times())
        if self.images_per_step and self._in_steps:
            line["images_per_second"] = round((step - self._epoch_step) * self.images_per_step / self._in_steps, 1)
        line.update({name: float(value) for name, value in (logs or {}).items()})
        self.lines.append(line)
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self._writer is not None:
            self._write_events(line, step)

    def times(self) -> dict[str, float]:
        """The duration of the run so far in seconds, with earlier calls, the processor time, and on an accelerator
        that time."""
        passed = {"seconds": time.monotonic() - self._began, "cpu_seconds": time.process_time() - self._cpu_began}
        on_cpu = backend.device().lower().startswith("cpu")
        if not on_cpu or self._before["gpu_seconds"]:
            passed["gpu_seconds"] = 0.0 if on_cpu else passed["seconds"]
        return {key: round(self._before[key] + value, 2) for key, value in passed.items()}

    def _write_events(self, line: dict[str, Any], step: int) -> None:
        import tensorflow as tf

        try:
            with self._writer.as_default(step=step):
                for name, value in line.items():
                    tf.summary.scalar(name, value)
                images = self.model.preview(self.feed, 16)
                if images is not None:
                    tf.summary.image("samples", images, max_outputs=16)
            self._writer.flush()
        except (OSError, tf.errors.OpError) as error:  # e.g. a full disk: the run goes on
            warnings.warn(f"no more TensorBoard events are written: {first_line(error)}", stacklevel=2)
            self._writer = None


def read_records(path: PathLike) -> list[dict[str, Any]]:
    """Reads the lines of a metrics file as dictionaries; invalid lines, e.g. cut off by a kill, are skipped.

    Raises:
        GanzooError: the file exists but cannot be read.
    """
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise GanzooError(f"cannot read {path}: {error.strerror or error}") from None
    records = []
    for line in text.splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            record = json.loads(line)
            if isinstance(record, dict) and _is_record(record):
                records.append(record)
    return records


def _is_record(record: dict[str, Any]) -> bool:
    return type(record.get("step")) is int and all(type(value) in (int, float) for value in record.values())
