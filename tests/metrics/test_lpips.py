"""LPIPS and the perceptual loss against the same networks written out in PyTorch."""

import contextlib

import numpy as np
import pytest

import ganzoo
from ganzoo.losses.perceptual import Perceptual, get_perceptual
from ganzoo.metrics.lpips import distance, lpips
from ganzoo.weights import digest, read

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install -e '.[torch]'")
F = torch.nn.functional

SHIFT, SCALE = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])


@pytest.fixture
def networks(shared, monkeypatch):
    monkeypatch.setenv("GANZOO_WEIGHTS", str(shared / "networks"))
    return shared / "networks"


@pytest.fixture
def pair(shared):
    from ganzoo.inference.image_files import read_image_file

    large = read_image_file(shared / "set5" / "butterfly.png").pixels[:96, :128]
    noise = np.random.default_rng(0).normal(0, 15, large.shape)
    return (large + noise).clip(0, 255).astype("uint8"), np.ascontiguousarray(large)


def convolutions(path, prefix, images):
    """Features of every convolution, as PyTorch's models arrange them."""
    arrays = np.load(path)
    x = (torch.tensor(images, dtype=torch.float32) / 127.5 - 1 - SHIFT) / SCALE
    x = x.permute(0, 3, 1, 2)
    found = []
    count = sum(name.startswith(f"{prefix}.Conv_") and name.endswith("kernel") for name in arrays.files)
    for i in range(count):
        if prefix == "AlexNet_0":
            stride, padding = ((4, 2), (1, 2), (1, 1), (1, 1), (1, 1))[i]
            x = F.max_pool2d(x, 3, 2) if i in (1, 2) else x
        else:
            stride, padding = 1, 1
            x = F.max_pool2d(x, 2, 2) if i in (2, 4, 7, 10) else x
        kernel, bias = (
            torch.tensor(arrays[f"{prefix}.Conv_{i}.{part}"].astype("float32")) for part in ("kernel", "bias")
        )
        x = F.relu(F.conv2d(x, kernel.permute(3, 2, 0, 1), bias, stride, padding))
        found.append(x)
    return found


@pytest.mark.parametrize(
    ("network", "file", "prefix", "taps"),
    [
        ("alex", "lpips_alexnet_fp16.npz", "AlexNet_0", (0, 1, 2, 3, 4)),
        ("vgg", "lpips_vgg16_fp16.npz", "VGG16_0", (1, 3, 6, 9, 12)),
    ],
)
def test_lpips_beside_pytorch(networks, pair, network, file, prefix, taps):
    features = convolutions(networks / file, prefix, np.stack(pair))
    heads, expected = np.load(networks / file), 0.0
    for i, tap in enumerate(taps):
        unit = F.normalize(features[tap], dim=1, eps=1e-10)
        head = torch.tensor(heads[f"NetLinLayer_{i}.Conv_0.kernel"].astype("float32")).permute(3, 2, 0, 1)
        expected += float(F.conv2d((unit[:1] - unit[1:]) ** 2, head).mean())
    assert lpips(*pair, network) == pytest.approx(expected, rel=1e-3)
    assert lpips(pair[0], pair[0], network) == 0


def test_perceptual_loss_beside_pytorch(networks, pair):
    features = convolutions(networks / "lpips_vgg16_fp16.npz", "VGG16_0", np.stack(pair))[6]
    expected = float(((features[0] - features[1]) ** 2).mean())
    first, second = (image[None].astype("float32") / 127.5 - 1 for image in pair)
    loss = Perceptual("vgg16", "block3_conv3", "lpips_vgg16_fp16")
    assert float(loss(first, second)) == pytest.approx(expected, rel=1e-3)


def test_missing_and_wrong_weights_say_so(networks, monkeypatch, pair):
    with pytest.raises(ganzoo.GanzooError, match="is not of alexnet"):
        lpips(*pair, "alex", weights="lpips_vgg16_fp16")
    with pytest.raises(ganzoo.GanzooError, match="has no layer 'block9_conv1'"):
        Perceptual("vgg16", "block9_conv1", "lpips_vgg16_fp16").prepare()
    with pytest.raises(ganzoo.GanzooError, match="unknown key 'layr'"):
        get_perceptual({"layr": "block1_conv1"})
    with pytest.raises(ganzoo.GanzooError, match="there is no weights file 'nowhere'"):
        lpips(*pair, weights="nowhere")
    with pytest.raises(ganzoo.GanzooError, match="64x64"):
        lpips(pair[0][:32], pair[1][:32])


