"""Export of a trained generator as a SavedModel that needs neither this package nor Keras."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.types import PathLike

if TYPE_CHECKING:
    from ganzoo.training.zoo_model import ZooModel


def export_savedmodel(model: "ZooModel", filepath: PathLike, overwrite: bool = False) -> None:
    """Exports the averaged inference network of a model, and checks that the SavedModel computes the same outputs.

    Args:
        model: a `ZooModel`.
        filepath: folder to create, with its parents.
        overwrite: replace an existing SavedModel.

    Raises:
        GanzooError: something else exists there, it cannot be written, or its outputs differ.

    Example:
        from ganzoo.export import export_savedmodel

        export_savedmodel(ganzoo.load("dcgan.digits"), "saved_model")
    """
    import keras

    from ganzoo import backend

    backend.require_tensorflow("a SavedModel")
    import tensorflow as tf

    from ganzoo.backend.tensorflow_kernels import portable

    target = checked_target(filepath, overwrite)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        workplace = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise GanzooError(f"cannot write to {target.parent}: {error.strerror or error}") from None
    try:
        written = workplace / "model"
        archive = keras.export.ExportArchive()
        archive.track(model.inference_network)
        specs = [
            tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype, tensor.name)
            for tensor in model.inference_network.inputs
        ]
        with portable():
            archive.add_endpoint("serve", lambda *inputs: model.inference_network(_one(inputs), training=False), specs)
            archive.write_out(str(written), verbose=False)
        served = tf.saved_model.load(str(written))
        inputs = model.example_inputs(4)
        ours = model.inference_network(_one(inputs), training=False)
        theirs = served.serve(*inputs)
        difference = float(np.abs(np.asarray(ours) - np.asarray(theirs)).max())
        if not difference < 1e-5:
            raise GanzooError(f"the exported model's outputs differ by {difference:.2g}: not written")
        if target.exists():
            os.replace(target, workplace / "old")
        os.replace(written, target)
    except OSError as error:
        raise GanzooError(f"cannot write {target}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def checked_target(filepath: PathLike, overwrite: bool = False) -> Path:
    """The absolute path of the folder for a SavedModel, after a check that it may be written.

    Args:
        filepath: folder to create.
        overwrite: whether an existing SavedModel may be replaced.

    Raises:
        GanzooError: something else exists there, or a SavedModel that may not be replaced.
    """
    target = Path(os.path.abspath(filepath))
    if os.path.lexists(target):
        is_savedmodel = (target / "saved_model.pb").is_file()
        if not (overwrite and is_savedmodel):
            hint = "pass overwrite=True (--overwrite) to replace it" if is_savedmodel else "choose another folder"
            raise GanzooError(f"{target} exists already: {hint}")
    return target


def _one(inputs):
    """The inputs as a functional model takes them: not a list if there is only one."""
    return inputs[0] if len(inputs) == 1 else list(inputs)
