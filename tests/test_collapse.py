"""Where a plain GAN loses modes, a regularized one finds them all: a ring of eight Gaussians."""

import pytest

from benchmarks.ring import REGULARIZERS, modes_found


@pytest.fixture(scope="module")
def plain():
    """Modes that a plain GAN finds, of each of two seeds."""
    return [modes_found(seed=seed, **REGULARIZERS["plain"]) for seed in (0, 1)]


def test_a_plain_gan_loses_modes(plain):
    assert max(plain) <= 6


@pytest.mark.parametrize(
    "regularizer",
    [
        "r1",
        *(
            pytest.param(name, marks=pytest.mark.long)
            for name in ("spectral_normalization", "instance_noise_longer", "gradient_penalty")
        ),
    ],
)
def test_a_regularized_gan_finds_at_least_seven(regularizer):
    assert modes_found(**REGULARIZERS[regularizer]) >= 7


@pytest.mark.long
@pytest.mark.parametrize("regularizer", ["spectral_normalization", "instance_noise"])
def test_an_eased_gan_finds_more_than_a_plain_one(plain, regularizer):
    """Games are chaotic, and how many more differs from seed to seed and from machine to machine."""
    assert sum(modes_found(seed=seed, **REGULARIZERS[regularizer]) for seed in (0, 1)) > sum(plain)
