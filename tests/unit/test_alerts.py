"""alerts.yml: what an entry may say, what is said of a wrong one, and how the list is landed."""

from __future__ import annotations

import io
import os
from datetime import date
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from agent_store.build import scan
from agent_store.library import alerts as library
from agent_store.paths import StorePaths
from agent_store.show import alerts as shown
from agent_store.show import tables
from agent_store.show.query import Answer
from ingest import alerts
from ingest.alerts.entry import Alert, AlertsError, as_yaml, entries
from ingest.warehouse import SCHEMA, reading, write


def _landed(warehouse: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(
            "select alert_name, alert_kind, period, scope, scope_value, threshold_usd, growth_ratio, minimum_usd, "
            "set_aside_reason from raw.alert order by entry_number"
        ).fetchall()


def _land(folder: Path, text: str | None) -> int:
    """Land a list, or that there is none; returns the number of the batch, 0 where nothing was new."""
    file = folder / "alerts.yml"
    if text is None:
        file.unlink(missing_ok=True)
    else:
        file.write_text(text, encoding="utf-8")
    with reading(folder / "w.duckdb") as connection:
        found = alerts.changes(file, connection)
    return write(folder / "w.duckdb", found) if found else 0


def test_a_list_is_landed_whole_when_it_has_changed(tmp_path: Path) -> None:
    assert _land(tmp_path, None) == 0
    two = "- {name: day, threshold_usd: 20}\n- {name: g, growth: 2, minimum_usd: 5, project: shop}\n"
    assert _land(tmp_path, two) == 1
    assert _landed(tmp_path / "w.duckdb") == [
        ("day", "threshold", "day", "all", None, 20.0, None, None, None),
        ("g", "growth", "day", "project", "shop", None, 2.0, 5.0, None),
    ]
    assert _land(tmp_path, two) == 0
    assert (
        _land(
            tmp_path, "- {name: fan, fan_out_usd: 3}\n- {name: r, threshold_usd: 1, period: week, agent: r}\n"
        )
        == 2
    )
    assert _landed(tmp_path / "w.duckdb") == [
        ("fan", "fan_out", "session", "all", None, 3.0, None, None, None),
        ("r", "threshold", "week", "agent", "r", 1.0, None, None, None),
    ]
    # Who removes the list has no alerts any more, and the models hear of it.
    assert _land(tmp_path, None) == 3
    assert _landed(tmp_path / "w.duckdb") == [(None,) * 9]
    assert _land(tmp_path, None) == 0
    assert _land(tmp_path, "# nothing yet\n") == 4


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "- {name: day, treshold_usd: 5}",
            "entry 1 (day): unknown key treshold_usd (did you mean threshold_usd?)",
        ),
        (
            "- {name: day, colour: 5}",
            "entry 1 (day): unknown key colour; there are name, threshold_usd, period",
        ),
        ("- {name: day}", "needs one of threshold_usd, growth, fan_out_usd; it has none"),
        ("- {name: day, growth: 2, fan_out_usd: 1}", "it has growth and fan_out_usd"),
        ("- {name: day, growth: 1}", "growth: input should be greater than 1"),
        ("- {name: day, threshold_usd: 0}", "threshold_usd: input should be greater than 0"),
        ("- {name: day, threshold_usd: .nan}", "threshold_usd"),
        ('- {name: day, threshold_usd: "20"}', "threshold_usd: input should be a valid number"),
        (
            "- {name: day, threshold_usd: 5, period: year}",
            "period: input should be 'session', 'day', 'week' or 'month'",
        ),
        ("- {name: day, growth: 2, period: week}", "period is only valid with threshold_usd"),
        ("- {name: day, threshold_usd: 2, minimum_usd: 1}", "minimum_usd is only valid with growth"),
        ("- {name: day, threshold_usd: 2, project: a, agent: b}", "agent cannot be combined with project"),
        ("- {threshold_usd: 2}", "entry 1: name: field required"),
        ("- {name: 5, threshold_usd: 2}", "entry 1: name: input should be a valid string"),
        ("- 5", "entry 1: is not an alert. It looks like this: - {name: day, threshold_usd: 20, period: day}"),
        ("- {name: day, threshold_usd: 1.0e+300}", "threshold_usd: input should be less than or equal to"),
        ("- {name: day, growth: 1.0e+300}", "growth: input should be less than or equal to"),
        ('- {name: " ", threshold_usd: 1}', "name: string should have at least 1 character"),
        (
            "- {name: a,\tfan_out_usd: 1}\n-\tname: b",
            "found character that cannot start any token in line 2, column 2",
        ),
        ("alerts: 5", "is not a list of alerts"),
        ("- {name: [", "cannot be read"),
        ("- &a [*a]", "cannot be read"),
    ],
)
def test_what_is_wrong_is_a_reason_and_the_rest_counts(tmp_path: Path, text: str, reason: str) -> None:
    good = "\n- {name: good, threshold_usd: 1}\n" if text.startswith("- ") and "cannot" not in reason else ""
    assert _land(tmp_path, text + good) == 1
    rows = _landed(tmp_path / "w.duckdb")
    assert reason in str(rows[0][-1])
    assert [row[0] for row in rows[1:]] == (["good"] if good else [])


