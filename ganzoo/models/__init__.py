"""One file per model, named as the model is. Importing this package registers all of them with Keras, so that
`keras.saving.load_model` opens their files."""

from ganzoo.models.began import BEGAN
from ganzoo.models.cgan import CGAN
from ganzoo.models.conditional_pixelcnn import ConditionalPixelCNN
from ganzoo.models.cyclegan import CycleGAN
from ganzoo.models.cyclegan_vc import CycleGANVC
from ganzoo.models.dcgan import DCGAN
from ganzoo.models.gan import GAN
from ganzoo.models.gan_int_cls import GANINTCLS
from ganzoo.models.lsgan import LSGAN
from ganzoo.models.pixelcnn import PixelCNN
from ganzoo.models.postfilter import PostFilter
from ganzoo.models.segan import SEGAN
from ganzoo.models.smoother import Smoother
from ganzoo.models.srgan import SRGAN
from ganzoo.models.srresnet import SRResNet
from ganzoo.models.stackgan import StackGAN
from ganzoo.models.vae import VAE
from ganzoo.models.wavenet import WaveNet
from ganzoo.models.wgan import WGAN
from ganzoo.models.wgan_gp import WGANGP

__all__ = [
    "BEGAN",
    "CGAN",
    "DCGAN",
    "GAN",
    "GANINTCLS",
    "LSGAN",
    "SEGAN",
    "SRGAN",
    "VAE",
    "WGAN",
    "WGANGP",
    "ConditionalPixelCNN",
    "CycleGAN",
    "CycleGANVC",
    "PixelCNN",
    "PostFilter",
    "SRResNet",
    "Smoother",
    "StackGAN",
    "WaveNet",
]
