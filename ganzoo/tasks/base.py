"""What a model is for, apart from how it learns.

A task is a mixin without a line of training. It says in one place which data function feeds its models, what they do
once trained, how a run previews and measures them, how they are evaluated, and which page and command they have.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ganzoo.errors import GanzooError
from ganzoo.metrics.registry import Metric


@dataclass(frozen=True)
class ValidationMetrics:
    """What a run measures after an epoch, and which of it decides on the best checkpoint.

    Attributes:
        compute: function from a model to {name: number}.
        monitor: name of the metric that decides.
        description: of the protocol, for people.
        higher_is_better: of that metric.
    """

    compute: Callable
    monitor: str
    description: str
    higher_is_better: bool = False

    @classmethod
    def of(cls, metric: Metric, compute: Callable, where: str) -> "ValidationMetrics":
        """What a registered metric monitors; `where` says over what, for the description."""
        if metric.values:
            raise GanzooError(
                f"evaluation.monitor: '{metric.name}' gives several numbers ({', '.join(metric.values)}), and a run "
                "chooses its best checkpoint by one"
            )
        extreme = "highest" if metric.higher_is_better else "lowest"
        return cls(compute, metric.name, f"{extreme} {metric.name} {where}", metric.higher_is_better)

    def best(self, values):
        """The best of several values of the metric."""
        return (max if self.higher_is_better else min)(values)


class Task:
    """The base of all tasks, and what holds for a model that has none.

    Attributes:
        data: the function of `ganzoo.data` that feeds the model in a run, or one of your own made by
            `ganzoo.data.data_function`; None where there is none.
        evaluation: module, or name of one, with `evaluate(model, data, ...)` and `baseline(model, data)`.
        page: module, or name of one, with `page(model)`: the models' web page.
        purpose: what the model does, in words that follow its name, e.g. "generates images".
        usage: the command line that has it do so, with {name} for the model's.
        commands: the commands of `ganzoo` that take such models.
        sources: (name of the module whose `_SCHEMES` open the data, what its errors call these after "source").

    The last four are literals: the command line reads them from the source, before it imports Keras.

    Example:
        class Denoising(ganzoo.tasks.Task):
            data = my_denoising_data

            def denoise(self, images):
                return self.inference_network(images)

            def preview(self, feed, count):
                return to_uint8(self.denoise(feed.validation[:count]))
    """

    data: Any = None
    evaluation: Any = None
    page: Any = None
    purpose: str = ""
    usage: str = ""
    commands: tuple = ()
    sources: tuple = ()
    # Whether all examples of training have one shape, the same for every data set.
    has_fixed_shapes = False

    def data_arguments(self):
        """{name: value} of the data function's arguments that follow from the model."""
        return {}

    def check_data(self, data, targets=None):
        """Refuses what `fit` cannot learn from, its `x` and `y`, before the middle of a network does.

        Raises:
            GanzooError: says what to give instead.
        """
        if data is None or isinstance(data, (str, bytes)):
            name = getattr(self.data, "__name__", "images")
            raise GanzooError(f"fit() takes a data set or arrays, e.g. of ganzoo.data.{name}(...), got {data!r}")

    def preview(self, feed, count):
        """Images that show how far the training is, uint8 (up to count, height, width, channels).

        Args:
            feed: the `ganzoo.data.feed.Feed` of the training data; the same examples each time.
            count: of images, at the most.

        Returns:
            The images, or None where there is nothing to show.
        """
        return None

    def validation_metrics(self, feed, evaluation):
        """How a run measures the model after an epoch.

        Args:
            feed: the `Feed` of the training data; None to learn only what the metrics are called.
            evaluation: the section `evaluation` of a config.

        Returns:
            `ValidationMetrics`, or None to measure nothing.

        Raises:
            GanzooError: settings that do not fit the model.
        """
        return None

    def collapsed(self):
        """Whether everything the model generates has become alike; for models that could."""
        return False
