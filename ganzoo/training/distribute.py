"""Training on several devices or machines: `tf.distribute` strategies by name."""

import contextlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ganzoo import backend
from ganzoo.errors import GanzooError, first_line, unknown
from ganzoo.precision import fastest
from ganzoo.training import meeting


@dataclass(frozen=True)
class Placement:
    """Where a run trains.

    Attributes:
        strategy: a `tf.distribute.Strategy`; models are made and compiled within its scope. On other back ends, a
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
            _check_trains(strategy.cluster_resolver.task_type)
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
    if not of_several_workers(place):
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


def of_several_workers(place: Placement) -> bool:
    """Whether several processes train together."""
    if isinstance(place.strategy, _OneDevice):
        return False
    import tensorflow as tf

    return isinstance(place.strategy, tf.distribute.MultiWorkerMirroredStrategy)


class Agreement:
    """Lets several workers agree on when to stop: unless all leave the training after the same step, the others wait
    forever.

    The workers communicate about once per second, after a number of steps that they determine together, and after each
    epoch.

    Args:
        place: the `Placement`.
    """

    def __init__(self, place: Placement):
        self._strategy: Any = place.strategy if of_several_workers(place) else None
        self._agreed = False
        self._total: Callable | None = None
        self._began, self._steps, self._next = time.monotonic(), 0, 1

    def after_step(self, asked: bool) -> bool:
        """Whether all workers stop now.

        Args:
            asked: whether this process was asked to stop.
        """
        if self._strategy is None or self._agreed:
            return self.reached(asked)
        self._steps += 1
        if self._steps >= self._next:
            self._ask(asked)
        return self._agreed

    def after_epoch(self, asked: bool) -> bool:
        """Whether all workers stop now. Always communicates, since the end of an epoch may take long."""
        return self.any(asked)

    def any(self, asked: bool) -> bool:
        """Whether any worker was asked to stop; all of them must call this."""
        if self._strategy is None or self._agreed:
            return self.reached(asked)
        self._ask(asked)
        return self._agreed

    def count(self, value: Any) -> tuple[int, int]:
        """(number of workers with a true value, number of workers); all of them must call this."""
        if self._strategy is None:
            return int(bool(value)), 1
        total, yes = self._summed([1.0, float(bool(value))])
        return round(float(yes)), round(float(total))

    def reached(self, asked: bool) -> bool:
        """Whether to stop, as far as known without communication."""
        return self._agreed if self._strategy is not None else asked

    def _ask(self, asked: bool) -> None:
        seconds = (time.monotonic() - self._began) / max(1, self._steps)
        # The sums are equal on all workers, so all communicate again after the same step.
        count, asking, seconds = self._summed([1.0, float(asked), seconds])
        self._agreed = asking > 0
        self._began, self._steps = time.monotonic(), 0
        self._next = int(min(1000, max(1, count / max(seconds, 1e-6))))

    def _summed(self, values: list[float]) -> Any:
        import tensorflow as tf

        def total(values):
            # A copy on this device, since the argument has none.
            return tf.distribute.get_replica_context().all_reduce("sum", tf.identity(values))

        if self._total is None:
            self._total = tf.function(lambda values: self._strategy.run(total, args=(values,)))
        sums = self._total(tf.constant(values, "float32"))
        return self._strategy.experimental_local_results(sums)[0].numpy()


def _auto() -> Placement:
    import tensorflow as tf

    if _workers(_tf_config().get("cluster", {})) > 1:
        return _multiworker("TF_CONFIG names several workers")
    if os.environ.get("SLURM_STEP_NUM_TASKS", "1") != "1":
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

    if not _tf_config() and not os.environ.get("SLURM_STEP_NUM_TASKS"):
        raise GanzooError(
            f"strategy multiworker needs TF_CONFIG, or a SLURM step (srun): TF_CONFIG='{_TF_CONFIG_EXAMPLE}'"
        )
    try:
        resolver = _resolver()
        tasks = resolver.cluster_spec().as_dict()
        seconds = meeting.timeout()
        meeting.meet(tasks, resolver.task_type, resolver.task_id, seconds)
        with meeting.limited(seconds):
            strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
    except GanzooError:
        raise
    except (RuntimeError, ValueError, OSError, KeyError, tf.errors.OpError) as error:
        raise GanzooError(f"the workers cannot connect: {first_line(error)}") from None
    description = (
        f"{resolver.task_type} {resolver.task_id} of {_workers(tasks)}, {strategy.num_replicas_in_sync} devices in all"
    )
    return Placement(strategy, f"{description} ({reason})", _is_chief(strategy))


def _resolver():
    import tensorflow as tf

    if _tf_config():
        return tf.distribute.cluster_resolver.TFConfigClusterResolver()
    _check_slurm()
    # Only the addresses come from SLURM's variables: for GPUs, TensorFlow would call nvidia-smi, which may be missing,
    # and count those of the whole node. A task has the GPUs visible to it, as with `srun --gpus-per-task`.
    slurm = tf.distribute.cluster_resolver.SlurmClusterResolver(
        gpus_per_node=10_000, gpus_per_task=1, auto_set_gpu=False
    )
    cluster = slurm.cluster_spec()
    kind, number = slurm.get_task_info()
    gpus = len(tf.config.list_physical_devices("GPU"))
    return tf.distribute.cluster_resolver.SimpleClusterResolver(
        cluster, task_type=kind, task_id=number, num_accelerators={"GPU": gpus}, rpc_layer="grpc"
    )


def _check_slurm() -> None:
    """Checks SLURM's variables before they are expanded.

    Raises:
        GanzooError: more than 10,000 tasks or nodes, or a host name that is too long.
    """
    nodes, per_node, tasks = (
        os.environ.get(f"SLURM_{name}", "") for name in ("STEP_NODELIST", "STEP_TASKS_PER_NODE", "STEP_NUM_TASKS")
    )
    if max(map(len, re.split(r"[][,]", nodes))) > _LONGEST_HOST:
        raise GanzooError(f"SLURM_STEP_NODELIST={nodes[:40]}... has a name of more than {_LONGEST_HOST} characters")
    ranges = [pair for part in re.findall(r"\[([^]]*)", nodes) for pair in re.findall(r"(\d+)-(\d+)", part)]
    for name, value, counts in (
        ("STEP_NODELIST", nodes, [max(0, int(last) - int(first) + 1) for first, last in ranges]),
        ("STEP_TASKS_PER_NODE", per_node, map(_limited, re.findall(r"\(x(\d+)\)", per_node))),
        ("STEP_NUM_TASKS", tasks, map(_limited, re.findall(r"\d+", tasks))),
    ):
        if sum(counts) > _MOST_TASKS:
            raise GanzooError(f"SLURM_{name}={value[:60]} stands for more than {_MOST_TASKS} tasks or nodes")


def _limited(digits: str) -> int:
    """The number; one that is too large if it has more than 9 digits, since Python refuses to convert thousands."""
    return int(digits) if len(digits) < 10 else _MOST_TASKS + 1


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


# Types of tasks that train.
_TRAINING_KINDS = ("chief", "worker")
# Upper bounds on the number of SLURM tasks, and on the length of a host name.
_MOST_TASKS, _LONGEST_HOST = 10_000, 253
_TF_CONFIG_EXAMPLE = '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'


def _tf_config() -> dict[str, Any]:
    """TF_CONFIG as a dictionary; empty if not set.

    Raises:
        GanzooError: invalid JSON, addresses that are not "host:port", or a task that is not in the cluster.
    """
    try:
        found = json.loads(os.environ.get("TF_CONFIG") or "{}")
        if problem := _problem_of_tf_config(found):
            raise GanzooError(f"{problem}; it looks like {_TF_CONFIG_EXAMPLE}")
    except GanzooError as error:
        raise GanzooError(f"TF_CONFIG is not the JSON that TensorFlow expects: {error}") from None
    except (ValueError, RecursionError) as error:
        raise GanzooError(f"TF_CONFIG is not the JSON that TensorFlow expects: {first_line(error)}") from None
    if any(found.get("cluster", {}).values()) and found.get("task"):
        _check_trains(found["task"].get("type"))
    return found


def _check_trains(kind: str | None) -> None:
    """Checks that tasks of this type train: another one would write a run of its own.

    Raises:
        GanzooError: an evaluator, a parameter server or another type of task.
    """
    if kind not in (None, *_TRAINING_KINDS):
        raise GanzooError(
            f"TF_CONFIG makes this process the cluster's {kind}, which takes no part in the training: start chief and "
            "worker tasks only"
        )


def _workers(tasks: dict[str, Sequence[str]]) -> int:
    """Number of tasks of a cluster, {type: list of addresses}, that train."""
    return sum(len(tasks.get(kind, ())) for kind in _TRAINING_KINDS)


def _problem_of_tf_config(found: Any) -> str | None:
    """What is wrong with the value of TF_CONFIG, or None."""
    if not isinstance(found, dict):
        return "it is not an object"
    cluster = found.get("cluster", {})
    if not isinstance(cluster, dict) or not all(isinstance(tasks, list) for tasks in cluster.values()):
        return '"cluster" must map each type of task to a list of addresses'
    for kind, addresses in cluster.items():
        for address in addresses:
            if not isinstance(address, str) or meeting.host_and_port(address) is None:
                return f'the {kind} address {json.dumps(address)} is not "host:port"'
    all_addresses = [address for addresses in cluster.values() for address in addresses]
    if len(set(all_addresses)) < len(all_addresses):
        return f"two tasks have the same address: {', '.join(all_addresses)}"
    if not all_addresses:
        return None
    task = found.get("task")
    if not isinstance(task, dict):
        # Optional for a single task.
        alone = task is None and len(all_addresses) == 1
        return None if alone else '"task" must say which task of the cluster this process is'
    kind, index = task.get("type"), task.get("index")
    # TensorFlow accepts a number in quotes.
    index = int(index) if isinstance(index, str) and index.isascii() and index.isdigit() else index
    if not isinstance(kind, str) or kind not in cluster:
        return f"the task's type {json.dumps(kind)} is not one of the cluster's: {', '.join(cluster)}"
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(cluster[kind]):
        return f"the task's index {json.dumps(index)} is not one of the cluster's {len(cluster[kind])} {kind} tasks"
    return None


def _is_chief(strategy: Any) -> bool:
    import tensorflow as tf

    resolver = strategy.cluster_resolver
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) or resolver is None:
        return True
    kinds = resolver.cluster_spec().as_dict()
    return resolver.task_type in (None, "chief") or (
        "chief" not in kinds and (resolver.task_type, resolver.task_id) == ("worker", 0)
    )
