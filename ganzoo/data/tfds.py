"""Datasets of tensorflow-datasets, "tfds:NAME[:SPLIT]"."""

import contextlib
import contextvars
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

from ganzoo.data.origins import other_files
from ganzoo.errors import GanzooError, first_line, missing_package

# Whether "tfds:" sources may be downloaded.
_downloads_allowed: contextvars.ContextVar[bool] = contextvars.ContextVar("downloads_allowed", default=True)


def load_tfds(place: str) -> tuple[Any, Any]:
    """Loads "NAME[:SPLIT]" from tensorflow-datasets: (tf.data dataset, info).

    Raises:
        GanzooError: tensorflow-datasets is not installed, or cannot load the dataset.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError:
        raise missing_tfds(place) from None
    name, _, split = place.partition(":")
    # tensorflow-datasets itself reads the variable only when it is imported.
    options = dict(split=split or "train", data_dir=os.environ.get("TFDS_DATA_DIR"), with_info=True)
    with contextlib.suppress(Exception):  # not downloaded yet
        return tfds.load(name, download=False, **options)
    if not _downloads_allowed.get():
        raise GanzooError(
            f"tfds:{place} has not been downloaded yet: a dry run downloads nothing, training does"
            + (f". {other_files(name)}" if other_files(name) else "")
        )
    if other_files(name):
        # Without a network this takes minutes to fail.
        print(f"downloading {name}. {other_files(name)}", file=sys.stderr, flush=True)
    try:
        with _without_retries():
            return tfds.load(name, **options)
    except Exception as error:  # whatever the dataset's code or the network raises
        raise GanzooError(
            f"tensorflow-datasets cannot load '{name}': {first_line(error).rstrip('.')}. "
            + (other_files(name) or "Without a network, use local files: idx:FILE, npz:FILE or folder:PATH")
        ) from None


@contextlib.contextmanager
def without_downloads() -> Iterator[None]:
    """Within it, a "tfds:" source that has not been downloaded raises a `GanzooError`.

    Example:
        from ganzoo.data.sources import open_images
        from ganzoo.data.tfds import without_downloads

        with without_downloads():
            open_images("tfds:mnist", (28, 28, 1))     # GanzooError: ... has not been downloaded yet
    """
    token = _downloads_allowed.set(False)
    try:
        yield
    finally:
        _downloads_allowed.reset(token)


@contextlib.contextmanager
def _without_retries():
    """Suppresses a log message for each of dozens of retries; the last error is raised anyway."""
    logger = logging.getLogger("urllib3.connectionpool")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def missing_tfds(place: str) -> GanzooError:
    """The error for a source "tfds:NAME[:SPLIT]" if tensorflow-datasets is not installed, for the caller to raise."""
    error = missing_package("tensorflow-datasets", "tfds", f"the source tfds:{place}")
    instead = other_files(place.partition(":")[0])
    return GanzooError(f"{error}. {instead}") if instead else error
