"""Captions files: captions.json or captions.txt beside the images of a folder."""

import codecs
import json
import os
import posixpath
import re
import unicodedata
import warnings
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from ganzoo.data.decoding import image_suffixes
from ganzoo.data.folders import described, listed, printable
from ganzoo.errors import GanzooError, first_line
from ganzoo.types import PathLike

# Largest plausible captions file, in bytes.
_MOST_BYTES = 2**28


def read_captions(folder: PathLike) -> dict[Path, list[str]]:
    """Reads the captions file of a folder: {path of an image: its captions}.

    captions.json is a mapping from file names to a caption or a list of captions, or a list of mappings with `file`
    and `caption` or `captions`. Mappings with `name`, `short_names` and `category`, as in emoji-datasource, are turned
    into captions. captions.txt has a file name, a tab and a caption in each line; a file with several captions has
    several lines. Both are UTF-8, or UTF-16 with a byte-order mark.

    A file name is a path relative to the folder, with slashes or backslashes, or an absolute path inside it. If there
    is no such file, the name means the only file whose path ends with it: "1.png" or "cats/1.png" for
    images/cats/1.png. Names that differ only in Unicode normalization are the same.

    `ganzoo.data.folders.files_in` says which files count. Images without a caption are skipped with a warning.

    Raises:
        GanzooError: there is no captions file or it cannot be read, an image is missing or lies outside of the folder,
            or a name matches several files.

    Example:
        from ganzoo.data.captions_file import read_captions

        found = read_captions("my_images")     # {Path("my_images/cats/0.png"): ["a photo of cats"], ...}
    """
    folder = Path(folder)
    if not os.path.isdir(folder):
        raise GanzooError(f"no such folder of captioned images: {printable(folder)}")
    for name, reader in (("captions.json", _from_json), ("captions.txt", _from_lines)):
        path = folder / name
        if os.path.isfile(path):
            try:
                if path.stat().st_size > _MOST_BYTES:
                    raise ValueError(f"it is larger than {_MOST_BYTES >> 20} MB")
                found = reader(_text(path.read_bytes()))
            except (OSError, ValueError, RecursionError) as error:
                raise GanzooError(f"{printable(path)} cannot be read: {printable(first_line(error))}") from None
            if not found:
                raise GanzooError(f"{printable(path)} holds no captions")
            return _located(folder, path, found)
    raise GanzooError(f"the folder {printable(folder)} holds neither captions.json nor captions.txt")


def _text(content: bytes) -> str:
    """Decodes a file: UTF-8 with or without a byte-order mark, or UTF-16 with one."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    return content.decode("utf-8-sig")


def _without_loss(pairs):
    """A JSON object in which the values of a repeated key are joined in a list."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            value = [*_as_list(found[key]), *_as_list(value)]
        found[key] = value
    return found


def _as_list(value):
    return value if isinstance(value, list) else [value]


def _from_json(text):
    content = json.loads(text, object_pairs_hook=_without_loss)
    if isinstance(content, dict):
        content = [{"file": file, "captions": of_one} for file, of_one in content.items()]
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise ValueError("it is neither a mapping nor a list of mappings")
    found = {}
    for entry in content:
        # Programs that write every key leave the unused one null or empty.
        written = next((entry[key] for key in ("captions", "caption") if entry.get(key) not in (None, [], "")), None)
        written = [written] if isinstance(written, str) else written
        if written is None and isinstance(entry.get("name"), str):
            written = written_from_names(entry)
        if not isinstance(entry.get("file"), str) or not isinstance(written, list) or not written:
            raise ValueError(f"an entry without a file and captions: {str(entry)[:200]}")
        if not all(isinstance(caption, str) for caption in written):
            raise ValueError(f"a caption that is not a string: {str(entry)[:200]}")
        if not all(caption.strip() for caption in written):
            raise ValueError(f"an empty caption: {str(entry)[:200]}")
        found.setdefault(entry["file"], []).extend(written)
    return found


def _from_lines(text):
    found = {}
    # Not splitlines(): a caption may contain Unicode's other line breaks.
    for number, line in enumerate(re.split("\r\n|\r|\n", text), start=1):
        if not line.strip():
            continue
        file, tab, caption = line.partition("\t")
        if not tab or not file.strip() or not caption.strip():
            raise ValueError(f"line {number} is not a file name, a tab and a caption")
        found.setdefault(file.strip(), []).append(caption.strip())
    return found


