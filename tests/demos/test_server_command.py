"""The command that serves the page: what it refuses, and what it leaves."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ganzoo import cli
from ganzoo.errors import GanzooError

pytest.importorskip("gradio")
pytest.importorskip("uvicorn")

from ganzoo.demos import server


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_a_host_that_is_not_this_machine_s_is_said_to_be_wrong(host):
    with pytest.raises(GanzooError, match=f"--host {host}"):
        server.serve(lambda: None, host, 7860)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "192.0.2.1"], "--host 192.0.2.1 is not an address of this machine"),
        (["--allowed-host", "https://demo.example.org"], "'https://demo.example.org' is not a host name"),
    ],
)
def test_the_command_says_what_is_wrong_in_a_line(options, words):
    result = CliRunner().invoke(cli.main, ["demo", *options])
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert words in result.output


def test_a_port_that_is_taken_is_said_to_be_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(GanzooError, match=f"port {port} of 127.0.0.1 is in use"):
            server.serve(lambda: None, "127.0.0.1", port)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_the_server_is_asked_to_end(number, tmp_path, visitor_of):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-u", "-m", "ganzoo.cli", "demo", "cgan"]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "GRADIO_ROOT_PATH": "/zoo", "GRADIO_SERVER_PORT": str(port)}
    if number == signal.SIGTERM:
        # Options win over variables.
        command += ["--port", str(port), "--root-path", "/other"]
        environment["GRADIO_SERVER_PORT"] = "1"
    root = "/other" if number == signal.SIGTERM else "/zoo"
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        # Where tests run in the background of a shell, it has processes ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as page:
        try:
            # Gradio 6.2 prints lines of its own before it.
            assert any("ganzoo is on" in page.stdout.readline() for _ in range(10))
            status, path = visitor_of(port).upload("mine.png", b"of a visitor")
            assert status == 200
            assert Path(path).is_relative_to(tmp_path)
            assert Path(path).read_bytes() == b"of a visitor"
            status, content, _ = visitor_of(port).ask("/config")
            assert status == 200
            assert json.loads(content)["root"] == f"http://127.0.0.1:{port}{root}"
            assert visitor_of(port).ask("/config", Host="foreign.example")[0] == 403
            page.send_signal(number)
            assert page.wait(60) == (-signal.SIGTERM if number == signal.SIGTERM else 0)
        finally:
            page.kill()
        assert "Traceback" not in page.stdout.read()
    assert list(tmp_path.iterdir()) == []
