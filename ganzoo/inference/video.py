"""Video files, read and written frame by frame with PyAV (the extra `video`)."""

import contextlib
import importlib.util
import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo.data.folders import printable
from ganzoo.errors import GanzooError, first_line, missing_package
from ganzoo.files import open_regular, replaced
from ganzoo.inference.tiling import LARGEST_RESULT
from ganzoo.types import PathLike

# The container of each suffix, as FFmpeg names it. It is never guessed from the content: playlists and similar formats
# make FFmpeg open other files.
READ = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "matroska", ".avi": "avi"}
WRITTEN = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
# Codecs of sound that each container takes as it is; Matroska takes all.
_SOUND = {"mp4": ("aac", "mp3", "ac3", "eac3", "alac", "flac", "opus"), "mov": ("aac", "mp3", "ac3", "eac3", "alac")}
# Largest width and height of H.264.
_LONGEST_SIDE = 16_384
# Constant rate factor of x264: 0 is lossless, 23 the default, 18 nearly indistinguishable.
_CRF = "16"
# FFmpeg's numbers of color spaces, and what its converter calls them.
_BT709, _BT601 = 1, 6
_COLORS = {_BT709: "ITU709", 5: "ITU601", _BT601: "ITU601", 7: "SMPTE240M", 9: "BT2020"}


def is_video(path: PathLike) -> bool:
    """Whether a path has the suffix of a video that can be read."""
    return Path(path).suffix.lower() in READ


def check_installed() -> None:
    """Checks that videos can be read and written.

    Raises:
        GanzooError: PyAV is not installed.
    """
    if importlib.util.find_spec("av") is None:
        raise missing_package("av", "video", "reading and writing videos")


def check_writable(path: PathLike, height: int = 2, width: int = 2) -> None:
    """Checks that `VideoWriter` can write a video of this name and size.

    Raises:
        GanzooError: PyAV is not installed, or another suffix, or a size that the codec cannot hold.
    """
    path = Path(path)
    if path.suffix.lower() not in WRITTEN:
        raise GanzooError(f"cannot write '{printable(path.name)}' as a video: use {', '.join(WRITTEN)}")
    if max(height, width) > _LONGEST_SIDE:
        raise GanzooError(
            f"{printable(path.name)}: a video has at most {_LONGEST_SIDE} pixels a side, not {width}x{height}"
        )
    check_installed()


