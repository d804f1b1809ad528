"""What is particular to smoother and postfilter: natural speech is made smooth, and smooth speech gets its texture
back."""

import shutil

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import ops

import ganzoo
from ganzoo.cli import main
from ganzoo.data.vowels import vowels
from ganzoo.errors import GanzooError
from ganzoo.layers import Standardization
from ganzoo.networks.cepstral import SCALE, cepstral_postfilter, cepstral_smoother, postfilter_reach, smoother_reach
from ganzoo.registry import model_class

soundfile = pytest.importorskip("soundfile")
pytest.importorskip("pyworld")
TINY = model_class("postfilter").test_config
RATE = 16_000


@pytest.fixture(scope="module")
def model(with_random_kernels):
    return with_random_kernels("postfilter")


@pytest.fixture(scope="module")
def natural():
    """Mel-cepstra of a length that is no multiple of the hop."""
    return np.random.default_rng(0).normal(size=(1003, TINY["order"])).astype("float32")


# The layer.


def test_standardization_of_known_numbers_and_back():
    scale = Standardization(3)
    scale.take(np.array([[[0.0, 5, 1], [2, 5, 3]], [[4, 5, 5], [6, 5, 7]]], "float32"))
    x = np.array([[3.0, 5.0, 4.0], [3.0 + np.sqrt(5), 5.0, 4.0 - np.sqrt(5)]], "float32")
    expected = [[0, 0, 0], [1, 0, -1]]
    np.testing.assert_allclose(scale(x), expected, atol=1e-6)
    np.testing.assert_allclose(scale(scale(x), inverse=True), x, atol=1e-6)
    # Fewer channels are the first ones.
    np.testing.assert_allclose(scale(x[:, :1]), np.array(expected)[:, :1], atol=1e-6)


# Mel-cepstra.


def test_coarse_mel_cepstra_are_means_of_the_first_coefficients(model, natural):
    coarse = model.coarse_cepstra(natural)
    assert coarse.shape == (251, 4)
    np.testing.assert_allclose(coarse[2], natural[8:12, :4].mean(axis=0), atol=1e-6)
    # The last frame stands for those that are missing.
    np.testing.assert_allclose(coarse[-1], (natural[1000:, :4].sum(axis=0) + natural[-1, :4]) / 4, atol=1e-6)
    batch = ops.convert_to_numpy(model.coarse_tensor(natural[None, : TINY["window"]]))
    np.testing.assert_allclose(batch[0], coarse[: TINY["window"] // TINY["hop"]], atol=1e-6)


def test_the_smooth_side_knows_nothing_but_the_coarse_one(model, natural):
    other = natural.copy()
    other[:, TINY["coarse_order"] :] = 7.0
    # Within four frames, what does not change their mean.
    other[0:1000:4, 0] += 1.0
    other[1:1000:4, 0] -= 1.0
    np.testing.assert_allclose(model.smooth_cepstra(other), model.smooth_cepstra(natural), atol=1e-4)
    other[500, 0] += 4.0
    assert np.abs(model.smooth_cepstra(other) - model.smooth_cepstra(natural)).max() > 0.01


def test_blocks_are_as_one_piece(model, natural, monkeypatch):
    smooth, restored = model.smooth_cepstra(natural), model.restore_cepstra(natural, seed=3)
    for task in ("resynthesis", "restoration"):
        monkeypatch.setattr(f"ganzoo.tasks.speech_{task}.AT_ONCE", 40)
    np.testing.assert_allclose(model.smooth_cepstra(natural), smooth, atol=1e-4)
    np.testing.assert_allclose(model.restore_cepstra(natural, seed=3), restored, atol=1e-4)


def test_the_network_sees_no_further_than_it_says():
    def reached(network, channels):
        """The first and the last output frame that depend on frame 30 of the input."""
        for weight in network.weights:
            if weight.path.endswith("kernel"):
                weight.assign(np.random.default_rng(0).normal(0, 0.3, weight.shape))
        frames = np.random.default_rng(1).normal(size=(1, 61, channels)).astype("float32")
        other = frames.copy()
        other[0, 30] += 1.0
        difference = np.abs(ops.convert_to_numpy(network(other)) - ops.convert_to_numpy(network(frames)))[0]
        changed = np.flatnonzero(difference.max(axis=1) > 1e-6)
        return changed.min(), changed.max()

    reach = postfilter_reach(blocks=2, kernel_size=5)
    network = cepstral_postfilter(order=3, width=4, blocks=2, kernel_size=5, noise_channels=0)
    assert reached(network, 3) == (30 - reach, 30 + reach)
    # A coarse frame is four fine ones, 120 to 123.
    reach = smoother_reach(hop=4, blocks=1, kernel_size=3)
    assert reached(cepstral_smoother(3, 2, hop=4, width=4, blocks=1, kernel_size=3), 2) == (123 - reach, 120 + reach)


def test_strength_scales_what_is_added_and_seeds_choose_it(model, natural):
    full = model.restore_cepstra(natural, seed=1)
    np.testing.assert_allclose(model.restore_cepstra(natural, strength=0), natural, atol=1e-6)
    half = model.restore_cepstra(natural, strength=0.5, seed=1)
    np.testing.assert_allclose(half, (natural + full) / 2, atol=1e-5)
    np.testing.assert_array_equal(model.restore_cepstra(natural, seed=1), full)
    assert np.abs(model.restore_cepstra(natural, seed=2) - full).max() > 0.01
    weak = ganzoo.create("postfilter", **TINY, strength=0.5)
    weak.start_from(model)
    np.testing.assert_allclose(weak.restore_cepstra(natural, seed=1), half, atol=1e-5)
    for strength in (-0.1, 2.1, "1", True, np.nan):
        with pytest.raises(GanzooError, match="strength must be a number from 0 to 2"):
            model.restore_cepstra(natural, strength=strength)
    with pytest.raises(GanzooError, match="strength"):
        ganzoo.create("postfilter", **TINY, strength=2.1)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((5, 11), "float32"), np.zeros(12, "float32"), np.zeros((0, 12), "float32"), np.zeros((5, 12), "int32")],
)
def test_other_arrays_are_refused(model, wrong):
    for method in (model.smooth_cepstra, model.restore_cepstra):
        with pytest.raises(GanzooError, match=r"mel-cepstra are float \(frames, 12\), got"):
            method(wrong)


