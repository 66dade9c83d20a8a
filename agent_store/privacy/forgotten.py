"""What was forgotten, or has expired, as stored in `keys/forgotten.jsonl`: hashes of ids, never the ids.

One line per removal: when, by what criterion, how many rows, and the hashes by which it is recognised. The file is in
the home, not in the warehouse: a rebuilt warehouse does not land forgotten data either.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent_store.errors import StoreError, explain
from agent_store.paths import FOLDER_MODE

if TYPE_CHECKING:
    from agent_store.paths import StorePaths
    from ingest.privacy.tombstones import Tombstones


@dataclass(frozen=True, slots=True)
class Entry:
    """One removal: something was forgotten, or expired."""

    forgotten_at: str
    # The criterion, without its value: session, project, user, before, file; or retention.
    by: str
    session_count: int
    line_count: int
    hashes: tuple[str, ...]
    # Patterns of files whose contents are dropped from then on; patterns cannot be hashed, because they must stay
    # readable.
    files: tuple[str, ...] = ()
    # For expired data: earlier lines are not landed again. UTC, without zone. For sessions, by hash: when each ended.
    until: str = ""
    ends: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Everything that was forgotten in a home."""

    entries: tuple[Entry, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """Patterns of files whose contents are dropped."""
        return tuple(dict.fromkeys(pattern for entry in self.entries for pattern in entry.files))

    def tombstones(self, salt: bytes) -> Tombstones:
        """The hashes by which landing recognises it."""
        from ingest.privacy.tombstones import Tombstones

        expired: dict[str, datetime] = {}
        for entry in self.entries:  # in order of time: a resumed session may expire again
            if entry.until:
                expired |= dict.fromkeys(entry.hashes, datetime.fromisoformat(entry.until))
                expired |= {one: datetime.fromisoformat(end) for one, end in entry.ends.items()}
        hashes = (one for entry in self.entries if not entry.until for one in entry.hashes)
        return Tombstones(frozenset(hashes), salt, expired)


def read(paths: StorePaths) -> Forgotten:
    """What was forgotten in a home. Raises StoreError if the file is damaged, because its content would come back
    unnoticed."""
    file = paths.forgotten
    entries: list[Entry] = []
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Forgotten()
    except (OSError, UnicodeDecodeError) as error:
        raise explain(error, f"Reading {file}") or StoreError(f"{file} cannot be read: {error}.") from error
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        try:
            found = json.loads(line)
            entries.append(Entry(
                str(found["forgotten_at"]), str(found["by"]), int(found["session_count"]), int(found["line_count"]),
                tuple(map(str, found["hashes"])), tuple(map(str, found.get("files", ()))), _moment(found.get("until", "")),
                {str(one): _moment(end) for one, end in dict(found.get("ends", {})).items()},
            ))  # fmt: skip
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines) and not line.endswith("\n"):
                break  # cut off when the machine stopped: the data it names has not been touched yet
            raise StoreError(
                f"Line {number} of {file} is damaged: it records what was forgotten and must not be landed again.",
                "Restore the file from a backup. If there is none, remove that line, and forget the same data again.",
            ) from error
    return Forgotten(tuple(entries))


def _moment(text: object) -> str:
    return datetime.fromisoformat(str(text)).isoformat() if text else ""


def add(
    paths: StorePaths,
    by: str,
    hashes: Iterable[str],
    *,
    sessions: int,
    lines: int,
    files: Iterable[str] = (),
    expired_at: datetime | None = None,
    until: datetime | None = None,
    ends: Mapping[str, datetime] | None = None,
) -> Entry:
    """Add what is to be forgotten, or expires; it is on disk when this returns."""
    entry = Entry(
        stamp(expired_at or datetime.now(UTC)),
        by,
        sessions,
        lines,
        tuple(sorted(set(hashes))),
        tuple(files),
        until.isoformat() if until else "",
        {one: end.isoformat() for one, end in (ends or {}).items()},
    )
    _write(paths, (*read(paths).entries, entry))
    return entry


def call_off(paths: StorePaths, carried_out: Iterable[datetime]) -> None:
    """Remove entries of data that was to expire but is in this warehouse: the expiry was not carried out, or the
    warehouse is new.

    None of its costs are kept, so lines landed again from logs have to count.
    """
    known = read(paths).entries
    done = set(map(stamp, carried_out))
    entries = tuple(one for one in known if not one.until or one.forgotten_at in done)
    if entries != known:
        _write(paths, entries)


def stamp(moment: datetime) -> str:
    """A UTC moment in the format of entries."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _write(paths: StorePaths, entries: Iterable[Entry]) -> None:
    file = paths.forgotten
    file.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    text = "".join(json.dumps(asdict(one), separators=(",", ":")) + "\n" for one in entries)
    from agent_store.replacing import replacing

    with replacing(file) as fresh, fresh.open("r+", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
