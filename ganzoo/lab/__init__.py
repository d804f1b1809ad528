"""The laboratory: GANs on two-dimensional points, observed while they train.

import ganzoo
played = ganzoo.lab.play(data="ring", loss="non_saturating", steps=500)
played.frames[-1].modes
ganzoo.lab.compare("saturation", "saturation.gif")
"""

import importlib
from typing import Any

# Imported on first use: the web page shows the settings before Keras is imported.
_MODULES = {
    "DISTRIBUTIONS": "data",
    "Experiment": "prepared",
    "Frame": "game",
    "Game": "game",
    "Played": "playing",
    "Points": "data",
    "Settings": "settings",
    "compare": "playing",
    "experiments": "prepared",
    "play": "playing",
    "sample": "data",
}

__all__ = [*_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"ganzoo.lab.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'ganzoo.lab' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
