"""Commands and what they print, run through the models that find test runs in them, without dbt.

The cases are `tests/fixtures/check_cases/*.yml`; the SQL is what dbt compiled for a store. Each case becomes a tool
call with its result, in a database that holds nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import yaml

PROJECT = Path(__file__).resolve().parents[1]
CASES = PROJECT / "tests" / "fixtures" / "check_cases"
MODELS = ("int_shell_command", "int_check_output", "int_check_run", "int_test_result")
SECONDS = 10.0

_TABLES = """
create schema staging; create schema intermediate; create schema seeds;
create table intermediate.int_session_batch as select 's1' as session_id, cast(1 as bigint) as _batch_id;
create table intermediate.int_tool_call (
    session_id varchar, actor varchar, turn_id varchar, tool_use_id varchar, line_uuid varchar, result_line_uuid varchar,
    tool_name varchar, called_at timestamp, returned_at timestamp, call_status varchar, error_type varchar, exit_code bigint,
    has_found_nothing boolean, duration_ms double, is_background boolean, target_path varchar, tool_input struct(command varchar),
    result struct("backgroundTaskId" varchar, "persistedOutputPath" varchar, task struct(task_id varchar), "shellId" varchar),
    source_path varchar, source_line bigint
);
create table staging.stg_transcripts__block (tool_use_id varchar, line_uuid varchar, block_type varchar, block_text varchar);
create table staging.stg_transcripts__line as select 'l1' as line_uuid, '/home/ann/shop' as working_dir;
create table staging.stg_transcripts__tool_result_file (
    file_id bigint, session_id varchar, path varchar, file_name varchar, result_text varchar
);
create table intermediate.int_turn (session_id varchar, prompt_origin varchar, prompt_text varchar);
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A command, what it prints, and what is expected to be read from it."""

    place: str
    run: str
    prints: str
    gives: str
    exit: int = 0
    takes: float = SECONDS
    nothing_found: bool = False
    tool: str = "Bash"
    seconds: str | None = None
    fails: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Read:
    """The test run that the models found in a case, or none."""

    gives: str = "nothing"
    seconds: str = ""
    fails: tuple[str, ...] = field(default=())
    passes: tuple[str, ...] = field(default=())


def cases() -> list[Case]:
    """All cases, with the file and their number in it."""
    found = []
    for path in sorted(CASES.glob("*.yml")):
        for number, row in enumerate(yaml.safe_load(path.read_text(encoding="utf-8")), 1):
            row = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
            if "seconds" in row:
                row["seconds"] = str(row["seconds"])
            found.append(Case(place=f"{path.stem}-{number}", **row))
    return found


def _text(number: Any) -> str:
    return "-" if number is None else str(number)


def read(compiled: Path, found: list[Case]) -> dict[str, Read]:
    """What the compiled models make of the cases, by their place."""
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as agent_store")
        connection.execute("use agent_store")
        connection.execute(_TABLES)
        connection.execute(
            "create table seeds.check_rules as select * from read_csv(?, types = {'pattern': 'varchar'})",
            [str(PROJECT / "seeds" / "check_rules.csv")],
        )
        for case in found:
            failed = case.exit != 0
            connection.execute(
                "insert into intermediate.int_tool_call select 's1', 'main', 'p1', ?, 'l1', ?, ?, timestamp '2026-03-01 10:00:00', "
                "timestamp '2026-03-01 10:00:10', ?, ?, ?, ?, ?, false, null, row(?), row(null, null, row(null), null), 'a.jsonl', 1",
                [
                    case.place, case.place, case.tool, "ok" if not failed or case.nothing_found else "error",
                    "exit_nonzero" if failed and not case.nothing_found else None, case.exit or None, case.nothing_found,
                    case.takes * 1000, case.run,
                ],
            )  # fmt: skip
            connection.execute(
                "insert into staging.stg_transcripts__block values (?, ?, 'tool_result', ?)",
                [case.place, case.place, f"Exit code {case.exit}\n{case.prints}" if failed else case.prints],
            )
        for model in MODELS:
            path = compiled / f"{model}.sql"
            connection.execute(f"create table intermediate.{model} (_batch_id bigint)")
            connection.execute(f"create or replace table intermediate.{model} as {path.read_text(encoding='utf-8')}")
        runs = connection.execute(
            """
            select
                runs.tool_use_id, runs.check_name, runs.outcome, runs.passed_count, runs.failed_count, runs.skipped_count,
                round(runs.duration_seconds, 4), runs.duration_method,
                list(results.test_name order by results.first_position) filter (where results.outcome = 'failed'),
                list(results.test_name order by results.first_position) filter (where results.outcome = 'passed')
            from intermediate.int_check_run as runs
            left join intermediate.int_test_result as results on results.check_run_id = runs.check_run_id
            where runs.check_kind = 'test'
            group by all
            order by runs.tool_use_id, runs.check_name
            """
        ).fetchall()
    read_from: dict[str, Read] = {case.place: Read() for case in found}
    for place, name, outcome, passed, failed_count, skipped, seconds, method, fails, passes in runs:
        before = read_from[place]
        gives = f"{name} {outcome} {_text(passed)} {_text(failed_count)} {_text(skipped)}"
        read_from[place] = Read(
            gives=gives if before.gives == "nothing" else f"{before.gives}, {gives}",
            seconds=f"{seconds:g}" + ("" if method == "exact" else f" {method}") if seconds is not None else "",
            fails=tuple(fails or ()),
            passes=tuple(passes or ()),
        )
    return read_from
