"""Avatars: what is rendered, what is said of it, and what happens where it cannot be."""

import json
import re
import sys

import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo import cli
from ganzoo.data import avatar_renderer, avatars
from ganzoo.data.avatar_attributes import ATTRIBUTES, HELD_OUT, NAMES, sample_attributes
from ganzoo.data.captions import captions, open_captions
from ganzoo.data.labeled import labeled
from ganzoo.data.sources import open_images
from ganzoo.errors import GanzooError
from ganzoo.files import cache_folder

pytest.importorskip("dicebear", reason="the extra avatars is not installed")
pytest.importorskip("resvg_py", reason="the extra avatars is not installed")

_SHAPE = (64, 64, 3)
# What a reader takes words for. Written by hand: not the tables that the captions are made from.
_WORDS = {
    "hair": {
        "long": r"long \w*-?\w* ?hair",
        "straight": "straight|sleek",
        "curly": "curly|curls",
        "bun": r"\bbun\b",
        "afro": "afro",
        "bob": r"\bbob\b",
        "dreadlocks": "dreads|dreadlocks",
        "short": r"\bshort\b",
        "cropped": "cropped|buzz cut",
        "mullet": "mullet",
        "big": r"\bbig\b|voluminous",
        "bald": r"\bbald\b|no hair",
    },
    "glasses": {
        "none": "no glasses",
        "glasses": r"(?<!no )(?<!round )\b(glasses|spectacles)",
        "round": "round (glasses|spectacles)",
        "sunglasses": "sunglasses|shades",
    },
    "facial_hair": {
        "none": "no beard|no facial hair|clean-shaven",
        "beard": r"(?<!no )\bbeard\b|bearded",
        "moustache": "mo?ustache",
    },
    "clothes": {
        "hoodie": "hoodie|hooded sweatshirt",
        "shirt": r"(?<!sweat)\bshirt|t-shirt",
        "blazer": "blazer|jacket",
        "sweater": r"sweater|pullover",
        "overalls": "overalls|dungarees",
    },
    "mouth": {
        "smiling": "smil|(?<!un)happy",
        "sad": r"\bsad\b|unhappy",
        "serious": "serious",
        "open": "shouting|screaming|open mouth",
    },
    "skin": {tone: f"{tone}[- ]skin" for tone in ("dark", "brown", "tan", "light", "pale")},
}
_WORN = "hoodie|hooded sweatshirt|shirt|t-shirt|blazer|jacket|sweater|pullover|overalls|dungarees|clothes"
_CLOTHES_COLOR = rf"\b(red|blue|green|yellow|pink|black|gray|grey) (?:{_WORN})"
_HAIR_COLORS = {
    "black": "black",
    "jet-black": "black",
    "brown": "brown",
    "chestnut": "brown",
    "blond": "blond",
    "blonde": "blond",
    "golden": "blond",
    "red": "red",
    "ginger": "red",
    "pink": "pink",
    "gray": "gray",
    "grey": "gray",
    "silver": "gray",
}
_HAIRY = "hair|curls|bun|afro|bob|dreadlocks|dreads|buzz cut|mullet|beard|moustache|mustache"
_HAIR_COLOR = rf"\b({'|'.join(sorted(_HAIR_COLORS, key=len, reverse=True))}) (?:{_HAIRY})"


def read(caption):
    """{attribute: value} of a caption, read independently of the code that writes captions."""
    found = {}
    for name, values in _WORDS.items():
        meant = [value for value, words in values.items() if re.search(words, caption)]
        if name == "clothes" and len(meant) > 1:
            meant.remove("shirt")
        assert len(meant) <= 1, (caption, name, meant)
        if meant:
            found[name] = meant[0]
    if match := re.search(_CLOTHES_COLOR, caption):
        found["clothes_color"] = match[1].replace("grey", "gray")
    if match := re.search(_HAIR_COLOR, caption):
        found["hair_color"] = _HAIR_COLORS[match[1]]
    return found


