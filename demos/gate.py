"""The filter in front of the web page: requests that the page itself would not send are refused."""

import collections
import contextlib
import ipaddress
import json
import re
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NoReturn

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from starlette.responses import JSONResponse

from ganzoo.errors import GanzooError, first_line

from . import files

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

MEGABYTE = 2**20
# Limits of one upload, and of all stored uploads and results. Both are removed after an hour or two.
MOST_MEGABYTES, MOST_KEPT_MEGABYTES = 20, 2000
MOST_FILES, MOST_KEPT_FILES = 4, 2000
# Jobs of one visitor that are waiting or being submitted.
MOST_WAITING = 3
# Limits of one event, which consists of numbers, short texts and names of uploads.
_MOST_BYTES_OF_EVENT, _MOST_DEPTH = 64 * 1024, 8

_JOIN, _UPLOAD, _FILE = "/gradio_api/queue/join", "/gradio_api/upload", "/gradio_api/file="
# The routes that the page in a browser uses. All others of Gradio are closed: calls that bypass the queue, proxies,
# fetching of URLs, developer tools.
_READ = re.compile(
    r"/|/config/?|/theme\.css|/favicon\.ico|/manifest\.json|/robots\.txt|/(assets|static|svelte)/.+|/samples/\w+\.png"
    r"|/gradio_api/(info/?|app_id/?|theme\.css|heartbeat/[^/]+|queue/data|upload_progress|file=.+)"
)
_WRITTEN = {_JOIN: _MOST_BYTES_OF_EVENT, _UPLOAD: MOST_MEGABYTES * MEGABYTE + 64 * 1024}

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?", re.ASCII)
# These listen on all addresses of a machine.
_ALL = ("0.0.0.0", "::")


class Hosts:
    """Which host names a request may use, and which origins may send one.

    Every request names the host that the browser believes it talks to. This exposes a foreign website that points its
    own name to this machine (DNS rebinding). A literal address cannot be rebound, so all are allowed.

    Args:
        host: the host that the server listens on.
        named: further allowed host names, without scheme and port.

    Raises:
        GanzooError: an invalid host name.
    """

    def __init__(self, host: str, named: Iterable[str] = ()):
        self.named = {_name(name) for name in named}
        self.own = {"localhost", host.lower()}
        if host in _ALL:
            own = socket.gethostname().lower()
            self.own |= {own, own.partition(".")[0] + ".local"}

    def refusal(self, headers: Headers) -> str | None:
        """Why a request with these headers is refused, or None."""
        given = headers.getlist("host")
        found = _HOST.fullmatch(given[0].lower()) if len(given) == 1 else None
        if found is None:
            return "the request has no valid Host header"
        host = found[1].strip("[]").rstrip(".")
        if host not in self.own | self.named and not _is_address(host):
            return f"this page is not served as {host}: allow the name with `ganzoo demo --allowed-host {host}`"
        origins = headers.getlist("origin")
        if origins and (len(origins) > 1 or not self._is_own(origins[0].lower(), given[0].lower())):
            return "the request comes from another website"
        return None

    def _is_own(self, origin: str, host: str) -> bool:
        """Whether an Origin header names this page, directly or by an allowed name (behind a proxy)."""
        scheme, _, place = origin.partition("://")
        found = _HOST.fullmatch(place)
        return scheme in ("http", "https") and found is not None and (place == host or found[1] in self.named)


def _name(name: str) -> str:
    found = _HOST.fullmatch(name.strip().lower())
    if found is None or found[2]:
        raise GanzooError(f"'{name}' is not a host name: write it without scheme, port and path, e.g. demo.example.org")
    return found[1].strip("[]").rstrip(".")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class _Refused(Exception):
    """A request is refused, with an HTTP status and a message."""

    def __init__(self, status: int, why: str):
        super().__init__(why)
        self.status = status


