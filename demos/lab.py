"""The page of the laboratory: GANs of points in the plane train while the visitor watches, two side by side."""

import collections
import contextlib
import gc
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

import gradio as gr
import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.inference.image_files import read_image_file
from ganzoo.lab import DISTRIBUTIONS, Experiment, Frame, Game, Settings, experiments
from ganzoo.lab.data import LIMIT

from .common import LARGEST_SEED, Refused, finite_number, seed_number, shown_errors, shown_warning, whole_number
from .lab_drawing import STYLE, drawn

TITLE = "laboratory"
# Visitors whose games are kept, and those whose games may train at the same time: each gets a turn after the other.
MOST_VISITORS, MOST_PLAYING = 12, 4
# Training pauses by itself after this many steps, for a visitor who has gone to lunch.
MOST_STEPS = 20_000
FRAMES_PER_SECOND = 12
_OWN, _CANVAS, _MOST_PIXELS = "own points", 360, 1_000_000
_EVENT: dict[str, Any] = dict(show_progress="hidden", concurrency_limit=None, api_visibility="private")
# Games are built one at a time: that takes a second or two.
_BUILD: dict[str, Any] = dict(concurrency_id="laboratory", concurrency_limit=1, api_visibility="private")
_PENALTIES = ["none", "gradient_penalty", "r1"]
_LOSSES = ["non_saturating", "minimax", "least_squares", "wasserstein", "hinge", "boundary_equilibrium"]
_OF_D = ["spectral_normalization", "minibatch_discrimination", "virtual_batch_normalization"]
_OF_G = ["spectral_normalization", "virtual_batch_normalization"]
_WELCOME = (
    "A generator turns noise into **red** points, a discriminator tells them from the real, **blue** ones. The "
    "background is the discriminator's opinion: violet for real, orange for generated. A red line at a point is the "
    "gradient that it gets. Choose one of the ten experiments, or settings of your own."
)


class Turns:
    """A lock that those who wait get in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: collections.deque[object] = collections.deque()
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        mine = object()
        with self._changed:
            self._waiting.append(mine)
            self._changed.wait_for(lambda: self._waiting[0] is mine)

    def __exit__(self, *error: object) -> None:
        with self._changed:
            self._waiting.popleft()
            self._changed.notify_all()


@dataclass(eq=False)
class Table:
    """The games of one visitor.

    Attributes:
        games: one or two.
        names: of the games.
        speed: steps per frame.
        goal: step at which playing pauses by itself.
        playing: the token of the event that plays, or None.
        used: when the visitor last did something.
    """

    games: list[Game] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    speed: int = 40
    goal: int = MOST_STEPS
    playing: object | None = None
    used: float = 0.0


_tables: dict[str, Table] = {}
_turn = Turns()
_changing = threading.Lock()


def playing() -> int:
    """The number of visitors whose games are training."""
    return sum(table.playing is not None for table in _tables.values())


def _table(request: gr.Request) -> Table:
    """The visitor's table.

    Raises:
        GanzooError: it is gone, because many others came.
    """
    table = _tables.get(request.session_hash or "")
    if table is None or not table.games:
        raise GanzooError("your games were cleared away, because the page was left or many visitors came: press Reset")
    table.used = time.monotonic()
    return table


def _new_table(request: gr.Request) -> Table:
    """The visitor's table, a new one if there is none. The table that was idle longest makes room."""
    with _changing:
        name = request.session_hash or ""
        if name not in _tables and len(_tables) >= MOST_VISITORS:
            idle = [other for other, table in _tables.items() if table.playing is None]
            if not idle:
                raise GanzooError("too many visitors are in the laboratory: try again in a few minutes")
            del _tables[min(idle, key=lambda other: _tables[other].used)]
        table = _tables.setdefault(name, Table())
        table.used, table.playing = time.monotonic(), None
        return table


def left(request: gr.Request) -> None:
    """A visitor has closed the page: the games stop, and their memory is given back."""
    table = _tables.pop(request.session_hash or "", None)
    if table is not None:
        table.playing = None
        table.games, table.frames = [], []
        gc.collect()


