"""Pages served to this machine alone, and only to those who ask for it by its name."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from http.server import ThreadingHTTPServer
from typing import Any, Final

ADDRESS: Final = "127.0.0.1"
_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
_USUAL_PORT: Final = 80


class LocalServer(ThreadingHTTPServer):
    """A browser that has gone on to another page, or a caller that hangs up, is no error."""

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as its base has it
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def is_asked_for(hosts: Sequence[str], port: int) -> bool:
    """Whether a request names this machine: a page of somebody else's can have a browser ask here under another name."""
    allowed = {f"{name}:{port}" for name in _NAMES}
    if port == _USUAL_PORT:  # a browser leaves it out
        allowed |= set(_NAMES)
    return len(hosts) == 1 and hosts[0].strip().lower() in allowed
