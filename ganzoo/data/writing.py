"""Writes the images of a source as files."""

import itertools
import json
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from ganzoo.data import avatars
from ganzoo.data.sources import open_images
from ganzoo.errors import GanzooError
from ganzoo.files import write_atomically


def write_images(source: str, folder: str | Path, size: int = 64, channels: int = 3, upscale: bool = False) -> Path:
    """Writes the images of a source into a folder as PNG files.

    For avatars, captions.json is written too, so that "captions:FOLDER" reads the same images and captions. Labeled
    images of other sources are written to one folder per class, as "folder:FOLDER" expects them.

    Args:
        source: as `ganzoo.data.sources.open_images` takes it, e.g. "avatars:2000".
        folder: created if it does not exist; must be empty.
        size: height and width in pixels.
        channels: 1 for gray, 3 for color.
        upscale: enlarge images that are smaller.

    Returns:
        The folder.

    Raises:
        GanzooError: an invalid source, or a folder that is not empty or not writable.

    Example:
        ganzoo.data.write_images("avatars:20", "my_avatars", size=128)
    """
    folder = Path(folder)
    if os.path.isdir(folder) and any(os.scandir(folder)):
        raise GanzooError(f"the folder {folder} is not empty: name another one")
    opened = open_images(source, (size, size, channels), upscale=upscale)
    scheme, _, place = source.partition(":")
    described = avatars.captions_of(place) if scheme == "avatars" and opened.labels is not None else None
    digits = max(6, math.ceil(math.log10(len(opened.images) + 1)))
    names = [f"{i:0{digits}d}.png" for i in range(len(opened.images))]
    if described is None and opened.labels is not None:
        folders = class_folders(np.unique(opened.labels).tolist(), opened.class_names)
        names = [f"{folders[int(label)]}/{name}" for label, name in zip(opened.labels, names)]
    try:
        for name in dict.fromkeys(os.path.dirname(name) for name in names):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name, image in zip(tqdm(names, desc="writing", unit=" images", disable=None, leave=False), opened.images):
            Image.fromarray(image[..., 0] if channels == 1 else image).save(folder / name)
        if described is not None:
            captions = json.dumps(dict(zip(names, described.texts)), indent=0)
            write_atomically(folder / "captions.json", captions.encode())
    except OSError as error:
        raise GanzooError(f"cannot write to {folder}: {error.strerror or error}") from None
    return folder


def class_folders(labels: Iterable[int], class_names: Sequence[str] | None = None) -> dict[int, str]:
    """{label: name of a folder for its class}: different names that any file system can hold.

    Args:
        labels: the numbers of the classes.
        class_names: names of the classes in the order of the labels; a class without one is called by its number.

    Example:
        from ganzoo.data.writing import class_folders

        class_folders([0, 1, 2], ["T-shirt/top", "Bag"])     # {0: "T-shirt_top", 1: "Bag", 2: "2"}
    """
    folders: dict[int, str] = {}
    for label in labels:
        known = class_names is not None and label < len(class_names)
        name = base = _file_name(class_names[label] if class_names and known else str(label))
        taken = {folder.casefold() for folder in folders.values()}
        for number in itertools.count(label):
            if name.casefold() not in taken:
                break
            name = f"{base}-{number}"
        folders[label] = name
    return folders


def _file_name(name):
    """A folder name for a class."""
    return "".join(letter if letter.isalnum() or letter in " -_." else "_" for letter in name).strip(" .") or "_"
