"""`agent-store export`: what is read back is what the store has, and a folder is replaced by its own files only."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import PROJECT
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_store.cli import main
from agent_store.errors import StoreError
from agent_store.paths import StorePaths
from agent_store.privacy import applied
from agent_store.serve.export import folder as folders
from agent_store.serve.export import upload
from agent_store.serve.export.column_types import TYPES, column_type, documented

READERS = {
    "parquet": "read_parquet('{files}', hive_partitioning = true, hive_types_autocast = false)",
    "csv": (
        "read_csv('{files}', header = true, columns = {columns}, auto_detect = false, allow_quoted_nulls = false, "
        "nullstr = '', strict_mode = false, max_line_size = 33554432, hive_partitioning = true, "
        "hive_types_autocast = false)"
    ),
    "json": (
        "read_json('{files}', format = 'newline_delimited', columns = {columns}, hive_partitioning = true, "
        "hive_types_autocast = false, maximum_object_size = 33554432)"
    ),
}
# Every type that a column can have, and values that are lost easily.
STRANGE = """
create table strange as
select
    cast(n as bigint) as number,
    case n when 0 then null when 1 then timestamp 'infinity' else timestamp '2026-01-30 23:59:59.999999' + to_days(n) end
        as happened_at,
    case n when 0 then 'NaN'::double when 1 then '-inf'::double when 2 then null else n / 3 end as fraction,
    case n when 0 then 170141183460469231731687303715884105 when 1 then -1 when 2 then null else n end::hugeint as huge,
    18446744073709551615::ubigint as unsigned,
    case n when 0 then '' when 1 then null when 2 then E'Zürich "x"\n\t,;\r\n漢字 🙂\u0001' else 'NULL' end as text,
    [1.5, 'NaN'::float, null] as floats,
    {'a': n::integer, 'b c': ['x', null], 'd': {'e': 'NaN'::double}} as deep,
    map {'k': n / 7} as pairs,
    [[1, 2], []] as lists,
    date '2026-02-01' as day, n % 2 = 0 as is_even, 12.345678::decimal(18, 6) as price, '\\x00\\xff'::blob as bytes,
    uuid() as identity, n::utinyint as tiny, interval '1 day' as pause, timestamptz '2026-02-01 00:00:00+02' as zoned
