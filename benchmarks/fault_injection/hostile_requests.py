"""Hostile requests to the web page, which runs in a separate process on the loopback address."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

from .outcome import report

_SECRET = "the secret of this machine"


def page(folder, count=40, seed=0):
    """Sends requests that try to read files, bypass limits or stop the page; returns a list of failures.

    Args:
        count: number of simultaneous visitors.
    """
    folder.mkdir(parents=True, exist_ok=True)
    secret = folder / "secret.png"
    _secret_image(secret)
    os.mkfifo(folder / "pipe.png")
    temporary = folder / "tmp"
    temporary.mkdir()
    with _running(folder, temporary) as (port, process):
        outcomes = [(name, test()) for name, test in _tests(port, folder, secret, count)]
        outcomes.append(("it still answers", _alive(port)))
        process.send_signal(signal.SIGTERM)
        try:
            said = process.communicate(timeout=20)[0]
        except subprocess.TimeoutExpired:
            outcomes.append(("SIGTERM", "failed: the process did not end"))
        else:
            outcomes.append(("SIGTERM", "read"))
            outcomes.append(
                ("no traceback on the terminal", f"failed: {said[-800:]}" if "Traceback" in said else "read")
            )
            left = [str(path.relative_to(temporary)) for path in temporary.rglob("*") if path.is_file()]
            outcomes.append(("no files left behind", f"failed: {left[:5]}" if left else "read"))
    return report("page", outcomes)


def _secret_image(path):
    from PIL import Image, PngImagePlugin

    about = PngImagePlugin.PngInfo()
    about.add_text("comment", _SECRET)
    Image.effect_noise((64, 64), 80).save(path, pnginfo=about)


@contextlib.contextmanager
def _running(folder, temporary):
    """(port, process) of a web page with all models."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "TMPDIR": str(temporary), "GANZOO_CACHE": str(folder / "cache")}
    environment.pop("GRADIO_TEMP_DIR", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "ganzoo.cli", "demo", "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=folder,
    )
    try:
        for line in process.stdout:
            if "ganzoo is on" in line or "http://" in line:
                break
        else:
            raise RuntimeError("the page did not start")
        yield port, process
    finally:
        process.kill()
        process.wait()


def _request(port, path, body=None, headers=None, method=None, timeout=60):
    """(status, headers, body) of a request; the status is 0 if the connection was closed without a response."""
    data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
    headers = {**({"Content-Type": "application/json"} if isinstance(body, (dict, list)) else {}), **(headers or {})}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError):
        return 0, {}, b""


def _alive(port):
    status, _, body = _request(port, "/")
    return "read" if status == 200 and b"ganzoo" in body else f"failed: status {status}"


def _config(port):
    return json.loads(_request(port, "/config")[2])


def _events(port):
    """[(index, name, number of inputs)] of the page's events."""
    found = []
    for i, event in enumerate(_config(port)["dependencies"]):
        found.append((event.get("id", i), event.get("api_name"), len(event["inputs"])))
    return found


def _event_of(port, button):
    """The index of the event that a click on a button starts."""
    config = _config(port)
    number = next(part["id"] for part in config["components"] if part["props"].get("elem_id") == button)
    wanted = [number, "click"]
    return next(event["id"] for event in config["dependencies"] if wanted in [list(one) for one in event["targets"]])


def _queued(port, event, data, timeout=60):
    """The text of all messages of an event of the page, requested with raw data as by a browser."""
    body = {"fn_index": event, "data": data, "session_hash": f"s{time.monotonic_ns()}", "event_data": None}
    status, _, answer = _request(port, "/gradio_api/queue/join", body)
    if status != 200:
        return f"status {status} {answer[:200]!r}"
    said, until = [], time.monotonic() + timeout
    url = f"http://127.0.0.1:{port}/gradio_api/queue/data?session_hash={body['session_hash']}"
    try:
        with urllib.request.urlopen(url, timeout=timeout) as stream:
            for line in stream:
                said.append(line.decode(errors="replace"))
                if "process_completed" in said[-1] or "close_stream" in said[-1]:
                    break
                if time.monotonic() > until:
                    return "hung: " + "".join(said)[-200:]
    except (urllib.error.URLError, TimeoutError, OSError) as error:
        return f"hung: {error}"
    return "".join(said)