# The controls of one game: (setting, label, component). Their values become `Settings` in `_settings`.


def _shared_controls() -> dict[str, Any]:
    """The controls that both games have in common."""
    named = dict.fromkeys(("data", "layers", "units", "noise_size", "batch_size", "optimizer", "seed"))
    with gr.Row():
        named["data"] = gr.Dropdown([*DISTRIBUTIONS, _OWN], value="ring", label="Real data", elem_id="lab-data")
        named["seed"] = seed_number(0, elem_id="lab-seed")
    with gr.Row():
        named["layers"] = gr.Slider(0, 4, 2, step=1, label="Hidden layers", elem_id="lab-layers")
        named["units"] = gr.Slider(2, 128, 64, step=1, label="Units per layer", elem_id="lab-units")
        named["noise_size"] = gr.Slider(1, 32, 8, step=1, label="Noise size", elem_id="lab-noise")
        named["batch_size"] = gr.Slider(8, 256, 64, step=8, label="Batch size", elem_id="lab-batch")
        named["head_start"] = gr.Slider(
            0, 1000, 0, step=10, label="Steps of D before the game", elem_id="lab-head-start"
        )
        named["optimizer"] = gr.Dropdown(
            ["adam", "sgd", "rmsprop"], value="adam", label="Optimizer", elem_id="lab-optimizer"
        )
    return named


def _game_controls(prefix: str) -> dict[str, Any]:
    """The controls of one game."""

    def known(name: str) -> str:
        return f"{prefix}-{name}"

    return {
        "loss": gr.Dropdown(_LOSSES, value="non_saturating", label="Loss", elem_id=known("loss")),
        "smoothing": gr.Slider(
            0, 0.5, 0, step=0.05, label="Label smoothing (cross-entropy)", elem_id=known("smoothing")
        ),
        "penalty": gr.Dropdown(_PENALTIES, value="none", label="Penalty on D's gradient", elem_id=known("penalty")),
        "penalty_weight": gr.Number(1.0, label="Weight of the penalty", elem_id=known("penalty-weight")),
        "discriminator_regularizers": gr.CheckboxGroup(_OF_D, label="Regularizers of D", elem_id=known("of-d")),
        "generator_regularizers": gr.CheckboxGroup(_OF_G, label="Regularizers of G", elem_id=known("of-g")),
        "batch_norm": gr.Dropdown(
            ["none", "generator", "discriminator", "both"],
            value="none",
            label="Batch norm",
            elem_id=known("batch-norm"),
        ),
        "weight_clipping": gr.Number(0, label="Clip D's weights at (0: off)", elem_id=known("clipping")),
        "discriminator_steps": gr.Slider(1, 10, 1, step=1, label="k: steps of D per step of G", elem_id=known("k")),
        "discriminator_rate": gr.Number(0.002, label="Learning rate of D", elem_id=known("d-rate")),
        "generator_rate": gr.Number(0.001, label="Learning rate of G", elem_id=known("g-rate")),
        "instance_noise": gr.Slider(0, 1, 0, step=0.05, label="Instance noise", elem_id=known("instance-noise")),
        "feature_matching": gr.Number(0, label="Feature matching (weight)", elem_id=known("matching")),
        "historical_averaging": gr.Number(0, label="Historical averaging (weight)", elem_id=known("averaging")),
        "conditional": gr.Checkbox(False, label="Give the class to both networks", elem_id=known("conditional")),
    }


_SHARED = ("data", "seed", "layers", "units", "noise_size", "batch_size", "head_start", "optimizer")
_WHOLE = {
    "seed": (0, LARGEST_SEED),
    "layers": (0, 4),
    "units": (2, 128),
    "noise_size": (1, 32),
    "batch_size": (8, 256),
    "head_start": (0, 1000),
    "discriminator_steps": (1, 10),
}
_REAL = {
    "smoothing": (0, 0.5),
    "penalty_weight": (0, 1000),
    "weight_clipping": (0, 10),
    "discriminator_rate": (0, 1),
    "generator_rate": (0, 1),
    "instance_noise": (0, 1),
    "feature_matching": (0, 100),
    "historical_averaging": (0, 100),
}


