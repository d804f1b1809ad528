"""The web page under requests that no browser showing it would send: real HTTP on loopback."""

import asyncio
import functools
import gzip
import io
import json
import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo.data.vowels import vowels
from ganzoo.errors import GanzooError
from ganzoo.registry import model_class

pytest.importorskip("gradio")
pytest.importorskip("uvicorn")

from ganzoo.demos import cgan, common, gate, segan
from ganzoo.demos.page_cache import PageCache


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_the_page_names_the_address_it_was_asked_by(visitor):
    """Though it is made once for all visitors, and compressed for those who can read it."""

    def page(**headers):
        status, content, answered = visitor.ask("/", **headers)
        assert status == 200
        return content, answered.get("content-encoding")

    here, encoding = page()
    assert encoding is None
    assert visitor.address.encode() in here
    assert page() == (here, None)
    there, _ = page(Host="demo.example.org")
    assert b"http://demo.example.org" in there
    assert visitor.address.encode() not in there
    behind_a_proxy, _ = page(Host="demo.example.org", X_Forwarded_Proto="https")
    assert b"https://demo.example.org" in behind_a_proxy
    packed, encoding = page(Accept_Encoding="gzip")
    assert encoding == "gzip"
    assert gzip.decompress(packed) == here
    assert len(packed) < len(here) / 5
    assert json.loads(visitor.ask("/config")[1])["root"] == visitor.address
    assert page() == (here, None)


def test_cards_show_images_that_are_served(visitor):
    page = visitor.ask("/")[1].decode()
    paths = re.findall(r"samples/\w+\.png", page)
    assert len(paths) > 15
    assert "data:image/png" not in page
    for path in paths:
        status, content, headers = visitor.ask(f"/{path}")
        assert (status, headers["content-type"]) == (200, "image/png")
        Image.open(io.BytesIO(content)).verify()
    for path in ("missing.png", "dcgan.gif", "../hub.py", "%2e%2e/hub.py", ""):
        assert visitor.ask(f"/samples/{path}")[0] == 404


def test_a_page_is_made_once_and_a_failure_is_not_kept():
    made = []

    async def app(scope, receive, send):
        made.append(scope["path"])
        status = 500 if len(made) == 1 else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        for part, more in ((b"a", True), (b"b", False)):
            await send({"type": "http.response.body", "body": part, "more_body": more})

    def ask(path="/", **more):
        sent = []

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "scheme": "http", "headers": []}
        asyncio.run(cache({**scope, **more}, None, send))
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)

    cache = PageCache(app)
    assert [ask(), ask(), ask()] == [(500, b"ab"), (200, b"ab"), (200, b"ab")]
    assert len(made) == 2
    # Not what depends on more, or is no page.
    for more in (dict(query_string=b"view=api"), dict(method="HEAD"), dict(path="/theme.css")):
        before = len(made)
        ask(**more), ask(**more)
        assert len(made) == before + 2
    # Nor more pages than a few.
    for i in range(100):
        ask(headers=[(b"host", b"%d" % i)])
    before = len(made)
    ask(headers=[(b"host", b"99")]), ask(headers=[(b"host", b"0")])
    assert len(made) == before + 1


def test_an_upload_comes_back_larger(visitor, sent):
    from ganzoo.demos import srgan

    small = np.random.default_rng(0).integers(0, 256, (8, 9, 3), dtype="uint8")
    _, path = visitor.upload("mine.png", png(small))
    messages, data = visitor.run(visitor.event(srgan.upscale), ["srresnet.photos_x4", sent(path)])
    assert messages == []
    status, content, _ = visitor.ask("/gradio_api/file=" + data[2]["path"])
    assert status == 200
    assert Image.open(io.BytesIO(content)).size == (36, 32)


def test_choices_of_another_preset_are_accepted_once_it_is_chosen(visitor, sent):
    soundfile = pytest.importorskip("soundfile")
    pytest.importorskip("pyworld")
    from ganzoo.demos import cyclegan_vc

    convert, session = visitor.event(cyclegan_vc.convert), uuid.uuid4().hex
    direction = visitor.blocks.fns[convert].inputs[1]
    choose = next(number for number, event in visitor.blocks.fns.items() if list(event.outputs) == [direction])
    buffer = io.BytesIO()
    soundfile.write(buffer, vowels(16_000)[:8000], 16_000, format="WAV")
    _, path = visitor.upload("mine.wav", buffer.getvalue())
    chosen = ["cyclegan_vc.voices", "ls19_female_to_ls26_male", sent(path)]
    assert "is not one of george_to_jackson" in visitor.run(convert, chosen, session)[0][0]
    visitor.run(choose, chosen[:1], session)
    messages, data = visitor.run(convert, chosen, session)
    assert messages == []
    assert data[0]["path"].endswith(".wav")
    # Not for others.
    assert "is not one of george_to_jackson" in visitor.run(convert, chosen)[0][0]


