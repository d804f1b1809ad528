"""CycleGAN: image-to-image translation without pairs (Zhu et al. 2017, arXiv:1703.10593)."""

from typing import Any, Literal

from keras import ops

from ganzoo.config import AtLeastOne, NotNegative, NotNegativeWhole
from ganzoo.errors import GanzooError
from ganzoo.networks.translation import MULTIPLE, patch_discriminator, residual_translator
from ganzoo.registry import register
from ganzoo.tasks.image_translation import ImageTranslation
from ganzoo.training.adversarial import AdversarialModel
from ganzoo.training.image_pool import ImagePool
from ganzoo.types import Tensor


@register("cyclegan")
class CycleGAN(ImageTranslation, AdversarialModel):
    """The unpaired image translation of Zhu et al. 2017 (arXiv:1703.10593).

    G (`generator`) translates images of the first side to the second, F (`backward_generator`) back. Each has a
    discriminator of the images that it makes. Besides the adversarial losses, both generators minimize the cycle loss
    (equation 2), with which F(G(x)) returns to x and G(F(y)) to y, and the identity loss (section 5.2), with which
    images of the wanted side stay as they are. The discriminators also see images from a pool of earlier steps.

    Args:
        crop: height and width of the training images, a multiple of 4; the paper has 256.
        width: channels of the generators' first convolution, four times as many in the residual blocks.
        blocks: number of residual blocks; the paper has 9, and 6 for images of 128 pixels.
        upsampling: "transposed" convolutions as in the paper, or "nearest"; see
            `ganzoo.networks.translation.residual_translator`.
        discriminator_width: channels of the discriminators' first convolution.
        discriminator_strides: number of the discriminators' convolutions of stride 2; 3 for patches of 70 pixels, as in
            the paper.
        domains: names of the two sides, for `translate`.
        **options: `discriminator_regularizers` and `generator_regularizers`, see `AdversarialModel`.

    Raises:
        GanzooError: a size out of range, or two equal names.

    Example:
        dataset = ganzoo.data.unpaired("folders:my_images/cats,my_images/dogs", crop=32, batch_size=4)
        model = ganzoo.create("cyclegan", crop=32, width=8, blocks=2, discriminator_width=8, domains=("cat", "dog"))
        model.compile()
        model.fit(dataset.take(2), epochs=1)
        cats = np.zeros((4, 48, 64, 3), "uint8")
        dogs = model.translate(cats)                            # uint8 (4, 48, 64, 3)
        same = model.translate(dogs, direction="dog_to_cat")    # or "backward"
    """

    generators = ("generator", "backward_generator")
    discriminators = ("discriminator", "backward_discriminator")
    reported = ("cycle_loss",)
    # The generators are deterministic.
    shares_fake_batch = True
    test_config = dict(crop=16, width=4, blocks=1, discriminator_width=4, discriminator_strides=2)
    test_compile_config = dict(pool_size=10)

    def __init__(
        self,
        crop: AtLeastOne = 256,
        width: int = 64,
        blocks: int = 9,
        upsampling: Literal["transposed", "nearest"] = "transposed",
        discriminator_width: int = 64,
        discriminator_strides: int = 3,
        domains: tuple[str, str] = ("a", "b"),
        **options: Any,
    ):
        if crop % MULTIPLE or crop < 2 * MULTIPLE:
            raise GanzooError(f"crop is a multiple of {MULTIPLE} of at least {2 * MULTIPLE}, got {crop}")
        networks: dict[str, Any] = {
            name: residual_translator(width, blocks, upsampling, name=name) for name in self.generators
        }
        for name in self.discriminators:
            networks[name] = lambda name=name: patch_discriminator(
                crop, discriminator_width, discriminator_strides, name
            )
        super().__init__(networks=networks, **options)
        self.pools: dict[str, ImagePool] = {}
        self.set_sides(crop, domains)

    def split_batch(self, batch: Any) -> tuple[Any, None]:
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise GanzooError(f"{self.model_name} learns from images of two sides: use ganzoo.data.unpaired")
        return tuple(batch), None

    def generator_outputs(self, real: Any, condition: None, training: bool = True) -> tuple[Tensor, ...]:
        """G(x), F(y), and with an identity loss G(y), F(x)."""
        x, y = real
        if not self.identity_weight:
            return self.generator(x, training=training), self.backward_generator(y, training=training)
        # Each network in one pass.
        g_x, g_y = _halves(self.generator(ops.concatenate([x, y]), training=training), x)
        f_y, f_x = _halves(self.backward_generator(ops.concatenate([y, x]), training=training), y)
        return g_x, f_y, g_y, f_x

    def discriminator_loss(self, batch: Any, training: bool = True) -> Tensor:
        (x, y), _ = self._examples(batch)
        fake_y, fake_x = self.fake_batch((x, y), None, training)[:2]
        total, reports = 0.0, []
        for name, real, fake in zip(self.discriminators, (y, x), (fake_y, fake_x)):
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
        cycle = _distance(back_x, x) + _distance(back_y, y)
        self.record(cycle_loss=cycle)
        total = self.cycle_weight * cycle
        if same:
            identity = _distance(same[0], y) + _distance(same[1], x)
            self.record(identity_loss=identity)
            total = total + self.cycle_weight * self.identity_weight * identity
        for name, fake in zip(self.discriminators, (fake_y, fake_x)):
            logits = self.networks[name](self.augmented(fake), training=training)
            total = total + self.adversarial_weight * self.loss.generator(logits)
        return total

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
        pool_size: NotNegativeWhole = 50,
        **settings: Any,
    ) -> None:
        """Configures training, as `AdversarialModel.compile` with more arguments.

        Args:
            cycle_weight: the paper's lambda, the weight of the mean absolute differences |F(G(x)) - x| and
                |G(F(y)) - y|.
            identity_weight: weight of |G(y) - y| and |F(x) - x|, as a factor of `cycle_weight`; the paper has 0.5 for
                paintings, and 0 otherwise. It keeps colors.
            pool_size: earlier images that each discriminator sees again, see `ganzoo.training.image_pool`; 0 for none.
        """
        self.refuse_unknown_settings(settings)
        if settings.get("feature_matching"):
            raise GanzooError(f"{self.model_name} has two discriminators and no feature_matching: leave it out")
        self.keep_settings(
            CycleGAN.compile, cycle_weight=cycle_weight, identity_weight=identity_weight, pool_size=pool_size
        )
        shape = (self.crop, self.crop, 3)
        self.pools = {name: ImagePool(self.pool_size, shape, name=f"{name}_pool") for name in self.discriminators}
        self.pools = self.pools if self.pool_size else {}
        super().compile(*args, loss=loss, adversarial_weight=adversarial_weight, **settings)


def _halves(images: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
    """The images that belong to a batch of images, and the others."""
    count = ops.shape(first)[0]
    return images[:count], images[count:]


def _distance(images: Tensor, wanted: Tensor) -> Tensor:
    return ops.mean(ops.abs(ops.cast(images, "float32") - ops.cast(wanted, "float32")))
