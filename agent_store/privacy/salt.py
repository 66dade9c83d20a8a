"""The salt of a home, used for marks and hashed ids. It never leaves the home."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from agent_store.errors import StoreError, explain
from agent_store.paths import FOLDER_MODE, StorePaths

_BYTES: Final = 32


def read_salt(paths: StorePaths) -> bytes:
    """The salt, which is made on first use. Raises StoreError if it cannot be read or is invalid."""
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
    """Write a new salt, or use the one that another process wrote first. It appears whole or, after a kill, not at
    all."""
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
        "Restore it from a backup. If there is none, remove it: earlier hashes will then not match later ones, and "
        "forgotten data would be landed again.",
    )
