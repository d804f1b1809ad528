"""Spectral normalization (Miyato et al. 2018, arXiv:1802.05957)."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="ganzoo")
class SpectralNormalization(keras.layers.Wrapper):
    """A layer whose kernel is divided by its largest singular value, which bounds the layer's slope by one.

    The singular value sigma = u^T W v comes from power iteration (Algorithm 1); u and v count as constants and
    W does not, so that the gradient passes through sigma as in equation 12. (Keras' own wrapper overwrites the
    kernel and passes none.) A convolution's kernel is seen as a matrix (height * width * inputs, outputs), as in
    the paper; a transposed convolution's (height * width * outputs, inputs).

    Args:
        layer: a layer with a kernel (Dense, Conv2D, Conv2DTranspose ...) or an Embedding.
        iterations: of the power method, at each call in training.

    Raises:
        ValueError: a layer without a kernel.

    Example:
        x = ganzoo.layers.SpectralNormalization(keras.layers.Conv2D(64, 3))(x)
    """

    # At the start, so that the first steps already divide by the singular value and not by a random number.
    FIRST_ITERATIONS = 15

    def __init__(self, layer, iterations=1, **options):
        super().__init__(layer, **options)
        self.iterations = iterations

    def build(self, input_shape=None):
        super().build(input_shape)
        kernel = self._kernel()
        self.direction = self.add_weight(
            shape=(kernel.shape[-1],),
            initializer=lambda shape, dtype: _power_method(
                ops.ones(shape, dtype), _matrix(ops.cast(kernel.value, dtype)), self.FIRST_ITERATIONS
            )[0],
            trainable=False,
            dtype="float32",
            aggregation="only_first_replica",
            name="direction",
        )

    def call(self, inputs, training=False):
        # Not at the top of the file: the back end's modules are loaded when they are needed.
        from ganzoo import backend

        kernel = self._kernel()
        matrix = _matrix(ops.cast(kernel.value, "float32"))
        # Outside training too: an averaged network's direction is an average, no singular vector of its kernel.
        u, v = _power_method(ops.cast(self.direction.value, "float32"), ops.stop_gradient(matrix), self.iterations)
        if training:
            # The end of a data set of unknown length is found by a step without a batch, which must change nothing.
            self.direction.assign(backend.with_dependency(inputs, u))
        sigma = ops.sum(ops.matmul(v, matrix) * u)
        values = {id(variable): variable.value for variable in self.layer.variables}
        values[id(kernel)] = ops.cast(kernel.value, "float32") / sigma
        with keras.StatelessScope([(variable, values[id(variable)]) for variable in self.layer.variables]):
            return self.layer(inputs)

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def get_config(self):
        config = {**super().get_config(), "iterations": self.iterations}
        # The layer is built with this one: in a copy of a network its inputs may be others.
        config["layer"] = {key: value for key, value in config["layer"].items() if key != "build_config"}
        return config

    def _kernel(self):
        for variable in self.layer.variables:
            if variable.name in ("kernel", "embeddings"):
                return variable
        raise ValueError(f"the layer '{self.layer.name}' has no kernel to normalize")


def _matrix(kernel):
    return ops.reshape(kernel, (-1, kernel.shape[-1]))


def _power_method(u, matrix, iterations):
    """(u, v): estimates of the first singular vectors, u on the side of the outputs."""
    for _ in range(iterations):
        v = _unit(ops.matmul(matrix, u))
        u = _unit(ops.matmul(v, matrix))
    return ops.stop_gradient(u), ops.stop_gradient(_unit(ops.matmul(matrix, u)))


def _unit(vector):
    return vector / ops.sqrt(ops.sum(vector**2) + 1e-24)
