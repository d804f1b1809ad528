"""Games for scripts and notebooks: frames, plots, and side-by-side images."""

import io
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzoo.errors import GanzooError, missing_package
from ganzoo.inference.sampling import checked_seconds, save_animation, save_image
from ganzoo.lab.data import LIMIT
from ganzoo.lab.prepared import Experiment, experiments
from ganzoo.lab.settings import Settings
from ganzoo.types import PathLike

if TYPE_CHECKING:
    from ganzoo.lab.game import Frame, Game

BLUE, RED = "#2563eb", "#dc2626"


@dataclass(frozen=True)
class Played:
    """A game that was played.

    Attributes:
        name: of the game, for titles.
        game: the `Game`, which can be trained further.
        frames: its frames.
    """

    name: str
    game: "Game"
    frames: "list[Frame]"

    def figure(self, index: int = -1) -> Any:
        """A matplotlib figure of one frame: the points on the discriminator's surface, and the curves up to it.

        Args:
            index: of the frame; the last by default.

        Raises:
            GanzooError: there is no such frame, or matplotlib is missing.

        Example:
            played = ganzoo.lab.play(units=8, steps=4, frames=2)
            figure = played.figure()
        """
        if not isinstance(index, (int, np.integer)) or not -len(self.frames) <= index < len(self.frames):
            raise GanzooError(f"there are {len(self.frames)} frames, numbered from 0, got {index!r}")
        return _figure([self], index)

    def save(self, path: PathLike, seconds: float = 6.0) -> None:
        """Writes the last frame as a PNG, or all of them as a GIF.

        Args:
            path: a name that ends in .png or .gif.
            seconds: duration of the GIF.

        Raises:
            GanzooError: another ending, or matplotlib is missing.

        Example:
            ganzoo.lab.play(units=8, steps=4, frames=2).save("game.png")
        """
        _save([self], path, seconds)


def play(
    settings: Settings | Mapping[str, Any] | None = None,
    *,
    steps: int = 1000,
    frames: int = 40,
    name: str = "",
    **changes: Any,
) -> Played:
    """Plays a game.

    Args:
        settings: `Settings`, or a mapping of some of them.
        steps: training steps.
        frames: number of frames, evenly spaced, the last at the end.
        name: of the game, for titles; the loss by default.
        **changes: single settings.

    Returns:
        A `Played` with the frames.

    Raises:
        GanzooError: as `Game`, or fewer steps than frames.

    Example:
        played = ganzoo.lab.play(data="moons", units=8, steps=10, frames=2)
        [frame.step for frame in played.frames]     # [5, 10]
    """
    from ganzoo.lab.game import Game

    game = Game(settings, **changes)
    loss = game.settings.loss
    shown = name or str(loss.get("name", "") if isinstance(loss, dict) else loss).replace("_", " ")
    return Played(shown, game, _frames(game, steps, frames))


def _frames(game: "Game", steps: int, frames: int) -> "list[Frame]":
    for what, number in (("steps", steps), ("frames", frames)):
        if not isinstance(number, (int, np.integer)) or isinstance(number, bool) or number < 1:
            raise GanzooError(f"{what} must be a whole number of at least 1, got {number!r}")
    if frames > steps:
        raise GanzooError(f"frames must be at most the number of steps, {steps}, got {frames}")
    ends = np.linspace(0, steps, frames + 1).round().astype(int)
    found = []
    for start, end in itertools.pairwise(ends):
        game.train(int(end - start))
        found.append(game.frame())
    return found


def compare(
    what: str | Experiment | Mapping[str, Mapping[str, Any]],
    path: PathLike | None = None,
    *,
    steps: int | None = None,
    frames: int = 40,
    seconds: float = 6.0,
    **base: Any,
) -> list[Played]:
    """Plays games that differ in some setting, from the same seed, and writes them side by side.

    Args:
        what: name of a prepared experiment, an `Experiment`, or {name of a game: its settings}.
        path: file to write, or None: .png of the last frames, or .gif of all.
        steps: training steps; those of the experiment, or 1,000.
        frames: number of frames.
        seconds: duration of the GIF.
        **base: settings of all games, except for those that the games differ in.

    Returns:
        A `Played` for each game.

    Raises:
        GanzooError: as `play`; an unknown experiment, another ending of the path, or matplotlib is missing.

    Example:
        games = {"minimax": {"loss": "minimax"}, "non-saturating": {}}
        ganzoo.lab.compare(games, "losses.png", steps=4, frames=2, units=8)
    """
    if path is not None:
        _ending(path)
        checked_seconds(seconds)
        _pyplot()
    if isinstance(what, Mapping):
        games = {name: Settings.of(base, **_mapping(name, changes)) for name, changes in what.items()}
    elif not isinstance(what, (str, Experiment)):
        raise GanzooError(f"compare takes the name of an experiment, or {{name: settings}}, got {what!r}")
    else:
        experiment = what if isinstance(what, Experiment) else experiments[what]
        # What the games differ in stays, as of a mapping.
        changed = ({**experiment.base, **base, **changes} for changes in experiment.changes)
        games, steps = dict(zip(experiment.names, changed)), experiment.steps if steps is None else steps
    if not games:
        raise GanzooError("there is no game to compare: give {name: settings}")
    steps = 1000 if steps is None else steps
    played = [play(settings, steps=steps, frames=frames, name=name) for name, settings in games.items()]
    if path is not None:
        _save(played, path, seconds)
    return played


