"""Spark reads what `agent-store export` writes: every table, with its types and values, and the same cost per day."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from conftest import PROJECT

from agent_store.paths import StorePaths
from agent_store.serve.export import folder as folders

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LEAST_JAVA = 17
# Spark is slow for each query, and slower for one over all tables.
TABLES_AT_ONCE = 12
# Of each type of DuckDB in the manifest: a number made of a value, in DuckDB and in Spark.
NUMBERS = {
    "VARCHAR": ("octet_length(encode({}))", "octet_length({})"),
    "BIGINT": ("{}", "{}"),
    "INTEGER": ("{}", "{}"),
    "DOUBLE": ("{}", "{}"),
    "BOOLEAN": ("cast({} as int)", "cast({} as int)"),
    "DATE": ("{} - date '1970-01-01'", "unix_date({})"),
    "TIMESTAMP": ("epoch_us({})", "unix_micros(cast({} as timestamp))"),
    "FLOAT[]": ("len({})", "size({})"),
    "VARCHAR[]": ("octet_length(encode(array_to_string({}, ',')))", "octet_length(array_join({}, ','))"),
}
# Types that a published table may have, beside those above, and what Spark calls them.
KINDS = """
create table kinds as
select
    n as number,
    cast(n * 1234567.123456 as decimal(18, 6)) as price,
    cast(18446744073709551615 - n as ubigint) as unsigned,
    cast(170141183460469231731687303715884105 - n as hugeint) as huge,
    timestamp '2026-03-29 02:30:00.000001' + to_days(n) as happened_at,
    {'name': 'a' || n, 'parts': [n, null], 'inner': {'day': date '2026-02-01'}} as deep,
    map {'k': n} as pairs,
    [[n, 2], []] as lists,
    uuid '00000000-0000-0000-0000-00000000000a' as identity
from (values (1), (2)) as r(n)
"""
SPARK_KINDS = {
    "number": "int",
    "price": "decimal(18,6)",
    "unsigned": "decimal(20,0)",
    "huge": "decimal(38,0)",
    "happened_at": "timestamp_ntz",
    "deep": "struct<name:string,parts:array<int>,inner:struct<day:date>>",
    "pairs": "map<string,int>",
    "lists": "array<array<int>>",
    "identity": "string",
}


def _java() -> str | None:
    """Why Spark cannot run here, or None."""
    java = shutil.which("java")
    if java is None:
        return "there is no Java (on Debian and Ubuntu: apt install default-jre-headless)"
    said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    if found is None or int(found[1]) < LEAST_JAVA:
        return f"Spark needs Java {LEAST_JAVA} or newer; found: {said.splitlines()[0] if said else 'none'}"
    return None


@pytest.fixture(scope="module")
def exported(sample_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with an export of the sample, with a table of other types."""
    if reason := _java():
        pytest.skip(reason)
    home = tmp_path_factory.mktemp("spark") / "home"
    home.mkdir(mode=0o700)
    shutil.copyfile(sample_store, home / "agent_store.duckdb")
    with duckdb.connect(str(home / "agent_store.duckdb")) as connection:
        connection.execute(KINDS)
    folders.export(StorePaths(home), home.parent / "out", None, "parquet")
    return home.parent / "out"