def named(attributes):
    return {name: ATTRIBUTES[name][number] for name, number in zip(NAMES, attributes) if number >= 0}


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("place", ["300", "300:held-out:seed=4"])
def test_captions_say_what_is_listed_and_nothing_else(place):
    attributes, described = avatars.parse(place).attributes, avatars.captions_of(place)
    complete = 0
    for own, texts, said in zip(attributes, described.texts, described.said):
        assert len(set(texts)) > 1
        for text, chosen in zip(texts, said):
            assert read(text) == named(chosen)
            assert named(chosen).items() <= named(own).items()
            assert len(text.encode()) <= avatars.MAX_LENGTH
            complete += len(named(chosen)) >= 6
    assert 0.3 < complete / (3 * len(attributes)) < 0.9


def test_captions_name_the_color_of_the_clothes_that_the_image_shows():
    count = 400
    images, described = open_images(f"avatars:{count}:seed=1", _SHAPE).images, avatars.captions_of(f"{count}:seed=1")
    colors = dict(red=(217, 58, 58), blue=(74, 144, 226), green=(79, 178, 98), yellow=(255, 216, 77))
    colors.update(pink=(255, 143, 192), black=(38, 46, 51), gray=(146, 149, 152))
    seen = set()
    for image, own, texts in zip(images, avatars.parse(f"{count}:seed=1").attributes, described.texts):
        if named(own)["clothes"] == "blazer":
            continue
        # The middle of the chest.
        pixel = image[62, 32].astype(int)
        nearest = min(colors, key=lambda color: np.abs(pixel - colors[color]).sum())
        for text in texts:
            asked = read(text).get("clothes_color", nearest)
            assert asked == nearest, text
            seen.add(asked)
    assert seen == set(colors)


def test_glasses_beards_and_bald_heads_are_rendered():
    one = sample_attributes(1, 0)[0]
    from ganzoo.data.avatar_attributes import style_options

    def shown(**values):
        changed = one.copy()
        for name, value in values.items():
            changed[NAMES.index(name)] = ATTRIBUTES[name].index(value)
        return avatar_renderer.render("avataaars", 64, [style_options(changed, 64)])[0].astype(int)

    plain = dict(hair="short", hair_color="black", glasses="none", facial_hair="none", skin="pale", clothes_color="red")
    bare = shown(**plain)
    assert (bare[0] > 240).all()  # white behind
    eyes, chin, top = np.s_[22:32, 18:46], np.s_[36:46, 24:40], np.s_[4:12, 24:40]
    assert shown(**{**plain, "glasses": "sunglasses"})[eyes].mean() < bare[eyes].mean() - 30
    assert shown(**{**plain, "facial_hair": "beard"})[chin].mean() < bare[chin].mean() - 30
    assert shown(**{**plain, "hair": "bald"})[top].mean() > bare[top].mean() + 30


def test_a_seed_gives_the_same_avatars_and_a_larger_count_begins_with_them(own_cache, monkeypatch):
    # 300 are rendered by several processes, 40 by this one.
    first = avatars.open_images("40:seed=3", _SHAPE)
    monkeypatch.setattr(avatar_renderer, "_CHUNK", 100)
    more = avatars.open_images("300:seed=3", _SHAPE)
    np.testing.assert_array_equal(first, more[:40])
    assert avatars.captions_of("40:seed=3").texts == avatars.captions_of("300:seed=3").texts[:40]
    assert (first != avatars.open_images("40:seed=4", _SHAPE)).any(axis=(1, 2, 3)).mean() > 0.9


def test_no_training_avatar_or_caption_has_a_pair_that_is_held_out():
    pairs = set(HELD_OUT)
    seen, held_out = (avatars.parse(place).attributes for place in ("5000", "500:held-out"))

    def colors(rows):
        return [(named(row).get("hair_color"), named(row)["clothes_color"]) for row in rows]

    assert not set(colors(seen)) & pairs
    assert set(colors(held_out)) == pairs
    # All other pairs are seen, and no hair or clothes color is rare.
    assert len(set(colors(seen))) == 6 * 7 - len(pairs) + 7
    described = avatars.captions_of("500")
    for texts in (*described.texts, *described.wrong):
        for text in texts:
            assert (read(text).get("hair_color"), read(text).get("clothes_color")) not in pairs


def test_contradictions_are_wrong_in_one_attribute():
    attributes, described = avatars.parse("300:seed=2").attributes, avatars.captions_of("300:seed=2")
    changed = set()
    for own, wrong in zip(attributes, described.wrong):
        for text in wrong:
            differing = [name for name, value in read(text).items() if named(own).get(name) != value]
            # Who has hair in the contradiction alone has a color of it as well.
            assert len(differing) == 1 or set(differing) <= {"hair", "facial_hair", "hair_color"}, text
            changed.update(differing[:1])
    assert changed == set(NAMES)


