"""Workers that wait for each other."""

import json
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

import ganzoo
from ganzoo.training.meeting import host_and_port, timeout
from tests.training.test_distribute import free_ports


def worker(addresses, index, seconds, code=None, environment=()):
    """A process that is one of some workers: it trains, or only meets the others."""
    cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
    code = code or (
        "import sys; from ganzoo.training import meeting\n"
        f"meeting.meet({cluster['cluster']!r}, 'worker', {index}, {seconds}); print('met')"
    )
    variables = {"TF_CONFIG": json.dumps(cluster), "GANZOO_WORKERS_TIMEOUT": str(seconds)}
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, **variables, **dict(environment)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Where tests run in the background of a shell, it has processes ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


TRAIN = "import sys; from ganzoo.cli import main; sys.argv[1:] = ['train', 'dcgan.digits', '--dry-run']; main()"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_that_waits_says_for_whom_and_leaves_on_request(number):
    own, missing = (f"127.0.0.1:{port}" for port in free_ports(2))
    process = worker([own, missing], 0, 600, TRAIN)
    said = next(line for line in process.stdout if line.startswith("waiting for"))
    assert f"waiting for 1 of 1 other workers: worker 1 at {missing} (Connection refused)" in said
    process.send_signal(number)
    process.communicate(timeout=10)
    assert process.returncode != 0


@pytest.mark.parametrize("names", ["TF_CONFIG", "SLURM"])
def test_a_worker_gives_up_after_the_time_that_it_was_told(names):
    own, missing = (f"127.0.0.1:{port}" for port in free_ports(2))
    environment = {}
    if names == "SLURM":
        environment = {"TF_CONFIG": "", "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "2"}
        environment |= {"SLURM_STEP_NODELIST": "127.0.0.1,nosuch.invalid", "SLURM_STEP_TASKS_PER_NODE": "1(x2)"}
        missing = "nosuch.invalid:8888"
    process = worker([own, missing], 0, 0.5, TRAIN, environment)
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 1
    (line,) = [line for line in said.splitlines() if line.startswith("Error:")]
    assert f"gave up after 0.5 seconds of waiting for 1 of 1 other workers: worker 1 at {missing}" in line
    assert "GANZOO_WORKERS_TIMEOUT" in line


def test_workers_meet_whenever_they_start():
    addresses = [f"localhost:{port}" for port in free_ports(3)]
    workers = [worker(addresses, i, 60) for i in (0, 1)]
    for process in workers:
        assert f"worker 2 at {addresses[2]}" in process.stdout.readline()
    workers.append(worker(addresses, 2, 60))
    for process in workers:
        assert process.communicate(timeout=60)[0].splitlines()[-1] == "met"


def test_workers_of_different_clusters_are_told_apart():
    first, second, third = (f"127.0.0.1:{port}" for port in free_ports(3))
    workers = worker([first, second, third], 1, 8), worker([first, second], 0, 8)
    # The one that notices it first leaves; the other may then miss it.
    said = "".join(process.communicate(timeout=60)[0] for process in workers)
    assert re.search(rf"({first} is not worker 0|{second} is not worker 1) of this cluster", said), said


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        own = f"127.0.0.1:{taken.getsockname()[1]}"
        said = worker([own, "127.0.0.1:9"], 0, 60).communicate(timeout=60)[0]
    assert f"cannot listen on its own address {own}: Address already in use" in said


def test_what_cannot_be_interrupted_has_a_limit():
    code = "import time; from ganzoo.training.meeting import limited\nwith limited({}): {}\nprint('left', flush=True)"
    done = subprocess.run([sys.executable, "-c", code.format(60, "pass")], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("left\n", "")
    code = code.format(0.5, "time.sleep(100)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert done.stderr.startswith("Error: gave up after 0.5 seconds: the workers met")
    assert done.stdout == ""


def test_addresses_and_times(monkeypatch):
    assert host_and_port("host-1:2222") == ("host-1", 2222)
    assert host_and_port("[::1]:2222") == ("::1", 2222)
    for wrong in ("host", "host:", ":2222", "host:x", "host:0", "host:65536", "host:\u0661"):
        assert host_and_port(wrong) is None
    monkeypatch.delenv("GANZOO_WORKERS_TIMEOUT", raising=False)
    assert timeout() == 300
    for wrong in ("0", "-1", "nan", "inf", "soon"):
        monkeypatch.setenv("GANZOO_WORKERS_TIMEOUT", wrong)
        with pytest.raises(ganzoo.GanzooError, match="GANZOO_WORKERS_TIMEOUT must be a number of seconds"):
            timeout()
