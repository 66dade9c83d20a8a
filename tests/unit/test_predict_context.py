"""The macro predict_context(): what planned actions name, what these cost before, and whether that fits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_store.build import publish

MACROS = Path(publish.__file__).with_name("sql_macros") / "budget.sql"
TABLES = """
    create table v_context_by_action as select *, timestamp '2026-03-01' as last_entered_at from (values
        ('all', 'read_file', '/home/dev/shop/src/cart.py', 9, 100, 500, 900),
        ('all', 'change_file', '/home/dev/shop/src/cart.py', 4, 50, 80, 90),
        ('all', 'read_file', '/home/dev/shop/README.md', 2, 10, 20, 30),
        ('all', 'read_file', '/home/dev/notes/README.md', 7, 11, 21, 31),
        ('all', 'read_file', '/home/dev/notes/my plan.md', 7, 12, 22, 32),
        ('all', 'read_file', 'C:\\app\\main.cs', 3, 13, 23, 33),
        ('all', 'program', 'git', 50, 1, 2, 3),
        ('all', 'program', 'git diff', 40, 200, 300, 400),
        ('/home/dev/shop', 'program', 'git diff', 3, 210, 310, 410),
        ('/home/dev/notes', 'program', 'git diff', 2, 220, 320, 420),
        ('all', 'program', 'find', 5, 4, 5, 6),
        ('all', 'program', 'make test', 5, 1000, 2000, 9000),
        ('all', 'command', 'make lint && make test', 3, 1100, 2100, 9100),
        ('all', 'program', 'make lint', 6, 7, 8, 9),
        ('all', 'tool', 'Read', 100, 40, 60, 80),
        ('all', 'tool', 'Grep', 70, 41, 61, 81),
        ('all', 'tool', 'mcp__docs__search', 8, 42, 62, 82)
    ) as t (project_path, action_kind, subject, entry_count, tokens_low, tokens, tokens_high);
    create table dim_session as select * from (values
        ('shop', '/home/dev/shop'), ('notes', '/home/dev/notes'), ('new', '/home/dev/new')
    ) as t (session_id, project_path);
    create table dim_context_window as select *, 'claude-' || model_id as model_name from (values
        ('small', date '2024-01-01', 100000, 100000), ('small', date '2026-02-01', 200000, 1000000),
        ('small', date '2027-01-01', 400000, 400000)
    ) as t (model_id, effective_date, max_tokens, beta_max_tokens);
    create table fact_api_call as select * from (values
        ('c1', 'shop', 'small', null, timestamp '2026-03-01 10:00', true, 50000),
        ('c2', 'shop', 'small', null, timestamp '2026-03-01 11:00', true, 150000),
        ('c3', 'shop', 'small', 'run', timestamp '2026-03-01 12:00', true, 9000),
        ('c4', 'shop', 'small', null, timestamp '2026-03-01 12:00', false, 9000),
        ('c5', 'notes', 'small', null, timestamp '2026-03-01 12:00', true, 300000)
    ) as t (call_id, session_id, model_id, agent_run_id, called_at, success, context_tokens);
    create table fact_context_overflow as select *, true as compact_triggered from (values
        ('o1', 'auto', 160000, 200000), ('o2', 'auto', 161000, 200000), ('o3', 'auto', 162000, 200000),
        ('o4', 'manual', 150000, 200000), ('o5', 'auto', 160000, 1000000), ('o6', 'auto', 160000, 1000000),
        ('o7', 'auto', 160000, 1000000), ('o8', 'auto', 350000, 400000)
    ) as t (overflow_id, overflow_trigger, tokens_at_overflow, window_tokens);
