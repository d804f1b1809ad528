"""WaveNet: its distributions, what its network sees, sampling with queues, and speech with labels."""

import json
import os

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import ops

import ganzoo
from ganzoo import backend, cli, mu_law
from ganzoo.config import load_config
from ganzoo.data.labeled_recordings import open_labeled, write_packed
from ganzoo.data.utterances import utterances
from ganzoo.evaluation import evaluate
from ganzoo.evaluation.speech_synthesis import baseline, histogram_bits
from ganzoo.inference import queues
from ganzoo.inference.inspection import inspect
from ganzoo.inference.stepwise import last
from ganzoo.inference.typical import most_typical
from ganzoo.losses import get_sample_likelihood
from ganzoo.registry import model_class
from ganzoo.training.publish import publish_run

RATE = 8_000
SMALL = model_class("wavenet").test_config
TINY = dict(stacks=1, layers_per_stack=6, channels=12, skip_channels=16, hidden=16, window=400, silence=30)
NAMES = {"tone": ["low", "high"], "speaker": ["ana", "ben"]}


def randomized(model, scale=0.25):
    rng = np.random.default_rng(3)
    for weight in model.ema_generator.weights:
        weight.assign(rng.normal(0, scale, weight.shape))
    return model


def tone(label, length=700, seed=0):
    """A short tone of one of two pitches, in faint noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(length)
    sound = 0.5 * np.sin(2 * np.pi * time / (16, 8)[label] + rng.uniform(0, 6)) * np.hanning(length) ** 0.25
    return (sound + 0.005 * rng.standard_normal(length)).astype("float32")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """A folder of 24 tones, TONE_SPEAKER_INDEX.wav; ben is quieter."""
    soundfile = pytest.importorskip("soundfile")
    folder = tmp_path_factory.mktemp("tones")
    for i in range(6):
        for label, name in enumerate(NAMES["tone"]):
            for gain, speaker in ((1.0, "ana"), (0.3, "ben")):
                sound = gain * tone(label, 600 + 20 * i, i)
                soundfile.write(folder / f"{name}_{speaker}_{i}.wav", sound, RATE, subtype="PCM_16")
    return folder


@pytest.fixture(scope="module")
def trained(recordings):
    """A tiny model of the tones."""
    keras.utils.set_random_seed(0)
    model = ganzoo.create("wavenet", **TINY, label_names=NAMES)
    feed = utterances.feed(
        f"named:{recordings}:{{tone}}_{{speaker}}_{{index}}:index=0-4",
        **{**model.data_arguments(), "batch_size": 8, "held_out": 0.1},
    )
    model.compile({"name": "adam", "learning_rate": 5e-3}, ema_decay=0.9)
    model.fit(feed.dataset(first_step=0), steps_per_epoch=300, verbose=0)
    return model


@pytest.mark.parametrize("asked", ["mu_law", "logistic_mixture", {"name": "logistic_mixture", "bits": 8}])
def test_probabilities_of_all_values_add_up_to_one_and_are_those_of_samples(asked):
    likelihood = get_sample_likelihood(asked)
    rng = np.random.default_rng(0)
    outputs = rng.normal(0, 1, likelihood.outputs).astype("float32")
    if asked != "mu_law":
        outputs[-likelihood.components :] -= 2.0
    step = 2 / (likelihood.levels - 1)
    values = mu_law.values() if asked == "mu_law" else np.arange(likelihood.levels, dtype="float64") * step - 1
    values = values.astype("float32")[None]
    repeated = np.broadcast_to(outputs, (1, likelihood.levels, likelihood.outputs)).copy()
    p = np.exp(np.asarray(likelihood.log_probability(repeated, values), "float64"))[0]
    assert p.sum() == pytest.approx(1, abs=2e-3)
    samples = likelihood.sample(
        np.broadcast_to(outputs, (20_000, likelihood.outputs)), rng.random((20_000, 2), "float32")
    )
    assert np.isin(samples, np.asarray(likelihood.quantized(values))).all()
    assert samples.mean() == pytest.approx((p * values[0]).sum(), abs=0.02)
    below = np.array([(samples <= x).mean() for x in (-0.5, 0.0, 0.5)])
    np.testing.assert_allclose(below, [p[values[0] <= x].sum() for x in (-0.5, 0.0, 0.5)], atol=0.02)
    colder = likelihood.sample(np.broadcast_to(outputs, (2000, likelihood.outputs)), rng.random((2000, 2)), 0.01)
    assert len(np.unique(colder)) < len(np.unique(samples[:2000]))


@pytest.mark.parametrize(("stacks", "layers", "kernel_size"), [(1, 4, 2), (2, 3, 2), (2, 3, 3)])
def test_gradients_show_the_receptive_field_and_nothing_later(stacks, layers, kernel_size):
    model = ganzoo.create(
        "wavenet",
        **{**TINY, "stacks": stacks, "layers_per_stack": layers},
        kernel_size=kernel_size,
        output="logistic_mixture",
    )
    network, field = randomized(model).ema_generator, model.receptive_field
    assert field == stacks * (kernel_size - 1) * (2**layers - 1) + 1
    sound = np.random.default_rng(0).uniform(-1, 1, (1, field + 8)).astype("float32")
    place = field + 2
    gradient = backend.input_gradient(lambda x: ops.sum(network(x)[:, place] ** 2), ops.convert_to_tensor(sound))
    seen = np.flatnonzero(ops.convert_to_numpy(gradient)[0])
    # Of the distribution of the next sample: the newest that is seen is this one.
    np.testing.assert_array_equal(seen, np.arange(place - field + 1, place + 1))


def naive(model, count, samples, seed, mel=None, network=None):
    """Samples by a pass of the network over everything for each."""
    labels, field = model.labels(count), model.receptive_field
    uniform = np.stack([np.random.default_rng([seed, i]).random((samples, 2), "float32") for i in range(count)])
    before = field + -field % (model.hop or 1) + 2 * model.hop
    sound = np.full((count, before + samples), np.asarray(model.likelihood.quantized(np.zeros(1)))[0], "float32")
    inputs = [sound, *labels.T]
    if mel is not None:
        inputs.append(np.concatenate([np.zeros((count, before // model.hop, model.mel_bands), "float32"), mel], axis=1))
    for i in range(before, before + samples):
        outputs = np.asarray((network or model)(inputs if len(inputs) > 1 else sound))[:, i - 1]
        sound[:, i] = model.likelihood.sample(outputs, uniform[:, i - before])
    return sound[:, before:]


@pytest.mark.parametrize(
    "arguments",
    [
        SMALL,
        {
            **TINY,
            "kernel_size": 3,
            "stacks": 2,
            "layers_per_stack": 2,
            "output": {"name": "logistic_mixture", "bits": 8},
        },
        TINY,
    ],
    ids=["mel and labels", "mixture", "mu-law"],
)
def test_queues_give_the_same_samples_as_the_whole_network(arguments):
    # A silence that never comes.
    model = randomized(ganzoo.create("wavenet", **arguments))
    model.silence = 10_000
    mel = np.random.default_rng(1).random((3, 4, model.mel_bands), "float32") if model.hop else None
    samples = 3 * model.hop or 40
    made = model.generate(3, seed=7, mel=mel, seconds=samples / model.sample_rate)
    np.testing.assert_array_equal(made, naive(model, 3, samples, 7, mel))
    assert made.std() > 0.1


@pytest.mark.parametrize("arguments", [SMALL, {**TINY, "label_names": NAMES}], ids=["mel", "labels only"])
def test_guidance_moves_logits_away_from_those_without_labels(arguments):
    model = randomized(ganzoo.create("wavenet", **arguments, label_dropout=0.2))
    model.silence = 10_000
    mel = np.random.default_rng(1).random((2, 4, model.mel_bands), "float32") if model.hop else None
    samples = 3 * model.hop or 30
    given = dict(seed=7, mel=mel, seconds=samples / model.sample_rate)
    made = model.generate(2, **given, guidance=0.75)
    assert (made != model.generate(2, **given)).any()
    np.testing.assert_array_equal(model.generate(2, **given), model.generate(2, **given, guidance=0.0))
    # The same by two networks, one of them without what labels add.
    network, rest = model.ema_generator, keras.models.clone_model(model.ema_generator)
    rest.set_weights(network.get_weights())
    rest.get_layer("label_conditions").kernel.assign(0.0 * rest.get_layer("label_conditions").kernel)

    def guided(inputs):
        return 1.75 * np.asarray(network(inputs)) - 0.75 * np.asarray(rest(inputs))

    np.testing.assert_array_equal(made, naive(model, 2, samples, 7, mel, guided))
    model.guidance = 0.75
    np.testing.assert_array_equal(made, model.generate(2, **given))
    model.candidates = 2
    copy = type(model).from_config(model.get_config())
    assert (copy.guidance, copy.candidates) == (0.75, 2)
    for name in ("guidance", "candidates"):
        with pytest.raises(ganzoo.GanzooError, match=f"^{name} must be"):
            setattr(model, name, -1)
    model.candidates = 1
    if not model.hop:
        labels = {"tone": "high", "speaker": "ben"}
        said = model.say(labels, seed=7, seconds=given["seconds"], guidance=2.0)
        alone = model.generate(seed=7, labels=labels, seconds=given["seconds"], guidance=2.0)[0]
        np.testing.assert_array_equal(said, alone)
        assert (said != model.say(labels, seed=7, seconds=given["seconds"])).any()


@pytest.mark.parametrize("guidance", [0.0, 0.5])
@pytest.mark.parametrize(
    "arguments",
    [SMALL, {**TINY, "label_names": NAMES}, {**TINY, "label_names": NAMES, "kernel_size": 3, "layers_per_stack": 3}],
    ids=["mel", "labels only", "three taps"],
)
def test_sounds_go_on_when_others_of_the_batch_have_ended(arguments, guidance, monkeypatch):
    model = randomized(ganzoo.create("wavenet", **arguments, label_dropout=0.2))
    bias = model.ema_generator.get_layer("outputs").bias
    zero = int(np.asarray(model.likelihood.codes(np.zeros(1)))[0])
    bias.assign(np.asarray(bias) + 5.0 * np.eye(model.likelihood.levels)[zero])
    queued, labels, rng = model._queued(), model.labels(8), np.random.default_rng(0)
    given = {name: labels[:, i] for i, name in enumerate(model.label_names)}
    hop = model.hop or 16
    mel = rng.random((8, 26, model.mel_bands), "float32") if model.hop else None
    uniform = rng.random((8, 25 * hop, 2), "float32")

    sizes, outputs = [], queued._outputs

    def watched(gates):
        sizes.append(len(gates))
        return outputs(gates)

    def sounds(share):
        sizes.clear()
        monkeypatch.setattr(queues, "_ENDED", share)
        return *last(queued.generate(given, uniform, mel=mel, silence=3, guidance=guidance)), sizes[0], sizes[-1]

    monkeypatch.setattr(queued, "_outputs", watched)
    monkeypatch.setattr(queues, "_CHECK", 5)
    dropped, ends, first, fewer = sounds(0.1)
    assert fewer <= first // 2
    whole, whole_ends, first, same = sounds(2.0)
    assert first == same
    assert len(set(ends)) >= 3
    np.testing.assert_array_equal(ends, whole_ends)
    for one, other, end in zip(dropped, whole, np.maximum(ends, 1)):
        # Another batch size rounds otherwise, which may change a sample, and then those after it.
        assert (one[:end] == other[:end]).mean() > 0.9


def test_label_dropout_trains_without_labels():
    model = ganzoo.create("wavenet", **TINY, label_names=NAMES, label_dropout=0.5)
    sound, labels = model.example_batch(64)
    apart = np.asarray(model.generator([sound, *np.asarray(labels).T], training=True))
    alone = np.asarray(model.generator([sound, *np.asarray(labels).T], training=False))
    rest = keras.models.clone_model(model.generator)
    rest.set_weights(model.generator.get_weights())
    rest.get_layer("label_conditions").kernel.assign(0.0 * rest.get_layer("label_conditions").kernel)
    without = np.asarray(rest([sound, *np.asarray(labels).T], training=False))
    labeled = np.abs(apart - alone).max(axis=(1, 2)) < 1e-5
    dropped = np.abs(apart - without).max(axis=(1, 2)) < 1e-5
    assert (labeled ^ dropped).all()
    assert 16 <= dropped.sum() <= 48


def test_learns_labels(trained, recordings):
    source = f"named:{recordings}:{{tone}}_{{speaker}}_{{index}}:index=5"
    held = open_labeled(source, RATE)
    bits = trained.bits_per_sample(held.samples, {name: held.labels[name] for name in NAMES})
    wrong = {
        "tone": [{"low": "high", "high": "low"}[x] for x in held.labels["tone"]],
        "speaker": held.labels["speaker"],
    }
    assert bits < 0.8 * histogram_bits(trained.likelihood, held.samples)
    assert bits + 0.5 < trained.bits_per_sample(held.samples, wrong)
    log_p = trained.log_likelihood(held.samples[:1], {name: held.labels[name][:1] for name in NAMES})
    alone = trained.log_probability(
        trained.inference_network,
        np.pad(held.samples[0], (trained.context, 0))[None],
        trained.labels(1, {name: held.labels[name][0] for name in NAMES}),
    )
    assert log_p[0] == pytest.approx(float(np.asarray(alone)[0, trained.context :].sum()), rel=1e-4)
    found = evaluate(trained, source)
    assert found.metrics == {"bits_per_sample": pytest.approx(bits, rel=1e-3)}
    assert "4 recordings" in found.protocol
    assert str(recordings.parent) not in found.protocol
    assert baseline(trained, source).metrics["bits_per_sample"] > bits


def test_seeds_counts_and_what_ends_a_sound(trained, monkeypatch):
    # None ends early, so that all are of one length.
    monkeypatch.setattr(trained, "silence", 10_000)
    made = trained.generate(5, seed=3, seconds=0.05)
    assert made.dtype == np.float32
    assert made.shape == (5, 400)
    np.testing.assert_array_equal(made, trained.generate(5, seed=3, seconds=0.05))
    # Another batch size rounds otherwise, which may change a sample, and then those after it.
    for others in (trained.generate(5, seed=3, seconds=0.05, batch_size=2), trained.generate(2, seed=3, seconds=0.05)):
        assert (others == made[: len(others)]).mean() > 0.8
    assert (made != trained.generate(5, seed=4, seconds=0.05)).any()
    # Labels that are not given: all of their values in turn.
    np.testing.assert_array_equal(trained.labels(5), [[0, 0], [1, 0], [0, 1], [1, 1], [0, 0]])
    np.testing.assert_array_equal(trained.labels(3, {"speaker": "BEN"}), [[0, 1], [1, 1], [0, 1]])
    model = ganzoo.create("wavenet", **TINY, label_names=NAMES)
    bias = model.ema_generator.get_layer("outputs").bias
    bias.assign(100.0 * np.eye(256)[128])
    # Nothing but silence ends at once; two sounds of one sample, and the pause.
    assert model.generate(2, seed=0).shape == (2, 1)
    assert len(model.say({"tone": ["low", "high"], "speaker": 0}, seed=0, pause=0.5)) == 2 + 0.5 * RATE


def test_a_sound_grows_while_it_is_said(trained):
    labels = {"tone": ["low", "high"], "speaker": "ben"}
    whole = trained.say(labels, seed=3, seconds=0.05, pause=0.01)
    parts = list(trained.say_progressively(labels, seed=3, seconds=0.05, pause=0.01, every=0.02))
    lengths = [len(part) for part in parts]
    assert len(parts) > 1
    assert lengths == sorted(lengths)
    np.testing.assert_array_equal(parts[-1], whole)
    # A model that says nothing but silence: no part is longer than the last.
    model = ganzoo.create("wavenet", **TINY, label_names=NAMES)
    model.ema_generator.get_layer("outputs").bias.assign(100.0 * np.eye(256)[128])
    assert {len(part) for part in model.say_progressively({"tone": "low", "speaker": 0}, seed=0, every=0.001)} == {1}
    # The first sound of each part is the beginning of the first of the whole.
    np.testing.assert_array_equal(parts[0][:160], whole[:160])
    with pytest.raises(ganzoo.GanzooError, match="every"):
        next(trained.say_progressively(labels, every=0))


def test_the_most_typical_sound_is_closest_to_the_others():
    low, high, rest = tone(0), tone(1), np.zeros(400, "float32")
    # Loudness makes no difference, and silence at the end nearly none.
    assert most_typical([high, low, rest, np.pad(0.3 * low, (0, 200))], RATE) in (1, 3)
    assert most_typical([low, high, rest, 0.3 * high, tone(1, seed=1)], RATE) in (1, 3)
    # Of two, none is closer to the others.
    assert most_typical([low, high], RATE) == 0
    for sounds in ([], [low, low[:0], high]):
        with pytest.raises(ganzoo.GanzooError, match="at least one sound"):
            most_typical(sounds, RATE)


def test_candidates_are_samples_of_which_the_most_typical_is_returned(trained):
    labels = {"tone": ["low", "high"], "speaker": "ana"}
    alone = trained.generate(labels=labels, seed=8, seconds=0.15)
    chosen = trained.generate(labels=labels, seed=8, seconds=0.15, candidates=5)
    # Candidates of a sound differ; the first one is the sound without candidates.
    uniform = [
        np.stack([np.random.default_rng([8, i, *([j] if j else [])]).random((1200, 2), "float32") for j in range(5)])
        for i in range(2)
    ]
    numbers_of_chosen = []
    for i, numbers in enumerate(uniform):
        given = {"tone": np.full(5, i), "speaker": np.zeros(5, int)}
        made, ends = last(trained._queued().generate(given, numbers, silence=trained.silence))
        group = [sound[: max(1, end)] for sound, end in zip(made, ends)]
        numbers_of_chosen.append(most_typical(group, RATE))
        best = np.pad(group[numbers_of_chosen[-1]], (0, 1200))
        # Another batch size rounds otherwise, which may change a sample, and then those after it.
        assert (best[: chosen.shape[1]] == chosen[i]).mean() > 0.8
        first = np.trim_zeros(alone[i], "b")
        assert (first[:80] == group[0][:80]).mean() > 0.8
    assert any(numbers_of_chosen)
    # In batches of one sound each.
    apart = trained.generate(labels=labels, seed=8, seconds=0.15, candidates=5, batch_size=3)
    assert (apart[:, :80] == chosen[:, :80]).mean() > 0.8
    # The first candidates grow, and then the chosen ones follow.
    *growing, said = trained.say_progressively(labels, 8, seconds=0.15, pause=0.0, every=0.05, candidates=5)
    assert len(growing) >= 3
    np.testing.assert_array_equal(said, np.concatenate([np.trim_zeros(sound, "b") for sound in chosen]))
    trained.candidates = 5
    try:
        np.testing.assert_array_equal(trained.generate(labels=labels, seed=8, seconds=0.15), chosen)
    finally:
        trained.candidates = 1


def test_silence_after_the_end_counts_only_so_far(trained):
    sound = np.zeros((1, trained.context + trained.window), "float32")
    sound[0, trained.context : trained.context + 50] = tone(0, 50)
    labels = np.zeros((1, 2), "int32")
    loss = float(ops.convert_to_numpy(trained.negative_log_likelihood((sound, labels), training=False)))
    log_p = np.asarray(trained.log_probability(trained.generator, sound, labels))[0, trained.context :]
    assert loss == pytest.approx(-log_p[: 50 + trained.silence].mean(), rel=1e-4)
    assert loss != pytest.approx(-log_p.mean(), rel=1e-2)


def test_recordings_with_labels_from_names_folders_files_and_archives(recordings, tmp_path):
    soundfile = pytest.importorskip("soundfile")
    source = f"named:{recordings}:{{tone}}_{{speaker}}_{{index}}"
    found = open_labeled(f"{source}:index=0,2-3:speaker=ben", RATE)
    assert found.names[:2] == ["high_ben_0.wav", "high_ben_2.wav"]
    assert set(found.labels["speaker"]) == {"ben"}
    assert len(found.samples) == 6
    report = dict(inspect(f"{source}:index=0").lines())
    assert report["recordings"] == "4"
    assert report["note"] in ("speaker: 2 values, ana (2), ben (2)", "index: 1 values, 0 (4)")
    assert write_packed(source, tmp_path / "tones.npz", RATE) == 24
    packed = open_labeled(f"npz:{tmp_path / 'tones.npz'}:index=0,2-3:speaker=ben", RATE)
    assert packed.labels == found.labels
    for ours, theirs in zip(packed.samples, found.samples):
        np.testing.assert_array_equal(ours, theirs)
    # Resampling exceeds the range of a clipped recording, which is no mistake in the file.
    square = (32767 * np.sign(np.sin(np.arange(RATE) / 5))).astype("int16")
    np.savez(tmp_path / "loud.npz", audio=square, lengths=[RATE], sample_rate=RATE)
    assert open_labeled(f"npz:{tmp_path / 'loud.npz'}", RATE // 2).samples[0].shape == (RATE // 2,)
    # Zeros before a number are no part of its value.
    (tmp_path / "takes").mkdir()
    for take in ("08", "09", "10", "2020-01"):
        soundfile.write(tmp_path / "takes" / f"{take}.wav", tone(0), RATE)
    takes = f"named:{tmp_path / 'takes'}:{{take}}:take="
    for condition, expected in (("9-99999999999", ["09", "10"]), ("08,2020-01", ["08", "2020-01"])):
        assert open_labeled(takes + condition, RATE).labels["take"] == expected
    for label in ("no", "yes"):
        (tmp_path / "words" / label).mkdir(parents=True)
        soundfile.write(tmp_path / "words" / label / "a.wav", tone(0), RATE)
    assert open_labeled(f"folder:{tmp_path / 'words'}", RATE).labels == {"class": ["no", "yes"]}
    feed = utterances.feed(f"folder:{tmp_path / 'words'}", {"word": ["yes", "no"]}, batch_size=1, held_out=0.0)
    np.testing.assert_array_equal(feed.make_batch(0, np.arange(2))[1], [[1], [0]])
    (tmp_path / "words" / "labels.csv").write_text("file,word,speaker\nyes/a.wav,1,ana\n")
    assert open_labeled(f"folder:{tmp_path / 'words'}", RATE).labels == {"word": ["1"], "speaker": ["ana"]}
    # An absolute name, where the source is relative.
    (tmp_path / "words" / "labels.csv").write_text(f"file,word\n{tmp_path / 'words' / 'yes' / 'a.wav'},1\n")
    assert open_labeled(f"folder:{os.path.relpath(tmp_path / 'words')}", RATE).names == ["yes/a.wav"]
    # Spaces after commas, separators of empty columns, a line break in a value, and a character that is one elsewhere.
    index = tmp_path / "words" / "labels.csv"
    index.write_bytes('file, word,who,\r\nyes/a.wav, "so\nwhat",a\u2028b,\r\nno/a.wav,no,c,,\r\n'.encode())
    found = open_labeled(f"folder:{tmp_path / 'words'}", RATE)
    assert found.labels == {"word": ["so\nwhat", "no"], "who": ["a\u2028b", "c"]}
    for content, words in (
        ("file,word\nyes/a.wav,1\nyes/a.wav,2\n", "yes/a.wav is listed twice"),
        ("file,word\nyes/a.wav,1,2\n", "line 2 has more values"),
        ("file,word,word\nyes/a.wav,1,2\n", "two columns have the same name"),
    ):
        index.write_text(content)
        with pytest.raises(ganzoo.GanzooError, match=words):
            open_labeled(f"folder:{tmp_path / 'words'}", RATE)
    index.unlink()
    for content, words in (("[" * 100_000, "cannot read"), ('{"a.wav": {}, "a.wav": {}}', "a.wav is listed twice")):
        (tmp_path / "words" / "labels.json").write_text(content)
        with pytest.raises(ganzoo.GanzooError, match=words):
            open_labeled(f"folder:{tmp_path / 'words'}", RATE)
    # A pattern that looks like a condition.
    (tmp_path / "equal").mkdir()
    soundfile.write(tmp_path / "equal" / "word=yes_who=ana.wav", tone(0), RATE)
    equal = open_labeled(f"named:{tmp_path / 'equal'}:word={{word}}_who={{who}}:who=ana", RATE)
    assert equal.labels == {"word": ["yes"], "who": ["ana"]}
    for pattern, file, words in (
        ("{audio}_{who}", "t.npz", "the label 'audio' has the name of another array"),
        ("{word}_{who}", "t", "must end in .npz"),
    ):
        with pytest.raises(ganzoo.GanzooError, match=words):
            write_packed(f"named:{tmp_path / 'equal'}:{pattern}", tmp_path / file, RATE)
    (tmp_path / "words" / "labels.json").write_text(json.dumps({"no/a.wav": {"word": 3}}))
    assert open_labeled(f"folder:{tmp_path / 'words'}", RATE).labels == {"word": ["3"]}
    (tmp_path / "words" / "labels.json").write_text("[]")
    for bad, words in (
        (f"folder:{tmp_path / 'words'}", "cannot read|same labels"),
        (f"{source}:index=9", "no recording with index=9"),
        (f"{source}:take=1", "needs a label 'take'; there are: tone, speaker, index"),
        (f"named:{recordings}", "needs a folder and a pattern"),
        (f"named:{recordings}:{{tone}}-{{speaker}}", "24 of 24 recordings .* have names unlike"),
        (f"npz:{recordings}", "cannot read"),
        ("nmaed:x", "Did you mean 'named:...'"),
    ):
        with pytest.raises(ganzoo.GanzooError, match=words):
            open_labeled(bad, RATE)


def test_crops_begin_after_context_and_end_with_silence(recordings):
    source = f"named:{recordings}:{{tone}}_{{speaker}}_{{index}}"
    feed = utterances.feed(source, NAMES, context=64, window=900, silence=100, batch_size=4, held_out=0.1)
    assert feed.spec == [((964,), "float32"), ((2,), "int32")]
    assert len(feed.validation) == 2
    sounds, labels = feed.make_batch(0, np.arange(4))
    assert not sounds[:, :64].any()
    assert not sounds[:, -100:].any()
    assert set(map(tuple, labels)) <= {(0, 0), (0, 1), (1, 0), (1, 1)}
    again, _ = feed.make_batch(0, np.arange(4))
    np.testing.assert_array_equal(sounds, again)
    # Windows shorter than the recordings begin anywhere, also within the silence after the end.
    feed = utterances.feed(source, NAMES, context=64, window=200, silence=100, batch_size=8, held_out=0.0, louder=6.0)
    crops = np.concatenate([feed.make_batch(i, feed.indices(i))[0] for i in range(4)])
    assert crops[:, :64].any(axis=1).sum() > 20
    assert np.abs(crops).max() <= 1


def test_a_run_selects_by_bits_and_the_command_says(recordings, tmp_path):
    preset = tmp_path / "tones.yaml"
    preset.write_text(
        f"""
