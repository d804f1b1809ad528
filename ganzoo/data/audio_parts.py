"""Where the audio of a file starts and ends, for files whose header is wrong or that libsndfile misreads.

libsndfile trusts headers. But files written to a pipe claim length 0 or "unknown", truncated files claim more than they
hold, and of several concatenated files libsndfile sees only the first. `parts_of` parses the structure of the file
without decoding it, and returns the byte ranges to decode one after the other.
"""

import io
import re
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

# What programs write for an unknown size: all ones or the largest signed number, rounded to blocks.
_UNKNOWN_32 = (range(0x7FFFE000, 0x80001000), range(0xFFFFE000, 0x100000000))
_UNKNOWN_64 = 2**60
# Most chunks in a file, and most bytes before the audio.
_MOST_CHUNKS, _LONGEST_HEAD = 4096, 2**24
# Consecutive MP3 frames that are not a coincidence, and the most false frame headers to try: half a gigabyte of other
# data holds about this many by chance.
_CHAIN, _MOST_TRIES = 3, 50_000


@dataclass(frozen=True)
class Part:
    """A byte range of a file that libsndfile decodes on its own.

    Attributes:
        start, end: positions of its first byte and after its last byte.
        head: bytes to prepend: a repaired header.
        lead: samples of silence that `head` adds, to be dropped.
        samples: number of samples it decodes to; None to use libsndfile's number.
        promised: audio promised by the header relative to what is there, at least 1.0; None if it promises nothing.
        ended: False if the marker that ends a stream is missing.
    """

    start: int
    end: int
    head: bytes = b""
    lead: int = 0
    samples: int | None = None
    promised: float | None = 1.0
    ended: bool = True


def parts_of(file: BinaryIO, size: int, suffix: str = "") -> list[Part]:
    """The `Part`s of a recording in order; a single one, the whole file, if there is nothing to repair.

    Args:
        file: seekable binary file.
        size: its length in bytes.
        suffix: lower-case suffix of its name; used only if the content does not tell the format.
    """
    peek = _peeking(file)
    whole = [Part(0, size)]
    magic = peek(_after_id3(peek, 0), 4)
    if magic in _CHUNKED or magic in _AU:
        return _sized_parts(peek, size) or whole
    if magic == b"fLaC":
        return _between(_flac_starts(peek, size), size)
    if magic == b"OggS":
        # Ogg headers state no length.
        return _ogg_parts(peek, size)
    if suffix == ".mp3" or magic[:3] == b"ID3" or (magic[:1] == b"\xff" and magic[1:2] >= b"\xe0"):
        return _mp3_parts(peek, size) or whole
    return whole


class PartFile(io.RawIOBase):
    """A `Part` as a binary file."""

    def __init__(self, file: BinaryIO, part: Part):
        super().__init__()
        self._file, self._part, self._place = file, part, 0
        self._length = len(part.head) + part.end - part.start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._length}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: Any) -> int:
        head = self._part.head[self._place : self._place + len(buffer)]
        wanted = max(0, min(len(buffer), self._length - self._place) - len(head))
        rest = b""
        if wanted:
            self._file.seek(self._part.start + self._place + len(head) - len(self._part.head))
            rest = self._file.read(wanted)
        content = head + rest
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)


def _peeking(file, size=2**18):
    """A function peek(position, count) that returns bytes of a file, fewer at its end; it reads in large blocks."""
    held, begins = b"", 0

    def peek(position, count):
        nonlocal held, begins
        if not begins <= position <= position + count <= begins + len(held):
            # Starts a little earlier, since the search for frames looks back.
            begins = max(0, position - 2**14)
            file.seek(begins)
            held = file.read(max(size, position + count - begins))
        return held[position - begins : position - begins + count]

    return peek


def _after_id3(peek, position):
    """The position after an ID3v2 tag, whose size is coded in four times seven bits; `position` if there is none."""
    head = peek(position, 10)
    if len(head) < 10 or head[:3] != b"ID3" or max(head[6:]) > 127:
        return position
    length = sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0)))
    return position + 10 + length + (10 if head[5] & 16 else 0)


def _between(starts, size):
    return [Part(start, end) for start, end in zip(starts, [*starts[1:], size])]


# Formats whose header has a size: RIFF and related ones.


@dataclass(frozen=True)
class _Chunks:
    """Layout of a chunked format: each chunk is an identifier, a size and content of this size."""

    identifier: int
    size: str
    first: int
    # Bytes that the size counts besides the content, and the multiple that chunks are padded to.
    counted: int = 0
    multiple: int = 2


_CHUNKED = {
    b"RIFF": _Chunks(4, "<I", 12),
    b"RF64": _Chunks(4, "<I", 12),
    b"BW64": _Chunks(4, "<I", 12),
    b"RIFX": _Chunks(4, ">I", 12),
    b"FORM": _Chunks(4, ">I", 12),
    b"caff": _Chunks(4, ">Q", 8, multiple=1),
    b"riff": _Chunks(16, "<Q", 40, counted=24, multiple=8),
}
_AU = {b".snd": ">I", b"dns.": "<I"}
_SOUND = (b"data", b"SSND", b"BODY")


