"""The cluster that TF_CONFIG or SLURM's variables describe."""

import json
import os
import re
from collections.abc import Sequence
from typing import Any

from ganzoo.errors import GanzooError, first_line
from ganzoo.training import meeting

# Types of tasks that train.
_TRAINING_KINDS = ("chief", "worker")
# Upper bounds on the number of SLURM tasks, and on the length of a host name.
_MOST_TASKS, _LONGEST_HOST = 10_000, 253
# A value of TF_CONFIG, for messages.
EXAMPLE = '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'


def tf_config() -> dict[str, Any]:
    """TF_CONFIG as a dictionary; empty if not set.

    Raises:
        GanzooError: invalid JSON, addresses that are not "host:port", or a task that is not in the cluster.
    """
    try:
        found = json.loads(os.environ.get("TF_CONFIG") or "{}")
        if problem := _problem_of_tf_config(found):
            raise GanzooError(f"{problem}; it looks like {EXAMPLE}")
    except GanzooError as error:
        raise GanzooError(f"TF_CONFIG is not the JSON that TensorFlow expects: {error}") from None
    except (ValueError, RecursionError) as error:
        raise GanzooError(f"TF_CONFIG is not the JSON that TensorFlow expects: {first_line(error)}") from None
    if any(found.get("cluster", {}).values()) and found.get("task"):
        check_trains(found["task"].get("type"))
    return found


def check_trains(kind: str | None) -> None:
    """Checks that tasks of this type train: another one would write a run of its own.

    Raises:
        GanzooError: an evaluator, a parameter server or another type of task.
    """
    if kind not in (None, *_TRAINING_KINDS):
        raise GanzooError(
            f"TF_CONFIG makes this process the cluster's {kind}, which takes no part in the training: start chief and "
            "worker tasks only"
        )


def named_workers() -> int:
    """Number of tasks that train in the cluster of TF_CONFIG; 0 if it names no cluster.

    Raises:
        GanzooError: as `tf_config`.
    """
    return workers(tf_config().get("cluster", {}))


def slurm_tasks() -> int:
    """Number of tasks of the SLURM step; 0 outside of one."""
    asked = os.environ.get("SLURM_STEP_NUM_TASKS", "")
    return _limited(asked) if re.fullmatch("[0-9]+", asked) else 0


def workers(tasks: dict[str, Sequence[str]]) -> int:
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


def resolver() -> Any:
    """A cluster resolver for TF_CONFIG if it names several workers, or else for the SLURM step; without one, for
    TF_CONFIG.

    Raises:
        GanzooError: as `tf_config`; or more than 10,000 SLURM tasks or nodes, or a host name that is too long.
    """
    import tensorflow as tf

    if named_workers() > 1 or (slurm_tasks() < 2 and named_workers()):
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