def _mapping(name: str, changes: Any) -> Mapping[str, Any]:
    if not isinstance(changes, Mapping):
        raise GanzooError(f"the settings of the game '{name}' are a mapping, such as {{'units': 8}}, got {changes!r}")
    return changes


def _ending(path: PathLike) -> str:
    ending = Path(path).suffix.lower()
    if ending not in (".png", ".gif"):
        raise GanzooError(f"{path}: an image of games ends in .png, or .gif if it moves")
    return ending


def _save(played: Sequence[Played], path: PathLike, seconds: float) -> None:
    if _ending(path) == ".png":
        save_image(path, _pixels(_figure(played, -1)))
        return
    count = min(len(one.frames) for one in played)
    save_animation(path, [_pixels(_figure(played, i)) for i in range(count)], seconds)


def _pyplot() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise missing_package("matplotlib", "lab", "plots of the laboratory") from None
    return Figure


def _pixels(figure: Any) -> np.ndarray:
    from PIL import Image

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return np.asarray(Image.open(buffer).convert("RGB"))


def _figure(played: Sequence[Played], index: int) -> Any:
    # Not pyplot, which would keep every figure.
    figure = _pyplot()(figsize=(3.4 * len(played), 4.6), dpi=100, layout="constrained")
    axes = figure.subplots(2, len(played), squeeze=False, height_ratios=(3, 1))
    # The same scale for the same quantity.
    distances = [frame.distance for one in played for frame in one.frames]
    # Of games that diverge, none may be finite.
    highest = max(filter(np.isfinite, distances), default=1.0)
    for (above, below), one in zip(axes.T, played):
        frame = one.frames[index]
        _draw_points(above, frame, one.game)
        found = "" if frame.modes is None else f", {frame.modes} modes"
        above.set_title(f"{one.name}\nstep {frame.step:,}{found}", fontsize=9)
        shown = one.frames[: one.frames.index(frame) + 1]
        below.plot([past.step for past in shown], [past.distance for past in shown], color=RED)
        below.set(xlim=(one.frames[0].step, one.frames[-1].step + 1e-3), ylim=(0, 1.05 * highest or 1))
        below.set_xlabel("step", fontsize=8)
        below.tick_params(labelsize=7)
        below.spines[["top", "right"]].set_visible(False)
    axes[1, 0].set_ylabel("Wasserstein\ndistance", fontsize=8)
    return figure


def _draw_points(axis: Any, frame: "Frame", game: "Game") -> None:
    low, high = (0, 1) if game.has_probabilities else (frame.surface.min(), frame.surface.max())
    extent = (-LIMIT, LIMIT, -LIMIT, LIMIT)
    axis.imshow(
        frame.surface,
        origin="lower",
        extent=extent,
        cmap="PuOr",
        vmin=low,
        vmax=high,
        alpha=0.55,
        interpolation="bilinear",
    )
    axis.scatter(*frame.real.T, s=4, color=BLUE, linewidths=0)
    axis.scatter(*frame.fake.T, s=4, color=RED, linewidths=0)
    ends = 0.5 * arrows(frame)
    axis.quiver(*frame.fake[::4].T, *ends[::4].T, angles="xy", scale_units="xy", scale=1, width=0.004, color=RED)
    axis.set(xlim=extent[:2], ylim=extent[2:], xticks=[], yticks=[], aspect="equal")


def arrows(frame: "Frame") -> np.ndarray:
    """The gradients as arrows (256, 2) with a length of at most 1; those below a thousandth have no length.

    Lengths grow with the logarithm, as gradients differ by orders of magnitude: 0.001 has length 0, 1 or more length 1.

    Example:
        from ganzoo.lab.playing import arrows

        lengths = np.linalg.norm(arrows(ganzoo.lab.Game(units=8).frame()), axis=1)
    """
    strength = np.linalg.norm(frame.gradients, axis=1, keepdims=True)
    length = np.clip(1 + np.log10(np.maximum(strength, 1e-9)) / 3, 0, 1)
    return np.nan_to_num(frame.gradients / np.maximum(strength, 1e-9) * length)
