"""Models that draw what a sentence says: whether somebody who never saw them sees it as well."""

import hashlib

import numpy as np

from ganzoo.data.captions import open_captions
from ganzoo.data.feed import held_out_indices
from ganzoo.data.image_files import resized
from ganzoo.errors import GanzooError
from ganzoo.evaluation.report import Evaluation, short
from ganzoo.metrics.features import Features
from ganzoo.metrics.frechet import FeatureStatistics, frechet_distance
from ganzoo.metrics.text_to_image import HUES, distinct, has_color, right_among, sharpness, variety
from ganzoo.text.characters import CharacterEncoder
from ganzoo.text.matching import Matching

# The judge's own seed and size: another pair of networks than any model's encoder.
_JUDGE = dict(seed=1234, epochs=60)
_CAPTIONS = 500
_THINGS = ("heart", "circle", "square", "book", "apple")


def baseline(model, data):
    """None: there is no image of a sentence without a model."""
    return None


def evaluate(model, data, extractor=None, samples=None, upscale=False, name="model"):
    """Measures a model that draws from captions.

    A judge, an encoder of letters and an image network of another seed, learns from all images of the source which
    caption goes with which. Then, of an image drawn for each caption, how often it finds that caption among others.

    Args:
        model: a trained `TextToImage` model.
        data: source of captioned images: those the model was trained on, of which every tenth was kept from it.
        extractor, samples, upscale: of other kinds of models; not used.
        name: of the model, for tables.

    Returns:
        An `Evaluation`: `right_of_10`, `right_of_100` of captions of training, `held_out_of_10`, `held_out_of_100` of
        those kept from it, `real_of_10` of real images; `colors_obeyed`, the share of images of "a red heart" and
        the like whose dominant hue is what was said; `variety` of eight images of one caption and `real_variety` of
        real ones of several, in gray levels; `frechet_distance` on the judge's features; and of a model with two stages
        `sharpness` beside `stage1_sharpness`, Stage-I's images enlarged.

    Raises:
        GanzooError: anything wrong with the data.
    """
    images, texts, _ = open_captions(data, model.image_shape, upscale=True)
    if len(images) < 20:
        raise GanzooError(f"{data} has {len(images)} captioned images: at least 20 are needed to judge by")
    judge = Matching(CharacterEncoder(dim=128))
    judge.learn(images, texts, verbose=0, **_JUDGE)
    held_out = held_out_indices(len(images), 0.1)
    rng = np.random.default_rng(0)
    captions = [of_one[0] for of_one in texts]
    different, own = distinct(captions)
    metrics = {}
    all_generated = []
    groups = {"right": [i for i in range(len(images)) if i not in held_out], "held_out": sorted(held_out)}
    for group, members in groups.items():
        chosen = rng.permutation(members)[:_CAPTIONS]
        drawn = model.generate(captions=[captions[i] for i in chosen], seed=0)
        alike = judge.similarity(drawn, different)
        for count in (10, 100):
            metrics[f"{group}_of_{count}"] = round(right_among(alike, own[chosen], count, np.random.default_rng(1)), 4)
        all_generated.append(drawn)
    chosen = rng.permutation(groups["right"])[:_CAPTIONS]
    real = judge.similarity(images[chosen], different)
    metrics["real_of_10"] = round(right_among(real, own[chosen], 10, np.random.default_rng(1)), 4)
    said = [(color, f"a {color} {thing}") for color in HUES for thing in _THINGS]
    shown = model.generate(captions=[caption for _, caption in said], seed=0)
    obeyed = [has_color(image, color) for image, (color, _) in zip(shown, said)]
    metrics["colors_obeyed"] = round(float(np.mean(obeyed)), 4)
    some = rng.permutation(groups["right"])[:20]
    of_one = [variety(model.generate(8, captions=captions[i], seed=0)) for i in some]
    metrics["variety"] = round(float(np.mean(of_one)), 2)
    metrics["real_variety"] = round(variety(images[some]), 2)
    drawn = np.concatenate(all_generated)
    statistics = [FeatureStatistics.of(Features(judge.vectors(some), "judge")) for some in (images, drawn)]
    metrics["frechet_distance"] = round(frechet_distance(*statistics), 2)
    if getattr(model, "factor", 1) > 1:
        small, large = model.generate_both_stages([captions[i] for i in some], seed=0)
        enlarged = np.stack([resized(image, large.shape[1:3]) for image in small])
        metrics.update(sharpness=round(sharpness(large), 2), stage1_sharpness=round(sharpness(enlarged), 2))
    digest = hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest()[:8]
    protocol = (
        f"{len(images):,} images of {short(data)} ({digest}), every tenth kept from training; one image of seed 0 "
        f"for the first caption of up to {_CAPTIONS} of each, judged at 32x32 among captions of all images by an "
        f"encoder of letters and an image network of seed {_JUDGE['seed']} that learned from all of them in "
        f"{_JUDGE['epochs']} "
        f"epochs; colors: {', '.join(HUES)} with {', '.join(_THINGS)}; Fréchet distance on the judge's features (not "
        "FID)"
    )
    return Evaluation(name, protocol, metrics)
