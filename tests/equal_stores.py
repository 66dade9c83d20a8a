"""`python -m tests.equal_stores ONE OTHER…`: the relations of a store that are not those of another store, or of several.

Rows are compared as bags: texts, times and integers exactly, doubles to 1e-6 relative. Columns that number the landing of
one machine are left out.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

# Of one machine: the number of its landing batches, and marks of the rows that it has seen.
LEFT_OUT = frozenset({"_batch_id", "_state"})
TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Difference:
    """A relation that is not the same: rows here and there, rows without a twin, and the columns that differ."""

    relation: str
    rows: int
    other_rows: int
    only_here: int
    only_there: int
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        named = f" in {', '.join(self.columns)}" if self.columns else ""
        return (
            f"{self.relation}: {self.rows:,} and {self.other_rows:,} rows, without a twin {self.only_here:,} and "
            f"{self.only_there:,}{named}"
        )


def differences(
    one: Path,
    others: Sequence[Path],
    relations: Iterable[str] | None = None,
    renamed: Mapping[str, str] | None = None,
) -> list[Difference]:
    """Compare the published relations of the store in the home `one` with those in the homes `others`, united.

    `renamed` has texts of the others (folders, users) and what they are called in `one`.
    """
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        names = [f"s{number}" for number, _ in enumerate([one, *others])]
        for name, home in zip(names, [one, *others], strict=True):
            # Views name the database that they are in.
            alias = "agent_store" if name == "s0" else name
            connection.execute(f"attach '{home / 'agent_store.duckdb'}' as {alias} (read_only)")
        names[0] = "agent_store"
        known = connection.execute(
            "select table_name, list({'name': column_name, 'type': data_type} order by column_index) "
            "from duckdb_columns() where database_name = 'agent_store' and schema_name = 'main' and not internal "
            "group by table_name order by table_name"
        ).fetchall()
        views = {
            name
            for (name,) in connection.execute(
                "select view_name from duckdb_views() where database_name = 'agent_store' and not internal"
            ).fetchall()
        }
        found = []
        for relation, columns in known:
            if (relations is not None and relation not in relations) or (len(others) > 1 and relation in views):
                continue
            kept = [column for column in columns if column["name"] not in LEFT_OUT]
            here = _rows(connection, names[:1], relation, kept)
            there = _rows_of_views(others[0], relation, kept) if relation in views else _rows(
                connection, names[1:], relation, kept
            )
            there = _renamed(there, renamed or {})
            difference = _compare(relation, [column["name"] for column in kept], here, there)
            if difference is not None:
                found.append(difference)
        return found


def _rows(
    connection: duckdb.DuckDBPyConnection, databases: Sequence[str], relation: str, columns: Sequence[dict[str, str]]
) -> list[tuple[Any, ...]]:
    names = ", ".join(f'"{column["name"]}"' for column in columns)
    sql = " union all ".join(f'select {names} from {database}.main."{relation}"' for database in databases)
    return connection.execute(sql).fetchall()


def _renamed(rows: list[tuple[Any, ...]], renamed: Mapping[str, str]) -> list[tuple[Any, ...]]:
    if not renamed:
        return rows
    pattern = re.compile("|".join(map(re.escape, renamed)))
    return [
        tuple(
            pattern.sub(lambda found: renamed[found[0]], value) if isinstance(value, str) else value for value in row
        )
        for row in rows
    ]


def _rows_of_views(home: Path, relation: str, columns: Sequence[dict[str, str]]) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{home / 'agent_store.duckdb'}' as agent_store (read_only)")
        return _rows(connection, ["agent_store"], relation, columns)


def _compare(
    relation: str, names: Sequence[str], here: list[tuple[Any, ...]], there: list[tuple[Any, ...]]
) -> Difference | None:
    left, right = _unmatched(here, there)
    if not left and not right:
        return None
    left.sort(key=_exact)
    right.sort(key=_exact)
    rest_left: list[tuple[Any, ...]] = []
    position = 0
    rest_right: list[tuple[Any, ...]] = []
    # Rows whose exact parts are the same, in the order of their doubles.
    while left or right:
        if position > len(left) + len(right):
            break
        if left and right and _exact(left[0]) == _exact(right[0]):
            key = _exact(left[0])
            block_left = _take(left, key)
            block_right = _take(right, key)
            lost_left, lost_right = _pair(block_left, block_right)
            rest_left += lost_left
            rest_right += lost_right
        elif left and (not right or _exact(left[0]) < _exact(right[0])):
            rest_left.append(left.pop(0))
        else:
            rest_right.append(right.pop(0))
    if not rest_left and not rest_right:
        return None
    return Difference(
        relation, len(here), len(there), len(rest_left), len(rest_right), _columns(names, rest_left, rest_right)
    )


def _unmatched(
    here: list[tuple[Any, ...]], there: list[tuple[Any, ...]]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    one, other = Counter(map(_hashable, here)), Counter(map(_hashable, there))
    return list((one - other).elements()), list((other - one).elements())


def _hashable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(tuple(value) if isinstance(value, list) else value for value in row)


def _exact(row: tuple[Any, ...]) -> str:
    return repr([("double" if isinstance(value, float) else value) for value in row])


def _take(rows: list[tuple[Any, ...]], key: str) -> list[tuple[Any, ...]]:
    count = 0
    while count < len(rows) and _exact(rows[count]) == key:
        count += 1
    taken = rows[:count]
    del rows[:count]
    return taken


def _doubles(row: tuple[Any, ...]) -> list[float]:
    return [value for value in row if isinstance(value, float)]


def _pair(
    left: list[tuple[Any, ...]], right: list[tuple[Any, ...]]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    left, right = sorted(left, key=_doubles), sorted(right, key=_doubles)
    lost_left = []
    for row in left:
        twin = next((other for other in right if _is_close(row, other)), None)
        if twin is None:
            lost_left.append(row)
        else:
            right.remove(twin)
    return lost_left, right


def _is_close(row: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return all(
        a == b or abs(a - b) <= TOLERANCE * max(abs(a), abs(b)) or abs(a - b) < 1e-12
        for a, b in zip(_doubles(row), _doubles(other), strict=True)
    )


def _columns(
    names: Sequence[str], left: list[tuple[Any, ...]], right: list[tuple[Any, ...]]
) -> tuple[str, ...]:
    """The columns in which rows with the same first column differ."""
    twins = {row[0]: row for row in right}
    differing: dict[str, int] = {}
    for row in left:
        twin = twins.get(row[0])
        if twin is not None:
            for name, a, b in zip(names, row, twin, strict=True):
                if a != b and not (isinstance(a, float) and isinstance(b, float) and abs(a - b) <= TOLERANCE * abs(a)):
                    differing[name] = differing.get(name, 0) + 1
    return tuple(f"{name} ({count:,})" for name, count in differing.items())


if __name__ == "__main__":
    for difference in differences(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]):
        print(difference)