# Sound.


@pytest.mark.parametrize("rate", [8000, 22050])
@pytest.mark.parametrize("shape", [(1,), (7,), (4001,), (3001, 2)])
def test_any_length_rate_and_channel_count_comes_back_as_it_was(model, rate, shape):
    sound = (0.1 * np.random.default_rng(0).standard_normal(shape)).astype("float32")
    for made in (model.restore(sound, rate), model.smooth(sound, rate)):
        assert made.shape == shape
        assert made.dtype == np.float32
        assert np.isfinite(made).all()


def test_synthesis_without_a_change_sounds_like_the_recording(model, with_random_kernels):
    """The level in each tenth of a second is kept, at any level and rate; channels are apart; silence is silence."""

    def levels(sound, rate):
        size = rate // 10
        return 20 * np.log10(
            np.sqrt(np.square(sound[: len(sound) // size * size]).reshape(-1, size).mean(axis=1) + 1e-20)
        )

    same = with_random_kernels("postfilter", order=40)
    for rate, gain in ((16_000, 1.0), (44_100, 0.01)):
        sound = gain * vowels(rate)
        made = same.resynthesized(sound, rate)
        heard = levels(sound, rate) > levels(sound, rate).max() - 15
        assert np.abs(levels(made, rate) - levels(sound, rate))[heard].max() < 2.5, rate
    stereo = np.stack([vowels(RATE), np.zeros_like(vowels(RATE))], axis=1)
    made = model.smooth(stereo, RATE)
    np.testing.assert_array_equal(made[:, 1], 0)
    np.testing.assert_allclose(made[:, 0], model.smooth(vowels(RATE), RATE), atol=1e-6)
    np.testing.assert_array_equal(model.restore(np.zeros(5000), 44_100), 0)


def test_smooth_first_is_to_smooth_and_to_restore(model):
    found = []
    model.resynthesized(vowels(RATE), RATE, lambda cepstra: found.append(cepstra) or cepstra)
    expected = model.resynthesized(
        vowels(RATE), RATE, lambda cepstra: model.restore_cepstra(model.smooth_cepstra(cepstra), seed=4)
    )
    np.testing.assert_array_equal(model.restore(vowels(RATE), RATE, seed=4, smooth_first=True), expected)
    assert found[0].shape[1] == 12


def test_versions_of_a_recording_are_those_of_single_changes(model):
    stereo = np.stack([vowels(RATE), np.zeros_like(vowels(RATE))], axis=1)

    def in_place(cepstra):
        cepstra *= 0.5
        return cepstra

    changes = {"in place": in_place, "coarse": model.held_cepstra, "smooth": model.smooth_cepstra}
    made = model.resynthesized_versions(stereo, RATE, changes)
    assert list(made) == ["in place", "coarse", "smooth"]
    for name, change in changes.items():
        np.testing.assert_array_equal(made[name], model.resynthesized(stereo, RATE, change))
    assert np.abs(made["coarse"] - made["smooth"]).max() > 0.01


@pytest.mark.parametrize(
    ("audio", "rate", "message"),
    [
        (np.zeros((0,)), RATE, r"takes audio \(samples"),
        (np.zeros((2, 3, 4)), RATE, r"takes audio \(samples"),
        (np.zeros((2, 16_000)), RATE, "look like samples: transpose it"),
        (np.full(1000, np.nan), RATE, "not finite"),
        (np.zeros(1000), 999, "sample_rate must be an integer from 1000"),
        (np.zeros(1000), 44.1, "sample_rate must be an integer from 1000"),
    ],
)
def test_unusable_audio_is_refused_in_one_line(model, audio, rate, message):
    for method in (model.restore, model.smooth):
        with pytest.raises(GanzooError, match=message) as error:
            method(audio, rate)
        assert "\n" not in str(error.value)


# Training.


@pytest.fixture(scope="module")
def learned():
    """A smoother that has learned mel-cepstra whose third coefficient follows from the first."""
    keras.utils.set_random_seed(0)
    sizes = dict(order=6, coarse_order=2, hop=4, kernel_size=3, window=32)
    model = ganzoo.create("smoother", **sizes, width=16, blocks=1)
    rng = np.random.default_rng(0)
    cepstra = 5.0 + rng.normal(size=(256, 32, 6)).cumsum(axis=1).astype("float32")
    cepstra[:, :, 2] = 3.0 * cepstra[:, :, 0] - 100.0
    # Nothing tells these: the best prediction is their mean, 2.
    cepstra[:, :, 3:] = 2.0 + rng.normal(size=(256, 32, 3))
    model.compile({"name": "adam", "learning_rate": 3e-3}, ema_decay=0.9)
    history = model.fit(cepstra, batch_size=32, epochs=12, verbose=0)
    return model, cepstra, history.history


def test_a_smoother_predicts_what_follows_and_the_mean_of_what_does_not(learned):
    model, cepstra, history = learned
    assert history["loss"][-1] < 0.6 * history["loss"][0]
    natural = cepstra[:8].reshape(-1, 6)
    smooth = model.smooth_cepstra(natural)
    explained = 1 - np.var(natural - smooth, axis=0) / np.var(natural, axis=0)
    assert explained[2] > 0.9
    assert np.abs(smooth[:, 3:] - 2.0).mean() < 0.3
    assert np.var(smooth[:, 3:]) < 0.1
    assert ganzoo.metrics.variance_distance(natural, smooth) > 5
    scale = model.generator.get_layer(SCALE)
    np.testing.assert_allclose(scale.mean, cepstra.mean(axis=(0, 1)), rtol=1e-3)
    np.testing.assert_allclose(scale.deviation, cepstra.std(axis=(0, 1)), rtol=1e-3)


def test_a_postfilter_starts_from_a_smoother_and_gives_its_output_variance(learned):
    smoother, cepstra, _ = learned
    keras.utils.set_random_seed(0)
    sizes = dict(order=6, coarse_order=2, hop=4, kernel_size=3, window=32)
    own = dict(smoother_width=16, smoother_blocks=1, smoother_kernel_size=3, discriminator_widths=(8, 16))
    model = ganzoo.create("postfilter", **sizes, **own, width=16, blocks=1, noise_channels=6)
    model.start_from(smoother)
    natural = cepstra[:8].reshape(-1, 6)
    smooth = smoother.smooth_cepstra(natural)
    np.testing.assert_allclose(model.smooth_cepstra(natural), smooth, atol=1e-5)
    np.testing.assert_allclose(model.generator.get_layer(SCALE).mean, cepstra.mean(axis=(0, 1)), rtol=1e-3)
    # It begins with the smooth mel-cepstra.
    assert (np.abs(model.restore_cepstra(smooth) - smooth) / cepstra.std(axis=(0, 1))).max() < 0.05
    before = model.smoother.get_weights()
    model.compile({"learning_rate": 2e-3}, loss="least_squares", ema_decay=0.9)
    model.fit(cepstra, batch_size=32, epochs=12, verbose=0)
    for ours, theirs in zip(model.smoother.get_weights(), before):
        np.testing.assert_array_equal(ours, theirs)
    restored = model.restore_cepstra(smooth)
    for distance in (ganzoo.metrics.variance_distance, ganzoo.metrics.modulation_distance):
        assert distance(natural, restored) < 0.5 * distance(natural, smooth)


def test_only_smoothers_of_the_same_size_are_taken_over(learned, model):
    with pytest.raises(GanzooError, match="is no smoother of the same size"):
        model.start_from(learned[0])
    with pytest.raises(GanzooError, match="is no smoother of the same size"):
        model.start_from(ganzoo.create("segan", **model_class("segan").test_config))
    other = ganzoo.create("postfilter", **TINY)
    other.start_from(model)
    natural = np.random.default_rng(1).normal(size=(20, 12)).astype("float32")
    np.testing.assert_allclose(other.restore_cepstra(natural), model.restore_cepstra(natural), atol=1e-6)
    np.testing.assert_allclose(other.smooth_cepstra(natural), model.smooth_cepstra(natural), atol=1e-6)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((4, 16, 11), "float32"), r"learns from mel-cepstra float32 \(16, 12\), but the data has"),
        (np.zeros((16, 12), "float32"), "single examples"),
        (np.full((4, 16, 12), np.nan, "float32"), "not finite"),
        ((np.zeros((4, 16, 12), "float32"), np.zeros(4)), "but the data has"),
    ],
)
def test_other_data_is_refused(data, message):
    model = ganzoo.create("postfilter", **TINY)
    model.compile()
    with pytest.raises(GanzooError, match=message):
        model.fit(*(data if isinstance(data, tuple) else (data,)), verbose=0)


