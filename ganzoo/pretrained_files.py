"""Finds and reads weights files of networks that were trained elsewhere; `ganzoo.imagenet` builds the networks.

Needs no Keras, so that a missing file is reported before Keras is imported.
"""

import contextlib
import os
from pathlib import Path

import numpy as np

from ganzoo.errors import GanzooError, NotInstalledError
from ganzoo.files import cache_folder
from ganzoo.types import PathLike
from ganzoo.weights import digest, read

# `ganzoo.weights.digest` of the files that docs/weights.md describes. It covers the arrays, which the conversion
# reproduces exactly, while the archive around them may differ.
_DIGESTS = {
    "efficientnet_lite0_fp16": "ca0ce633b3dd9ba871afa1a91b9a917413bbfe52d8a4b12fb05db65b87183153",
    "lpips_alexnet_fp16": "a879cba62e64aebf74146a98c1098bdb7cc4e1d9b5da4f7f943f6cb556b4aee1",
    "lpips_vgg16_fp16": "9c98436dee07acae464d5d84f2013516b739b53bd2ad6b60418cf207db9033ef",
}


def find_weights(name: PathLike) -> Path:
    """The path of a weights file, given as a path or as a name in the folder GANZOO_WEIGHTS or the cache's `weights`.

    Raises:
        NotInstalledError: there is no such file.

    Example:
        from ganzoo.pretrained_files import find_weights

        np.savez("my_weights.npz", kernel=np.zeros((2, 2)))
        path = find_weights("my_weights")     # Path("my_weights.npz")
        find_weights("no_such_weights")     # GanzooError
    """
    folders = [Path(os.environ.get("GANZOO_WEIGHTS") or cache_folder() / "weights"), Path()]
    for folder in folders:
        for suffix in ("", ".npz"):
            with contextlib.suppress(OSError, ValueError):  # a name that is too long, or with a null byte
                if (path := folder / f"{name}{suffix}").is_file():
                    return path
    raise NotInstalledError(
        f"there is no weights file '{name}' here or in {folders[0]}: put it there or set GANZOO_WEIGHTS to its "
        "folder (docs/weights.md says where to get these files)"
    )


def read_weights(path: PathLike) -> dict[str, np.ndarray]:
    """The arrays of a weights file, {name: array}.

    A file with a name that docs/weights.md describes must contain the original arrays, since a metric with other
    weights is a different metric. Files with other names are not checked.

    Args:
        path: what `find_weights` returned.

    Raises:
        GanzooError: the file is damaged, or has a known name and other arrays.
    """
    arrays = read(path)
    known = _DIGESTS.get(Path(path).stem)
    if known is not None and digest(arrays) != known:
        raise GanzooError(
            f"{path} is damaged or has been changed: its arrays are not those of {Path(path).stem}. Create it again "
            "as described in docs/weights.md, or give your own weights another name"
        )
    return arrays
