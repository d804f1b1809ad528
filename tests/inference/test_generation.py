"""What `ganzoo generate` writes, as typed."""

import contextlib
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import ganzoo
from ganzoo.cli import main
from ganzoo.inference import grid
from ganzoo.inference.generation import rows_of, write_separately, write_walk
from ganzoo.inference.video import VideoReader, VideoWriter
from ganzoo.registry import model_class


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def clothes(tmp_path_factory):
    """The file of a small untrained cGAN with class names."""
    model = ganzoo.create("cgan", image_shape=(28, 28, 1), classes=3, latent_dim=8, width=4)
    model.class_names = ["T-shirt/top", "Bag", "7"]
    path = tmp_path_factory.mktemp("clothes") / "clothes.keras"
    model.save(path)
    return path


def test_rows_of_labels_share_their_latents(clothes, tmp_path):
    path = tmp_path / "rows.png"
    done = run("generate", clothes, "--label", "bag", "--label", "0", "--label", "7", "--count", 4, "--output", path)
    assert done.exit_code == 0, done.output
    model = ganzoo.load(clothes)
    rows = [model.generate(4, labels=number, seed=0) for number in (1, 0, 2)]
    np.testing.assert_array_equal(np.asarray(Image.open(path)), grid(np.concatenate(rows), columns=4)[..., 0])
    done = run("generate", clothes, "--label", "bug", "--output", path)
    assert "unknown class 'bug'. Did you mean 'Bag'?" in done.output
    assert "takes no labels" in run("generate", "dcgan", "--label", 3, "--output", path).output


def test_separate_images_are_read_as_data_again(clothes, tmp_path):
    folder = tmp_path / "separate"
    done = run("generate", clothes, "--count", 70, "--seed", 2, "--truncation", 0.5, "--separate", "--output", folder)
    assert done.exit_code == 0, done.output
    opened = ganzoo.data.sources.open_images(f"folder:{folder}", (28, 28, 1), with_labels=True)
    assert opened.class_names == ("7", "Bag", "T-shirt_top")
    assert np.bincount(opened.labels).tolist() == [23, 23, 24]
    images = ganzoo.load(clothes).generate(70, seed=2, truncation=0.5)
    np.testing.assert_array_equal(np.asarray(Image.open(folder / "T-shirt_top" / "000069.png")), images[69, ..., 0])
    assert "is not empty" in run("generate", clothes, "--separate", "--output", folder).output


def test_separate_images_of_captions_keep_them(tmp_path):
    options = [
        "--caption",
        "a bald man",
        "--caption",
        "a woman",
        "--count",
        2,
        "--separate",
        "--output",
        tmp_path / "f",
    ]
    done = run("generate", "gan_int_cls", *options)
    assert done.exit_code == 0, done.output
    found = ganzoo.data.captions_file.read_captions(tmp_path / "f")
    assert [texts for _, texts in sorted(found.items())] == [["a bald man"]] * 2 + [["a woman"]] * 2


@pytest.mark.parametrize("name", ["walk.gif", "walk.png", "walk.mp4"])
def test_a_walk_begins_with_the_grid_and_closes(tmp_path, name):
    options = ["--walk", 2, "--seconds", 0.4, "--count", 4, "--output", tmp_path / name]
    done = run("generate", "dcgan.digits", *options)
    assert done.exit_code == 0, done.output
    if name.endswith(".mp4"):
        pytest.importorskip("av")
        with VideoReader(tmp_path / name) as reader:
            assert reader.rate == 25
            frames = [image for image, _ in reader.frames()]
    else:
        animation = Image.open(tmp_path / name)
        assert animation.info["duration"] == 40
        frames = []
        for i in range(animation.n_frames):
            animation.seek(i)
            frames.append(np.asarray(animation.convert("RGB")))
    assert len(frames) == 10
    assert frames[0].shape == (66, 66, 3)
    frames = [frame.astype(float) for frame in frames]
    expected = grid(ganzoo.load("dcgan.digits").generate(4, seed=0))
    assert np.abs(frames[0] - expected).mean() < 6, "the codec, or 256 colors, lose little"
    differences = [np.abs(frame - frames[0]).mean() for frame in frames]
    assert differences[9] < differences[5], "the last frame is followed by the first"
    assert differences[5] > 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--walk", 3, "--output", "w.txt"], "as an animation: use .gif"),
        (["--walk", 3, "--separate"], "exclude each other"),
        (["--seconds", 3], "add --walk"),
        (["--truncation", "nan"], "not a finite number"),
        (["--truncation", 0], "not in the range"),
        (["--count", 10**14], "do not fit in memory"),
        (["--walk", 10_000, "--seconds", 3600, "--output", "w.gif"], "write an .mp4"),
    ],
)
def test_what_cannot_be_generated_is_one_line(clothes, options, message):
    with CliRunner().isolated_filesystem():
        done = run("generate", clothes, *options)
    assert done.exit_code != 0
    assert message in done.output
    assert "Traceback" not in done.output


