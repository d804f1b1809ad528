"""Recordings as people have them: any format of libsndfile, rate, depth and number of channels, of any length."""

import os
from pathlib import Path

from ganzoo.data.audio import UNREADABLE, audio_files, opened, soundfile
from ganzoo.errors import GanzooError, first_line
from ganzoo.files import replaced

# What can be written, by suffix.
WRITTEN = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3", ".aiff": "AIFF"}
_SECONDS = 10


def enhance_file(model, source, target, progress=None, shifts=None):
    """Writes a recording without its noise, piece by piece: an hour needs no more memory than a minute.

    Sample rate, channels and, where the target's format has it, depth are kept. The file appears when it is whole.

    Args:
        model: an `EnhancingModel`.
        source: file to read.
        target: file to write; its suffix says the format: .wav, .flac, .ogg, .mp3 or .aiff.
        progress, shifts: as `EnhancingModel.enhance`.

    Raises:
        GanzooError: a file that cannot be read or written, or holds no sound.
    """
    source, target = Path(source), Path(target)
    check_writable(target)
    with opened(source) as read:
        if not read.frames:
            raise GanzooError(f"{source} holds no sound")
        try:
            with replaced(target) as file:
                _write_enhanced(model, read, file, target.suffix.lower(), progress, shifts)
        except GanzooError as error:
            raise GanzooError(f"{source}: {error}") from None
        except OSError as error:
            raise GanzooError(f"cannot write {target}: {error.strerror or error}") from None


def _write_enhanced(model, read, file, suffix, progress, shifts):
    """What the model makes of one open recording, into an open file."""
    options = dict(format=WRITTEN[suffix], subtype=_depth(suffix, read.subtype))
    try:
        written = soundfile().SoundFile(file, "w", read.samplerate, read.channels, **options)
    except UNREADABLE as error:
        what = f"{read.channels} channels at {read.samplerate} Hz"
        raise GanzooError(f"{options['format']} cannot hold {what} ({first_line(error)}): write .wav") from None
    total = 0
    with written:
        blocks = (block.T for block in _blocks(read))
        for part in model.enhance_blocks(blocks, read.samplerate, read.frames, progress, shifts):
            try:
                written.write(part.T)
            except (*UNREADABLE, AssertionError) as error:  # what soundfile makes of a full disk, format by format
                raise GanzooError(f"it cannot be written: {first_line(error) or 'is the disk full?'}") from None
            total += part.shape[1]
    if total < read.frames:
        raise GanzooError(f"it is damaged: {total} of the {read.frames} samples that it promises are there")


def _blocks(read):
    try:
        yield from read.blocks(_SECONDS * read.samplerate, dtype="float32", always_2d=True)
    except UNREADABLE as error:
        raise GanzooError(f"it cannot be read to its end: {first_line(error)}") from None


def check_writable(target):
    """Refuses a target before any work is done for it."""
    target = Path(target)
    if target.suffix.lower() not in WRITTEN:
        raise GanzooError(f"cannot write '{target.name}' as a recording: use {', '.join(WRITTEN)}")
    if os.path.isdir(target):
        raise GanzooError(f"{target} is a folder: name a file")


def recordings_in(place):
    """The audio files of a folder, at any depth, sorted; a file alone as it is."""
    return audio_files(place) if Path(place).is_dir() else [Path(place)]


def _depth(suffix, source):
    """The subtype to write: the source's own where the format has it, or the next better."""
    deep = source in ("PCM_24", "PCM_32", "FLOAT", "DOUBLE")
    if suffix == ".wav":
        return source if source in ("PCM_U8", "PCM_16") or deep else "PCM_16"
    if suffix in (".flac", ".aiff"):
        return "PCM_24" if deep else "PCM_16"
    return {".ogg": "VORBIS", ".mp3": "MPEG_LAYER_III"}[suffix]
