"""Splits a network in two, to share work between several values of one input."""

import keras

from ganzoo.types import Tensor


def split_at(network: keras.Model, place: int) -> tuple[keras.Model, keras.Model]:
    """Splits a network into two functional models that share its layers.

    The first maps all inputs but one to a tensor or a list of tensors. The second maps these and the remaining input,
    in one list, to the network's output. If nothing can be computed without that input, the first returns its inputs.

    Args:
        network: functional Keras model of two or more inputs.
        place: index of the input that only the second model takes.

    Returns:
        (first model, second model).

    Example:
        from ganzoo.networks.split import split_at

        images, text = keras.Input((8,)), keras.Input((3,))
        both = keras.layers.Concatenate()([keras.layers.Dense(4)(images), text])
        first, second = split_at(keras.Model([images, text], keras.layers.Dense(1)(both)), 1)
        features = keras.tree.flatten(first(keras.ops.ones((2, 8))))
        logits = [second([*features, text]) for text in (keras.ops.zeros((2, 3)), keras.ops.ones((2, 3)))]
    """
    late_input = network.inputs[place]
    early_inputs = [tensor for tensor in network.inputs if tensor is not late_input]
    # A functional model of a single input takes a tensor, not a list.
    one = early_inputs[0] if len(early_inputs) == 1 else early_inputs
    between = _between(network, late_input) if type(network).call is type(keras.Model(one, one)).call else []
    if not between:
        return keras.Model(one, early_inputs), keras.Model([*early_inputs, late_input], network(network.inputs))
    return keras.Model(one, between), keras.Model([*between, late_input], network.output)


def _between(network: keras.Model, late_input: Tensor) -> list[Tensor]:
    """The tensors that do not depend on the late input but feed operations that do; empty if there are none."""
    by_depth = network._nodes_by_depth
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth] if not node.is_input]
    late, late_operations, before = {id(late_input)}, set(), 0
    # An operation that is used twice counts as late as a whole: Keras cannot build a model of one of its uses.
    while len(late) > before:
        before = len(late)
        for node in nodes:
            if id(node.operation) in late_operations or any(id(tensor) in late for tensor in node.input_tensors):
                late_operations.add(id(node.operation))
                late.update(id(tensor) for tensor in node.outputs)
    if not any(id(tensor) in late for tensor in network.outputs):
        return []
    taken = [tensor for node in nodes if id(node.operation) in late_operations for tensor in node.input_tensors]
    return list({id(tensor): tensor for tensor in taken if id(tensor) not in late}.values())
