"""The training step of each model as one would write it in PyTorch, on PyTorch copies of its networks.

It uses PyTorch's versions of the optimizers and losses of the model's `compile`, without moving average and metrics, as
in a typical short training loop. SRGAN's perceptual loss is replaced by a pixel loss on both sides, and StackGAN's KL
divergence, a sum over a few numbers, is left out.
"""

import math

import keras
import torch
from torch.nn import functional
from torch_reference import TorchReference, VoiceStatistics, layout

import ganzoo
from ganzoo.networks.cepstral import SCALE
from ganzoo.networks.mel import log_mel
from ganzoo.networks.split import split_at
from ganzoo.networks.voice import SOURCE

# (discriminator loss, generator loss), both minimized.
_LOSSES = {
    "non_saturating": (
        lambda real, fake: functional.softplus(-real).mean() + functional.softplus(fake).mean(),
        lambda fake: functional.softplus(-fake).mean(),
    ),
    "least_squares": (
        lambda real, fake: 0.5 * ((real - 1) ** 2).mean() + 0.5 * (fake**2).mean(),
        lambda fake: 0.5 * ((fake - 1) ** 2).mean(),
    ),
    "wasserstein": (lambda real, fake: fake.mean() - real.mean(), lambda fake: -fake.mean()),
}


def step_of(model, batch, compiled=False, bfloat16=False):
    """A function that runs one training step of a compiled model of this package on a batch of its dataset.

    Args:
        model: the model; its networks are copied.
        batch: arrays as its dataset returns them, for all discriminator steps of one training step.
        compiled: use torch.compile.
        bfloat16: use torch.autocast with bfloat16.
    """
    makers = {"vae": _Autoencoder}
    makers |= dict.fromkeys(("cyclegan", "cyclegan_vc"), lambda model: _Pair(model, model.generators))
    g = makers.get(model.model_name, lambda model: TorchReference(model.generator))(model).train()
    d = None
    if model.model_name in ("cyclegan", "cyclegan_vc"):
        d = _Pair(model, model.discriminators).train()
    elif "discriminator" in model.networks:
        d = (_SharedImageFeatures if isinstance(model, ganzoo.TextToImage) else TorchReference)(
            model.discriminator
        ).train()
    for net in (g, d) if d is not None else (g,):
        # The memory format in which PyTorch's convolutions are fastest on CPUs.
        net.to(memory_format=torch.channels_last)
        if compiled:
            net.compile()
    g_optimizer = _optimizer(list(model.optimizers.values())[-1], g)
    d_optimizer = d is not None and _optimizer(model.discriminator_optimizer, d)
    parts = [layout(part) for part in (batch if isinstance(batch, (tuple, list)) else [batch])]
    losses = _LOSSES_OF_MODELS.get(model.model_name, _ModelLosses)(model, g, d)

    kind = "cuda" if torch.cuda.is_available() else "cpu"

    def autocast():
        return torch.autocast(kind, torch.bfloat16, enabled=bfloat16)

    def minimize(loss_of, example, optimizer):
        with autocast():
            loss = loss_of(*example)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def step():
        steps = model.batches_per_step if d is not None else 0
        for example in zip(*(part.chunk(max(1, steps)) for part in parts)):
            if d is not None:
                with autocast():
                    losses.forward_once(*example)
                minimize(losses.discriminator_loss, example, d_optimizer)
                losses.after_discriminator_step(d)
        if d is not None:
            # As usual in PyTorch: no gradients for the discriminator's weights in the generator's step.
            d.requires_grad_(False)
        minimize(losses.generator_loss, example, g_optimizer)
        if d is not None:
            d.requires_grad_(True)

    return step


def _optimizer(ours, network):
    rate = float(ours.learning_rate)
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    kind = type(ours).__name__
    if kind == "Adam":
        return torch.optim.Adam(learning, rate, (ours.beta_1, ours.beta_2), eps=ours.epsilon)
    if kind == "RMSprop":
        return torch.optim.RMSprop(learning, rate, alpha=ours.rho, eps=ours.epsilon)
    return torch.optim.SGD(learning, rate, momentum=ours.momentum)


