"""The identity of a host in a lake: a name for people, and an id that no other host has."""

from __future__ import annotations

import hashlib
import re
import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent_store.errors import StoreError
from agent_store.paths import FOLDER_MODE
from agent_store.replacing import replacing

if TYPE_CHECKING:
    from agent_store.paths import StorePaths

_DIGITS: Final = 8
# Of the name in the id, and of the name itself.
_NAME_CHARACTERS, _MOST_CHARACTERS = 40, 253


@dataclass(frozen=True, slots=True)
class Host:
    """A host of a lake."""

    host_id: str
    host_name: str


def this_host(paths: StorePaths, name: str | None = None) -> Host:
    """This host, by its own name or a given one.

    Its id is made of the name and a secret of the home: two machines of the same name, and one home that is synced
    between two machines, are different hosts.
    """
    shown = (name if name is not None else socket.gethostname().split(".")[0]).strip()
    slug = re.sub(r"[^a-z0-9]+", "-", shown.lower()).strip("-")[:_NAME_CHARACTERS]
    if not slug or not shown.isprintable() or len(shown) > _MOST_CHARACTERS:
        raise StoreError(
            f"{shown!r} is no name of a host.",
            f"Name it in one line of up to {_MOST_CHARACTERS} characters, some of them a-z or 0-9: --host NAME",
        )
    digest = hashlib.sha256(f"{_secret(paths)} {shown}".encode()).hexdigest()[:_DIGITS]
    return Host(f"{slug}-{digest}", shown)


def _secret(paths: StorePaths) -> str:
    file = paths.keys / "lake_host"
    try:
        return file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        file.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        secret = secrets.token_hex(16)
        with replacing(file) as fresh:
            fresh.write_text(secret, encoding="ascii")
        return secret
