"""What is done to real and to generated images alike before the discriminator sees them.

Each is a differentiable function of a batch and of random numbers, so the generator learns through it; the
distribution it learns stays the real one as long as the change can be undone on average.
"""

from keras import ops

from ganzoo.losses.names import Names

_names = Names("augmentation")
augmentation = _names.register


def get_augmentation(asked):
    """An augmentation from its name, from {"name": ..., argument: value}, or itself.

    Raises:
        GanzooError: an unknown name or argument, or a value out of range.
    """
    return _names.get(asked, Augmentation)


class Augmentation:
    """What an augmentation offers; subclass it and pass an instance to `compile` for one of your own."""

    name = None

    def __call__(self, images, noise):
        """The changed batch.

        Args:
            images: (batch, height, width, channels), float32 in [-1, 1]; or any (batch, ...).
            noise: `ganzoo.training.noise.Noise`: `noise.normal(shape)`, `noise.uniform(shape)`, `noise.step`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define __call__()")

    def get_config(self):
        """The arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@augmentation("instance_noise")
class InstanceNoise(Augmentation):
    """Normal noise on every pixel (Sønderby et al. 2016, arXiv:1610.04490, section 4; Arjovsky & Bottou 2017,
    arXiv:1701.04862): the two distributions overlap, so that the discriminator cannot be sure too early.

    Args:
        deviation: standard deviation at the start, in units of the images' [-1, 1].
        steps: training steps over which it falls to 0, evenly; 0 keeps it as it is.
    """

    def __init__(self, deviation=0.1, steps=0):
        if deviation < 0 or steps < 0:
            raise ValueError(f"deviation and steps must be at least 0, got {deviation} and {steps}")
        self.deviation, self.steps = deviation, int(steps)

    def __call__(self, images, noise):
        left = ops.maximum(1.0 - ops.cast(noise.step, "float32") / self.steps, 0.0) if self.steps else 1.0
        return ops.cast(images, "float32") + self.deviation * left * noise.normal(ops.shape(images))

    def get_config(self):
        return {"deviation": self.deviation, "steps": self.steps}


@augmentation("diffaugment")
class DiffAugment(Augmentation):
    """Changes of color, place and a hole in the image (Zhao et al. 2020, arXiv:2006.10738), against
    overfitting of the discriminator to a small data set.

    Args:
        color: 1 for the paper's changes of brightness, saturation (color images) and contrast; 0 for none,
            values between weaken them.
        translation: largest shift as a share of height and width; what comes in is 0, gray. The paper's is 0.125.
        cutout: side of a square hole as a share of height and width; the paper's is 0.5. Its center may be anywhere.
    """

    def __init__(self, color=1.0, translation=0.125, cutout=0.5):
        for name, value in (("color", color), ("translation", translation), ("cutout", cutout)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {value}")
        self.color, self.translation, self.cutout = color, translation, cutout

    def __call__(self, images, noise):
        x = ops.cast(images, "float32")
        count, height, width = ops.shape(x)[0], x.shape[1], x.shape[2]

        def drawn(low, high):
            return noise.uniform((count, 1, 1, 1), low, high)

        if self.color:
            x = x + self.color * drawn(-0.5, 0.5)
            if x.shape[3] > 1:
                gray = ops.mean(x, axis=3, keepdims=True)
                x = (x - gray) * (1.0 + self.color * drawn(-1.0, 1.0)) + gray
            mean = ops.mean(x, axis=(1, 2, 3), keepdims=True)
            x = (x - mean) * (1.0 + self.color * drawn(-0.5, 0.5)) + mean
        if self.translation:
            for axis, size in ((1, height), (2, width)):
                most = int(size * self.translation + 0.5)
                shift = ops.cast(ops.floor(drawn(-most, most + 1)), "int32")
                x = _shifted(x, shift, axis)
        if self.cutout:
            inside = 1.0
            for axis, size in ((1, height), (2, width)):
                side = int(size * self.cutout + 0.5)
                first = ops.floor(drawn(0, size + 1 - side % 2)) - side // 2
                place = ops.cast(ops.reshape(ops.arange(size), [-1 if a == axis else 1 for a in range(4)]), "float32")
                inside = inside * ops.cast((place >= first) & (place < first + side), "float32")
            x = x * (1.0 - inside)
        return x

    def get_config(self):
        return {"color": self.color, "translation": self.translation, "cutout": self.cutout}


def _shifted(x, shift, axis):
    """Each image moved by its whole number of pixels along the axis, zeros where nothing was."""
    size = x.shape[axis]
    place = ops.reshape(ops.arange(size, dtype="int32"), [-1 if a == axis else 1 for a in range(4)]) - shift
    moved = ops.take_along_axis(x, ops.clip(place, 0, size - 1), axis=axis)
    return moved * ops.cast((place >= 0) & (place < size), "float32")
