"""The audit chain: whatever is changed in a warehouse is found, and what was erased as it should be is not."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from agent_store.audit.verify import Verified, check
from ingest import chain
from ingest.amend import amending
from ingest.land import land
from ingest.warehouse import Changes, utc_now, write, writing

SESSION = "projects/-home-dev-shop/6b7f2a7c-c316-4755-b7ec-5f39b4a2f9cf"
RESULT = f"{SESSION}/tool-results/toolu_1.txt"


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of three batches: two of lines and documents, one of a scan."""
    folder = tmp_path_factory.mktemp("chain")
    root, warehouse = folder / "home", folder / "warehouse.duckdb"
    (root / RESULT).parent.mkdir(parents=True)
    (root / RESULT).write_text("what the tool printed\n")
    lines = [json.dumps({"type": "user", "uuid": f"{number}", "text": "ü" * number}) for number in range(20)]
    odd = ['{"a": 1}{"b": 2}', "no JSON", '{"half": "\\ud800"}']
    session = root / f"{SESSION}.jsonl"
    session.write_bytes("\n".join([*lines, *odd, ""]).encode() + b'{"broken": "\xff"}\n')
    (root / "history.jsonl").write_text('{"display": "hello"}\n{"display": "bye"}\n')
    land([root], warehouse)
    write(warehouse, Changes(rows={"component_commit": [("r", "p", "c", utc_now(), "s", 1, 2)]}))
    with session.open("a") as more:
        more.write('{"type": "user", "uuid": "a"}\n\n{"type": "user", "uuid": "b"}\n')
    (root / f"{SESSION[:-1]}0.jsonl").write_text(lines[3] + "\n")
    land([root], warehouse)
    return warehouse


@pytest.fixture
def warehouse(landed: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copy(landed, tmp_path / "warehouse.duckdb"))


