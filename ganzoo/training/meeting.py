"""Waits until all workers of a cluster can reach each other, before TensorFlow connects them.

TensorFlow waits for missing workers in native code for many minutes, silently and holding Python's global lock, so that
neither signal handlers nor other threads run. So each worker first listens on its own address and connects to the
others until all respond. This is plain Python: it reports which workers are missing, and Ctrl-C and SIGTERM stop it.
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
from collections.abc import Callable, Iterator, Sequence

from ganzoo.errors import GanzooError

VARIABLE = "GANZOO_WORKERS_TIMEOUT"
# Seconds: to wait in total, between two progress messages, for one connection attempt, between two attempts.
_DEFAULT, _BETWEEN_LINES, _ONE_TRY, _BETWEEN_TRIES = 300.0, 10.0, 2.0, 0.5


def timeout() -> float:
    """Seconds to wait for the other workers: the environment variable GANZOO_WORKERS_TIMEOUT, or 300.

    Raises:
        GanzooError: the variable is not a number above 0.
    """
    text = os.environ.get(VARIABLE) or str(_DEFAULT)
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= threading.TIMEOUT_MAX:
        raise GanzooError(f"{VARIABLE} must be a number of seconds above 0, got '{text}'")
    return seconds


def host_and_port(address: str) -> tuple[str, int] | None:
    """Parses "host:2222" or "[::1]:2222" to (host, port); None if it is not an address.

    Example:
        from ganzoo.training.meeting import host_and_port

        host_and_port("[::1]:2222")         # ("::1", 2222)
    """
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    valid = host and port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 2**16
    return (host, int(port)) if valid else None


def unreachable(address: str, seconds: float) -> str | None:
    """Why nothing responds at "host:port" within this time; None if something does."""
    target = host_and_port(address)
    if target is None:
        return f"'{address}' is not an address of the form host:port"
    try:
        socket.create_connection(target, timeout=seconds).close()
    except (OSError, UnicodeError) as error:
        return f"{address} does not respond ({_reason(error)})"
    return None


def meet(tasks: dict[str, Sequence[str]], kind: str, index: int, seconds: float) -> None:
    """Waits until this worker and all others can reach each other.

    A worker that has reached all others keeps waiting until they have, too: only then will TensorFlow not block.

    Args:
        tasks: {type of task: list of addresses "host:port"}, the same for all workers.
        kind, index: the task of this process.
        seconds: time limit.

    Raises:
        GanzooError: the worker's own port is in use, a worker is still missing after the time limit, or has a different
            list of tasks.

    Example:
        from ganzoo.training.meeting import meet

        # With several workers, e.g. {"worker": ["host1:2222", "host2:2222"]}, all call it; one alone returns at once.
        meet({"worker": ["localhost:2222"]}, "worker", 0, seconds=300)
    """
    # Parameter servers and evaluators do not take part in the strategy.
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
            # No message if the others start within moments.
            next_line = began + _ONE_TRY
            while not meeting.done.wait(0.2):
                now = time.monotonic()
                if meeting.problem:
                    raise GanzooError(meeting.problem)
                if now - began > seconds:
                    raise GanzooError(
                        f"gave up after {seconds:g} seconds of waiting for {meeting.whom()}: start all workers, make "
                        f"sure that they can reach each other's addresses, or wait longer with {VARIABLE}=SECONDS"
                    )
                if now > next_line:
                    print(f"waiting for {meeting.whom()} ({seconds - now + began:.0f} s left)", flush=True)
                    next_line = now + _BETWEEN_LINES
            # The others must see it before TensorFlow uses this port.
            time.sleep(2 * _BETWEEN_TRIES)
        finally:
            meeting.done.set()


class _Meeting:
    """Which workers have responded; one thread per worker connects to it."""

    def __init__(self, names: dict[tuple[str, int], str], greeting: str):
        self._names, self._greeting = names, greeting
        # {task: why it has not responded}, and the tasks that have not reached all others.
        self._missing = dict.fromkeys(names, "not tried yet")
        self._waiting = set(names)
        self._lock = threading.Lock()
        self.done = threading.Event()
        self.problem: str | None = None

    @property
    def all_seen(self) -> bool:
        return not self._missing

    def begin(self) -> None:
        for task in self._names:
            threading.Thread(target=self._ask, args=(task,), daemon=True).start()

    def whom(self) -> str:
        """A description of the workers that are missing."""
        with self._lock:
            missing, waiting = dict(self._missing), sorted(self._waiting)
        if missing:
            listed = [f"{self._called(task)} ({why})" for task, why in sorted(missing.items())]
            what = f"{len(missing)} of {len(self._names)} other workers"
        else:
            listed = [self._called(task) for task in waiting]
            what = f"{len(waiting)} of {len(self._names)} other workers to reach all others"
        more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
        return f"{what}: {', '.join(listed[:5])}{more}"

    def _called(self, task: tuple[str, int]) -> str:
        return f"{task[0]} {task[1]} at {self._names[task]}"

    def _ask(self, task: tuple[str, int]) -> None:
        target = host_and_port(self._names[task])
        if target is None:
            self.problem = f"'{self._names[task]}' is not an address of the form host:port"
            return
        while not self.done.is_set():
            try:
                with socket.create_connection(target, timeout=_ONE_TRY) as connection:
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
                    # Any other response comes from TensorFlow: that worker has already reached all others.
                    if not answer.startswith("ganzoo ") or answer.endswith(" ready"):
                        self._waiting.discard(task)
                    if not self._waiting and not self._missing and not self.problem:
                        self.done.set()
                    if task not in self._waiting:
                        return
            self.done.wait(_BETWEEN_TRIES)


def _line(connection: socket.socket) -> str:
    """The first line received before the timeout, or the part of it that was received."""
    received = b""
    with contextlib.suppress(OSError):
        while b"\n" not in received and len(received) < 200:
            piece = connection.recv(200)
            if not piece:
                break
            received += piece
    return received.partition(b"\n")[0].decode("ascii", "replace")


@contextlib.contextmanager
def _listening(address: str, answer: Callable[[], str]) -> Iterator[None]:
    """A context that responds with a line to connections to the port of an address, on all interfaces."""
    parsed = host_and_port(address)
    if parsed is None:
        raise GanzooError(f"'{address}' is not an address of the form host:port")
    port = parsed[1]
    try:
        listener = _server(port)
    except OSError as error:
        raise GanzooError(
            f"this worker cannot listen on its own address {address}: {_reason(error)}; is it running already, or does "
            "another process use this port?"
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


def _server(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)
        except OSError as error:
            # If IPv6 is turned off in the kernel, binding fails.
            if error.errno == errno.EADDRINUSE:
                raise
    return socket.create_server(("", port), backlog=128)


# A process that kills its parent unless that closes the pipe between them in time.
_LIMIT = """
import os, select, signal, sys
process, seconds, message = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
signal.signal(signal.SIGINT, signal.SIG_IGN)
if not select.select([0], [], [], seconds)[0] and os.getppid() == process:
    print(message, file=sys.stderr, flush=True)
    os.kill(process, signal.SIGKILL)
"""


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """A context that kills this process, with an error message, if it takes longer; within it, Ctrl-C kills it at once.

    For native code during which Python can neither handle signals nor run threads.
    """
    if os.name != "posix" or not sys.executable:
        yield
        return
    message = f"Error: gave up after {seconds:g} seconds: the workers met, but TensorFlow cannot connect them"
    command = [sys.executable, "-I", "-S", "-c", _LIMIT, str(os.getpid()), str(seconds), message]
    in_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.SIG_DFL) if in_main else None
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as limit:
        try:
            yield
        finally:
            if limit.stdin is not None:
                limit.stdin.close()
            if in_main:
                signal.signal(signal.SIGINT, before)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no response"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
