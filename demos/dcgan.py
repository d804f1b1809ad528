"""The page of the unconditional image models: a grid from a seed, an interpolation between two seeds."""

from typing import Any

import gradio as gr
import numpy as np

from ganzoo.inference import grid
from ganzoo.inference.latent import slerp

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

MOST_IMAGES = 144


@shown_errors
def generate(preset: str, seed: int, count: int) -> tuple[np.ndarray, str]:
    """A grid of samples and its file."""
    seed = whole_number(seed, "the seed", 0, LARGEST_SEED)
    count = whole_number(count, "the number of images", 1, MOST_IMAGES)
    sheet = grid(loaded(preset).generate(count, seed=seed))
    return enlarged(sheet), as_file(sheet, f"{preset}-seed{seed}.png")


@shown_errors
def walk(preset: str, first: int, second: int, position: float) -> tuple[np.ndarray, np.ndarray, str]:
    """The image at a position of the interpolation, nine steps of it as a strip, and the strip's file."""
    model = loaded(preset)
    ends = [whole_number(seed, "the seed", 0, LARGEST_SEED) for seed in (first, second)]
    start, end = (model.latents(1, seed=seed)[0] for seed in ends)
    positions = np.append(np.linspace(0.0, 1.0, 9), finite_number(position, "the position", 0, 1))
    images = model.generate(latents=slerp(start, end, positions))
    strip = grid(images[:-1], columns=9)
    return enlarged(images[-1], 280), enlarged(strip, 900), as_file(strip, f"{preset}-walk{ends[0]}-{ends[1]}.png")


def page(model: str) -> list[dict[str, Any]]:
    """Adds the page to the surrounding `gr.Blocks` and returns the events to run when it is first shown."""
    preset = preset_choice(model)
    with gr.Row():
        with gr.Column(scale=1):
            seed = seed_number(0, elem_id=f"{model}-seed")
            count = gr.Slider(1, MOST_IMAGES, 64, step=1, label="Images", elem_id=f"{model}-count")
            button = gr.Button("Generate", variant="primary", elem_id=f"{model}-generate")
            sheet_file = gr.DownloadButton("Download the grid", elem_id=f"{model}-download")
        sheet = image("Samples", show_label=False, elem_id=f"{model}-grid", scale=2)
    gr.Markdown("### Interpolation between two seeds\nSpherical interpolation of two latent vectors.")
    with gr.Row():
        with gr.Column(scale=1):
            first, second = seed_number(1, "From seed"), seed_number(2, "To seed")
            position = gr.Slider(0, 1, 0.5, step=0.01, label="Position", elem_id=f"{model}-position")
            strip_file = gr.DownloadButton("Download the strip")
        sample = image("Sample", elem_id=f"{model}-here", scale=2)
    strip = image("Interpolation", show_label=False, elem_id=f"{model}-strip")

    event = dict(fn=generate, inputs=[preset, seed, count], outputs=[sheet, sheet_file], **ONE_AT_A_TIME)
    walking = dict(
        fn=walk, inputs=[preset, first, second, position], outputs=[sample, strip, strip_file], **ONE_AT_A_TIME
    )
    button.click(**event)
    seed.submit(**event)
    for part in (first, second, position):
        part.change(**walking, trigger_mode="always_last", show_progress="hidden")
    preset.change(**event).then(**walking)
    return [event, walking]