class VideoReader:
    """The frames of a video file, upright, with their times. A context manager.

    Args:
        path: the file; its suffix says which container it is.
        most_pixels: maximum of width times height.

    Attributes:
        width, height: of a frame.
        count: number of frames according to the header; 0 if it does not say.
        rate: average frames per second.
        time_base: seconds of one unit of time.

    Raises:
        GanzooError: PyAV is not installed, or the file is missing, damaged, not a video or too large.

    Example:
        from ganzoo.inference.video import VideoReader, VideoWriter

        with VideoWriter("walk.mp4", rate=25) as writer:
            for level in (0, 128, 255):
                writer.write(np.full((32, 48, 3), level, "uint8"))
        with VideoReader("walk.mp4") as reader:
            levels = [int(image.mean()) for image, time in reader.frames()]     # about 0, 128 and 255
    """

    def __init__(self, path: PathLike, most_pixels: int = LARGEST_RESULT) -> None:
        check_installed()
        self.path, self._shown = Path(path), printable(path)
        container = READ.get(self.path.suffix.lower())
        if container is None:
            raise GanzooError(f"cannot read '{printable(self.path.name)}' as a video: use {', '.join(READ)}")
        self._open = contextlib.ExitStack()
        import av

        try:
            file = self._open.enter_context(open_regular(path))
            self._container = self._open.enter_context(av.open(file, "r", format=container))
            if not self._container.streams.video:
                only = ", only sound" if self._container.streams.audio else ": it is damaged or ends early"
                raise GanzooError(f"{self._shown}: it has no video{only}")
            self._stream = self._container.streams.video[0]
            self._stream.thread_type = "AUTO"
            self.sound = next(iter(self._container.streams.audio), None)
            context = self._stream.codec_context
            if not 0 < context.width * context.height <= most_pixels:
                raise GanzooError(
                    f"{self._shown}: {context.width}x{context.height} is more than {most_pixels:,} pixels"
                )
            # Whether it is stored turned, as phones do, is known only from a frame.
            first = next(self._container.decode(self._stream), None)
            if first is None:
                raise GanzooError(f"{self._shown}: it has no frames")
            self._turns = round(first.rotation / 90) % 4
            self._container.seek(0)
        except GanzooError:
            self._open.close()
            raise
        except _failures() as error:
            self._open.close()
            raise GanzooError(f"{self._shown} cannot be read: {_reason(error)}") from None
        sizes = (context.width, context.height)
        self.width, self.height = sizes[::-1] if self._turns % 2 else sizes
        self.count, self.time_base = self._stream.frames, self._stream.time_base or Fraction(1, 1000)
        self.rate = self._stream.average_rate or Fraction(25)
        aspect = self._stream.sample_aspect_ratio
        self.pixel_aspect = 1 / aspect if aspect and self._turns % 2 else aspect

    def __enter__(self) -> "VideoReader":
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def frames(self) -> Iterator[tuple[np.ndarray, int | None]]:
        """Yields (uint8 (height, width, 3), time in units of `time_base`, None if unknown).

        Raises:
            GanzooError: a frame cannot be decoded, or has another size.
        """
        return ((item, time) for item, time in self.parts() if isinstance(item, np.ndarray))

    def parts(self) -> Iterator[tuple[Any, int | None]]:
        """Yields frames as `frames`, and packets of sound as (packet, None), in the order of the file."""
        done = 0
        packet: Any
        streams = [self._stream, *([self.sound] if self.sound else [])]
        try:
            for packet in self._container.demux(streams):
                if packet.stream is not self._stream:
                    if packet.dts is not None:
                        yield packet, None
                    continue
                for frame in packet.decode():
                    yield self._upright(frame), frame.pts
                    done += 1
        except GanzooError:
            raise
        except _failures() as error:
            raise GanzooError(f"{self._shown}: frame {done + 1} cannot be read: {_reason(error)}") from None

    def _upright(self, frame: Any) -> np.ndarray:
        # Files that do not say which colors they have: those of television before and since high definition.
        colors = frame.colorspace if frame.colorspace in _COLORS else _BT709 if frame.height >= 720 else _BT601
        image = frame.to_ndarray(format="rgb24", src_colorspace=_COLORS[colors])
        image = np.ascontiguousarray(np.rot90(image, self._turns))
        if image.shape[:2] != (self.height, self.width):
            raise GanzooError(
                f"{self._shown}: a frame has {image.shape[1]}x{image.shape[0]} pixels, the first {self.width}x"
                f"{self.height}"
            )
        return image


