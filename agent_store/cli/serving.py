"""What commands that serve a page have in common: a port that is taken, and Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable
from http.server import ThreadingHTTPServer
from typing import TypeVar

from agent_store.cli.output import tell
from agent_store.errors import StoreError

Made = TypeVar("Made")


def made_on(port: int, make: Callable[[], Made], hint: str) -> Made:
    """What `make` makes; StoreError with the hint where the port cannot be used."""
    try:
        return make()
    except OSError as error:
        raise StoreError(f"Port {port} cannot be used: {error.strerror}.", hint) from error


def serve_until_stopped(server: ThreadingHTTPServer) -> None:
    """Serve until Ctrl-C."""
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        tell("")