class Gate:
    """ASGI middleware that refuses every request that the page itself would not send.

    Args:
        inner: the ASGI app.
        blocks: the Gradio app, whose events may be requested.
        hosts: the hosts that a request may name.
    """

    def __init__(self, inner: Any, blocks: Any, hosts: Hosts):
        self.inner, self.blocks, self.hosts = inner, blocks, hosts
        self.room = files.Room(MOST_KEPT_FILES, MOST_KEPT_MEGABYTES * MEGABYTE, self._lasting)
        # {session: number of its jobs between this gate and the queue}
        self._joining: collections.Counter[str] = collections.Counter()

    def _lasting(self) -> list[str]:
        """Paths of the pages' own files: examples and initial values."""
        components = list(self.blocks.blocks.values())
        return [path for component in components for path in getattr(component, "keep_in_cache", ())]

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.inner(scope, receive, send)
            return
        if scope["type"] != "http":
            # The page uses no WebSockets.
            await send({"type": "websocket.close", "code": 1008})
            return
        with contextlib.ExitStack() as until_answered:
            try:
                receive = await self._checked(scope, receive, until_answered)
            except _Refused as refused:
                await JSONResponse({"detail": str(refused)}, refused.status)(scope, receive, send)
                return
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Any, receive: Receive, send: Send) -> None:
        try:
            await self.inner(scope, receive, send)
        except Exception as error:  # Starlette has already sent status 500
            print(f"{scope['method']} {scope['path'][:100]}: {first_line(error)}", file=sys.stderr, flush=True)

    async def _checked(self, scope: Any, receive: Receive, until_answered: contextlib.ExitStack) -> Receive:
        """The receive channel of an accepted request. Callbacks in `until_answered` run after the response."""
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
            raise _Refused(405, "only POST is allowed here")
        length = headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()):
            raise _Refused(411, "the request has no valid Content-Length")
        if len(length) > 12 or int(length) > _WRITTEN[path]:
            raise _Refused(413, f"more than {_WRITTEN[path] // 1024} kilobytes")
        if path == _UPLOAD:
            form = _Form(headers.get("content-type", ""))
            if not await self.room.has(MOST_FILES, int(length)):
                raise _Refused(507, "the server holds too many files: try again in a few minutes")
            return form.checked(receive)
        session, body = self._event(await _whole(receive))
        # Results need room like uploads, but their size is not known yet.
        await self.room.has(0, 0)
        self._join(session, until_answered)
        return _replayed(body, receive)

    def _join(self, session: str, until_answered: contextlib.ExitStack) -> None:
        """Counts a job of a session until it is in the queue, and limits the jobs of one session.

        Otherwise one visitor could fill the queue and lock everybody else out.
        """
        queues = self.blocks._queue.event_queue_per_concurrency_id.values()
        waiting = sum(event.session_hash == session for queue in queues for event in queue.queue)
        if waiting + self._joining[session] >= MOST_WAITING:
            raise _Refused(429, f"{MOST_WAITING} of your jobs are waiting already: try again when one is done")
        self._joining[session] += 1
        until_answered.callback(self._joined, session)

    def _joined(self, session: str) -> None:
        self._joining[session] -= 1
        if not self._joining[session]:
            del self._joining[session]

    def _event(self, body: bytes) -> tuple[str, bytes]:
        """(session, body) of an event, reduced to the fields that the page sends."""
        try:
            event = json.loads(body, parse_constant=_no_number)
            if not isinstance(event, dict) or not isinstance(event.get("data"), list) or _depth(event) > _MOST_DEPTH:
                raise ValueError
            fields = {name: event.get(name) for name in ("data", "fn_index", "trigger_id", "session_hash")}
            if type(fields["fn_index"]) is not int or fields["fn_index"] not in self.blocks.fns:
                raise ValueError
            if type(fields["trigger_id"]) not in (int, type(None)):
                raise ValueError
            # Always there: Gradio fails without it where an event needs it.
            fields["event_data"] = {"index": _place(event.get("event_data")), "value": None}
            session = fields["session_hash"] or ""
            if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", session):
                raise ValueError
            # Encoding fails for unpaired surrogates.
            return session, json.dumps(fields, ensure_ascii=False).encode()
        except (ValueError, TypeError, RecursionError):
            raise _Refused(400, "not an event of this page: reload the page") from None


def _place(data: Any) -> list[int] | None:
    """Where an image was clicked, [x, y], the only data about an event that a page uses; None for anything else."""
    place = data.get("index") if isinstance(data, dict) else None
    if not isinstance(place, list) or len(place) != 2:
        return None
    return place if all(type(value) is int and 0 <= value < 2**16 for value in place) else None


class _Form:
    """Checks that a form of uploads consists of a few named files and nothing else.

    Gradio, which reads the form as well, allows 1,000 files and fails at fields that are not files. For a refused form
    this raises the error at which Gradio removes the files it has written and responds with status 400.

    Args:
        content_type: the Content-Type header of the request.
    """

    def __init__(self, content_type: str):
        kind, options = parse_options_header(content_type)
        callbacks: Any = dict(
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
            raise _Refused(400, "an upload must be a form of files") from None
        self._count, self._disposition = 0, b""
        self._name, self._value = b"", b""

    def checked(self, receive: Receive) -> Receive:
        """A receive channel that passes the form on as long as it is valid."""
        whole = False

        async def passed() -> Any:
            nonlocal whole
            message = await receive()
            if whole:
                return message
            if message["type"] != "http.request":
                raise MultiPartException("the upload ended early")
            try:
                self._parser.write(message.get("body", b""))
            except FormParserError as error:
                raise MultiPartException(f"an upload must be a form of files: {first_line(error)}") from None
            whole = not message.get("more_body", False)
            if whole and not self._count:
                raise MultiPartException("the upload has no file")
            return message

        return passed

    def _begin(self) -> None:
        self._disposition = b""
        self._count += 1
        if self._count > MOST_FILES:
            raise MultiPartException(f"more than {MOST_FILES} files at once")

    def _begin_header(self) -> None:
        self._name, self._value = b"", b""

    def _add_to_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _add_to_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value

    def _check(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"filename", b"").rpartition(b"/")[2]
        # Gradio removes all other characters from names.
        if options.get(b"name") != b"files" or not re.search(rb"[A-Za-z0-9\x80-\xff]", name):
            raise MultiPartException("a part of the upload is not a file with a name")


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _depth(value: Any) -> int:
    """The nesting depth of lists and dictionaries."""
    depth, level = 0, [value]
    while level:
        depth += 1
        parts = (one.values() if isinstance(one, dict) else one for one in level if isinstance(one, (dict, list)))
        level = [part for inner in parts for part in inner]
    return depth


async def _whole(receive: Receive) -> bytes:
    """The whole body of a request; the server enforces its declared length."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise _Refused(400, "the request ended early")
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A receive channel that returns the body once, then the messages of the connection."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Any:
        return messages.pop() if messages else await receive()

    return replay
