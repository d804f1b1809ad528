"""Two generators that undo each other: training without pairs, as in CycleGAN (Zhu et al. 2017, arXiv:1703.10593)."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from ganzoo.arguments import NotNegative, NotNegativeWhole
from ganzoo.errors import GanzooError
from ganzoo.training.adversarial import AdversarialModel
from ganzoo.training.image_pool import ImagePool
from ganzoo.training.zoo_model import Network
from ganzoo.types import Tensor


class CycleModel(AdversarialModel):
    """A translator of each direction between two kinds of examples, and a discriminator of each kind.

    G (`generator`) translates examples of the first side to the second, F (`backward_generator`) back. Each has a
    discriminator of the examples that it makes. Besides the adversarial losses, both minimize the cycle loss
    (equation 2), with which F(G(x)) returns to x and G(F(y)) to y, and the identity loss (section 5.2), with which
    examples of the wanted side stay as they are. The discriminators also see examples from a pool of earlier steps.

    Batches are pairs of arrays, one of each side, in no relation to each other. A subclass sets `compared_shape`, and
    may override `compared`, `hidden` and `moved`.

    Args:
        networks: {name: network, or function that builds it} with the names in `generators` and `discriminators`.
        **options: of `AdversarialModel`.

    Example:
        from ganzoo.training.cycle import CycleModel

        class Numbers(CycleModel):
            data_name, compared_shape = "my_numbers", (4,)

            def __init__(self):
                def dense(size):
                    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(size)])

                networks = {name: dense(4) for name in self.generators}
                super().__init__({**networks, **{name: dense(1) for name in self.discriminators}})

        model = Numbers()
        model.compile()
        sides = np.zeros((8, 4), "float32"), np.ones((8, 4), "float32")
        model.fit(*sides, batch_size=4, verbose=0)
    """

    generators = ("generator", "backward_generator")
    discriminators = ("discriminator", "backward_discriminator")
    reported = ("cycle_loss",)
    # The generators are deterministic.
    shares_fake_batch = True
    # The data function of pairs, for errors.
    data_name = "unpaired"
    # Shape of an example that `compared` returns; the subclass sets it in its constructor.
    compared_shape: tuple[int, ...] = ()

    def __init__(self, networks: Mapping[str, Network], **options: Any):
        super().__init__(networks=networks, **options)
        self.pools: dict[str, ImagePool] = {}

    def compared(self, examples: Tensor, side: int) -> Tensor:
        """The part of examples of a side, 0 or 1, that discriminators see and of which distances are taken; all by
        default."""
        return examples

    def moved(self, examples: Tensor, side: int, other: int) -> Tensor:
        """Examples of a side as the translator from the other side takes them in the identity loss; as they are by
        default."""
        return examples

    def hidden(self, examples: Tensor) -> Tensor:
        """Examples as training gives them to the translators, perhaps with parts missing; as they are by default."""
        return examples

    def split_batch(self, batch: Any) -> tuple[Any, None]:
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise GanzooError(f"{self.model_name} learns from examples of two sides: use ganzoo.data.{self.data_name}")
        return tuple(batch), None

    def generator_outputs(self, real: Any, condition: None, training: bool = True) -> tuple[Tensor, ...]:
        """G(x), F(y), and with an identity loss G(y), F(x)."""
        x, y = real
        given_x, given_y = (self.hidden(x), self.hidden(y)) if training else real
        if not self.identity_weight:
            return self.generator(given_x, training=training), self.backward_generator(given_y, training=training)
        # Each network in one pass.
        moved_x, moved_y = self.moved(x, 0, 1), self.moved(y, 1, 0)
        g_x, g_y = _halves(self.generator(ops.concatenate([given_x, moved_y]), training=training), x)
        f_y, f_x = _halves(self.backward_generator(ops.concatenate([given_y, moved_x]), training=training), y)
        return g_x, f_y, g_y, f_x

    def discriminator_loss(self, batch: Any, training: bool = True) -> Tensor:
        (x, y), _ = self._examples(batch)
        fake_y, fake_x = self.fake_batch((x, y), None, training)[:2]
        total, reports = 0.0, []
        for name, real, fake, side in zip(self.discriminators, (y, x), (fake_y, fake_x), (1, 0)):
            real, fake = self.compared(real, side), self.compared(fake, side)
            if training and self.pools:
                fake = self.pools[name].exchange(fake, self.noise)
            real, fake = self.augmented(real), self.augmented(fake)
            network = self.networks[name]
            real_logits, fake_logits = network(real, training=training), network(fake, training=training)
            total = total + self.loss.discriminator(real_logits, fake_logits)
            total = total + self.penalty(real, fake, None, training, network)
            reports.append(self.loss.report(real_logits, fake_logits))
        self.record(**{key: (reports[0][key] + reports[1][key]) / 2 for key in reports[0]})
        return total

    def generator_loss(self, batch: Any, training: bool = True) -> Tensor:
        (x, y), _ = self._examples(batch)
        fake_y, fake_x, *same = self.generated_batch((x, y), None, training)
        back_x = self.backward_generator(fake_y, training=training)
        back_y = self.generator(fake_x, training=training)
        cycle = self._distance(back_x, x, 0) + self._distance(back_y, y, 1)
        self.record(cycle_loss=cycle)
        total = self.cycle_weight * cycle
        if same:
            identity = self._distance(same[0], y, 1) + self._distance(same[1], x, 0)
            self.record(identity_loss=identity)
            weight = self.cycle_weight * self.identity_weight
            if self.identity_steps is not None:
                weight = weight * ops.cast(ops.cast(self.step, "int32") < self.identity_steps, "float32")
            total = total + weight * identity
        for name, fake, side in zip(self.discriminators, (fake_y, fake_x), (1, 0)):
            logits = self.networks[name](self.augmented(self.compared(fake, side)), training=training)
            total = total + self.adversarial_weight * self.loss.generator(logits)
        return total

    def _distance(self, examples: Tensor, wanted: Tensor, side: int) -> Tensor:
        first, second = (ops.cast(self.compared(one, side), "float32") for one in (examples, wanted))
        return ops.mean(ops.abs(first - second))

    @property
    def reported_metrics(self) -> tuple[str, ...]:
        return (*super().reported_metrics, *(["identity_loss"] if self.identity_weight else []))

    def compile(
        self,
        *args: Any,
        loss: object = "least_squares",
        # The paper's generators minimize E[(D(G(x)) - 1)^2]; the loss of this package has half of it.
        adversarial_weight: NotNegative = 2.0,
        cycle_weight: NotNegative = 10.0,
        identity_weight: NotNegative = 0.5,
        identity_steps: NotNegativeWhole | None = None,
        pool_size: NotNegativeWhole = 50,
        **settings: Any,
    ) -> None:
        """Configures training, as `AdversarialModel.compile` with more arguments.

        Args:
            cycle_weight: the paper's lambda, the weight of the mean absolute differences |F(G(x)) - x| and
                |G(F(y)) - y|.
            identity_weight: weight of |G(y) - y| and |F(x) - x|, as a factor of `cycle_weight`; the paper has 0.5 for
                paintings, and 0 otherwise. It keeps colors.
            identity_steps: training steps after which the identity loss is left out; None for never.
            pool_size: earlier examples that each discriminator sees again, see `ganzoo.training.image_pool`; 0 for
                none.
        """
        self.refuse_unknown_settings(settings)
        for name in ("feature_matching", "moment_matching"):
            if settings.get(name):
                raise GanzooError(f"{self.model_name} has two discriminators and no {name}: leave it out")
        self.keep_settings(
            CycleModel.compile,
            cycle_weight=cycle_weight,
            identity_weight=identity_weight,
            identity_steps=identity_steps,
            pool_size=pool_size,
        )
        self.pools = {}
        if self.pool_size:
            self.pools = {
                name: ImagePool(self.pool_size, self.compared_shape, name=f"{name}_pool")
                for name in self.discriminators
            }
        super().compile(*args, loss=loss, adversarial_weight=adversarial_weight, **settings)


def _halves(examples: Tensor, first: Sequence[Any]) -> tuple[Tensor, Tensor]:
    """The outputs that belong to a batch, and the others."""
    count = ops.shape(first)[0]
    return examples[:count], examples[count:]
