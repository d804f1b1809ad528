"""CycleGAN: image-to-image translation without pairs (Zhu et al. 2017, arXiv:1703.10593)."""

from typing import Any, Literal

from ganzoo.arguments import AtLeastOne, Zoom
from ganzoo.errors import GanzooError
from ganzoo.networks.translation import MULTIPLE, patch_discriminator, residual_translator
from ganzoo.registry import register
from ganzoo.tasks.image_translation import ImageTranslation
from ganzoo.training.cycle import CycleModel


@register("cyclegan")
class CycleGAN(ImageTranslation, CycleModel):
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
        output: "direct" as in the paper, or "residual": the generators' output is added to the images.
        discriminator_width: channels of the discriminators' first convolution.
        discriminator_strides: number of the discriminators' convolutions of stride 2; 3 for patches of 70 pixels, as in
            the paper.
        zoom: how many times larger the second side shows things, between 1/2 and 2. Images of the first side are
            magnified about their center before they are translated, which cuts off their border, and results of the way
            back are reduced, and surrounded by the background. A convolutional network finds it hard to do this, since
            it cannot tell where it is in the image. Data for `fit` needs the same zoom: `**model.data_arguments()`.
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

    equation = (
        r"\begin{aligned}"
        r"L_D &= \tfrac{1}{2} \mathbb{E}[(D_Y(y) - 1)^2] + \tfrac{1}{2} \mathbb{E}[D_Y(G(x))^2] \\"
        r"&\quad + \tfrac{1}{2} \mathbb{E}[(D_X(x) - 1)^2] + \tfrac{1}{2} \mathbb{E}[D_X(F(y))^2] \\"
        r"L_G &= \mathbb{E}[(D_Y(G(x)) - 1)^2] + \mathbb{E}[(D_X(F(y)) - 1)^2] \\"
        r"&\quad + \lambda \, (\mathbb{E} \, |F(G(x)) - x| + \mathbb{E} \, |G(F(y)) - y|) \\"
        r"&\quad + \lambda \lambda_\mathrm{id} \, (\mathbb{E} \, |F(x) - x| + \mathbb{E} \, |G(y) - y|) \\"
        r"\lambda &= 10, \quad \lambda_\mathrm{id} = 0.5"
        r"\end{aligned}"
    )
    test_config = dict(crop=16, width=4, blocks=1, discriminator_width=4, discriminator_strides=2)
    test_compile_config = dict(pool_size=10)

    def __init__(
        self,
        crop: AtLeastOne = 256,
        width: int = 64,
        blocks: int = 9,
        upsampling: Literal["transposed", "nearest"] = "transposed",
        output: Literal["direct", "residual"] = "direct",
        discriminator_width: int = 64,
        discriminator_strides: int = 3,
        zoom: Zoom = 1.0,
        domains: tuple[str, str] = ("a", "b"),
        **options: Any,
    ):
        if crop % MULTIPLE or crop < 2 * MULTIPLE:
            raise GanzooError(f"crop is a multiple of {MULTIPLE} of at least {2 * MULTIPLE}, got {crop}")
        networks: dict[str, Any] = {
            name: residual_translator(width, blocks, upsampling, name, output) for name in self.generators
        }
        for name in self.discriminators:
            networks[name] = lambda name=name: patch_discriminator(
                crop, discriminator_width, discriminator_strides, name
            )
        super().__init__(networks, **options)
        self.compared_shape = (crop, crop, 3)
        self.set_sides(crop, domains, zoom)
