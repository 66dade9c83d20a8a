"""The results of a dbt run: failed models, and the rows that data tests found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from agent_store.build import compiled
from ingest.text import shorten

if TYPE_CHECKING:
    import duckdb

_EXAMPLE_ROWS = 5
# Failing rows read per test, to name their sessions.
_GROUPS_READ = 10_000
_MEASURES = frozenset({"check_name", "failing_rows", "session_ids", "examples"})
_GREEN = frozenset({"success", "pass", "warn", "no-op", "partial success", "reused"})


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """The finding of one check of a data test: row count, sessions, and the line of one of the rows."""

    name: str
    failing_rows: int
    description: str = ""
    session_ids: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    session_id: str | None = None
    source_path: str | None = None
    source_line: int | None = None


@dataclass(frozen=True, slots=True)
class NodeFailure:
    """A model or a test that did not pass."""

    name: str
    kind: str
    status: str
    message: str
    failing_rows: int | None = None
    path: str = ""
    table: str = ""
    description: str = ""
    is_guard: bool = False
    checks: tuple[FailedCheck, ...] = ()

    @property
    def examples(self) -> tuple[str, ...]:
        """A few failing rows, a line each."""
        return tuple(
            f"{check.name + ': ' if check.name else ''}{example}"
            for check in self.checks
            for example in check.examples or (f"{check.failing_rows:,} rows",)
        )[:_EXAMPLE_ROWS]

    @property
    def session_ids(self) -> frozenset[str]:
        """The sessions of the failing rows, if the test names them."""
        return frozenset(session for check in self.checks for session in check.session_ids)

    def __str__(self) -> str:
        """One line: the failure, and its row count."""
        if self.failing_rows is not None and self.kind.endswith("test"):
            return (
                f"{self.kind} {self.name}: {self.failing_rows:,} row{'' if self.failing_rows == 1 else 's'}"
            )
        return f"{self.kind} {self.name}: {self.message}"


@dataclass(frozen=True, slots=True)
class Description:
    """What dbt's yml says about a published relation."""

    text: str
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BuildResult:
    """The result of a dbt run.

    `success` means that it may be published: no guard failed. `failures` are the guards and models that failed,
    `warnings` the findings of all other tests. `stale` maps each model that kept its rows of an earlier build to
    the reason.
    """

    success: bool
    failures: tuple[NodeFailure, ...] = ()
    warnings: tuple[NodeFailure, ...] = ()
    stale: Mapping[str, str] = field(default_factory=dict)
    model_count: int = 0
    test_count: int = 0
    passed_count: int = 0
    seconds: float = 0.0
    descriptions: Mapping[str, Description] = field(default_factory=dict)

    @property
    def guards(self) -> tuple[NodeFailure, ...]:
        """The guards that failed."""
        return tuple(failure for failure in self.failures if failure.is_guard)


def test_failure(outcome: compiled.TestOutcome, connection: duckdb.DuckDBPyConnection) -> NodeFailure:
    """The findings of a failed test, with its rows read again."""
    test = outcome.test
    could_run = outcome.status != "error"
    return NodeFailure(
        name=test.name,
        kind="data test",
        status=outcome.status,
        message=first_lines(outcome.message or outcome.status),
        path=test.path,
        table=test.table,
        description=test.description,
        is_guard=test.severity == "error",
        **(_failing(test, outcome.failures, connection) if could_run else {}),
    )


def status_of(result: Any) -> str:  # noqa: ANN401 - dbt's own type
    """The status of a node, in dbt's words."""
    return str(getattr(result.status, "value", result.status))


def is_green(result: Any) -> bool:  # noqa: ANN401 - dbt's own type
    """Whether a node succeeded; a test that warns counts as success."""
    return status_of(result) in _GREEN


def kind_of(node: Any) -> str:  # noqa: ANN401 - dbt's own type
    """The kind of a node, in words: model, seed, data test, unit test …."""
    kind = str(getattr(node.resource_type, "value", node.resource_type))
    return "data test" if kind == "test" else kind.replace("_", " ")


def read_results(results: Sequence[Any], *, seconds: float) -> BuildResult:
    """Read dbt's results of models and seeds; those of tests are read by `test_results`."""
    failures: list[NodeFailure] = []
    skipped: dict[str, Any] = {}
    broken: dict[str, str] = {}
    descriptions: dict[str, Description] = {}
    model_count = 0
    has_seeds = True
    for result in results:
        node, status = result.node, status_of(result)
        kind = kind_of(node)
        if kind.endswith("test"):
            continue
        if kind == "model":
            columns = {
                column.name: column.description for column in node.columns.values() if column.description
            }
            descriptions[node.alias or node.name] = Description(node.description, columns)
        if status == "skipped":
            if kind == "model":
                skipped[node.unique_id] = node
            continue
        model_count += kind == "model" and status in _GREEN
        if status in _GREEN:
            continue
        failures.append(
            NodeFailure(
                name=node.name,
                kind=kind,
                status=status,
                message=first_lines(str(result.message or status)),
                path=str(getattr(node, "original_file_path", "")),
                table=node.name,
            )
        )
        if kind == "model":
            broken[node.unique_id] = node.name
        has_seeds &= kind != "seed"
    stale = {failure.name: shorten(failure.message) for failure in failures if failure.kind == "model"}
    return BuildResult(
        success=has_seeds,
        failures=tuple(failures),
        stale=stale | _left_out(skipped, broken),
        model_count=model_count,
        seconds=seconds,
        descriptions=descriptions,
    )