def _settings(values: dict[str, Any], own: list[list[float]] | None) -> Settings:
    """Settings from the values of the controls, which are checked here: they come from a request."""
    checked = dict(values)
    for name, value in values.items():
        words = name.replace("_", " ")
        if name in _WHOLE:
            checked[name] = whole_number(value, words, *_WHOLE[name])
        elif name in _REAL:
            checked[name] = finite_number(value, words, *_REAL[name])
        elif isinstance(value, Refused):
            raise GanzooError(value.why)
    smoothing, penalty, weight = (checked.pop(name) for name in ("smoothing", "penalty", "penalty_weight"))
    noise = checked.pop("instance_noise")
    if smoothing and checked["loss"] in ("non_saturating", "minimax"):
        checked["loss"] = {"name": checked["loss"], "smoothing": smoothing}
    if checked["data"] == _OWN:
        if not own:
            raise GanzooError("paint points on the canvas below the settings first, then press Reset")
        checked["data"] = own
    return Settings(
        **{**checked, "conditional": bool(checked["conditional"])},
        penalties=[] if penalty == "none" else [{"name": penalty, "weight": weight}],
        augmentations=[{"name": "instance_noise", "deviation": noise}] if noise else [],
    )


def _values(settings: Settings) -> dict[str, Any]:
    """The values of the controls that give these settings: the reverse of `_settings`."""
    values = {one.name: getattr(settings, one.name) for one in fields(settings)}
    loss, penalties, augmentations = (values.pop(name) for name in ("loss", "penalties", "augmentations"))
    loss = loss if isinstance(loss, dict) else {"name": loss}
    penalty = penalties[0] if penalties else {"name": "none", "weight": 1.0}
    return {
        **values,
        "loss": loss["name"],
        "smoothing": loss.get("smoothing", 0.0),
        "penalty": penalty["name"],
        "penalty_weight": penalty["weight"],
        "instance_noise": augmentations[0]["deviation"] if augmentations else 0.0,
    }


