"""Models that generate images from captions: whether a network that never saw their images recognizes the captions."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from ganzoo.data.captions import open_captions
from ganzoo.errors import GanzooError
from ganzoo.evaluation import attributes
from ganzoo.evaluation.report import Evaluation, short
from ganzoo.metrics.captioned_sets import CaptionedSets
from ganzoo.metrics.registry import chosen_metrics, compute, protocols, rounded


def baseline(model: Any, data: str, metrics: Sequence[str] | None = None) -> None:
    """None: no images come from captions without a model."""
    return None


def evaluate(
    model: Any,
    data: str,
    extractor: None = None,
    samples: int | None = None,
    upscale: bool = False,
    metrics: Sequence[str] | None = None,
    name: str = "model",
) -> Evaluation:
    """Measures a model that generates images from captions.

    A matching network, an encoder of letters and an image network of its own seed, learns from all real images which
    caption belongs to which. The main metric is how often it recognizes a generated image's caption among others.

    Args:
        model: a trained `TextToImage` model.
        data: source of captioned images: those the model was trained on, of which every tenth was held out.
            Of avatars others than those of training, which `ganzoo.evaluation.attributes` measures by.
        extractor, samples, upscale: of other tasks; not used.
        metrics: names of metrics; all of these if not given. `caption_recognized`: `right_of_10` and `right_of_100`
            for captions of training, `held_out_of_10` and `held_out_of_100` for others, `real_of_10` for real images;
            `colors_obeyed`: the share of images of "a red heart" and the like with that dominant hue; `variety` of
            eight images of one caption, and `real_variety` of real images of several, in gray levels;
            `frechet_distance`; and of a model with two stages `sharpness`, and `stage1_sharpness` of enlarged images
            of Stage-I.
        name: of the model, for tables.

    Returns:
        An `Evaluation`.

    Raises:
        GanzooError: an unknown metric, or anything wrong with the data.
    """
    scheme, _, place = data.partition(":")
    if scheme == "avatars":
        return attributes.evaluate(model, place, metrics, name)
    images, texts, _ = open_captions(data, model.image_shape, upscale=True)
    if len(images) < 20:
        raise GanzooError(f"{data} has {len(images)} captioned images: an evaluation needs at least 20")
    chosen = chosen_metrics("text_to_image", metrics, model)
    values = compute(chosen, CaptionedSets(model, images, texts))
    digest = hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest()[:8]
    protocol = f"{len(images):,} images of {short(data)} ({digest}), every tenth held out{protocols(chosen)}"
    return Evaluation(name, protocol, rounded(values))
