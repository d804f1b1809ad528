# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Super-resolution
#
# Photos, four times as large: `srresnet` minimizes the pixel error, `srgan` adds a perceptual and an adversarial loss for sharper results (Ledig et al. 2016).

# %%
import numpy as np
from PIL import Image

import ganzoo
from ganzoo.data.image_files import open_image_files, resized, to_small
from ganzoo.metrics import psnr, ssim

# %% [markdown]
# ## Upscale a photo
#
# `upscale` takes an array of any size: gray, color, with alpha, of 8 or 16 bits. To be able to compare, we shrink one of the two photos that come with scikit-learn to a quarter. For a photo of yours, write `np.asarray(Image.open("in.jpg"))`.

# %%
photo = open_image_files("photos").images[0][60:252, 10:202]  # uint8 (192, 192, 3)
small = to_small(photo, 4)  # (48, 48, 3)
large = ganzoo.load("srgan").upscale(small)  # (192, 192, 3)
Image.fromarray(large).save("out.png")

# %% [markdown]
# ![A temple: bicubic interpolation, srresnet, srgan, the original](../upscaled.png)
#
# Bicubic interpolation, `srresnet`, `srgan`, the original (photo: danielbuechele, CC BY 2.0, included in scikit-learn).
#
# The numbers say the opposite of the eye: `srresnet` is nearer to the original pixel by pixel, because the mean of all images that the small one could come from has the smallest error, and a mean is blurred. [Evaluation](../evaluation.md#super-resolution) has both kinds of numbers on Set5.

# %%
middle = ganzoo.load("srresnet").upscale(small)
results = {"bicubic": resized(small, photo.shape[:2]), "srresnet": middle, "srgan": large}
for name, image in results.items():
    print(f"{name:10} PSNR {psnr(photo, image):.2f} dB, SSIM {ssim(photo, image):.3f}")

# %% [markdown]
# ## Large images, folders, animations
#
# Images may have any size. Large ones are processed in tiles that overlap by the receptive field of the network, so the result equals the untiled one up to
# rounding, and the network's memory does not grow with the image. On two cores, a result of 64 megapixels takes 12 seconds, and 0.4 GB beyond the loaded model,
# 0.18 GB of it for the result ([results](../../benchmarks/RESULTS.md#growth)).

# %%
tiled = ganzoo.load("srgan").upscale(small, tile=24)
print("largest difference from the untiled image, in gray levels:", np.abs(tiled.astype(int) - large).max())

# %% [markdown]
# On the command line, a folder (or several files and a folder) works as well. It keeps 16 bits, transparency, color profile and EXIF, and rotates images according to EXIF. All frames of animations and all
# pages of TIFF files are upscaled.
#
# ```console
# ganzoo upscale in.jpg out.png
# ganzoo upscale holiday holiday_large
# ```
#
# ## Train on your own photos
#
# Photos must be larger than the crop (96 pixels). A tenth of them is held out to select the checkpoint. `srresnet`
# needs nothing else. `srgan` uses VGG in its loss and AlexNet to select the checkpoint; [Weights](../weights.md) shows how to
# create their weights once:
#
# ```console
# ganzoo train srresnet.photos_x4 --data folder:my_images
# ganzoo train srgan.photos_x4 --data folder:my_images --set training.start_from=runs/srresnet.photos_x4-001
# ganzoo evaluate srresnet.photos_x4 srgan.photos_x4 --data folder:Set5
# ```
#
# In Python, `ganzoo.data.pairs` gives pairs of small and large crops. A network can start from a smaller one of the same model: at first it generates the same images, and training continues from there.

# %%
dataset = ganzoo.data.pairs("photos", scale=4, crop=64, batch_size=4)
mine = ganzoo.create("srresnet", scale=4, blocks=2, width=8, normalization="none", crop=64)
mine.compile()
mine.fit(dataset, epochs=30, verbose=0)
larger = ganzoo.create("srresnet", scale=4, blocks=3, width=12, normalization="none", crop=64)
larger.start_from(mine)
print("grown:", np.abs(larger.upscale(small).astype(int) - mine.upscale(small)).max(), "gray levels apart")

# %% [markdown]
# The presets `paper_x4` of both have the paper's sizes (16 blocks of 64 channels, batch norm) and no weights; `srresnet.photos_x2` upscales by a factor of 2. On the command line, `training.start_from` names the run or preset to start from.
# Growing `srresnet.photos_x4` to 16 blocks
# of 64 channels gained nothing in 101 minutes of processor time ([results](../../benchmarks/HISTORY.md#super-resolution)). Trained on a GPU and on more photos, networks of that size are better
# and ship as `srresnet.photos_x4_large` and `srgan.photos_x4_large` ([results](../../benchmarks/RESULTS.md#super-resolution)); they need 2.7 times the computation.
#
# With few photos, show parts of them from further away as well: `shrink=2.5` in `ganzoo.data.pairs`, or `--set data.shrink=2.5`, also cuts out regions of up to 2.5 times the size of a crop and downscales them. A second stage of training with it brought `srresnet.photos_x4_large` from 31.58 to 31.65 dB on Set5.
