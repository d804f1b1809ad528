"""The page of the models that take the noise out of speech: record or upload, hear and see what changes."""

from pathlib import Path

import gradio as gr
import numpy as np

from ganzoo.data.audio import promised, read_audio, soundfile
from ganzoo.data.recordings import coloured_noise, gain, level
from ganzoo.errors import GanzooError
from ganzoo.inference.spectrogram import spectrogram

from .common import ONE_AT_A_TIME, finite_number, loaded, new_file, picture, preset_choice, shown_errors

MOST_SECONDS = 60
# Power falls with frequency to this power.
_NOISES = {"none": None, "white": 0.0, "pink": 0.5, "brown": 1.0}


@shown_errors
def enhance(preset, path, noise, ratio):
    """Sound before and after, their pictures, and the file of what is after."""
    if not path:
        raise GanzooError("record or upload some speech first")
    # By its header: a small file may hold hours.
    samples, rate = promised(path)
    if samples > MOST_SECONDS * rate:
        raise GanzooError(
            f"{samples / rate:.0f} seconds are more than the page's limit of {MOST_SECONDS}: cut the recording, or use "
            "`ganzoo enhance` on the command line, which has no such limit"
        )
    sound, rate = read_audio(path)
    if noise not in _NOISES:
        raise GanzooError(f"noise is one of {', '.join(_NOISES)}, got {noise}")
    if _NOISES[noise] is not None:
        added = coloured_noise(np.random.default_rng(0), len(sound), _NOISES[noise])
        ratio = finite_number(ratio, "the signal-to-noise ratio", -10, 40)
        sound = sound + (added * (level(sound) / level(added) / gain(ratio)))[:, None]
        sound = sound / max(1.0, float(np.abs(sound).max()))
    clean = loaded(preset).enhance(sound, rate, progress=False)
    files = [new_file(f"{Path(path).stem}-{name}.wav") for name in ("before", f"{preset}")]
    for file, samples in zip(files, (sound, clean)):
        soundfile().write(file, samples, rate, subtype="PCM_16")
    pictures = [_shown(samples.mean(axis=1), rate) for samples in (sound, clean)]
    return str(files[0]), str(files[1]), *pictures, str(files[1])


def _shown(sound, rate):
    """The spectrogram up to 8 kHz, what there is of it, as large as the page is wide."""
    hop = max(1, len(sound) // 900)
    window = 2 ** round(np.log2(max(64, 0.032 * rate)))
    image = spectrogram(sound, window=window, hop=hop)
    shown = round(image.shape[0] * min(1.0, 16_000 / rate))
    return np.repeat(np.repeat(image[-shown:], 3, axis=2), max(1, 256 // shown), axis=0)


def page(model):
    """Puts the page into the surrounding `gr.Blocks`; returns the events of its first drawing."""
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
            ratio = gr.Slider(-5, 30, 5, step=1, label="Speech above that noise, in dB", elem_id=f"{model}-ratio")
            button = gr.Button("Take the noise out", variant="primary", elem_id=f"{model}-enhance")
            file = gr.DownloadButton("Download", elem_id=f"{model}-download")
        with gr.Column(scale=2):
            before = gr.Audio(label="Before", interactive=False, buttons=["download"], elem_id=f"{model}-before")
            before_picture = picture("Spectrogram before", show_label=False, elem_id=f"{model}-before-picture")
            after = gr.Audio(label="After", interactive=False, buttons=["download"], elem_id=f"{model}-after")
            after_picture = picture("Spectrogram after", show_label=False, elem_id=f"{model}-after-picture")
    enhancing = dict(
        fn=enhance,
        inputs=[preset, speech, noise, ratio],
        outputs=[before, after, before_picture, after_picture, file],
        **ONE_AT_A_TIME,
    )
    button.click(**enhancing)
    return []
