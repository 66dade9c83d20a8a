"""Six questions about the store, each with its SQL and a chart. How to run it: docs/notebook.md."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Agent Store")


@app.cell
def setup():
    from html import escape

    import altair as alt
    import marimo as mo

    from agent_store.errors import StoreError
    from agent_store.paths import store_paths
    from agent_store.store import open_store
    from agent_store.visible import visible

    def ask(sql, **parameters):
        """The rows of a query. The store is opened for this query only, so that each one reads the newest store."""
        with open_store(store_paths()) as connection:
            result = connection.execute(sql, parameters)
            names = [column[0] for column in result.description]
            rows = [
                {
                    name: visible(value) if isinstance(value, str) else value
                    for name, value in zip(names, row, strict=True)
                }
                for row in result.fetchall()
            ]
        return rows

    def data(rows):
        """Rows as a chart takes them. Dates become text: a browser would move them to its own time zone."""
        return alt.Data(
            values=[
                {
                    name: value.isoformat() if hasattr(value, "isoformat") else value
                    for name, value in row.items()
                }
                for row in rows
            ]
        )

    def table(rows):
        """Rows as a plain table. marimo's own would load the picture behind a title that is the address of one."""

        def line(kind, values):
            shown = (
                "" if value is None else f"{value:,.4f}" if isinstance(value, float) else f"{value}"
                for value in values
            )
            cells = (
                f'<{kind} style="padding-right: 1rem; text-align: left">{escape(one)}</{kind}>'
                for one in shown
            )
            return f"<tr>{''.join(cells)}</tr>"

        lines = [line("th", rows[0]), *(line("td", row.values()) for row in rows)]
        return mo.Html(
            f'<div style="max-height: 24rem; overflow: auto"><table>{"".join(lines)}</table></div>'
        )

    def shown(question, sql, rows, *charts):
        """A question with its charts, or what there is instead, and the SQL and the rows behind them."""
        nothing = mo.md("The store has no rows for this.")
        # The menu of a chart would offer to send its rows to a website.
        drawn = [chart.properties(usermeta={"embedOptions": {"actions": False}}) for chart in charts]
        return mo.vstack(
            [
                mo.md(f"## {question}"),
                *(drawn if rows else [nothing]),
                mo.accordion(
                    {
                        "SQL": mo.md(f"```sql\n{sql.strip()}\n```"),
                        f"Rows: {len(rows):,}": table(rows) if rows else nothing,
                    }
                ),
            ]
        )

    try:
        build = ask("select published_at, timezone from store_build")[0]
    except StoreError as error:
        if mo.app_meta().mode == "script":
            raise SystemExit(str(error)) from None
        mo.stop(True, mo.callout(mo.md(str(error)), kind="danger"))
    return alt, ask, build, data, mo, shown


@app.cell
def period(build, mo):
    last_days = mo.ui.dropdown(
        {"7 days": 7, "30 days": 30, "90 days": 90, "everything": None},
        value="everything",
        label="Days, counted back from the newest one",
    )
    mo.vstack(
        [
            mo.md(
                f"# Agent Store\n\nPublished {build['published_at']:%Y-%m-%d %H:%M} UTC. Days are those of "
                f"{build['timezone']}. Dollars are list prices: what the API would have charged."
            ),
            last_days,
        ]
    )
    return (last_days,)


@app.cell
def since_day(ask, last_days):
    # An archive answers too: days are counted from the newest one in the store, not from today.
    since = ask(
        "select max(usage_date) - cast($days - 1 as integer) as since from v_cost_daily", days=last_days.value
    )[0]["since"]
    return (since,)


@app.cell
def cost_per_day(alt, ask, data, shown, since):
    cost_per_day_sql = """
select usage_date, cause_group, sum(cost_usd) as cost_usd
from v_cost_cause
where usage_date is not null and is_within(usage_date, $since, null)
group by all
order by usage_date, cost_usd desc
"""
    cost_per_day = ask(cost_per_day_sql, since=since)
    _chart = (
        alt.Chart(data(cost_per_day), width="container", height=280)
        .mark_bar()
        .encode(
            x=alt.X("usage_date:T", title=None, timeUnit="utcyearmonthdate"),
            y=alt.Y("cost_usd:Q", title="US dollars"),
            color=alt.Color("cause_group:N", title="Cause"),
            tooltip=["usage_date:N", "cause_group:N", alt.Tooltip("cost_usd:Q", format="$,.2f")],
        )
    )
    shown("What did each day cost, and for what?", cost_per_day_sql, cost_per_day, _chart)
    return (cost_per_day,)


@app.cell
def causes(alt, ask, data, shown, since):
    causes_sql = """
select cause_group, cause_name, count(distinct session_id) as session_count, sum(cost_usd) as cost_usd
from v_cost_cause
where is_within(usage_date, $since, null)
group by all
order by cost_usd desc
limit 20
"""
    causes = ask(causes_sql, since=since)
    _chart = (
        alt.Chart(data(causes), width="container")
        .mark_bar()
        .encode(
            x=alt.X("cost_usd:Q", title="US dollars"),
            y=alt.Y("cause_name:N", title=None, sort="-x"),
            color=alt.Color("cause_group:N", title="Cause"),
            tooltip=[
                "cause_group:N",
                "cause_name:N",
                alt.Tooltip("cost_usd:Q", format="$,.2f"),
                "session_count:Q",
            ],
        )
    )
    shown("What caused the cost?", causes_sql, causes, _chart)
    return (causes,)


