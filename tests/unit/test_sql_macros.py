"""The SQL macros of the published store: full-text and hybrid search, references of a name, recent changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from agent_store.build import publish

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


def _add(
    connection: duckdb.DuckDBPyConnection, key: str, path: str, name: str | None, text: str, *,
    language: str = "python", kind: str = "code", day: int = 1, lines: tuple[int, int] = (1, 2), hash_of: str = "",
) -> None:  # fmt: skip
    """Add a chunk, with its document and its terms where they are new."""
    modified = f"2026-01-0{day} 00:00:00"
    document = path if hash_of or lines != (1, 2) else key
    connection.execute(
        "insert into dim_document select ?, ?, ?, ?, ?, ? where not exists (from dim_document where document_id = ?)",
        [document, path, path.rpartition("/")[2], language, kind, modified, document],
    )
    connection.execute(
        "insert into dim_chunk values (?, ?, ?, ?, 'function', 'scan', ?, ?, ?, ?, true, ?, ?, null)",
        [key, f"hash-{hash_of or key}", document, name, *lines, text, len(text), modified, modified],
    )
    if hash_of:
        return
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
            text_characters bigint, is_indexed boolean, created_at timestamp, last_seen_at timestamp, embedding float[]);
        create table bridge_chunk_term (chunk_hash varchar, term varchar, term_count integer);
        create table dim_entity (entity_id varchar, entity_name varchar, entity_type varchar);
        create table fact_entity_reference (entity_id varchar, chunk_id varchar, reference_type varchar,
            symbol_type varchar, container_name varchar, line_number bigint);
        create table fact_document_update (update_id varchar, document_id varchar, updated_at timestamp,
            update_type varchar, update_source varchar, session_id varchar, commit_id varchar);
        """
    )
    for number, (key, (path, language, kind, name, text)) in enumerate(TEXTS.items(), 1):
        _add(connection, key, path, name, text, language=language, kind=kind, day=number)
        connection.execute(
            "insert into fact_document_update values (?, ?, ?, 'modified', 'git', null, 'c')",
            [key, key, f"2026-01-0{number} 00:00:00"],
        )
    connection.execute("insert into dim_entity values ('e', 'publish_store', 'function')")
    connection.execute(
        "insert into fact_entity_reference values ('e', 'test', 'call', null, null, 2), "
        "('e', 'publish', 'definition', 'variable', null, 1)"
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


def test_what_is_called_so_comes_before_what_mentions_it(store: duckdb.DuckDBPyConnection) -> None:
    """The exact name, then a part of a name, then the file's name."""
    body = "    return check(order, limit)\n" * 3
    _add(store, "mentions", "src/other.py", "call_it", f"def call_it():\n    settle(one)\n{body}")
    _add(store, "file", "src/settle.py", "run_it", f"def run_it():\n    settle(two)\n{body}")
    _add(store, "part", "src/more.py", "settle_all", f"def settle_all():\n    settle(three)\n{body}")
    _add(store, "exact", "src/most.py", "settle", f"def settle():\n    settle(four)\n{body}")
    assert _found(store, "search_chunks('settle')") == ["exact", "part", "file", "mentions"]


def test_a_name_of_several_parts_is_found_whole_or_by_all_its_parts(store: duckdb.DuckDBPyConnection) -> None:
    _add(store, "whole", "src/a.py", "check", "def check():\n    validateToken(one)")
    _add(store, "parts", "src/b.py", "validate", "def validate(token):\n    return token")
    for number in range(6):
        _add(
            store,
            f"one{number}",
            f"src/c{number}.py",
            "token",
            f"token = {number}\ntoken.read()\ntoken_{number} = token",
        )
    assert _found(store, "search_chunks('validateToken')") == ["whole", "parts"]
    assert _found(store, "search_chunks('how is the validateToken')") == ["whole", "parts"]
    assert len(_found(store, "search_chunks('token')")) == 8


def test_words_that_most_texts_hold_are_not_asked_for(store: duckdb.DuckDBPyConnection) -> None:
    _add(store, "prose", "docs/a.md", None, "what is the way to do it and how is it done")
    assert "prose" not in _found(store, "search_chunks('how is the store published')")
    assert _found(store, "search_chunks('what is it')") == ["prose", "guide"], "unless nothing else is"


def test_the_same_text_is_one_hit_and_a_range_inside_a_better_one_none(
    store: duckdb.DuckDBPyConnection,
) -> None:
    text = "def refund(order):\n    refund_all(order)\n    refund(order)"
    _add(store, "new", "src/refund.py", "refund", text, day=3, lines=(10, 40))
    _add(store, "copy", "old/refund.py", "refund", text, day=2, hash_of="new", lines=(10, 40))
    _add(store, "inner", "src/refund.py", None, "x = 1\n" * 30 + "refund_all(order)", lines=(20, 30))
    _add(store, "outside", "src/refund.py", None, "x = 1\n" * 30 + "refund_all(order)\ny = 2", lines=(35, 50))
    assert _found(store, "search_chunks('refund')") == ["new", "outside"]
    assert _found(store, "search_chunks('refund', path := 'old/')") == ["copy"]
    assert _found(store, "hybrid_search('refund')") == ["new", "outside"]


def test_a_snippet_shows_the_best_lines(store: duckdb.DuckDBPyConnection) -> None:
    lines = [f"line number {number}" for number in range(1, 100)]
    lines[59] = "here discount_of(order) is"
    _add(store, "long", "src/long.py", None, "\n".join(lines), lines=(101, 199))
    _add(store, "wide", "src/wide.py", None, "a" * 3000 + " rebate_of(order) " + "b" * 3000)
    row = store.execute("select snippet, snippet_line from search_chunks('discount_of')").fetchone()
    assert row is not None
    assert row[0].split("\n")[:3] == ["line number 58", "line number 59", "here discount_of(order) is"]
    assert row[1] == 158
    assert store.execute("select snippet, snippet_line from hybrid_search('discount_of')").fetchone() == row
    row = store.execute("select snippet from search_chunks('rebate_of')").fetchone()
    assert row is not None
    assert "rebate_of(order)" in row[0]
    found = store.execute(
        "select max(length(snippet)) from search_chunks('order discount_of rebate_of number')"
    )
    assert found.fetchall()[0][0] <= 600


def test_only_the_first_hits_have_a_text_where_no_more_are_shown(store: duckdb.DuckDBPyConnection) -> None:
    for number in range(5):
        _add(store, f"one{number}", f"src/c{number}.py", None, f"token = {number}\nread(token)")
    columns = "search_rank, chunk_id, chunk_text, snippet, snippet_line"
    hits = f"select {columns} from search_chunks('token', most := 5{{}}) order by 1"
    everything = store.execute(hits.format("")).fetchall()
    assert len(everything) == 5
    assert None not in everything[-1]
    shown = store.execute(hits.format(", shown_most := 3")).fetchall()
    assert shown[:3] == everything[:3]
    assert shown[3:] == [(*row[:2], None, None, None) for row in everything[3:]]


def test_filters_come_before_ranking(store: duckdb.DuckDBPyConnection) -> None:
    assert _found(store, "search_chunks('store', language := 'markdown')") == ["guide"]
    assert _found(store, "search_chunks('store', document_type := 'documentation')") == ["guide"]
    assert _found(store, "search_chunks('store', path := 'TESTS/')") == ["test"]
    assert _found(store, "search_chunks('store', since := '2026-01-02 12:00:00')") == ["guide"]
    assert len(_found(store, "search_chunks('store', most := 1)")) == 1


def test_what_holds_only_the_common_words_of_a_query_is_not_found(store: duckdb.DuckDBPyConnection) -> None:
    for number in range(30):
        _add(store, f"test{number}", f"src/d{number}.py", None, f"test = {number}\nvalue = test")
    _add(store, "rare", "src/rare.py", None, "the zebra is a value")
    assert _found(store, "search_chunks('xyzzyplugh test')") == []
    assert _found(store, "search_chunks('xyzzyplugh test value')") == []
    assert _found(store, "search_chunks('zebra test value', most := 50)")[0] == "rare"
    assert len(_found(store, "search_chunks('zebra test value', most := 50)")) > 30, "each word is somewhere"
    assert _found(store, "search_chunks('zebra xyzzyplugh')") == ["rare"], (
        "a word that tells as much is there"
    )
    assert len(_found(store, "search_chunks('test', most := 50)")) == 31


@pytest.mark.parametrize(
    ("content", "query", "holds"),
    [
        ("Fix the Cart", "cart FIX", True), ("Fix the Cart", "cart fixed", False), ("anything", " ", True),
        (None, "cart", False), ("100 %", "%", True), ("cart", "%", False), ("cart " * 60, "cart " * 20_000, True),
        ("w1 w2", " ".join(f"w{number}" for number in range(100_000)), False),
    ],
)  # fmt: skip
def test_a_text_holds_all_words_of_a_query(
    store: duckdb.DuckDBPyConnection, content: str | None, query: str, holds: bool
) -> None:
    assert store.execute("select holds_words(?, ?)", [content, query]).fetchall() == [(holds,)]


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


def test_vectors_of_a_model_are_compared_with_a_vector_of_that_model_only(
    store: duckdb.DuckDBPyConnection,
) -> None:
    store.execute("update dim_chunk set embedding = [1.0, 0.0, 0.0] where chunk_id = 'sql'")
    store.execute("update dim_chunk set embedding = [0.0, 1.0, 0.0] where chunk_id = 'guide'")
    assert _found(store, "hybrid_search('zzzz')") == [], "no word fits, and there is no vector to compare"
    assert _found(store, "hybrid_search('zzzz', query_vector := [0.9, 0.1, 0.0])") == ["sql", "guide"]
    assert _found(store, "hybrid_search('zzzz', query_vector := [0.9, 0.1])") == [], "another model's"
    store.execute("update dim_chunk set is_indexed = false where chunk_id = 'sql'")
    assert _found(store, "hybrid_search('zzzz', query_vector := [0.9, 0.1, 0.0])") == ["guide"]


def test_references_begin_with_the_definition(store: duckdb.DuckDBPyConnection) -> None:
    rows = store.execute(
        "select reference_type, document_path from entity_references('publish_store')"
    ).fetchall()
    assert rows == [("definition", "src/publish.py"), ("call", "tests/test_publish.py")]
    types = store.execute(
        "select symbol_type, entity_type from entity_references('publish_store')"
    ).fetchall()
    assert types == [("variable", "function"), ("function", "function")], "its own type, else the entity's"
    only = store.execute(
        "select reference_type from entity_references('publish_store', reference_type := 'call')"
    )
    assert only.fetchall() == [("call",)]


def test_a_line_that_was_read_in_several_states_is_shown_once(store: duckdb.DuckDBPyConnection) -> None:
    _add(
        store,
        "later",
        "src/publish.py",
        "publish_store",
        "def publish_store(now):",
        day=9,
        hash_of="later",
        lines=(1, 9),
    )
    store.execute("update dim_chunk set document_id = 'publish' where chunk_id = 'later'")
    store.execute(
        "insert into fact_entity_reference values ('e', 'later', 'definition', 'function', null, 1)"
    )
    rows = store.execute(
        "select chunk_id, symbol_type from entity_references('publish_store', reference_type := 'definition')"
    )
    assert rows.fetchall() == [("later", "function")]


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
        assert {name for (name,) in names} == {
            "best_line", "embed_text", "holds_any", "holds_words", "is_within", "name_words", "planned_parts",
            "search_terms", "snippet_around", "snippet_start",
        }  # fmt: skip


def test_a_macro_over_a_column_that_the_table_of_an_earlier_build_lacks_is_left_out() -> None:
    with duckdb.connect() as connection:
        connection.execute("create table dim_session (session_id varchar)")
        publish._create_macros(connection)
        assert connection.execute(
            "select count(*) from duckdb_functions() where function_name = 'predict_context'"
        ).fetchone() == (0,)
        assert connection.execute("select holds_words('a b', 'b')").fetchone() == (True,)


def test_every_macro_says_what_it_does(store: duckdb.DuckDBPyConnection) -> None:
    rows = store.execute(
        "select function_name, any_value(comment) from duckdb_functions() "
        "where schema_name = 'main' and not internal group by 1"
    ).fetchall()
    assert {name for name, _ in rows} == {
        "search_terms", "search_chunks", "hybrid_search", "embed_text", "entity_references", "recent_changes", "best_line",
        "holds_any", "holds_words", "name_words", "snippet_around", "snippet_start",
    }  # fmt: skip
    assert all(comment for _, comment in rows)
