"""The page of voice conversion: record or upload speech, then hear and see it in the other voice."""

from typing import Any

import gradio as gr
import numpy as np

from ganzoo.errors import unknown

from .common import ONE_AT_A_TIME, directions_of, domains_of, examples, image, loaded, preset_choice, shown_errors
from .files import stem
from .sounds import example_recording, example_vowels, has_example, recording, spectrogram_of, waveform, written

MOST_SECONDS = 30
# What the example recordings say.
DIGITS = "4 0 7"


@shown_errors
def convert(
    preset: str, direction: str, path: str | None
) -> tuple[str, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The converted speech, and waveform and spectrogram before and after."""
    recorded, rate, _ = recording(path, MOST_SECONDS, "convert")
    model = loaded(preset)
    names = {name: key for key, name in model.directions.items()}
    if direction not in names:
        raise unknown("direction", direction, names)
    sound = recorded.mean(axis=1)
    converted = model.convert(sound, rate, names[direction], progress=False)
    # Players clip values above 1.
    shown = converted / max(1.0, float(np.abs(converted).max()))
    file = written(shown, rate, f"{stem(str(path))}-{direction}")
    return file, waveform(sound), spectrogram_of(sound, rate), waveform(converted), spectrogram_of(converted, rate)


def example_names(preset: str) -> list[str]:
    """What can be converted without a recording: generated digits in the model's voices, and synthetic vowels."""
    voices = [name for name in domains_of(preset) if has_example(f"digits_{name}")]
    return [*(f"{DIGITS} as {name}" for name in voices), "synthetic vowels"]


def example(name: str) -> str:
    """The path of an example."""
    _, _, voice = name.partition(" as ")
    return example_recording(f"digits_{voice}") if voice else example_vowels()


def page(model: str) -> list[dict[str, Any]]:
    """Adds the page to the surrounding `gr.Blocks` and returns the events to run when it is first shown."""
    preset = preset_choice(model)
    directions = directions_of(preset.value)
    with gr.Row():
        with gr.Column(scale=1):
            speech = gr.Audio(
                label=f"Speech of one of the two voices, up to {MOST_SECONDS} seconds",
                type="filepath",
                sources=["upload", "microphone"],
                buttons=["download"],
                elem_id=f"{model}-speech",
            )
            examples(example_names(preset.value), speech, example)
            # Presets have different voices.
            direction = gr.Radio(directions, value=directions[0], label="Direction", elem_id=f"{model}-direction")
            button = gr.Button("Convert", variant="primary", elem_id=f"{model}-convert")
            gr.Markdown("Convert and publish the voice of a person only with their consent.")
        with gr.Column(scale=2):
            converted = gr.Audio(
                label="Converted", interactive=False, buttons=["download"], elem_id=f"{model}-converted"
            )
            before = [
                image(f"{name} before", show_label=True, elem_id=f"{model}-before-{name.lower()}")
                for name in ("Waveform", "Spectrogram")
            ]
            after = [
                image(f"{name} after", show_label=True, elem_id=f"{model}-after-{name.lower()}")
                for name in ("Waveform", "Spectrogram")
            ]

    @shown_errors
    def choose(name: str) -> gr.Radio:
        found = directions_of(name)
        return gr.Radio(found, value=found[0])

    outputs = [converted, *before, *after]

    @shown_errors
    def first() -> Any:
        """The first example, converted."""
        path = example(example_names(preset.value)[0])
        return path, *convert(preset.value, directions[0], path)

    button.click(convert, [preset, direction, speech], outputs, **ONE_AT_A_TIME)
    preset.change(choose, [preset], [direction], api_visibility="private")
    return [dict(fn=first, inputs=None, outputs=[speech, *outputs], **ONE_AT_A_TIME)]
