"""What the dashboard shows, read from the published views.

Each data set is one query. Most have a row per day, session, model and agent, so that the page filters all of them by the
same things; it adds rows up and works out nothing else. Rows travel as columns, and repeated texts as numbers into a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from agent_store.show.report import PRICES_ARE, findings, store_today
from agent_store.show.text import visible

if TYPE_CHECKING:
    import duckdb

# What is shown one by one, the most expensive first; sums have everything.
NAMES_SHOWN = 2000
PROMPTS_SHOWN = 1000
SEGMENTS_SHOWN = 8
EFFECTS_SHOWN = 100
PARTS_SHOWN = 200
_CENTS = 9
_TEXT = 200

# What of store_build the page tells.
_BUILD = (
    "published_at", "timezone", "is_sample", "test_count", "passed_test_count",
    "set_aside_line_count", "set_aside_session_count", "stale_table_count", "retention",
)  # fmt: skip

# The agents of v_spending as the other views name them.
AGENT_OF_SPENDING = "case when agent_type = 'main' then 'main agent' else agent_name end"


@dataclass(frozen=True, slots=True)
class DataSet:
    """A query, and which of its columns repeat few texts."""

    sql: str
    texts: Sequence[str] = ()


_KEYS = ("session_id", "model_name", "agent_name")

DATA_SETS = {
    "spending": DataSet(
        f"""
        select
            usage_date, session_id, model_name, {AGENT_OF_SPENDING} as agent_name,
            sum(cost_usd) as cost_usd,
            sum(response_count) as response_count,
            sum(total_tokens) as total_tokens,
            sum(cache_read_tokens) as cache_read_tokens,
            sum(cache_write_5m_tokens + cache_write_1h_tokens) as cache_write_tokens,
            sum(uncached_input_tokens) as uncached_input_tokens,
            sum(unpriced_response_count) as unpriced_response_count,
            sum(cache_miss_count) as cache_miss_count,
            sum(miss_extra_cost_usd) as miss_extra_cost_usd
        from v_spending
        group by all
        order by all
        """,
        _KEYS,
    ),
    "ccusage": DataSet(
        "select usage_date, session_id, model_name, agent_name, ccusage_cost_usd from v_ccusage_day order by all",
        _KEYS,
    ),
    "causes": DataSet(
        f"""
        with names as (
            select
                cause_group, cause_name,
                row_number() over (order by sum(cost_usd) desc, cause_group, cause_name) as cost_rank
            from v_cost_cause
            group by cause_group, cause_name
        )
        select
            usage_date, session_id, model_name, agent_name, cause_group,
            case when cost_rank <= {NAMES_SHOWN} then cause_name else 'others' end as cause_name,
            sum(cost_usd) as cost_usd,
            sum(estimated_cost_usd) as estimated_cost_usd
        from v_cost_cause
        inner join names using (cause_group, cause_name)
        group by all
        order by all
        """,
        (*_KEYS, "cause_group", "cause_name"),
    ),
    "skills": DataSet(
        """
        select
            usage_date, session_id, model_name, agent_name, skill_name, invocation_count, failed_invocation_count,
            work_cost_usd
        from v_skill_work_day
        order by all
        """,
        (*_KEYS, "skill_name"),
    ),
    "files": DataSet(
        f"""
        with names as (
            select file_path, row_number() over (order by sum(cost_usd) desc nulls last, file_path) as cost_rank
            from v_file_cost_day
            group by file_path
        )
        select
            usage_date, session_id, model_name, agent_name,
            case when cost_rank <= {NAMES_SHOWN} then file_path else 'other files' end as file_path,
            sum(cost_usd) as cost_usd
        from v_file_cost_day
        inner join names using (file_path)
        group by all
        order by all
        """,
        (*_KEYS, "file_path"),
    ),
    "outcomes": DataSet("select * from v_outcome_day order by all", _KEYS),
    "sessions": DataSet(
        f"""
        select
            coalesce(spent.session_id, reports.session_id) as session_id,
            left(coalesce(spent.session_title, reports.title), {_TEXT}) as title,
            coalesce(spent.project_name, reports.project_name) as project_name,
            reports.user_id,
            coalesce(
                reports.started_local_at, timezone(builds.timezone, timezone('UTC', spent.first_called_at))
            ) as started_at,
            reports.client_version,
            reports.duration_seconds,
            reports.prompt_count,
            reports.subagent_count,
            reports.tool_call_count,
            reports.tool_error_count,
            reports.compaction_count,
            reports.lines_added,
            reports.lines_deleted
        from (
            select
                session_id, any_value(session_title) as session_title, any_value(project_name) as project_name,
                min(first_called_at) as first_called_at
            from v_spending
            group by session_id
        ) as spent
        full join v_session_report as reports on reports.session_id = spent.session_id
        cross join store_build as builds
        order by 1
        """,
        ("session_id", "project_name", "user_id"),
    ),
    "prompts": DataSet(
        f"""
        select
            prompt_id, session_id, prompted_at, model_name, left(prompt_text, {_TEXT}) as prompt_text, task_type, success,
            success_basis, response_count, tool_call_count, tool_error_count, caused_tokens, caused_cost_usd, cost_rank,
            _source_path as source_path, _source_line as source_line
        from v_expensive_prompt
        where cost_rank <= {PROMPTS_SHOWN}
        order by prompted_at, prompt_id
        """,
        ("prompt_id", "session_id", "model_name", "task_type", "success_basis", "source_path"),
    ),
    "segments": DataSet(
        f"""
        select
            segments.prompt_id, left(pieces.piece_name, {_TEXT}) as piece_name, pieces.allocation_method,
            segments.tokens, segments.entry_cost_usd, segments.carrying_cost_usd, segments.cost_usd,
            segments.rest_segment_count, segments.rest_cost_usd,
            pieces._source_path as source_path, pieces._source_line as source_line
        from v_prompt_segment as segments
        inner join v_context_piece as pieces on pieces.segment_id = segments.segment_id
        where
            segments.cost_rank <= {SEGMENTS_SHOWN}
            and segments.prompt_id in (select prompt_id from v_expensive_prompt where cost_rank <= {PROMPTS_SHOWN})
        order by segments.prompt_id, segments.cost_rank
        """,
        ("prompt_id", "piece_name", "allocation_method", "source_path"),
    ),
    "misses": DataSet(
        """
        select
            session_id, missed_at, cause, suggestion, gap_seconds, missed_tokens, extra_cost_usd,
            _source_path as source_path, _source_line as source_line
        from v_session_miss
        order by session_id, missed_at
        """,
        ("session_id", "cause", "suggestion", "source_path"),
    ),
    "optimizations": DataSet(
        """
        select subject, suggestion, evidence, dollars_per_month
        from v_optimization
        order by dollars_per_month desc nulls last, optimization_type, subject
        """
    ),
    # As in the report: what would have helped single sessions, where nothing comes back in many.
    "advice": DataSet(
        """
        select
            session_id,
            if(starts_with(optimization_type, 'cache_'), 'cache misses', subject) as subject,
            suggestion, cost_usd
        from v_session_advice
        where not exists (select 1 from v_optimization)
        order by cost_usd desc, session_id, cost_rank
        """,
        ("session_id",),
    ),
    "effects": DataSet(
        f"""
        select
            component_name, strftime(changed_at, '%Y-%m-%d') as changed_on, measure, verdict, evidence, difference_type,
            difference, difference_low, difference_high, before_count, after_count, minimum_count, minimum_session_count
        from v_change_effect
        where difference is not null
        order by
            verdict = 'not enough to tell', least(before_count, after_count) desc, changed_at desc nulls last, change_id,
            measure
        limit {EFFECTS_SHOWN}
        """,
        ("component_name", "measure", "verdict", "evidence", "difference_type"),
    ),
    "diet": DataSet(
        f"""
        select
            part_kind, coalesce(part_name, concat(part_count, ' parts')) as part_name, session_count, used_session_count,
            tested_session_count, tokens_per_session, entry_cost_usd, read_cost_usd, rebilled_cost_usd, cost_usd,
            saved_usd_per_month, saving_method
        from context_diet()
        order by part_kind = 'rare', cost_usd desc, part_kind, part_name
        limit {PARTS_SHOWN}
        """
    ),
    "alerts": DataSet(
        "select title, message, status from v_alert where status in ('over', 'near') order by status desc, title"
    ),
    "completeness": DataSet(
        "select activity_date, project_name, is_complete from v_completeness "
        "order by activity_date, project_name, project_path",
        ("project_name",),
    ),
    "reconciliation": DataSet(
        """
        select cause, sum(response_count) as response_count, sum(our_usd) as our_usd, sum(their_usd) as their_usd,
            sum(difference_usd) as difference_usd
        from v_reconciliation
        where comparison = 'ccusage daily'
        group by cause
        order by abs(sum(difference_usd)) desc, cause
        """
    ),
}  # fmt: skip

# What the page shows of what_if(), one scenario a row.
_SCENARIOS = {
    "Cache entries live for an hour": "cache_lifetime := '1h'",
    "Cache entries live for five minutes": "cache_lifetime := '5m'",
    "Everything with the newest Sonnet": "models := ['all=sonnet']",
    "Everything with the newest Haiku": "models := ['all=haiku']",
}
DATA_SETS["scenarios"] = DataSet(
    " union all ".join(
        f"""
        select
            {number} as scenario_number, '{title}' as scenario, 'what_if({arguments.replace("'", "''")})' as macro,
            response_count, cost_usd, exact_cost_usd, what_if_cost_usd, saved_usd, saved_ratio, break_even_ratio,
            uncertain_usd
        from what_if({arguments})
        where model_name = 'all'
        """
        for number, (title, arguments) in enumerate(_SCENARIOS.items())
    )
    + " order by scenario_number"
)
DATA_SETS["month"] = DataSet(
    """
    select month_started_on, window_count, spent_usd, low_usd, median_usd, high_usd, pace_usd
    from forecast_month((select cast(timezone(timezone, now()) as date) from store_build))
    """
)
DATA_SETS["calibration"] = DataSet(
    """
    select forecast_count, scored_count, inside_count, inside_ratio
    from v_forecast_calibration
    where work_kind = 'all'
    """
)

DATA_SETS["provider"] = DataSet("select cause, is_exact, our_usd, their_usd, difference_usd from provider_difference()")


def collect(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Everything the page shows, as plain data for JSON; `connection` is to a published store.

    A view that the store lacks, because its model failed, leaves its data set out and is named in `missing`.
    """
    import duckdb

    texts = _Texts()
    data: dict[str, Any] = {}
    missing: list[str] = []
    for name, data_set in DATA_SETS.items():
        try:
            data[name] = _columns(connection, data_set, texts)
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            missing.append(f"{name}: {visible(str(error).splitlines()[0])}")
            data[name] = {}
    build = connection.execute("from store_build")
    stamp = dict(zip([column[0] for column in build.description or []], build.fetchone() or (), strict=True))
    return {
        "agent_of_spending": AGENT_OF_SPENDING,
        "today": store_today(connection).isoformat(),
        "prices": PRICES_ARE,
        "build": {key: _plain(stamp.get(key)) for key in _BUILD},
        "findings": [
            {"text": one.short, "meaning": one.meaning, "view": one.view}
            for one in findings(connection)
            if one.count
        ],
        "missing": missing,
        "texts": texts.listed,
        "unseen": texts.unseen,
        "data": data,
    }


