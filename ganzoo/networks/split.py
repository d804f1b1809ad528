"""A network in two, for what is the same with several values of one input."""

import keras


def split_at(network, place):
    """Two functional models of a network's own layers: from its inputs but one to a tensor or a list of them, and from
    these and that input, in one list, to what the network gives. Where nothing can be done early, the first gives its
    inputs.

    Args:
        network: functional Keras model of two or more inputs.
        place: which input comes late.

    Example:
        early, late = split_at(discriminator, 1)
        seen = keras.tree.flatten(early(images))
        right, wrong = (late([*seen, text]) for text in (own, others))
    """
    late_input = network.inputs[place]
    early_inputs = [tensor for tensor in network.inputs if tensor is not late_input]
    # A lone input as itself: a functional model of one takes no list.
    one = early_inputs[0] if len(early_inputs) == 1 else early_inputs
    between = _between(network, late_input) if type(network).call is type(keras.Model(one, one)).call else []
    if not between:
        return keras.Model(one, early_inputs), keras.Model([*early_inputs, late_input], network(network.inputs))
    return keras.Model(one, between), keras.Model([*between, late_input], network.output)


def _between(network, late_input):
    """The tensors that do not depend on an input and go where others do; empty where nothing does."""
    by_depth = network._nodes_by_depth
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth] if not node.is_input]
    late, late_operations, before = {id(late_input)}, set(), 0
    # An operation used twice is cut off as a whole: Keras has no models of one of its uses.
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
