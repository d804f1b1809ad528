"""SEGAN as people use it: sound of any kind in, the same kind out."""

import keras
import numpy as np
import pytest
from click.testing import CliRunner

import ganzoo
from ganzoo.cli import main
from ganzoo.data.recording_files import EndsEarly
from ganzoo.data.waveforms import as_float
from ganzoo.evaluation import evaluate, evaluate_presets
from ganzoo.inference.recordings import enhance_file
from ganzoo.losses.loudness import loudness_difference
from ganzoo.registry import model_class

soundfile = pytest.importorskip("soundfile")
soxr = pytest.importorskip("soxr")
SMALL = {**model_class("segan").test_config, "output": "residual", "bias": False, "window": 256}


def with_weights(**arguments):
    """A network whose last layer does something."""
    keras.utils.set_random_seed(0)
    model = ganzoo.create("segan", **{**SMALL, **arguments})
    rng = np.random.default_rng(0)
    for weight in model.ema_generator.trainable_weights:
        weight.assign(rng.normal(0, 0.3, weight.shape))
    return model


@pytest.fixture(scope="module")
def model():
    return with_weights()


def noise(length, *channels, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal((length, *channels))).astype("float32")


@pytest.mark.parametrize("num_shifts", [1, 3])
def test_windows_are_as_one_piece(model, monkeypatch, num_shifts):
    """Below -60 dB at every sample; of single precision it is -120."""
    assert 2 * model.windows.margin <= model.window
    monkeypatch.setattr("ganzoo.tasks.speech_enhancement._SECONDS", 0.01)
    sound = noise(5000)
    assert model.windows.step < 200
    parts = model.enhance(sound, 16000, num_shifts=num_shifts)
    monkeypatch.setattr("ganzoo.tasks.speech_enhancement._SECONDS", 10)
    whole = model.enhance(sound, 16000, num_shifts=num_shifts)
    assert np.abs(parts - whole).max() < 1e-5 * np.abs(whole).max()


def test_shifts_are_means_of_later_beginnings(model):
    """Three, by hand: golden shares of a hop later. A model's own number is what it does by itself."""
    sound = noise(1000)
    later = [int(share * model.hop) for share in (0.0, 0.6180339887, 0.2360679775)]
    assert len(set(later)) == 3
    answers = [model.enhance(np.concatenate([np.zeros(n, "float32"), sound]), 16000)[n:] for n in later]
    expected = np.mean(answers, axis=0)
    # De-emphasis remembers the output for the zeros for a while.
    np.testing.assert_allclose(model.enhance(sound, 16000, num_shifts=3)[100:], expected[100:], atol=2e-7)
    assert all(np.abs(expected - answer).max() > 1e-5 for answer in answers)
    own = ganzoo.create("segan", **{**model.arguments, "num_shifts": 3})
    own.ema_generator.set_weights(model.ema_generator.get_weights())
    np.testing.assert_array_equal(own.enhance(sound, 16000), model.enhance(sound, 16000, num_shifts=3))
    for wrong in (0, 1.5, True, model.hop + 1):
        with pytest.raises(ganzoo.GanzooError, match="num_shifts must be an integer"):
            model.enhance(sound, 16000, num_shifts=wrong)
        with pytest.raises(ganzoo.GanzooError, match="num_shifts must be an integer"):
            own.num_shifts = wrong


def test_a_changed_number_of_shifts_is_saved(tmp_path):
    model = ganzoo.create("segan", **model_class("segan").test_config)
    model.num_shifts = 2
    model.save(tmp_path / "model.keras")
    assert ganzoo.load(tmp_path / "model.keras").num_shifts == 2


def test_the_network_sees_no_further_than_it_says(model):
    """A changed sample changes nothing beyond `reach`, and something near it."""
    sound = noise(4096)
    other = sound.copy()
    other[2048] += 0.1
    changed = np.flatnonzero(np.abs(model._shift_average(sound[None]) - model._shift_average(other[None]))[0] > 1e-9)
    assert 2048 - model.reach <= changed.min() < 2048 < changed.max() <= 2048 + model.reach


def test_a_network_that_sees_further_goes_in_windows_of_training():
    model = with_weights(window=32)
    assert 2 * model.reach > model.window
    assert (model.windows.step, model.windows.fade, model.windows.margin) == (16, 16, 0)
    assert model.enhance(noise(1000), 16000).shape == (1000,)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("shape", [(1,), (7,), (4001,), (2, 1), (3001, 2)])
