"""What is particular to cyclegan_vc and to voice conversion."""

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import ops

import ganzoo
from ganzoo.cli import main
from ganzoo.data.vocoder import (
    FRAME_SECONDS,
    analyze,
    pitch_statistics,
)
from ganzoo.data.voices import open_voices, voices
from ganzoo.errors import GanzooError
from ganzoo.evaluation.voice_conversion import baseline, evaluate, mean_conversion
from ganzoo.layers import PixelShuffle
from ganzoo.networks.voice import SOURCE, TARGET, voice_converter
from ganzoo.registry import model_class

soundfile = pytest.importorskip("soundfile")
pytest.importorskip("pyworld")

TINY = model_class("cyclegan_vc").test_config


@pytest.fixture(scope="module")
def speakers(tmp_path_factory, tone):
    """Folders low and high with ten sounds each, named by the word and a number, of 100 and of 200 Hz."""
    root = tmp_path_factory.mktemp("speakers")
    rng = np.random.default_rng(0)
    for name, pitch in (("low", 100), ("high", 200)):
        (root / name).mkdir()
        for i in range(10):
            sound = tone(pitch * np.exp(0.1 * rng.standard_normal()), seconds=0.3 + 0.03 * i)
            soundfile.write(root / name / f"{'ab'[i % 2]}-{i}.wav", sound, 8_000)
    return root


def labeled(speakers):
    return f"named:{speakers}:{{speaker}}/{{word}}-{{index}}"


@pytest.fixture(scope="module")
def model(speakers):
    keras.utils.set_random_seed(0)
    model = ganzoo.create("cyclegan_vc", **TINY, domains=("low", "high"))
    model.compile()
    data = voices(labeled(speakers), batch_size=2, repeats=4, held_out=0, **model.data_arguments())
    model.fit(data.take(3), verbose=0)
    return model


def test_pitch_becomes_that_of_the_other_voice():
    network = voice_converter(4, 3, 5, 5, 1)
    for name, mean, deviation in ((SOURCE, 4.6, 0.1), (TARGET, 5.3, 0.2)):
        layer = network.get_layer(name)
        layer.mean.assign([mean, 0, 0, 0, 0])
        layer.deviation.assign([deviation, 1, 1, 1, 1])
    features = np.random.default_rng(0).normal(size=(1, 8, 6)).astype("float32")
    features[0, :, 0] = [0.0, 4.6, 4.7, 4.4, 0.0, 4.6, 4.6, 4.6]
    converted = ops.convert_to_numpy(network(features))
    np.testing.assert_allclose(converted[0, :4, 0], [0.0, 5.3, 5.5, 4.9], atol=1e-5)
    np.testing.assert_array_equal(converted[..., 1], features[..., 1])


def test_statistics_are_those_of_voiced_frames():
    layer = ganzoo.layers.VoiceStatistics(2)
    assert not layer.is_taken
    layer.take(np.array([[[4.0, 9, 1, 10], [0.0, 9, 3, 10]], [[6.0, 9, 5, 10], [0.0, 9, 7, 10]]]))
    assert layer.is_taken
    np.testing.assert_allclose(layer.mean, [5, 4, 10])
    np.testing.assert_allclose(layer.deviation, [1, np.sqrt(5), 1e-3], rtol=1e-5)
    features = np.random.default_rng(0).normal(5, 1, (2, 3, 4)).astype("float32")
    restored = layer.restored(features, *layer(features))
    np.testing.assert_allclose(restored, features, rtol=1e-4)


def test_frames_are_shuffled_like_pixels():
    shuffle = voice_converter(4, 2, 4, 4, 1).get_layer("up1_shuffle")
    x = np.arange(48, dtype="float32").reshape(1, 3, 16)
    wide = np.zeros((1, 3, 1, 32), "float32")
    wide[..., :16] = x[:, :, None]
    # The columns of PixelShuffle, along an axis of time.
    expected = np.array(PixelShuffle(2)(wide.transpose(0, 2, 1, 3)))[:, 0, :, :8]
    np.testing.assert_array_equal(np.array(shuffle(x)), expected)


