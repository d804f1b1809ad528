"""The page of editing: paint on a generated image, and the nearest images that the model can generate follow."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
import numpy as np

from ganzoo.data.image_files import resized
from ganzoo.errors import GanzooError
from ganzoo.inference.editing import edit, strokes
from ganzoo.inference.image_files import fitted, read_image_file
from ganzoo.inference.latent import project, slerp

from .canvas import canvas
from .common import (
    LARGEST_SEED,
    ONE_AT_A_TIME,
    as_file,
    enlarged,
    finite_number,
    image,
    loaded,
    seed_number,
    shown_errors,
    trained_presets,
    whole_number,
    without_captions,
)

TITLE = "editing"
# The first one that has weights is shown first.
PREFERRED = ("gan_int_cls.avatars", "dcgan.fashion_mnist", "dcgan.avatars")
CANDIDATES = 4
# Side of the canvas, in pixels: a multiple of 28 and 64.
CANVAS = 448
MOST_PIXELS, MOST_LAYERS, MOST_STEPS_BACK = 1_500_000, 4, 20
# Strokes of this color mark what to keep.
KEEP = (0, 255, 0)
_COLORS = ["#d23434", "#3268c8", "#f0c030", "#2e8b57", "#7a4a24", "#f4c8a0", "#202020", "#808080", "#ffffff"]
_BRUSH = gr.Brush(default_size=36, colors=[*_COLORS, ("#00ff00", 0.5)], default_color=_COLORS[0])
_NOTHING = "nothing is painted: choose a color with the palette beside the image, paint on it, then press Apply"
_HELP = (
    "Choose a color with the palette of the toolbar and paint on the image, for example its clothes. Paint in "
    '<span style="background: #00ff00; color: #000; padding: 0 0.4em; border-radius: 0.3em">bright green</span> over '
    "what has to stay as it is. **Apply** finds the nearest images that the model can generate."
)


@dataclass(frozen=True)
class Session:
    """What the server remembers of a visitor's work.

    Attributes:
        preset: of the model.
        latent: of the image in the editor.
        found: latents (count, latent_dim) of the candidates.
        chosen: index of the candidate that is shown.
        earlier: latents of the images that were in the editor before, the oldest first.
    """

    preset: str
    latent: np.ndarray
    found: np.ndarray
    chosen: int = 0
    earlier: tuple[np.ndarray, ...] = ()

    def after(self, position: float) -> np.ndarray:
        """The latent at a position between the image in the editor and the chosen candidate."""
        return slerp(self.latent, self.found[self.chosen], position)


def editable() -> list[str]:
    """The presets that the page offers."""
    trained = [*trained_presets("dcgan"), *trained_presets("gan_int_cls")]
    return [name for name in PREFERRED if name in trained] + [name for name in trained if name not in PREFERRED]


def _model(preset: str) -> Any:
    """The generator of a preset."""
    return without_captions(loaded(preset))


def available() -> bool:
    """Whether there is a model to edit images of."""
    return bool(editable())


@shown_errors
def first(session: Session | None, preset: str) -> Any:
    """The prepared example; nothing if the visitor has begun already."""
    return gr.skip() if session is not None else _example(preset)


@shown_errors
def example(preset: str) -> tuple[Any, ...]:
    """The seed of an image with strokes on it, the image, and its candidates."""
    return _EXAMPLE_SEED, *_example(preset)


def _example(preset: str) -> tuple[Any, ...]:
    model = _model(preset)
    session = Session(preset, model.latents(1, seed=_EXAMPLE_SEED)[0], np.empty((0, model.latent_dim)))
    layer = _example_layer(model.image_shape[2])
    asked = strokes(layer, model.image_shape, KEEP)
    return _background(session, layer), *_applied(session, *asked, 0.1)


@shown_errors
def generate(preset: str, seed: int) -> tuple[Any, ...]:
    """The image of a seed in the editor."""
    seed = whole_number(seed, "the seed", 0, LARGEST_SEED)
    return _begun(preset, _model(preset).latents(1, seed=seed)[0])


@shown_errors
def another(preset: str, seed: int) -> tuple[Any, ...]:
    """The next seed, and its image in the editor."""
    seed = (whole_number(seed, "the seed", 0, LARGEST_SEED) + 1) % (LARGEST_SEED + 1)
    return seed, *_begun(preset, _model(preset).latents(1, seed=seed)[0])


@shown_errors
def upload(preset: str, path: str | None) -> tuple[Any, ...]:
    """The image of the model that is nearest to an uploaded one, in the editor."""
    if not path:
        raise GanzooError("choose an image first")
    model = _model(preset)
    given = fitted(read_image_file(path, most_pixels=MOST_PIXELS).pixels, model.image_shape)
    return _begun(preset, project(model, given[None])[0][0])


@shown_errors
def apply(session: Session | None, painting: Any, rest: float) -> tuple[Any, ...]:
    """The candidates that agree with the strokes."""
    session = _checked(session)
    rest = finite_number(rest, "how much the rest stays", 0, 1)
    shape = _model(session.preset).image_shape
    return _applied(session, *strokes(_layer(painting), shape, KEEP), rest)


@shown_errors
def move(session: Session | None, position: float) -> tuple[np.ndarray, str]:
    """The image at a position between before and after, and its file."""
    return _shown(_checked(session, found=True), finite_number(position, "the position", 0, 1))


def _choice(index: int) -> Callable[..., Any]:
    @shown_errors
    def choose(session: Session | None) -> tuple[Any, ...]:
        """Another candidate."""
        session = _checked(session, found=True)
        if index >= len(session.found):
            raise GanzooError(f"there are only {len(session.found)} candidates")
        session = replace(session, chosen=index)
        return session, *_thumbnails(session), 1.0, *_shown(session, 1.0)

    return choose


CHOICES = [_choice(index) for index in range(CANDIDATES)]


@shown_errors
def go_on(session: Session | None, position: float) -> tuple[Any, ...]:
    """The shown image in the editor, to be painted on."""
    session = _checked(session, found=True)
    latent = session.after(finite_number(position, "the position", 0, 1))
    return _begun(session.preset, latent, (*session.earlier, session.latent)[-MOST_STEPS_BACK:])


@shown_errors
def undo(session: Session | None) -> tuple[Any, ...]:
    """The image that was in the editor before the last edit."""
    session = _checked(session)
    if not session.earlier:
        raise GanzooError("there is nothing to undo: this is the image you began with")
    return _begun(session.preset, session.earlier[-1], session.earlier[:-1])


def _checked(session: Session | None, found: bool = False) -> Session:
    if session is None:
        raise GanzooError("generate an image first")
    if found and not len(session.found):
        raise GanzooError("paint on the image and press Apply first")
    return session


def _begun(preset: str, latent: np.ndarray, earlier: tuple[np.ndarray, ...] = ()) -> tuple[Any, ...]:
    """A new image in the editor, without candidates."""
    session = Session(preset, latent, np.empty((0, len(latent)), "float32"), earlier=earlier)
    background = _background(session)
    before = _model(preset).generate(latents=latent[None])[0]
    return background, session, *_thumbnails(session), 1.0, enlarged(before, CANVAS), _file(session, before)


def _applied(session: Session, painted: np.ndarray, mask: np.ndarray, keep: np.ndarray, rest: float) -> tuple[Any, ...]:
    if not mask.any():
        raise GanzooError(_NOTHING)
    found = edit(_model(session.preset), session.latent, painted, mask, keep, candidates=CANDIDATES, rest=rest)
    session = replace(session, found=found.latents, chosen=0)
    return session, *_thumbnails(session), 1.0, *_shown(session, 1.0)


def _background(session: Session, layer: np.ndarray | None = None) -> dict[str, Any]:
    """The value of the editor: the image, with strokes on it or without."""
    shown = enlarged(_model(session.preset).generate(latents=session.latent[None])[0], CANVAS)
    return {"background": shown, "layers": [] if layer is None else [layer], "composite": None}


def _thumbnails(session: Session) -> list[Any]:
    """The candidates, the chosen one in a frame; the places of missing ones are hidden."""
    hidden = gr.update(value=None, visible=False)
    if not len(session.found):
        return [hidden] * CANDIDATES
    images = [enlarged(one, 224) for one in _model(session.preset).generate(latents=session.found)]
    chosen = images[session.chosen]
    for edge in (np.s_[:8], np.s_[-8:], np.s_[:, :8], np.s_[:, -8:]):
        chosen[edge] = 249, 115, 22
    shown = [gr.update(value=one, visible=True) for one in images]
    return [*shown, *[hidden] * (CANDIDATES - len(shown))]


def _shown(session: Session, position: float) -> tuple[np.ndarray, str]:
    model = _model(session.preset)
    latents = session.after(position)[None]
    shown = model.generate(latents=latents)[0]
    return enlarged(shown, CANVAS), _file(session, shown)


def _file(session: Session, shown: np.ndarray) -> str:
    return as_file(shown, f"{session.preset}-edited.png")


def _layer(painting: Any) -> np.ndarray:
    """What is painted, uint8 RGBA, from the value of the editor: the paths of its files.

    Only the layers are read: the image below them is the server's own.
    """
    layers = painting.get("layers") if isinstance(painting, dict) else None
    if not isinstance(layers, list) or not layers:
        raise GanzooError(_NOTHING)
    if len(layers) > MOST_LAYERS:
        raise GanzooError(f"{len(layers)} layers are more than the page's {MOST_LAYERS}: reload the page")
    whole = np.zeros((CANVAS, CANVAS, 4), "uint8")
    for path in layers:
        layer = read_image_file(path, most_pixels=MOST_PIXELS).pixels
        if layer.dtype != np.uint8 or layer.shape[2] != 4 or layer.shape[0] != layer.shape[1]:
            raise GanzooError("the painting is not a square image with transparency: reload the page")
        if layer.shape[0] != CANVAS:
            layer = resized(layer, (CANVAS, CANVAS))
        whole = np.where(layer[..., 3:] > 0, layer, whole)
    return whole


# Of the image that the prepared strokes are painted on; in dcgan.fashion_mnist, a piece of clothing.
_EXAMPLE_SEED = 0


def _example_layer(channels: int) -> np.ndarray:
    """Strokes on an avatar (blue clothes, the face kept) or on a piece of clothing (a dark front, the collar kept)."""
    from PIL import Image, ImageDraw

    if channels == 3:
        painted = (50, 104, 200), (0.38, 0.93), (0.62, 0.93), 0.1
        kept = KEEP, (0.44, 0.44), (0.56, 0.44), 0.2
    else:
        painted = (64, 64, 64), (0.48, 0.4), (0.48, 0.7), 0.2
        kept = KEEP, (0.4, 0.06), (0.56, 0.06), 0.08
    layer = Image.new("RGBA", (CANVAS, CANVAS))
    pen = ImageDraw.Draw(layer)
    for color, start, end, width in (painted, kept):
        (x0, y0), (x1, y1), radius = *((x * CANVAS, y * CANVAS) for x, y in (start, end)), width * CANVAS / 2
        pen.line([x0, y0, x1, y1], fill=(*color, 128 if color == KEEP else 255), width=round(2 * radius))
        for x, y in ((x0, y0), (x1, y1)):
            pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=(*color, 128 if color == KEEP else 255))
    return np.asarray(layer)


def page() -> list[dict[str, Any]]:
    """Adds the page to the surrounding `gr.Blocks` and returns the events to run when it is first shown."""
    session = gr.State(None)
    gr.Markdown(_HELP)
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            with gr.Row():
                preset = gr.Dropdown(editable(), label="Model", min_width=210, elem_id="editing-preset")
                seed = seed_number(_EXAMPLE_SEED, min_width=90, elem_id="editing-seed")
                again = gr.Button("Another image", min_width=120, elem_id="editing-another")
            editor = canvas("editing-editor", side=CANVAS, brush=_BRUSH, eraser=36, height=560)
            button = gr.Button("Apply", variant="primary", elem_id="editing-apply")
            rest = gr.Slider(0, 1, 0.1, step=0.05, label="How far the rest is kept", elem_id="editing-rest")
            with gr.Accordion("Start from an image of your own", open=False):
                own = gr.Image(
                    label=f"Image, up to {MOST_PIXELS / 1e6:g} megapixels",
                    type="filepath",
                    image_mode=None,
                    sources=["upload", "clipboard"],
                    height=220,
                    elem_id="editing-own",
                )
                use = gr.Button("Find the nearest image of the model", elem_id="editing-use")
        with gr.Column(scale=1, min_width=320):
            gr.Markdown("Candidates: click one to choose it. The first agrees best.")
            with gr.Row():
                thumbnails = [
                    gr.Image(
                        label=f"Candidate {i + 1}",
                        show_label=False,
                        format="png",
                        interactive=False,
                        buttons=[],
                        min_width=50,
                        elem_id=f"editing-candidate{i + 1}",
                    )
                    for i in range(CANDIDATES)
                ]
            result = image("Result", show_label=False, elem_id="editing-result")
            position = gr.Slider(
                0, 1, 1, step=0.02, label="Blend, from before (0) to after (1)", elem_id="editing-position"
            )
            with gr.Row():
                onward = gr.Button("Keep editing", min_width=130, elem_id="editing-on")
                back = gr.Button("Undo", min_width=70, elem_id="editing-undo")
                file = gr.DownloadButton("Download", min_width=110, elem_id="editing-download")

    results = [session, *thumbnails, position, result, file]
    first_event = dict(fn=first, inputs=[session, preset], outputs=[editor, *results], **ONE_AT_A_TIME)
    generating = dict(fn=generate, inputs=[preset, seed], outputs=[editor, *results], **ONE_AT_A_TIME)
    moving = dict(fn=move, inputs=[session, position], outputs=[result, file], **ONE_AT_A_TIME)
    preset.change(example, [preset], [seed, editor, *results], **ONE_AT_A_TIME)
    seed.submit(**generating)
    again.click(another, [preset, seed], [seed, editor, *results], **ONE_AT_A_TIME)
    use.click(upload, [preset, own], [editor, *results], **ONE_AT_A_TIME)
    button.click(apply, [session, editor, rest], results, **ONE_AT_A_TIME)
    for thumbnail, choose in zip(thumbnails, CHOICES):
        thumbnail.select(choose, [session], results, show_progress="hidden", **ONE_AT_A_TIME)
    position.input(**moving, trigger_mode="always_last", show_progress="hidden")
    onward.click(go_on, [session, position], [editor, *results], **ONE_AT_A_TIME)
    back.click(undo, [session], [editor, *results], **ONE_AT_A_TIME)
    return [first_event]
