"""A canvas to paint on, and painted or uploaded images in a model's shape."""

from typing import Any

import gradio as gr
import numpy as np
from gradio.components.image_editor import EditorValue

from ganzoo.errors import GanzooError
from ganzoo.inference.editing import strokes
from ganzoo.inference.image_files import fitted, read_image_file

# Side of the canvas in pixels, a multiple of 28.
CANVAS = 336
MOST_PIXELS, MOST_LAYERS = 1_500_000, 4


def canvas(
    elem_id: str,
    *,
    side: int = CANVAS,
    brush: gr.Brush | None = None,
    eraser: int = 26,
    height: int = 440,
    label: str = "Paint here",
    show_label: bool = False,
    value: EditorValue | None = None,
    visible: bool = True,
) -> gr.ImageEditor:
    """An editor to paint on, without uploads and layers.

    Args:
        elem_id: of the component.
        side: of the canvas in pixels.
        brush: by default white, or black, for a black canvas.
        eraser: its size in pixels.
        height: of the component in pixels, at most; it is smaller on a phone.
        label: for screen readers.
        show_label: for everyone.
        value: with a background, on which a visitor can paint at once; without one, the brush has to be chosen first.
        visible: whether it is there from the start. It keeps a browser without a GPU busy.
    """
    return gr.ImageEditor(
        value,
        label=label,
        show_label=show_label,
        type="filepath",
        format="png",
        sources=(),
        transforms=(),
        layers=False,
        brush=brush or gr.Brush(default_size=26, colors=["#ffffff", "#000000"], default_color="#ffffff"),
        eraser=gr.Eraser(default_size=eraser),
        canvas_size=(side, side),
        fixed_canvas=True,
        height=f"min({height}px, 105vw)",
        buttons=[],
        visible=visible,
        elem_id=elem_id,
    )


def own_image(elem_id: str) -> gr.Image:
    """An input for an image of the visitor's."""
    return gr.Image(
        label=f"Image, up to {MOST_PIXELS / 1e6:g} megapixels",
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard"],
        height=200,
        elem_id=elem_id,
    )


def blank(background: np.ndarray | None = None) -> EditorValue:
    """The value of an empty canvas: black, or with a background uint8 (height, width, 3)."""
    background = np.zeros((CANVAS, CANVAS, 3), "uint8") if background is None else background
    return {"background": background, "layers": [], "composite": None}


def given_image(painting: Any, path: str | None, shape: tuple[int, int, int], what: str) -> np.ndarray:
    """The uploaded image, or else what is painted on black, uint8 of a model's shape.

    Args:
        painting: the value of a canvas: the paths of its files. Only its layers are read.
        path: of an uploaded image, or None.
        shape: (height, width, channels).
        what: what to do if there is neither, for the error.
    """
    if path:
        return fitted(read_image_file(path, most_pixels=MOST_PIXELS).pixels, shape)
    layers = painting.get("layers") if isinstance(painting, dict) else None
    if not isinstance(layers, list) or not layers:
        raise GanzooError(f"the canvas is empty: {what}")
    if len(layers) > MOST_LAYERS:
        raise GanzooError(f"{len(layers)} layers are more than the page's {MOST_LAYERS}: reload the page")
    result = np.zeros(shape, "float32")
    for path in layers:
        layer = path if isinstance(path, np.ndarray) else read_image_file(path, most_pixels=MOST_PIXELS).pixels
        painted, opacity, _ = strokes(layer, shape)
        result = result * (1 - opacity[..., None]) + painted * opacity[..., None]
    return np.rint(result).astype("uint8")