def test_a_cycle_of_identities_is_free(model):
    other = ganzoo.create("cyclegan_vc", **TINY)
    other.compile()
    x, y = other.example_batch(2)
    other.take_statistics(x, y)
    # Converters of mean and deviation alone: the last convolution is 0, and the output residual.
    residual = ganzoo.create("cyclegan_vc", **TINY, output="residual")
    residual.compile(adversarial_weight=0.0)
    residual.take_statistics(x, y)
    for name in residual.generators:
        last = residual.networks[name].get_layer("last")
        last.set_weights([np.zeros_like(weight) for weight in last.get_weights()])
    assert float(residual.generator_loss((x, y))) == pytest.approx(0, abs=1e-4)
    other.adversarial_weight = 0.0
    assert float(other.generator_loss((x, y))) > 1


def test_losses_are_those_of_the_paper(model):
    x, y = model.example_batch(3, seed=9)
    g, f = model.generator, model.backward_generator
    # Everything is compared after standardization.
    (m_x, s_x), (m_y, s_y) = (
        (np.array(layer.mean)[1:], np.array(layer.deviation)[1:])
        for layer in (g.get_layer(SOURCE), f.get_layer(SOURCE))
    )

    def z_x(features):
        return (np.array(features)[..., 2:] - m_x) / s_x

    def z_y(features):
        return (np.array(features)[..., 2:] - m_y) / s_y

    def with_cepstra(features, cepstra):
        return np.concatenate([features[..., :2], cepstra], axis=-1).astype("float32")

    fake_y, fake_x = np.array(g(x)), np.array(f(y))
    same_y = g(with_cepstra(y, z_y(y) * s_x + m_x))
    same_x = f(with_cepstra(x, z_x(x) * s_y + m_y))
    d_y, d_x = model.discriminator, model.backward_discriminator
    fakes = np.array(d_y(z_y(fake_y))), np.array(d_x(z_x(fake_x)))
    adversarial = sum(np.mean((scores - 1) ** 2) for scores in fakes)
    cycle = np.abs(z_x(f(fake_y)) - z_x(x)).mean() + np.abs(z_y(g(fake_x)) - z_y(y)).mean()
    identity = np.abs(z_y(same_y) - z_y(y)).mean() + np.abs(z_x(same_x) - z_x(x)).mean()
    found = float(model.generator_loss((x, y), training=False))
    assert found == pytest.approx(adversarial + 10 * cycle + 5 * identity, rel=1e-3)
    reals = np.array(d_y(z_y(y))), np.array(d_x(z_x(x)))
    wanted = sum(np.mean((scores - 1) ** 2) for scores in reals) + sum(np.mean(scores**2) for scores in fakes)
    assert float(model.discriminator_loss((x, y), training=False)) == pytest.approx(wanted / 2, rel=1e-3)
    # After its steps, the identity loss is left out.
    model.identity_steps = model.steps
    try:
        later = float(model.generator_loss((x, y), training=False))
    finally:
        model.identity_steps = 10_000
    assert later == pytest.approx(adversarial + 10 * cycle, rel=1e-3)


def test_hidden_frames_are_filled_in(speakers):
    """Training hides consecutive frames, which the generators do not see, and tells them so."""
    filling = ganzoo.create("cyclegan_vc", **TINY, masked_frames=8, output="residual")
    filling.compile()
    x, y = filling.example_batch(40)
    filling.take_statistics(x, y)
    hidden = np.array(filling.hidden(x))
    is_hidden = (hidden[..., 2:] == 0).all(axis=-1)
    np.testing.assert_array_equal(hidden[..., :2], x[..., :2])
    np.testing.assert_array_equal(hidden[~is_hidden], x[~is_hidden])
    counts, edges = is_hidden.sum(axis=1), np.diff(is_hidden.astype(int), axis=1)
    assert set(counts) >= {1, 4, 7}
    assert counts.max() <= 8
    assert (np.abs(edges).sum(axis=1) <= 2).all()
    assert is_hidden.any(axis=0)[1:].all(), "every frame but the first is hidden at times"
    # What was in a hidden frame does not matter, but that it is hidden does.
    network, i = filling.generator, int(counts.argmax())
    known = np.array(network.get_layer("missing_frames")([hidden, hidden[..., 2:]]))
    np.testing.assert_array_equal(known[..., -1], ~is_hidden)
    means = np.where(is_hidden[i, :, None], np.array(network.get_layer(SOURCE).mean)[1:], x[i, :, 2:])
    before = np.concatenate([x[i, :, :2], means], axis=-1)[None].astype("float32")
    assert np.abs(np.array(network(before)) - np.array(network(hidden[i : i + 1]))).max() > 1e-3
    # Whole segments are compared, and nothing is hidden outside of training.
    filling.adversarial_weight = 0.0
    filling.cycle_weight, filling.identity_weight = 1.0, 0.0
    for name in filling.generators:
        last = filling.networks[name].get_layer("last")
        last.set_weights([np.zeros_like(weight) for weight in last.get_weights()])
    assert float(filling.generator_loss((x, y), training=False)) == pytest.approx(0, abs=1e-4)
    assert float(filling.generator_loss((x, y))) > 0.05
    history = filling.fit(x, y, batch_size=8, verbose=0).history
    assert np.isfinite(history["cycle_loss"][0])
    with pytest.raises(GanzooError, match="masked_frames must be at most the 32 frames"):
        ganzoo.create("cyclegan_vc", **TINY, masked_frames=33)


