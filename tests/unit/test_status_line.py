"""The status line: what is shown, in which order, and that nothing it is given breaks it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import PROJECT
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_store import plugin_install
from agent_store.errors import StoreError
from agent_store.record.hooks import table
from agent_store.serve import status_line
from agent_store.serve.status_line import FIELDS, known, line

NOW = time.time()
EVENT: dict[str, Any] = json.loads((PROJECT / "tests/fixtures/statusline.json").read_text(encoding="utf-8"))
BUDGET = {
    "alert_kind": "budget", "alert_name": "month", "scope": "all", "period": "month", "title": "The budget month",
    "threshold_usd": 200, "near_ratio": 0.8, "spent_usd": 81, "starts_at": NOW - 86400, "ends_at": NOW + 86400,
}  # fmt: skip
DAY = {
    **BUDGET,
    "alert_kind": "threshold",
    "alert_name": "day",
    "period": "day",
    "threshold_usd": 5,
    "spent_usd": 4.12,
}
FAN = {"alert_kind": "fan_out", "alert_name": "fan", "scope": "all", "threshold_usd": 0.05, "near_ratio": 0.8}


@pytest.fixture(autouse=True)
def terminal_of_unknown_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal that the tests run in has a width, which a library may have put into the environment."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def costs(home: Path, **found: object) -> None:
    (home / "briefs").mkdir(parents=True, exist_ok=True)
    (home / "briefs" / "costs.json").write_text(json.dumps(found))


def event(**changed: object) -> dict[str, Any]:
    cache = {**EVENT["prompt_cache"], "expires_at": NOW + 86400}
    return {**EVENT, "prompt_cache": cache, **changed}


def test_a_line_has_what_is_known_the_most_important_first(home: Path) -> None:
    assert line(event(), str(home)) == "session $0.08 · context 1 % · cache 82 %"
    costs(home, day=DAY, periods=[BUDGET, DAY], sessions={EVENT["session_id"]: 0.0232644})
    shown = line(event(), str(home))
    assert (
        shown
        == "day: $4.18 of $5 · session $0.08 · today ≥ $4.18 · budget 41 % of $200 · context 1 % · cache 82 %"
    )
    costs(
        home, day=DAY, periods=[BUDGET, {**DAY, "spent_usd": 6}, {**DAY, "alert_name": "x", "spent_usd": 9}]
    )
    assert line(event(), str(home)).startswith("! x: $9.08 of $5 (+1) · session")
    assert line(event(), str(home), is_colored=True).startswith(
        "\033[31m! x: $9.08 of $5 (+1)\033[0m · session"
    )


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        ("200", "session $0.08 · context 1 % · cache 82 %"),
        ("40", "session $0.08 · context 1 % · cache 82 %"),
        ("39", "session $0.08 · context 1 %"),
        ("5", "session $0.08"),
        ("0", "session $0.08 · context 1 % · cache 82 %"),
        ("x", "session $0.08 · context 1 % · cache 82 %"),
        ("²", "session $0.08 · context 1 % · cache 82 %"),
        ("9" * 5000, "session $0.08 · context 1 % · cache 82 %"),
    ],
)
def test_a_line_fits_into_a_narrow_terminal(
    home: Path, monkeypatch: pytest.MonkeyPatch, columns: str, shown: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert line(event(), str(home)) == shown


def test_what_does_not_fit_is_left_out_from_the_end(home: Path) -> None:
    causes = {"causes": ["the_system_prompt_has_changed", "tools"]}
    cache = {**event()["prompt_cache"], "misses": 2, "last_miss_cause": causes}
    costs(home, day=DAY, periods=[{**BUDGET, "alert_name": "b" * 90, "spent_usd": 900}, BUDGET])
    shown = line(event(prompt_cache=cache), str(home))
    assert shown.startswith("! bbbbb")
    assert len(shown) <= 100
    assert "session $0.08" in shown
    assert "cache" not in shown
    assert (
        line(event(prompt_cache=cache), str(home), "{cache}")
        == "82 %, missed: the system prompt has changed…"
    )


def test_the_cache_is_cold_when_it_has_expired(home: Path) -> None:
    for changed in ({"warm": False}, {"expires_at": NOW - 1}):
        assert (
            line(event(prompt_cache={**event()["prompt_cache"], **changed}), str(home), "{cache}") == "cold"
        )
    assert line(event(prompt_cache={"caching_observed": False}), str(home), "{cache}") == "–"


def test_fan_out_needs_subagents(home: Path, tmp_path: Path) -> None:
    costs(home, sessions_watched=[FAN])
    transcript = tmp_path / "s.jsonl"
    assert "fan" not in line(event(transcript_path=str(transcript)), str(home))
    (tmp_path / "s" / "subagents").mkdir(parents=True)
    assert line(event(transcript_path=str(transcript)), str(home)).startswith("! fan: $0.08 of $0.05 · ")


def test_a_day_of_yesterday_is_not_today(home: Path) -> None:
    costs(
        home,
        day={**DAY, "starts_at": NOW - 2 * 86400, "ends_at": NOW - 3600},
        sessions={EVENT["session_id"]: 0},
    )
    assert "today" not in line(event(), str(home)), (
        "how much of a session of yesterday is of today is not known"
    )
    assert "today ≥ $0.08" in line(event(session_id="new"), str(home))


def test_a_format_names_fields(home: Path) -> None:
    assert line(event(), str(home), "{model} {project}: {session} {alert}") == "Opus 5.5 shop: $0.08 –"
    text, code = status_line.main(["--format", "{sesion}"], str(home))
    assert (code, "there is no field {sesion}" in text) == (2, True)
    assert all("{" + name + "}" in text for name in FIELDS)
    assert status_line.main(["--format={"], str(home))[1] == status_line.main(["--what"], str(home))[1] == 2
    costs(home, periods=[{**DAY, "alert_name": "{session}", "spent_usd": 9}])
    assert line(event(), str(home), "{alert}|{session}") == "! {session}: $9.08 of $5|$0.08"


def test_a_line_fits_in_wide_letters_too(home: Path) -> None:
    wide = {**DAY, "alert_name": "費" * 30, "spent_usd": 9}
    costs(home, day=DAY, periods=[wide, BUDGET])
    assert line(event(), str(home)).endswith("$5 · session $0.08")


@pytest.mark.parametrize("path", ["/a\0b", "/a\ud800b"])
def test_a_path_that_cannot_be_one_hides_nothing_else(home: Path, path: str) -> None:
    costs(home, day=DAY, periods=[DAY])
    shown = line(
        event(cwd=path, workspace={"project_dir": path}, transcript_path=path), str(home), "{session} {today}"
    )
    assert shown == "$0.08 ≥ $4.20"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
_KEYS = sorted({*EVENT, *(key for value in EVENT.values() if isinstance(value, dict) for key in value)})
_STORED = [*BUDGET, "day", "periods", "sessions", "sessions_watched", "prices", "folders"]


def _wild(keys: list[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        _JSON,
        lambda inner: st.dictionaries(st.sampled_from(keys), inner | st.lists(inner, max_size=2), max_size=6),
    )


@given(_wild(_KEYS), _wild(_STORED))
@settings(deadline=None, max_examples=150)
def test_nothing_breaks_the_line(tmp_path_factory: pytest.TempPathFactory, said: Any, stored: Any) -> None:
    home = tmp_path_factory.mktemp("wild")
    costs(home)
    (home / "briefs" / "costs.json").write_text(json.dumps(stored))
    shown = line(said if isinstance(said, dict) else {}, str(home))
    assert shown.isprintable()
    assert shown
    known({**event(), **(said if isinstance(said, dict) else {})}, str(home), NOW)


# ── as it is started


def started(home: Path, *command: str, data: bytes) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "AGENT_STORE_HOME": str(home), "AGENT_STORE_PYTHON": sys.executable}
    return subprocess.run(command, input=data, capture_output=True, env=environment, check=False, timeout=30)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b'{"cost": 5}', b"[" * 100_000])
def test_what_is_no_event_gives_a_short_line_and_no_error(home: Path, data: bytes) -> None:
    launcher = str(PROJECT / "plugin" / table.LAUNCHER)
    command = [sys.executable, "-m", "agent_store.cli", "statusline"]
    for done in (started(home, launcher, "status_line", data=data), started(home, *command, data=data)):
        assert (done.returncode, done.stdout, done.stderr) == (0, b"Agent Store\n", b"")


def test_it_loads_neither_click_nor_pydantic_nor_duckdb_and_records_nothing(home: Path) -> None:
    script = (
        "import sys, agent_store.cli\ntry: agent_store.cli.main(['statusline'])\nexcept SystemExit: pass\n"
        "print([name for name in ('click', 'pydantic', 'duckdb', 'json', 'rich') if name in sys.modules])"
    )
    done = started(home, sys.executable, "-c", script, data=json.dumps(EVENT).encode())
    assert done.stdout.decode().splitlines() == ["session $0.08 · context 1 % · cache cold", "[]"]
    assert not home.exists()
    wrong = started(
        home, sys.executable, "-m", "agent_store.cli", "statusline", "--format", "{x}", data=b"{}"
    )
    assert (wrong.returncode, wrong.stdout, b"{session}" in wrong.stderr) == (2, b"", True)


# ── in the settings of the client


@pytest.fixture
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    return tmp_path / "claude" / "settings.json"


def test_the_status_line_is_set_and_taken_back_and_all_else_stays(settings_file: Path) -> None:
    assert not plugin_install.remove_status_line()
    assert "is set in" in plugin_install.set_status_line()
    assert settings_file.stat().st_mode & 0o777 == 0o600
    settings_file.write_text(json.dumps({"model": "ö", **json.loads(settings_file.read_text())}))
    settings_file.chmod(0o644)
    assert "is set in" in plugin_install.set_status_line()
    found = json.loads(settings_file.read_text(encoding="utf-8"))
    assert found["statusLine"] == {
        "type": "command",
        "command": plugin_install.status_line_command(),
        "padding": 0,
    }
    assert plugin_install.remove_status_line()
    assert json.loads(settings_file.read_text(encoding="utf-8")) == {"model": "ö"}
    assert settings_file.stat().st_mode & 0o777 == 0o644


def test_another_status_line_stays(settings_file: Path) -> None:
    settings_file.parent.mkdir()
    settings_file.write_text('{"statusLine": {"type": "command", "command": "mine"}}')
    assert "was not changed" in plugin_install.set_status_line()
    assert not plugin_install.remove_status_line()
    assert "mine" in settings_file.read_text()
    settings_file.write_text("{")
    with pytest.raises(StoreError, match="cannot be read"):
        plugin_install.set_status_line()
    assert settings_file.read_text() == "{"


def test_settings_that_are_a_link_stay_one(settings_file: Path, tmp_path: Path) -> None:
    settings_file.parent.mkdir()
    (tmp_path / "dotfiles.json").write_text("{}")
    settings_file.symlink_to(tmp_path / "dotfiles.json")
    plugin_install.set_status_line()
    assert settings_file.is_symlink()
    assert "statusLine" in json.loads((tmp_path / "dotfiles.json").read_text())
