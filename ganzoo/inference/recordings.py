"""Recordings as people have them: any format of libsndfile, rate, depth and number of channels, of any length."""

import contextlib
import os
from pathlib import Path

from ganzoo.data.audio import audio_files, soundfile
from ganzoo.errors import GanzooError, first_line

# What can be written, by suffix, and the depth taken where the source's own does not exist there.
WRITTEN = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    ".aiff": ("AIFF", "PCM_16"),
}
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
    if not source.is_file():
        raise GanzooError(f"no such recording: {source}")
    library = soundfile()
    temporary = target.with_name(f".{abs(hash(target.name))}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            stack.callback(temporary.unlink, missing_ok=True)
            read = stack.enter_context(_opened(library, source))
            given, usual = WRITTEN[target.suffix.lower()]
            depth = read.subtype if library.check_format(given, read.subtype) else usual
            written = stack.enter_context(
                _made(
                    library, temporary, samplerate=read.samplerate, channels=read.channels, format=given, subtype=depth
                )
            )
            blocks = (block.T for block in read.blocks(_SECONDS * read.samplerate, dtype="float32", always_2d=True))
            total = 0
            for part in model.enhance_blocks(blocks, read.samplerate, read.frames, progress):
                written.write(part.T)
                total += part.shape[1]
            if total < read.frames:
                raise GanzooError(
                    f"{source} is damaged: {total} of the {read.frames} samples that it promises are there"
                )
            written.close()
            os.replace(temporary, target)
    except (library.LibsndfileError, OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise GanzooError(f"{source} to {target}: {reason}") from None


def check_writable(target):
    """Refuses a target before any work is done for it."""
    target = Path(target)
    if target.suffix.lower() not in WRITTEN:
        raise GanzooError(f"cannot write '{target.name}' as a recording: use {', '.join(WRITTEN)}")
    if target.is_dir():
        raise GanzooError(f"{target} is a folder: name a file")


def recordings_in(place):
    """The audio files of a folder, at any depth, sorted; a file alone as it is."""
    return audio_files(place) if Path(place).is_dir() else [Path(place)]


def _opened(library, path):
    try:
        file = library.SoundFile(path)
    except (library.LibsndfileError, RuntimeError, OSError) as error:
        raise GanzooError(f"{path} cannot be read as a recording: {first_line(error)}") from None
    if not file.frames:
        file.close()
        raise GanzooError(f"{path} holds no sound")
    return file


def _made(library, path, **options):
    try:
        return library.SoundFile(path, "w", **options)
    except (library.LibsndfileError, ValueError, RuntimeError) as error:
        raise GanzooError(
            f"{options['format']} cannot hold {options['channels']} channels at {options['samplerate']} Hz: "
            f"{first_line(error)}; write .wav"
        ) from None
