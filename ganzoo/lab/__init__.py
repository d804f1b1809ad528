"""The laboratory: GANs on two-dimensional points, observed while they train.

import ganzoo
played = ganzoo.lab.play(data="ring", loss="non_saturating", steps=500)
played.frames[-1].modes
ganzoo.lab.compare("saturation", "saturation.gif")
"""

from ganzoo.lab.data import DISTRIBUTIONS, Points, sample
from ganzoo.lab.game import Frame, Game
from ganzoo.lab.playing import Played, compare, play
from ganzoo.lab.prepared import Experiment, experiments
from ganzoo.lab.settings import Settings

__all__ = [
    "DISTRIBUTIONS",
    "Experiment",
    "Frame",
    "Game",
    "Played",
    "Points",
    "Settings",
    "compare",
    "experiments",
    "play",
    "sample",
]
