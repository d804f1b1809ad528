"""The classifiers of avatars' attributes, and metrics of captions obeyed."""

from dataclasses import replace

import numpy as np
import pytest

from ganzoo.data import avatars
from ganzoo.data.avatar_attributes import ATTRIBUTES, NAMES
from ganzoo.errors import GanzooError
from ganzoo.evaluation import attributes
from ganzoo.loading import build
from ganzoo.metrics import get_extractor
from ganzoo.metrics.attributes import accuracies
from ganzoo.metrics.text_to_image import attributes_obeyed, right_by_attributes
from ganzoo.presets import find
from ganzoo.training.publish import measure

_SHAPE = (64, 64, 3)
both = pytest.mark.parametrize("name", ["avatars_classifier", "avatars_judge"])


@pytest.fixture(scope="module", autouse=True)
def _extra():
    pytest.importorskip("dicebear", reason="the extra avatars is not installed")


@both
def test_classifiers_name_what_fresh_avatars_show(name):
    classifier = get_extractor(name)
    assert classifier.attributes == ATTRIBUTES
    # A seed that nothing was trained or chosen with.
    found = accuracies(classifier, avatars.open_images("600:seed=77", _SHAPE), avatars.parse("600:seed=77").attributes)
    assert min(found.values()) > 0.96, found
    assert np.mean(list(found.values())) > 0.985, found


@both
def test_features_have_no_logits_of_one_class(name):
    features = get_extractor(name)(avatars.open_images("10", _SHAPE))
    assert features.logits is None
    assert features.vectors.shape == (10, {"avatars_classifier": 128, "avatars_judge": 96}[name])
    rows = get_extractor(name).probabilities(avatars.open_images("10", _SHAPE))
    assert list(rows) == list(NAMES)
    assert all(np.allclose(part.sum(axis=1), 1, atol=1e-5) for part in rows.values())


def test_classes_that_are_values_of_an_attribute_get_its_logits():
    images = avatars.open_images("50", _SHAPE)
    judge = get_extractor("avatars_judge")
    of_mouths = judge.for_classes(ATTRIBUTES["mouth"])
    features = of_mouths(images)
    assert of_mouths.classifies
    assert "mouth" in features.extractor
    np.testing.assert_array_equal(features.logits.argmax(axis=1), judge.values(images)[:, NAMES.index("mouth")])
    np.testing.assert_array_equal(features.vectors, judge(images).vectors)
    assert judge(images).logits is None
    assert judge.for_classes(["cat", "dog"]) is judge


def test_only_what_captions_name_counts():
    found = np.array([[0, 1], [2, 1], [1, 0]])
    said = np.array([[0, 1], [1, -1], [1, -1]])
    assert attributes_obeyed(found, said, ["hair", "mouth"]) == {"hair": pytest.approx(2 / 3), "mouth": 1.0}
    assert attributes_obeyed(found, np.full((3, 2), -1), ["hair", "mouth"]) == {}


def test_the_right_caption_is_told_from_those_that_contradict_it():
    # Two attributes of two values: three images are sure, the last shows what its caption does not say.
    sure, other = [0.99, 0.01], [0.01, 0.99]
    chances = {"hair": np.array([sure, sure, other, other]), "mouth": np.array([sure, other, sure, sure])}
    own = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    assert right_by_attributes(chances, own, own, 10, np.random.default_rng(0)) == 0.75
    # The first caption now holds for everybody with the first mouth, and contradicts the second and the last alone.
    said = np.array([[-1, 0], [0, 1], [1, 0], [1, 1]])
    assert right_by_attributes(chances, said, own, 10, np.random.default_rng(0)) == 0.75


class Painter:
    """A model that gives the avatars of the captions it knows, and of a few of them another one's."""

    image_shape = _SHAPE

    def __init__(self, *places, wrong=0):
        self.known, self.wrong = {}, wrong
        for place in places:
            images = avatars.open_images(place, _SHAPE)
            for image, texts in zip(images, avatars.captions_of(place).texts):
                self.known[texts[0]] = image

    def generate(self, count=None, captions=None, seed=0):
        if count is not None:
            return np.stack([self.known[captions]] * count)
        images = np.stack([self.known[caption] for caption in captions])
        images[: self.wrong] = images[self.wrong : 2 * self.wrong]
        return images


def test_a_model_that_knows_the_avatars_obeys_and_one_that_mixes_them_up_does_not():
    places = "200:seed=55", "200:seed=55:held-out"
    good = attributes.evaluate(Painter(*places), "200:seed=55").metrics
    for prefix in ("", "held_out_", "real_"):
        assert good[f"{prefix}attributes_obeyed"] > 0.97
        assert good[f"{prefix or 'right_'}of_10"] > 0.97
    assert good["frechet_distance"] < 0.01
    assert good["recall"] == 1.0
    mixed = attributes.evaluate(Painter(*places, wrong=100), "200:seed=55").metrics
    # A random value of two to twelve in half of the images.
    assert 0.4 < mixed["attributes_obeyed"] < 0.75
    assert mixed["obeyed_hair"] < 0.65
    assert mixed["held_out_of_10"] < 0.75
    assert mixed["real_attributes_obeyed"] > 0.97


class TwoStages(Painter):
    """Gives the avatars at 128 pixels, after a Stage-I of 64."""

    image_shape, factor = (128, 128, 3), 2

    def __init__(self, *places):
        super().__init__(*places)
        self.small = self.known
        self.known = {}
        for place in places:
            for image, texts in zip(avatars.open_images(place, self.image_shape), avatars.captions_of(place).texts):
                self.known[texts[0]] = image

    def generate_both_stages(self, captions, seed=0):
        return np.stack([self.small[caption] for caption in captions]), self.generate(captions=captions)


def test_larger_images_are_averaged_for_the_classifiers_and_compared_with_stage1():
    places = "60:seed=56", "60:seed=56:held-out"
    found = attributes.evaluate(TwoStages(*places), "60:seed=56").metrics
    assert found["real_attributes_obeyed"] == found["attributes_obeyed"] > 0.96
    assert found["attributes_kept"] > 0.98
    # The avatars themselves are as crisp as others of the same size; enlarged ones are not.
    assert found["spectral_distance"] == found["real_spectral_distance"] < 2
    assert found["stage1_spectral_distance"] > 10


def test_images_of_another_size_and_few_avatars_are_refused():
    with pytest.raises(GanzooError, match="at least 20"):
        attributes.evaluate(Painter("5"), "5")
    painter = Painter("20")
    painter.image_shape = (32, 32, 3)
    with pytest.raises(GanzooError, match=r"takes images of \(64, 64, 3\)"):
        attributes.evaluate(painter, "20")


def test_published_metrics_say_whether_classes_that_are_attributes_were_obeyed():
    config = find("cgan.avatars").config
    small = replace(config, arguments={**config.arguments, "width": 4, "latent_dim": 8})
    metrics, protocol = measure(build(small, "small"), small, "avatars:60:seed=3", samples=60)
    assert 0 <= metrics["class_accuracy"] <= 1
    assert protocol.startswith("avatars_judge, hair, features")
