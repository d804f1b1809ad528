# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Images pixel by pixel
#
# A PixelCNN (van den Oord et al. 2016) predicts each pixel from those before it, row by row. It has no latents and no second network: it maximizes the exact probability of the images,
# generates slowly, one pixel after the other, and can finish an image of which the beginning is known.

# %%
import numpy as np

import ganzoo
from ganzoo.data.sources import open_images
from ganzoo.inference import grid, save_image

# %% [markdown]
# ## Train
#
# The digits of scikit-learn, 8x8 pixels, need no download. The last tenth is for the end of this page. With a Bernoulli likelihood, gray levels are the probabilities of white, from which
# black and white pixels are sampled anew at each step.

# %%
opened = open_images("digits", (8, 8, 1), with_labels=True)
images, labels = opened.images, np.asarray(opened.labels, "int32")
train, test = images[:-180], images[-180:]
model = ganzoo.create("pixelcnn", image_shape=(8, 8, 1), width=16, depth=4, first_kernel_size=5, hidden=32)
model.compile({"name": "adam", "learning_rate": 3e-3}, ema_decay=0.99)
history = model.fit(train / 127.5 - 1.0, batch_size=64, epochs=30, verbose=0)
print(f"loss: {history.history['loss'][0]:.1f} nats per image at first, {history.history['loss'][-1]:.1f} at the end")

# %% [markdown]
# The likelihood of new images is exact, where a VAE has a bound and a GAN has none. `bits_per_dimension` is the negative log-likelihood in bits, divided by the number of pixels: a model that knows nothing about binary pixels needs 1.

# %%
print(
    f"test images: log-likelihood {model.log_likelihood(test).mean():.1f} nats, {model.bits_per_dimension(test).mean():.3f} bits per dimension"
)

# %% [markdown]
# ## Generate
#
# The network runs once for each pixel, but each layer computes only what the new pixel changes, and remembers the rest. `temperature` below 1 prefers likely pixels.

# %%
save_image("generated.png", grid(model.generate(32, seed=0)))
save_image("cleaner.png", grid(model.generate(32, seed=0, temperature=0.7)))

# %% [markdown]
# ## Finish an image
#
# In a mask, True keeps a pixel, and False samples it. Known pixels stay exactly as they are. What comes after a pixel does not influence it: of a digit whose *lower* half is known, the upper half is
# sampled without looking at it.

# %%
mask = np.zeros((8, 8), bool)
mask[:4] = True
half = np.repeat(test[:4], 8, axis=0)
completed = model.complete(half, mask, seed=0)
assert (completed[:, :4] == half[:, :4]).all()
save_image("completed.png", grid(completed, columns=8))

# %% [markdown]
# On the command line, for image files:
#
# ```console
# ganzoo complete half.png grid.png --keep top --count 16
# ```
#
# ## Classes
#
# `conditional_pixelcnn` is also conditioned on the class. Without a label, the likelihood is the mean over all classes, and the class that makes an image likeliest can serve as a classification.

# %%
conditional = ganzoo.create(
    "conditional_pixelcnn", image_shape=(8, 8, 1), classes=10, width=16, depth=4, first_kernel_size=5, hidden=32
)
conditional.compile({"name": "adam", "learning_rate": 3e-3}, ema_decay=0.99)
conditional.fit(train / 127.5 - 1.0, labels[:-180], batch_size=64, epochs=30, verbose=0)
save_image("classes.png", grid(conditional.generate(labels=list(range(10)) * 3, seed=0), columns=10))
of_class = np.stack([conditional.log_likelihood(test, labels=number) for number in range(10)])
print(
    f"the likeliest class is the right one for {(of_class.argmax(axis=0) == labels[-180:]).mean():.0%} of the test images"
)

# %% [markdown]
# ## Other likelihoods
#
# For 8-bit images, `categorical` gives each of the 256 values a probability of its own, and `logistic_mixture` a mixture of discretized logistic distributions (Salimans et al. 2017), which needs fewer outputs and
# treats the channels of color images together. The presets `pixelcnn.mnist`, `pixelcnn.fashion_mnist` and `conditional_pixelcnn.mnist` state all settings:
#
# ```console
# ganzoo train pixelcnn.fashion_mnist --data idx:train-images-idx3-ubyte.gz
# ```
