"""The command line: help, exit codes, formats; errors for people."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import duckdb
import pytest
from click.testing import CliRunner, Result
from mini import COST, published, star

from agent_store import cli, doctor, zones
from agent_store.build import pipeline
from agent_store.build.results import BuildResult
from agent_store.build.state import BuildState, Fingerprint
from agent_store.build.warehouse import RawSummary
from agent_store.cli import report as reports_command
from agent_store.errors import StoreError
from agent_store.paths import StorePaths
from agent_store.show import report as reports


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StorePaths:
    monkeypatch.setenv("AGENT_STORE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    return StorePaths(tmp_path / "home").ensure()


@pytest.fixture
def store(paths: StorePaths) -> StorePaths:
    with star(paths) as connection:
        connection.execute(
            "create table t as select i::bigint as n, 'x' || i as name, date '2026-01-01' as day, "
            "[i] as list, null::integer as nothing from range(150) as r(i)"
        )
    raw = RawSummary(1, datetime(2026, 1, 1), 1, 150, 0, 1000)
    published(paths, BuildResult(success=True), Fingerprint("t", "c"), raw)
    return paths


def _main(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(arguments))
    output = capsys.readouterr()
    assert isinstance(stopped.value.code, int)
    return stopped.value.code, output.out, output.err


def _invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli.cli, list(arguments))


def test_help_names_every_command() -> None:
    text = _invoke("--help").output
    for command in ("ingest", "build", "report", "query", "line", "doctor", "docs"):
        assert command in text
        assert _invoke(command, "--help").exit_code == 0


def test_start_up_loads_neither_dbt_nor_duckdb_nor_rich() -> None:
    script = (
        "import sys, agent_store.cli\n"
        "print([n for n in ('dbt', 'duckdb', 'rich', 'pyarrow', 'orjson') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_query_as_json_csv_and_table(store: StorePaths, capsys: pytest.CaptureFixture[str]) -> None:
    sql = "select n, name, day, list, nothing from t order by n"
    code, out, _ = _main(capsys, "query", sql, "--format", "json", "--limit", "1")
    assert code == 0
    assert json.loads(out) == [{"n": 0, "name": "x0", "day": "2026-01-01", "list": [0], "nothing": None}]
    code, out, err = _main(capsys, "query", sql, "--format", "csv", "--limit", "2")
    assert out.splitlines() == ["n,name,day,list,nothing", "0,x0,2026-01-01,[0],", "1,x1,2026-01-01,[1],"]
    assert "Only the first 2 rows" in err
    code, out, _ = _main(capsys, "query", sql)
    assert "100 rows shown; there are more" in out
    code, out, _ = _main(capsys, "query", sql, "--format", "csv")
    assert len(out.splitlines()) == 151


def test_the_report_narrows_by_days_and_projects_and_gives_json_of_any_length(
    paths: StorePaths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the options to the numbers, on a store of twenty days."""
    monkeypatch.setattr(reports, "today_in", lambda _zone: date(2026, 3, 20))
    with star(paths) as connection:
        connection.execute(
            "create table calls as select 's' || i as session_id, 'alpha' || i % 2 as project_name, 'm' as model_name,"
            " date '2026-03-01' + i::integer as called_at, 1.0 as cost_usd, 1 as input_tokens, 1 as output_tokens,"
            " 1 as cache_read_tokens, 1 as cache_write_tokens from range(20) as r(i)"
        )
        connection.execute("create table v_cost as " + COST.format(calls="calls"))
        connection.execute(
            "create table v_session_report as select session_id, called_at::timestamp as started_at, 1 as prompt_count,"
            " 2 as tool_call_count from calls"
        )
    published(
        paths,
        BuildResult(success=True),
        Fingerprint("t", "c"),
        RawSummary(1, datetime(2026, 1, 1), 1, 1, 0, 1),
    )

    def asked(*arguments: str) -> dict[str, Any]:
        code, out, err = _main(capsys, "report", *arguments, "--json")
        assert (code, err) == (0, "")
        return cast("dict[str, Any]", json.loads(out, parse_constant=pytest.fail))

    whole = asked()
    assert [len(whole["days"]), len(whole["sessions"])] == [20, 20], "JSON has everything"
    assert [len(asked("--limit", "3")[key]) for key in ("days", "sessions", "projects")] == [3, 3, 2]
    assert len(asked("--since", "7d")["days"]) == 8
    assert [day["name"] for day in asked("--since", "last week", "--until", "last week")["days"]] == [
        f"2026-03-{day:02}" for day in range(9, 16)
    ]
    assert [day["name"] for day in asked("--since", "yesterday", "--project", "alpha1")["days"]] == [
        "2026-03-20"
    ]
    ranked = asked("--by", "Task Type", "--since", "2026-03-11")
    assert (ranked["by"], ranked["causes"][0]["cost_usd"], ranked["since"]) == (
        "task-type",
        10.0,
        "2026-03-11",
    )
    assert len(asked("--by", "session")["causes"]) == 20
    assert len(asked("--by", "session", "--limit", "4")["causes"]) == 4
    assert _main(capsys, "report", "--since", "today", "--until", "yesterday")[0] == 2
    _, out, _ = _main(capsys, "report", "--since", "2026-04-01", "--by", "day")
    assert "The store has use from 2026-03-01 to 2026-03-20." in " ".join(out.split())