"""


@pytest.fixture(scope="module")
def store() -> Iterator[duckdb.DuckDBPyConnection]:
    """A store with what the macro reads."""
    with duckdb.connect() as connection:
        connection.execute(TABLES)
        connection.execute(MACROS.read_text(encoding="utf-8"))
        yield connection


def _predict(store: duckdb.DuckDBPyConnection, *planned: str, **more: object) -> list[dict[str, Any]]:
    """The rows, the total first."""
    found = store.execute(
        "from predict_context($planned, session := $session, context_now := $now, window_now := $window, "
        "model_now := $model, project_now := $project)",
        {
            "planned": list(planned),
            **{name: more.get(name) for name in ("session", "now", "window", "model", "project")},
        },
    )  # fmt: skip
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _known(
    store: duckdb.DuckDBPyConnection, action: str, session: str | None = None
) -> list[tuple[Any, ...]]:
    return [
        (row["kind"], row["subject"], row["tokens"]) for row in _predict(store, action, session=session)[1:]
    ]


@pytest.mark.parametrize(
    ("action", "session", "known"),
    [
        ("read src/cart.py", "shop", [("file", "/home/dev/shop/src/cart.py", 500)]),
        ("Look at `./src/cart.py:12-40`.", "shop", [("file", "/home/dev/shop/src/cart.py", 500)]),
        ("edit src/cart.py", "shop", [("file", "/home/dev/shop/src/cart.py", 80)]),
        ("edit README.md", "shop", [("file", "/home/dev/shop/README.md", 20)]),
        ("read README.md", None, [("file", "/home/dev/notes/README.md", 21)]),
        ("read README.md", "new", [("tool", "Read", 60)]),
        ("read 'my plan.md'", "notes", [("file", "/home/dev/notes/my plan.md", 22)]),
        ("read my plan.md twice", "notes", [("file", "/home/dev/notes/my plan.md", 22)]),
        ("read /home/dev/notes/my plan.md:3", None, [("file", "/home/dev/notes/my plan.md", 22)]),
        ("read my plan.mdx", "notes", [("tool", "Read", 60)]),
        ("read my plan.md", "shop", [("tool", "Read", 60)]),
        (r"open C:\app\main.cs", None, [("file", r"C:\app\main.cs", 23)]),
        ("read art.py", "shop", [("tool", "Read", 60)]),
        (
            "read src/cart.py and README.md",
            "shop",
            [("file", "/home/dev/shop/src/cart.py", 500), ("file", "/home/dev/shop/README.md", 20)],
        ),
    ],
)
def test_files_are_those_of_the_project(
    store: duckdb.DuckDBPyConnection, action: str, session: str | None, known: list[tuple[Any, ...]]
) -> None:
    assert _known(store, action, session) == known


@pytest.mark.parametrize(
    ("action", "session", "known"),
    [
        ("git diff HEAD~2 -- src", None, [("command", "git diff", 300)]),
        ("run git diff", "shop", [("command", "git diff", 310)]),
        ("run git diff", "notes", [("command", "git diff", 300)]),
        ("$ git push", None, [("command", "git", 2)]),
        ("Bash: cd src && git diff; make test", None, [("command", "make test", 2000), ("command", "git diff", 300)]),
        ("run `make  lint && make test`", None, [("command", "make lint && make test", 2100)]),
        ("find . -name '*.py'", None, [("command", "find", 5)]),
        ("run find src", None, [("command", "find", 5)]),
        ("find the bug", None, [("unknown", None, None)]),
        ("make testing quicker", None, [("unknown", None, None)]),
        ("git diff src/cart.py", "shop", [("file", "/home/dev/shop/src/cart.py", 500)]),
        (
            "run git diff src/cart.py",
            "shop",
            [("file", "/home/dev/shop/src/cart.py", 500), ("command", "git diff", 310)],
        ),
    ],
)  # fmt: skip
def test_a_command_is_known_by_its_line_or_its_program(
    store: duckdb.DuckDBPyConnection, action: str, session: str | None, known: list[tuple[Any, ...]]
) -> None:
    assert _known(store, action, session) == known


@pytest.mark.parametrize(
    ("action", "known"),
    [
        ("grep for TODO", ("tool", "Grep", 61)),
        ("use the Grep tool", ("tool", "Grep", 61)),
        ("look it up with mcp__docs__search", ("tool", "mcp__docs__search", 62)),
        ("think about Grep", ("unknown", None, None)),
        ("%", ("unknown", None, None)),
        ("", ("unknown", None, None)),
        ("word " * 50_000, ("unknown", None, None)),
    ],
)
def test_a_tool_is_named_first_and_what_names_nothing_is_unknown(
    store: duckdb.DuckDBPyConnection, action: str, known: tuple[Any, ...]
) -> None:
    assert _known(store, action) == [known]


def test_the_total_is_the_sum_and_says_whether_it_fits(store: duckdb.DuckDBPyConnection) -> None:
    total, *rows = _predict(store, "run make test", "think", "run git diff", session="shop")
    assert total["subject"] == "2 of 3 planned actions are known"
    for column in ("tokens_low", "tokens", "tokens_high"):
        assert total[column] == sum(row[column] or 0 for row in rows)
    assert (total["context_tokens"], total["context_window"]) == (150_000, 200_000), (
        "the last of the main thread"
    )
    assert (total["compacted_at_tokens"], total["room_tokens"]) == (161_000, 11_000)
    assert total["verdict"] == "fits"
    assert [row["verdict"] for row in rows] == [None] * 3


@pytest.mark.parametrize(
    ("now", "window", "verdict"),
    [
        (150_000, None, "fits"),
        (152_000, 200_000, "fits"),
        (152_001, 200_000, "probably fits"),
        (159_001, 200_000, "probably does not fit"),
        (160_001, 200_000, "does not fit"),
        (390_000, 400_000, "fits"),
        (990_001, 1_000_000, "fits"),
        (None, None, None),
        (None, 200_000, None),
        (1000, 0, "does not fit"),
    ],
)
def test_a_context_has_room_up_to_where_it_is_usually_compacted(
    store: duckdb.DuckDBPyConnection, now: int | None, window: int | None, verdict: str | None
) -> None:
    session = "shop" if now == 150_000 else None
    assert _predict(store, "run make test", now=now, window=window, session=session)[0]["verdict"] == verdict


def test_a_context_that_did_not_fit_into_the_window_had_the_larger_one(
    store: duckdb.DuckDBPyConnection,
) -> None:
    total = _predict(store, "run make test", session="notes")[0]
    assert (total["context_tokens"], total["context_window"], total["compacted_at_tokens"]) == (
        300_000,
        1_000_000,
        None,
    )
    assert _predict(store, "think", session="notes")[0]["verdict"] is None, "nothing is known"
    assert _predict(store, session="notes") == []


def test_a_session_that_no_build_has_seen_is_known_by_its_model_and_folder(
    store: duckdb.DuckDBPyConnection,
) -> None:
    now = {"session": "unseen", "now": 1000, "model": "claude-small-20260201", "project": "/home/dev/notes"}
    total, action = _predict(store, "read README.md", **now)
    assert (action["subject"], total["context_window"]) == ("/home/dev/notes/README.md", 400000)
    assert _predict(store, "think", **{**now, "model": "gpt"})[0]["context_window"] is None
    assert (
        _predict(store, "think", session="shop", now=1, model="claude-small")[0]["context_window"] == 400000
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    planned=st.lists(
        st.text(max_size=60) | st.sampled_from(["git diff && find .", "read src/cart.py"]), max_size=5
    )
)
def test_each_planned_action_has_a_row_whatever_it_says(
    store: duckdb.DuckDBPyConnection, planned: list[str]
) -> None:
    rows = _predict(store, *planned, session="shop")
    numbers = {row["action_number"] for row in rows}
    assert numbers == (set(range(len(planned) + 1)) if planned else set())
    assert all((row["kind"] == "unknown") == (row["tokens"] is None) for row in rows[1:])
