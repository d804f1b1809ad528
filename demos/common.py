"""What the pages share: a model loaded once, errors as messages, pictures large enough to see."""

import atexit
import functools
import re
import shutil
import tempfile
from pathlib import Path

import gradio as gr
import numpy as np

import ganzoo
from ganzoo import presets
from ganzoo.errors import GanzooError
from ganzoo.inference import save_picture

# One drawing at a time, however many people ask; more than QUEUE waiting are told to come back.
ONE_AT_A_TIME = dict(concurrency_id="model", concurrency_limit=1)
QUEUE = 20
LARGEST_SEED = 2**31 - 1
KEPT_FILES = 50
# Gradio's third button would share a picture through a web site.
BUTTONS = ["download", "fullscreen"]


@functools.lru_cache(maxsize=16)
def loaded(preset):
    """The trained model of a preset, kept."""
    return ganzoo.load(preset)


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


def picture(label, **options):
    """A place for a picture that the page shows, as PNG, and lets people keep."""
    return gr.Image(label=label, format="png", interactive=False, buttons=BUTTONS, **options)


def shown_errors(function):
    """Turns the package's errors into a message on the page."""

    @functools.wraps(function)
    def wrapped(*arguments):
        try:
            return function(*arguments)
        except GanzooError as error:
            # An uploaded file's name is the visitor's, the folder it lies in is nobody's business.
            raise gr.Error(re.sub(r"[^\s'\"]*/[0-9a-f]{32,}/", "", str(error)), print_exception=False) from None

    return wrapped


def whole_number(value, name, low, high):
    """A number from the page as an int.

    Raises:
        GanzooError: empty, not whole or out of range.
    """
    number = finite_number(value, name, low, high)
    if number != int(number):
        raise GanzooError(f"{name} must be a whole number from {low} to {high}, got {value}")
    return int(number)


def finite_number(value, name, low, high):
    """A number from the page as a float; errors as `whole_number`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise GanzooError(f"{name} must be a number from {low} to {high}, got {value}")
    return float(value)


def enlarged(picture, at_least=560):
    """A small picture with every pixel made a square, so that browsers do not blur it."""
    factor = max(1, round(at_least / max(picture.shape[:2])))
    large = np.kron(picture, np.ones((factor, factor, 1), picture.dtype))
    return np.repeat(large, 3, axis=-1) if large.shape[-1] == 1 else large


def as_file(picture, name):
    """The path of a PNG of the picture, for a download."""
    path = new_file(name)
    save_picture(path, picture)
    return str(path)


def new_file(name):
    """A path for a download; the oldest ones make room."""
    folder = downloads() / "made"
    folder.mkdir(exist_ok=True)
    # Gradio copies what it serves; these are needed for a moment only.
    for old in sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime)[: 1 - KEPT_FILES]:
        old.unlink(missing_ok=True)
    return folder / name


@functools.cache
def downloads():
    """One folder for the whole process, removed with it."""
    folder = tempfile.mkdtemp(prefix="ganzoo-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
