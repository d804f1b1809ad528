"""Tasks of models: mixins without training code; see `ganzoo.tasks.base`."""

from ganzoo.tasks.base import Task, ValidationMetrics
from ganzoo.tasks.class_conditional_generation import ClassConditionalGeneration
from ganzoo.tasks.image_generation import ImageGeneration
from ganzoo.tasks.image_translation import ImageTranslation
from ganzoo.tasks.speech_enhancement import SpeechEnhancement
from ganzoo.tasks.speech_restoration import SpeechRestoration
from ganzoo.tasks.speech_smoothing import SpeechSmoothing
from ganzoo.tasks.speech_synthesis import SpeechSynthesis
from ganzoo.tasks.super_resolution import SuperResolution
from ganzoo.tasks.text_to_image import TextToImage
from ganzoo.tasks.voice_conversion import VoiceConversion

__all__ = [
    "ClassConditionalGeneration",
    "ImageGeneration",
    "ImageTranslation",
    "SpeechEnhancement",
    "SpeechRestoration",
    "SpeechSmoothing",
    "SpeechSynthesis",
    "SuperResolution",
    "Task",
    "TextToImage",
    "ValidationMetrics",
    "VoiceConversion",
]
