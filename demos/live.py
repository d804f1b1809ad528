"""The page of live training: a DCGAN learns the embedded digits while the visitor watches."""

import atexit
import contextlib
import html
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

import ganzoo
from ganzoo.cli.train import next_commands
from ganzoo.errors import GanzooError
from ganzoo.start import wait_for_keras
from ganzoo.training.stages import number_of

from .common import LARGEST_SEED, Refused, finite_number, seed_number, shown_warning, whole_number
from .turns import BUILDING

TITLE = "live training"
PRESET = "dcgan.digits"
# One run at a time. The limits are for a page that others can reach: what a run may take, and how many there may be.
MOST_MINUTES, MOST_RUNS, MOST_EPOCHS = 15, 20, 100
LOSSES = ["non_saturating", "minimax", "least_squares", "hinge"]
_EVENT: dict[str, Any] = dict(show_progress="hidden", concurrency_limit=None, api_visibility="private")
_WELCOME = (
    "`ganzoo train dcgan.digits`, while you watch: a DCGAN learns 1,797 handwritten digits, in about a minute "
    "on two processor cores. The bar below an image is the discriminator's opinion of it: **violet** for real, "
    "**orange** for generated. *Resume* continues your last run for more epochs, with the loss, learning rate, k and "
    "seed that it began with. The run folder stays on the server, where the command line can resume it, too."
)


@dataclass(eq=False)
class Run:
    """A training run that a visitor watches.

    Attributes:
        visitor: whose run it is.
        settings: changes to the preset.
        resumed: the number of the run that it goes on with, or None for a new one.
        view: the latest image of it, as HTML; empty before the first.
        version: counts the views.
        status: one line.
        history: values of each view: {"step": ..., "d_loss": ...}.
        stop: the visitor has asked it to stop.
        complete: it has trained all its epochs.
        folder: the run folder, known at the end.
        ended: set at the end.
    """

    visitor: str
    settings: dict[str, Any]
    resumed: int | None = None
    view: str = ""
    version: int = 0
    status: str = "building the networks"
    history: list[dict[str, Any]] = field(default_factory=list)
    stop: bool = False
    complete: bool = False
    folder: Path | None = None
    ended: threading.Event = field(default_factory=threading.Event)


_changing = threading.Lock()
_running: Run | None = None
# {visitor: the last run}.
_last: dict[str, Run] = {}
_begun = 0
_output = Path("runs")


def store_runs_in(folder: str | Path) -> None:
    """Sets the parent folder of the run folders."""
    global _output
    _output = Path(folder)


# Events.


def train(request: gr.Request, *values: Any) -> Iterator[Any]:
    """Begins a run with the settings of the controls, and shows it until it ends."""
    yield from _watched(request, lambda: Run(request.session_hash or "", settings_of(*values)))


def go_on(request: gr.Request, epochs: Any) -> Iterator[Any]:
    """Goes on with the visitor's last run, and shows it until it ends."""

    def resumed() -> Run:
        before = _last.get(request.session_hash or "")
        if before is None or before.folder is None:
            raise GanzooError("you have no run to resume: press Train")
        settings = {"training.epochs": whole_number(epochs, "epochs", 1, MOST_EPOCHS)}
        number = number_of(before.folder)
        # The folder stays known if it cannot go on now.
        return Run(before.visitor, settings, number, history=list(before.history), folder=before.folder)

    yield from _watched(request, resumed)


def settings_of(epochs: Any, seed: Any, loss: Any, learning_rate: Any, discriminator_steps: Any) -> dict[str, Any]:
    """Settings of the preset from the values of the controls, which are checked here: they come from a request."""
    if isinstance(loss, Refused):
        raise GanzooError(loss.why)
    rate = finite_number(learning_rate, "the learning rate", 1e-6, 1e-2)
    adam = {"name": "adam", "learning_rate": rate, "beta_1": 0.5}
    return {
        "training.epochs": whole_number(epochs, "epochs", 1, MOST_EPOCHS),
        "training.seed": whole_number(seed, "the seed", 0, LARGEST_SEED),
        "compile.loss": loss,
        "compile.generator_optimizer": adam,
        "compile.discriminator_optimizer": adam,
        "compile.discriminator_steps": whole_number(discriminator_steps, "k", 1, 5),
    }


def _watched(request: gr.Request, make: Any) -> Iterator[Any]:
    try:
        run = _started(make)
    except GanzooError as error:
        shown_warning(error)
        yield gr.skip()
        return
    shown = -1
    try:
        while True:
            ended = run.ended.wait(0.2)
            if run.version != shown or ended:
                shown = run.version
                yield run.view or gr.skip(), _status(run.status), _told(run)
            if ended:
                return
    finally:
        # Also when the visitor's connection is lost.
        run.stop = True