def test_query_reads_standard_input(store: StorePaths) -> None:
    done = CliRunner().invoke(cli.cli, ["query", "-", "--format", "csv"], input="select 1 as one")
    assert done.output == "one\n1\n"


def test_a_wrong_query_is_one_sentence(store: StorePaths, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = _main(capsys, "query", "select nope from t")
    assert code == 1
    assert err.startswith("Error: The query failed: ")
    assert "Traceback" not in err


def test_without_a_store_every_reader_says_what_to_do(
    paths: StorePaths, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["report"], ["query", "select 1"]):
        code, _, err = _main(capsys, *arguments)
        assert code == 3
        assert "no published store" in err
        assert "agent-store build" in err


def test_wrong_usage_is_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert _main(capsys, "query")[0] == 2
    assert _main(capsys, "nonsense")[0] == 2
    assert _main(capsys, "query", " ")[0] == 2


def test_a_root_that_is_not_there(paths: StorePaths, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = _main(capsys, "ingest", "--root", str(paths.home / "none"))
    assert code == 1
    assert "does not exist" in err


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "Nothing is lost"),
        (OSError(28, "No space left on device"), 1, "the disk is full"),
        (PermissionError(13, "Permission denied", "/somewhere"), 1, "permission was denied (/somewhere)"),
    ],
)
def test_what_stops_a_command_is_said_plainly(
    error: BaseException,
    code: int,
    words: str,
    paths: StorePaths,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(reports_command, "show_report", stop)
    found, _, err = _main(capsys, "report")
    assert found == code
    assert words in err


def _claude(folder: Path, settings: str | None, age_days: int) -> Path:
    project = folder / "projects" / "-x"
    project.mkdir(parents=True)
    transcript = project / "a.jsonl"
    transcript.write_text("{}\n", encoding="utf-8")
    import os

    moment = (datetime.now(UTC) - timedelta(days=age_days)).timestamp()
    os.utime(transcript, (moment, moment))
    if settings is not None:
        (folder / "settings.json").write_text(settings, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("settings", "status", "words"),
    [
        (None, "warn", "deleted after 30 days (the client's default); the oldest one here will be deleted in 9 days"),
        ('{"cleanupPeriodDays": 14}', "warn", "deleted after 14 days"),
        ('{"cleanupPeriodDays": 90}', "ok", "deleted in 69 days"),
        ('{"cleanupPeriodDays": 3650}', "ok", "3,650 days"),
        ("not json", "warn", "30 days"),
        ('{"cleanupPeriodDays": "x"}', "warn", "30 days"),
    ],
)
def test_doctor_warns_before_history_is_deleted(
    tmp_path: Path, paths: StorePaths, settings: str | None, status: str, words: str
) -> None:
    root = _claude(tmp_path / "claude", settings, age_days=20)
    checks = [check for check in doctor.examine(paths, [root]) if check.name == "history"]
    assert [check.status for check in checks] == [status]
    assert words in checks[0].message


def test_doctor_without_a_store_fails_and_says_what_to_do(
    paths: StorePaths, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = _main(capsys, "doctor")
    assert code == 1
    assert "no published store" in out
    assert "agent-store build" in out


def test_doctor_prints_the_cron_line_whole(
    store: StorePaths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    command = next(check.command for check in doctor.examine(store) if check.name == "schedule")
    assert command in _main(capsys, "doctor")[1].splitlines()


def test_doctor_knows_the_store_of_a_lake_and_hosts_that_are_silent(store: StorePaths) -> None:
    store.lake_mark.parent.mkdir(exist_ok=True)
    store.lake_mark.write_text('{"lake": "/mnt/team/lake.ducklake"}', encoding="utf-8")
    with duckdb.connect(str(store.store)) as connection:
        connection.execute(
            "create table v_lake_host as select 'ana' as host_name, cast(now() at time zone 'UTC' as timestamp) as shared_at"
        )
    checks = {check.name: check for check in doctor.examine(store)}
    assert not {"roots", "history", "schedule"} & checks.keys()
    assert checks["lake"].status == "ok"
    assert checks["lake"].message == "/mnt/team/lake.ducklake, hosts: 1; the last of them shared just now"
    with duckdb.connect(str(store.store)) as connection:
        connection.execute("insert into v_lake_host select 'eve', shared_at - interval 1 day from v_lake_host")
    (check,) = [check for check in doctor.examine(store) if check.name == "lake"]
    assert check.message.endswith("hosts: 2; the last of them shared just now")
    with duckdb.connect(str(store.store)) as connection:
        connection.execute("update v_lake_host set host_name = 'ben', shared_at = shared_at - interval 8 day where host_name = 'eve'")
    (check,) = [check for check in doctor.examine(store) if check.name == "lake"]
    assert check.status == "warn"
    assert check.message.endswith("hosts: 2; nothing new for 2 days from ben (9 days ago)")


def test_doctor_sees_a_home_that_is_open_to_others(store: StorePaths) -> None:
    store.store.chmod(0o644)
    check = next(check for check in doctor.examine(store) if check.name == "home")
    assert check.status == "warn"
    assert "chmod -R go-rwx" in check.advice


def test_doctor_tells_once_what_holds_for_many_roots(tmp_path: Path, paths: StorePaths) -> None:
    homes = [_claude(tmp_path / f"c{number:02}", None, age_days=20) for number in range(20)]
    empty = [tmp_path / f"e{number}" for number in range(20)]
    for folder in empty:
        folder.mkdir()
    checks = [
        check for check in doctor.examine(paths, [*homes, *empty]) if check.name in ("roots", "history")
    ]
    assert [(check.name, check.status) for check in checks] == [
        ("roots", "ok"), ("roots", "warn"), ("history", "warn"),
    ]  # fmt: skip
    assert (
        f"20 folders ({homes[0]}, {homes[1]}, {homes[2]} and 17 more): 20 transcript files"
        in checks[0].message
    )
    assert (
        f"20 folders ({empty[0]}, {empty[1]}, {empty[2]} and 17 more): no transcript files"
        in checks[1].message
    )
    assert (
        "deleted after 30 days (the client's default); the oldest one here will be deleted in 9 "
        "days" in checks[2].message
    )


@pytest.mark.parametrize(
    ("name", "suggested"),
    [
        ("berlin", "Europe/Berlin"),
        ("Europe/Berln", "Europe/Berlin"),
        ("America/new york", "America/New_York"),
        ("Mars/Base", "UTC"),
        ("o'clock", "UTC"),
    ],
)
def test_an_unknown_time_zone_is_an_error_that_names_similar_ones(name: str, suggested: str) -> None:
    with pytest.raises(StoreError, match="no time zone named") as caught:
        zones.check(name)
    assert suggested in caught.value.hint


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "europe/berlin", "Etc/GMT-2"])
def test_a_known_time_zone_passes(name: str) -> None:
    zones.check(name)


def test_a_wrong_time_zone_stops_a_build_before_anything_is_landed(
    paths: StorePaths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENT_STORE_TIMEZONE", "Europe/Berln")
    code, out, error = _main(capsys, "build")
    assert (code, out) == (1, "")
    assert "no time zone named 'Europe/Berln'" in error
    assert "Europe/Berlin" in error
    assert not paths.warehouse.exists()


def test_a_store_that_another_program_writes_to_is_called_that(
    store: StorePaths, capsys: pytest.CaptureFixture[str]
) -> None:
    program = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(store.store)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        code, _, error = _main(capsys, "query", "select 1")
        assert code == 3
        assert f"is open for writing in process {other.pid}" in error
        assert "no published store" not in error
        raw = RawSummary(1, datetime(2026, 1, 1), 1, 150, 0, 1000)
        why, _ = pipeline.why_build(
            store, Fingerprint("t", "c"), raw, BuildState(tables_fingerprint="t"), pipeline.Options()
        )
        assert f"is open for writing in process {other.pid}" in why
        other.communicate()


def test_tables_are_listed_found_and_described(store: StorePaths, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _main(capsys, "tables")
    assert (code, [line.split()[0] for line in out.splitlines() if line.startswith("t ")]) == (0, ["t"])
    assert (
        json.loads(_main(capsys, "tables", "published", "--json")[1])["tables"][0]["name"] == "v_store_table"
    )
    code, out, err = _main(capsys, "tables", "zzzzzz")
    assert (code, out) == (0, "")
    assert "Nothing in the store" in err
    code, out, _ = _main(capsys, "describe", "T")
    assert code == 0
    assert "select n, name, day, list, nothing\n  from t\n  order by day desc nulls last" in out
    described = json.loads(_main(capsys, "describe", "store_build", "--json")[1])
    assert described["grain"].startswith("One row")
    assert {
        "name": "is_tested",
        "data_type": "BOOLEAN",
        "meaning": "True if the data tests ran on this build.",
    } in (described["columns"])
    code, _, err = _main(capsys, "describe", "store_bild")
    assert code == 1
    assert "Did you mean store_build" in err


# ── alerts


@pytest.fixture
def alerts(paths: StorePaths) -> StorePaths:
    """A store with an alert that is over, one whose day has ended, and a mistake in the list."""
    with star(paths) as connection:
        connection.execute(
            """
            create table v_alert as
            select *, cast(null as varchar) as session_id, 'all' as scope, cast(null as varchar) as scope_value, 'threshold' as alert_kind,
                date '2026-03-01' as period_start, date '2026-03-02' as period_end, 10.0::double as threshold_usd,
                spent_usd / 10 as spent_ratio, cast(null as double) as usual_usd, 'The alert ' || alert_name || ' is reached.' as message
            from (values
                ('over', 'now', 'month', timestamp '2999-01-01', 12.5::double),
                ('near', 'soon', 'week', timestamp '2999-01-01', 9.0),
                ('over', 'past', 'day', timestamp '2020-01-01', 99.0),
                ('ok', 'calm', 'session', timestamp '2020-01-01', 2.0),
                ('ok', 'calm', 'session', timestamp '2020-01-01', 1.0),
                ('unknown', 'typo', 'day', timestamp '2020-01-01', 0.0)
            ) as t(status, alert_name, period, ends_at, spent_usd);
            create table v_set_aside_input as
            select '/h/alerts.yml' as input_path, 'alert_list' as input_type, 'entry 2: unknown key x' as set_aside_reason
            """
        )
    raw = RawSummary(1, datetime(2026, 1, 1), 1, 150, 0, 1000)
    published(paths, BuildResult(success=True), Fingerprint("t", "c"), raw)
    return paths


def test_alerts_are_listed_with_what_has_ended_last(
    alerts: StorePaths, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = _main(capsys, "alert")
    lines = [line.split() for line in out.splitlines()]
    assert [line[:2] for line in lines if len(line) > 3][1:] == [
        ["over", "now"],
        ["near", "soon"],
        ["(over)", "past"],
        ["(ok)", "calm"],
        ["(unknown)", "typo"],
    ]
    assert "125" in out
    assert (code, err.splitlines()) == (
        0,
        [
            "In brackets: that period has ended.",
            "The alert typo is reached.",
            "Left out: /h/alerts.yml: entry 2: unknown key x",
        ],
    )
    code, out, _ = _main(capsys, "alert", "--json")
    assert [row["is_current"] for row in json.loads(out)] == [True, True, False, False, False]


def test_a_check_tells_only_what_is_over_now_and_fails_for_cron(
    alerts: StorePaths, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = _main(capsys, "alert", "--check")
    assert (code, out) == (5, "The alert now is reached.\n")
    with duckdb.connect(str(alerts.store)) as connection:
        connection.execute("delete from v_alert where alert_name = 'now'")
    assert _main(capsys, "alert", "--check")[:2] == (0, "")
    assert _main(capsys, "alert", "--check", "--json")[:2] == (0, "[]\n")


def test_an_alert_is_set_on_the_command_line(paths: StorePaths, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _main(capsys, "alert", "set", "--growth", "2", "--project", "shop", "--name", "twice")
    assert (code, out) == (0, "name: twice, growth: 2.0, project: shop\n")
    assert "twice" in (paths.home / "alerts.yml").read_text()
    code, _, err = _main(capsys, "alert", "set")
    assert (code, "needs one of threshold_usd" in err) == (1, True)
