# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Text to image
#
# A caption in, an image out: `gan_int_cls` (Reed et al. 2016) in one stage of 64x64, `stackgan` (Zhang et al. 2016) in two stages, up to 256x256. Then latent arithmetic with faces, and training on captions of your own.

# %%
import numpy as np

import ganzoo
from ganzoo.inference import grid, save_image

# %% [markdown]
# ## Images from captions

# %%
model = ganzoo.load("stackgan")  # stackgan.avatars
caption = "a smiling man with a full beard and round glasses in a red hoodie"
small, large = model.generate_both_stages([caption], seed=0)  # uint8 (1, 64, 64, 3) and (1, 256, 256, 3)
strip = model.interpolate(caption, "a woman with a pink bob in a red hoodie", count=8)
images = ganzoo.load("gan_int_cls").generate(8, captions=caption, seed=0)  # gan_int_cls.avatars, 64x64
save_image("strip.png", grid(strip, columns=8))

# %% [markdown]
# ![Six captions: Stage-I enlarged to 256x256 above, Stage-II below](../stackgan.png)
#
# Stage-I, enlarged, and Stage-II of `stackgan.avatars`, seed 0: *a smiling man with a full beard and round glasses in a red hoodie, a sad woman with long blond hair and sunglasses in a blue
# sweater, a bald person with a red moustache and dark skin in a yellow blazer, a screaming person with a pink afro and pale skin wearing green overalls*, and with pairs of colors that training has never shown:
# *a serious woman with a brown bun and glasses in a green shirt, a smiling person with gray dreadlocks in a yellow hoodie*. Eight images of each by `gan_int_cls.avatars`, which is also Stage-I:
#
# ![Eight images of each of six captions](../avatars.png)
#
# [Evaluation](../evaluation.md#images-of-captions) says how often each attribute of a caption is obeyed. Two weaknesses: for held-out pairs of colors, clothes often get the wrong color (in 10% of the images of
# `gan_int_cls.avatars` and 12% of `stackgan.avatars`, by a judge that makes no such error on real avatars), and images of one caption differ little in what it leaves open.
# Captions are encoded byte by byte by a network that ships with the model, so any text is valid.
#
# ## The data: avatars
#
# The source `avatars:COUNT` (`pip install '.[avatars]'`) renders cartoon faces in color whose attributes are all known. The artwork is Avataaars by Pablo Stanley, free
# for personal and commercial use. DiceBear and resvg render it on your machine, with captions.

# %%
from ganzoo.data.avatar_captions import random_captions

for line in random_captions(3):
    print(line)

# %% [markdown]
# Attributes: `hair` (long, straight, curly, bun, afro, bob, dreadlocks, short, cropped, mullet, big, bald), `hair_color` (black, brown, blond, red, pink, gray), `glasses`
# (none, glasses, round, sunglasses), `facial_hair` (none, beard, moustache), `clothes` (hoodie, shirt, blazer, sweater, overalls), `clothes_color` (red, blue, green, yellow, pink,
# black, gray), `mouth` (smiling, sad, serious, open), `skin` (dark, brown, tan, light, pale). `avatars:2000:label=glasses` uses that attribute as the class label,
# `avatars:2000:seed=7` renders different avatars, and `avatars:2000:style=lorelei` uses another DiceBear style, which has no attributes, labels or captions.
# Six pairs of hair color and clothes color are held out of training (black hair with pink clothes, brown with green, blond with red, red with blue, pink with gray, gray with
# yellow); `avatars:2000:held-out` contains only these pairs. Two small classifiers ship with the package: `avatars_classifier` selects checkpoints; `avatars_judge`,
# which has another architecture and was trained on other avatars, measures the selected checkpoint.
#
# ```console
# ganzoo data avatars:2000 --output my_avatars --size 128
# ganzoo train gan_int_cls.avatars
# ganzoo evaluate runs/gan_int_cls.avatars-001 --data avatars:2000:seed=200
# ```
#
# The second command renders its 16,000 avatars first. `dcgan.avatars` generates the same kind of faces without captions; [Evaluation](../evaluation.md#images-of-captions) compares them.
#
# ## Latent arithmetic
#
# `unconditional` turns a text-to-image model into one whose latents contain noise and the text vector of a caption. With an attribute classifier, `select` finds latents of images that show what is wanted, and *man with glasses - man + woman* is a calculation with the means of three groups:

# %%
from ganzoo.data.avatar_attributes import GLASSES_WORN, MAN, NO_GLASSES, WOMAN
from ganzoo.inference.directions import find_directions
from ganzoo.inference.selection import analogy, select

faces = ganzoo.load("gan_int_cls.avatars").unconditional(random_captions(2000))
groups = [select(faces, wanted, 3) for wanted in (MAN | GLASSES_WORN, MAN | NO_GLASSES, WOMAN | NO_GLASSES)]
women_with_glasses = faces.generate(latents=analogy(*groups))  # nine images

# %% [markdown]
# ![Man with glasses - man + woman](../arithmetic.png)
#
# From top to bottom three men with glasses, three men and three women, each with the image of their mean latent; on the right, man with glasses - man + woman, and the same with a little noise around it
# (`python docs/images.py arithmetic`).
#
# ## Edit one attribute
#
# The classifier also finds the directions in which a model's images change one attribute. The first call generates 5,000 images for that; its result is cached.

# %%
directions = find_directions(faces, "avatars_classifier", samples=5000, seed=0, avoidance=0)
latents = faces.latents(8, seed=1)
changed = faces.generate(latents=directions.move(latents, glasses="round", hair_color="pink"))  # along the directions
save_image("changed.png", grid(np.concatenate([faces.generate(latents=latents), changed]), columns=8))

# %% [markdown]
# A direction is the covariance of the latents with the classifier's log-probability of a value. `avoidance` takes from it what also changes other attributes; this model needs none of that (0). Each latent moves until the classifier sees the new value.
# `python -m benchmarks.latent_arithmetic gan_int_cls.avatars` measures this with `avatars_judge`, which was not used to find anything. On 100 faces for each of the changes, the judge sees the new value in 94% (glasses 99%, sunglasses 100%, round glasses
# 82%, smiling 92%; a moustache only in 73%), while hair stays in 97%, clothes in 98% and all attributes on average in 95%. A simpler direction, the difference of the two groups' mean latents, scaled to a length of 4, reaches the new value in 45% only. Man with glasses - man + woman
# is a woman with glasses in 90 of 100 triples of groups of 20 faces, and in 61 of groups of 3.
#
# ## Train on your own captions
#
# `stackgan` and `gan_int_cls` train on any folder of images with captions in `captions.json` (`{"apple.png": ["a red apple", "an apple"]}`) or
# `captions.txt` (lines of a file name, a tab and a caption). Train the first stage first; before that, its text encoder learns from the images and captions:
#
# ```yaml
# # first.yaml
# model: stackgan
# arguments: {image_shape: [32, 32, 3], factor: 1, width: 32}
# data: {source: "captions:my_images", flip: true, upscale: true}
# training: {epochs: 200}
# evaluation: {extractor: matching, every_epochs: 10}
# ```
#
# `second.yaml` is the same with `factor: 2` and `training: {epochs: 100, start_from: runs/first-001}`. Then run:
#
# ```console
# ganzoo train first.yaml
# ganzoo train second.yaml
# ganzoo generate runs/second-001 --caption "a red apple"
# ganzoo evaluate runs/second-001 --data captions:my_images
# ```
#
# `text: sentences` encodes captions with MiniLM instead (`pip install '.[sentences]'`). [The lecture](../lecture/text_to_image.md) explains the losses.
