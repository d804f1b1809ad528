"""The web server in front of Gradio: who may ask, what may be asked, and nothing left behind at the end."""

import collections
import contextlib
import errno
import ipaddress
import json
import logging
import os
import re
import signal
import socket
import sys
import tempfile
import threading

import uvicorn
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from starlette.responses import JSONResponse

from ganzoo.errors import GanzooError, first_line

from . import files

MEGABYTE = 2**20
# Of one upload, and of all uploads and results that are kept at a time. Both are removed after an hour or two.
MOST_MEGABYTES, MOST_KEPT_MEGABYTES = 20, 2000
MOST_FILES, MOST_KEPT_FILES = 4, 2000
# Jobs of one visitor that wait or are being handed in.
MOST_WAITING = 3
# Of one event: numbers, short texts, names of uploads.
_MOST_BYTES_OF_EVENT, _MOST_DEPTH = 64 * 1024, 8

_JOIN, _UPLOAD, _FILE = "/gradio_api/queue/join", "/gradio_api/upload", "/gradio_api/file="
# What the page in a browser asks for. Everything else that Gradio offers is closed: calls past the queue, proxies,
# fetching of web addresses, Gradio's own tools.
_READ = re.compile(
    r"/|/config/?|/theme\.css|/favicon\.ico|/manifest\.json|/robots\.txt|/(assets|static|svelte)/.+"
    r"|/gradio_api/(info/?|app_id/?|theme\.css|heartbeat/[^/]+|queue/data|upload_progress|file=.+)"
)
_WRITTEN = {_JOIN: _MOST_BYTES_OF_EVENT, _UPLOAD: MOST_MEGABYTES * MEGABYTE + 64 * 1024}

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?", re.ASCII)
# For requests under way when the server is asked to end.
_SECONDS_TO_END = 3
# Addresses that mean all of a machine's.
_ALL = ("0.0.0.0", "::")


class Hosts:
    """Which hosts a request may be for, and which pages may send one.

    A browser names in each request the host that it believes to talk to. A foreign website that lets its own name point
    to this machine (DNS rebinding) is known by that name. A literal address cannot be rebound, so each is allowed.

    Args:
        host: what the server listens on.
        named: further names, without scheme and port.

    Raises:
        GanzooError: a name that is none.
    """

    def __init__(self, host, named=()):
        self.named = {_name(name) for name in named}
        self.own = {"localhost", host.lower()}
        if host in _ALL:
            own = socket.gethostname().lower()
            self.own |= {own, own.partition(".")[0] + ".local"}

    def refusal(self, headers):
        """Why a request with these headers is refused, or None."""
        given = headers.getlist("host")
        found = _HOST.fullmatch(given[0].lower()) if len(given) == 1 else None
        if found is None:
            return "the request names no host"
        host = found[1].strip("[]").rstrip(".")
        if host not in self.own | self.named and not _is_address(host):
            return f"this page is not served as {host}: allow the name with `ganzoo demo --allowed-host {host}`"
        origins = headers.getlist("origin")
        if origins and (len(origins) > 1 or not self._is_own(origins[0].lower(), given[0].lower())):
            return "the request comes from a page of another site"
        return None

    def _is_own(self, origin, host):
        """Whether an Origin header is this page's own. Behind a proxy, the name that is allowed tells it."""
        scheme, _, place = origin.partition("://")
        found = _HOST.fullmatch(place)
        return scheme in ("http", "https") and found is not None and (place == host or found[1] in self.named)


def _name(name):
    found = _HOST.fullmatch(name.strip().lower())
    if found is None or found[2]:
        raise GanzooError(f"'{name}' is no name of a host: write it alone, e.g. demo.example.org")
    return found[1].strip("[]").rstrip(".")


def _is_address(host):
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class _Refused(Exception):
    """A request that gets an answer of this status and a sentence."""

    def __init__(self, status, why):
        super().__init__(why)
        self.status = status


