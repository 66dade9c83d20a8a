"""The witness: a file kept elsewhere, to which chain heads are appended so that a rewritten chain is detected."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_store.audit import keys
from agent_store.errors import StoreError, explain
from agent_store.paths import private_files
from ingest.warehouse import this_host

if TYPE_CHECKING:
    from agent_store.paths import StorePaths
    from ingest.chain import Batch


@dataclass(frozen=True, slots=True)
class Witnessed:
    """The result of comparing a chain with its witness: mismatches, and whether the head was appended."""

    findings: tuple[str, ...]
    is_added: bool
    head_count: int


def witness(paths: StorePaths, file: Path, batches: Sequence[Batch]) -> Witnessed:
    """Compare the chain with the heads in a file, and append its own head if it continues them.

    A line is one JSON object: `time`, `host`, `batch_id`, `chain_hash`, and a signature where the home has a key.
    """
    file = file.expanduser().absolute()
    heads = _read(file)
    hashes = {batch.batch_id: batch.chain_hash for batch in batches}
    findings = [
        finding
        for number, head in enumerate(heads, start=1)
        if (finding := _finding(file, number, head, hashes))
    ]
    if findings or not batches:
        return Witnessed(tuple(findings), is_added=False, head_count=len(heads))
    last = batches[-1]
    if heads and heads[-1]["chain_hash"] == last.chain_hash:
        return Witnessed((), is_added=False, head_count=len(heads))
    head = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": this_host(),
        "batch_id": last.batch_id,
        "chain_hash": last.chain_hash,
    }
    if keys.key_file(paths).is_file():
        key = keys.private_key(paths)
        head["public_key"] = keys.public_bytes(key).hex()
        head["signature"] = key.sign(_signed(head)).hex()
    _append(file, json.dumps(head))
    return Witnessed((), is_added=True, head_count=len(heads) + 1)


def _signed(head: dict[str, Any]) -> bytes:
    unsigned = {name: value for name, value in head.items() if name != "signature"}
    return json.dumps(unsigned, sort_keys=True, separators=(",", ":")).encode()


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise (
            explain(error, f"Reading {file}") or StoreError(f"The witness {file} cannot be read: {error}.")
        ) from error
    heads = []
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), start=1):
        try:
            head = json.loads(line)
            has_all = {"time", "batch_id", "chain_hash"} <= head.keys()
        except (ValueError, AttributeError, RecursionError):
            has_all = False
        if not has_all:
            raise StoreError(
                f"{file}:{number} is not a head of an audit chain.",
                "Name a file that is written only by agent-store verify --witness.",
            )
        heads.append(head)
    return heads


def _finding(file: Path, number: int, head: dict[str, Any], hashes: dict[int, str | None]) -> str:
    """The problem with one head; empty if it is in the chain."""
    if "signature" in head:
        try:
            public, signature = bytes.fromhex(head["public_key"]), bytes.fromhex(head["signature"])
            is_signed = keys.is_signed(public, signature, _signed(head))
        except (KeyError, TypeError, ValueError):
            is_signed = False
        if not is_signed:
            return f"{file}:{number}: the line was changed after it was signed."
    if hashes.get(head["batch_id"]) == head["chain_hash"]:
        return ""
    return (
        f"{file}:{number}: the chain was rewritten or truncated since {head['time']}: batch {head['batch_id']} had the "
        f"hash {head['chain_hash']} then."
    )


def _append(file: Path, line: str) -> None:
    """Append a line with one write, and sync it to disk."""
    try:
        with private_files():
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, f"{line}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise (
            explain(error, f"Writing {file}") or StoreError(f"The witness {file} cannot be written: {error}.")
        ) from error
