"""The reports from the ledger: their numbers, the picture, and that they fit."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner
from rich.console import Console

from agent_store import cli
from agent_store.build import publish
from agent_store.cli.report import By
from agent_store.errors import StoreError
from agent_store.show import ledger, suggestions
from agent_store.show.report import Scope
from agent_store.show.values import plain

MACROS = Path(publish.__file__).with_name("sql_macros") / "cost.sql"
SESSION, OTHER = "5e12-a", "5e34-b"
LONG = "/home/dev/a-project-with-a-very-long-name/src/some/folder/of/many/deep/inside/module_name.py"

# The views that the reports read, made of a handful of calls.
TABLES = """
    create table dim_session as select * from (values
        ('5e12-a', 'First [b]session', 'shop'), ('5e34-b', null, 'shop')
    ) as t (session_id, title, project_name);
    create table calls (
        call_id varchar, session_id varchar, agent_name varchar, agent_type varchar, called_at timestamp, tokens bigint,
        cost_usd double, is_priced boolean, git_branch varchar);
    create table usage (
        call_id varchar, session_id varchar, component_type varchar, component_name varchar, part_rank integer,
        measured_at timestamp, tokens bigint, cost_usd double);
    create table skill_runs as select * from (values
        ('shop:release', timestamp '2026-03-02 09:59', 150e-2), ('shop:release', timestamp '2026-03-01 09:59', 50e-2),
        ('heavy:work', timestamp '2026-03-01 09:59', 300e-2)
    ) as t (skill_name, invoked_at, work_cost_usd);
    create table misses as select * from (values
        ('5e12-a', 'c3', timestamp '2026-03-02 10:00', 'expired_1h', 'Compact before a pause', 5400.0, 9000, 75e-2,
         'p/5e12-a.jsonl', 31)
    ) as t (session_id, call_id, missed_at, cause, suggestion, gap_seconds, missed_tokens, extra_cost_usd, _source_path,
        _source_line);

    create view v_cost as
        with costs as (
            select kinds.*, c.session_id, c.called_at as billed_at, 1 as request_count,
                c.tokens as cache_read_tokens, 100 as output_tokens, c.tokens + 100 as total_tokens,
                (not c.is_priced)::integer as unpriced_response_count,
                c.cost_usd
            from calls as c
            inner join dim_session as s using (session_id)
            cross join lateral (values
                ('session', c.session_id, s.title), ('model', 'claude-opus-5', 'anthropic'),
                ('branch', coalesce(nullif(c.git_branch, 'HEAD'), 'none'), 'shop'), ('task-type', 'implement', null),
                ('agent', case c.agent_type when 'main' then 'main agent' else c.agent_name end, c.agent_type)
            ) as kinds (kind, name, detail)
            union all by name
            select kinds.*, u.session_id, u.measured_at as billed_at, 1 as request_count, 1 as invocation_count,
                u.tokens as total_tokens,
                0 as output_tokens, 0 as unpriced_response_count, u.cost_usd
            from usage as u
            cross join lateral (values
                ('component', component_name, component_type),
                (case component_type when 'tool' then 'tool' when 'skill' then 'skill' end, component_name, null),
                (case component_name when 'mcp__issues__find' then 'mcp' end, 'issues', null),
                (case component_type when 'skill' then 'plugin' end, 'shop', null)
            ) as kinds (kind, name, detail)
            where kinds.kind is not null
            union all by name
            select 'skill' as kind, skill_name as name, '5e12-a' as session_id, invoked_at as billed_at,
                0 as request_count, 1 as invocation_count, 0 as total_tokens, 0 as output_tokens,
                0 as unpriced_response_count, work_cost_usd
            from skill_runs
            union all by name
            select 'file' as kind, '{LONG}' as name, '5e12-a' as session_id, timestamp '2026-03-01 10:01' as billed_at,
                1 as request_count, 0 as invocation_count, 6000 as total_tokens, 0 as output_tokens,
                0 as unpriced_response_count, 75e-2 as cost_usd
        )
        select
            costs.*, billed_at::date as usage_date, billed_at as first_called_at, 'shop' as project_name,
            '/home/dev/shop' as project_path,
            0 as uncached_input_tokens, 0 as cache_write_5m_tokens, 0 as cache_write_1h_tokens,
            (costs.kind = 'session' and billed_at = timestamp '2026-03-02 10:00')::integer as cache_miss_count,
            0 as missed_tokens, 0e0 as rebilled_cost_usd,
            case when cache_miss_count > 0 then 75e-2 else 0 end as miss_extra_cost_usd,
            0e0 as cache_saved_usd
        from costs;

    create view v_context_growth as
        select
            c.session_id, c.call_id, c.called_at, c.request_number, c.tokens as context_tokens, c.is_peak,
            c.call_id = 'c3' as follows_compaction, u.part_rank, u.tokens, u.tokens as band_tokens,
            u.tokens / c.tokens as band_ratio,
            case u.component_type when 'tool' then 'tool ' else '' end || replace(u.component_name, '_', ' ') as part_name,
            part_name as band_name
        from (
            select *, row_number() over (partition by session_id order by called_at) as request_number,
                row_number() over (partition by session_id order by tokens desc) = 1 as is_peak
            from calls where agent_type = 'main'
        ) as c
        inner join usage as u on u.call_id = c.call_id;
    create view v_cost_cause as
        select measured_at::date as usage_date, session_id, 'Conversation' as cause_group, cost_usd,
            0e0 as estimated_cost_usd
        from usage;
    create view v_session_advice as
        select session_id, 'cache_' || cause as optimization_type, 'pauses' as subject, suggestion, 1 as occurrence_count,
            missed_tokens as tokens, extra_cost_usd as cost_usd,
            row_number() over (order by extra_cost_usd desc) as cost_rank
        from misses where suggestion is not null;
    create table v_optimization as
        select *, timestamp '2026-03-02' as last_seen_at from (values
            ('oversized_result', 'Read', 'Limit what it returns', '3 results', 2e0, 4e0, null),
            ('unused_skill', 'shop:old', 'Switch it off', 'never used', 1e0, 2e0, null),
            ('denied_call', 'make', 'Allow it', '3 times', null, null, 7e0)
        ) as t (optimization_type, subject, suggestion, evidence, dollars_per_month, total_usd, minutes_per_month);
    create table v_session_cause as select * from (values
        ('5e12-a', 'system_prompt', 'system_prompt', 'direct', 1e0, 2e0, 0e0, 3e0, 3 / 5.5, 1,
         5e-1, 1e0, 5e-1, 2e0, 2 / 5.5),
        ('5e12-a', 'tool', 'Read', 'proportional', 5e-1, 1e0, 5e-1, 2e0, 2 / 5.5, 2, null, null, null, null, null)
    ) as t (session_id, component_type, component_name, allocation_method, entry_cost_usd, carrying_cost_usd,
        output_cost_usd, cost_usd, cost_ratio, cost_rank, rest_entry_cost_usd, rest_carrying_cost_usd,
        rest_output_cost_usd, rest_cost_usd, rest_cost_ratio);
    create view v_session_miss as
        select *, row_number() over (order by extra_cost_usd desc, call_id) as cost_rank,
            sum(missed_tokens) over below as rest_missed_tokens, sum(extra_cost_usd) over below as rest_extra_cost_usd
        from misses
        window below as (order by extra_cost_usd desc, call_id rows between 1 following and unbounded following);
    create table v_expensive_prompt as select * from (values
        ('p1', '5e12-a', 'Make the [red]button blue', 3, 5e0, 1, 'p/5e12-a.jsonl', 1),
        ('p2', '5e12-a', 'asked of a model without a price', 1, null, 2, 'p/5e12-a.jsonl', 9)
    ) as t (prompt_id, session_id, prompt_text, response_count, caused_cost_usd, cost_rank, _source_path, _source_line);
    create table v_context_piece as select * from (values
        ('x', '5e12-a', timestamp '2026-03-01 10:01', 'tool_result', 'Read', 'Read: {LONG}', 6000, 0, 75e-2, 'direct',
         'p/5e12-a.jsonl', 7)
    ) as t (segment_id, session_id, entered_at, item_kind, component_name, piece_name, tokens, requests_carried, cost_usd,
        allocation_method, _source_path, _source_line);
