"""Randomly damaged files of every kind that ganzoo reads, read like a user."""

import io
import zipfile

import numpy as np

from .outcome import outcome_of, report
from .processes import TINY

KINDS = ("image", "audio", "yaml", "weights", "keras", "extractor", "arrays", "captions")


def files(folder, count=100, seed=0, kinds=KINDS):
    """Reads `count` damaged files of each kind; returns a list of failures."""
    failures = []
    for kind in kinds:
        good, read = _good(kind, folder / kind)
        original = good.read_bytes()
        read()
        outcomes = []
        for i in range(count):
            rng = np.random.default_rng([seed, i])
            # For archives, every second time damage one member and correct its checksum.
            change = damaged_member if kind in ("keras", "extractor", "arrays") and i % 2 else damaged
            good.write_bytes(change(original, rng))
            outcomes.append((f"seed {i}", outcome_of(read)))
        good.write_bytes(original)
        failures += report(kind, outcomes)
    return failures


def damaged(content, rng):
    """The bytes of a file with typical damage by disks, networks and editors."""
    content = bytearray(content)
    place = int(rng.integers(len(content)))
    length = int(min(len(content) - place, 2 ** rng.integers(0, 12)))
    way = rng.integers(7)
    if way == 0:
        return bytes(content[:place])
    if way == 1:
        for at in rng.integers(len(content), size=int(2 ** rng.integers(0, 6))):
            content[at] = rng.integers(256)
    elif way == 2:
        content[place : place + length] = bytes(length)
    elif way == 3:
        content[place:place] = content[place : place + length]
    elif way == 4:
        del content[place : place + length]
    elif way == 5:
        content[place : place + length] = rng.bytes(length)
    else:
        begin = (b"\x89PNG\r\n\x1a\n", b"RIFF\xff\xff\xff\xffWAVE", b"PK\x03\x04", b"{", b"\x00" * 16, b"fLaC")
        content[:length] = begin[int(rng.integers(len(begin)))]
    return bytes(content)


def damaged_member(archive, rng):
    """A zip archive with one damaged member and correct checksums."""
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        members = {name: source.read(name) for name in source.namelist()}
    name = sorted(members)[int(rng.integers(len(members)))]
    members[name] = damaged(members[name], rng)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, content in members.items():
            target.writestr(name, content)
    return buffer.getvalue()


def tiny_model(compiled=True):
    """A DCGAN whose file has a few kilobytes."""
    import ganzoo

    model = ganzoo.create("dcgan", image_shape=(16, 16, 1), latent_dim=4, width=4, kernel_size=3)
    if compiled:
        model.compile()
    return model


def _good(kind, folder):
    """A valid file of a kind, and a function that reads it like a user."""
    import ganzoo

    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    if kind == "image":
        from ganzoo.inference import save_image
        from ganzoo.inference.image_files import read_image_file

        path = folder / "good.png"
        save_image(path, rng.integers(0, 256, (40, 30, 3), dtype="uint8"))
        return path, lambda: read_image_file(path)
    if kind == "audio":
        import soundfile

        from ganzoo.data.audio import read_audio

        path = folder / "good.flac"
        soundfile.write(path, 0.1 * rng.standard_normal((8000, 2)), 16_000)
        return path, lambda: read_audio(path)
    if kind == "yaml":
        from ganzoo.training.plan import prepare

        np.savez(folder / "data.npz", images=rng.integers(0, 256, (32, 16, 16), dtype="uint8"))
        path = folder / "good.yaml"
        path.write_text(TINY.format(data=folder / "data.npz"))
        return path, lambda: prepare(path, output=folder / "runs")
    if kind == "weights":
        path = folder / "good.npz"
        model = tiny_model(compiled=False)
        model.save_shipped(path)
        return path, lambda: model.load_shipped(path)
    if kind == "keras":
        path = folder / "good.keras"
        tiny_model().save(path)
        return path, lambda: ganzoo.load(path)
    if kind == "extractor":
        import keras

        path = folder / "good.keras"
        layers = [keras.layers.Conv2D(4, 3, 2), keras.layers.GlobalAveragePooling2D()]
        keras.Sequential([keras.Input((16, 16, 1)), *layers]).save(path)
        return path, lambda: ganzoo.metrics.get_extractor(str(path))
    if kind == "arrays":
        from ganzoo.data.sources import open_images

        path = folder / "good.npz"
        np.savez(path, images=rng.integers(0, 256, (8, 16, 16), dtype="uint8"), labels=np.arange(8))
        return path, lambda: open_images(f"npz:{path}", (16, 16, 1))
    from ganzoo.data.captions import open_captions
    from ganzoo.inference import save_image

    for i in range(8):
        save_image(folder / f"{i}.png", rng.integers(0, 256, (16, 16, 3), dtype="uint8"))
    path = folder / "captions.json"
    path.write_text('{"0.png": ["a red apple", "an apple"], "1.png": "a pear", "2.png": ["a \\u00e9toile"]}')
    return path, lambda: open_captions(f"captions:{folder}", (16, 16, 3))
