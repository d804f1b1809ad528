"""Models of presets, runs and `.keras` files."""

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo import presets, registry
from ganzoo.arguments import parameters_of, validated_arguments
from ganzoo.config import Config
from ganzoo.construction import inference_first
from ganzoo.errors import GanzooError, NotInstalledError, first_line
from ganzoo.precision import InferencePrecision, inference_policy, made_with, set_precision
from ganzoo.start import collection_paused
from ganzoo.types import PathLike

if TYPE_CHECKING:
    from ganzoo.training.zoo_model import ZooModel


def load(
    name: PathLike, trained: bool = True, compile: bool = True, *, precision: InferencePrecision | None = None
) -> "ZooModel":
    """Loads a trained model for inference or further training.

    The discriminator and the optimizers are built only when training needs them, so a model for inference costs no
    more than its generator.

    Args:
        name: a model ("dcgan", meaning its default preset), a preset ("dcgan.mnist"), the address of a preset on the
            Hugging Face Hub ("hf://user/name" or "hf://user/name@revision"), or the path of a YAML file, a preset
            folder, a saved `.keras` file, or a run folder of `ganzoo train` (meaning its best checkpoint).
        trained: False returns the model with random weights.
        compile: False returns a model that is not compiled with the preset's settings; call `model.compile()` before
            `model.fit()`.
        precision: of the computation: "float32", "mixed_bfloat16", or "auto": bfloat16 for presets whose quality was
            measured to stay with it, on machines that are faster with it. The first use on a machine measures for a
            second which it is. None is Keras' global policy, float32 by default.

    Returns:
        The model. `model.preset` is the preset's name (None for a `.keras` file).

    Raises:
        GanzooError: an unknown name, a damaged file, a file of another package, or no connection to the hub.

    Example:
        model = ganzoo.load("dcgan")
        images = model.generate(16, seed=0)  # uint8 (16, 28, 28, 1)
    """
    with collection_paused():
        import keras

    from ganzoo import memory, weights

    if presets.is_saved(name) or presets.is_run(name):
        policy = inference_policy(precision, quality_stays=False) if precision else None
        path = Path(name) if presets.is_saved(name) else presets.checkpoint_of(name)
        model = load_saved(path, compile, trained)
        if policy:
            set_precision(model.inference_network, policy)
        return model
    preset = presets.find(name)
    # Raises before anything is built.
    presets.model_of_preset(preset, trained)
    measured = bool(preset.config.weights and preset.config.weights.bfloat16)
    # The preset's precision is for training. Loaded models have the global policy, float32 by default.
    policy = inference_policy(precision, trained and measured) if precision else None
    policy = policy or keras.config.dtype_policy()
    if not trained:
        return _with_names(build(preset.config, preset.name, policy, compile), preset)
    # Presets without weights have been refused.
    assert preset.weights_file is not None
    assert preset.config.weights is not None
    # Networks that are built later read it again, when the current folder may be another one.
    weights_file, sha256 = preset.weights_file.absolute(), preset.config.weights.sha256
    guard = functools.partial(memory.fitting_file, weights_file, weights.stored_bytes(weights_file, sha256))
    cls, arguments, settings = _checked(preset.config, preset.name)
    with inference_first(), guard(blank=True) as blank, made_with(policy):
        model = cls(**arguments)
    memory.fill(blank, model.load_shipped(weights_file, sha256))
    if policy == "mixed_bfloat16" and precision:
        set_precision(model.inference_network, policy)

    def finish(model: Any, names: list[str]) -> None:
        model.load_left_out(weights_file, names, sha256)
        if compile:
            model.compile(**settings)

    model.finish_later(guard, finish)
    return _with_names(model, preset)


def _with_names(model: Any, preset: presets.Preset) -> Any:
    """Sets the names of a model's preset and classes."""
    model.preset = preset.name
    if preset.config.class_names and hasattr(model, "class_names"):
        model.class_names = preset.config.class_names
    return model


def build(config: Config, where: str, policy: Any = None, compile: bool = True) -> Any:
    """Builds the model of a config with random weights.

    Args:
        config: the config.
        where: how errors begin.
        policy: dtype policy to use instead of the config's precision. A precision of "auto", which is resolved when
            training begins, means the global policy here.
        compile: whether to compile the model with the config's settings.
    """
    import keras

    from ganzoo import memory

    cls, arguments, settings = _checked(config, where)
    if policy is None and config.training.precision != "auto":
        policy = config.training.precision
    with made_with(policy or keras.config.dtype_policy()), memory.fitting_memory(f"{where}, section 'arguments'"):
        model = cls(**arguments)
    if compile:
        model.compile(**settings)
    return model


def check(config: Config, where: str) -> None:
    """Checks the sections `arguments` and `compile` of a config, without building anything.

    Args:
        config: the config.
        where: how errors begin.

    Raises:
        GanzooError: an unknown model or key, or a value of a wrong type.
    """
    _checked(config, where)


def _checked(config: Config, where: str) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """(model class, arguments, compile settings) of a config, validated."""
    cls = registry.model_class(config.model, where)
    arguments = validated_arguments(
        parameters_of("__init__", owner=cls), config.arguments, f"{where}, section 'arguments'"
    )
    parameters = parameters_of("compile", owner=cls)
    settings = validated_arguments(parameters, config.compile, f"{where}, section 'compile'")
    for key, value in settings.items():
        default = parameters[key].default
        # {learning_rate: ...} without a name changes the default optimizer.
        if isinstance(value, dict) and isinstance(default, dict) and "name" not in value:
            settings[key] = {**default, **value}
    return cls, arguments, settings


def load_saved(path: PathLike, compile: bool = True, trained: bool = True) -> Any:
    """Loads a model from a `.keras` file that `model.save` wrote.

    Args:
        path: of the file.
        compile: whether to compile the model as it was.
        trained: False for random weights instead of those in the file.

    Raises:
        GanzooError: a missing or damaged file, or one with a model of another package.
    """
    import keras

    from ganzoo import keras_archive, memory

    described, stored = keras_archive.read(path)
    cls = registry.model_class(presets.model_described(described, path))
    keras_archive.check_objects(described, path)
    try:
        with memory.fitting_file(path, stored):
            if trained:
                model = keras.models.load_model(path, compile=compile)
            else:
                settings = described.get("compile_config") if compile else None
                model = keras.saving.deserialize_keras_object({**described, "compile_config": settings})
    except GanzooError as error:
        # An argument in the file, of which the message does not say where it is.
        if isinstance(error, NotInstalledError) or str(path) in str(error):
            raise
        raise GanzooError(f"cannot load {path}: {error}") from None
    # Keras, HDF5 and JSON raise many kinds of errors on damaged files.
    except Exception as error:
        raise GanzooError(f"cannot load {path}: {first_line(error)}") from None
    if not isinstance(model, cls):
        raise GanzooError(f"{path} does not hold a ganzoo model")
    return model
