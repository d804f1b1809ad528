"""Callbacks of a run. Each is a Keras callback that also works with `fit`."""

from ganzoo.training.callbacks.checkpoints import Checkpoints
from ganzoo.training.callbacks.curves import Curves
from ganzoo.training.callbacks.guard import Guard, TrainingStopped
from ganzoo.training.callbacks.progress import Progress
from ganzoo.training.callbacks.quality import Quality
from ganzoo.training.callbacks.record import Record
from ganzoo.training.callbacks.samples import Samples

__all__ = ["Checkpoints", "Curves", "Guard", "Progress", "Quality", "Record", "Samples", "TrainingStopped"]
