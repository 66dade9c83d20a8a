"""`agent-store pr`: what a branch or a pull request cost, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from agent_store.errors import StoreError
from agent_store.show.budget import cell
from agent_store.show.words import cost_cell

if TYPE_CHECKING:
    import duckdb

_HOUR, _MINUTE = 3600, 60
_COLUMNS: Final = """
    git_branch, first_called_at, last_called_at, model_names, session_count, response_count, total_tokens, output_tokens,
    unpriced_response_count, active_seconds, cost_usd
"""
_BRANCH: Final = f"""
    select null as pr_url, null as provenance, {_COLUMNS}
    from v_cost_by_branch
    where project_name = ? and git_branch = ?
"""
_BRANCHES: Final = """
    select git_branch
    from v_cost_by_branch
    where project_name = ? and git_branch <> 'none'
    order by last_called_at desc nulls last, git_branch
    limit 5
"""
_PULL_REQUEST: Final = f"""
    select pr_url, provenance, {_COLUMNS}
    from v_cost_by_pr
    where pr_url = $1 or ends_with(pr_url, concat('/', ltrim($1, '#'))) and regexp_full_match($1, '#?[0-9]+')
    order by pr_url
"""


def ask_branch(connection: duckdb.DuckDBPyConnection, project: str, branch: str) -> dict[str, Any]:
    """The row of a branch of a project. Raises StoreError if the store has none."""
    rows = _rows(connection, _BRANCH, [project, branch])
    if rows:
        return rows[0]
    others = [str(name) for (name,) in connection.execute(_BRANCHES, [project]).fetchall()]
    hint = f"Its last ones are: {', '.join(others)}" if others else "See which there are: agent-store report --by branch"
    raise StoreError(f"The store has no call on the branch {branch!r} of {project}.", hint)


def ask_pull_request(connection: duckdb.DuckDBPyConnection, given: str) -> dict[str, Any]:
    """The row of a pull request, by its URL or its number. Raises StoreError if there is none, or if there are several."""
    rows = _rows(connection, _PULL_REQUEST, [given])
    if len(rows) == 1:
        return rows[0]
    if rows:
        raise StoreError(
            f"{len(rows)} pull requests are called {given}.",
            f"Give its URL: {', '.join(row['pr_url'] for row in rows[:5])}",
        )
    raise StoreError(
        f"No session names the pull request {given}.",
        'See which there are: agent-store query "select pr_url, git_branch, cost_usd from v_cost_by_pr"',
    )


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any]) -> list[dict[str, Any]]:
    found = connection.execute(sql, parameters)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def markdown(row: Mapping[str, Any]) -> str:
    """The row as Markdown."""
    title = row["pr_url"] or f"branch {cell(row['git_branch'])}"
    first, last = row["first_called_at"], row["last_called_at"]
    days = f"{first:%Y-%m-%d} to {last:%Y-%m-%d}" if first and last else "not known"
    cells = [
        ("cost", cost_cell(row["cost_usd"], row["unpriced_response_count"])),
        ("tokens", f"{row['total_tokens']:,} ({row['output_tokens']:,} output)"),
        ("sessions", f"{row['session_count']:,}"),
        ("responses", f"{row['response_count']:,}"),
        ("models", ", ".join(cell(name) for name in row["model_names"] or ()) or "not known"),
        ("time at work", _duration(row["active_seconds"])),
        ("days", days),
    ]
    table = [f"| {name} | {value} |" for name, value in cells]
    return "\n".join([f"### Agent work for {title}", "", "| | |", "|---|--:|", *table, "", _basis(row)])


def _basis(row: Mapping[str, Any]) -> str:
    responses, sessions = f"{row['response_count']:,} API responses", f"{row['session_count']:,} sessions"
    said = f"From {responses} in {sessions} on this machine, at list prices"
    said += (
        ": the calls on its branch, and those of its sessions up to it (a rule)."
        if row["pr_url"]
        else ": the calls made while the branch was checked out."
    )
    if row["unpriced_response_count"]:
        said += f" \\* {row['unpriced_response_count']:,} responses of a model without a price count as 0."
    return f"{said} Time at work leaves out long pauses. Days are UTC."


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "not known"
    minutes = round(seconds / _MINUTE)
    return f"{minutes // _MINUTE} h {minutes % _MINUTE:02} min" if seconds >= _HOUR else f"{minutes} min"
