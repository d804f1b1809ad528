"""Attributes of avatars in latent space, a part of the page of the text-to-image models: a face with other attributes,
and arithmetic such as man with glasses - man + woman."""

import functools
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

import ganzoo
from ganzoo.classifiers import classifier_facts, times_as_large
from ganzoo.data.avatar_attributes import ATTRIBUTES, GLASSES_WORN, MAN, NO_GLASSES, WOMAN
from ganzoo.errors import GanzooError, unknown
from ganzoo.inference import grid

from .common import (
    LARGEST_SEED,
    ONE_AT_A_TIME,
    as_file,
    enlarged,
    finite_number,
    image,
    loaded,
    preset_of,
    seed_number,
    shown_errors,
    trained_presets,
    whole_number,
    without_captions,
)

if TYPE_CHECKING:
    from ganzoo.inference.directions import Directions
    from ganzoo.metrics.extractors import AttributeExtractor

CLASSIFIER, JUDGE = "avatars_classifier", "avatars_judge"
UNCHANGED = "as it is"
MOST_STRENGTH, FACES = 1.5, 3
# {choice on the page: the attributes of the group's faces}.
GROUPS: dict[str, dict[str, Any]] = {
    "man with glasses": MAN | GLASSES_WORN,
    "man without glasses": MAN | NO_GLASSES,
    "woman without glasses": WOMAN | NO_GLASSES,
    "woman with glasses": WOMAN | GLASSES_WORN,
    **{f"{name.replace('_', ' ')}: {value}": {name: value} for name, values in ATTRIBUTES.items() for value in values},
}
_FIRST, _MINUS, _PLUS = list(GROUPS)[:3]


def presets_with_attributes(model: str) -> list[str]:
    """The trained presets of a model that generate avatars of the size that the classifier takes, in one stage."""
    found = [preset_of(name) for name in trained_presets(model)]
    avatars = [preset for preset in found if str(preset.config.data.get("source", "")).split(":")[0] == "avatars"]
    avatars = [preset for preset in avatars if preset.config.arguments.get("factor", 1) == 1]
    shapes = {preset.name: tuple(preset.config.arguments.get("image_shape", ())) for preset in avatars}
    own = classifier_facts(CLASSIFIER)["image_shape"]
    return [name for name, shape in shapes.items() if times_as_large(shape, own)]


@functools.lru_cache(maxsize=2)
def _classifier(name: str) -> "AttributeExtractor":
    from ganzoo.metrics import get_extractor

    found: Any = get_extractor(name)
    return found


@functools.lru_cache(maxsize=4)
def _directions(preset: str) -> "Directions":
    from ganzoo.inference.directions import find_directions

    model = _avatar_model(preset)
    # The attributes of captions are independent of each other.
    avoidance = 0.0 if isinstance(loaded(preset), ganzoo.TextToImage) else 3.0
    return find_directions(model, _classifier(CLASSIFIER), avoidance=avoidance)


def _avatar_model(preset: str) -> Any:
    model = loaded(preset)
    if preset not in presets_with_attributes(model.model_name):
        raise GanzooError(f"{preset} does not generate avatars: its images have no attributes to change")
    return without_captions(model)


@shown_errors
def change(preset: str, seed: int, strength: float, *values: str) -> tuple[np.ndarray, np.ndarray, str, str]:
    """A face, the same with other attributes, what the second classifier sees, and the file of both."""
    seed = whole_number(seed, "the seed", 0, LARGEST_SEED)
    strength = finite_number(strength, "the strength", 0, MOST_STRENGTH)
    if len(values) != len(ATTRIBUTES):
        raise GanzooError(f"{len(ATTRIBUTES)} attributes are expected, got {len(values)}")
    changes = {name: value for name, value in zip(ATTRIBUTES, values) if value != UNCHANGED}
    for name, value in changes.items():
        if not isinstance(value, str) or value not in ATTRIBUTES[name]:
            raise unknown(f"value of {name}", str(value)[:100], ATTRIBUTES[name])
    model = _avatar_model(preset)
    latents = model.latents(1, seed=seed)
    moved = _directions(preset).move(latents, changes, strength) if changes else latents
    images = model.generate(latents=np.concatenate([latents, moved]))
    path = as_file(grid(images, columns=2), f"{preset}-attributes-seed{seed}.png")
    return enlarged(images[0], 280), enlarged(images[1], 280), _seen(images, changes), path


def _seen(images: np.ndarray, changes: dict[str, str]) -> str:
    """What a classifier that was not used sees: which changes are there, and what else changed."""
    judge = _classifier(JUDGE)
    before, after = judge.values(images)
    asked, others = [], []
    for place, (name, values) in enumerate(judge.attributes.items()):
        title, old, new = name.replace("_", " "), values[before[place]], values[after[place]]
        if name in changes:
            asked.append(f"{title}: **{new}**" + ("" if new == changes[name] else f" (asked for: {changes[name]})"))
        elif old != new:
            others.append(f"{title}, {old} to {new}")
    told = f"{JUDGE}, a classifier that was not used for the change, sees {'; '.join(asked) or 'no change asked for'}."
    return f"{told} Also changed: {'; '.join(others)}." if others else told


