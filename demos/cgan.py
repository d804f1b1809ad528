"""The conditional GAN's page: the classes one asks for, in as many hands as one likes."""

import reprlib

import gradio as gr

from ganzoo.errors import GanzooError
from ganzoo.inference import grid

from .common import (
    LARGEST_SEED,
    ONE_AT_A_TIME,
    as_file,
    enlarged,
    loaded,
    picture,
    preset_choice,
    seed_number,
    shown_errors,
    whole_number,
)

MOST_CLASSES, MOST_ROWS = 16, 8


@shown_errors
def draw(preset, wanted, seed, rows):
    """A row of the wanted classes, several times over; and its file."""
    seed = whole_number(seed, "the seed", 0, LARGEST_SEED)
    rows = whole_number(rows, "the number of rows", 1, MOST_ROWS)
    model = loaded(preset)
    labels = _labels(wanted, model.classes)
    sheet = grid(model.generate(len(labels) * rows, labels=labels * rows, seed=seed), columns=len(labels))
    return enlarged(sheet), as_file(sheet, f"{preset}-{''.join(map(str, labels))}-seed{seed}.png")


def _labels(wanted, classes):
    """The classes of a text: digits one by one, or numbers with spaces or commas between."""
    words = str(wanted or "").replace(",", " ").split()
    if classes <= 10:
        words = [character for word in words for character in word]
    if not 1 <= len(words) <= MOST_CLASSES:
        raise GanzooError(f"ask for 1 to {MOST_CLASSES} classes, got {len(words)}")
    # Python refuses to convert thousands of digits.
    if not all(word.isascii() and word.isdigit() and len(word) < 10 and int(word) < classes for word in words):
        raise GanzooError(f"classes are whole numbers from 0 to {classes - 1}, got {reprlib.repr(wanted)}")
    return [int(word) for word in words]


def page(model):
    """Puts the page into the surrounding `gr.Blocks`; returns the events of its first drawing."""
    preset = preset_choice(model)
    with gr.Row():
        with gr.Column(scale=1):
            wanted = gr.Textbox("0123456789", label="Draw the classes", max_lines=1, elem_id=f"{model}-wanted")
            seed = seed_number(0, elem_id=f"{model}-seed")
            rows = gr.Slider(1, MOST_ROWS, 4, step=1, label="Rows", elem_id=f"{model}-rows")
            button = gr.Button("Draw", variant="primary", elem_id=f"{model}-draw")
            sheet_file = gr.DownloadButton("Download", elem_id=f"{model}-download")
        sheet = picture("Samples", show_label=False, elem_id=f"{model}-grid", scale=2)
    drawing = dict(fn=draw, inputs=[preset, wanted, seed, rows], outputs=[sheet, sheet_file], **ONE_AT_A_TIME)
    button.click(**drawing)
    wanted.submit(**drawing)
    seed.submit(**drawing)
    preset.change(**drawing)
    return [drawing]
