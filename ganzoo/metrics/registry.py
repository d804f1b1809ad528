"""Metrics by the names that presets use.

A metric belongs to a task, which determines the arguments of its function:

- "image_generation": an `ImageSets`, real and generated images with their features;
- "super_resolution": the upscaled image and the original, uint8 (height, width, 3), and the scale;
- "speech_enhancement": clean and enhanced speech, float32 (samples,), and the sample rate;
- "text_to_image": a `CaptionedSets`, real and generated images with their captions.

Values of super-resolution and speech enhancement are averaged over the examples.
"""

import difflib
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganzoo.errors import GanzooError, NotInstalledError, unknown


@dataclass(frozen=True)
class Metric:
    """A registered metric.

    Attributes:
        name: name in presets and for `--metric`.
        task: name of the task it belongs to.
        function: returns a number, or {name: number} if `values` is not empty.
        values: names of the numbers if the function returns several.
        protocol: what the value depends on besides the task's own protocol, e.g. "STOI not extended".
        higher_is_better: whether the best checkpoint is the one with the highest value.
        default: whether it is reported if a preset names no metrics.
        requires: raises GanzooError if the metric cannot be computed; its arguments are what the task knows in
            advance.
    """

    name: str
    task: str
    function: Callable
    values: tuple[str, ...] = ()
    protocol: str = ""
    higher_is_better: bool = False
    default: bool = False
    requires: Callable[..., None] | None = None

    def __call__(self, *arguments: object) -> dict[str, float]:
        """{name: number}; see `register_metric` for the arguments.

        Raises:
            GanzooError: the function returned something other than numbers.
        """
        found = self.function(*arguments)
        values = found if self.values else {self.name: found}
        if not isinstance(values, dict) or {*values} != {*(self.values or (self.name,))}:
            raise GanzooError(
                f"the metric '{self.name}' returned {found!r} instead of {{name: number}} for {self.values}"
            )
        for name, value in values.items():
            if not isinstance(value, (int, float, np.number)) or np.isnan(value):
                raise GanzooError(f"the metric '{self.name}' returned {value!r} for '{name}' instead of a number")
        return {name: value if isinstance(value, int) else float(value) for name, value in values.items()}

    def require(self, *known: object) -> None:
        """Raises GanzooError if the metric cannot be computed; `known` are the arguments of `requires`."""
        if self.requires:
            self.requires(*known)

    def usable(self, *known: object) -> bool:
        """Whether the metric can be computed; `known` are the arguments of `requires`."""
        try:
            self.require(*known)
        except GanzooError:
            return False
        return True


_metrics: dict[tuple[str, str], Metric] = {}
# Names by which other packages know metrics.
_OF_INCEPTION = ", and is measured on the features of `--extractor inception_v3` or of a classifier of the dataset"
_ABBREVIATIONS = {
    "fid": ("frechet_distance", _OF_INCEPTION),
    "kid": ("kernel_distance", _OF_INCEPTION),
    "is": ("inception_score", ""),
    "mcd": ("mel_cepstral_distortion", ""),
}


def register_metric(
    name: str,
    task: str,
    *,
    values: Sequence[str] = (),
    protocol: str = "",
    higher_is_better: bool = False,
    default: bool = False,
    requires: Callable[..., None] | None = None,
) -> Callable[[Callable], Callable]:
    """Decorator of a function that computes a metric; presets then name it under `evaluation.metrics`.

    Args:
        name: of the metric, e.g. "edge_density".
        task: "image_generation", "super_resolution", "speech_enhancement", "text_to_image", or a task of your own;
            it determines the function's arguments, see `ganzoo.metrics.registry`.
        values: names of the numbers, for a function that returns several as a dictionary.
        protocol: what the value depends on; appended to the protocol of a report.
        higher_is_better: for `evaluation.monitor`, the metric that selects the best checkpoint.
        default: report the metric if a preset names no metrics.
        requires: function that raises GanzooError if the metric cannot be computed, e.g. because a package is
            missing. A default metric is then left out; a metric requested by name is an error. Its arguments are what
            the task knows in advance: image generation the extractor, whether there are labels, and the model; text to
            image and speech synthesis the model; speech enhancement and restoration the sample rate; super-resolution
            and image translation the images.

    Returns:
        The decorator, which returns the function unchanged.

    Raises:
        GanzooError: the task already has another metric of this name.

    Example:
        @ganzoo.metrics.register_metric("brightness_gap", "image_generation", protocol="brightness in gray levels")
        def brightness_gap(sets):
            return abs(sets.generated.mean() - sets.real.mean())

        assert "brightness_gap" in ganzoo.metrics.list_metrics("image_generation")
    """

    tasks = {known_task for known_task, _ in _metrics}
    # A task of your own may have any other name.
    if task not in tasks and difflib.get_close_matches(task, tasks, cutoff=0.85):
        raise unknown("task", task, tasks)

    def decorate(function: Callable) -> Callable:
        known = _metrics.get((task, name))
        # A file that is imported again replaces its own functions.
        if known and (known.function.__module__, known.function.__qualname__) != (
            function.__module__,
            function.__qualname__,
        ):
            raise GanzooError(f"there is a metric '{name}' of {task} already, in {known.function.__module__}")
        _metrics[task, name] = Metric(
            name, task, function, tuple(values), protocol, higher_is_better, default, requires
        )
        return function

    return decorate


