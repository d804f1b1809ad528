"""The conditional GAN's page: samples of the classes one asks for, by number or name."""

import gradio as gr

from ganzoo import presets
from ganzoo.errors import GanzooError
from ganzoo.inference import grid

from .common import (
    LARGEST_SEED,
    ONE_AT_A_TIME,
    as_file,
    enlarged,
    image,
    loaded,
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
    labels = _labels(wanted, model)
    sheet = grid(model.generate(len(labels) * rows, labels=labels * rows, seed=seed), columns=len(labels))
    return enlarged(sheet), as_file(sheet, f"{preset}-{''.join(map(str, labels))}-seed{seed}.png")


def _labels(wanted, model):
    """The numbers of the classes in a text: names with commas between; or numbers with commas or spaces between, single
    digits also without. A name that is itself a number means the class of that name."""
    labels = []
    for part in str(wanted or "").split(","):
        words = part.split()
        # What is no list of numbers is a name, which may have spaces.
        if not all(_is_number(word) or _is_name(word, model) for word in words) or _is_name(part.strip(), model):
            words = [part.strip()]
        for word in words:
            digits = _is_number(word) and not _is_name(word, model) and model.classes <= 10
            labels += [_label(one, model) for one in (word[: MOST_CLASSES + 1] if digits else [word])]
        if len(labels) > MOST_CLASSES:
            raise GanzooError(f"ask for at most {MOST_CLASSES} classes")
    if not labels:
        raise GanzooError(f"ask for 1 to {MOST_CLASSES} classes")
    return labels


def _label(word, model):
    if _is_name(word, model):
        return model.class_number(word)
    # Python refuses to convert thousands of digits.
    if _is_number(word) and len(word) < 10 and int(word) < model.classes:
        return int(word)
    if _is_number(word) or all(_is_number(name) for name in model.class_names):
        raise GanzooError(f"classes are whole numbers from 0 to {model.classes - 1}, got '{word[:20]}'")
    return model.class_number(word[:100])


def _is_name(word, model):
    return word.casefold() in {name.casefold() for name in model.class_names}


def _is_number(word):
    return word.isascii() and word.isdigit()


def _numbered(preset):
    """The names of a preset's classes with their numbers, for the page; "" where they say no more than the numbers."""
    # The name may come from a stranger, and no file of that name is opened.
    names = presets.find(preset).config.class_names if preset in presets.preset_files() else []
    numbered = [(str(number), name) for number, name in enumerate(names)]
    return ", ".join(f"{number} {name}" for number, name in numbered if number != name)


@shown_errors
def _info(preset):
    """The box for classes with the names of the preset's."""
    return gr.update(info=_numbered(preset))


def page(model):
    """Puts the page into the surrounding `gr.Blocks`; returns the events of its first event."""
    preset = preset_choice(model)
    with gr.Row():
        with gr.Column(scale=1):
            wanted = gr.Textbox(
                "0123456789",
                label="Classes, by number or name",
                info=_numbered(preset.value),
                max_lines=1,
                elem_id=f"{model}-wanted",
            )
            seed = seed_number(0, elem_id=f"{model}-seed")
            rows = gr.Slider(1, MOST_ROWS, 4, step=1, label="Rows", elem_id=f"{model}-rows")
            button = gr.Button("Draw", variant="primary", elem_id=f"{model}-draw")
            sheet_file = gr.DownloadButton("Download", elem_id=f"{model}-download")
        sheet = image("Samples", show_label=False, elem_id=f"{model}-grid", scale=2)
    event = dict(fn=draw, inputs=[preset, wanted, seed, rows], outputs=[sheet, sheet_file], **ONE_AT_A_TIME)
    button.click(**event)
    wanted.submit(**event)
    seed.submit(**event)
    preset.change(**event)
    preset.change(_info, [preset], [wanted], show_progress="hidden", api_visibility="private")
    return [event]
