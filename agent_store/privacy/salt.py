"""The salt of a home: marks and hashed ids are made with it, and it never leaves the home."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from agent_store.errors import StoreError, explain
from agent_store.paths import FOLDER_MODE, StorePaths

_BYTES: Final = 32


def read_salt(paths: StorePaths) -> bytes:
    """The salt; it is made when it is first needed. StoreError where it cannot be read, or is none."""
    file = paths.salt
    try:
        try:
            text = file.read_text(encoding="ascii")
        except FileNotFoundError:
            return _make(file)
    except (OSError, UnicodeDecodeError) as error:
        raise explain(error, f"Reading {file}") or _damaged(file) from error
    try:
        salt = bytes.fromhex(text)
    except ValueError as error:
        raise _damaged(file) from error
    if len(salt) != _BYTES:
        raise _damaged(file)
    return salt


def _make(file: Path) -> bytes:
    """Write a new salt; who comes second takes that of the first. It appears whole: killed in between, there is none."""
    file.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}-{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as opened:
            opened.write(secrets.token_bytes(_BYTES).hex())
            opened.flush()
            os.fsync(opened.fileno())
        try:
            os.link(fresh, file)
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            if not file.exists():
                fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
    return bytes.fromhex(file.read_text(encoding="ascii"))


def _damaged(file: Path) -> StoreError:
    return StoreError(
        f"The salt {file} is damaged: it should be {2 * _BYTES} hexadecimal digits.",
        "Put it back from a backup. If there is none, remove it: what was hashed so far will not match what is hashed "
        "from then on, and what was forgotten would be landed again.",
    )
