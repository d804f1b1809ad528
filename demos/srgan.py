"""The page of the super-resolution models: upload a photo, compare it with the upscaled one, download the result."""

import functools
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from ganzoo.data.decoding import opened_image
from ganzoo.data.image_files import open_image_files, resized
from ganzoo.errors import GanzooError
from ganzoo.inference import save_image
from ganzoo.inference.image_files import PIXEL_LIMIT, ImageFile, read_image_file, write_image_file

from .common import ONE_AT_A_TIME, as_file, examples, image, loaded, preset_choice, shown_errors
from .files import folder, new_result, stem

# The models that share this page.
MODELS = ("srgan", "srresnet")
MOST_PIXELS = 1_500_000
# Longest side of the images shown for comparison; the file has the full size.
_LONGEST_SHOWN = 1600


@shown_errors
def upscale(preset: str, path: str | None, progress: gr.Progress = gr.Progress()) -> tuple[tuple[str, str], str, str]:
    """PNG files: the two of the slider (the photo, the upscaled one), bicubic interpolation, and the result."""
    if not path:
        raise GanzooError("choose a photo first")
    check(path)
    photo = read_image_file(path, most_pixels=MOST_PIXELS)
    model = loaded(preset)
    # Progress in tiles of this image: Gradio's own estimate comes from earlier images of other sizes.
    large = model.upscale(photo.pixels, progress=lambda done, total: progress((done, total), unit="tiles"))
    file = new_result(f"{stem(path)}-{preset}.png")
    write_image_file(file, ImageFile(large, photo.extras))
    small, shown = _shown(photo.pixels), _shown(large)
    before = np.repeat(np.repeat(small, model.scale, axis=0), model.scale, axis=1)
    bicubic = resized(small, shown.shape[:2])
    # Compressing a photo takes as long as upscaling it: the result is not written twice, and the others quickly.
    same = shown is large and _fitting(shown) is shown and not photo.extras
    after = str(file) if same else _to_show(shown, preset)
    return (_to_show(before, f"{preset}-before"), after), _to_show(bicubic, f"{preset}-bicubic"), str(file)


def _to_show(pixels: np.ndarray, name: str) -> str:
    return as_file(_fitting(pixels), f"{name}.png", compress_level=1)


def check(path: str | Path) -> None:
    """Checks by its header, without decoding pixels, that the page accepts an image file.

    Raises:
        GanzooError: not an image, too large for the page, or several frames.
    """
    with opened_image(path, PIXEL_LIMIT) as image:
        if image.width * image.height > MOST_PIXELS:
            raise GanzooError(
                f"{image.width}x{image.height} is more than the page's limit of {MOST_PIXELS / 1e6:g} megapixels: "
                "crop it, or use `ganzoo upscale` on the command line, which has no such limit"
            )
        # The other frames of a camera's MPO file are previews of the same image.
        if image.format != "MPO" and _has_second_frame(image):
            raise GanzooError(f"{Path(path).name} has several frames: choose an image with one")


def _has_second_frame(image: Any) -> bool:
    try:
        image.seek(1)
    except EOFError:
        return False
    return True


def _shown(pixels: np.ndarray) -> np.ndarray:
    """Any photo as uint8 RGB, with transparency on white."""
    if pixels.dtype == np.uint16:
        pixels = np.rint(pixels / 257.0).astype("uint8")
    if pixels.shape[2] in (2, 4):
        share = pixels[..., -1:] / 255.0
        pixels = np.rint(pixels[..., :-1] * share + 255.0 * (1 - share)).astype("uint8")
    return pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)


def _fitting(pixels: np.ndarray) -> np.ndarray:
    longest = max(pixels.shape[:2])
    if longest <= _LONGEST_SHOWN:
        return pixels
    return resized(pixels, tuple(max(1, round(size * _LONGEST_SHOWN / longest)) for size in pixels.shape[:2]))


@functools.cache
def _examples() -> list[str]:
    """Paths of two small photos."""
    paths: list[Path] = []
    for name, pixels in zip(("temple", "flower"), open_image_files("photos").images):
        paths.append(folder() / f"example-{name}.png")
        save_image(paths[-1], resized(pixels[:420, 100:520], (192, 192)))
    return [str(path) for path in paths]


def page(model: str) -> list[dict[str, Any]]:
    """Adds the page to the surrounding `gr.Blocks` and returns the events to run when it is first shown."""
    preset = preset_choice(model, also=[name for name in MODELS if name != model])
    with gr.Row():
        with gr.Column(scale=1):
            photo = gr.Image(
                _examples()[0],
                label=f"Photo, up to {MOST_PIXELS / 1e6:g} megapixels",
                type="filepath",
                image_mode=None,
                sources=["upload", "clipboard"],
                elem_id=f"{model}-photo",
            )
            examples(_examples(), photo)
            button = gr.Button("Upscale", variant="primary", elem_id=f"{model}-upscale")
            file = gr.DownloadButton("Download", elem_id=f"{model}-download")
        with gr.Column(scale=2):
            gr.Markdown("Original and upscaled")
            slider = gr.ImageSlider(
                label="Comparison", show_label=False, format="png", interactive=False, elem_id=f"{model}-slider"
            )
        with gr.Column(scale=2):
            gr.Markdown("Bicubic interpolation")
            bicubic = image("Bicubic interpolation", show_label=False, elem_id=f"{model}-bicubic")
    upscaling = dict(fn=upscale, inputs=[preset, photo], outputs=[slider, bicubic, file], **ONE_AT_A_TIME)
    button.click(**upscaling)
    preset.change(**upscaling)
    return [upscaling]
