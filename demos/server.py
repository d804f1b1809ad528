"""The web server: it listens until it is told to stop, and removes all files at the end."""

import contextlib
import errno
import logging
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn

import uvicorn

from ganzoo.errors import GanzooError

from . import files

# How long running requests may take to finish when the server is stopped.
_SECONDS_TO_END = 3


def serve(make_app: Callable[[], Any], host: str, port: int) -> None:
    """Serves an ASGI app until Ctrl-C, SIGTERM or SIGHUP, and removes this process's files at the end.

    Args:
        make_app: returns the app; called once the port is known to be free.
        host, port: where to listen.

    Raises:
        GanzooError: the host or port cannot be listened on.
    """
    with _listening(host, port) as listening, _cleaned_up():
        options: Any = dict(log_level="warning", access_log=False, ws="none", timeout_graceful_shutdown=1)
        server = uvicorn.Server(uvicorn.Config(make_app(), **options))
        ended = threading.Event()

        def run() -> None:
            try:
                server.run(sockets=[listening])
            finally:
                ended.set()

        # Not in the main thread, where a running model would delay signal handlers. Wait for an event, not the thread:
        # an interrupted Thread.join takes the thread for ended.
        threading.Thread(target=run, daemon=True).start()
        try:
            while not server.started and not ended.wait(0.05):
                pass
            if server.started:
                print(
                    f"ganzoo is on http://{f'[{host}]' if ':' in host else host}:{port} (press Ctrl-C to stop)",
                    flush=True,
                )
            while not ended.wait(0.5):
                pass
        finally:
            # Requests that are cut off now are not errors.
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
            server.should_exit = True
            ended.wait(_SECONDS_TO_END)


def _listening(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        GanzooError: the host or the port cannot be used; the message says which.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise GanzooError(f"--host {host}: unknown host name or address") from None
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen()
        return listening
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRNOTAVAIL:
            why = f"--host {host} is not an address of this machine: use 127.0.0.1, or 0.0.0.0 for all its addresses"
        elif error.errno == errno.EADDRINUSE:
            why = f"port {port} of {host} is in use: choose another with --port"
        elif error.errno == errno.EACCES:
            why = f"no permission to use port {port}: choose one above 1023 with --port"
        else:
            why = f"cannot listen on port {port} of {host}: {error.strerror or error}"
        raise GanzooError(why) from None


class _Ended(BaseException):
    """A signal tells the process to end."""


@contextlib.contextmanager
def _cleaned_up() -> Iterator[None]:
    """Removes this process's files at the end of the block, also when Ctrl-C or a signal ends it.

    All temporary files created in the block, by any library, go into this process's folder. After a signal the process
    ends by that signal, as its sender expects.
    """

    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise _Ended(number)

    # A process started with nohup keeps ignoring SIGHUP. Only the main thread can set handlers.
    is_main = threading.current_thread() is threading.main_thread()
    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])] if is_main else []
    handled = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in handled:
        signal.signal(number, end)
    ended_by, usual = None, tempfile.tempdir
    tempfile.tempdir = str(files.folder())
    try:
        yield
    except KeyboardInterrupt:
        print()
    except _Ended as ended:
        ended_by = ended.args[0]
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_IGN)
        files.remove()
        tempfile.tempdir = usual
        for number in handled:
            signal.signal(number, signal.SIG_DFL)
        if ended_by is not None:
            os.kill(os.getpid(), ended_by)
