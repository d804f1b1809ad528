"""Recordings of all kinds of files, through soundfile and, where its operations load, through tensorflow-io."""

import io
import struct
import tracemalloc
import warnings

import numpy as np
import pytest
from scipy.signal import firwin, lfilter

import ganzoo
from ganzoo.data import audio, native_audio, recording_files

soundfile = pytest.importorskip("soundfile")
pytest.importorskip("soxr")
KINDS = [
    ("wav", "PCM_16"),
    ("wav", "PCM_24"),
    ("wav", "FLOAT"),
    ("wav", "PCM_U8"),
    ("flac", "PCM_16"),
    ("flac", "PCM_24"),
]
KINDS += [("ogg", "VORBIS"), ("mp3", "MPEG_LAYER_III")]


def tone(rate, seconds=1.0, hertz=440.0):
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


@pytest.fixture
def files(tmp_path):
    """The same tone in many formats, rates and numbers of channels."""
    paths = []
    for i, (suffix, depth) in enumerate(KINDS):
        for rate, channels in ((16000, 1), (44100, 2), (8000, 1)):
            path = tmp_path / f"{i}-{rate}.{suffix}"
            soundfile.write(path, np.repeat(tone(rate)[:, None], channels, axis=1), rate, subtype=depth)
            paths.append(path)
    return paths


def test_every_format_rate_and_channel_count_is_the_same_tone(files):
    found, broken = audio.read_all(files, 16000)
    assert not broken
    for path, samples in zip(files, found):
        assert abs(len(samples) - 16000) <= 1600, path.name  # mp3 and its padding
        spectrum = np.abs(np.fft.rfft(samples[2000:10000] * np.hanning(8000)))
        assert spectrum.argmax() == 220, path.name
        assert np.sqrt(np.mean(samples[2000:10000] ** 2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.03), path.name
        if path.suffix != ".mp3":
            np.testing.assert_allclose(samples[2000:10000], tone(16000)[2000:10000], atol=0.02, err_msg=path.name)


def test_both_paths_give_the_same_samples(files, shared):
    """The bound of the module's first lines: -60 dB below 80% of the lower Nyquist frequency."""
    if native_audio.tensorflow_io() is None:
        pytest.skip("tensorflow-io's native operations do not load beside this TensorFlow")
    paths = [*files, *audio.audio_files(shared / "noise" / "blanket"), *audio.audio_files(shared / "speech")[:8]]
    native = native_audio.read_natively(paths, 16000)
    assert {path.suffix for path in native} == {".wav", ".flac", ".ogg", ".mp3"}
    other, broken = audio.read_all(native, 16000, native=False)
    assert not broken
    for (path, ours), theirs in zip(native.items(), other):
        assert abs(len(ours) - len(theirs)) <= 1, path
        length = min(len(ours), len(theirs))
        lowest = min(16000, soundfile.info(str(path)).samplerate)
        low = firwin(401, 0.4 * lowest, fs=16000)
        # The middle: a recording that ends at full loudness leaves each resampler with its own guess of what follows.
        ours, theirs = (lfilter(low, [1.0], sound[:length])[800:-800] for sound in (ours, theirs))
        assert np.sum((ours - theirs) ** 2) < 1e-6 * np.sum(theirs**2), path


def test_broken_files_are_named_and_left_out(tmp_path):
    good = tmp_path / "good.wav"
    soundfile.write(good, tone(16000), 16000)
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "cut.flac").write_bytes(b"fLaC" + bytes(40))
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16000)
    soundfile.write(tmp_path / "nan.wav", np.full(100, np.nan), 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "odd.wav", tone(16000), 500_000)
    soundfile.write(tmp_path / "one.wav", np.zeros(1), 48000)
    paths = audio.audio_files(tmp_path)
    found, broken = audio.read_all(paths, 16000)
    assert {path.name for path in broken} == {"text.wav", "cut.flac", "empty.wav", "nan.wav", "odd.wav", "one.wav"}
    assert [samples is not None for samples in found] == [path == good for path in paths]
    with pytest.raises(ganzoo.GanzooError, match="no such recording"):
        audio.read_audio(tmp_path / "none.wav")
    with pytest.raises(ganzoo.GanzooError, match="no such folder"):
        audio.audio_files(tmp_path / "none")


