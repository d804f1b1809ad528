"""The page of PixelCNN: finishes what a visitor paints, and a grid from a seed."""

import math
import time
from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.inference import grid
from ganzoo.inference.completion import HALVES, half_mask

from .canvas import CANVAS, blank, canvas, given_image, own_image
from .common import (
    LARGEST_SEED,
    ONE_AT_A_TIME,
    as_file,
    enlarged,
    finite_number,
    image,
    loaded,
    preset_choice,
    seed_number,
    shown_errors,
    whole_number,
)

# Models with this page, in one tab.
MODELS = ("pixelcnn", "conditional_pixelcnn")
MOST_COMPLETIONS, MOST_IMAGES, COLUMNS = 36, 64, 6
# The number of completions that are shown first.
FIRST_COUNT = 12
# Seconds from one state of the completions that is shown to the next.
_EVERY = 0.25
_HELP = (
    "Paint a part of a digit, white on black, or upload an image. The half that is kept stays as it is; the model "
    "samples the other one pixel by pixel, several times. What is painted in the other half is ignored."
)
_ANY = "(the model's guess)"


@shown_errors
def finish(
    preset: str, painting: Any, path: str | None, half: str, label: Any, count: int, seed: int, temperature: float
) -> Iterator[tuple[np.ndarray, str | None]]:
    """Yields a grid of completions after each row of pixels, then with its file."""
    seed = whole_number(seed, "the seed", 0, LARGEST_SEED)
    count = whole_number(count, "the number of completions", 1, MOST_COMPLETIONS)
    temperature = finite_number(temperature, "the temperature", 0.1, 2)
    if half not in HALVES:
        raise GanzooError(f"the half to keep is one of {', '.join(HALVES)}")
    model = loaded(preset)
    what = "paint the upper half of a digit, or upload an image, then press Finish"
    given = given_image(painting, path, model.image_shape, what)
    asked = label not in (None, "", _ANY) and hasattr(model, "class_number")
    options = {"labels": model.class_number(str(label)[:100])} if asked else {}
    mask = half_mask(half, model.image_shape)
    repeated = np.repeat(given[None], count, axis=0)
    shown = -math.inf
    for images in model.complete_progressively(repeated, mask, seed, temperature, **options):
        sheet = grid(images, columns=min(count, COLUMNS))
        if time.monotonic() >= shown + _EVERY:
            shown = time.monotonic()
            yield enlarged(sheet), None
    yield enlarged(sheet), as_file(sheet, f"{preset}-completed-seed{seed}.png")


@shown_errors
def generate(preset: str, seed: int, count: int, temperature: float) -> tuple[np.ndarray, str]:
    """A grid of samples, and its file."""
    seed = whole_number(seed, "the seed", 0, LARGEST_SEED)
    count = whole_number(count, "the number of images", 1, MOST_IMAGES)
    temperature = finite_number(temperature, "the temperature", 0.1, 2)
    sheet = grid(loaded(preset).generate(count, seed=seed, temperature=temperature))
    return enlarged(sheet), as_file(sheet, f"{preset}-seed{seed}.png")


@shown_errors
def labels_of(preset: str) -> dict[str, Any]:
    """Updates the choice of a class: hidden for a model without classes."""
    # The choices stay: a request is checked against those that the page was built with.
    return gr.update(visible=hasattr(loaded(preset), "class_number"), value=_ANY)


def _example_layer() -> np.ndarray:
    """The upper half of a digit, a curve."""
    from PIL import Image, ImageDraw

    layer = Image.new("RGBA", (CANVAS, CANVAS))
    pen = ImageDraw.Draw(layer)
    scale = CANVAS / 28
    points = [(x * scale, y * scale) for x, y in ((9, 9), (11, 7), (14, 6), (17, 7), (18.5, 9), (18, 12), (16, 14.5))]
    pen.line(points, fill=(255, 255, 255, 255), width=round(2.2 * scale), joint="curve")
    for x, y in (points[0], points[-1]):
        pen.ellipse([x - scale, y - scale, x + scale, y + scale], fill=(255, 255, 255, 255))
    return np.asarray(layer)


@shown_errors
def example() -> dict[str, Any]:
    """Shows the canvas, with a painting to begin with."""
    return gr.update(value={**blank(), "layers": [_example_layer()]}, visible=True)


@shown_errors
def first(preset: str) -> Iterator[tuple[np.ndarray, str | None]]:
    """The completions of the painting to begin with."""
    yield from finish(preset, {"layers": [_example_layer()]}, None, "top", None, FIRST_COUNT, 0, 1.0)


def page(model: str) -> list[dict[str, Any] | tuple[dict[str, Any], ...]]:
    """Adds the page to the surrounding `gr.Blocks` and returns the events to run when it is first shown."""
    preset = preset_choice(model, also=[other for other in MODELS if other != model])
    gr.Markdown(_HELP)
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            editor = canvas(f"{model}-editor", visible=False)
            with gr.Accordion("Use an image of your own instead", open=False):
                own = own_image(f"{model}-own")
            half = gr.Dropdown(list(HALVES), value="top", label="The half to keep", elem_id=f"{model}-half")
            label = gr.Dropdown(
                [_ANY, *map(str, range(10))],
                value=_ANY,
                label="Class",
                visible=preset.value.startswith("conditional"),
                elem_id=f"{model}-label",
            )
            count = gr.Slider(1, MOST_COMPLETIONS, FIRST_COUNT, step=1, label="Completions", elem_id=f"{model}-count")
            temperature = gr.Slider(0.1, 2, 1, step=0.05, label="Temperature", elem_id=f"{model}-temperature")
            seed = seed_number(0, elem_id=f"{model}-seed")
            button = gr.Button("Finish", variant="primary", elem_id=f"{model}-finish")
            file = gr.DownloadButton("Download", elem_id=f"{model}-download")
        sheet = image("Completions", show_label=False, elem_id=f"{model}-grid", scale=2)
    gr.Markdown("### Without a beginning\nImages sampled from the first pixel on.")
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            images = gr.Slider(1, MOST_IMAGES, 16, step=1, label="Images", elem_id=f"{model}-images")
            start = gr.Button("Generate", elem_id=f"{model}-generate")
            samples_file = gr.DownloadButton("Download the grid", elem_id=f"{model}-download-samples")
        samples = image("Samples", show_label=False, elem_id=f"{model}-samples", scale=2)

    finishing: dict[str, Any] = dict(
        fn=finish,
        inputs=[preset, editor, own, half, label, count, seed, temperature],
        outputs=[sheet, file],
        **ONE_AT_A_TIME,
    )
    generating: dict[str, Any] = dict(
        fn=generate, inputs=[preset, seed, images, temperature], outputs=[samples, samples_file], **ONE_AT_A_TIME
    )
    button.click(**finishing)
    seed.submit(**finishing)
    start.click(**generating)
    preset.change(labels_of, [preset], [label], show_progress="hidden", api_visibility="private")
    completing = dict(fn=first, inputs=[preset], outputs=[sheet, file], **ONE_AT_A_TIME)
    painting = dict(fn=example, inputs=[], outputs=[editor], show_progress="hidden", api_visibility="private")
    # The canvas keeps the browser busy, so it comes after the completions.
    return [(completing, painting), generating]
