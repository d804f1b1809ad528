"""Sentences as vectors: what models that draw from text are given.

An encoder has a `name`, a `dim`, `encode(captions)` to float32 (count, dim), a `digest` that tells it from others, and
`learn(images, captions)`, which one that comes trained does without.
"""

from ganzoo.text.characters import CharacterEncoder
from ganzoo.text.sentences import SentenceEncoder

ENCODERS = {"characters": CharacterEncoder, "sentences": SentenceEncoder}

__all__ = ["ENCODERS", "CharacterEncoder", "SentenceEncoder"]
