"""The dashboard served to one user of this machine, written again when a new store has been published.

The address holds a word that nobody else knows: other users of the machine reach the port, too.
"""

from __future__ import annotations

import html
import secrets
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from threading import Lock
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from agent_store.errors import StoreError
from agent_store.show import raw_line
from agent_store.show.dashboard import page
from agent_store.show.dashboard.collect import collect
from agent_store.show.local_server import ADDRESS, LocalServer, is_asked_for
from agent_store.store import open_store

if TYPE_CHECKING:
    from agent_store.paths import StorePaths

_SECONDS: Final = 30
_LINE_POLICY: Final = "default-src 'none'"
_MOST_DIGITS: Final = 18


class Dashboard:
    """The page over the store as it is now."""

    def __init__(self, paths: StorePaths) -> None:
        self.paths = paths
        self._lock = Lock()
        self._version = ""
        self._page = b""

    def page(self) -> bytes:
        """The page, made again only where the store is another one."""
        with self._lock:
            version = page.version_of(self.paths)
            if version != self._version or not self._page:
                with open_store(self.paths) as connection:
                    self._page = page.render(collect(connection), version).encode()
                self._version = version
            return self._page


def server_of(paths: StorePaths, port: int) -> tuple[LocalServer, str]:
    """A server of the dashboard on this machine, and the address to open."""
    dashboard = Dashboard(paths)
    word = secrets.token_urlsafe(18)

    class Handler(BaseHTTPRequestHandler):
        timeout = _SECONDS

        def do_GET(self) -> None:
            if not is_asked_for(self.headers.get_all("Host", []), server.server_port):
                self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
                return
            try:
                place = urlsplit(self.path)
            except ValueError:
                self.send_error(HTTPStatus.BAD_REQUEST)
                return
            folder, _, name = place.path.removeprefix("/").partition("/")
            if not secrets.compare_digest(folder.encode(), word.encode()):
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            try:
                if name == "":
                    self._answer(dashboard.page())
                elif name == "version":
                    self._answer(page.version_of(paths).encode(), "text/plain")
                elif name == "line":
                    self._answer(_line(paths, place.query), policy=_LINE_POLICY)
                else:
                    self.send_error(HTTPStatus.NOT_FOUND)
            except StoreError as error:
                self._answer(
                    _plain("Agent Store", f"{error.message}\n{error.hint or ''}"),
                    status=HTTPStatus.SERVICE_UNAVAILABLE,
                    policy=_LINE_POLICY,
                )

        def _answer(
            self,
            content: bytes,
            kind: str = "text/html",
            *,
            status: HTTPStatus = HTTPStatus.OK,
            policy: str | None = None,
        ) -> None:
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("X-Content-Type-Options", "nosniff")
            if policy is not None:
                self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Every request in the terminal helps nobody who reads a page."""

    server = LocalServer((ADDRESS, port), Handler)
    return server, f"http://{ADDRESS}:{server.server_port}/{word}/"


def _line(paths: StorePaths, query: str) -> bytes:
    """A line of the log as it was landed."""
    asked = {key: values[0] for key, values in parse_qs(query).items()}
    path, number = asked.get("path", ""), asked.get("line", "")
    if not number.isdecimal() or len(number) > _MOST_DIGITS:
        raise StoreError("The number of the line is missing.", "Follow a link of the dashboard.")
    found = raw_line.fetch(paths, path, int(number))
    return _plain(f"{path}:{number}", "\n\n".join(one.pretty for one in found))


def _plain(title: str, text: str) -> bytes:
    title, text = html.escape(title), html.escape(text)
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    return f"{head}<h1>{title}</h1><pre>{text}</pre>".encode()
