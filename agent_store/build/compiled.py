"""The SQL that dbt compiled, kept for builds in which only rows are new.

While the code stays as it is, dbt renders the same SQL for every model and test. After a build of new code that SQL is
compiled once more, in its incremental form, and stored beside the warehouse. A build with nothing but new lines then
runs it here, in dbt's order and in the same transactions, without even importing dbt: a node costs dbt about a hundred
milliseconds of Python, and DuckDB only a few. Views stay valid, seeds stay loaded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_store.paths import WAREHOUSE, StorePaths
from agent_store.replacing import replacing

if TYPE_CHECKING:
    import duckdb

_FORMAT = 5


@dataclass(frozen=True, slots=True)
class CompiledModel:
    """A table or incremental model: `strategy` is dbt's, empty for a table that is rewritten in full.

    `parents` are the names of the other tables that it reads, directly or through views.
    """

    name: str
    relation: str
    sql: str
    strategy: str = ""
    path: str = ""
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CompiledTest:
    """A data test as dbt would run it.

    `reads` are the names of the models that it reads, and of the tables behind those that are views. `checks` maps the
    name of each check to its rule.
    """

    name: str
    path: str
    sql: str
    fail_calc: str = "count(*)"
    severity: str = "error"
    warn_if: str = "!= 0"
    error_if: str = "!= 0"
    table: str = ""
    description: str = ""
    reads: tuple[str, ...] = ()
    checks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Compiled:
    """The models in dbt's order, the tests and the descriptions of one state of the code.

    `is_whole` is false if a model is of a kind that only dbt can run.
    """

    code: str
    models: tuple[CompiledModel, ...] = ()
    tests: tuple[CompiledTest, ...] = ()
    descriptions: Mapping[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """The result of a test: `pass`, `warn`, `fail` or `error`, and on how many rows."""

    __test__ = False

    test: CompiledTest
    status: str
    failures: int | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class ModelRun:
    """The result of running models: those that failed, with DuckDB's message, and those skipped because they read one.

    `left_out` maps each to the failed model behind it.
    """

    done_count: int = 0
    failed: tuple[tuple[CompiledModel, str], ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


def _file(paths: StorePaths) -> Path:
    return paths.target / "compiled.json"


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()


def save(paths: StorePaths, compiled: Compiled) -> None:
    """Write everything, with one atomic rename."""
    text = json.dumps({"format": _FORMAT, **asdict(compiled)})
    with replacing(_file(paths)) as fresh:
        fresh.write_text(f"{_digest(text)}\n{text}", encoding="utf-8")


def load(paths: StorePaths, code: str) -> Compiled | None:
    """The SQL compiled for exactly this code; None if it is missing, damaged or of other code."""
    try:
        digest, _, text = _file(paths).read_text(encoding="utf-8").partition("\n")
        if digest != _digest(text):
            return None
        found = json.loads(text)
        if found["format"] != _FORMAT or found["code"] != code:
            return None
        return Compiled(
            code=code,
            models=tuple(
                CompiledModel(**{**model, "parents": tuple(model["parents"])}) for model in found["models"]
            ),
            tests=tuple(CompiledTest(**{**test, "reads": tuple(test["reads"])}) for test in found["tests"]),
            descriptions={name: (text, columns) for name, (text, columns) in found["descriptions"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def from_nodes(nodes: Iterable[Any], code: str) -> Compiled:
    """The output of `dbt compile` for models and tests."""
    is_whole = True
    models: dict[str, tuple[CompiledModel, set[str]]] = {}
    tests: list[tuple[CompiledTest, set[str]]] = []
    descriptions: dict[str, tuple[str, Mapping[str, str]]] = {}
    for node in nodes:
        kind = str(getattr(node.resource_type, "value", node.resource_type))
        if kind == "test":
            tests.append((from_test_node(node), set(node.depends_on.nodes)))
        elif kind == "model":
            columns = {
                column.name: column.description for column in node.columns.values() if column.description
            }
            descriptions[node.alias or node.name] = (node.description, columns)
            materialized = node.config.materialized
            strategy = (
                str(node.config.get("incremental_strategy") or "") if materialized == "incremental" else ""
            )
            if materialized == "view":
                models[node.unique_id] = (CompiledModel(node.name, "", ""), set(node.depends_on.nodes))
                continue
            is_whole &= materialized in {"table", "incremental"} and strategy in {
                "",
                "append",
                "replace_touched",
                "replace_changed",
            }
            model = CompiledModel(
                name=node.name,
                relation=node.relation_name,
                sql=str(node.compiled_code),
                strategy=strategy,
                path=str(node.original_file_path),
            )
            models[node.unique_id] = (model, set(node.depends_on.nodes))
    ordered, tables_behind = _in_order(models)
    return Compiled(
        code=code,
        models=ordered,
        tests=tuple(
            replace(
                test,
                reads=tuple(
                    sorted(
                        {parent.rpartition(".")[2] for parent in parents}.union(
                            *(tables_behind.get(parent, set()) for parent in parents)
                        )
                    )
                ),
            )
            for test, parents in tests
        ),
        descriptions=descriptions,
        is_whole=is_whole,
    )


def from_test_node(node: Any) -> CompiledTest:  # noqa: ANN401 - dbt's own type
    """A data test of dbt, with the SQL that it compiled."""
    settings = node.config
    return CompiledTest(
        name=node.name,
        path=str(node.original_file_path),
        sql=str(node.compiled_code),
        fail_calc=settings.fail_calc,
        severity=str(settings.severity).lower(),
        warn_if=settings.warn_if,
        error_if=settings.error_if,
        table=tested_table(node),
        description=str(node.description or ""),
        checks=_checks(node),
    )


def _checks(node: Any) -> dict[str, str]:  # noqa: ANN401 - dbt's own type
    """The rule of each check of `unique_grain` or `table_checks`, by the name in its rows; empty for other tests."""
    metadata = getattr(node, "test_metadata", None)
    given = dict(metadata.kwargs) if metadata else {}
    grain = given.get("columns") or given.get("grain")
    found = {"unique": f"One row per {', '.join(grain)}, none of them NULL."} if grain else {}
    found |= {
        f"{column}_is_unique": f"One row per {column}, none of them NULL."
        for column in given.get("unique", ())
    }
    found |= {
        key: f"Every {key} exists in {target.partition('.')[0]}, or is NULL."
        for key, target in given.get("keys", {}).items()
    }
    return found | {name: f"In every row: {check}" for name, check in given.get("checks", {}).items()}


def tested_table(node: Any) -> str:  # noqa: ANN401 - dbt's own type
    """The model under test: the one the test is attached to, else the only one it reads, else none."""
    attached = str(getattr(node, "attached_node", None) or "")
    parents = [parent for parent in node.depends_on.nodes if parent.startswith("model.")]
    found = attached or (parents[0] if len(parents) == 1 else "")
    return found.rpartition(".")[2]


def _in_order(
    models: Mapping[str, tuple[CompiledModel, set[str]]],
) -> tuple[tuple[CompiledModel, ...], dict[str, set[str]]]:
    """The tables, parents before children, then by name; and the tables behind each model.

    Views are looked through.
    """
    waiting = {name: parents & models.keys() for name, (_, parents) in models.items()}
    tables_behind: dict[str, set[str]] = {}
    ordered: list[CompiledModel] = []
    while waiting:
        for name in sorted(name for name, parents in waiting.items() if not parents & waiting.keys()):
            model = models[name][0]
            behind = set().union(*(tables_behind[parent] for parent in waiting.pop(name)))
            if model.sql:
                ordered.append(replace(model, parents=tuple(sorted(behind))))
            tables_behind[name] = {model.name} if model.sql else behind
    return tuple(ordered), tables_behind


def run_models(
    connection: duckdb.DuckDBPyConnection,
    models: Sequence[CompiledModel],
    threads: int,
    on_done: Callable[[CompiledModel, int], None] = lambda model, count: None,
) -> ModelRun:
    """Run all models, `threads` at a time, each after the tables that it reads.

    Models that read a failed one are skipped and keep their rows; all others run. `on_done` gets each model that
    succeeded, and their count.
    """
    import duckdb

    given = {model.name for model in models}
    waiting = {model.name: (model, set(model.parents) & given) for model in models}
    running: dict[Future[None], CompiledModel] = {}
    done: set[str] = set()
    failed: list[tuple[CompiledModel, str]] = []
    left_out: dict[str, str] = {}
    with ThreadPoolExecutor(max_workers=threads) as pool:
        while running or waiting:
            ready = [name for name, (_, parents) in waiting.items() if parents <= done]
            for name in ready[: threads - len(running)]:
                model, _ = waiting.pop(name)
                running[pool.submit(_run_beside, connection, model)] = model
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                model = running.pop(future)
                try:
                    future.result()
                except duckdb.Error as error:
                    failed.append((model, str(error)))
                    for reader in _readers_of(model.name, waiting):
                        del waiting[reader]
                        left_out[reader] = model.name
                    continue
                done.add(model.name)
                on_done(model, len(done))
    return ModelRun(done_count=len(done), failed=tuple(failed), left_out=left_out)


def _readers_of(name: str, models: Mapping[str, tuple[CompiledModel, set[str]]]) -> list[str]:
    """The models that read a table, directly or through other tables, in build order."""
    reached = {name}
    readers = []
    for reader, (_, parents) in models.items():
        if parents & reached:
            reached.add(reader)
            readers.append(reader)
    return readers


def _run_beside(connection: duckdb.DuckDBPyConnection, model: CompiledModel) -> None:
    cursor = _cursor(connection)
    try:
        run_model(cursor, model)
    finally:
        cursor.close()


def _cursor(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A second connection to the same database, for another thread; it does not inherit the time zone."""
    cursor = connection.cursor()
    cursor.execute("set TimeZone = 'UTC'")
    return cursor


