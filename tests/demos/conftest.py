"""Fixtures of the tests of the pages."""

import inspect
import json
import threading
import time
import urllib.error
import urllib.request
import uuid

import pytest


class Visitor:
    """Speaks to the page as Gradio's front end does."""

    def __init__(self, port):
        self.port = port
        self.address = f"http://127.0.0.1:{port}"

    def ask(self, path, body=None, method=None, **headers):
        """(status, content, headers) of a request."""
        body = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **{name.replace("_", "-"): headers[name] for name in headers}}
        request = urllib.request.Request(self.address + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read(), error.headers

    def upload(self, name, content):
        """(status, path on the server)."""
        mark = uuid.uuid4().hex
        part = f'--{mark}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        body = part.encode() + content + f"\r\n--{mark}--\r\n".encode()
        status, answer, _ = self.ask("/gradio_api/upload", body, Content_Type=f"multipart/form-data; boundary={mark}")
        return status, json.loads(answer)[0] if status == 200 else answer

    def run(self, event, data, session=None):
        """(messages, result) of an event of the page: through the queue, for a new visitor or in a session."""
        session = session or uuid.uuid4().hex
        body = {"data": data, "fn_index": event, "session_hash": session, "trigger_id": None}
        while (answer := self.ask("/gradio_api/queue/join", body))[0] == 503:
            time.sleep(0.05)  # the queue is full: as a person, come back
        assert answer[0] == 200, answer
        messages = []
        with urllib.request.urlopen(
            f"{self.address}/gradio_api/queue/data?session_hash={session}", timeout=120
        ) as said:
            for line in said:
                message = json.loads(line[5:]) if line.startswith(b"data:") else {"msg": ""}
                if message["msg"] == "log":
                    messages.append(message["log"])
                if message["msg"] == "process_completed":
                    output = message["output"]
                    return messages + ([] if message["success"] else [output["error"]]), output.get("data")
        raise AssertionError("the queue ended without an answer")

    def event(self, function):
        """The number of an event of the page that calls a function."""
        return next(number for number, event in self.blocks.fns.items() if event.fn is function)


@pytest.fixture
def visitor_of():
    """A function from a port of this machine to somebody who asks it."""
    return Visitor


@pytest.fixture(scope="module")
def visitor():
    """Somebody who asks a server of the whole page. Skips without Gradio."""
    pytest.importorskip("gradio")
    uvicorn = pytest.importorskip("uvicorn")
    from ganzoo.demos import gate, hub, server

    blocks = hub.build()
    app = hub.web(blocks, gate.Hosts("127.0.0.1", ["demo.example.org"]))
    listening = server._listening("127.0.0.1", 0)
    serving = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=serving.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    visitor = Visitor(listening.getsockname()[1])
    visitor.blocks, visitor.gate = blocks, app
    yield visitor
    serving.should_exit = True
    thread.join(20)


@pytest.fixture
def message():
    """A function that calls one of a page and returns what it tells the visitor in place of a result. Outside of a
    browser Gradio issues a warning."""
    gradio = pytest.importorskip("gradio")

    def told(function, *values):
        def results():
            found = function(*values)
            return list(found) if inspect.isgenerator(found) else [found]

        with pytest.warns(UserWarning, match=".") as warned:
            assert results() == [gradio.skip()]
        return str(warned[-1].message)

    return told


@pytest.fixture(scope="session")
def sent():
    """A function from a path to what the page sends of an uploaded file."""

    def made(path, **more):
        return {"path": path, "meta": {"_type": "gradio.FileData"}, **more}

    return made
