"""The ed25519 key of a home, which signs bundles and witnesses; made on first use."""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from agent_store.errors import StoreError, explain
from agent_store.paths import FOLDER_MODE, private_files

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from agent_store.paths import StorePaths


def key_file(paths: StorePaths) -> Path:
    """Where the private key of a home is."""
    return paths.home / "keys" / "audit_ed25519"


def private_key(paths: StorePaths) -> Ed25519PrivateKey:
    """Read the private key of a home, or make one that only its owner can read."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    file = key_file(paths)
    try:
        if not file.is_file():
            _make(file)
        key = load_pem_private_key(file.read_bytes(), None)
    except OSError as error:
        raise (
            explain(error, f"Reading {file}") or StoreError(f"The key {file} cannot be read: {error}.")
        ) from error
    except (ValueError, TypeError) as error:
        raise StoreError(f"The file {file} is not a private key: {error}.", _DAMAGED) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise StoreError(f"The key {file} is not an ed25519 key.", _DAMAGED)
    return key


_DAMAGED = "Restore a backup, or move it aside: a new key with a new fingerprint is then made."


def _make(file: Path) -> None:
    """Write a new key, without overwriting one that another process writes at the same time."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    text = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    fresh = file.with_name(f".{file.name}-{os.getpid()}")
    with private_files():
        file.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        try:
            fresh.write_bytes(text)
            with suppress(FileExistsError):
                os.link(fresh, file)
        finally:
            fresh.unlink(missing_ok=True)


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """Return the public half of a key, 32 bytes."""
    return key.public_key().public_bytes_raw()


def fingerprint(public: bytes) -> str:
    """Return the fingerprint of a public key: its SHA-256."""
    return sha256(public).hexdigest()


def is_signed(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the key made this signature over the data."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
