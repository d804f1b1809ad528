"""A plot of the losses and metrics of a run, updated after every epoch."""

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from ganzoo.errors import first_line
from ganzoo.inference.sampling import save_image
from ganzoo.training.callbacks.record import read_records
from ganzoo.types import PathLike

# Of one panel, in pixels.
_WIDTH, _HEIGHT = 760, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 190, 36, 34
# Colors that color-blind readers can tell apart (Okabe and Ito 2008).
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_TITLES = {"d_real": "D(x)", "d_fake": "D(G(z))"}
# Columns of metrics.jsonl that are no metrics.
_NO_METRICS = ("epoch", "step", "seconds", "cpu_seconds", "gpu_seconds", "images_per_second")


class Curves(keras.callbacks.Callback):
    """Draws the losses, D(x) and D(G(z)), and the other metrics of all epochs so far as a PNG.

    D(x) and D(G(z)) are the discriminator's mean probabilities that real and generated images are real (Goodfellow et
    al. 2014, arXiv:1406.2661): near 1 and 0 when the discriminator wins, near 0.5 when it cannot tell them apart.

    Args:
        path: image to write.
        records: the run's metrics.jsonl, which `Record` writes before.

    Example:
        from ganzoo.training.callbacks import Curves, Record

        model = ganzoo.create("gan", image_shape=(8, 8, 1), generator_widths=(16,), discriminator_widths=(8,))
        model.compile()
        callbacks = [Record("metrics.jsonl"), Curves("curves.png", "metrics.jsonl")]
        model.fit(np.zeros((8, 8, 8, 1), "float32"), batch_size=8, callbacks=callbacks)
    """

    def __init__(self, path: PathLike, records: PathLike):
        super().__init__()
        self.path, self.records = Path(path), Path(records)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        try:
            draw_curves(self.path, read_records(self.records))
        except Exception as error:  # e.g. a full disk: the run goes on
            warnings.warn(f"{self.path} was not updated: {first_line(error)}", stacklevel=2)


def draw_curves(path: PathLike, records: Sequence[dict[str, Any]]) -> None:
    """Draws the metrics of several epochs: one panel for losses, one for D(x) and D(G(z)), one for each other metric.

    Args:
        path: image to write.
        records: dictionaries with `epoch` and metrics, as `read_records` returns them. Nothing is drawn without any.

    Example:
        from ganzoo.training.callbacks.curves import draw_curves

        draw_curves("curves.png", [{"epoch": i, "d_loss": 1 / i, "g_loss": i} for i in range(1, 9)])
    """
    import numpy as np
    from PIL import Image, ImageDraw

    records = [record for record in records if "epoch" in record]
    panels = _panels(records)
    if not panels:
        return
    image = Image.new("RGB", (_WIDTH, _HEIGHT * len(panels)), "white")
    draw = ImageDraw.Draw(image)
    for i, (title, names) in enumerate(panels):
        lines = {
            _TITLES.get(name, name): [(record["epoch"], record[name]) for record in records if name in record]
            for name in names
        }
        _draw_panel(draw, i * _HEIGHT, title, lines, (0.0, 1.0) if "d_real" in names else None)
    save_image(path, np.asarray(image))


def _panels(records: Sequence[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """[(title, names of metrics)] of what is drawn."""
    names = [name for name in dict.fromkeys(key for record in records for key in record) if name not in _NO_METRICS]
    losses = [name for name in names if name.endswith("loss")]
    outputs: list[str] = [name for name in ("d_real", "d_fake") if name in names]
    others = [name for name in names if name not in losses + outputs]
    panels: list[tuple[str, list[str]]]
    panels = [("losses", losses), ("outputs of the discriminator", outputs), *((name, [name]) for name in others)]
    return [(title, shown) for title, shown in panels if shown]


def _draw_panel(draw: Any, top: int, title: str, lines: dict[str, list], limits: tuple[float, float] | None) -> None:
    from PIL import ImageFont

    font = ImageFont.load_default(13)
    points = [(x, y) for line in lines.values() for x, y in line if math.isfinite(y)]
    if not points:
        return
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    low, high = limits or (min(y for _, y in points), max(y for _, y in points))
    if high == low:
        low, high = low - abs(low or 1) / 2, high + abs(high or 1) / 2
    left, right, above, below = _LEFT, _WIDTH - _RIGHT, top + _TOP, top + _HEIGHT - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - first) / (last - first) if last > first else 0.5
        up = (min(max(y, low), high) - low) / (high - low)
        return left + across * (right - left), below - up * (below - above)

    draw.text((left, top + 10), title, "black", font)
    for y in _ticks(low, high):
        height = place(first, y)[1]
        draw.line([(left, height), (right, height)], "#dddddd")
        draw.text((left - 8, height), f"{y:.4g}", "#444444", font, anchor="rm")
    for x in sorted({round(x) for x in _ticks(first, last)} & {*range(first, last + 1)}) or [first]:
        draw.text((place(x, low)[0], below + 6), str(x), "#444444", font, anchor="ma")
    draw.text((right + 26, below + 6), "epoch", "#444444", font)
    draw.rectangle([left, above, right, below], outline="#888888")
    for i, (name, line) in enumerate(lines.items()):
        color = _COLORS[i % len(_COLORS)]
        drawn = [place(x, y) for x, y in line if math.isfinite(y)]
        if len(drawn) > 1:
            draw.line(drawn, color, width=2, joint="curve")
        for x, y in drawn if len(drawn) <= 40 else drawn[-1:]:
            draw.ellipse([x - 2, y - 2, x + 2, y + 2], color)
        height = above + 8 + 20 * i
        draw.line([(right + 10, height), (right + 28, height)], color, width=3)
        latest = f"{line[-1][1]:.4g}" if line else ""
        text = latest if name == title else f"{name[:16]} {latest}"
        draw.text((right + 34, height), text, "black", font, anchor="lm")


def _ticks(low: float, high: float) -> list[float]:
    """About five round numbers from low to high."""
    if not high > low:
        return [low]
    rough = (high - low) / 5
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    begin = math.ceil(low / step - 1e-9)
    return [i * step for i in range(begin, math.floor(high / step + 1e-9) + 1)]
