"""The page of the laboratory: GANs on two-dimensional points train while the visitor watches, two side by side."""

import contextlib
import gc
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import gradio as gr

from ganzoo.errors import GanzooError
from ganzoo.lab.prepared import Experiment, experiments
from ganzoo.lab.settings import Settings

from .canvas import blank, canvas
from .common import shown_errors, shown_warning, whole_number
from .lab_controls import (
    CANVAS,
    CONTROLS,
    OWN,
    SHARED,
    WHOLE,
    game_controls,
    own_points,
    plane,
    settings_of,
    shared_controls,
    values_of,
)
from .lab_svg import render
from .turns import BUILDING, TRAINING

if TYPE_CHECKING:
    from ganzoo.lab.game import Frame, Game

TITLE = "laboratory"
# Visitors whose games are kept, and those whose games may train at the same time: each gets a turn after the other.
MOST_VISITORS, MOST_PLAYING = 12, 4
# Training pauses by itself after this many steps, for a visitor who has forgotten it.
MOST_STEPS = 20_000
FRAMES_PER_SECOND = 12
_EVENT: dict[str, Any] = dict(show_progress="hidden", concurrency_limit=None, api_visibility="private")
# Games are built one at a time: that takes a second or two.
_BUILD: dict[str, Any] = dict(concurrency_id="laboratory", concurrency_limit=1, api_visibility="private")
_WELCOME = (
    "A generator turns noise into **red** points, and a discriminator learns to tell them from the real points, which "
    "are **blue**. The background is the discriminator's opinion: violet for real, orange for generated. A red line at "
    "a point is the gradient that it receives. Choose one of the ten experiments, or settings of your own."
)


@dataclass(eq=False)
class Session:
    """The games of one visitor.

    Attributes:
        games: one or two.
        names: of the games.
        speed: steps per frame.
        goal: step at which playing pauses by itself.
        playing: the token of the event that plays, or None.
        status: what the visitor last did, for the status line.
        used: when the visitor last did something.
    """

    games: "list[Game]" = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    frames: "list[Frame]" = field(default_factory=list)
    speed: int = 40
    goal: int = MOST_STEPS
    playing: object | None = None
    status: str = ""
    used: float = 0.0


_sessions: dict[str, Session] = {}
_changing = threading.Lock()


def playing() -> int:
    """The number of visitors whose games are training."""
    with _changing:
        return sum(session.playing is not None for session in _sessions.values())


def _session(request: gr.Request) -> Session:
    """The visitor's session.

    Raises:
        GanzooError: it is gone, because many others came.
    """
    session = _sessions.get(request.session_hash or "")
    if session is None or not session.games:
        raise GanzooError("your games were cleared away, because the page was left or many visitors came: press Reset")
    session.used = time.monotonic()
    return session


def _new_session(request: gr.Request) -> Session:
    """The visitor's session, a new one if there is none. The session that was idle longest makes room."""
    with _changing:
        name = request.session_hash or ""
        if name not in _sessions and len(_sessions) >= MOST_VISITORS:
            idle = [other for other, session in _sessions.items() if session.playing is None]
            if not idle:
                raise GanzooError("too many visitors are in the laboratory: try again in a few minutes")
            del _sessions[min(idle, key=lambda other: _sessions[other].used)]
        session = _sessions.setdefault(name, Session())
        session.used, session.playing = time.monotonic(), None
        return session


def left(request: gr.Request) -> None:
    """A visitor has closed the page: the games stop, and their memory is given back."""
    with _changing:
        session = _sessions.pop(request.session_hash or "", None)
    if session is not None:
        session.playing = None
        with TRAINING:
            session.games, session.frames = [], []
        gc.collect()


# Events.


def _shown(session: Session, status: str | None = None) -> tuple[Any, ...]:
    """The images of both games, and the status line, which a new status changes."""
    if status is not None:
        session.status = status
    images = [render(*parts) for parts in zip(session.frames, session.games, session.names)]
    second = gr.update(value=images[1], visible=True) if len(images) > 1 else gr.update(value="", visible=False)
    return images[0], second, f'<div role="status">{session.status}</div>'


def _set_up(request: gr.Request, games: list[Settings], names: list[str], goal: int = MOST_STEPS) -> tuple[Any, ...]:
    from ganzoo.lab.game import Game

    session = _new_session(request)
    with BUILDING:
        built = [Game(settings) for settings in games]
    for game in built:
        game.prepare()
    frames = [game.frame() for game in built]
    with TRAINING:
        session.playing = None
        # Steps before the game, of the discriminator alone, do not count.
        session.games, session.names, session.goal = built, names, built[0].step + goal
        session.frames = frames
        return _shown(session, "ready: press Play")


