"""The controls of the laboratory, and the settings that their values mean."""

from dataclasses import fields
from typing import Any

import gradio as gr
import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.inference.image_files import read_image_file
from ganzoo.lab.data import DISTRIBUTIONS, LIMIT
from ganzoo.lab.settings import Settings

from .common import LARGEST_SEED, Refused, finite_number, seed_number, whole_number

# The data that a visitor paints; side of the canvas in pixels.
OWN, CANVAS = "own points", 360
_MOST_PIXELS = 1_000_000
_PENALTIES = ["none", "gradient_penalty", "r1"]
_LOSSES = ["non_saturating", "minimax", "least_squares", "wasserstein", "hinge", "boundary_equilibrium"]
_OF_D = ["spectral_normalization", "minibatch_discrimination", "virtual_batch_normalization"]
_OF_G = ["spectral_normalization", "virtual_batch_normalization"]
# Settings that both games have in common, and those of each.
SHARED = ("data", "seed", "layers", "units", "latent_dim", "batch_size", "pretraining_steps", "optimizer")
CONTROLS = (
    "loss",
    "smoothing",
    "penalty",
    "penalty_weight",
    "discriminator_regularizers",
    "generator_regularizers",
    "batch_norm",
    "weight_clipping",
    "discriminator_steps",
    "discriminator_learning_rate",
    "generator_learning_rate",
    "instance_noise",
    "feature_matching",
    "moment_matching",
    "historical_averaging",
    "conditional",
)


def shared_controls() -> dict[str, Any]:
    """The controls that both games have in common."""
    named: dict[str, Any] = dict.fromkeys(SHARED)
    with gr.Row():
        named["data"] = gr.Dropdown([*DISTRIBUTIONS, OWN], value="ring", label="Real data", elem_id="lab-data")
        named["seed"] = seed_number(0, elem_id="lab-seed")
    with gr.Row():
        named["layers"] = gr.Slider(0, 4, 2, step=1, label="Hidden layers", elem_id="lab-layers")
        named["units"] = gr.Slider(2, 128, 64, step=1, label="Units per layer", elem_id="lab-units")
        named["latent_dim"] = gr.Slider(1, 32, 8, step=1, label="Size of the latent vector", elem_id="lab-latent-dim")
        named["batch_size"] = gr.Slider(8, 256, 64, step=8, label="Batch size", elem_id="lab-batch")
        named["pretraining_steps"] = gr.Slider(
            0, 1000, 0, step=10, label="Steps of D alone at first", elem_id="lab-pretraining"
        )
        named["optimizer"] = gr.Dropdown(
            ["adam", "sgd", "rmsprop"], value="adam", label="Optimizer", elem_id="lab-optimizer"
        )
    return named


def game_controls(prefix: str) -> dict[str, Any]:
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
        "discriminator_learning_rate": gr.Number(0.002, label="Learning rate of D", elem_id=known("d-rate")),
        "generator_learning_rate": gr.Number(0.001, label="Learning rate of G", elem_id=known("g-rate")),
        "instance_noise": gr.Slider(0, 1, 0, step=0.05, label="Instance noise", elem_id=known("instance-noise")),
        "feature_matching": gr.Number(0, label="Feature matching (weight)", elem_id=known("matching")),
        "moment_matching": gr.Number(0, label="Moment matching (weight)", elem_id=known("moments")),
        "historical_averaging": gr.Number(0, label="Historical averaging (weight)", elem_id=known("averaging")),
        "conditional": gr.Checkbox(False, label="Give the class to both networks", elem_id=known("conditional")),
    }


WHOLE = {
    "seed": (0, LARGEST_SEED),
    "layers": (0, 4),
    "units": (2, 128),
    "latent_dim": (1, 32),
    "batch_size": (8, 256),
    "pretraining_steps": (0, 1000),
    "discriminator_steps": (1, 10),
}
_REAL = {
    "smoothing": (0, 0.5),
    "penalty_weight": (0, 1000),
    "weight_clipping": (0, 10),
    "discriminator_learning_rate": (0, 1),
    "generator_learning_rate": (0, 1),
    "instance_noise": (0, 1),
    "feature_matching": (0, 100),
    "moment_matching": (0, 100),
    "historical_averaging": (0, 100),
}


# As on the page, where the name of a setting is not.
_CALLED = {
    "latent_dim": "size of the latent vector",
    "pretraining_steps": "steps of D alone at first",
    "smoothing": "label smoothing",
    "discriminator_steps": "k",
    "discriminator_learning_rate": "learning rate of D",
    "generator_learning_rate": "learning rate of G",
    "weight_clipping": "clipping of D's weights",
}


def settings_of(values: dict[str, Any], own: list[list[float]] | None) -> Settings:
    """Settings from the values of the controls, which are checked here: they come from a request."""
    checked = dict(values)
    for name, value in values.items():
        words = _CALLED.get(name, name.replace("_", " "))
        if name in WHOLE:
            checked[name] = whole_number(value, words, *WHOLE[name])
        elif name in _REAL:
            checked[name] = finite_number(value, words, *_REAL[name])
        elif isinstance(value, Refused):
            raise GanzooError(value.why)
    smoothing, penalty, weight = (checked.pop(name) for name in ("smoothing", "penalty", "penalty_weight"))
    noise = checked.pop("instance_noise")
    if smoothing:
        if checked["loss"] not in ("non_saturating", "minimax"):
            raise GanzooError(
                f"label smoothing is for cross-entropy: set it to 0, or change the loss {checked['loss']}"
            )
        checked["loss"] = {"name": checked["loss"], "smoothing": smoothing}
    if checked["data"] == OWN:
        if not own:
            raise GanzooError("paint points on the canvas among the settings first, then press Reset")
        checked["data"] = own
    return Settings(
        **{**checked, "conditional": bool(checked["conditional"])},
        penalties=[] if penalty == "none" else [{"name": penalty, "weight": weight}],
        augmentations=[{"name": "instance_noise", "deviation": noise}] if noise else [],
    )


def values_of(settings: Settings) -> dict[str, Any]:
    """The values of the controls that give these settings: the reverse of `settings_of`."""
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


def plane() -> np.ndarray:
    """The background of the canvas, uint8 (CANVAS, CANVAS, 3): the plane, with a line at each whole number."""
    image = np.full((CANVAS, CANVAS, 3), 255, "uint8")
    for number in range(1 - int(LIMIT), int(LIMIT)):
        place = round((number / LIMIT + 1) / 2 * CANVAS)
        image[place], image[:, place] = [(190 if number == 0 else 232)] * 2
    return image


def own_points(painting: Any) -> list[list[float]] | None:
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
