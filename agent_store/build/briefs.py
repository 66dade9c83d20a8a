"""The briefs that hooks answer from: small files in `briefs/`, one per project and one for all, written at each
publish.

A hook has only milliseconds and opens no database. So its possible messages are decided here, from the published views,
and stored ready to print. Each line names its session and time.
"""

from __future__ import annotations

import csv
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_store.build import task_type_rules
from agent_store.build.state import project_variable, timezone
from agent_store.paths import FOLDER_MODE, StorePaths
from agent_store.record.hooks import session_start, task_type
from agent_store.record.hooks.calls import error_line
from agent_store.record.hooks.hook import ALL_PROJECTS, BRIEFS, COSTS, NOTES, md5, one_line
from agent_store.replacing import replacing
from agent_store.show import brief as resume
from agent_store.show.text import visible
from agent_store.store import open_store

if TYPE_CHECKING:
    import duckdb

Row = dict[str, Any]
SCHEMA_VERSION = 1
_NOTES_DAYS = 7
# Work handed out longer ago than this, counted from the newest session, is no longer offered.
_WORK_DAYS = 60
_WARNING_DAYS = 7
_MOST_FAILURES = 200
_MOST_TARGET = 2000
_MOST_LINE = resume.MOST_LINE
# When an older session is resumed, its cost of today cannot be told from the rest.
_SPENT_DAYS = 30
# Agents and projects whose cost is forecast, those that ran last; the others have the band of all.
_MOST_FORECASTS = 100
# A fan-out is warned of if it may cost this much, unless the var forecast_warn_usd of dbt_project.yml says otherwise.
_WARN_USD = 5.0
_PRICE_COLUMNS = {
    "above": "prompt_tokens_above",
    "input": "input_usd_per_mtok",
    "write_5m": "cache_write_5m_usd_per_mtok",
    "write_1h": "cache_write_1h_usd_per_mtok",
    "read": "cache_read_usd_per_mtok",
    "output": "output_usd_per_mtok",
    "us": "us_inference_multiplier",
    "batch": "batch_multiplier",
    "search": "web_search_usd",
}
_COMPONENT_TYPES = ("skill", "command")
_HEADING = "Agent Store: what earlier sessions in this project left behind. Quotations are from their logs. Times are UTC."