class VideoWriter:
    """Writes an H.264 video, frame by frame and atomically. A context manager; after an error nothing is written.

    Args:
        path: file to write; .mp4, .mov or .mkv.
        rate: frames per second.
        like: a `VideoReader` whose times, pixel aspect ratio and sound to take over.

    Raises:
        GanzooError: PyAV is not installed, another suffix, or the file cannot be written.

    Example:
        from ganzoo.inference.video import VideoWriter

        with VideoWriter("noise.mp4", rate=25) as writer:
            for image in np.random.default_rng(0).integers(0, 256, (10, 32, 32, 3), "uint8"):
                writer.write(image)
    """

    def __init__(self, path: PathLike, rate: float | Fraction = 25, like: VideoReader | None = None) -> None:
        self.path, self.rate, self._like = Path(path), Fraction(rate).limit_denominator(100_000), like
        self._time_base = like.time_base if like else 1 / self.rate
        check_writable(path)
        self._open = contextlib.ExitStack()
        self._stream: Any = None
        self._sound: Any = None
        self._waiting: list[Any] = []
        self._last = -1

    def __enter__(self) -> "VideoWriter":
        import av

        try:
            file = self._open.enter_context(replaced(self.path))
            container = WRITTEN[self.path.suffix.lower()]
            self._container = av.open(file, "w", format=container)
        except OSError as error:
            raise self._failed(error) from None
        sound = self._like.sound if self._like else None
        if sound is not None:
            if sound.codec_context.name in _SOUND.get(container, (sound.codec_context.name,)):
                self._sound = self._container.add_stream_from_template(sound)
            else:
                name = sound.codec_context.name
                warnings.warn(
                    f"{printable(self.path)}: {container} cannot hold sound as {name}, left out", stacklevel=2
                )
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None and self._stream is None:
            # An earlier file of this name stays.
            empty = GanzooError("the video has no frames")
            with contextlib.suppress(*_failures()):
                self._container.close()
            self._open.__exit__(type(empty), empty, None)
            raise self._failed(empty)
        try:
            if kind is None:
                self._mux(self._stream.encode())
                self._container.close()
        except _failures() as failure:
            self._open.__exit__(type(failure), failure, None)
            raise self._failed(failure) from None
        # Also after an error, when it removes what was written.
        try:
            self._open.__exit__(kind, error, trace)
        except OSError as failure:
            raise self._failed(failure) from None

    def write(self, image: np.ndarray, time: int | None = None) -> None:
        """Adds a frame, uint8 (height, width, 1 or 3), at a time in units of `like.time_base`, or one after the last.

        Sides of odd length are extended by a pixel, as the codec needs even ones.
        """
        import av

        image = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
        height, width = image.shape[:2]
        if height % 2 or width % 2:
            image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        try:
            if self._stream is None:
                self._begin(*image.shape[:2])
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=_COLORS[_BT709])
            frame.colorspace = _BT709
            # Times of damaged files may repeat or be missing.
            step = 1 if self._like is None else max(1, round(1 / (self.rate * self._time_base)))
            self._last = self._last + step if time is None or time <= self._last else time
            frame.pts, frame.time_base = self._last, self._time_base
            self._mux(self._stream.encode(frame))
        except _failures() as error:
            raise self._failed(error) from None

    def add_sound(self, packet: Any) -> None:
        """Adds a packet of sound from `VideoReader.parts`."""
        if self._sound is None:
            return
        if self._stream is None:
            # All streams must be known before the first packet is written.
            self._waiting.append(packet)
            return
        packet.stream = self._sound
        try:
            self._mux([packet])
        except _failures() as error:
            raise self._failed(error) from None

    def _begin(self, height: int, width: int) -> None:
        self._stream = self._container.add_stream("libx264", rate=self.rate, options={"crf": _CRF})
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        context = self._stream.codec_context
        context.time_base = self._time_base
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        if self._like and self._like.pixel_aspect:
            context.sample_aspect_ratio = self._like.pixel_aspect
        waiting, self._waiting = self._waiting, []
        for packet in waiting:
            self.add_sound(packet)

    def _mux(self, packets: Any) -> None:
        for packet in packets:
            self._container.mux(packet)

    def _failed(self, error: Exception) -> GanzooError:
        return GanzooError(f"cannot write {printable(self.path)}: {_reason(error)}")


def _failures() -> tuple[type[Exception], ...]:
    """What FFmpeg and files raise on damaged data and full disks."""
    import av

    return (av.FFmpegError, OSError, ValueError, MemoryError, ArithmeticError, RuntimeError)


def _reason(error: Exception) -> str:
    if type(error).__name__ == "EOFError":
        return "it ends early"
    return getattr(error, "strerror", None) or first_line(error)
