"""Metrics of image translation, beside the identity and color curves."""

import numpy as np
import pytest

import ganzoo
from ganzoo.data.unpaired import unpaired
from ganzoo.errors import GanzooError
from ganzoo.evaluation.image_translation import baseline, best_curves, evaluate_function


def test_the_best_curves_turn_negatives_into_positives(translator, paired_source):
    unchanged, curves = baseline(translator, paired_source, ["paired_psnr", "cycle_psnr"])
    # Equal images count as 100 dB.
    assert curves.metrics == {"paired_psnr_forward": 100.0, "paired_psnr_backward": 100.0}
    assert unchanged.metrics["paired_psnr_forward"] < 20
    assert unchanged.protocol == curves.protocol
    negative = evaluate_function(lambda images, _: [255 - image for image in images], paired_source, ["cycle_psnr"])
    assert negative.metrics == {"cycle_psnr_forward": 100.0, "cycle_psnr_backward": 100.0}


def test_curves_are_means_by_level():
    given, wanted = np.array([[0, 1], [9, 1], [9, 1]], "uint8"), np.array([[5, 0], [10, 0], [20, 9]], "uint8")
    curves = best_curves(given, wanted)
    assert curves[0, [0, 8, 9]].tolist() == [5, 8, 15]
    assert curves[1, 1] == 3


def test_validation_compares_with_the_ground_truth(translator, paired_source):
    feed = unpaired.feed(paired_source, crop=16, batch_size=2, held_out=0.2)
    found = translator.validation_metrics(feed, ganzoo.config.Evaluation()).compute(translator)
    assert set(found) == {"paired_psnr", "cycle_psnr"}
    shown = translator.preview(feed, 4)
    # Original, translation, return, ground truth.
    assert shown.shape == (4, *feed.validation[0][0].shape[:1], 4 * feed.validation[0][0].shape[1], 3)


def test_validation_without_pairs_measures_nothing(translator, paired_folders, tmp_path):
    (tmp_path / "B").mkdir()
    for path in (paired_folders / "B").iterdir():
        (tmp_path / "B" / f"other-{path.name}").symlink_to(path)
    feed = unpaired.feed(f"folders:{paired_folders}/A,{tmp_path}/B", crop=16, batch_size=2, held_out=0.2)
    assert translator.validation_metrics(feed, ganzoo.config.Evaluation()) is None
    assert len(translator.preview(feed, 4)) == 4
    with pytest.raises(GanzooError, match="has no pairs"):
        evaluate_function(translator.translate, f"folders:{paired_folders}/A,{tmp_path}/B")
