"""Reference batches of virtual batch normalization, taken from the start of the training data."""

from typing import Any

import keras

from ganzoo.data.batches import first_examples
from ganzoo.networks import regularizers


def take_reference_batches(model: Any, x: Any, y: Any) -> Any:
    """Sets the reference batches of all virtual batch normalization layers that have none yet.

    Args:
        model: an `AdversarialModel`.
        x, y: the data given to `fit`.

    Returns:
        The data to train on in place of x, starting with the same example.
    """

    def real_inputs(batch):
        return model.discriminator_inputs(*model.split_batch(batch))

    def generator_inputs(batch):
        real, condition = model.split_batch(batch)
        model.noise.start_step(-1)
        return model.generator_inputs(len(real), condition)

    inputs = dict.fromkeys(model.discriminators, real_inputs) | dict.fromkeys(model.generators, generator_inputs)
    missing = [
        (of_batch, *reference)
        for name, of_batch in inputs.items()
        for reference in regularizers.reference_batches(model.networks[name])
        if not reference[1].is_taken
    ]
    if not missing:
        return x
    batch, x = first_examples(x, y, max(layer.size for _, _, layer in missing))
    for of_batch, place, layer in missing:
        layer.take(keras.tree.flatten(of_batch(batch))[place])
    for name, average in model.averages.items():
        average.set_weights(model.networks[name].get_weights())
    return x
