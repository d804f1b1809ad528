"""A game as SVG: crisp at any size, quick to make, in the colors of a light or dark page."""

import html
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ganzoo.lab.data import LIMIT
from ganzoo.lab.playing import arrows

from .common import data_url

if TYPE_CHECKING:
    from ganzoo.lab.game import Frame, Game

# Side of the image of points, height and width of a curve, in units of the SVG.
SIDE, WIDE, HIGH = 360, 174, 64
# Values of a curve; longer histories are thinned out.
_MOST_VALUES = 120
# From the discriminator's "generated" (orange) over undecided to "real" (violet), as PuOr: for the color-blind as well.
_LOW, _HIGH = np.array([230, 126, 34]), np.array([94, 60, 153])
HEAD = """<style>
.lab-game { color: var(--body-text-color); font: 12px system-ui, sans-serif; }
.lab-game { max-width: 520px; margin: 0 auto; }
.lab-game svg { width: 100%; height: auto; display: block; }
.lab-game .frame { fill: none; stroke: currentColor; stroke-opacity: .35; }
.lab-game .real { stroke: #1d4ed8; } .lab-game .fake { stroke: #dc2626; } .lab-game .push { stroke: #dc2626; }
.dark .lab-game .real { stroke: #60a5fa; } .dark .lab-game .fake, .dark .lab-game .push { stroke: #f87171; }
.lab-game .dots { stroke-width: 4.5; stroke-linecap: round; fill: none; }
.lab-game .push { stroke-width: 1; stroke-opacity: .8; fill: none; }
.lab-game .curve { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.lab-game .first { stroke: #2563eb; } .lab-game .second { stroke: #dc2626; }
.dark .lab-game .first { stroke: #60a5fa; } .dark .lab-game .second { stroke: #f87171; }
.lab-game text { fill: currentColor; font-size: 8.5px; }
#lab-games { flex-wrap: wrap; } #lab-games > * { flex: 1 1 300px; min-width: min(300px, 100%); }
#lab-games > #lab-told:not(:has(p)) { display: none; }
#lab-games > #lab-told { flex: 1 1 100%; }
@media (min-width: 1100px) { #lab-games > #lab-told { flex: 1 1 240px; min-width: 240px; } }
#lab-experiments .row { display: grid; grid-template-columns: repeat(2, 1fr); }
@media (min-width: 900px) { #lab-experiments .row { grid-template-columns: repeat(5, 1fr); } }
#lab-told .katex-display { overflow-x: auto; overflow-y: hidden; }
.lab-game .one { fill: #2563eb; } .lab-game .two { fill: #dc2626; }
.dark .lab-game .one { fill: #60a5fa; } .dark .lab-game .two { fill: #f87171; }
.lab-game p { margin: 2px 0 6px; }
.lab-game .settings { display: block; opacity: .75; font-size: 11px; overflow-wrap: anywhere; }
.lab-game.live { max-width: none; } .lab-game .sheets { display: flex; flex-wrap: wrap; gap: 20px; }
.lab-game .sheets > div { flex: 1 1 280px; max-width: 520px; }
.lab-game.live .curves { grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); margin-top: 8px; }
.lab-game .curves { display: grid; grid-template-columns: 1fr 1fr; gap: 6px; }
</style>
<script>
// Screen readers, too, are told which experiment is shown.
new MutationObserver(() => {
    for (const button of document.querySelectorAll("#lab-experiments button[id]"))
        button.setAttribute("aria-pressed", button.classList.contains("primary"));
}).observe(document.documentElement, {subtree: true, childList: true, attributeFilter: ["class"]});
</script>"""


def render(frame: "Frame", game: "Game", name: str) -> str:
    """A game as HTML: its points on the discriminator's surface, a line of numbers, and its curves.

    Args:
        frame: what to show.
        game: with the history.
        name: of the game.
    """
    return (
        f'<div class="lab-game" data-step="{frame.step}"><p><b>{html.escape(name)}</b> · step {frame.step:,}</p>'
        # Below the points, which are then at the same height in both games.
        f"{_points(frame, game)}<p>{_numbers(frame, game)}"
        f'<span class="settings">{html.escape(_settings(game))}</span></p>{_curves(game)}</div>'
    )


def _settings(game: "Game") -> str:
    """The settings that are not the defaults, e.g. "data=moons, penalties=[r1: weight=2.0]"."""

    def shown(value: Any) -> str:
        if isinstance(value, dict):
            others = ", ".join(f"{name}={shown(one)}" for name, one in value.items() if name != "name")
            return f"{value['name']}: {others}" if others else value["name"]
        if isinstance(value, list):
            return f"[{', '.join(map(shown, value))}]"
        return f"{value:g}" if isinstance(value, float) else str(value)

    found = game.settings.differing()
    if not isinstance(found.get("data", ""), str):
        found["data"] = "own points"
    return ", ".join(f"{name}={shown(value)}" for name, value in found.items())


def _modes(frame: "Frame", game: "Game") -> str:
    """The modes found, e.g. "3 of 8"; empty for data of one cluster or without clusters."""
    count = 0 if game.data.centers is None else len(game.data.centers)
    return "" if frame.modes is None or count < 2 else f"{frame.modes} of {count}"


