"""What the pages share: a model loaded once, errors as messages, images large enough to see."""

import functools
import html
import reprlib
import traceback

import gradio as gr
import numpy as np

import ganzoo
from ganzoo import presets
from ganzoo.errors import GanzooError, unknown
from ganzoo.inference import save_image

from .files import new_result, uploaded, without_folders

# One event at a time, however many people ask; more than QUEUE waiting are told to come back.
# The pages are for people: programs have the command line and the package.
ONE_AT_A_TIME = dict(concurrency_id="model", concurrency_limit=1, api_visibility="private")
QUEUE = 20
LARGEST_SEED = 2**31 - 1
# Gradio's third button would share an image through a web site.
BUTTONS = ["download", "fullscreen"]


_kept = functools.lru_cache(maxsize=16)(ganzoo.load)


def loaded(preset):
    """The trained model of a preset, kept.

    Raises:
        GanzooError: not the full name of a preset. A file or a run folder of this machine is not loaded: the name may
            come from a stranger.
    """
    names = ganzoo.list_presets()
    if preset not in names:
        raise unknown("preset", reprlib.repr(preset), names)
    return _kept(preset)


def trained_presets(model):
    """Presets of a model that have weights, the default one first."""
    found = [presets.find(name) for name in ganzoo.list_presets(f"{model}.*")]
    found = [preset for preset in found if preset.config.weights]
    return [preset.name for preset in sorted(found, key=lambda preset: not preset.config.default)]


def preset_choice(model, also=()):
    """A list of the model's trained presets, and of other models'."""
    choices = [preset for name in (model, *also) for preset in trained_presets(name)]
    return gr.Dropdown(choices, value=choices[0], label="Trained on", elem_id=f"{model}-preset")


def seed_number(value, label="Seed", **options):
    """A field for a seed."""
    return gr.Number(value, label=label, precision=0, minimum=0, maximum=LARGEST_SEED, **options)


def image(label, **options):
    """A place for an image that the page shows, as PNG, and lets people keep."""
    return gr.Image(label=label, format="png", interactive=False, buttons=BUTTONS, **options)


def examples(values, component):
    """A row of example values that a visitor clicks to put one into a component."""
    choice = gr.Dataset(
        components=[component],
        samples=[[value] for value in values],
        type="index",
        label="Examples",
        elem_id=f"{component.elem_id}-examples",
    )

    @shown_errors
    def put(index):
        return values[whole_number(index, "the example", 0, len(values) - 1)]

    choice.click(put, [choice], [component], show_progress="hidden", concurrency_limit=None, api_visibility="private")


class Refused:
    """Stands for a value of a request that the page does not take; says why."""

    def __init__(self, why):
        self.why = why


def received(component, value):
    """A value of a request as a page's function gets it.

    Args:
        component: the Gradio component whose value it is.
        value: what the request holds for it: any JSON.

    Returns:
        For a component that takes files: the path of what was uploaded (or paths, in the component's own structure).
        For a component with a fixed list of choices: one of them. For any other component: the value as it came, which
        the page's function has to check. `Refused` where the value cannot be one of this component.
    """
    choices = getattr(component, "choices", None)
    if choices and not getattr(component, "allow_custom_value", False):
        allowed = [choice for _, choice in choices]
        several = getattr(component, "multiselect", isinstance(component, gr.CheckboxGroup)) and isinstance(value, list)
        if not all(one in allowed for one in (value if several else [value])):
            return Refused(f"{component.label}: {reprlib.repr(value)} is none of {', '.join(map(str, allowed))}")
    if value is None or getattr(component, "data_model", None) is None:
        return value
    try:
        return _uploaded_files(component.data_model.model_validate(value).model_dump(mode="json"))
    except GanzooError as error:
        return Refused(str(error))
    except ValueError:  # pydantic's, of a structure that is not the component's
        return Refused(f"{component.label}: this is not a file that was uploaded: choose it again")


def _uploaded_files(value):
    """Every file in a validated value as the path of what was uploaded. Web addresses are not followed."""
    if isinstance(value, dict):
        if "path" in value:
            return uploaded(value["path"])
        return {key: _uploaded_files(part) for key, part in value.items()}
    return [_uploaded_files(part) for part in value] if isinstance(value, list) else value


def shown_errors(function):
    """Turns errors into a message on the page, and leaves what the page shows as it is."""

    @functools.wraps(function)
    def wrapped(*arguments):
        try:
            for argument in arguments:
                if isinstance(argument, Refused):
                    raise GanzooError(argument.why)
            return function(*arguments)
        except GanzooError as error:
            message = str(error)
        except Exception:  # a fault of ours: the terminal gets all of it, strangers nothing
            traceback.print_exc()
            message = "something went wrong on the server; its terminal shows what"
        # Not gr.Error: it covers the last image.
        shown_warning(message)
        return gr.skip()

    return wrapped


def shown_warning(message):
    """Shows a message on the page."""
    gr.Warning(html.escape(without_folders(str(message)), quote=False))


def whole_number(value, name, low, high):
    """A number from the page as an int.

    Raises:
        GanzooError: empty, not whole or out of range.
    """
    return int(_number(value, name, low, high, "whole number", lambda number: number == int(number)))


def finite_number(value, name, low, high):
    """A number from the page as a float; errors as `whole_number`."""
    return float(_number(value, name, low, high, "number", lambda number: True))


def _number(value, name, low, high, kind, fits):
    if value is None:
        raise GanzooError(f"{name} is empty: it must be a {kind} from {low} to {high}")
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not low <= value <= high or not fits(value):
        raise GanzooError(f"{name} must be a {kind} from {low} to {high}, got {reprlib.repr(value)}")
    return value


def enlarged(image, at_least=560):
    """A small image with every pixel made a square, so that browsers do not blur it."""
    factor = max(1, round(at_least / max(image.shape[:2])))
    large = np.kron(image, np.ones((factor, factor, 1), image.dtype))
    return np.repeat(large, 3, axis=-1) if large.shape[-1] == 1 else large


def as_file(image, name):
    """The path of a PNG of the image, for a download."""
    path = new_result(name)
    save_image(path, image)
    return str(path)
