"""The page of the VAE: a map of two-dimensional latents with images on it, then samples as on other pages."""

import functools
from statistics import NormalDist
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ganzoo.data.embedded import digits
from ganzoo.data.image_files import resized
from ganzoo.errors import GanzooError
from ganzoo.inference import grid

from . import dcgan
from .canvas import blank, canvas, given_image, own_image
from .common import (
    ONE_AT_A_TIME,
    enlarged,
    finite_number,
    image,
    loaded,
    preset_of,
    shown_errors,
    trained_presets,
    whole_number,
)

# Images in a row and column of the map; its side in pixels, at least.
CELLS, SIDE = 20, 840
MOST_CODES = 300
# Of the ten digits: light colors of a palette that color-blind people can tell apart as far as ten can be. Each code is
# also written as its digit.
_COLORS = (
    *("#e69f00", "#56b4e9", "#2fd6a5", "#f0e442", "#5b9dff"),
    *("#ff7a3d", "#f09bd0", "#ffffff", "#b6e05a", "#c9a2ff"),
)
_NORMAL = NormalDist()
_HELP = (
    "### The latent map\n"
    "The decoder turns every point of a plane into an image. The map shows them at the quantiles of the prior, so that "
    "every part of it is equally likely. **Click on it**, or move the two sliders, to see the image at a point. The "
    "small digits are codes: where the encoder puts real handwritten digits of another dataset (UCI)."
)


def maps() -> list[str]:
    """The trained presets whose latents have two dimensions."""
    return [name for name in trained_presets("vae") if preset_of(name).config.arguments.get("latent_dim") == 2]


def latents_at(places: np.ndarray) -> np.ndarray:
    """The latents of places on the map: float32 (count, 2) from quantiles (count, 2), from the left and from the top.

    The second latent grows upwards.
    """
    inside = np.clip(np.asarray(places, "float64"), 0.001, 0.999)
    quantiles = np.stack([inside[:, 0], 1 - inside[:, 1]], axis=1)
    return np.vectorize(_NORMAL.inv_cdf)(quantiles).astype("float32")


def places_of(latents: np.ndarray) -> np.ndarray:
    """The inverse of `latents_at`."""
    quantiles = np.vectorize(_NORMAL.cdf)(np.asarray(latents, "float64"))
    return np.stack([quantiles[:, 0], 1 - quantiles[:, 1]], axis=1)


@functools.lru_cache(maxsize=4)
def _manifold(preset: str) -> np.ndarray:
    """The map without anything on it, uint8 (height, width, 3)."""
    middles = (np.arange(CELLS) + 0.5) / CELLS
    columns, rows = np.meshgrid(middles, middles)
    images = loaded(preset).decode(latents_at(np.stack([columns.ravel(), rows.ravel()], axis=1)))
    return enlarged(grid(images, columns=CELLS, gap=0), SIDE)


@functools.lru_cache(maxsize=4)
def _codes(preset: str) -> tuple[np.ndarray, np.ndarray]:
    """(places, labels) of the embedded digits on the map; none for a model of other images."""
    names, shape = preset_of(preset).config.class_names, loaded(preset).image_shape
    if list(names or ()) != [str(digit) for digit in range(10)] or shape != (28, 28, 1):
        return np.zeros((0, 2)), np.zeros(0, int)
    images, labels = digits()
    # As in MNIST: digits of 20x20 pixels in the middle.
    framed = np.stack([np.pad(resized(one, (20, 20)), ((4, 4), (4, 4), (0, 0))) for one in images[:MOST_CODES]])
    return places_of(loaded(preset).encode(framed)[0]), labels[:MOST_CODES]


def _annotated_map(preset: str, codes: bool, here: np.ndarray) -> np.ndarray:
    """The map with the codes of digits and a ring at a place."""
    sheet = _manifold(preset)
    known = _codes(preset) if codes else (np.zeros((0, 2)), ())
    if len(known[0]):
        sheet = sheet // 3
    shown = Image.fromarray(sheet)
    pen = ImageDraw.Draw(shown)
    font = ImageFont.load_default(size=19)
    width, height = shown.size
    for (x, y), label in zip(*known):
        pen.text((x * width, y * height), str(label), fill=_COLORS[label], font=font, anchor="mm")
    x, y = here * (width, height)
    for radius, color in ((19, "#000000"), (17, "#ff5a1f"), (13, "#000000")):
        pen.ellipse([x - radius, y - radius, x + radius, y + radius], outline=color, width=4)
    return np.asarray(shown)