class _ModelLosses:
    """Models with latents as input, with or without labels."""

    def __init__(self, model, g, d):
        self.model, self.g, self.d = model, g, d
        # A model without a discriminator has no adversarial loss and no penalties.
        self.losses = _LOSSES.get(model.loss.name) if d is not None else None
        penalties = model.penalties if d is not None else ()
        self.penalized = [penalty.weight for penalty in penalties if penalty.name == "gradient_penalty"]
        self.bound = model.arguments.get("clip")

    def forward_once(self, *batch):
        """Runs a generator without noise input once for both losses."""

    def fake(self, real, *condition):
        return self.g(torch.randn(len(real), self.model.latent_dim), *condition)

    def discriminator_loss(self, real, *condition):
        with torch.no_grad():
            fake = self.fake(real, *condition)
        loss = self.losses[0](self.d(real, *condition), self.d(fake, *condition))
        for weight in self.penalized:
            loss = loss + weight * self._gradient_penalty(real, fake, *condition)
        return loss

    def _gradient_penalty(self, real, fake, *condition):
        share = torch.rand(len(real), *(1 for _ in real.shape[1:]))
        between = (real + share * (fake - real)).requires_grad_()
        gradient = torch.autograd.grad(self.d(between, *condition).sum(), between, create_graph=True)[0]
        return ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()

    def generator_loss(self, real, *condition):
        return self.losses[1](self.d(self.fake(real, *condition), *condition))

    def after_discriminator_step(self, d):
        if self.bound:
            with torch.no_grad():
                for parameter in d.parameters():
                    parameter.clamp_(-self.bound, self.bound)


class _Equilibrium(_ModelLosses):
    """BEGAN."""

    balance = 0.0

    def discriminator_loss(self, real):
        with torch.no_grad():
            fake = self.fake(real)
        self.real_error, fake_error = self.d(real).mean(), self.d(fake).mean()
        return self.real_error - self.balance * fake_error

    def generator_loss(self, real):
        error = self.d(self.fake(real)).mean()
        difference = self.model.loss.gamma * self.real_error.item() - error.item()
        self.balance = min(1.0, max(0.0, self.balance + self.model.loss.rate * difference))
        return error


class _Upscaled(_ModelLosses):
    """SRResNet, and SRGAN with a pixel loss."""

    def forward_once(self, small, large):
        self.shared_fake = self.g(small)

    def discriminator_loss(self, small, large):
        return self.losses[0](self.d(large), self.d(self.shared_fake.detach()))

    def generator_loss(self, small, large):
        fake = self.g(small) if self.d is None else self.shared_fake
        content = functional.mse_loss(fake, large)
        if self.d is None:
            return content
        return content + self.model.adversarial_weight * self.losses[1](self.d(fake))


