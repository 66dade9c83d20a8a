"""What dbt compiled, kept for the builds in which only rows are new.

While the code stays as it is, dbt renders the same SQL for every test and the views stay valid: a build then
lets dbt run tables and incremental models only, and the tests run here, in the SQL that dbt compiled for them.
A node costs dbt some thirty milliseconds of Python and DuckDB one or two.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_store.paths import StorePaths, private_files

if TYPE_CHECKING:
    import duckdb

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class CompiledTest:
    """A data test as dbt would run it."""

    name: str
    path: str
    sql: str
    fail_calc: str = "count(*)"
    severity: str = "error"
    warn_if: str = "!= 0"
    error_if: str = "!= 0"


@dataclass(frozen=True, slots=True)
class Compiled:
    """The tests and the descriptions of one state of the code."""

    code: str
    tests: tuple[CompiledTest, ...] = ()
    descriptions: Mapping[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """How a test went: `pass`, `warn`, `fail` or `error`, and on how many rows."""

    __test__ = False

    test: CompiledTest
    status: str
    failures: int | None = None
    message: str = ""


def _file(paths: StorePaths) -> Path:
    return paths.target / "compiled.json"


def save(paths: StorePaths, compiled: Compiled) -> None:
    """Write the tests and descriptions in one rename."""
    file = _file(paths)
    temporary = file.with_suffix(f".tmp-{os.getpid()}")
    with private_files():
        temporary.write_text(json.dumps({"format": _FORMAT, **asdict(compiled)}), encoding="utf-8")
        temporary.replace(file)


def load(paths: StorePaths, code: str) -> Compiled | None:
    """What was compiled for this very code; None where there is nothing or it is of other code."""
    try:
        found = json.loads(_file(paths).read_text(encoding="utf-8"))
        if found["format"] != _FORMAT or found["code"] != code:
            return None
        return Compiled(
            code=code,
            tests=tuple(CompiledTest(**test) for test in found["tests"]),
            descriptions={name: (text, columns) for name, (text, columns) in found["descriptions"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def from_results(results: Sequence[Any], code: str) -> Compiled:
    """What a whole green run of dbt compiled: `results` are those of its `build`."""
    tests = []
    descriptions: dict[str, tuple[str, Mapping[str, str]]] = {}
    for result in results:
        node = result.node
        kind = str(getattr(node.resource_type, "value", node.resource_type))
        if kind == "test":
            settings = node.config
            tests.append(
                CompiledTest(
                    name=node.name,
                    path=str(node.original_file_path),
                    sql=str(node.compiled_code),
                    fail_calc=settings.fail_calc,
                    severity=str(settings.severity).lower(),
                    warn_if=settings.warn_if,
                    error_if=settings.error_if,
                )
            )
        elif kind == "model":
            columns = {
                column.name: column.description for column in node.columns.values() if column.description
            }
            descriptions[node.alias or node.name] = (node.description, columns)
    return Compiled(code=code, tests=tuple(tests), descriptions=descriptions)


def run_tests(
    connection: duckdb.DuckDBPyConnection, tests: Sequence[CompiledTest], threads: int
) -> list[TestOutcome]:
    """Run the tests on a warehouse that is open for reading, `threads` at a time."""
    with ThreadPoolExecutor(max_workers=threads) as pool:
        return list(pool.map(lambda test: _run(connection, test), tests))


def _run(connection: duckdb.DuckDBPyConnection, test: CompiledTest) -> TestOutcome:
    import duckdb

    # As dbt's own wrapper: the conditions are SQL behind the number of failures.
    sql = (
        f"select failures, failures {test.warn_if}, failures {test.error_if} "
        f"from (select {test.fail_calc} as failures from ({test.sql}) as failing)"
    )
    cursor = connection.cursor()
    try:
        row = cursor.execute(sql).fetchone()
    except duckdb.Error as error:
        return TestOutcome(test, "error", message=str(error))
    finally:
        cursor.close()
    if row is None:
        return TestOutcome(test, "error", message="The test gave no row.")
    failures, should_warn, should_error = row
    is_red = should_error and test.severity == "error"
    status = "fail" if is_red else "warn" if should_warn else "pass"
    return TestOutcome(test, status, failures=int(failures or 0))
