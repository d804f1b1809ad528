"""Text encoders: captions as vectors, the condition of text-to-image models.

An encoder has a `name`, a `dim`, `encode(captions)` to float32 (count, dim), a `digest` of its weights, and
`learn(images, captions)`, which does nothing for a pre-trained encoder.
"""

from ganzoo.text.characters import CharacterEncoder
from ganzoo.text.sentences import SentenceEncoder

ENCODERS = {"characters": CharacterEncoder, "sentences": SentenceEncoder}

__all__ = ["ENCODERS", "CharacterEncoder", "SentenceEncoder"]
