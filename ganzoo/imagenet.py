"""Networks trained on ImageNet, as feature extractors for metrics and losses."""

from collections.abc import Sequence

import keras
from keras import layers, ops

from ganzoo.errors import GanzooError, first_line
from ganzoo.pretrained_files import find_weights, read_weights
from ganzoo.types import PathLike

_VGG_CONVOLUTIONS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
# The blocks of EfficientNet-Lite0: kernel size, stride of the first block, expansion, channels, count.
_LITE0_BLOCKS = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
# Of PyTorch's models, for images in [-1, 1].
_TORCH_MEAN, _TORCH_DEVIATION = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
# Of Keras' VGG, for images in 0..255, blue first.
_CAFFE_MEAN = (103.939, 116.779, 123.68)


def vgg(network: str, wanted: Sequence[str], weights: PathLike) -> keras.Model:
    """VGG (Simonyan & Zisserman 2014, arXiv:1409.1556) as a feature extractor.

    Args:
        network: "vgg16" or "vgg19".
        wanted: names of the layers whose outputs (after the ReLU) are returned, e.g. "block3_conv3".
        weights: "imagenet" for Keras' own, downloaded on first use; or a file as in `find_weights`.

    Returns:
        Keras model from float32 (batch, height, width, 3) in [-1, 1] to a list of float32 features.

    Raises:
        GanzooError: an unknown network or layer, weights that are missing or of another network.
    """
    if network not in _VGG_CONVOLUTIONS:
        raise GanzooError(f"the network must be {' or '.join(_VGG_CONVOLUTIONS)}, got '{network}'")
    counts = _VGG_CONVOLUTIONS[network]
    names = [f"block{i}_conv{j}" for i, count in enumerate(counts, 1) for j in range(1, count + 1)]
    if unknown := [name for name in wanted if name not in names]:
        raise GanzooError(f"{network} has no layer '{unknown[0]}'; its layers: {', '.join(names)}")
    names = names[: max(names.index(name) for name in wanted) + 1]
    images = keras.Input((None, None, 3), name="images")
    x, outputs = _Normalize(weights == "imagenet", name="normalized")(images), {}
    for i, name in enumerate(names):
        if name.endswith("conv1") and i:
            x = layers.MaxPooling2D(2, name=f"pool{name[5]}")(x)
        x = layers.Conv2D(64 * 2 ** min(int(name[5]) - 1, 3), 3, padding="same", activation="relu", name=name)(x)
        outputs[name] = x
    model = keras.Model(images, [_as_float32(outputs[name], name) for name in wanted], name=network)
    model.trainable = False
    if weights == "imagenet":
        _take_from_keras(model, network, names)
    else:
        _take_from_file(model, names, find_weights(weights), "VGG16_0" if network == "vgg16" else "VGG19_0")
    return model


def alexnet(weights: PathLike) -> keras.Model:
    """PyTorch's AlexNet (Krizhevsky 2014, arXiv:1404.5997): the outputs of its five convolutions, after the ReLU.

    Args:
        weights: a file as in `find_weights`.

    Returns:
        Keras model from float32 (batch, height, width, 3) in [-1, 1] to a list of float32 features.

    Raises:
        GanzooError: weights that are missing or of another network.
    """
    images = keras.Input((None, None, 3), name="images")
    x, outputs = _Normalize(False, name="normalized")(images), []
    shapes = [(64, 11, 4, 2), (192, 5, 1, 2), (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1)]
    for i, (channels, kernel_size, stride, padding) in enumerate(shapes, 1):
        if i in (2, 3):
            x = layers.MaxPooling2D(3, 2, name=f"pool{i - 1}")(x)
        x = layers.ZeroPadding2D(padding, name=f"pad{i}")(x)
        x = layers.Conv2D(channels, kernel_size, stride, activation="relu", name=f"conv{i}")(x)
        outputs.append(_as_float32(x, f"conv{i}"))
    model = keras.Model(images, outputs, name="alexnet")
    model.trainable = False
    _take_from_file(model, [f"conv{i}" for i in range(1, 6)], find_weights(weights), "AlexNet_0")
    return model


