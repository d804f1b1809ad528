"""Where a plain GAN loses modes, a cured one finds them all: a ring of eight Gaussians."""

import pytest

from benchmarks.ring import CURES, modes_found


def test_a_plain_gan_loses_modes():
    assert modes_found(**CURES["plain"]) <= 6


@pytest.mark.parametrize("cure", ["r1", "spectral_normalization", "instance_noise", "gradient_penalty"])
def test_a_cured_gan_finds_at_least_seven(cure):
    assert modes_found(**CURES[cure]) >= 7
