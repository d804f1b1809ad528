"""Models that make images larger: how close they come to the images that were made smaller."""

import hashlib

import numpy as np

from ganzoo.data.image_files import multiple_of, open_image_files, resized, to_small
from ganzoo.errors import GanzooError
from ganzoo.evaluation.report import Evaluation, short
from ganzoo.imagenet import find_weights
from ganzoo.metrics.image import psnr, ssim
from ganzoo.metrics.lpips import FILES, distance

# VGG takes 3.7 GB of memory for each megapixel.
_MOST_PIXELS = {"alex": 16_000_000, "vgg": 1_500_000}


def evaluate(model, data, extractor=None, samples=None, upscale=False, name="model"):
    """Measures an upscaling model on photos.

    Args:
        model: a trained `SuperResolution` model.
        data: source of photos, e.g. "folder:Set5", see `ganzoo.data.image_files.open_image_files`.
        extractor, samples, upscale: of other kinds of models; not used.
        name: of the model, for tables.

    Returns:
        An `Evaluation`: means over the images of `psnr_y` (dB), `ssim_y`, `psnr_rgb`, `ssim_rgb`, and `lpips_alex`
        and `lpips_vgg` where their weights are found (`ganzoo.imagenet.find_weights`) and all images are small enough
        for the memory the networks take (16 megapixels, 1.5).

    Raises:
        GanzooError: anything wrong with the data.
    """
    return _evaluate(lambda small: model.upscale(small, progress=False), model.scale, data, name)


def baseline(model, data):
    """The same metrics of bicubic interpolation, at the model's scale."""
    return evaluate_bicubic(model.scale, data)


def evaluate_bicubic(scale, data):
    """The same metrics of bicubic interpolation, which every table of models needs beside them."""

    def upscale(small):
        return resized(small, (small.shape[0] * scale, small.shape[1] * scale))

    return _evaluate(upscale, scale, data, "bicubic")


def _evaluate(upscale, scale, data, name):
    images = [multiple_of(image, scale) for image in open_image_files(data, at_least=16 * scale).images]
    measures = {
        f"{measure.__name__}_{channel}": lambda x, y, measure=measure, channel=channel: measure(x, y, channel, scale)
        for channel in ("y", "rgb")
        for measure in (psnr, ssim)
    }
    most = max(image.shape[0] * image.shape[1] for image in images)
    networks = [network for network in FILES if _found(network) and most <= _MOST_PIXELS[network]]
    measures.update({f"lpips_{network}": distance(network) for network in networks})
    rows, digest = [], hashlib.sha256()
    for image in images:
        digest.update(np.ascontiguousarray(image).tobytes())
        ours = upscale(to_small(image, scale))
        # A perfect image's PSNR is infinite, and so would be the mean.
        rows.append([min(measure(ours, image), 100.0) for measure in measures.values()])
    metrics = {key: round(float(mean), 4) for key, mean in zip(measures, np.mean(rows, axis=0))}
    protocol = (
        f"x{scale}, means over {len(images)} images of {short(data)} ({digest.hexdigest()[:8]}), cut to multiples of "
        f"{scale}; small ones by antialiased bicubic (Keys, a = -0.5, Pillow), 8 bits; PSNR and SSIM on the luma of "
        f"BT.601 (unrounded) and on RGB, {scale} pixels left out at each border, SSIM with the Gaussian window of "
        f"11x11{'; LPIPS version 0.1, whole images' if networks else ''}"
    )
    return Evaluation(name, protocol, metrics)


def _found(network):
    try:
        find_weights(FILES[network])
    except GanzooError:
        return False
    return True
