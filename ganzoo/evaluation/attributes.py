"""Models that generate avatars from captions: which of the attributes in a caption the image shows."""

from collections.abc import Sequence
from typing import Any

from ganzoo.data import avatars
from ganzoo.errors import GanzooError
from ganzoo.evaluation.report import Evaluation
from ganzoo.metrics.attribute_sets import TASK, AttributeSets
from ganzoo.metrics.registry import chosen_metrics, compute, protocols, rounded

_LEAST = 20


def evaluate(model: Any, place: str, metrics: Sequence[str] | None = None, name: str = "model") -> Evaluation:
    """Measures a text-to-image model on avatars that it was not trained on.

    Args:
        model: a trained `TextToImage` model.
        place: what follows "avatars:" in the source. As many avatars with held-out pairs of hair color and clothes
            color are added.
        metrics: names of metrics; all of these if not given. `attributes_obeyed`: the mean over all attributes, and
            `obeyed_<attribute>`, the share of captions that name it whose image shows it, for pairs of colors seen
            in training, and `real_attributes_obeyed` of real images; `held_out_attributes_obeyed`: the same with
            `held_out_` in front for the others; `caption_recognized`: `right_of_10`, how often the own caption is rated
            above nine wrong ones, `held_out_of_10` and `real_of_10`; `frechet_distance`;
            `precision_recall`; `stages` of a model with two: `attributes_kept` from Stage-I to Stage-II, and
            `spectral_distance` from real images, the same with `stage1_` of enlarged images of Stage-I, and with
            `real_` of other real ones; `variety` of eight images of one caption, and `real_variety` of several real
            images; `by_classifier`: `classifier_attributes_obeyed` and `classifier_frechet_distance` by the classifier
            that selects checkpoints.
        name: of the model, for tables.

    Returns:
        An `Evaluation`.

    Raises:
        GanzooError: an unknown metric, fewer than 20 avatars, images of another size than the classifiers take.
    """
    request = avatars.parse(place)
    if request.count < _LEAST:
        raise GanzooError(f"avatars:{place} has {request.count} avatars: an evaluation needs at least {_LEAST}")
    chosen = chosen_metrics(TASK, metrics, model)
    sets = AttributeSets(model, request)
    values = compute(chosen, sets)
    protocol = (
        f"avatars:{sets.request.place} and as many with held-out pairs of colors; one image of seed 0 for the "
        f"first caption of each, averaged generator, {model.image_shape[0]}x{model.image_shape[1]}{protocols(chosen)}"
    )
    return Evaluation(name, protocol, rounded(values))
