"""The laboratory: GANs of points in the plane, which show the game while it is played.

import ganzoo
game = ganzoo.lab.Game(data="ring", loss="non_saturating")
game.train(500)
game.frame().modes
"""

from ganzoo.lab.data import DISTRIBUTIONS, Points, sample
from ganzoo.lab.game import Frame, Game, Settings

__all__ = ["DISTRIBUTIONS", "Frame", "Game", "Points", "Settings", "sample"]
