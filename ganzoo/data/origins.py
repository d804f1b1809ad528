"""Where to get the files of well-known datasets without tensorflow-datasets or a network."""

import os
from pathlib import Path

_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_MNIST = "https://storage.googleapis.com/cvdf-datasets/mnist/"


def other_files(name: str) -> str:
    """Advice on files that hold the same images as a dataset of tensorflow-datasets; "" if none are known.

    Args:
        name: "mnist" or "fashion_mnist"; no others are known.

    Example:
        from ganzoo.data.origins import other_files

        advice = other_files("mnist")     # "You can also use MNIST's own files: --data idx:train-images-..."
    """
    if name not in ("mnist", "fashion_mnist"):
        return ""
    title, address = ("MNIST", _MNIST) if name == "mnist" else ("Fashion-MNIST", _KERAS)
    cache = Path(os.environ.get("KERAS_HOME") or "~/.keras") / "datasets"
    if name == "mnist":
        archive, fetched = "npz:mnist.npz with Keras' file " + _KERAS + "mnist.npz", cache / "mnist.npz"
    else:
        archive = "npz:FILE with its arrays as x_train, y_train, x_test and y_test"
        fetched = cache / "fashion-mnist" / "train-images-idx3-ubyte.gz"
    if fetched.expanduser().is_file():
        archive += f", or {'npz' if name == 'mnist' else 'idx'}:{fetched}, which Keras has already downloaded"
    return (
        f"You can also use {title}'s own files: --data idx:train-images-idx3-ubyte.gz, with "
        "train-labels-idx1-ubyte.gz beside it (the test part is t10k-images-idx3-ubyte.gz and "
        f"t10k-labels-idx1-ubyte.gz), from {address}; or --data {archive}"
    )