@app.cell
def sessions(alt, ask, data, shown, since):
    sessions_sql = """
select
    left(session_id, 8) as session,
    title,
    project_name,
    started_at,
    prompt_count,
    subagent_count,
    subagent_cost_usd,
    cost_usd
from v_session_report
where cost_usd > 0 and is_within(cast(started_local_at as date), $since, null)
order by cost_usd desc, session_id
limit 20
"""
    sessions = ask(sessions_sql, since=since)
    _chart = (
        alt.Chart(data(sessions), width="container")
        .mark_bar()
        .encode(
            x=alt.X("cost_usd:Q", title="US dollars"),
            y=alt.Y("session:N", title="agent-store report explain …", sort="-x"),
            color=alt.Color("project_name:N", title="Project"),
            tooltip=[
                "title:N",
                "project_name:N",
                "prompt_count:Q",
                alt.Tooltip("cost_usd:Q", format="$,.2f"),
            ],
        )
    )
    shown("Which sessions cost most?", sessions_sql, sessions, _chart)
    return (sessions,)


@app.cell
def cache_misses(alt, ask, data, shown):
    cache_misses_sql = """
select usage_month, replace(cause, '_', ' ') as cause, model_name, miss_count, missed_tokens, extra_cost_usd, suggestion
from v_cache_miss
order by usage_month, extra_cost_usd desc nulls last
"""
    cache_misses = ask(cache_misses_sql)
    _chart = (
        alt.Chart(data(cache_misses), width="container")
        .mark_bar()
        .encode(
            x=alt.X("sum(extra_cost_usd):Q", title="US dollars more than a cache read"),
            y=alt.Y("cause:N", title=None, sort="-x"),
            color=alt.Color("model_name:N", title="Model"),
            tooltip=[
                "cause:N",
                "model_name:N",
                "sum(miss_count):Q",
                alt.Tooltip("sum(extra_cost_usd):Q", format="$,.2f"),
            ],
        )
    )
    shown(
        "What did cache misses cost, and why did they happen? (all months)",
        cache_misses_sql,
        cache_misses,
        _chart,
    )
    return (cache_misses,)


@app.cell
def usage(alt, ask, data, shown):
    usage_sql = """
select
    used_name || ' (' || replace(usage_type, '_', ' ') || ')' as name,
    use_count,
    success_ratio,
    cost_usd as context_cost_usd,
    work_cost_usd,
    greatest(cost_usd, work_cost_usd) as cost_usd
from v_usage
where cost_usd > 0 or work_cost_usd > 0
order by cost_usd desc, name
limit 25
"""
    usage = ask(usage_sql)
    _chart = (
        alt.Chart(data(usage), width="container")
        .mark_bar()
        .encode(
            x=alt.X(
                "cost_usd:Q", title="US dollars: of the work done with it, or of carrying it in the context"
            ),
            y=alt.Y("name:N", title=None, sort="-x", axis=alt.Axis(labelLimit=260)),
            color=alt.Color(
                "success_ratio:Q",
                title="Went well",
                scale=alt.Scale(scheme="redyellowgreen", domain=[0, 1]),
                legend=alt.Legend(format="%"),
            ),
            tooltip=[
                "name:N",
                "use_count:Q",
                alt.Tooltip("success_ratio:Q", format=".0%"),
                alt.Tooltip("context_cost_usd:Q", format="$,.4f"),
                alt.Tooltip("work_cost_usd:Q", format="$,.2f"),
            ],
        )
    )
    shown("Which skills, tools and agents are worth their cost? (all time)", usage_sql, usage, _chart)
    return (usage,)


@app.cell
def outcomes(alt, ask, data, shown, since):
    outcomes_sql = """
with outcomes as (
    select
        date_trunc('week', usage_date) as week,
        unnest([
            {'outcome': 'went well', 'task_count': successful_task_count},
            {'outcome': 'went wrong', 'task_count': failed_task_count},
            {'outcome': 'not judged', 'task_count': task_count - successful_task_count - failed_task_count}
        ], recursive := true)
    from v_outcome_day
    where usage_date is not null and is_within(usage_date, $since, null)
)
select cast(week as date) as week, outcome, sum(task_count) as task_count
from outcomes
group by all
order by week, outcome
"""
    outcomes = ask(outcomes_sql, since=since)
    _tasks = (
        alt.Chart(data(outcomes), width="container", height=200)
        .mark_bar()
        .encode(
            x=alt.X("week:O", title="Week that begins on"),
            y=alt.Y("task_count:Q", title="Tasks"),
            color=alt.Color(
                "outcome:N",
                title="Outcome",
                scale=alt.Scale(
                    domain=["went well", "went wrong", "not judged"], range=["#2e7d32", "#c62828", "#9e9e9e"]
                ),
            ),
            tooltip=["week:N", "outcome:N", "task_count:Q"],
        )
    )
    checks_sql = """
select measured_date, metric_name, measured_by, project_name, run_count, passed_run_count, pass_ratio
from v_pass_rate_trend
where pass_ratio is not null and is_within(measured_date, $since, null)
order by measured_date, measured_by, project_name
"""
    checks = ask(checks_sql, since=since)
    _checks = (
        alt.Chart(data(checks), width="container", height=200)
        .mark_circle(opacity=0.7)
        .encode(
            x=alt.X("measured_date:T", title=None, timeUnit="utcyearmonthdate"),
            y=alt.Y("pass_ratio:Q", title="Runs of checks that passed", axis=alt.Axis(format="%")),
            size=alt.Size("run_count:Q", title="Runs"),
            color=alt.Color("measured_by:N", title="Check"),
            tooltip=[
                "measured_date:N",
                "measured_by:N",
                "project_name:N",
                "run_count:Q",
                "passed_run_count:Q",
            ],
        )
    )
    shown("How did it go?", f"{outcomes_sql};\n{checks_sql}", outcomes + checks, _tasks, _checks)
    return checks, outcomes


if __name__ == "__main__":
    app.run()