def _own_points(painting: Any) -> list[list[float]] | None:
    """What is painted on the canvas as points in the plane, or None. At most 1,000, chosen evenly."""
    layers = painting.get("layers") if isinstance(painting, dict) else None
    if not isinstance(layers, list) or not layers:
        return None
    places = []
    for path in layers[:4]:
        layer = read_image_file(path, most_pixels=_MOST_PIXELS).pixels
        if layer.dtype != np.uint8 or layer.shape[2] != 4:
            raise GanzooError("the painting is not an image with transparency: reload the page")
        rows, columns = np.nonzero(layer[..., 3] > 127)
        height, width = layer.shape[:2]
        places.append(np.stack([columns / width, 1 - rows / height], axis=1))
    points = (np.concatenate(places) * 2 - 1) * LIMIT
    return points[:: max(1, -(-len(points) // 1000))].tolist() if len(points) else None


# Events.


def _shown(table: Table, status: str = "") -> tuple[Any, ...]:
    """The pictures of both games, and the status line."""
    pictures = [drawn(*parts) for parts in zip(table.frames, table.games, table.names)]
    second = gr.update(value=pictures[1], visible=True) if len(pictures) > 1 else gr.update(value="", visible=False)
    return pictures[0], second, f'<div role="status">{status}</div>'


def _set_up(request: gr.Request, games: list[Settings], names: list[str], goal: int = MOST_STEPS) -> tuple[Any, ...]:
    table = _new_table(request)
    built = [Game(settings) for settings in games]
    for game in built:
        game.prepare()
    # Steps before the game, of the discriminator alone, do not count.
    table.games, table.names, table.goal = built, names, built[0].step + goal
    table.frames = [game.frame() for game in built]
    return _shown(table, "ready: press Play")


@shown_errors
def first(request: gr.Request) -> Any:
    """A game to begin with; nothing if the visitor has one."""
    if _tables.get(request.session_hash or "", Table()).games:
        return gr.skip()
    return _set_up(request, [Settings()], ["Game A"])


@shown_errors
def reset(request: gr.Request, two: Any, painting: Any, *values: Any) -> Any:
    """New games with the settings of the controls."""
    return _set_up(request, *_asked(two, painting, values))


def _asked(two: Any, painting: Any, values: tuple[Any, ...]) -> tuple[list[Settings], list[str]]:
    count = len(_CONTROLS)
    shared, a, b = values[: len(_SHARED)], values[len(_SHARED) : -count], values[-count:]
    own = _own_points(painting) if values[0] == _OWN else None
    games = [_settings({**dict(zip(_SHARED, shared)), **dict(zip(_CONTROLS, one))}, own) for one in (a, b)]
    return (games, ["Game A", "Game B"]) if two else (games[:1], ["Game A"])


def play(request: gr.Request) -> Iterator[Any]:
    """Trains and shows frames until the visitor pauses, leaves, or the goal is reached."""
    try:
        yield from _playing(_table(request))
    except GanzooError as error:
        shown_warning(error)
        yield gr.skip()


def _playing(table: Table) -> Iterator[Any]:
    token = object()
    with _changing:
        if table.playing is None and playing() >= MOST_PLAYING:
            raise GanzooError(
                f"{MOST_PLAYING} visitors are training games already, as many as this machine can: try again in a "
                "minute, or take single steps"
            )
        # Another event of this visitor that plays ends.
        table.playing = token
    if table.games[0].step >= table.goal:
        table.goal = table.games[0].step + MOST_STEPS
    begun, steps = time.monotonic(), 0
    try:
        while table.playing is token:
            start = time.monotonic()
            games, goal = table.games, table.goal
            count = min(table.speed, max(1, goal - games[0].step))
            with _turn:
                _advance(table, games, count)
            steps += count
            rate = steps / (time.monotonic() - begun)
            is_over = games[0].step >= goal or any(frame.has_failed for frame in table.frames)
            if table.playing is not token or table.games is not games:
                return
            yield _shown(table, f"{'paused' if is_over else 'playing'} · {rate:,.0f} steps per second")
            if is_over:
                return
            time.sleep(max(0.0, 1 / FRAMES_PER_SECOND - (time.monotonic() - start)))
    finally:
        # Also when the visitor's connection is lost.
        if table.playing is token:
            table.playing = None


def _advance(table: Table, games: list[Game], count: int, only: str | None = None) -> None:
    frames = []
    for game in games:
        game.train(count, only)
        frames.append(game.frame())
    if table.games is games:
        table.frames = frames


def pause(request: gr.Request) -> None:
    """Ends `play`."""
    with contextlib.suppress(GanzooError):
        _table(request).playing = None


def _stepping(only: str | None, words: str) -> Callable[..., Any]:
    @shown_errors
    def step(request: gr.Request) -> Any:
        """One step, or half of one, of both games."""
        table = _table(request)
        table.playing = None
        with _turn:
            _advance(table, table.games, 1, only)
        return _shown(table, words)

    return step


@shown_errors
def set_speed(speed: Any, request: gr.Request) -> None:
    """How many steps there are between frames."""
    _table(request).speed = whole_number(speed, "the steps per frame", 1, 200)


def _choosing(experiment: Experiment) -> Callable[..., Any]:
    @shown_errors
    def choose(seed: Any, request: gr.Request) -> Any:
        """The two games of an experiment, and their settings in the controls."""
        seed = whole_number(seed, "the seed", *_WHOLE["seed"])
        games = experiment.settings(seed)
        values = [_values(settings) for settings in games]
        shared = [values[0][name] for name in _SHARED]
        own = [value[name] for value in values for name in _CONTROLS]
        pictures = _set_up(request, list(games), list(experiment.names), experiment.steps)
        return _explained(experiment), True, gr.update(visible=True), *shared, *own, *pictures

    return choose


def _explained(experiment: Experiment) -> str:
    return (
        f"### {experiment.title}\n{experiment.text}\n\n$${experiment.equation}$$\n\n**Watch:** {experiment.watch}\n\n"
        f"{experiment.verdict}\n\n*{experiment.paper}*"
    )


_CONTROLS = (
    "loss",
    "smoothing",
    "penalty",
    "penalty_weight",
    "discriminator_regularizers",
    "generator_regularizers",
    "batch_norm",
    "weight_clipping",
    "discriminator_steps",
    "discriminator_rate",
    "generator_rate",
    "instance_noise",
    "feature_matching",
    "historical_averaging",
    "conditional",
)


def available() -> bool:
    """It needs no weights."""
    return True


def page() -> list[dict[str, Any]]:
    """Adds the page to the surrounding `gr.Blocks` and returns the events to run when it is first shown."""
    gr.HTML(f"<style>{STYLE}</style>", padding=False)
    gr.Markdown(_WELCOME)
    with gr.Accordion("Ten experiments", open=True, elem_id="lab-experiments"), gr.Row():
        choices = {
            name: gr.Button(experiment.title, size="sm", min_width=130, elem_id=f"lab-{name}")
            for name, experiment in experiments.items()
        }
    with gr.Row():
        go = gr.Button("Play", variant="primary", min_width=70, elem_id="lab-play")
        stop = gr.Button("Pause", min_width=70, elem_id="lab-pause")
        one = gr.Button("Step", min_width=70, elem_id="lab-step")
        half_d = gr.Button("Half step: D", min_width=100, elem_id="lab-half-d")
        half_g = gr.Button("Half step: G", min_width=100, elem_id="lab-half-g")
        again = gr.Button("Reset", min_width=70, elem_id="lab-reset")
        speed = gr.Slider(1, 200, 40, step=1, label="Steps per frame", min_width=160, elem_id="lab-speed")
    status = gr.HTML('<div role="status">loading</div>', elem_id="lab-status")
    with gr.Row():
        pictures = [
            gr.HTML("", label="Game A", elem_id="lab-game-a", min_height=300),
            gr.HTML("", label="Game B", visible=False, elem_id="lab-game-b"),
        ]
    told = gr.Markdown("", latex_delimiters=[{"left": "$$", "right": "$$", "display": True}], elem_id="lab-told")
    with gr.Accordion("Settings: Reset begins anew with them", open=False, elem_id="lab-settings"):
        shared = _shared_controls()
        two = gr.Checkbox(False, label="Second game beside the first, from the same seed", elem_id="lab-two")
        with gr.Row():
            with gr.Column(min_width=280):
                gr.Markdown("#### Game A")
                a = _game_controls("lab-a")
            with gr.Column(min_width=280, visible=False) as column:
                gr.Markdown("#### Game B")
                b = _game_controls("lab-b")
        with gr.Accordion("Paint points of your own, then choose the data “own points”", open=False):
            painting = gr.ImageEditor(
                label="Paint the real points here",
                type="filepath",
                format="png",
                sources=(),
                transforms=(),
                layers=False,
                brush=gr.Brush(default_size=8, colors=["#2563eb"], default_color="#2563eb", color_mode="fixed"),
                eraser=gr.Eraser(default_size=20),
                canvas_size=(_CANVAS, _CANVAS),
                fixed_canvas=True,
                height="min(460px, 105vw)",
                buttons=[],
                elem_id="lab-painting",
            )

    controls = [shared[name] for name in _SHARED] + [game[name] for game in (a, b) for name in _CONTROLS]
    shown = [*pictures, status]
    playing_event = dict(fn=play, inputs=None, outputs=shown, trigger_mode="multiple", **_EVENT)
    go.click(**playing_event)
    stop.click(pause, None, None, **_EVENT)
    one.click(_stepping(None, "one step"), None, shown, **_EVENT)
    half_d.click(_stepping("d_loss", "one update of D alone"), None, shown, **_EVENT)
    half_g.click(_stepping("g_loss", "one update of G alone"), None, shown, **_EVENT)
    again.click(reset, [two, painting, *controls], shown, **_BUILD)
    speed.release(set_speed, [speed], None, **_EVENT)
    two.change(lambda on: gr.update(visible=on is True), [two], [column], **_EVENT)
    for name, button in choices.items():
        chosen = button.click(
            _choosing(experiments[name]), [shared["seed"]], [told, two, column, *controls, *shown], **_BUILD
        )
        chosen.success(**playing_event)
    return [dict(fn=first, inputs=None, outputs=shown, **_BUILD)]
