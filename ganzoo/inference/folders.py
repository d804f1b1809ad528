"""Which file is written for which, of a folder or of one file."""

import os

from ganzoo.errors import GanzooError


def written_pairs(source, target, files_in, suffix):
    """(file, file to write) of a file or of all in a folder; nothing that is read is ever written over.

    Args:
        source, target: `pathlib.Path`, two files or two folders.
        files_in: function from a folder to its files.
        suffix: of what is written of a file in a folder; a function from the file's own suffix.

    Raises:
        GanzooError: the same file or folder twice, or a folder and a file.
    """
    if not source.is_dir():
        if os.path.exists(source) and os.path.exists(target) and target.samefile(source):
            raise GanzooError(f"IN and OUT are the same file: {source}")
        return [(source, target)]
    if os.path.exists(target) and not target.is_dir():
        raise GanzooError(f"IN is a folder, OUT is not: {target}")
    if target.resolve() == source.resolve():
        raise GanzooError(f"IN and OUT are the same folder: {source}")
    # What an earlier call has written into the folder is not taken for its content.
    inside = source.resolve() in target.resolve().parents
    found = [path for path in files_in(source) if not (inside and target.resolve() in path.resolve().parents)]
    names = [path.relative_to(source) for path in found]
    written = [name.with_suffix(suffix(name.suffix.lower())) for name in names]
    # a.jpg beside a.png keeps its suffix before the new one.
    return [
        (path, target / (name.with_name(name.name + new.suffix) if written.count(new) > 1 else new))
        for path, name, new in zip(found, names, written)
    ]