from range(5) as r(n)
"""


@pytest.fixture(scope="module")
def paths(sample_store: Path, tmp_path_factory: pytest.TempPathFactory) -> StorePaths:
    """A home with the store of the sample and a table of strange values."""
    home = tmp_path_factory.mktemp("export") / "home"
    home.mkdir()
    shutil.copyfile(sample_store, home / "agent_store.duckdb")
    with duckdb.connect(str(home / "agent_store.duckdb")) as connection:
        connection.execute(STRANGE)
        connection.execute("create table empty_fact (happened_at timestamp, month varchar)")
        connection.execute("create table undated (number integer)")
        connection.execute("insert into undated values (1)")
    return StorePaths(home)


@pytest.fixture
def sql(paths: StorePaths) -> duckdb.DuckDBPyConnection:
    """The same store, attached beside a database to read exports into."""
    connection = duckdb.connect(":memory:")
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(f"attach '{paths.store}' as agent_store (read_only)")
    connection.execute("use agent_store")
    return connection


def read_back(folder: Path, table: dict[str, Any], form: str) -> str:
    """SQL that reads an exported table back with the types of the store."""
    columns = ", ".join(
        f"'{one['name']}': '{(one['duckdb_type'] if form == 'json' else one['written_type'])}'".replace(
            "''", "'"
        )
        for one in table["columns"]
    )
    if form == "csv":
        columns = ", ".join(f"'{one['name']}': 'VARCHAR'" for one in table["columns"])
    ending = {"json": "jsonl"}.get(form, form)
    reader = READERS[form].format(
        files=folder / table["name"] / "**" / f"*.{ending}", columns=f"{{{columns}}}"
    )
    exported = ", ".join(
        f'cast("{one["name"]}" as {one["duckdb_type"]}) as "{one["name"]}"' for one in table["columns"]
    )
    return f"select {exported} from {reader}"


def same(sql: duckdb.DuckDBPyConnection, expected: str, given: str) -> bool:
    """Whether two queries give the same rows, each as often."""
    (count,) = sql.execute(
        f"select (select count(*) from (({expected}) except all ({given}))) "
        f"+ (select count(*) from (({given}) except all ({expected})))"
    ).fetchone() or (1,)
    return bool(count == 0)


def test_all_tables_are_read_back_from_parquet_with_their_rows_and_types(
    paths: StorePaths, sql: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    done = folders.export(paths, tmp_path / "out's", None, "parquet")
    manifest = json.loads((tmp_path / "out's" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest == done.manifest
    published = {
        name
        for (name,) in sql.execute(
            "select table_name from information_schema.tables where table_catalog = 'agent_store'"
        ).fetchall()
    }
    assert {table["name"] for table in manifest["tables"]} == published
    shutil.move(tmp_path / "out's", tmp_path / "out")
    for table in manifest["tables"]:
        # A view adds up in another order each time: its last digits differ.
        fractions = [one["name"] for one in table["columns"] if one["duckdb_type"] == "DOUBLE"]
        rounded = ", ".join(
            f'round("{name}", 9) as "{name}"' for name in fractions if table["kind"] == "view"
        )
        shown = f"select *{f' replace ({rounded})' if rounded else ''} from"
        written = read_back(tmp_path / "out", table, "parquet")
        assert same(sql, f'{shown} "{table["name"]}"', f"{shown} ({written})"), table["name"]
        (count,) = sql.execute(f'select count(*) from "{table["name"]}"').fetchone() or (-1,)
        assert table["row_count"] == count == sum(file["row_count"] for file in table["files"])
        glob = tmp_path / "out" / table["name"] / "**" / "*.parquet"
        kinds = sql.execute(f"describe from read_parquet('{glob}', hive_partitioning = false)").fetchall()
        assert [(row[0], column_type(row[1]).written) for row in kinds] == [
            (one["name"], column_type(one["written_type"]).written) for one in table["columns"]
        ]
    compressed = tmp_path / "out" / "fact_api_call" / "**" / "*.parquet"
    assert sql.execute(f"select distinct compression from parquet_metadata('{compressed}')").fetchall() == [
        ("ZSTD",)
    ]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_csv_and_json_keep_rows_as_far_as_they_can(
    paths: StorePaths, sql: duckdb.DuckDBPyConnection, tmp_path: Path, form: str
) -> None:
    names = [
        "fact_agent_action",
        "fact_session",
        "v_cost_daily",
        "dim_chunk",
        "dim_tool",
        "fact_response",
        "undated",
    ]
    done = folders.export(paths, tmp_path, names, form)
    for table in done.manifest["tables"]:
        expected = "select * from " + table["name"]
        if form == "json":
            finite = [
                f"case when isfinite({one['name']}) then {one['name']} end as {one['name']}"
                for one in table["columns"]
                if one["duckdb_type"] == "DOUBLE"
            ]
            expected = f"select * replace ({', '.join(finite)}) from {table['name']}" if finite else expected
        assert same(sql, expected, read_back(tmp_path, table, form)), table["name"]
    for file in tmp_path.rglob("*.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            json.loads(line, parse_constant=pytest.fail)


def test_strange_values_survive_parquet_and_are_valid_json(
    paths: StorePaths, sql: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    done = folders.export(paths, tmp_path / "p", ["strange", "empty_fact", "undated"], "parquet")
    by_name = {table["name"]: table for table in done.manifest["tables"]}
    assert same(sql, "from strange", read_back(tmp_path / "p", by_name["strange"], "parquet"))
    # Neither the row without a time nor that of no year is lost.
    assert {file["path"].split("/")[1]: file["row_count"] for file in by_name["strange"]["files"]} == {
        "month=__HIVE_DEFAULT_PARTITION__": 2, "month=2026-02": 3,
    }  # fmt: skip
    types = {one["name"]: (one["bigquery_type"], one["athena_type"]) for one in by_name["strange"]["columns"]}
    assert types["huge"] == ("BIGNUMERIC(38)", "decimal(38,0)")
    assert types["unsigned"] == ("NUMERIC(20)", "decimal(20,0)")
    assert types["happened_at"] == ("DATETIME", "timestamp")
    assert types["floats"] == ("ARRAY<FLOAT64>", "array<float>")
    assert types["lists"] == ("", "array<array<int>>")
    # An empty table keeps its columns, and a column called month its name.
    assert by_name["empty_fact"]["partitioned_by"] == "export_month"
    assert sql.execute(read_back(tmp_path / "p", by_name["empty_fact"], "parquet")).fetchall() == []
    assert [file["path"] for file in by_name["undated"]["files"]] == ["undated/data_0.parquet"]

    folders.export(paths, tmp_path / "j", ["strange"], "json")
    lines = [
        json.loads(line, parse_constant=pytest.fail)
        for file in sorted((tmp_path / "j").rglob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    first = next(line for line in lines if line["number"] == 0)
    assert (first["fraction"], first["floats"], first["deep"]["d"]["e"]) == (None, [1.5, None, None], None)
    assert first["huge"] == 170141183460469231731687303715884105
    assert next(line for line in lines if line["number"] == 2)["text"] == 'Zürich "x"\n\t,;\r\n漢字 🙂\x01'
    folders.export(paths, tmp_path / "c", ["strange"], "csv")
    text = "".join(file.read_bytes().decode() for file in (tmp_path / "c").rglob("*.csv"))
    assert "nan" in text
    assert '"Zürich ""x""\n\t,;\r\n漢字 🙂\x01"' in text


def test_since_leaves_out_what_is_older_but_dimensions_and_what_has_no_time(
    paths: StorePaths, sql: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    names = ["fact_api_call", "dim_session", "undated", "v_cost_daily"]
    (middle,) = sql.execute("select median(called_at) from fact_api_call").fetchone() or (None,)
    done = folders.export(paths, tmp_path, names, "parquet", str(middle))
    counts = {table["name"]: table["row_count"] for table in done.manifest["tables"]}
    for name, condition in {
        "fact_api_call": "called_at >= ?", "dim_session": "true or ? is null", "undated": "true or ? is null",
        "v_cost_daily": "usage_date >= cast(? as date)",
    }.items():  # fmt: skip
        expected = sql.execute(f"select count(*) from {name} where {condition}", [middle]).fetchone()
        assert (counts[name],) == expected, name
    assert "dim_session, undated" in done.notes[0]


def test_a_folder_is_replaced_by_its_own_files_and_nothing_else(paths: StorePaths, tmp_path: Path) -> None:
    out = tmp_path / "out"
    folders.export(paths, out, ["fact_api_call", "undated"], "parquet")
    (out / "undated" / "mine.txt").write_text("mine", encoding="utf-8")
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    done = folders.export(paths, out, ["dim_tool"], "csv")
    left = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert left == sorted([*done.paths, "undated/mine.txt", "notes.txt", ".export.lock"]) or left == sorted(
        [*done.paths, "undated/mine.txt", "notes.txt"]
    )
    assert not (out / "fact_api_call").exists()
    for path in done.paths:
        assert stat.S_IMODE((out / path).stat().st_mode) == 0o600
        assert stat.S_IMODE((out / path).parent.stat().st_mode) == 0o700


def test_what_is_in_the_way_is_not_overwritten(paths: StorePaths, tmp_path: Path) -> None:
    (tmp_path / "undated").mkdir()
    mine = tmp_path / "undated" / "data_0.parquet"
    mine.write_text("mine", encoding="utf-8")
    with pytest.raises(StoreError, match="exists already"):
        folders.export(paths, tmp_path, ["undated"], "parquet")
    assert mine.read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "manifest.json").exists()


def test_a_manifest_that_names_files_elsewhere_deletes_none(paths: StorePaths, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    victim = tmp_path / "victim.txt"
    victim.write_text("mine", encoding="utf-8")
    (out / "link").symlink_to(tmp_path)
    named = [{"path": str(victim)}, {"path": "../victim.txt"}, {"path": "link/victim.txt"}, {"path": ""}]
    (out / "manifest.json").write_text(json.dumps({"tables": [{"files": named}]}), encoding="utf-8")
    folders.export(paths, out, ["undated"], "parquet")
    assert victim.exists()
    (out / "manifest.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(StoreError, match="is not the manifest of an export"):
        folders.export(paths, out, ["undated"], "parquet")


def test_an_export_that_is_cut_off_has_no_manifest_and_the_next_one_goes_on(
    paths: StorePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders.export(paths, tmp_path, ["fact_api_call", "undated"], "parquet")
    moved: list[Path] = []
    real: Callable[[Path, Path], Path] = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if self.parent.name.startswith("month="):
            moved.append(target)
            if len(moved) > 1:
                raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(StoreError, match="the disk is full"):
        folders.export(paths, tmp_path, ["fact_api_call"], "parquet")
    monkeypatch.undo()
    assert not (tmp_path / "manifest.json").exists()
    done = folders.export(paths, tmp_path, ["undated"], "parquet")
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert names - {".export.lock"} == set(done.paths)


def test_one_export_at_a_time_goes_into_a_folder_and_what_a_killed_one_left_is_removed(
    paths: StorePaths, tmp_path: Path
) -> None:
    left = tmp_path / ".export-99999" / "undated"
    left.mkdir(parents=True)
    (left / "data_0.parquet").write_text("half", encoding="utf-8")
    with FileLock(tmp_path / ".export.lock"), pytest.raises(StoreError, match="Another export into"):
        folders.export(paths, tmp_path, ["undated"], "parquet")
    assert left.exists()
    folders.export(paths, tmp_path, ["undated"], "parquet")
    assert not left.parent.exists()


def test_an_export_goes_to_a_target_by_an_extension_that_is_there(
    paths: StorePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = folders.export(paths, tmp_path / "out", ["undated", "fact_session"], "parquet")
    target = tmp_path / "target"
    for path in done.paths:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(":memory:") as connection:
        assert upload.copy(connection, done, f"{target}/") == len(done.paths)
        with pytest.raises(StoreError, match=r"Writing .*/gone/.* failed"):
            upload.copy(connection, done, str(tmp_path / "gone"))
    for path in done.paths:
        assert (target / path).read_bytes() == (tmp_path / "out" / path).read_bytes()

    # Nothing is downloaded: an extension that is missing, or is none, is said plainly before anything is exported.
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("AGENT_STORE_HOME", str(paths.home))
    for is_fake in (False, True):
        if is_fake:
            with duckdb.connect(":memory:") as connection:
                (platform,) = connection.execute("pragma platform").fetchone() or ("",)
            file = tmp_path / "user" / ".duckdb" / "extensions" / f"v{duckdb.__version__}" / platform
            file.mkdir(parents=True, exist_ok=True)
            (file / "httpfs.duckdb_extension").write_bytes(b"no extension")
        with pytest.raises(SystemExit) as stopped:
            main(["export", "undated", "--to", "s3://bucket/store", "--out", str(tmp_path / "never")])
        assert stopped.value.code == 1
        said = capsys.readouterr().err
        assert "needs DuckDB's extension httpfs" in said
        assert "install httpfs" in said
        assert "AWS_ACCESS_KEY_ID" in said
        assert not (tmp_path / "never").exists()


def test_the_command_says_what_it_did(
    paths: StorePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENT_STORE_HOME", str(paths.home))
    monkeypatch.setenv("AGENT_STORE_QUERY_LOG", "0")
    monkeypatch.setattr(applied, "is_published", lambda _: is_of_policy)
    is_of_policy = True

    def run(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as stopped:
            main(["export", *arguments])
        captured = capsys.readouterr()
        return int(str(stopped.value.code)), captured.out + captured.err

    out = str(tmp_path / "out")
    assert run("undated", "--out", out) == (0, "Exported 1 table, 1 row, 0.2 kB in 1 file.\n")
    is_of_policy = False
    assert "been applied to the whole store: agent-store privacy apply" in run("undated", "--out", out)[1]
    is_of_policy = True
    assert run("cost_by", "--out", out)[1].startswith("Error: cost_by is a function:")
    assert run("UNDATED", "fact_sesion", "--out", out)[1].endswith("fact_session_event?\n")
    for wrong in (
        ["--out", out],
        ["undated", "--all", "--out", out],
        ["undated"],
        ["undated", "--to", "ftp://x"],
        ["undated", "--out", ""],
    ):
        assert run(*wrong)[0] != 0
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        assert run("undated", "--out", str(path))[1].startswith(f"Error: {path} is not a folder.\n")
    assert run("undated", "--out", out, "--since", "never")[0] == 1


@given(rows=st.lists(st.text(st.sampled_from('a"\n\r,\x01é'), max_size=8) | st.none(), max_size=6))
@settings(max_examples=60, deadline=None)
def test_rows_of_a_csv_file_are_counted_as_duckdb_writes_them(
    rows: list[str | None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("rows") / "data.csv"
    with duckdb.connect(":memory:") as connection:
        connection.execute("create table t (one varchar, two varchar)")
        for row in rows:
            connection.execute("insert into t values (?, ?)", [row, row])
        connection.execute(f"copy t to '{file}' (format csv, header true)")
    assert folders._file(file.parent, file, "csv").row_count == len(rows)


def test_every_type_of_the_table_is_one_of_duckdb_and_written_as_itself() -> None:
    for name, kind in TYPES.items():
        assert column_type(name) == kind
        assert column_type(kind.written).written == kind.written
        assert kind.bigquery
        assert kind.athena
    assert documented() in (PROJECT / "docs" / "export.md").read_text(encoding="utf-8")
    assert column_type("DECIMAL(38,10)").bigquery == "BIGNUMERIC(38, 10)"