def test_rendered_avatars_are_read_from_the_cache_unless_it_is_damaged(own_cache, monkeypatch):
    first = avatars.open_images("20", _SHAPE)
    (path,) = cache_folder().glob("avatars-*.rgb")
    whole, render = path.read_bytes(), avatar_renderer.render_all

    def refused(*args):
        raise AssertionError("rendered again")

    monkeypatch.setattr(avatar_renderer, "render_all", refused)
    np.testing.assert_array_equal(avatars.open_images("20", _SHAPE), first)
    monkeypatch.setattr(avatar_renderer, "render_all", render)
    for damaged in (whole[:1000] + b"\x01" + whole[1001:], whole[:-7], b"", whole + b"x"):
        path.write_bytes(damaged)
        np.testing.assert_array_equal(avatars.open_images("20", _SHAPE), first)
        assert path.read_bytes() == whole
    # Of another version: its images may be others.
    monkeypatch.setattr(avatar_renderer, "versions", lambda: "11.0")
    monkeypatch.setattr(avatar_renderer, "render_all", lambda images, *args: images.fill(7))
    assert (avatars.open_images("20", _SHAPE) == 7).all()
    assert path.read_bytes() == whole


def test_processes_that_render_import_nothing_from_the_current_folder(own_cache, tmp_path, monkeypatch):
    (tmp_path / "dicebear.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONVERBOSE", "1")  # more on standard error than a pipe holds
    assert open_images("avatars:200", (16, 16, 3)).images.std() > 20


def test_a_cache_that_cannot_be_written_costs_time_and_not_the_images(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match=r"cannot be cached .* set GANZOO_CACHE"):
        assert len(np.unique(avatars.open_images("3", _SHAPE))) > 50


def test_without_the_extra_one_line_says_what_to_install(monkeypatch, run_cli):
    monkeypatch.setitem(sys.modules, "dicebear_styles", None)
    result = run_cli("train", "gan_int_cls.avatars")
    assert result.exit_code == 1
    (line,) = result.output.strip().splitlines()
    assert "avatars:COUNT needs the package dicebear_styles: pip install dicebear-core dicebear-styles resvg-py" in line


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("avatars", "is incomplete: write avatars:"),
        ("avatars:many", "COUNT is a whole number from 1 to 1,000,000, got 'many'"),
        ("avatars:0", "COUNT is a whole number from 1"),
        ("avatars:-5", "COUNT is a whole number from 1"),
        ("avatars:99999999999999999999999", "COUNT is a whole number from 1"),
        ("avatars:5:seed=x", "the seed is a whole number"),
        ("avatars:5:heldout", "Did you mean 'held-out'"),
        ("avatars:5:label=glases", "unknown attribute of avatars 'glases'. Did you mean 'glasses'"),
        ("avatars:5:style=avatars", "unknown style of avatars 'avatars'. Did you mean 'avataaars'"),
        ("avatars:5:style=lorelei:held-out", "are for the style avataaars"),
        ("avatar:5", "Did you mean 'avatars:...'"),
    ],
)
def test_wrong_sources_are_refused(source, message):
    with pytest.raises(GanzooError, match=re.escape(message)):
        open_images(source, _SHAPE)


def test_more_pixels_than_there_is_room_for_are_refused_before_any_is_rendered(monkeypatch):
    monkeypatch.setattr(avatar_renderer, "render_all", lambda *args: pytest.fail("rendered"))
    with pytest.raises(GanzooError, match=r"needs 48,000,000,000,000 bytes .* free space there"):
        avatars.open_images("1000000", (4000, 4000, 3))
    with pytest.raises(GanzooError, match="at most 4096x4096"):
        avatars.open_images("1", (5000, 5000, 3))


