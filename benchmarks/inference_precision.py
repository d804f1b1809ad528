"""Whether a preset's results stay what they are in bfloat16, and how much faster it is.

    python -m benchmarks.inference_precision srgan.photos_x4 --data folder:Set5
    python -m benchmarks.inference_precision segan.speech --data folder:voicebank_demand
    python -m benchmarks.inference_precision

The preset is measured in float32 and in mixed_bfloat16, as `ganzoo evaluate` does. With --write, the differences are
written to its YAML file if all are within the limits below; `precision="auto"` then uses bfloat16 where it is faster.
Without a preset, 64 images of each preset that generates images with one pass of its network are compared, without
metrics.
"""

import argparse
import functools
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import ganzoo
from ganzoo import presets
from ganzoo.config import dump, load_config
from ganzoo.data.image_files import open_image_files
from ganzoo.data.recordings import open_recordings
from ganzoo.evaluation import evaluate
from ganzoo.files import write_atomically
from ganzoo.models.pixelcnn import PixelCNN
from ganzoo.registry import model_class

# The largest changes of metrics for the worse, in the units of each metric.
LIMITS = {
    "psnr_y": 0.01,
    "psnr_rgb": 0.01,
    "ssim_y": 0.0005,
    "ssim_rgb": 0.0005,
    "lpips_alex": 0.0005,
    "lpips_vgg": 0.0005,
    "pesq": 0.005,
    "stoi": 0.001,
    "si_sdr": 0.02,
}
LOWER_IS_BETTER = ("lpips_alex", "lpips_vgg")
# The largest difference of a value of an image, in gray levels.
GRAY_LEVELS = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset", nargs="?", help="name of a preset of the package")
    parser.add_argument("--data", help="source of data to measure it on")
    parser.add_argument("--rounds", type=int, default=5, help="of timing, in turn")
    parser.add_argument("--write", action="store_true", help="write the differences to the preset")
    options = parser.parse_args()
    if options.preset is None:
        if options.data or options.write:
            parser.error("--data and --write need a preset")
        for name in sorted(presets.preset_files()):
            compare_images(name, options.rounds)
        return
    if options.data is None:
        parser.error("a preset needs --data")
    models = loaded(options.preset)
    metrics = presets.find(options.preset).config.evaluation.metrics or None
    found = {p: evaluate(model, options.data, metrics=metrics).metrics for p, model in models.items()}
    changes = {}
    for name, limit in LIMITS.items():
        if name in found["float32"]:
            worse = found["mixed_bfloat16"][name] - found["float32"][name]
            changes[name] = round(worse, 5)
            print(f"{name}: {found['float32'][name]} to {found['mixed_bfloat16'][name]}, limit {limit}")
    seconds, difference, level = compared(models, inputs_of(models["float32"], options.data), options.rounds)
    if hasattr(models["float32"], "image_shape") or hasattr(models["float32"], "upscale"):
        changes["gray_levels"] = difference
    print(f"largest difference of the outputs: {difference:.3g}; {level:.1f} dB")
    ratio = np.median(np.divide(*seconds.values()))
    print(f"seconds: { ({p: round(float(np.median(s)), 4) for p, s in seconds.items()}) }, {ratio:.2f} times as fast")
    stays = changes.get("gray_levels", 0) <= GRAY_LEVELS and all(
        (change if name in LOWER_IS_BETTER else -change) <= LIMITS[name]
        for name, change in changes.items()
        if name in LIMITS
    )
    print(f"{options.preset}: {changes}: {'within' if stays else 'beyond'} the limits")
    if options.write:
        write(options.preset, changes if stays else {})


def loaded(preset):
    return {precision: ganzoo.load(preset, precision=precision) for precision in ("float32", "mixed_bfloat16")}


def compare_images(preset, rounds):
    """Prints how much a preset's images change in bfloat16, if it generates images with one pass of its network."""
    if presets.find(preset).config.weights is None:
        return
    cls = model_class(preset.split(".")[0])
    if not issubclass(cls, ganzoo.ImageGeneration) or issubclass(cls, PixelCNN):
        return
    models = loaded(preset)
    seconds, difference, level = compared(models, [_generated], rounds)
    ratio = np.median(np.divide(*seconds.values()))
    print(f"{preset}: at most {difference:.0f} gray levels, {level:.1f} dB, {ratio:.2f} times as fast", flush=True)


def _generated(model):
    captions = {"captions": "a man with round glasses"} if isinstance(model, ganzoo.TextToImage) else {}
    return model.generate(count=64, seed=0, **captions)


def inputs_of(model, data):
    """Functions of a model, one for each example."""
    if hasattr(model, "upscale"):
        return [functools.partial(_upscaled, image) for image in open_image_files(data).images]
    if hasattr(model, "enhance"):
        noisy = open_recordings(data, model.sample_rate).noisy
        return [functools.partial(_enhanced, one, model.sample_rate) for one in noisy]
    return [_generated]


def _upscaled(image, model):
    return model.upscale(image)


def _enhanced(noisy, rate, model):
    return model.enhance(noisy, sample_rate=rate)


def compared(models, inputs, rounds):
    """({precision: seconds of each round}, largest difference, difference relative to the output in decibels)."""
    errors, powers, largest = [], [], 0.0
    for function in inputs:
        exact, other = (np.asarray(function(model), "float32") for model in models.values())
        largest = max(largest, float(np.abs(exact - other).max()))
        errors.append(np.mean((exact - other) ** 2))
        powers.append(np.mean(exact**2))
    seconds = {p: [] for p in models}
    for _ in range(rounds):
        for precision, model in models.items():
            began = time.perf_counter()
            inputs[0](model)
            seconds[precision].append(time.perf_counter() - began)
    return seconds, largest, 10 * np.log10(max(np.mean(errors), 1e-20) / np.mean(powers))


def write(preset: str, changes: dict[str, float]) -> None:
    """Writes the section `weights` of a preset anew: the others have comments."""
    path = Path(presets.preset_files()[preset])
    config = load_config(path)
    assert config.weights is not None
    config = replace(config, weights=replace(config.weights, bfloat16=changes))
    section = dump(config).partition("\nweights:")[2]
    text = path.read_text(encoding="utf-8").partition("\nweights:")[0].rstrip("\n")
    write_atomically(path, f"{text}\nweights:{section}".encode())


if __name__ == "__main__":
    main()
