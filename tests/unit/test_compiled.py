"""What dbt compiled, run without dbt: same transactions, same verdicts."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from agent_store.build import compiled
from agent_store.build.compiled import Compiled, CompiledModel, CompiledTest
from agent_store.paths import StorePaths


@pytest.fixture
def connection(tmp_path: Path) -> duckdb.DuckDBPyConnection:
    """A warehouse with two sessions in a fact, the second of which a new batch has touched."""
    store = duckdb.connect(str(tmp_path / "warehouse.duckdb"))
    store.execute(f"attach '{tmp_path / 'agent_store.duckdb'}' as agent_store")
    store.execute("create schema intermediate")
    store.execute(
        "create table intermediate.int_session_batch as "
        "select * from (values ('s1', 1), ('s2', 2)) as t(session_id, _batch_id)"
    )
    store.execute(
        "create table agent_store.main.fact (session_id varchar not null, number bigint, _batch_id bigint); "
        "insert into agent_store.main.fact values ('s1', 1, 1), ('s2', 2, 1), ('s2', 3, 1)"
    )
    return store


def model(sql: str, strategy: str) -> CompiledModel:
    return CompiledModel("fact", '"agent_store"."main"."fact"', sql, strategy)


def rows(connection: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    return connection.execute(
        "select session_id, number, _batch_id from agent_store.main.fact order by all"
    ).fetchall()


def test_replace_touched_writes_only_touched_sessions_anew(connection: duckdb.DuckDBPyConnection) -> None:
    """Columns go by name, not by place."""
    compiled.run_model(
        connection, model("select 2 as _batch_id, 's2' as session_id, 9 as number", "replace_touched")
    )
    assert rows(connection) == [("s1", 1, 1), ("s2", 9, 2)]


def test_replace_touched_empties_a_session_that_lost_its_rows(connection: duckdb.DuckDBPyConnection) -> None:
    compiled.run_model(
        connection,
        model("select 's2' as session_id, 1 as number, 2 as _batch_id where false", "replace_touched"),
    )
    assert rows(connection) == [("s1", 1, 1)]


def test_replace_changed_writes_documents_in_another_state_anew_and_drops_those_that_are_gone(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    connection.execute(
        "create table intermediate.int_document_state as "
        "select * from (values ('same', 1), ('changed', 3)) as t(document_id, _state); "
        "create table agent_store.main.documents as "
        "select * from (values ('same', 1, 10), ('changed', 2, 20), ('gone', 1, 30)) as t(document_id, _state, number)"
    )
    changed = CompiledModel(
        "documents",
        '"agent_store"."main"."documents"',
        "select 21 as number, 'changed' as document_id, 3 as _state",
        "replace_changed",
    )
    compiled.run_model(connection, changed)
    assert connection.execute("select document_id, number from agent_store.main.documents order by all").fetchall() == [
        ("changed", 21), ("same", 10),
    ]  # fmt: skip


def test_append_adds(connection: duckdb.DuckDBPyConnection) -> None:
    compiled.run_model(connection, model("select 's3' as session_id, 4 as number, 2 as _batch_id", "append"))
    assert len(rows(connection)) == 4


def test_a_table_is_filled_anew_and_keeps_its_declaration(connection: duckdb.DuckDBPyConnection) -> None:
    compiled.run_model(connection, model("select 's9' as session_id, 1 as number, 2 as _batch_id", ""))
    assert rows(connection) == [("s9", 1, 2)]
    with pytest.raises(duckdb.ConstraintException):
        compiled.run_model(
            connection, model("select null::varchar as session_id, 1 as number, 3 as _batch_id", "")
        )
    assert rows(connection) == [("s9", 1, 2)], "a model that fails stays as it was"


@pytest.mark.parametrize(
    ("sql", "severity", "error_if", "status", "failures"),
    [
        ("select 1 where false", "error", "!= 0", "pass", 0),
        ("select 1 union all select 2", "error", "!= 0", "fail", 2),
        ("select 1", "warn", "!= 0", "warn", 1),
        ("select 1", "error", "> 5", "warn", 1),
        ("select nonsense", "error", "!= 0", "error", None),
    ],
)
def test_verdicts_are_those_of_dbt(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    severity: str,
    error_if: str,
    status: str,
    failures: int | None,
) -> None:
    test = CompiledTest("t", "t.sql", sql, severity=severity, error_if=error_if)
    outcome = compiled.run_tests(connection, [test], threads=2)[0]
    assert (outcome.status, outcome.failures) == (status, failures)


def test_kept_only_for_the_same_code(tmp_path: Path) -> None:
    paths = StorePaths(tmp_path / "home").ensure()
    paths.target.mkdir(parents=True, exist_ok=True)
    kept = Compiled(
        "abc", (model("select 1", ""),), (CompiledTest("t", "p", "select 1"),), {"m": ("text", {"c": "d"})}
    )
    compiled.save(paths, kept)
    assert compiled.load(paths, "abc") == kept
    assert compiled.load(paths, "other") is None
    (paths.target / "compiled.json").write_text("{", encoding="utf-8")
    assert compiled.load(paths, "abc") is None


def chain(*names: str, broken: str = "") -> list[CompiledModel]:
    """Models each of which counts the rows of the one before, and one that reads none."""
    made = []
    for number, name in enumerate(names):
        source = f"(select count(*) from {names[number - 1]})" if number else "1"
        sql = "select nonsense" if name == broken else f"select {source} as number"
        made.append(CompiledModel(name, f"main.{name}", sql, parents=tuple(names[number - 1 : number])))
    return made


def test_models_run_beside_each_other_but_after_what_they_read(connection: duckdb.DuckDBPyConnection) -> None:
    names = [f"t{number}" for number in range(12)]
    for name in (*names, "alone"):
        connection.execute(f"create table {name} (number bigint)")
    alone = CompiledModel("alone", "main.alone", "select 7 as number")
    told: list[tuple[str, int]] = []
    run = compiled.run_models(
        connection, [*chain(*names), alone], 2, lambda model, count: told.append((model.name, count))
    )
    assert (run.done_count, run.failed, run.left_out) == (13, (), {})
    assert [name for name, _ in told if name != "alone"] == names
    assert [count for _, count in told] == list(range(1, 14))
    assert connection.execute("select number from t11 union all select number from alone").fetchall() == [
        (1,), (7,),
    ]  # fmt: skip


def test_what_reads_a_model_that_failed_is_left_out_and_the_rest_is_run(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    for name in ("a", "b", "c", "d", "alone"):
        connection.execute(f"create table {name} (number bigint)")
    connection.execute("insert into d values (4)")
    alone = CompiledModel("alone", "main.alone", "select 7 as number")
    run = compiled.run_models(connection, [*chain("a", "b", "c", "d", broken="b"), alone], 2)
    assert run.done_count == 2
    [(failed, message)] = run.failed
    assert failed.name == "b"
    assert "nonsense" in message
    assert run.left_out == {"c": "b", "d": "b"}
    assert connection.execute("select * from d").fetchall() == [(4,)]
    assert connection.execute("select * from alone").fetchall() == [(7,)]


def test_models_that_are_given_do_not_wait_for_those_that_are_not(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    for name in ("a", "b", "c"):
        connection.execute(f"create table {name} (number bigint)")
    run = compiled.run_models(connection, chain("a", "b", "c")[1:], 1)
    assert (run.done_count, run.failed) == (2, ())


class Node:
    """As much of a node of dbt as is read."""

    def __init__(self, name: str, kind: str, *parents: str) -> None:
        self.name = self.alias = name
        self.unique_id, self.resource_type = f"model.{name}", "model"
        self.columns: dict[str, object] = {}
        self.description = ""
        self.config = type("Config", (dict,), {"materialized": kind})()
        self.depends_on = type("Depends", (), {"nodes": [f"model.{parent}" for parent in parents]})()
        self.relation_name, self.compiled_code, self.original_file_path = (
            name,
            f"select '{name}'",
            f"{name}.sql",
        )


def test_parents_are_seen_through_views() -> None:
    nodes = [
        Node("mart", "table", "view_of_views", "other"),
        Node("view_of_views", "view", "plain_view", "other"),
        Node("plain_view", "view", "base"),
        Node("other", "incremental", "seed"),
        Node("base", "table"),
    ]
    kept = compiled.from_nodes(nodes, "code")
    assert kept.is_whole
    assert [(model.name, model.parents) for model in kept.models] == [
        ("base", ()),
        ("other", ()),
        ("mart", ("base", "other")),
    ]


def test_a_model_that_only_dbt_can_run_is_told() -> None:
    assert not compiled.from_nodes([Node("history", "snapshot")], "code").is_whole


def test_a_check_of_a_generic_test_says_what_it_demands() -> None:
    def said(name: str, **given: object) -> dict[str, str]:
        node = Node("checked", "table")
        node.test_metadata = type("Metadata", (), {"name": name, "kwargs": given})()  # type: ignore[attr-defined]
        return compiled._checks(node)

    assert said("unique_grain", columns=["day", "model"]) == {
        "unique": "One row per day, model, none of them NULL."
    }
    assert said(
        "table_checks",
        grain=["day"],
        unique=["name"],
        keys={"agent_id": "dim_agent.agent_id"},
        checks={"paid": "cost_usd > 0"},
    ) == {
        "unique": "One row per day, none of them NULL.",
        "name_is_unique": "One row per name, none of them NULL.",
        "agent_id": "Every agent_id exists in dim_agent, or is NULL.",
        "paid": "In every row: cost_usd > 0",
    }
    assert said("another") == compiled._checks(Node("singular", "test")) == {}
