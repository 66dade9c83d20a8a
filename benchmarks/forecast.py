"""How good forecasts would have been: each piece of work of a store is forecast from what ended before it began.

    python -m benchmarks.forecast --home ~/.agent-store

Prints, for sessions, runs of agents, fan-outs and the rest of each month, the share of outcomes inside the 80 % band and
its width (the upper end divided by the lower one, as a geometric mean, and the mean difference in dollars), beside a naive
forecast: that of all work of its kind, whatever agent, model or project; for a month, the pace of the last thirty days.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
import duckdb

from agent_store.paths import StorePaths, store_paths
from agent_store.store import open_store

# The first forecast comes after so many pieces of work, or days.
_KNOWN_FIRST = 20
_FIELDS = ("work_kind", "work_count", "agent_name", "model_name", "task_type", "project_name", "session_id")
_WORK = """
select work_kind, agent_name, model_name, task_type, project_name, started_at, cost_usd, 1 as work_count
from v_work_cost where work_kind = ? and cost_usd > 0 and started_at is not null order by started_at, work_id
"""
# Runs of one type that one session started within a minute of each other.
_FAN_OUTS = """
select 'agent_run' as work_kind, agent_name, null as model_name, null as task_type,
    any_value(project_name) as project_name, min(started_at) as started_at, sum(cost_usd) as cost_usd,
    count(*) as work_count
from (
    select *, sum(cast(is_first as integer)) over (partition by session_id, agent_name order by started_at) as fan_out
    from (
        select *, coalesce(started_at - lag(started_at) over (partition by session_id, agent_name order by started_at)
            > interval 1 minute, true) as is_first
        from v_work_cost where work_kind = 'agent_run' and cost_usd > 0 and started_at is not null
    )
)
group by session_id, agent_name, fan_out having count(*) > 1 order by min(started_at)
"""
_DAYS = """
select usage_date, coalesce(sum(cost_usd), 0) from v_cost where kind = 'session' and usage_date is not null group by 1
"""

Band = tuple[float, float, float]


def rows(store: duckdb.DuckDBPyConnection, query: str, *parameters: object) -> list[dict[str, Any]]:
    """The rows of a query, as dicts."""
    found = store.execute(query, list(parameters))
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def forecaster(store: duckdb.DuckDBPyConnection, *, is_naive: bool) -> Callable[[dict[str, Any]], Band | None]:
    """A function that forecasts a piece of work from what ended before it."""

    def band(work: dict[str, Any]) -> Band | None:
        kept = _FIELDS[:2] if is_naive else _FIELDS
        request = {name: work.get(name) if name in kept else None for name in _FIELDS}
        (found,) = rows(store, "from forecast([?], as_of := ?)", request, work["started_at"])
        return None if found["low_usd"] is None else (found["low_usd"], found["high_usd"], work["cost_usd"])

    return band


def summary(bands: Iterable[Band | None]) -> str:
    """Coverage and width of bands with their outcomes."""
    known = [band for band in bands if band is not None]
    if not known:
        return "too little to tell"
    inside = sum(low <= cost <= high for low, high, cost in known)
    dollars = sum(high - low for low, high, _ in known) / len(known)
    # A month may cost nothing: there is no ratio then.
    ratios = [math.log(high / low) for low, high, _ in known if low > 0]
    width = f"× {math.exp(sum(ratios) / len(ratios)):,.1f}, " if ratios else ""
    return f"{100 * inside / len(known):5.1f} % of {len(known):,}, width {width}${dollars:,.2f}"


def months(store: duckdb.DuckDBPyConnection) -> tuple[list[Band], float, float]:
    """Bands of the rest of each month from each of its days, and the mean errors in US dollars of median and pace."""
    costs = dict(store.execute(_DAYS).fetchall())
    first, last = min(costs), max(costs)
    bands, errors, naive = [], [], []
    day = first + datetime.timedelta(days=_KNOWN_FIRST)
    while day <= last:
        (found,) = rows(store, "from forecast_month(?)", day)
        end = found["month_started_on"].replace(day=28) + datetime.timedelta(days=4)
        end -= datetime.timedelta(days=end.day)
        if found["low_usd"] is not None and end <= last:
            cost = sum(one for at, one in costs.items() if found["month_started_on"] <= at <= end)
            bands.append((found["low_usd"], found["high_usd"], cost))
            errors.append(abs(found["median_usd"] - cost))
            naive.append(abs((found["pace_usd"] or 0) - cost))
        day += datetime.timedelta(days=1)
    return bands, sum(errors) / max(len(errors), 1), sum(naive) / max(len(naive), 1)


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.option("--home", type=click.Path(path_type=Path), help="The home of the store; by default your own.")
def main(home: Path | None) -> None:
    """Print the table."""
    with open_store(StorePaths(home) if home else store_paths()) as store:
        kinds = {
            "sessions": rows(store, _WORK, "session"),
            "runs of agents": rows(store, _WORK, "agent_run"),
            "fan-outs": rows(store, _FAN_OUTS),
        }
        for name, work in kinds.items():
            for is_naive in (False, True):
                bands = map(forecaster(store, is_naive=is_naive), work)
                click.echo(f"{name:15} {'naive' if is_naive else '':6} {summary(bands)}")
        of_months, error, naive = months(store)
        click.echo(
            f"{'months':15} {'':6} {summary(of_months)}; mean error ${error:,.2f}, at the pace of thirty days ${naive:,.2f}"
        )


if __name__ == "__main__":
    main()