def list_metrics(task: str) -> list[str]:
    """Names of a task's metrics in the order of registration.

    Example:
        ganzoo.metrics.list_metrics("super_resolution")  # ["psnr_y", "ssim_y", ...]
    """
    return [name for of_task, name in _metrics if of_task == task]


def known_names() -> set[str]:
    """Names of the metrics of all tasks."""
    return {name for _, name in _metrics}


def get_metric(name: str, task: str) -> Metric:
    """A task's metric.

    Raises:
        GanzooError: an unknown name, with the nearest match.

    Example:
        assert ganzoo.metrics.get_metric("psnr_y", "super_resolution").higher_is_better
    """
    if (task, name) not in _metrics:
        error = unknown(f"metric of {task.replace('_', ' ')}", name, list_metrics(task))
        meant, why = _ABBREVIATIONS.get(str(name).lower(), ("", ""))
        if (task, meant) in _metrics:
            raise GanzooError(f"the metric '{name}' is called '{meant}' here{why}")
        raise GanzooError(f"{error} If it is your own, import its file first (ganzoo --import FILE.py ...)")
    return _metrics[task, name]


def chosen_metrics(task: str, names: Iterable[str] | None, *known: object) -> list[Metric]:
    """The metrics to report: those named, or else the task's defaults that can be computed.

    A default that only lacks a package or a weights file is left out with a warning.

    Args:
        task: name of the task.
        names: of metrics; None or an empty list for the defaults.
        *known: arguments for the metrics' `requires`.

    Raises:
        GanzooError: an unknown name, or a named metric that cannot be computed.
    """
    names = [names] if isinstance(names, str) else names
    if names:
        chosen = [get_metric(name, task) for name in dict.fromkeys(names)]
        for metric in chosen:
            metric.require(*known)
        return chosen
    found = [get_metric(name, task) for name in list_metrics(task)]
    chosen = []
    for metric in found:
        if metric.default:
            try:
                metric.require(*known)
            except NotInstalledError as error:
                warnings.warn(f"{metric.name} is left out: {error}", stacklevel=2)
            except GanzooError:
                continue
            else:
                chosen.append(metric)
    return chosen


def check_names(names: Iterable[str]) -> None:
    """Refuses names that no metric of any task has."""
    known = known_names()
    for name in names:
        if name not in known:
            raise unknown("metric", name, known, "evaluation.metrics")


def read_only(array: Any) -> Any:
    """A view of an array that a metric cannot change, since others and the training use it too; other values as is."""
    if not isinstance(array, np.ndarray):
        return array
    view = array.view()
    view.flags.writeable = False
    return view


def compute(metrics: Iterable[Metric], *arguments: object) -> dict[str, float]:
    """{name: number} of several metrics with the same arguments."""
    values: dict[str, float] = {}
    arguments = tuple(map(read_only, arguments))
    for metric in metrics:
        found = metric(*arguments)
        if twice := values.keys() & found.keys():
            raise GanzooError(
                f"the metric '{metric.name}' gives '{min(twice)}', as another metric does: rename its value"
            )
        values.update(found)
    return values


def averages(rows: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each value over several examples; an infinite ratio (equal signals) counts as 100 dB."""
    return {key: float(np.mean(np.nan_to_num([row[key] for row in rows], posinf=100, neginf=-100))) for key in rows[0]}


def rounded(values: dict[str, float]) -> dict[str, float]:
    """The values to five significant digits."""
    return {key: value if isinstance(value, int) else float(f"{value:.5g}") for key, value in values.items()}


def clauses_of(metrics: Iterable[Metric]) -> tuple[str, ...]:
    """The protocols of metrics, each once."""
    return tuple(dict.fromkeys(metric.protocol for metric in metrics if metric.protocol))


def protocols(metrics: Iterable[Metric]) -> str:
    """The protocols of metrics, each once, to append to a sentence: "; STOI not extended; ..."."""
    return "".join(f"; {clause}" for clause in clauses_of(metrics))
