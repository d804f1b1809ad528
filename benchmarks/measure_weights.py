"""Measures the shipped weights of a preset again, e.g. with another judge, and writes the metrics to its YAML file.

    python -m benchmarks.measure_weights dcgan.mnist --data idx:t10k-images-idx3-ubyte.gz

With --weights FILE, the weights are replaced by those of another file, which `ganzoo publish` wrote on another machine.
"""

import argparse
import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

from ganzoo import loading, presets
from ganzoo.config import Weights, dump, load_config
from ganzoo.files import write_atomically
from ganzoo.training.publish import measure

_DESCRIPTIONS = ("license", "data")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset", help="name of a preset of the package")
    parser.add_argument("--data", required=True, help="source of held-out data")
    parser.add_argument("--weights", type=Path, help="file of other weights")
    parser.add_argument("--license", help="of the training data of other weights")
    parser.add_argument("--trained-on", help="description of the training data of other weights")
    parser.add_argument("--inference-only", action="store_true", help="drop networks that only training uses")
    parser.add_argument("--bits", type=int, choices=(16, 8), default=16, help="of each weight; 8 halve the file")
    parser.add_argument("--epoch", type=int, help="epoch of the checkpoint of other weights")
    parser.add_argument("--minutes", help="training time of other weights: KIND=MINUTES, e.g. gpu=4.9")
    options = parser.parse_args()
    path = Path(presets.preset_files()[options.preset])
    config = load_config(path)
    file = path.with_suffix(".npz")
    if options.weights:
        shutil.copyfile(options.weights, file)
        file.chmod(0o644)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    model = loading.build(config, options.preset, policy="float32")
    model.load_shipped(file, sha256)
    if options.inference_only or options.bits == 8:
        sha256 = model.save_shipped(file, options.inference_only, options.bits)
        model.load_shipped(file, sha256)
    metrics, protocol = measure(model, config, options.data)
    known = config.weights
    if options.weights:
        metrics["best_epoch"] = options.epoch
        kind, _, minutes = options.minutes.partition("=")
        metrics[f"training_{kind}_minutes"] = float(minutes)
    elif known:
        metrics |= {
            key: value for key, value in known.metrics.items() if key == "best_epoch" or key.startswith("training_")
        }
    license = options.license or (known.license if known else "")
    trained_on = options.trained_on or (known.data if known else "")
    bfloat16 = known.bfloat16 if known and known.sha256 == sha256 else {}
    weights = Weights(file.name, sha256, license, trained_on, protocol, metrics, bfloat16)
    # Only this section: the others have comments.
    section = dump(replace(config, weights=weights)).partition("\nweights:")[2]
    text = path.read_text(encoding="utf-8").partition("\nweights:")[0].rstrip("\n")
    write_atomically(path, f"{text}\nweights:{section}".encode())
    print(f"{options.preset}: {metrics}", flush=True)


if __name__ == "__main__":
    main()
