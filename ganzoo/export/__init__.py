"""Export of a trained model's inference network for other runtimes, which need neither this package nor Keras.

Each file is run in its own runtime before it is moved to its place, and its outputs are compared with the model's.
"""

import difflib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import GanzooError, first_line, in_one_line, unknown
from ganzoo.export import formats
from ganzoo.export.formats import FORMATS, Format
from ganzoo.presets import list_presets
from ganzoo.types import PathLike

if TYPE_CHECKING:
    from ganzoo.training.zoo_model import ZooModel

# The largest difference between the outputs of an exported file and the model's, which lie in [-1, 1].
TOLERANCE = 1e-4
# Weights rounded to float16 are off by up to 2**-11 of their size, and the errors of many layers add up: one of 255
# gray levels.
TOLERANCE_FLOAT16 = 2 / 255
# Files of other programs. A folder for a SavedModel may have a dot in its name, but is not called so.
_FOREIGN = (".h5", ".hdf5", ".keras", ".mlmodel", ".npz", ".ort", ".pb", ".pt", ".pt2", ".pth", ".safetensors", ".bin")


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: the SavedModel's folder or the file.
        format: name of the format.
        batch_size: the only batch size that the file takes; None for any.
        difference: the largest difference between the file's outputs and the model's, over all inputs of the check.
        float16: whether the weights are stored in float16.
    """

    path: Path
    format: str
    batch_size: int | None
    difference: float
    float16: bool = False

    def __str__(self) -> str:
        weights = "float16" if self.float16 else "float32"
        batches = "any batch size" if self.batch_size is None else f"batches of {self.batch_size} only"
        return f"{self.format}, {weights} weights, {batches}; differs from the model by at most {self.difference:.1g}"


def export_model(
    model: "ZooModel",
    filepath: PathLike,
    format: str = "tf_saved_model",
    *,
    overwrite: bool = False,
    float16: bool = False,
    opset_version: int | None = None,
) -> Exported:
    """Writes the averaged inference network of a model, after a check that the written file computes the same outputs.

    Args:
        model: a `ZooModel`.
        filepath: folder of a SavedModel, or file, to create with its parent folders.
        format: a key of `FORMATS`.
        overwrite: replace an existing export of this format.
        float16: store the weights in float16, at half the size. The computation stays in float32.
        opset_version: of ONNX; by default Keras' choice.

    Returns:
        What was written, an `Exported`.

    Raises:
        GanzooError: an unknown format, a package that is missing, something else exists there, it cannot be written, or
            its outputs differ.

    Example:
        from ganzoo.export import export_model

        export_model(ganzoo.load("dcgan.digits"), "saved_model")
    """
    from ganzoo import backend
    from ganzoo.precision import in_float32

    if isinstance(format, str) and format in FORMATS:
        backend.require_tensorflow(FORMATS[format].description)
    target = checked_target(filepath, overwrite, format=format, float16=float16)
    chosen = FORMATS[format]
    require(format)
    if opset_version is not None:
        if format != "onnx":
            raise GanzooError(f"opset_version is for format='onnx', not for '{format}'")
        formats.check_opset(opset_version)
    options = {} if opset_version is None else {"opset_version": opset_version}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        workplace = Path(tempfile.mkdtemp(prefix=".export.", dir=target.parent))
    except OSError as error:
        raise GanzooError(f"cannot write to {target.parent}: {error.strerror or error}") from None
    try:
        written = workplace / f"model{chosen.suffix}"
        with in_float32(model.inference_network):
            batch_size, difference = _written(model, chosen, written, float16, options)
        for part, place in zip(chosen.parts(written), chosen.parts(target)):
            if place.is_dir():
                os.replace(place, workplace / "old")
            os.replace(part, place)
    except OSError as error:
        raise GanzooError(f"cannot write {target}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    return Exported(target, format, batch_size, difference, float16)


def _written(
    model: "ZooModel", chosen: Format, path: Path, float16: bool, options: dict[str, Any]
) -> tuple[int | None, float]:
    """Writes a file and runs it; (its only batch size or None, largest difference)."""
    from ganzoo.backend.tensorflow_kernels import portable
    from ganzoo.export.check import check_endpoints, largest_difference

    tolerance = TOLERANCE_FLOAT16 if float16 else TOLERANCE
    problem = ""
    for batch_size in chosen.batch_sizes:
        try:
            with portable():
                chosen.write(model, path, batch_size, float16, **options)
            difference = largest_difference(model, chosen.load(path), batch_size)
        except (GanzooError, OSError):
            raise
        except Exception as error:  # whatever a converter or a runtime raises
            problem = f"it could not be converted: {first_line(error)[:200]}"
            continue
        if difference <= tolerance:
            if not chosen.suffix:
                check_endpoints(model, path)
            return batch_size, difference
        problem = f"its outputs differ by {difference:.2g}"
    raise GanzooError(f"{chosen.description} of {model.name}: {problem}; nothing was written")


def checked_target(
    filepath: PathLike, overwrite: bool = False, format: str = "tf_saved_model", float16: bool = False
) -> Path:
    """The absolute path of an export, after a check that it may be written there.

    Args:
        filepath: folder of a SavedModel, or file, to create.
        overwrite: whether an existing export of this format may be replaced.
        format: a key of `FORMATS`.
        float16: whether float16 weights are requested.

    Raises:
        GanzooError: an unknown format, one without float16 weights, a file name with another suffix, or something
            exists there that may not be replaced.

    Example:
        from ganzoo.export import checked_target

        checked_target("digits.onnx", format="onnx")
        checked_target("digits.tflite", format="onnx")  # GanzooError: ... ends in .onnx
    """
    if not isinstance(format, str) or format not in FORMATS:
        raise unknown("format", format, FORMATS)
    chosen = FORMATS[format]
    try:
        target = Path(os.path.abspath(filepath))
        if "\0" in str(target):
            raise ValueError("embedded null byte")
    except (TypeError, ValueError) as error:
        raise GanzooError(f"cannot write to {in_one_line(filepath)}: {error}") from None
    if chosen.suffix and target.suffix.lower() != chosen.suffix:
        raise GanzooError(f"the name of {chosen.description} ends in {chosen.suffix}, got '{target.name}'")
    if not chosen.suffix and (other := _of_suffix(target)):
        raise GanzooError(f"'{target.name}' is the name of {FORMATS[other].description}: choose the format {other}")
    if not chosen.suffix and (meant := _suffix_of_a_file(target)):
        raise _no_format(meant)
    if float16 and not chosen.takes_float16:
        takes = ", ".join(name for name, one in FORMATS.items() if one.takes_float16)
        raise GanzooError(f"{chosen.description} has no float16 weights here: choose one of the formats {takes}")
    for place in chosen.parts(target):
        if os.path.lexists(place):
            replaceable = chosen.is_export(place)
            if not (overwrite and replaceable):
                hint = (
                    "pass overwrite=True (--overwrite) to replace it"
                    if replaceable
                    else f"choose another {_kind(chosen)}"
                )
                raise GanzooError(f"{place} exists already: {hint}")
    return target


def require(format: str) -> None:
    """Checks that this process can export to a format: its packages, and the version of Keras.

    Args:
        format: a key of `FORMATS`.

    Raises:
        GanzooError: something is missing; the message says what to install.

    Example:
        from ganzoo.export import require

        require("tf_saved_model")
    """
    FORMATS[format].require()


def format_of(filepath: PathLike) -> str:
    """The name of the format whose files have the suffix of a path; "tf_saved_model" for a path without one.

    A version, as in `digits.v2`, and a model's name, as in `dcgan.digits`, are no suffixes.

    Raises:
        GanzooError: no format has the suffix.

    Example:
        from ganzoo.export import format_of

        format_of("digits.onnx")  # "onnx"
        format_of("digits.jpg")  # GanzooError: no format has the suffix .jpg ...
    """
    path = Path(filepath)
    if found := _of_suffix(path):
        return found
    if path.suffix[1:].isalpha() and path.name not in list_presets():
        hint = "" if _suffix_of_a_file(path) else "; a folder of this name needs the format tf_saved_model (--format)"
        raise GanzooError(f"{_no_format(path.suffix)}{hint}")
    return "tf_saved_model"


def _no_format(suffix: str) -> GanzooError:
    return GanzooError(
        f"no format has the suffix {suffix}: choose a folder for a SavedModel, or a file ending in "
        f"{', '.join(one.suffix for one in FORMATS.values() if one.suffix)}"
    )


def _of_suffix(path: Path) -> str | None:
    return next((name for name, one in FORMATS.items() if one.suffix and path.suffix.lower() == one.suffix), None)


def _suffix_of_a_file(path: Path) -> str | None:
    """The suffix of a name that is not a SavedModel's: that of a file of another program, or a mistyped one."""
    known = [one.suffix for one in FORMATS.values() if one.suffix]
    if path.suffix.lower() in _FOREIGN or difflib.get_close_matches(path.suffix.lower(), known, n=1, cutoff=0.7):
        return path.suffix
    # Compressed, as in dcgan.onnx.gz.
    return "".join(path.suffixes[-2:]) if any(suffix in known for suffix in path.suffixes) else None


def _kind(chosen: Format) -> str:
    return "file" if chosen.suffix else "folder"
