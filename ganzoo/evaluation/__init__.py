"""Metrics of trained models against real data, with the protocol of each measurement."""

from ganzoo.evaluation.compare import compare_presets, evaluate, evaluate_presets
from ganzoo.evaluation.image_generation import probe
from ganzoo.evaluation.report import Evaluation, comparable

__all__ = ["Evaluation", "comparable", "compare_presets", "evaluate", "evaluate_presets", "probe"]
