"""The first page, made once for all visitors."""

from collections import OrderedDict
from typing import Any

from starlette.middleware.gzip import GZipMiddleware

from .gate import Receive, Send

_PAGES = ("/", "/config", "/config/")
# What the page depends on besides its path: its own address, also behind a proxy, and how it is compressed.
_HEADERS = (b"host", b"origin", b"accept-encoding", b"x-gradio-server")
_FORWARDED = b"x-forwarded-"
_MOST = 16


class PageCache:
    """ASGI middleware that keeps the first page, compressed, which Gradio makes again for every visitor.

    Args:
        inner: the ASGI app.
    """

    def __init__(self, inner: Any):
        self.inner, self._compressed = inner, GZipMiddleware(inner)
        # {what a page depends on: the messages of its response}, the last used ones last
        self._kept: OrderedDict[Any, list[Any]] = OrderedDict()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] not in _PAGES or scope["query_string"]:
            await self.inner(scope, receive, send)
            return
        headers = [one for one in scope["headers"] if one[0] in _HEADERS or one[0].startswith(_FORWARDED)]
        key = scope["path"], scope["scheme"], tuple(sorted(headers))
        if key not in self._kept:
            messages: list[Any] = []

            async def kept(message: Any) -> None:
                messages.append(message)
                await send(message)

            await self._compressed(scope, receive, kept)
            if messages and messages[0].get("status") == 200 and not messages[-1].get("more_body"):
                self._kept[key] = messages
                while len(self._kept) > _MOST:
                    self._kept.popitem(last=False)
            return
        self._kept.move_to_end(key)
        for message in self._kept[key]:
            await send(message)
