"""The page's functions for attributes of avatars, with an untrained model until a preset of avatars has weights."""

import numpy as np
import pytest

import ganzoo
from ganzoo.data.avatar_attributes import ATTRIBUTES
from ganzoo.inference import grid
from ganzoo.inference.image_files import read_image_file
from ganzoo.metrics import get_extractor

gradio = pytest.importorskip("gradio")

from ganzoo.demos import attributes, common, hub  # noqa: E402

AVATARS = "gan_int_cls.avatars"
AS_IT_IS = [attributes.UNCHANGED] * len(ATTRIBUTES)
GROUPS = list(attributes.GROUPS)[:3]
trained = pytest.mark.skipif(
    AVATARS not in common.trained_presets("gan_int_cls"), reason=f"{AVATARS} has no weights to change faces of"
)


def wanted(**values):
    return [values.get(name, attributes.UNCHANGED) for name in ATTRIBUTES]


@pytest.fixture
def model(monkeypatch):
    """An untrained model in place of the preset's."""
    model = ganzoo.create("dcgan", image_shape=(64, 64, 3), latent_dim=8, width=4)
    monkeypatch.setattr(attributes, "loaded", lambda preset: model)
    monkeypatch.setattr(attributes, "presets_with_attributes", lambda name: [AVATARS])
    attributes._directions.cache_clear()
    yield model
    attributes._directions.cache_clear()


@pytest.mark.parametrize("odd", [None, float("nan"), float("inf"), -1, 1.6, 2**40, "x", [1], True])
def test_odd_numbers_become_messages(odd, model, message):
    assert "the seed" in message(attributes.change, AVATARS, odd, 1, *AS_IT_IS)
    assert "the strength" in message(attributes.change, AVATARS, 0, odd, *AS_IT_IS)
    assert "the seed" in message(attributes.arithmetic, AVATARS, *GROUPS, odd)


@pytest.mark.parametrize("odd", [None, 3, [], {}, "men with glasses", "x" * 10_000])
def test_odd_choices_become_messages(odd, model, message):
    for place in range(3):
        told = message(attributes.arithmetic, AVATARS, *(odd if i == place else GROUPS[i] for i in range(3)), 0)
        assert "unknown group of faces" in told
        assert len(told) < 5000
    told = message(attributes.change, AVATARS, 0, 1, *wanted(glasses=odd))
    assert "unknown value of glasses" in told
    assert len(told) < 1000
    assert "8 attributes are expected, got 1" in message(attributes.change, AVATARS, 0, 1, odd)


def test_other_presets_have_no_attributes(message):
    for preset in ("dcgan.mnist", "dcgan.digits"):
        assert preset not in attributes.presets_with_attributes("dcgan")
        assert "does not generate avatars" in message(attributes.change, preset, 0, 1, *AS_IT_IS)
        assert "does not generate avatars" in message(attributes.arithmetic, preset, *GROUPS, 0)
    assert "unknown preset" in message(attributes.change, "/etc/passwd", 0, 1, *AS_IT_IS)
    assert attributes.presets_with_attributes("lsgan") == []
    page = {component.elem_id for component in hub.build("lsgan").blocks.values()}
    assert "lsgan-grid" in page
    assert "lsgan-attributes" not in page


@pytest.mark.parametrize(
    ("source", "size", "has"),
    [("avatars:100", 64, True), ("avatars:100", 28, False), ("folder:photos", 64, False), ("avatarsfolder", 64, False)],
)
def test_attributes_need_avatars_of_the_classifiers_size(source, size, has, tmp_path, monkeypatch):
    path = tmp_path / "mine.yaml"
    arguments = f"arguments: {{image_shape: [{size}, {size}, 3]}}"
    path.write_text(f"model: dcgan\ndescription: mine\n{arguments}\ndata: {{source: '{source}'}}")
    monkeypatch.setattr(attributes, "trained_presets", lambda model: [str(path)] * (model == "dcgan"))
    assert attributes.presets_with_attributes("dcgan") == [str(path)] * has
    # A preset that was added is called by its path.
    model = ganzoo.create("dcgan", image_shape=(size, size, 3), latent_dim=4, width=4)
    monkeypatch.setattr(attributes, "loaded", lambda preset: model)
    if has:
        assert attributes._avatar_model(str(path)) is model
    else:
        with pytest.raises(ganzoo.GanzooError, match="does not generate avatars"):
            attributes._avatar_model(str(path))


