"""What a store with recordings lacks of one without: it differs only where a recording knows more."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import duckdb

# What a recording may know better of a row that transcripts show as well.
KNOWN_BETTER = {
    "dim_session": {"end_reason", "recorded_end_reason"},
    "fact_api_call": {"latency_ms", "latency_method", "first_token_ms"},
    "fact_response": {"latency_ms"},
    "fact_tool_invocation": {"duration_ms", "duration_method"},
    "fact_dependency_check": {"response_time_ms"},
    "fact_watermark_check": {"response_time_ms"},
    "fact_test_run": {"duration_seconds", "duration_method"},
    # What the hook took down is the row, where the transcript shows the same: its key and its line.
    "fact_prompt_feedback": {"feedback_id", "feedback_at", "provenance", "_source_path", "_source_line"},
    "fact_task_outcome": {"provenance", "test_pass_rate"},
    "fact_work_assignment": {"accepted_at", "completed_at", "provenance"},
    # Of components that a scan has found: the time of the scan.
    "fact_validation": {"validated_at"},
}
# When and where something was landed, and when the store was built.
OF_LANDING = {"_batch_id", "landed_at", "built_at", "last_batch_id"}
Row = tuple[object, ...]


def lost_rows(without: Path, recorded: Path) -> dict[str, list[Row]]:
    """Rows of facts and sessions that the store with recordings has lost, or has otherwise: some of each table."""
    with (
        duckdb.connect(str(without), read_only=True) as bare,
        duckdb.connect(str(recorded), read_only=True) as more,
    ):
        tables = [
            row[0]
            for row in bare.execute(
                "select table_name from duckdb_tables() where schema_name = 'main' "
                "and (table_name like 'fact_%' or table_name = 'dim_session') order by all"
            ).fetchall()
        ]
        lost = {
            table: _rows(bare, table, KNOWN_BETTER.get(table, set()))
            - _rows(more, table, KNOWN_BETTER.get(table, set()))
            for table in tables
        }
    return {table: list(rows)[:2] for table, rows in lost.items() if rows}


def _rows(store: duckdb.DuckDBPyConnection, table: str, left_out: set[str]) -> Counter[Row]:
    """The rows of a table without some columns, each with how often it is there."""
    described = store.execute(f'describe "{table}"').fetchall()
    columns = ", ".join(
        f'round("{name}", 9)' if kind == "DOUBLE" else f'"{name}"'
        for name, kind, *_ in described
        if name not in left_out | OF_LANDING
    )
    return Counter(store.execute(f'select {columns} from "{table}"').fetchall())
