"""Recordings are written in the formats of their names, whatever the libraries behind these can bear."""

import numpy as np
import pytest

import ganzoo
from ganzoo.inference.recordings import enhance_file, write_sounds
from ganzoo.registry import model_class

soundfile = pytest.importorskip("soundfile")


def test_vorbis_holds_long_sounds_and_no_ultrasound(tmp_path):
    # libvorbis crashes on as many samples at once.
    sound = np.sin(np.arange(3_000_000, dtype="float32") / 20)[None] / 2
    write_sounds(tmp_path / "long.ogg", sound, 48_000)
    assert soundfile.info(str(tmp_path / "long.ogg")).frames == 3_000_000
    with pytest.raises(ganzoo.GanzooError, match="OGG cannot hold one channel at 384000 Hz"):
        write_sounds(tmp_path / "high.ogg", sound[:, :40_000], 384_000)
    soundfile.write(tmp_path / "high.wav", sound[0, :40_000], 384_000)
    model = ganzoo.create("segan", **model_class("segan").test_config)
    with pytest.raises(ganzoo.GanzooError, match="OGG cannot hold one channel at 384000 Hz"):
        enhance_file(model, tmp_path / "high.wav", tmp_path / "high.ogg")
