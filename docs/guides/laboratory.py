# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Watch a GAN train
#
# The laboratory trains GANs on two-dimensional points, where all that happens can be seen. They are models of this package, with the same training step as the models of images. The page
# `ganzoo lab` shows the same in a browser.

# %%
import numpy as np

import ganzoo

steps = 4000

# %% [markdown]
# ## One game
#
# `play` trains both networks and returns its frames: points, the discriminator on a grid, the gradient at each generated point, losses and measures.

# %%
played = ganzoo.lab.play(data="ring", steps=steps, frames=8, seed=0)
for frame in played.frames[1::2]:
    print(f"step {frame.step:4}: {frame.modes} of 8 modes, distance {frame.distance:.2f}")
played.save("ring.png")

# %% [markdown]
# ## Compare
#
# The generator has collapsed to some of the eight modes, and more training does not recover the others. A penalty on the discriminator's gradient helps ([why](../lecture/mode_collapse.md#why-penalties-help)). `compare` trains games that differ in some setting, from the same seed, and writes them side by side, as PNG or GIF.

# %%
games = {"plain": {}, "R1 penalty": {"penalties": [{"name": "r1", "weight": 1.0}]}}
plain, penalized = ganzoo.lab.compare(games, "r1.gif", data="ring", steps=steps, frames=10)
for name, game in (("plain", plain), ("R1 penalty", penalized)):
    print(f"{name:10} {game.frames[-1].modes} of 8 modes, distance {game.frames[-1].distance:.2f}")

# %% [markdown]
# ## Experiments
#
# Ten claims of [the lecture](../lecture/index.md) come as experiments. Each compares two games, and states a measurement and its results with five seeds.

# %%
for name, experiment in ganzoo.lab.experiments.items():
    print(f"{name:17} {experiment.title}")
print(ganzoo.lab.experiments["saturation"].verdict)

# %% [markdown]
# ## Step by step
#
# A `Game` is trained by hand, also by halves: here the discriminator alone, against a generator that does not train. Its estimate of the divergence rises towards log 2 = 0.693, since all points can be told apart.

# %%
game = ganzoo.lab.Game(data="point", units=32)
for _ in range(4):
    game.train(50, only="d_loss")
    print(f"D's estimate {game.frame().estimate:.3f}")

# %% [markdown]
# Data may be points of your own.

# %%
angle = np.linspace(0, 2 * np.pi, 200)
heart = np.stack([16 * np.sin(angle) ** 3, 13 * np.cos(angle) - 5 * np.cos(2 * angle) - 2 * np.cos(3 * angle)], axis=1)
own = ganzoo.lab.play(data=(heart / 8).tolist(), loss="least_squares", steps=steps // 4, frames=2)
own.save("heart.png")