def run_model(connection: duckdb.DuckDBPyConnection, model: CompiledModel) -> None:
    """Bring one model up to date in one transaction; raises duckdb.Error and leaves it as it was."""
    connection.execute("begin")
    try:
        if model.strategy == "append":
            connection.execute(f"insert into {model.relation} by name ({model.sql}\n)")
        elif model.strategy in {"replace_touched", "replace_changed"}:
            connection.execute(f"create or replace temporary table replacement as ({model.sql}\n)")
            connection.execute(f"delete from {model.relation} where {_is_replaced(model)}")
            connection.execute(f"insert into {model.relation} by name (from replacement)")
            connection.execute("drop table replacement")
        else:
            # Emptied and refilled, not recreated: declared types, compression and NOT NULLs stay. Such a model never
            # reads itself, so no temporary table is needed.
            connection.execute(f"truncate {model.relation}")
            connection.execute(f"insert into {model.relation} by name ({model.sql}\n)")
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def _is_replaced(model: CompiledModel) -> str:
    """The rows that an incremental model rewrites, as the macros of the strategies define them."""
    if model.strategy == "replace_touched":
        return f"session_id in {touched_sessions(model)}"
    states = f'"{WAREHOUSE}"."intermediate"."int_document_state"'
    return f"(document_id, _state) not in (select (document_id, _state) from {states})"


