"""The documentation, served to this machine alone: one page, and only to those who ask for this machine by its name."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

ADDRESS: Final = "127.0.0.1"
_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
_SECONDS: Final = 30
_USUAL_PORT: Final = 80


def server_of(page: Path, port: int) -> ThreadingHTTPServer:
    """A server of this one page, which is read once."""
    content = page.read_bytes()

    class Handler(BaseHTTPRequestHandler):
        timeout = _SECONDS

        def do_GET(self) -> None:
            self._answer(with_content=True)

        def do_HEAD(self) -> None:
            self._answer(with_content=False)

        def _answer(self, *, with_content: bool) -> None:
            if not is_asked_for(self.headers.get_all("Host", []), server.server_port):
                self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
                return
            if self.path.partition("?")[0] not in {"/", "/index.html"}:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            if with_content:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Every request in the terminal helps nobody who reads a page."""

    server = ThreadingHTTPServer((ADDRESS, port), Handler)
    return server


def is_asked_for(hosts: Sequence[str], port: int) -> bool:
    """Whether a request names this machine: a page of somebody else's can have a browser ask here under another name."""
    allowed = {f"{name}:{port}" for name in _NAMES}
    if port == _USUAL_PORT:  # a browser leaves it out
        allowed |= set(_NAMES)
    return len(hosts) == 1 and hosts[0].strip().lower() in allowed
