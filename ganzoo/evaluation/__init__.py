"""The metrics of a trained model against real data, and the protocol they were measured under."""

from ganzoo.evaluation.compare import evaluate, evaluate_presets
from ganzoo.evaluation.image_generation import probe
from ganzoo.evaluation.report import Evaluation, comparable

__all__ = ["Evaluation", "comparable", "evaluate", "evaluate_presets", "probe"]
