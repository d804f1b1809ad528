"""What a training step computes on processors, and what its time goes to, as a line of JSON; see the section limits of
suite.py.

    python limits.py work MODEL
    python limits.py time MODEL CONTENDER

work: billions of operations (GFLOP) of the matrix products and convolutions of a step and of their gradients, counted
by PyTorch while it runs the plain step. A multiplication and an addition are two operations.
time: the kinds of operations of TensorFlow, and which share of the time of all of them each kind takes, from a profile.
"""

import collections
import json
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
from contenders import compiled_model, step_loop

# Kinds of operations by their names in TensorFlow, the first that matches; "other" are elementwise functions and sums.
_KINDS = (
    ("products", "Conv|MatMul|Einsum"),
    ("normalization", "BatchNorm"),
    ("optimizer", "Apply|Assign"),
    (
        "copies",
        "Transpose|Reshape|Cast|Concat|Slice|Split|Pad|Pack|Tile|Copy|Identity|SpaceToBatch|BatchToSpace|ToTf|Gather",
    ),
    ("random numbers", "Random"),
)
KINDS = (*(kind for kind, _ in _KINDS), "other")
# What calls other operations, whose time is already counted, or waits.
_CALLS = "PartitionedCall|^While$|^If$|^StatelessWhile$|^StatelessIf$|IteratorGetNext|Dataset|PyFunc"


def work(name: str) -> float:
    """GFLOP of a training step of a model, at the sizes of the benchmark."""
    from plain import step_of
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import flop_registry

    class Counter(TorchDispatchMode):
        # Not PyTorch's `FlopCounterMode`: its hooks of modules refuse second derivatives.
        total = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            if count := flop_registry.get(function._overloadpacket):
                self.total += count(*args, **(kwargs or {}), out_val=result)
            return result

    step = step_of(*compiled_model(name))
    # The first step may also compute what later ones keep.
    step()
    with Counter() as counter:
        step()
    return counter.total / 1e9


def time(name: str, contender: str, steps: int = 5) -> dict[str, float]:
    """{kind: share of the time of all operations} of a training step."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    loop = step_loop(name, contender)
    loop(2)
    space = xplane_pb2.XSpace()
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        loop(steps)
        tf.profiler.experimental.stop()
        (file,) = Path(folder).rglob("*.xplane.pb")
        space.ParseFromString(file.read_bytes())
    taken: dict[str, float] = collections.Counter()
    for plane in space.planes:
        names = {key: value.name for key, value in plane.event_metadata.items()}
        for event in (event for line in plane.lines for event in line.events):
            # Events of operations are called "path/of/the/operation:Kind"; spans of the runtime have other names.
            found = re.fullmatch(r"[^:]+:(\w+)", names[event.metadata_id])
            if found and not re.search(_CALLS, found[1]):
                taken[kind_of(found[1])] += event.duration_ps
    if not taken:
        raise SystemExit("the profile of this version of TensorFlow names no operations")
    return {kind: taken[kind] / sum(taken.values()) for kind in KINDS}


def kind_of(operation: str) -> str:
    return next((kind for kind, pattern in _KINDS if re.search(pattern, operation)), KINDS[-1])


def product_loop(contender: str):
    """A product of two large square matrices in TensorFlow, as often as asked."""
    import tensorflow as tf

    kind = tf.bfloat16 if contender.endswith("bfloat16") else tf.float32
    rng = np.random.default_rng(0)
    one, other = (tf.constant(rng.standard_normal((_SIZE, _SIZE)), kind) for _ in range(2))

    def loop(repeats):
        for _ in range(repeats):
            # Waits for the result.
            float(tf.matmul(one, other)[0, 0])

    return loop


_SIZE = 2048
PRODUCT_GFLOP = 2 * _SIZE**3 / 1e9


if __name__ == "__main__":
    print(json.dumps({"work": work, "time": time}[sys.argv[1]](*sys.argv[2:])))
