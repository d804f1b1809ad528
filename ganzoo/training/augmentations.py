"""Augmentations of real and generated images before the discriminator sees them.

Each is a differentiable function of a batch and random numbers, so the generator learns through it. As long as an
augmentation is invertible as a map of distributions, the generator still learns the real distribution.
"""

from typing import Any

from keras import ops

from ganzoo.losses.names import Named, Names
from ganzoo.training.noise import Noise
from ganzoo.types import Tensor

_names = Names("augmentation")
augmentation = _names.register


def get_augmentation(asked: Any) -> "Augmentation":
    """Returns an augmentation.

    Args:
        asked: its name, {"name": ..., argument: value}, or an `Augmentation`, which is returned as is.

    Raises:
        GanzooError: an unknown name or argument, or a value out of range.

    Example:
        from ganzoo.training.augmentations import get_augmentation
        from ganzoo.training.noise import Noise

        augment = get_augmentation({"name": "diffaugment", "cutout": 0.25})
        images = augment(np.zeros((4, 28, 28, 1), "float32"), Noise(seed=0))
    """
    return _names.get(asked, Augmentation)


class Augmentation(Named):
    """Base class of augmentations. For one of your own, subclass it and pass an instance to `compile`.

    Example:
        from keras import ops

        from ganzoo.training.augmentations import Augmentation

        class Dimmed(Augmentation):
            def __call__(self, images, noise):
                return images * noise.uniform((ops.shape(images)[0], 1, 1, 1), 0.5, 1.0)

        model = ganzoo.create("dcgan", image_shape=(28, 28, 1), width=8)
        model.compile(augmentations=[Dimmed()])
        model.fit(np.zeros((4, 28, 28, 1), "float32"), batch_size=4)
    """

    def __call__(self, images: Tensor, noise: Noise) -> Tensor:
        """The augmented batch.

        Args:
            images: (batch, height, width, channels), float32 in [-1, 1]; or any (batch, ...).
            noise: `ganzoo.training.noise.Noise`: `noise.normal(shape)`, `noise.uniform(shape)`, `noise.step`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define __call__()")


@augmentation("instance_noise")
class InstanceNoise(Augmentation):
    """Gaussian noise on every pixel (Sønderby et al. 2016, arXiv:1610.04490, section 4; Arjovsky & Bottou 2017,
    arXiv:1701.04862). It makes the real and generated distributions overlap, so that the discriminator is not too
    confident early in training.

    Args:
        deviation: initial standard deviation, for images in [-1, 1].
        steps: training steps over which it decreases linearly to 0; 0 keeps it constant.
    """

    def __init__(self, deviation: float = 0.1, steps: float = 0):
        if deviation < 0 or steps < 0:
            raise ValueError(f"deviation and steps must be at least 0, got {deviation} and {steps}")
        self.deviation, self.steps = deviation, int(steps)

    def __call__(self, images: Tensor, noise: Noise) -> Tensor:
        share = ops.maximum(1.0 - ops.cast(noise.step, "float32") / self.steps, 0.0) if self.steps else 1.0
        return ops.cast(images, "float32") + self.deviation * share * noise.normal(ops.shape(images))

    def get_config(self) -> dict[str, Any]:
        return {"deviation": self.deviation, "steps": self.steps}


@augmentation("diffaugment")
class DiffAugment(Augmentation):
    """DiffAugment (Zhao et al. 2020, arXiv:2006.10738): color jitter, translation and cutout, against overfitting of
    the discriminator to a small dataset.

    Args:
        color: strength of the changes of brightness, saturation (color images) and contrast; 1 is the paper's, 0 turns
            them off.
        translation: largest shift as a fraction of height and width, padded with 0 (gray); the paper's is 0.125.
        cutout: side of the square hole as a fraction of height and width; the paper's is 0.5. Its center is anywhere in
            the image.
    """

    def __init__(self, color: float = 1.0, translation: float = 0.125, cutout: float = 0.5):
        for name, value in (("color", color), ("translation", translation), ("cutout", cutout)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {value}")
        self.color, self.translation, self.cutout = color, translation, cutout

    def __call__(self, images: Tensor, noise: Noise) -> Tensor:
        x = ops.cast(images, "float32")
        count, height, width = ops.shape(x)[0], x.shape[1], x.shape[2]

        def uniform(low: float, high: float) -> Tensor:
            return noise.uniform((count, 1, 1, 1), low, high)

        if self.color:
            x = x + self.color * uniform(-0.5, 0.5)
            if x.shape[3] > 1:
                gray = ops.mean(x, axis=3, keepdims=True)
                x = (x - gray) * (1.0 + self.color * uniform(-1.0, 1.0)) + gray
            mean = ops.mean(x, axis=(1, 2, 3), keepdims=True)
            x = (x - mean) * (1.0 + self.color * uniform(-0.5, 0.5)) + mean
        if self.translation:
            for axis, size in ((1, height), (2, width)):
                most = int(size * self.translation + 0.5)
                shift = ops.cast(ops.floor(uniform(-most, most + 1)), "int32")
                x = _shifted(x, shift, axis)
        if self.cutout:
            inside = 1.0
            for axis, size in ((1, height), (2, width)):
                side = int(size * self.cutout + 0.5)
                first = ops.floor(uniform(0, size + 1 - side % 2)) - side // 2
                index = ops.cast(ops.reshape(ops.arange(size), [-1 if a == axis else 1 for a in range(4)]), "float32")
                inside = inside * ops.cast((index >= first) & (index < first + side), "float32")
            x = x * (1.0 - inside)
        return x

    def get_config(self) -> dict[str, Any]:
        return {"color": self.color, "translation": self.translation, "cutout": self.cutout}


def _shifted(x: Tensor, shift: Tensor, axis: int) -> Tensor:
    """Shifts each image by its number of pixels along the axis, padded with zeros."""
    size = x.shape[axis]
    index = ops.reshape(ops.arange(size, dtype="int32"), [-1 if a == axis else 1 for a in range(4)]) - shift
    moved = ops.take_along_axis(x, ops.clip(index, 0, size - 1), axis=axis)
    return moved * ops.cast((index >= 0) & (index < size), "float32")