@shown_errors
def first(request: gr.Request) -> Any:
    """A game to begin with; nothing if the visitor has one."""
    if _sessions.get(request.session_hash or "", Session()).games:
        return gr.skip()
    return _set_up(request, [Settings()], ["Game A"])


@shown_errors
def reset(request: gr.Request, two: Any, painting: Any, *values: Any) -> Any:
    """New games with the settings of the controls."""
    # No longer the experiment that was explained.
    return "", "", *_marked(None), *_set_up(request, *_asked(two, painting, values))


def _asked(two: Any, painting: Any, values: tuple[Any, ...]) -> tuple[list[Settings], list[str]]:
    count = len(CONTROLS)
    shared, a, b = values[: len(SHARED)], values[len(SHARED) : -count], values[-count:]
    own = own_points(painting) if values[0] == OWN else None
    games, names = [], ["Game A", "Game B"] if two else ["Game A"]
    for name, one in zip(names, (a, b)):
        try:
            games.append(settings_of({**dict(zip(SHARED, shared)), **dict(zip(CONTROLS, one))}, own))
        except GanzooError as error:
            raise GanzooError(f"{name}: {error}" if two else str(error)) from None
    return games, names


def play(request: gr.Request) -> Iterator[Any]:
    """Trains and shows frames until the visitor pauses, leaves, or the goal is reached."""
    try:
        yield from _playing(request)
    except GanzooError as error:
        shown_warning(error)
        yield gr.skip()


# What is shown changes in turns, those of TRAINING, in the order in which visitors ask for it.


def _playing(request: gr.Request) -> Iterator[Any]:
    token = object()
    with TRAINING:
        session = _session(request)
        if session.playing is None and playing() >= MOST_PLAYING:
            raise GanzooError(
                f"{MOST_PLAYING} visitors are training games already, as many as this machine can: try again in a "
                "minute, or take single steps"
            )
        # Another event of this visitor that plays ends.
        session.playing = token
        if session.games[0].step >= session.goal:
            session.goal = session.games[0].step + MOST_STEPS
    begun, steps = time.monotonic(), 0
    try:
        while True:
            start = time.monotonic()
            with TRAINING:
                if not session.games:
                    # The visitor has left.
                    return
                is_over, status = session.playing is not token, None
                if not is_over:
                    count = min(session.speed, max(1, session.goal - session.games[0].step))
                    _advance(session, count)
                    steps += count
                    is_over = session.games[0].step >= session.goal or any(frame.has_failed for frame in session.frames)
                    rate = steps / (time.monotonic() - begun)
                    status = f"{'paused' if is_over else 'playing'} · {rate:,.0f} steps per second"
                shown = _shown(session, status)
            # Also after Pause: the browser may get its answer before the image that was yielded here last.
            yield shown
            if is_over:
                return
            time.sleep(max(0.0, 1 / FRAMES_PER_SECOND - (time.monotonic() - start)))
    finally:
        # Also when the visitor's connection is lost.
        if session.playing is token:
            session.playing = None


def _advance(session: Session, count: int, only: str | None = None) -> None:
    frames = []
    for game in session.games:
        game.train(count, only)
        frames.append(game.frame())
    session.frames = frames


def pause(request: gr.Request) -> Any:
    """Ends `play`, after the steps that are being taken."""
    with contextlib.suppress(GanzooError), TRAINING:
        session = _session(request)
        session.playing = None
        return _shown(session, "paused")
    return gr.skip()


def _stepping(only: str | None, words: str) -> Callable[..., Any]:
    @shown_errors
    def step(request: gr.Request) -> Any:
        """One step, or half of one, of both games."""
        with TRAINING:
            session = _session(request)
            session.playing = None
            _advance(session, 1, only)
            return _shown(session, words)

    return step


@shown_errors
def set_speed(speed: Any, request: gr.Request) -> None:
    """How many steps there are between frames."""
    _session(request).speed = whole_number(speed, "the steps per frame", 1, 200)


