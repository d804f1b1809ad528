"""What captions say, attribute by attribute: how an encoder learns where the data knows it.

Matching captions with images (`ganzoo.text.matching`) teaches an encoder what tells the images of a batch apart; a
mouth of a few pixels hardly ever does. Here its vectors have to tell each attribute for itself, or that nothing is said
of it. No image is needed.
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
    """Trains a network of text until one linear layer on its vectors names every attribute.

    Args:
        network: from codes to vectors (batch, dim).
        codes: what it reads, (count, length).
        said: int (count, attributes): the number of the value that a caption names, or -1.
        values: how many values each attribute has.
        epochs, batch_size, seed: of the training, with Adam from 2e-3, decayed to 0 along a cosine.
        verbose: 1 says after each epoch how much is right.

    Returns:
        The share of attributes named rightly, in the last epoch.

    Raises:
        GanzooError: arrays that do not match.
    """
    if said.shape != (len(codes), len(values)) or not len(codes):
        raise GanzooError(f"{len(codes)} captions and what they say, {said.shape}, do not match")
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
            print(f"captions, epoch {epoch + 1} of {epochs}: {right:.2%} of attributes right", flush=True)
    return right


class _Reader(keras.Model):
    """The network, and a linear layer with an output for each value and one for "not said" of each attribute."""

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
            # The last output is that of "not said", -1.
            said = ops.mod(ops.cast(y[:, place], "int32"), size)
            loss += ops.mean(keras.losses.sparse_categorical_crossentropy(said, logits, from_logits=True))
            right.append(ops.mean(ops.cast(ops.equal(ops.argmax(logits, axis=1), said), "float32")))
        self.right.update_state(ops.mean(ops.stack(right)))
        return loss
