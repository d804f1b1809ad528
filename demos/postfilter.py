"""The page of the models of mel-cepstra: hear and see speech with coarse spectra, with smooth ones, with texture
restored, and as it is."""

import functools
from typing import Any

import gradio as gr
import numpy as np

from ganzoo.data.audio import opened, read_audio, soundfile
from ganzoo.data.vowels import vowels
from ganzoo.errors import GanzooError
from ganzoo.inference.spectrogram import spectrogram

from .common import (
    LARGEST_SEED,
    ONE_AT_A_TIME,
    examples,
    finite_number,
    image,
    loaded,
    preset_choice,
    seed_number,
    shown_errors,
    shown_warning,
    trained_presets,
    whole_number,
)
from .files import folder, new_result, stem

MOST_SECONDS = 30
MOST_RATE, MOST_CHANNELS = 96_000, 8
NATURAL, SMOOTH = "natural speech", "over-smoothed speech"
_RATE = 16_000
_WIDTH = 500


@shown_errors
def restore(preset: str, path: str | None, given: str, strength: float, seed: int) -> list[Any]:
    """The sounds of all versions, then their spectrograms; None for those that over-smoothed speech does not have."""
    if not path:
        raise GanzooError("record or upload some speech first")
    strength = finite_number(strength, "the strength", 0, 2)
    seed = whole_number(seed, "the seed", 0, LARGEST_SEED)
    check(path)
    sound, rate = read_audio(path, MOST_SECONDS, warn=lambda message, kind: shown_warning(message))
    if not np.isfinite(sound).all():
        raise GanzooError("the recording contains values that are not finite")
    model, mono = loaded(preset), sound.mean(axis=1)
    restores = hasattr(model, "restore")
    made = {}
    if given == NATURAL or not restores:
        made["coarse"] = model.resynthesized(mono, rate, model.held_cepstra)
        made["smooth"] = model.smooth(mono, rate)
    if restores:
        made["restored"] = model.restore(mono, rate, strength, seed, smooth_first=given == NATURAL)
    made["given"] = mono
    # Players clip values above 1: one factor for all, so that they can be compared.
    loudest = max(1.0, *(float(np.abs(one).max()) for one in made.values()))
    sounds = [_written(made.get(name), loudest, rate, f"{stem(path)}-{name}") for name in versions_of(model)]
    return [*sounds, *(_shown(made.get(name), rate) for name in versions_of(model))]


def versions_of(model: Any) -> list[str]:
    """The versions that a page shows, in order."""
    return ["coarse", "smooth", *(["restored"] if hasattr(model, "restore") else []), "given"]


def check(path: str) -> None:
    """Checks by its header, without decoding it, that the page accepts a recording.

    Raises:
        GanzooError: too long, too many channels or too high a sample rate.
    """
    with opened(path) as recording:
        seconds = (recording.samples or 0) / recording.samplerate
        if seconds > MOST_SECONDS or recording.channels > MOST_CHANNELS or recording.samplerate > MOST_RATE:
            raise GanzooError(
                f"{seconds:.0f} seconds of {recording.channels} channels at {recording.samplerate} Hz are more than "
                f"the page's limits of {MOST_SECONDS} seconds, {MOST_CHANNELS} channels and {MOST_RATE} Hz: cut the "
                "recording, or use `ganzoo postfilter` on the command line"
            )


def _written(sound: np.ndarray | None, loudest: float, rate: int, name: str) -> str | None:
    """Writes a WAV file for the page and returns its path."""
    if sound is None:
        return None
    path = new_result(f"{name}.wav")
    soundfile().write(path, sound / loudest, rate, subtype="PCM_16")
    return str(path)


def _shown(sound: np.ndarray | None, rate: int) -> np.ndarray | None:
    """The spectrogram up to 8 kHz (or half the sample rate), with windows that blur the harmonics of the voice."""
    if sound is None:
        return None
    window = 2 ** round(np.log2(max(64, 0.012 * rate)))
    picture = spectrogram(sound, window=window, hop=max(1, len(sound) // _WIDTH))
    height = round(picture.shape[0] * min(1.0, _RATE / rate))
    return np.repeat(np.repeat(picture[-height:], 3, axis=2), max(1, 256 // height), axis=0)


@functools.cache
def _examples() -> list[str]:
    """Paths of synthetic vowels and of the same whispered, since no recordings ship with the package."""
    voiced = vowels(_RATE)
    noise = np.random.default_rng(0).standard_normal(len(voiced)).astype("float32")
    # Noise with the short-time spectra of the vowels.
    size, whispered = 256, np.zeros(len(voiced) + 512, "float32")
    window = np.sqrt(np.hanning(2 * size + 1)[:-1])
    for start in range(0, len(voiced) - 2 * size, size):
        part = slice(start, start + 2 * size)
        levels = np.abs(np.fft.rfft(voiced[part] * window))
        levels = np.convolve(levels, np.hanning(13) / np.hanning(13).sum(), "same")
        whispered[part] += np.fft.irfft(np.fft.rfft(noise[part] * window) * levels).astype("float32") * window
    paths = [folder() / f"example-{name}.wav" for name in ("vowels", "whispered")]
    for path, sound in zip(paths, (voiced, whispered[: len(voiced)])):
        soundfile().write(path, 0.9 * sound / np.abs(sound).max(), _RATE, subtype="PCM_16")
    return [str(path) for path in paths]


def page(model: str) -> list[dict[str, Any]]:
    """Adds the page to the surrounding `gr.Blocks` and returns the events to run when it is first shown."""
    preset = preset_choice(model)
    found = loaded(trained_presets(model)[0])
    restores = hasattr(found, "restore")
    with gr.Row():
        with gr.Column(scale=1):
            speech = gr.Audio(
                _examples()[0],
                label=f"Speech, up to {MOST_SECONDS} seconds",
                type="filepath",
                sources=["upload", "microphone"],
                buttons=["download"],
                elem_id=f"{model}-speech",
            )
            examples(_examples(), speech)
            given = gr.Radio(
                [NATURAL, SMOOTH],
                value=NATURAL,
                label="It is",
                info="Natural speech is made smooth first.",
                visible=restores,
                elem_id=f"{model}-given",
            )
            strength = gr.Slider(
                0,
                2,
                getattr(found, "strength", 1.0),
                step=0.05,
                label="Strength of the texture",
                visible=restores,
                elem_id=f"{model}-strength",
            )
            seed = seed_number(0, visible=restores, elem_id=f"{model}-seed")
            button = gr.Button("Restore" if restores else "Smooth", variant="primary", elem_id=f"{model}-restore")
        with gr.Column(scale=3), gr.Row():
            sounds, images = [], []
            for name in versions_of(found):
                with gr.Column(min_width=240):
                    label = {"coarse": "Coarse spectra", "smooth": "Smooth spectra", "restored": "Restored"}
                    shown = label.get(name, "The recording")
                    sounds.append(
                        gr.Audio(label=shown, interactive=False, buttons=["download"], elem_id=f"{model}-{name}")
                    )
                    images.append(image(f"{shown}: spectrogram", show_label=False, elem_id=f"{model}-{name}-image"))
    event = dict(
        fn=restore, inputs=[preset, speech, given, strength, seed], outputs=[*sounds, *images], **ONE_AT_A_TIME
    )
    button.click(**event)
    return [event]
