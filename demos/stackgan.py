"""The page of the models that draw sentences: a text, its images, and the way from one text to another."""

import gradio as gr

from ganzoo.errors import GanzooError
from ganzoo.inference import grid

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
# Images of a walk, both ends among them: one for each place of the slider.
_STEPS = 11
_EXAMPLES = (
    "a red heart",
    "a yellow smiling face",
    "a green apple",
    "a blue circle",
    "the flag of france",
    "a cat",
    "a clock",
)


@shown_errors
def draw(preset, text, count, seed):
    """Stage-I's images of a text (hidden for a model without stages), the model's, and their file."""
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
def walk(preset, first, second, place, seed):
    """The image at a place, in [0, 1], of the way from one text to another, and the file of the whole way."""
    first, second = _checked(first), _checked(second)
    place = finite_number(place, "the place on the way", 0.0, 1.0)
    seed = whole_number(seed, "the seed", 0, LARGEST_SEED)
    model = loaded(preset)
    _show_cut(model, first, second)
    strip = model.interpolate(first, second, _STEPS, seed)
    return enlarged(strip[round(place * (_STEPS - 1))], 280), as_file(
        grid(strip, columns=_STEPS), f"{preset}-walk-seed{seed}.png"
    )


def _show_cut(model, *texts):
    """Tells the visitor of texts that are longer than what the model reads."""
    cut_message = getattr(model.text_encoder, "cut_message", None)
    if cut_message and (message := cut_message(list(texts))):
        shown_warning(message)


def _checked(text):
    if not isinstance(text, str) or len(text) > MOST_CHARACTERS:
        raise GanzooError(f"a text has up to {MOST_CHARACTERS} characters")
    return text


def page(model):
    """Puts the page into the surrounding `gr.Blocks`; returns the events of its first event."""
    preset = preset_choice(model)
    with gr.Row():
        with gr.Column(scale=1):
            text = _textbox(_EXAMPLES[0], "Draw", f"{model}-text")
            examples(_EXAMPLES, text)
            count = gr.Slider(1, MOST_IMAGES, 9, step=1, label="Images", elem_id=f"{model}-count")
            seed = seed_number(0, elem_id=f"{model}-seed")
            button = gr.Button("Draw", variant="primary", elem_id=f"{model}-draw")
            file = gr.DownloadButton("Download", elem_id=f"{model}-download")
        # Narrow enough for the two stages to stay side by side.
        stage1 = image("Stage-I", elem_id=f"{model}-stage1", visible=False, scale=2, min_width=240)
        images = image("Images", elem_id=f"{model}-images", scale=2, min_width=240)
    gr.Markdown("## From one sentence to another\nThe same noise all the way.")
    with gr.Row():
        with gr.Column(scale=1):
            first = _textbox("a red heart", "From", f"{model}-first")
            second = _textbox("a blue heart", "To", f"{model}-second")
            place = gr.Slider(0, 1, 0.5, step=0.1, label="Position", elem_id=f"{model}-place")
            walk_file = gr.DownloadButton("Download the strip", elem_id=f"{model}-walk-download")
        between = image("Between", show_label=False, elem_id=f"{model}-between", scale=2)
    event = dict(fn=draw, inputs=[preset, text, count, seed], outputs=[stage1, images, file], **ONE_AT_A_TIME)
    walking = dict(fn=walk, inputs=[preset, first, second, place, seed], outputs=[between, walk_file], **ONE_AT_A_TIME)
    button.click(**event)
    for one in (text, seed):
        one.submit(**event)
    preset.change(**event)
    place.release(**walking)
    for one in (first, second, seed):
        one.submit(**walking)
    preset.change(**walking)
    return [event, walking]


def _textbox(value, label, element):
    return gr.Textbox(value, label=label, max_lines=1, max_length=MOST_CHARACTERS, elem_id=element)
