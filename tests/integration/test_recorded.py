"""A store with what hooks and programs recorded, beside one without: it differs only where the recording knows more."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from agent_store.paths import StorePaths
from agent_store.privacy import landing_policy
from ingest.privacy.policy import user_id
from tests import recordings
from tests.conftest import PROJECT, BuildStore
from tests.lost_rows import lost_rows

SAMPLE = PROJECT / "sample" / "home"
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


@pytest.mark.slow
def test_what_transcripts_show_stays_as_it_is(recorded_store: Path, sample_store: Path) -> None:
    assert lost_rows(sample_store, recorded_store) == {}


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
        ) == [("context", 0.018), ("task", 0.018)]
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
def test_what_is_told_of_work_has_its_rows(recorded_store: Path) -> None:
    home = StorePaths(recorded_store.parent)
    with duckdb.connect(str(recorded_store), read_only=True) as store:

        def ask(question: str) -> list[Row]:
            return store.execute(question).fetchall()

        assert ask(
            "select session_id, feedback_type, feedback_text, rating, prompt_id is not null from fact_prompt_feedback "
            "where provenance = 'recorded' order by all"
        ) == [
            ("a-program", "thumbs_down", "too short", 2, True),
            ("only-hooks", "thumbs_up", "clear", None, False),
            (None, "report", None, None, False),
        ]
        assert ask("select user_id, tool_name, query_text, row_count, success from fact_query_log") == [
            (user_id("ann", landing_policy(home).user_salt), "query", "select 1", 1, True)
        ]
        assert ask(
            "select w.description, w.status, w.required_capability, a.agent_name, a.status, a.reason "
            "from dim_work_item as w inner join fact_work_assignment as a using (work_id) "
            "where w.provenance = 'recorded' order by all"
        ) == [
            ("Tidy the till", "completed", "refactor", "7", "completed", "completed_by_agent"),
            ("Tidy the till", "completed", "refactor", "other", "rejected", "held_by_another"),
            ("Tidy the till", "completed", "refactor", "writer", "abandoned", "timeout"),
            ("Write the docs", "completed", None, "ann", "completed", "completed_by_agent"),
            (None, "completed", None, "Explore", "completed", "run_end"),
        ]
        assert ask(
            "select g.agent_name, t.agent_name, handoff_reason from fact_agent_handoff as h "
            "inner join dim_agent as g on g.agent_id = h.from_agent_id "
            "inner join dim_agent as t on t.agent_id = h.to_agent_id where h.provenance = 'recorded'"
        ) == [("writer", "7", "timeout")]
        # Every delegation whose run is in the sample has the hooks' times, but for that of a client that names no runs.
        assert ask(
            "select count(*) filter (where a.provenance = 'recorded') > 10, "
            "count(*) filter (where a.provenance <> 'recorded') "
            "from fact_work_assignment as a inner join dim_work_item using (work_id) "
            "where a.agent_run_id is not null and work_source = 'delegation'"
        ) == [(True, 1)]
        assert ask(
            "select task_description, task_type, o.success, o.success_basis, o.test_pass_rate "
            "from dim_task inner join fact_task_outcome as o using (task_id) "
            "where dim_task.provenance = 'recorded' and dim_task.session_id in ('a-program', 'only-hooks') order by all"
        ) == [
            ("Fix the login", "debug", True, "tests", None),
            ("Write the docs", "unknown", None, "ticked_off", 0.75),
        ]
        assert ask(
            "select strategy_name, success, outcome_metrics from fact_strategy_attempt where provenance = 'recorded'"
        ) == [("test_first", True, '{"tries":2}')]
        assert ask(
            "select session_id, option_chosen, rationale from fact_decision where provenance = 'recorded' order by all"
        ) == [("a-program", "ast", "robust"), (None, "duckdb", None)]
        assert ask(
            "select component_name, trigger_type, is_valid, error_count from fact_validation "
            "inner join dim_component using (component_id) "
            "where fact_validation.provenance = 'recorded' order by validated_at"
        ) == [("weigh", "scan", True, 0), ("weigh", "post_update", False, 1)]
        assert ask(
            "select framework, passed, failed, outcome from fact_test_run where provenance = 'recorded'"
        ) == [("pytest", 3, 1, "failed")]
        assert ask(
            "select metric_name, score from fact_quality_measurement as m "
            "inner join dim_quality_metric using (metric_id) where m.provenance = 'recorded' order by all"
        ) == [("coverage", 87.5), ("skill_spec_valid", 0), ("skill_spec_valid", 1), ("test_pass_ratio", 0.75)]
        assert ask(
            "select query_text, document_path, used_in_response from fact_chunk_retrieval "
            "inner join dim_document using (document_id) where provenance = 'recorded'"
        ) == [("login", "/home/dev/program/login.py", True)]
        assert ask(
            "select component_name, estimated_tokens, m.budget_tokens from fact_component_measurement as m "
            "inner join dim_component using (component_id) where m.provenance = 'recorded' order by all"
        ) == [("plan", 900, 800), ("weigh", 300, 200)]
        assert ask(
            "select dependency_name, available, response_time_ms from fact_dependency_check as c "
            "inner join dim_dependency using (dependency_id) "
            "where c.session_id = 'a-program' and check_type = 'health_check'"
        ) == [("till-api", False, 120)]
        assert ask(
            "select work_kind, work_count, agent_name, low_usd, high_usd, past_count, interface from fact_forecast "
            "where session_id = 'a-program' order by work_kind"
        ) == [("agent_run", 3, "Explore", None, None, None, None), ("session", 1, None, 0.5, 4.0, 30, "cli")]
        assert ask("select model_name, output_tokens from fact_provider_usage") == [("claude-opus-5-5", 500)]


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
