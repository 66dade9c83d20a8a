"""The questions: one row for each, with its description for people and models and the SQL that answers it.

A method of `AgentStore` has the name of its question, and so does the tool of the MCP server. The SQL reads only
published tables and views, takes parameters by name, and has no order or limit: `order` and `limit` do that.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent_store.show import catalog

_FEW = 5
_SOME = 20
_MANY = 50
_LIKE_FILE_MEMORY = (
    "success and failure_reason are judged by rules (success_basis); confidence says how reliable that is"
)
_OPTIMIZATION_COLUMNS = """
    optimization_type, subject, suggestion, evidence, occurrence_count, tokens, total_usd, dollars_per_month,
    minutes_per_month, last_seen_at, provenance
"""
_ESTIMATED_OPTIMIZATIONS = "savings are estimates (provenance); dollars are list prices"


def _is_path(column: str) -> str:
    """Whether a column equals the requested path, or ends with it if a relative one was given."""
    return f"({column} = $path or ends_with(replace({column}, '\\', '/'), $path_end))"


def _is_name(column: str, parameter: str) -> str:
    """Whether a column equals a name in any case, or ends with it after a colon: plugin:skill, mcp_server:name."""
    return f"(lower({column}) = lower({parameter}) or ends_with(lower({column}), concat(':', lower({parameter}))))"


# The file is looked up first, so that a view over all files only computes the rows of these.
FILES_OF_PATH = f"select list(file_id) from dim_file where {_is_path('file_path')}"
_IS_FILE = "list_contains(cast($file_ids as varchar[]), file_id)"


def _lies_below(column: str) -> str:
    """Whether a column is the requested path, or is in it if it is a folder."""
    return f"({_is_path(column)} or starts_with({column}, concat($path, '/')))"


@dataclass(frozen=True, slots=True)
class Question:
    """One question that the store answers."""

    # The method of `AgentStore`, and the tool.
    name: str
    # Its module, which must be selected.
    module: str
    description: str
    sql: str = ""
    order: str = ""
    # The published tables and views the answer comes from.
    views: tuple[str, ...] = ()
    # Which parts of the answer are estimated instead of measured, in words.
    estimated: str = ""
    # The default number of rows.
    limit: int | None = _SOME
    reads_only: bool = True


_QUESTIONS = (
    # ------------------------------------------------------------------------------------------------ core
    Question(
        "get_recent_actions",
        "core",
        "Actions in a session, newest first.",
        """
        select
            action_at, action_type, tool_name, target_path, target, status, error_type, input_tokens, output_tokens,
            metadata, agent_id, task_id, session_id, action_id, provenance
        from fact_agent_action
        where $session_id is null or session_id = $session_id
        """,
        "action_at desc nulls last, action_id",
        ("fact_agent_action",),
    ),
    Question(
        "recall_previous_attempts",
        "core",
        "Earlier attempts on a file: what was tried, whether it worked, and why not.",
        f"""
        select
            last_action_at, file_path, task_description, task_type, agent_name, success, success_basis, failure_reason,
            last_error_type, last_error_text, last_diff_snippet, edit_count, failure_count, look_count, confidence,
            project_name, session_id, task_id
        from v_file_memory
        where {_IS_FILE} and ($task_type is null or task_type = lower($task_type))
        """,
        "last_action_at desc nulls last, task_id",
        ("v_file_memory",),
        _LIKE_FILE_MEMORY,
        limit=10,
    ),
    Question(
        "recall_memory",
        "core",
        "Earlier attempts on a file in fewer columns, newest first.",
        f"""
        select
            last_action_at, task_description, task_type, success, failure_reason, last_error_text, last_diff_snippet,
            edit_count, failure_count, confidence, file_path, session_id
        from v_file_memory
        where {_IS_FILE}
        """,
        "last_action_at desc nulls last, task_description, session_id",
        ("v_file_memory",),
        _LIKE_FILE_MEMORY,
        limit=10,
    ),
    Question(
        "get_completeness",
        "core",
        "Which days and projects the store has completely, what is missing by which witness, and what deletes it.",
        """
        select
            activity_date, project_name, is_complete, missing_ratio, missing_ratio_basis, missing_cause, witnesses,
            witness_count, session_count, prompt_count, response_count, line_count, missing_session_count,
            missing_prompt_count, missing_line_count, history_session_count, history_prompt_count,
            statistics_session_count, statistics_message_count, cost_usd, unlogged_cost_usd, deletes_on, project_path
        from v_completeness
        where
            is_within(activity_date, cast($first as date), cast($last as date))
            and ($projects is null or list_contains(cast($projects as varchar[]), project_name))
        """,
        "is_complete is false desc, activity_date desc, project_name, project_path",
        ("v_completeness",),
        "missing_ratio is an estimate (missing_ratio_basis); a day without a witness is unknown (is_complete is null)",
        limit=_MANY,
    ),
    # ------------------------------------------------------------------------------------------------ memory
    Question(
        "get_successful_approaches",
        "memory",
        "How often each approach to a type of task worked, best first, and how strong the evidence is.",
        """
        select
            task_type, approach_kind, approach_name, evidence_strength, evidence, attempt_count, judged_count,
            success_count, success_ratio, success_ratio_low, success_ratio_high, other_success_ratio, avg_test_pass_rate,
            median_duration_seconds, median_cost_usd, task_source, last_attempted_at
        from v_what_worked
        where $task_type is null or task_type = lower($task_type)
        """,
        "evidence_strength = 'more than chance' desc, success_ratio_low desc nulls last, attempt_count desc, task_type, "
        "approach_kind, approach_name, task_source",
        ("v_what_worked",),
        "success and approach are judged by rules; success_ratio_low and _high are the confidence interval",
        limit=_FEW,
    ),
    Question(
        "check_decision_history",
        "memory",
        "Earlier decisions of a type or in the same context, and how they turned out.",
        """
        select
            d.decided_at, d.decision_type, d.decision_kind, d.decided_by, d.context_text, d.option_chosen,
            d.alternatives_considered, d.rationale, d.outcome, d.outcome_basis, d.outcome_confidence, d.was_rejected,
            d.retried, d.task_type, d.project_name, d.session_id, p.context_hash, d.decision_id
        from v_decision_history as d
        left join dim_decision_point as p on p.decision_point_id = d.decision_point_id
        where
            ($decision_type is null or d.decision_type = $decision_type or d.decision_kind = $decision_type)
            and ($context_hash is null or p.context_hash = $context_hash)
        """,
        "decided_at desc nulls last, decision_id",
        ("v_decision_history", "dim_decision_point"),
        "outcome is judged by rules (outcome_basis); outcome_confidence says how reliable that is",
    ),
    Question(
        "get_resume_brief",
        "memory",
        "What a new session in a project should know: open work, last edits, failing tests, decisions.",
        """
        select line_number, section, brief, happened_at, file_path, session_id, task_id, project_name, project_path
        from v_resume_brief
        where $project is null or project_name = $project or project_path = $project
        """,
        "project_path, line_number",
        ("v_resume_brief",),
        limit=30,
    ),
    # ------------------------------------------------------------------------------------------------ token_budget
    *(
        Question(
            name,
            "token_budget",
            description,
            f"""
            with wanted as (
                select *
                from dim_component
                where
                    lower(component_name) = lower($component_name)
                    -- The name of a hook has the tool that it is for in the place of the name; that of a task is its text.
                    or (component_type not in ('hook', 'task') and {_is_name("component_name", "$component_name")})
            )
            select
                c.component_name, c.component_type, s.body_tokens, s.total_tokens as skill_tokens,
                coalesce(s.budget_tokens, o.limit_tokens) as budget_tokens,
                coalesce(s.over_budget, o.component_id is not null) as is_over_budget,
                o.component_tokens as over_budget_tokens,
                u.tokens_per_request, u.carried_tokens, u.request_count, u.session_count, u.cost_usd, s.body_token_method,
                c.file_path, c.component_id
            from wanted as c
            left join v_skill_budget as s on s.skill_id = c.component_id
            left join v_over_budget_component as o on o.component_id = c.component_id
            left join v_context_by_component as u on u.component_id = c.component_id and u.period = 'all'
            """,
            "component_name, component_type, component_id",
            ("dim_component", "v_skill_budget", "v_over_budget_component", "v_context_by_component"),
            "tokens of files are estimated where no request shows them (body_token_method)",
        )
        for name, description in (
            ("check_token_budget", "Tokens that a skill, agent or rule file costs now, against its limit."),
            ("get_token_budget", "How much of its token budget a component uses now."),
        )
    ),
    Question(
        "suggest_token_optimizations",
        "token_budget",
        "Components and results worth trimming: unused, too large or read twice, with their cost per month.",
        f"""
        select {_OPTIMIZATION_COLUMNS}
        from v_optimization
        where
            optimization_type in ('carried_unused_result', 'oversized_result', 'reread_file')
            or starts_with(optimization_type, 'over_budget_') or starts_with(optimization_type, 'unused_')
        """,
        "dollars_per_month desc nulls last, tokens desc nulls last, optimization_type, subject",
        ("v_optimization",),
        _ESTIMATED_OPTIMIZATIONS,
    ),
    Question(
        "get_context_diet",
        "token_budget",
        "What each thing carried in the context costs, what dropping it would save, and how many sessions used it.",
        """
        select
            part_kind, part_name, part_count, session_count, total_session_count, tested_session_count, used_session_count,
            use_basis, tokens_per_session, entered_tokens, carried_tokens, entry_cost_usd, read_cost_usd, rebilled_cost_usd,
            cost_usd, cost_usd_per_month, cost_ratio, total_cost_usd, rest_cost_usd, saved_usd, saved_usd_per_month,
            exact_saved_usd, estimated_saved_usd, band_saved_usd, saving_method, sections, month_count,
            least_session_count, first_date, last_date
        from context_diet(
            since := cast($first as date), until := cast($last as date), projects := cast($projects as varchar[])
        )
        """,
        "part_kind = 'rare', cost_usd desc, part_kind, part_name",
        ("context_diet",),
        "saving_method: exact, shared (measured growth, by length) or estimated (from length); sections are shares by "
        "length; assumed: the same requests would have been made",
        limit=_MANY,
    ),
    Question(
        "predict_context_overflow",
        "token_budget",
        "Whether planned actions still fit into the context window.",
        """
        select
            action_number, planned_action, kind, subject, seen_count, tokens_low, tokens, tokens_high, last_seen_at,
            context_tokens, context_window, compacted_at_tokens, room_tokens, verdict
        from predict_context(
            from_json(cast($planned_actions as json), '["VARCHAR"]'), session := cast($session_id as varchar),
            context_now := cast($context_tokens as bigint), window_now := cast($context_window as bigint),
            model_now := cast($model_name as varchar), project_now := cast($project_path as varchar)
        )
        """,
        "action_number, tokens desc nulls last, subject",
        ("predict_context",),
        "tokens are the median of earlier uses of the same file, command or tool, low and high the 10th and 90th "
        "percentile; the total adds them up, so its range is wide",
        limit=_MANY,
    ),
    # ------------------------------------------------------------------------------------------------ quality
    *(
        Question(
            name,
            "quality",
            description,
            f"""
            with measured as (
                select
                    m.measurement_id, m.measured_at, q.metric_name, q.metric_type, m.measured_by, m.passed, m.score,
                    m.error_count, m.warning_count, a.component_id, a.artifact_name, a.artifact_path, m.details,
                    m.outcome_method, m.confidence, m.session_id
                from fact_quality_measurement as m
                inner join dim_artifact as a on a.artifact_id = m.artifact_id
                left join dim_quality_metric as q on q.metric_id = m.metric_id
                union all by name
                -- Validations of components that a scan made, or a program: no check of a session.
                select
                    v.validation_id as measurement_id, v.validated_at as measured_at, v.validator_name as metric_name,
                    'validation' as metric_type, v.validator_name as measured_by, v.is_valid as passed, v.error_count,
                    v.warning_count, v.component_id, v.target as artifact_path, v.errors as details, v.outcome_method,
                    v.confidence, v.session_id
                from fact_validation as v
                anti join fact_quality_measurement as m on m.measurement_id = v.validation_id
            )
            select
                m.measured_at, m.metric_name, m.metric_type, m.measured_by, m.passed, m.score, m.error_count,
                m.warning_count, coalesce(c.component_name, m.artifact_name) as component_name, m.artifact_path,
                -- Counts that a check does not print are most of its fields.
                case when json_valid(m.details) then cast(json_merge_patch('{{}}', m.details) as varchar) else m.details end
                    as details,
                m.outcome_method, m.confidence, m.session_id, m.measurement_id
            from measured as m
            left join dim_component as c on c.component_id = m.component_id
            where
                (
                    {_is_name("c.component_name", "$component_name")}
                    or lower(m.artifact_name) = lower($component_name)
                    or m.artifact_path = $component_name
                )
                and m.measured_at >= newest_action_at() - to_days(cast($days as integer))
            """,
            "measured_at desc nulls last, measurement_id",
            ("fact_quality_measurement", "fact_validation", "dim_artifact", "dim_component"),
            "passed is read from command output by rules (outcome_method); confidence says how reliable that is",
            limit=_MANY,
        )
        for name, description in (
            ("get_quality_trend", "Validation, test and lint results of a component over time."),
            ("check_quality_trend", "The quality of a component over time."),
        )
    ),
    Question(
        "check_for_regressions",
        "quality",
        "Checks that passed and now fail, since a date.",
        """
        select
            failed_at, passed_at, artifact_path, measured_by, command_shape, error_count, edit_count, edited_file_count,
            confidence, project_name, session_id, previous_session_id, measurement_id
        from v_regression
        where $since is null or failed_at >= cast($since as timestamp)
        """,
        "failed_at desc nulls last, measurement_id",
        ("v_regression",),
        "pass and fail are read from command output by rules; confidence says how reliable that is",
    ),
    Question(
        "suggest_tests_for_artifact",
        "quality",
        "Tests to run for a file that changed since its last test, or whose test failed.",
        f"""
        select
            artifact_path, suggested_test_path, suggested_command, working_dir, suggestion_method, failing_test_name,
            failing_test_count, last_failed_at, last_modified_at, last_test_run_at, evidence_session_count, change_count,
            artifact_id
        from v_suggested_test
        where {_IS_FILE}
        """,
        "last_modified_at desc nulls last, artifact_path, artifact_id",
        ("v_suggested_test",),
        "tests are matched to files by what was run together (suggestion_method), not by coverage",
    ),
    # ------------------------------------------------------------------------------------------------ coordination
    Question(
        "claim_work",
        "coordination",
        "Claim a piece of work; refused if another agent holds it.",
        reads_only=False,
    ),
    Question(
        "handoff_work",
        "coordination",
        "Hand a piece of work to another agent, with the reason and the context it needs.",
        reads_only=False,
    ),
    Question(
        "check_conflicts",
        "coordination",
        "Agents working on the same file or folder now.",
        f"""
        with claims as (
            select unnest(from_json(
                cast($claims as json),
                '[{{"work_id": "VARCHAR", "agent_id": "VARCHAR", "target_path": "VARCHAR", "claimed_at_ms": "BIGINT"}}]'
            ), recursive := true)
        ),
        edits as (
            select unnest(from_json(
                cast($edits as json),
                '[{{
                    "session_id": "VARCHAR", "agent_id": "VARCHAR", "target_path": "VARCHAR", "tool_name": "VARCHAR",
                    "edited_at_ms": "BIGINT"
                }}]'
            ), recursive := true)
        ),
        found as (
            select
                'claim' as found_in, c.agent_id, cast(null as varchar) as session_id, c.work_id,
                coalesce(c.target_path, w.target_path) as target_path, w.description,
                make_timestamp(c.claimed_at_ms * 1000) as since
            from claims as c
            left join dim_work_item as w on w.work_id = c.work_id
            union all
            select
                'edit', e.agent_id, e.session_id, null, e.target_path, e.tool_name,
                make_timestamp(e.edited_at_ms * 1000)
            from edits as e
            union all
            select
                'assignment', s.agent_id, s.session_id, w.work_id, w.target_path, w.description,
                coalesce(s.accepted_at, s.assigned_at)
            from fact_work_assignment as s
            inner join dim_work_item as w on w.work_id = s.work_id
            where
                s.status = 'accepted' and w.status = 'in_progress'
                -- Since the build it may have been handed over, returned or completed.
                and not list_contains(from_json(cast($decided as json), '["VARCHAR"]'), w.work_id)
            union all
            select
                'conflict', c.agent2_id, c.other_session_id, c.work_id, c.target_path, c.conflict_type, c.detected_at
            from fact_conflict as c
            where c.resolution is null
        )
        select
            f.found_in, coalesce(a.agent_name, f.agent_id, 'main agent') as agent_name, f.agent_id, f.session_id, f.work_id,
            f.target_path, f.description, f.since
        from found as f
        left join dim_agent as a on a.agent_id = f.agent_id
        where {_lies_below("f.target_path")}
        """,
        "since desc nulls last, found_in, agent_name, session_id, work_id",
        ("fact_work_assignment", "dim_work_item", "fact_conflict", "claims of now", "transcripts of now"),
    ),
    Question(
        "suggest_work_for_agent",
        "coordination",
        "Open work, sorted by how well it suits the agent.",
        """
        select
            work_id, description, work_type, target_path, created_at, capability_name, proficiency, attempt_count,
            work_source
        from open_work($agent_id)
        where not list_contains(from_json(cast($taken as json), '["VARCHAR"]'), work_id)
        union all by name
        -- Returned since the build, which knows it as work in progress.
        select
            w.work_id, w.description, w.work_type, w.target_path, w.created_at,
            coalesce(w.required_capability, t.task_type) as capability_name, w.work_source
        from dim_work_item as w
        left join dim_task as t on t.task_id = w.task_id
        where
            w.status in ('in_progress', 'assigned')
            and list_contains(from_json(cast($released as json), '["VARCHAR"]'), w.work_id)
        """,
        "proficiency desc nulls last, created_at nulls last, work_id",
        ("open_work", "dim_work_item", "dim_task"),
        "proficiency is the estimated share of such tasks that the agent does well; NULL if it has done none",
    ),
    # ------------------------------------------------------------------------------------------------ workflow
    Question(
        "get_usage_stats",
        "workflow",
        "The most used tools, MCP servers, skills, agents and files.",
        """
        select kind, name, detail, use_count, session_count, cost_usd, success_ratio, last_used_date, rank_in_kind
        from usage_of(cast($days as integer))
        """,
        "rank_in_kind, kind, name, detail",
        ("usage_of",),
        "success_ratio is over all time; dollars are list prices",
        limit=_MANY,
    ),
    Question(
        "analyze_workflow",
        "workflow",
        "The usual order of tools for a type of task, and how long it takes.",
        """
        select
            task_type, tool_sequence, sequence_rank, occurrence_count, task_count, session_count, task_ratio,
            median_duration_seconds, timed_task_count
        from v_tool_sequence
        where $task_type is null or task_type = lower($task_type)
        """,
        "task_type, sequence_rank, tool_sequence",
        ("v_tool_sequence",),
        "task_type is inferred from the words of the task",
    ),
    Question(
        "suggest_optimizations",
        "workflow",
        "Waste of money or time: unused skills and servers, oversized results, cache misses, denied calls.",
        f"select {_OPTIMIZATION_COLUMNS} from v_optimization",
        "dollars_per_month desc nulls last, minutes_per_month desc nulls last, optimization_type, subject",
        ("v_optimization",),
        _ESTIMATED_OPTIMIZATIONS,
    ),
    # ------------------------------------------------------------------------------------------------ dependencies
    Question(
        "check_dependency_health",
        "dependencies",
        "Availability, version and latency of a dependency.",
        f"""
        select
            dependency_name, dependency_type, status, version_detected, median_response_ms, availability_ratio, use_count,
            failure_count, last_checked_at, last_available_at, last_failed_at, last_changed_at, breaking_count,
            component_count, dependency_id
        from v_dependency_health
        where $dependency_name is null or {_is_name("dependency_name", "$dependency_name")}
        """,
        "failure_count desc, use_count desc, dependency_name, dependency_id",
        ("v_dependency_health",),
    ),
    Question(
        "get_breaking_changes",
        "dependencies",
        "Breaking changes of APIs and contracts since a date.",
        """
        select
            detected_at, changed_name, changed_type, change_type, element_path, old_version, new_version,
            affected_components, change_source, rule_name, provenance, change_id
        from v_breaking_change
        where $since is null or detected_at >= cast($since as timestamp)
        """,
        "detected_at desc nulls last, changed_name, change_id",
        ("v_breaking_change",),
        "rows with provenance `estimated` are inferred from logs by rules",
    ),
    Question(
        "analyze_impact",
        "dependencies",
        "Components that a change to a dependency would affect, directly or through others.",
        f"""
        select depth, component_name, component_type, path_count, dependency_name, dependency_type, component_id
        from v_impact_cascade
        where {_is_name("dependency_name", "$dependency_name")}
        """,
        "depth, component_name, component_id",
        ("v_impact_cascade",),
        limit=_MANY,
    ),
    # ------------------------------------------------------------------------------------------------ retrieval
    Question(
        "search_code",
        "retrieval",
        "Search code by name or words, file type and date; ranked, with the matching lines.",
        """
        select
            search_rank, document_path, line_start, line_end, chunk_name, chunk_kind, snippet, snippet_line, language,
            document_type, last_modified_at, matched_terms, score
        from search_chunks(
            $query, language := $language, document_type := $document_type, path := $path, since := $since, most := 200,
            shown_most := $row_limit
        )
        """,
        "search_rank",
        ("search_chunks",),
        "ranked by words and names; the code is as it was last seen",
        limit=10,
    ),
    Question(
        "get_entity_references",
        "retrieval",
        "Every place that uses a function, class or table.",
        """
        select reference_type, container_name, document_path, line_number, language, symbol_type, entity_type
        from entity_references($entity_name)
        """,
        "case reference_type when 'definition' then 1 when 'import' then 2 when 'call' then 3 else 4 end, document_path, "
        "line_number",
        ("entity_references",),
        limit=_MANY,
    ),
    Question(
        "get_recent_changes",
        "retrieval",
        "What changed in the code since a time.",
        """
        -- An agent edits a file many times in a row: one row for all of them, so that many files fit.
        select
            max(updated_at) as updated_at, update_type, update_source, document_path, count(*) as change_count, language,
            session_id, commit_id
        from recent_changes(coalesce(cast($since as timestamp), newest_action_at() - interval '7 days'))
        where
            $file_type is null or lower(language) = lower($file_type)
            or ends_with(lower(document_path), concat('.', ltrim(lower($file_type), '.')))
        group by all
        """,
        "updated_at desc nulls last, document_path, session_id, commit_id, update_type, update_source",
        ("recent_changes",),
        limit=_MANY,
    ),
    # ------------------------------------------------------------------------------------------------ audit
    Question(
        "search_prompts",
        "audit",
        "Search what people asked, with the session and the answer.",
        """
        with asked as (
            select max_by(word, length(word)) as longest_word
            from (select unnest(string_split_regex(lower(trim(left($query, 5000))), '\\s+')) as word)
        ),
        found as (
            select *, strpos(lower(prompt_text), (select longest_word from asked)) as place from v_audit_trail
        )
        select
            prompted_at, prompt_text,
            -- The words that were found, if they are not near the beginning.
            case when place > 300 then concat('…', substr(prompt_text, place - 80, 240)) end as matched_text,
            last_response_text, user_id, project_name, model_name, prompt_origin, is_human, feedback_types,
            response_count, tool_call_count, caused_cost_usd, session_id, prompt_id, _source_path as source_path,
            _source_line as source_line
        from found
        where
            holds_words(prompt_text, $query)
            and ($users is null or list_contains($users::varchar[], user_id))
            and ($first is null or prompted_at >= cast($first as timestamp))
            and ($end is null or prompted_at < cast($end as timestamp))
        """,
        "is_human desc, prompted_at desc nulls last, prompt_id",
        ("v_audit_trail", "holds_words"),
        "user_id identifies the home folder in the path of the session: a hash of its name, unless privacy.yml keeps "
        "names",
    ),
    Question(
        "analyze_template_performance",
        "audit",
        "How well a prompt template works: success, feedback, time and cost.",
        """
        select
            template_name, command_name, use_count, judged_count, success_count, success_ratio, success_ratio_low,
            success_ratio_high, good_feedback_count, bad_feedback_count, median_seconds, median_response_count,
            median_tool_call_count, median_cost_usd, cost_usd, command_version_count, command_success_ratio, first_used_at,
            last_used_at, template_id
        from v_template_performance
        where
            $template_id is null or template_id = $template_id or template_name = $template_id
            or command_name = $template_id or command_name = ltrim($template_id, '/')
        """,
        "use_count desc, template_name, template_id",
        ("v_template_performance",),
        "success is judged by rules; success_ratio_low and _high are the confidence interval",
    ),
    Question(
        "export_audit_log",
        "audit",
        "Write the audit log of a period to a file and give its path.",
        """
        select
            'prompt' as record_type, prompted_at as happened_at, session_id, prompt_id, agent_id, user_id,
            prompt_text as content, null as tool_name, null as target_path, provenance, _source_path as source_path,
            _source_line as source_line
        from fact_prompt
        where prompted_at >= cast($first as timestamp) and prompted_at < cast($end as timestamp)
        union all by name
        select
            'response' as record_type, responded_at as happened_at, session_id, prompt_id, agent_id,
            response_text as content, provenance, _source_path as source_path, _source_line as source_line
        from fact_response
        where responded_at >= cast($first as timestamp) and responded_at < cast($end as timestamp)
        union all by name
        select
            'action' as record_type, action_at as happened_at, session_id, agent_id, metadata as content, tool_name,
            target_path, provenance, _source_path as source_path, _source_line as source_line
        from fact_agent_action
        where action_at >= cast($first as timestamp) and action_at < cast($end as timestamp)
        union all by name
        select
            'decision' as record_type, coalesce(decided_at, asked_at) as happened_at, session_id, agent_id,
            concat_ws(': ', decision_kind, option_chosen, rationale) as content, provenance,
            _source_path as source_path, _source_line as source_line
        from fact_decision
        where
            coalesce(decided_at, asked_at) >= cast($first as timestamp)
            and coalesce(decided_at, asked_at) < cast($end as timestamp)
        union all by name
        select
            'query' as record_type, queried_at as happened_at, session_id, user_id, query_text as content, tool_name,
            provenance, _source_path as source_path, _source_line as source_line
        from fact_query_log
        where queried_at >= cast($first as timestamp) and queried_at < cast($end as timestamp)
        """,
        "happened_at, session_id, record_type, source_path, source_line",
        ("fact_prompt", "fact_response", "fact_agent_action", "fact_decision", "fact_query_log"),
        reads_only=False,
    ),
    # ------------------------------------------------------------------------------------------------ cost
    Question(
        "get_cost_report",
        "cost",
        "Dollars at list prices per day, week, month, model, project, branch, skill, tool, mcp, agent, task type, session.",
        """
        select
            name, detail, session_count, request_count, total_tokens, output_tokens, cost_usd, unpriced_response_count,
            first_usage_date as first_date, last_usage_date as last_date
        from cost_by($breakdown, since := cast($first as date), until := cast($last as date))
        """,
        "case when $breakdown in ('day', 'week', 'month') then name end desc, cost_usd desc nulls last, name, detail",
        ("cost_by",),
        "dollars are list prices; those of tools, skills, MCP servers, files and components are attributed and overlap",
        limit=_MANY,
    ),
    Question(
        "what_if",
        "cost",
        "What past work would have cost with other models, prices, cache lifetimes, fast mode or the batch tier.",
        """
        select
            model_name, other_model_name, session_count, response_count, cost_usd, exact_cost_usd, what_if_cost_usd,
            exact_saved_usd, assumed_saved_usd, saved_usd, saved_ratio, break_even_ratio, uncertain_usd, replayed_count,
            unpriced_count, context_tokens, output_tokens
        from what_if(
            since := cast($first as date), until := cast($last as date), projects := cast($projects as varchar[]),
            models := cast($models as varchar[]), cache_lifetime := $cache_lifetime, speed := $speed, tier := $tier,
            priced_on := cast($priced_on as date)
        )
        """,
        "model_name = 'all' desc, cost_usd desc nulls last, model_name, other_model_name",
        ("what_if",),
        "exact_cost_usd prices the same tokens; what_if_cost_usd assumes that another model would have taken as many; "
        "uncertain_usd could come on top",
        limit=_MANY,
    ),
    Question(
        "predict_cost",
        "cost",
        "What agents, a session or the rest of the month will cost: an 80 % band from what such work cost before.",
        """
        select
            work_kind, work_count, agent_name, model_name, task_type, project_name, spent_usd, low_usd, median_usd,
            high_usd, low_tokens, median_tokens, high_tokens, past_count, similar_count, null as ends_on,
            null as pace_usd, request_number
        from forecast(from_json(cast($requests as json), '[{
            "work_kind": "VARCHAR", "work_count": "BIGINT", "agent_name": "VARCHAR", "model_name": "VARCHAR",
            "task_type": "VARCHAR", "project_name": "VARCHAR", "session_id": "VARCHAR"
        }]'))
        union all by name
        select
            'month' as work_kind, 1 as work_count, spent_usd, low_usd, median_usd, high_usd, window_count as past_count,
            case when len(cast($projects as varchar[])) = 1 then cast($projects as varchar[])[1] end as project_name,
            last_day(month_started_on) as ends_on, pace_usd, 99 as request_number
        from forecast_month(cast($today as date), projects := cast($projects as varchar[]))
        where $today is not null
        """,
        "request_number",
        ("forecast", "forecast_month"),
        "low_usd and high_usd are an 80 % band from past_count earlier pieces of work, of which similar_count are alike in "
        "agent, model or project; NULL below 20; v_forecast_calibration tells how many forecasts were right",
        limit=_MANY,
    ),
    Question(
        "get_forecast_calibration",
        "cost",
        "How many of the last forecasts were right: outcomes inside, below and above the 80 % band.",
        """
        select
            work_kind, forecast_count, known_count, scored_count, inside_count, below_count, above_count, promised_ratio,
            inside_ratio, width_ratio, outcome_ratio, median_usd, outcome_usd, last_made_at
        from v_forecast_calibration
        """,
        "work_kind",
        ("v_forecast_calibration",),
        "ratios are NULL below ten forecasts with a known outcome",
    ),
    Question(
        "get_reconciliation",
        "cost",
        "The provider's usage and cost report beside the store, by day, model and billing pool, and why they differ.",
        """
        select
            usage_date, model_name, billing_pool, workspaces, our_usd, their_usd, difference_usd, their_usd_basis,
            -- What most of the difference comes from.
            case
                when abs(difference_usd) >= 0.005 then list_extract(
                    list_sort([
                        (-abs(elsewhere_usd), 'no use here'), (-abs(rounding_usd), 'rounding to cents'),
                        (-abs(price_usd), 'other prices'),
                        (-abs(unfinished_output_usd), 'output not final'), (-abs(hidden_request_usd), 'hidden requests'),
                        (-abs(incomplete_day_usd), 'incomplete days'), (-abs(not_billed_usd), 'not billed there'),
                        (-abs(unexplained_usd), 'not explained')
                    ]), 1
                )[2]
            end as main_cause,
            elsewhere_usd, rounding_usd, price_usd, unfinished_output_usd, hidden_request_usd, incomplete_day_usd,
            not_billed_usd, unexplained_usd, our_sdk_usd, response_count, unfinished_count,
            our_uncached_input_tokens + our_output_tokens + our_cache_read_tokens + our_cache_write_5m_tokens
            + our_cache_write_1h_tokens as our_tokens,
            their_uncached_input_tokens + their_output_tokens + their_cache_read_tokens + their_cache_write_5m_tokens
            + their_cache_write_1h_tokens as their_tokens,
            our_output_tokens, their_output_tokens, read_at
        from v_provider_reconciliation
        where is_within(usage_date, cast($first as date), cast($last as date))
        """,
        "usage_date desc, abs(difference_usd) desc nulls last, model_name, billing_pool",
        ("v_provider_reconciliation",),
        "elsewhere_usd and price_usd are exact, the other causes are estimates; our dollars are list prices",
        limit=_MANY,
    ),
    Question(
        "get_reconciliation_causes",
        "cost",
        "How far the provider's report is from the store in total, by cause.",
        """
        select cause, is_exact, day_count, our_usd, their_usd, difference_usd
        from provider_difference(since := cast($first as date), until := cast($last as date))
        """,
        "abs(difference_usd) desc, cause",
        ("provider_difference",),
        "is_exact says which causes are measured; the others are estimates",
    ),
    Question(
        "suggest_cost_optimizations",
        "cost",
        "Changes that would have saved most money, with the evidence.",
        f"select {_OPTIMIZATION_COLUMNS} from v_optimization where dollars_per_month > 0",
        "dollars_per_month desc, optimization_type, subject",
        ("v_optimization",),
        _ESTIMATED_OPTIMIZATIONS,
    ),
    Question(
        "set_cost_alert",
        "cost",
        "Warn when a day costs more than this.",
        reads_only=False,
    ),
    # ------------------------------------------------------------------------------------------------ improvement
    Question(
        "suggest_strategy",
        "improvement",
        "The strategy with the best record for a type of task, and how strong the evidence is.",
        """
        select
            strategy_name, advice_kind, advice, 'more than chance' as evidence_strength, task_type, task_source,
            success_ratio, success_ratio_low, success_ratio_high, other_success_ratio, based_on_attempts, strength,
            confidence, failure_reason, advice_order, advice_id
        from v_strategy_advice
        where $task_type is null or task_type = lower($task_type)
        union all by name
        -- The best that is known where no advice can be given.
        select
            approach_name as strategy_name, 'best_known' as advice_kind, evidence as advice, evidence_strength, task_type,
            task_source, success_ratio, success_ratio_low, success_ratio_high, other_success_ratio,
            judged_count as based_on_attempts
        from v_what_worked
        where
            approach_kind = 'strategy' and rank_in_kind = 1 and evidence_strength <> 'more than chance'
            and ($task_type is null or task_type = lower($task_type))
        """,
        "advice_order nulls last, success_ratio_low desc, task_type, task_source, strategy_name, advice_id",
        ("v_strategy_advice", "v_what_worked"),
        "strategies and success are inferred by rules; a best_known row has the best record so far, which may be "
        "chance",
        limit=_FEW,
    ),
    Question(
        "get_change_effect",
        "improvement",
        "Whether changes of skills, agents, memory files and MCP servers helped: tasks before and after, with an interval.",
        f"""
        select
            component_name, component_type, changed_at, measure, verdict, evidence, difference_type, difference,
            difference_low, difference_high, before_mean, after_mean, unit, before_count, after_count, before_session_count,
            after_session_count, before_task_count, after_task_count, unknown_count, strata_count, needed_count,
            minimum_count, minimum_session_count, change_basis, version_before, version_after, method, component_id,
            change_id
        from v_change_effect
        where
            (
                $component_name is null or {_is_name("component_name", "$component_name")}
                or ends_with(replace(component_name, '\\', '/'), concat('/', $component_name))
            )
            and ($first is null or changed_at >= cast($first as date))
            and ($last is null or changed_at < cast($last as date) + 1)
        """,
        # The four measures of a change together, first the changes that tell something.
        "bool_or(verdict <> 'not enough to tell') over (partition by change_id) desc, "
        "max(least(before_count, after_count)) over (partition by change_id) desc, changed_at desc nulls last, change_id, "
        "list_position(['success', 'cost_usd', 'duration_seconds', 'corrections'], measure)",
        ("v_change_effect",),
        "success, types of tasks and corrections are judged by rules; tasks before and after a change may differ in more "
        "than the component (evidence: observed), unless the same cases ran with it and without it (randomised)",
    ),
    Question(
        "record_outcome",
        "improvement",
        "Record whether a strategy worked.",
        reads_only=False,
    ),
    Question(
        "analyze_performance",
        "improvement",
        "How the tasks of an agent went, by type, with advice.",
        """
        select
            task_type, task_count, judged_count, success_count, success_ratio, avg_test_pass_rate, median_seconds,
            tool_error_count, cost_usd, commonest_failure_reason, advice, last_completed_at
        from agent_performance($agent_id, days := cast($days as integer))
        """,
        "task_count desc, task_type",
        ("agent_performance",),
        "success is judged by rules; judged_count is how many tasks have a known result",
    ),
    # ------------------------------------------------------------------------------------------------ the store itself
    Question("query", "core", "One read-only query on the store, in DuckDB's SQL.", limit=None),
    Question(
        "describe",
        "core",
        "Tables, views and functions of the store: what one row is, columns with types and meaning, an example query.",
        catalog.SQL,
        catalog.ORDER,
        ("v_store_table",),
        limit=None,
    ),
)
QUESTIONS = {question.name: question for question in _QUESTIONS}