class _Enhanced(_ModelLosses):
    """SEGAN."""

    def forward_once(self, noisy, clean):
        self.shared_fake = None if self.model.noise_channels else self.g(noisy)

    def fake(self, noisy):
        model = self.model
        if self.shared_fake is not None:
            return self.shared_fake
        return self.g(noisy, torch.randn(len(noisy), model.noise_channels, model.window // model.hop))

    def discriminator_loss(self, noisy, clean):
        with torch.no_grad():
            fake = self.fake(noisy)
        fake = fake.detach()
        return self.losses[0](self.d(torch.cat([clean, noisy], 1)), self.d(torch.cat([fake, noisy], 1)))

    def generator_loss(self, noisy, clean):
        fake = self.fake(noisy)
        adversarial = self.losses[1](self.d(torch.cat([fake, noisy], 1)))
        return self.model.l1_weight * functional.l1_loss(fake, clean) + self.model.adversarial_weight * adversarial


class _SharedImageFeatures(torch.nn.Module):
    """A discriminator of images and text that processes images once for several texts, as StackGAN's authors do."""

    def __init__(self, discriminator):
        super().__init__()
        features, head = split_at(discriminator, 1)
        if len(features.outputs) > 1:
            raise TypeError("expected a discriminator that uses the text in one place")
        self.features, self.head = TorchReference(features), TorchReference(head)

    def compile(self):
        self.features.compile()
        self.head.compile()

    def forward(self, images, text):
        return self.head(self.features(images), text)


class _Captioned(_ModelLosses):
    """StackGAN and GAN-INT-CLS."""

    def discriminator_loss(self, real, text):
        with torch.no_grad():
            fake = self.fake(real, text)
        real_features, fake_features = self.d.features(real), self.d.features(fake)
        logits = self.d.head(real_features, text)
        wrong = self.d.head(real_features, text.roll(1, 0))
        return 0.5 * (self.losses[0](logits, self.d.head(fake_features, text)) + self.losses[0](logits, wrong))

    def generator_loss(self, real, text):
        loss = self.losses[1](self.d(self.fake(real, text), text))
        if self.model.interpolation:
            between = 0.5 * (text + text.roll(1, 0))
            loss = loss + self.model.interpolation * self.losses[1](self.d(self.fake(real, between), between))
        return loss


class _Autoencoder(torch.nn.Module):
    """The encoder and the decoder of a VAE, up to the outputs that its likelihood takes."""

    def __init__(self, model):
        super().__init__()
        decoder = keras.Model(model.generator.input, model.generator.get_layer("outputs").output)
        self.encoder, self.decoder = TorchReference(model.encoder), TorchReference(decoder)

    def compile(self):
        self.encoder.compile()
        self.decoder.compile()


class _Bound(_ModelLosses):
    """VAE with a Bernoulli likelihood."""

    def generator_loss(self, images):
        white = (torch.rand_like(images) < (images + 1) / 2).float()
        mean, log_variance = self.g.encoder(2 * white - 1).chunk(2, dim=1)
        logits = self.g.decoder(mean + torch.exp(log_variance / 2) * torch.randn_like(mean))
        kl = 0.5 * (torch.exp(log_variance) + mean**2 - 1 - log_variance).sum(1).mean()
        return (
            functional.binary_cross_entropy_with_logits(logits, white, reduction="none").flatten(1).sum(1).mean() + kl
        )


class _Autoregressive(_ModelLosses):
    """PixelCNN with a Bernoulli likelihood, with labels or without."""

    def generator_loss(self, images, *labels):
        white = (torch.rand_like(images) < (images + 1) / 2).float()
        logits = self.g(2 * white - 1, *labels)
        return functional.binary_cross_entropy_with_logits(logits, white, reduction="none").flatten(1).sum(1).mean()


class _NextSample(_ModelLosses):
    """WaveNet with mu-law outputs; the mel spectrogram, if it takes one, is computed once."""

    def __init__(self, model, g, d):
        super().__init__(model, g, d)
        self.frames = None

    def generator_loss(self, audio, labels=None):
        model = self.model
        inputs = [audio, *(labels[:, i].long() for i in range(len(model.label_names)))]
        if model.mel_bands:
            if self.frames is None:
                frames = log_mel(audio.numpy(), model.sample_rate, model.mel_bands, model.hop)
                self.frames = layout(keras.ops.convert_to_numpy(frames))
            inputs.append(self.frames)
        mu = model.likelihood.levels - 1
        companded = torch.sign(audio) * torch.log(1 + mu * audio.abs()) / math.log1p(mu)
        codes = torch.floor((companded + 1) / 2 * mu + 0.5).long()
        logits = self.g(*inputs)[:, :, model.context - 1 : -1]
        return functional.cross_entropy(logits, codes[:, model.context :])


class _Pair(torch.nn.Module):
    """Two networks of CycleGAN."""

    def __init__(self, model, names):
        super().__init__()
        self.forth, self.back = (TorchReference(model.networks[name]) for name in names)

    def compile(self):
        self.forth.compile()
        self.back.compile()


class _Cycle(_ModelLosses):
    """CycleGAN, with a pool of images in a list, as its authors have it."""

    def __init__(self, model, g, d):
        super().__init__(model, g, d)
        self.pools = [], []

    def forward_once(self, x, y):
        self.translated = self.g.forth(x), self.g.back(y)

    def _exchanged(self, images, pool):
        answer = []
        for image in images.detach():
            place = int(torch.randint(self.model.pool_size, ()))
            if len(pool) < self.model.pool_size:
                pool.append(image.clone())
            elif torch.rand(()) < 0.5:
                image, pool[place] = pool[place], image.clone()
            answer.append(image)
        return torch.stack(answer)

    def discriminator_loss(self, x, y):
        fake_y, fake_x = (self._exchanged(*pair) for pair in zip(self.translated, self.pools))
        return self.losses[0](self.d.forth(y), self.d.forth(fake_y)) + self.losses[0](
            self.d.back(x), self.d.back(fake_x)
        )

    def generator_loss(self, x, y):
        (fake_y, fake_x), model = self.translated, self.model
        adversarial = self.losses[1](self.d.forth(fake_y)) + self.losses[1](self.d.back(fake_x))
        cycle = functional.l1_loss(self.g.back(fake_y), x) + functional.l1_loss(self.g.forth(fake_x), y)
        same = functional.l1_loss(self.g.forth(y), y) + functional.l1_loss(self.g.back(x), x)
        return model.adversarial_weight * adversarial + model.cycle_weight * (cycle + model.identity_weight * same)


class _Smooth(_ModelLosses):
    """The smoother of mel-cepstra."""

    def __init__(self, model, g, d):
        super().__init__(model, g, d)
        layer = model.generator.get_layer(SCALE)
        self.mean, self.deviation = (
            torch.tensor(keras.ops.convert_to_numpy(part))[:, None] for part in (layer.mean, layer.deviation)
        )

    def coarse(self, natural):
        return functional.avg_pool1d(natural[:, : self.model.coarse_order], self.model.hop)

    def generator_loss(self, natural):
        return (((self.g(self.coarse(natural)) - natural) / self.deviation) ** 2).mean()


class _Textured(_Smooth):
    """The post-filter of mel-cepstra."""

    def __init__(self, model, g, d):
        super().__init__(model, g, d)
        self.smoother = TorchReference(model.smoother)

    def forward_once(self, natural):
        with torch.no_grad():
            self.smooth = self.smoother(self.coarse(natural))

    def fake(self):
        noise = torch.randn(len(self.smooth), self.model.noise_channels, self.model.window)
        return self.g(self.smooth, noise)

    def logits(self, examples):
        pair = [((part - self.mean) / self.deviation).transpose(1, 2) for part in (examples, self.smooth)]
        return self.d(torch.stack(pair, 1))

    def discriminator_loss(self, natural):
        with torch.no_grad():
            fake = self.fake()
        return self.losses[0](self.logits(natural), self.logits(fake))

    def generator_loss(self, natural):
        fake = self.fake()
        error = ((fake - natural) ** 2).sum(1).mean()
        return self.model.spectral_weight * error + self.model.adversarial_weight * self.losses[1](self.logits(fake))


class _VoiceCycle(_ModelLosses):
    """CycleGAN-VC."""

    def __init__(self, model, g, d):
        super().__init__(model, g, d)
        self.voices = [VoiceStatistics(model.networks[name].get_layer(SOURCE)) for name in model.generators]

    def forward_once(self, x, y):
        self.converted = self.g.forth(x), self.g.back(y)

    def seen(self, features, side):
        return self.voices[side](features)[1]

    def discriminator_loss(self, x, y):
        fake_y, fake_x = (part.detach() for part in self.converted)
        first = self.losses[0](self.d.forth(self.seen(y, 1)), self.d.forth(self.seen(fake_y, 1)))
        return first + self.losses[0](self.d.back(self.seen(x, 0)), self.d.back(self.seen(fake_x, 0)))

    def generator_loss(self, x, y):
        (fake_y, fake_x), model = self.converted, self.model

        def distance(made, wanted, side):
            return functional.l1_loss(self.seen(made, side), self.seen(wanted, side))

        adversarial = self.losses[1](self.d.forth(self.seen(fake_y, 1)))
        adversarial = adversarial + self.losses[1](self.d.back(self.seen(fake_x, 0)))
        cycle = distance(self.g.back(fake_y), x, 0) + distance(self.g.forth(fake_x), y, 1)
        moved_x = self.voices[1].restored(x, *self.voices[0](x))
        moved_y = self.voices[0].restored(y, *self.voices[1](y))
        same = distance(self.g.forth(moved_y), y, 1) + distance(self.g.back(moved_x), x, 0)
        return model.adversarial_weight * adversarial + model.cycle_weight * (cycle + model.identity_weight * same)


_LOSSES_OF_MODELS = {
    "pixelcnn": _Autoregressive,
    "conditional_pixelcnn": _Autoregressive,
    "wavenet": _NextSample,
    "vae": _Bound,
    "cyclegan": _Cycle,
    "cyclegan_vc": _VoiceCycle,
    "began": _Equilibrium,
    "smoother": _Smooth,
    "postfilter": _Textured,
    "srresnet": _Upscaled,
    "srgan": _Upscaled,
    "segan": _Enhanced,
    "stackgan": _Captioned,
    "gan_int_cls": _Captioned,
}
