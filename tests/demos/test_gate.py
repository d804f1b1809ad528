"""What a server of the page does not give: files of this machine, answers to foreign hosts."""

import os
import socket

import numpy as np
import pytest

from ganzoo.errors import GanzooError
from ganzoo.inference.sampling import save_image

pytest.importorskip("gradio")
pytest.importorskip("uvicorn")

from ganzoo.demos import files, gate, segan


def test_no_file_of_this_machine_comes_back(visitor, tmp_path, sent):
    from ganzoo.demos import srgan

    save_image(tmp_path / "private.png", np.full((8, 8, 3), 200, "uint8"))
    os.mkfifo(tmp_path / "pipe")
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.setblocking(False)
        address = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/x.png"
        private, missing = str(tmp_path / "private.png"), str(tmp_path / "missing.png")
        answers = [
            visitor.run(visitor.event(function), [preset, value, *others])
            for function, preset, others in (
                (srgan.upscale, "srresnet.photos_x4", ()),
                (segan.enhance, "segan.speech", ("none", 5)),
            )
            for path in (private, missing, str(tmp_path / "pipe"), "/dev/stdin", address)
            for value in ({"path": path}, sent(path), sent(path, url=address))
        ]
        assert {tuple(messages) for messages, _ in answers} == {
            ("the server does not have this file (any more): choose it again",)
        }
        for value in (private, [private], {"url": address}, {"path": None, "url": address}, {}, 7):
            messages, data = visitor.run(visitor.event(srgan.upscale), ["srresnet.photos_x4", value])
            assert len(messages) == 1
            assert all(part == {"__type__": "update"} for part in data)
        with pytest.raises(BlockingIOError):
            elsewhere.accept()


@pytest.mark.parametrize(
    "path",
    [
        *(
            f"{route}/{name}"
            for route in ("run", "api", "call", "call/v2")
            for name in ("generate", "upscale", "predict")
        ),
        *("component_server", "process_recording", "cancel", "reset", "stream/x", "deep_link?session_hash=a", "runs"),
        *("openapi.json", "proxy=http://127.0.0.1/x", "run-history/buckets", "file/etc/passwd", "queue/status"),
    ],
)
def test_what_the_page_does_not_need_is_closed(visitor, path):
    for body in (None, {"data": ["dcgan.mnist", 0, 4], "fn_index": 1}):
        assert visitor.ask("/gradio_api/" + path, body)[0] == 404


def test_files_are_served_from_the_page_s_own_folder_alone(visitor, tmp_path):
    (tmp_path / "private.png").write_bytes(b"private")
    _, mine = visitor.upload("mine.txt", b"mine")
    assert visitor.ask("/gradio_api/file=" + mine)[:2] == (200, b"mine")
    (files.uploads() / "out").unlink(missing_ok=True)
    (files.uploads() / "out").symlink_to(tmp_path)
    for path in (
        tmp_path / "private.png",
        files.uploads() / "out" / "private.png",
        files.folder() / "example-temple.png",
        f"{files.uploads()}/../example-temple.png",
        f"{files.uploads()}/%2e%2e/example-temple.png",
        "/etc/passwd",
        "http://127.0.0.1/x",
        "setup.py",
    ):
        assert visitor.ask(f"/gradio_api/file={path}")[0] == 404, path


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:1"}, 200),
        ({"Host": "LOCALHOST"}, 200),
        ({"Host": "[::1]:7860"}, 200),
        ({"Host": "192.168.0.7:7860"}, 200),
        ({"Host": "demo.example.org"}, 200),
        ({"Host": "demo.example.org", "Origin": "https://demo.example.org"}, 200),
        ({"Host": "localhost:7860", "Origin": "http://localhost:7860"}, 200),
        # A proxy that passes no Host on.
        ({"Host": "127.0.0.1:7860", "Origin": "https://demo.example.org"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "demo.example.org.evil.example"}, 403),
        ({"Host": "demo.example.org@evil.example"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "localhost:7860", "Origin": "http://localhost:3000"}, 403),
        ({"Host": "localhost", "Origin": "file://localhost"}, 403),
    ],
)
def test_foreign_hosts_and_origins_are_refused(visitor, headers, status):
    for path in ("/", "/config", "/gradio_api/queue/data?session_hash=x" if status == 403 else "/gradio_api/app_id"):
        found, _, answer = visitor.ask(path, **headers)
        assert found == status
        assert "access-control-allow-origin" not in answer or headers.get("Origin")
    if status == 403:
        _, _, answer = visitor.ask(
            "/gradio_api/upload", b"", "OPTIONS", **headers, Access_Control_Request_Method="POST"
        )
        assert not [name for name in answer if name.lower().startswith("access-control")]
        assert visitor.ask("/gradio_api/queue/join", {}, **headers)[0] == 403


def test_two_hosts_in_one_request_and_websockets_are_refused(visitor):
    for lines, status in (
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", (b"400", b"403")),
        (b"GET / HTTP/1.0\r\n\r\n", (b"400", b"403")),
        (
            b"GET /gradio_api/queue/join HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
            (b"403", b"404", b"405"),
        ),
    ):
        with socket.create_connection(("127.0.0.1", visitor.port), timeout=30) as connection:
            connection.sendall(lines)
            assert connection.recv(1000).split()[1] in status


def test_names_of_hosts():
    everywhere = gate.Hosts("0.0.0.0")
    assert socket.gethostname().lower() in everywhere.own
    assert socket.gethostname().lower() not in gate.Hosts("127.0.0.1").own - {"localhost"}
    assert gate.Hosts("box.example").own >= {"box.example"}
    for odd in ("https://demo.example.org", "demo.example.org:80", "demo.example.org/x", "", "*", "a b"):
        with pytest.raises(GanzooError, match="not a host name"):
            gate.Hosts("127.0.0.1", [odd])
