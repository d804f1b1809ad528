"""What the lecture's chapters say of their experiments holds; `python -m docs.lecture_plots` computes the numbers."""

import json

import numpy as np
import pytest

from docs.lecture import applications, experiments
from docs.lecture_tables import NUMBERS


def test_a_gaussian_of_maximum_likelihood_covers_what_no_data_is_near():
    found = experiments.gaussian_fit()
    assert found["real"] == 1
    assert found["gaussian"] < 0.1


@pytest.mark.long
def test_the_best_discriminator_and_the_value_of_the_game():
    found = experiments.optimal_discriminator(steps=800)
    assert found["difference"] < 0.03
    assert found["value"] == pytest.approx(found["theory"], abs=0.02)
    # JS of the two by an independent formula: the entropy of the mixture minus the mean entropy.
    x, p, q, *_ = found["curves"]

    def entropy(density):
        return -np.sum(density * np.log(np.maximum(density, 1e-300))) * (x[1] - x[0])

    assert found["divergence"] == pytest.approx(entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2, abs=1e-6)


def test_the_minimax_gradient_is_d_and_the_non_saturating_one_is_the_rest():
    found = experiments.generator_gradients(scores=(0.01, 0.5))
    assert found["minimax"] == pytest.approx([0.01, 0.5], abs=1e-4)
    assert found["non_saturating"] == pytest.approx([0.99, 0.5], abs=1e-4)
    assert found["wasserstein"] == pytest.approx([1, 1])


@pytest.mark.long
def test_plain_gradient_descent_saturates():
    found = experiments.confident_discriminator(most=300, seeds=(0,))
    assert found["minimax, sgd"][0] > 3 * found["non_saturating, sgd"][0]
    assert found["minimax, adam"][0] < 100


@pytest.mark.long
def test_more_discriminator_steps_find_fewer_modes():
    found = experiments.discriminator_steps(seeds=(0, 1), ks=(1, 5))
    assert sum(found["k = 5"]) < sum(found["k = 1"])


def test_friction_leads_to_the_equilibrium_where_others_go_around_it():
    found = experiments.points_on_a_line()["distances"]
    assert found["wasserstein"] == pytest.approx(np.sqrt(2), abs=0.1)
    assert found["r1"] < 0.01 < found["plain"] < 1


@pytest.mark.long
def test_smoothing_moves_the_best_discriminator():
    found = experiments.smoothed_discriminator(steps=500)
    assert found["without"] > 0.98
    assert found["with"] == pytest.approx(0.9, abs=0.03)


@pytest.mark.long
def test_only_virtual_batch_normalization_ignores_the_rest_of_the_batch():
    found = experiments.batch_dependence(batches=3)
    assert found["virtual_batch"] < 0.01
    assert found["batch"] > 1


@pytest.mark.long
def test_the_divergence_says_apart_and_the_wasserstein_distance_how_far():
    found = experiments.separated_lines(distances=(1.0, 4.0), steps=500)
    assert found["divergence"] == pytest.approx([np.log(2)] * 2, abs=0.02)
    assert found["penalty"] == pytest.approx([1, 4], rel=0.3)
    assert np.divide(found["clipped"], found["clipped_slope"]) == pytest.approx([1, 4], rel=0.3)
    assert max(found["clipped_slope"]) < 0.6 < min(found["slope"])


@pytest.mark.long
def test_began_holds_its_balance_while_m_falls():
    found = experiments.equilibrium(epochs=8)
    assert found["ratio"][-1] == pytest.approx(0.5, abs=0.12)
    assert found["convergence"][-1] < 0.6 * found["convergence"][0]


@pytest.mark.long
def test_conditional_gans_obey():
    found = applications.classes(count=100)
    assert found["cgan.mnist"] > 0.9
    assert found["cgan.fashion_mnist"] > 0.75


@pytest.mark.long
def test_a_walk_is_smooth():
    found = applications.walk(pairs=4)
    assert found["neighbors"] < 0.6 * found["independent"]


@pytest.mark.long
def test_features_of_the_discriminator_know_more_than_pixels():
    found = applications.linear_probe()
    assert found["features"] > found["pixels"] > 0.8


@pytest.mark.long
def test_captions_are_obeyed():
    found = applications.captions(count=40)
    assert found["clothes_color"] > 0.9
    assert found["glasses"] > 0.8


@pytest.mark.long
def test_means_of_more_faces_make_a_better_analogy():
    found = applications.analogies(groups=(1, 20), triples=10)
    assert found["groups of 20"] > found["groups of 1"]


@pytest.mark.long
def test_edits_follow_the_paint_and_keep_the_rest():
    found = applications.edits(images=4)
    assert found["after"] < 0.6 * found["before"]
    assert found["kept"] < 0.7 * found["independent"]


@pytest.mark.long
def test_srresnet_wins_by_pixels_and_srgan_by_fine_structure():
    found = applications.temple()
    assert found["srresnet"][0] > found["srgan"][0]
    assert found["srgan"][1] < found["srresnet"][1] < found["bicubic"][1]


@pytest.mark.long
def test_noise_alone_becomes_quieter():
    found = applications.shifts(seconds=1.0)
    assert found["one"] < -10
    assert found["four"] < -10


def test_the_recorded_numbers_agree_with_what_the_chapters_say():
    found = json.loads(NUMBERS.read_text("utf-8"))
    modes = {name: sum(seeds) for name, seeds in found["remedies"]["modes"].items()}
    assert min(modes["r1"], modes["gradient_penalty"]) > max(modes["plain"], modes["minibatch_discrimination"])
    assert modes["label_smoothing"] <= modes["plain"] + 2
    assert sum(found["discriminator_steps"]["k = 5"]) < sum(found["discriminator_steps"]["k = 1"])
