"""The guard in front of the HTTP server: requests need the token."""

from __future__ import annotations

import hmac
import os
import secrets
import socket
from typing import TYPE_CHECKING, Final

from agent_store.errors import StoreError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from agent_store.paths import StorePaths

TOKEN_VARIABLE: Final = "AGENT_STORE_MCP_TOKEN"
_FILE: Final = "mcp_token"


def token_of(paths: StorePaths) -> str:
    """The token of a home: AGENT_STORE_MCP_TOKEN, or else the content of its file `mcp_token`, which is created if
    missing."""
    if named := os.environ.get(TOKEN_VARIABLE, "").strip():
        return named
    file = paths.ensure().home / _FILE
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        token = file.read_bytes().strip().decode("ascii", "replace")
        if not token.isprintable() or not token.isascii() or not token:
            raise StoreError(
                f"There is no token in {file}.", "Delete the file: a new one will be created."
            ) from None
        return token
    with os.fdopen(opened, "w", encoding="ascii") as made:
        token = secrets.token_urlsafe(32)
        made.write(token + "\n")
    return token


def bound(port: int) -> socket.socket:
    """Bind the port of this machine before it is announced. Raises StoreError if that fails."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        raise StoreError(
            f"Port {port} of 127.0.0.1 cannot be used: {(error.strerror or str(error)).lower()}.",
            "Choose another port: agent-store mcp --http --port PORT",
        ) from error
    return listening


def guarded(app: ASGIApp, token: str) -> ASGIApp:
    """The app, for requests with `Authorization: Bearer TOKEN` only."""
    wanted = f"Bearer {token}".encode()

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, wanted):
                headers = [(b"www-authenticate", b"Bearer"), (b"content-type", b"text/plain")]
                await send({"type": "http.response.start", "status": 401, "headers": headers})
                await send({"type": "http.response.body", "body": b"The token is missing or wrong.\n"})
                return
        await app(scope, receive, send)

    return guard
