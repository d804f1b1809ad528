# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Voice conversion
#
# CycleGAN-VC (Kaneko & Kameoka 2017) converts the speech of one person to the voice of another. It learns from recordings of both, who need not say the same: like [CycleGAN](image_translation.py), it has a network for each direction, and what was converted and converted back must be what it was.
#
# This page needs `pip install '.[voice]'` and no recordings: its two voices are synthetic vowels, of a man and, with a higher pitch and shorter vocal tract, of a child.

# %%
import numpy as np

import ganzoo
from ganzoo.data.vocoder import analyze, features_of, pitch_statistics, synthesize
from ganzoo.data.vowels import vowels

# %% [markdown]
# ## Speech in parts
#
# The WORLD vocoder (Morise et al. 2016) takes speech apart, a frame every 5 ms: the pitch, the spectral envelope as a mel-cepstrum, and the share of noise at each frequency. It also puts the parts together again. Networks then need to change only the mel-cepstrum, 24 numbers per frame (the first of the 25 coefficients is the loudness, which stays).

# %%
rate = 8000
man = vowels(rate)
# Played faster, both pitch and formants are higher.
child = np.interp(np.arange(0, len(man) - 1, 1.4), np.arange(len(man)), man).astype("float32")
analysis = analyze(man, rate)
print(analysis.pitch.shape, analysis.cepstra.shape, synthesize(analysis).shape)
for name, sound in (("man", man), ("child", child)):
    pitch = pitch_statistics([analyze(sound, rate).pitch])
    print(f"{name}: mean pitch {np.exp(pitch.mean):.0f} Hz, deviation {100 * pitch.deviation:.0f}%")

# %% [markdown]
# ## Train
#
# Batches are segments of 128 frames of each voice. For recordings in two folders, `ganzoo.data.voices("folders:FOLDER_A,FOLDER_B", batch_size=8, **model.data_arguments())` makes them. The networks first take the mean and deviation of each coefficient and of the logarithm of the pitch, and work on standardized mel-cepstra.

# %%
model = ganzoo.create(
    "cyclegan_vc",
    sample_rate=rate,
    width=16,
    channels=32,
    hidden=32,
    blocks=1,
    output="residual",
    discriminator_width=2,
    domains=("man", "child"),
)
rng = np.random.default_rng(0)


def segments(sound, count):
    """Random segments of the features of a sound."""
    features = np.tile(features_of(analyze(sound, rate)), (2, 1))
    starts = rng.integers(len(features) - model.frames + 1, size=count)
    return np.stack([features[start : start + model.frames] for start in starts])


count = 256
model.compile(identity_steps=0, cycle_weight=5.0)
history = model.fit(segments(man, count), segments(child, count), batch_size=8, epochs=4, verbose=0)
print({name: round(values[-1], 2) for name, values in history.history.items()})

# %% [markdown]
# ## Convert
#
# `convert` takes a recording of any length and sample rate. The pitch gets the mean and deviation of the other voice; rhythm and loudness stay.

# %%
converted = model.convert(man, rate, direction="man_to_child")
back = model.convert(converted, rate, direction="child_to_man")
for name, sound in (("converted", converted), ("and back", back)):
    print(f"{name}: mean pitch {np.exp(pitch_statistics([analyze(sound, rate).pitch]).mean):.0f} Hz")

# %% [markdown]
# On the command line: `ganzoo convert IN.wav OUT.wav --model cyclegan_vc.digits --direction george_to_jackson`. The pretrained models convert only the voices that they were trained on; [Evaluation](../evaluation.md#voice-conversion) says how well. Convert and publish the voice of a person only with their consent.
