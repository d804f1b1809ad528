"""The loss that follows PESQ, beside the standard's own program."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import ganzoo
from ganzoo.losses import pesq
from ganzoo.losses.pesq import SHORTEST, pesq_disturbance

RATE = 16_000


@pytest.fixture(scope="module")
def speech(shared):
    """Four recordings of four seconds."""
    from ganzoo.data.audio import read_audio

    paths = sorted((shared / "speech" / "librispeech" / "train").glob("**/*.flac"))[:4]
    return [read_audio(path)[0][: 4 * RATE, 0].astype("float32") for path in paths]


def disturbance(real, fake):
    return float(pesq_disturbance(real[None], fake[None]))


def noisy(speech, ratio, seed):
    from ganzoo.data.recordings import colored_noise, level

    noise = colored_noise(np.random.default_rng(seed), len(speech)).astype("float32")
    return speech + noise * level(speech) / level(noise) / 10 ** (ratio / 20)


def test_it_is_close_to_the_raw_score_of_pesq(speech):
    """Noise of several colors and ratios. P.862.2 maps the raw score to 0.999 + 4 / (1 + exp(3.8224 - 1.3669 raw))."""
    standard = pytest.importorskip("pesq")
    ours, theirs = [], []
    for place, clean in enumerate(speech):
        for i, ratio in enumerate((0, 6, 12, 18, 24)):
            mixed = noisy(clean, ratio, [place, i])
            mapped = standard.pesq(RATE, clean, mixed, "wb")
            theirs.append((3.8224 - np.log(4 / (mapped - 0.999) - 1)) / 1.3669)
            ours.append(4.5 - disturbance(clean, mixed))
    assert np.corrcoef(ours, theirs)[0, 1] > 0.97
    # Too good by 0.2 on average, as filtering is not compensated.
    assert np.mean(ours) - np.mean(theirs) == pytest.approx(0.2, abs=0.05)
    assert np.abs(np.subtract(ours, theirs)).mean() < 0.25


def test_levels_make_no_difference_but_timbre_does(speech):
    clean = speech[0]
    assert disturbance(clean, clean) < 1e-4
    assert disturbance(clean, 0.3 * clean) < 1e-3
    tilted = clean - 0.5 * np.concatenate([[0], clean[:-1]]).astype("float32")
    assert disturbance(clean, tilted) > 0.1


def test_silence_has_finite_gradients():
    """A window in a pause, a silent output, and the shortest window."""
    silence, sound = np.zeros((1, SHORTEST), "float32"), np.random.default_rng(0).normal(0, 0.1, (1, SHORTEST))
    for real, fake in ((silence, silence), (silence, sound), (sound, silence), (sound, sound)):
        fake = tf.constant(fake, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(fake)
            loss = pesq_disturbance(real.astype("float32"), fake)
        assert np.isfinite(loss)
        assert np.isfinite(tape.gradient(loss, fake)).all()
    assert float(pesq_disturbance(silence, silence)) < 1e-4


def test_pooling_and_gains_by_hand():
    """One frame of 10 among 30: two of the three groups hold it, with 10^6 / 20 as the mean of the sixth power."""
    frames = np.zeros((1, 30), "float32")
    frames[0, 25] = 10
    expected = np.sqrt(2 / 3 * (10**6 / 20) ** (2 / 6))
    assert float(pesq._pooled(frames)[0]) == pytest.approx(expected, abs=2e-3)
    gains = np.array([1, 1, 5, 1], "float32")[None, :, None]
    np.testing.assert_allclose(np.ravel(pesq._smoothed(gains)), [1, 1, 4.2, 1.64], rtol=1e-6)


def test_the_end_of_a_sound_counts_and_lengths_may_be_unknown():
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.1, 16_384).astype("float32")
    at_the_end = sound.copy()
    at_the_end[-700:] *= 5
    assert disturbance(sound, at_the_end) > 0.2
    compiled = tf.function(pesq_disturbance, input_signature=[tf.TensorSpec([None, None])] * 2)
    noisy = sound + rng.normal(0, 0.05, 16_384).astype("float32")
    assert float(compiled(sound[None], noisy[None])) == pytest.approx(disturbance(sound, noisy), rel=1e-4)
    with pytest.raises(ganzoo.GanzooError, match="sounds of at least 5376 samples, not 5375"):
        disturbance(sound[: SHORTEST - 1], noisy[: SHORTEST - 1])


def test_a_model_learns_by_it():
    """`pesq_weight` scales the loss; settings that do not fit are named."""
    sizes = dict(widths=(4, 8), discriminator_widths=(4, 8), latent_dim=0, discriminator_regularizers=[])
    with pytest.raises(ganzoo.GanzooError, match=r"speech without pre-emphasis: preemphasis=0, not 0\.95"):
        ganzoo.create("segan", **sizes, window=8192).compile(pesq_weight=1.0)
    sizes["preemphasis"] = 0.0
    model = ganzoo.create("segan", **sizes, window=5392, stride=4)
    model.compile(l1_weight=0.0, pesq_weight=2.0, adversarial_weight=0.0)
    rng = np.random.default_rng(0)
    clean = np.sin(np.cumsum(rng.uniform(0.1, 0.5, (2, 5392)), axis=1)).astype("float32")[..., None] * 0.1
    mixed = clean + rng.normal(0, 0.02, clean.shape).astype("float32")
    model._step_state.recorded = {}
    expected = 2 * float(pesq_disturbance(clean[..., 0], mixed[..., 0]))
    assert float(keras.ops.convert_to_numpy(model.content_loss(clean, mixed))) == pytest.approx(expected, rel=1e-5)
    history = model.fit(mixed, clean, batch_size=2, epochs=3, verbose=0).history
    assert history["g_loss"][-1] < history["g_loss"][0]
    with pytest.raises(ganzoo.GanzooError, match="pesq_weight needs windows of at least 5376 samples, not 4096"):
        ganzoo.create("segan", **sizes, window=4096).compile(pesq_weight=1.0)
    with pytest.raises(ganzoo.GanzooError, match="pesq_weight needs a sample rate of 16000, not 8000"):
        ganzoo.create("segan", **sizes, window=8192, sample_rate=8000).compile(pesq_weight=1.0)