def test_statistics_are_taken_from_the_training_data(model, speakers):
    low, high = open_voices(labeled(speakers), ("low", "high"), 8_000)
    for side, voice in ((SOURCE, low), (TARGET, high)):
        pitch = np.concatenate([analyze(sound, 8_000).pitch for sound in voice.samples])
        expected = pitch_statistics([pitch])
        for network in (model.generator, model.averages["generator"]):
            layer = network.get_layer(side)
            assert float(layer.mean[0]) == pytest.approx(expected.mean, abs=0.05)
            assert float(layer.deviation[0]) == pytest.approx(expected.deviation, rel=0.5)
    # Training goes on with the same.
    before = np.array(model.generator.get_layer(SOURCE).mean)
    model.fit(*model.example_batch(4), batch_size=2, verbose=0)
    np.testing.assert_array_equal(np.array(model.generator.get_layer(SOURCE).mean), before)


def test_other_voices_have_other_statistics(model):
    new = ganzoo.create("cyclegan_vc", **TINY)
    new.compile()
    new.start_from(model)
    np.testing.assert_array_equal(
        np.array(new.generator.get_layer("first").kernel), model.averages["generator"].get_layer("first").kernel
    )
    assert not new.has_statistics


def test_segments_are_the_same_for_the_same_step(speakers):
    source = f"folders:{speakers}/low,{speakers}/high:train"
    feeds = [
        voices.feed(source, sample_rate=8_000, coefficients=8, frames=32, batch_size=3, repeats=9) for _ in range(2)
    ]
    (x, y), again = (feed.make_batch(7, feed.indices(7)) for feed in feeds)
    np.testing.assert_array_equal((x, y), again)
    assert x.shape == y.shape == (3, 32, 10)
    assert (x[..., 0].max(), y[..., 0].max()) == (
        pytest.approx(np.log(100), abs=0.5),
        pytest.approx(np.log(200), abs=0.5),
    )
    # One recording of nine for training is held out for validation.
    assert [len(side) for side in feeds[0].validation] == [1, 1]


def test_parts_of_two_folders_are_disjoint(speakers):
    source = f"folders:{speakers}/low,{speakers}/high"
    train, test = (open_voices(f"{source}:{part}", ("a", "b"), 8_000) for part in ("train", "test"))
    for side in (0, 1):
        assert len(test[side].names) == 1
        assert {*train[side].names} | {*test[side].names} == {f"{'ab'[i % 2]}-{i}.wav" for i in range(10)}
    assert [len(side.names) for side in open_voices(source, ("a", "b"), 8_000)] == [10, 10]


