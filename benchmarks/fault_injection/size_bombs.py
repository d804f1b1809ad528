"""Small files that would need far more memory or time than their size suggests."""

import io
import os
import struct
import wave
import zipfile

import numpy as np

from .damaged_files import tiny_model
from .outcome import outcome_of, report

# The memory limit for refusing a file; valid files of this size take a few megabytes.
MEMORY = 2**30
_GIGABYTE = 2**30
_PRESET = """
model: dcgan
arguments: {{image_shape: [16, 16, 1], latent_dim: 4, width: 4, kernel_size: 3}}
data: {{source: digits}}
weights: {{file: "{file}", sha256: "{sha256}", license: none, data: none, protocol: none}}
"""
# Changes to the text of a preset: (old, new).
_PRESET_CHANGES = {
    "width beyond its weights": ("width: 4", "width: 100000"),
    "latent_dim of a billion": ("latent_dim: 4", "latent_dim: 1000000000"),
    "kernel_size of a million": ("kernel_size: 3", "kernel_size: 1000000"),
    "image_shape of a million": ("[16, 16, 1]", "[1048576, 1048576, 1]"),
    "image_shape of two": ("[16, 16, 1]", "[16, 16]"),
    "discriminator_depth of 10^400": ("width: 4", f"width: 4, discriminator_depth: 1{'0' * 400}"),
    "regularizers that are a list of lists": ("width: 4", "width: 4, discriminator_regularizers: [[]]"),
    "epochs of 400 digits": ("data:", f"training: {{epochs: 1{'0' * 400}}}\ndata:"),
    "weights of a device": ("file: good.npz", "file: /dev/zero"),
    "weights of a pipe": ("file: good.npz", "file: pipe.npz"),
    "weights outside the folder": ("file: good.npz", "file: ../good.npz"),
    "weights with a null byte": ('file: "good.npz"', 'file: "good\\0.npz"'),
}


def bombs(folder, count=None, seed=0):
    """Reads every bomb once; returns a list of failures. `count` and `seed` are ignored."""
    folder.mkdir(parents=True, exist_ok=True)
    outcomes = [(name, outcome_of(read, MEMORY)) for name, read in _cases(folder)]
    return report("bombs", outcomes)


def _cases(folder):
    import ganzoo
    from ganzoo.data.audio import read_audio
    from ganzoo.data.sources import open_images
    from ganzoo.inference.image_files import read_image_file
    from ganzoo.training.plan import prepare

    good = folder / "good.keras"
    tiny_model().save(good)
    for name, changes in _keras_changes(good):
        path = folder / f"{name.replace(' ', '_')}.keras"
        _rewritten(good, path, changes)
        yield f"keras: {name}", lambda path=path: ganzoo.load(path)
        path.unlink()

    weights = folder / "good.npz"
    sha256 = tiny_model(compiled=False).save_shipped(weights)
    os.mkfifo(folder / "pipe.npz")
    text = _PRESET.format(file="good.npz", sha256=sha256).replace('file: "good.npz"', "file: good.npz")
    for name, (old, new) in _PRESET_CHANGES.items():
        path = folder / "preset.yaml"
        original = _PRESET.format(file="good.npz", sha256=sha256) if '"' in old else text
        assert old in original, name
        path.write_text(original.replace(old, new))
        if "epochs" in name:
            yield f"preset: {name}", lambda path=path: prepare(path, output=folder / "runs")
        else:
            yield f"preset: {name}", lambda path=path: ganzoo.load(path)

    model = tiny_model(compiled=False)
    for name, content in _npz_bombs():
        path = folder / "bomb.npz"
        path.write_bytes(content)
        yield f"weights: {name}", lambda path=path: model.load_shipped(path)
        yield f"arrays: {name}", lambda path=path: open_images(f"npz:{path}", (16, 16, 1))

    for name, path in _image_bombs(folder):
        yield f"image: {name}", lambda path=path: read_image_file(path)
        yield f"image in a folder: {name}", lambda path=path: open_images(f"folder:{path.parent}", (16, 16, 3))
    for name, path in _audio_bombs(folder):
        yield f"audio: {name}", lambda path=path: read_audio(path)


