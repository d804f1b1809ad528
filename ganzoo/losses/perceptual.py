"""Image losses without a discriminator: perceptual loss, pixel loss and total variation."""

from typing import Any

import keras
from keras import ops

from ganzoo.arguments import parameters_of, validated_arguments
from ganzoo.errors import GanzooError
from ganzoo.imagenet import vgg
from ganzoo.precision import made_with
from ganzoo.types import Tensor


class Perceptual:
    """The mean squared difference of VGG features (Johnson et al. 2016, arXiv:1603.08155; Ledig et al. 2016,
    arXiv:1609.04802, equation 5, here also averaged over channels).

    Args:
        network: "vgg16" or "vgg19".
        layer: name of a layer, taken after the ReLU; "block5_conv4" of vgg19 is the paper's VGG54, "block2_conv2" its
            VGG22.
        weights: "imagenet", which Keras downloads on first use, or a weights file, see `ganzoo.pretrained_files`.

    Raises:
        GanzooError: at the first call or `prepare()`: an unknown layer or missing weights.

    Example:
        from ganzoo.losses.perceptual import Perceptual

        loss = Perceptual("vgg16", "block3_conv3", weights="lpips_vgg16_fp16")
        model = ganzoo.create("srgan", blocks=1, width=8)
        model.compile(perceptual=loss)
    """

    def __init__(self, network: str = "vgg19", layer: str = "block5_conv4", weights: str = "imagenet"):
        self.network, self.layer, self.weights = network, layer, weights
        self._features: Any = None

    def prepare(self, policy: Any = "float32") -> None:
        """Loads the network, once, with a Keras dtype policy. Not in the constructor, so that a trained model loads
        without these weights."""
        if self._features is None:
            with made_with(policy):
                self._features = vgg(self.network, [self.layer], self.weights)

    def __call__(self, real: Tensor, fake: Tensor) -> Tensor:
        """The loss, a scalar, float32.

        Args:
            real, fake: (batch, height, width, 3) in [-1, 1]; only `fake` gets a gradient.
        """
        self.prepare()
        both = (keras.tree.flatten(self._features(images, training=False)) for images in (real, fake))
        (real_features,), (fake_features,) = both
        return ops.mean((ops.stop_gradient(real_features) - fake_features) ** 2)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"network": self.network, "layer": self.layer, "weights": self.weights}


def get_perceptual(asked: Any) -> Perceptual | None:
    """Makes a `Perceptual` from {"network": ..., "layer": ..., "weights": ...}; a `Perceptual` or None is returned as
    is.

    Raises:
        GanzooError: an unknown key.
    """
    if asked is None or isinstance(asked, Perceptual):
        return asked
    if not isinstance(asked, dict):
        raise GanzooError(f"a perceptual loss is a mapping with network, layer and weights, got {asked!r}")
    return Perceptual(**validated_arguments(parameters_of(Perceptual), asked, "perceptual"))


def pixel_difference(real: Tensor, fake: Tensor, kind: str = "squared") -> Tensor:
    """The mean squared or absolute difference of the pixels of two batches of images.

    Args:
        real, fake: (batch, height, width, channels).
        kind: "squared" or "absolute".

    Returns:
        A scalar, float32.
    """
    difference = ops.cast(real, "float32") - ops.cast(fake, "float32")
    return ops.mean(ops.abs(difference) if kind == "absolute" else difference**2)


def total_variation(images: Tensor) -> Tensor:
    """The mean absolute difference of vertically and horizontally adjacent pixels (Rudin et al. 1992; Aly & Dubois
    2005).

    Args:
        images: (batch, height, width, channels).

    Returns:
        A scalar, float32.
    """
    x = ops.cast(images, "float32")
    down, across = x[:, 1:] - x[:, :-1], x[:, :, 1:] - x[:, :, :-1]
    return ops.mean(ops.abs(down)) + ops.mean(ops.abs(across))