def test_no_page_opens_with_more_jobs_than_a_visitor_may_have(visitor):
    opening = {}
    for event in visitor.blocks.fns.values():
        for block, trigger in event.targets:
            if trigger in ("select", "load") and event.queue and event.concurrency_limit == 1:
                opening.setdefault((block, trigger), []).append(event.fn)
    assert len(opening) > 8
    assert max(map(len, opening.values())) <= gate.MOST_WAITING


def test_a_model_that_several_visitors_ask_for_is_loaded_once():
    preset, begin = "dcgan.digits", threading.Barrier(4)
    common._cached_load.cache_clear()

    def load():
        begin.wait()
        return common.loaded(preset)

    with ThreadPoolExecutor(max_workers=4) as pool:
        assert len({id(model.result()) for model in [pool.submit(load) for _ in range(4)]}) == 1


def test_parallel_visitors_get_their_own_results(visitor, monkeypatch, sent):
    """All of them upload files of the same name, and more of them than the queue holds."""
    from ganzoo.demos import srgan

    soundfile = pytest.importorskip("soundfile")
    model = ganzoo.create("segan", **{**model_class("segan").test_config, "output": "residual"})
    kernel = model.ema_generator.get_layer("sound").kernel
    kernel.assign(0 * kernel)
    monkeypatch.setattr(segan, "loaded", lambda preset: model)
    upscaling, enhancing = visitor.event(srgan.upscale), visitor.event(segan.enhance)

    def enlarge(i):
        small = np.random.default_rng(i).integers(0, 256, (8, 8, 3), dtype="uint8")
        _, path = visitor.upload("mine.png", png(small))
        messages, data = visitor.run(upscaling, ["srresnet.photos_x4", sent(path)])
        assert messages == []
        return small, visitor.ask("/gradio_api/file=" + data[2]["path"])[1]

    def clean(i):
        sound = (0.1 + 0.02 * i) * np.sin(np.arange(4000) * (0.05 + 0.01 * i))
        buffer = io.BytesIO()
        soundfile.write(buffer, sound, 16000, format="WAV", subtype="FLOAT")
        _, path = visitor.upload("mine.wav", buffer.getvalue())
        messages, data = visitor.run(enhancing, ["segan.speech", sent(path), "none", 5])
        assert messages == []
        return sound, [visitor.ask("/gradio_api/file=" + data[place]["path"])[1] for place in (0, 1, 4)]

    with ThreadPoolExecutor(max_workers=30) as pool:
        images, sounds = [pool.submit(enlarge, i) for i in range(15)], [pool.submit(clean, i) for i in range(15)]
        upscaler = common.loaded("srresnet.photos_x4")
        for image in images:
            small, content = image.result()
            np.testing.assert_array_equal(
                np.asarray(Image.open(io.BytesIO(content))), upscaler.upscale(small, progress=False)
            )
        for sound in sounds:
            expected, contents = sound.result()
            for content in contents:
                heard = soundfile.read(io.BytesIO(content))[0]
                np.testing.assert_allclose(heard[800:-800], expected[800:-800], atol=0.01)


@functools.cache
def first_value(component):
    """Of a component, when the page opens."""
    return component.get_config().get("value") if hasattr(component, "value") else 0


ODD_VALUES = [None, "", "x" * 5000, "0" * 5000, -1, 1e300, 10**40, True, [], {}, [[{"path": "/etc/passwd"}]], "\0"]


