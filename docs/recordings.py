"""Writes the example recordings of the web page: python -m docs.recordings [SPEECH NOISY_SPEECH NOISE]

Without arguments, wavenet.digits says three digits in each voice that cyclegan_vc.digits converts:
demos/samples/digits_VOICE.ogg, 8 kHz. SPEECH and NOISY_SPEECH are recordings of speech, NOISE one of noise. The first
becomes demos/samples/speech.ogg, the second with the noise, 5 dB below the speech, demos/samples/noisy_speech.ogg:
16 kHz. All are Ogg Vorbis.

Those of the package are sentences a0231 and a0233 of the CMU ARCTIC prompts, read by Kathleen (github.com/rhasspy/
dataset-voice-kathleen, CC0 1.0), and rain of ESC-10 (clip 2-73260-A by jakobhandersen, freesound.org, CC0 1.0). The
digits are generated; the Free Spoken Digit Dataset, on which the model was trained, is CC BY-SA 4.0.
"""

import sys
from pathlib import Path

import numpy as np
import soundfile
from ganzoo.demos.cyclegan_vc import DIGITS

import ganzoo
from ganzoo import presets
from ganzoo.data.audio import read_audio
from ganzoo.data.recordings import gain, level

HERE = Path(__file__).parents[1] / "demos" / "samples"
RATE, RATIO = 16_000, 5.0


def mono(path):
    sound, rate = read_audio(path)
    if rate != RATE:
        raise SystemExit(f"{path} has {rate} Hz, not {RATE}")
    return sound.mean(axis=1)


def write(name, sound, rate):
    path = HERE / f"{name}.ogg"
    sound = 0.7 * sound / np.abs(sound).max()
    soundfile.write(path, sound, rate, format="OGG", subtype="VORBIS", compression_level=0.4)
    print(f"{path.name}: {len(sound) / rate:.1f} s, {path.stat().st_size / 1000:.0f} kB")


def write_digits():
    model = ganzoo.load("wavenet.digits")
    for voice in presets.find("cyclegan_vc.digits").config.arguments["domains"]:
        said = model.say({"digit": DIGITS.split(), "speaker": voice}, seed=1, seconds=1.0, candidates=1)
        write(f"digits_{voice}", said, model.sample_rate)


def write_speech(speech, noisy, noise):
    clean, rain = mono(noisy), mono(noise)
    rain = np.resize(rain, len(clean))
    write("speech", mono(speech), RATE)
    write("noisy_speech", clean + rain * (level(clean) / level(rain) / gain(RATIO)), RATE)


def main(*recordings):
    if not recordings:
        write_digits()
    elif len(recordings) == 3:
        write_speech(*recordings)
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
