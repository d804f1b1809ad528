# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Image translation without pairs
#
# `cyclegan` learns from two unpaired sets of images, such as photos and paintings, to turn each kind into the other, without a single example of the same scene in both (Zhu et al. 2017). Two generators learn together: what one translates, the other has to bring back.

# %%
from pathlib import Path

import numpy as np
from PIL import Image

import ganzoo
from ganzoo.data.embedded import digits

# %% [markdown]
# ## Two folders
#
# Images may have any size and format; they need not be equally many. Here one folder holds digits on white paper, the other *different* digits on a blackboard, both made from the digits that come with scikit-learn.

# %%
images = digits()[0][:1000, :, :, 0] / 255.0  # (count, 8, 8), ink is 1
for number, ink in enumerate(images):
    side, paper, pen = [("paper", (255, 255, 250), (30, 40, 120)), ("board", (25, 60, 45), (250, 240, 200))][number % 2]
    picture = np.array(paper) + ink[..., None] * (np.array(pen) - paper)
    Path(side).mkdir(exist_ok=True)
    Image.fromarray(picture.astype("uint8")).resize((32, 32), Image.Resampling.BICUBIC).save(f"{side}/{number}.png")

dataset = ganzoo.data.unpaired("folders:paper,board", crop=32, resize=32, pad=2, flip=False, batch_size=8)
paper, board = next(iter(dataset))  # float32 (8, 32, 32, 3) each, unpaired

# %% [markdown]
# Images are resized, cropped at random and flipped, as in the paper; `pad` shifts them instead of enlarging them. Transparent images are composed over `background`, by default white.
#
# ## Train
#
# The losses are those of the paper: least squares, the cycle loss with a factor of 10, the identity loss with half of that, and a pool of 50 earlier images for each discriminator.
#
# If one side shows things larger than the other, say so: `zoom=1.2` for a second side that is 1.2 times as large, in `create`, and in `unpaired`, which can take it from the model with `**model.data_arguments()`. Magnified images lose their border, and reduced ones are surrounded by the background, by default white. With `output="residual"`, the generators add to the image instead of making a new one, so details stay sharp; `cyclegan.emoji` uses both, with a lower `cycle_weight` and without the identity loss.

# %%
model = ganzoo.create(
    "cyclegan", crop=32, width=8, blocks=2, discriminator_width=16, discriminator_strides=2, domains=("paper", "board")
)
model.compile(ema_decay=0.99)
history = model.fit(dataset, epochs=8, verbose=0)
print("cycle loss:", history.history["cycle_loss"])

# %% [markdown]
# ## Translate
#
# `translate` takes a batch of images, a single one, or a list of images of different sizes, and gives as many. The direction is `forward`, `backward`, or a name made of the `domains`.

# %%
some = np.stack([np.asarray(Image.open(f"paper/{number}.png")) for number in range(0, 8, 2)])  # uint8 (4, 32, 32, 3)
translated = model.translate(some, direction="paper_to_board")  # uint8 (4, 32, 32, 3)
back = model.translate(translated, direction="board_to_paper")
Image.fromarray(np.concatenate([np.concatenate(row, axis=1) for row in (some, translated, back)])).save("out.png")
print("cycle, mean difference in gray levels:", np.abs(back.astype(int) - some).mean())

# %% [markdown]
# Images with an alpha channel keep it. Large images are translated in tiles that fade into each other. They cannot agree exactly with the whole image, since instance normalization looks at all of it: where memory suffices, give a larger `tile`.

# %%
large = model.translate(np.full((200, 300, 3), 255, "uint8"), tile=128)  # uint8 (200, 300, 3)

# %% [markdown]
# On the command line, files and folders:
#
# ```console
# ganzoo translate in.png out.png
# ganzoo translate twemoji noto --direction backward
# ```
#
# ## How good is it?
#
# Usually nobody knows, as there are no pairs. The preset `cyclegan.emoji` has them: Google and Twitter have designed the same emoji. It is trained on different emoji from each side (`separate_pairs`), so that it never sees a pair, and measured on a tenth of the names that neither side has trained on. `ganzoo evaluate` compares translations with the ground truth, beside images that are left unchanged, and beside the best curves of the colors, which are fitted to those very pairs.
#
# Pairs select the checkpoint by LPIPS, which needs AlexNet's weights: create them once as [Weights](../weights.md) says. Training without pairs, the last command, does not need them.
#
# ```console
# ganzoo train cyclegan.emoji --data folders:noto,twemoji:train
# ganzoo evaluate cyclegan.emoji --data folders:noto,twemoji:test
# ganzoo train cyclegan.emoji --data folders:my_photos,my_paintings --set data.separate_pairs=false
# ```
#
# Both folders are the images of 64 pixels in the npm packages `emoji-datasource-google` (Noto, Apache 2.0) and `emoji-datasource-twitter` (Twemoji, CC BY 4.0). Files with the same name form a pair. Without pairs, no best checkpoint is selected, and the last one is used.
