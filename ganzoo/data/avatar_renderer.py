"""Renders avatars to pixels, in this process or in several.

A further process runs `serve`, which reads a line of JSON, {"style": name, "size": pixels, "options": [of each
avatar]}, from standard input, and answers with the images' bytes (RGB, row by row), until there are no more lines. It
is not a process of `multiprocessing`, which would run the user's script again.
"""

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
from queue import SimpleQueue

import numpy as np

from ganzoo.errors import GanzooError, first_line, missing_package, unknown

# Avatars at a time. So few do not need further processes, each of which takes half a second to start.
_CHUNK = 128
# Styles that consist of text or of effects that the renderer leaves out: every image would be white.
_BLANK = ("glass", "initials")
# Of threads beyond which memory and not processors would be the limit.
_MOST_PROCESSES = 32


def check_style(style: str) -> None:
    """Refuses a style that is not there.

    Raises:
        GanzooError: an unknown name, with the nearest that exists, or the packages are missing.
    """
    folder = _package("dicebear_styles")
    known = [path.name.removesuffix(".json") for path in folder.iterdir() if path.name.endswith(".json")]
    known = [name for name in known if name not in _BLANK]
    if style not in known:
        raise unknown("style of avatars", style, known)


def versions() -> str:
    """Of the packages that render: other ones may render other pixels."""
    from importlib import metadata

    return " ".join(metadata.version(name) for name in ("dicebear-core", "dicebear-styles", "resvg-py"))


def render(style: str, size: int, options: list[dict]) -> np.ndarray:
    """Avatars as uint8 (count, size, size, 3), on white.

    Args:
        style: a style's name, e.g. "avataaars".
        size: height and width in pixels.
        options: of each avatar, as DiceBear takes them.
    """
    from PIL import Image

    avatar, svg_to_bytes = _engine()
    images = np.empty((len(options), size, size, 3), "uint8")
    for image, chosen in zip(images, options):
        svg = avatar(_style(style), chosen).to_string()
        # Without the fonts of this machine: nothing is written, and they would make the image another one elsewhere.
        png = svg_to_bytes(svg_string=svg, width=size, height=size, background="#ffffff", skip_system_fonts=True)
        image[:] = np.asarray(Image.open(io.BytesIO(bytes(png))).convert("RGB"))
    return images


def render_all(
    images: np.ndarray, style: str, options_of: Callable[[int], dict], progress: Callable[[int], object]
) -> None:
    """Renders as many avatars as `images` has places, in as many processes as there are processors.

    Args:
        images: uint8 (count, size, size, 3) to write to.
        style: a style's name.
        options_of: the options of avatar number i.
        progress: called with how many more are ready, from several threads.

    Raises:
        GanzooError: a process that ended early.
    """
    count, size = images.shape[:2]
    chunks = [range(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
    # Both raise what is missing here and not in another process.
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
        # What is rendered here has to be found there, wherever this process found it.
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
            # The others stop after the chunk that they are at.
            while not waiting.empty():
                waiting.get()
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