@pytest.mark.parametrize(
    ("given", "domains", "words"),
    [
        ("folders:{root}/low,{root}/low", ("a", "b"), "both sides are the same folder"),
        ("folders:{root}/low", ("a", "b"), "write folders:PATH_A,PATH_B"),
        ("folders:{root}/low,{root}/empty", ("a", "b"), "no recordings|holds no"),
        ("folder:{root}", ("low", "hihg"), "Did you mean 'high'"),
        ("folder:{root}", ("low", "low"), "'low' twice"),
        ("folder:{root}/low", ("low", "high"), "does not say who speaks"),
        ("named:{root}:{{a}}-{{b}}", ("low", "high"), "does not say who speaks"),
        ("idx:{root}", ("low", "high"), "unknown source of two voices"),
        ("folders:{root}/low,{root}/silent", ("a", "b"), "no speech"),
        ("folders:{root}/low,{root}/short", ("a", "b"), "a segment has 128"),
    ],
)
def test_sources_that_cannot_be_used(speakers, given, domains, words):
    for name, samples in (("silent", 16_000), ("short", 4_000), ("empty", 0)):
        (speakers / name).mkdir(exist_ok=True)
        if samples:
            soundfile.write(speakers / name / "0.wav", np.zeros(samples, "float32"), 8_000)
    try:
        with pytest.raises(GanzooError, match=words) as raised:
            voices(given.format(root=speakers), domains, sample_rate=8_000, held_out=0)
    finally:
        for name in ("silent", "short", "empty"):
            for path in (speakers / name).iterdir():
                path.unlink()
            (speakers / name).rmdir()
    assert "\n" not in str(raised.value)


def test_data_that_does_not_fit(model):
    x, y = model.example_batch(4)
    with pytest.raises(GanzooError, match=r"ganzoo\.data\.voices"):
        model.fit(x, verbose=0)
    with pytest.raises(GanzooError, match=r"ganzoo\.data\.voices"):
        model.fit(x[:, :8], y[:, :8], verbose=0)
    with pytest.raises(GanzooError, match="not finite"):
        model.fit(np.full_like(x, np.nan), y, verbose=0)
    for arguments, words in (
        (dict(frames=40), "multiples of 16 frames"),
        (dict(coefficients=9), "of 4 coefficients"),
        (dict(domains=("a", "a")), "'a' twice"),
        (dict(sample_rate=4_000), "at least 8000 Hz"),
        (dict(blocks=0), "blocks"),
    ):
        with pytest.raises(GanzooError, match=words):
            _ = ganzoo.create("cyclegan_vc", **{**TINY, **arguments}).discriminator


def test_pitch_is_converted(model, tone):
    low = tone(100)
    high = model.convert(low, 8_000)
    assert (high.shape, high.dtype) == (low.shape, np.float32)
    assert np.median(voiced(high)) == pytest.approx(200, rel=0.15)
    np.testing.assert_array_equal(model.convert(low, 8_000, "low_to_high"), high)
    back = model.convert(tone(200), 8_000, "backward")
    assert np.median(voiced(back)) == pytest.approx(100, rel=0.15)


def voiced(sound, rate=8_000):
    pitch = analyze(sound, rate).pitch
    return pitch[pitch > 0]


def test_rates_types_and_channels(model, tone):
    sound = tone(100, 44_100)
    converted = model.convert(sound, 44_100)
    assert converted.shape == sound.shape
    assert np.median(voiced(converted, 44_100)) == pytest.approx(200, rel=0.15)
    short = tone(100)
    whole = np.rint(short * 32768).astype("int16")
    np.testing.assert_allclose(model.convert(whole, 8_000), model.convert(whole / np.float32(32768), 8_000), atol=1e-5)
    stereo = np.stack([short, np.zeros_like(short)], axis=1)
    np.testing.assert_allclose(model.convert(stereo, 8_000), model.convert(short / 2, 8_000), atol=1e-5)


@pytest.mark.parametrize("samples", [1, 3, 100, 4_001])
def test_short_recordings_silence_and_noise(model, samples):
    assert not model.convert(np.zeros(samples, "float32"), 8_000).any()
    noise = np.random.default_rng(0).normal(0, 0.1, samples).astype("float32")
    for rate in (8_000, 48_000):
        converted = model.convert(noise, rate)
        assert converted.shape == noise.shape
        assert np.isfinite(converted).all()


