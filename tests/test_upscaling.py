"""What is particular to srresnet and srgan."""

from fractions import Fraction

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import ganzoo
from ganzoo.arguments import parameters_of, validated_arguments
from ganzoo.cli import main
from ganzoo.config import Evaluation
from ganzoo.data.image_files import open_image_files, resized
from ganzoo.evaluation import evaluate, evaluate_presets
from ganzoo.evaluation.super_resolution import evaluate_bicubic
from ganzoo.inference.transparency import visible_colors
from ganzoo.registry import model_class

SMALL = model_class("srresnet").test_config


@pytest.fixture(scope="module")
def model():
    """For tests that only use it."""
    return ganzoo.create("srresnet", **SMALL)


@pytest.fixture(scope="module")
def trained():
    """For tests of what a result looks like."""
    return ganzoo.load("srresnet")


@pytest.fixture
def photos(tmp_path):
    """Ten photos of smooth shapes."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(10):
        coarse = rng.integers(0, 256, (9, 9, 3), dtype="uint8")
        Image.fromarray(resized(coarse, (96, 96))).save(folder / f"{i}.png")
    return folder


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 7), (5, 7, 1), (5, 7, 2), (5, 7, 3), (5, 7, 4), (40, 3, 3)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_any_image_comes_back_four_times_as_large(model, shape, dtype):
    image = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)
    if len(shape) == 3 and shape[2] in (2, 4):
        # Colors of hardly visible pixels do not count, see below.
        image[..., -1] |= np.iinfo(dtype).max // 2
    large = model.upscale(image)
    assert large.dtype == dtype
    assert large.shape == (shape[0] * 4, shape[1] * 4, *shape[2:])
    # Untrained, it gives little else than the image's pixels repeated; of alpha see the next test.
    expected = np.repeat(np.repeat(image, 4, axis=0), 4, axis=1).astype("float64")
    seen = slice(0, -1) if len(shape) == 3 and shape[2] in (2, 4) else slice(None)
    assert np.abs(large[..., seen] - expected[..., seen]).max() / np.iinfo(dtype).max < 0.05


def test_depth_does_not_matter_and_an_opaque_alpha_stays_opaque(model):
    image = np.random.default_rng(0).integers(0, 256, (12, 9, 3), dtype="uint8")
    deep = model.upscale(image.astype("uint16") * 257)
    np.testing.assert_allclose(deep / 257.0, model.upscale(image), atol=0.51)
    opaque = np.dstack([image, np.full(image.shape[:2], 255, "uint8")])
    assert (model.upscale(opaque)[..., 3] == 255).all()
    pierced = np.pad(opaque, ((20, 20), (20, 20), (0, 0)), mode="edge")
    pierced[26:30, 24:28, 3] = 0
    alpha = model.upscale(pierced)[..., 3]
    assert (alpha[:80] == 255).all()
    assert (alpha[108:116, 100:108] == 0).all()
    np.testing.assert_array_equal(model.upscale(opaque)[..., :3], model.upscale(image))


def test_the_color_of_transparent_pixels_does_not_count():
    """A white disc on transparent black stays white, with the shipped weights: no dark ring."""
    model = ganzoo.load("srresnet")
    rows, columns = np.mgrid[:40, :40]
    distance = np.hypot(rows - 19.5, columns - 19.5)
    hard = np.where(distance < 12, 255, 0)
    soft = np.clip((14 - distance) * 40, 0, 255)
    # Hardly visible pixels around it, which are black as well.
    haze = np.where((hard == 0) & (distance < 16), 1, hard)
    for alpha, least in ((hard, 254), (soft, 254), (haze, 240)):
        white = np.where(alpha > 1, 255, 0)
        large = model.upscale(np.dstack([white] * 3 + [alpha]).astype("uint8"), progress=False)
        assert large[..., :3][large[..., 3] > 4].min() >= least
        gray = model.upscale(np.dstack([white, alpha]).astype("uint16") * 257, progress=False) / 257
        assert gray[..., 0][gray[..., 1] > 4].min() >= least - 1
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (24, 24, 4), dtype="uint8")
    image[..., 3][image[..., 3] < 100] = 0
    other = np.where(image[..., 3:] == 0, rng.integers(0, 256, image.shape), image).astype("uint8")
    other[..., 3] = image[..., 3]
    np.testing.assert_array_equal(model.upscale(image, progress=False), model.upscale(other, progress=False))
    # A shadow that is plainly visible keeps its color, and so does what is evenly transparent.
    image[..., 3] = rng.choice([80, 255], (24, 24))
    np.testing.assert_array_equal(visible_colors(image), image[..., :3])
    image[..., 3] = 2
    np.testing.assert_array_equal(visible_colors(image), image[..., :3])


def test_what_cannot_be_upscaled():
    model = ganzoo.create("srresnet", **SMALL)
    for wrong in (
        np.zeros((4, 4, 3)),
        np.zeros((4, 4, 5), "uint8"),
        np.zeros((0, 4, 3), "uint8"),
        np.zeros(4, "uint8"),
    ):
        with pytest.raises(ganzoo.GanzooError, match="takes"):
            model.upscale(wrong)
    with pytest.raises(ganzoo.GanzooError, match="tile must be at least 1"):
        model.upscale(np.zeros((4, 4, 3), "uint8"), tile=0)
    with pytest.raises(ganzoo.GanzooError, match="scale is 2, 4 or 8"):
        ganzoo.create("srresnet", **{**SMALL, "scale": 3, "crop": 33})
    with pytest.raises(ganzoo.GanzooError, match="not a multiple of scale"):
        ganzoo.create("srresnet", **{**SMALL, "crop": 33})
    with pytest.raises(ganzoo.GanzooError, match="a multiple of 16"):
        ganzoo.create("srgan", **{**model_class("srgan").test_config, "crop": 40})
    with pytest.raises(ganzoo.GanzooError, match="'upsampling' is 'wrong'"):
        ganzoo.create("srresnet", upsampling="wrong")
    model.compile()
    with pytest.raises(ganzoo.GanzooError, match="unknown key 'discriminator_regularizers'"):
        ganzoo.create("srresnet", **SMALL, discriminator_regularizers=["spectral_normalization"])
    with pytest.raises(ganzoo.GanzooError, match=r"pairs of float32 \(8, 8, 3\) and \(32, 32, 3\)"):
        model.fit(ganzoo.data.pairs("photos", crop=64))
    small, large = model.example_batch(8)
    for arrays, words in (
        ((np.zeros(small.shape, "uint8"), large), "has uint8"),
        ((255 * small, large), "values up to"),
        ((large, small), r"has float32 \(32, 32, 3\) and float32 \(8, 8, 3\)"),
    ):
        with pytest.raises(ganzoo.GanzooError, match=words):
            model.fit(*arrays)
    settings = parameters_of("compile", owner=type(model))
    with pytest.raises(ganzoo.GanzooError, match="unknown key 'loss'"):
        validated_arguments(settings, {"loss": "hinge"}, "compile()")


def test_content_loss_by_hand():
    """Images that differ by 0.5 everywhere: squared 0.25, absolute 0.5. Stripes have a total variation of 0.5."""
    model = ganzoo.create("srgan", **model_class("srgan").test_config)
    real = np.zeros((2, 32, 32, 3), "float32")
    settings = dict(perceptual=None, adversarial_weight=0.0)
    for pixel_loss, expected in (("squared", 0.25), ("absolute", 0.5)):
        model.compile(pixel_loss=pixel_loss, pixel_weight=3.0, **settings)
        model._step_state.recorded = {}
        assert float(model.content_loss(real, real + 0.5)) == pytest.approx(3 * expected)
    model.compile(pixel_weight=0.0, total_variation=2.0, **settings)
    model._step_state.recorded = {}
    stripes = np.zeros_like(real)
    stripes[:, ::2] = 0.5
    assert float(model.content_loss(real, stripes)) == pytest.approx(2 * 0.5)


def test_srgan_starts_from_srresnet_and_from_nothing_else():
    model = ganzoo.create("srresnet", **SMALL)
    image = np.random.default_rng(0).integers(0, 256, (12, 9, 3), dtype="uint8")
    gan = ganzoo.create("srgan", **model_class("srgan").test_config)
    last = model.ema_generator.get_layer("picture").kernel
    last.assign(np.random.default_rng(0).normal(0, 0.2, last.shape))
    assert (gan.upscale(image) != model.upscale(image)).any()
    gan.compile(perceptual=None, historical_averaging=0.1)
    gan.start_from(model)
    for network in (gan.generator, gan.ema_generator):
        for ours, theirs in zip(network.get_weights(), model.ema_generator.get_weights()):
            np.testing.assert_array_equal(ours, theirs)
    assert float(gan.histories["generator"].distance(gan.generator)) == 0
    np.testing.assert_array_equal(gan.upscale(image), model.upscale(image))
    with pytest.raises(ganzoo.GanzooError, match="another architecture"):
        gan.start_from(ganzoo.create("srresnet", **{**SMALL, "width": 5}))


@pytest.mark.parametrize("normalization", ["none", "batch"])
@pytest.mark.parametrize("upsampling", ["direct", "staged"])
def test_a_larger_network_starts_as_a_smaller_one_and_all_of_it_learns(normalization, upsampling):
    keras.utils.set_random_seed(0)
    kinds = dict(scale=4, kernel_size=3, crop=32, normalization=normalization, upsampling=upsampling)
    smaller = ganzoo.create("srresnet", blocks=1, width=4, **kinds)
    rng = np.random.default_rng(0)
    for variable in smaller.ema_generator.weights:
        # Trained weights are nowhere zero or one.
        variable.assign(
            np.abs(rng.normal(0.2, 0.1, variable.shape))
            if "variance" in variable.path
            else rng.normal(0, 0.3, variable.shape)
        )
    model = ganzoo.create("srresnet", blocks=3, width=6, **kinds)
    model.compile(pixel_loss="absolute", optimizer={"name": "adam", "learning_rate": 0.01})
    images, large = model.example_batch(4)
    # Whatever it has learned before.
    model.fit(images, large, batch_size=4, verbose=0)
    model.start_from(smaller)
    output = np.asarray(smaller.ema_generator(images, training=False))
    assert output.std() > 0.1
    for network in (model.generator, model.ema_generator):
        np.testing.assert_allclose(network(images, training=False), output, rtol=1e-5, atol=1e-5)
    # A bias before batch norm learns nothing.
    kernels = [variable for variable in model.generator.weights if variable.ndim == 4]
    before = [np.array(kernel) for kernel in kernels]
    model.fit(images, large, batch_size=4, epochs=3, verbose=0)
    assert min(np.mean(a != np.asarray(b)) for a, b in zip(before, kernels)) > 0.9
    with pytest.raises(ganzoo.GanzooError, match="another architecture"):
        smaller.start_from(model)


def test_a_run_learns_measures_itself_and_is_what_srgan_begins_with(photos, tmp_path):
    """In a hundred steps the network learns what the repeated pixels it begins with lack of smooth shapes."""
    preset = tmp_path / "tiny.yaml"
    preset.write_text(
        f"""
