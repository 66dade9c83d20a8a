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
MODELS = (
    "int_shell_command",
    "int_check_output",
    "int_found_check",
    "int_check_target",
    "int_check_run",
    "int_test_result",
)
SECONDS = 10.0

_TABLES = """
create schema staging; create schema intermediate; create schema seeds;
create table intermediate.int_session_batch as select 's1' as session_id, cast(1 as bigint) as _batch_id;
create table intermediate.int_tool_call (
    session_id varchar, actor varchar, turn_id varchar, tool_use_id varchar, line_uuid varchar,
    result_line_uuid varchar, tool_name varchar, called_at timestamp, returned_at timestamp, call_status varchar,
    error_type varchar, exit_code bigint, has_found_nothing boolean, duration_ms double, is_background boolean,
    target_path varchar, tool_input struct(command varchar),
    result struct(
        "backgroundTaskId" varchar, "persistedOutputPath" varchar, task struct(task_id varchar), "shellId" varchar
    ),
    source_path varchar, source_line bigint
);
create table intermediate.int_session as select 's1' as session_id, '/home/ann/shop' as project_path;
create table intermediate.int_turn (session_id varchar, prompt_origin varchar, prompt_text varchar);
create table staging.stg_transcripts__block (
    tool_use_id varchar, line_uuid varchar, block_type varchar, block_text varchar, session_id varchar default 's1'
);
create table staging.stg_transcripts__line as select 's1' as session_id, 'l1' as line_uuid, '/home/ann/shop' as working_dir;
create table staging.stg_transcripts__tool_result_file (
    file_id bigint, session_id varchar, path varchar, file_name varchar, result_text varchar
);
"""
_CALL = """
insert into intermediate.int_tool_call
select
    's1', 'main', 'p1', $id, 'l1', $id, $tool, timestamp '2026-03-01 10:00:00', timestamp '2026-03-01 10:00:10',
    $status, case $status when 'error' then 'exit_nonzero' end, $exit, $nothing_found, $milliseconds, false, null,
    row($command), row($task, $spilled, row($read), null), 'a.jsonl', 1
"""
_RUNS = """
select
    runs.tool_use_id as place, runs.check_name, runs.check_kind, runs.outcome, runs.outcome_method,
    runs.outcome_rule, runs.recognised_by, runs.command_text, runs.command_shape, runs.working_dir,
    runs.target_path, runs.component_name, runs.is_background, runs.is_exit_code_hidden, runs.is_output_cut,
    runs.is_output_filtered, runs.exit_code, runs.total_count, runs.passed_count, runs.failed_count,
    runs.error_count, runs.skipped_count, runs.duration_seconds, runs.duration_method,
    list(results.test_name order by results.first_position) filter (where results.outcome = 'failed') as fails,
    list(results.test_name order by results.first_position) filter (where results.outcome = 'passed') as passes
from intermediate.int_check_run as runs
left join intermediate.int_test_result as results on results.check_run_id = runs.check_run_id
group by all
order by runs.tool_use_id, runs.check_name
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
    all: bool = False
    states_exit: bool = True
    read_later: str | None = None
    spilled: str | None = None
    seconds: str | float | None = None
    fails: list[str] = field(default_factory=list)
    passes: list[str] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """The result as the client shows it."""
        return f"Exit code {self.exit}\n{self.prints}" if self.exit and self.states_exit else self.prints


@dataclass(frozen=True, slots=True)
class Read:
    """The checks that the models found in a case, or none; all but `gives` is the first one's."""

    gives: str = "nothing"
    seconds: str = ""
    fails: list[str] = field(default_factory=list)
    passes: list[str] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)


def cases() -> list[Case]:
    """All cases, with the file and their number in it."""
    return [
        Case(place=f"{path.stem}-{number}", **row)
        for path in sorted(CASES.glob("*.yml"))
        for number, row in enumerate(yaml.safe_load(path.read_text(encoding="utf-8")), 1)
    ]


def _insert(connection: duckdb.DuckDBPyConnection, case: Case) -> None:
    """The call and its result, and what was read of it later or written to a file."""
    has_failed = case.exit != 0 and not case.nothing_found
    call = {
        "id": case.place,
        "tool": case.tool,
        "status": "error" if has_failed else "ok",
        "exit": case.exit if case.exit and case.states_exit else None,
        "nothing_found": case.nothing_found,
        "milliseconds": case.takes * 1000,
        "command": case.run,
        "task": None if case.read_later is None else f"task-{case.place}",
        "spilled": None if case.spilled is None else f"/home/ann/.claude/{case.place}.txt",
        "read": None,
    }
    connection.execute(_CALL, call)
    result = (
        "insert into staging.stg_transcripts__block (tool_use_id, line_uuid, block_type, block_text) "
        "values (?, ?, 'tool_result', ?)"
    )
    connection.execute(result, [case.place, case.place, case.shown])
    if case.read_later is not None:
        reader = f"{case.place}-read"
        connection.execute(
            _CALL,
            {
                **call,
                "id": reader,
                "tool": "TaskOutput",
                "exit": 0,
                "command": None,
                "read": call["task"],
                "task": None,
            },
        )
        connection.execute(result, [reader, reader, case.read_later])
    if case.spilled is not None:
        connection.execute(
            "insert into staging.stg_transcripts__tool_result_file values (1, 's1', $name, $name, $text)",
            {"name": f"{case.place}.txt", "text": case.spilled},
        )


def read(compiled: Path, found: list[Case]) -> dict[str, Read]:
    """What the compiled models make of the cases, by their place."""
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as warehouse")
        connection.execute("use warehouse")
        connection.execute(_TABLES)
        connection.execute(
            "create table seeds.check_rules as select * from read_csv(?, types = {'pattern': 'varchar'})",
            [str(PROJECT / "seeds" / "check_rules.csv")],
        )
        for case in found:
            _insert(connection, case)
        for model in MODELS:
            sql = (compiled / f"{model}.sql").read_text(encoding="utf-8")
            connection.execute(f"create table intermediate.{model} (_batch_id bigint)")
            connection.execute(f"create or replace table intermediate.{model} as {sql}")
        runs = connection.execute(_RUNS)
        names = [column[0] for column in runs.description]
        rows = [dict(zip(names, row, strict=True)) for row in runs.fetchall()]
    return {
        case.place: _read(
            [row for row in rows if row["place"] == case.place and (case.all or row["check_kind"] == "test")]
        )
        for case in found
    }


def _read(rows: list[dict[str, Any]]) -> Read:
    if not rows:
        return Read()
    counts = ("passed_count", "failed_count", "skipped_count")
    first = rows[0]
    method = "" if first["duration_method"] == "exact" else f" {first['duration_method']}"
    return Read(
        gives=", ".join(
            " ".join(
                [row["check_name"], row["outcome"]]
                + ["-" if row[name] is None else str(row[name]) for name in counts]
            )
            for row in rows
        ),
        seconds=""
        if first["duration_seconds"] is None
        else f"{round(first['duration_seconds'], 4):g}{method}",
        fails=first["fails"] or [],
        passes=first["passes"] or [],
        fields=first,
    )