def _keras_changes(good):
    """(name, {member: function from its content to chunks of bytes}) of each bomb."""
    zeros = lambda content: (bytes(2**20) for _ in range(3 * 2**10))  # noqa: E731
    spaces = lambda content: (b" " * 2**20 for _ in range(3 * 2**10))  # noqa: E731
    yield "config of 3 GB", {"config.json": spaces}
    yield "metadata of 3 GB", {"metadata.json": spaces}
    yield "weights of 3 GB of zeros", {"model.weights.h5": zeros}
    yield "weights padded by 3 GB", {"model.weights.h5": lambda content: (content, *zeros(content))}
    yield "an unused member of 3 GB", {"assets/more.bin": zeros}
    yield "an empty dataset that claims 16 GB", {"model.weights.h5": lambda content: [_huge_dataset(content)]}
    for key, value in (("width", 100_000), ("latent_dim", 10**9), ("kernel_size", 30_001), ("width", 10**400)):
        number = "10^400" if value == 10**400 else value

        def changed(content, key=key, value=value):
            import json

            config = json.loads(content)
            config["config"][key] = value
            return [json.dumps(config).encode()]

        yield f"{key} {number}", {"config.json": changed}
    yield "config nested a million deep", {"config.json": lambda content: [b'{"a":' * 10**6]}


def _huge_dataset(content):
    """An HDF5 file in which one array claims 16 GB and stores nothing."""
    import h5py

    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        names = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        del file[names[0]]
        file.create_dataset(names[0], (4 * _GIGABYTE,), "float32", chunks=(2**20,))
    return buffer.getvalue()


def _rewritten(source, target, changes):
    """Copies a zip archive with some members replaced, chunk by chunk."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        for name in {*old.namelist(), *changes}:
            content = old.read(name) if name in old.namelist() else b""
            with new.open(name, "w", force_zip64=True) as member:
                for piece in changes.get(name, lambda content: [content])(content):
                    member.write(piece)


def _npz_bombs():
    """(name, bytes) of .npz archives that claim or contain too much."""

    def archive(header, body=b"", length=None):
        magic = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) if length is None else length) + header
        buffer = io.BytesIO()
        with (
            zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target,
            target.open("images.npy", "w", force_zip64=True) as member,
        ):
            member.write(magic)
            for piece in body:
                member.write(piece)
        return buffer.getvalue()

    yield "a header of 4 TB", archive(b"{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }\n")
    yield "an open bracket", archive(b"{'descr': '<f4', 'fortran_order': False, 'shape': (\n")
    yield (
        "3 GB of zeros",
        archive(
            b"{'descr': '|u1', 'fortran_order': False, 'shape': (3221225472,), }\n",
            (bytes(2**20) for _ in range(3 * 2**10)),
        ),
    )
    yield "objects", archive(b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n", [b"\x80\x04N."])
    yield "a shape below zero", archive(b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }\n")


def _image_bombs(folder):
    """(name, path) of small image files of huge images, each in a separate folder."""
    from PIL import Image

    for name, suffix, size in (("PNG", "png", 20_000), ("WebP", "webp", 10_000), ("GIF", "gif", 20_000)):
        place = folder / f"image_{suffix}"
        place.mkdir(exist_ok=True)
        path = place / f"bomb.{suffix}"
        options = {"lossless": True, "quality": 0, "method": 0} if suffix == "webp" else {}
        Image.new("P" if suffix == "gif" else "L", (size, size)).save(path, **options)
        yield f"{name} of {size**2 / 1e6:.0f} megapixels", path


def _audio_bombs(folder):
    """(name, path) of recordings that claim or contain hours."""
    path = folder / "hours.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((64, 2, 48_000, 0, "NONE", ""))
        file.writeframes(bytes(64 * 2 * 100))
    content = bytearray(path.read_bytes())
    content[40:44] = struct.pack("<I", 2**32 - 64)
    path.write_bytes(content)
    yield "64 channels that claim 11 minutes and contain 2 ms", path
    import soundfile

    path = folder / "zeros.flac"
    with soundfile.SoundFile(path, "w", 8_000, 8) as file:
        for _ in range(5 * 60):
            file.write(np.zeros((60 * 8_000, 8), "int16"))
    yield "FLAC of five hours of silence", path
