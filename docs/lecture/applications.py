"""The lecture's measurements of trained models, which need no data but what the package ships or renders.

They complement docs/lecture/experiments.py; `python -m docs.lecture_plots` runs both.
"""

from pathlib import Path

import numpy as np
from PIL import Image

import ganzoo
from ganzoo.data.avatar_attributes import GLASSES_WORN, MAN, NO_GLASSES, WOMAN
from ganzoo.data.avatar_captions import random_captions
from ganzoo.data.image_files import open_image_files, resized, to_small
from ganzoo.data.sources import open_images
from ganzoo.inference import grid, latent, save_image
from ganzoo.inference.editing import edit
from ganzoo.inference.selection import analogy, select
from ganzoo.metrics import get_extractor, psnr
from ganzoo.metrics.linear import linear_accuracy
from ganzoo.metrics.spectrum import spectral_distance

HERE = Path(__file__).parent


def classes(count=500):
    """The share of images of a conditional GAN that show the class asked for, by a classifier of real digits."""
    labels = np.arange(count) % 10
    found = {}
    for preset, classifier in (("cgan.mnist", "mnist_classifier"), ("cgan.fashion_mnist", "fashion_mnist_classifier")):
        images = ganzoo.load(preset, compile=False).generate(labels=labels, seed=0)
        logits = get_extractor(classifier)(images).logits
        found[preset] = float((logits.argmax(axis=1) == labels).mean())
    return found


def walk(pairs=20):
    """How much neighbors on a walk of eight steps differ, and independent images, in gray levels."""
    model = ganzoo.load("dcgan.mnist", compile=False)
    starts, ends = model.latents(pairs, seed=0), model.latents(pairs, seed=1)
    walks = [model.generate(latents=latent.slerp(a, b, np.linspace(0, 1, 9))) for a, b in zip(starts, ends)]
    rms = [_rms(images[1:], images[:-1]) for images in walks]
    return {
        "neighbors": float(np.mean(rms)),
        "independent": _rms(model.generate(latents=starts), model.generate(latents=ends)),
        "samples": np.concatenate(walks[:3]),
    }


def draw_walk(found):
    save_image(HERE / "walk.png", _doubled(grid(found["samples"], columns=9)))


def linear_probe():
    """The accuracy of a linear classifier on the discriminator's features of real digits, and on their pixels.

    Half of the digits train the classifier, the other half is held out from it; the GAN has seen both, without labels.
    """
    found = open_images("digits", (32, 32, 1), upscale=True, with_labels=True)
    images, labels, half = found.images, np.asarray(found.labels), len(found.images) // 2
    model = ganzoo.load("dcgan.digits")
    views = {"features": model.features(images), "pixels": images.reshape(len(images), -1).astype("float32")}
    return {
        name: float(linear_accuracy(view[:half], labels[:half], view[half:], labels[half:]))
        for name, view in views.items()
    }


def captions(count=200):
    """How often a text-to-image model obeys a caption's glasses and clothes color."""
    model = ganzoo.load("gan_int_cls.avatars", compile=False)
    judge = get_extractor("avatars_judge")
    said = [(glasses, color) for glasses in ("round", "sunglasses") for color in ("red", "blue", "green", "yellow")]
    said = [said[i % len(said)] for i in range(count)]
    words = {"round": "with round glasses", "sunglasses": "and sunglasses"}
    texts = [f"a smiling man with black hair {words[glasses]} in a {color} hoodie" for glasses, color in said]
    images = model.generate(captions=texts, seed=0)
    shown = judge.probabilities(images)
    place = {name: [judge.attributes[name].index(value) for value in values] for name, values in _columns(said)}
    return {name: float((shown[name].argmax(axis=1) == wanted).mean()) for name, wanted in place.items()}


def _columns(said):
    glasses, colors = zip(*said)
    return ("glasses", glasses), ("clothes_color", colors)


