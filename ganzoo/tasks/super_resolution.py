"""Models that upscale images."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzoo import backend, pixels
from ganzoo.data.batch_checks import refuse_other_parts
from ganzoo.data.image_files import multiple_of, open_image_files, resampled, resized, resized_plane, to_small
from ganzoo.data.pairs import pairs
from ganzoo.errors import GanzooError, at_least_one
from ganzoo.inference.sampling import grid
from ganzoo.inference.tiling import LARGEST_RESULT, in_eight_views, in_tiles
from ganzoo.inference.transparency import visible_colors
from ganzoo.metrics import image_pairs  # noqa: F401
from ganzoo.metrics.registry import averages, chosen_metrics, compute
from ganzoo.networks.upscaling import grow
from ganzoo.tasks.base import Endpoint, Task, ValidationMetrics

if TYPE_CHECKING:
    from ganzoo.config import Evaluation
    from ganzoo.data.feed import Feed

# Validation crops held-out images to at most this height and width, and skips images below the second number.
_MEASURED, _LEAST_MEASURED = 512, 64


class SuperResolution(Task):
    """Upscaling of images by an integer factor, `scale`.

    The inference network maps float32 (batch, height, width, 3) in [-1, 1] of any size to (batch, scale height, scale
    width, 3). The model calls `set_sizes` in its constructor.

    Example:
        class MyUpscaler(ganzoo.SuperResolution, ganzoo.ZooModel):
            def __init__(self, scale: int = 2):
                super().__init__({"generator": my_network(scale)})
                self.set_sizes(scale, reach=8, crop=64)
    """

    # Of the model.
    inference_network: Any
    ema_generator: Any
    arguments: dict[str, Any]
    model_name: Any

    data = staticmethod(pairs)
    evaluation = "ganzoo.evaluation.super_resolution"
    page = "ganzoo.demos.srgan"
    purpose = "enlarges images"
    usage = "ganzoo upscale IN OUT --model {name}"
    commands = ("upscale",)
    sources = ("ganzoo.data.image_files", " of photos")
    example = (
        "import numpy as np\nfrom PIL import Image\n"
        'image = np.asarray(Image.open("in.jpg"))\n'
        "large = model.upscale(image)  # uint8 (height, width, channels), as many times larger as model.scale"
    )
    pipeline = "image-to-image"
    limits = (
        "It invents detail that is not in the image: do not use it where detail is evidence, as in medicine or for "
        "identifying people. It expects images downsampled without noise or compression artifacts."
    )
    has_fixed_shapes = True
    output_name = "upscaled"

    def set_sizes(self, scale: int, reach: int, crop: int) -> None:
        """Sets the model's sizes.

        Args:
            scale: upscaling factor.
            reach: radius of the receptive field, in pixels of the small image.
            crop: height and width of the large training images, a multiple of scale.

        Raises:
            GanzooError: a crop below 1, or not a multiple of scale.
        """
        at_least_one(crop=crop)
        if crop % scale:
            raise GanzooError(f"crop {crop} is not a multiple of scale {scale}")
        self.scale, self.reach, self.crop = scale, reach, crop

    def start_from(self, other: Any) -> None:
        """Initializes the model with another model's averaged generator, to continue training from it.

        The other generator has the same architecture, or fewer blocks or channels; the model then gives the same
        output.

        Raises:
            GanzooError: another architecture.

        Example:
            sizes = dict(scale=4, kernel_size=3, normalization="none", upsampling="direct")
            small = ganzoo.create("srresnet", blocks=1, width=4, **sizes)
            model = ganzoo.create("srresnet", blocks=2, width=8, **sizes)
            model.start_from(small)
        """
        if not self._grows_from(other):
            super().start_from(other)  # type: ignore[misc]
            return
        grow(self.ema_generator, other.ema_generator)
        # Copies the averaged generator to the trained one.
        super().start_from(self)  # type: ignore[misc]

    def _grows_from(self, other: Any) -> bool:
        """Whether the other generator is a smaller one of the same kind, and neither has regularizers."""
        sizes, kinds = ("blocks", "width"), ("scale", "kernel_size", "normalization", "upsampling")
        ours, theirs = self.arguments, getattr(other, "arguments", {})
        if not {*sizes, *kinds} <= {*ours} & {*theirs} or any(
            one.get("generator_regularizers") for one in (ours, theirs)
        ):
            return False
        same_kind = all(ours[kind] == theirs[kind] for kind in kinds)
        differences = [ours[size] - theirs[size] for size in sizes]
        return same_kind and min(differences) >= 0 and max(differences) > 0

    # Inference.

    def upscale(
        self,
        image: np.ndarray,
        tile: int = 384,
        batch_size: int = 1,
        progress: bool | Callable[[int, int], object] | None = None,
        scale: float | None = None,
        self_ensemble: bool = False,
    ) -> np.ndarray:
        """Upscales an image by the model's `scale`, or by another factor.

        A smaller factor is the network's result, resampled. For a larger one the image passes the network twice:
        resampled in between, so that the second pass gives the requested size. Resampling is antialiased and bicubic.

        Large images are processed in tiles that overlap by the network's receptive field, so there are no seams.
        Memory is needed for both images and `batch_size` tiles.

        Args:
            image: uint8 or uint16 (height, width) or (height, width, channels), with 1 (gray), 2 (gray and alpha), 3
                (RGB) or 4 (RGB and alpha) channels. Alpha is upscaled by bicubic interpolation, so opaque areas stay
                opaque; the colors of transparent pixels have no effect (`visible_colors`).
            tile: height and width of a tile, in pixels of the small image.
            batch_size: tiles per forward pass.
            progress: whether to show a progress bar, or a function of (tiles done, total tiles). By default a bar is
                shown on a terminal if there is more than one tile.
            scale: factor above 1, up to the square of the model's `scale`, which is the default.
            self_ensemble: average the results of the image's eight rotations and reflections (Timofte et al. 2016,
                arXiv:1511.02228), which takes eight times as long. The error becomes smaller, and the image a little
                smoother.

        Returns:
            (scale height, scale width, ...) with the same type and channels; sizes are rounded.

        Raises:
            GanzooError: an array of another type or shape, an empty one, a scale out of range, or a result of more than
                2 gigapixels.

        Example:
            small = np.random.default_rng(0).integers(0, 256, (16, 24, 3), "uint8")
            large = ganzoo.load("srresnet").upscale(small)  # uint8 (64, 96, 3)
        """
        image = np.asarray(image)
        if image.dtype not in (np.uint8, np.uint16) or image.ndim not in (2, 3) or not image.size:
            path = f"the text '{image}': read the file first"
            given = path if image.dtype.kind == "U" else f"{image.dtype} {image.shape}"
            raise GanzooError(f"upscale() takes uint8 or uint16 (height, width[, channels]), got {given}")
        if image.ndim == 2:
            return self.upscale(image[..., None], tile, batch_size, progress, scale, self_ensemble)[..., 0]
        channels = image.shape[2]
        if channels not in (1, 2, 3, 4):
            raise GanzooError(f"upscale() takes 1 to 4 channels, got {image.shape}")
        height, width = self.size_of_result(image.shape[0], image.shape[1], scale)
        if height * width > LARGEST_RESULT:
            raise GanzooError(
                f"{image.shape[1]}x{image.shape[0]} times {scale or self.scale:g} is more than 2 gigapixels"
            )
        if scale not in (None, self.scale):
            return self._rescaled(image, (height, width), tile, batch_size, progress, self_ensemble)
        if image.shape[0] * image.shape[1] * self.scale**2 > LARGEST_RESULT:
            raise GanzooError(f"{image.shape[1]}x{image.shape[0]} times {self.scale} is more than 2 gigapixels")
        backend.sync_variables(self)
        transparent = channels in (2, 4)
        colors = visible_colors(image) if transparent else image
        function = in_eight_views(self._compiled) if self_ensemble else self._compiled
        large = in_tiles(function, colors, self.scale, tile, self.reach, batch_size=batch_size, progress=progress)
        if not transparent:
            return large
        return np.concatenate([large, resized_plane(image[..., -1], large.shape[:2])[..., None]], axis=2)

    def size_of_result(self, height: int, width: int, scale: float | None = None) -> tuple[int, int]:
        """(height, width) of the result of `upscale`; arguments as there.

        Raises:
            GanzooError: the scale is not above 1, or above the square of the model's `scale`.

        Example:
            ganzoo.load("srresnet").size_of_result(30, 45, scale=2.5)  # (75, 112)
        """
        scale = self.scale if scale is None else scale
        if not isinstance(scale, (int, float, np.number)):
            raise GanzooError(f"scale must be a number, got {scale!r}")
        if not 1 < scale <= self.scale**2:
            raise GanzooError(
                f"scale must be above 1 and at most {self.scale**2}, twice through this network of scale {self.scale}, "
                f"got {scale:g}"
            )
        return round(height * scale), round(width * scale)

    def _rescaled(
        self,
        image: np.ndarray,
        size: tuple[int, int],
        tile: int,
        batch_size: int,
        progress: bool | Callable[[int, int], object] | None,
        self_ensemble: bool,
    ) -> np.ndarray:
        """An image upscaled to (height, width), by one pass of the network or two."""
        options: dict[str, Any] = dict(tile=tile, batch_size=batch_size, progress=progress, self_ensemble=self_ensemble)
        large = self.upscale(image, **options)
        if size[0] > large.shape[0] or size[1] > large.shape[1]:
            between = -(-size[0] // self.scale), -(-size[1] // self.scale)
            large = self.upscale(resampled(large, between), **options)
        return resampled(large, size)

    @functools.cached_property
    def _compiled(self) -> Callable:
        def forward(images: Any) -> Any:
            return self.inference_network(images, training=False)

        return backend.compiled(forward, [((None, None, None, 3), "float32")], self.inference_network)

    # For runs, tests and benchmarks.

    def data_arguments(self) -> dict[str, Any]:
        return {"scale": self.scale, "crop": self.crop}

    def check_data(self, data: Any, targets: Any = None) -> None:
        super().check_data(data, targets)
        small = self.crop // self.scale
        shapes = [(small, small, 3), (self.crop, self.crop, 3)]
        refuse_other_parts(data, targets, shapes, self.model_name, "pairs")

    def example_batch(self, batch_size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """A random batch with the structure of the model's dataset, for tests."""
        large = np.random.default_rng(seed).integers(0, 256, (batch_size, self.crop, self.crop, 3), dtype="uint8")
        small = np.stack([to_small(image, self.scale) for image in large])
        return pixels.to_float(small), pixels.to_float(large)

    def example_inputs(self, count: int, seed: int = 0) -> list[np.ndarray]:
        """Random inputs of the inference network, for tests."""
        return [self.example_batch(count, seed)[0]]

    def endpoints(self) -> dict[str, Endpoint]:
        """`serve_uint8`: uint8 images of any size, upscaled in one piece."""

        def compute(images: Any) -> Any:
            return pixels.as_uint8(self.inference_network(pixels.to_float(images), training=False))

        def examples(count: int) -> list[np.ndarray]:
            return [pixels.to_uint8(images) for images in self.example_inputs(count)]

        inputs = {"images": ((None, None, None, 3), "uint8")}
        return {"serve_uint8": Endpoint(compute, inputs, "upscaled", examples)}

    def preview(self, feed: "Feed", count: int) -> np.ndarray | None:
        """Crops of held-out photos, three versions side by side: bicubic, the model's output, the original."""
        shown = feed.validation[:count]
        # One size for all, for the grid.
        size = min([48 * self.scale, *(length for image in shown for length in image.shape[:2])])
        sheets = []
        for image in (_middle(image, size // self.scale * self.scale) for image in shown):
            small = to_small(image, self.scale)
            versions = resized(small, image.shape[:2]), self.upscale(small, progress=False), image
            sheets.append(np.concatenate(versions, axis=1))
        return np.stack(sheets) if sheets else None

    def sample_image(self, source: str) -> tuple[np.ndarray, str] | None:
        """A crop of a photo that ships with scikit-learn, downsampled and upscaled again."""
        photo = multiple_of(open_image_files("photos").images[0][100:220, 60:180], self.scale)
        small = to_small(photo, self.scale)
        versions = resized(small, photo.shape[:2]), self.upscale(small, progress=False), photo
        shown = grid(np.stack(versions), columns=3)
        caption = f"Upscaled {self.scale} times: bicubic interpolation, the model, the original"
        return shown, f"{caption} (photo: danielbuechele, CC BY 2.0, included in scikit-learn)"

    def validation_metrics(self, feed: "Feed | None", evaluation: "Evaluation") -> ValidationMetrics | None:
        """`psnr_y`, `ssim_y` and the monitored metric, over the centers of the held-out photos."""
        images = [image for image in (feed.validation if feed else ()) if min(image.shape[:2]) >= _LEAST_MEASURED]
        if evaluation.extractor is not None:
            raise GanzooError(
                "evaluation.extractor is for models that generate images from noise; set evaluation.monitor instead"
            )
        if feed is not None and not images:
            return None
        images = [_middle(image, _MEASURED) for image in images]
        names = [evaluation.monitor or "psnr_y", "psnr_y", "ssim_y"]
        metrics = chosen_metrics("super_resolution", names, images)

        def compute_metrics(model: Any) -> dict[str, float]:
            upscaled = (model.upscale(to_small(image, model.scale), progress=False) for image in images)
            return averages([compute(metrics, ours, image, model.scale) for ours, image in zip(upscaled, images)])

        where = f"over the central {_MEASURED}x{_MEASURED} pixels of held-out photos"
        return ValidationMetrics.of(metrics[0], compute_metrics, where)


def _middle(image: np.ndarray, size: int) -> np.ndarray:
    height, width = (min(size, length) for length in image.shape[:2])
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return np.ascontiguousarray(image[top : top + height, left : left + width])
