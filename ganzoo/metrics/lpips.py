"""LPIPS, a perceptual distance learned from human judgments (Zhang et al. 2018, arXiv:1801.03924)."""

import functools
from collections.abc import Callable

import numpy as np

from ganzoo.errors import GanzooError, unknown
from ganzoo.precision import made_with
from ganzoo.pretrained_files import find_weights, read_weights
from ganzoo.types import PathLike

_VGG_LAYERS = ["block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3"]
# Height and width of the smallest images: five times halved, less leaves nothing to compare.
SMALLEST = 64
FILES = {"alex": "lpips_alexnet_fp16", "vgg": "lpips_vgg16_fp16"}


def lpips(image: np.ndarray, reference: np.ndarray, network: str = "alex", weights: PathLike | None = None) -> float:
    """The learned perceptual distance, version 0.1; 0 for equal images.

    Args:
        image, reference: uint8 (height, width, 1 or 3) of at least 64x64; not resized.
        network: "alex", which most papers report, or "vgg".
        weights: file of the network and its linear heads, see `ganzoo.pretrained_files.find_weights`;
            "lpips_alexnet_fp16" or "lpips_vgg16_fp16" if not given.

    Raises:
        GanzooError: images of different shapes, or missing weights.

    Example:
        image, reference = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), "uint8")
        print(ganzoo.metrics.lpips(image, reference))
    """
    images = [np.asarray(array) for array in (image, reference)]
    for array in images:
        of_channels = array.dtype == np.uint8 and array.ndim == 3 and array.shape[-1] in (1, 3)
        if not of_channels or min(array.shape[:2]) < SMALLEST:
            raise GanzooError(
                f"LPIPS compares uint8 (height, width, 1 or 3) of at least {SMALLEST}x{SMALLEST}, got {array.dtype} "
                f"{array.shape}"
            )
    if images[0].shape != images[1].shape:
        raise GanzooError(f"images of {images[0].shape} and {images[1].shape} cannot be compared")
    return distance(network, None if weights is None else str(weights))(*images)


@functools.lru_cache(maxsize=2)
def distance(network: str, weights: str | None = None) -> Callable[[np.ndarray, np.ndarray], float]:
    """The function behind `lpips`, loaded once and always in float32."""
    if network not in FILES:
        raise unknown("network of LPIPS", network, FILES)
    path = find_weights(weights or FILES[network])
    # Imports Keras, which the names of the metrics do not need.
    from ganzoo.imagenet import alexnet, vgg

    with made_with("float32"):
        backbone = alexnet(path) if network == "alex" else vgg("vgg16", _VGG_LAYERS, path)
    arrays = read_weights(path)
    try:
        heads = [arrays[f"NetLinLayer_{i}.Conv_0.kernel"].astype("float32").reshape(-1) for i in range(5)]
    except KeyError as error:
        raise GanzooError(f"{path} has no array {error}: it holds a network without the heads of LPIPS") from None
    except (TypeError, ValueError) as error:  # text, for example
        raise GanzooError(f"the heads of LPIPS in {path} are not numbers: {error}") from None
    for i, (head, features) in enumerate(zip(heads, backbone.outputs)):
        if head.shape != features.shape[-1:]:
            raise GanzooError(
                f"{path} is no LPIPS network: head {i} has {head.size} weights for {features.shape[-1]} channels"
            )

    def measured(image: np.ndarray, reference: np.ndarray) -> float:
        from keras import ops

        pair = np.stack([image, reference]).astype("float32") / 127.5 - 1.0
        pair = np.repeat(pair, 3 // pair.shape[-1], axis=-1)
        total = 0.0
        for features, head in zip(backbone(pair, training=False), heads):
            features = ops.convert_to_numpy(features)
            unit = features / (np.sqrt((features**2).sum(axis=-1, keepdims=True)) + 1e-10)
            total += float((((unit[0] - unit[1]) ** 2) @ head).mean())
        return total

    return measured