_FAILURES = """
select
    project_path, tool_name as tool, target, failure_count as count, last_error_text as error_text,
    session_id as session, strftime(last_failed_at, '%Y-%m-%d %H:%M') as "at", worked_target as worked
from v_repeated_failure
where length(target) < ?
qualify row_number() over (partition by project_path order by last_failed_at desc, target) <= ?
order by project_path, last_failed_at desc, target
"""
# Work that was handed out and never started. It suits teammates who have done such work before.
_WORK = """
with suited as (
    select capability_name as task_type, list(agent_name order by agent_rank, agent_name) as suits
    from v_best_agent
    where capability_type = 'task_type' and agent_type = 'team_member'
    group by capability_name
)
select
    sessions.project_path, work.work_id, work.work_type, work.description, work.session_id as session,
    strftime(work.created_at, '%Y-%m-%d %H:%M') as "at", coalesce(suited.suits, []) as suits
from dim_work_item as work
inner join dim_session as sessions on sessions.session_id = work.session_id
left join dim_task as tasks on tasks.task_id = work.task_id
left join suited on suited.task_type = tasks.task_type
where work.status = 'assigned' and work.description is not null and work.created_at is not null
    and work.created_at >= (select max(ended_at) from dim_session) - to_days(?)
order by sessions.project_path, work.created_at, work.work_id
"""
# A project hears only about servers that it uses; dependencies of components concern every project.
_DOWN = """
with users as (
    select distinct 'mcp_server:' || calls.mcp_server as dependency_name, sessions.project_path
    from fact_tool_invocation as calls
    inner join dim_session as sessions on sessions.session_id = calls.session_id
    where calls.mcp_server is not null
)
select
    users.project_path,
    health.dependency_name as target,
    health.dependency_name || ' is not available: it has not answered since '
    || coalesce(strftime(health.last_available_at, '%Y-%m-%d %H:%M'), 'it was first used or checked')
    || ' (last tried ' || strftime(health.last_failed_at, '%Y-%m-%d %H:%M') || ' UTC).' as text,
    strftime(health.last_failed_at + to_days(?), '%Y-%m-%d %H:%M') as until
from v_dependency_health as health
left join users on users.dependency_name = health.dependency_name
where health.status = 'down' and (users.project_path is not null or health.component_count > 0)
order by users.project_path, health.dependency_name
"""
# A project is known by its sessions, even if all of them have expired and only their costs are kept.
_PROJECTS = """
(
    select project_name, project_path from dim_session
    union
    select project_name, project_path from v_spending
) as projects
"""
_FOLDERS = f"select project_name, project_path from {_PROJECTS} where list_contains(?, project_name)"
_ALERTS = f"""
select distinct
    projects.project_path, alerts.alert_kind, alerts.alert_name, alerts.alert_name as target, alerts.status as level,
    alerts.message as text, epoch(alerts.ends_at) as ends_at, strftime(alerts.ends_at, '%Y-%m-%d %H:%M') as until
from v_alert as alerts
left join {_PROJECTS}
    on alerts.scope = 'project' and alerts.scope_value in (projects.project_name, projects.project_path)
where alerts.session_id is null and alerts.status in ('over', 'near')
    and (alerts.scope <> 'project' or projects.project_path is not null)
order by projects.project_path, alerts.alert_kind, alerts.alert_name
"""
# The base for live figures. Times are seconds since 1970; days begin in the user's zone.
_DAY = """
select
    epoch(timezone($zone, cast(usage_date as timestamp))) as starts_at,
    epoch(timezone($zone, cast(usage_date + 1 as timestamp))) as ends_at,
    'day' as period, coalesce(cost_usd, 0) as spent_usd
from v_cost_daily
where usage_date = (select max(usage_date) from v_cost_daily)
"""
_PERIODS = f"""
select
    alerts.alert_kind, alerts.alert_name, alerts.scope, alerts.scope_value, alerts.period, alerts.title,
    alerts.threshold_usd, alerts.near_ratio, alerts.spent_usd,
    epoch(timezone($zone, cast(alerts.period_start as timestamp))) as starts_at,
    epoch(alerts.ends_at) as ends_at,
    list(distinct projects.project_path order by projects.project_path)
        filter (where projects.project_path is not null) as folders
from v_alert as alerts
left join {_PROJECTS}
    on alerts.scope = 'project' and alerts.scope_value in (projects.project_name, projects.project_path)
where alerts.period <> 'session' and alerts.threshold_usd is not null
group by all
order by alerts.alert_kind, alerts.alert_name
"""
_WATCHED = f"""
select
    alerts.alert_kind, alerts.alert_name, alerts.scope, alerts.scope_value, alerts.title, alerts.threshold_usd,
    alerts.near_ratio,
    list(distinct projects.project_path order by projects.project_path)
        filter (where projects.project_path is not null) as folders
from dim_alert as alerts
left join {_PROJECTS}
    on alerts.scope = 'project' and alerts.scope_value in (projects.project_name, projects.project_path)
where alerts.period = 'session' and alerts.scope <> 'agent'
group by all
order by alerts.alert_kind, alerts.alert_name
"""
# Everything a session has spent, as `v_alert` counts it, including the part before it expired if it was resumed later.
_SPENT = """
select sessions.session_id, coalesce(sum(days.cost_usd), 0) as spent_usd
from dim_session as sessions
left join v_spending as days on days.session_id = sessions.session_id
where sessions.ended_at >= (select max(ended_at) from dim_session) - to_days(?)
group by sessions.session_id
order by sessions.session_id
"""
_MODELS = """
select distinct inferences.model_raw, models.model_name
from fact_inference as inferences
inner join dim_model as models on models.model_id = inferences.model_id
where inferences.model_raw is not null and inferences.model_raw <> models.model_name
order by inferences.model_raw, models.model_name
"""
_ADVICE = """
select task_type, strategy_name, advice
from v_strategy_advice
where advice_kind = 'prefer' and task_source = 'prompt'
qualify row_number() over (partition by task_type order by advice_order) = 1
order by task_type
"""
# What a run should cost of each agent or of the workflows of each project; under no name, that of any.
_FORECASTS = """
select coalesce(agent_name, project_name, '') as band_of, low_usd, median_usd, high_usd, low_tokens, median_tokens,
    high_tokens, past_count, similar_count
from forecast((
    select list({
        'work_kind': $kind, 'work_count': 1, 'agent_name': if($kind = 'agent_run', name, null), 'model_name': null,
        'task_type': null, 'project_name': if($kind = 'workflow_run', name, null), 'session_id': null
    } order by name)
    from (
        (
            select if(work_kind = 'agent_run', agent_name, project_name) as name
            from v_work_cost
            where work_kind = $kind and name is not null
            group by name order by max(started_at) desc nulls last, name limit $most
        )
        union all
        select null
    )
))
where request_number > 0 and low_usd is not null
order by band_of
"""