""".replace("{LONG}", LONG)


@pytest.fixture
def store() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(TABLES)
    for statement in connection.extract_statements(MACROS.read_text(encoding="utf-8")):
        connection.execute(statement)
    calls = [
        ("c1", SESSION, "main/shop", "main", "2026-03-01 10:00", 10_000, 1.0, True),
        ("c2", SESSION, "main/shop", "main", "2026-03-01 10:01", 16_000, 1.5, True),
        ("c3", SESSION, "main/shop", "main", "2026-03-02 10:00", 12_000, 2.5, True),
        ("s1", SESSION, "Explore", "subagent", "2026-03-01 10:02", 3_000, 0.5, True),
        ("o1", OTHER, "main/shop", "main", "2026-03-05 10:00", 4_000, None, False),
    ]
    for *call, is_priced in calls:
        connection.execute(
            "insert into calls values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [*call, is_priced, "main" if is_priced else "HEAD"],
        )
    base, memory = ("system_prompt", "system_prompt", 1), ("system_prompt", "memory_and_environment", 2)
    read, find, skill = ("tool", "Read", 3), ("tool", "mcp__issues__find", 4), ("skill", "shop:release", 5)
    usage = [
        ("c1", SESSION, base, "2026-03-01 10:00", 9_000, 0.75),
        ("c1", SESSION, memory, "2026-03-01 10:00", 1_000, 0.25),
        ("c2", SESSION, base, "2026-03-01 10:01", 9_000, 0.5),
        ("c2", SESSION, memory, "2026-03-01 10:01", 1_000, 0.25),
        ("c2", SESSION, read, "2026-03-01 10:01", 6_000, 0.75),
        ("c3", SESSION, base, "2026-03-02 10:00", 9_000, 1.25),
        ("c3", SESSION, find, "2026-03-02 10:00", 2_000, 1.0),
        ("c3", SESSION, skill, "2026-03-02 10:00", 1_000, 0.25),
        ("s1", SESSION, base, "2026-03-01 10:02", 3_000, 0.5),
        ("o1", OTHER, base, "2026-03-05 10:00", 4_000, 0.0),
    ]
    for call_id, session, component, at, tokens, cost in usage:
        connection.execute(
            "insert into usage values (?, ?, ?, ?, ?, ?, ?, ?)",
            [call_id, session, *component, at, tokens, cost],
        )
    return connection


def _text(render: Callable[[Any, Console], None], found: object, width: int) -> str:
    console = Console(width=width, record=True, file=io.StringIO(), highlight=False)
    render(found, console)
    return console.export_text()


def test_tools_are_ranked_by_what_they_caused(store: duckdb.DuckDBPyConnection) -> None:
    found = ledger.rank(store, "tool")
    assert [(cause.name, cause.cost_usd) for cause in found.causes] == [
        ("mcp__issues__find", 1.0),
        ("Read", 0.75),
    ]
    assert found.total_usd == pytest.approx(5.5)
    assert found.causes[0].cost_ratio == pytest.approx(1.0 / 5.5)
    assert found.causes[0].total_tokens == 2_000


@pytest.mark.parametrize(
    ("by", "first", "count"),
    [
        ("day", "2026-03-01", 3),
        ("week", "2026-02-23", 2),
        ("month", "2026-03", 1),
        ("model", "claude-opus-5", 1),
        ("project", "shop", 1),
        ("session", SESSION, 2),
        ("task-type", "implement", 1),
        ("skill", "heavy:work", 2),
        ("plugin", "shop", 1),
        ("tool", "mcp__issues__find", 2),
        ("mcp", "issues", 1),
        ("agent", "main agent", 2),
        ("branch", "main", 2),
        ("file", LONG, 1),
        ("component", "system_prompt", 5),
    ],
)
def test_every_ranking_answers(store: duckdb.DuckDBPyConnection, by: str, first: str, count: int) -> None:
    found = ledger.rank(store, by)
    assert found.causes[0].name == first
    assert len(found.causes) == count


def test_every_kind_of_the_command_is_known_to_the_store(store: duckdb.DuckDBPyConnection) -> None:
    assert By.kinds == ledger.BY
    assert all(ledger.rank(store, by).causes for by in ledger.BY)


def test_skills_are_ordered_by_what_was_done_under_them(store: duckdb.DuckDBPyConnection) -> None:
    first, second = ledger.rank(store, "skill").causes
    assert (first.name, first.work_cost_usd, first.cost_usd) == ("heavy:work", pytest.approx(3.0), None)
    assert (second.cost_usd, second.work_cost_usd) == (pytest.approx(0.25), pytest.approx(2.0))
    assert second.work_ratio == pytest.approx(2.0 / 5.5)
    shown = _text(ledger.render_ranking, ledger.rank(store, "skill"), 80)
    assert "36.4 %" in shown
    one_day = ledger.rank(store, "skill", Scope(date(2026, 3, 2), date(2026, 3, 2))).causes[0]
    assert one_day.work_cost_usd == pytest.approx(1.5)
    assert ledger.rank(store, "tool").causes[0].work_cost_usd is None


def test_subagents_stand_apart_from_main_agents(store: duckdb.DuckDBPyConnection) -> None:
    shown = _text(ledger.render_ranking, ledger.rank(store, "agent"), 120)
    table, _, summary = shown.partition("$5.00 (90.9 %) by main agents and $5.50 in all.")
    assert "Explore" in table and "main agent" not in table
    assert summary


def test_what_has_no_price_shows_an_asterisk_and_days_come_in_their_order(
    store: duckdb.DuckDBPyConnection,
) -> None:
    shown = _text(ledger.render_ranking, ledger.rank(store, "day"), 80)
    assert [line.split()[0] for line in shown.splitlines() if line.strip().startswith("2026")] == [
        "2026-03-01", "2026-03-02", "2026-03-05",
    ]  # fmt: skip
    assert "no price" in shown


def test_components_and_agents_add_up_to_the_total(store: duckdb.DuckDBPyConnection) -> None:
    for by in ("component", "agent", "branch", "day", "session", "task-type"):
        found = ledger.rank(store, by)
        assert sum(cause.cost_usd or 0 for cause in found.causes) == pytest.approx(found.total_usd)


def test_both_days_of_a_time_are_in_it(store: duckdb.DuckDBPyConnection) -> None:
    one_day = ledger.rank(store, "component", Scope(date(2026, 3, 2), date(2026, 3, 2)))
    assert one_day.total_usd == pytest.approx(2.5)
    assert sum(cause.cost_usd or 0 for cause in one_day.causes) == pytest.approx(2.5)
    assert ledger.rank(store, "component", Scope(until=date(2026, 3, 1))).total_usd == pytest.approx(3.0)
    empty = ledger.rank(store, "tool", Scope(since=date(2026, 4, 1)))
    assert not empty.causes
    assert "The store has use from 2026-03-01 to 2026-03-05" in _text(ledger.render_ranking, empty, 120)


def test_a_limit_holds_for_the_table_and_0_is_all(store: duckdb.DuckDBPyConnection) -> None:
    found = ledger.rank(store, "component")
    console = Console(width=100, record=True, file=io.StringIO())
    ledger.render_ranking(found, console, 2)
    text = console.export_text()
    assert "the 2 most expensive of 5" in text
    ledger.render_ranking(found, console, 0)
    assert "most expensive" not in console.export_text()


@pytest.mark.parametrize(
    ("by", "scope", "words"),
    [
        ("tool", Scope(), ["about tools", "$2.00 Read: Limit what it returns", "7 min make: Allow it"]),
        ("skill", Scope(), ["about skills", "$1.00 shop:old: Switch it off"]),
        ("component", Scope(since=date(2026, 3, 2)), ["What to do,", "Read:", "shop:old:", "make:"]),
        ("file", Scope(), []),
        ("day", Scope(), []),
        ("tool", Scope(since=date(2026, 3, 3)), []),  # not seen since then
        ("tool", Scope(projects=("shop",)), []),  # a suggestion is about all projects
    ],
    ids=str,
)
def test_a_ranking_ends_with_what_to_do_if_there_is_anything(
    store: duckdb.DuckDBPyConnection, by: str, scope: Scope, words: list[str]
) -> None:
    text = " ".join(_text(ledger.render_ranking, ledger.rank(store, by, scope), 100).split())
    _, is_there, what_to_do = text.partition("What to do")
    assert bool(is_there) == bool(words)
    assert all(word in is_there + what_to_do for word in words)


def test_the_most_expensive_session_is_named_for_explain(store: duckdb.DuckDBPyConnection) -> None:
    text = _text(ledger.render_ranking, ledger.rank(store, "session"), 100)
    assert "agent-store report explain 5e12-a" in text


def test_an_explanation_ends_with_what_would_have_saved_most(store: duckdb.DuckDBPyConnection) -> None:
    words = "What would have saved most"
    assert words in _text(ledger.render_explanation, ledger.explain(store, SESSION), 100)
    assert words not in _text(ledger.render_explanation, ledger.explain(store, OTHER), 100)
    store.execute(
        "insert into misses select '5e12-a', 'm' || i, timestamp '2026-03-02', 'cause ' || i, 'Do ' || i, 60, 1000, i, "
        "'p/5e12-a.jsonl', i from range(1, 9) as t (i)"
    )
    text = _text(ledger.render_explanation, ledger.explain(store, SESSION), 100)
    assert "4 more: agent-store report explain 5e12-a --limit 0" in text


def test_a_command_is_cut_at_its_end_and_a_path_in_its_middle() -> None:
    advice = suggestions.SessionAdvice("s", "reread_file", LONG, "No need to", 1, None, 1.0)
    assert suggestions.sentence(advice) == "/home/dev/…/inside/module_name.py: No need to"
    long = suggestions.SessionAdvice("s", "carried_unused_result", "cat /a/b " * 20, "Ask for less", 1, None, 1.0)
    assert suggestions.sentence(long) == f"{('cat /a/b ' * 20)[:59]}…: Ask for less"


def test_a_session_is_found_by_the_unique_beginning_of_its_id(store: duckdb.DuckDBPyConnection) -> None:
    assert ledger.find_session(store, "5e1")[0] == SESSION
    assert ledger.find_session(store, SESSION)[0] == SESSION
    with pytest.raises(StoreError, match="2 sessions begin with '5e'"):
        ledger.find_session(store, "5e")
    with pytest.raises(StoreError, match="No session begins with 'nine%'"):
        ledger.find_session(store, "nine%")


def test_an_id_that_is_the_beginning_of_another_is_itself(store: duckdb.DuckDBPyConnection) -> None:
    store.execute("insert into dim_session values ('5e12-a-and-more', null, 'shop')")
    assert ledger.find_session(store, SESSION)[0] == SESSION


def test_the_picture_has_the_main_threads_requests_in_order(store: duckdb.DuckDBPyConnection) -> None:
    found = ledger.picture(store, SESSION)
    assert [moment.call_id for moment in found.moments] == ["c1", "c2", "c3"]
    assert [moment.follows_compaction for moment in found.moments] == [False, False, True]
    assert found.moments[1].tokens == {
        "system prompt": 9_000, "memory and environment": 1_000, "tool Read": 6_000,
    }  # fmt: skip
    assert all(sum(moment.tokens.values()) == moment.context_tokens for moment in found.moments)


def test_a_column_is_as_high_as_its_context_and_its_bands_as_their_parts() -> None:
    tokens = {"a": 12_000, "b": 3_000, "everything else": 1_000}
    bands = {name: ledger.Band(count, count / 16_000) for name, count in tokens.items()}
    moment = ledger.Moment(
        1, "c", None, 16_000, follows_compaction=False, is_peak=True, tokens={}, bands=bands
    )
    column = ledger._column(moment, list(tokens), 16_000)
    assert [column.count(band) for band in range(3)] == [12, 3, 1]
    assert len(ledger._column(moment, list(tokens), 32_000)) == ledger.PICTURE_ROWS // 2


@pytest.mark.parametrize("width", [60, 80, 160])
@pytest.mark.parametrize("what", ["ranking", "files", "picture", "explanation"])
def test_it_fits_the_width(store: duckdb.DuckDBPyConnection, width: int, what: str) -> None:
    shown = {
        "ranking": lambda: _text(ledger.render_ranking, ledger.rank(store, "component"), width),
        "files": lambda: _text(ledger.render_ranking, ledger.rank(store, "file"), width),
        "picture": lambda: _text(ledger.render_picture, ledger.picture(store, SESSION), width),
        "explanation": lambda: _text(ledger.render_explanation, ledger.explain(store, SESSION), width),
    }[what]()
    assert max(len(line) for line in shown.splitlines()) <= width
    assert not re.search(r"[$\d]…", shown), "a number is never cut"
    words = {
        "ranking": ["Cost by component", "system_prompt", "$3.00", "$5.50 in all"],
        "files": ["module_name.py", "$0.75"],
        "picture": ["First [b]session", "▲ compaction", "tool Read", "16.0k", "request 1 to 3"],
        "explanation": [
            "$5.50 for 4 requests",
            "Make the [red]button blue",
            "$0.75  Compact before a pause (cache misses)",
            "module_name.py",
            "agent-store line p/5e12-a.jsonl LINE",
        ],
    }[what]
    for word in words:
        assert word in shown, word


def test_what_is_not_shown_is_summed(store: duckdb.DuckDBPyConnection) -> None:
    store.execute(
        "insert into misses select '5e12-a', 'm' || i, timestamp '2026-03-02', 'unknown', null, 60, 1000, 0.5, "
        "'p/5e12-a/subagents/agent-7.jsonl', i from range(13) as t (i)"
    )
    shown = _text(ledger.render_explanation, ledger.explain(store, SESSION), 100)
    assert "Cache misses: 1, $0.75 more than from the cache" in shown, "as v_cost counts them"
    assert re.search(r"6 more +6.0k +\$3.00", shown)
    console = Console(width=100, record=True, file=io.StringIO())
    ledger.render_explanation(ledger.explain(store, SESSION), console, 1)
    assert re.search(r"1 more +\$0.50 +\$1.00 +\$0.50 +\$2.00 +36.4 %", console.export_text())
    assert "agent-7:3" in shown and " 31 " in shown


def test_a_long_session_fits_too(store: duckdb.DuckDBPyConnection) -> None:
    store.execute(
        "insert into calls select 'n' || i, '5e34-b', 'main/shop', 'main', timestamp '2026-04-01' + to_seconds(i), "
        "1000 + i * 100, 0.1, true, 'main' from range(2000) as t (i)"
    )
    store.execute(
        "insert into usage select 'n' || i, '5e34-b', 'system_prompt', 'system_prompt', 1, timestamp '2026-04-01', "
        "1000 + i * 100, 0.1 from range(2000) as t (i)"
    )
    shown = _text(ledger.render_picture, ledger.picture(store, OTHER), 80)
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert "request 2,001" in shown


def test_a_session_without_requests_says_so(store: duckdb.DuckDBPyConnection) -> None:
    store.execute("insert into dim_session values ('empty', 'Nothing', 'shop')")
    assert "sent no request" in _text(ledger.render_picture, ledger.picture(store, "empty"), 80)
    assert "– for 0" not in _text(ledger.render_explanation, ledger.explain(store, "empty"), 80)


def test_it_is_also_json(store: duckdb.DuckDBPyConnection) -> None:
    for found in (ledger.rank(store, "tool"), ledger.picture(store, SESSION), ledger.explain(store, SESSION)):
        assert json.loads(json.dumps(plain(found.as_json())))
    explained = ledger.explain(store, SESSION).as_json()
    assert explained["shares"][0]["cost_ratio"] == pytest.approx(3.0 / 5.5)
    assert explained["misses"][0]["cause"] == "expired_1h"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["report", "--by", "tool", "--since", "some day"], "is not understood; write 2026-03-01"),
        (["report", "--since", "2026-02-30"], "is not a day of the calendar"),
        (["report", "--by", "colour"], "is none of day, week"),
        (["report", "--by", "tool", "explain", "5e12"], "do not go with explain"),
        (["report", "--full", "explain", "5e12"], "do not go with explain"),
        (["report", "--by", "tool", "--full"], "--full does not go with --by"),
    ],
)
def test_wrong_usage_is_told(arguments: list[str], words: str) -> None:
    done = CliRunner().invoke(cli.cli, arguments)
    assert done.exit_code == 2
    assert words in done.output


def test_without_a_store_the_way_to_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_STORE_HOME", str(tmp_path / "none"))
    done = CliRunner().invoke(cli.cli, ["report", "context", "5e12"])
    assert isinstance(done.exception, StoreError)
    assert done.exception.exit_code == 3
