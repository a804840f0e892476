"""What stands between the network and Streamlit: who may connect, response headers, upload quotas."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime import exists, get_instance

from tlcore.addresses import is_loopback, refuse_open, remedy, remote_allowed
from tlcore.errors import ConflictError

_RISK = "Whoever reaches this port can see and delete everything here and use this machine."
SESSION_QUOTA_BYTES = 4 * 1024**3
SERVER_QUOTA_BYTES = 8 * 1024**3


def _inline_scripts() -> str:
    """Hashes of the scripts written into Streamlit's own page, so that no other inline script runs."""
    html = (Path(st.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    bodies = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()}'" for body in bodies)


# Vega compiles its expressions with Function(), hence 'unsafe-eval'; Emotion writes inline styles; Streamlit loads the
# script of a component of ours, the camera's, from a blob, which only a script that runs already could make.
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' blob: 'unsafe-eval' {_inline_scripts()}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            "font-src 'self' data:",
            "connect-src 'self' data:",  # The camera's pictures come from such an address, which leads nowhere.
            "worker-src 'self' blob:",
            "frame-src 'self'",
            "frame-ancestors 'self'",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
        )
    ),
}


class Guard:
    """Refuses to start on an open address, connections from elsewhere and foreign host names; adds the response headers.

    The socket's own address is looked at, so it holds under any server and any option. A foreign
    Host header on a loopback socket is a page elsewhere that had its name point here (DNS rebinding).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._start(scope, receive, send)
        if not remote_allowed() and not self._local(scope):
            if scope["type"] == "websocket":
                return await send({"type": "websocket.close", "code": 1008})
            return await PlainTextResponse(f"{_RISK} {remedy()}", status_code=403)(scope, receive, send)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        await self.app(scope, receive, send_with_headers)

    async def _start(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the server here where the address is open: an error inside would show as a traceback."""
        try:
            refuse_open(st.get_option("server.address"), _RISK)
        except ConflictError as error:
            await receive()
            return await send({"type": "lifespan.startup.failed", "message": str(error)})
        await self.app(scope, receive, send)

    @staticmethod
    def _local(scope: Scope) -> bool:
        server = scope.get("server")
        host = re.sub(r":\d+$", "", Headers(scope=scope).get("host", "localhost"))
        return (server is None or is_loopback(server[0])) and is_loopback(host)


class UploadQuota:
    """Bounds what uploads keep in memory, by session and in all; Streamlit bounds one file only."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._held: dict[tuple[str, str], int] = {}  # (session, file) → bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        parts = scope["path"].split("/_stcore/upload_file/") if scope["type"] == "http" else ()
        session, _, file = parts[-1].partition("/") if len(parts) == 2 else ("", "", "")
        if not file:
            return await self.app(scope, receive, send)
        if scope["method"] == "DELETE":
            self._held.pop((session, file), None)
        if scope["method"] != "PUT":
            return await self.app(scope, receive, send)
        declared = Headers(scope=scope).get("content-length", "")
        if not declared.isdigit():
            return await PlainTextResponse("An upload has to declare its length.", status_code=411)(scope, receive, send)
        self._forget_closed_sessions()
        held = [(owner, size) for (owner, name), size in self._held.items() if (owner, name) != (session, file)]
        mine = sum(size for owner, size in held if owner == session)
        everyone = sum(size for _, size in held)
        if mine + int(declared) > SESSION_QUOTA_BYTES or everyone + int(declared) > SERVER_QUOTA_BYTES:
            message = "Too much is uploaded already. Remove files, or give the path of a ZIP on the server."
            return await PlainTextResponse(message, status_code=413)(scope, receive, send)
        # The server reads no more than the declared length, so that is what may be held.
        self._held[session, file] = int(declared)
        await self.app(scope, receive, self._watched(send, session, file))

    def _watched(self, send: Send, session: str, file: str) -> Send:
        async def send_and_release(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                self._held.pop((session, file), None)
            await send(message)

        return send_and_release

    def _forget_closed_sessions(self) -> None:
        if exists():
            runtime = get_instance()
            for key in [key for key in self._held if not runtime.is_active_session(key[0])]:
                del self._held[key]