model: srresnet
arguments: {{scale: 2, blocks: 1, width: 16, kernel_size: 3, normalization: none, upsampling: direct, crop: 32}}
compile: {{pixel_loss: absolute, optimizer: {{learning_rate: 0.003}}, ema_decay: 0.99}}
data: {{source: "folder:{photos}", batch_size: 8}}
training: {{epochs: 10, samples: 3}}
evaluation: {{every_epochs: 5}}
"""
    )
    run = ganzoo.train(preset, output=tmp_path / "runs")
    assert (run / "checkpoints" / "best.keras").exists()
    assert Image.open(run / "samples" / "epoch_0010.png").size[0] > 96
    trained = ganzoo.load(run)
    source = f"folder:{photos}"
    ours, untrained = (evaluate(one, source) for one in (trained, ganzoo.load(preset, trained=False)))
    assert ours.protocol == untrained.protocol == evaluate_bicubic(2, source).protocol
    assert ours.metrics["psnr_y"] > untrained.metrics["psnr_y"] + 5
    gan = tmp_path / "gan.yaml"
    gan.write_text(
        preset.read_text()
        .replace("srresnet", "srgan")
        .replace("crop: 32}", "crop: 32, discriminator_width: 4, discriminator_units: 8}")
        .replace("{pixel_loss", "{perceptual: null, pixel_weight: 1.0, pixel_loss")
        .replace("epochs: 10", f"epochs: 1, start_from: '{run}'")
    )
    started = ganzoo.load(ganzoo.train(gan, output=tmp_path / "runs"))
    assert evaluate(started, source).metrics["psnr_y"] > untrained.metrics["psnr_y"] + 5


def test_upscale_on_the_command_line(model, tmp_path):
    model.save(tmp_path / "m.keras")
    image = np.random.default_rng(0).integers(0, 256, (12, 9, 3), dtype="uint8")
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    Image.fromarray(image).save(folder / "a.png")
    Image.fromarray(image[..., 0]).save(folder / "deep" / "b.png")
    run = CliRunner().invoke
    settings = ["--model", str(tmp_path / "m.keras")]
    done = run(main, ["upscale", str(folder / "a.png"), str(tmp_path / "large.png"), *settings, "--tile", "16"])
    assert done.exit_code == 0, done.output
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "large.png")), model.upscale(image))
    (folder / "broken.jpg").write_text("no image")
    done = run(main, ["upscale", str(folder), str(tmp_path / "out"), *settings])
    assert done.exit_code == 1
    assert "left out" in done.output
    assert "1 of the 3 files" in done.output
    assert np.asarray(Image.open(tmp_path / "out" / "deep" / "b.png")).shape == (48, 36)
    before = (folder / "a.png").read_bytes()
    for wrong, words in (
        ([folder / "a.png", folder / "a.png"], "the same file"),
        ([folder, folder], "the same folder"),
        ([folder, folder / "a.png"], "OUT is not a folder"),
        ([folder / "a.png", folder / "deep" / "b.png", folder / "a.png"], "OUT is not a folder"),
        ([folder / "a.png", folder / "deep" / "b.png", folder / "c.png"], "make it first"),
        ([folder / "a.png", folder], "would be overwritten"),
        ([folder / "a.png", folder / "deep" / "b.png", folder / "deep"], "would be overwritten"),
        ([folder / "a.png", tmp_path / "x.xyz"], "as an image: use"),
    ):
        done = run(main, ["upscale", *map(str, wrong), *settings])
        assert done.exit_code == 1
        assert words in done.output
    assert (folder / "a.png").read_bytes() == before
    done = run(main, ["upscale", str(folder / "a.png"), str(tmp_path / "x.png"), "--model", "dcgan.digits"])
    assert "use `ganzoo generate dcgan.digits`" in done.output
    done = run(main, ["upscale", str(folder / "none.png"), str(tmp_path / "x.png"), *settings])
    assert "no such image" in done.output


def test_several_files_on_the_command_line(model, tmp_path):
    model.save(tmp_path / "m.keras")
    image = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype="uint8")
    Image.fromarray(image).save(tmp_path / "a.png")
    frames = [Image.fromarray(np.full((4, 6), level, "uint8")) for level in (40, 200)]
    frames[0].save(tmp_path / "b.gif", save_all=True, append_images=frames[1:])
    Image.new("F", (4, 4)).save(tmp_path / "float.tif")

    def run(*names):
        arguments = [*(str(tmp_path / name) for name in names), "--model", str(tmp_path / "m.keras")]
        return CliRunner().invoke(main, ["upscale", *arguments])

    (tmp_path / "out").mkdir()
    done = run("a.png", "b.gif", "float.tif", "x" * 300 + ".png", "out")
    assert done.exit_code == 1
    assert f"left out: {tmp_path}/float.tif: floating-point images are not supported" in done.output
    assert "Error: 2 of the 4 files were left out" in done.output
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out" / "a.png")), model.upscale(image))
    assert Image.open(tmp_path / "out" / "b.gif").n_frames == 2
    assert run("a.png", "new.png").exit_code == 0
    assert run("a.png", "out").exit_code == 0


@pytest.mark.parametrize("scale", [1.5, 4, 6.3, 16])
def test_any_scale_shows_the_same_image(trained, scale):
    """A smooth image of another size looks as by bicubic interpolation."""
    x, y = np.meshgrid(np.linspace(0, 3, 21), np.linspace(0, 2, 16))
    image = np.stack([127 + 100 * np.sin(x), 127 + 100 * np.cos(y), 40 * x + 20 * y], axis=2).astype("uint8")
    large = trained.upscale(image, scale=scale)
    assert large.shape == (round(16 * scale), round(21 * scale), 3)
    assert large.dtype == np.uint8
    shown = np.asarray(Image.fromarray(image).resize(large.shape[1::-1], Image.Resampling.BICUBIC))
    assert np.abs(large.astype(float) - shown).mean() < 4
    alpha = np.dstack([image, np.full_like(image[..., :1], 255)]).astype("uint16") * 257
    opaque = trained.upscale(alpha, scale=scale)
    assert opaque.shape == (*large.shape[:2], 4)
    assert (opaque[..., 3] == 65535).all()


def test_the_self_ensemble_is_the_mean_of_eight_views_and_turns_with_the_image(trained, tmp_path):
    image = small_photo()
    usual, together = trained.upscale(image), trained.upscale(image, self_ensemble=True)
    views = []
    for turns in range(4):
        turned = np.rot90(image, turns)
        views.append(np.rot90(trained.upscale(turned), -turns))
        views.append(np.rot90(trained.upscale(turned[:, ::-1])[:, ::-1], -turns))
    mean = np.mean(np.stack(views).astype(float), axis=0)
    # Each view was rounded, and what lies beyond black and white was cut off.
    within = ((np.stack(views) > 0) & (np.stack(views) < 255)).all(axis=0)
    assert np.abs(together - mean)[within].max() <= 1
    assert within.mean() > 0.9
    assert np.abs(together - mean).mean() < np.abs(usual - mean).mean() / 2
    turned = trained.upscale(np.rot90(image), self_ensemble=True)
    assert np.abs(np.rot90(together).astype(int) - turned).max() <= 1
    assert np.abs(trained.upscale(image, tile=16, self_ensemble=True).astype(int) - together).max() <= 1
    assert trained.upscale(image[..., 0], scale=6, self_ensemble=True).shape == (image.shape[0] * 6, image.shape[1] * 6)
    Image.fromarray(image).save(tmp_path / "in.png")
    command = ["upscale", str(tmp_path / "in.png"), str(tmp_path / "out.png"), "--model", "srresnet"]
    assert CliRunner().invoke(main, [*command, "--precision", "float32", "--self-ensemble"]).exit_code == 0
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), together)


def small_photo():
    """A part of a photo, neither square nor symmetric."""
    return resized(open_image_files("photos").images[0][100:220, 60:228], (30, 42))


def test_scales_and_formats_on_the_command_line(model, tmp_path):
    model.save(tmp_path / "m.keras")
    (tmp_path / "in").mkdir()
    Image.new("RGB", (9, 6), (200, 90, 30)).save(tmp_path / "in" / "A.JPG")
    Image.new("L", (9, 6)).save(tmp_path / "in" / "b.bmp")
    frames = [Image.new("L", (9, 6), level) for level in (40, 200)]
    frames[0].save(tmp_path / "in" / "c.webp", save_all=True, append_images=frames[1:])

    def run(*arguments):
        settings = ["--model", str(tmp_path / "m.keras"), *map(str, arguments)]
        return CliRunner().invoke(main, ["upscale", str(tmp_path / "in"), *settings])

    def sizes(folder):
        return {path.name: Image.open(path).size for path in (tmp_path / folder).iterdir()}

    assert run(tmp_path / "kept", "--format", "keep", "--scale", 1.5).exit_code == 0
    assert sizes("kept") == {"A.jpg": (14, 9), "b.bmp": (14, 9), "c.webp": (14, 9)}
    assert run(tmp_path / "jpg", "--format", "jpg", "--scale", 5).exit_code == 0
    assert sizes("jpg") == {"A.jpg": (45, 30), "b.jpg": (45, 30), "c.webp": (45, 30)}
    for wrong in ("0.5", "1", "17", "nan"):
        done = run(tmp_path / "none", "--scale", wrong)
        assert done.exit_code != 0
        assert "scale" in done.output
    one = ["upscale", str(tmp_path / "in" / "A.JPG"), str(tmp_path / "x.png"), "--format", "jpg"]
    assert "--format is for a folder OUT" in CliRunner().invoke(main, one).output
    assert not (tmp_path / "none").exists()


def test_a_video_keeps_its_times_and_its_sound(model, tmp_path):
    av = pytest.importorskip("av")
    times, levels = [0, 40, 100, 300], [30, 90, 150, 210]
    with av.open(str(tmp_path / "in.mp4"), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 16, 12, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        sound = file.add_stream("aac", rate=16000)
        for time, level in zip(times, levels):
            frame = av.VideoFrame.from_ndarray(np.full((12, 16, 3), level, "uint8"), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            file.mux(stream.encode(frame))
        tone = (8000 * np.sin(np.arange(8000) / 8)).astype("int16")[None]
        part = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
        part.sample_rate = 16000
        for one in (stream.encode(), sound.encode(part), sound.encode()):
            file.mux(one)
    model.save(tmp_path / "m.keras")
    names = [str(tmp_path / name) for name in ("in.mp4", "out.mp4")]
    done = CliRunner().invoke(main, ["upscale", *names, "--model", str(tmp_path / "m.keras"), "--scale", "2"])
    assert done.exit_code == 0, done.output
    with av.open(names[1]) as file:
        found = [(float(frame.time), frame.to_ndarray(format="rgb24")) for frame in file.decode(video=0)]
    with av.open(names[0]) as one, av.open(names[1]) as other:
        packets = [[bytes(packet) for packet in file.demux(audio=0) if packet.size] for file in (one, other)]
    assert [round(1000 * time) for time, _ in found] == times
    assert found[0][1].shape == (24, 32, 3)
    expected = [model.upscale(np.full((12, 16, 3), level, "uint8")).mean() for level in levels]
    np.testing.assert_allclose([image.mean() for _, image in found], expected, atol=6)
    assert packets[0] == packets[1]
    assert len(packets[0]) > 3


def test_no_image_of_a_folder_is_lost_or_made_larger_twice(model, tmp_path):
    model.save(tmp_path / "m.keras")
    folder = tmp_path / "in"
    folder.mkdir()
    for i, name in enumerate(("a.png", "a.jpg", "b.webp")):
        Image.new("RGB", (4 + i, 4)).save(folder / name)
    for _ in range(2):
        arguments = ["upscale", str(folder), str(folder / "large"), "--model", str(tmp_path / "m.keras")]
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, done.output
    sizes = {path.relative_to(folder / "large").as_posix(): Image.open(path).width for path in folder.rglob("large/*")}
    assert sizes == {"a.png.png": 16, "a.jpg.png": 20, "b.png": 24}


def test_metrics_of_different_kinds_are_not_put_side_by_side(model, tmp_path):
    model.save(tmp_path / "m.keras")
    with pytest.raises(ganzoo.GanzooError, match="belong to different tasks"):
        evaluate_presets(["dcgan.digits", tmp_path / "m.keras"], "photos")
    names = [one.name for one in evaluate_presets([tmp_path / "m.keras"], "photos")]
    assert names == ["bicubic", str(tmp_path / "m.keras")]
    with pytest.raises(ganzoo.GanzooError, match="Did you mean 'lpips_alex'"):
        model.validation_metrics(None, Evaluation(monitor="lpips_alx"))
    with pytest.raises(ganzoo.GanzooError, match=r"set evaluation\.monitor instead"):
        model.validation_metrics(None, Evaluation(extractor="lpips_alex"))
    for command in (["generate"], ["probe", "--data", "digits", "--test", "digits"]):
        done = CliRunner().invoke(main, [command[0], str(tmp_path / "m.keras"), *command[1:]])
        assert done.exit_code == 1
        assert "enlarges images" in done.output
