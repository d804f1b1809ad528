"""A network in two, for what is the same with several values of one input."""

import keras


def split_at(network, place):
    """Two functional models of a network's own layers: from its inputs but one to a tensor or a list of them, and from
    these and that input, in one list, to what the network gives.

    Args:
        network: functional Keras model of two or more inputs.
        place: which input comes late.

    Example:
        early, late = split_at(discriminator, 1)
        seen = keras.tree.flatten(early(pictures))
        right, wrong = (late([*seen, text]) for text in (own, others))
    """
    late_input = network.inputs[place]
    early_inputs = [tensor for tensor in network.inputs if tensor is not late_input]
    known_late, between = {id(late_input)}, {}
    for depth in sorted(network._nodes_by_depth, reverse=True):
        for node in network._nodes_by_depth[depth]:
            if any(id(tensor) in known_late for tensor in node.input_tensors):
                known_late.update(id(tensor) for tensor in node.outputs)
                between.update((id(tensor), tensor) for tensor in node.input_tensors if id(tensor) not in known_late)
    between = list(between.values())
    # A lone input as itself: a functional model of one takes no list.
    one = early_inputs[0] if len(early_inputs) == 1 else early_inputs
    return keras.Model(one, between), keras.Model([*between, late_input], network.output)
