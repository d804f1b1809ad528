"""The pages' functions with what a browser, or somebody without one, may send."""

from pathlib import Path

import numpy as np
import pytest

from ganzoo.inference import grid

gradio = pytest.importorskip("gradio")

from ganzoo.demos import cgan, common, dcgan, hub  # noqa: E402


@pytest.mark.parametrize("odd", [None, float("nan"), float("inf"), -1, 1.5, 2**40, "x", [1], True])
def test_odd_numbers_become_messages(odd):
    with pytest.raises(gradio.Error, match="must be a"):
        dcgan.draw("dcgan.mnist", odd, 4)
    with pytest.raises(gradio.Error, match="must be a"):
        dcgan.draw("dcgan.mnist", 0, odd)
    if odd != 1.5:
        with pytest.raises(gradio.Error, match="must be a"):
            dcgan.walk("dcgan.mnist", 0, 1, odd if odd is not True else 2)
    with pytest.raises(gradio.Error, match="unknown preset"):
        dcgan.draw("dcgan.nothing", 0, 4)


def test_a_walk_begins_and_ends_at_its_seeds():
    start, _, path = dcgan.walk("dcgan.mnist", 1, 2, 0.0)
    end, _, _ = dcgan.walk("dcgan.mnist", 1, 2, 1.0)
    model = common.loaded("dcgan.mnist")
    for shown, seed in ((start, 1), (end, 2)):
        expected = common.enlarged(model.generate(1, seed=seed)[0], 280)
        assert np.abs(shown.astype(int) - expected).max() <= 1
    assert Path(path).exists()


def test_downloads_do_not_pile_up():
    for seed in range(60):
        _, path = dcgan.draw("dcgan.mnist", seed, 1)
    assert len(list(Path(path).parent.iterdir())) <= common.KEPT_FILES


def test_classes_asked_for_are_drawn_in_rows():
    sheet, path = cgan.draw("cgan.mnist", "3, 1 4", 5, 2)
    model = common.loaded("cgan.mnist")
    expected = common.enlarged(grid(model.generate(6, labels=[3, 1, 4, 3, 1, 4], seed=5), columns=3))
    assert np.abs(sheet.astype(int) - expected).max() <= 1
    assert path.endswith("cgan.mnist-314-seed5.png")
    for odd in ("", None, "12a", "x", "1" * 17, "-1", "\u0663"):
        with pytest.raises(gradio.Error, match=r"classes"):
            cgan.draw("cgan.mnist", odd, 0, 1)


def test_only_models_with_weights_have_a_page():
    pages = hub.models_with_pages()
    assert {"cgan", "dcgan", "lsgan"} <= set(pages)
    hub.build()
    with pytest.raises(hub.GanzooError, match="unknown model"):
        hub.build("nothing")
