"""Runs in small files."""

import numpy as np
import pytest

import ganzoo
from ganzoo.training.carry import carry, unpack
from tests.training.test_run import weights_of


def test_a_run_goes_on_elsewhere_from_small_files(tiny_preset, tmp_path):
    quick = ["extractor=null"]
    run = ganzoo.train(tiny_preset, output=tmp_path / "here", settings=[*quick, "epochs=2"])
    parts = carry(run, tmp_path / "parts", megabytes=0.05)
    assert len(parts) > 3
    assert max(part.stat().st_size for part in parts) <= 0.05 * 2**20
    assert unpack(tmp_path / "parts", tmp_path / "there") == tmp_path / "there" / "tiny-001"
    gone_on = ganzoo.train(tiny_preset, output=tmp_path / "there", resume=True, settings=["epochs=4"])
    whole = ganzoo.train(tiny_preset, output=tmp_path / "whole", settings=quick)
    for path, value in weights_of(whole).items():
        np.testing.assert_array_equal(weights_of(gone_on)[path], value, err_msg=path)
    with pytest.raises(ganzoo.GanzooError, match="exists already"):
        unpack(tmp_path / "parts", tmp_path / "there")
    unpack(tmp_path / "parts", tmp_path / "there", replace=True)
    assert ganzoo.load(gone_on).steps == 12
    # Fewer, larger files take the place of all.
    assert len(carry(run, tmp_path / "parts")) == 2
    assert len(list((tmp_path / "parts").iterdir())) == 2


def test_small_files_that_are_missing_or_damaged_are_refused(tiny_preset, tmp_path):
    with pytest.raises(ganzoo.GanzooError, match="no run folder"):
        carry(tmp_path, tmp_path / "parts")
    run = ganzoo.train(tiny_preset, output=tmp_path / "runs", settings=["extractor=null", "epochs=1"])
    parts = carry(run, tmp_path / "parts", megabytes=0.05)
    content = parts[0].read_bytes()
    manifest = parts[-1].read_text()
    for name in ("..", "", "a/b"):
        parts[-1].write_text(manifest.replace('"tiny-001"', f'"{name}"'))
        with pytest.raises(ganzoo.GanzooError, match="damaged"):
            unpack(tmp_path / "parts", tmp_path / "there")
    parts[-1].write_text(manifest)
    parts[0].write_bytes(content[:100] + b"x" + content[101:])
    with pytest.raises(ganzoo.GanzooError, match="damaged"):
        unpack(tmp_path / "parts", tmp_path / "there")
    parts[0].unlink()
    with pytest.raises(ganzoo.GanzooError, match="whole run"):
        unpack(tmp_path / "parts", tmp_path / "there")
    assert not (tmp_path / "there").exists()