class Gate:
    """ASGI middleware around the app: refuses every request that the page itself would not send.

    Args:
        inner: the ASGI app.
        blocks: the Gradio app, whose events may be asked for.
        hosts: `Hosts`.
    """

    def __init__(self, inner, blocks, hosts):
        self.inner, self.blocks, self.hosts = inner, blocks, hosts
        self.room = files.Room(MOST_KEPT_FILES, MOST_KEPT_MEGABYTES * MEGABYTE, self._lasting)
        # {session: how many of its jobs are between this gate and the queue}
        self._joining = collections.Counter()

    def _lasting(self):
        """Paths of the pages' own files: examples, and what is shown at first."""
        components = list(self.blocks.blocks.values())
        return [path for component in components for path in getattr(component, "keep_in_cache", ())]

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await self.inner(scope, receive, send)
            return
        if scope["type"] != "http":
            # The page uses no websockets.
            await send({"type": "websocket.close", "code": 1008})
            return
        with contextlib.ExitStack() as until_answered:
            try:
                receive = await self._checked(scope, receive, until_answered)
            except _Refused as refused:
                await JSONResponse({"detail": str(refused)}, refused.status)(scope, receive, send)
                return
            await self._answer(scope, receive, send)

    async def _answer(self, scope, receive, send):
        try:
            await self.inner(scope, receive, send)
        except Exception as error:  # Starlette has answered it with status 500
            print(f"{scope['method']} {scope['path'][:100]}: {first_line(error)}", file=sys.stderr, flush=True)

    async def _checked(self, scope, receive, until_answered):
        """The channel of a request that may go on; what `until_answered` takes is undone after the answer."""
        headers, path, method = Headers(scope=scope), scope["path"], scope["method"]
        if why := self.hosts.refusal(headers):
            raise _Refused(403, why)
        if ".." in path.split("/") or "\\" in path or not path.isprintable():
            raise _Refused(404, "not found")
        if path.startswith(_FILE) and not files.is_served(path[len(_FILE) :]):
            raise _Refused(404, "not found")
        if method in ("GET", "HEAD") and _READ.fullmatch(path):
            return receive
        if path not in _WRITTEN:
            raise _Refused(404, "not found")
        if method != "POST":
            raise _Refused(405, "this is for POST")
        length = headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()):
            raise _Refused(411, "the request does not say how long it is")
        if len(length) > 12 or int(length) > _WRITTEN[path]:
            raise _Refused(413, f"more than {_WRITTEN[path] // 1024} kilobytes")
        if path == _UPLOAD:
            form = _Form(headers.get("content-type", ""))
            if not await self.room.has(MOST_FILES, int(length)):
                raise _Refused(507, "the server holds too many files: try again in a few minutes")
            return form.checked(receive)
        session, body = self._event(await _whole(receive))
        # Results take room as uploads do, but how much is known only later.
        await self.room.has(0, 0)
        self._join(session, until_answered)
        return _replayed(body, receive)

    def _join(self, session, until_answered):
        """Counts a job of a session until it is in the queue, where it counts by itself.

        One visitor alone must not fill the queue, from which everybody else would be turned away.
        """
        queues = self.blocks._queue.event_queue_per_concurrency_id.values()
        waiting = sum(event.session_hash == session for queue in queues for event in queue.queue)
        if waiting + self._joining[session] >= MOST_WAITING:
            raise _Refused(429, f"{MOST_WAITING} of your jobs are waiting already: try again when one is done")
        self._joining[session] += 1
        until_answered.callback(self._joined, session)

    def _joined(self, session):
        self._joining[session] -= 1
        if not self._joining[session]:
            del self._joining[session]

    def _event(self, body):
        """(session, body) of an event, with nothing in it but what the page sends."""
        try:
            event = json.loads(body, parse_constant=_no_number)
            if not isinstance(event, dict) or not isinstance(event.get("data"), list) or _depth(event) > _MOST_DEPTH:
                raise ValueError
            kept = {name: event.get(name) for name in ("data", "fn_index", "trigger_id", "session_hash")}
            if type(kept["fn_index"]) is not int or kept["fn_index"] not in self.blocks.fns:
                raise ValueError
            if type(kept["trigger_id"]) not in (int, type(None)):
                raise ValueError
            if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", kept["session_hash"] or ""):
                raise ValueError
            # Half of a surrogate pair is no text.
            return kept["session_hash"], json.dumps(kept, ensure_ascii=False).encode()
        except (ValueError, TypeError, RecursionError):
            raise _Refused(400, "this is no event of the page: load the page again") from None


