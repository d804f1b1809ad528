"""Helpers that the pages share: cached models, errors shown as messages, enlarged images."""

import base64
import collections
import contextlib
import functools
import html
import inspect
import reprlib
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

import ganzoo
from ganzoo import presets
from ganzoo.config import Config
from ganzoo.data.avatar_captions import random_captions
from ganzoo.errors import GanzooError, unknown
from ganzoo.inference import save_image
from ganzoo.start import wait_for_keras

from .files import new_result, uploaded, without_folders

# One event runs at a time; when QUEUE are waiting, further ones are refused. The events are not part of an API.
ONE_AT_A_TIME: dict[str, Any] = dict(concurrency_id="model", concurrency_limit=1, api_visibility="private")
QUEUE = 20
# Choices that an error message lists.
_MOST_NAMED = 12
LARGEST_SEED = 2**31 - 1
# Without Gradio's third button, which shares an image through a website.
BUTTONS: list[Any] = ["download", "fullscreen"]


# What the owner of the page named in addition to the package's presets: {name: (preset, model)}.
_added: dict[str, tuple[presets.Preset, Any]] = {}
_cached_load = functools.lru_cache(maxsize=16)(functools.partial(ganzoo.load, precision="auto"))
# A model that several events ask for at once is loaded once.
_loading: dict[str, threading.Lock] = collections.defaultdict(threading.Lock)
# The pages ask for each preset many times. Visitors share what it returns: never change it.
_found = functools.cache(presets.find)


def loaded(preset: str) -> Any:
    """The trained model of a preset, cached.

    Raises:
        GanzooError: not the full name of a preset. The name comes from a request, so files, run folders and addresses
            of the hub are not loaded.
    """
    if not is_offered(preset):
        raise unknown("preset", reprlib.repr(preset), [*_added, *ganzoo.list_presets()])
    if preset in _added:
        return _added[preset][1]
    with _loading[preset]:
        return _cached_load(preset)


def add_preset(name: str) -> str:
    """Loads what `ganzoo.load` takes, offers it on the page of its model, and returns the model's name.

    It is loaded now, since a page makes no connections later.
    """
    model, config = ganzoo.load(name, precision="auto"), presets.config_of(name)
    found = presets.model_of(name)
    _added[name] = presets.Preset(name, Path(name), config or Config(found)), model
    return found


def is_offered(name: object) -> bool:
    """Whether this is the full name of a preset of the package, or of one that was added."""
    return isinstance(name, str) and (name in _added or name in presets.preset_files())


def preset_of(name: str) -> presets.Preset:
    """The preset of a name that is offered."""
    return _added[name][0] if name in _added else _found(name)


def added_model(name: str) -> Any:
    """The model of a preset that was added, or None for one of the package."""
    return _added[name][1] if name in _added else None


def domains_of(preset: str) -> list[str]:
    """Names of the two sides of a preset of translation, without loading a model of the package."""
    added = added_model(preset)
    found = preset_of(preset).config.arguments.get("domains", ("a", "b")) if added is None else added.domains
    return [str(name) for name in found]


def directions_of(preset: str) -> list[str]:
    """The names of both directions of a preset of translation."""
    first, second = domains_of(preset)
    return [f"{first}_to_{second}", f"{second}_to_{first}"]


def without_captions(model: Any) -> Any:
    """The model; a text-to-image model as one that generates from latents alone, which contain random captions."""
    return _unconditional(model) if isinstance(model, ganzoo.TextToImage) else model


@functools.lru_cache(maxsize=4)
def _unconditional(model: Any) -> Any:
    return model.unconditional(random_captions(2000))


def trained_presets(model: str) -> list[str]:
    """The presets of a model that have weights: first those that were added, then the default."""
    added = [name for name, (preset, _) in _added.items() if preset.config.model == model]
    return [*added, *(name for name in _trained_of_package(model) if name not in added)]


@functools.cache
def _trained_of_package(model: str) -> list[str]:
    found = [preset for name in ganzoo.list_presets(f"{model}.*") if (preset := _found(name)).config.weights]
    return [preset.name for preset in sorted(found, key=lambda preset: not preset.config.default)]


def preset_choice(model: str, also: Iterable[str] = ()) -> gr.Dropdown:
    """A dropdown of the trained presets of a model and of the models in `also`."""
    choices = [preset for name in (model, *also) for preset in trained_presets(name)]
    return gr.Dropdown(choices, value=choices[0], label="Preset", elem_id=f"{model}-preset")


def seed_number(value: int, label: str = "Seed", **options: Any) -> gr.Number:
    """A field for a seed."""
    return gr.Number(value, label=label, precision=0, minimum=0, maximum=LARGEST_SEED, **options)


def image(label: str, **options: Any) -> gr.Image:
    """An output image, shown and downloaded as PNG."""
    return gr.Image(label=label, format="png", interactive=False, buttons=BUTTONS, **options)