def efficientnet_lite0(weights: PathLike) -> keras.Model:
    """EfficientNet-Lite0 (Tan & Le 2019, arXiv:1905.11946, without squeeze and excitation, with ReLU6).

    Args:
        weights: a file as in `find_weights`.

    Returns:
        Keras model from float32 (batch, 224, 224, 3) in 0..255 to 1,280 pooled features and the logits of 1,000
        classes.

    Raises:
        GanzooError: weights that are missing or of another network.
    """
    taken = {}

    def normalized(x, name, activation="relu6"):
        layer = layers.BatchNormalization(epsilon=1e-3)
        for variable, part in (
            ("gamma", "weight"),
            ("beta", "bias"),
            ("moving_mean", "running_mean"),
            ("moving_variance", "running_var"),
        ):
            taken[f"{name}.{part}"] = (layer, variable)
        x = layer(x)
        return layers.Activation("relu6")(x) if activation else x

    def convolved(x, name, channels, kernel_size=1, stride=1):
        if channels is None:
            layer = layers.DepthwiseConv2D(kernel_size, stride, padding="same", use_bias=False)
        else:
            layer = layers.Conv2D(channels, kernel_size, stride, padding="same", use_bias=False)
        taken[f"{name}.weight"] = (layer, "kernel")
        return layer(x)

    images = keras.Input((224, 224, 3), name="images")
    x = layers.Rescaling(1 / 128, offset=-127 / 128)(images)
    x = normalized(convolved(x, "_conv_stem", 32, 3, 2), "_bn0")
    place = 0
    for kernel_size, first_stride, expansion, channels, count in _LITE0_BLOCKS:
        for i in range(count):
            block, before = f"_blocks.{place}", x
            if expansion > 1:
                x = convolved(x, f"{block}._expand_conv", expansion * x.shape[-1])
                x = normalized(x, f"{block}._bn0")
            x = convolved(x, f"{block}._depthwise_conv", None, kernel_size, 1 if i else first_stride)
            x = normalized(x, f"{block}._bn1")
            x = normalized(convolved(x, f"{block}._project_conv", channels), f"{block}._bn2", activation=None)
            x = layers.Add()([before, x]) if i else x
            place += 1
    x = normalized(convolved(x, "_conv_head", 1280), "_bn1")
    features = layers.GlobalAveragePooling2D(name="features")(x)
    classifier = layers.Dense(1000, name="logits")
    model = keras.Model(images, [features, classifier(features)], name="efficientnet_lite0")
    model.trainable = False
    taken |= {"_fc.weight": (classifier, "kernel"), "_fc.bias": (classifier, "bias")}
    path = find_weights(weights)
    arrays = read_weights(path)
    for name, (layer, part) in taken.items():
        variable, array = getattr(layer, part), arrays.get(name)
        # PyTorch's kernels are (out, in, height, width), depthwise ones (channels, 1, height, width).
        if array is not None and array.ndim == 4:
            array = array.transpose(2, 3, 0, 1) if "_depthwise_" in name else array.transpose(2, 3, 1, 0)
        elif array is not None:
            array = array.T
        if array is None or array.shape != tuple(variable.shape):
            raise GanzooError(f"{path} is not of {model.name}: it has no matching array '{name}'")
        variable.assign(array.astype("float32"))
    return model


class _Normalize(layers.Layer):
    """Normalizes images in [-1, 1] as in the network's training: by PyTorch's convention, or Keras' (Caffe's)."""

    def __init__(self, caffe, **options):
        super().__init__(**options)
        self.caffe = caffe

    def call(self, images):
        if self.caffe:
            return ops.flip((images + 1.0) * 127.5, axis=-1) - ops.convert_to_tensor(_CAFFE_MEAN, images.dtype)
        mean, deviation = (ops.convert_to_tensor(v, images.dtype) for v in (_TORCH_MEAN, _TORCH_DEVIATION))
        return (images - mean) / deviation


def _as_float32(x, name):
    return layers.Activation("linear", dtype="float32", name=f"{name}_out")(x)


def _take_from_keras(model, network, names):
    try:
        trained = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}[network](include_top=False)
    except Exception as error:  # whatever the download raises
        raise GanzooError(
            f"cannot get {network}, which Keras downloads on first use: {first_line(error)}; "
            "without a network, use a weights file (docs/weights.md)"
        ) from None
    for name in names:
        model.get_layer(name).set_weights(trained.get_layer(name).get_weights())


def _take_from_file(model, names, path, prefix):
    arrays = read_weights(path)
    for i, name in enumerate(names):
        layer = model.get_layer(name)
        for part in ("kernel", "bias"):
            key, variable = f"{prefix}.Conv_{i}.{part}", getattr(layer, part)
            if key not in arrays or arrays[key].shape != tuple(variable.shape):
                raise GanzooError(f"{path} is not of {model.name}: it has no array '{key}' of {tuple(variable.shape)}")
            variable.assign(arrays[key].astype("float32"))
