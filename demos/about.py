"""The part of a page that says what its model is: its equation, training, networks, data and metrics."""

import functools
import html
import io
import re
from typing import TYPE_CHECKING, Any

import gradio as gr

import ganzoo
from ganzoo import cards, loading, registry
from ganzoo.config import Config

from .common import added_model, data_url, preset_of, shown_errors, trained_presets
from .gallery import SAMPLES, described, sentences

if TYPE_CHECKING:
    from ganzoo.networks.layout import Block

_MATH: list[dict[str, str | bool]] = [{"left": "$$", "right": "$$", "display": True}]
# One visitor's networks are built at a time.
_BUILD: dict[str, Any] = dict(
    concurrency_id="about", concurrency_limit=1, api_visibility="private", show_progress="hidden"
)
_WAITING = '<p class="gz-waiting">Building the networks …</p>'
# Wide equations and tables scroll within themselves. Colors are those of Gradio's themes, light and dark.
HEAD = """<style>
.gz-about .katex-display {overflow-x: auto; overflow-y: hidden; padding: 4px 0}
.gz-about pre {overflow-x: auto}
.gz-about .html-container {padding: 0 !important}
.gz-training {margin: 16px 0}
.gz-training img {width: min(100%, 528px); max-width: none; margin: 0; image-rendering: pixelated; border-radius: 6px}
.gz-training figcaption {font-size: .9em; color: var(--body-text-color-subdued); margin-top: 6px}
.gz-about h4 {margin: 20px 0 8px; font-size: 1.1em; font-weight: 600}
.gz-network {border: 1px solid var(--border-color-primary); border-radius: 8px; margin: 8px 0}
.gz-network summary {padding: 8px 12px; cursor: pointer}
.gz-network summary:focus-visible, .gz-layers:focus-visible {outline: 3px solid var(--color-accent)}
.gz-layers {max-height: 420px; overflow: auto; border-top: 1px solid var(--border-color-primary)}
.gz-layers table.gz-table {width: 100%; margin: 0; border: none !important; border-collapse: collapse;
    font-size: .9em; line-height: 1.4}
.gz-layers table.gz-table :is(thead, tbody, tr) {border: none !important}
.gz-layers table.gz-table :is(th, td) {padding: 4px 12px !important; text-align: left; white-space: nowrap;
    border: none !important; border-bottom: 1px solid var(--border-color-primary) !important}
.gz-layers table.gz-table thead th {position: sticky; top: 0; background: var(--block-background-fill)}
.gz-layers table.gz-table .gz-number {text-align: right; font-variant-numeric: tabular-nums}
.gz-layers table.gz-table .gz-times th {background: var(--background-fill-secondary)}
.gz-layers table.gz-table .gz-inner td:first-child {padding-left: 28px !important}
.gz-about td {overflow-wrap: normal; word-break: normal}
@media (max-width: 640px) {.gz-layers table.gz-table :is(th, td) {padding: 4px 6px !important; font-size: .85em}
    .gz-layers table.gz-table .gz-inner td:first-child {padding-left: 14px !important}}
</style>"""


def heading(models: list[str]) -> str:
    """The beginning of a page, in Markdown: the names of its models, what they are, their quality and their papers."""
    names, lines = [], []
    for model in models:
        name, _, paper = described(model)
        names.append(name)
        preset = trained_presets(model)[0]
        weights = preset_of(preset).config.weights
        # The headline names the package's own test data.
        measured = cards.headline(weights.metrics, preset) if weights and added_model(preset) is None else ""
        parts = [f"**{name}**:"] if len(models) > 1 else []
        parts += [sentences(model), f"Measured: {measured}." if measured else "", f"*{paper}*" if paper else ""]
        lines.append(" ".join(part for part in parts if part))
    return "\n\n".join([f"## {', '.join(names)}", *lines])


def panel(models: list[str]) -> None:
    """Adds a closed panel about these models to the surrounding `gr.Blocks`.

    What has to be computed, or is large, comes when a visitor opens it for the first time.
    """
    which = "this model" if len(models) == 1 else "these models"
    title = f"About {which}: equation, code, data, metrics, training, networks"
    with gr.Accordion(title, open=False, elem_classes="gz-about") as accordion:
        filled, places = gr.State(False), []
        for model in models:
            first, rest = text(model)
            gr.Markdown(first, latex_delimiters=_MATH)
            places.append(gr.HTML(_WAITING, elem_id=f"{model}-networks", padding=False))
            gr.Markdown(rest)

    @shown_errors
    def opened(is_filled: bool) -> Any:
        if is_filled:
            return gr.skip()
        return [True, *(training(model) + networks(trained_presets(model)[0]) for model in models)]

    accordion.expand(opened, inputs=[filled], outputs=[filled, *places], **_BUILD)