def test_any_length_rate_and_channel_count_comes_back_as_it_was(model, rate, shape):
    clean = model.enhance(noise(*shape), rate)
    assert clean.shape == shape
    assert clean.dtype == np.float32
    assert np.isfinite(clean).all()


def test_channels_are_apart_and_loudness_is_kept(model):
    stereo = noise(3000, 2)
    clean = model.enhance(stereo, 16000)
    for channel in range(2):
        np.testing.assert_allclose(model.enhance(stereo[:, channel], 16000), clean[:, channel], atol=1e-6)
    np.testing.assert_allclose(model.enhance(0.01 * stereo, 16000), 0.01 * clean, atol=1e-6)
    np.testing.assert_array_equal(model.enhance(np.zeros(999), 44100), 0)


def test_resampling_keeps_time_and_an_untrained_network_keeps_the_sound():
    """A network of the residual kind that adds nothing gives back what it got, at every rate, to -50 dB."""
    model = ganzoo.create("segan", **SMALL)
    model.ema_generator.get_layer("sound").kernel.assign(0 * model.ema_generator.get_layer("sound").kernel)
    for rate in (16000, 22050, 44100, 48000):
        time = np.arange(3 * rate) / rate
        sound = 0.3 * np.sin(2 * np.pi * 1000 * time).astype("float32")
        error = (model.enhance(sound, rate) - sound)[rate // 10 : -rate // 10]
        assert np.sqrt(np.mean(error**2)) < 3e-3 * 0.3, rate


def test_types_of_files(model):
    sound = noise(2000)
    clean = model.enhance(sound, 16000)
    for dtype, steps in (("int16", 2**15), ("int32", 2**31)):
        whole = np.rint(sound.astype("float64") * steps).astype(dtype)
        np.testing.assert_allclose(model.enhance(whole, 16000), clean, atol=2e-3)
    assert as_float(np.array([0, 128, 255], "uint8")) == pytest.approx([-1, 0, 127 / 128])


@pytest.mark.parametrize(
    ("sound", "rate", "words"),
    [
        (np.array([]), 16000, r"takes audio \(samples"),
        (np.zeros((2, 3, 4)), 16000, "takes audio"),
        (np.array(["a"]), 16000, "takes audio"),
        (np.zeros((2, 100)), 16000, "look like samples"),
        (np.array([0.0, np.nan]), 16000, "not finite numbers"),
        (np.array([0.0, np.inf]), 16000, "not finite numbers"),
        (np.array([0.0, 0.5, 1e38]), 16000, r"beyond 100: 1e\+38 at sample 2. Samples lie in \[-1, 1\]"),
        (np.array([[0.0, 0.5], [0.0, -1e300]]), 16000, r"beyond 100: -1e\+300 at sample 1 of channel 1"),
        (np.zeros(5, "int64"), 16000, "got int64"),
        (np.zeros(5), 0, "sample_rate must be an integer"),
        (np.zeros(5), 44100.5, "sample_rate"),
        (np.zeros(5), "16000", "sample_rate"),
        (np.zeros(5), None, "sample_rate"),
    ],
)
def test_what_is_no_sound(model, sound, rate, words):
    with pytest.raises(ganzoo.GanzooError, match=words):
        model.enhance(sound, rate)


def test_more_channels_than_are_taken(model):
    with pytest.raises(ganzoo.GanzooError, match="65 channels are more than 64"):
        list(model.enhance_blocks([np.zeros((65, 10), "float32")], 16000))


def test_content_loss_by_hand(model):
    """Sounds that differ by 0.25 everywhere, and nothing else."""
    model.compile(l1_weight=100.0)
    model._step_state.recorded = {}
    real = np.zeros((2, 256, 1), "float32")
    assert float(model.content_loss(real, real + 0.25)) == pytest.approx(25.0)
    louder = noise(2, 2048, 1)
    model = ganzoo.create("segan", **{**SMALL, "window": 2048})
    model.compile(l1_weight=0.0, spectral_weight=2.0)
    model._step_state.recorded = {}
    assert float(model.content_loss(louder, louder)) < 1e-6
    assert float(model.content_loss(louder, 2 * louder)) == pytest.approx(2 * (1 + np.log(2)), rel=1e-3)
    model.compile(l1_weight=0.0, loudness_weight=3.0)
    model._step_state.recorded = {}
    heard = float(loudness_difference(louder[..., 0], 3 * louder[..., 0], 16_000))
    assert float(model.content_loss(louder, 3 * louder)) == pytest.approx(3 * heard, rel=1e-5)


def test_without_weight_the_discriminator_rests(model):
    """The generator learns by the content alone, and no score is reported."""
    model = ganzoo.create("segan", **SMALL)
    model.compile(adversarial_weight=0.0)
    before = [weight.numpy() for weight in model.discriminator.trainable_variables]
    history = model.fit(*model.example_batch(8), batch_size=4, epochs=2, verbose=0).history
    assert set(history) == {"g_loss", "l1_loss"}
    assert history["l1_loss"][1] < history["l1_loss"][0]
    assert all((old == new.numpy()).all() for old, new in zip(before, model.discriminator.trainable_variables))


def test_emphasis_and_back():
    """The output is de-emphasized: a network that adds nothing returns its input."""
    model = ganzoo.create("segan", **{**SMALL, "preemphasis": 0.95})
    model.ema_generator.get_layer("sound").kernel.assign(0 * model.ema_generator.get_layer("sound").kernel)
    sound = noise(3000)
    np.testing.assert_allclose(model.enhance(sound, 16000), sound, atol=1e-5)
    emphasized = np.asarray(model.split_batch((sound[None, :, None], sound[None, :, None]))[0])[0, :, 0]
    np.testing.assert_allclose(emphasized[1:], sound[1:] - 0.95 * sound[:-1], atol=1e-6)


def test_arguments_that_do_not_fit():
    for arguments, words in (
        ({"window": 100}, "not a multiple"),
        ({"widths": ()}, "at least one convolution"),
        ({"preemphasis": 1.0}, "below 1"),
        ({"latent_dim": -1}, "at least 0"),
        ({"output": "wrong"}, "'output' is 'wrong'"),
    ):
        with pytest.raises(ganzoo.GanzooError, match=words):
            ganzoo.create("segan", **{**SMALL, **arguments})
    model = ganzoo.create("segan", **SMALL)
    with pytest.raises(ganzoo.GanzooError, match="at least 1025 samples, not 256"):
        model.compile(spectral_weight=1.0)
    model.compile()
    with pytest.raises(ganzoo.GanzooError, match="pairs of float32"):
        model.fit(noise(16, 128, 1), noise(16, 128, 1))
    with pytest.raises(ganzoo.GanzooError, match="values up to"):
        model.fit(100 * noise(16, 256, 1), noise(16, 256, 1))


def test_the_discriminator_is_shown_what_goes_with_what():
    model = ganzoo.create("segan", **SMALL)
    clean, noisy = noise(3, 256, 1), noise(3, 256, 1, seed=1)
    shown = np.asarray(model.discriminator_inputs(clean, noisy))
    np.testing.assert_array_equal(shown, np.concatenate([clean, noisy], axis=-1))


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Tones with noise, and without."""
    folder = tmp_path_factory.mktemp("pairs")
    rng = np.random.default_rng(0)
    for i in range(8):
        time = np.arange(16000) / 16000
        clean = 0.2 * np.sin(2 * np.pi * rng.uniform(200, 600) * time) * (1 + np.sin(2 * np.pi * 3 * time)) / 2
        for part, sound in (("clean", clean), ("noisy", clean + 0.1 * rng.standard_normal(16000))):
            (folder / part).mkdir(exist_ok=True)
            soundfile.write(folder / part / f"{i}.wav", sound, 16000)
    return folder


def test_a_run_learns_to_take_noise_out(pairs, tmp_path):
    preset = tmp_path / "tiny.yaml"
    preset.write_text(
        f"""
model: segan
arguments: {{widths: [16, 16], discriminator_widths: [4, 4], kernel_size: 31, stride: 4, latent_dim: 0,
  output: residual, bias: false, window: 1024, preemphasis: 0.0,
  discriminator_regularizers: [{{name: virtual_batch_normalization, size: 4}}]}}
compile: {{generator_optimizer: {{name: adam, learning_rate: 0.003}}, adversarial_weight: 0.1, ema_decay: 0.9}}
data: {{source: "folder:{pairs}", batch_size: 8}}
training: {{epochs: 15, samples: 2}}
evaluation: {{every_epochs: 5}}
"""
    )
    run = ganzoo.train(preset, output=tmp_path / "runs")
    assert (run / "checkpoints" / "best.keras").exists()
    assert (run / "samples" / "epoch_0015.png").exists()
    found = evaluate_presets([run], f"folder:{pairs}")
    assert [one.name for one in found] == ["noisy", str(run)]
    assert found[1].metrics["si_sdr"] > found[0].metrics["si_sdr"] + 3
    trained = ganzoo.load(run)
    assert evaluate(trained, f"folder:{pairs}").protocol == found[0].protocol


def test_enhance_on_the_command_line(model, tmp_path):
    model.save(tmp_path / "m.keras")
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    sound = noise(5000, 2)
    soundfile.write(folder / "a.wav", sound, 22050, subtype="PCM_24")
    soundfile.write(folder / "deep" / "b.flac", sound[:, 0], 16000)
    settings = ["--model", str(tmp_path / "m.keras")]

    def run(*arguments):
        return CliRunner().invoke(main, ["enhance", *map(str, arguments), *settings])

    done = run(folder / "a.wav", tmp_path / "out.wav")
    assert done.exit_code == 0, done.output
    clean, rate = soundfile.read(tmp_path / "out.wav")
    assert (rate, clean.shape, soundfile.info(tmp_path / "out.wav").subtype) == (22050, (5000, 2), "PCM_24")
    np.testing.assert_allclose(
        clean, np.clip(model.enhance(soundfile.read(folder / "a.wav")[0], 22050), -1, 1), atol=1e-5
    )
    done = run(folder / "a.wav", tmp_path / "out.wav", "--num-shifts", 2)
    assert done.exit_code == 0, done.output
    assert np.abs(soundfile.read(tmp_path / "out.wav")[0] - clean).max() > 1e-6
    (folder / "broken.ogg").write_text("no sound")
    done = run(folder, tmp_path / "out")
    assert done.exit_code == 1
    assert "left out" in done.output
    assert "1 of the 3 files" in done.output
    assert soundfile.info(tmp_path / "out" / "deep" / "b.flac").frames == 5000
    assert sorted(path.name for path in (tmp_path / "out").rglob("*") if path.is_file()) == ["a.wav", "b.flac"]
    before = (folder / "a.wav").read_bytes()
    for wrong, words in (
        ([folder / "a.wav", folder / "a.wav"], "the same file"),
        ([folder / "a.wav", tmp_path / "x.xyz"], "as a recording: use"),
        ([folder / "a.wav", tmp_path / "out"], "as a recording: use"),
        ([folder / "none.wav", tmp_path / "x.wav"], "no such recording"),
        ([folder / "a.wav", tmp_path / "x.mp3"], None),
        ([tmp_path / "x.mp3", tmp_path / "back.wav"], None),
        ([folder / "deep", folder], None),
        ([folder / "a.wav", tmp_path / f"{'x' * 300}.wav"], "cannot write"),
    ):
        done = run(*wrong)
        assert done.exit_code == (0 if words is None else 1), done.output
        assert words is None or words in done.output
    assert (folder / "a.wav").read_bytes() == before
    assert (folder / "b.flac").exists()
    done = CliRunner().invoke(
        main, ["enhance", str(folder / "a.wav"), str(tmp_path / "x.wav"), "--model", "dcgan.digits"]
    )
    assert "use `ganzoo generate dcgan.digits`" in done.output
    soundfile.write(tmp_path / "nan.wav", np.full(100, np.nan), 16000, subtype="FLOAT")
    done = run(tmp_path / "nan.wav", tmp_path / "y.wav")
    assert "not finite numbers" in done.output
    assert not (tmp_path / "y.wav").exists()
    assert not list(tmp_path.glob(".*tmp"))


def test_recordings_that_end_early_are_written_as_far_as_they_go(model, tmp_path):
    """The exit status says so to scripts, and a warning says how much there is."""
    model.save(tmp_path / "m.keras")
    folder = tmp_path / "in"
    folder.mkdir()
    sound = noise(32000)
    for suffix in ("wav", "mp3"):
        soundfile.write(folder / f"whole.{suffix}", sound, 16000)
        content = (folder / f"whole.{suffix}").read_bytes()
        (folder / f"cut_{suffix}.{suffix}").write_bytes(content[: len(content) // 2])
        (folder / f"two_{suffix}.{suffix}").write_bytes(2 * content)
    (folder / "whole.mp3").unlink()

    def run(*arguments):
        return CliRunner().invoke(main, ["enhance", *map(str, arguments), "--model", str(tmp_path / "m.keras")])

    done = run(folder / "cut_wav.wav", tmp_path / "out.wav")
    assert done.exit_code == 3, done.output
    there = 15989  # half of 32000 samples of 2 bytes and of a header of 44 bytes
    assert "cut_wav.wav ends early: its header promises 2.00 s, 1.00 s can be decoded" in done.output
    written, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    assert len(written) == there
    np.testing.assert_allclose(
        written, model.enhance(soundfile.read(folder / "whole.wav")[0][:there], 16000), atol=1e-4
    )
    soundfile.write(tmp_path / "whole.ogg", np.tile(sound, 4), 16000)
    assert run(tmp_path / "whole.ogg", tmp_path / "out.wav").exit_code == 0
    (tmp_path / "cut.ogg").write_bytes((tmp_path / "whole.ogg").read_bytes()[:-1])
    done = run(tmp_path / "cut.ogg", tmp_path / "out.wav")
    assert done.exit_code == 3, done.output
    assert "can be decoded (its end is missing)" in done.output
    done = run(folder, tmp_path / "out")
    assert done.exit_code == 3, done.output
    assert "2 of the 5 recordings in" in done.output
    lengths = {path.stem: soundfile.info(path).frames for path in (tmp_path / "out").iterdir()}
    assert lengths["whole"] == 32000
    assert lengths["two_wav"] == lengths["two_mp3"] == 64000
    assert lengths["cut_wav"] == there
    assert 10000 < lengths["cut_mp3"] < 20000
    # What fails counts more.
    (folder / "phone.m4a").write_bytes(b"\0\0\0\x1cftypM4A " + bytes(100))
    done = run(folder, tmp_path / "again")
    assert done.exit_code == 1
    assert "left out: " in done.output
    assert "ffmpeg -i phone.m4a phone.wav" in done.output
    with pytest.warns(EndsEarly, match="1.00 s can be decoded"):
        enhance_file(model, folder / "cut_wav.wav", tmp_path / "out.wav")


def test_a_rate_that_the_format_cannot_hold_is_refused_by_its_name_alone(model, tmp_path):
    soundfile.write(tmp_path / "high.wav", noise(4000), 192_000)
    with pytest.raises(ganzoo.GanzooError, match="MP3 cannot hold one channel at 192000 Hz") as refused:
        enhance_file(model, tmp_path / "high.wav", tmp_path / "out.mp3")
    assert "BufferedWriter" not in str(refused.value)
    assert not (tmp_path / "out.mp3").exists()


def test_what_is_above_full_scale_stays_or_is_said_to_be_limited(model, tmp_path):
    sound = 12 * noise(4000)
    soundfile.write(tmp_path / "hot.wav", sound, 16000, subtype="FLOAT")
    clean = model.enhance(sound, 16000)
    above = int(np.sum(np.abs(clean) > 1))
    assert above > 10
    messages = []
    enhance_file(model, tmp_path / "hot.wav", tmp_path / "out.wav", warn=lambda *both: messages.append(both))
    assert not messages
    np.testing.assert_array_equal(soundfile.read(tmp_path / "out.wav", dtype="float32")[0], clean)
    enhance_file(model, tmp_path / "hot.wav", tmp_path / "out.flac", warn=lambda *both: messages.append(both))
    written, _ = soundfile.read(tmp_path / "out.flac", dtype="float32")
    np.testing.assert_allclose(written, np.clip(clean, -1, 1), atol=1e-6)
    ((message, category),) = messages
    assert category is UserWarning
    assert f"out.flac: {above} samples above full scale were clipped" in message
    soundfile.write(tmp_path / "hot.wav", np.array([0.5, 1e38]), 16000, subtype="FLOAT")
    with pytest.raises(ganzoo.GanzooError, match=r"hot.wav: .* beyond 100: 1e\+38 at sample 1"):
        enhance_file(model, tmp_path / "hot.wav", tmp_path / "loud.wav")
    assert not (tmp_path / "loud.wav").exists()