def test_two_alerts_of_one_name_and_a_file_that_is_none(tmp_path: Path) -> None:
    _land(tmp_path, "- {name: a, threshold_usd: 1}\n- {name: a, threshold_usd: 2}\n")
    assert "two alerts called 'a'" in str(_landed(tmp_path / "w.duckdb")[1][-1])
    (tmp_path / "alerts.yml").write_bytes(b"\xff\xfe")
    with reading(tmp_path / "w.duckdb") as connection:
        assert alerts.changes(tmp_path / "alerts.yml", connection).set_aside == 1
    (tmp_path / "alerts.yml").unlink()
    os.mkfifo(tmp_path / "alerts.yml")
    assert alerts.changes(tmp_path / "alerts.yml", None).set_aside == 1


def test_the_home_of_a_program_lands_its_alerts_and_nothing_else(tmp_path: Path) -> None:
    paths = StorePaths(tmp_path).ensure()
    assert scan.land_alerts(paths) == 0
    (tmp_path / "alerts.yml").write_text("- {name: day, threshold_usd: 20}\n")
    assert (scan.land_alerts(paths), scan.land_alerts(paths)) == (1, 0)
    assert [row[0] for row in _landed(paths.warehouse)] == ["day"]


@given(st.text(max_size=200) | st.text(alphabet="- {}:[],&*!|>'\"\n\tname5.", max_size=80))
@settings(deadline=None)
def test_no_text_stops_a_build(text: str) -> None:
    try:
        found = entries(text)
    except AlertsError as error:
        assert str(error)
    else:
        assert all(isinstance(one, Alert | AlertsError) for one in found)


def test_what_is_written_is_read_back() -> None:
    given_alerts = [
        Alert(name="Tag – über", threshold_usd=20.5, period="month", project="/home/dev/shop"),
        Alert(name="- x: #", growth=2, minimum_usd=0),
    ]
    assert entries(as_yaml(given_alerts)) == given_alerts
    assert as_yaml([]) == ""
    assert "alert" in SCHEMA


def test_who_sets_an_alert_keeps_what_people_wrote(tmp_path: Path) -> None:
    paths = StorePaths(tmp_path).ensure()
    file = tmp_path / "alerts.yml"
    file.write_text("# of the team\n- {name: day, threshold_usd: 20}  # agreed in May\n")
    library.put(paths, {"name": "week", "threshold_usd": 50, "period": "week"})
    assert file.read_text().startswith(
        "# of the team\n- {name: day, threshold_usd: 20}  # agreed in May\n- name: week"
    )
    # One that is replaced, or a list that cannot be gone on with, is written as a whole.
    assert [one.threshold_usd for one in library.put(paths, {"name": "day", "threshold_usd": 30})] == [50, 30]
    file.write_text("[{name: day, threshold_usd: 20}]\n")
    more = library.put(paths, {"name": "more", "growth": 2})
    assert [one.name for one in more] == ["day", "more"]
    assert entries(file.read_text()) == library.read(paths)


@pytest.mark.parametrize("width", [60, 80, 140])
def test_alerts_of_sessions_are_one_line_each_in_a_narrow_terminal(width: int) -> None:
    row = {
        "status": "over", "alert_kind": "threshold", "alert_name": "shop of the whole team", "scope": "project",
        "scope_value": "flutter-docker-image", "period": "session", "session_id": "5e12a303-c989-4291",
        "period_start": date(2026, 8, 14), "period_end": date(2026, 8, 15), "ends_at": None, "is_current": False,
        "message": "", "spent_usd": 142.8, "threshold_usd": 100.0, "spent_ratio": 1.428, "usual_usd": None,
    }  # fmt: skip
    console = Console(width=width, record=True, file=io.StringIO())
    tables.show(shown.sheet(Answer(list(row), [tuple(row.values())] * 3, is_cut=False)), console)
    lines = [line for line in console.export_text().splitlines() if "(over)" in line]
    assert len(lines) == 3
    assert all("session 5e12a303" in line and "$142.80" in line and "$100.00" in line for line in lines)
