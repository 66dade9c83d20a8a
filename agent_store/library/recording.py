"""The events a program can record: one method for each kind.

Each takes its fields as keywords, all optional. Ids may be numbers or text. In addition, every method takes
`agent_id`, `task_id`, `prompt_id`, `tool_use_id` and `occurred_at` (a datetime, UTC if it has no zone; ISO text; or
seconds since the epoch; by default now). Any other keyword is stored with the event (column `metadata`).

Each returns the id of the recorded event: the caller's own if given (`prompt_id`, `work_id`, `call_id` …), else the
event's key. None means that it could not be recorded: `store.errors` counts the reasons. No method raises, waits for a
build, or reads the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections import Counter

    from agent_store.record.writer import Writer

Id = str | int | None
# Token fields, named as in `usage` of the Messages API.
_USAGE = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cached_tokens": "cache_read_input_tokens",
    "cache_write_tokens": "cache_creation_input_tokens",
}


class Recording:
    """The `record_*` methods of a store."""

    _writer: Writer

    @property
    def errors(self) -> Counter[str]:
        """How often recording failed, by reason. `store.errors.total()` is 0 if everything was recorded."""
        return self._writer.errors

    def _record(self, kind: str, given: dict[str, Any]) -> str | None:
        """Record the arguments of a method: `given` is its `locals()`."""
        fields = {name: value for name, value in given.items() if name not in {"self", "more"}}
        return self._writer.write(kind, fields | given["more"])

    # ---------------------------------------------------------------------------------- sessions, actions, calls

    def record_session_start(
        self,
        session_id: Id = None,
        working_dir: str | None = None,
        git_branch: str | None = None,
        title: str | None = None,
        entrypoint: str | None = None,
        user_id: Id = None,
        **more: object,
    ) -> str | None:
        """A session begins. `entrypoint` says what runs it, such as the name of a program."""
        event = "start"
        return self._record("session", locals())

    def record_session_end(
        self, session_id: Id = None, end_reason: str | None = None, **more: object
    ) -> str | None:
        """A session ends, with the reason in a word."""
        event = "end"
        return self._record("session", locals())

    def record_agent_action(
        self,
        session_id: Id = None,
        action_type: str | None = None,
        tool_name: str | None = None,
        target_path: str | None = None,
        metadata: Mapping[str, object] | None = None,
        agent_id: Id = None,
        task_id: Id = None,
        action_id: Id = None,
        success: bool | None = None,
        error: str | None = None,
        duration_ms: float | None = None,
        **more: object,
    ) -> str | None:
        """An agent did something. `action_type` is `tool_call`, `decision` or `response`, or a word of your own."""
        return self._record("action", locals())

    def record_api_call(
        self,
        session_id: Id = None,
        model: str | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cached_tokens: int | None = None,
        cache_write_tokens: int | None = None,
        cost_usd: float | None = None,
        latency_ms: float | None = None,
        success: bool | None = None,
        error_type: str | None = None,
        usage: object = None,
        message_id: str | None = None,
        request_id: str | None = None,
        call_id: Id = None,
        model_id: Id = None,
        **more: object,
    ) -> str | None:
        """A model was called. Tokens are counted as in the Messages API: `input_tokens` do not include those read from
        the cache.

        `usage` takes the response's own usage (`message.usage`) instead of single numbers. A program that only has a
        number for its model gives `model_id`; prices are known by name. All attempts of a call share its `call_id`.
        """
        fields = dict(locals())
        counts = {theirs: fields.pop(ours) for ours, theirs in _USAGE.items()}
        if usage is None and any(value is not None for value in counts.values()):
            fields["usage"] = {name: value for name, value in counts.items() if value is not None}
        fields["duration_ms"] = fields.pop("latency_ms")
        if model is None:
            fields["model"] = model_id
        return self._record("api_call", fields)

    def record_component(
        self,
        component_name: str | None = None,
        component_type: str | None = None,
        file_path: str | None = None,
        content_hash: str | None = None,
        tokens: int | None = None,
        budget_tokens: int | None = None,
        session_id: Id = None,
        **more: object,
    ) -> str | None:
        """A component that enters contexts, and its size: a `skill`, `tool`, `reference_file`, `system_prompt` …"""
        return self._record("component", locals())

    def record_warning(
        self,
        warning_type: str | None = None,
        text: str | None = None,
        tool_name: str | None = None,
        target: str | None = None,
        session_id: Id = None,
        **more: object,
    ) -> str | None:
        """A warning was given: `repeated_failure`, `unavailable_dependency`, `cost_alert`, `skill_over_budget` …"""
        return self._record("warning", locals())

    # ---------------------------------------------------------------------------------- prompts and answers

    def record_prompt(
        self,
        session_id: Id = None,
        text: str | None = None,
        prompt_id: Id = None,
        user_id: Id = None,
        template_name: str | None = None,
        **more: object,
    ) -> str | None:
        """A prompt was given. Pass the returned id with its responses and feedback."""
        return self._record("prompt", locals())

    def record_response(
        self,
        session_id: Id = None,
        prompt_id: Id = None,
        text: str | None = None,
        model: str | None = None,
        stop_reason: str | None = None,
        latency_ms: float | None = None,
        **more: object,
    ) -> str | None:
        """A model answered a prompt."""
        return self._record("response", locals())

    def record_feedback(
        self,
        prompt_id: Id = None,
        feedback_type: str | None = None,
        comment: str | None = None,
        rating: float | None = None,
        session_id: Id = None,
        **more: object,
    ) -> str | None:
        """A person judged an answer: `thumbs_up`, `thumbs_down` or `report`, with a comment or a number."""
        return self._record("feedback", locals())

    # ---------------------------------------------------------------------------------- tasks, decisions, strategies

    def record_task_outcome(
        self,
        task_id: Id = None,
        success: bool | None = None,
        task_type: str | None = None,
        description: str | None = None,
        basis: str | None = None,
        duration_ms: float | None = None,
        error: str | None = None,
        session_id: Id = None,
        agent_id: Id = None,
        **more: object,
    ) -> str | None:
        """A task ended. `basis` is the evidence for `success`, such as `tests` or `user`."""
        return self._record("task_outcome", locals())

    def record_decision(
        self,
        decision_type: str | None = None,
        question: str | None = None,
        options: Sequence[str] | None = None,
        chosen: str | None = None,
        rationale: str | None = None,
        context_hash: str | None = None,
        session_id: Id = None,
        agent_id: Id = None,
        **more: object,
    ) -> str | None:
        """A decision was made: the question, the options, the choice, and the reason.

        `decision_type` is `tool_choice`, `approach_selection` or `file_modification`, or a word of your own;
       
        `check_decision_history` finds the same context by `context_hash`.
        """
        return self._record("decision", locals())

    def record_strategy_outcome(
        self,
        strategy_name: str | None = None,
        success: bool | None = None,
        metrics: Mapping[str, object] | None = None,
        task_type: str | None = None,
        task_id: Id = None,
        session_id: Id = None,
        agent_id: Id = None,
        **more: object,
    ) -> str | None:
        """A strategy was tried on a task. `metrics` may contain any numbers that describe the outcome."""
        return self._record("strategy_outcome", locals())

    def record_outcome(
        self,
        strategy_name: str | None = None,
        success: bool | None = None,
        metrics: Mapping[str, object] | None = None,
        **more: Any,  # noqa: ANN401 - the fields of the method that it stands for
    ) -> str | None:
        """The same as `record_strategy_outcome`."""
        return self.record_strategy_outcome(strategy_name, success, metrics, **more)

    def record_suggestion(
        self,
        suggestion_type: str | None = None,
        text: str | None = None,
        strategy_name: str | None = None,
        task_type: str | None = None,
        work_id: Id = None,
        session_id: Id = None,
        **more: object,
    ) -> str | None:
        """Something was suggested to an agent: `strategy`, `work` or `brief`."""
        return self._record("suggestion", locals())

    # ---------------------------------------------------------------------------------- quality

    def record_validation(
        self,
        component_name: str | None = None,
        passed: bool | None = None,
        component_type: str | None = None,
        file_path: str | None = None,
        validator: str | None = None,
        errors: Sequence[str] | None = None,
        warnings: Sequence[str] | None = None,
        content_hash: str | None = None,
        session_id: Id = None,
        **more: object,
    ) -> str | None:
        """A component was validated: the validator, and its findings."""
        return self._record("validation", locals())

    def record_test_run(
        self,
        command: str | None = None,
        framework: str | None = None,
        total: int | None = None,
        passed: int | None = None,
        failed: int | None = None,
        skipped: int | None = None,
        duration_ms: float | None = None,
        exit_code: int | None = None,
        working_dir: str | None = None,
        timed_out: bool | None = None,
        session_id: Id = None,
        **more: object,
    ) -> str | None:
        """Tests ran: their number and results."""
        return self._record("test_run", locals())

    def record_quality_measurement(
        self,
        metric_name: str | None = None,
        score: float | None = None,
        passed: bool | None = None,
        component_name: str | None = None,
        artifact_path: str | None = None,
        unit: str | None = None,
        details: Mapping[str, object] | None = None,
        session_id: Id = None,
        **more: object,
    ) -> str | None:
        """A component or a file was measured by a metric."""
        return self._record("quality_measurement", locals())

    # ---------------------------------------------------------------------------------- work of several agents

    def record_work_item(
        self,
        work_id: Id = None,
        description: str | None = None,
        work_type: str | None = None,
        status: str | None = None,
        target_path: str | None = None,
        owner: str | None = None,
        required_capability: str | None = None,
        session_id: Id = None,
        **more: object,
    ) -> str | None:
        """A piece of work exists: `status` is `pending`, `assigned`, `in_progress`, `completed` or `blocked`."""
        return self._record("work_item", locals())

    def record_claim(
        self,
        work_id: Id = None,
        agent_id: Id = None,
        is_granted: bool | None = None,
        status: str | None = None,
        holder_agent_id: Id = None,
        session_id: Id = None,
        **more: object,
    ) -> str | None:
        """An agent claimed, released or completed a piece of work elsewhere; `claim_work` decides and records by itself."""
        return self._record("claim", locals())

    def record_handoff(
        self,
        work_id: Id = None,
        from_agent_id: Id = None,
        to_agent_id: Id = None,
        reason: str | None = None,
        context: object = None,
        session_id: Id = None,
        **more: object,
    ) -> str | None:
        """Work was handed from one agent to another elsewhere; `handoff_work` hands it over and records by itself."""
        return self._record("handoff", locals())

    # ---------------------------------------------------------------------------------- dependencies and documents

    def record_dependency_check(
        self,
        dependency_name: str | None = None,
        is_available: bool | None = None,
        dependency_type: str | None = None,
        status_code: int | None = None,
        response_time_ms: float | None = None,
        version_detected: str | None = None,
        error: str | None = None,
        session_id: Id = None,
        **more: object,
    ) -> str | None:
        """A dependency was checked: `dependency_type` is `api_endpoint`, `db_schema`, `env_var`, `external_service`
        …"""
        return self._record("dependency_check", locals())

    def record_retrieval(
        self,
        query: str | None = None,
        file_path: str | None = None,
        line_start: int | None = None,
        line_end: int | None = None,
        rank: int | None = None,
        score: float | None = None,
        used_in_response: bool | None = None,
        session_id: Id = None,
        **more: object,
    ) -> str | None:
        """A range of lines was found or read; make one call per range."""
        return self._record("retrieval", locals())

    def record_document_update(
        self,
        file_path: str | None = None,
        tool_name: str | None = None,
        content_hash: str | None = None,
        session_id: Id = None,
        **more: object,
    ) -> str | None:
        """A document was written and has to be indexed again."""
        return self._record("document_update", locals())

    # ---------------------------------------------------------------------------------- contexts

    def record_skill_load(
        self,
        skill_name: str | None = None,
        file_path: str | None = None,
        tokens: int | None = None,
        budget_tokens: int | None = None,
        characters: int | None = None,
        trigger: str | None = None,
        session_id: Id = None,
        **more: object,
    ) -> str | None:
        """A skill is about to enter a context; `trigger` is `agent` or `user`."""
        return self._record("skill_load", locals())

    def record_context_drop(
        self,
        components: Sequence[Mapping[str, object]] | None = None,
        context_tokens: int | None = None,
        trigger: str | None = None,
        session_id: Id = None,
        **more: object,
    ) -> str | None:
        """A context is about to be cut; `components` are mappings of component_type, component_name and tokens."""
        return self._record("context_drop", locals())

    # ---------------------------------------------------------------------------------- forecasts

    def record_provider_usage(
        self,
        report: str | None = None,
        starts_at_ms: int | None = None,
        ends_at_ms: int | None = None,
        report_key: str | None = None,
        model: str | None = None,
        workspace: str | None = None,
        service_tier: str | None = None,
        uncached_input_tokens: int | None = None,
        output_tokens: int | None = None,
        cache_read_tokens: int | None = None,
        cache_write_5m_tokens: int | None = None,
        cache_write_1h_tokens: int | None = None,
        amount_usd: float | None = None,
        session_id: Id = None,
        **more: object,
    ) -> str | None:
        """A row of the provider's report: `report` is `usage` (tokens) or `cost` (dollars).

        A later row with the same `report_key` replaces it, and of each day the newest `occurred_at` counts: give the same
        to all rows of one reading. `agent-store reconcile` records those of files and of the Admin API.
        """
        return self._record("provider_usage", locals())

    def record_forecast(
        self,
        work_kind: str | None = None,
        low_usd: float | None = None,
        median_usd: float | None = None,
        high_usd: float | None = None,
        work_count: int | None = None,
        agent_type: str | None = None,
        model: str | None = None,
        task_type: str | None = None,
        project_name: str | None = None,
        past_count: int | None = None,
        session_id: Id = None,
        **more: object,
    ) -> str | None:
        """What work is expected to cost, with an 80 % band; `work_kind` is `agent_run`,
        `workflow_run`, `session` or `month`.

        `agent_id` is the run that it is about, if that has an id. `predict_cost` records its own forecasts.
        """
        return self._record("forecast", locals())
