"""Where the sound of a file begins and ends, where its header or libsndfile does not tell.

libsndfile believes headers. Files that were written into a pipe say 0 or "unknown", files that were copied halfway say
more than is there, and of several files joined into one only the first is seen. `parts_of` reads the structure of the
file itself, without decoding, and says which stretches of bytes to decode one after the other.
"""

import io
import re
import struct
from dataclasses import dataclass

# What programs write as a size that they cannot know: all ones, or the largest signed number, rounded to blocks.
_UNKNOWN_32 = (range(0x7FFFE000, 0x80001000), range(0xFFFFE000, 0x100000000))
_UNKNOWN_64 = 2**60
# No file has more chunks, or begins its sound later.
_MOST_CHUNKS, _LONGEST_HEAD = 4096, 2**24
# Frames of an MP3 file in a row that are no coincidence, and beginnings of frames that are looked at in vain: half a
# gigabyte of other data holds so many by chance.
_CHAIN, _MOST_TRIES = 3, 50_000


@dataclass(frozen=True)
class Part:
    """A stretch of a file that libsndfile decodes by itself.

    Attributes:
        start, end: of its bytes in the file.
        head: bytes in front of them: a repaired header.
        lead: samples of silence that `head` adds, to be dropped.
        samples: how many it decodes to; None for libsndfile's own number.
        promised: how many times as much the header promises, 1.0 or more; None where it promises nothing.
        ended: False where the mark that ends a stream is missing.
    """

    start: int
    end: int
    head: bytes = b""
    lead: int = 0
    samples: int | None = None
    promised: float | None = 1.0
    ended: bool = True


def parts_of(file, size, suffix=""):
    """The `Part`s of a recording, in order; one that is the whole file where there is nothing to repair.

    Args:
        file: binary file that can seek.
        size: its length in bytes.
        suffix: of its name, in lower case; decides only where the content does not.
    """
    peek = _peeking(file)
    whole = [Part(0, size)]
    magic = peek(_after_id3(peek, 0), 4)
    if magic in _CHUNKED or magic in _AU:
        return _sized_parts(peek, size) or whole
    if magic == b"fLaC":
        return _between(_flac_starts(peek, size), size)
    if magic == b"OggS":
        # No header of Ogg says how long it is.
        return _ogg_parts(peek, size)
    if suffix == ".mp3" or magic[:3] == b"ID3" or (magic[:1] == b"\xff" and magic[1:2] >= b"\xe0"):
        return _mp3_parts(peek, size) or whole
    return whole


class PartFile(io.RawIOBase):
    """A `Part` as a binary file of its own."""

    def __init__(self, file, part):
        super().__init__()
        self._file, self._part, self._place = file, part, 0
        self._length = len(part.head) + part.end - part.start

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self._place

    def seek(self, offset, whence=io.SEEK_SET):
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._length}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer):
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
    """peek(position, count): bytes of a file, fewer at its end; read in large pieces."""
    held, begins = b"", 0

    def peek(position, count):
        nonlocal held, begins
        if not begins <= position <= position + count <= begins + len(held):
            # A little of what lies before, since the search for frames looks back.
            begins = max(0, position - 2**14)
            file.seek(begins)
            held = file.read(max(size, position + count - begins))
        return held[position - begins : position - begins + count]

    return peek


def _after_id3(peek, position):
    """Where the sound may begin: behind an ID3v2 tag, whose size is four times seven bits."""
    head = peek(position, 10)
    if len(head) < 10 or head[:3] != b"ID3" or max(head[6:]) > 127:
        return position
    length = sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0)))
    return position + 10 + length + (10 if head[5] & 16 else 0)


def _between(starts, size):
    return [Part(start, end) for start, end in zip(starts, [*starts[1:], size])]


# Headers with a size: RIFF and its relatives.


@dataclass(frozen=True)
class _Chunks:
    """How a file of chunks is built: an identifier, a size, and so many bytes."""

    identifier: int
    size: str
    first: int
    # What the size counts besides the content, and to which multiple a chunk is filled up.
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
        # AIFF's chunk begins with 8 bytes that are no sound.
        empty = value <= (8 if peek(field - 4, 4) == b"SSND" else 0) and not _only_chunks(peek, begins + value, size)
        # More than 4 GiB, written by a program that has dropped the higher bits.
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
            # RF64 is RIFF with a chunk for sizes of 64 bits.
            sizes = struct.pack("<4sIQQQI", b"ds64", 28, size - start, available, 0, 0)
            head = b"RF64" + bytes(4 * [255]) + head[8:12] + sizes + head[12:]
        known = not (empty or wrapped or _is_unknown(value, layout))
        parts.append(Part(field + length, size, head, promised=value / available if known else None))
        break
    return parts


