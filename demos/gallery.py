"""The first tab: a card for each model, in the order of the lecture, from what the models say about themselves."""

import html
import re
from pathlib import Path

import gradio as gr

from ganzoo import cards, registry

from .common import preset_of, trained_presets

TITLE = "gallery"
# As `chapter` of tasks and models, with what the chapter is about.
CHAPTERS = {
    "families": "Models that learn a distribution, each in its own way.",
    "training": "GANs with other losses, which are easier to train.",
    "applications": "Text to image, super-resolution, translation and speech.",
}
# Served as files: the page itself stays small, and the browser keeps them.
SAMPLES = Path(__file__).parent / "samples"
# A card is a button: the keyboard reaches it. Colors are those of Gradio's themes, light and dark.
HEAD = """<style>
.gz-cards {display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 250px), 1fr)); gap: 16px}
.gz-cards button.gz-card {display: flex; flex-direction: column; width: 100%; margin: 0; padding: 0; overflow: hidden;
    text-align: left; white-space: normal; font: inherit; line-height: 1.4; cursor: pointer; box-shadow: none;
    color: var(--body-text-color); background: var(--block-background-fill);
    border: 1px solid var(--border-color-primary); border-radius: 10px; transition: border-color .15s, transform .15s}
.gz-cards button.gz-card:hover, .gz-cards button.gz-card:focus-visible {border-color: var(--color-accent);
    transform: translateY(-2px)}
.gz-card:focus-visible {outline: 3px solid var(--color-accent); outline-offset: 2px}
.gz-cards .gz-card img, .gz-blank {width: 100%; max-width: none; height: 150px; margin: 0; border-radius: 0;
    object-fit: cover; object-position: left top; background: #000; image-rendering: pixelated}
.gz-blank {display: flex; align-items: center; justify-content: center; color: #fff; font-size: 1.6em;
    background: linear-gradient(135deg, #334155, #c2410c)}
.gz-text {padding: 12px 14px 14px; display: flex; flex-direction: column; gap: 4px}
.gz-name {font-weight: 700; font-size: 1.1em}
.gz-paper {font-size: .85em; color: var(--body-text-color-subdued)}
.gz-open {display: none !important}
@media (prefers-reduced-motion: reduce) {.gz-card {transition: none} .gz-card:hover {transform: none}}
</style>
<script>
document.addEventListener("click", event => {
    const card = event.target.closest(".gz-card");
    if (card) openPage(card.dataset.model);
});
// The address of a model's page ends in # and its name.
const openPage = model => {
    const opener = document.getElementById("open-" + model);
    if (!opener) return false;
    (opener.querySelector("button") ?? opener).click();
    history.replaceState(null, "", "#" + model);
    scrollTo(0, 0);
    return true;
};
const linked = new MutationObserver(() => {
    if (!location.hash || openPage(location.hash.slice(1))) linked.disconnect();
});
linked.observe(document.documentElement, {childList: true, subtree: true});
addEventListener("hashchange", () => openPage(location.hash.slice(1)));
</script>"""


def card(model: str, preset: str) -> str:
    """The HTML of a model's card.

    Args:
        model: its name.
        preset: the preset that its page offers first.
    """
    name, _, paper = described(model)
    text = sentences(model)
    caption, image = "", f'<span class="gz-blank" aria-hidden="true">{html.escape(name)}</span>'
    path = SAMPLES / f"{model}.png"
    if path.exists():
        caption = cards.stored_in(path.read_bytes()).get("caption", "")
        alternative = html.escape(caption or f"Samples of {name}", quote=True)
        image = f'<img src="samples/{path.name}" alt="{alternative}" loading="lazy">'
    return (
        f'<button type="button" class="gz-card" data-model="{html.escape(model, quote=True)}">{image}'
        f'<span class="gz-text"><span class="gz-name">{html.escape(name)}</span><span>{html.escape(text)}</span>'
        f'<span class="gz-paper">{html.escape(paper or preset_of(preset).config.description)}</span></span></button>'
    )


def sentences(model: str) -> str:
    """What a model is and does, in one or two sentences."""
    sentence = described(model)[1]
    purpose = str(registry.declared(model, "purpose") or "")
    return f"{sentence[:1].upper()}{sentence[1:]}. It {purpose}." if purpose else f"{sentence}."


def described(model: str) -> tuple[str, str, str]:
    """(name, what it is, paper and year) of a model, from the first line of its description."""
    line = " ".join(registry.describe(model).split())
    name, _, rest = line.rstrip(".").partition(": ")
    if not rest:
        return model, line.rstrip(".") or model, ""
    found = re.search(r"\(([^()]*\b\d{4}\b[^()]*)\)?$", rest)
    paper = found[1].rstrip(", ") if found else ""
    return name, (rest[: found.start()] if found else rest).strip(), paper


def ordered(models: list[str]) -> dict[str, list[str]]:
    """{chapter: models}, in the order of the lecture, and in each by the paper's year and number."""
    found: dict[str, list[str]] = {chapter: [] for chapter in CHAPTERS}
    for model in models:
        found.setdefault(str(registry.declared(model, "chapter") or "applications"), []).append(model)

    def paper_number(model: str) -> tuple[str, ...]:
        years = re.findall(r"\b(?:19|20)\d\d\b", described(model)[2])
        numbers = re.findall(r"arXiv:([\d.]+)", described(model)[2])
        # A model before its variants, whose names are longer.
        return years[0] if years else "9999", *numbers, f"{len(model):02d}", model

    return {chapter: sorted(names, key=paper_number) for chapter, names in found.items() if names}


def page(models: list[str]) -> dict[str, gr.Button]:
    """Adds the gallery to the surrounding `gr.Blocks`; returns {model: hidden button that its card clicks}."""
    for chapter, names in ordered(models).items():
        gr.Markdown(f"## {chapter.capitalize()}\n{CHAPTERS.get(chapter, '')}")
        inside = "".join(card(name, trained_presets(name)[0]) for name in names)
        gr.HTML(f'<div class="gz-cards">{inside}</div>', elem_id=f"gallery-{chapter}", padding=False)
    return {name: gr.Button(f"Open {name}", elem_id=f"open-{name}", elem_classes="gz-open") for name in models}
