"""The page of the speech enhancement models: record or upload speech, then hear and see it before and after."""

import reprlib
from typing import Any

import gradio as gr
import numpy as np

from ganzoo.data.recordings import colored_noise, gain, level
from ganzoo.errors import GanzooError

from .common import ONE_AT_A_TIME, examples, finite_number, image, loaded, preset_choice, shown_errors
from .files import stem
from .sounds import NOISY_SPEECH, SPEECH, example_recording, recording, spectrogram_of, written

MOST_SECONDS = 60
_EXAMPLES = {"speech in the rain": NOISY_SPEECH, "speech without noise": SPEECH}
# The exponent by which the noise power falls with frequency.
_NOISES = {"none": None, "white": 0.0, "pink": 0.5, "brown": 1.0}


@shown_errors
def enhance(preset: str, path: str | None, noise: str, ratio: float) -> tuple[str, str, np.ndarray, np.ndarray, str]:
    """The audio before and after, their spectrograms, and the enhanced file to download."""
    if noise not in list(_NOISES):
        raise GanzooError(f"noise must be one of {', '.join(_NOISES)}, got {reprlib.repr(noise)}")
    ratio = finite_number(ratio, "the signal-to-noise ratio", -10, 40)
    sound, rate, subtype = recording(path, MOST_SECONDS, "enhance")
    if _NOISES[noise] is not None:
        added = colored_noise(np.random.default_rng(0), len(sound), _NOISES[noise])
        sound = sound + (added * (level(sound) / level(added) / gain(ratio)))[:, None]
    clean = loaded(preset).enhance(sound, rate, progress=False)
    # Players clip values above 1: scale both by the same factor, so that they can be compared.
    loudest = max(1.0, float(np.abs(sound).max()), float(np.abs(clean).max()))
    name = stem(str(path))
    before = written(sound / loudest, rate, f"{name}-before")
    after = written(clean / loudest, rate, f"{name}-after")
    # The download is not scaled; it is what the command line writes.
    file = written(clean, rate, f"{name}-{preset}", "FLOAT" if np.abs(clean).max() > 1.0 else subtype)
    spectrograms = [spectrogram_of(samples.mean(axis=1), rate) for samples in (sound, clean)]
    return before, after, spectrograms[0], spectrograms[1], file


def page(model: str) -> list[dict[str, Any]]:
    """Adds the page to the surrounding `gr.Blocks` and returns the events to run when it is first shown."""
    preset = preset_choice(model)
    with gr.Row():
        with gr.Column(scale=1):
            speech = gr.Audio(
                example_recording(NOISY_SPEECH),
                label=f"Speech, up to {MOST_SECONDS} seconds",
                type="filepath",
                sources=["upload", "microphone"],
                buttons=["download"],
                elem_id=f"{model}-speech",
            )
            examples(list(_EXAMPLES), speech, lambda name: example_recording(_EXAMPLES[name]))
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
    return [enhancing]
