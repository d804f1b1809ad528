"""Recordings as people have them: any format of libsndfile, rate, depth and number of channels, of any length."""

import contextlib
import os
from pathlib import Path

from ganzoo.data.audio import UNREADABLE, audio_files, opened, soundfile
from ganzoo.errors import GanzooError, first_line

# What can be written, by suffix.
WRITTEN = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3", ".aiff": "AIFF"}
_SECONDS = 10


def enhance_file(model, source, target, progress=None):
    """Writes a recording without its noise, piece by piece: an hour needs no more memory than a minute.

    Sample rate, channels and, where the target's format has it, depth are kept. The file appears when it is whole.

    Args:
        model: an `EnhancingModel`.
        source: file to read.
        target: file to write; its suffix says the format: .wav, .flac, .ogg, .mp3 or .aiff.
        progress: as `EnhancingModel.enhance`.

    Raises:
        GanzooError: a file that cannot be read or written, or holds no sound.
    """
    source, target = Path(source), Path(target)
    check_writable(target)
    library = soundfile()
    temporary = target.with_name(f".{abs(hash(target.name))}.{os.getpid()}.tmp")
    with contextlib.ExitStack() as stack:
        read = stack.enter_context(opened(source))
        if not read.frames:
            raise GanzooError(f"{source} holds no sound")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            stack.callback(temporary.unlink, missing_ok=True)
            file = stack.enter_context(open(temporary, "wb"))
        except OSError as error:
            raise GanzooError(f"cannot write {target}: {error.strerror or error}") from None
        given, depth = WRITTEN[target.suffix.lower()], _depth(target.suffix.lower(), read.subtype)
        try:
            written = stack.enter_context(
                library.SoundFile(file, "w", read.samplerate, read.channels, format=given, subtype=depth)
            )
        except UNREADABLE as error:
            what = f"{read.channels} channels at {read.samplerate} Hz"
            raise GanzooError(f"{given} cannot hold {what} ({first_line(error)}): write .wav") from None
        total = 0
        try:
            blocks = (block.T for block in read.blocks(_SECONDS * read.samplerate, dtype="float32", always_2d=True))
            for part in model.enhance_blocks(blocks, read.samplerate, read.frames, progress):
                written.write(part.T)
                total += part.shape[1]
            written.close()
            file.close()
        except GanzooError as error:
            raise GanzooError(f"{source}: {error}") from None
        except UNREADABLE as error:
            raise GanzooError(
                f"{source} to {target}: {getattr(error, 'strerror', None) or first_line(error)}"
            ) from None
        if total < read.frames:
            raise GanzooError(f"{source} is damaged: {total} of the {read.frames} samples that it promises are there")
        try:
            os.replace(temporary, target)
        except OSError as error:
            raise GanzooError(f"cannot write {target}: {error.strerror or error}") from None


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