def _choosing(experiment: Experiment) -> Callable[..., Any]:
    @shown_errors
    def choose(seed: Any, request: gr.Request) -> Any:
        """The two games of an experiment, and their settings in the controls."""
        seed = whole_number(seed, "the seed", *WHOLE["seed"])
        games = experiment.settings(seed)
        values = [values_of(settings) for settings in games]
        shared = [values[0][name] for name in SHARED]
        own = [value[name] for value in values for name in CONTROLS]
        images = _set_up(request, list(games), list(experiment.names), experiment.steps)
        return *_explained(experiment), *_marked(experiment), True, gr.update(visible=True), *shared, *own, *images

    return choose


def _marked(chosen: Experiment | None) -> list[Any]:
    """Updates of the buttons of the experiments: the one that is shown stands out."""
    return [gr.update(variant="primary" if one is chosen else "secondary") for one in experiments.values()]


def _explained(experiment: Experiment) -> tuple[str, str]:
    """Its title with what to watch, and the rest."""
    return (
        f"### {experiment.title}\n**Watch:** {experiment.watch}",
        f"{experiment.text}\n\n$${experiment.equation}$$\n\n{experiment.verdict}\n\n*{experiment.paper}*",
    )


def available() -> bool:
    """It needs no weights."""
    return True


def page() -> list[dict[str, Any]]:
    """Adds the page to the surrounding `gr.Blocks` and returns the events to run when it is first shown."""
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
        speed = gr.Slider(1, 200, 40, step=1, label="Steps per frame", min_width=220, elem_id="lab-speed")
    status = gr.HTML('<div role="status">loading</div>', elem_id="lab-status")
    watched = gr.Markdown("", elem_id="lab-watched")
    with gr.Row(elem_id="lab-games"):
        images = [
            gr.HTML("", label="Game A", elem_id="lab-game-a", min_height=300),
            gr.HTML("", label="Game B", visible=False, elem_id="lab-game-b"),
        ]
        # At the right of the games on a wide screen, below them on a phone.
        told = gr.Markdown("", latex_delimiters=[{"left": "$$", "right": "$$", "display": True}], elem_id="lab-told")
    with gr.Accordion("Settings (press Reset to start a new game with them)", open=False, elem_id="lab-settings"):
        shared = shared_controls()
        with gr.Accordion("Points of your own: paint them, then press Reset", open=False, elem_id="lab-own") as own:
            painting = canvas(
                "lab-painting",
                side=CANVAS,
                brush=gr.Brush(default_size=8, colors=["#2563eb"], default_color="#2563eb", color_mode="fixed"),
                eraser=20,
                height=460,
                label="Real points",
                show_label=True,
                value=blank(plane()),
            )
        two = gr.Checkbox(False, label="Second game beside the first, from the same seed", elem_id="lab-two")
        with gr.Row():
            with gr.Column(min_width=280):
                gr.Markdown("#### Game A")
                a = game_controls("lab-a")
            with gr.Column(min_width=280, visible=False) as column:
                gr.Markdown("#### Game B")
                b = game_controls("lab-b")

    controls = [shared[name] for name in SHARED] + [game[name] for game in (a, b) for name in CONTROLS]
    shown = [*images, status]
    playing_event = dict(fn=play, inputs=None, outputs=shown, trigger_mode="multiple", **_EVENT)
    go.click(**playing_event)
    stop.click(pause, None, shown, **_EVENT)
    for button, only, words in (
        (one, None, "one step"),
        (half_d, "d_loss", "one update of D alone"),
        (half_g, "g_loss", "one update of G alone"),
    ):
        # Every click counts, also while the answer to the last one is on its way.
        button.click(_stepping(only, words), None, shown, trigger_mode="multiple", **_EVENT)
    explained = [watched, told, *choices.values()]
    again.click(reset, [two, painting, *controls], [*explained, *shown], **_BUILD)
    # Not only when the mouse is released: arrow keys and the number beside the slider change it, too.
    speed.change(set_speed, [speed], None, **_EVENT)
    shared["data"].change(lambda data: gr.update(open=data == OWN), [shared["data"]], [own], **_EVENT)
    painting.input(lambda: OWN, None, [shared["data"]], **_EVENT)
    two.change(lambda on: gr.update(visible=on is True), [two], [column], **_EVENT)
    for name, button in choices.items():
        chosen = button.click(
            _choosing(experiments[name]), [shared["seed"]], [*explained, two, column, *controls, *shown], **_BUILD
        )
        chosen.success(**playing_event)
    return [dict(fn=first, inputs=None, outputs=shown, **_BUILD)]
