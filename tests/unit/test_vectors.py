"""Vectors by the model of the extra `embeddings`: skipped where it is not installed."""

from __future__ import annotations

import math
from pathlib import Path

import duckdb
import pytest

from agent_store.paths import StorePaths
from agent_store.serve import sandbox
from agent_store.store import open_store
from ingest import warehouse as warehouse_module
from ingest.code import vectors
from ingest.code.vectors import land_missing

needs_the_extra = pytest.mark.skipif(
    vectors.folder() is None, reason="the extra `embeddings` is not installed"
)


def _closeness(one: list[float] | None, other: list[float] | None) -> float:
    assert one is not None
    assert other is not None
    return sum(a * b for a, b in zip(one, other, strict=True))


@needs_the_extra
def test_texts_of_like_meaning_are_closer_than_texts_of_like_letters() -> None:
    asked, fits, spelt = vectors.embed(
        ["how much money does a run cost", "price in dollars", "a ruin on the coast"]
    )
    assert asked is not None
    assert len(asked) == vectors.DIMENSIONS
    assert math.isclose(_closeness(asked, asked), 1, abs_tol=1e-5)
    assert _closeness(asked, fits) > _closeness(asked, spelt)
    assert vectors.embed([""]) == [None]


@needs_the_extra
def test_each_text_has_its_vector_once_and_only_where_it_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = tmp_path / "build" / "agent_store.duckdb"
    changes = warehouse_module.Changes()
    for index, text in enumerate(("def one(): pass", "def two(): pass", "def one(): pass")):
        changes.add("code_chunk", (f"b{index}", "python", 0, 1, 1, 0, len(text), "function", "it", text))
    warehouse_module.write(warehouse, changes)
    monkeypatch.delenv(vectors.SWITCH, raising=False)
    assert land_missing(warehouse, "here", None) == 0
    monkeypatch.setenv(vectors.SWITCH, "1")
    assert land_missing(warehouse, "here", None) == 2
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select chunk_hash, model, len(embedding) from raw.code_vector order by 1"
        ).fetchall()
        hashes = connection.execute(
            "select distinct md5(chunk_text) from raw.code_chunk order by 1"
        ).fetchall()
    assert rows == [(key, vectors.MODEL, vectors.DIMENSIONS) for (key,) in hashes]
    assert land_missing(warehouse, "here", None) == 0, "nothing is new"


def test_without_the_extra_there_are_no_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "_PACKAGE", "no_such_package_at_all")
    monkeypatch.setenv(vectors.SWITCH, "1")
    assert vectors.folder() is None
    assert land_missing(tmp_path / "none.duckdb", "here", None) == 0
    with pytest.raises(ModuleNotFoundError, match="embeddings"):
        vectors.embed(["one"])


@needs_the_extra
def test_queries_of_the_store_can_make_a_vector(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "agent_store.duckdb")) as connection:
        connection.execute("create table one (id integer)")
    with open_store(StorePaths(tmp_path)) as store:
        assert store.execute("select len(embed_query('a text'))").fetchone() == (vectors.DIMENSIONS,)
    (row,) = sandbox.ask(
        StorePaths(tmp_path), "select len(embed_query('a text'))", rows=1, max_bytes=999, seconds=20
    ).rows
    assert row == [str(vectors.DIMENSIONS)], "in a process of its own too"
    sql = "select len(embed_query(x)) as found from (values ('a text'), (''), (null)) as texts(x)"
    found = sandbox.ask(StorePaths(tmp_path), sql, rows=9, max_bytes=999, seconds=20)
    assert found.rows == [[str(vectors.DIMENSIONS)], [None], [None]], "a text without a token has no vector"
