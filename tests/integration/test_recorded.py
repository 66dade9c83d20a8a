"""A store with what hooks and programs recorded, beside one without: it differs only where the recording knows more."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from tests import recordings
from tests.conftest import PROJECT, BuildStore

SAMPLE = PROJECT / "sample" / "home"
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
# Tables that tell of the landing or the build itself.
OF_THE_BUILD = {"store_build", "v_store_table", "v_failed_check"}
Row = tuple[object, ...]


@pytest.fixture(scope="module")
def recorded_store(build_store: BuildStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, and all that hooks and programs would have recorded beside it."""
    home = tmp_path_factory.mktemp("recorded") / "home"
    spool = home / "spool"
    spool.mkdir(parents=True)
    (spool / "hooks-2026-11-01.jsonl").write_bytes(
        recordings.of_transcripts((SAMPLE / "projects").rglob("*.jsonl"))
    )
    (spool / "library-2026-11-01.jsonl").write_bytes(recordings.of_programs(1_793_000_000_000))
    kept = home / "kept"
    kept.mkdir()
    (kept / "responses.jsonl").write_bytes(recordings.responses((SAMPLE / "projects").rglob("*.jsonl")))
    (home / "settings.json").write_text(json.dumps({"responses": [str(kept)]}), encoding="utf-8")
    return build_store([SAMPLE], home)


def rows(store: duckdb.DuckDBPyConnection, table: str, left_out: set[str]) -> Counter[Row]:
    """The rows of a table without some columns, each with how often it is there."""
    described = store.execute(f'describe "{table}"').fetchall()
    columns = ", ".join(
        f'round("{name}", 9)' if kind == "DOUBLE" else f'"{name}"'
        for name, kind, *_ in described
        if name not in left_out | OF_LANDING
    )
    return Counter(store.execute(f'select {columns} from "{table}"').fetchall())


@pytest.mark.slow
def test_what_transcripts_show_stays_as_it_is(recorded_store: Path, sample_store: Path) -> None:
    with (
        duckdb.connect(str(sample_store), read_only=True) as without,
        duckdb.connect(str(recorded_store), read_only=True) as recorded,
    ):
        tables = [
            row[0]
            for row in without.execute(
                "select table_name from duckdb_tables() where schema_name = 'main' "
                "and (table_name like 'fact_%' or table_name = 'dim_session') order by all"
            ).fetchall()
            if row[0] not in OF_THE_BUILD
        ]
        assert len(tables) > 40
        lost = {
            table: missing
            for table in tables
            if (missing := rows(without, table, KNOWN_BETTER.get(table, set()))
                - rows(recorded, table, KNOWN_BETTER.get(table, set())))
        }  # fmt: skip
    assert not lost, {table: list(missing)[:2] for table, missing in lost.items()}


@pytest.mark.slow
def test_nothing_is_counted_twice(recorded_store: Path, sample_store: Path) -> None:
    of_transcripts = (
        "_source_path not like '%.jsonl' or _source_path like '-home-dev%' or _source_path like 'projects/%'"
    )
    sums = (
        "select count(*), sum(total_tokens), round(sum(cost_usd), 9), count(*) filter (where provenance <> 'observed') "
        f"from fact_api_call where {of_transcripts}"
    )
    tools = f"select count(*), count(distinct invocation_id) from fact_tool_invocation where {of_transcripts}"
    for question in (sums, tools):
        answers = []
        for store in (recorded_store, sample_store):
            with duckdb.connect(str(store), read_only=True) as connection:
                answers.append(connection.execute(question).fetchall())
        assert answers[0] == answers[1], question


