"""Files written whole or not at all, and where the package keeps what it may lose."""

import os
from pathlib import Path


def write_atomically(path, content):
    """Writes bytes so that a reader or a crash sees the old file or the new one, never half of one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without the file's own name, which may be as long as names can be.
    temporary = path.with_name(f".{abs(hash(path.name))}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def cache_folder():
    """Where big data sets and statistics are kept: GANZOO_CACHE, or ganzoo in the user's cache folder."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ganzoo"
    return Path(os.environ.get("GANZOO_CACHE") or default)
