"""The metrics of every epoch, for people (metrics.jsonl) and for TensorBoard."""

import contextlib
import json
import time
import warnings
from pathlib import Path

import keras

from ganzoo.errors import GanzooError, first_line
from ganzoo.files import write_atomically


class Record(keras.callbacks.Callback):
    """Appends one line per epoch to a JSON-lines file and writes TensorBoard events.

    Lines of steps the model has not taken (a run killed after its last checkpoint) are dropped first.

    Args:
        path: of the JSON-lines file.
        events: folder for TensorBoard, or None.
        images_per_step: to report images per second.
        feed: of the training, for models that preview its examples.
    """

    def __init__(self, path, events=None, images_per_step=None, feed=None):
        super().__init__()
        self.path = Path(path)
        self.events = events
        self.images_per_step = images_per_step
        self.feed = feed
        self.lines = []
        self._writer = None

    def on_train_begin(self, logs=None):
        self.lines = [line for line in read_records(self.path) if line["step"] <= self.model.steps]
        write_atomically(self.path, "".join(json.dumps(line) + "\n" for line in self.lines).encode())
        self._before = self.lines[-1] if self.lines else {}
        # Processor time over all cores says what a run costs even on a machine that is busy otherwise.
        self._began, self._cpu_began = time.monotonic(), time.process_time()
        if self.events is not None and self._writer is None:
            self._writer = self._opened()

    def _opened(self):
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

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch_began, self._epoch_step = time.monotonic(), self.model.steps
        self._in_steps = 0.0

    def on_train_batch_begin(self, batch, logs=None):
        self._batch_began = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        self._in_steps += time.monotonic() - self._batch_began

    def on_epoch_end(self, epoch, logs=None):
        step = self.model.steps
        if self.lines and self.lines[-1]["step"] == step:
            return
        line = {"epoch": epoch + 1, "step": step}
        line["seconds"] = round(self._before.get("seconds", 0) + time.monotonic() - self._began, 2)
        line["cpu_seconds"] = round(self._before.get("cpu_seconds", 0) + time.process_time() - self._cpu_began, 2)
        if self.images_per_step and self._in_steps:
            line["images_per_second"] = round((step - self._epoch_step) * self.images_per_step / self._in_steps, 1)
        line.update({name: float(value) for name, value in (logs or {}).items()})
        self.lines.append(line)
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self._writer is not None:
            self._write_events(line, step)

    def _write_events(self, line, step):
        import tensorflow as tf

        try:
            with self._writer.as_default(step=step):
                for name, value in line.items():
                    tf.summary.scalar(name, value)
                images = self.model.preview(self.feed, 16)
                if images is not None:
                    tf.summary.image("samples", images, max_outputs=16)
            self._writer.flush()
        except (OSError, tf.errors.OpError) as error:  # a full disk: the run matters more than its curves
            warnings.warn(f"no more TensorBoard events are written: {first_line(error)}", stacklevel=2)
            self._writer = None


def read_records(path):
    """The lines of a metrics file as dictionaries; what is no such line, torn by a kill for one, is left out.

    Raises:
        GanzooError: something else than a file.
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


def _is_record(record):
    return type(record.get("step")) is int and all(type(value) in (int, float) for value in record.values())
