"""Recordings as people have them: any format of libsndfile, rate, depth and number of channels, of any length."""

import os
import warnings
from pathlib import Path

import numpy as np

from ganzoo.data.audio import UNREADABLE, audio_files, opened, soundfile
from ganzoo.errors import GanzooError, first_line
from ganzoo.files import replaced

# What can be written, by suffix.
WRITTEN = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3", ".aiff": "AIFF"}


def enhance_file(
    model: Any,
    source: PathLike,
    target: PathLike,
    progress: Any = None,
    num_shifts: int | None = None,
    warn: Warn | None = None,
) -> None:
    """Writes a recording without its noise, piece by piece: an hour needs no more memory than a minute.

    Sample rate, channels and, where the target's format has it, depth are kept. The file appears when it is whole. Of a
    recording that ends early, what can be decoded is written. Floating-point samples may lie above full scale and stay
    so in a floating-point .wav; a format of whole numbers holds no more than full scale, and limits them to it.

    Args:
        model: an `SpeechEnhancement` model.
        source: file to read.
        target: file to write; its suffix says the format: .wav, .flac, .ogg, .mp3 or .aiff.
        progress, num_shifts: as `SpeechEnhancement.enhance`.
        warn: called as `warn(message, category)` with what was written but is not as one would expect: of the category
            `ganzoo.data.audio.EndsEarly` where the recording is shorter than its header says, of `UserWarning` where
            samples had to be limited to full scale. `warnings.warn` if not given.

    Raises:
        GanzooError: a file that cannot be read or written, or holds no sound.

    Example:
        enhance_file(ganzoo.load("segan"), "noisy.wav", "clean.wav")
    """
    source, target, warn = Path(source), Path(target), warn or warnings.warn
    check_writable(target)
    with opened(source) as recording:
        try:
            with replaced(target) as file:
                limited, peak = _write_enhanced(model, recording, file, target.suffix.lower(), progress, num_shifts)
                # Nothing at all is no file.
                recording.check(warn)
        except GanzooError as error:
            message = str(error)
            raise GanzooError(message if message.startswith(str(source)) else f"{source}: {message}") from None
        except OSError as error:
            raise GanzooError(f"cannot write {target}: {error.strerror or error}") from None
    if limited:
        highest = f"the highest was {peak:.3g} times as much"
        message = f"{target}: {limited} samples above full scale were limited to it ({highest}); "
        warn(message + "a floating-point .wav keeps what is above", UserWarning)


def _write_enhanced(model, recording, file, suffix, progress, num_shifts):
    """What the model makes of one recording, into an open file; (samples limited to full scale, the highest)."""
    options = dict(format=WRITTEN[suffix], subtype=subtype_for(suffix, recording.subtype))
    try:
        written = soundfile().SoundFile(file, "w", recording.samplerate, recording.channels, **options)
    except UNREADABLE as error:
        what = f"{recording.channels} channels at {recording.samplerate} Hz"
        raise GanzooError(f"{options['format']} cannot hold {what} ({first_line(error)}): write .wav") from None
    limited, peak = 0, 0.0
    with written:
        blocks = (block.T for block in recording.blocks())
        for part in model.enhance_blocks(blocks, recording.samplerate, recording.samples, progress, num_shifts):
            if options["subtype"].startswith("PCM"):
                limited += int(np.count_nonzero(np.abs(part) > 1.0))
                peak = max(peak, float(np.abs(part).max()))
            try:
                written.write(part.T)
            except (*UNREADABLE, AssertionError) as error:  # what soundfile makes of a full disk, format by format
                raise GanzooError(f"it cannot be written: {first_line(error) or 'is the disk full?'}") from None
    return limited, peak


def check_writable(target: PathLike) -> None:
    """Refuses a target before any work is done for it."""
    target = Path(target)
    if target.suffix.lower() not in WRITTEN:
        raise GanzooError(f"cannot write '{target.name}' as a recording: use {', '.join(WRITTEN)}")
    if os.path.isdir(target):
        raise GanzooError(f"{target} is a folder: name a file")


def recordings_in(place: PathLike) -> list[Path]:
    """The audio files of a folder, at any depth, sorted; a file alone as it is."""
    return audio_files(place) if Path(place).is_dir() else [Path(place)]


def subtype_for(suffix: str, source: str) -> str:
    """The subtype to write: the source's own where the format has it, or the next better."""
    deep = source in ("PCM_24", "PCM_32", "FLOAT", "DOUBLE")
    if suffix == ".wav":
        return source if source in ("PCM_U8", "PCM_16") or deep else "PCM_16"
    if suffix in (".flac", ".aiff"):
        return "PCM_24" if deep else "PCM_16"
    return {".ogg": "VORBIS", ".mp3": "MPEG_LAYER_III"}[suffix]
