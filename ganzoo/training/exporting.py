"""Export of models to other runtimes."""

from typing import Any

import keras
import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.export import Exported, export_model
from ganzoo.types import PathLike


class Exporting(keras.Model):
    """The part of `ZooModel` that exports inference networks to other runtimes."""

    inference_network: keras.Model

    def export(
        self,
        filepath: PathLike,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Any = None,
        *,
        overwrite: bool = False,
        float16: bool = False,
        opset_version: int | None = None,
    ) -> Exported:
        """Writes the inference network for a runtime that needs neither this package nor Keras; as
        `keras.Model.export`.

        What was written is run in its own runtime, for several batch sizes and sizes, and its outputs are compared with
        the model's. If they differ by more than 1e-4, nothing is written. A SavedModel has the signatures
        `serving_default` and `serve` and those of the model's task, e.g. `serve_uint8`.

        Args:
            filepath: folder of the SavedModel to create; or file, whose name ends in .onnx, .tflite or .xml.
            format: "tf_saved_model", "onnx", "litert" or "openvino". All but the first need packages: the error names
                them.
            verbose: print what was written.
            input_signature: not supported; the signature is the network's inputs.
            overwrite: replace an existing export of this format.
            float16: store the weights in float16, at half the size, but compute in float32; not for SavedModels. The
                outputs may differ from the model's by one of 255 gray levels.
            opset_version: of ONNX; by default Keras' choice.

        Returns:
            What was written, an `Exported` with its path, the largest difference from the model and the batch size, if
            the file takes only one.

        Raises:
            GanzooError: an unknown format, a missing package, an input signature, something exists there, or outputs
                that differ.

        Example:
            import tensorflow as tf

            ganzoo.load("dcgan.digits").export("digits_savedmodel")
            # Where the SavedModel is served:
            served = tf.saved_model.load("digits_savedmodel")
            images = served.serve(np.zeros((1, 64), "float32"))  # float32 (1, 32, 32, 1) in [-1, 1]
        """
        if input_signature is not None:
            raise GanzooError("export() takes no input_signature: the inputs of the model's network are the signature")
        exported = export_model(
            self, filepath, format, overwrite=overwrite, float16=float16, opset_version=opset_version
        )
        if verbose:
            print(f"exported to {exported.path}: {exported}")
        return exported

    def example_inputs(self, count: int, seed: int = 0) -> list[np.ndarray]:
        """Example inputs of the inference network, with which an export is checked.

        Float inputs are standard normal, integer inputs zero; axes of any length have length 16.
        """
        rng = np.random.default_rng(seed)
        inputs = self.inference_network.inputs
        shapes = [[count, *(size or 16 for size in tensor.shape[1:])] for tensor in inputs]
        return [
            (rng.standard_normal(shape) if "float" in tensor.dtype else np.zeros(shape)).astype(tensor.dtype)
            for tensor, shape in zip(inputs, shapes)
        ]
