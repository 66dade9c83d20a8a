"""What was forgotten, or has expired, as `keys/forgotten.jsonl` keeps it: hashes of ids, never what they stood for.

One line per time that something went: when, by what, how many rows, and the hashes by which it is recognised.
The file is in the home, not in the warehouse: also a warehouse that is made again does not land what was forgotten.
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
    """One time that something was forgotten, or expired."""

    forgotten_at: str
    # What was asked for, without its value: session, project, user, before, file; or retention.
    by: str
    session_count: int
    line_count: int
    hashes: tuple[str, ...]
    # Patterns of files whose contents are dropped from then on; a pattern has to stay readable to be one.
    files: tuple[str, ...] = ()
    # Of what has expired: lines before it do not come again. UTC, without zone. Of sessions, by hash: when each had ended.
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
        """What landing recognises it by."""
        from ingest.privacy.tombstones import Tombstones

        expired: dict[str, datetime] = {}
        for entry in self.entries:  # in the order of time: what is resumed may expire again
            if entry.until:
                expired |= dict.fromkeys(entry.hashes, datetime.fromisoformat(entry.until))
                expired |= {one: datetime.fromisoformat(end) for one, end in entry.ends.items()}
        hashes = (one for entry in self.entries if not entry.until for one in entry.hashes)
        return Tombstones(frozenset(hashes), salt, expired)


def read(paths: StorePaths) -> Forgotten:
    """What was forgotten in a home. StoreError where the file is damaged: what it held would come back unseen."""
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
                break  # written when the machine stopped: what it was to forget has not been touched yet
            raise StoreError(
                f"Line {number} of {file} is damaged: it says what was forgotten, and must not be landed again.",
                "Put the file back from a backup. If there is none, remove that line, and forget again what it was about.",
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
    """Add what is to be forgotten, or expires; it is on the disk when this returns."""
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
    """Take out what was to expire and is in this warehouse all the same: it was not carried out, or the warehouse is new.

    Nothing is kept of it, so what comes of logs again is to count.
    """
    known = read(paths).entries
    done = set(map(stamp, carried_out))
    entries = tuple(one for one in known if not one.until or one.forgotten_at in done)
    if entries != known:
        _write(paths, entries)


def stamp(moment: datetime) -> str:
    """A moment of UTC as entries have it."""
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
