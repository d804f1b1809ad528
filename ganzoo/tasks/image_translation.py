"""Models that translate images between two kinds."""

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from ganzoo import backend, pixels
from ganzoo.data.batch_checks import refuse_other_parts
from ganzoo.data.decoding import WHITE
from ganzoo.data.unpaired import names_of, open_sides, unpaired
from ganzoo.errors import GanzooError, at_least_one
from ganzoo.inference.sampling import grid
from ganzoo.inference.tiling import in_blended_tiles
from ganzoo.inference.transparency import checked_background, over_background, without_background
from ganzoo.metrics.registry import averages, chosen_metrics, compute
from ganzoo.metrics.translations import Translation
from ganzoo.networks.translation import MULTIPLE
from ganzoo.tasks.base import Endpoint, ValidationMetrics
from ganzoo.tasks.two_sides import BACKWARD, FORWARD, TwoSides

if TYPE_CHECKING:
    from ganzoo.config import Evaluation
    from ganzoo.data.feed import Feed

# Images of one size per forward pass.
_AT_ONCE = 16
# Neighboring tiles overlap by this part of a tile.
_OVERLAP = 4
# Pairs in the image of a model card.
_SHOWN = 6


class ImageTranslation(TwoSides):
    """Translation of images from one kind to another and back.

    The networks `generator`, from the first side to the second, and `backward_generator` map float32 (batch, height,
    width, 3) in [-1, 1] to the same shape; height and width are multiples of 4. The model calls `set_sides` in its
    constructor.

    Example:
        class MyTranslator(ganzoo.ImageTranslation, ganzoo.ZooModel):
            def __init__(self, crop: int = 64):
                super().__init__({"generator": my_network(), "backward_generator": my_network()})
                self.set_sides(crop, ("photo", "painting"))
    """

    # Of the model.
    averages: Any
    inference_network: Any
    model_name: Any

    data = staticmethod(unpaired)
    evaluation = "ganzoo.evaluation.image_translation"
    page = "ganzoo.demos.cyclegan"
    purpose = "translates images between two kinds"
    usage = "ganzoo translate IN OUT --model {name}"
    commands = ("translate",)
    sources = ("ganzoo.data.unpaired", " of two sides")
    example = (
        "import numpy as np\nfrom PIL import Image\n"
        'image = np.asarray(Image.open("in.png").convert("RGBA"))\n'
        'translated = model.translate(image)  # uint8 (height, width, 4); direction="backward" for the way back'
    )
    pipeline = "image-to-image"
    limits = (
        "It has seen no pairs: what it changes is what differs on average between both kinds, and it may change what "
        "should stay. Colors and textures change more reliably than shapes."
    )
    has_fixed_shapes = True
    output_name = "translated"

    def set_sides(self, crop: int, domains: Sequence[str], zoom: float = 1.0) -> None:
        """Sets the model's sizes and the names of its sides.

        Args:
            crop: height and width of training images.
            domains: names of both sides, e.g. ("photo", "painting").
            zoom: how many times larger the second side shows things, between 1/2 and 2. The networks see both sides at
                the size of the second: images of the first are magnified before, and results of the way back reduced.

        Raises:
            GanzooError: two equal names, or a zoom out of range.
        """
        if not 0.5 <= zoom <= 2:
            raise GanzooError(f"zoom is between 0.5 and 2, got {zoom}")
        self.set_domains(domains)
        self.crop = crop
        self.zoom = zoom

    # Inference.

    def translate(
        self,
        images: np.ndarray | Sequence[np.ndarray],
        direction: str = FORWARD,
        tile: int = 512,
        background: Sequence[int] = WHITE,
        progress: bool | Callable[[int, int], object] | None = None,
    ) -> np.ndarray | list[np.ndarray]:
        """Translates images to the other side.

        Images larger than a tile are translated in tiles that fade into each other.

        Args:
            images: uint8 (count, height, width, channels) or one (height, width[, channels]), or a list of images of
                different sizes; 1 (gray), 2 (gray and alpha), 3 (RGB) or 4 (RGB and alpha) channels.
            direction: "forward" to the second side, "backward" to the first, or a name such as "photo_to_painting",
                see `directions`.
            tile: largest height and width that the network takes at once.
            background: (red, green, blue) in 0..255 on which images with alpha are translated. Over it, the result
                shows the translation within the outline of the image, whose alpha it keeps, magnified or reduced
                if the model has a `zoom`. It surrounds reduced images.
            progress: whether to show a progress bar for the tiles of an image, or a function of (tiles done, total
                tiles). By default a bar is shown on a terminal if there is more than one tile.

        Returns:
            As given, with 3 channels, or 4 for images with alpha; a list for a list.

        Raises:
            GanzooError: an unknown direction, an array of another type or shape, or a background that is no color.

        Example:
            photos = np.random.default_rng(0).integers(0, 256, (2, 40, 60, 3), "uint8")
            model = ganzoo.create("cyclegan", width=8, blocks=2, domains=("photo", "painting"))
            paintings = model.translate(photos, direction="photo_to_painting")      # uint8 (2, 40, 60, 3)
        """
        network = self.generator_of(direction)
        at_least_one(tile=tile)
        checked_background(background)
        backend.sync_variables(self)
        if isinstance(images, (list, tuple)) and (not images or np.ndim(images[0]) > 1):
            return [self._translated(_checked(image), network, tile, background, progress) for image in images]
        array = np.asarray(images)
        if array.ndim != 4:
            return self._translated(_checked(array), network, tile, background, progress)
        if not len(array):
            raise GanzooError(f"translate() takes at least one image, got {array.shape}")
        checked = [_checked(image) for image in array]
        if max(array.shape[1:3]) > tile:
            return np.stack([self._translated(image, network, tile, background, progress) for image in checked])
        colors = np.stack([self._given(_composed(image, background), network, background) for image in checked])
        parts = [self._small(colors[i : i + _AT_ONCE], network) for i in range(0, len(colors), _AT_ONCE)]
        pairs = zip(np.concatenate(parts), checked)
        return np.stack([self._finished(result, image, network, background) for result, image in pairs])

    def _translated(
        self,
        image: np.ndarray,
        network: str,
        tile: int,
        background: Sequence[int],
        progress: bool | Callable[[int, int], object] | None,
    ) -> np.ndarray:
        """One image of any size."""
        colors = self._given(_composed(image, background), network, background)
        if max(image.shape[:2]) <= tile:
            result = self._small(colors[None], network)[0]
        else:
            size = max(2 * MULTIPLE, -(-tile // MULTIPLE) * MULTIPLE)
            forward = self._compiled[network]
            large = in_blended_tiles(forward, _padded(colors[None])[0], size, size // _OVERLAP, progress)
            result = large[: image.shape[0], : image.shape[1]]
        return self._finished(result, image, network, background)

    def _zooms(self, network: str) -> tuple[float, float]:
        """The factors by which images are magnified before and after the network of a direction."""
        return (self.zoom, 1.0) if network == "generator" else (1.0, 1 / self.zoom)

    def _given(self, image: np.ndarray, network: str, background: Sequence[int]) -> np.ndarray:
        """An image at the size at which the network of a direction takes it."""
        return pixels.zoomed_uint8(image, self._zooms(network)[0], outside=background)

    def _finished(self, result: np.ndarray, image: np.ndarray, network: str, background: Sequence[int]) -> np.ndarray:
        """The translation of an image from the network's result, with the alpha of the image if it has one."""
        before, after = self._zooms(network)
        result = pixels.zoomed_uint8(result, after, outside=background)
        if image.shape[2] == 3:
            return result
        alpha = pixels.zoomed_uint8(image[..., 3:], before * after, outside=0)[..., 0]
        return without_background(result, alpha, background)

    def _small(self, images: np.ndarray, network: str) -> np.ndarray:
        """A batch of images of one size that the network takes at once."""
        answers = self._compiled[network](pixels.to_float(_padded(images)))
        if not np.isfinite(answers).all():
            raise GanzooError("the network's output is not finite: its weights are damaged")
        return pixels.to_uint8(answers)[:, : images.shape[1], : images.shape[2]]

    @functools.cached_property
    def _compiled(self) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
        """{name of a generator: compiled function of its moving average}."""
        return {name: _compiled_network(self.averages[name]) for name in ("generator", "backward_generator")}

    # For runs, tests and benchmarks.

    def data_arguments(self) -> dict[str, Any]:
        # Data functions of models without a zoom need not know it.
        return {"crop": self.crop} | ({} if self.zoom == 1 else {"zoom": self.zoom})

    def check_data(self, data: Any, targets: Any = None) -> None:
        super().check_data(data, targets)
        refuse_other_parts(data, targets, [(self.crop, self.crop, 3)] * 2, self.model_name, "unpaired")

    def example_batch(self, batch_size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """A random batch with the structure of the model's dataset, for tests."""
        rng = np.random.default_rng(seed)
        first, second = rng.integers(0, 256, (2, batch_size, self.crop, self.crop, 3), dtype="uint8")
        return pixels.to_float(first), pixels.to_float(second)

    def example_inputs(self, count: int, seed: int = 0) -> list[np.ndarray]:
        """Random inputs of the inference network, for tests."""
        return [self.example_batch(count, seed)[0]]

    def endpoints(self) -> dict[str, Endpoint]:
        """`serve_uint8` and `serve_backward_uint8`: `translate` on white for uint8 images without alpha. Height and
        width are multiples of 4."""
        return {
            name: Endpoint(
                functools.partial(_translated_uint8, network, *self._zooms(key)),
                {"images": ((None, None, None, 3), "uint8")},
                "translated",
                lambda count: [pixels.to_uint8(images) for images in self.example_inputs(count)],
                [] if network is self.inference_network else network.variables,
            )
            for name, network, key in (
                ("serve_uint8", self.inference_network, "generator"),
                ("serve_backward_uint8", self.averages["backward_generator"], "backward_generator"),
            )
        }

    def preview(self, feed: "Feed", count: int) -> np.ndarray | None:
        """Held-out images of both sides: original, translation, the translation translated back, and the ground truth
        if there is one."""
        pairs = [pair for pair in feed.validation if pair[0] is not None and pair[1] is not None]
        paired = bool(pairs)
        pairs = pairs or [pair for pair in feed.validation if pair[0] is not None or pair[1] is not None]
        chosen = [pairs[i * len(pairs) // count] for i in range(count)] if len(pairs) > count else pairs
        rows = [
            self._row(np.stack([given]), direction, pair[1 - side] if paired else None)
            for pair in chosen
            for side, direction in enumerate((FORWARD, BACKWARD))
            if (given := pair[side]) is not None
        ][:count]
        # One size for all, for the grid.
        height, width = (min((row.shape[axis] for row in rows), default=0) for axis in (0, 1))
        return np.stack([row[:height, :width] for row in rows]) if rows else None

    def _row(self, image: np.ndarray, direction: str, target: np.ndarray | None) -> np.ndarray:
        there = self.translate(image, direction)
        back = self.translate(there, BACKWARD if direction == FORWARD else FORWARD)
        shown = [image[0], there[0], back[0], *([] if target is None else [target])]
        return np.concatenate(shown, axis=1)

    def sample_image(self, source: str) -> tuple[np.ndarray, str] | None:
        """Some images of both sides with their translations and the ground truth."""
        pairs = pairs_of(source)
        if not pairs:
            return None
        chosen = [pairs[i * len(pairs) // _SHOWN] for i in range(min(_SHOWN, len(pairs)))]
        rows = []
        for side, direction in enumerate((FORWARD, BACKWARD)):
            given = [pair[side] for pair in chosen]
            rows += [*given, *self.translate(given, direction), *(pair[1 - side] for pair in chosen)]
        if len({image.shape for image in rows}) > 1:
            return None
        first, second = self.domains
        caption = (
            f"Rows: {first}, translated to {second}, the true {second}; {second}, translated to {first}, the true "
            f"{first}; not seen in training"
        )
        return grid(np.stack(rows), columns=len(chosen)), caption

    def validation_metrics(self, feed: "Feed | None", evaluation: "Evaluation") -> ValidationMetrics | None:
        """The metrics of held-out pairs, the means of both directions; None if there are no pairs, since nothing says
        then which checkpoint is best."""
        if evaluation.extractor is not None:
            raise GanzooError(
                "evaluation.extractor is for models that generate images from noise; set evaluation.monitor instead"
            )
        pairs = [pair for pair in (feed.validation if feed else ()) if pair[0] is not None and pair[1] is not None]
        if feed is not None and not pairs:
            return None
        names = [evaluation.monitor or "paired_psnr", "paired_psnr", "cycle_psnr"]
        metrics = chosen_metrics("image_translation", names, [image for pair in pairs for image in pair])

        def compute_metrics(model: Any) -> dict[str, float]:
            rows = [
                averages([compute(metrics, one) for one in translations(model.translate, pairs, direction)])
                for direction in (FORWARD, BACKWARD)
            ]
            return averages(rows)

        where = f"over {len(pairs)} held-out pairs, in both directions"
        return ValidationMetrics.of(metrics[0], compute_metrics, where)


def translations(
    translate: Callable[..., Any], pairs: Sequence[tuple[np.ndarray, np.ndarray]], direction: str
) -> list[Translation]:
    """What becomes of the images of one side of pairs.

    Args:
        translate: function of (list of images, direction), as `ImageTranslation.translate`.
        pairs: images of both sides of the same shape.
        direction: "forward" or "backward".
    """
    side = 0 if direction == FORWARD else 1
    given = [pair[side] for pair in pairs]
    # Images of one size at once.
    given = np.stack(given) if len({image.shape for image in given}) == 1 else given
    there = translate(given, direction)
    back = translate(there, BACKWARD if direction == FORWARD else FORWARD)
    return [Translation(image, *others) for image, *others in zip(given, there, (p[1 - side] for p in pairs), back)]


def pairs_of(source: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of images that have the same name on both sides of a source and the same size, in the order of names.

    Args:
        source: see `ganzoo.data.unpaired.open_sides`; its part "test" if it does not name one.
    """
    sides = [dict(zip(names_of(side), side.images)) for side in open_sides(source, "test")]
    pairs = [(sides[0][name], sides[1][name]) for name in sorted(sides[0]) if name in sides[1]]
    return [pair for pair in pairs if pair[0].shape == pair[1].shape]


def _compiled_network(network: Any) -> Callable[[np.ndarray], np.ndarray]:
    def forward(images: Any) -> Any:
        return network(images, training=False)

    return backend.compiled(forward, [((None, None, None, 3), "float32")], network)


def _translated_uint8(network: Any, before: float, after: float, images: Any) -> Any:
    """The translation of uint8 images, which are magnified before and after the network."""
    given = _zoomed_and_clipped(pixels.to_float(images), before)
    return pixels.as_uint8(_zoomed_and_clipped(network(given, training=False), after))


def _zoomed_and_clipped(images: Any, factor: float) -> Any:
    """Images in [-1, 1], as `zoomed_uint8` takes and gives them."""
    if factor == 1:
        return images
    return ops.clip(pixels.zoomed(ops.clip(images, -1.0, 1.0), factor, outside=1.0), -1.0, 1.0)


def _checked(image: Any) -> np.ndarray:
    """An image as uint8 (height, width, 3 or 4)."""
    image = np.asarray(image)
    image = image[..., None] if image.ndim == 2 else image
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 2, 3, 4) or not image.size:
        raise GanzooError(
            "translate() takes uint8 images (height, width[, channels]) with 1 to 4 channels, or batches of them, got "
            f"{image.dtype} {image.shape}"
        )
    if image.shape[2] > 2:
        return image
    gray = np.repeat(image[..., :1], 3, axis=2)
    return gray if image.shape[2] == 1 else np.concatenate([gray, image[..., 1:]], axis=2)


def _composed(image: np.ndarray, background: Sequence[int]) -> np.ndarray:
    return image if image.shape[2] == 3 else over_background(image, background)


def _padded(images: np.ndarray) -> np.ndarray:
    """Images extended at the bottom and right, by repetition of the border, to a size that the networks take."""
    height, width = (max(2 * MULTIPLE, -(-size // MULTIPLE) * MULTIPLE) for size in images.shape[1:3])
    spare = (height - images.shape[1], width - images.shape[2])
    return np.pad(images, ((0, 0), (0, spare[0]), (0, spare[1]), (0, 0)), "edge") if any(spare) else images