def test_parts_of_long_recordings_fit_together(model, tone):
    """Where the network changes nothing, the whole is as from the vocoder at once."""
    rate = 8_000
    converter = mean_conversion(model)
    low = np.tile(np.pad(tone(100, seconds=0.8), (0, 1_600)), 30)
    converted = model.convert(low, rate, progress=False)
    assert converted.shape == low.shape
    assert np.median(voiced(converted)) == pytest.approx(np.median(voiced(converter(low, rate, "forward"))), rel=0.05)
    levels = converted[: len(converted) // 8000 * 8000].reshape(-1, 8000).std(axis=1)
    assert levels.max() < 2 * levels.min()


@pytest.mark.parametrize(
    ("audio", "rate", "direction", "words"),
    [
        (np.zeros(8, "float32"), 8_000, "forwards", "Did you mean 'forward'"),
        (np.zeros(0, "float32"), 8_000, "forward", "takes audio"),
        (np.zeros((2, 2, 2), "float32"), 8_000, "forward", "takes audio"),
        (np.zeros((2, 900), "float32"), 8_000, "forward", "transpose it"),
        (np.array([0, np.inf], "float32"), 8_000, "forward", "not finite"),
        (np.array(["a"]), 8_000, "forward", "takes audio"),
        (np.zeros(8, "float32"), 10, "forward", "sample_rate must be"),
    ],
)
def test_what_cannot_be_converted(model, audio, rate, direction, words):
    with pytest.raises(GanzooError, match=words) as raised:
        model.convert(audio, rate, direction)
    assert "\n" not in str(raised.value)


def test_the_command_converts_files_and_folders(model, speakers, tmp_path, tone):
    model.save(tmp_path / "mine.keras")
    runner = CliRunner()

    def run(*arguments):
        return runner.invoke(main, ["convert", *map(str, arguments), "--model", str(tmp_path / "mine.keras")])

    sound = tone(200, 16_000)
    soundfile.write(tmp_path / "in.flac", np.stack([sound, sound], axis=1), 16_000, subtype="PCM_24")
    done = run(tmp_path / "in.flac", tmp_path / "out.wav", "--direction", "high_to_low")
    assert done.exit_code == 0, done.output
    info = soundfile.info(tmp_path / "out.wav")
    assert (info.samplerate, info.channels, info.frames, info.subtype) == (16_000, 1, len(sound), "PCM_24")
    written = soundfile.read(tmp_path / "out.wav", dtype="float32")[0]
    assert np.median(voiced(written, 16_000)) == pytest.approx(100, rel=0.15)
    given = soundfile.read(tmp_path / "in.flac", dtype="float32")[0][:, 0]
    np.testing.assert_allclose(written, model.convert(given, 16_000, "backward"), atol=1e-5)
    done = run(speakers / "low", tmp_path / "converted")
    assert done.exit_code == 0, done.output
    assert len(list((tmp_path / "converted").glob("*.wav"))) == 10
    for arguments, words in (
        ((tmp_path / "in.flac", tmp_path / "out.txt"), "cannot write"),
        ((tmp_path / "missing.wav", tmp_path / "out.wav"), "missing.wav"),
        ((tmp_path / "in.flac", tmp_path / "out.wav", "--direction", "up"), "unknown direction"),
    ):
        done = run(*arguments)
        assert done.exit_code != 0
        assert words in done.output


def test_evaluation_beside_its_baselines(model, speakers):
    rows = [*baseline(model, labeled(speakers)), evaluate(model, labeled(speakers))]
    assert len({row.protocol for row in rows}) == 1
    unchanged, _, own = (row.metrics for row in rows)
    assert set(own) == {
        f"{name}_{direction}"
        for name in ("mel_cepstral_distortion", "frame_distance")
        for direction in ("forward", "backward")
    }
    # The recordings differ in nothing but their pitch, and with it in the spectra that the vocoder finds.
    assert unchanged["mel_cepstral_distortion_forward"] == pytest.approx(unchanged["mel_cepstral_distortion_backward"])
    with pytest.raises(GanzooError, match="no judge of this package knows the voices"):
        evaluate(model, labeled(speakers), metrics=["voice_recognized"])
    with pytest.raises(GanzooError, match="what is said"):
        evaluate(model, f"folder:{speakers}", metrics=["mel_cepstral_distortion"])


def test_a_run_previews_and_measures(model, speakers):
    feed = voices.feed(labeled(speakers), batch_size=2, held_out=0.2, **model.data_arguments())
    images = model.preview(feed, 3)
    assert (images.shape, images.dtype) == ((3, 64, 384, 1), np.uint8)
    validation = model.validation_metrics(feed, ganzoo.config.Evaluation())
    values = validation.compute(model)
    assert validation.monitor in values
    assert values["cycle_distortion"] > 0
    assert round(FRAME_SECONDS * 1000) == 5
