"""The page of translation between two kinds of images: upload an image, translate it, and see it translated back."""

import functools
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from ganzoo.data.decoding import opened_image
from ganzoo.data.image_files import resized
from ganzoo.errors import GanzooError, unknown
from ganzoo.inference import save_image
from ganzoo.inference.image_files import PIXEL_LIMIT, ImageFile, write_image_file
from ganzoo.inference.translation import read_still
from ganzoo.inference.transparency import over_background

from .common import ONE_AT_A_TIME, directions_of, examples, image, loaded, preset_choice, shown_errors, trained_presets
from .files import folder, new_result, stem

MOST_PIXELS = 1_500_000
# Small images are shown enlarged to at least this size.
_SHOWN = 256


@shown_errors
def translate(preset: str, direction: str, path: str | None) -> tuple[np.ndarray, np.ndarray, str]:
    """The translation, its way back, and the file of the translation."""
    if not path:
        raise GanzooError("choose an image first")
    check(path)
    given = read_still(path, MOST_PIXELS)
    model = loaded(preset)
    names = {name: key for key, name in model.directions.items()}
    if direction not in names:
        raise unknown("direction", direction, names)
    there = names[direction]
    translated = model.translate(given.pixels, there, progress=False)
    back = model.translate(translated, next(key for key in model.directions if key != there), progress=False)
    file = new_result(f"{stem(path)}-{direction}.png")
    write_image_file(file, ImageFile(translated, given.extras))
    return _shown(translated), _shown(back), str(file)


def check(path: str | Path) -> None:
    """Checks by its header, without decoding pixels, that the page accepts an image file.

    Raises:
        GanzooError: not an image, or too large for the page.
    """
    with opened_image(path, PIXEL_LIMIT) as found:
        if found.width * found.height > MOST_PIXELS:
            raise GanzooError(
                f"{found.width}x{found.height} is more than the page's limit of {MOST_PIXELS / 1e6:g} megapixels: "
                "make it smaller, or use `ganzoo translate` on the command line"
            )


def _shown(pixels: np.ndarray) -> np.ndarray:
    """An image on white, small ones with larger pixels."""
    pixels = over_background(pixels, (255, 255, 255)) if pixels.shape[2] == 4 else pixels
    times = max(1, _SHOWN // max(pixels.shape[:2]))
    return np.repeat(np.repeat(pixels, times, axis=0), times, axis=1)


@functools.cache
def _examples() -> list[str]:
    """Paths of simple images: a smiling face and a red heart, drawn here, since no emoji ship with the package."""
    y, x = np.mgrid[-1:1:256j, -1:1:256j]
    face = np.full((256, 256, 3), 255.0)
    face[x**2 + y**2 < 0.9] = (252, 194, 27)
    for side in (-0.32, 0.32):
        face[((x - side) / 0.11) ** 2 + ((y + 0.2) / 0.17) ** 2 < 1] = (60, 40, 20)
    face[(x**2 + (y - 0.12) ** 2 < 0.26) & (x**2 + (y - 0.02) ** 2 > 0.26) & (y > 0.1)] = (60, 40, 20)
    heart = np.full((256, 256, 3), 255.0)
    u, v = 1.35 * x, 0.35 - 1.45 * y - 0.25
    heart[(u**2 + v**2 - 0.9) ** 3 - u**2 * v**3 < 0] = (230, 40, 50)
    paths: list[Path] = []
    for name, pixels in (("face", face), ("heart", heart)):
        paths.append(folder() / f"example-{name}.png")
        save_image(paths[-1], resized(pixels.astype("uint8"), (64, 64)))
    return [str(path) for path in paths]


def page(model: str) -> list[dict[str, Any]]:
    """Adds the page to the surrounding `gr.Blocks` and returns the events to run when it is first shown."""
    preset = preset_choice(model)
    directions = directions_of(trained_presets(model)[0])
    with gr.Row():
        with gr.Column():
            given = gr.Image(
                _examples()[0],
                label=f"Image, up to {MOST_PIXELS / 1e6:g} megapixels",
                type="filepath",
                image_mode=None,
                sources=["upload", "clipboard"],
                elem_id=f"{model}-image",
            )
            examples(_examples(), given)
            # Presets may name their sides differently.
            direction = gr.Radio(directions, value=directions[0], label="Direction", elem_id=f"{model}-direction")
            button = gr.Button("Translate", variant="primary", elem_id=f"{model}-translate")
        with gr.Column():
            translated = image("Translation", elem_id=f"{model}-translated")
            file = gr.DownloadButton("Download", elem_id=f"{model}-download")
        with gr.Column():
            back = image("Translated back", elem_id=f"{model}-back")

    @shown_errors
    def choose(name: str) -> gr.Radio:
        found = directions_of(name)
        return gr.Radio(found, value=found[0])

    translating = dict(
        fn=translate, inputs=[preset, direction, given], outputs=[translated, back, file], **ONE_AT_A_TIME
    )
    button.click(**translating)
    preset.change(choose, [preset], [direction], api_visibility="private")
    return [translating]
