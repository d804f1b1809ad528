"""The page of the models of mel-cepstra: hear and see speech with coarse spectra, with smooth ones, with texture
restored, and as it is."""

import functools
from typing import Any

import gradio as gr
import numpy as np

from ganzoo import registry
from ganzoo.data.vowels import vowels

from .common import (
    LARGEST_SEED,
    ONE_AT_A_TIME,
    examples,
    finite_number,
    image,
    loaded,
    preset_choice,
    preset_of,
    seed_number,
    shown_errors,
    trained_presets,
    whole_number,
)
from .files import stem
from .sounds import SPEECH, example_file, example_recording, example_vowels, recording, spectrogram_of, written

MOST_SECONDS = 30
NATURAL, SMOOTH = "natural speech", "over-smoothed speech"
_RATE = 16_000
_WIDTH = 500


@shown_errors
def restore(preset: str, path: str | None, given: str, strength: float, seed: int) -> list[Any]:
    """The sounds of all versions, then their spectrograms; None for those that over-smoothed speech does not have."""
    strength = finite_number(strength, "the strength", 0, 2)
    seed = whole_number(seed, "the seed", 0, LARGEST_SEED)
    sound, rate, _ = recording(path, MOST_SECONDS, "postfilter")
    model, mono = loaded(preset), sound.mean(axis=1)
    restores = hasattr(model, "restore")

    def restored(cepstra):
        smooth = model.smooth_cepstra(cepstra) if given == NATURAL else cepstra
        return model.restore_cepstra(smooth, strength, seed)

    changes = {}
    if given == NATURAL or not restores:
        changes = {"coarse": model.held_cepstra, "smooth": model.smooth_cepstra}
    if restores:
        changes["restored"] = restored
    made = model.resynthesized_versions(mono, rate, changes)
    made["given"] = mono
    # Players clip values above 1: one factor for all, so that they can be compared.
    loudest = max(1.0, *(float(np.abs(one).max()) for one in made.values()))
    files: list[Any] = []
    images: list[Any] = []
    for name in versions_of(restores):
        one = made.get(name)
        files.append(None if one is None else written(one / loudest, rate, f"{stem(str(path))}-{name}"))
        # Short windows blur the harmonics of the voice.
        images.append(None if one is None else spectrogram_of(one, rate, window=0.012, width=_WIDTH))
    return [*files, *images]


def versions_of(restores: bool) -> list[str]:
    """The versions that the page of a model shows, in order."""
    return ["coarse", "smooth", *(["restored"] if restores else []), "given"]


@functools.cache
def _examples() -> list[str]:
    """Paths of a recording, of synthetic vowels, and of the same whispered."""
    voiced = vowels(_RATE)
    noise = np.random.default_rng(0).standard_normal(len(voiced)).astype("float32")
    # Noise with the short-time spectra of the vowels.
    size, whispered = 256, np.zeros(len(voiced) + 512, "float32")
    window = np.sqrt(np.hanning(2 * size + 1)[:-1])
    for start in range(0, len(voiced) - 2 * size, size):
        part = slice(start, start + 2 * size)
        levels = np.abs(np.fft.rfft(voiced[part] * window))
        levels = np.convolve(levels, np.hanning(13) / np.hanning(13).sum(), "same")
        whispered[part] += np.fft.irfft(np.fft.rfft(noise[part] * window) * levels).astype("float32") * window
    whispered = whispered[: len(voiced)]
    return [example_recording(SPEECH), example_vowels(), example_file("whispered", whispered, _RATE)]


def page(model: str) -> list[dict[str, Any]]:
    """Adds the page to the surrounding `gr.Blocks` and returns the events to run when it is first shown."""
    preset = preset_choice(model)
    # Nothing is loaded before the page is shown.
    arguments = preset_of(trained_presets(model)[0]).config.arguments
    restores = "postfilter" in registry.declared(model, "commands")
    with gr.Row():
        with gr.Column(scale=1):
            speech = gr.Audio(
                _examples()[0],
                label=f"Speech, up to {MOST_SECONDS} seconds",
                type="filepath",
                sources=["upload", "microphone"],
                buttons=["download"],
                elem_id=f"{model}-speech",
            )
            examples(_examples(), speech)
            given = gr.Radio(
                [NATURAL, SMOOTH],
                value=NATURAL,
                label="The recording is",
                info="Natural speech is smoothed first, as the post-filter expects",
                visible=restores,
                elem_id=f"{model}-given",
            )
            strength = gr.Slider(
                0,
                2,
                float(arguments.get("strength", 1.0)),
                step=0.05,
                label="Strength of the texture",
                visible=restores,
                elem_id=f"{model}-strength",
            )
            seed = seed_number(0, visible=restores, elem_id=f"{model}-seed")
            button = gr.Button("Restore" if restores else "Smooth", variant="primary", elem_id=f"{model}-restore")
        with gr.Column(scale=3), gr.Row():
            sounds, images = [], []
            for name in versions_of(restores):
                with gr.Column(min_width=240):
                    label = {"coarse": "Coarse spectra", "smooth": "Smooth spectra", "restored": "Restored"}
                    shown = label.get(name, "The recording")
                    sounds.append(
                        gr.Audio(label=shown, interactive=False, buttons=["download"], elem_id=f"{model}-{name}")
                    )
                    images.append(image(f"{shown}: spectrogram", show_label=False, elem_id=f"{model}-{name}-image"))
    event = dict(
        fn=restore, inputs=[preset, speech, given, strength, seed], outputs=[*sounds, *images], **ONE_AT_A_TIME
    )
    button.click(**event)
    return [event]