@pytest.mark.slow
def test_a_recording_says_what_transcripts_do_not(recorded_store: Path) -> None:
    with duckdb.connect(str(recorded_store), read_only=True) as store:

        def ask(question: str) -> list[Row]:
            return store.execute(question).fetchall()

        # Sessions that are only in a file of API responses have no hooks.
        assert ask("select distinct recorded_end_reason from dim_session where has_main_transcript") == [
            ("prompt_input_exit",)
        ]
        assert ask(
            "select count(*) > 20 from fact_api_call where latency_method = 'exact' and first_token_ms = 300"
        ) == [(True,)]
        assert ask(
            "select outcome, wait_ms, decided_at - requested_at from fact_permission_request "
            "where session_id = 'only-hooks'"
        ) == [("allowed", 4000, ask("select interval 4 second")[0][0])]
        assert ask(
            "select from_model, to_model, is_done, estimated_cache_write_usd from fact_model_switch"
        ) == [("claude-opus-5-5", "claude-sonnet-5-5", True, 0.01)]
        assert ask("select distinct memory_type, load_reason from fact_instruction_load") == [
            ("project", "session_start")
        ]
        assert ask(
            "select overflow_trigger, tokens_at_overflow, dropped_tokens, provenance from fact_context_overflow "
            "where session_id = 'only-hooks'"
        ) == [("manual", 5000, 900, "recorded")]
        assert ask("select distinct notification_type from fact_notification") == [("idle_prompt",)]
        assert ask(
            "select session_id, working_dir, end_reason from dim_session where provenance = 'recorded' order by all"
        ) == [
            ("a-program", "/home/dev/program", "other"),
            ("only-hooks", "/home/dev/shop", "clear"),
            ("sdk-alone", None, "unknown"),
            # All that it recorded is in transcripts of other sessions: nothing is counted as its own.
            ("sdk-beside", None, "unknown"),
        ]
        assert ask(
            "select session_id, success, error_type, latency_ms, first_token_ms, input_tokens, output_tokens, "
            "round(cost_usd, 6) from fact_api_call where provenance = 'recorded' order by session_id, called_at"
        ) == [
            ("a-program", True, None, 500, None, 0, 0, 0),
            ("a-program", True, None, None, None, 1200, 350, 0.018),
            ("sdk-alone", False, "overloaded_error", None, None, 0, 0, 0),
        ]
        assert ask(
            "select basis, round(sum(cost_usd), 6) from fact_cost_allocation "
            "where session_id = 'a-program' group by all order by all"
        ) == [("component", 0.018), ("task", 0.018)]
        assert ask(
            "select tool_name, target, duration_ms, duration_method, status from fact_tool_invocation "
            "where session_id = 'a-program'"
        ) == [("Edit", "/home/dev/program/login.py", 77, "exact", "ok")]
        assert ask(
            "select session_id, prompt_text, prompt_origin from fact_prompt where provenance = 'recorded' order by all"
        ) == [("a-program", "Fix the login bug", "human"), ("sdk-alone", "Say hello", "sdk")]
        assert ask(
            "select session_id, response_text from fact_response where response_text is not null "
            "and provenance = 'recorded' order by all"
        ) == [("a-program", "Fixed.")]
        # The last call of the hooked session has no transcript: the permission request is all that is known of it.
        assert ask("select invocation_id from fact_permission_request where session_id = 'only-hooks'") == [
            (None,)
        ]
        assert ask("select count(*) from v_set_aside_line where source_path like '%2026-11-01.jsonl'") == [
            (0,)
        ]


@pytest.mark.slow
def test_a_response_in_a_file_counts_once(recorded_store: Path) -> None:
    with duckdb.connect(str(recorded_store), read_only=True) as store:
        found = store.execute(
            "select calls.session_id like 'responses-%', message_id, success, error_type, model_raw, calls.output_tokens, "
            "calls.latency_ms, response_text from fact_api_call as calls "
            "left join fact_response as responses on responses.response_id = calls.call_id "
            "where calls._source_path = 'kept/responses.jsonl' order by calls._source_line"
        ).fetchall()
        assert found == [
            (True, "msg-kept-1", True, None, "claude-opus-5-5", 20, None, "Kept."),
            (True, "msg-kept-2", True, None, "claude-opus-5-5", 20, None, "In a batch."),
            (True, None, False, "api_error", None, 0, None, None),
            # The file has its text, the recorder its tokens and how long it took.
            (True, "msg-sdk-2", True, None, "claude-opus-5-5", 50, 1234, "Hello."),
            (False, None, True, None, "claude-opus-5-5", 20, None, None),
            (False, "msg-kept-3", True, None, "claude-opus-5-5", 20, None, "Printed."),
        ]
        # What a run used in all says nothing new where its responses are known.
        assert store.execute(
            "select count(*) from fact_api_call where session_id = 'a-stream'"
        ).fetchall() == [(1,)]