class _Form:
    """What a form of uploads consists of: a few files with names, and nothing else.

    It is read beside Gradio, which allows 1,000 files, and fails at what is not a file. A form that is refused ends
    with the error at which Gradio removes what it has written and answers with status 400.

    Args:
        content_type: of the request.
    """

    def __init__(self, content_type):
        kind, options = parse_options_header(content_type)
        callbacks = dict(
            on_part_begin=self._begin,
            on_header_begin=self._begin_header,
            on_header_field=self._add_to_name,
            on_header_value=self._add_to_value,
            on_header_end=self._end_header,
            on_headers_finished=self._check,
        )
        try:
            if kind != b"multipart/form-data" or not options.get(b"boundary"):
                raise ValueError
            self._parser = MultipartParser(options[b"boundary"], callbacks)
        except (ValueError, FormParserError):
            raise _Refused(400, "an upload is a form of files") from None
        self._count, self._disposition = 0, b""
        self._name, self._value = b"", b""

    def checked(self, receive):
        """A channel that passes the form on as far as it is right."""
        whole = False

        async def passed():
            nonlocal whole
            message = await receive()
            if whole:
                return message
            if message["type"] != "http.request":
                raise MultiPartException("the upload ended early")
            try:
                self._parser.write(message.get("body", b""))
            except FormParserError as error:
                raise MultiPartException(f"an upload is a form of files: {first_line(error)}") from None
            whole = not message.get("more_body", False)
            if whole and not self._count:
                raise MultiPartException("the upload has no file")
            return message

        return passed

    def _begin(self):
        self._disposition = b""
        self._count += 1
        if self._count > MOST_FILES:
            raise MultiPartException(f"more than {MOST_FILES} files at once")

    def _begin_header(self):
        self._name, self._value = b"", b""

    def _add_to_name(self, data, start, end):
        self._name += data[start:end]

    def _add_to_value(self, data, start, end):
        self._value += data[start:end]

    def _end_header(self):
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value

    def _check(self):
        _, options = parse_options_header(self._disposition)
        name = options.get(b"filename", b"").rpartition(b"/")[2]
        # Of other characters than these Gradio leaves none.
        if options.get(b"name") != b"files" or not re.search(rb"[A-Za-z0-9\x80-\xff]", name):
            raise MultiPartException("a part of the upload is no file with a name")


def _no_number(name):
    raise ValueError(name)


def _depth(value):
    """How deep lists and dictionaries are nested."""
    depth, level = 0, [value]
    while level:
        depth += 1
        parts = (one.values() if isinstance(one, dict) else one for one in level if isinstance(one, (dict, list)))
        level = [part for inner in parts for part in inner]
    return depth


async def _whole(receive):
    """The whole body of a request, whose length the server has made sure of."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise _Refused(400, "the request ended early")
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _replayed(body, receive):
    """A channel that gives a body once, then what the connection has to say."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay():
        return messages.pop() if messages else await receive()

    return replay


def serve(make_app, host, port):
    """Serves an ASGI app until Ctrl-C, SIGTERM or SIGHUP, and removes this process's files at the end.

    Args:
        make_app: gives the app; called once the port is known to be free.
        host, port: to listen on.

    Raises:
        GanzooError: an address or a port that cannot be listened on.
    """
    with _listening(host, port) as listening, _cleaned_up():
        options = dict(log_level="warning", access_log=False, ws="none", timeout_graceful_shutdown=1)
        server = uvicorn.Server(uvicorn.Config(make_app(), **options))
        ended = threading.Event()

        def run():
            try:
                server.run(sockets=[listening])
            finally:
                ended.set()

        # Not the main thread: a model at work would delay what a signal asks for. And an event is waited for, not the
        # thread: Thread.join takes a thread for ended when a signal interrupts it.
        threading.Thread(target=run, daemon=True).start()
        try:
            while not server.started and not ended.wait(0.05):
                pass
            if server.started:
                print(f"ganzoo is on http://{f'[{host}]' if ':' in host else host}:{port} (Ctrl-C ends it)", flush=True)
            while not ended.wait(0.5):
                pass
        finally:
            # Whatever is cut off now is no error.
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
            server.should_exit = True
            ended.wait(_SECONDS_TO_END)


def _listening(host, port):
    """A socket that listens.

    Raises:
        GanzooError: saying whether it is the host or the port that is wrong.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise GanzooError(f"--host {host}: this machine knows no such name or address") from None
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen()
        return listening
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRNOTAVAIL:
            why = f"--host {host} is no address of this machine: use 127.0.0.1, or 0.0.0.0 for all that it has"
        elif error.errno == errno.EADDRINUSE:
            why = f"port {port} of {host} is taken: choose another with --port"
        elif error.errno == errno.EACCES:
            why = f"port {port} needs more rights than yours: choose one above 1023 with --port"
        else:
            why = f"cannot listen on port {port} of {host}: {error.strerror or error}"
        raise GanzooError(why) from None


class _Ended(BaseException):
    """A signal asks the process to end."""


@contextlib.contextmanager
def _cleaned_up():
    """Removes this process's files at the end of the block, also where Ctrl-C or a signal ends it.

    All temporary files that are made in the block go into this process's folder, whichever library makes them. After a
    signal the process ends by that signal, as whoever sent it expects.
    """

    def end(number, frame):
        raise _Ended(number)

    # A process started with nohup ignores SIGHUP, and goes on doing so. Handlers belong to the main thread.
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
