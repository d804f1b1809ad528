"""A history of generated images for the discriminator (Shrivastava et al. 2016, arXiv:1612.07828, section 2.3)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ganzoo import backend
from ganzoo.training.noise import Noise
from ganzoo.types import Tensor


class ImagePool(keras.layers.Layer):
    """Up to `size` images that were generated in earlier steps.

    A batch first fills the pool. Then each of its images is, with a probability of one half, exchanged for a random
    one of the pool. Images of one batch take different places, and a batch that is larger than the pool leaves its
    further images as they are.

    A layer, so that Keras saves it with the model. The replicas of a strategy keep the same pool: each sees the images
    of all of them.

    Args:
        size: number of images.
        shape: of an image.

    Example:
        from ganzoo.training.image_pool import ImagePool
        from ganzoo.training.noise import Noise

        pool = ImagePool(50, (64, 64, 3))
        older = pool.exchange(np.zeros((4, 64, 64, 3), "float32"), Noise(seed=0))   # the same four: it was empty
    """

    def __init__(self, size: int, shape: Sequence[int], **options: Any):
        super().__init__(dtype="float32", trainable=False, **options)
        self.size = size
        self.images = self.add_weight(shape=(size, *shape), initializer="zeros", trainable=False, name="images")
        self.count = self.add_weight(shape=(), initializer="zeros", dtype="int32", trainable=False, name="count")
        self.built = True

    def exchange(self, images: Tensor, noise: Noise) -> Tensor:
        """As many images, some of them from earlier batches; these ones take their place.

        Args:
            images: (batch, *shape), without gradients.
            noise: source of the random choices.
        """
        images = ops.cast(images, "float32")
        batch = backend.from_all_replicas(images)
        count = batch.shape[0] if batch.shape[0] is not None else ops.shape(batch)[0]
        taking = min(self.size, count) if isinstance(count, int) else ops.minimum(self.size, count)
        kept = backend.with_dependency(batch, self.count)
        place = kept + ops.arange(self.size, dtype="int32")[:taking]
        is_full = kept >= self.size
        # Places that differ from each other: the next ones, or random ones of a full pool.
        random = ops.cast(ops.argsort(noise.common((self.size,))), "int32")[:taking]
        chosen = ops.where(is_full, random, place % self.size)
        is_exchanged = (noise.common((self.size,))[:taking] < 0.5) & is_full
        # What does not fit into a pool that this batch fills is not stored.
        column = (-1, *(1 for _ in self.images.shape[1:]))
        is_stored = ops.reshape(is_exchanged | (place < self.size), column)
        is_exchanged = ops.reshape(is_exchanged, column)
        offered, older = batch[:taking], ops.take(self.images, chosen, axis=0)
        answer = ops.concatenate([ops.where(is_exchanged, older, offered), batch[taking:]])
        stored = ops.where(is_stored, offered, older)
        chosen = ops.expand_dims(chosen, 1)
        backend.update([(self.images, self.images)], lambda pool, _: ops.scatter_update(pool, chosen, stored))
        backend.update([(self.count, self.count)], lambda _, __: ops.minimum(kept + taking, self.size))
        return backend.own_rows(answer, images)
