"""Smoother: over-smoothed mel-cepstra by least squares (after Zen et al. 2009, doi:10.1016/j.specom.2009.04.004)."""

from typing import Any

from keras import ops

from ganzoo.arguments import AtLeastOne
from ganzoo.networks.cepstral import SCALE, cepstral_smoother, smoother_reach
from ganzoo.registry import register
from ganzoo.tasks.speech_smoothing import SpeechSmoothing
from ganzoo.training.step import Objective
from ganzoo.training.zoo_model import ZooModel
from ganzoo.types import Tensor


@register("smoother")
class Smoother(SpeechSmoothing, ZooModel):
    """A network trained on the mean squared error to predict mel-cepstra from coarse ones.

    The least squared error is that of the mean of all spectra that fit the coarse ones, which is smoother than each of
    them: the over-smoothing of statistical parametric speech synthesis (Zen et al. 2009,
    doi:10.1016/j.specom.2009.04.004, section 4.3). `postfilter` starts from a trained smoother and learns to undo it.

    Coarse are the first `coarse_order` coefficients, averaged over `hop` frames of 5 ms.

    Args:
        order: mel-cepstral coefficients, from 0 to order - 1.
        coarse_order: coefficients of the coarse mel-cepstra.
        hop: frames that a coarse frame is the mean of.
        width: channels of the convolutions.
        blocks: number of residual blocks.
        kernel_size: of the convolutions.
        window: frames of a training segment, a multiple of hop.
        sample_rate: in Hz, of the speech that is analyzed.
        **options: of `ZooModel`.

    Raises:
        GanzooError: a size out of range.

    Example:
        model = ganzoo.create("smoother", width=16, blocks=1, window=64)
        model.compile()
        model.fit(ganzoo.data.cepstra("folder:my_speech", window=64, batch_size=4).take(2), epochs=1)
        smooth = model.smooth_cepstra(np.zeros((300, 40), "float32"))       # float32 (300, 40)
    """

    equation = (
        r"L = \mathbb{E} \left[ \left( \frac{G(\bar{x}) - x}{\sigma} \right)^2 \right],"
        r" \quad \bar{x} \text{: coarse mel-cepstra}, \quad \sigma \text{: deviation of each coefficient}"
    )
    reported = ("spectral_error",)
    test_config = dict(order=12, coarse_order=4, hop=4, width=4, blocks=1, kernel_size=3, window=16)

    def __init__(
        self,
        order: int = 40,
        coarse_order: int = 16,
        hop: int = 8,
        width: int = 64,
        blocks: int = 2,
        kernel_size: int = 5,
        window: int = 128,
        sample_rate: AtLeastOne = 16_000,
        **options: Any,
    ):
        network = cepstral_smoother(order, coarse_order, hop, width, blocks, kernel_size)
        super().__init__({"generator": network}, **options)
        self.set_sizes(order, coarse_order, hop, window, smoother_reach(hop, blocks, kernel_size), sample_rate)

    def objectives(self) -> list[Objective]:
        return [Objective("loss", self.squared_error, networks=("generator",))]

    def squared_error(self, batch: Any, training: bool = True) -> Tensor:
        """The mean squared error of a batch of natural mel-cepstra, in units of their standard deviations."""
        natural = self.natural_cepstra(batch)
        predicted = self.generator(self.coarse_tensor(natural), training=training)
        self.record(spectral_error=self.spectral_error(natural, predicted))
        scale = self.generator.get_layer(SCALE)
        return ops.mean((scale(predicted) - scale(natural)) ** 2)

    def before_training(self, x: Any, y: Any) -> Any:
        return self.take_scales(super().before_training(x, y), y)