def _tests(port, folder, secret, count):
    """(name, function that returns the outcome) of every hostile request."""
    events = _events(port)
    presets = {"upscale": "srgan.photos_x4", "enhance": "segan.speech"}

    def refused(status, *_):
        return "refused" if 400 <= status < 500 or status == 0 else f"failed: status {status}"

    for name in sorted({name for _, name, _ in events if name}):
        for path in (f"/gradio_api/run/{name}", f"/gradio_api/call/{name}", f"/gradio_api/api/{name}", f"/run/{name}"):
            yield (
                f"direct call {path}",
                lambda path=path: refused(*_request(port, path, {"data": ["srgan.photos_x4", None]})),
            )

    files = {
        "a path": {"path": str(secret)},
        "a path with its meta": {"path": str(secret), "meta": {"_type": "gradio.FileData"}},
        "a path and a URL": {
            "path": str(secret),
            "url": f"http://127.0.0.1:{port}/",
            "meta": {"_type": "gradio.FileData"},
        },
        "a URL": {"path": f"http://127.0.0.1:{port}/config", "url": f"http://127.0.0.1:{port}/config"},
        "a pipe": {"path": str(folder / "pipe.png")},
        "a device": {"path": "/dev/zero"},
        "a folder": {"path": str(folder)},
        "a path upwards": {"path": f"{folder}/tmp/../secret.png"},
        "no file": {"path": str(folder / "nothing.png")},
        "a number": 7,
        "a text": str(secret),
        "a list": [str(secret)],
    }
    for index, name, inputs in events:
        kind = next((key for key in presets if key in (name or "") or inputs == (2 if key == "upscale" else 4)), None)
        if kind is None:
            continue
        for what, value in files.items():
            data = [presets[kind], value, "none", 5][:inputs]
            yield (
                f"event {index} with {what}",
                lambda index=index, data=data: _no_secret(_queued(port, index, data, 30), folder),
            )

    painting, finding = _event_of(port, "editing-apply"), _event_of(port, "editing-use")
    for what, value in files.items():
        for part, painted in (
            ("background", {"background": value, "layers": [], "composite": None}),
            ("layer", {"background": None, "layers": [value], "composite": None}),
            ("many layers", {"background": value, "layers": [value] * 100, "composite": value}),
            ("id", {"background": None, "layers": [], "composite": None, "id": str(secret)}),
        ):
            yield (
                f"painting with {what} as {part}",
                lambda painted=painted: _no_secret(_queued(port, painting, [None, painted, 0.1], 30), folder),
            )
        yield (
            f"image to find with {what}",
            lambda value=value: _no_secret(_queued(port, finding, ["dcgan.fashion_mnist", value], 30), folder),
        )

    nonsense = (None, -1, 1e308, "x" * 10**6, [], {}, True, "../../etc/passwd", float("nan"), 10**400)
    for index, _, inputs in events:
        for value in nonsense:
            if isinstance(value, float) and value != value:
                data = None
            else:
                data = [value] * inputs
            if data is not None:
                yield (
                    f"event {index} with {str(value)[:12]!r}",
                    lambda index=index, data=data: _no_secret(_queued(port, index, data, 30), folder),
                )

    for path in (
        f"/gradio_api/file={secret}",
        "/gradio_api/file=/etc/passwd",
        f"/file={secret}",
        f"/gradio_api/proxy=http://127.0.0.1:{port}/config",
        "/gradio_api/stream/../../etc/passwd",
        "/static/../../../etc/passwd",
        "/assets/..%2f..%2f..%2fetc%2fpasswd",
        "/gradio_api/component_server",
    ):

        def foreign(path=path):
            status, _, body = _request(port, path)
            if _SECRET.encode() in body or b"root:" in body:
                return "failed: it returned a file of this machine"
            return refused(status)

        yield f"GET {path.replace(str(folder), '')}", foreign

    for headers in (
        {"Host": "evil.example"},
        {"Host": "evil.example:80", "Origin": "http://evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ):
        for path in ("/config", "/gradio_api/info", "/gradio_api/queue/join"):

            def crossed(headers=headers, path=path):
                body = {"fn_index": 0, "data": [], "session_hash": "x"} if path.endswith("join") else None
                status, answered, _ = _request(port, path, body, headers)
                if answered.get("Access-Control-Allow-Origin"):
                    return f"failed: CORS for {answered['Access-Control-Allow-Origin']}"
                return refused(status)

            yield f"{headers} on {path}", crossed

    yield "an upload of 200 MB", lambda: refused(*_upload(port, "big.png", bytes(200 * 2**20)))
    yield "many visitors at once", lambda: _crowd(port, count)


def _no_secret(said, folder):
    """The outcome of an event: it must respond in time, and not show the secret's content."""
    if said.startswith("hung"):
        return said
    if _SECRET in said or re.search(r"Traceback|File \\?\"/", said):
        return f"failed: {said[:300]}"
    # Messages may repeat the value of the request, results may not.
    results = "".join(part for part in said.split("data:") if "process_completed" in part)
    if '"success": true' in results.replace('"success":true', '"success": true') and "secret" in results:
        return f"failed: it took the file: {results[-300:]}"
    return "refused"


def _upload(port, name, content):
    boundary = "ganzoo"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
    body = head + content + f"\r\n--{boundary}--\r\n".encode()
    return _request(port, "/gradio_api/upload", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})


def _crowd(port, count):
    """Many simultaneous visitors with different seeds: each gets a result or is told to wait, no two the same file."""
    index = _event_of(port, "dcgan-generate")
    answers = [None] * count

    def ask(i):
        answers[i] = _queued(port, index, ["dcgan.mnist", i, 4], 120)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    paths = [tuple(sorted(set(re.findall(r'"path": ?"([^"]+)"', said)))) for said in answers]
    served = [path for path in paths if path]
    if len(set(served)) != len(served):
        return "failed: two visitors got the same file"
    if not served:
        return f"failed: nobody got a result: {answers[0][:300]}"
    return "read"
