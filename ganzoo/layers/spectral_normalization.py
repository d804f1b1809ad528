"""Spectral normalization (Miyato et al. 2018, arXiv:1802.05957)."""

from typing import Any

import keras
from keras import ops

from ganzoo.types import Tensor


@keras.saving.register_keras_serializable(package="ganzoo")
class SpectralNormalization(keras.layers.Wrapper):
    """Wraps a layer and divides its kernel by its largest singular value, which bounds the layer's Lipschitz constant
    by one.

    The singular value sigma = u^T W v comes from power iteration (Algorithm 1). u and v are treated as constants, W is
    not, so the gradient passes through sigma as in equation 12. (Keras' own wrapper overwrites the kernel and passes no
    gradient.) The kernel of a convolution is reshaped to (height * width * inputs, outputs), as in the paper; that of a
    transposed convolution to (height * width * outputs, inputs).

    Args:
        layer: a layer with a kernel (Dense, Conv2D, Conv2DTranspose ...) or an Embedding.
        iterations: power iterations per call in training.

    Raises:
        ValueError: a layer without a kernel.

    Example:
        layer = ganzoo.layers.SpectralNormalization(keras.layers.Conv2D(64, 3))
        outputs = layer(np.zeros((1, 8, 8, 3), "float32"), training=True)
    """

    # At initialization, so that the very first steps divide by a good estimate of the singular value.
    FIRST_ITERATIONS = 15

    def __init__(self, layer: keras.layers.Layer, iterations: int = 1, **options: Any):
        super().__init__(layer, **options)
        self.iterations = iterations

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        kernel = self._kernel()
        self.direction = self.add_weight(
            shape=(kernel.shape[-1],),
            initializer=lambda shape, dtype: _power_method(
                ops.ones(shape, dtype), _matrix(ops.cast(kernel.value, dtype)), self.FIRST_ITERATIONS
            )[0],
            trainable=False,
            dtype="float32",
            # Cast to bfloat16 inside `call`, PyTorch would assign to the copy.
            autocast=False,
            aggregation="only_first_replica",
            name="direction",
        )

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        # Imported late: only training needs it.
        from ganzoo import backend

        kernel = self._kernel()
        matrix = _matrix(ops.cast(kernel.value, "float32"))
        # At inference too: the direction of an averaged network is an average, not a singular vector of its kernel.
        u, v = _power_method(ops.cast(self.direction.value, "float32"), ops.stop_gradient(matrix), self.iterations)
        if training:
            # The step that finds the end of a dataset of unknown length has no batch, and must not change anything.
            self.direction.assign(backend.with_dependency(inputs, u))
        # A kernel of zeros stays one.
        sigma = ops.maximum(ops.sum(ops.matmul(v, matrix) * u), 1e-12)
        values = {id(variable): variable.value for variable in self.layer.variables}
        values[id(kernel)] = ops.cast(kernel.value, "float32") / sigma
        with keras.StatelessScope([(variable, values[id(variable)]) for variable in self.layer.variables]):
            return self.layer(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "iterations": self.iterations}
        # This wrapper builds the layer: in a copy of the network its inputs may have another shape.
        config["layer"] = {key: value for key, value in config["layer"].items() if key != "build_config"}
        return config

    def _kernel(self) -> keras.Variable:
        for variable in self.layer.variables:
            if variable.name in ("kernel", "embeddings"):
                return variable
        raise ValueError(f"the layer '{self.layer.name}' has no kernel to normalize")


def _matrix(kernel: Tensor) -> Tensor:
    return ops.reshape(kernel, (-1, kernel.shape[-1]))


def _power_method(u: Tensor, matrix: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
    """(u, v): estimates of the first singular vectors; u belongs to the outputs."""
    for _ in range(iterations):
        v = _unit(ops.matmul(matrix, u))
        u = _unit(ops.matmul(v, matrix))
    return ops.stop_gradient(u), ops.stop_gradient(_unit(ops.matmul(matrix, u)))


def _unit(vector: Tensor) -> Tensor:
    return vector / ops.sqrt(ops.sum(vector**2) + 1e-24)
