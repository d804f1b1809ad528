# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Speech synthesis
#
# WaveNet (van den Oord et al. 2016) is an autoregressive model of sound: it gives the distribution of each sample given all samples before. This page trains a tiny one on synthetic vowels, which need no recordings;
# recordings are read with `pip install '.[speech]'`.

# %%
import numpy as np

import ganzoo
from ganzoo.data.vowels import vowels

# %% [markdown]
# ## Sounds and labels
#
# Four vowels in a row, half a second each: the label says which. Before a sound there is silence, exact zeros, and after it too, so that the model learns where sounds begin and end. With `label_dropout`, a tenth of the sounds are shown without their
# labels in training, which `guidance` below needs.

# %%
rate, names = 8000, {"vowel": ["a", "i", "o", "e"]}
model = ganzoo.create(
    "wavenet",
    stacks=1,
    layers_per_stack=9,
    channels=32,
    skip_channels=32,
    hidden=64,
    label_names=names,
    label_dropout=0.1,
    window=1024,
    sample_rate=rate,
)
print(f"{model.receptive_field} samples, {1000 * model.receptive_field / rate:.0f} ms, of context")

speech = vowels(rate)
starts = [round((0.15 + 0.55 * i) * rate) for i in range(4)]
sounds = [speech[start : start + round(0.4 * rate)] for start in starts]
rng = np.random.default_rng(0)


def crop(label):
    """The beginning of a vowel after silence, in half of the cases, or a piece of it after what comes before."""
    padded = np.pad(sounds[label], (model.context, model.window))
    start = rng.integers(len(sounds[label])) if rng.random() < 0.5 else 0
    return padded[start : start + model.context + model.window]


labels = rng.integers(0, 4, (1024, 1)).astype("int32")
audio = np.stack([crop(label) for label in labels[:, 0]])

# %% [markdown]
# For recordings with labels in their names, such as `7_theo_12.flac`, `ganzoo.data.utterances("named:FOLDER:{digit}_{speaker}_{index}", batch_size=16, **model.data_arguments())` makes such crops. The labels can also be the names of folders, or be listed in a file labels.csv.
#
# ## Train
#
# The loss is in nats per sample, `bits` the same in bits: 8 bits are those of a model that knows nothing about the 256 mu-law values of a sample.

# %%
model.compile({"name": "adam", "learning_rate": 3e-3, "global_clipnorm": 1.0}, ema_decay=0.95)
history = model.fit(audio, labels, batch_size=8, epochs=4, verbose=0)
print(f"{history.history['bits'][-1]:.2f} bits per sample in training")

# %% [markdown]
# `log_likelihood` is that of whole sounds. With the wrong label, a sound is less probable:

# %%
right = model.bits_per_sample(sounds, {"vowel": ["a", "i", "o", "e"]})
wrong = model.bits_per_sample(sounds, {"vowel": ["i", "o", "e", "a"]})
print(f"{right:.2f} bits with the right label, {wrong:.2f} with a wrong one")

# %% [markdown]
# ## Generate
#
# Each sample needs a step of the network, which is why autoregressive models are slow to sample. Queues keep what the layers have computed before, so that a step is one small matrix product per layer instead of a pass over the whole context.
# `temperature` below 1 makes samples more predictable. `say` puts sounds one after another.

# %%
generated = model.generate(labels={"vowel": ["a", "e"]}, seed=0, seconds=0.4)
word = model.say({"vowel": ["a", "i", "a"]}, seed=1, seconds=0.4, temperature=0.9, pause=0.05)
print([f"{len(np.trim_zeros(sound, 'b')) / rate:.2f} seconds" for sound in generated], word.shape)

# %% [markdown]
# Samples differ in quality: one breaks off, another does not end. With `candidates`, a model generates several sounds and returns the most typical one, whose spectrogram is closest to those of the others on average (minimum Bayes risk; Eikema & Aziz 2020, arXiv:2005.10283). Five candidates take up to five times as long.

# %%
typical = model.generate(labels={"vowel": ["a", "e"]}, seed=0, seconds=0.4, candidates=5)
print([f"{len(np.trim_zeros(sound, 'b')) / rate:.2f} seconds" for sound in typical])

# %% [markdown]
# Classifier-free guidance (Ho & Salimans 2022) can make labels easier to recognize: samples come from $(1 + w)$ times the logits with the label minus $w$ times those without. Sounds of the same label become more alike, and a step takes up to twice as long.

# %%
plain, guided = (
    model.generate(labels={"vowel": ["a", "i", "o", "e"]}, seed=0, seconds=0.4, guidance=w) for w in (0.0, 1.0)
)
for name, sound in (("plain", plain), ("guided", guided)):
    as_each = np.stack([model.log_likelihood(sound, {"vowel": vowel}) for vowel in names["vowel"]])
    as_labeled, as_others = np.diag(as_each), (as_each.sum(axis=0) - np.diag(as_each)) / (len(names["vowel"]) - 1)
    print(f"{name}: {np.mean(as_labeled - as_others):.0f} nats more probable with its label than with another one")

# %% [markdown]
# On the command line, with the shipped model of spoken digits, which has six candidates unless `--candidates` says otherwise: `ganzoo say number.wav --label digit=4,7,1 --label speaker=theo`.
#
# ## Copy a sound
#
# With `mel_bands`, a model is conditioned on a mel spectrogram, in training that of the sound itself, and so turns spectrograms into sound:

# %%
vocoder = ganzoo.create("wavenet", stacks=1, layers_per_stack=4, channels=8, mel_bands=20, sample_rate=rate)
mel = vocoder.mel(sounds[0][:320], rate)
print(mel.shape, vocoder.generate(mel=mel, seed=0).shape)
