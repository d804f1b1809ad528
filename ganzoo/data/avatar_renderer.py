"""Renders avatars to pixels, in this process or in several.

A further process runs `serve`, which reads a line of JSON, {"style": name, "size": pixels, "options": [of each
avatar]}, from standard input, and answers with the images' bytes (RGB, row by row), until there are no more lines. It
is not a process of `multiprocessing`, which would run the user's script again.
"""

import contextlib
import functools
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from queue import Empty, SimpleQueue

import numpy as np

from ganzoo.errors import GanzooError, first_line, missing_package, unknown

# Avatars per request to a process. Fewer are rendered in this process, since starting another takes half a second.
_CHUNK = 128
# Styles that consist of text or of effects that the renderer leaves out: every image would be white.
_BLANK = ("glass", "initials")
# More processes would be limited by memory.
_MOST_PROCESSES = 32


def check_style(style: str) -> None:
    """Refuses an unknown style.

    Raises:
        GanzooError: an unknown name, with the nearest match, or the packages are missing.
    """
    folder = _package("dicebear_styles")
    known = [path.name.removesuffix(".json") for path in folder.iterdir() if path.name.endswith(".json")]
    known = [name for name in known if name not in _BLANK]
    if style not in known:
        raise unknown("style of avatars", style, known)


def versions() -> str:
    """Versions of the packages that render: other versions may give different pixels."""
    from importlib import metadata

    return " ".join(metadata.version(name) for name in ("dicebear-core", "dicebear-styles", "resvg-py"))


def render(style: str, size: int, options: list[dict]) -> np.ndarray:
    """Avatars as uint8 (count, size, size, 3), on white.

    Args:
        style: a style's name, e.g. "avataaars".
        size: height and width in pixels.
        options: the DiceBear options of each avatar.
    """
    from PIL import Image

    avatar, svg_to_bytes = _engine()
    images = np.empty((len(options), size, size, 3), "uint8")
    for image, chosen in zip(images, options):
        svg = avatar(_style(style), chosen).to_string()
        # Without system fonts: text is not needed, and fonts would make images differ between machines.
        png = svg_to_bytes(svg_string=svg, width=size, height=size, background="#ffffff", skip_system_fonts=True)
        image[:] = np.asarray(Image.open(io.BytesIO(bytes(png))).convert("RGB"))
    return images


def render_all(
    images: np.ndarray, style: str, options_of: Callable[[int], dict], progress: Callable[[int], object]
) -> None:
    """Renders avatars into `images`, with one process per processor.

    Args:
        images: uint8 (count, size, size, 3) to write to.
        style: a style's name.
        options_of: function from an index to the options of that avatar.
        progress: called with the number of newly rendered avatars, from several threads.

    Raises:
        GanzooError: a process that ended early.
    """
    count, size = images.shape[:2]
    chunks = [range(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
    # Raises errors of missing packages here instead of in another process.
    _engine(), _style(style)
    processes = min(len(chunks), _processors(), _MOST_PROCESSES)
    if processes == 1:
        for chunk in chunks:
            images[chunk.start : chunk.stop] = render(style, size, [options_of(i) for i in chunk])
            progress(len(chunk))
        return
    waiting: SimpleQueue[range | None] = SimpleQueue()
    for chunk in chunks:
        waiting.put(chunk)
    for _ in range(processes):
        waiting.put(None)

    def work():
        # The process must find the same packages as this one.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        # -P: no Python file of the current folder is imported.
        command = [sys.executable, "-P", "-c", "from ganzoo.data.avatar_renderer import serve; serve()"]
        pipe = subprocess.PIPE
        # Errors go to a file: a pipe that nobody reads would fill up.
        with (
            tempfile.TemporaryFile() as errors,
            subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, env=environment) as process,
        ):
            try:
                while (chunk := waiting.get()) is not None:
                    asked = {"style": style, "size": size, "options": [options_of(i) for i in chunk]}
                    process.stdin.write(json.dumps(asked).encode() + b"\n")
                    process.stdin.flush()
                    content = process.stdout.read(len(chunk) * size * size * 3)
                    if len(content) < len(chunk) * size * size * 3:
                        raise BrokenPipeError
                    images[chunk.start : chunk.stop] = np.frombuffer(content, "uint8").reshape(-1, size, size, 3)
                    progress(len(chunk))
                process.stdin.close()
            except BrokenPipeError:
                process.kill()
                process.wait()
                # What could not be sent would raise another error when `process` closes the pipe.
                with contextlib.suppress(OSError):
                    process.stdin.close()
                errors.seek(0)
                said = errors.read().decode(errors="replace").strip()
                reason = said.splitlines()[-1] if said else "its process ended"
                raise GanzooError(f"rendering avatars failed: {reason}") from None
            except BaseException:
                process.kill()
                raise

    with ThreadPoolExecutor(processes) as pool:
        try:
            for done in [pool.submit(work) for _ in range(processes)]:
                done.result()
        except BaseException:
            # The other threads stop after their current chunk.
            with contextlib.suppress(Empty):
                while True:
                    waiting.get_nowait()
            for _ in range(processes):
                waiting.put(None)
            raise


def _processors():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _package(name):
    try:
        return resources.files(name)
    except ImportError:
        raise missing_package(name, "avatars", "the source avatars:COUNT") from None


def _engine():
    """(DiceBear's class of avatars, resvg's function)."""
    try:
        from dicebear import Avatar
        from resvg_py import svg_to_bytes
    except ImportError as error:
        raise missing_package(error.name, "avatars", "the source avatars:COUNT") from None
    return Avatar, svg_to_bytes


@functools.cache
def _style(name):
    from dicebear import Style

    try:
        return Style(json.loads(_package("dicebear_styles").joinpath(f"{name}.json").read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise GanzooError(f"the style of avatars '{name}' cannot be read: {first_line(error)}") from None


def serve() -> None:
    """Renders what standard input asks for, a line of JSON at a time, to standard output."""
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        sys.stdout.buffer.write(render(**asked).tobytes())
        sys.stdout.buffer.flush()