@pytest.fixture(scope="module")
def spark(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One session of Spark in this process, without a page, without the network."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("spark-files")
    options: dict[str, bool | float | int | str | None] = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.jars.ivy": str(folder / "ivy"),
        "spark.local.dir": str(folder),
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    session = SparkSession.builder.master("local[1]").config(map=options).getOrCreate()
    gateway: Any = SparkContext._gateway
    yield session
    session.stop()
    # The process of Java ends with its input.
    gateway.proc.stdin.close()
    gateway.proc.wait(60)


def _manifest(exported: Path) -> dict[str, Any]:
    tables = json.loads((exported / "manifest.json").read_text(encoding="utf-8"))["tables"]
    return {table["name"]: table for table in tables}


def _spark_type(athena_type: str) -> str:
    """Times have no zone, which Athena does not tell apart."""
    return "timestamp_ntz" if athena_type == "timestamp" else athena_type


def _batches(selects: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(selects), TABLES_AT_ONCE):
        yield selects[start : start + TABLES_AT_ONCE]


def _added_up(selects: Sequence[str]) -> str:
    return (
        "select name, place, count(*), sum(cast(is_there as int)), sum(value) from ("
        + " union all ".join(selects)
        + ") as all_values group by name, place"
    )


def test_spark_reads_every_value_of_every_table(exported: Path, spark: SparkSession) -> None:
    parts: dict[str, list[str]] = {"duckdb": [], "spark": []}
    names: dict[tuple[str, int], str] = {}
    counts = {}
    for name, table in _manifest(exported).items():
        if name == "kinds":
            continue
        counts[name] = table["row_count"]
        # With a given schema Spark refuses a file whose columns have other types.
        schema = ", ".join(
            [f"`{one['name']}` {_spark_type(one['athena_type'])}" for one in table["columns"]]
            + ([f"`{table['partitioned_by']}` string"] if table["partitioned_by"] else [])
        )
        spark.read.schema(schema).parquet(str(exported / name)).createOrReplaceTempView(name)
        values: dict[str, list[str]] = {"duckdb": [], "spark": []}
        for place, column in enumerate(table["columns"]):
            names[name, place] = column["name"]
            for engine, mark, number in zip(values, ('"', "`"), NUMBERS[column["duckdb_type"]], strict=True):
                shown = f"{mark}{column['name']}{mark}"
                values[engine].append(f"{place}, {shown} is not null, cast({number.format(shown)} as double)")
        files = f"read_parquet('{exported}/{name}/**/*.parquet', hive_partitioning = false)"
        rows = ", ".join(f"({value})" for value in values["duckdb"])
        parts["duckdb"].append(
            f"select '{name}' as name, v.* from {files} as t, (values {rows}) as v(place, is_there, value)"
        )
        stacked = f"stack({len(values['spark'])}, {', '.join(values['spark'])})"
        parts["spark"].append(f"select '{name}' as name, {stacked} as (place, is_there, value) from {name}")
    queries = {engine: [_added_up(few) for few in _batches(part)] for engine, part in parts.items()}
    with duckdb.connect(":memory:") as connection:
        expected = {
            row[:2]: row[2:] for query in queries["duckdb"] for row in connection.execute(query).fetchall()
        }
    given = {
        tuple(row[:2]): tuple(row[2:]) for query in queries["spark"] for row in spark.sql(query).collect()
    }
    assert given.keys() == expected.keys() == {key for key in names if counts[key[0]]}
    for key, (row_count, value_count, total) in expected.items():
        shown = f"{key[0]}.{names[key]}"
        assert given[key][:2] == (row_count, value_count), shown
        assert row_count == counts[key[0]], shown
        assert given[key][2] == pytest.approx(total, rel=1e-9, abs=1e-9), shown


def test_spark_reads_types_that_only_some_tables_have(exported: Path, spark: SparkSession) -> None:
    frame = spark.read.parquet(str(exported / "kinds")).drop("month")
    assert dict(frame.dtypes) == SPARK_KINDS
    files = f"read_parquet('{exported}/kinds/**/*.parquet', hive_partitioning = false)"
    with duckdb.connect(":memory:") as connection:
        rows = connection.execute(f"select to_json(k) from {files} as k order by number").fetchall()
    expected = [json.loads(row) for (row,) in rows]
    for given, wanted in zip(frame.orderBy("number").collect(), expected, strict=True):
        read = given.asDict(recursive=True)
        for name in ("price", "unsigned", "huge", "happened_at"):
            assert str(read[name]) == str(wanted[name]) or float(read[name]) == wanted[name], name
        read["deep"]["inner"]["day"] = str(read["deep"]["inner"]["day"])
        assert [read[name] for name in ("deep", "pairs", "lists", "identity")] == [
            wanted[name] for name in ("deep", "pairs", "lists", "identity")
        ]


def _block(kind: str) -> str:
    """The block of the page about exports that is about Spark."""
    page = (PROJECT / "docs" / "export.md").read_text(encoding="utf-8")
    (found,) = (text for text in re.findall(rf"^```{kind}\n(.*?)^```", page, re.M | re.S) if "spark" in text)
    return str(found)


def test_cost_per_day_is_the_same_in_spark_by_the_code_of_the_page(
    exported: Path, sample_store: Path, spark: SparkSession
) -> None:
    space: dict[str, Any] = {}
    exec(_block("python").replace('"out/', f'"{exported}/'), space)
    with duckdb.connect(str(sample_store), read_only=True) as connection:
        for frame, table, day in (
            (space["by_view"], "v_spending", "usage_date"),
            (space["by_call"], "fact_api_call", "called_local_date"),
        ):
            expected = connection.execute(
                f"select {day}, sum(cost_usd) from {table} group by all order by 1 nulls first"
            ).fetchall()
            given = [tuple(row) for row in frame.collect()]
            assert [day for day, _ in given] == [day for day, _ in expected]
            assert [cost for _, cost in given] == pytest.approx([cost for _, cost in expected], abs=1e-9)
            assert sum(cost or 0 for _, cost in given) > 1
