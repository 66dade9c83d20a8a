"""Did a change help? Calibration of `v_change_effect` on generated tasks whose truth is known.

Each generated change has sessions before and after it; tasks of a session share a project, a model and luck. The SQL is that of the
models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb
import jinja2
import pytest
import yaml
from conftest import PROJECT

CHANGES = 1000
MODELS = {
    "fact_change_estimate": "marts/star/dependencies/fact_change_estimate.sql",
    "v_change_effect": "marts/answers/improvement/v_change_effect.sql",
}
MEASURES = ("success", "cost_usd", "duration_seconds", "corrections")
# One of ten changes without effect; with a thousand changes the share found is within 0.02 of it.
MOST_FALSE = 0.12


@cache
def models() -> dict[str, str]:
    """The SQL of the models, on tables of the same names."""
    variables = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)
    macros = (PROJECT / "macros" / "counting" / "t_quantile.sql").read_text(encoding="utf-8")
    return {
        name: environment.from_string(
            macros + (PROJECT / "models" / path).read_text(encoding="utf-8"),
            globals={"ref": lambda name: name, "var": variables.get},
        ).render()
        for name, path in MODELS.items()
    }


@dataclass(frozen=True)
class World:
    """What is true of the generated tasks."""

    # On each side of a change.
    sessions: int = 20
    tasks: int = 3
    projects: int = 4
    success: float = 0.6
    corrections: float = 0.3
    # The luck that tasks of a session share; 1 is as much as what each has on its own.
    shared: float = 0.3
    # What the change does: points of success, and a factor of cost, time and corrections.
    gain: float = 0.0
    factor: float = 1.0
    # Four of five sessions after the change have hard tasks, one of five before.
    is_confounded: bool = False

    @property
    def sql(self) -> str:
        """The tasks."""
        normal = "sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())"
        hard = "case when is_after then 0.8 else 0.2 end" if self.is_confounded else "0.5"
        is_harder = "is_hard" if self.is_confounded else "false"
        return f"""
        with sides as materialized (
            select c.range as change, s.range as session, s.range % 2 = 1 as is_after
            from range({CHANGES}) as c, range({2 * self.sessions}) as s
        ),
        sessions as materialized (
            select
                *, random() < {hard} as is_hard, cast(floor(random() * {self.projects}) as integer) as project,
                {self.shared} * {normal} as luck
            from sides
        ),
        tasks as materialized (
            select
                sessions.*, random() as success_draw, {normal} as cost_draw, {normal} as time_draw, random() as correction_draw,
                random() as second_draw
            from sessions, range({self.tasks})
        )
        select
            cast(change as varchar) as change_id,
            cast(row_number() over () as varchar) as trial_id,
            concat(change, '-', session) as session_id,
            is_after,
            cast(project as varchar) as project_path,
            if(is_hard, 'hard', 'easy') as task_type,
            'model' as model_id,
            success_draw < least(greatest(
                {self.success} - if({is_harder}, 0.4, 0) + 0.3 * luck + if(is_after, {self.gain}, 0), 0), 1) as success,
            exp(cost_draw + luck + if({is_harder}, 1.5, 0) + if(is_after, ln({self.factor}), 0)) as cost_usd,
            cast(round(60 * exp(1.2 * time_draw + luck + if({is_harder}, 1.5, 0) + if(is_after, ln({self.factor}), 0)))
                as bigint) as duration_seconds,
            cast(if(correction_draw < {self.corrections} * if(is_after, {self.factor}, 1), if(second_draw < 0.3, 2, 1), 0)
                as bigint) as correction_count
        from tasks
        """


def compared(tasks: str) -> duckdb.DuckDBPyConnection:
    """The effects of generated changes."""
    connection = duckdb.connect()
    connection.execute("set threads = 1")
    connection.execute("select setseed(0.25)")
    connection.execute(f"create table fact_change_task as {tasks}")
    connection.execute(
        "create table dim_component_change as select distinct change_id, change_id as component_id, "
        "timestamp '2026-03-01' as changed_at, 'skill' as component_name, 'skill' as component_type, 'a' as version_before, "
        "'b' as version_after, 'transcript' as change_basis, 'observed, before and after' as evidence from fact_change_task"
    )
    for name, sql in models().items():
        connection.execute(f"create table {name} as {sql}")
    return connection


def shares(connection: duckdb.DuckDBPyConnection, truth: Mapping[str, float]) -> dict[str, tuple[float, float, float]]:
    """By measure: the share of changes said to have helped, to have hurt, and of intervals that cover the truth."""
    return {
        measure: connection.execute(
            "select avg(cast(verdict = 'helped' as integer)), avg(cast(verdict = 'hurt' as integer)), "
            "avg(cast(difference_low <= $truth and difference_high >= $truth as integer)) "
            "from v_change_effect where measure = $measure",
            {"truth": value, "measure": measure},
        ).fetchall()[0]
        for measure, value in truth.items()
    }


NOTHING = {"success": 0.0, "cost_usd": 1.0, "duration_seconds": 1.0, "corrections": 0.0}


@pytest.mark.parametrize(
    "world",
    [
        World(),
        World(sessions=12, tasks=1, projects=1),
        World(sessions=8, tasks=2),
        World(sessions=40, projects=10),
        World(sessions=20, tasks=1, success=0.95, corrections=0.03),
        World(sessions=15, tasks=6, shared=1.0),
        World(sessions=40, tasks=2, is_confounded=True),
    ],
    ids=["usual", "few", "fewest", "many_strata", "rare", "alike_in_sessions", "confounded"],
)  # fmt: skip
def test_of_changes_without_effect_at_most_one_in_ten_gets_a_verdict(world: World) -> None:
    with compared(world.sql) as connection:
        for measure, (helped, hurt, covered) in shares(connection, NOTHING).items():
            assert helped + hurt <= MOST_FALSE, measure
            assert covered >= 1 - MOST_FALSE, measure


def test_the_interval_covers_a_true_effect_nine_times_of_ten() -> None:
    with compared(World(sessions=30, tasks=2, gain=0.2, factor=0.7).sql) as connection:
        truth = {"success": 0.2, "cost_usd": 0.7, "duration_seconds": 0.7, "corrections": 1.3 * 0.3 * -0.3}
        for measure, (helped, hurt, covered) in shares(connection, truth).items():
            assert 0.86 <= covered <= 0.94, measure
            assert hurt < 0.01 < helped, measure


def test_strata_undo_what_other_tasks_after_a_change_would_pretend() -> None:
    with compared(World(sessions=40, tasks=2, is_confounded=True).sql) as connection:
        plain = connection.execute(
            "select avg(cast(success as integer)) filter (where is_after) - avg(cast(success as integer)) "
            "filter (where not is_after), exp(avg(ln(cost_usd)) filter (where is_after) - avg(ln(cost_usd)) "
            "filter (where not is_after)) from fact_change_task"
        ).fetchall()[0]
        assert plain[0] < -0.2
        assert plain[1] > 2
        found = dict(connection.execute("select measure, median(difference) from v_change_effect group by measure").fetchall())
        assert abs(found["success"]) < 0.02
        assert 0.95 < found["cost_usd"] < 1.05


def test_as_many_tasks_as_needed_show_the_smallest_effect_four_times_of_five() -> None:
    world = World(sessions=120, tasks=1, projects=1, shared=0.0)
    with compared(world.sql) as connection:
        needed: Any = connection.execute(
            "select cast(median(needed_count) as integer) from v_change_effect where measure = 'cost_usd'"
        ).fetchall()[0][0]
    # One variance: two sides, (1.645 + 0.842) squared, over the square of ln 1.2.
    assert needed == pytest.approx(2 * 6.183 / 0.18232**2, rel=0.06)
    with compared(World(sessions=needed, tasks=1, projects=1, shared=0.0, factor=1 / 1.2).sql) as connection:
        helped, _, _ = shares(connection, {"cost_usd": 1 / 1.2})["cost_usd"]
        assert 0.75 <= helped <= 0.86


def rows(*sides: tuple[bool, int, int, bool]) -> str:
    """Tasks by hand: after the change, sessions, tasks of each, success."""
    return " union all ".join(
        "select 'one' as change_id, "
        f"concat('{number}', s.range, '-', t.range) as trial_id, concat('{number}-', s.range) as session_id, "
        f"{is_after} as is_after, 'p' as project_path, 'debug' as task_type, 'm' as model_id, {success} as success, "
        "1.0 as cost_usd, 60 as duration_seconds, 0 as correction_count "
        f"from range({sessions}) as s, range({tasks}) as t"
        for number, (is_after, sessions, tasks, success) in enumerate(sides)
    )


def effect(tasks: str, measure: str = "success") -> dict[str, Any]:
    """The row of a measure."""
    with compared(tasks) as connection:
        found = connection.execute("select * from v_change_effect where measure = ?", [measure])
        names = [column[0] for column in found.description]
        return dict(zip(names, found.fetchall()[0], strict=True))


def test_tasks_that_all_ended_alike_leave_room_for_one_that_does_not() -> None:
    same = effect(rows((False, 12, 1, True), (True, 12, 1, True)))
    assert same["verdict"] == "not enough to tell"
    assert same["difference"] == 0
    assert same["difference_low"] < -0.1 < 0.1 < same["difference_high"]
    turned = effect(rows((False, 12, 1, False), (True, 12, 1, True)))
    assert (turned["verdict"], turned["difference"], turned["difference_high"]) == ("helped", 1, 1)
    assert 0.7 < turned["difference_low"] < 1
    assert effect(rows((False, 12, 1, True), (True, 12, 1, False)))["verdict"] == "hurt"
    # Nobody was corrected: that says little about the next one.
    assert effect(rows((False, 12, 1, True), (True, 12, 1, True)), "corrections")["difference_high"] > 0


def test_one_session_with_many_tasks_tells_nothing() -> None:
    one = effect(rows((False, 1, 40, False), (True, 12, 1, True)))
    assert (one["verdict"], one["before_count"], one["before_session_count"]) == ("not enough to tell", 40, 1)
    assert one["difference_low"] is None
    four = effect(rows((False, 4, 10, False), (True, 12, 1, True)))
    assert four["difference_low"] > 0
    assert four["verdict"] == "not enough to tell"


def test_few_tasks_show_no_difference_but_how_many_it_takes() -> None:
    few = effect(rows((False, 4, 1, False), (True, 12, 1, True)))
    assert few["verdict"] == "not enough to tell"
    assert few["difference"] is few["difference_low"] is few["before_mean"] is None
    assert few["before_count"] == 4
    assert few["needed_count"] > 100
