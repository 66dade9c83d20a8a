"""The SQL macros of the published store: full-text and hybrid search, references of a name, recent changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from agent_store import publish

MACROS = Path(publish.__file__).with_name("sql_macros") / "retrieval.sql"
TEXTS = {
    "publish": (
        "src/publish.py", "python", "code", "publish_store", "def publish_store(fresh):\n    fresh.rename(store)"
    ),
    "test": (
        "tests/test_publish.py", "python", "code", "test_publish",
        "def test_publish():\n    publish_store(one)\n    two()",
    ),
    "guide": ("docs/guide.md", "markdown", "documentation", "Publishing", "How a store is published: made, then renamed."),
    "sql": ("db/orders.sql", "sql", "code", "orders", "create table orders (order_id integer, orderedAt timestamp)"),
    "filler": ("src/filler.py", "python", "code", None, "value = 1\n" * 40),
}  # fmt: skip


@pytest.fixture
def store() -> Iterator[duckdb.DuckDBPyConnection]:
    """A store with five chunks, as the models would make it."""
    connection = duckdb.connect()
    connection.execute(
        """
        create table dim_document (document_id varchar, document_path varchar, document_name varchar, language varchar,
            document_type varchar, last_modified_at timestamp);
        create table dim_chunk (chunk_id varchar, chunk_hash varchar, document_id varchar, chunk_name varchar,
            chunk_kind varchar, chunk_origin varchar, line_start bigint, line_end bigint, chunk_text varchar,
            text_characters bigint, is_indexed boolean, created_at timestamp, embedding float[]);
        create table bridge_chunk_term (chunk_hash varchar, term varchar, term_count integer);
        create table dim_entity (entity_id varchar, entity_name varchar, entity_type varchar);
        create table fact_entity_reference (entity_id varchar, chunk_id varchar, reference_type varchar,
            container_name varchar, line_number bigint);
        create table fact_document_update (update_id varchar, document_id varchar, updated_at timestamp,
            update_type varchar, update_source varchar, session_id varchar, commit_id varchar);
        """
    )
    for number, (key, (path, language, kind, name, text)) in enumerate(TEXTS.items(), 1):
        modified = f"2026-01-0{number} 00:00:00"
        connection.execute(
            "insert into dim_document values (?, ?, ?, ?, ?, ?)",
            [key, path, path.rpartition("/")[2], language, kind, modified],
        )
        connection.execute(
            "insert into dim_chunk values (?, ?, ?, ?, 'function', 'scan', 1, 2, ?, ?, true, ?, null)",
            [key, f"hash-{key}", key, name, text, len(text), modified],
        )
        words = re.findall(r"\w+", text)
        terms = [word.lower() for word in words]
        terms += [
            part.lower()
            for word in words
            for part in re.findall(r"[A-Z]+[a-z0-9]*|[a-z0-9]+", word)
            if part.lower() != word.lower()
        ]
        for term in sorted(set(terms)):
            connection.execute(
                "insert into bridge_chunk_term values (?, ?, ?)", [f"hash-{key}", term, terms.count(term)]
            )
        connection.execute(
            "insert into fact_document_update values (?, ?, ?, 'modified', 'git', null, 'c')",
            [key, key, modified],
        )
    connection.execute("insert into dim_entity values ('e', 'publish_store', 'function')")
    connection.execute(
        "insert into fact_entity_reference values ('e', 'test', 'call', null, 2), ('e', 'publish', 'definition', null, 1)"
    )
    connection.execute(MACROS.read_text(encoding="utf-8"))
    yield connection
    connection.close()


def _found(store: duckdb.DuckDBPyConnection, call: str) -> list[str]:
    return [row[0] for row in store.execute(f"select chunk_id from {call} order by search_rank").fetchall()]


def test_the_chunk_with_the_name_comes_first(store: duckdb.DuckDBPyConnection) -> None:
    assert _found(store, "search_chunks('publish store')")[0] == "publish"
    assert set(_found(store, "search_chunks('publish store')")) == {"publish", "test", "guide"}
    assert _found(store, "search_chunks('ordered')") == ["sql"], "a part of orderedAt"


def test_filters_come_before_ranking(store: duckdb.DuckDBPyConnection) -> None:
    assert _found(store, "search_chunks('store', language := 'markdown')") == ["guide"]
    assert _found(store, "search_chunks('store', document_type := 'documentation')") == ["guide"]
    assert _found(store, "search_chunks('store', path := 'TESTS/')") == ["test"]
    assert _found(store, "search_chunks('store', since := '2026-01-02 12:00:00')") == ["guide"]
    assert len(_found(store, "search_chunks('store', most := 1)")) == 1


@pytest.mark.parametrize("query", ["", "  ", "%_'\"", "zzzz", "x", "日本", "a" * 5000])
def test_what_is_not_there_is_not_found(store: duckdb.DuckDBPyConnection, query: str) -> None:
    assert store.execute("select * from search_chunks(?)", [query]).fetchall() == []
    assert store.execute("select * from hybrid_search(?)", [query]).fetchall() == []


def test_chunks_that_are_not_indexed_are_left_out(store: duckdb.DuckDBPyConnection) -> None:
    store.execute("update dim_chunk set is_indexed = false where chunk_id = 'publish'")
    assert "publish" not in _found(store, "search_chunks('publish store')")


def test_vectors_find_words_of_one_stem(store: duckdb.DuckDBPyConnection) -> None:
    assert _found(store, "hybrid_search('publishing stores')") == _found(
        store, "search_chunks('publishing stores')"
    )
    store.execute("update dim_chunk set embedding = embed_text(chunk_text)")
    length = store.execute(
        "select distinct len(embedding), round(list_inner_product(embedding, embedding), 4) from dim_chunk"
    ).fetchall()
    assert length == [(128, 1.0)]
    assert _found(store, "hybrid_search('publishing stores')")[0] in {"guide", "publish"}
    assert _found(store, "hybrid_search('ordering', language := 'sql')") == ["sql"]


def test_references_begin_with_the_definition(store: duckdb.DuckDBPyConnection) -> None:
    rows = store.execute(
        "select reference_type, document_path from entity_references('publish_store')"
    ).fetchall()
    assert rows == [("definition", "src/publish.py"), ("call", "tests/test_publish.py")]
    only = store.execute(
        "select reference_type from entity_references('publish_store', reference_type := 'call')"
    )
    assert only.fetchall() == [("call",)]


def test_changes_are_newest_first(store: duckdb.DuckDBPyConnection) -> None:
    rows = store.execute(
        "select document_path from recent_changes('2026-01-01', language := 'python')"
    ).fetchall()
    assert [path for (path,) in rows] == ["src/filler.py", "tests/test_publish.py", "src/publish.py"]


def test_a_macro_over_a_table_that_is_not_there_is_left_out() -> None:
    with duckdb.connect() as connection:
        connection.execute("create table dim_document (document_id varchar)")
        publish._create_macros(connection)
        names = connection.execute(
            "select distinct function_name from duckdb_functions() where schema_name = 'main' and not internal"
        ).fetchall()
        assert {name for (name,) in names} == {"embed_text", "search_terms"}


def test_every_macro_says_what_it_does(store: duckdb.DuckDBPyConnection) -> None:
    rows = store.execute(
        "select function_name, any_value(comment) from duckdb_functions() "
        "where schema_name = 'main' and not internal group by 1"
    ).fetchall()
    assert {name for name, _ in rows} == {
        "search_terms", "search_chunks", "hybrid_search", "embed_text", "entity_references", "recent_changes",
    }  # fmt: skip
    assert all(comment for _, comment in rows)
