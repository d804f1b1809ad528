"""Trains text encoders to predict the attributes that captions name, for data where these are known.

Matching captions with images (`ganzoo.text.matching`) teaches an encoder what distinguishes the images of a batch, and
a mouth of a few pixels rarely does. Here every attribute, or its absence, must be predicted from the vectors. No images
are needed.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from ganzoo.errors import GanzooError


def learn_attributes(
    network: keras.Model,
    codes: np.ndarray,
    said: np.ndarray,
    values: Sequence[int],
    epochs: int,
    batch_size: int,
    seed: int,
    verbose: int = 0,
) -> float:
    """Trains a text network together with a linear layer that predicts every attribute from its vectors.

    Args:
        network: from codes to vectors (batch, dim).
        codes: inputs of the network, (count, length).
        said: int (count, attributes): the number of the value that a caption names, or -1.
        values: number of values of each attribute.
        epochs, batch_size, seed: of the training, with Adam and a cosine decay from 2e-3 to 0.
        verbose: 1 prints the accuracy after each epoch.

    Returns:
        The accuracy over all attributes, in the last epoch.

    Raises:
        GanzooError: arrays that do not match.
    """
    if said.shape != (len(codes), len(values)) or not len(codes):
        raise GanzooError(f"{len(codes)} captions and their attributes {said.shape} do not match")
    keras.utils.set_random_seed(seed)
    reader = _Reader(network, values)
    batch_size = min(batch_size, len(codes))
    steps = epochs * (len(codes) // batch_size)
    reader.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)))
    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        order = rng.permutation(len(codes))[: len(codes) // batch_size * batch_size]
        history = reader.fit(codes[order], said[order], batch_size=batch_size, epochs=1, shuffle=False, verbose=0)
        right = float(history.history["right"][-1])
        if verbose:
            print(f"captions, epoch {epoch + 1} of {epochs}: {right:.2%} of attributes correct", flush=True)
    return right


class _Reader(keras.Model):
    """The network and a linear layer with a logit for each value of an attribute and one for "not named"."""

    def __init__(self, network, values):
        super().__init__(name="attributes")
        self.network = network
        self.sizes = [count + 1 for count in values]
        self.logits = layers.Dense(sum(self.sizes), name="logits")
        self.logits.build((None, network.output_shape[-1]))
        self.right = keras.metrics.Mean(name="right")
        self.built = True

    @property
    def metrics(self):
        return [*super().metrics, self.right]

    def call(self, codes, training=False):
        return self.logits(self.network(codes, training=training))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        ends = np.cumsum(self.sizes)
        parts = ops.split(y_pred, ends[:-1].tolist(), axis=-1)
        loss, right = 0.0, []
        for place, (logits, size) in enumerate(zip(parts, self.sizes)):
            # The last logit is "not named", -1.
            said = ops.mod(ops.cast(y[:, place], "int32"), size)
            loss += ops.mean(keras.losses.sparse_categorical_crossentropy(said, logits, from_logits=True))
            right.append(ops.mean(ops.cast(ops.equal(ops.argmax(logits, axis=1), said), "float32")))
        self.right.update_state(ops.mean(ops.stack(right)))
        return loss