def _numbers(frame: "Frame", game: "Game") -> str:
    if frame.has_failed:
        return "The numbers have become infinite: the game is lost. Reset, with smaller learning rates or a penalty."
    modes = _modes(frame, game)
    found = [f"modes found: <b>{modes}</b>"] if modes else []
    found.append(f"distance: <b>{frame.distance:.2f}</b>")
    found.append(f"divergence: <b>{frame.divergence:.2f}</b>")
    if frame.estimate is not None:
        found.append(f"D's estimate: <b>{_two_digits(frame.estimate)}</b>")
    return " · ".join(found)


def _two_digits(value: float) -> str:
    """A number with two digits, without the sign of -0.00."""
    return f"{round(value, 2) + 0.0:.2f}"


def opinion_color(opinion: float) -> str:
    """The color of a discriminator's output, from 0 for generated to 1 for real."""
    red, green, blue = _LOW if opinion < 0.5 else _HIGH
    return f"rgb({red},{green},{blue})"


def _points(frame: "Frame", game: "Game") -> str:
    modes = _modes(frame, game)
    words = f"Real points in blue, generated points in red. Step {frame.step}, distance {frame.distance:.2f}" + (
        f", modes found: {modes}" if modes else ""
    )
    ends = frame.fake + 0.35 * arrows(frame)
    pushes = "".join(
        f"M{x:.0f} {y:.0f}L{a:.0f} {b:.0f}" for (x, y), (a, b) in zip(_placed(frame.fake[::2]), _placed(ends[::2]))
    )
    dots = (
        (name, "".join(f"M{x:.0f} {y:.0f}h0" for x, y in _placed(points)))
        for name, points in (("real", frame.real), ("fake", frame.fake))
    )
    paths = "".join(f'<path class="dots {name}" d="{path}"/>' for name, path in dots)
    return (
        f'<svg viewBox="0 0 {SIDE} {SIDE}" role="img" aria-label="{words}">'
        f'<image href="{_surface(frame, game)}" width="{SIDE}" height="{SIDE}" preserveAspectRatio="none"/>'
        f'{paths}<path class="push" d="{pushes}"/><rect class="frame" x=".5" y=".5" width="{SIDE - 1}" '
        f'height="{SIDE - 1}"/></svg>'
    )


def _placed(points: np.ndarray) -> list[Any]:
    """Points of the plane in the units of the SVG; those out of sight lie on the edge."""
    inside = np.clip(np.nan_to_num(points), -LIMIT, LIMIT)
    return ((inside * (1, -1) + LIMIT) * (SIDE / (2 * LIMIT))).tolist()


def _surface(frame: "Frame", game: "Game") -> str:
    """The discriminator's surface as a small transparent PNG, which the browser smooths."""
    values = np.nan_to_num(frame.surface[::-1])
    if not game.has_probabilities:
        low, high = values.min(), values.max()
        values = (values - low) / max(high - low, 1e-6)
    colors = np.where(values[..., None] < 0.5, _LOW, _HIGH)
    strength = 170 * np.abs(2 * values - 1)
    pixels = np.concatenate([colors, strength[..., None]], axis=-1).astype("uint8")
    buffer = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(buffer, "PNG", compress_level=1)
    return data_url(buffer.getvalue())


def _curves(game: "Game") -> str:
    history = game.history
    real, fake = ("D(x)", "D(G(z))") if game.has_probabilities else ("D(x), raw", "D(G(z)), raw")
    panels = [
        curve_panel(history, ("distance",), ("distance",)),
        curve_panel(history, ("divergence", "estimate"), ("divergence", "D's estimate")),
        curve_panel(history, ("d_loss", "g_loss"), ("loss of D", "loss of G")),
        curve_panel(history, ("d_real", "d_fake"), (real, fake)),
    ]
    return f'<div class="curves">{"".join(panels)}</div>'


def curve_panel(history: Sequence[dict[str, Any]], keys: tuple[str, ...], names: tuple[str, ...]) -> str:
    """One or two curves of a history, with their names and last values."""
    thinned = list(history[:: max(1, len(history) // _MOST_VALUES)])
    if history and thinned[-1] is not history[-1]:
        thinned.append(history[-1])
    columns = [np.array([_number(entry.get(key)) for entry in thinned]) for key in keys]
    finite = np.concatenate([column[np.isfinite(column)] for column in columns])
    if not len(finite):
        return ""
    low, high = min(float(finite.min()), 0.0), max(float(finite.max()), 1e-3)
    steps = np.array([entry["step"] for entry in thinned], "float64")
    across = (steps - steps[0]) / max(steps[-1] - steps[0], 1) * WIDE
    paths, words = [], []
    for column, name, style, color in zip(columns, names, ("first", "second"), ("one", "two")):
        known = np.isfinite(column)
        if not known.any():
            continue
        heights = HIGH - 2 - (column[known] - low) / (high - low) * (HIGH - 20)
        points = " ".join(f"{x:.0f},{y:.1f}" for x, y in zip(across[known], heights))
        paths.append(f'<polyline class="curve {style}" points="{points}"/>')
        words.append(f'<tspan class="{color}">{name} {_two_digits(column[known][-1])}</tspan>')
    label = html.escape(", ".join(names))
    return (
        f'<svg viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="Curves: {label}"><rect class="frame" x=".5" y=".5" '
        f'width="{WIDE - 1}" height="{HIGH - 1}"/><text x="5" y="13">{" · ".join(words)}</text>{"".join(paths)}</svg>'
    )


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
