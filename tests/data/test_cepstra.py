"""Mel-cepstra of folders of speech, for training smoother and postfilter."""

import numpy as np
import pytest

import ganzoo
from ganzoo.data.cepstra import at_level
from ganzoo.errors import GanzooError

soundfile = pytest.importorskip("soundfile")
pytest.importorskip("pyworld")
RATE = 16_000


def test_data_is_split_by_speakers_and_as_loud_as_any_other(three_speakers):
    feed = ganzoo.data.cepstra.feed(f"folder:{three_speakers}", window=32, batch_size=4, order=12, held_out=0.3)
    # The second speaker; recordings of twice the amplitude have the same mel-cepstra.
    assert [len(found) for found in feed.validation] == [401, 451]
    first, second = (found[20:90] for found in feed.validation)
    assert np.corrcoef(first[:, 1], second[:, 1])[0, 1] > 0.99
    assert abs(first[:, 0].mean() - second[:, 0].mean()) < 1.0
    assert feed.count == 2 * (round(401 / 32) + round(451 / 32))
    batches = list(ganzoo.data.cepstra(f"folder:{three_speakers}", window=32, batch_size=4, order=12))
    assert batches[0].shape == (4, 32, 12)
    again = list(ganzoo.data.cepstra(f"folder:{three_speakers}", window=32, batch_size=4, order=12))
    np.testing.assert_array_equal(batches[-1], again[-1])


@pytest.mark.parametrize("seconds", [0.002, 0.5, 70])
def test_rumble_is_filtered_in_blocks_as_at_once(seconds):
    from scipy.signal import butter, sosfiltfilt

    rng = np.random.default_rng(0)
    sound = (0.1 * rng.standard_normal(round(seconds * 16_000)) + 0.5).astype("float32")
    padded = np.pad(sound, (0, max(0, 64 - len(sound))))
    expected = sosfiltfilt(butter(4, 60.0, "high", fs=16_000, output="sos"), padded.astype("float64"))
    scaled, gain = at_level(sound, 16_000)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled / gain, expected, atol=1e-6)
    assert np.sqrt(np.mean(scaled.astype("float64") ** 2)) == pytest.approx(0.05, rel=1e-4)


def test_recordings_that_are_all_silent_are_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(8000), RATE)
    with pytest.raises(GanzooError, match="all recordings are silent"):
        ganzoo.data.cepstra(f"folder:{tmp_path}", batch_size=1)