@shown_errors
def arithmetic(preset: str, first: str, minus: str, plus: str, seed: int) -> tuple[np.ndarray, np.ndarray, str]:
    """A row for each group (three faces, and the face of their mean), nine results of A - B + C, and their file."""
    from ganzoo.inference.selection import analogy, renormalized, select

    seed = whole_number(seed, "the seed", 0, LARGEST_SEED)
    for choice in (first, minus, plus):
        if not isinstance(choice, str) or choice not in GROUPS:
            raise unknown("group of faces", str(choice)[:100], GROUPS)
    model = _avatar_model(preset)
    a, b, c = (
        select(model, GROUPS[choice], FACES, _classifier(CLASSIFIER), seed=seed) for choice in (first, minus, plus)
    )
    rows = np.concatenate([part for group in (a, b, c) for part in (group, renormalized(group.mean(axis=0)[None]))])
    faces = grid(model.generate(latents=rows), columns=FACES + 1)
    result = grid(model.generate(latents=analogy(a, b, c, seed=seed)), columns=3)
    path = as_file(result, f"{preset}-arithmetic-seed{seed}.png")
    return enlarged(faces), enlarged(result), path


def sections(model: str, preset: gr.Dropdown) -> list[tuple[dict[str, Any], ...]]:
    """Adds the sections to the page of a model, and returns the events to run when the page is first shown.

    They are visible while a preset of avatars is chosen; of models without one, there are none.

    Args:
        model: the model's name.
        preset: the page's choice of a preset.
    """
    names = presets_with_attributes(model)
    if not names:
        return []
    first_shown = preset.value in names
    with gr.Column(visible=first_shown, elem_id=f"{model}-attributes") as whole:
        gr.Markdown(
            "### Attributes\nA step in latent space, noise and text vector together, changes what you choose and "
            f"keeps the rest. It follows the directions that {CLASSIFIER} found in 5,000 generated faces. The first "
            "change takes some seconds longer."
        )
        with gr.Row():
            with gr.Column(scale=1):
                seed = seed_number(7, elem_id=f"{model}-face-seed")
                strength = gr.Slider(
                    0, MOST_STRENGTH, 1, step=0.05, label="Strength", elem_id=f"{model}-attribute-strength"
                )
                pair_file = gr.DownloadButton("Download both faces", elem_id=f"{model}-attribute-download")
            with gr.Row(scale=2):
                before = image("Original", elem_id=f"{model}-attribute-before", min_width=140)
                after = image("Changed", elem_id=f"{model}-attribute-after", min_width=140)
        told = gr.Markdown(elem_id=f"{model}-attribute-told")
        with gr.Row():
            choices = [
                gr.Dropdown(
                    [UNCHANGED, *values],
                    value="round" if name == "glasses" else UNCHANGED,
                    label=name.replace("_", " ").capitalize(),
                    elem_id=f"{model}-attribute-{name.replace('_', '-')}",
                    min_width=140,
                )
                for name, values in ATTRIBUTES.items()
            ]
        gr.Markdown(
            "### Arithmetic: A - B + C\nOf each group, three faces that the classifier is sure of, and the face of "
            "their mean latent. The face in the middle of the result is A - B + C of the three means; around it, a "
            "little noise is added (Radford et al. 2015). In these avatars, a man has a beard or a moustache, and a "
            "woman has long, straight or big hair, a bun or a bob."
        )
        with gr.Row():
            terms = [
                gr.Dropdown(list(GROUPS), value=value, label=label, elem_id=f"{model}-term-{name}", min_width=220)
                for name, label, value in (("a", "A", _FIRST), ("b", "minus B", _MINUS), ("c", "plus C", _PLUS))
            ]
            group_seed = seed_number(0, elem_id=f"{model}-term-seed", min_width=220)
        with gr.Row():
            with gr.Column(min_width=300):
                gr.Markdown("A, B and C from top to bottom; on the right, the mean of each.")
                faces = image(
                    "Three faces of each group and their mean", show_label=False, elem_id=f"{model}-term-faces"
                )
            with gr.Column(min_width=300):
                gr.Markdown("A - B + C")
                result = image("A - B + C", show_label=False, elem_id=f"{model}-term-result")
                result_file = gr.DownloadButton("Download the result", elem_id=f"{model}-term-download")

    changing = dict(
        fn=change, inputs=[preset, seed, strength, *choices], outputs=[before, after, told, pair_file], **ONE_AT_A_TIME
    )
    adding = dict(
        fn=arithmetic, inputs=[preset, *terms, group_seed], outputs=[faces, result, result_file], **ONE_AT_A_TIME
    )
    seed.submit(**changing)
    strength.release(**changing)
    for choice in choices:
        choice.change(**changing)
    group_seed.submit(**adding)
    for term in terms:
        term.change(**adding)

    def shown(chosen: str) -> Any:
        return gr.Column(visible=chosen in names)

    def if_shown(event: dict[str, Any]) -> dict[str, Any]:
        """The event, which does nothing where the preset has no attributes."""

        def run(chosen: str, *values: Any) -> Any:
            return event["fn"](chosen, *values) if chosen in names else gr.skip()

        return event | {"fn": run}

    preset.change(shown, [preset], [whole], show_progress="hidden", api_visibility="private").then(
        **if_shown(changing)
    ).then(**if_shown(adding))
    # In turn: a page opens with few jobs at once.
    return [(changing, adding)] if first_shown else []