def text(model: str) -> tuple[str, str]:
    """What a model is, with its equation; and its use, data and metrics, of its first preset; in Markdown."""
    said = registry.own_docstring(model).partition("\nArgs:")[0].strip()
    # A file or run that the owner of the page added may have no metrics.
    known = (name for name in trained_presets(model) if preset_of(name).config.weights)
    preset = next(known, None)
    if preset is None:
        return f"### {model}\n\n{said}\n\n{cards.equation_of(Config(model))}".rstrip(), ""
    # Below the page's headings; the package's description is for readers elsewhere.
    card = re.sub(r"^(#+) ", r"##\1 ", cards.card(preset_of(preset).config, preset, page=True), flags=re.MULTILINE)
    title, _, rest = card.partition("\n\n")
    first, use, rest = rest.partition("#### Use")
    return f"{title}\n\n{said}\n\n{first}".rstrip(), f"{use}{rest}"


def training(model: str) -> str:
    """The HTML of an animation of the model's training, or "" if there is none.

    Who prefers less motion sees the last frame.
    """
    path = SAMPLES / f"{model}.gif"
    if not path.exists():
        return ""
    from PIL import Image

    content, still = path.read_bytes(), io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        # With the first frame alone.
        caption = html.escape(image.info.get("comment", b"").decode("utf-8", "replace"), quote=True)
        image.seek(getattr(image, "n_frames", 1) - 1)
        image.convert("RGB").save(still, "PNG", optimize=True)
    moving = data_url(content, "gif")
    return (
        '<h4>Training</h4><figure class="gz-training"><picture>'
        f'<source media="(prefers-reduced-motion: reduce)" srcset="{data_url(still.getvalue())}">'
        f'<img src="{moving}" alt="Output of {html.escape(model)} during its training">'
        f"</picture><figcaption>{caption}. The inputs are the same in all frames.</figcaption></figure>"
    )


@functools.lru_cache(maxsize=64)
def networks(preset: str) -> str:
    """The HTML of the networks of a preset's model, which are built without their trained weights."""
    added = added_model(preset)
    if added is not None:
        model: Any = ganzoo.create(added.model_name, **added.arguments)
    else:
        model = loading.build(preset_of(preset).config, preset, "float32", compile=False)
    title = f"<h4>Networks of {html.escape(preset)}</h4>"
    return title + "".join(_network(name, network) for name, network in model.networks.items())


def _network(name: str, network: Any) -> str:
    from ganzoo.networks.layout import blocks_of, count_of, rows_of, weights_of

    rows = rows_of(network)
    title, weights, layers = html.escape(name, quote=True), weights_of([network]), count_of(rows)
    body = "".join(_block(block) for block in blocks_of(rows))
    return (
        f'<details class="gz-network"><summary><b>{title}</b>: {weights:,} weights, {layers} layers</summary>'
        f'<div class="gz-layers" tabindex="0" role="region" aria-label="Layers of the {title}">'
        '<table class="gz-table"><thead><tr><th scope="col">Layer</th><th scope="col">Type</th>'
        '<th scope="col">Output</th><th scope="col" class="gz-number">Weights</th></tr></thead>'
        f"<tbody>{body}</tbody></table></div></details>"
    )


def _block(block: "Block") -> str:
    lines, repeated = [], block.times > 1
    if repeated:
        kind = "layers" if len(block.rows) == 1 else f"blocks of {len(block.rows)} layers"
        title = f"{block.times} {kind} like this"
        lines.append(f'<tr class="gz-times"><th colspan="4" scope="rowgroup">{title}</th></tr>')
    for row in block.rows:
        cells = "&nbsp;" * 4 * row.depth + html.escape(row.name), html.escape(row.kind), _size(row.shape)
        inner = ' class="gz-inner"' if repeated else ""
        lines.append(
            f"<tr{inner}>{''.join(f'<td>{cell}</td>' for cell in cells)}"
            f'<td class="gz-number">{f"{row.weights:,}" if row.weights else ""}</td></tr>'
        )
    return "".join(lines)


def _size(shape: tuple[int | None, ...]) -> str:
    """A shape such as 28 × 28 × 1; any is a size that depends on the input."""
    return " × ".join("any" if size is None else str(size) for size in shape) or "1"