def touched_sessions(model: CompiledModel) -> str:
    """The sessions that the strategy `replace_touched` rewrites, as its macro defines them."""
    return (
        f'(select session_id from "{WAREHOUSE}"."intermediate"."int_session_batch" where _batch_id > '
        f"(select coalesce(max(_batch_id), -1) from {model.relation}))"
    )


def run_tests(
    connection: duckdb.DuckDBPyConnection,
    tests: Sequence[CompiledTest],
    threads: int,
    on_done: Callable[[CompiledTest, int], None] = lambda test, count: None,
) -> list[TestOutcome]:
    """Run the tests, `threads` at a time; one that runs out of memory runs once more, alone.

    `on_done` gets each finished test, and their count.
    """
    outcomes = []
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for outcome in pool.map(lambda test: _run_test(connection, test), tests):
            outcomes.append(outcome)
            on_done(outcome.test, len(outcomes))
    return [
        _run_test(connection, outcome.test) if is_out_of_memory(outcome.message) else outcome
        for outcome in outcomes
    ]


def is_out_of_memory(message: object) -> bool:
    """Whether a message of DuckDB, or of dbt about one, reports a lack of memory."""
    return "out of memory" in str(message or "").lower()


def _run_test(connection: duckdb.DuckDBPyConnection, test: CompiledTest) -> TestOutcome:
    import duckdb

    # Like dbt's own wrapper: the conditions are SQL appended to the number of failures.
    sql = (
        f"select failures, failures {test.warn_if}, failures {test.error_if} "
        f"from (select {test.fail_calc} as failures from ({test.sql}\n) as failing)"
    )
    cursor = _cursor(connection)
    try:
        row = cursor.execute(sql).fetchone()
    except duckdb.Error as error:
        return TestOutcome(test, "error", message=str(error))
    finally:
        cursor.close()
    if row is None:
        return TestOutcome(test, "error", message="The test returned no row.")
    failures, should_warn, should_error = row
    is_red = should_error and test.severity == "error"
    status = "fail" if is_red else "warn" if should_warn else "pass"
    return TestOutcome(test, status, failures=int(failures or 0))
