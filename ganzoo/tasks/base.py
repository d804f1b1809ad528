"""The base class of tasks: what a model is for, apart from how it learns.

A task is a mixin without training code. It defines in one place the data function of its models, their inference
methods, the previews and validation metrics of a run, their evaluation, their web page and their commands.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.metrics.registry import Metric

if TYPE_CHECKING:
    from ganzoo.config import Evaluation
    from ganzoo.data.feed import Feed


@dataclass(frozen=True)
class ValidationMetrics:
    """The metrics a run computes after an epoch, and the one that selects the best checkpoint.

    Attributes:
        compute: function from a model to {name: number}.
        monitor: name of the metric that selects the best checkpoint.
        description: the selection criterion in words, e.g. "highest psnr_y over 12 photos".
        higher_is_better: whether the best value of that metric is the highest.
    """

    compute: Callable[[Any], dict[str, float]]
    monitor: str
    description: str
    higher_is_better: bool = False

    @classmethod
    def of(cls, metric: Metric, compute: Callable[[Any], dict[str, float]], where: str) -> "ValidationMetrics":
        """Validation metrics that monitor a registered metric; `where` ends the description."""
        if metric.values:
            raise GanzooError(
                f"evaluation.monitor: '{metric.name}' gives several numbers ({', '.join(metric.values)}), but the "
                "best checkpoint is selected by a single one"
            )
        extreme = "highest" if metric.higher_is_better else "lowest"
        return cls(compute, metric.name, f"{extreme} {metric.name} {where}", metric.higher_is_better)

    def best(self, values: Iterable[float]) -> float:
        """The best of several values of the monitored metric."""
        return (max if self.higher_is_better else min)(values)


@dataclass(frozen=True)
class Endpoint:
    """A function that a SavedModel of the model offers beside the inference network, under a name of its own.

    Attributes:
        compute: function of tensors, in the order of `inputs`, to a tensor; it runs inside a graph.
        inputs: {name: (shape, dtype)}; None in a shape is any size.
        output: name of the output.
        examples: function from a count to arrays for the inputs, with which the endpoint is checked.
        variables: Keras variables that `compute` uses and the inference network does not.
    """

    compute: Callable[..., Any]
    inputs: Mapping[str, tuple[tuple[int | None, ...], str]]
    output: str
    examples: Callable[[int], list[np.ndarray]]
    variables: Sequence[Any] = ()


class Task:
    """The base class of all tasks, with the defaults of a model that has no task.

    Attributes:
        data: data function for runs, from `ganzoo.data` or your own (see `ganzoo.data.data_function`); None for none.
        evaluation: module, or name of a module, with `evaluate(model, data, ...)` and `baseline(model, data)`.
        page: module, or name of a module, with `page(model)`, the web page of such models.
        purpose: what the model does, as a predicate, e.g. "generates images".
        usage: command line for inference, with {name} for the model's name.
        commands: commands of `ganzoo` that accept such models.
        sources: (name of the module whose `_SCHEMES` open the data, what error messages append to "source").
        example: a line of Python that uses such a `model`, for model cards.
        pipeline: the task's name on the Hugging Face Hub (`pipeline_tag`), if it has one there.
        chapter: where the web page lists the model: under "families", "training" or "applications".
        equation: what training minimizes with the default settings of `compile`, in LaTeX without dollar signs.
        limits: what such models cannot do, in sentences, for model cards.
        output_name: name of the inference network's output in exported files; it differs from those of the inputs.

    All but `data`, `evaluation`, `page` and `output_name` must be literals: the command line reads them from the source
    code without importing Keras.

    Example:
        class Denoising(ganzoo.tasks.Task):
            purpose = "removes noise from images"

            def denoise(self, images):
                return keras.ops.convert_to_numpy(self.inference_network(images, training=False))

            def preview(self, feed, count):
                return (255 * self.denoise(feed.validation[:count])).clip(0, 255).astype("uint8")
    """

    data: Any = None
    evaluation: Any = None
    page: Any = None
    purpose: str = ""
    usage: str = ""
    commands: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    example: str = ""
    pipeline: str = ""
    chapter: str = "applications"
    equation: str = ""
    limits: str = ""
    output_name: str = "output"
    # Whether all training examples have the same shape, whatever the dataset.
    has_fixed_shapes: bool = False

    def data_arguments(self) -> dict[str, Any]:
        """{name: value} of the data function's arguments that the model determines."""
        return {}

    def check_data(self, data: Any, targets: Any = None) -> None:
        """Checks the `x` and `y` of `fit`, so that errors name the data and not a layer inside the network.

        Raises:
            GanzooError: unusable data; the message says what to pass instead.
        """
        if data is None or isinstance(data, (str, bytes)):
            name = getattr(self.data, "__name__", "images")
            raise GanzooError(f"fit() takes a dataset or arrays, e.g. ganzoo.data.{name}(...), got {data!r}")

    def preview(self, feed: "Feed", count: int) -> np.ndarray | None:
        """Images that show the progress of training.

        Args:
            feed: the `ganzoo.data.feed.Feed` of the training data; use the same examples each time.
            count: maximum number of images.

        Returns:
            uint8 (at most count, height, width, channels), or None if there is nothing to show.
        """
        return None

    def sample_image(self, source: str) -> tuple[np.ndarray, str] | None:
        """An image for the model card that shows what the model does, and its caption.

        Args:
            source: the data that the model is evaluated on, e.g. "avatars:2000".

        Returns:
            (uint8 (height, width, channels), one line of text), or None if there is nothing to show.
        """
        return None

    def validation_metrics(self, feed: "Feed | None", evaluation: "Evaluation") -> ValidationMetrics | None:
        """The metrics a run computes after an epoch.

        Args:
            feed: the `Feed` of the training data; None if only the names of the metrics are needed.
            evaluation: the section `evaluation` of a config.

        Returns:
            `ValidationMetrics`, or None for no validation.

        Raises:
            GanzooError: settings that do not fit the model.
        """
        for name in ("extractor", "judge", "monitor"):
            if getattr(evaluation, name) is not None:
                raise GanzooError(
                    f"evaluation.{name}: {type(self).__name__} has no validation metrics: remove the setting or define "
                    "validation_metrics()"
                )
        return None

    def endpoints(self) -> dict[str, Endpoint]:
        """{name: `Endpoint`} of an exported SavedModel, beside the inference network's own."""
        return {}

    def collapsed(self) -> bool:
        """Whether the model's outputs have all become nearly equal (mode collapse)."""
        return False
