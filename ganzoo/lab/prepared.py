"""Ten prepared experiments: a claim of the lecture each, two games that show it, and a measure of the effect.

`python -m benchmarks.laboratory` plays them with several seeds and writes what it measured to measured.json beside this
file; `Experiment.verdict` says whether the effect was measurable.
"""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzoo.errors import unknown
from ganzoo.lab import effects
from ganzoo.lab.settings import Settings

if TYPE_CHECKING:
    from ganzoo.lab.game import Frame, Game

_MEASURED = Path(__file__).parent / "measured.json"


@dataclass(frozen=True)
class Experiment:
    """Two games that differ in one thing, from the same seed.

    Attributes:
        name: short name.
        title: the claim in a few words.
        text: three sentences: what is played, what is claimed, and why.
        equation: in LaTeX, without dollar signs.
        watch: what to look at.
        base: settings of both games.
        names: of the two games.
        changes: the settings of each game that differ from `base`.
        steps: steps of each game; a number is measured after them.
        measure: function from (game, its frames) to a number.
        measured: what the number is.
        greater: whether the claim is that the second game has the greater number.
        paper: where the claim comes from.

    Example:
        experiment = ganzoo.lab.experiments["saturation"]
        experiment.title
    """

    name: str
    title: str
    text: str
    equation: str
    watch: str
    base: Mapping[str, Any]
    names: tuple[str, str]
    changes: tuple[Mapping[str, Any], Mapping[str, Any]]
    steps: int
    measure: "Callable[[Game, list[Frame]], float]" = field(repr=False)
    measured: str
    greater: bool
    paper: str

    def settings(self, seed: int = 0) -> tuple[Settings, Settings]:
        """The settings of the two games.

        Example:
            first, second = ganzoo.lab.experiments["saturation"].settings(seed=1)
        """
        first, second = (Settings.of(self.base, **changes, seed=seed) for changes in self.changes)
        return first, second

    def play(self, seed: int = 0, frames: int = 40) -> tuple[float, float]:
        """Plays both games and returns their numbers.

        Args:
            seed: of both.
            frames: number of frames that the measure sees.

        Example:
            before, after = ganzoo.lab.experiments["correlation"].play(seed=0, frames=2)
        """
        from ganzoo.lab.game import Game

        found = []
        for settings in self.settings(seed):
            game, seen = Game(settings), []
            for _ in range(frames):
                game.train(max(1, self.steps // frames))
                seen.append(game.frame())
            found.append(float(self.measure(game, seen)))
        return found[0], found[1]

    @property
    def results(self) -> list[tuple[float, float]]:
        """The numbers of the two games for each seed measured, from measured.json; empty if it was not measured."""
        return [(first, second) for first, second in _measured().get(self.name, [])]

    def holds(self, results: list[tuple[float, float]]) -> bool:
        """Whether the numbers differ as claimed for every seed. By chance, five of five would with probability 1/32."""
        sign = 1 if self.greater else -1
        return bool(results) and all(sign * (second - first) > 0 for first, second in results)

    @property
    def verdict(self) -> str:
        """One sentence: what was measured, and whether the effect is there."""
        results = self.results
        if not results:
            return "This was not measured."
        first, second = np.mean(results, axis=0)
        right = sum(self.holds([pair]) for pair in results)
        numbers = f"{first:.3g} ({self.names[0]}) and {second:.3g} ({self.names[1]})"
        said = f"Measured: {self.measured}. With {len(results)} seeds and {self.steps:,} steps, {numbers} on average; "
        said += f"as claimed for {right} of {len(results)}."
        return said if self.holds(results) else f"{said} **So the effect is not measurable here.**"


@functools.cache
def _measured() -> dict[str, list[list[float]]]:
    return json.loads(_MEASURED.read_text("utf-8")) if _MEASURED.exists() else {}


class Experiments(dict[str, Experiment]):
    """{name: experiment}; an unknown name raises a `GanzooError` with the nearest match."""

    def __missing__(self, name: object) -> Experiment:
        raise unknown("experiment", name, self)


_FAR = dict(
    data="point",
    units=32,
    pretraining_steps=400,
    optimizer="sgd",
    generator_learning_rate=0.02,
    discriminator_learning_rate=0.05,
)

_ALL = [
    Experiment(
        "oscillation",
        "Oscillation around a saddle point",
        "The simplest game: the real data is one small cluster, the generator moves a cluster, the discriminator "
        "is a linear function. Gradient descent of the two players in turn does not approach the equilibrium but "
        "circles it. A penalty on the discriminator's gradient at real points damps the motion, and the "
        "distance falls to what a linear function cannot see: the generated cluster is wider.",
        r"V = \psi^\top (E[x] - E[G(z)]), \qquad R_1 = \tfrac{\gamma}{2}\, E\,|\nabla D(x)|^2",
        "The distance curve: it swings without the penalty, and falls and stays with it.",
        dict(
            data="point",
            layers=0,
            latent_dim=2,
            loss="wasserstein",
            optimizer="sgd",
            discriminator_learning_rate=0.1,
            generator_learning_rate=0.1,
        ),
        ("plain", "R1 penalty"),
        (dict(), dict(penalties=[{"name": "r1", "weight": 1.0}])),
        800,
        effects.distance_of_end,
        "mean distance in the last quarter",
        False,
        "Mescheder et al. 2018, arXiv:1801.04406",
    ),
    Experiment(
        "saturation",
        "Saturation of the minimax loss",
        "The discriminator trains alone first, until it tells all generated points apart. Then the minimax loss "
        "log(1 - D) is flat: its gradient is proportional to D(G(z)), which is nearly 0. The non-saturating loss "
        "-log D asks for the same, but its gradient is proportional to 1 - D(G(z)).",
        r"\nabla \log(1 - D) \propto D \to 0, \qquad \nabla(-\log D) \propto 1 - D \to 1",
        "The lines at the generated points in the first frames, and which cluster moves.",
        _FAR,
        ("minimax", "non-saturating"),
        (dict(loss="minimax"), dict(loss="non_saturating")),
        200,
        effects.first_gradient,
        "mean gradient at generated points in the first frame",
        True,
        "Goodfellow et al. 2014, arXiv:1406.2661, section 3",
    ),
    Experiment(
        "k-steps",
        "Why k discriminator steps",
        "The divergence that the generator should minimize is known only to the best discriminator; any other "
        "gives a lower bound. More steps of the discriminator for each of the generator make the bound tighter. "
        "They need not make the generator find more modes.",
        r"\max_D V(D, G) = 2\,\mathrm{JS}(p, q) - \log 4",
        "D's estimate of the divergence beside the one by histograms, then the modes.",
        dict(data="ring"),
        ("k = 1", "k = 5"),
        (dict(), dict(discriminator_steps=5)),
        800,
        effects.tightness,
        "mean of D's estimate of the divergence",
        True,
        "Goodfellow et al. 2014, arXiv:1406.2661, Algorithm 1",
    ),
    Experiment(
        "collapse",
        "Mode collapse, and minibatch discrimination",
        "The real data is a ring of eight clusters, and the generator learns ten times as fast as the discriminator: "
        "its points jump between a few of the modes. A discriminator that sees each point alone can only chase them; "
        "with minibatch discrimination it also sees how close the points of a batch are, and a batch from few modes "
        "looks unlike a real one. We count the directions in which points lie, since points that move fast "
        "do not hit the clusters exactly.",
        r"o(x_i) = \sum_j \exp(-\lVert M_i - M_j \rVert_1)",
        "Whether the red points gather and move together, or spread around the ring. (The background of the second "
        "game is only a hint: its discriminator compares the points of a batch.) For other remedies, change game B in "
        "the settings and press Reset.",
        dict(data="ring", discriminator_learning_rate=3e-4, generator_learning_rate=3e-3),
        ("plain", "minibatch discrimination"),
        (dict(), dict(discriminator_regularizers=["minibatch_discrimination"])),
        2000,
        effects.reached,
        "mean number of the 8 directions in which there are points, in the second half",
        True,
        "Salimans et al. 2016, arXiv:1606.03498, section 3.2",
    ),
    Experiment(
        "correlation",
        "Batch norm correlates a batch",
        "With batch norm in the generator, a point depends on the other latents of its batch, through the batch's "
        "mean and variance. Virtual batch normalization takes them from the point itself and a reference batch that "
        "never changes. So the same latent gives the same point, whatever else is in the batch.",
        r"\hat{h} = \gamma\,\frac{h - \mu(\text{batch})}{\sigma(\text{batch})} + \beta",
        "How much each point moves from frame to frame: in the first game it also jumps with its batch.",
        dict(data="ring", batch_norm="generator"),
        ("batch norm", "virtual batch norm"),
        (dict(), dict(generator_regularizers=["virtual_batch_normalization"])),
        200,
        effects.batch_dependence,
        "change of one latent's point with its batch, in percent of the points' deviation",
        False,
        "Salimans et al. 2016, arXiv:1606.03498, section 3.5",
    ),
    Experiment(
        "least-squares",
        "Least squares also pulls accepted points",
        "Cross-entropy leaves a generated point alone as soon as the discriminator takes it for real, even if it "
        "is far from the data. Least squares punishes every distance from the target, also on the right side of "
        "the boundary. We measure how much gradient accepted points (above 0.75) get, relative to rejected ones "
        "(below 0.25).",
        r"\tfrac12 E\,[(D(G(z)) - 1)^2] \quad\text{beside}\quad -E\,[\log D(G(z))]",
        "The lines at points on a real-looking background.",
        dict(data="ring", pretraining_steps=100),
        ("cross-entropy", "least squares"),
        (dict(loss="non_saturating"), dict(loss="least_squares")),
        3000,
        effects.pull_on_accepted,
        "gradient at accepted points relative to rejected ones",
        True,
        "Mao et al. 2016, arXiv:1611.04076, section 3.2",
    ),
    Experiment(
        "wasserstein",
        "A loss that follows quality",
        "The Wasserstein critic estimates a distance that shrinks steadily as the generated points approach the "
        "real ones. The discriminator's estimate of the Jensen-Shannon divergence jumps: it is near its maximum "
        "log 2 as long as the two can be told apart. We measure how well each estimate ranks the frames by the true "
        "distance.",
        r"W(p, q) = \max_{|D|_L \le 1} E[D(x)] - E[D(G(z))]",
        "The curve of D's estimate beside that of the distance.",
        dict(data="ring", discriminator_steps=5, generator_learning_rate=2e-4),
        ("cross-entropy", "Wasserstein with gradient penalty"),
        (dict(), dict(loss="wasserstein", penalties=[{"name": "gradient_penalty", "weight": 1.0}])),
        6000,
        effects.follows_quality,
        "rank correlation of D's estimate with the true distance",
        True,
        "Arjovsky et al. 2017, arXiv:1701.07875; Gulrajani et al. 2017, arXiv:1704.00028",
    ),
    Experiment(
        "smoothing",
        "One-sided label smoothing",
        "The target of real points is 0.9 instead of 1. The discriminator then has no reason to be more confident "
        "than that: extreme logits cost. Its best value becomes 0.9 p / (p + q).",
        r"-E[0.9 \log D(x) + 0.1 \log(1 - D(x))] - E[\log(1 - D(G(z)))]",
        "The color of the background at the real points.",
        dict(data="point", units=32, pretraining_steps=400, generator_learning_rate=0.0),
        ("target 1", "target 0.9"),
        (dict(), dict(loss={"name": "non_saturating", "smoothing": 0.1})),
        200,
        effects.confidence,
        "mean D(x) at real points, against a generator that stands still",
        False,
        "Salimans et al. 2016, arXiv:1606.03498, section 3.4",
    ),
    Experiment(
        "gradient-penalty",
        "A gradient penalty instead of clipped weights",
        "A critic needs a bounded slope. Clipping its weights bounds it in a crude way: the slope becomes far "
        "smaller than allowed, or uneven. The gradient penalty asks for slope 1 between real and generated points.",
        r"\lambda\, E\,(|\nabla D(\hat{x})| - 1)^2",
        "How evenly the background rises from generated to real points.",
        dict(data="ring", loss="wasserstein", discriminator_steps=3),
        ("weights in [-0.1, 0.1]", "gradient penalty"),
        (dict(weight_clipping=0.1), dict(penalties=[{"name": "gradient_penalty", "weight": 10.0}])),
        600,
        effects.slope,
        "mean deviation of the critic's slope from 1",
        False,
        "Gulrajani et al. 2017, arXiv:1704.00028, section 4",
    ),
    Experiment(
        "conditional",
        "Conditional generation",
        "Both networks are given the class of each point, here its place on the ring. The generator can no longer "
        "ignore a mode whose class is asked for, because the discriminator sees the class beside the point. "
        "Without classes, a latent lands anywhere.",
        r"\min_G \max_D\; E[\log D(x \mid y)] + E[\log(1 - D(G(z \mid y) \mid y))]",
        "The number of modes found.",
        dict(data="ring"),
        ("without classes", "with classes"),
        (dict(), dict(conditional=True)),
        1000,
        effects.obeys,
        "share of points at the mode that was asked for (chance: 1/8)",
        True,
        "Mirza & Osindero 2014, arXiv:1411.1784",
    ),
]

experiments = Experiments((experiment.name, experiment) for experiment in _ALL)
