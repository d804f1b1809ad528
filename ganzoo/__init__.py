"""ganzoo: trained generative models for Keras.

    import ganzoo
    model = ganzoo.load("dcgan")
    images = model.generate(16, seed=0)      # uint8 (16, height, width, channels)

Importing this package imports neither Keras nor TensorFlow; creating or loading a model does.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_MODULES = {
    "AdversarialModel": "ganzoo.training.adversarial",
    "ClassConditionalGeneration": "ganzoo.tasks.class_conditional_generation",
    "GanzooError": "ganzoo.errors",
    "ImageGeneration": "ganzoo.tasks.image_generation",
    "ImageTranslation": "ganzoo.tasks.image_translation",
    "Objective": "ganzoo.training.step",
    "SpeechEnhancement": "ganzoo.tasks.speech_enhancement",
    "SpeechRestoration": "ganzoo.tasks.speech_restoration",
    "SpeechSmoothing": "ganzoo.tasks.speech_smoothing",
    "SpeechSynthesis": "ganzoo.tasks.speech_synthesis",
    "SuperResolution": "ganzoo.tasks.super_resolution",
    "TextConditionalGAN": "ganzoo.training.text_conditional",
    "TextToImage": "ganzoo.tasks.text_to_image",
    "VoiceConversion": "ganzoo.tasks.voice_conversion",
    "ZooModel": "ganzoo.training.zoo_model",
    "create": "ganzoo.registry",
    "list_models": "ganzoo.registry",
    "list_presets": "ganzoo.presets",
    "load": "ganzoo.loading",
    "register": "ganzoo.registry",
    "train": "ganzoo.training.run",
}
_PACKAGES = ("data", "evaluation", "inference", "lab", "layers", "losses", "metrics", "models", "networks", "tasks")

__all__ = [*_MODULES, *_PACKAGES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(_imported(_MODULES[name]), name)
    if name in _PACKAGES:
        return _imported(f"ganzoo.{name}")
    raise AttributeError(f"module 'ganzoo' has no attribute '{name}'")


def _imported(module: str) -> Any:
    from ganzoo.start import collection_paused

    with collection_paused():
        return importlib.import_module(module)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
