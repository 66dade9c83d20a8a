"""The SQL of a merged table, if hosts of a lake have another version than the one that builds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest

MACROS = Path(__file__).resolve().parents[2] / "macros" / "lake" / "merged.sql"
UNION = {"rule": "union"}
BY_KEY = {"rule": "by_key", "key": ["name"], "columns": {"uses": "sum", "kind": "max"}}
COLUMNS = {"name": {"data_type": "varchar"}, "uses": {"data_type": "bigint"}, "kind": {"data_type": "varchar"}}


class _Adapter:
    @staticmethod
    def quote(name: str) -> str:
        return f'"{name}"'


class _Found:
    def __init__(self, columns: list[str]) -> None:
        self.columns = columns


def rows(merge: dict[str, Any], table: str, found: list[str], *, enforced: bool) -> list[dict[str, Any]]:
    """The rows of a merged table that the hosts have with some columns."""
    returned: list[str] = []
    contract = type("Contract", (), {"enforced": enforced})
    names = {
        "model": {"name": "tool", "config": {"meta": {"merge": merge}}, "columns": COLUMNS},
        "config": {"contract": contract},
        "target": {"name": "lake"},
        "plugin": lambda *_: _Found(found),
        "adapter": _Adapter,
        "return": returned.append,
    }
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)
    environment.from_string(MACROS.read_text(encoding="utf-8"), globals=names).module.merged("")  # type: ignore[attr-defined]
    with duckdb.connect() as connection:
        connection.execute(f"attach ':memory:' as lake; {table}")
        asked = connection.execute(returned[-1])
        return [
            dict(zip([name for name, *_ in asked.description or ()], row, strict=True)) for row in asked.fetchall()
        ]


@pytest.mark.parametrize("merge", [UNION, BY_KEY])
@pytest.mark.parametrize("enforced", [True, False])
def test_a_column_that_no_host_has_is_null(merge: dict[str, Any], enforced: bool) -> None:
    table = "create table lake.main.tool as select 'Bash' as name, 3 as uses"
    assert rows(merge, table, ["name", "uses"], enforced=enforced) == [{"name": "Bash", "uses": 3, "kind": None}]


@pytest.mark.parametrize("merge", [UNION, BY_KEY])
@pytest.mark.parametrize("enforced", [True, False])
def test_a_table_that_no_host_has_is_empty(merge: dict[str, Any], enforced: bool) -> None:
    assert rows(merge, "select 1", [], enforced=enforced) == []


@pytest.mark.parametrize("merge", [UNION, BY_KEY])
@pytest.mark.parametrize("enforced", [True, False])
def test_a_column_of_a_newer_host_breaks_nothing(merge: dict[str, Any], enforced: bool) -> None:
    table = "create table lake.main.tool as select 'Bash' as name, 3 as uses, 'x' as kind, 'y' as newer"
    (row,) = rows(merge, table, ["name", "uses", "kind", "newer"], enforced=enforced)
    more = {"newer": "y"} if merge is UNION and not enforced else {}
    assert row == {"name": "Bash", "uses": 3, "kind": "x", **more}
