"""Uploads that no browser showing the page would send: real HTTP on loopback."""

import contextlib
import http.client
import socket
import time
from pathlib import Path

import pytest

pytest.importorskip("gradio")
pytest.importorskip("uvicorn")

from ganzoo.demos import files, gate


def test_uploads_are_limited(visitor, monkeypatch):
    for length, status in ((str(gate.MOST_MEGABYTES * 2 * gate.MEGABYTE), 413), ("9" * 30, 413), ("x", 400)):
        connection = http.client.HTTPConnection("127.0.0.1", visitor.port, timeout=30)
        with contextlib.closing(connection):
            connection.putrequest("POST", "/gradio_api/upload")
            connection.putheader("Content-Type", "multipart/form-data; boundary=a")
            connection.putheader("Content-Length", length)
            connection.endheaders()
            assert connection.getresponse().status in (status, 400)
    connection = http.client.HTTPConnection("127.0.0.1", visitor.port, timeout=30)
    with contextlib.closing(connection):
        headers = {"Content-Type": "multipart/form-data; boundary=a", "Transfer-Encoding": "chunked"}
        connection.request("POST", "/gradio_api/upload", iter([b"x"]), headers, encode_chunked=True)
        assert connection.getresponse().status == 411
    monkeypatch.setattr(visitor.gate.room, "most_bytes", -1)
    assert visitor.upload("mine.png", b"x")[0] == 507


def kept_files():
    return {str(path) for path in files.uploads().rglob("*") if path.is_file()}


def test_the_oldest_files_make_room_for_uploads(visitor, monkeypatch):
    room, lasting = visitor.gate.room, {path for path in visitor.gate._lasting() if Path(path).is_file()}
    assert lasting
    monkeypatch.setattr(room, "seconds_between_counts", 0.0)
    monkeypatch.setattr(room, "most_files", len(lasting) + 20)
    # What other tests have left makes room at once.
    monkeypatch.setattr(room, "seconds_safe", 0.0)
    _, mine = visitor.upload("first.txt", b"first")
    # Nothing goes that somebody has just uploaded.
    monkeypatch.setattr(room, "seconds_safe", 1000.0)
    for i in range(30):
        status, answer = visitor.upload("mine.txt", str(i).encode())
        if status != 200:
            break
    assert (status, b"too many files" in answer) == (507, True)
    assert Path(mine).is_file()
    monkeypatch.setattr(room, "seconds_safe", 0.0)
    for i in range(30):
        status, path = visitor.upload("mine.txt", f"later {i}".encode())
        assert status == 200
    assert len(kept_files()) <= room.most_files
    assert lasting <= kept_files()
    assert visitor.ask("/gradio_api/file=" + path)[:2] == (200, b"later 29")
    assert visitor.ask("/gradio_api/file=" + mine)[0] == 404
    assert not Path(mine).parent.exists()


def test_a_burst_of_uploads_is_limited_before_its_files_are_counted(visitor, monkeypatch):
    room = visitor.gate.room
    monkeypatch.setattr(room, "seconds_between_counts", 1e9)
    monkeypatch.setattr(room, "most_files", room._files + 10 * gate.MOST_FILES)
    assert [visitor.upload("mine.txt", b"x")[0] for _ in range(12)] == [200] * 10 + [507] * 2


PART = 'Content-Disposition: form-data; name="files"; filename="{}"\r\n\r\nx'


ODD_FORMS = {
    "many files": [PART.format(f"{i}.txt") for i in range(gate.MOST_FILES + 1)],
    "thousands of files": [PART.format(f"{i}.txt") for i in range(20_800)],
    "no name": [PART.format("")],
    "a name of marks": [PART.format("???")],
    "the folder above": [PART.format("a/..")],
    "a file, then one without a name": [PART.format("a.txt"), PART.format("")],
    "a field": ['Content-Disposition: form-data; name="files"\r\n\r\nx'],
    "a file of another name": [PART.format("a.txt").replace("files", "file")],
    "nothing": [],
}


@pytest.mark.parametrize("what", ODD_FORMS)
def test_forms_that_the_page_does_not_send_are_refused_and_leave_nothing(visitor, what, capfd):
    before = kept_files()
    body = "".join(f"--a\r\n{part}\r\n" for part in ODD_FORMS[what]) + "--a--\r\n"
    for query in ("", "?upload_id=b"):
        kind = "multipart/form-data; boundary=a"
        assert visitor.ask("/gradio_api/upload" + query, body.encode(), Content_Type=kind)[0] == 400
    assert kept_files() == before
    assert "Traceback" not in "".join(capfd.readouterr())


def test_an_upload_that_breaks_off_leaves_nothing(visitor):
    before, deadline = kept_files(), time.monotonic() + 60
    with socket.create_connection(("127.0.0.1", visitor.port), timeout=30) as connection:
        connection.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
            b"Content-Type: multipart/form-data; boundary=a\r\n\r\n--a\r\n" + PART.format("a.txt").encode()
        )
        while kept_files() == before and time.monotonic() < deadline:
            time.sleep(0.01)
        assert kept_files() > before
    while kept_files() != before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert kept_files() == before
