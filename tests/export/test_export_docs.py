"""The code of docs/export.md runs as it stands, in the order of the page."""

import http.server
import json
import re
import shlex
import threading
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import ganzoo
from ganzoo.cli import main
from ganzoo.export.formats import load_signature

for package in ("ai_edge_litert", "onnx", "onnxruntime", "openvino", "tf2onnx"):
    pytest.importorskip(package)

PAGE = Path(ganzoo.__file__).parents[1] / "docs" / "export.md"
# Programs that the tests do not start.
OTHERS = ("docker", "python")


class Serving(http.server.BaseHTTPRequestHandler):
    """The REST API of TensorFlow Serving, columnar format, as documented: POST /v1/models/NAME:predict."""

    def do_POST(self):
        (name,) = re.fullmatch(r"/v1/models/(\w+):predict", self.path).groups()
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        run = load_signature(Path("models") / name / "1", asked.get("signature_name", "serving_default"))
        inputs = {key: np.array(value, "float32") for key, value in asked["inputs"].items()}
        reply = json.dumps({"outputs": run(inputs).tolist()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def serving():
    """The port of the server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Serving) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_the_code_of_the_page_runs(tmp_path, monkeypatch, serving):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert {language for language, _ in blocks} == {"console", "python", "text"}
    for language, code in blocks:
        if language == "python":
            exec(code.replace("127.0.0.1:8501", f"127.0.0.1:{serving}"), namespace)
        if language != "console":
            continue
        for command in code.splitlines():
            program, *arguments = shlex.split(command)
            if program not in OTHERS:
                assert program == "ganzoo"
                done = CliRunner().invoke(main, arguments)
                assert done.exit_code == 0, done.output