model: wavenet
arguments:
  {{stacks: 1, layers_per_stack: 4, channels: 6, skip_channels: 8, hidden: 8, window: 200, silence: 50,
   label_names: {{tone: [low, high], speaker: [ana, ben]}}, label_dropout: 0.2, guidance: 3.0,
   candidates: 4}}
data: {{source: "named:{recordings}:{{tone}}_{{speaker}}_{{index}}:index=0-3", batch_size: 8, held_out: 0.2}}
training: {{epochs: 2, samples: 2}}
"""
    )
    run = ganzoo.train(preset, output=tmp_path / "runs")
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert all(0 < record["bits_per_sample"] < 9 for record in records)
    assert list((run / "samples").iterdir())
    say = ["say", str(tmp_path / "out.wav"), "--model", str(run), "--seconds", "0.05"]
    done = CliRunner().invoke(cli.main, [*say, "--label", "tone=low,high,low", "--label", "speaker=ben"])
    assert done.exit_code == 0, done.output
    soundfile = pytest.importorskip("soundfile")
    sound, rate = soundfile.read(tmp_path / "out.wav")
    assert rate == RATE
    assert 2 * 0.15 * RATE < len(sound) <= (2 * 0.15 + 3 * 0.05) * RATE
    # The run keeps its guidance and candidates, and the command can replace them.
    kept = [tmp_path / f"{name}.wav" for name in ("run", "both", "unguided", "single")]
    both = ["--guidance", "3", "--candidates", "4"]
    for path, options in zip(kept, ([], both, ["--guidance", "0"], ["--candidates", "1"])):
        done = CliRunner().invoke(cli.main, ["say", str(path), *say[2:], "--seed", "5", *options])
        assert done.exit_code == 0, done.output
    run_said, *others = [path.read_bytes() for path in kept]
    assert [said == run_said for said in others] == [True, False, False]
    data = f"named:{recordings}:{{tone}}_{{speaker}}_{{index}}:index=5"
    config = load_config(publish_run(run, tmp_path / "published", data, "CC0", "tones"))
    best = min(record["bits_per_sample"] for record in records)
    assert config.weights.metrics["best_epoch"] == [record["bits_per_sample"] for record in records].index(best) + 1
    assert 0 < config.weights.metrics["bits_per_sample"] < 9
    assert "sounds generated with guidance 3" in config.weights.protocol
    assert "the most typical of 4 candidates" in config.weights.protocol
    assert ganzoo.load(tmp_path / "published").guidance == 3.0
    apart = ["say", str(tmp_path / "apart"), "--separate", "--count", "3", "--model", str(run), "--seconds", "0.01"]
    assert CliRunner().invoke(cli.main, apart).exit_code == 0
    assert [path.name for path in sorted((tmp_path / "apart").iterdir())] == ["0000.wav", "0001.wav", "0002.wav"]
    for options, words in (
        (["--label", "tone"], "takes LABEL=VALUES"),
        (["--label", "tone=middle"], "unknown tone 'middle'"),
        (["--label", "tone=low", "--label", "tone=high"], "given twice"),
    ):
        failed = CliRunner().invoke(cli.main, [*say, *options])
        assert failed.exit_code == 1
        assert words in failed.output


def test_mel_spectrograms_condition_a_model():
    model = ganzoo.create("wavenet", **{**TINY, "mel_bands": 8, "hop": 32})
    mel = model.mel(tone(0), RATE)
    assert mel.shape == (1, 23, 8)
    sound = model.generate(mel=mel, seed=0)
    assert sound.shape == (1, 704)
    typical = model.generate(mel=np.concatenate([mel, mel]), seed=0, candidates=3)
    assert typical.shape == (2, 704)
    # Of two, the first, which is the sound without others.
    np.testing.assert_array_equal(model.generate(mel=mel, seed=0, candidates=2)[0, :200], sound[0, :200])
    for arguments, words in (
        (dict(mel=mel[..., :4]), r"\(count, frames, 8\)"),
        (dict(mel=mel[0]), r"\(count, frames, 8\)"),
        (dict(mel=mel * np.nan), "not finite"),
        (dict(count=2, mel=mel), "there are 1 mel"),
        (dict(count=2), "needs a mel spectrogram"),
    ):
        with pytest.raises(ganzoo.GanzooError, match=words):
            model.generate(**arguments)
    with pytest.raises(ganzoo.GanzooError, match="works at 8000 Hz, the sound has 16000"):
        model.mel(tone(0), 16_000)
    with pytest.raises(ganzoo.GanzooError, match="values up to 2"):
        model.mel(np.full(64, 2.0, "float32"), RATE)


def test_wrong_input_gets_one_line(trained, recordings):
    for arguments, words in (
        (dict(count=0), "count must be an integer of at least 1"),
        (dict(labels={"pitch": 1}), "unknown label 'pitch'"),
        (dict(labels={"tone": "hihg"}), "Did you mean 'high'"),
        (dict(labels=["low"]), r"labels is a mapping {label: value or list of values}, got \['low'\]"),
        (dict(labels={"tone": 2}), "a whole number from 0 to 1, got 2"),
        (dict(labels={"tone": []}), "the list is empty"),
        (dict(labels={"tone": [0, 1], "speaker": [0, 1, 0]}), "different lengths: 2, 3"),
        (dict(count=3, labels={"tone": [0, 1]}), "3 sounds need one value of a label, or 3, got 2"),
        (dict(count=1, seconds=0), "seconds must be a number above 0 to 60"),
        (dict(count=1, temperature=float("nan")), "temperature must be"),
        (dict(count=1, seed=-1), "seed must be"),
        (dict(count=1, guidance=-1), "guidance must be a number from 0 to 10"),
        (dict(count=1, guidance=0.5), "trained with label_dropout"),
        (dict(count=1, candidates=0), "candidates must be a whole number from 1 to 64, got 0"),
        (dict(count=1, candidates=2.5), "got 2.5"),
        (dict(count=1, mel=np.zeros((1, 2, 3))), "not conditioned on mel"),
    ):
        with pytest.raises(ganzoo.GanzooError, match=words):
            trained.generate(**arguments)
    with pytest.raises(ganzoo.GanzooError, match=r"sound 1 must lie in \[-1, 1\], got values up to 3"):
        trained.log_likelihood([tone(0), np.full(8, 3.0)], {"tone": 0, "speaker": 0})
    with pytest.raises(ganzoo.GanzooError, match="labels is a mapping"):
        trained.say("low")
    with pytest.raises(ganzoo.GanzooError, match=r"need the shape \(1, 2\), \(sounds, labels\), got \(1,\)"):
        trained.log_likelihood([tone(0)], np.array([0]))
    with pytest.raises(ganzoo.GanzooError, match="got int16"):
        trained.log_likelihood([np.zeros(8, "int16")], {"tone": 0, "speaker": 0})
    sound, labels = trained.example_batch(2)
    for x, y, words in (
        (sound, None, "and labels int32"),
        (sound, labels[:, :1], "and labels int32"),
        (sound[:, :10], labels, "samples of context"),
        (3 * sound / np.abs(sound).max(), labels, r"lies in \[-1, 1\]"),
        (sound, labels + 1, "labels must be below 2 .tone., 2 .speaker."),
    ):
        with pytest.raises(ganzoo.GanzooError, match=words):
            trained.fit(x, y)
    with pytest.raises(ganzoo.GanzooError, match="unknown speaker 'ben'"):
        utterances.feed(f"named:{recordings}:{{tone}}_{{speaker}}_{{i}}", {"tone": ["low", "high"], "speaker": ["ana"]})
    with pytest.raises(ganzoo.GanzooError, match="have no label 'word'"):
        utterances.feed(f"named:{recordings}:{{tone}}_{{speaker}}_{{i}}", {"word": ["a"], "tone": ["low", "high"]})
    for arguments, words in (
        (dict(output="gaussian"), "unknown output"),
        (dict(label_names={"audio": ["a"]}), "cannot be called 'audio'"),
        (dict(label_names={"a": []}), "at least one value"),
        (dict(channels=0), "channels"),
        (dict(label_dropout=0.1), "label_dropout needs labels"),
        (dict(label_names=NAMES, guidance=1.0), "trained with label_dropout"),
        (
            dict(label_names=NAMES, label_dropout=0.1, guidance=1.0, output="logistic_mixture"),
            "needs the output 'mu_law'",
        ),
        (dict(mel_bands=200, hop=16), "mel bands are narrower"),
    ):
        with pytest.raises(ganzoo.GanzooError, match=words):
            ganzoo.create("wavenet", **{**TINY, **arguments})
