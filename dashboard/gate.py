"""Who may talk to the dashboard: browsers that call it by its own name, in a window of its own."""

import ipaddress
import os
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hmw_core.errors import UsageError

LOCAL = ("localhost", "127.0.0.1", "::1")
NAMES = "HMW_HOST_NAMES"
"""The environment's variable of the other names, apart by commas: `--host-name`."""
# A frame of another page could let a visitor press our buttons unseen.
NOT_FRAMED = {"X-Frame-Options": "DENY", "Content-Security-Policy": "frame-ancestors 'none'"}
_NAME = re.compile(r"(?!.{254})[a-z0-9_-]+(\.[a-z0-9_-]+)*")


class Gate:
    """Refuse requests under a foreign name, and those of foreign pages, before Streamlit sees them.

    A web page can let its own name lead to 127.0.0.1 (DNS rebinding). Its visitors' browsers then
    take our pages for its own; only the header `Host` tells that they do. The header `Origin`
    says which page asks: ours, which is at `Host`, or one at a name that was told.

    Parameters
    ----------
    app : ASGI application
    names : iterable of str
        Names and addresses of this server beside those of `LOCAL`, as `host_name` returns them.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str] = ()) -> None:
        self.app = app
        self.told = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 with a sentence, or let the application answer, never in a frame."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return

        async def unframed(message: Message) -> None:
            if message["type"].endswith("response.start"):
                MutableHeaders(scope=message).update(NOT_FRAMED)
            await send(message)

        reason = self.refusal(Headers(scope=scope))
        if scope["type"] == "websocket":
            # Streamlit would judge the page again, by addresses that it asks another machine for.
            kept = [pair for pair in scope["headers"] if pair[0] != b"origin"]
            scope = {**scope, "headers": kept}
        answer = self.app if reason is None else PlainTextResponse(f"{reason}\n", 403)
        await answer(scope, receive, unframed)

    def refusal(self, headers: Headers) -> str | None:
        """Return in a sentence why a request is refused, None if it is not."""
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or _name(hosts[0]) not in {*LOCAL, *self.told}:
            asked = " and ".join(map(repr, hosts))[:300] or "nothing"
            return (
                f"Refused: this dashboard is not called {asked}. Open it as localhost or "
                "127.0.0.1, or let whoever starts it name it with --host-name."
            )
        if not origins:  # not a browser, or a page that is opened from the address bar
            return None
        scheme, _, place = origins[0].partition("://")
        own = place.lower() == hosts[0].lower() or _name(place) in self.told
        if len(origins) == 1 and scheme in ("http", "https") and own:
            return None
        return f"Refused: the page {origins[0][:300]!r} may not talk to this dashboard."


def host_name(text: str) -> str:
    """Return a name or an address of this server, as the gate compares it.

    Raises
    ------
    UsageError
        If it is neither: a scheme, a port, a path and a `*` are no parts of a name.
    """
    name = text.strip().lower().strip("[]").removesuffix(".")
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"--host-name must be a name or an address alone, as in the address bar: "
                f"hmw.example.org or 192.168.1.5, got {text!r}"
            ) from None
    return name


def told_names() -> list[str]:
    """Return the names of this server that the environment tells, as `host_name` returns them."""
    return [host_name(text) for text in os.environ.get(NAMES, "").split(",") if text.strip()]


def _name(place: str) -> str | None:
    """Return the name of `name:port`, None where the text is not of this form."""
    try:
        parts = urlsplit(f"//{place}")
        parts.port  # noqa: B018  # raises where it is none
        if parts.netloc != place or "@" in place or parts.hostname is None:
            return None
        return host_name(parts.hostname)
    except (ValueError, UsageError):
        return None
