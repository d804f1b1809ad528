"""Data sets as tf.data: one function per kind of data.

ganzoo.data.images("folder:my_pictures", image_shape=(64, 64, 3), batch_size=64)
ganzoo.data.labelled("folder:my_pictures", image_shape=(64, 64, 3), batch_size=64)
"""

from ganzoo.data.images import images
from ganzoo.data.labelled import labelled

__all__ = ["images", "labelled"]
