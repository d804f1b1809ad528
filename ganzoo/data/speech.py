"""Pairs of noisy and clean speech."""

import re
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from ganzoo.config import AtLeastOne, Seed
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
# What a mixture may reach; louder ones are turned down as a whole.
_PEAK = 0.99
# One of several recordings of the same thing, as ESC-50 names them.
_TAKE = re.compile("-[A-Z]$")
# Of `augment`: shares of speed, and dB.
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
    """A data set of windows of noisy speech, each with the same speech clean.

    Real pairs are cut at random places. Clean speech is mixed anew every time: a random piece of one noise recording or
    of two at once, at a random signal-to-noise ratio and loudness. An epoch has as many windows as would cover the
    speech once.

    Args:
        source: "folder:PATH" or "tfds:NAME[:SPLIT]", see `ganzoo.data.recordings.open_recordings`: clean speech, or
            pairs in the subfolders noisy and clean. Files that libsndfile decodes, such as wav, flac, ogg and mp3, of
            any rate and number of channels.
        noise: the same kind of source, of noise; or "generated": from white to brown. Not for pairs.
        sample_rate: in Hz, of what is given.
        window: samples of an example.
        batch_size: windows per batch.
        seed: of everything drawn: the same seed gives the same batches.
        snr: lowest and highest signal-to-noise ratio of a mixture in dB, over the whole utterance.
        loudness: lowest and highest root mean square of an utterance, in dB of full scale; a full sine has -3.
        babble: share of the examples whose noise is several other speakers.
        generated: share of those whose noise is generated: from white to brown, steady or swelling.
        augment: speech and noise go through random filters, as through other microphones, and are played faster or
            slower: speech by up to 10 %, noise by up to 50 %.
        reverberation: share of the examples whose speaker is in a room; clean is then the same with the room's first
            50 ms alone.
        held_out: share of the speakers, and of the noise recordings, that is kept from training, for validation: evenly
            spaced in the order of their names, the same for every seed. A speaker is what stands before the first - or
            _ of a file's name, or else the topmost folder; where there is but one, utterances are kept. Takes of one
            noise (ESC's a-A and a-B) stay together.
        strict: a broken file is an error instead of being skipped with a warning; so is one that ends early, of which
            else what can be decoded is used.

    Returns:
        `tf.data.Dataset` of (noisy, clean), both float32 (batch_size, window, 1) in [-1, 1].

    Raises:
        GanzooError: a missing or empty source, clean speech without noise.

    Example:
        dataset = ganzoo.data.speech("folder:my_speech", noise="folder:my_noise", window=16384, batch_size=16)
    """
    for name, ends in (("snr", snr), ("loudness", loudness)):
        if ends[0] > ends[1]:
            raise GanzooError(f"{name} is (lowest, highest), got {tuple(ends)}")
    rate = sample_rate
    found = open_recordings(source, rate, strict)
    if found.noisy is not None and noise is not None:
        raise GanzooError(f"{source} holds noisy speech already: leave noise out")
    if found.noisy is None and noise is None:
        raise GanzooError(f"{source} holds clean speech alone: name noise to mix with it, noise='folder:PATH'")
    speakers = [_speaker(name) for name in found.names]
    if len(set(speakers)) == 1:
        speakers = found.names
    everybody = sorted(set(speakers))
    chosen = {everybody[i] for i in held_out_indices(len(everybody), held_out)}
    training = [i for i, speaker in enumerate(speakers) if speaker not in chosen]
    validation = [i for i, speaker in enumerate(speakers) if speaker in chosen]
    # Which utterance the n-th window of an epoch comes from.
    cells = np.repeat(training, [max(1, round(len(found.samples[i]) / window)) for i in training])
    noises, held_out_noises, skipped = [], [], ()
    if noise not in (None, GENERATED):
        recorded = open_recordings(noise, rate, strict)
        takes = [_TAKE.sub("", Path(name).with_suffix("").as_posix()) for name in recorded.names]
        clips = sorted(set(takes))
        held = {clips[i] for i in held_out_indices(len(clips), held_out)}
        apart = {i for i, take in enumerate(takes) if take in held}
        noises = [samples for i, samples in enumerate(recorded.samples) if i not in apart]
        held_out_noises = [samples for i, samples in enumerate(recorded.samples) if i in apart] or noises
        skipped = recorded.skipped
    # A long recording has more to give.
    chances = np.array([len(samples) for samples in noises], "float64") / max(1, sum(map(len, noises)))
    levels = [level(samples) for samples in found.samples]

    def cut(rng, i):
        """(noisy, clean) of a window of an utterance: what is shorter stands between silence."""
        if found.noisy is not None:
            factor = gain(rng.uniform(*loudness)) / levels[i]
            noisy, clean = _window(rng, [found.noisy[i], found.samples[i]], window)
            return _limited(noisy * factor, clean * factor)
        clean, own = found.samples[i], levels[i]
        if augment:
            played = at_speed(rng, clean, min(len(clean), window), _SPEECH_SPEED)
            clean = filtered(rng, played, _SPEECH_FILTER)
            # A window may hold a pause alone: the loudness is the utterance's, as far as the filter has changed it.
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
        # Drawn from all, since there may be many: some are too many, and of the speaker's own none is taken.
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
    """The same window of each sound, from a random place; shorter ones at a random place of silence."""
    spare = len(sounds[0]) - window
    if spare < 0:
        before = int(rng.integers(-spare + 1))
        return [np.pad(samples, (before, -spare - before)) for samples in sounds]
    start = int(rng.integers(spare + 1))
    return [samples[start : start + window] for samples in sounds]


def _limited(noisy, clean):
    """Both turned down where the mixture would clip."""
    peak = max(float(np.abs(noisy).max(initial=0.0)), float(np.abs(clean).max(initial=0.0)))
    factor = min(1.0, _PEAK / peak) if peak else 1.0
    return (noisy * factor).astype("float32"), (clean * factor).astype("float32")


def _speaker(name):
    place, stem = Path(name), Path(name).stem
    return re.split("[-_]", stem)[0] if re.search("[-_]", stem) else place.with_suffix("").parts[0]
