"""Lands changed components.

A file is judged by its stamp and read only if that has changed. Each new content is a row of raw.component_version.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from ingest.components.component import MOST_BYTES, TEXT_SUFFIXES, Folder, Found, Parsed
from ingest.components.find import Finder
from ingest.components.parse import parse
from ingest.files import Stamp, read_beginning, reason_of, valid_name
from ingest.text import content_digest, is_binary, one_line
from ingest.warehouse import Changes, from_timestamp, utc_now

if TYPE_CHECKING:
    import duckdb


_PROBE_BYTES: Final = 8_192
Places = dict[tuple[str, str], tuple[Stamp, str | None, bool]]


def known_places(connection: duckdb.DuckDBPyConnection | None) -> Places:
    """The memory: each file's path, stamp and content hash, and whether it is gone."""
    if connection is None:
        return {}
    return {
        (root, path): (Stamp(size, mtime_ns, inode), content_hash, vanished)
        for root, path, size, mtime_ns, inode, content_hash, vanished in connection.execute(
            "select root, path, size_bytes, mtime_ns, inode, content_hash, vanished_at is not null "
            "from raw.component_file"
        ).fetchall()
    }


def scan(
    folders: Sequence[Folder],
    places: Places,
    known_versions: Callable[[], set[tuple[str, str, str]]],
    host: str,
) -> Changes:
    """Search the folders; returns the new versions and the changes to the memory."""
    finder = Finder()
    for folder in folders:
        finder.look(folder)
    changes = Changes(files_seen=len(finder.found))
    changed = [
        found for key, found in finder.found.items()
        if key not in places or places[key][0] != found.stamp or places[key][2]
    ]  # fmt: skip
    versions = known_versions() if changed or finder.problems else set()
    for found in changed:
        content_hash = _land(found, changes, versions, host)
        changes.remember("component_file", ("root", "path"), (*found.key, *found.stamp, content_hash, None))
    for path, reason in finder.problems:
        _land_problem(path, reason, changes, versions, host)
    roots = {valid_name(folder.path.as_posix()) for folder in folders}
    for (root, path), (stamp, content_hash, vanished) in places.items():
        if root in roots and not vanished and (root, path) not in finder.found:
            row = (root, path, *stamp, content_hash, utc_now())
            changes.remember("component_file", ("root", "path"), row)
    return changes


def _land(found: Found, changes: Changes, versions: set[tuple[str, str, str]], host: str) -> str | None:
    """Read a changed file; returns the hash of its content."""
    try:
        status = Path(found.system_path).stat()
        data, size = read_beginning(found.system_path, MOST_BYTES)
        is_long = size > MOST_BYTES
        data = data[:_PROBE_BYTES] if is_long else data
    except OSError as error:
        return _land_problem(
            found.system_path, f"cannot be read: {reason_of(error)}", changes, versions, host
        )
    has_no_text = is_binary(data)
    should_be_text = found.role in {"main", "memory", "rule", "config", "manifest"} or (
        Path(found.system_path).suffix in TEXT_SUFFIXES
    )
    problem: str | None = None
    parsed: Parsed | None = None
    text = ""
    if is_long:
        content_hash = content_digest(data + b"\0%d" % size)
        problem = f"larger than {MOST_BYTES // 1024 // 1024} MiB" if should_be_text else None
    else:
        content_hash = content_digest(data)
        if has_no_text:
            problem = "binary" if should_be_text else None
        else:
            text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
            try:
                parsed = parse(found, text)
            except (
                RecursionError,
                ValueError,
                TypeError,
                AttributeError,
                LookupError,
                ArithmeticError,
            ) as error:
                parsed = Parsed(body="", problem=f"cannot be parsed: {one_line(error)}",
                                keeps_text=False)  # fmt: skip
            problem = parsed.problem
            if not parsed.keeps_text:  # the hash covers only what is kept, so other settings do not leak into it
                kept = json.dumps([parsed.front_matter, parsed.entries, problem], sort_keys=True, default=str)
                content_hash = content_digest(kept)
    if (*found.key, content_hash) in versions:
        return content_hash
    versions.add((*found.key, content_hash))
    name = found.name
    if found.component_type == "agent" and parsed and parsed.front_matter:
        name = str(parsed.front_matter.get("name") or name)
    if found.plugin and found.component_type in {"skill", "agent", "command"}:
        name = f"{found.plugin}:{name}"
    has_text = parsed is not None
    keeps_text = parsed is not None and parsed.keeps_text
    changes.add(
        "component_version",
        (host, found.scope, found.root, found.path, found.component_type, name, found.plugin, found.owner,
         found.role, content_hash,
         content_digest(parsed.body) if parsed is not None and parsed.body else None,
         text if keeps_text else None, size,
         text.count("\n") + (not text.endswith("\n")) if has_text and text else 0 if has_text else None,
         len(text.split()) if has_text else None, len(text) if has_text else None,
         _dumped(parsed.front_matter if parsed else None), _dumped(parsed.links if parsed else None),
         _dumped(parsed.entries if parsed else None), parsed.validator if parsed else None,
         parsed.validator_version if parsed else None,
         json.dumps(parsed.errors, ensure_ascii=False) if parsed and parsed.validator else None,
         json.dumps(parsed.warnings, ensure_ascii=False) if parsed and parsed.validator else None,
         has_no_text, problem, from_timestamp(status.st_mtime), utc_now()),
    )  # fmt: skip
    changes.files_grown += 1
    changes.set_aside += problem is not None
    changes.bytes_landed += len(data)
    return content_hash


def _land_problem(
    path: str, reason: str, changes: Changes, versions: set[tuple[str, str, str]], host: str
) -> str:
    """A file that could not be read is a row, too, once per reason."""
    content_hash = content_digest(reason)
    shown = valid_name(path)
    if ("", shown, content_hash) not in versions:
        versions.add(("", shown, content_hash))
        now = utc_now()
        changes.add(
            "component_version",
            (host, "unknown", "", shown, "other", PurePosixPath(shown).name or shown, None, None, "other",
             content_hash, None, None, 0, None, None, None, None, None, None, None, None, None, None, False,
             reason, now, now),
        )  # fmt: skip
        changes.set_aside += 1
    return content_hash


def _dumped(value: object) -> str | None:
    return json.dumps(value, ensure_ascii=False, default=str) if value else None
