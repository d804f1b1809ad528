"""Training on several devices or machines: `tf.distribute` strategies by name."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ganzoo import backend
from ganzoo.errors import GanzooError, first_line, unknown
from ganzoo.precision import fastest
from ganzoo.training import cluster, meeting
from ganzoo.training.agreement import Agreement


@dataclass(frozen=True)
class Placement:
    """Where a run trains.

    Attributes:
        strategy: a `tf.distribute.Strategy`; models are made and compiled within its scope. On other backends, a
            stand-in for the single device.
        words: description of what was chosen and why.
        chief: whether this process writes the run's files; exactly one of several workers does.
    """

    strategy: Any
    words: str
    chief: bool = True

    @property
    def replicas(self) -> int:
        """Number of replicas that share each batch."""
        return self.strategy.num_replicas_in_sync

    @property
    def several_workers(self) -> bool:
        """Whether several processes train together."""
        if isinstance(self.strategy, _OneDevice):
            return False
        import tensorflow as tf

        return isinstance(self.strategy, tf.distribute.MultiWorkerMirroredStrategy)

    @property
    def fastest_precision(self) -> str:
        """The precision that `training.precision: auto` stands for here."""
        # TPUs are made for bfloat16; `fastest` would measure the host's CPU.
        if "TPU" in type(self.strategy).__name__:
            return "mixed_bfloat16"
        # The same on all workers: float32 if it is faster on any of them.
        return "float32" if Agreement(self).any(fastest() == "float32") else "mixed_bfloat16"


def placement(name: str = "auto") -> Placement:
    """Returns the `Placement` for a strategy's name.

    Args:
        name: "one" for one device; "mirrored" for all GPUs of this machine (without GPUs, all of TensorFlow's CPU
            devices); "multiworker" for the machines given by TF_CONFIG or SLURM's variables; "tpu"; "auto" uses what is
            available, preferably the strategy of an enclosing `with strategy.scope():`.

    Raises:
        GanzooError: an unknown name, missing devices or settings, or another worker that did not respond within
            GANZOO_WORKERS_TIMEOUT seconds (default 300).

    Example:
        from ganzoo.training.distribute import placement

        place = placement("one")
        with place.strategy.scope():
            model = ganzoo.create("dcgan", image_shape=(28, 28, 1), width=8)
            model.compile()
    """
    if name not in _STRATEGIES:
        raise unknown("strategy", name, STRATEGIES)
    if not backend.IS_TENSORFLOW:
        if name not in ("auto", "one"):
            backend.require_tensorflow(f"strategy {name}")
        return Placement(_OneDevice(), f"one device, {backend.device()} (KERAS_BACKEND={backend.NAME})")
    import tensorflow as tf

    if tf.distribute.has_strategy():
        if name != "auto":
            raise GanzooError(f"a strategy's scope encloses this call already: leave strategy='{name}' out")
        strategy = tf.distribute.get_strategy()
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) and strategy.cluster_resolver is not None:
            cluster.check_trains(strategy.cluster_resolver.task_type)
        return Placement(strategy, f"{type(strategy).__name__}, whose scope encloses the call", _is_chief(strategy))
    return _STRATEGIES[name]()


class _OneDevice:
    """The part of a `tf.distribute.Strategy` that is needed for one device."""

    num_replicas_in_sync = 1

    def scope(self) -> contextlib.AbstractContextManager:
        return contextlib.nullcontext()


@contextlib.contextmanager
def workers_needed(place: Placement) -> Iterator[None]:
    """A context that replaces TensorFlow's error about a lost worker by a one-line `GanzooError`."""
    if not place.several_workers:
        yield
        return
    import tensorflow as tf

    try:
        yield
    except (tf.errors.OpError, RuntimeError) as error:
        lines = [line for line in str(error).splitlines() if "Collective ops is aborted by" in line]
        gone = isinstance(error, (tf.errors.UnavailableError, tf.errors.AbortedError)) or lines
        if not gone:
            raise
        why = (lines or [type(error).__name__])[0].split("aborted by:")[-1].strip()
        raise GanzooError(
            f"another worker is gone ({why}): restart all of them with --resume to continue from the last checkpoint"
        ) from None


def _auto() -> Placement:
    import tensorflow as tf

    if cluster.named_workers() > 1:
        return _multiworker("TF_CONFIG names several workers")
    if cluster.slurm_tasks() > 1:
        return _multiworker("SLURM runs several tasks")
    if os.environ.get("TPU_NAME"):
        return _tpu("TPU_NAME is set")
    gpus = tf.config.list_logical_devices("GPU")
    if len(gpus) > 1:
        return _mirrored(f"there are {len(gpus)} GPUs")
    return _one("there is one GPU" if gpus else "there is no GPU")


def _one(reason: str = "as requested") -> Placement:
    import tensorflow as tf

    return Placement(tf.distribute.get_strategy(), f"one device, {backend.device()} ({reason})")


def _mirrored(reason: str = "as requested") -> Placement:
    import tensorflow as tf

    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    names = [f"{device.device_type}:{i}" for i, device in enumerate(devices)]
    strategy = tf.distribute.MirroredStrategy(names)
    return Placement(strategy, f"mirrored over {', '.join(names)} ({reason})")


def _multiworker(reason: str = "as requested") -> Placement:
    import tensorflow as tf

    if not cluster.named_workers() and not cluster.slurm_tasks():
        raise GanzooError(
            f"strategy multiworker needs TF_CONFIG, or a SLURM step (srun): TF_CONFIG='{cluster.EXAMPLE}'"
        )
    try:
        resolver = cluster.resolver()
        tasks = resolver.cluster_spec().as_dict()
        seconds = meeting.timeout()
        meeting.meet(tasks, resolver.task_type, resolver.task_id, seconds)
        with meeting.limited(seconds):
            strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
    except GanzooError:
        raise
    except (RuntimeError, ValueError, OSError, KeyError, tf.errors.OpError) as error:
        raise GanzooError(f"the workers cannot connect: {first_line(error)}") from None
    task = f"{resolver.task_type} {resolver.task_id} of {cluster.workers(tasks)}"
    description = f"{task}, {strategy.num_replicas_in_sync} devices in all"
    return Placement(strategy, f"{description} ({reason})", _is_chief(strategy))


def _tpu(reason: str = "as requested") -> Placement:
    import tensorflow as tf

    name = os.environ.get("TPU_NAME", "")
    found = f"strategy tpu finds no TPU (TPU_NAME={name or 'not set'})"
    if "://" in name and (problem := meeting.unreachable(name.partition("://")[2], seconds=10)):
        raise GanzooError(f"{found}: {problem}")
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    # The clients of cloud services raise many types of errors.
    except Exception as error:
        raise GanzooError(f"{found}: {first_line(error)}") from None
    strategy = tf.distribute.TPUStrategy(resolver)
    return Placement(strategy, f"TPU with {strategy.num_replicas_in_sync} cores ({reason})")


_STRATEGIES = {"auto": _auto, "one": _one, "mirrored": _mirrored, "multiworker": _multiworker, "tpu": _tpu}
STRATEGIES = tuple(_STRATEGIES)


def _is_chief(strategy: Any) -> bool:
    import tensorflow as tf

    resolver = strategy.cluster_resolver
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) or resolver is None:
        return True
    kinds = resolver.cluster_spec().as_dict()
    return resolver.task_type in (None, "chief") or (
        "chief" not in kinds and (resolver.task_type, resolver.task_id) == ("worker", 0)
    )