@contextmanager
def changing(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A transaction."""
    with writing(warehouse) as connection:
        connection.begin()
        yield connection
        connection.commit()


def changed(warehouse: Path, *statements: str) -> Verified:
    """Change the warehouse, and verify it."""
    with duckdb.connect(str(warehouse)) as connection:
        for statement in statements:
            connection.execute(statement)
        return check(connection)


def named(verified: Verified) -> set[tuple[str, str | None, int | None]]:
    """What the findings name."""
    return {
        (finding.what, finding.source_path, finding.line_number)
        for finding in verified.findings
        if finding.source_path
    }


def test_an_untouched_warehouse_holds(warehouse: Path) -> None:
    verified = changed(warehouse)
    assert verified.findings == []
    assert verified.line_count == 30
    assert verified.row_counts["document"] == 1
    assert verified.row_counts["source_file"] == 4
    assert [batch.sealed_rows for batch in verified.batches] == [31, 0, 4]
    assert verified.holds(verified.head)
    assert verified.sealed_later == {}


CELLS = [
    (table, column) for table, sealed in chain.SEALED.items() for column in (*sealed.columns, "row_hash")
]
BATCH = [
    ("batch", column)
    for column in (
        "batch_id", "started_at", "finished_at", "host", "files_seen", "files_grown", "lines_landed", "lines_set_aside",
        "bytes_landed", "sealed_rows", "sealed_at", "rows_hash", "chain_hash",
    )
]  # fmt: skip


@pytest.mark.parametrize(("table", "column"), CELLS + BATCH)
def test_any_byte_that_is_changed_is_found(landed: Path, table: str, column: str) -> None:
    """In each column of each row in turn, and whether there is something or nothing."""
    chance = random.Random(f"{table} {column}")
    with duckdb.connect(str(landed)) as connection:
        types = {name: kind for name, kind, *_ in connection.execute(f"describe raw.{table}").fetchall()}
        for row, value in connection.execute(f"select rowid, {column} from raw.{table}").fetchall():
            connection.begin()
            connection.execute(
                f"update raw.{table} set {column} = cast(? as {types[column]}) where rowid = ?",
                [_other(value, types[column], chance), row],
            )
            assert check(connection).findings, (row, value)
            connection.rollback()


def _other(value: object, kind: str, chance: random.Random) -> object:
    """Another value of the type: one byte more, less or changed."""
    if kind == "TIMESTAMP":
        return "2026-01-02 03:04:05.678901"
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value ^ 1 << chance.randrange(20)
    if isinstance(value, bytes):
        place = chance.randrange(len(value))
        return value[:place] + bytes([value[place] ^ 1 << chance.randrange(8)]) + value[place + 1 :]
    if isinstance(value, str) and value:
        place = chance.randrange(len(value))
        return value[:place] + ("~" if value[place] != "~" else "-") + value[place + 1 :]
    return 7 if kind in {"BIGINT", "INTEGER"} else "x"


def test_a_changed_line_is_named(warehouse: Path) -> None:
    verified = changed(warehouse, "update raw.transcript_line set line = line || ' ' where line_number = 7")
    assert named(verified) == {("changed", f"{SESSION}.jsonl", 7)}
    assert verified.finding_count == 1


def test_swapped_lines_are_named(warehouse: Path) -> None:
    swap = "update raw.transcript_line set line_number = 9 - line_number where line_number in (4, 5)"
    assert named(changed(warehouse, swap)) == {
        ("changed", f"{SESSION}.jsonl", 4),
        ("changed", f"{SESSION}.jsonl", 5),
    }


def test_a_missing_line_is_named_and_an_empty_one_is_not(warehouse: Path) -> None:
    verified = changed(warehouse, "delete from raw.transcript_line where line_number = 7")
    assert named(verified) == {("missing", f"{SESSION}.jsonl", 7)}
    verified = changed(warehouse, "delete from raw.transcript_line where line_number = 27")
    assert verified.findings[-1].message == f"{SESSION}.jsonl: at least one of lines 26 to 27 is missing."


def test_a_line_that_is_there_twice_is_named(warehouse: Path) -> None:
    verified = changed(
        warehouse, "insert into raw.transcript_line select * from raw.transcript_line where line_number = 7"
    )
    assert ("added", f"{SESSION}.jsonl", 7) in named(verified)


def test_a_line_with_a_good_hash_of_its_own_is_found(warehouse: Path) -> None:
    sealed = chain.SEALED["transcript_line"]
    values = [1, 1, 99, 0, 5, 1, "{}", None, None, None]
    (own,) = chain.row_hashes(sealed, [[value] for value in values])
    with duckdb.connect(str(warehouse)) as connection:
        columns = ", ".join((*sealed.columns, "row_hash"))
        connection.execute(
            f"insert into raw.transcript_line ({columns}) values ({', '.join('?' * 11)})", [*values, own]
        )
        assert [finding.what for finding in check(connection).findings] == ["added"]


def test_batches_that_are_missing_are_named(warehouse: Path) -> None:
    verified = changed(warehouse, "delete from raw.batch where batch_id = 2")
    assert ("missing batch", 2) in {(finding.what, finding.batch_id) for finding in verified.findings}


def test_a_batch_that_is_sealed_again_is_found_by_the_next(warehouse: Path) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        first = chain.batches(connection)[0]
        connection.execute("update raw.batch set host = 'other' where batch_id = 1")
        other = chain.batches(connection)[0].hashed("", str(first.rows_hash))
        connection.execute("update raw.batch set chain_hash = ? where batch_id = 1", [other])
        assert [finding.batch_id for finding in check(connection).findings] == [2]


def test_the_chain_closes_over_what_was_erased_and_rewritten(warehouse: Path) -> None:
    with changing(warehouse) as connection, amending(connection) as amendment:
        for text in ("one", "two"):
            connection.execute(
                f"create or replace temp table given as select rowid as row, '{{\"{text}\": 1}}' as line "
                "from raw.transcript_line where line_number between 3 and 8"
            )
            assert amendment.rewrite("transcript_line", "given", "policy") == 6
    with changing(warehouse) as connection, amending(connection) as amendment:
        assert amendment.erase("transcript_line", "line_number between 6 and 10", "forgotten") == 5
        assert amendment.erase("document", "true", "retention") == 1
        assert amendment.erase("source_file", "file_id = 3", "forgotten") == 1
    with changing(warehouse) as connection, amending(connection):
        pass
    verified = changed(warehouse)
    assert verified.findings == []
    assert verified.erased == {"forgotten": 6, "retention": 1}
    assert verified.rewritten == {"policy": 12}
    assert [batch.sealed_rows for batch in verified.batches] == [31, 0, 4, 12, 7], "no batch without a change"
    assert verified.line_count == 25
    with duckdb.connect(str(warehouse)) as connection:
        texts = connection.execute("select line from raw.transcript_line where line_number = 3").fetchall()
        assert ('{"two": 1}',) in texts
        assert connection.execute("select count(*) from raw.transcript_line where byte_offset > 0").fetchone()


@pytest.mark.parametrize(
    "statement",
    [
        "delete from raw.erased_row where line_number = 6",
        "update raw.erased_row set reason = 'retention'",
        "update raw.erased_row set line_number = 5 where line_number = 6",
        "update raw.erased_row set batch_id = 3 where line_number = 6",
        "update raw.erased_row set erased_in_batch_id = 3",
        "update raw.rewritten_row set reason = 'other'",
        "delete from raw.rewritten_row where line_number = 4",
        "delete from raw.transcript_line where line_number = 4",
        "update raw.transcript_line set line = '{}' where line_number = 4",
        "insert into raw.erased_row select 'transcript_line', file_id, line_number, part_number, _batch_id, row_hash, "
        "'forgotten', 4 from raw.transcript_line where line_number = 12; "
        "delete from raw.transcript_line where line_number = 12",
        "insert into raw.transcript_line by name select * replace (6 as line_number) from raw.transcript_line "
        "where line_number = 12",
    ],
)
def test_marks_that_are_changed_are_found(warehouse: Path, statement: str) -> None:
    with changing(warehouse) as connection, amending(connection) as amendment:
        connection.execute(
            "create temp table given as select rowid as row, '{\"one\": 1}' as line from raw.transcript_line "
            "where line_number in (4, 6)"
        )
        amendment.rewrite("transcript_line", "given", "policy")
        amendment.erase("transcript_line", "line_number = 6", "forgotten")
    assert changed(warehouse).findings == []
    assert changed(warehouse, statement).findings


def test_what_is_kept_of_an_erased_row_does_not_tell_what_it_said(warehouse: Path) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        columns = ", ".join(chain.SEALED["history_line"].columns)
        row = connection.execute(f"select {columns} from raw.history_line limit 1").fetchone()
        assert row is not None
        hashes = [
            chain.row_hashes(chain.SEALED["history_line"], [[value] for value in (salt, *row[1:])])
            for salt in (row[0], 0)
        ]
    assert hashes[0] != hashes[1], "the salt is part of the hash, and goes with the row"


def test_a_warehouse_of_an_earlier_version_is_sealed_once(warehouse: Path, tmp_path: Path) -> None:
    columns = ["row_salt", "row_hash"]
    with duckdb.connect(str(warehouse)) as connection:
        for table in ("erased_row", "rewritten_row"):
            connection.execute(f"drop table raw.{table}")
        for table in chain.SEALED:
            for column in columns:
                connection.execute(f"alter table raw.{table} drop column {column}")
        for column in ("sealed_rows", "sealed_at", "rows_hash", "chain_hash"):
            connection.execute(f"alter table raw.batch drop column {column}")
    root = tmp_path / "home" / "projects" / "-x"
    root.mkdir(parents=True)
    (root / "a.jsonl").write_text('{"type": "user"}\n')
    land([tmp_path / "home"], warehouse)
    verified = changed(warehouse)
    assert verified.findings == []
    assert [batch.sealed_rows for batch in verified.batches] == [31, 0, 4, 2]
    ((sealed_at, count),) = verified.sealed_later.items()
    assert count == 3
    assert verified.batches[-1].sealed_at is None
    with writing(warehouse):
        pass
    assert changed(warehouse).sealed_later == {sealed_at: 3}, "not sealed again"
