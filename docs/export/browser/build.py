"""Collects a static page that generates images in the browser: the page, onnxruntime-web and an exported ONNX file.

    python docs/export/browser/build.py FOLDER [--model cgan] [--float16] [--package onnxruntime-web.tgz]
    python -m http.server --bind 127.0.0.1 --directory FOLDER 8000

Any server of files can serve the folder; the page asks no other server for anything. onnxruntime-web is fetched by
`npm pack`; --package takes the file that this command wrote elsewhere. Models that generate from latents alone, or
from latents and a class, can be used.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import ganzoo

PAGE = Path(__file__).parent
# Any version from this one on, below the next major version.
PACKAGE = "onnxruntime-web@^1.20.0"
RUNTIME = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="dcgan", help="a preset, run folder or .keras file")
    parser.add_argument("--float16", action="store_true", help="store the weights in float16, at half the size")
    parser.add_argument("--package", type=Path, help="onnxruntime-web as packed by npm, instead of fetching it")
    options = parser.parse_args()
    try:
        build(options.folder, options.model, options.float16, options.package)
    except ganzoo.GanzooError as error:
        sys.exit(f"error: {error}")
    print(options.folder)


def build(folder, name="dcgan", float16=False, package=None):
    """Writes the page into a folder, which is created."""
    model = ganzoo.load(name)
    described = description(model, name)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    copy_runtime(folder, package)
    for file in ("index.html", "page.css", "page.js"):
        shutil.copy(PAGE / file, folder)
    model.export(folder / "model.onnx", "onnx", overwrite=True, float16=float16)
    (folder / "model.json").write_text(json.dumps(described, indent=2))


def description(model, name):
    """What the page needs to know of the model."""
    generates = isinstance(model, ganzoo.ImageGeneration) and not isinstance(model, ganzoo.TextToImage)
    conditional = generates and hasattr(model, "classes")
    if not generates or model.image_shape[2] not in (1, 3):
        raise ganzoo.GanzooError(
            f"the page generates images from latents; {name} {model.purpose}: choose another model"
        )
    inputs = [one.name for one in model.inference_network.inputs]
    result = {
        "name": str(name),
        "description": f"{type(model).__name__}, from {model.latent_dim} random numbers.",
        "latent_dim": model.latent_dim,
        "image_shape": model.image_shape,
        "latents": inputs[0],
        "output": model.output_name,
    }
    if conditional:
        result |= {"labels": inputs[1], "classes": list(model.class_names) or list(map(str, range(model.classes)))}
    return result


def copy_runtime(folder, package=None):
    """Copies onnxruntime-web into the folder, from the npm registry or from a packed file."""
    with tempfile.TemporaryDirectory() as temporary:
        if package is None:
            package = fetch(temporary)
        with tarfile.open(package) as archive:
            for file in RUNTIME:
                try:
                    content = archive.extractfile(f"package/dist/{file}")
                except KeyError:
                    raise ganzoo.GanzooError(
                        f"{package} has no dist/{file}: it is not onnxruntime-web 1.20 or later"
                    ) from None
                (folder / file).write_bytes(content.read())


def fetch(folder):
    """The path of onnxruntime-web, fetched by npm into a folder."""
    npm = shutil.which("npm")
    if npm is None:
        raise ganzoo.GanzooError(
            "npm was not found: install Node.js, or pass --package with the file of `npm pack onnxruntime-web`"
        )
    command = [npm, "pack", PACKAGE, "--silent", "--pack-destination", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise ganzoo.GanzooError(f"npm could not fetch {PACKAGE}: {lines[0]}")
    return next(Path(folder).glob("*.tgz"))


if __name__ == "__main__":
    main()
