"""Generates the images of the README and the documentation from the shipped weights: python docs/images.py

`python docs/images.py arithmetic [MODEL]` generates docs/arithmetic.png alone, from a preset of avatars or a path;
`python docs/images.py montage` the first picture of the README.
"""

import sys
import textwrap
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import ganzoo
from ganzoo.data.avatar_attributes import GLASSES_WORN, MAN, NO_GLASSES, WOMAN
from ganzoo.data.avatar_captions import random_captions
from ganzoo.data.image_files import open_image_files, resized, to_small
from ganzoo.inference import grid, save_image
from ganzoo.inference.selection import analogy, renormalized, select

PRESETS = ("dcgan.mnist", "dcgan.fashion_mnist", "dcgan.digits")
CONDITIONAL = ("cgan.mnist", "cgan.fashion_mnist")
# The last two have pairs of hair color and clothes color that no avatar of training has.
AVATARS = (
    "a smiling man with a full beard and round glasses in a red hoodie",
    "a sad woman with long blond hair and sunglasses in a blue sweater",
    "a bald person with a red moustache and dark skin in a yellow blazer",
    "a screaming person with a pink afro and pale skin wearing green overalls",
    "a serious woman with a brown bun and glasses in a green shirt",
    "a smiling person with gray dreadlocks in a yellow hoodie",
)
ARITHMETIC = "gan_int_cls.avatars"
UPSCALING = ("srresnet.photos_x4", "srgan.photos_x4")


def main():
    montage()
    save("dcgan", [grid(ganzoo.load(name).generate(64, seed=0)) for name in PRESETS])
    labels = [*range(10)] * 5
    save("cgan", [grid(ganzoo.load(name).generate(labels=labels, seed=0), columns=10) for name in CONDITIONAL])
    small, large = ganzoo.load("stackgan.avatars").generate_both_stages(AVATARS, seed=0)
    enlarged = [resized(image, large.shape[1:3]) for image in small]
    save("stackgan", [grid(np.concatenate([enlarged, large]), columns=len(AVATARS))], doubled=False)
    sentences = ganzoo.load("gan_int_cls.avatars")
    rows = [sentences.generate(8, captions=caption, seed=0) for caption in AVATARS]
    save("avatars", [grid(np.concatenate(rows), columns=8)])
    temple = open_image_files("photos").images[0][60:252, 10:202]
    small = to_small(temple, 4)
    large = [ganzoo.load(name).upscale(small) for name in UPSCALING]
    save("upscaled", [resized(small, temple.shape[:2]), *large, temple], gap=4)
    arithmetic(ARITHMETIC)


def montage():
    """docs/montage.png, the first picture of the README: six captioned faces, digits and clothes of chosen classes."""
    _, faces = ganzoo.load("stackgan.avatars").generate_both_stages(AVATARS, seed=0)
    faces = np.stack([resized(face, (192, 192)) for face in faces])
    labels = [*range(10)] * 3
    sheets = [grid(ganzoo.load(name).generate(labels=labels, seed=0), columns=10) for name in CONDITIONAL]
    doubled = [np.kron(np.repeat(sheet, 3, axis=2), np.ones((2, 2, 1), "uint8")) for sheet in sheets]
    top = grid(faces, columns=len(faces), gap=12)
    gap = top.shape[1] - sum(sheet.shape[1] for sheet in doubled)
    between = np.full((doubled[0].shape[0], gap, 3), 255, "uint8")
    bottom = np.concatenate([doubled[0], between, doubled[1]], axis=1)
    image = np.concatenate([top, captions_below(AVATARS, 192, 12), bottom])
    # Few colors make the file small.
    Image.fromarray(image).quantize(112, dither=Image.Dither.NONE).save(
        Path(__file__).parent / "montage.png", optimize=True
    )


def captions_below(captions, width, gap):
    """A strip with a caption below each image of a row, uint8 (height, whole width, 3)."""
    font = ImageFont.load_default(14)
    strip = Image.new("RGB", (len(captions) * (width + gap) - gap, 66), "white")
    draw = ImageDraw.Draw(strip)
    for i, caption in enumerate(captions):
        text = textwrap.fill(caption, 27)
        draw.multiline_text((i * (width + gap) + width / 2, 4), text, "#333333", font, anchor="ma", align="center")
    return np.asarray(strip)


def arithmetic(preset):
    """Man with glasses - man + woman, as figure 7 of Radford et al. 2015 (arXiv:1511.06434).

    On the left a row for each of the three groups: three faces, and the face of their mean latent. On the right nine
    women with glasses: the result in the middle, around it the result plus noise.
    """
    model = ganzoo.load(preset, compile=False)
    if isinstance(model, ganzoo.TextToImage):
        model = model.unconditional(random_captions(2000))
    groups = [select(model, wanted, 3) for wanted in (MAN | GLASSES_WORN, MAN | NO_GLASSES, WOMAN | NO_GLASSES)]
    examples = grid(np.concatenate([model.generate(latents=latents) for latents in groups]), columns=3)
    means = model.generate(latents=renormalized(np.stack([latents.mean(axis=0) for latents in groups])))
    results = model.generate(latents=analogy(*groups))
    save("arithmetic", [examples, grid(means, columns=1), grid(results, columns=3)])


def save(name, sheets, gap=16, doubled=True):
    """Saves image grids side by side, by default at twice their size."""
    height = max(sheet.shape[0] for sheet in sheets)
    framed = [np.pad(s, ((0, height - s.shape[0]), (0, gap), (0, 0)), constant_values=255) for s in sheets]
    image = np.concatenate(framed, axis=1)[:, :-gap]
    times = 2 if doubled else 1
    save_image(Path(__file__).parent / f"{name}.png", np.kron(image, np.ones((times, times, 1), "uint8")))


if __name__ == "__main__":
    if sys.argv[1:2] == ["arithmetic"]:
        arithmetic(*sys.argv[2:3] or [ARITHMETIC])
    elif sys.argv[1:2] == ["montage"]:
        montage()
    else:
        main()