class _Texts:
    """Texts that repeat, each sent once."""

    def __init__(self) -> None:
        self.listed: list[str] = []
        # Of a text that is shown otherwise: its characters, for the SQL that has to name it.
        self.unseen: dict[str, list[int]] = {}
        self._numbers: dict[str, int] = {}

    def number(self, text: str | None) -> int | None:
        if text is None:
            return None
        found = self._numbers.get(text)
        if found is None:
            found = self._numbers[text] = len(self.listed)
            shown = visible(text)
            self.listed.append(shown)
            if shown != text:
                self.unseen[str(found)] = [ord(letter) for letter in text]
        return found


def _columns(connection: duckdb.DuckDBPyConnection, data_set: DataSet, texts: _Texts) -> dict[str, list[Any]]:
    cursor = connection.execute(data_set.sql)
    names = [column[0] for column in cursor.description or []]
    columns = list(zip(*cursor.fetchall(), strict=True)) or [()] * len(names)
    return {
        name: [texts.number(value) for value in column]
        if name in data_set.texts
        else [_plain(value) for value in column]
        for name, column in zip(names, columns, strict=True)
    }


def _plain(value: object) -> Any:  # noqa: ANN401 - a value of JSON
    if isinstance(value, float):
        return round(value, _CENTS)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    return visible(value) if isinstance(value, str) else value