# Files whose header is not the truth. The sound is three seconds of a tone that grows, so that no two places are alike.

SOUND = (tone(16000, 3.0) * np.linspace(0.1, 1.0, 48000)).astype("float32")


def encoded(kind, subtype=None, rate=16000, sound=SOUND):
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format=kind, subtype=subtype)
    return file.getvalue()


def decoded(content):
    """How soundfile itself decodes an intact file."""
    with soundfile.SoundFile(io.BytesIO(content)) as file:
        return file.read(60000, dtype="float32")


def read(path, content):
    """(samples, messages) of a file with this content."""
    path.write_bytes(content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        samples, _ = audio.read_audio(path)
    assert all(issubclass(one.category, recording_files.EndsEarly) for one in caught)
    return samples[:, 0], [str(one.message) for one in caught]


@pytest.mark.parametrize("kind", ["wav", "rf64", "w64", "caf", "aiff", "au", "svx", "flac", "mp3"])
def test_of_a_cut_file_everything_that_is_there_is_read(tmp_path, kind):
    whole = encoded(kind.upper())
    intact, messages = read(tmp_path / f"whole.{kind}", whole)
    assert not messages
    assert len(intact) == 48000
    samples, messages = read(tmp_path / f"cut.{kind}", whole[: len(whole) // 2])
    assert 16000 < len(samples) < 32000
    np.testing.assert_allclose(samples[:-1200], intact[: len(samples) - 1200], atol=1e-6)
    assert len(messages) == 1
    assert f"promises 3.00 s, {len(samples) / 16000:.2f} s can be decoded" in messages[0]
    assert f"cut.{kind}" in messages[0]


def ogg_pages(content):
    """Where the pages of an intact Ogg file begin."""
    places = [0]
    while places[-1] < len(content):
        segments = content[places[-1] + 26]
        places.append(places[-1] + 27 + segments + sum(content[places[-1] + 27 :][:segments]))
    return places[:-1]


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_file_whose_end_is_missing_says_so(tmp_path, subtype):
    whole = encoded("OGG", subtype)
    # More pages than the few seconds take at a time.
    long = encoded("OGG", subtype, sound=np.tile(SOUND, 8))
    assert not read(tmp_path / "whole.ogg", whole)[1]
    pages = ogg_pages(long)
    for cut in (len(long) // 2, pages[len(pages) // 2], pages[-1], len(long) - 1):
        samples, messages = read(tmp_path / "cut.ogg", long[:cut])
        assert len(samples) > 48000
        assert len(messages) == 1
        assert f"ends early: {len(samples) / 16000:.2f} s can be decoded (its end is missing)" in messages[0]
    # Of two joined files the first is cut: everything else is there.
    samples, messages = read(tmp_path / "joined.ogg", long[: pages[-1]] + whole)
    assert len(samples) > 48000 + len(decoded(whole))
    assert len(messages) == 1
    assert "its end is missing" in messages[0]


@pytest.mark.parametrize("native", [False, True])
def test_training_and_native_decoding_see_that_an_end_is_missing(tmp_path, native):
    if native and native_audio.tensorflow_io() is None:
        pytest.skip("tensorflow-io does not load here")
    long = encoded("OGG", "VORBIS", sound=np.tile(SOUND, 8))
    (tmp_path / "cut.ogg").write_bytes(long[: ogg_pages(long)[-1]])
    messages = []
    audio.read_all(
        [tmp_path / "cut.ogg"], 16000, native=native, warn=lambda message, category: messages.append(message)
    )
    assert len(messages) == 1
    assert "its end is missing" in messages[0]


@pytest.mark.parametrize("kind", ["wav", "rf64", "w64", "caf", "aiff", "au", "flac", "ogg", "mp3"])
def test_files_joined_into_one_are_read_one_after_the_other(tmp_path, kind):
    first, second = encoded(kind.upper()), encoded(kind.upper(), sound=SOUND[20000:] / 2)
    samples, messages = read(tmp_path / f"joined.{kind}", first + second)
    assert not messages
    np.testing.assert_allclose(samples, np.concatenate([decoded(first), decoded(second)]), atol=1e-6)
    assert recording_files.promised(tmp_path / f"joined.{kind}") == (76000, 16000)


def test_what_is_joined_and_has_another_rate_is_said_to_be_missing(tmp_path):
    samples, messages = read(tmp_path / "two.flac", encoded("FLAC") + encoded("FLAC", rate=44100))
    assert len(samples) == 48000
    assert "3.00 s can be decoded (a different recording follows: 1 channels at 44100 Hz)" in messages[0]


def frames_of(content):
    """Lengths of the frames of an MP3 file of MPEG 2 at 16 kHz, which start at its beginning."""
    place, found = 0, []
    while place < len(content):
        rates = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
        found.append(72 * 1000 * rates[(content[place + 2] >> 4) - 1] // 16000 + (content[place + 2] >> 1 & 1))
        place += found[-1]
    return found


def test_an_mp3_without_a_count_of_frames_is_read_to_its_last_one(tmp_path):
    """libsndfile takes its length from the first frame: half of this one, whose bit rates differ."""
    tagged = encoded("MP3")
    lengths = frames_of(tagged)
    assert b"Xing" in tagged[: lengths[0]]
    plain = tagged[lengths[0] :]
    assert soundfile.info(io.BytesIO(plain)).frames < 30000
    samples, messages = read(tmp_path / "plain.mp3", plain)
    assert not messages
    assert len(samples) == 576 * (len(lengths) - 1)
    # The same sound, later by what encoder and decoder delay it, which only the first frame tells.
    intact = decoded(tagged)
    delay = min(range(2000), key=lambda place: np.abs(samples[place : place + 3000] - intact[:3000]).max())
    np.testing.assert_allclose(samples[delay : delay + 48000], intact, atol=1e-5)
    # From the middle of a frame on, between tags, and with a tagged file behind it.
    tag = b"ID3\x04\0\0" + bytes([0, 0, 2, 0]) + bytes(256)
    assert len(read(tmp_path / "cut.mp3", plain[100:])[0]) == 576 * (len(lengths) - 2)
    assert len(read(tmp_path / "tags.mp3", tag + tagged + b"TAG" + bytes(125) + tag + tagged)[0]) == 96000
    both, _ = read(tmp_path / "both.mp3", plain + tagged)
    np.testing.assert_array_equal(both[: len(samples)], samples)
    assert len(both) == len(samples) + 48000


def with_size(content, place, layout, value):
    return content[:place] + struct.pack(layout, value) + content[place + struct.calcsize(layout) :]


def test_sizes_that_a_writer_into_a_pipe_could_not_know(tmp_path):
    wav, au, caf, w64, flac = (encoded(kind) for kind in ("WAV", "AU", "CAF", "W64", "FLAC"))
    whole = decoded(wav)
    for riff in (0, 36, 0xFFFFFFFF):
        for size in (0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0x80000000):
            samples, messages = read(tmp_path / "a.wav", with_size(with_size(wav, 4, "<I", riff), 40, "<I", size))
            assert not messages, (riff, size)
            np.testing.assert_array_equal(samples, whole, err_msg=f"{riff} {size}")
    place = caf.index(b"data") + 4
    rf64 = encoded("RF64")
    aiff = encoded("AIFF")
    for name, content in (
        ("a.au", with_size(au, 8, ">I", 0)),
        ("b.au", with_size(au, 8, ">I", 0xFFFFFFFF)),
        ("a.caf", with_size(caf, place, ">q", -1)),
        ("a.w64", with_size(w64, w64.index(b"data") + 16, "<q", 24)),
        ("a.rf64", with_size(rf64, rf64.index(b"ds64") + 16, "<q", -1)),
        ("a.aiff", with_size(aiff, aiff.index(b"SSND") + 4, ">I", 8)),
        # The number of samples is the last 36 bits of 8 bytes.
        ("a.flac", flac[:21] + bytes([flac[21] & 0xF0]) + bytes(4) + flac[26:]),
    ):
        samples, messages = read(tmp_path / name, content)
        assert not messages, name
        np.testing.assert_array_equal(samples, whole if name != "a.flac" else decoded(flac), err_msg=name)
    assert recording_files.header(tmp_path / "a.flac") == recording_files.Header(None, 16000, 1)
    assert recording_files.promised(tmp_path / "a.flac") == (48000, 16000)
    # Nothing, and chunks behind nothing, are no sound.
    empty = encoded("WAV", sound=SOUND[:0])
    for content in (empty, empty + b"LIST" + struct.pack("<I", 4) + b"INFO"):
        with pytest.raises(ganzoo.GanzooError, match="holds no sound"):
            read(tmp_path / "empty.wav", content)


def test_a_size_that_has_lost_its_higher_bits(tmp_path):
    """A .wav of more than 4 GiB, of which the disk keeps the header alone."""
    path = tmp_path / "long.wav"
    with open(path, "wb") as file:
        file.write(with_size(encoded("WAV")[:44], 40, "<I", 1000))
        file.truncate(44 + 2**32 + 1000)
    assert recording_files.header(path).samples == (2**32 + 1000) // 2


def test_every_encoding_of_telephones_is_read(tmp_path):
    for subtype in soundfile.available_subtypes("WAV"):
        try:
            content = encoded("WAV", subtype, 8000)
        except soundfile.LibsndfileError:  # one that .wav can hold and libsndfile cannot write
            continue
        samples, messages = read(tmp_path / f"{subtype}.wav", content)
        assert not messages
        assert 48000 <= len(samples) <= 48480, subtype
        assert np.corrcoef(samples[:48000], SOUND)[0, 1] > 0.8, subtype


def test_a_header_alone_takes_no_memory(tmp_path):
    """Of hours in 1024 channels at the highest rate, and of sound that is not there."""
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        2**32 - 1,
        b"WAVE",
        b"fmt ",
        16,
        1,
        1024,
        384000,
        384000 * 2048,
        2048,
        16,
        b"data",
        2**31 - 2**20,
    )
    flac = encoded("FLAC")
    tracemalloc.start()
    try:
        for name, content in (
            ("a.wav", head + bytes(4096)),
            ("a.flac", flac[:21] + bytes([flac[21] & 0xF0]) + struct.pack(">I", 16000 * 3600 * 3) + flac[26:]),
        ):
            samples, messages = read(tmp_path / name, content)
            assert len(messages) == 1, name
            assert len(samples) in (2, 48000), name
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()
    assert recording_files.header(tmp_path / "a.wav").channels == 1024
    assert recording_files.estimated(tmp_path / "a.flac")[0] <= 64 * len(flac)
    soundfile.write(tmp_path / "b.wav", SOUND, 16000)
    with pytest.raises(ganzoo.GanzooError, match="longer than"):
        audio.read_audio(tmp_path / "b.wav", longest=2)


def test_recordings_that_no_decoder_opens_are_named_with_the_way_out(tmp_path):
    (tmp_path / "my phone.m4a").write_bytes(struct.pack(">I", 28) + b"ftypM4A " + bytes(100))
    (tmp_path / "talk.webm").write_bytes(b"\x1aE\xdf\xa3" + bytes(100))
    (tmp_path / "both.aac").write_bytes(b"\xff\xf1" + bytes(100))
    (tmp_path / "notes.txt").write_text("not a recording")
    for name, kind in (("both.wav", "WAV"), ("a.W64", "W64"), ("b.caf", "CAF"), ("c.au", "AU"), ("d.opus", "OGG")):
        (tmp_path / name).write_bytes(encoded(kind, "OPUS" if name == "d.opus" else None))
    paths = audio.audio_files(tmp_path)
    # What was converted already counts once.
    assert [path.name for path in paths] == [
        "a.W64",
        "b.caf",
        "both.wav",
        "c.au",
        "d.opus",
        "my phone.m4a",
        "talk.webm",
    ]
    found, broken = audio.read_all(paths, 16000)
    assert [len(samples) for samples in found[:5]] == [48000] * 5
    assert "it is MP4" in broken[paths[5]]
    assert "ffmpeg -i 'my phone.m4a' 'my phone.wav'" in broken[paths[5]]
    assert "it is WebM or Matroska" in broken[paths[6]]
