"""Training and evaluation on data in memory, datasets and generators: `fit`, `evaluate`, and one batch at a time."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import keras

from ganzoo import backend
from ganzoo.data.batch_checks import refuse_unreadable, refuse_weights
from ganzoo.data.batches import FirstBatch, as_arrays, with_known_shapes, without_empty_parts
from ganzoo.errors import GanzooError
from ganzoo.training.callbacks.standard import prepared
from ganzoo.training.fit_data import checked_numbers, validation_pair, whole_steps


class Fitting:
    """The part of `ZooModel` that takes data: Keras' methods `fit`, `evaluate` and so on, after checks of the data."""

    # Of the model.
    trackers: Mapping[str, keras.metrics.Metric]
    has_fixed_shapes: bool
    batches_per_step: int
    check_data: Callable[..., None]
    before_training: Callable[[Any, Any], Any]
    complete_networks: Callable[[], None]
    _completion: Any
    _last: str
    _replicas: int
    _settings: Any

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> keras.callbacks.History:
        """Trains the model; as `keras.Model.fit`.

        If an objective is minimized several times in a step, a step takes that many batches, and an epoch has
        correspondingly fewer steps.

        Args:
            x: batches from a `tf.data.Dataset` (see `ganzoo.data`), `keras.utils.PyDataset`, generator or PyTorch
                `DataLoader`: images (batch, height, width, channels), float32 in [-1, 1], or whatever the model's
                `split_batch` takes. Or a NumPy array or tensor of images. All values of an array are checked; of other
                data only the first batch.
            y: if `x` is an array, the second part of each batch, e.g. labels.
            batch_size: images per batch if `x` is an array; 32 by default.
            class_weight, sample_weight: not supported.
            epochs, verbose, callbacks and so on: as in `keras.Model.fit`. Callbacks that set
                `model.optimizer.learning_rate` change the rates of all objectives in proportion. `TerminateOnNaN`
                checks all losses. A callback that monitors a loss, e.g. `EarlyStopping(monitor="val_g_loss")`, treats
                lower as better.

        Returns:
            `keras.callbacks.History` with each epoch's means of the objectives and the reported values.

        Raises:
            GanzooError: data the model cannot learn from (values outside of [-1, 1], another type or shape, labels that
                are not classes, dictionaries), sample weights, or a model that is not compiled.

        Warns:
            UserWarning: all values of the images lie in [0, 1].

        Example:
            model = ganzoo.load("dcgan.digits")
            images = np.random.default_rng(0).uniform(-1, 1, (16, 32, 32, 1)).astype("float32")
            history = model.fit(images, batch_size=8, verbose=0)
            history.history["g_loss"]  # one value per epoch
        """
        self._refuse_uncompiled("fit")
        refuse_weights(sample_weight=sample_weight, class_weight=class_weight)
        numbers = checked_numbers(
            "fit()",
            batch_size=batch_size,
            epochs=epochs,
            validation_split=validation_split,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
        )
        batch_size = numbers.pop("batch_size")
        options = dict(
            verbose=verbose,
            callbacks=prepared(callbacks, [name for name in self.trackers if "loss" in name]),
            validation_data=validation_data,
            shuffle=shuffle,
            validation_freq=validation_freq,
            **numbers,
        )
        parent: Any = super()
        first = FirstBatch(self.check_batch)
        with first.errors(), warnings.catch_warnings():
            x, y = self._readable(x, y, first)
            if validation_data is not None:
                options["validation_data"] = self._readable(*validation_pair(validation_data), first)
            x, y, batch_size = whole_steps(x, y, batch_size, options, self.batches_per_step, self._replicas)
            x = self.before_training(x, y)
            if not options["steps_per_epoch"]:
                # Keras warns whenever it learns a dataset's length only by reaching its end.
                warnings.filterwarnings("ignore", "Your input ran out of data")
            try:
                history = parent.fit(x, y, batch_size=batch_size, **options)
            finally:
                backend.free_gradients()
        if options["epochs"] > options["initial_epoch"] and not history.history:
            raise GanzooError("the dataset is empty: it gives no batch, and nothing was trained")
        return history

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        sample_weight: Any = None,
        **options: Any,
    ) -> list[float] | dict[str, float]:
        """Computes the objectives and the reported values on data without training; as `keras.Model.evaluate`.

        Args:
            x, y, batch_size: as in `fit`.
            verbose, **options: as in `keras.Model.evaluate`, e.g. `steps`, `return_dict`.
            sample_weight: not supported.

        Returns:
            A list in the order of `model.metrics_names`, or with `return_dict=True` a dictionary.

        Raises:
            GanzooError: as in `fit`.

        Example:
            model = ganzoo.load("dcgan.digits")
            images = np.random.default_rng(0).uniform(-1, 1, (16, 32, 32, 1)).astype("float32")
            losses = model.evaluate(images, return_dict=True, verbose=0)
            losses["d_loss"]
        """
        self._refuse_uncompiled("evaluate")
        refuse_weights(sample_weight=sample_weight)
        batch_size = checked_numbers("evaluate()", batch_size=batch_size)["batch_size"]
        parent: Any = super()
        first = FirstBatch(self.check_batch)
        with first.errors():
            # The validation data of fit() has been checked already.
            if not options.get("_use_cached_eval_dataset"):
                x, y = self._readable(x, y, first)
            results = parent.evaluate(x, y, batch_size=batch_size, verbose=verbose, **options)
        if not backend.local_value(self.trackers[self._last].count):
            raise GanzooError("the dataset is empty: it gives no batch, and nothing was evaluated")
        return results

    def _refuse_uncompiled(self, method):
        if self._completion is not None:
            self.complete_networks()
        if self._settings is None:
            raise GanzooError(f"call model.compile() before model.{method}()")

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Trains on one batch, which is not checked; as `keras.Model.train_on_batch`, without sample weights."""
        self._refuse_uncompiled("train_on_batch")
        refuse_weights(sample_weight=sample_weight, class_weight=class_weight)
        parent: Any = super()
        return parent.train_on_batch(x, y, return_dict=return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The losses of one batch, which is not checked; as `keras.Model.test_on_batch`, without sample weights."""
        self._refuse_uncompiled("test_on_batch")
        refuse_weights(sample_weight=sample_weight)
        parent: Any = super()
        return parent.test_on_batch(x, y, return_dict=return_dict)

    def _readable(self, x, y, first):
        """(x, y) as Keras reads them. Arrays are checked now, other data when `first` sees its first batch."""
        x, y = as_arrays(x, y)
        x = with_known_shapes(without_empty_parts(x), self.has_fixed_shapes)
        self.check_data(x, y)
        refuse_unreadable(x, y)
        if isinstance(x, dict):
            self.check_batch(x)
        return first.watched(x), y

    def check_batch(self, batch: Any) -> None:
        """Raises if `fit` cannot learn from a batch of arrays; `fit` calls it with its first batch."""
        parts = batch if isinstance(batch, (tuple, list)) else (batch,)
        # Third parts and dictionaries are left to the model's own losses.
        if len(parts) < 3 and not isinstance(batch, dict):
            self.check_data(*parts)
