"""Perceptual losses and total variation."""

import keras
import numpy as np
import pytest

import ganzoo
from ganzoo.losses.perceptual import total_variation
from ganzoo.registry import model_class


def test_total_variation_by_hand():
    """Steps of 1 down in the first column and of 2 across in both rows: (1 + 1) / 2 + (2 + 2) / 2."""
    image = np.array([[0, 2], [1, 3]], "float32")[None, ..., None]
    assert float(total_variation(image)) == pytest.approx(1 + 2)


def test_the_perceptual_network_is_whole_wherever_it_is_first_used(shared, monkeypatch):
    monkeypatch.setenv("GANZOO_WEIGHTS", str(shared / "networks"))

    def fresh():
        keras.utils.set_random_seed(0)
        model = ganzoo.create("srgan", **model_class("srgan").test_config)
        perceptual = {"network": "vgg16", "layer": "block2_conv2", "weights": "lpips_vgg16_fp16"}
        model.compile(perceptual=perceptual, perceptual_weight=1.0, adversarial_weight=0.0)
        return model

    model = fresh()
    small, large = model.example_batch(2)
    expected = float(model.perceptual(large, np.asarray(model.generator(small))))
    assert expected > 1
    logs = fresh().train_on_batch(small, large, return_dict=True)
    assert float(logs["g_loss"]) == pytest.approx(expected, rel=1e-3)
    logs = fresh().evaluate(small, large, batch_size=2, verbose=0, return_dict=True)
    assert float(logs["g_loss"]) == pytest.approx(expected, rel=1e-3)