def test_the_asked_attribute_is_the_label():
    feed = labeled.feed("avatars:60:label=glasses", _SHAPE, batch_size=10)
    assert feed.class_names == ATTRIBUTES["glasses"]
    np.testing.assert_array_equal(feed.labels, avatars.parse("60").attributes[:, NAMES.index("glasses")])
    # Who has no hair has a class of that name.
    opened = open_images("avatars:300:label=hair_color", _SHAPE)
    bald = opened.labels == opened.class_names.index("none")
    own = [named(row) for row in avatars.parse("300").attributes]
    np.testing.assert_array_equal(bald, [row["hair"] == "bald" and row["facial_hair"] == "none" for row in own])


def test_other_styles_sizes_and_gray_have_images_alone():
    opened = open_images("avatars:3:style=lorelei", (32, 48, 1))
    assert opened.images.shape == (3, 32, 48, 1)
    assert opened.labels is None
    assert opened.images.std() > 20
    with pytest.raises(GanzooError, match=r"no labels: .*leave out style="):
        labeled.feed("avatars:3:style=lorelei", (32, 32, 3), batch_size=2)
    with pytest.raises(GanzooError, match="the style lorelei has no captions"):
        open_captions("avatars:3:style=lorelei", (32, 32, 3))


class Sums:
    """An encoder that gives a caption's bytes' sum; it learns by attributes, and remembers what it was given."""

    name, dim, digest = "sums", 2, "0"
    learned = False

    def learn_attributes(self, texts, said, values, **options):
        self.learned, self.given = True, (texts, said, values)

    def encode(self, texts):
        return np.array([[sum(text.encode()), len(text)] for text in texts], "float32")


def test_training_gets_captions_and_contradictions_of_its_images():
    encoder = Sums()
    feed = captions.feed("avatars:50:seed=6", _SHAPE, encoder, batch_size=45, contradictions=1.0)
    feed.learn()
    texts, said, values = encoder.given
    assert values == [len(values) for values in ATTRIBUTES.values()]
    assert (len(texts), said.shape) == (3 * 45, (3 * 45, len(NAMES)))
    assert all(read(text) == named(row) for text, row in zip(texts, said))
    indices = np.arange(45)
    images, right, wrong, said = feed.make_batch(0, indices)
    described = avatars.captions_of("50:seed=6")
    places = [i for i in range(50) if i not in {5, 15, 25, 35, 45}]
    np.testing.assert_array_equal(images[3], feed.images[3] / np.float32(127.5) - 1)
    np.testing.assert_array_equal(feed.images[44], avatars.open_images("50:seed=6", _SHAPE)[places[44]])
    for i in indices:
        own = [k for k, text in enumerate(described.texts[places[i]]) if (encoder.encode([text])[0] == right[i]).all()]
        assert any((described.said[places[i], k] == said[i]).all() for k in own)
        assert any((encoder.encode([text])[0] == wrong[i]).all() for text in described.wrong[places[i]])
    with pytest.raises(GanzooError, match="contradictions are for sources that know attributes"):
        captions.feed("captions:nowhere", _SHAPE, encoder, contradictions=1.0)


def test_the_command_writes_images_that_other_sources_read(tmp_path, run_cli):
    result = run_cli("data", "avatars:25:seed=8", "--output", str(tmp_path / "faces"), "--size", "32")
    assert result.exit_code == 0, result.output
    images, texts, _ = open_captions(f"captions:{tmp_path / 'faces'}", (32, 32, 3))
    np.testing.assert_array_equal(images, avatars.open_images("25:seed=8", (32, 32, 3)))
    assert texts == avatars.captions_of("25:seed=8").texts
    assert len(json.loads((tmp_path / "faces" / "captions.json").read_text())) == 25
    assert "is not empty" in run_cli("data", "avatars:2", "--output", str(tmp_path / "faces")).output
    run_cli("data", "digits", "--output", str(tmp_path / "digits"), "--size", "8")
    read_again = open_images(f"folder:{tmp_path / 'digits'}", (8, 8, 1), with_labels=True)
    assert read_again.class_names == tuple("0123456789")
    assert len(read_again.images) == 1797
    assert Image.open(next((tmp_path / "digits" / "3").iterdir())).size == (8, 8)


@pytest.fixture
def run_cli():
    from click.testing import CliRunner

    return lambda *arguments: CliRunner().invoke(cli.main, arguments)


def test_the_source_is_public():
    dataset = ganzoo.data.images("avatars:20", _SHAPE, batch_size=10)
    assert next(iter(dataset)).shape == (10, *_SHAPE)