def _sound_chunk(peek, start, size):
    """(position of the size's field, its format, its value, where the sound begins); None where there is none."""
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
    """Whether the rest of a file is chunks of RIFF or AIFF, or nothing: then a size of 0 is the truth."""
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
    """Where another file of the same kind begins, behind the chunks that follow the sound; the end if none does."""
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


# Markers.


def _flac_starts(peek, size):
    """Where FLAC streams begin: the marker, and the block of 34 bytes that is always the first."""
    starts, position, piece = [0], 8, 2**18
    marker = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")
    while position < size:
        # A marker may lie across the border of two pieces.
        content = peek(position, piece + 7)
        starts += [position + match.start() for match in marker.finditer(content) if match.start() < piece]
        position += piece
    # The first stream may stand behind an ID3 tag.
    return [0, *starts[2:]] if len(starts) > 1 and starts[1] == _after_id3(peek, 0) else starts


def _ogg_parts(peek, size):
    """The chains of Ogg streams: each begins with a page that begins a stream, behind one that does not."""
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
        # A last page that is cut off itself ends nothing.
        if ends and position <= size:
            unended[-1].discard(stream)
    ends = [*starts[1:], size]
    return [Part(start, end, promised=None, ended=not open_) for start, end, open_ in zip(starts, ends, unended)]


# MP3: frames one after the other, with no header of the file but what encoders hide in a first, silent frame.

_BITRATES = {
    3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44_100, 48_000, 32_000)


@dataclass(frozen=True)
class _Frame:
    """A frame of layer III: its header, bytes and samples, and what must not change within a stream."""

    header: bytes
    length: int
    samples: int
    stream: tuple


def _frame(header):
    """The `_Frame` of four bytes, or None."""
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
    """Parts that each decode to their end.

    With a count of frames in a first frame of its own (Xing's, also called Info), a stream is left as it is: the
    decoder takes off what the encoder has added. Without one, libsndfile takes the length from the first frame's bit
    rate and stops there. A silent frame of the lowest bit rate, put in front, makes that number no less than the truth.
    """
    parts, begins, first, counted, told = [], 0, None, 0, None

    def close(end):
        if first is None or not counted:
            return
        if told is not None:
            # The first one with its ID3 tag: most files are one part, and stay as they are.
            parts.append(Part(0 if begins == _after_id3(peek, 0) else begins, end))
        elif parts and counted <= _CHAIN and parts[-1].promised is not None:
            pass  # An encoder that has counted a frame or so less than it wrote.
        else:
            silent = _silent_frame(first)
            parts.append(Part(begins, end, silent, first.samples, counted * first.samples, None))

    for position, frame in _frames(peek, size):
        count = _told_frames(peek, position, frame)
        if first is None or count is not None or frame.stream != first.stream or counted == told:
            close(position)
            # A first frame without a count is silence, and nothing else.
            skipped = frame.length if count == 0 else 0
            begins, first, counted, told = position + skipped, frame, 0, count or None
            if count is not None:
                continue
        counted += 1
    close(size)
    return parts


def _frames(peek, size):
    """(position, `_Frame`) of all frames; what is between them is skipped."""
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
    """Where the next frames in a row begin, or None; `tries` is an iterator that ends the search of a whole file."""
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
    """How many frames follow, by the first frame; 0 where it does not say, None where it is none of that kind."""
    version, _, mono = frame.stream
    side = (17 if mono else 32) if version == 3 else (9 if mono else 17)
    # A check sum, where there is one, moves everything.
    for offset in {4 + side, 4 + side + 2 * (1 - (frame.header[1] & 1))}:
        tag = peek(position + offset, 12)
        if tag[:4] in (b"Xing", b"Info") and len(tag) == 12:
            return struct.unpack(">I", tag[8:])[0] if tag[7] & 1 else 0
    return None


def _silent_frame(frame):
    """A frame without sound, of the lowest bit rate, that goes in front of a stream."""
    header = bytes([0xFF, frame.header[1] | 1, 0x10 | frame.header[2] & 0x0C, frame.header[3]])
    return header.ljust(_frame(header).length, b"\0")
