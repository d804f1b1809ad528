"""The figures of a trained model against real data, and the protocol they were measured under."""

from ganzoo.evaluation.drawn import probe
from ganzoo.evaluation.results import Evaluation, comparable, evaluate, evaluate_presets

__all__ = ["Evaluation", "comparable", "evaluate", "evaluate_presets", "probe"]
