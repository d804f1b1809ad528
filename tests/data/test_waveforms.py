"""Audio as arrays."""

import numpy as np

from ganzoo.data.waveforms import of_length, quiet_places


def test_a_length_is_cut_or_filled_with_silence():
    sound = np.arange(1, 5, dtype="float32")
    for length, expected in ((2, [1, 2]), (4, [1, 2, 3, 4]), (6, [1, 2, 3, 4, 0, 0])):
        found = of_length(sound, length)
        assert (found.dtype, found.tolist()) == (np.float32, expected)


def test_long_recordings_are_divided_where_it_is_quiet():
    rate, rng = 8_000, np.random.default_rng(0)
    sound = rng.normal(0, 0.1, 50 * rate).astype("float32")
    pauses = [17, 34]
    for second in pauses:
        sound[second * rate : round((second + 0.2) * rate)] = 0
    places = [place / rate for place in quiet_places(sound, rate, shortest=15, longest=20)]
    assert len(places) == 2
    assert all(pause < place < pause + 0.2 for pause, place in zip(pauses, places))
    assert quiet_places(sound, rate, shortest=15, longest=50) == []
    # No part is longer, even where none is quieter than another.
    parts = np.diff([0, *quiet_places(np.ones(1000), 10, shortest=15, longest=20), 1000])
    assert parts.max() <= 200
