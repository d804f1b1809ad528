"""The page of the text-to-image models: images of a text, an interpolation between two texts, and faces of avatars with
other attributes."""

from typing import Any

import gradio as gr
import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.inference import grid

from . import attributes
from .common import (
    LARGEST_SEED,
    ONE_AT_A_TIME,
    as_file,
    enlarged,
    examples,
    finite_number,
    image,
    loaded,
    preset_choice,
    seed_number,
    shown_errors,
    shown_warning,
    whole_number,
)

MOST_CHARACTERS, MOST_IMAGES = 200, 16
# Images of an interpolation, including both ends: one for each position of the slider.
_STEPS = 11
_EXAMPLES = (
    "a smiling man with a beard and round glasses in a red hoodie",
    "a sad woman with long blond hair and sunglasses",
    "a bald man with a mustache, glasses and dark skin",
    "a screaming person with a pink afro wearing green overalls",
    "a serious woman who has a gray bun and wears a black shirt",
)
_ENDS = ("a man with a beard in a red hoodie", "a woman with a pink bob in a red hoodie")


@shown_errors
def generate(preset: str, text: str, count: int, seed: int) -> tuple[dict[str, Any], np.ndarray, str]:
    """The Stage-I images of a text (hidden for one-stage models), the final images, and their file."""
    text = _checked(text)
    count = whole_number(count, "the number of images", 1, MOST_IMAGES)
    seed = whole_number(seed, "the seed", 0, LARGEST_SEED)
    model = loaded(preset)
    _show_cut(model, text)
    captions = [text] * count
    if getattr(model, "factor", 1) > 1:
        small, images = model.generate_both_stages(captions, seed=seed)
        stage1 = gr.update(value=enlarged(grid(small)), visible=True)
    else:
        images = model.generate(captions=captions, seed=seed)
        stage1 = gr.update(value=None, visible=False)
    sheet = grid(images)
    return stage1, enlarged(sheet), as_file(sheet, f"{preset}-seed{seed}.png")


@shown_errors
def walk(preset: str, first: str, second: str, position: float, seed: int) -> tuple[np.ndarray, str]:
    """The image at a position in [0, 1] between two texts, and a file of the whole interpolation."""
    first, second = _checked(first), _checked(second)
    position = finite_number(position, "the position", 0.0, 1.0)
    seed = whole_number(seed, "the seed", 0, LARGEST_SEED)
    model = loaded(preset)
    _show_cut(model, first, second)
    strip = model.interpolate(first, second, _STEPS, seed)
    return enlarged(strip[round(position * (_STEPS - 1))], 280), as_file(
        grid(strip, columns=_STEPS), f"{preset}-walk-seed{seed}.png"
    )


def _show_cut(model: Any, *texts: str) -> None:
    """Warns about texts that the text encoder truncates."""
    cut_message = getattr(model.text_encoder, "cut_message", None)
    if cut_message and (message := cut_message(list(texts))):
        shown_warning(message)


def _checked(text: Any) -> str:
    if not isinstance(text, str) or len(text) > MOST_CHARACTERS:
        raise GanzooError(f"a text may have up to {MOST_CHARACTERS} characters")
    return text


def page(model: str) -> list[dict[str, Any] | tuple[dict[str, Any], ...]]:
    """Adds the page to the surrounding `gr.Blocks` and returns the events to run when it is first shown."""
    preset = preset_choice(model)
    with gr.Row():
        with gr.Column(scale=1):
            text = _textbox(_EXAMPLES[0], "Text", f"{model}-text")
            examples(_EXAMPLES, text)
            count = gr.Slider(1, MOST_IMAGES, 9, step=1, label="Images", elem_id=f"{model}-count")
            seed = seed_number(0, elem_id=f"{model}-seed")
            button = gr.Button("Generate", variant="primary", elem_id=f"{model}-generate")
            file = gr.DownloadButton("Download", elem_id=f"{model}-download")
        # Narrow enough for the two stages to stay side by side.
        stage1 = image("Stage-I", elem_id=f"{model}-stage1", visible=False, scale=2, min_width=240)
        images = image("Images", elem_id=f"{model}-images", scale=2, min_width=240)
    gr.Markdown("### Interpolation between two texts\nWith the same noise throughout.")
    with gr.Row():
        with gr.Column(scale=1):
            first = _textbox(_ENDS[0], "From", f"{model}-first")
            second = _textbox(_ENDS[1], "To", f"{model}-second")
            position = gr.Slider(0, 1, 0.5, step=0.1, label="Position", elem_id=f"{model}-place")
            walk_file = gr.DownloadButton("Download the strip", elem_id=f"{model}-walk-download")
        between = image("Between", show_label=False, elem_id=f"{model}-between", scale=2)
    event = dict(fn=generate, inputs=[preset, text, count, seed], outputs=[stage1, images, file], **ONE_AT_A_TIME)
    walking = dict(
        fn=walk, inputs=[preset, first, second, position, seed], outputs=[between, walk_file], **ONE_AT_A_TIME
    )
    button.click(**event)
    for field in (text, seed):
        field.submit(**event)
    preset.change(**event)
    position.release(**walking)
    for field in (first, second, seed):
        field.submit(**walking)
    preset.change(**walking)
    return [event, walking, *attributes.sections(model, preset)]


def _textbox(value: str, label: str, element: str) -> gr.Textbox:
    return gr.Textbox(value, label=label, max_lines=1, max_length=MOST_CHARACTERS, elem_id=element)