def _located(folder, listing, found):
    """{path: captions}; names are looked up among the files of the folder, so no other path is opened."""
    suffixes = image_suffixes()
    files, counts = listed(folder)
    images = [path for path in files if path.suffix.lower() in suffixes]
    lookup = _Lookup({path.relative_to(folder).as_posix(): path for path in images}, folder, listing)
    located = {}
    for name, of_one in found.items():
        # Several names may mean the same file.
        located.setdefault(lookup.path(name), []).extend(of_one)
    counts.update({"images without a caption": len(images) - len(located)})
    others = (path for path in files if path.suffix.lower() not in suffixes and path != listing)
    counts.update(path.suffix.lower() or "without a suffix" for path in others)
    counts = Counter({kind: count for kind, count in counts.items() if count})
    if counts:
        summary = f"{len(located)} images with captions; left out: {described(counts)}"
        warnings.warn(f"folder {printable(folder)}: {summary}", stacklevel=3)
    return located


class _Lookup:
    """Finds the file that a name in a captions file refers to.

    Args:
        files: {path relative to the folder, with slashes: path}.
        folder: the folder.
        listing: path of the captions file, for errors.
    """

    def __init__(self, files: dict[str, Path], folder: Path, listing: Path):
        self.files, self.listing = files, listing
        self.roots = {_plain(os.path.abspath(folder)), _plain(os.path.realpath(folder))}
        self.normalized: dict[str, list[str]] = defaultdict(list)
        self.by_name: dict[str, list[str]] = defaultdict(list)
        for place in files:
            self.normalized[_plain(place)].append(place)
            self.by_name[_plain(place).rpartition("/")[2]].append(place)

    def path(self, name: str) -> Path:
        """The path of the file.

        Raises:
            GanzooError: no file or several files match.
        """
        if name in self.files:
            return self.files[name]
        wanted = self._below(_plain(name.replace("\\", "/")), name)
        meant = self.normalized.get(wanted)
        if not meant:
            ending = f"/{wanted}"
            meant = [place for place in self.by_name[wanted.rpartition("/")[2]] if f"/{_plain(place)}".endswith(ending)]
        shown = f"{printable(self.listing)}: '{printable(name[:300])}'"
        if not meant:
            raise GanzooError(f"{shown}: there is no image of this name in {printable(self.listing.parent)}")
        if len(meant) > 1:
            both = " or ".join(printable(place) for place in meant[:2])
            more = f" (or {len(meant) - 2} others)" if len(meant) > 2 else ""
            raise GanzooError(f"{shown} may be {both}{more}: write its path below {printable(self.listing.parent)}")
        return self.files[meant[0]]

    def _below(self, wanted, name):
        """A path relative to the folder, without "." and ".."."""
        wanted = posixpath.normpath(wanted)
        if posixpath.isabs(wanted) or re.match("[A-Za-z]:/", wanted):
            root = next((root for root in self.roots if wanted.startswith(f"{root}/")), None)
            wanted = ".." if root is None else wanted[len(root) + 1 :]
        if wanted.split("/")[0] == "..":
            raise GanzooError(f"{printable(self.listing)}: '{printable(name[:300])}' lies outside of its folder")
        return wanted


def _plain(path):
    """A path with slashes, in Unicode normalization form NFC."""
    return unicodedata.normalize("NFC", path.replace(os.sep, "/"))


def written_from_names(entry: dict[str, Any]) -> list[str]:
    """Captions made from the `name` and `short_names` of an emoji-datasource entry.

    Example:
        from ganzoo.data.captions_file import written_from_names

        written_from_names({"name": "RED APPLE", "short_names": ["apple"], "category": "Food & Drink"})
        # ["red apple", "a red apple", "an image of a red apple", "apple", "an apple", "an image of an apple"]
    """
    short = entry.get("short_names")
    names = [entry["name"], *(name for name in (short if isinstance(short, list) else []) if isinstance(name, str))]
    plain: list[str] = []
    for name in names:
        name = re.sub(r"[_\-:,]+", " ", name.lower())
        name = " ".join(re.sub(r"\bflag for\b", "flag of", name).split())
        if name and name not in plain:
            plain.append(name)
    found: list[str] = []
    for name in plain:
        countable = f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
        found += [name, countable, f"an image of {countable}"]
    return found