def _sized_parts(peek, size):
    parts, start = [], 0
    while start < size:
        found = _sound_chunk(peek, start, size)
        if found is None:
            break
        field, layout, value, begins = found
        available = size - begins
        # AIFF's chunk starts with 8 bytes that are not audio.
        empty = value <= (8 if peek(field - 4, 4) == b"SSND" else 0) and not _only_chunks(peek, begins + value, size)
        # More than 4 GiB, written by a program that dropped the upper bits of the size.
        wrapped = layout[1] == "I" and value < available and (available - value) % 2**32 == 0
        if value <= available and not empty and not wrapped:
            end = _next_file(peek, start, begins + value, size)
            parts.append(Part(start, end))
            start = end
            continue
        chunks = _CHUNKED.get(peek(start, 4))
        counted = chunks.counted if chunks else 0
        length = struct.calcsize(layout)
        head = peek(start, field - start) + struct.pack(layout, min(2 ** (8 * length) - 1, available + counted))
        if peek(start, 4) == b"RIFF" and available >= 2**32:
            # RF64 is RIFF with a chunk for 64-bit sizes.
            sizes = struct.pack("<4sIQQQI", b"ds64", 28, size - start, available, 0, 0)
            head = b"RF64" + bytes(4 * [255]) + head[8:12] + sizes + head[12:]
        known = not (empty or wrapped or _is_unknown(value, layout))
        parts.append(Part(field + length, size, head, promised=value / available if known else None))
        break
    return parts


def _sound_chunk(peek, start, size):
    """(position of the size field, its format, its value, start of the audio); None if there is no audio chunk."""
    magic = peek(start, 4)
    if magic in _AU:
        if start + 24 > size:
            return None
        offset, value = struct.unpack(_AU[magic][0] + "II", peek(start + 4, 8))
        return (start + 8, _AU[magic], value, start + offset) if 24 <= offset < size - start else None
    chunks = _CHUNKED.get(magic)
    if chunks is None:
        return None
    position, length = start + chunks.first, struct.calcsize(chunks.size)
    for _ in range(_MOST_CHUNKS):
        begins = position + chunks.identifier + length
        if begins >= size or position - start > _LONGEST_HEAD:
            return None
        (value,) = struct.unpack(chunks.size, peek(begins - length, length))
        value = max(0, value - chunks.counted)
        if peek(position, 4) in _SOUND:
            if magic in (b"RF64", b"BW64") and value == 0xFFFFFFFF and peek(start + 12, 4) == b"ds64":
                return start + 28, "<Q", struct.unpack("<Q", peek(start + 28, 8))[0], begins
            return begins - length, chunks.size, value, begins
        position = begins + value
        position += -(position - start) % chunks.multiple
    return None


def _is_unknown(value, layout):
    return value >= _UNKNOWN_64 if layout[1] == "Q" else any(value in known for known in _UNKNOWN_32)


def _only_chunks(peek, position, size):
    """Whether the rest of a file is RIFF or AIFF chunks or nothing: then a size of 0 is correct."""
    for _ in range(_MOST_CHUNKS):
        if position >= size:
            return position <= size + 1
        head = peek(position, 8)
        if len(head) < 8 or not re.fullmatch(rb"[ -~]{4}", head[:4]):
            return False
        value = min(struct.unpack(order + "I", head[4:])[0] for order in "<>")
        position += 8 + value + value % 2
    return False


def _next_file(peek, start, position, size):
    """Where another file of the same format starts, after the chunks behind the audio; the end if there is none."""
    magic = peek(start, 4)
    if peek(position, 4) == magic:
        return position
    chunks = _CHUNKED.get(magic)
    if chunks is None or struct.calcsize(chunks.size) != 4:
        return size
    for _ in range(_MOST_CHUNKS):
        position += (position - start) % 2
        head = peek(position, 8)
        if len(head) < 8:
            return size
        if head[:4] == magic:
            return position
        position += 8 + struct.unpack(chunks.size, head[4:])[0]
    return size


# Formats recognized by markers.


def _flac_starts(peek, size):
    """Where FLAC streams start: the marker, followed by a block that always has 34 bytes."""
    starts, position, piece = [0], 8, 2**18
    marker = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")
    while position < size:
        # A marker may span two pieces.
        content = peek(position, piece + 7)
        starts += [position + match.start() for match in marker.finditer(content) if match.start() < piece]
        position += piece
    # The first stream may follow an ID3 tag.
    return [0, *starts[2:]] if len(starts) > 1 and starts[1] == _after_id3(peek, 0) else starts


