"""Segments of mel-cepstra of speech."""

from typing import Annotated

import numpy as np
from pydantic import Field

from ganzoo.arguments import AtLeastOne, Seed
from ganzoo.data.feed import Feed, data_function, held_out_indices
from ganzoo.data.recordings import level, open_recordings
from ganzoo.data.speech import speaker_of
from ganzoo.data.vocoder import analyze
from ganzoo.data.waveforms import of_length
from ganzoo.errors import GanzooError

# Root mean square to which recordings are scaled, so that no network has to know how loud a microphone was.
LEVEL = 0.05
# Rumble below this frequency, in Hz, which many recordings have, is removed.
_LOWEST = 60.0
# Samples that the filter needs; shorter recordings are padded with silence.
_SHORTEST = 64
# Samples that are filtered at once, in double precision.
_BLOCK = 1 << 20


def at_level(sound: np.ndarray, rate: int) -> tuple[np.ndarray, float]:
    """(the sound without rumble below 60 Hz at a root mean square of 0.05, the gain that was applied).

    Args:
        sound: float (samples,); fewer than 64 are padded with silence.
        rate: sample rate in Hz.

    Example:
        from ganzoo.data.cepstra import at_level

        sound, gain = at_level(np.sin(np.arange(16_000) / 5), 16_000)       # float32 (16000,), 0.07
    """
    sound = np.asarray(sound, "float32")
    sound = _without_rumble(of_length(sound, max(_SHORTEST, len(sound))), rate)
    gain = LEVEL / level(sound)
    sound *= gain
    return sound, gain


def _without_rumble(sound: np.ndarray, rate: int) -> np.ndarray:
    """`scipy.signal.sosfiltfilt` of float32 (samples,), whose memory does not grow beyond one copy of the sound."""
    from scipy.signal import butter, sosfilt, sosfilt_zi

    sections = butter(4, _LOWEST, "high", fs=rate, output="sos")
    # As there: both ends are continued by their own samples, turned by half a turn.
    edge = 3 * (2 * len(sections) + 1)
    padded = np.pad(sound, edge, "reflect", reflect_type="odd")
    for direction in (padded, padded[::-1]):
        state = sosfilt_zi(sections) * direction[0]
        for start in range(0, len(direction), _BLOCK):
            block = direction[start : start + _BLOCK]
            block[:], state = sosfilt(sections, block.astype("float64"), zi=state)
    return padded[edge:-edge]


@data_function
def cepstra(
    source: str,
    sample_rate: AtLeastOne = 16_000,
    order: Annotated[int, Field(ge=2)] = 40,
    window: AtLeastOne = 128,
    batch_size: AtLeastOne = 32,
    seed: Seed = 0,
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.1,
    strict: bool = False,
) -> Feed:
    """A dataset of segments of the mel-cepstra of speech, in frames of 5 ms.

    Recordings are scaled to the same level, without rumble below 60 Hz, and analyzed once, before training. Segments
    are cut at random positions. An epoch has as many as would cover the speech once.

    Args:
        source: "folder:PATH" or "tfds:NAME[:SPLIT]", see `ganzoo.data.recordings.open_recordings`.
        sample_rate: in Hz; recordings with another rate are resampled.
        order: mel-cepstral coefficients, from 0 to order - 1.
        window: frames per segment; shorter recordings are extended by their last frame.
        batch_size: segments per batch.
        seed: of the order and the segments.
        held_out: share of the speakers that is held out for validation, as in `ganzoo.data.speech`.
        strict: raise an error for an unreadable file instead of skipping it with a warning.

    Returns:
        `tf.data.Dataset` of float32 (batch_size, window, order).

    Raises:
        GanzooError: a missing or empty source, recordings that are all silent, or the package pyworld is missing.

    Example:
        import ganzoo.data

        dataset = ganzoo.data.cepstra("folder:my_speech", window=64, batch_size=4)
        segments = next(iter(dataset))      # float32 (4, 64, 40)
    """
    found = open_recordings(source, sample_rate, strict)
    heard = [i for i, samples in enumerate(found.samples) if np.any(samples)]
    if not heard:
        raise GanzooError(f"{source}: all recordings are silent")
    names = [found.names[i] for i in heard]
    speakers = [speaker_of(name) for name in names]
    if len(set(speakers)) == 1:
        speakers = names
    known = sorted(set(speakers))
    chosen = {known[i] for i in held_out_indices(len(known), held_out)}
    analyzed = [
        analyze(at_level(found.samples[i], sample_rate)[0], sample_rate, order - 1, aperiodicity=False).cepstra
        for i in heard
    ]
    training = [i for i, speaker in enumerate(speakers) if speaker not in chosen]
    # Which recording the n-th segment of an epoch comes from.
    cells = np.repeat(training, [max(1, round(len(analyzed[i]) / window)) for i in training])

    def cut(rng, frames):
        spare = len(frames) - window
        if spare < 0:
            return np.pad(frames, ((0, -spare), (0, 0)), mode="edge")
        start = int(rng.integers(spare + 1))
        return frames[start : start + window]

    def make_batch(step, indices):
        rng = np.random.default_rng([seed, 7, int(step)])
        return np.stack([cut(rng, analyzed[cells[index]]) for index in indices])

    return Feed(
        count=len(cells),
        batch_size=batch_size,
        seed=seed,
        make_batch=make_batch,
        spec=((window, order), "float32"),
        source=source,
        validation=tuple(analyzed[i] for i, speaker in enumerate(speakers) if speaker in chosen),
        skipped=found.skipped,
    )
