"""ganzoo: trained generative adversarial networks for Keras.

    import ganzoo
    model = ganzoo.load("dcgan")
    images = model.generate(16, seed=0)      # uint8 (16, height, width, channels)

Importing this package imports neither Keras nor TensorFlow; the first model does.
"""

import importlib

__version__ = "0.1.0"

_HOMES = {
    "AdversarialModel": "ganzoo.training.adversarial",
    "ClassConditionalGeneration": "ganzoo.tasks.image_generation",
    "GanzooError": "ganzoo.errors",
    "ImageGeneration": "ganzoo.tasks.image_generation",
    "Objective": "ganzoo.training.zoo_model",
    "SpeechEnhancement": "ganzoo.tasks.speech_enhancement",
    "SuperResolution": "ganzoo.tasks.super_resolution",
    "TextConditionalGAN": "ganzoo.training.text_conditional",
    "TextToImage": "ganzoo.tasks.text_to_image",
    "ZooModel": "ganzoo.training.zoo_model",
    "create": "ganzoo.registry",
    "list_models": "ganzoo.registry",
    "list_presets": "ganzoo.presets",
    "load": "ganzoo.presets",
    "register": "ganzoo.registry",
    "train": "ganzoo.training.run",
}
_ROOMS = ("data", "evaluation", "inference", "layers", "losses", "metrics", "models", "networks", "tasks")

__all__ = [*_HOMES, *_ROOMS]


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _ROOMS:
        return importlib.import_module(f"ganzoo.{name}")
    raise AttributeError(f"module 'ganzoo' has no attribute '{name}'")


def __dir__():
    return sorted([*globals(), *__all__])
