"""What sharing a file or folder would reveal: secrets, addresses, user names, home paths, and texts of prompts.

Database and Parquet files are read as tables, archives are unpacked, everything else is read as text.
"""

from __future__ import annotations

import getpass
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent_store.errors import StoreError, explain
from agent_store.sql import literal, quoted
from ingest.files import open_regular
from ingest.privacy.kinds_file import kinds_file
from ingest.privacy.secrets import Redactor, read_kinds

if TYPE_CHECKING:
    import duckdb

    from agent_store.paths import StorePaths

_MOST_BYTES: Final = 64 * 1024 * 1024
_TABLES: Final = frozenset({".duckdb", ".db"})
_PARQUET: Final = ".parquet"
_MARK: Final = re.compile(r"\[redacted:([a-z0-9_]+)")
_HOME_PATH: Final = re.compile(r"(?:/home/|/Users/|[A-Za-z]:\\{1,2}Users\\{1,2})[^/\\\s\"'<>:]+")
_NOT_PEOPLE: Final = frozenset({"/home/runner", "/Users/Shared", "/Users/runner"})
_FEW_CHARACTERS: Final = 24
_PROMPTS: Final = f"""
    select distinct prompt_text from fact_prompt
    where is_human and length(prompt_text) >= {_FEW_CHARACTERS}
"""


@dataclass(frozen=True, slots=True)
class Giveaway:
    """One kind of finding in a file."""

    file: str
    kind: str
    count: int
    # The first location: a line, or a table and column. Never the content itself.
    place: str


class _Finder:
    """Counts findings in texts."""

    def __init__(self, prompts: Iterable[str]) -> None:
        self._redactor = Redactor(read_kinds(kinds_file()), b"check")
        self._prompts = [prompt for prompt in prompts if not _MARK.match(prompt)]
        user = getpass.getuser()
        self._user = re.compile(rf"\b{re.escape(user)}\b") if len(user) > 3 and user != "root" else None  # noqa: PLR2004

    def found(self, text: str) -> Counter[str]:
        """How often each kind of finding is in a text."""
        counts: Counter[str] = Counter()
        if not text.isspace():
            marks = Counter(_MARK.findall(self._redactor.redact(text).text))
            marks.subtract(_MARK.findall(text))
            counts.update({f"secret: {kind}": count for kind, count in marks.items() if count > 0})
            counts["path of a home"] = sum(1 for path in _HOME_PATH.findall(text) if path not in _NOT_PEOPLE)
            counts["name of the user"] = len(self._user.findall(text)) if self._user else 0
            counts["prompt"] = sum(1 for prompt in self._prompts if prompt in text)
        return counts


def check(paths: StorePaths, place: Path) -> tuple[list[Giveaway], int]:
    """The findings in the files below a place, and the number of files. Raises StoreError if there is nothing to
    read."""
    place = place.expanduser().absolute()
    if not place.exists():
        raise StoreError(f"There is no file or folder {place}.")
    files = sorted(one for one in place.rglob("*") if one.is_file()) if place.is_dir() else [place]
    finder = _Finder(_prompts(paths))
    found: list[Giveaway] = []
    for file in files:
        counts: Counter[str] = Counter()
        first: dict[str, str] = {}
        for where, text in _texts(file):
            for kind, count in finder.found(text).items():
                if count:
                    counts[kind] += count
                    first.setdefault(kind, where)
        name = str(file.relative_to(place)) if place.is_dir() else file.name
        found += [Giveaway(name, kind, count, first[kind]) for kind, count in sorted(counts.items())]
    return found, len(files)


def _prompts(paths: StorePaths) -> list[str]:
    """The prompts of the published store, to search for; none if there is no store."""
    from agent_store.store import open_store

    if not paths.store.exists():
        return []
    with open_store(paths) as connection:
        return [str(prompt) for (prompt,) in connection.execute(_PROMPTS).fetchall()]


def _texts(file: Path) -> Iterator[tuple[str, str]]:
    """The texts in a file, each with its location."""
    import duckdb

    try:
        if file.suffix in _TABLES:
            yield from _of_database(file)
        elif file.suffix == _PARQUET:
            yield from _of_relation(duckdb.connect(), f"read_parquet({literal(str(file))})", "")
        elif zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                for member in archive.infolist():
                    with archive.open(member) as opened:
                        yield from _of_lines(opened.read(_MOST_BYTES), f"{member.filename}: ")
        else:
            with open_regular(str(file)) as opened:
                yield from _of_lines(opened.read(_MOST_BYTES), "")
    except (OSError, duckdb.Error, zipfile.BadZipFile) as error:
        raise explain(error, f"Reading {file}") or StoreError(
            f"{file} cannot be read: {str(error).splitlines()[0]}"
        ) from error


def _of_lines(data: bytes, inside: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        yield f"{inside}line {number}", line


def _of_database(file: Path) -> Iterator[tuple[str, str]]:
    import duckdb

    with duckdb.connect(str(file), read_only=True) as connection:
        for schema, table in connection.execute(
            "select schema_name, table_name from duckdb_tables() where not internal order by all"
        ).fetchall():
            yield from _of_relation(connection, f"{quoted(schema)}.{quoted(table)}", f"{table}.")


def _of_relation(connection: duckdb.DuckDBPyConnection, relation: str, inside: str) -> Iterator[tuple[str, str]]:
    for column, *_ in connection.execute(f"describe select * from {relation}").fetchall():
        cursor = connection.cursor().execute(
            f"select distinct cast({quoted(column)} as varchar) from {relation} where {quoted(column)} is not null"
        )
        while rows := cursor.fetchmany(2_000):
            yield from ((f"{inside}{column}", text) for (text,) in rows)