# Commands and evaluation.


@pytest.fixture(scope="module")
def saved(tmp_path_factory, with_random_kernels):
    path = tmp_path_factory.mktemp("models") / "tiny.keras"
    made = with_random_kernels("postfilter", size=0.03, order=40, coarse_order=20)
    rng = np.random.default_rng(0)
    for network in (made.smoother, made.ema_generator):
        # About the means and deviations of speech.
        network.get_layer(SCALE).take(np.linspace(-11, 0, 40) ** 3 / 121 + rng.normal(size=(999, 40)) * 0.1)
    made.compile()
    made.save(path)
    return path


def test_commands_write_what_the_methods_return(saved, three_speakers, tmp_path):
    def run(*arguments):
        return CliRunner().invoke(main, [*map(str, arguments), "--model", str(saved)], catch_exceptions=False)

    model = ganzoo.load(saved)
    sound, rate = soundfile.read(three_speakers / "a-0.wav", dtype="float32")
    options = ["--strength", 0.5, "--seed", 2, "--smooth-first"]
    for command, expected in (
        (["smooth"], model.smooth(sound, rate)),
        (["postfilter", *options], model.restore(sound, rate, 0.5, 2, True)),
    ):
        found = run(command[0], three_speakers / "a-0.wav", tmp_path / "out.wav", *command[1:])
        assert found.exit_code == 0, found.output
        written, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
        np.testing.assert_allclose(written, np.clip(expected, -1, 1), atol=1 / 32000)
    found = run("postfilter", three_speakers, tmp_path / "folder")
    assert found.exit_code == 0
    assert len(list((tmp_path / "folder").iterdir())) == 7
    assert not soundfile.read(tmp_path / "folder" / "a-2.wav")[0].any()
    (tmp_path / "notes.wav").write_text("no sound")
    found = run("postfilter", tmp_path / "notes.wav", tmp_path / "out.wav")
    assert found.exit_code == 1
    assert str(tmp_path / "notes.wav") in found.output
    assert len(found.output.strip().splitlines()) == 1


def test_evaluation_gives_the_smooth_side_and_the_ceiling_beside_the_model(saved, three_speakers, tmp_path):
    from ganzoo.evaluation import evaluate_presets

    pytest.importorskip("pesq")
    names = ["mel_cepstral_distortion", "variance_distance", "modulation_distance", "pesq"]
    # PESQ is not defined for silence.
    spoken = shutil.copytree(three_speakers, tmp_path / "spoken", ignore=shutil.ignore_patterns("a-2.wav"))
    ceiling, smooth, restored = evaluate_presets([saved], f"folder:{spoken}", metrics=names)
    assert [one.name for one in (ceiling, smooth, restored)] == ["natural, synthesized", "smooth", str(saved)]
    assert [ceiling.metrics[name] for name in names[:3]] == [0, 0, 0]
    assert ceiling.metrics["pesq"] > max(smooth.metrics["pesq"], restored.metrics["pesq"])
    assert smooth.metrics["variance_distance"] != restored.metrics["variance_distance"]
