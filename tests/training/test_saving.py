"""What `model.save` writes, and refuses to."""

import pytest

import ganzoo


@pytest.mark.parametrize("name", ["m.h5", "m", "m.weights.h5", "m.keras.zip", "m.KERAS"])
def test_only_keras_files_are_saved_and_no_broken_one_stays(name, tmp_path):
    model = ganzoo.create("dcgan", image_shape=(16, 16, 1), latent_dim=4, width=4, kernel_size=3)
    model.compile()
    with pytest.raises(ganzoo.GanzooError, match=r"must end in \.keras"):
        model.save(tmp_path / name)
    with pytest.raises(ganzoo.GanzooError, match=r"must end in \.keras"):
        model.save(tmp_path / name, zipped=False)
    assert not list(tmp_path.iterdir())