@shown_errors
def show(preset: str, across: float, down: float, codes: bool) -> tuple[np.ndarray, np.ndarray, str]:
    """The map, the image at a place of it, and the place's latents in words."""
    return _shown(preset, across, down, codes)


@shown_errors
def begun(preset: str, across: float, down: float, codes: bool) -> tuple[Any, ...]:
    """What `show` shows, and an empty canvas."""
    return *_shown(preset, across, down, codes), blank()


def _shown(preset: str, across: float, down: float, codes: bool) -> tuple[np.ndarray, np.ndarray, str]:
    place = np.array([finite_number(across, "the place across", 0, 1), finite_number(down, "the place down", 0, 1)])
    if preset not in maps():
        raise GanzooError("this model's latents have more than two dimensions: choose another one")
    latents = latents_at(place[None])
    told = f"The image at the latents ({latents[0, 0]:.2f}, {latents[0, 1]:.2f})."
    return _annotated_map(preset, codes is True, place), enlarged(loaded(preset).decode(latents)[0], 420), told


@shown_errors
def pick(
    preset: str,
    clicked: gr.SelectData = None,  # type: ignore[assignment]  # a request may lack it
) -> tuple[float, float]:
    """The place that was clicked on the map. The sliders get it, and as they change, `show` runs."""
    if clicked is None or clicked.index is None:
        raise GanzooError("the click has no place: click on the map again")
    height, width = _manifold(preset).shape[:2]
    x, y = (whole_number(value, "the place", 0, 2**16) for value in clicked.index)
    place = np.clip([x / width, y / height], 0, 1)
    return round(float(place[0]), 3), round(float(place[1]), 3)


@shown_errors
def locate(preset: str, painting: Any, path: str | None) -> tuple[float, float]:
    """The place of the code of a painted or uploaded image, for the sliders."""
    model = loaded(preset)
    given = given_image(painting, path, model.image_shape, "paint a digit, or upload an image, then press Place it")
    place = places_of(model.encode(given[None])[0])[0]
    return round(float(place[0]), 3), round(float(place[1]), 3)


def page(model: str) -> list[dict[str, Any]]:
    """Adds the page to the surrounding `gr.Blocks` and returns the events to run when it is first shown."""
    first = _map(model) if maps() else []
    gr.Markdown("### Samples")
    return [*first, *dcgan.page(model)]


def _map(model: str) -> list[dict[str, Any]]:
    gr.Markdown(_HELP)
    with gr.Row():
        sheet = image(
            "Map of the latents: click to see the image at a point", show_label=False, elem_id=f"{model}-map", scale=2
        )
        with gr.Column(scale=1, min_width=300):
            here = image("The image at the ring", show_label=False, elem_id=f"{model}-at")
            told = gr.Markdown("", elem_id=f"{model}-told")
            across = gr.Slider(0, 1, 0.5, step=0.001, label="From left to right", elem_id=f"{model}-across")
            down = gr.Slider(0, 1, 0.5, step=0.001, label="From top to bottom", elem_id=f"{model}-down")
            codes = gr.Checkbox(True, label="Show the codes of handwritten digits", elem_id=f"{model}-codes")
            preset = gr.Dropdown(
                maps(), value=maps()[0], label="Map of", visible=len(maps()) > 1, elem_id=f"{model}-map-preset"
            )
    with gr.Accordion("Place an image of your own on the map", open=False), gr.Row():
        editor = canvas(f"{model}-editor")
        with gr.Column(min_width=280):
            gr.Markdown(
                "Paint a digit in the middle, white on black, or upload an image. The ring moves to its code, and the "
                "image at the ring is its reconstruction."
            )
            own = own_image(f"{model}-own")
            button = gr.Button("Place it", variant="primary", elem_id=f"{model}-place")

    results = [sheet, here, told]
    showing: dict[str, Any] = dict(fn=show, inputs=[preset, across, down, codes], outputs=results, **ONE_AT_A_TIME)
    moved = [part.change for part in (across, down, codes, preset)]
    gr.on(moved, **showing, trigger_mode="always_last", show_progress="hidden")
    # These move the sliders.
    sheet.select(pick, [preset], [across, down], show_progress="hidden", **ONE_AT_A_TIME)
    button.click(locate, [preset, editor, own], [across, down], **ONE_AT_A_TIME)
    # One event: a visitor has few jobs at a time, and the samples below start two more.
    return [dict(fn=begun, inputs=showing["inputs"], outputs=[*results, editor], **ONE_AT_A_TIME)]