def _status(text: str) -> str:
    return f'<div role="status">{html.escape(text)}</div>'


def _started(make: Any) -> Run:
    """Begins a run in a thread of its own.

    Args:
        make: function that returns the run, and raises what is wrong with the request.
    """
    global _running, _begun
    with _changing:
        run: Run = make()
        if _running is not None:
            if _running.visitor == run.visitor:
                raise GanzooError("your run is still training: press Stop first")
            raise GanzooError(f"another visitor's run is training, for at most {MOST_MINUTES} minutes: try again later")
        if _begun >= MOST_RUNS and run.resumed is None:
            raise GanzooError(f"{MOST_RUNS} runs have been trained on this page, as many as it allows until restarted")
        _begun += run.resumed is None
        _running = _last[run.visitor] = run
    threading.Thread(target=_train, args=[run], daemon=True).start()
    return run


def _train(run: Run) -> None:
    global _running
    try:
        wait_for_keras()
        from .live_watch import Watch

        with contextlib.ExitStack() as turns:
            turns.enter_context(BUILDING)
            run.folder = ganzoo.train(
                PRESET,
                settings=run.settings,
                output=_output,
                resume=run.resumed is not None,
                run=run.resumed,
                max_minutes=MOST_MINUTES,
                callbacks=[Watch(run, turns)],
            )
        why = "finished" if run.complete else "stopped" if run.stop else f"stopped after {MOST_MINUTES} minutes"
        run.status = f"{why}: the run folder is {run.folder}"
        if not run.version:
            run.status = f"{run.folder} has already trained for all its epochs: choose more epochs, then press Resume"
    except GanzooError as error:
        run.status = str(error)
    except Exception:  # a bug: the traceback goes to the terminal only
        traceback.print_exc()
        run.status = "something went wrong on the server: try again, or tell whoever runs it"
    finally:
        with _changing:
            _running = None
        run.ended.set()


def _told(run: Run) -> str:
    """What can be done with a run folder, once there is one."""
    if run.folder is None or not run.ended.is_set():
        return ""
    commands = next_commands(PRESET, run.folder, str(_output), numbered=True)
    lines = "\n\n".join(f"{title}: `{command}`" for title, command in commands if command.startswith("ganzoo "))
    return f"On the command line:\n\n{lines}"


def stop(request: gr.Request) -> None:
    """Ends the visitor's run after the current step."""
    run = _running
    if run is not None and run.visitor == request.session_hash:
        run.stop = True


def left(request: gr.Request) -> None:
    """A visitor has closed the page: the run stops, and its folder stays."""
    stop(request)
    _last.pop(request.session_hash or "", None)


@atexit.register
def _end() -> None:
    """Lets a run save its checkpoint before the server ends."""
    run = _running
    if run is not None:
        run.stop = True
        run.ended.wait(20)


def available() -> bool:
    """Its preset is part of the package."""
    return True


def page() -> list[dict[str, Any]]:
    """Adds the page to the surrounding `gr.Blocks` and returns the events to run when it is first shown."""
    gr.Markdown(_WELCOME)
    with gr.Row():
        epochs = gr.Slider(1, MOST_EPOCHS, 40, step=1, label="Epochs", min_width=200, elem_id="live-epochs")
        loss = gr.Dropdown(LOSSES, value=LOSSES[0], label="Loss", min_width=200, elem_id="live-loss")
        rate = gr.Number(2e-4, label="Learning rate of both networks", min_width=200, elem_id="live-rate")
        steps = gr.Slider(1, 5, 1, step=1, label="k: steps of D per step of G", min_width=200, elem_id="live-k")
        seed = seed_number(0, min_width=200, elem_id="live-seed")
    with gr.Row():
        begin = gr.Button("Train", variant="primary", min_width=70, elem_id="live-train")
        end = gr.Button("Stop", min_width=70, elem_id="live-stop")
        again = gr.Button("Resume", min_width=70, elem_id="live-go-on")
    status = gr.HTML(_status("press Train"), elem_id="live-status")
    view = gr.HTML("", elem_id="live-view", min_height=200)
    told = gr.Markdown("", elem_id="live-told")
    outputs = [view, status, told]
    begin.click(train, [epochs, seed, loss, rate, steps], outputs, **_EVENT)
    again.click(go_on, [epochs], outputs, **_EVENT)
    end.click(stop, None, None, **_EVENT)
    return []
