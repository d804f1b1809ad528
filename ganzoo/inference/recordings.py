"""Enhancement and conversion of audio files in any format of libsndfile, of any rate, bit depth, number of channels and
length; and writing of generated sounds."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ganzoo.data.audio import audio_files, read_audio
from ganzoo.data.recording_files import UNREADABLE, Warn, opened, soundfile
from ganzoo.errors import GanzooError, first_line
from ganzoo.files import replaced
from ganzoo.inference.enhancement_stream import EnhancementStream
from ganzoo.types import PathLike

# Sample rate in Hz above which libvorbis crashes, and samples of a sound that are written at once.
_HIGHEST_VORBIS, _AT_ONCE = 200_000, 2**18

# Formats that can be written, by suffix.
WRITTEN = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3", ".aiff": "AIFF"}


def enhance_file(
    model: Any,
    source: PathLike,
    target: PathLike,
    progress: Any = None,
    num_shifts: int | None = None,
    warn: Warn | None = None,
) -> None:
    """Enhances a recording block by block: an hour needs no more memory than a minute.

    Sample rate, channels and, if the target's format supports it, bit depth are preserved. The file is written
    atomically. If a recording ends early, the part that can be decoded is enhanced. Floating-point samples above full
    scale are kept in a floating-point .wav; integer formats clip them.

    Args:
        model: a `SpeechEnhancement` model.
        source: file to read.
        target: file to write; its suffix determines the format: .wav, .flac, .ogg, .mp3 or .aiff.
        progress, num_shifts: as in `SpeechEnhancement.enhance`.
        warn: called as `warn(message, category)`, with the category `ganzoo.data.recording_files.EndsEarly` if the
            recording is shorter than its header says, and `UserWarning` if samples were clipped; default
            `warnings.warn`.

    Raises:
        GanzooError: a file cannot be read or written, or holds no audio.

    Example:
        import soundfile

        from ganzoo.inference.recordings import enhance_file

        samples, rate = soundfile.read("noisy.wav", frames=1600)
        soundfile.write("short.wav", samples, rate)
        enhance_file(ganzoo.load("segan"), "short.wav", "clean.wav", num_shifts=1)
    """
    source, target, warn = Path(source), Path(target), warn or warnings.warn
    check_writable(target)
    with opened(source) as recording:
        try:
            with replaced(target) as file:
                limited, peak = _write_enhanced(model, recording, file, target.suffix.lower(), progress, num_shifts)
                # An empty recording must not leave a file.
                recording.check(warn)
        except GanzooError as error:
            message = str(error)
            raise GanzooError(message if message.startswith(str(source)) else f"{source}: {message}") from None
        except OSError as error:
            raise GanzooError(f"cannot write {target}: {error.strerror or error}") from None
    if limited:
        _warn_of_clipping(warn, target, limited, peak)


def _warn_of_clipping(warn: Warn, target: Path, clipped: int, peak: float) -> None:
    message = f"{target}: {clipped} samples above full scale were clipped (the peak was {peak:.3g}); "
    warn(message + "a floating-point .wav would keep them", UserWarning)


def change_file(
    change: Callable[[np.ndarray, int], np.ndarray], source: PathLike, target: PathLike, warn: Warn | None = None
) -> None:
    """Writes a function's output for a whole recording, which is in memory at once.

    Sample rate and, if the target's format supports it, bit depth are preserved. The file is written atomically.
    Floating-point samples above full scale are kept in a floating-point .wav; other formats clip them.

    Args:
        change: function from audio float32 (samples, channels) and its sample rate in Hz to audio float32 (samples,) or
            (samples, channels).
        source: file to read.
        target, warn: as in `enhance_file`.

    Raises:
        GanzooError: a file cannot be read or written, or the function refuses the audio.

    Example:
        from ganzoo.inference.recordings import change_file

        change_file(lambda audio, rate: audio[::-1], "noisy.wav", "backwards.wav")
    """
    source, target, warn = Path(source), Path(target), warn or warnings.warn
    check_writable(target)
    with opened(source) as recording:
        subtype = recording.subtype
    audio, rate = read_audio(source, warn=warn)
    try:
        changed = change(audio, rate)
    except GanzooError as error:
        raise GanzooError(f"{source}: {error}") from None
    peak = float(np.abs(changed).max())
    if subtype_for(target.suffix.lower(), subtype).startswith("PCM") and peak > 1.0:
        _warn_of_clipping(warn, target, int(np.count_nonzero(np.abs(changed) > 1.0)), peak)
    _write(target, changed, rate, subtype)


def enhance_pipe(stream: EnhancementStream, source: BinaryIO, target: BinaryIO, channels: int = 1) -> None:
    """Enhances raw samples, 16-bit and little-endian, channels interleaved, while they arrive.

    The output begins after the stream's latency and has as many samples as the input; half a sample at the input's end
    is ignored. It ends without an error if nobody reads the output any more. Ctrl-C ends the input.

    Args:
        stream: from `SpeechEnhancement.stream`.
        source: open for reading bytes.
        target: open for writing bytes.
        channels: of the input and the output.

    Raises:
        GanzooError: the input cannot be read, or the output cannot be written.

    Example:
        import io

        from ganzoo.inference.recordings import enhance_pipe

        source, target = io.BytesIO(bytes(3200)), io.BytesIO()
        enhance_pipe(ganzoo.load("segan").stream(sample_rate=16000), source, target)     # target holds 3200 bytes
    """
    size, left = 2 * channels, b""
    try:
        while data := _arrived(source, size * max(1, stream.sample_rate // 10)):
            data = left + data
            whole = len(data) // size * size
            left = data[whole:]
            samples = np.frombuffer(data[:whole], "<i2").reshape(-1, channels)
            _send(target, stream.push(samples / np.float32(32768)))
        _send(target, stream.finish())
    except (BrokenPipeError, KeyboardInterrupt):
        # Ctrl-C during computation: the stream's state may be incomplete, so the rest is left out.
        return


def _arrived(source: BinaryIO, most: int) -> bytes:
    """What has arrived, up to `most` bytes, waiting for some of it; nothing at the end or after Ctrl-C."""
    # A plain read would wait for all of it.
    read = getattr(source, "read1", source.read)
    try:
        return read(most)
    except KeyboardInterrupt:
        return b""
    except OSError as error:
        raise GanzooError(f"cannot read the input: {error.strerror or error}") from None


def _send(target: BinaryIO, samples: np.ndarray) -> None:
    try:
        target.write(_as_bytes(samples))
        target.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise GanzooError(f"cannot write the output: {error.strerror or error}") from None


def _as_bytes(samples: np.ndarray) -> bytes:
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2").tobytes()


def _write_enhanced(model, recording, file, suffix, progress, num_shifts):
    """Enhances one recording into an open file: (number of clipped samples, peak)."""
    subtype = subtype_for(suffix, recording.subtype)
    limited, peak = 0, 0.0
    with _opened(file, suffix, recording.samplerate, recording.channels, subtype) as written:
        blocks = (block.T for block in recording.blocks())
        for part in model.enhance_blocks(blocks, recording.samplerate, recording.samples, progress, num_shifts):
            if subtype.startswith("PCM"):
                limited += int(np.count_nonzero(np.abs(part) > 1.0))
                peak = max(peak, float(np.abs(part).max()))
            try:
                written.write(part.T)
            except (*UNREADABLE, AssertionError) as error:  # soundfile's errors for a full disk depend on the format
                raise GanzooError(f"it cannot be written: {first_line(error) or 'is the disk full?'}") from None
    return limited, peak


def _opened(file, suffix, sample_rate, channels, subtype):
    """A `soundfile.SoundFile` that writes to an open file.

    Raises:
        GanzooError: the format cannot hold so many channels, or this sample rate.
    """
    name = WRITTEN[suffix]
    try:
        # libvorbis crashes above.
        if suffix == ".ogg" and sample_rate > _HIGHEST_VORBIS:
            raise ValueError(f"at most {_HIGHEST_VORBIS} Hz")
        return soundfile().SoundFile(file, "w", sample_rate, channels, format=name, subtype=subtype)
    except (*UNREADABLE, ValueError) as error:
        held = "one channel" if channels == 1 else f"{channels} channels"
        # Without the name of the temporary file, which `str(error)` begins with.
        reason = getattr(error, "error_string", None) or first_line(error)
        raise GanzooError(f"{name} cannot hold {held} at {sample_rate} Hz ({reason}): write .wav") from None


def write_sounds(
    target: PathLike, sounds: np.ndarray, sample_rate: int, pause: float = 0.15, separate: bool = False
) -> list[Path]:
    """Writes generated sounds, without the zeros after their ends.

    Args:
        target: file to write, one sound after another; a folder if `separate`.
        sounds: float32 (count, samples) in [-1, 1], as `SpeechSynthesis.generate` returns them.
        sample_rate: in Hz.
        pause: seconds of silence between sounds in one file.
        separate: write each sound to a .wav file of its own, 0000.wav and so on.

    Returns:
        The files.

    Raises:
        GanzooError: a suffix that is not an audio format, or a file that cannot be written.

    Example:
        from ganzoo.inference.recordings import write_sounds

        tone = np.sin(np.arange(800, dtype="float32") / 5)[None] / 2
        write_sounds("tone.wav", tone, sample_rate=8000)        # [tone.wav]
    """
    target = Path(target)
    ends = [np.flatnonzero(sound) for sound in sounds]
    parts = [sound[: found[-1] + 1] if len(found) else sound[:1] for sound, found in zip(sounds, ends)]
    if separate:
        digits = max(4, len(str(len(parts) - 1)))
        written = {target / f"{i:0{digits}d}.wav": part for i, part in enumerate(parts)}
    else:
        check_writable(target)
        silence = np.zeros(round(pause * sample_rate), "float32")
        written = {target: np.concatenate([piece for part in parts for piece in (part, silence)][:-1])}
    for path, sound in written.items():
        _write(path, sound, sample_rate, "PCM_16")
    return list(written)


def _write(path: Path, sound: np.ndarray, sample_rate: int, subtype: str) -> None:
    """Writes a sound, with the next better subtype that the format supports."""
    suffix = path.suffix.lower()
    channels = 1 if sound.ndim == 1 else sound.shape[1]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            replaced(path) as file,
            _opened(file, suffix, sample_rate, channels, subtype_for(suffix, subtype)) as written,
        ):
            # libvorbis crashes on millions of samples at once.
            for start in range(0, len(sound), _AT_ONCE):
                written.write(sound[start : start + _AT_ONCE])
    except (*UNREADABLE, AssertionError) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise GanzooError(f"cannot write {path}: {reason}") from None


def check_writable(target: PathLike) -> None:
    """Checks a target before any work is done.

    Raises:
        GanzooError: the suffix is not an audio format that can be written, or it is a folder.
    """
    target = Path(target)
    if target.suffix.lower() not in WRITTEN:
        raise GanzooError(f"cannot write '{target.name}' as a recording: use {', '.join(WRITTEN)}")
    if os.path.isdir(target):
        raise GanzooError(f"{target} is a folder: name a file")


def recordings_in(place: PathLike) -> list[Path]:
    """The audio files of a folder, at any depth, sorted; [place] for a file."""
    return audio_files(place) if Path(place).is_dir() else [Path(place)]


def subtype_for(suffix: str, source: str) -> str:
    """The subtype to write: the source's own if the format supports it, else the next better one."""
    deep = source in ("PCM_24", "PCM_32", "FLOAT", "DOUBLE")
    if suffix == ".wav":
        return source if source in ("PCM_U8", "PCM_16") or deep else "PCM_16"
    if suffix in (".flac", ".aiff"):
        return "PCM_24" if deep else "PCM_16"
    return {".ogg": "VORBIS", ".mp3": "MPEG_LAYER_III"}[suffix]