def write(paths: StorePaths, project: Path) -> int:
    """Write changed files, remove files that have become empty; return the number of files."""
    folder = paths.home / BRIEFS
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    with open_store(paths) as connection:
        per_project, of_all = _contents(connection, project)
        costs = _costs(connection, project)
    wanted = {f"{md5(os.path.realpath(path))}.json": _json(brief) for path, brief in per_project.items()}
    wanted[ALL_PROJECTS] = _json(of_all)
    wanted[Path(COSTS).name] = _json(costs)
    for name, content in wanted.items():
        _replace(folder / name, content)
    for file in folder.glob("*.json"):
        if file.name not in wanted:
            file.unlink(missing_ok=True)
    rules = folder / task_type.file_name()
    if of_all["advice"] and task_type_rules.known_key(rules) != task_type_rules.key(project):
        _replace(rules, task_type_rules.compiled(project))
    _forget_notes(folder / NOTES)
    return len(wanted)


def _contents(connection: duckdb.DuckDBPyConnection, project: Path) -> tuple[dict[str, Row], Row]:
    """The content per project, and the content for all projects."""
    per_project: dict[str, Row] = defaultdict(lambda: {"schema_version": SCHEMA_VERSION})
    for path, lines in _by_project(_lines(connection)).items():
        per_project[path]["context"] = context(lines)
    for path, rows in _by_project(_rows(connection, _FAILURES, _MOST_TARGET, _MOST_FAILURES)).items():
        per_project[path]["failures"] = [
            {**_without(row, "error_text"), "error": visible(error_line(row["error_text"]))} for row in rows
        ]
    for path, rows in _by_project(_rows(connection, _WORK, _WORK_DAYS)).items():
        described = [
            {**row, "description": one_line(visible(row["description"]), _MOST_LINE)} for row in rows
        ]
        per_project[path]["open_work"] = described
    workflow_bands = _bands(connection, "workflow_run")
    for row in _rows(connection, _FOLDERS, list(workflow_bands)):
        per_project[row["project_path"]]["workflow_band"] = workflow_bands[row["project_name"]]
    of_all: Row = {
        "schema_version": SCHEMA_VERSION,
        "characters_per_token": project_variable(project, "characters_per_token"),
        "budgets": _budgets(project),
        "advice": [{**row, "advice": visible(row["advice"])} for row in _rows(connection, _ADVICE)],
        "forecasts": _forecasts(connection, project, workflow_bands.get("")),
        "warnings": [],
    }
    for warning_type, query, parameters in (
        ("unavailable_dependency", _DOWN, [_WARNING_DAYS]),
        ("cost_alert", _ALERTS, []),
    ):
        for row in _rows(connection, query, *parameters):
            warning = {
                "warning_type": warning_type,
                **_without(row, "project_path"),
                "text": one_line(visible(row["text"]), _MOST_LINE),
            }
            if row["project_path"] is None:
                of_all["warnings"].append(warning)
            else:
                per_project[row["project_path"]].setdefault("warnings", []).append(warning)
    return {path: {"project_path": path, **brief} for path, brief in per_project.items()}, of_all


def _forecasts(connection: duckdb.DuckDBPyConnection, project: Path, workflow_band: Row | None) -> Row:
    """The bands by agent, that of any workflow, and from which sum on a fan-out is worth a warning."""
    warn_usd = project_variable(project, "forecast_warn_usd")
    return {
        "bands": _bands(connection, "agent_run"),
        "workflow_band": workflow_band,
        "warn_usd": _WARN_USD if warn_usd is None else warn_usd,
    }