def examples(values: Sequence[Any], component: Any, make: Callable[[Any], Any] | None = None) -> None:
    """A row of example values; a click puts one into a component.

    Args:
        values: the values; names of them, with `make`.
        component: of the page.
        make: function from a name to its value, for values that take time to compute.
    """
    choice = gr.Dataset(
        components=[component if make is None else gr.Textbox(render=False)],
        samples=[[value] for value in values],
        type="index",
        label="Examples",
        elem_id=f"{component.elem_id}-examples",
    )

    @shown_errors
    def put(index):
        value = values[whole_number(index, "the example", 0, len(values) - 1)]
        return value if make is None else make(value)

    options: dict[str, Any] = dict(show_progress="hidden", concurrency_limit=None, api_visibility="private")
    choice.click(put, [choice], [component], **(options if make is None else ONE_AT_A_TIME))


class Refused:
    """Replaces a value of a request that the page does not accept; `why` is the error message."""

    def __init__(self, why: str):
        self.why = why


def received(component: Any, value: Any) -> Any:
    """The value of a request as a page's function gets it.

    Args:
        component: the Gradio component of the value.
        value: the value in the request, any JSON.

    Returns:
        For a component that takes files, the path of the upload (or paths, in the component's own structure). For a
        component with a fixed list of choices, one of them. For any other component, the value unchanged: the page's
        function has to check it. `Refused` if the component cannot have this value.
    """
    choices = getattr(component, "choices", None)
    if choices and not getattr(component, "allow_custom_value", False):
        allowed = [choice for _, choice in choices]
        several = getattr(component, "multiselect", isinstance(component, gr.CheckboxGroup)) and isinstance(value, list)
        if not all(one in allowed for one in (value if several else [value])):
            few = len(allowed) <= _MOST_NAMED
            choices = f"one of {', '.join(map(str, allowed))}" if few else f"one of the {len(allowed)} choices"
            return Refused(f"{component.label}: {reprlib.repr(value)} is not {choices}")
    if value is None or getattr(component, "data_model", None) is None:
        return value
    try:
        return _uploaded_files(component.data_model.model_validate(value).model_dump(mode="json"))
    except GanzooError as error:
        return Refused(str(error))
    except ValueError:  # raised by pydantic for any other structure
        return Refused(f"{component.label}: not an uploaded file: choose it again")


def _uploaded_files(value: Any) -> Any:
    """A validated value with every file replaced by the path of its upload. URLs are not fetched."""
    if isinstance(value, dict):
        if "path" in value:
            return uploaded(value["path"])
        return {key: _uploaded_files(part) for key, part in value.items()}
    return [_uploaded_files(part) for part in value] if isinstance(value, list) else value


def shown_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """Shows errors of a function, or of a generator, as a message on the page, and leaves the outputs as they are.

    The function begins when Keras has been imported, which the server does while the first page is already shown.
    """

    @functools.wraps(function)
    def wrapped(*arguments: Any) -> Any:
        with _errors_as_messages():
            return _called(function, arguments)
        return gr.skip()

    @functools.wraps(function)
    def stream(*arguments: Any) -> Iterator[Any]:
        with _errors_as_messages():
            yield from _called(function, arguments)
            return
        yield gr.skip()

    return stream if inspect.isgeneratorfunction(function) else wrapped


def _called(function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    wait_for_keras()
    for argument in arguments:
        if isinstance(argument, Refused):
            raise GanzooError(argument.why)
    return function(*arguments)


@contextlib.contextmanager
def _errors_as_messages() -> Iterator[None]:
    try:
        yield
    except GanzooError as error:
        message = str(error)
    except Exception:  # a bug: the traceback goes to the terminal only
        traceback.print_exc()
        message = "something went wrong on the server: try again, or tell whoever runs it"
    else:
        return
    # Not gr.Error, which covers the last image.
    shown_warning(message)


def shown_warning(message: object) -> None:
    """Shows a message on the page."""
    gr.Warning(html.escape(without_folders(str(message)), quote=False))


def whole_number(value: Any, name: str, low: int, high: int) -> int:
    """A number from the page as an int.

    Raises:
        GanzooError: empty, not whole or out of range.
    """
    return int(_number(value, name, low, high, "whole number", lambda number: number == int(number)))


def finite_number(value: Any, name: str, low: float, high: float) -> float:
    """A number from the page as a float; raises like `whole_number`."""
    return float(_number(value, name, low, high, "number", lambda number: True))


def _number(value: Any, name: str, low: float, high: float, kind: str, fits: Callable[[Any], bool]) -> Any:
    if value is None:
        raise GanzooError(f"{name} is empty: it must be a {kind} from {low} to {high}")
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not low <= value <= high or not fits(value):
        raise GanzooError(f"{name} must be a {kind} from {low} to {high}, got {reprlib.repr(value)}")
    return value


def enlarged(image: np.ndarray, at_least: int = 560) -> np.ndarray:
    """A small image enlarged by repeating pixels, so that browsers do not blur it."""
    factor = max(1, round(at_least / max(image.shape[:2])))
    large = np.kron(image, np.ones((factor, factor, 1), image.dtype))
    return np.repeat(large, 3, axis=-1) if large.shape[-1] == 1 else large


def data_url(content: bytes, kind: str = "png") -> str:
    """The URL that contains an image file of this kind."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def as_file(image: np.ndarray, name: str, **options: Any) -> str:
    """Writes the image as a PNG to show or to download and returns its path; options as of `save_image`."""
    path = new_result(name)
    save_image(path, image, **options)
    return str(path)