def _ogg_parts(peek, size):
    """Chained Ogg streams: a chain starts with a page that starts a stream and follows a page that does not."""
    starts, unended, position, began = [0], [set()], 0, True
    while position + 27 <= size:
        page = peek(position, 27 + 255)
        if page[:4] != b"OggS":
            # Damaged: the next page is found by its marker.
            following = peek(position + 1, 2**17).find(b"OggS")
            position = size if following < 0 else position + 1 + following
            continue
        begins, ends, stream = bool(page[5] & 2), bool(page[5] & 4), page[14:18]
        if begins and not began:
            starts.append(position)
            unended.append(set())
        began = begins
        position += 27 + page[26] + sum(page[27 : 27 + page[26]])
        if begins:
            unended[-1].add(stream)
        # A truncated last page does not end its stream.
        if ends and position <= size:
            unended[-1].discard(stream)
    ends = [*starts[1:], size]
    return [Part(start, end, promised=None, ended=not open_) for start, end, open_ in zip(starts, ends, unended)]


# MP3: a sequence of frames. There is no file header, except for what encoders write into a silent first frame.

_BITRATES = {
    3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44_100, 48_000, 32_000)


@dataclass(frozen=True)
class _Frame:
    """A frame of layer III: header, length in bytes, samples, and the properties that are constant within a stream."""

    header: bytes
    length: int
    samples: int
    stream: tuple


def _frame(header):
    """The `_Frame` that a four-byte header describes; None if it is not valid."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, bitrate, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or not 0 < bitrate < 15 or rate == 3:
        return None
    hertz = _RATES[rate] // {3: 1, 2: 2, 0: 4}[version]
    samples = 1152 if version == 3 else 576
    length = samples // 8 * 1000 * _BITRATES[3 if version == 3 else 2][bitrate - 1] // hertz + (header[2] >> 1 & 1)
    return _Frame(header, length, samples, (version, rate, header[3] >> 6 == 3))


def _mp3_parts(peek, size):
    """Parts that libsndfile decodes to their end.

    A stream whose first frame counts its frames (Xing's, also called Info) is left as it is: the decoder removes the
    encoder's padding. Otherwise libsndfile estimates the length from the first frame's bit rate and stops there. A
    silent frame of the lowest bit rate, prepended to the stream, makes sure that this estimate is not too low.
    """
    parts, begins, first, counted, told = [], 0, None, 0, None

    def close(end):
        if first is None or not counted:
            return
        if told is not None:
            # The first part keeps its ID3 tag: most files are one part and stay as they are.
            parts.append(Part(0 if begins == _after_id3(peek, 0) else begins, end))
        elif parts and counted <= _CHAIN and parts[-1].promised is not None:
            pass  # The encoder counted about a frame less than it wrote.
        else:
            silent = _silent_frame(first)
            parts.append(Part(begins, end, silent, first.samples, counted * first.samples, None))

    for position, frame in _frames(peek, size):
        count = _told_frames(peek, position, frame)
        if first is None or count is not None or frame.stream != first.stream or counted == told:
            close(position)
            # A Xing frame without a count is only silence.
            skipped = frame.length if count == 0 else 0
            begins, first, counted, told = position + skipped, frame, 0, count or None
            if count is not None:
                continue
        counted += 1
    close(size)
    return parts


def _frames(peek, size):
    """Yields (position, `_Frame`) of all frames; other bytes between them are skipped."""
    position, stream, tries = _after_id3(peek, 0), None, iter(range(_MOST_TRIES))
    while position + 4 <= size:
        frame = _frame(peek(position, 4))
        if frame is None or frame.stream != stream:
            position = _chained(peek, position, size, tries)
            if position is None:
                return
            frame = _frame(peek(position, 4))
            stream = frame.stream
        yield position, frame
        position += frame.length


def _chained(peek, position, size, tries):
    """Where the next run of frames starts, or None; `tries` is an iterator that limits the search in a whole file."""
    sync = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]")
    while position + 4 <= size:
        if peek(position, 3) == b"ID3":
            position = max(position + 3, _after_id3(peek, position))
        content = peek(position, 2**16)
        for match in sync.finditer(content):
            if next(tries, None) is None:
                return None
            at, followed = position + match.start(), None
            for _ in range(_CHAIN):
                frame = _frame(peek(at, 4))
                if frame is None or (followed is not None and frame.stream != followed):
                    break
                followed, at = frame.stream, at + frame.length
                if at == size:
                    return position + match.start()
            else:
                return position + match.start()
        position += max(1, len(content) - 1)
    return None


def _told_frames(peek, position, frame):
    """The number of frames that a Xing frame states; 0 if it states none, None if it is not a Xing frame."""
    version, _, mono = frame.stream
    side = (17 if mono else 32) if version == 3 else (9 if mono else 17)
    # A checksum, if there is one, shifts the tag.
    for offset in {4 + side, 4 + side + 2 * (1 - (frame.header[1] & 1))}:
        tag = peek(position + offset, 12)
        if tag[:4] in (b"Xing", b"Info") and len(tag) == 12:
            return struct.unpack(">I", tag[8:])[0] if tag[7] & 1 else 0
    return None


def _silent_frame(frame):
    """A silent frame of the lowest bit rate, to prepend to a stream."""
    header = bytes([0xFF, frame.header[1] | 1, 0x10 | frame.header[2] & 0x0C, frame.header[3]])
    return header.ljust(_frame(header).length, b"\0")
