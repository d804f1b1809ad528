"""How the workers of a cluster find each other before TensorFlow connects them.

TensorFlow waits for missing workers in native code: for many minutes, without a word, and with Python's lock held, so
that neither a signal handler nor another thread can run. So each worker first listens on its own address, and tries the
others' until all answer. This is plain Python: it says whom it waits for, and Ctrl-C and SIGTERM end it.
"""

import contextlib
import errno
import hashlib
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from ganzoo.errors import GanzooError

VARIABLE = "GANZOO_WORKERS_TIMEOUT"
# Seconds: to wait for the others in all, between two lines that say for whom, for one connection, between two of them.
_DEFAULT, _BETWEEN_LINES, _ONE_TRY, _BETWEEN_TRIES = 300.0, 10.0, 2.0, 0.5


def timeout():
    """How many seconds to wait for the other workers: the variable GANZOO_WORKERS_TIMEOUT, or 300.

    Raises:
        GanzooError: the variable is no number above 0.
    """
    text = os.environ.get(VARIABLE) or str(_DEFAULT)
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= threading.TIMEOUT_MAX:
        raise GanzooError(f"{VARIABLE} must be a number of seconds above 0, got '{text}'")
    return seconds


def host_and_port(address):
    """("host", 2222) of "host:2222", or of "[::1]:2222"; None where it is no address."""
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    valid = host and port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 2**16
    return (host, int(port)) if valid else None


def unreachable(address, seconds):
    """Why nothing answers at "host:port" within so many seconds; None where something does."""
    place = host_and_port(address)
    if place is None:
        return f"'{address}' is no address of the form host:port"
    try:
        socket.create_connection(place, timeout=seconds).close()
    except (OSError, UnicodeError) as error:
        return f"{address} does not answer ({_reason(error)})"
    return None


def meet(tasks, kind, index, seconds):
    """Waits until this worker and all others can reach each other.

    A worker that has reached all others still waits until they all have, too: only then will TensorFlow not wait.

    Args:
        tasks: {kind of task: list of addresses "host:port"}, the same in all workers.
        kind, index: which of the tasks this process is.
        seconds: to wait at most.

    Raises:
        GanzooError: the own port is taken, somebody is missing after that time, or a worker has another list of tasks.

    Example:
        meet({"worker": ["host1:2222", "host2:2222"]}, "worker", 0, seconds=300)
    """
    # Parameter servers and evaluators are no part of the training's strategy.
    names = {(one, i): address for one in ("chief", "worker") for i, address in enumerate(tasks.get(one, []))}
    own = names.pop((kind, index), None)
    if own is None or not names:
        return
    digest = hashlib.sha256(repr(sorted(tasks.items())).encode()).hexdigest()[:16]
    meeting = _Meeting(names, f"ganzoo {digest}")
    began = time.monotonic()
    with _listening(own, lambda: f"ganzoo {digest} {kind} {index} {'ready' if meeting.all_seen else 'waiting'}\n"):
        meeting.begin()
        try:
            # The others are often started within a moment.
            next_line = began + _ONE_TRY
            while not meeting.done.wait(0.2):
                now = time.monotonic()
                if meeting.problem:
                    raise GanzooError(meeting.problem)
                if now - began > seconds:
                    raise GanzooError(
                        f"gave up after {seconds:g} seconds of waiting for {meeting.whom()}: start all workers, see "
                        f"that they reach each other's addresses, or wait longer with {VARIABLE}=SECONDS"
                    )
                if now > next_line:
                    print(f"waiting for {meeting.whom()} ({seconds - now + began:.0f} s left)", flush=True)
                    next_line = now + _BETWEEN_LINES
            # The others are to hear of it before TensorFlow needs this port.
            time.sleep(2 * _BETWEEN_TRIES)
        finally:
            meeting.done.set()


