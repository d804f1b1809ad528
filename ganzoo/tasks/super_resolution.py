"""Models that enlarge images."""

import functools

import numpy as np

from ganzoo import backend, pixels
from ganzoo.data.batches import refuse_other_parts
from ganzoo.data.image_files import resized, resized_plane, to_small
from ganzoo.data.pairs import pairs
from ganzoo.errors import GanzooError, at_least_one
from ganzoo.inference.tiling import LARGEST_RESULT, in_tiles
from ganzoo.inference.transparency import visible_colors
from ganzoo.metrics import image_pairs  # noqa: F401
from ganzoo.metrics.registry import averages, chosen_metrics, compute
from ganzoo.networks.upscaling import grow
from ganzoo.tasks.base import Task, ValidationMetrics

# Height and width of what is measured, after an epoch, of a held-out image, and the least of it.
_MEASURED, _LEAST_MEASURED = 512, 64


class SuperResolution(Task):
    """Images `scale` times as large.

    The inference network turns float32 (batch, height, width, 3) in [-1, 1] of any size into (batch, scale height,
    scale width, 3). The model calls `set_sizes` when it is made.

    Example:
        class MyUpscaler(ganzoo.SuperResolution, ganzoo.ZooModel):
            def __init__(self, scale: int = 2):
                super().__init__({"generator": my_network(scale)})
                self.set_sizes(scale, reach=8, crop=64)
    """

    data = staticmethod(pairs)
    evaluation = "ganzoo.evaluation.super_resolution"
    page = "ganzoo.demos.srgan"
    purpose = "enlarges images"
    usage = "ganzoo upscale IN OUT --model {name}"
    commands = ("upscale",)
    sources = ("ganzoo.data.image_files", " of photos")
    has_fixed_shapes = True

    def set_sizes(self, scale, reach, crop):
        """Sets the model's sizes.

        Args:
            scale: how many times as large.
            reach: how many pixels of the small image around one decide on its part of the large one.
            crop: height and width of the large images of training, a multiple of scale.

        Raises:
            GanzooError: a crop below 1, or one that scale does not divide.
        """
        at_least_one(crop=crop)
        if crop % scale:
            raise GanzooError(f"crop {crop} is not a multiple of scale {scale}")
        self.scale, self.reach, self.crop = scale, reach, crop

    def start_from(self, other):
        """Takes the weights of another model's averaged generator to train on from: of the same architecture, or of
        one with fewer blocks or channels, and draws the same images then.

        Raises:
            GanzooError: another architecture.

        Example:
            sizes = dict(scale=4, kernel_size=3, normalization="none", upsampling="direct")
            model = ganzoo.create("srresnet", blocks=16, width=64, **sizes)
            model.start_from(ganzoo.load("srresnet"))                   # 10 blocks of 48 channels
        """
        if not self._grows_from(other):
            super().start_from(other)
            return
        grow(self.ema_generator, other.ema_generator)
        # The generator, and whatever is kept of its weights.
        super().start_from(self)

    def _grows_from(self, other):
        """Whether the other is such a network, of fewer blocks or channels, and neither has regularizers."""
        sizes, kinds = ("blocks", "width"), ("scale", "kernel_size", "normalization", "upsampling")
        ours, theirs = self.arguments, getattr(other, "arguments", {})
        if not {*sizes, *kinds} <= {*ours} & {*theirs} or any(
            one.get("generator_regularizers") for one in (ours, theirs)
        ):
            return False
        alike = all(ours[kind] == theirs[kind] for kind in kinds)
        larger = [ours[size] - theirs[size] for size in sizes]
        return alike and min(larger) >= 0 and max(larger) > 0

    # Inference.

    def upscale(self, image, tile=384, batch_size=1, progress=None):
        """Makes an image `scale` times as high and wide.

        Large ones go through the network in tiles that overlap as far as it sees, so that there is no seam; besides
        the two images memory goes to `batch_size` tiles.

        Args:
            image: uint8 or uint16 (height, width), or (height, width, channels) with 1 channel (gray), 2 (gray and
                alpha), 3 (RGB) or 4 (RGB and alpha); alpha is enlarged by bicubic interpolation, so that what is
                opaque stays so, and the color of transparent pixels does not count (`visible_colors`).
            tile: pixels of the small image that are computed at once, in both directions.
            batch_size: tiles at a time.
            progress: show a bar; None shows one on a terminal where there is more than one tile. Or a function of
                (tiles done, tiles in all).

        Returns:
            The same type and channels, (scale height, scale width, ...).

        Raises:
            GanzooError: an array of another kind, empty, or one whose result would be beyond 2 gigapixels.

        Example:
            large = ganzoo.load("srgan").upscale(small)
        """
        image = np.asarray(image)
        if image.dtype not in (np.uint8, np.uint16) or image.ndim not in (2, 3) or not image.size:
            raise GanzooError(
                f"upscale() takes uint8 or uint16 (height, width[, channels]), got {image.dtype} {image.shape}"
            )
        if image.ndim == 2:
            return self.upscale(image[..., None], tile, batch_size, progress)[..., 0]
        channels = image.shape[2]
        if channels not in (1, 2, 3, 4):
            raise GanzooError(f"upscale() takes 1 to 4 channels, got {image.shape}")
        if image.shape[0] * image.shape[1] * self.scale**2 > LARGEST_RESULT:
            raise GanzooError(f"{image.shape[1]}x{image.shape[0]} times {self.scale} is beyond 2 gigapixels")
        backend.sync_variables(self)
        transparent = channels in (2, 4)
        colors = visible_colors(image) if transparent else image
        large = in_tiles(self._compiled, colors, self.scale, tile, self.reach, batch_size=batch_size, progress=progress)
        if not transparent:
            return large
        return np.concatenate([large, resized_plane(image[..., -1], large.shape[:2])[..., None]], axis=2)

    @functools.cached_property
    def _compiled(self):
        def drawn(images):
            return self.inference_network(images, training=False)

        return backend.compiled(drawn, [((None, None, None, 3), "float32")], self.inference_network)

    # What a run, a test or a benchmark asks of any model.

    def data_arguments(self):
        return {"scale": self.scale, "crop": self.crop}

    def check_data(self, data, targets=None):
        super().check_data(data, targets)
        small = self.crop // self.scale
        shapes = [(small, small, 3), (self.crop, self.crop, 3)]
        refuse_other_parts(data, targets, shapes, self.model_name, "pairs")

    def example_batch(self, batch_size, seed=0):
        """A random batch in the shape its data set gives: for the shared tests."""
        large = np.random.default_rng(seed).integers(0, 256, (batch_size, self.crop, self.crop, 3), dtype="uint8")
        small = np.stack([to_small(image, self.scale) for image in large])
        return pixels.to_float(small), pixels.to_float(large)

    def example_inputs(self, count, seed=0):
        return [self.example_batch(count, seed)[0]]

    def preview(self, feed, count):
        """Pieces of photos kept from training, each three times: bicubic, the model's, the real one."""
        shown = feed.validation[:count]
        # All of one size, for a grid.
        size = min([48 * self.scale, *(length for image in shown for length in image.shape[:2])])
        sheets = []
        for image in (_middle(image, size // self.scale * self.scale) for image in shown):
            small = to_small(image, self.scale)
            three = resized(small, image.shape[:2]), self.upscale(small, progress=False), image
            sheets.append(np.concatenate(three, axis=1))
        return np.stack(sheets) if sheets else None

    def validation_metrics(self, feed, evaluation):
        """`psnr_y`, `ssim_y` and the monitored metric, over the middle of every photo that is held out of training."""
        images = [image for image in (feed.validation if feed else ()) if min(image.shape[:2]) >= _LEAST_MEASURED]
        if evaluation.extractor is not None:
            raise GanzooError("evaluation.extractor is for models that generate images; set evaluation.monitor instead")
        if feed is not None and not images:
            return None
        images = [_middle(image, _MEASURED) for image in images]
        names = [evaluation.monitor or "psnr_y", "psnr_y", "ssim_y"]
        metrics = chosen_metrics("super_resolution", names, images)

        def compute_metrics(model):
            enlarged = (model.upscale(to_small(image, model.scale), progress=False) for image in images)
            return averages([compute(metrics, ours, image, model.scale) for ours, image in zip(enlarged, images)])

        where = f"over the middle {_MEASURED}x{_MEASURED} of photos held out of training"
        return ValidationMetrics.of(metrics[0], compute_metrics, where)


def _middle(image, size):
    height, width = (min(size, length) for length in image.shape[:2])
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return np.ascontiguousarray(image[top : top + height, left : left + width])
