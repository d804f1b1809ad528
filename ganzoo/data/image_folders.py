"""Folders of images, whose subfolders are classes."""

import hashlib
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo.data.allocation import allocate, select_in_place
from ganzoo.data.decoding import TooSmall, fit, image_suffixes, read_image
from ganzoo.data.folders import files_in, natural, printable
from ganzoo.data.image_arrays import Images
from ganzoo.errors import GanzooError
from ganzoo.types import PathLike


def find_image_files(root: PathLike, **options: Any) -> list[Path]:
    """The image files of a folder; options as in `ganzoo.data.folders.files_in`.

    Example:
        from ganzoo.data.image_folders import find_image_files

        paths = find_image_files("my_images", companions=["captions.txt"])     # 16 paths
    """
    return files_in(root, image_suffixes(), "images", **options)


def open_folder(
    place: str, image_shape: tuple[int, int, int], upscale: bool, strict: bool, with_labels: bool
) -> Images:
    """The images of a folder; arguments and errors as in `ganzoo.data.sources.open_images`."""
    root = Path(place)
    paths = find_image_files(root)
    beside = [path for path in paths if path.parent == root]
    # From all files, so that an unreadable one does not change the numbers of other classes.
    classes = sorted({_class_of(path, root) for path in paths if path.parent != root}, key=natural)
    if with_labels and beside and len(classes) > 1:
        problem = f"{len(beside)} of {len(paths)} images lie beside the class folders and have no class, left out"
        warnings.warn(f"{printable(root)}: {problem}; first: {printable(beside[0].name)}", stacklevel=2)
        paths, beside = [path for path in paths if path.parent != root], []
    key = hashlib.sha256(repr([(str(p.resolve()), p.stat().st_mtime_ns, p.stat().st_size) for p in paths]).encode())
    images = allocate((len(paths), *image_shape), f"folder:{key.hexdigest()}")
    broken, small = [], []

    def read(i):
        try:
            images[i] = fit(read_image(paths[i], image_shape[2], image_shape[:2]), image_shape, upscale)
            return None
        except TooSmall as error:
            small.append((i, str(error)))
        except GanzooError as error:
            broken.append((i, str(error)))
        return i

    with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
        lost = {i for i in pool.map(read, range(len(paths))) if i is not None}
    if small:
        first = min(small)
        raise GanzooError(
            f"{len(small)} of {len(paths)} images in {root} are smaller than the requested "
            f"{image_shape[0]}x{image_shape[1]} (first: {paths[first[0]]}, {first[1]}): choose a smaller image_shape, "
            "remove them, "
            "or allow enlarging with upscale=True (in a preset, data: {upscale: true})"
        )
    if broken and strict:
        raise GanzooError(f"{min(broken)[1]} ({len(broken)} broken of {len(paths)}; strict=False skips them)")
    if len(broken) == len(paths):
        raise GanzooError(f"none of the {len(paths)} images in {root} can be read (first: {min(broken)[1]})")
    if broken:
        warnings.warn(f"{root}: skipped {len(broken)} of {len(paths)} images; first: {min(broken)[1]}", stacklevel=2)
    kept = [i for i in range(len(paths)) if i not in lost]
    labeled = len(classes) > 1 and not beside
    labels = None
    if labeled:
        number = {name: i for i, name in enumerate(classes)}
        labels = np.array([number[_class_of(paths[i], root)] for i in kept])
        lost_classes = sorted(set(range(len(classes))) - set(labels.tolist()))
        if lost_classes:
            first = f"class {lost_classes[0]} ('{printable(classes[lost_classes[0]])}')"
            warnings.warn(
                f"{root}: {len(lost_classes)} of {len(classes)} classes have no readable image; first: {first}",
                stacklevel=2,
            )
    if beside and len(classes) > 1:
        first = printable(beside[0].name)
        unlabeled = f"move or remove the {len(beside)} images beside the class folders; first: {first}"
    else:
        unlabeled = f"put the images of each class in a subfolder of {printable(root)}, named after the class"
    return Images(
        select_in_place(images, kept),
        labels,
        f"folder:{place}",
        tuple(str(paths[i]) for i in sorted(lost)),
        class_names=tuple(classes) if labeled else None,
        unlabeled=unlabeled,
    )


def _class_of(path, root):
    """The name of the folder directly in `root` that contains an image at any depth."""
    return path.relative_to(root).parts[0]
