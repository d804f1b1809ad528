"""The page of the speech enhancement models: record or upload speech, then hear and see it before and after."""

import reprlib
from typing import Any

import gradio as gr
import numpy as np

from ganzoo.data.audio import opened, read_audio, soundfile
from ganzoo.data.recordings import colored_noise, gain, level
from ganzoo.errors import GanzooError
from ganzoo.inference.recordings import subtype_for
from ganzoo.inference.spectrogram import spectrogram

from .common import ONE_AT_A_TIME, finite_number, image, loaded, preset_choice, shown_errors, shown_warning
from .files import new_result, stem

MOST_SECONDS = 60
# Of all channels together: a minute of stereo at 96 kHz. The network processes each channel separately.
MOST_SAMPLES = MOST_SECONDS * 96_000 * 2
# The exponent by which the noise power falls with frequency.
_NOISES = {"none": None, "white": 0.0, "pink": 0.5, "brown": 1.0}


@shown_errors
def enhance(preset: str, path: str | None, noise: str, ratio: float) -> tuple[str, str, np.ndarray, np.ndarray, str]:
    """The audio before and after, their spectrograms, and the enhanced file to download."""
    if not path:
        raise GanzooError("record or upload some speech first")
    if noise not in list(_NOISES):
        raise GanzooError(f"noise must be one of {', '.join(_NOISES)}, got {reprlib.repr(noise)}")
    ratio = finite_number(ratio, "the signal-to-noise ratio", -10, 40)
    # Check the header before decoding: a small file may hold hours of audio or many channels.
    with opened(path) as recording:
        if recording.samples is not None:
            check(recording.samples, recording.channels, recording.samplerate)
        subtype = subtype_for(".wav", recording.subtype)
        longest = min(MOST_SECONDS, MOST_SAMPLES / (recording.channels * recording.samplerate))
    sound, rate = read_audio(path, longest, warn=lambda message, kind: shown_warning(message))
    if not np.isfinite(sound).all():
        raise GanzooError("the recording contains values that are not finite")
    if _NOISES[noise] is not None:
        added = colored_noise(np.random.default_rng(0), len(sound), _NOISES[noise])
        sound = sound + (added * (level(sound) / level(added) / gain(ratio)))[:, None]
    clean = loaded(preset).enhance(sound, rate, progress=False)
    # Players clip values above 1: scale both by the same factor, so that they can be compared.
    loudest = max(1.0, float(np.abs(sound).max()), float(np.abs(clean).max()))
    before = _written(sound / loudest, rate, f"{stem(path)}-before", "PCM_16")
    after = _written(clean / loudest, rate, f"{stem(path)}-after", "PCM_16")
    # The download is not scaled; it is what the command line writes.
    file = _written(clean, rate, f"{stem(path)}-{preset}", "FLOAT" if np.abs(clean).max() > 1.0 else subtype)
    spectrograms = [spectrogram_of(samples.mean(axis=1), rate) for samples in (sound, clean)]
    return before, after, spectrograms[0], spectrograms[1], file


def check(length: int, channels: int, rate: int) -> None:
    """Checks that the page accepts a recording of this size.

    Args:
        length: samples per channel.
        channels: number of channels.
        rate: sample rate in Hz.

    Raises:
        GanzooError: too long, or too many samples in all channels together.
    """
    if length > MOST_SECONDS * rate:
        size = f"{length / rate:.0f} seconds are"
    elif length * channels > MOST_SAMPLES:
        size = f"{length / rate:.0f} seconds of {channels} channels at {rate} Hz are"
    else:
        return
    raise GanzooError(
        f"{size} more than the page's limit of {MOST_SECONDS} seconds of two channels at 96000 Hz: cut the recording, "
        "or use `ganzoo enhance` on the command line, which has no such limit"
    )


def _written(sound: np.ndarray, rate: int, name: str, subtype: str) -> str:
    """Writes a WAV file for the page and returns its path."""
    path = new_result(f"{name}.wav")
    soundfile().write(path, sound, rate, subtype=subtype)
    return str(path)


def spectrogram_of(sound: np.ndarray, rate: int) -> np.ndarray:
    """The spectrogram up to 8 kHz (or half the sample rate), about as wide as the page."""
    hop = max(1, len(sound) // 900)
    window = 2 ** round(np.log2(max(64, 0.032 * rate)))
    image = spectrogram(sound, window=window, hop=hop)
    shown = round(image.shape[0] * min(1.0, 16_000 / rate))
    return np.repeat(np.repeat(image[-shown:], 3, axis=2), max(1, 256 // shown), axis=0)


def page(model: str) -> list[dict[str, Any]]:
    """Adds the page to the surrounding `gr.Blocks` and returns the events to run when it is first shown: none."""
    preset = preset_choice(model)
    with gr.Row():
        with gr.Column(scale=1):
            speech = gr.Audio(
                label=f"Speech, up to {MOST_SECONDS} seconds",
                type="filepath",
                sources=["upload", "microphone"],
                buttons=["download"],
                elem_id=f"{model}-speech",
            )
            noise = gr.Radio(list(_NOISES), value="none", label="Noise to add", elem_id=f"{model}-noise")
            ratio = gr.Slider(-5, 30, 5, step=1, label="Signal-to-noise ratio, in dB", elem_id=f"{model}-ratio")
            button = gr.Button("Enhance", variant="primary", elem_id=f"{model}-enhance")
            file = gr.DownloadButton("Download", elem_id=f"{model}-download")
        with gr.Column(scale=2):
            before = gr.Audio(label="Before", interactive=False, buttons=["download"], elem_id=f"{model}-before")
            before_image = image("Spectrogram before", show_label=False, elem_id=f"{model}-before-image")
            after = gr.Audio(label="After", interactive=False, buttons=["download"], elem_id=f"{model}-after")
            after_image = image("Spectrogram after", show_label=False, elem_id=f"{model}-after-image")
    enhancing = dict(
        fn=enhance,
        inputs=[preset, speech, noise, ratio],
        outputs=[before, after, before_image, after_image, file],
        **ONE_AT_A_TIME,
    )
    button.click(**enhancing)
    return []