def analogies(groups=(1, 3, 20), triples=20):
    """How often "man with glasses - man + woman" is a woman with glasses, by the size of the groups averaged."""
    model = ganzoo.load("gan_int_cls.avatars", compile=False).unconditional(random_captions(2000))
    judge = get_extractor("avatars_judge")
    terms = (MAN | GLASSES_WORN, MAN | NO_GLASSES, WOMAN | NO_GLASSES)
    most = max(groups) * triples
    found = [select(model, wanted, most, samples=200 * most, seed=2) for wanted in terms]
    shares = {}
    for size in groups:
        parts = [latents[: size * triples].reshape(triples, size, -1) for latents in found]
        results = np.concatenate([analogy(*triple, count=1) for triple in zip(*parts)])
        shown = judge.probabilities(model.generate(latents=results))
        hits = [
            np.isin(shown[name].argmax(axis=1), [judge.attributes[name].index(value) for value in values])
            for name, values in (WOMAN | GLASSES_WORN).items()
        ]
        shares[f"groups of {size}"] = float(np.all(hits, axis=0).mean())
    return shares


def edits(images=8, steps=100):
    """Root mean squared differences in gray levels: painted pixels before and after editing, kept pixels after,
    and kept pixels of independent images."""
    model = ganzoo.load("dcgan.fashion_mnist", compile=False)
    latents = model.latents(images, seed=0)
    mask, keep = np.zeros((2, 28, 28), bool)
    mask[16:24, 10:18], keep[:10] = True, True
    rows, shown = [], []
    for one in latents:
        before = model.generate(latents=one[None])[0]
        painted = np.full_like(before, 60 if before[mask].mean() > 128 else 200)
        result = edit(model, one, painted, mask, keep, candidates=3, steps=steps)
        best = result.images[0]
        rows.append(
            (_rms(before[mask], painted[mask]), _rms(best[mask], painted[mask]), _rms(best[keep], before[keep]))
        )
        shown.append(np.stack([before, np.where(mask[..., None], painted, before), best]))
    before, after, kept = (float(mean) for mean in np.mean(rows, axis=0))
    samples = np.stack(shown, axis=1)
    independent = _rms(samples[0][:, keep], np.roll(samples[0], 1, axis=0)[:, keep])
    return {"before": before, "after": after, "kept": kept, "independent": independent, "samples": samples}


def draw_edit(found):
    samples = found["samples"]
    save_image(HERE / "edit.png", _doubled(grid(samples.reshape(-1, 28, 28, 1), columns=samples.shape[1])))


def temple():
    """One photo of scikit-learn, shrunk to a quarter and upscaled: PSNR in dB, and the distance of the power spectrum
    from the original's above an eighth of the sampling frequency, in dB."""
    real = open_image_files("photos").images[0][60:252, 10:202]
    small = to_small(real, 4)
    upscaled = {"bicubic": resized(small, real.shape[:2])}
    for name in ("srresnet", "srgan"):
        upscaled[name] = ganzoo.load(name, compile=False).upscale(small)
    # The highest frequency that the small image can have is 24 cycles.
    return {
        name: [psnr(real, image), spectral_distance(real[None], image[None], above=25)]
        for name, image in upscaled.items()
    }


def shifts(seconds=2.0):
    """How much averaging over time shifts changes the output of SEGAN on noise, as a share of its level."""
    model = ganzoo.load("segan", compile=False)
    noisy = 0.05 * np.random.default_rng(0).standard_normal(int(16_000 * seconds)).astype("float32")
    clean = {count: model.enhance(noisy, sample_rate=16_000, num_shifts=count) for count in (1, 4)}
    level = {count: 20 * np.log10(_rms(audio, 0) / _rms(noisy, 0)) for count, audio in clean.items()}
    return {"one": float(level[1]), "four": float(level[4])}


def _rms(first, second):
    difference = np.asarray(first, "float64") - second
    return float(np.sqrt(np.mean(difference**2)))


def _doubled(sheet):
    return np.asarray(Image.fromarray(sheet[..., 0]).resize((2 * sheet.shape[1], 2 * sheet.shape[0]), 0))[..., None]
