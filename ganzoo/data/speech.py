"""Pairs of noisy and clean speech."""

import re
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from ganzoo.arguments import AtLeastOne, Seed
from ganzoo.data.feed import Feed, data_function, held_out_indices
from ganzoo.data.recordings import (
    at_speed,
    colored_noise,
    filtered,
    gain,
    in_room,
    level,
    open_recordings,
    room,
    segment,
    swelling,
)
from ganzoo.errors import GanzooError

Share = Annotated[float, Field(ge=0, le=1)]
Decibels = Annotated[float, Field(ge=-120, le=120)]
# Largest peak of a mixture; louder ones are scaled down.
_PEAK = 0.99
# Suffix of ESC-50's names for several takes of the same recording.
_TAKE = re.compile("-[A-Z]$")
# Limits of `augment`: relative change of speed, and dB of the filters.
_SPEECH_SPEED, _NOISE_SPEED = 0.1, 0.5
_SPEECH_FILTER, _NOISE_FILTER = 4.0, 12.0
GENERATED = "generated"


@data_function
def speech(
    source: str,
    noise: str | None = None,
    sample_rate: AtLeastOne = 16_000,
    window: AtLeastOne = 16_384,
    batch_size: AtLeastOne = 16,
    seed: Seed = 0,
    snr: tuple[Decibels, Decibels] = (0.0, 20.0),
    loudness: tuple[Decibels, Decibels] = (-38.0, -18.0),
    babble: Share = 0.0,
    generated: Share = 0.0,
    augment: bool = True,
    reverberation: Share = 0.0,
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.1,
    strict: bool = False,
) -> Feed:
    """A dataset of windows of noisy speech, each with the same speech clean.

    Real pairs are cut at random positions. Clean speech is mixed with new noise every time: a random segment of one or
    two noise recordings, at a random signal-to-noise ratio and loudness. An epoch has as many windows as would cover
    the speech once.

    Args:
        source: "folder:PATH" or "tfds:NAME[:SPLIT]", see `ganzoo.data.recordings.open_recordings`: clean speech, or
            pairs in the subfolders noisy and clean. Any file that libsndfile decodes, such as wav, flac, ogg and mp3,
            with any sample rate and number of channels.
        noise: a source of noise of the same form, or "generated": synthetic noise from white to brown. Not for pairs.
        sample_rate: sample rate of the examples in Hz.
        window: samples per example.
        batch_size: windows per batch.
        seed: seed of everything random: the same seed gives the same batches.
        snr: lowest and highest signal-to-noise ratio of a mixture in dB, over the whole utterance.
        loudness: lowest and highest root mean square of an utterance, in dB of full scale; a full-scale sine has -3.
        babble: fraction of the examples whose noise is several other speakers.
        generated: fraction of the examples whose noise is synthetic: from white to brown, steady or varying in level.
        augment: apply random filters to speech and noise, like other microphones, and change their speed, of speech by
            up to 10%, of noise by up to 50%.
        reverberation: fraction of the examples with a simulated room; the clean speech then has only the first 50 ms
            of the room's response.
        held_out: fraction of the speakers, and of the noise recordings, that is held out for validation: evenly spaced
            in the order of their names, the same for every seed. The speaker is the part of a file's name before the
            first - or _, or else the topmost folder. If there is only one speaker, utterances are held out. Takes of
            the same noise (ESC's a-A and a-B) stay together.
        strict: raise an error for an unreadable file instead of skipping it with a warning, and for a file that ends
            early instead of using the part that can be decoded.

    Returns:
        `tf.data.Dataset` of (noisy, clean), both float32 (batch_size, window, 1) in [-1, 1].

    Raises:
        GanzooError: a missing or empty source, clean speech without noise.

    Example:
        import ganzoo.data

        dataset = ganzoo.data.speech("folder:my_speech", noise="folder:my_noise", window=4096, batch_size=8)
        noisy, clean = next(iter(dataset))     # float32 (8, 4096, 1) each
    """
    for name, ends in (("snr", snr), ("loudness", loudness)):
        if ends[0] > ends[1]:
            raise GanzooError(f"{name} is (lowest, highest), got {tuple(ends)}")
    rate = sample_rate
    found = open_recordings(source, rate, strict)
    if found.noisy is not None and noise is not None:
        raise GanzooError(f"{source} already holds noisy speech: omit noise")
    if found.noisy is None and noise is None:
        raise GanzooError(f"{source} holds only clean speech: give noise to mix with it, noise='folder:PATH'")
    speakers = [speaker_of(name) for name in found.names]
    if len(set(speakers)) == 1:
        speakers = found.names
    all_speakers = sorted(set(speakers))
    chosen = {all_speakers[i] for i in held_out_indices(len(all_speakers), held_out)}
    training = [i for i, speaker in enumerate(speakers) if speaker not in chosen]
    validation = [i for i, speaker in enumerate(speakers) if speaker in chosen]
    # Which utterance the n-th window of an epoch comes from.
    cells = np.repeat(training, [max(1, round(len(found.samples[i]) / window)) for i in training])
    noises: list[np.ndarray] = []
    held_out_noises: list[np.ndarray] = []
    skipped: tuple[str, ...] = ()
    if noise not in (None, GENERATED):
        recorded = open_recordings(noise, rate, strict)
        takes = [_TAKE.sub("", Path(name).with_suffix("").as_posix()) for name in recorded.names]
        clips = sorted(set(takes))
        held = {clips[i] for i in held_out_indices(len(clips), held_out)}
        apart = {i for i, take in enumerate(takes) if take in held}
        noises = [samples for i, samples in enumerate(recorded.samples) if i not in apart]
        held_out_noises = [samples for i, samples in enumerate(recorded.samples) if i in apart] or noises
        skipped = recorded.skipped
    # Recordings are chosen in proportion to their length.
    chances = np.array([len(samples) for samples in noises], "float64") / max(1, sum(map(len, noises)))
    levels = [level(samples) for samples in found.samples]

    def cut(rng, i):
        """(noisy, clean) of a window of an utterance; a shorter utterance is padded with silence."""
        if found.noisy is not None:
            factor = gain(rng.uniform(*loudness)) / levels[i]
            noisy, clean = _window(rng, [found.noisy[i], found.samples[i]], window)
            return _limited(noisy * factor, clean * factor)
        clean, own = found.samples[i], levels[i]
        if augment:
            played = at_speed(rng, clean, min(len(clean), window), _SPEECH_SPEED)
            clean = filtered(rng, played, _SPEECH_FILTER)
            # The loudness is the utterance's, corrected for the filter, since a window may be only a pause.
            own *= level(clean) / level(played)
        (clean,) = _window(rng, [clean], window)
        heard, dry = clean, level(clean)
        if rng.random() < reverberation:
            response, early = room(rng, rate)
            heard, clean = in_room(response, clean), in_room(early, clean)
            own *= level(heard) / dry
        din = random_noise(rng, i)
        din = din * (own / level(din) / gain(rng.uniform(*snr)))
        factor = gain(rng.uniform(*loudness)) / own
        return _limited((heard + din) * factor, clean * factor)

    def random_noise(rng, i):
        kind, several = rng.random(), int(rng.integers(3, 8))
        # Samples too many utterances, then drops those of the same speaker: there may be too many to filter them first.
        crowd = [j for j in rng.choice(training, 4 * several) if speakers[j] != speakers[i]][:several]
        if kind < babble and crowd:
            pieces = [segment(rng, found.samples[j], window) for j in crowd]
            din = sum(piece / level(piece) * gain(rng.uniform(-6.0, 0.0)) for piece in pieces)
        elif kind < babble + generated or not noises:
            din = colored_noise(rng, window)
            din = swelling(rng, din, rate) if rng.random() < 0.5 else din
        else:
            both = rng.choice(len(noises), int(rng.integers(1, 3)), p=chances)
            pieces = [at_speed(rng, noises[j], window, _NOISE_SPEED if augment else 0.0) for j in both]
            din = sum(piece / level(piece) * gain(rng.uniform(-10.0, 0.0)) for piece in pieces)
        return filtered(rng, din, _NOISE_FILTER) if augment else din

    def make_batch(step, indices):
        rng = np.random.default_rng([seed, 4, int(step)])
        pairs = np.stack([np.stack(cut(rng, cells[index])) for index in indices])
        return pairs[:, 0, :, None], pairs[:, 1, :, None]

    def held_out_pair(place, i):
        if found.noisy is not None:
            return found.noisy[i], found.samples[i]
        rng = np.random.default_rng([5, place])
        clean = found.samples[i]
        din = segment(rng, held_out_noises[place % len(held_out_noises)], len(clean)) if held_out_noises else None
        din = colored_noise(rng, len(clean)) if din is None else din
        ratios = np.linspace(*snr, 4) if len(validation) > 3 else [np.mean(snr)]
        din = din * (levels[i] / level(din) / gain(ratios[place % len(ratios)]))
        return _limited(clean + din, clean)

    return Feed(
        count=len(cells),
        batch_size=batch_size,
        seed=seed,
        make_batch=make_batch,
        spec=[((window, 1), "float32"), ((window, 1), "float32")],
        source=source,
        validation=tuple(held_out_pair(place, i) for place, i in enumerate(validation)),
        skipped=(*found.skipped, *skipped),
    )


def _window(rng, sounds, window):
    """The same random window of each signal; shorter signals are padded with silence at a random position."""
    spare = len(sounds[0]) - window
    if spare < 0:
        before = int(rng.integers(-spare + 1))
        return [np.pad(samples, (before, -spare - before)) for samples in sounds]
    start = int(rng.integers(spare + 1))
    return [samples[start : start + window] for samples in sounds]


def _limited(noisy, clean):
    """Both signals, scaled down if one of them would clip."""
    peak = max(float(np.abs(noisy).max(initial=0.0)), float(np.abs(clean).max(initial=0.0)))
    factor = min(1.0, _PEAK / peak) if peak else 1.0
    return (noisy * factor).astype("float32"), (clean * factor).astype("float32")


def speaker_of(name: str) -> str:
    """The speaker of a recording: the part of its file's name before the first - or _, or else its topmost folder.

    Example:
        from ganzoo.data.speech import speaker_of

        [speaker_of(name) for name in ("103-1240-0000.flac", "ana/7.wav")]      # ["103", "ana"]
    """
    place, stem = Path(name), Path(name).stem
    return re.split("[-_]", stem)[0] if re.search("[-_]", stem) else place.with_suffix("").parts[0]
