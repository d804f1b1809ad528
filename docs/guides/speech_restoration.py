# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Over-smoothed speech
#
# A model of speech that is trained on the mean squared error predicts the mean of all spectra that are possible, and the mean is smoother than each of them. Statistical speech synthesis sounds muffled for this reason. The post-filter of Kaneko et al. 2017
# is a GAN that gives such spectra their texture back. Analysis and synthesis, by the vocoder WORLD, need `pip install '.[voice]'`.

# %%
import numpy as np

import ganzoo
from ganzoo.data.cepstra import at_level
from ganzoo.data.vocoder import analyze
from ganzoo.data.vowels import vowels
from ganzoo.inference.sampling import grid
from ganzoo.inference.spectrogram import envelopes
from ganzoo.metrics import mel_cepstral_distortion, modulation_distance, variance_distance

# %% [markdown]
# ## Restore a recording
#
# `restore` takes over-smoothed speech at any rate, with any number of channels. `smooth` makes some from natural speech, to try it. The package has no recordings, so this page takes synthetic vowels; take `audio, rate = soundfile.read("speech.wav")` instead.

# %%
rate = 16_000
audio = vowels(rate)
model = ganzoo.load("postfilter")
smooth = model.smooth(audio, rate)
restored = model.restore(smooth, rate)
print(smooth.shape, restored.shape, restored.dtype)

# %% [markdown]
# On the command line: `ganzoo smooth natural.wav smooth.wav` and `ganzoo postfilter smooth.wav restored.wav`. Frequencies above 8 kHz are lost. `strength` scales what the post-filter adds (by default as the preset says), `seed` chooses its noise; `model.restore(audio, rate, smooth_first=True)` does both steps on one analysis.
#
# ## What happens inside
#
# WORLD describes each 5 ms of speech by a pitch, an aperiodicity and a spectral envelope. Only the envelope changes, which is coded by 40 mel-cepstral coefficients. *Coarse* are the first 16 of them, averaged over 8 frames (40 ms): a twentieth of the numbers.
# The network `smoother`, trained on the mean squared error, predicts all coefficients of all frames from the coarse ones. The post-filter sees nothing but its output.

# %%
sound, _ = at_level(audio, rate)
natural = analyze(sound, rate, model.order - 1).cepstra
coarse = model.coarse_cepstra(natural)
smooth_cepstra = model.smooth_cepstra(natural)
restored_cepstra = model.restore_cepstra(smooth_cepstra, seed=0)
print(natural.shape, coarse.shape, smooth_cepstra.shape, restored_cepstra.shape)
versions = [model.held_cepstra(natural), smooth_cepstra, restored_cepstra, natural]
image = grid(np.stack([envelopes(version, 461) for version in versions]), columns=2)

# %% [markdown]
# ## How smooth is it?
#
# Over-smoothed speech has too little variance in its coefficients (the *global variance* of an utterance) and too little power at high *modulation frequencies*: its coefficients change too slowly. Both are compared with natural speech as levels, in dB. The mel-cepstral distortion tells how far the
# spectra themselves are: it is smallest for the smooth ones, since they were made to be closest on average, and invented texture can never come closer.


# %%
def report(name, cepstra):
    values = (f"{metric(natural, cepstra):.1f}" for metric in (variance_distance, modulation_distance))
    print(f"{name}: {', '.join(values)} dB; distortion {mel_cepstral_distortion(natural, cepstra):.1f} dB")


report("smooth", smooth_cepstra)
report("restored", restored_cepstra)

# %% [markdown]
# Synthetic vowels are unlike anything that the models have learned. The numbers of real speech, with PESQ after synthesis, are in [Evaluation](../evaluation.md#over-smoothed-speech).
#
# ## Train your own
#
# Train in two steps, as with `srresnet` and `srgan`: `ganzoo train smoother.speech --data folder:my_speech`, then `ganzoo train postfilter.speech --data folder:my_speech --set training.start_from=RUN`, where RUN is the folder of the first run. In Python:

# %%
rng = np.random.default_rng(0)
starts = rng.integers(0, len(natural) - 64, 256)
segments = np.stack([natural[start : start + 64] for start in starts])
sizes = dict(window=64, order=40, coarse_order=8, hop=8)
smoother = ganzoo.create("smoother", width=16, blocks=1, **sizes)
smoother.compile(ema_decay=0.9)
smoother.fit(segments, batch_size=16, epochs=20, verbose=0)
postfilter = ganzoo.create("postfilter", width=16, blocks=1, smoother_width=16, smoother_blocks=1, **sizes)
postfilter.start_from(smoother)
postfilter.compile(loss="least_squares", spectral_weight=2.0, ema_decay=0.9)
history = postfilter.fit(segments, batch_size=16, epochs=10, verbose=0)
print(f"mean squared difference of the spectra: {history.history['spectral_error'][-1]:.2f}")

# %% [markdown]
# `spectral_weight` holds the texture back where it costs much accuracy; with 0, as in the paper, only the discriminator decides. `ganzoo.data.cepstra("folder:my_speech", batch_size=32, **postfilter.data_arguments())` makes such segments of recordings.
