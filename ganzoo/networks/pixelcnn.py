"""The network of PixelCNN: two stacks of gated masked convolutions (van den Oord et al. 2016, arXiv:1606.05328)."""

import keras
from keras import layers

from ganzoo.errors import GanzooError, at_least_one
from ganzoo.layers import Dropout, GatedActivation, MaskedConv2D
from ganzoo.losses.likelihoods import Likelihood
from ganzoo.types import Tensor


def pixelcnn(
    image_shape: tuple[int, int, int],
    likelihood: Likelihood,
    width: int,
    depth: int,
    kernel_size: int,
    first_kernel_size: int,
    hidden: int,
    dropout: float = 0.0,
    classes: int = 0,
    name: str = "generator",
) -> keras.Model:
    """Images in [-1, 1], or [images, labels (batch,)], to what the likelihood takes at each pixel, which depends on the
    pixels before it in raster order, and on the earlier channels of the pixel unless the likelihood models these.

    The vertical stack sees the rows above a pixel, the horizontal stack the pixels to the left of it and the vertical
    stack, so that there is no blind spot (arXiv:1606.05328, section 2.2 and figure 2). Other than there, the vertical
    stack has residual connections, too. All layers' gated outputs are concatenated and combined by a 1x1 convolution,
    which is the sum of skip connections.

    Args:
        image_shape: (height, width, channels).
        likelihood: distribution of a pixel's values.
        width: channels of each stack.
        depth: number of layers.
        kernel_size: of all layers but the first; odd.
        first_kernel_size: of the first layer; odd, at least 3.
        hidden: channels of the layers before the output.
        dropout: rate, on the gated outputs of both stacks.
        classes: number of classes; labels shift the gates of each layer. 0 makes an unconditional network.
    """
    at_least_one(width=width, depth=depth, kernel_size=kernel_size, hidden=hidden)
    for title, size in (("kernel_size", kernel_size), ("first_kernel_size", first_kernel_size)):
        if size % 2 != 1 or size < 3:
            raise GanzooError(f"{title} must be odd and at least 3, so that a pixel has a middle, got {size}")
    order = 1 if likelihood.is_joint else image_shape[2]
    for title, channels in (("width", width), ("hidden", hidden)):
        if channels % order:
            raise GanzooError(
                f"{title} must be a multiple of {order}, so that each channel of the image has as many, got {channels}"
            )
    images = keras.Input(tuple(image_shape), name="images")
    labels = keras.Input((), dtype="int32", name="labels") if classes else None

    def conditioned(x: Tensor, title: str) -> Tensor:
        if labels is None:
            return x
        start = keras.initializers.RandomNormal(0.0, 0.02)
        shift = layers.Embedding(classes, 2 * width, embeddings_initializer=start, name=f"{title}_class")(labels)
        shift = layers.Reshape((1, 1, 2 * width), name=f"{title}_class_map")(shift)
        return layers.Add(name=f"{title}_with_class")([x, shift])

    vertical = horizontal = images
    gated = []
    for i in range(1, depth + 1):
        # The image itself has to be hidden from its pixels, the features of the first layer do not.
        size = first_kernel_size if i == 1 else kernel_size
        seen = MaskedConv2D(2 * width, size, "above" if i == 1 else "above_or_same", name=f"vertical{i}")(vertical)
        x = MaskedConv2D(2 * width, size, "left" if i == 1 else "left_or_same", order, name=f"horizontal{i}")(
            horizontal
        )
        # Both are at the same pixel: the vertical stack sees no pixel of this row.
        x = layers.Add(name=f"stacks{i}")([x, MaskedConv2D(2 * width, name=f"down{i}")(seen)])
        passed = GatedActivation(name=f"vertical{i}_gate")(conditioned(seen, f"vertical{i}"))
        x = GatedActivation(name=f"horizontal{i}_gate")(conditioned(x, f"horizontal{i}"))
        if dropout:
            passed = Dropout(dropout, name=f"vertical{i}_dropout")(passed)
            x = Dropout(dropout, name=f"horizontal{i}_dropout")(x)
        gated.append(x)
        if i == depth:
            break
        x = MaskedConv2D(width, channels=order, name=f"out{i}")(x)
        # The image itself has other channels.
        vertical = passed if i == 1 else layers.Add(name=f"vertical{i}_residual")([vertical, passed])
        horizontal = x if i == 1 else layers.Add(name=f"horizontal{i}_residual")([horizontal, x])
    x = layers.Concatenate(name="layers")(gated) if depth > 1 else gated[0]
    for title in ("skip", "hidden"):
        x = layers.ReLU(name=f"{title}_relu")(MaskedConv2D(hidden, channels=order, name=title)(x))
    count = likelihood.output_channels(image_shape[2])
    outputs = MaskedConv2D(count, channels=order, dtype="float32", name="outputs")(x)
    return keras.Model(images if labels is None else [images, labels], outputs, name=name)
