"""The page of the conditional GAN: samples of chosen classes, by number or name."""

from typing import Any

import gradio as gr
import numpy as np

import ganzoo
from ganzoo.errors import GanzooError
from ganzoo.inference import grid

from .common import (
    LARGEST_SEED,
    ONE_AT_A_TIME,
    added_model,
    as_file,
    enlarged,
    image,
    is_offered,
    loaded,
    preset_choice,
    preset_of,
    seed_number,
    shown_errors,
    whole_number,
)

MOST_CLASSES, MOST_ROWS = 16, 8


@shown_errors
def generate(preset: str, classes: str, seed: int, rows: int) -> tuple[np.ndarray, str]:
    """A grid whose columns are the chosen classes, and its file."""
    seed = whole_number(seed, "the seed", 0, LARGEST_SEED)
    rows = whole_number(rows, "the number of rows", 1, MOST_ROWS)
    model = loaded(preset)
    labels = _labels(classes, model)
    sheet = grid(model.generate(len(labels) * rows, labels=labels * rows, seed=seed), columns=len(labels))
    return enlarged(sheet), as_file(sheet, f"{preset}-{''.join(map(str, labels))}-seed{seed}.png")


def _labels(text: Any, model: "ganzoo.ClassConditionalGeneration") -> list[int]:
    """The class numbers in a text.

    The text lists names separated by commas, or numbers separated by commas or spaces. Single digits need no separator.
    A number that is also a class name means the class of that name.
    """
    labels: list[int] = []
    for part in str(text or "").split(","):
        words = part.split()
        # Anything but a list of numbers is a single name, which may contain spaces.
        if not all(_is_number(word) or _is_name(word, model) for word in words) or _is_name(part.strip(), model):
            words = [part.strip()]
        for word in words:
            digits = _is_number(word) and not _is_name(word, model) and model.classes <= 10
            labels += [_label(one, model) for one in (word[: MOST_CLASSES + 1] if digits else [word])]
        if len(labels) > MOST_CLASSES:
            raise GanzooError(f"choose at most {MOST_CLASSES} classes")
    if not labels:
        raise GanzooError(f"choose 1 to {MOST_CLASSES} classes")
    return labels


def _label(word: str, model: "ganzoo.ClassConditionalGeneration") -> int:
    if _is_name(word, model):
        return model.class_number(word)
    # Python refuses to convert strings of thousands of digits.
    if _is_number(word) and len(word) < 10 and int(word) < model.classes:
        return int(word)
    if _is_number(word) or all(_is_number(name) for name in model.class_names):
        raise GanzooError(f"classes are whole numbers from 0 to {model.classes - 1}, got '{word[:20]}'")
    return model.class_number(word[:100])


def _is_name(word: str, model: "ganzoo.ClassConditionalGeneration") -> bool:
    return word.casefold() in {name.casefold() for name in model.class_names}


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit()


def _numbered(preset: str) -> str:
    """The class names of a preset with their numbers; "" if the names are the numbers themselves."""
    # The name comes from a request: only presets that the page offers are looked up, so no other file is opened.
    names = preset_of(preset).config.class_names if is_offered(preset) else []
    numbered = [(str(number), name) for number, name in enumerate(names)]
    return ", ".join(f"{number} {name}" for number, name in numbered if number != name)


def _first_classes(preset: str) -> str:
    """What the text box begins with: all classes, or as many as the page allows."""
    config, added = preset_of(preset).config, added_model(preset)
    count = int(config.arguments.get("classes", 10) if added is None else added.classes)
    if count <= 10:
        return "".join(map(str, range(count)))
    return ", ".join((list(config.class_names) or [str(number) for number in range(count)])[:MOST_CLASSES])


@shown_errors
def _other_classes(preset: str) -> dict[str, Any]:
    """Updates the text box with the classes of a preset."""
    if not is_offered(preset):
        return gr.skip()
    return gr.update(value=_first_classes(preset), info=_numbered(preset))


def page(model: str) -> list[dict[str, Any]]:
    """Adds the page to the surrounding `gr.Blocks` and returns the events to run when it is first shown."""
    preset = preset_choice(model)
    with gr.Row():
        with gr.Column(scale=1):
            classes = gr.Textbox(
                _first_classes(preset.value),
                label="Classes, by number or name",
                info=_numbered(preset.value),
                max_lines=1,
                elem_id=f"{model}-wanted",
            )
            seed = seed_number(0, elem_id=f"{model}-seed")
            rows = gr.Slider(1, MOST_ROWS, 4, step=1, label="Rows", elem_id=f"{model}-rows")
            button = gr.Button("Generate", variant="primary", elem_id=f"{model}-generate")
            sheet_file = gr.DownloadButton("Download", elem_id=f"{model}-download")
        sheet = image("Samples", show_label=False, elem_id=f"{model}-grid", scale=2)
    event = dict(fn=generate, inputs=[preset, classes, seed, rows], outputs=[sheet, sheet_file], **ONE_AT_A_TIME)
    button.click(**event)
    classes.submit(**event)
    seed.submit(**event)
    preset.change(_other_classes, [preset], [classes], show_progress="hidden", api_visibility="private").then(**event)
    return [event]