def _left_out(skipped: Mapping[str, Any], broken: Mapping[str, str]) -> dict[str, str]:
    """Why models were skipped: for each name, the failed model behind it."""
    behind = dict(broken)
    waiting = dict(skipped)
    while waiting:
        found = {
            name: behind[next(parent for parent in node.depends_on.nodes if parent in behind)]
            for name, node in waiting.items()
            if any(parent in behind for parent in node.depends_on.nodes)
        }
        if not found:
            break
        behind |= found
        waiting = {name: node for name, node in waiting.items() if name not in found}
    return {
        node.name: f"it reads {behind[name]}, which failed" if name in behind else "a guard failed first"
        for name, node in skipped.items()
    }


def _failing(
    test: compiled.CompiledTest, failures: int | None, connection: duckdb.DuckDBPyConnection
) -> dict[str, Any]:
    """The number of failing rows, and the rows, per check.

    A generic test returns groups of rows: a name, a count, the sessions and three of the rows. Any other test returns the
    failing rows themselves.
    """
    import duckdb

    try:
        cursor = connection.execute(test.sql)
        names = [column[0] for column in cursor.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchmany(_GROUPS_READ)]
    except (duckdb.Error, ValueError):
        return {"failing_rows": failures}
    grouped = "failing_rows" in names
    checks: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        checks.setdefault(str(row.get("check_name", "")), []).append(row)
    found = tuple(
        _check(name, test.checks.get(name, test.description), group, is_grouped=grouped)
        for name, group in checks.items()
    )
    if grouped:
        return {"failing_rows": sum(check.failing_rows for check in found), "checks": found}
    return {"failing_rows": failures, "checks": found}


def _check(
    name: str, description: str, rows: Sequence[Mapping[str, Any]], *, is_grouped: bool
) -> FailedCheck:
    shown: list[dict[str, Any]] = []
    sessions = set()
    for row in rows:
        if not is_grouped:
            shown.append(dict(row))
            sessions.add(row.get("session_id"))
            continue
        named = {key: value for key, value in row.items() if key not in _MEASURES}
        examples: Sequence[Mapping[str, Any]] = row.get("examples") or ({},)
        shown += [{**named, **example} for example in examples]
        sessions |= set(row.get("session_ids") or ())
    first = shown[0] if shown else {}
    line = first.get("_source_line")
    texts = [", ".join(f"{key}={value}" for key, value in row.items() if value is not None) for row in shown]
    return FailedCheck(
        name=name,
        description=description,
        failing_rows=sum(int(row["failing_rows"]) for row in rows) if is_grouped else len(rows),
        session_ids=tuple(sorted(session for session in sessions if session)),
        examples=tuple(shorten(text) for text in texts[:_EXAMPLE_ROWS] if text),
        session_id=first.get("session_id"),
        source_path=first.get("_source_path"),
        source_line=int(line) if line is not None else None,
    )


def with_tests(
    result: BuildResult, results: Sequence[Any], connection: duckdb.DuckDBPyConnection
) -> BuildResult:
    """The result of the models, plus the findings of data tests run by dbt itself."""
    outcomes = [
        compiled.TestOutcome(
            compiled.from_test_node(found.node), status_of(found), found.failures, str(found.message or "")
        )
        for found in results
        if kind_of(found.node) == "data test" and status_of(found) != "skipped"
    ]
    return with_outcomes(result, outcomes, connection)


def with_outcomes(
    result: BuildResult, outcomes: Sequence[compiled.TestOutcome], connection: duckdb.DuckDBPyConnection
) -> BuildResult:
    """The result of the models, plus that of the data tests."""
    notes = [test_failure(outcome, connection) for outcome in outcomes if outcome.status != "pass"]
    guards = tuple(note for note in notes if note.is_guard)
    return replace(
        result,
        success=result.success and not guards,
        failures=result.failures + guards,
        warnings=tuple(note for note in notes if not note.is_guard),
        test_count=len(outcomes),
        passed_count=len(outcomes) - len(notes),
    )


def sessions_of_guards(result: BuildResult) -> dict[str, tuple[str, str]]:
    """The sessions named by failed guards: session id → (guard, its rule); empty if a guard names no session.

    In that case, leaving sessions out would not make the guard pass.
    """
    if any(not guard.session_ids for guard in result.guards):
        return {}
    return {
        session: (guard.name, guard.description or guard.name)
        for guard in reversed(result.guards)
        for session in guard.session_ids
    }


def first_lines(message: str, count: int = 6) -> str:
    """The informative part of a dbt message; DuckDB's advice about memory is left out, because it is for authors of
    SQL."""
    said = message.partition("Possible solutions:")[0]
    lines = [line.rstrip() for line in said.strip().splitlines() if line.strip()]
    kept = lines[:count]
    return "\n".join(kept + ([f"… {len(lines) - count} more lines"] if len(lines) > count else []))
