"""Build the models and run their tests: with dbt, or, if only rows are new, with the SQL that dbt compiled."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_store.build import compiled, dbt, memory, tested, warehouse
from agent_store.build.results import (
    BuildResult,
    Description,
    NodeFailure,
    first_lines,
    is_green,
    kind_of,
    read_results,
    with_outcomes,
)
from agent_store.paths import StorePaths
from ingest.text import shorten
from ingest.warehouse import ensure_schema

if TYPE_CHECKING:
    import duckdb

THREADS = 2
THREADS_ALONE = "1"
OnNode = Callable[[str, int, int], None]


def build(
    paths: StorePaths,
    project: Path,
    *,
    tests: bool = True,
    full_refresh: bool = False,
    seeds: bool = True,
    code: str = "",
    all_tests: bool = False,
    on_node: OnNode | None = None,
) -> BuildResult:
    """Build the models, in order, then run their tests; failures are named with their rows.

    If only rows are new, the tests look only at sessions touched since the last test, unless `all_tests` is set (see
    `tested`).

    With `seeds` false, the code is that of the last complete build, identified by the fingerprint `code`: the seeds are
    loaded, the views are valid and everything is compiled, so that dbt is not needed (see `compiled`). The tests are
    dbt's, run as it compiled them: dbt itself needs some eighty milliseconds of Python for each.
    """
    started = time.monotonic()
    ensure_schema(paths.warehouse)
    known = compiled.load(paths, code) if code and not seeds and not full_refresh else None
    if known is not None:
        return _build_rows(paths, known, tests=tests, all_tests=all_tests, on_node=on_node, started=started)
    tested.forget(paths)
    arguments = [
        "build",
        "--threads",
        str(THREADS),
        "--no-write-json",
        "--exclude-resource-type",
        "unit_test",
        "--exclude-resource-type",
        "test",
    ]
    if not seeds:
        arguments += ["--exclude-resource-type", "seed"]
    if full_refresh:
        arguments.append("--full-refresh")
    outcome = dbt.invoke(arguments, paths, project, dbt.node_listener(on_node) if on_node else None)
    if outcome.result is None or not hasattr(outcome.result, "results"):
        return BuildResult(success=False, failures=(stopped(outcome),), seconds=time.monotonic() - started)
    results = _with_second_try(outcome.result.results, arguments, paths, project, on_node)
    result = read_results(results, seconds=time.monotonic() - started)
    if not result.success:
        return result
    found, views = _compile(paths, project, code, [built.node for built in results], sorted(result.stale))
    if result.stale:
        with warehouse.connect(paths) as connection:
            fill_gaps(connection, results, views)
    if isinstance(found, NodeFailure):
        result = replace(result, success=False, failures=(*result.failures, found))
    elif code and found.is_whole and not result.stale:
        compiled.save(paths, found)
    if tests and isinstance(found, compiled.Compiled):
        with warehouse.connect(paths) as connection:
            result = run_tests(result, connection, found.tests, on_node)
            tested.write(paths, connection, code, _unpassed(result, found.tests))
    return replace(result, seconds=time.monotonic() - started)


def stopped(outcome: Any) -> NodeFailure:  # noqa: ANN401 - dbt's own type
    """Why dbt stopped without results."""
    message = first_lines(str(outcome.exception or "dbt stopped without a message"))
    return NodeFailure("dbt", "project", "error", message)


def _with_second_try(
    results: Sequence[Any],
    arguments: Sequence[str],
    paths: StorePaths,
    project: Path,
    on_node: OnNode | None,
) -> list[Any]:
    """The results; models that ran out of memory are tried once more, one at a time and with more memory."""
    broken = [found for found in results if kind_of(found.node) == "model" and not is_green(found)]
    if not any(compiled.is_out_of_memory(found.message) for found in broken):
        return list(results)
    alone = [THREADS_ALONE if part == str(THREADS) else part for part in arguments]
    with memory.raised():
        second = dbt.invoke(
            [*alone, "--select", *(found.node.name for found in broken)],
            paths,
            project,
            dbt.node_listener(on_node) if on_node else None,
        )
    tried = second.result.results if second.result is not None and hasattr(second.result, "results") else []
    return list({found.node.unique_id: found for found in (*results, *tried)}.values())


def _compile(
    paths: StorePaths, project: Path, code: str, built: Sequence[Any], stale: Sequence[str]
) -> tuple[compiled.Compiled | NodeFailure, dict[str, str]]:
    """The SQL of the tests, and of builds in which only rows are new: of what was built, and of the rest, compiled now.

    An incremental model compiles differently once its table exists. Also the SQL of views that were not made.
    """
    arguments = ["compile", "--threads", str(THREADS), "--no-write-json"]
    arguments += ["--select", "config.materialized:incremental", "resource_type:test", *stale]
    outcome = dbt.invoke(arguments, paths, project)
    if outcome.result is None or not hasattr(outcome.result, "results"):
        return stopped(outcome), {}
    views = {
        found.node.name: str(found.node.compiled_code)
        for found in outcome.result.results
        if found.node.name in stale and found.node.config.materialized == "view"
    }
    nodes = {node.unique_id: node for node in built}
    nodes |= {found.node.unique_id: found.node for found in outcome.result.results}
    return compiled.from_nodes(nodes.values(), code), views


def run_tests(
    result: BuildResult,
    connection: duckdb.DuckDBPyConnection,
    tests: Sequence[compiled.CompiledTest],
    on_node: OnNode | None,
) -> BuildResult:
    """Run the tests of what was built, and add their findings. Tests that read a stale table are skipped."""
    able = [test for test in tests if not result.stale.keys() & set(test.reads)]
    total = result.model_count + len(able)
    outcomes = compiled.run_tests(
        connection,
        able,
        THREADS,
        lambda test, count: on_node(test.name, result.model_count + count, total) if on_node else None,
    )
    return with_outcomes(result, outcomes, connection)


def _unpassed(result: BuildResult, tests: Sequence[compiled.CompiledTest]) -> set[str]:
    """The tests that failed, and those skipped because they read a stale table."""
    noted = {note.name for note in (*result.failures, *result.warnings)}
    return {test.name for test in tests if test.name in noted or result.stale.keys() & set(test.reads)}


def _build_rows(
    paths: StorePaths,
    known: compiled.Compiled,
    *,
    tests: bool,
    all_tests: bool,
    on_node: OnNode | None,
    started: float,
) -> BuildResult:
    """Build with unchanged code, without dbt: its compiled models in its order, then its compiled tests."""
    count_of_all = len(known.models) + (len(known.tests) if tests else 0)
    with warehouse.connect(paths) as connection:
        run = compiled.run_models(
            connection,
            known.models,
            THREADS,
            lambda model, count: on_node(model.name, count, count_of_all) if on_node else None,
        )
        if any(compiled.is_out_of_memory(message) for _, message in run.failed):
            missing = {model.name for model, _ in run.failed} | run.left_out.keys()
            connection.execute(f"set memory_limit = '{memory.at_most()}'")
            alone = compiled.run_models(
                connection, [model for model in known.models if model.name in missing], threads=1
            )
            run = replace(alone, done_count=run.done_count + alone.done_count)
        stale = {model.name: shorten(message) for model, message in run.failed}
        stale |= {name: f"it reads {cause}, which failed" for name, cause in run.left_out.items()}
        result = BuildResult(
            success=True,
            failures=tuple(
                NodeFailure(
                    model.name, "model", "error", first_lines(message), path=model.path, table=model.name
                )
                for model, message in run.failed
            ),
            stale=stale,
            model_count=run.done_count,
            descriptions={
                name: Description(text, columns) for name, (text, columns) in known.descriptions.items()
            },
        )
        if tests:
            since = None if all_tests else tested.read(paths, connection, known.code)
            chosen = known.tests if since is None else tested.narrowed(known.tests, since, connection)
            result = run_tests(result, connection, chosen, on_node)
            tested.write(paths, connection, known.code, _unpassed(result, chosen))
    return replace(result, seconds=time.monotonic() - started)


def fill_gaps(
    connection: duckdb.DuckDBPyConnection, results: Sequence[Any], views: Mapping[str, str]
) -> None:
    """Create what a failed first build did not, so that the store has every table (empty) and view.

    `views` has the known SQL of views; other views become empty. Existing tables keep their rows.
    """
    import duckdb

    waiting: list[str] = []
    for result in results:
        node = result.node
        if kind_of(node) != "model" or is_green(result) or node.schema != warehouse.PUBLISHED_SCHEMA:
            continue
        columns = [(f'"{column.name}"', column) for column in node.columns.values()]
        if node.name in views:
            waiting.append(f"create view if not exists {node.relation_name} as ({views[node.name]}\n)")
            continue
        if not columns:
            continue
        if node.config.materialized == "view":
            empty = ", ".join(f"cast(null as {column.data_type}) as {name}" for name, column in columns)
            connection.execute(
                f"create view if not exists {node.relation_name} as select {empty} where false"
            )
            continue
        declared = ", ".join(
            f"{name} {column.data_type}"
            + (" not null" if any(str(rule.type.value) == "not_null" for rule in column.constraints) else "")
            for name, column in columns
        )
        connection.execute(f"create table if not exists {node.relation_name} ({declared})")
    for statement in waiting:
        with suppress(duckdb.Error):
            connection.execute(statement)
