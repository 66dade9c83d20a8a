"""Whatever the order in which logs arrive, increments and a build of everything at once give the same rows.

The drill takes a home of transcripts apart into states that grow, lands them in shuffled steps – forks before the
session they were made from, subagents before their parent, lines cut in the middle – and builds after each step.
Then everything is landed at once and built from nothing: every relation must hold the same rows.

Named by AGENT_STORE_DRILL_SEEDS (`1,2,3`), other orders are tried.
"""

from __future__ import annotations

import json
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from agent_store import pipeline, warehouse
from agent_store.paths import StorePaths
from agent_store.pipeline import Options
from ingest import landing
from tests.conftest import PROJECT, clean_environment

STEPS = 8
SEEDS = tuple(int(seed) for seed in os.environ.get("AGENT_STORE_DRILL_SEEDS", "20").split(","))
SAMPLE = PROJECT / "sample" / "home"
# What is read of the sample: the rest (skills, settings, …) holds no lines.
READ = ("projects", "history.jsonl", "stats-cache.json")
COMPARED_SCHEMAS = ("intermediate", "main")
# Columns that say when something was landed, which is what the two sides differ in.
LANDING_COLUMNS = frozenset(
    {
        "_batch_id",  # the batch that brought the newest line: another one where everything came at once
        "landed_at",  # v_set_aside_line: the time of that batch
    }
)
# Staging's file_id counts files in the order of landing; it is compared as the path it stands for.
FILE_COLUMN = ("file_id", "BIGINT")

Row = tuple[object, ...]


# --- taking a home apart --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """A file of the home, and whether it has to wait for others."""

    path: str
    content: bytes
    is_lines: bool


def sources_below(root: Path, names: Sequence[str] = READ) -> list[Source]:
    """The files of a home that are landed, in a fixed order."""
    files: list[Path] = []
    for name in names:
        entry = root / name
        files += [entry] if entry.is_file() else [path for path in entry.rglob("*") if path.is_file()]
    return [
        Source(path.relative_to(root).as_posix(), path.read_bytes(), path.suffix == ".jsonl")
        for path in sorted(files)
    ]


_SUBAGENT = re.compile(r"^(projects/[^/]+/[^/]+)/subagents/")
_UUID = re.compile(rb'"uuid": ?"([0-9a-f-]{36})"')


def earlier_ones(sources: Iterable[Source]) -> set[str]:
    """The files that others were made from: parents of forks and main files of subagents. They arrive last."""
    sources = list(sources)
    paths = {source.path for source in sources}
    late = {
        f"{found[1]}.jsonl" for source in sources if (found := _SUBAGENT.match(source.path))
    } & paths
    files_of_uuid: dict[bytes, set[str]] = defaultdict(set)
    for source in sources:
        if source.is_lines:
            for uuid in set(_UUID.findall(source.content)):
                files_of_uuid[uuid].add(source.path)
    starts = {source.path: min(re.findall(rb'"timestamp":"([^"]+)"', source.content), default=b"") for source in sources}
    for shared in {frozenset(paths) for paths in files_of_uuid.values() if len(paths) > 1}:
        late.add(min(shared, key=lambda path: (starts[path], path)))
    return late


def shuffled_steps(sources: Sequence[Source], steps: int, chance: random.Random) -> list[dict[str, bytes]]:
    """What each step brings: for each file that grew, all of its content so far."""
    late = earlier_ones(sources)
    arrivals: list[dict[str, bytes]] = [{} for _ in range(steps)]
    for source in sources:
        # Half of those that others were made from begin to arrive when everything else is there.
        first = steps - 2 if source.path in late and chance.random() < 0.5 else 0
        line_ends = [found.end() for found in re.finditer(rb"\n", source.content)][:-1]
        ends = {len(source.content)}
        if source.is_lines and line_ends:
            ends |= set(chance.sample(line_ends, min(len(line_ends), chance.randrange(4))))
            if chance.random() < 0.3:  # a writer was interrupted, or is writing right now
                ends.add(chance.randrange(1, len(source.content)))
        places = sorted(chance.choices(range(first, steps), k=len(ends)))
        for place, end in zip(places, sorted(ends), strict=True):
            arrivals[place][source.path] = source.content[:end]
    return arrivals


def write_files(root: Path, contents: Mapping[str, bytes]) -> None:
    """Write the files as they stand now."""
    for path, content in contents.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


# --- building and comparing -----------------------------------------------------------------------------------


def build(paths: StorePaths, roots: Sequence[Path], *, full_refresh: bool = False, select: Sequence[str] = ()) -> None:
    """Land what is new and run the models; tests are run elsewhere."""
    landing.land(list(roots), paths.warehouse, host="drill")
    result = warehouse.build(paths, PROJECT, tests=False, full_refresh=full_refresh, select=select)
    assert result.success, [str(failure) for failure in result.failures]


def relations(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Every table and view that is compared."""
    rows = connection.execute(
        "select schema_name || '.' || name from ("
        "  select schema_name, table_name as name from duckdb_tables() where not internal"
        "  union all select schema_name, view_name from duckdb_views() where not internal)"
        " where schema_name in (select unnest(?)) order by all",
        [list(COMPARED_SCHEMAS)],
    ).fetchall()
    return [row[0] for row in rows]


def compared_rows(connection: duckdb.DuckDBPyConnection, relation: str) -> tuple[list[str], list[Row]]:
    """The rows of a relation as they are compared."""
    described = connection.execute(f"describe {relation}").fetchall()
    types = {row[0]: row[1] for row in described if row[0] not in LANDING_COLUMNS}
    columns = [
        f"(select path from raw.source_file as files where files.file_id = compared.{name}) as {name}"
        if (name, type_) == FILE_COLUMN
        else f"compared.{name}"
        for name, type_ in types.items()
    ]
    return list(types), connection.execute(f"select {', '.join(columns)} from {relation} as compared").fetchall()


def store_rows(file: Path) -> dict[str, tuple[list[str], list[Row]]]:
    """All relations of a warehouse."""
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return {relation: compared_rows(connection, relation) for relation in relations(connection)}


def rounded(value: object) -> object:
    """A value that can be counted; sums of floats differ in the last digits with the order of the rows."""
    if isinstance(value, float):
        return f"{round(value, 12) + 0.0:.9g}" if math.isfinite(value) else str(value)
    return repr(value)


def difference(ours: tuple[list[str], list[Row]], others: tuple[list[str], list[Row]]) -> list[str]:
    """How two relations differ, as text; empty if they hold the same rows, each as often."""
    if ours[0] != others[0]:
        return [f"columns differ: {ours[0]} and {others[0]}"]
    left, right = (Counter(tuple(rounded(value) for value in row) for row in side[1]) for side in (ours, others))
    if left == right:
        return []
    found = []
    for sign, rows in (("+", left - right), ("-", right - left)):
        found += [
            sign + " " + ", ".join(f"{name}={value}" for name, value in zip(ours[0], row, strict=True))
            for row in list(rows.elements())
        ]
    return found


def differences(incremental: Path, whole: Path) -> dict[str, list[str]]:
    """The relations that differ: `+` stands in the incremental warehouse only, `-` in the whole one only."""
    ours, others = store_rows(incremental), store_rows(whole)
    assert list(ours) == list(others)
    found = {relation: difference(ours[relation], others[relation]) for relation in ours}
    return {relation: lines for relation, lines in found.items() if lines}
