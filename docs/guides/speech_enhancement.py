# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Speech enhancement
#
# SEGAN (Pascual et al. 2017) is a GAN on waveforms: the generator takes a noisy recording and returns a clean one. Reading recordings needs `pip install '.[speech]'`.

# %%
import tempfile
from pathlib import Path

import numpy as np
import soundfile

import ganzoo
from ganzoo.metrics import si_sdr

# %% [markdown]
# ## Enhance a recording
#
# `enhance` takes samples at any rate, with any number of channels, and returns as many with the same level. The package has no recordings, so this page makes a sound that only resembles a voice: a buzz with a changing pitch, cut into syllables.
# Take `audio, rate = soundfile.read("noisy.wav")` instead. The numbers of real speech are [below](#how-good-it-is).


# %%
def buzz(seconds, seed):
    rng = np.random.default_rng(seed)
    time = np.arange(int(16_000 * seconds)) / 16_000
    pitch = 120 + 30 * np.sin(2 * np.pi * rng.uniform(0.5, 1.5) * time)
    phase = 2 * np.pi * np.cumsum(pitch) / 16_000
    voice = sum(np.sin(k * phase) / k for k in range(1, 20))
    syllables = np.clip(np.sin(2 * np.pi * 3 * time) + 0.3, 0, 1)
    return (0.1 * voice * syllables).astype("float32")


clean = buzz(2, seed=0)
noisy = clean + 0.02 * np.random.default_rng(1).standard_normal(len(clean)).astype("float32")
model = ganzoo.load("segan")
enhanced = model.enhance(noisy, sample_rate=16_000)
print(
    f"noise in the output: {20 * np.log10(np.std(enhanced[clean == 0]) / np.std(noisy[clean == 0])):.0f} dB in pauses"
)

# %% [markdown]
# Long recordings are processed in pieces, with the same result as one pass up to rounding. From file to file, memory is nearly constant:
# an hour of audio takes 94 seconds on two cores, and 78 MB besides the loaded model. With arrays in Python, the result (220 MB for an hour) and about as much again come on top. By default the output is averaged over four time shifts of the input (test-time averaging);
# `num_shifts=1`, or `--num-shifts 1`, takes one pass in a quarter of the time. The network works at 16 kHz. Of recordings with a higher rate,
# the frequencies above 8 kHz are those of the input, with the gain that the network has between 4 and 8 kHz at that moment.

# %%
once = model.enhance(noisy, sample_rate=16_000, num_shifts=1)
print(f"one pass differs from four by {np.std(once - enhanced) / np.std(enhanced):.1%}")

# %% [markdown]
# ## While the audio arrives
#
# A stream takes blocks of any length and returns what is final by then. Its latency is stated in seconds, without the time of computation:

# %%
stream = model.stream(sample_rate=16_000, block=0.1, num_shifts=1)
parts = [stream.push(noisy[start : start + 320]) for start in range(0, len(noisy), 320)]
streamed = np.concatenate([*parts, stream.finish()])
print(f"latency {stream.latency:.2f} s; differs from `enhance` by at most {np.abs(streamed - once).max():.0e}")

# %% [markdown]
# By default the network reads as much of the future as affects its output, 0.47 s, and the result is that of `enhance`. With less `context` the output comes sooner, and with very little it is slightly worse:
# with `block=0.1, context=0.05` the latency is 0.19 s, and the mean SI-SDR on VoiceBank-DEMAND is 11.74 dB instead of 11.78 dB ([table](../../benchmarks/RESULTS.md#while-audio-arrives-and-above-the-networks-frequencies)).
# On the command line, `--stream` takes raw 16-bit samples from standard input and writes them to standard output:
#
# ```console
# ganzoo enhance --stream --rate 48000 --block 0.1 --context 0.1
# ```
#
# ## Files and folders
#
# ```console
# ganzoo enhance noisy.wav clean.wav
# ganzoo enhance interviews interviews_clean
# ```
#
# It reads all formats that libsndfile decodes (wav, flac, ogg, opus, mp3, aiff, au, caf, w64, telephone codecs),
# writes wav, flac, ogg, mp3 and aiff, and keeps channels, sample rate and bit depth. If a recording ends earlier than its header says, the part up to there is written, with a warning and exit
# status 3. Convert AAC (m4a) and WebM first: `ffmpeg -i phone.m4a phone.wav`.
#
# ## How good it is
#
# [Evaluation](../evaluation.md#speech) has PESQ, STOI and other metrics on real recordings, beside a Wiener filter, noisereduce and RNNoise. In Python, metrics compare two signals:

# %%
print(f"SI-SDR of the noisy buzz: {si_sdr(clean, noisy):.1f} dB")

# %% [markdown]
# ## Train your own
#
# From clean speech and noise. These are mixed at random in every step (random excerpts, signal-to-noise ratios, filters and speeds, with other speakers and generated noise added). Here the speech is eight buzzes, the noise is generated, and the networks are tiny:

# %%
folder = Path(tempfile.mkdtemp())
for i in range(8):
    soundfile.write(folder / f"speaker{i}-0.wav", buzz(3, seed=i), 16_000)
dataset = ganzoo.data.speech(f"folder:{folder}", noise="generated", window=4096, batch_size=4)
sizes = dict(widths=(8, 16, 16), kernel_size=15, stride=4, latent_dim=4, window=4096, discriminator_widths=(4, 8, 8))
mine = ganzoo.create("segan", **sizes, output="residual", discriminator_regularizers=[])
mine.compile()
mine.fit(dataset, epochs=20, verbose=0)
result = mine.enhance(noisy, sample_rate=16_000)

# %% [markdown]
# The shipped weights took eight stages: seven that the preset lists, then the preset itself. One command trains all of them. The first stage trains the generator on the content loss alone. The next five add the discriminator, each with
# a seed and a learning rate schedule of its own. The last two train without the discriminator again, the very last one with a loss that approximates PESQ:
#
# ```console
# ganzoo train segan.speech --data folder:my_speech --set data.noise=folder:my_noise
# ganzoo train segan.speech --data folder:my_speech --set data.noise=folder:my_noise --resume
# ```
#
# With pairs, `--data folder:my_pairs` names a folder with the subfolders `noisy` and `clean`, and no noise is given.
#
# The preset `paper` has the paper's sizes (11 convolutions of stride 2, 16 to 1024 channels, pre-emphasis of 0.95) and no weights. The losses are the paper's (least squares, absolute
# difference); `speech` adds distances of spectrograms and of perceived loudness, and an approximation of PESQ. Under TensorFlow 2.16, `pip install '.[tfio]'` decodes recordings inside the graph.
