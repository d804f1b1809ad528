"""DCGAN's page, which every model that draws from noise alone shares: a grid from a seed, a walk between two seeds."""

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
def draw(preset, seed, count):
    """A grid and its file."""
    seed = whole_number(seed, "the seed", 0, LARGEST_SEED)
    count = whole_number(count, "the number of images", 1, MOST_IMAGES)
    sheet = grid(loaded(preset).generate(count, seed=seed))
    return enlarged(sheet), as_file(sheet, f"{preset}-seed{seed}.png")


@shown_errors
def walk(preset, first, second, position):
    """The image at one place of the walk, and the whole walk in nine."""
    model = loaded(preset)
    ends = [whole_number(seed, "the seed", 0, LARGEST_SEED) for seed in (first, second)]
    start, end = (model.latents(1, seed=seed)[0] for seed in ends)
    places = np.append(np.linspace(0.0, 1.0, 9), finite_number(position, "the position", 0, 1))
    images = model.generate(latents=slerp(start, end, places))
    strip = grid(images[:-1], columns=9)
    return enlarged(images[-1], 280), enlarged(strip, 900), as_file(strip, f"{preset}-walk{ends[0]}-{ends[1]}.png")


def page(model):
    """Puts the page into the surrounding `gr.Blocks`; returns the events of its first event."""
    preset = preset_choice(model)
    with gr.Row():
        with gr.Column(scale=1):
            seed = seed_number(0, elem_id=f"{model}-seed")
            count = gr.Slider(1, MOST_IMAGES, 64, step=1, label="Images", elem_id=f"{model}-count")
            button = gr.Button("Draw", variant="primary", elem_id=f"{model}-draw")
            sheet_file = gr.DownloadButton("Download the grid", elem_id=f"{model}-download")
        sheet = image("Samples", show_label=False, elem_id=f"{model}-grid", scale=2)
    gr.Markdown("### From one seed to another\nA walk along the great circle between two latent vectors.")
    with gr.Row():
        with gr.Column(scale=1):
            first, second = seed_number(1, "From seed"), seed_number(2, "To seed")
            position = gr.Slider(0, 1, 0.5, step=0.01, label="Position", elem_id=f"{model}-position")
            strip_file = gr.DownloadButton("Download the walk")
        here = image("Here", elem_id=f"{model}-here", scale=2)
    strip = image("The walk", show_label=False, elem_id=f"{model}-strip")

    event = dict(fn=draw, inputs=[preset, seed, count], outputs=[sheet, sheet_file], **ONE_AT_A_TIME)
    walking = dict(
        fn=walk, inputs=[preset, first, second, position], outputs=[here, strip, strip_file], **ONE_AT_A_TIME
    )
    button.click(**event)
    seed.submit(**event)
    for part in (first, second, position):
        part.change(**walking, trigger_mode="always_last", show_progress="hidden")
    preset.change(**event).then(**walking)
    return [event, walking]