def test_a_known_file_with_other_weights_is_refused(networks, monkeypatch, pair, tmp_path):
    """One weight of a million changed, in a file that is whole."""
    with np.load(networks / "lpips_alexnet_fp16.npz") as stored:
        arrays = dict(stored)
    np.savez_compressed(tmp_path / "lpips_alexnet_fp16.npz", **arrays)
    monkeypatch.setenv("GANZOO_WEIGHTS", str(tmp_path))
    distance.cache_clear()
    same = lpips(*pair)
    arrays["AlexNet_0.Conv_4.bias"][7] += 1
    np.savez(tmp_path / "lpips_alexnet_fp16.npz", **arrays)
    np.savez(tmp_path / "mine.npz", **arrays)
    distance.cache_clear()
    with pytest.raises(ganzoo.GanzooError, match="its arrays are not those of lpips_alexnet_fp16"):
        lpips(*pair)
    assert lpips(*pair, weights="mine") != same


def test_damaged_files_are_refused_or_read(networks, monkeypatch, pair, tmp_path):
    whole, rng = (networks / "lpips_alexnet_fp16.npz").read_bytes(), np.random.default_rng(0)
    monkeypatch.setenv("GANZOO_WEIGHTS", str(tmp_path))
    for i in range(12):
        content = bytearray(whole)
        if i % 3 == 0:
            del content[int(rng.integers(len(content))) :]
        else:
            # The headers of arrays, and the directory at the end.
            begin, end = ((0, 300), (len(content) - 1500, len(content)))[i % 2]
            for place in rng.integers(begin, end, size=4):
                content[place] = rng.integers(256)
        (tmp_path / "mine.npz").write_bytes(content)
        distance.cache_clear()
        with contextlib.suppress(ganzoo.GanzooError):
            lpips(*pair, weights="mine")


def test_checkpoints_of_pytorch_become_the_file_that_is_read(networks, tmp_path, pair):
    """The shared file, written out as torchvision and lpips write theirs, comes back as it was."""
    from ganzoo.imagenet_convert import convert

    arrays = np.load(networks / "lpips_alexnet_fp16.npz")
    places, backbone, heads = (0, 3, 6, 8, 10), {}, {}
    for i, place in enumerate(places):
        kernel = torch.tensor(arrays[f"AlexNet_0.Conv_{i}.kernel"].astype("float32"))
        backbone[f"features.{place}.weight"] = kernel.permute(3, 2, 0, 1)
        backbone[f"features.{place}.bias"] = torch.tensor(arrays[f"AlexNet_0.Conv_{i}.bias"].astype("float32"))
        head = torch.tensor(arrays[f"NetLinLayer_{i}.Conv_0.kernel"].astype("float32"))
        heads[f"lin{i}.model.1.weight"] = head.permute(3, 2, 0, 1)
    torch.save(backbone, tmp_path / "alexnet.pth")
    torch.save(heads, tmp_path / "alex.pth")
    convert(tmp_path / "alexnet.pth", tmp_path / "made.npz", tmp_path / "alex.pth")
    assert lpips(*pair, weights=tmp_path / "made.npz") == pytest.approx(lpips(*pair), rel=1e-6)
    assert digest(read(tmp_path / "made.npz")) == digest(read(networks / "lpips_alexnet_fp16.npz"))
    with pytest.raises(ganzoo.GanzooError, match="five heads"):
        convert(tmp_path / "alexnet.pth", tmp_path / "x.npz", tmp_path / "alexnet.pth")
    with pytest.raises(ganzoo.GanzooError, match="0 convolutions"):
        convert(tmp_path / "alex.pth", tmp_path / "x.npz")
    (tmp_path / "damaged.pth").write_bytes((tmp_path / "alex.pth").read_bytes()[:100])
    with pytest.raises(ganzoo.GanzooError, match="cannot read the checkpoint"):
        convert(tmp_path / "damaged.pth", tmp_path / "x.npz")


def test_images_that_are_too_small_are_left_out_of_the_default_metrics(networks, tmp_path):
    from PIL import Image

    from ganzoo.evaluation.super_resolution import evaluate_bicubic

    for i in range(2):
        Image.new("RGB", (96, 40 + i), (i, 90, 200)).save(tmp_path / f"{i}.png")
    assert "psnr_y" in (found := evaluate_bicubic(2, f"folder:{tmp_path}").metrics)
    assert "lpips_alex" not in found
    with pytest.raises(ganzoo.GanzooError, match="lpips_alex takes images of at least 64x64 pixels, got a side of 40"):
        evaluate_bicubic(2, f"folder:{tmp_path}", ["lpips_alex"])