def test_a_video_keeps_colors_and_is_not_left_half_written(tmp_path):
    pytest.importorskip("av")
    colors = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 120, 40]], "uint8")
    image = colors.repeat(20, axis=0)[None].repeat(31, axis=0)
    with VideoWriter(tmp_path / "colors.mp4") as writer:
        for _ in range(3):
            writer.write(image)
    with VideoReader(tmp_path / "colors.mp4") as reader:
        frames = [frame for frame, _ in reader.frames()]
    # The codec needs an even height.
    assert [frame.shape for frame in frames] == [(32, 80, 3)] * 3
    np.testing.assert_allclose(frames[0][10, 10::20].astype(int), colors, atol=4)
    broken = (tmp_path / "colors.mp4").read_bytes()[:700]
    (tmp_path / "broken.mp4").write_bytes(broken)
    with pytest.raises(ganzoo.GanzooError, match=r"broken\.mp4 cannot be read"):
        VideoReader(tmp_path / "broken.mp4")
    writer = VideoWriter(tmp_path / "other.mp4")
    with contextlib.suppress(KeyError), writer:
        writer.write(image)
        raise KeyError
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.mp4", "colors.mp4"]


def test_a_video_without_frames_leaves_what_was_there(tmp_path):
    pytest.importorskip("av")
    (tmp_path / "a.mp4").write_bytes(b"earlier")
    message = r"cannot write .*a\.mp4: the video has no frames"
    with pytest.raises(ganzoo.GanzooError, match=message), VideoWriter(tmp_path / "a.mp4"):
        pass
    assert (tmp_path / "a.mp4").read_bytes() == b"earlier"


def test_captions_of_any_bytes_are_written(tmp_path):
    model = ganzoo.create("gan_int_cls", **model_class("gan_int_cls").test_config)
    assert write_separately(model, tmp_path / "f", [{"captions": "a man \udcff"}], count=1, seed=0) == 1
    assert json.loads((tmp_path / "f" / "captions.json").read_bytes()) == {"000000.png": "a man ?"}


def test_what_python_cannot_write_is_one_line(tmp_path):
    model, faces = (ganzoo.create(name, **model_class(name).test_config) for name in ("dcgan", "gan_int_cls"))
    path = tmp_path / "w.gif"
    refused = {
        "without classes": lambda: rows_of(model, labels=["1"]),
        "without captions": lambda: rows_of(model, captions=["a man"]),
        "an empty caption": lambda: write_separately(faces, tmp_path / "f", [{"captions": " "}], 1, 0),
        "count must be": lambda: write_separately(model, tmp_path / "f", [{}], 0, 0),
        "at least 2 points": lambda: write_walk(model, path, [{}], 2, 0, points=1),
        "seconds must be a positive number, got -3": lambda: write_walk(model, path, [{}], 2, 0, seconds=-3),
        "seconds must be a positive number, got nan": lambda: write_walk(model, path, [{}], 2, 0, seconds=float("nan")),
        r"write an \.mp4": lambda: write_walk(model, path, [{}], 2, 0, seconds=1e9),
    }
    for message, call in refused.items():
        with pytest.raises(ganzoo.GanzooError, match=message):
            call()
    assert not list(tmp_path.iterdir())
