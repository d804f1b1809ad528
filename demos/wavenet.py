"""The page of the models that generate speech: choose what to say and who says it, then hear and see it."""

import reprlib
from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np

from ganzoo.data.waveforms import of_length
from ganzoo.errors import GanzooError

from .common import (
    LARGEST_SEED,
    ONE_AT_A_TIME,
    added_model,
    finite_number,
    image,
    loaded,
    preset_choice,
    preset_of,
    seed_number,
    shown_errors,
    whole_number,
)
from .sounds import spectrogram_of, waveform, written

MOST_SOUNDS, MOST_CANDIDATES = 12, 8
# Seconds of a single sound: the longest, what the images have room for from the start, and from an image to the next.
_SECONDS, _USUAL, _EVERY = 1.0, 0.4, 0.1


@shown_errors
def say(
    preset: str, words: str, voice: str, temperature: float, candidates: float, seed: int
) -> Iterator[tuple[str | None, np.ndarray, np.ndarray]]:
    """Yields the sound, its waveform and its spectrogram: the images grow, then the sound follows.

    What grows are the first candidates; the most typical ones replace them.
    """
    seed = whole_number(seed, "the seed", 0, LARGEST_SEED)
    temperature = finite_number(temperature, "the temperature", 0.1, 1.5)
    candidates = whole_number(candidates, "the number of candidates", 1, MOST_CANDIDATES)
    model = loaded(preset)
    labels = _labels(model, words, voice)
    count = max([1, *(len(value) for value in labels.values() if isinstance(value, list))])
    room = round(count * _USUAL * model.sample_rate)
    for sound in model.say_progressively(labels, seed, _SECONDS, temperature, every=_EVERY, candidates=candidates):
        shown = of_length(sound, max(room, len(sound)))
        images = waveform(shown), spectrogram_of(shown, model.sample_rate)
        yield None, *images
    yield written(sound, model.sample_rate, f"{preset}-seed{seed}"), *images


def _labels(model: Any, words: Any, voice: Any) -> dict[str, Any]:
    """The labels of the model: words for the first one, the voice for the second."""
    names = list(model.label_names)
    chosen: dict[str, Any] = {}
    if names:
        parts = [
            part
            for word in str(words or "")[:1000].replace(",", " ").split()
            for part in ([word] if word in model.label_names[names[0]] else list(word))
        ]
        if not 1 <= len(parts) <= MOST_SOUNDS:
            raise GanzooError(f"write 1 to {MOST_SOUNDS} of: {', '.join(model.label_names[names[0]][:20])}")
        chosen[names[0]] = parts
    if len(names) > 1:
        if voice not in model.label_names[names[1]]:
            raise GanzooError(
                f"{names[1]}: {reprlib.repr(voice)} is not one of {', '.join(model.label_names[names[1]])}"
            )
        chosen[names[1]] = voice
    return chosen


@shown_errors
def _defaults(preset: str) -> tuple[Any, Any]:
    """Updates the choice of voices and the number of candidates to those of a preset."""
    names = _label_names(preset)
    voices = names[1][1] if len(names) > 1 else []
    return gr.update(choices=voices, value=voices[0] if voices else None), _candidates(preset)


def _candidates(preset: str) -> int:
    return min(MOST_CANDIDATES, _argument(preset, "candidates") or 1)


def _label_names(preset: str) -> list[tuple[str, list[str]]]:
    return [
        (name, [str(value) for value in values]) for name, values in (_argument(preset, "label_names") or {}).items()
    ]


def _argument(preset: str, name: str) -> Any:
    """An argument of a preset's model, without loading a model of the package; None if there is none."""
    added = added_model(preset)
    arguments = preset_of(preset).config.arguments if added is None else added.arguments
    return arguments.get(name)


def page(model: str) -> list[dict[str, Any]]:
    """Adds the page to the surrounding `gr.Blocks` and returns the events to run when it is first shown."""
    preset = preset_choice(model)
    names = _label_names(preset.value)
    voices = names[1][1] if len(names) > 1 else []
    with gr.Row():
        with gr.Column(scale=1):
            words = gr.Textbox(
                # One sound, since each of its samples takes a step of the network.
                names[0][1][0] if names else "",
                label=f"What to say, up to {MOST_SOUNDS} words",
                info=", ".join(names[0][1][:20]) if names else "",
                max_lines=1,
                elem_id=f"{model}-words",
            )
            voice = gr.Dropdown(voices, value=voices[0] if voices else None, label="Voice", elem_id=f"{model}-voice")
            temperature = gr.Slider(0.1, 1.5, 1.0, step=0.05, label="Temperature", elem_id=f"{model}-temperature")
            candidates = gr.Slider(
                1,
                MOST_CANDIDATES,
                _candidates(preset.value),
                step=1,
                label="Candidates",
                info="Each sound is the most typical of these: clearer, but slower.",
                elem_id=f"{model}-candidates",
            )
            seed = seed_number(0, elem_id=f"{model}-seed")
            button = gr.Button("Say", variant="primary", elem_id=f"{model}-say")
        with gr.Column(scale=2):
            sound = gr.Audio(label="Sound", interactive=False, buttons=["download"], elem_id=f"{model}-sound")
            wave = image("Waveform", show_label=False, elem_id=f"{model}-wave")
            spectrum = image("Spectrogram", show_label=False, elem_id=f"{model}-spectrogram")
    event = dict(
        fn=say,
        inputs=[preset, words, voice, temperature, candidates, seed],
        outputs=[sound, wave, spectrum],
        **ONE_AT_A_TIME,
    )
    button.click(**event)
    words.submit(**event)
    seed.submit(**event)
    preset.change(_defaults, [preset], [voice, candidates], show_progress="hidden", api_visibility="private")
    return [event]