class _Meeting:
    """Who has answered, asked by one thread for each of the others."""

    def __init__(self, names, greeting):
        self._names, self._greeting = names, greeting
        # {task: why it has not answered}, and those that have not reached everybody else.
        self._missing = dict.fromkeys(names, "not tried yet")
        self._waiting = set(names)
        self._lock = threading.Lock()
        self.done, self.problem = threading.Event(), None

    @property
    def all_seen(self):
        return not self._missing

    def begin(self):
        for task in self._names:
            threading.Thread(target=self._ask, args=(task,), daemon=True).start()

    def whom(self):
        """The workers that are missing, in words."""
        with self._lock:
            missing, waiting = dict(self._missing), sorted(self._waiting)
        if missing:
            listed = [f"{self._called(task)} ({why})" for task, why in sorted(missing.items())]
            what = f"{len(missing)} of {len(self._names)} other workers"
        else:
            listed = [self._called(task) for task in waiting]
            what = f"{len(waiting)} of {len(self._names)} other workers to reach everybody else"
        more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
        return f"{what}: {', '.join(listed[:5])}{more}"

    def _called(self, task):
        return f"{task[0]} {task[1]} at {self._names[task]}"

    def _ask(self, task):
        place = host_and_port(self._names[task])
        while not self.done.is_set():
            try:
                with socket.create_connection(place, timeout=_ONE_TRY) as connection:
                    answer = _line(connection)
            except (OSError, UnicodeError) as error:
                with self._lock:
                    if task in self._missing:
                        self._missing[task] = _reason(error)
            else:
                if answer.startswith("ganzoo ") and not answer.startswith(f"{self._greeting} {task[0]} {task[1]} "):
                    self.problem = (
                        f"{self._names[task]} is not {task[0]} {task[1]} of this cluster: all workers need the same "
                        "addresses in the same order, and each its own index"
                    )
                with self._lock:
                    self._missing.pop(task, None)
                    # Anything else than our own answer is TensorFlow's: that worker has met everybody already.
                    if not answer.startswith("ganzoo ") or answer.endswith(" ready"):
                        self._waiting.discard(task)
                    if not self._waiting and not self._missing and not self.problem:
                        self.done.set()
                    if task not in self._waiting:
                        return
            self.done.wait(_BETWEEN_TRIES)


def _line(connection):
    """The first line that comes within a moment, or what has come of it."""
    received = b""
    with contextlib.suppress(OSError):
        while b"\n" not in received and len(received) < 200:
            piece = connection.recv(200)
            if not piece:
                break
            received += piece
    return received.partition(b"\n")[0].decode("ascii", "replace")


@contextlib.contextmanager
def _listening(address, answer):
    """Answers everybody who connects to the port of an address with a line, on all of this machine's addresses."""
    _, port = host_and_port(address)
    try:
        listener = _server(port)
    except OSError as error:
        raise GanzooError(
            f"this worker cannot listen on its own address {address}: {_reason(error)}; is it running already, or has "
            "another process this port?"
        ) from None
    stop = threading.Event()

    def serve():
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(answer().encode("ascii"))
            except OSError:
                continue

    listener.settimeout(0.2)
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        listener.close()


def _server(port):
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)
        except OSError as error:
            # Where the kernel's IPv6 is turned off, it cannot be bound.
            if error.errno == errno.EADDRINUSE:
                raise
    return socket.create_server(("", port), backlog=128)


# A process that ends another one, unless that one closes the pipe between them in time.
_LIMIT = """
import os, select, signal, sys
process, seconds, words = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
signal.signal(signal.SIGINT, signal.SIG_IGN)
if not select.select([0], [], [], seconds)[0] and os.getppid() == process:
    print(words, file=sys.stderr, flush=True)
    os.kill(process, signal.SIGKILL)
"""


@contextlib.contextmanager
def limited(seconds):
    """Ends this process with a line when what happens inside takes longer; there, Ctrl-C ends it at once.

    For native code during which Python can do nothing: neither handle a signal nor run a thread.
    """
    if os.name != "posix" or not sys.executable:
        yield
        return
    words = f"Error: gave up after {seconds:g} seconds: the workers met, but TensorFlow cannot connect them"
    command = [sys.executable, "-I", "-S", "-c", _LIMIT, str(os.getpid()), str(seconds), words]
    in_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.SIG_DFL) if in_main else None
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as limit:
        try:
            yield
        finally:
            limit.stdin.close()
            if in_main:
                signal.signal(signal.SIGINT, before)


def _reason(error):
    if isinstance(error, TimeoutError):
        return "no answer"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
