"""A training run on images as HTML: crisp at any size, in the colors of a light or dark page."""

import html
import io
from typing import Any

import numpy as np
from PIL import Image

from ganzoo.inference import grid

from .common import data_url
from .lab_svg import curve_panel, opinion_color

COLUMNS = 6
# Side of an image and height of the bar below it, in units of the SVG.
_SIDE, _BAR = 58, 6


def render(
    model: Any,
    images: np.ndarray,
    real: np.ndarray,
    of_fake: np.ndarray,
    of_real: np.ndarray,
    history: list[dict[str, Any]],
) -> str:
    """A training run as HTML: generated and real images with the discriminator's opinions, and curves.

    Args:
        model: that trains.
        images, real: uint8 (count, height, width, channels).
        of_fake, of_real: the discriminator's opinions of them.
        history: of the run.
    """
    raw = not model.loss.gives_probabilities
    scores = np.concatenate([of_fake, of_real])
    low, high = (float(scores.min()), float(scores.max())) if raw else (0.0, 1.0)
    shown = (
        ("Generated images", images, of_fake),
        ("Real images", real, of_real),
    )
    sheets = "".join(
        f"<div><p><b>{title}</b> · average output of D: <b>{values.mean():.2f}</b></p>"
        f"{_sheet(title, pixels, values, low, high)}</div>"
        for title, pixels, values in shown
    )
    names = ("D(x), raw", "D(G(z)), raw") if raw else ("D(x)", "D(G(z))")
    measured = [entry for entry in history if "frechet_distance" in entry]
    panels = [
        curve_panel(history, ("d_loss", "g_loss"), ("loss of D", "loss of G")),
        curve_panel(history, ("d_real", "d_fake"), names),
        curve_panel(measured, ("frechet_distance",), ("Fréchet distance",)),
    ]
    return (
        f'<div class="lab-game live" data-step="{model.steps}"><div class="sheets">{sheets}</div>'
        f'<div class="curves">{"".join(panels)}</div></div>'
    )


def _sheet(title: str, images: np.ndarray, opinions: np.ndarray, low: float, high: float) -> str:
    """Images in rows, each above a bar whose color and length tell the discriminator's opinion."""
    rows = -(-len(images) // COLUMNS)
    width, height = COLUMNS * _SIDE, rows * (_SIDE + _BAR)
    parts = []
    for i, opinion in enumerate(np.clip((opinions - low) / max(high - low, 1e-6), 0, 1)):
        x, y = i % COLUMNS * _SIDE, i // COLUMNS * (_SIDE + _BAR)
        parts.append(
            f'<rect x="{x + 1}" y="{y + _SIDE - 1}" width="{max(1.0, (_SIDE - 4) * opinion):.0f}" height="{_BAR - 1}" '
            f'fill="{opinion_color(opinion)}"><title>D = {opinions[i]:.2f}</title></rect>'
        )
    sheets = []
    for start in range(0, len(images), COLUMNS):
        row = images[start : start + COLUMNS]
        sheets.append(
            f'<image href="{_png(grid(row, columns=len(row), gap=0))}" x="0" y="{start // COLUMNS * (_SIDE + _BAR)}" '
            f'width="{len(row) * _SIDE}" height="{_SIDE - 2}" preserveAspectRatio="none" '
            'style="image-rendering: pixelated"/>'
        )
    label = html.escape(f"{title}; the discriminator's output is {opinions.mean():.2f} on average")
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}">{"".join(sheets)}{"".join(parts)}</svg>'
    )


def _png(image: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, "PNG", compress_level=1)
    return data_url(buffer.getvalue())
