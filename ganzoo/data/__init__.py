"""Datasets for training: one function per kind of data.

ganzoo.data.images("folder:my_images", image_shape=(64, 64, 3), batch_size=64)
ganzoo.data.labeled("folder:my_images", image_shape=(64, 64, 3), batch_size=64)
ganzoo.data.pairs("folder:my_images", scale=4, crop=96, batch_size=16)
ganzoo.data.unpaired("folders:my_photos,my_paintings", crop=256, batch_size=1)
ganzoo.data.captions("captions:my_images", image_shape=(64, 64, 3), encoder=model.text_encoder)
ganzoo.data.speech("folder:my_speech", noise="folder:my_noise", window=16384, batch_size=16)
ganzoo.data.cepstra("folder:my_speech", window=128, batch_size=32)
ganzoo.data.utterances("named:my_speech:{word}_{speaker}", {"word": ["no", "yes"], "speaker": ["ana", "ben"]})
ganzoo.data.voices("folders:my_voices/ana,my_voices/ben", domains=("ana", "ben"), batch_size=1)
"""

from ganzoo.data.captions import captions
from ganzoo.data.cepstra import cepstra
from ganzoo.data.feed import data_function
from ganzoo.data.images import images
from ganzoo.data.labeled import labeled
from ganzoo.data.pairs import pairs
from ganzoo.data.speech import speech
from ganzoo.data.unpaired import unpaired
from ganzoo.data.utterances import utterances
from ganzoo.data.voices import voices
from ganzoo.data.writing import write_images

__all__ = [
    "captions",
    "cepstra",
    "data_function",
    "images",
    "labeled",
    "pairs",
    "speech",
    "unpaired",
    "utterances",
    "voices",
    "write_images",
]