def test_a_face_without_changes_stays_as_it_is(model):
    before, after, told, path = attributes.change(AVATARS, 5, 1, *AS_IT_IS)
    image = model.generate(1, seed=5)
    np.testing.assert_array_equal(before, common.enlarged(image[0], 280))
    np.testing.assert_array_equal(after, before)
    assert told.endswith("sees no change asked for.")
    np.testing.assert_array_equal(read_image_file(path).pixels, grid(np.repeat(image, 2, axis=0), columns=2))


def test_what_the_model_does_not_generate_is_said(model, message):
    missing = next(v for v in ATTRIBUTES["hair"] if v not in attributes._directions(AVATARS)["hair"])
    assert f"generated images show hair={missing}" in message(attributes.change, AVATARS, 0, 1, *wanted(hair=missing))
    assert "generated images show" in message(attributes.arithmetic, AVATARS, *GROUPS, 0)


def test_the_report_names_what_changed_and_what_was_asked_for():
    """Two real avatars, one of them with round glasses; the classifier is nearly always right about such images."""
    from ganzoo.data import avatars

    images = avatars.open_images("60:seed=7", (64, 64, 3))
    values = get_extractor(attributes.JUDGE).values(images)
    round_glasses = ATTRIBUTES["glasses"].index("round")
    place = list(ATTRIBUTES).index("glasses")
    new, old = np.argmax(values[:, place] == round_glasses), np.argmax(values[:, place] != round_glasses)
    told = attributes._seen(images[[old, new]], {"glasses": "round"})
    assert "sees glasses: **round**." in told
    assert "asked for" not in told
    also = told.partition(" Also changed: ")[2]
    for number, (name, choices) in enumerate(ATTRIBUTES.items()):
        if number != place:
            change = f"{name.replace('_', ' ')}, {choices[values[old, number]]} to {choices[values[new, number]]}"
            assert (change in also) == (values[old, number] != values[new, number])
    assert "sees glasses: **round** (asked for: none)" in attributes._seen(images[[old, new]], {"glasses": "none"})


@trained
def test_a_visitor_sees_attributes_of_the_preset_of_avatars():
    assert AVATARS in attributes.presets_with_attributes("gan_int_cls")
    assert attributes.presets_with_attributes("stackgan") == []
    app = hub.build("gan_int_cls")
    page = {component.elem_id: component for component in app.blocks.values() if component.elem_id}
    assert page["gan_int_cls-attributes"].visible
    for name, values in ATTRIBUTES.items():
        choice = page[f"gan_int_cls-attribute-{name.replace('_', '-')}"]
        assert [value for _, value in choice.choices] == [attributes.UNCHANGED, *values]
    assert [page[f"gan_int_cls-term-{letter}"].value for letter in "abc"] == GROUPS


@trained
def test_a_visitor_gives_a_face_glasses():
    model, judge = attributes._avatar_model(AVATARS), get_extractor(attributes.JUDGE)
    place = list(ATTRIBUTES).index("glasses")
    values = judge.values(model.generate(latents=np.concatenate([model.latents(1, seed=seed) for seed in range(8)])))
    seed = int(np.argmax(values[:, place] == 0))
    before, after, told, path = attributes.change(AVATARS, seed, 1, *wanted(glasses="round"))
    np.testing.assert_array_equal(before, common.enlarged(model.generate(1, seed=seed)[0], 280))
    assert (after != before).any()
    assert "sees glasses: **round**" in told
    assert path.endswith(f"{AVATARS}-attributes-seed{seed}.png")
    same = attributes.change(AVATARS, seed, 0, *wanted(glasses="round"))
    np.testing.assert_array_equal(same[1], before)


@trained
def test_a_visitor_adds_and_subtracts_faces():
    faces, result, path = attributes.arithmetic(AVATARS, *GROUPS, 0)
    size = 64 + 2
    sheet = read_image_file(path).pixels
    assert sheet.shape == (3 * size - 2, 3 * size - 2, 3)
    np.testing.assert_array_equal(result, common.enlarged(sheet))
    assert faces.shape[1] / faces.shape[0] == pytest.approx(4 / 3, abs=0.01)
    middle = sheet[size : size + 64, size : size + 64]
    shown = get_extractor(attributes.JUDGE).probabilities(middle[None])
    assert shown["glasses"][0, 1:].sum() > 0.5
