"""Enhancement of speech while it arrives: the whole recording's result, in time, at all frequencies."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import ganzoo
from ganzoo.cli import main
from ganzoo.inference.enhancement_stream import EnhancementStream, Settings
from ganzoo.inference.overlap import Windows
from ganzoo.inference.recordings import enhance_pipe

pytest.importorskip("soxr")


@pytest.fixture(scope="module")
def model():
    """A network that does something: the shipped one, with one time shift."""
    found = ganzoo.load("segan")
    found.num_shifts = 1
    return found


def noise(length, *channels, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal((length, *channels))).astype("float32")


def in_blocks(stream, sound, sizes):
    """The parts that the stream returns for blocks of these sizes, over and over, and the rest."""
    parts, start, place = [], 0, 0
    while start < len(sound):
        block = sound[start : start + sizes[place % len(sizes)]].copy()
        parts.append(stream.push(block))
        # The callbacks of sound cards use one array again and again.
        block[:] = 1.0
        start, place = start + sizes[place % len(sizes)], place + 1
    return [*parts, stream.finish()]


@pytest.mark.parametrize(("rate", "channels"), [(16000, ()), (16000, (2,)), (44100, ()), (8000, ())])
def test_blocks_give_what_the_whole_recording_gives(model, rate, channels):
    sound = noise(3 * rate, *channels)
    whole = model.enhance(sound, rate)
    parts = in_blocks(model.stream(rate, block=0.2), sound, (777, 0, 1, 4096))
    found = np.concatenate(parts)
    assert found.shape == sound.shape
    np.testing.assert_allclose(found, whole, atol=1e-5 * np.abs(whole).max())


@pytest.mark.parametrize("rate", [16000, 22050, 48000])
@pytest.mark.parametrize(("block", "context"), [(0.1, None), (0.5, 0.05), (0.01, 0.0)])
def test_output_comes_within_the_stated_latency(rate, block, context):
    model = ganzoo.create("segan", widths=(2, 2), kernel_size=5, stride=4, window=4096, output="residual")
    stream = model.stream(rate, block, context)
    received = returned = 0
    latest = 0.0
    for size in 60 * (160, 441, 7):
        # The first sample of a block has waited for it.
        received += size
        latest = max(latest, (received - returned) / rate)
        returned += len(stream.push(np.zeros(size, "float32")))
    assert latest <= stream.latency + 441 / rate
    assert latest > 0.5 * stream.latency - 441 / rate
    assert model.stream(rate, block, 0.0).latency <= stream.latency
    assert returned + len(stream.finish()) == received


def tones(rate, seconds=1.0, **amplitudes):
    time = np.arange(int(seconds * rate)) / rate
    return sum(amplitude * np.sin(2 * np.pi * int(name[1:]) * time) for name, amplitude in amplitudes.items())


def amplitude(sound, rate, frequency):
    middle = sound[len(sound) // 4 : -len(sound) // 4]
    time = np.arange(len(middle)) / rate
    return 2 * abs(np.mean(middle * np.exp(-2j * np.pi * frequency * time)))


@pytest.mark.parametrize("gain", [0.0, 0.25, 1.0])
def test_frequencies_above_the_network_get_the_gain_below(gain):
    """Above 8 kHz the gain at 5 kHz, whatever happens at 1 kHz."""
    rate, windows = 48000, Windows(160)
    sound = tones(rate, f1000=0.2, f5000=0.1, f12000=0.05).astype("float32")
    stream = EnhancementStream(lambda part: gain * part, rate, Settings(16000, windows))
    found = np.concatenate(in_blocks(stream, sound, (480,)))
    for frequency, before in ((1000, 0.2), (5000, 0.1), (12000, 0.05)):
        assert amplitude(found, rate, frequency) == pytest.approx(gain * before, abs=2e-4)
    if gain == 1:
        # What the network leaves as it is stays as it is.
        np.testing.assert_allclose(found, sound, atol=1e-5)
    stream = EnhancementStream(lambda part: gain * part, rate, Settings(16000, windows, keep_high=False))
    assert amplitude(np.concatenate(in_blocks(stream, sound, (480,))), rate, 12000) < 1e-4


def test_the_gain_never_amplifies():
    rate = 48000
    sound = tones(rate, f5000=0.1, f12000=0.05).astype("float32")
    stream = EnhancementStream(lambda part: 3 * part, rate, Settings(16000, Windows(160)))
    found = np.concatenate(in_blocks(stream, sound, (480,)))
    assert amplitude(found, rate, 5000) == pytest.approx(0.3, rel=1e-3)
    assert amplitude(found, rate, 12000) == pytest.approx(0.05, rel=1e-2)


def test_wrong_blocks_and_settings_get_one_line(model):
    stream = model.stream(16000)
    assert stream.finish().shape == (0,)
    stream.push(noise(10))
    with pytest.raises(ganzoo.GanzooError, match=r"shape \(10, 2\), expected \(samples, 1\)"):
        stream.push(noise(10, 2))
    assert len(stream.finish()) == 10
    with pytest.raises(ganzoo.GanzooError, match="the stream is finished"):
        stream.push(noise(10))
    for settings in ({"block": -1}, {"context": 11}, {"block": float("nan")}, {"context": "1"}):
        with pytest.raises(ganzoo.GanzooError, match=f"{next(iter(settings))} must lie between 0 and 10 seconds"):
            model.stream(16000, **settings)
    for num_shifts in (0, model.hop + 1, True):
        with pytest.raises(ganzoo.GanzooError, match="num_shifts must be an integer from 1 to 1024"):
            model.stream(16000, num_shifts=num_shifts)
    with pytest.raises(ganzoo.GanzooError, match="sample_rate must be an integer"):
        model.stream(3)
    far = ganzoo.create("segan", widths=(2, 2), kernel_size=31, stride=4, window=64, output="residual")
    assert far.stream(16000).latency < 0.01
    with pytest.raises(ganzoo.GanzooError, match="leave out block and context"):
        far.stream(16000, block=0.1)


def test_a_pipe_of_samples_in_and_out(model):
    """Two channels; the last byte is no sample."""
    sound = np.clip(noise(8000, 2) * 32768, -32768, 32767).astype("<i2")
    target = io.BytesIO()
    enhance_pipe(model.stream(16000), io.BytesIO(sound.tobytes() + b"x"), target, channels=2)
    found = np.frombuffer(target.getvalue(), "<i2").reshape(-1, 2)
    expected = model.enhance(sound, 16000) * 32768
    assert np.abs(found - expected).max() <= 0.51


def test_the_command_streams_from_standard_input_to_standard_output(model):
    sound = np.clip(noise(12000) * 32768, -32768, 32767).astype("<i2")
    arguments = ["enhance", "--stream", "--rate", "48000", "--num-shifts", "1", "--precision", "float32"]
    result = CliRunner().invoke(main, arguments, input=sound.tobytes())
    assert result.exit_code == 0, result.output
    found = np.frombuffer(result.stdout_bytes, "<i2")
    assert np.abs(found - model.enhance(sound, 48000) * 32768).max() <= 0.51
    assert result.stderr.startswith("latency 0.")
    for wrong, words in (
        (["enhance", "--stream", "a.wav"], "leave out IN and OUT"),
        (["enhance", "a.wav", "b.wav", "--rate", "8000"], "--rate is an option of --stream"),
        (["enhance", "a.wav"], "Missing argument 'OUT'"),
        (["enhance"], "Missing argument 'IN'"),
    ):
        result = CliRunner().invoke(main, wrong)
        assert result.exit_code == 2, result.output
        assert words in result.output


@pytest.mark.skipif(sys.platform == "win32", reason="pipes close differently")
def test_a_reader_that_leaves_is_no_error(model):
    class Closed(io.RawIOBase):
        def write(self, data):
            raise BrokenPipeError

    enhance_pipe(model.stream(16000), io.BytesIO(bytes(64000)), Closed())


class Interrupted(io.BytesIO):
    """Ctrl-C while it waits for more."""

    def read1(self, size=-1):
        data = super().read1(size)
        if not data:
            raise KeyboardInterrupt
        return data


def test_ctrl_c_ends_the_input_and_the_rest_is_written(model):
    target = io.BytesIO()
    enhance_pipe(model.stream(16000), Interrupted(bytes(40000)), target)
    assert len(target.getvalue()) == 40000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_pipes_that_fail_get_one_line(model, tmp_path):
    with (
        open("/dev/full", "wb", buffering=0) as full,
        pytest.raises(ganzoo.GanzooError, match="cannot write the output: No space left"),
    ):
        enhance_pipe(model.stream(16000), io.BytesIO(bytes(64000)), full)
    with (
        open(tmp_path / "out", "wb", buffering=0) as write_only,
        pytest.raises(ganzoo.GanzooError, match="cannot read the input"),
    ):
        enhance_pipe(model.stream(16000), write_only, io.BytesIO())


def test_blocks_are_of_any_type_and_finite():
    blocks = np.random.default_rng(0).integers(-9000, 9000, (3, 1600), "int16")

    def stream():
        return EnhancementStream(lambda part: part, 16_000, Settings(16_000, Windows(160)))

    sounds = []
    for given in (blocks, blocks.astype("float32") / 32768):
        one = stream()
        sounds.append(np.concatenate([*(one.push(block) for block in given), one.finish()]))
    assert np.abs(sounds[0]).max() < 1
    np.testing.assert_allclose(sounds[0], sounds[1], atol=1e-6)
    with pytest.raises(ganzoo.GanzooError, match="not finite"):
        stream().push(np.array([0.0, np.nan], "float32"))