@pytest.mark.parametrize("odd", ODD_VALUES, ids=lambda value: repr(value)[:12])
def test_odd_values_are_messages_on_every_page(visitor, odd, capfd):
    seen, session = set(), uuid.uuid4().hex
    for number, event in visitor.blocks.fns.items():
        if event.fn in seen or not event.inputs:
            continue
        seen.add(event.fn)
        # All values odd at once, and each alone among those that the page starts with.
        usual = [first_value(component) for component in event.inputs]
        for values in [[odd] * len(usual), *([*usual[:i], odd, *usual[i + 1 :]] for i in range(len(usual)))]:
            if len(json.dumps(values)) > 60_000:
                # The gate refuses it before any page sees it.
                body = {"data": values, "fn_index": number, "session_hash": "a", "trigger_id": None}
                assert visitor.ask("/gradio_api/queue/join", body)[0] == 413
                continue
            # Not as another visitor each time, whose page Gradio would have to make.
            messages, data = visitor.run(number, values, session)
            assert messages or data, (event.fn, values)
            assert not any("went wrong" in message or len(message) > 500 for message in messages), (messages, values)
    assert len(seen) >= 9
    assert "Traceback" not in "".join(capfd.readouterr())


def test_odd_requests_are_answered_without_a_traceback(visitor, capfd):
    good = {"data": ["dcgan.mnist", 0, 4], "fn_index": 1, "session_hash": "a"}
    bodies = [b"", b"[", b"null", b"[]", b"\xff", b'{"data": [NaN], "fn_index": 1, "session_hash": "a"}']
    bodies += [b'{"data": ["\\ud800"], "fn_index": 1, "session_hash": "a"}']
    bodies += [b'{"data": ' + b"[" * 20_000 + b"]" * 20_000 + b', "fn_index": 1, "session_hash": "a"}']
    bodies += [b'{"data": [' + b"9" * 5_000 + b'], "fn_index": 1, "session_hash": "a"}']
    for key, odd in (
        *(("data", odd) for odd in (None, 3, "x", {})),
        *(("fn_index", odd) for odd in (None, -1, 10**9, "1", True, [1])),
        *(("session_hash", odd) for odd in (None, "", 3, "a/../b", "x" * 65)),
        *(("trigger_id", odd) for odd in ("x", [], 1.5)),
    ):
        bodies.append(json.dumps({**good, key: odd}).encode())
    for body in bodies:
        assert visitor.ask("/gradio_api/queue/join", body)[0] == 400, body[:80]
    assert visitor.ask("/gradio_api/queue/join", b'{"data": ["' + b"x" * 2**17 + b'"]}')[0] == 413
    assert visitor.run(1, [1, 2, 3, 4, 5, 6, 7])[0] == [f"expected {len(visitor.blocks.fns[1].inputs)} values, got 7"]
    form = "multipart/form-data; boundary=a"
    for kind, body in (
        ("multipart/form-data", b"x"),
        ("text/plain", b"x"),
        (form, b"x"),
        (form, b'--a\r\nContent-Disposition: form-data; name="files"; filename=".."\r\n\r\nq\r\n--a--\r\n'),
        (form, b"--a\r\nX: y\r\n\r\nq\r\n--a--\r\n"),
    ):
        assert visitor.ask("/gradio_api/upload", body, Content_Type=kind)[0] == 400, (kind, body)
    assert visitor.ask("/gradio_api/upload", b"", "PUT")[0] == 405
    assert "Traceback" not in "".join(capfd.readouterr())


def test_one_visitor_cannot_fill_the_queue(visitor, monkeypatch):
    done = threading.Event()

    def loaded(preset):
        done.wait(60)
        raise GanzooError("done")

    monkeypatch.setattr(cgan, "loaded", loaded)
    event = {"data": ["cgan.mnist", "1", 0, 1], "fn_index": visitor.event(cgan.generate), "trigger_id": None}
    try:
        with ThreadPoolExecutor(max_workers=10) as pool:
            greedy = {**event, "session_hash": uuid.uuid4().hex}
            answers = list(pool.map(lambda _: visitor.ask("/gradio_api/queue/join", greedy), range(40)))
        statuses = [status for status, _, _ in answers]
        assert set(statuses) == {200, 429}
        # Those that wait, and the one at work.
        assert gate.MOST_WAITING <= statuses.count(200) <= gate.MOST_WAITING + 1
        assert {json.loads(said)["detail"] for status, said, _ in answers if status == 429} == {
            "3 of your jobs are waiting already: try again when one is done"
        }
        other = {**event, "session_hash": uuid.uuid4().hex}
        assert visitor.ask("/gradio_api/queue/join", other)[0] == 200
    finally:
        done.set()
    assert visitor.run(event["fn_index"], event["data"])[0] == ["done"]