def _bands(connection: duckdb.DuckDBPyConnection, kind: str) -> Row:
    rows = _rows(connection, _FORECASTS, kind=kind, most=_MOST_FORECASTS)
    return {row["band_of"]: {name: _rounded(row[name]) for name in row if name != "band_of"} for row in rows}


def _rounded(value: float | None) -> float | None:
    return round(value, 6) if isinstance(value, float) else value


def _costs(connection: duckdb.DuckDBPyConnection, project: Path) -> Row:
    """The figures from which alerts and the status line continue where the store ends."""
    zone = timezone(project)
    spent = _rows(connection, _SPENT, _SPENT_DAYS)
    return {
        "schema_version": SCHEMA_VERSION,
        "day": next(iter(_rows(connection, _DAY, zone=zone)), {}),
        "sessions": {row["session_id"]: round(row["spent_usd"], 6) for row in spent},
        "periods": [_said(row) for row in _rows(connection, _PERIODS, zone=zone)],
        "sessions_watched": [_said(row) for row in _rows(connection, _WATCHED)],
        "prices": prices(project),
        "model_names": {row["model_raw"]: row["model_name"] for row in _rows(connection, _MODELS)},
    }


def _said(alert: Row) -> Row:
    # Hooks know folders by their real paths.
    folders = [os.path.realpath(path) for path in alert["folders"] or []]
    return {**alert, "folders": folders, "title": one_line(visible(alert["title"]), _MOST_LINE)}


def prices(project: Path) -> dict[str, list[Row]]:
    """The seed of prices by model, in US dollars per million tokens."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in seed_rows(project, "model_prices"):
        price: Row = {"speed": row["speed"], "from": row["valid_from"], "to": row["valid_to"]}
        for key, column in _PRICE_COLUMNS.items():
            price[key] = float(row[column] or 0)
        # The default from `int_inference`, used if a row leaves it out.
        price["write_1h"] = price["write_1h"] or 2 * price["input"]
        found[row["model_name"]].append(price)
    return found


def context(lines: Sequence[Mapping[str, Any]]) -> str:
    """The brief of a project as the model reads it: lines in section order, as many as fit."""
    text = _HEADING
    for line in resume.in_order(lines):
        said = f"\n- {resume.text(line)}"
        if len(text) + len(said) <= session_start.MOST_CHARACTERS:
            text += said
    return text


def _lines(connection: duckdb.DuckDBPyConnection) -> list[Row]:
    """The lines of all briefs; none if the store is of an earlier version, without this view."""
    import duckdb

    try:
        return resume.lines(connection)
    except duckdb.CatalogException:
        return []


def _budgets(project: Path) -> dict[str, int]:
    """The token budgets of components that a person or a model can load."""
    return {
        row["component_type"]: int(row["limit_tokens"])
        for row in seed_rows(project, "component_budgets")
        if row["component_type"] in _COMPONENT_TYPES
    }


def seed_rows(project: Path, name: str) -> list[dict[str, str]]:
    """The rows of a seed file, unchanged; none if there is no file."""
    seed = project / "seeds" / f"{name}.csv"
    if not seed.exists():
        return []
    with seed.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _rows(connection: duckdb.DuckDBPyConnection, query: str, *parameters: object, **named: object) -> list[Row]:
    """The rows of a query; none if the store is of an earlier version and lacks a table or column that it reads."""
    import duckdb

    try:
        found = connection.execute(query, named or list(parameters))
    except duckdb.CatalogException:
        return []
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _by_project(rows: Iterable[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["project_path"]:
            grouped[row["project_path"]].append(_without(row, "project_path"))
    return grouped


def _without(row: Row, name: str) -> Row:
    return {key: value for key, value in row.items() if key != name}


def _json(value: Row) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()


def _replace(file: Path, content: bytes) -> None:
    """Replace the file atomically if its content differs: a hook reads either the old file or the new one."""
    if file.exists() and file.read_bytes() == content:
        return
    with replacing(file) as fresh:
        fresh.write_bytes(content)


def _forget_notes(folder: Path) -> None:
    """Remove the notes of hooks for sessions that have been idle for a week."""
    oldest = time.time() - _NOTES_DAYS * 86400
    for file in folder.glob("*"):
        if file.stat().st_mtime < oldest:
            file.unlink(missing_ok=True)
