"""Which home a path means."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from agent_store.paths import store_paths
from agent_store.record.home import home_for, spool_for


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program's own folder, and a home of the user elsewhere."""
    monkeypatch.setenv("AGENT_STORE_HOME", str(tmp_path / "user"))
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "program.py").touch()
    monkeypatch.chdir(folder)
    return folder


def test_no_path_is_the_home_of_the_user() -> None:
    assert home_for(None) == home_for("") == store_paths()


def test_a_database_of_the_program_has_a_home_beside_it(here: Path) -> None:
    assert home_for("agent_state.duckdb").home == here / "agent_state.agent-store"
    assert home_for(here / "sub" / "x.db").home == here / "sub" / "x.agent-store"
    assert home_for("x.v2.duckdb").home == here / "x.v2.agent-store"


def test_a_file_that_is_there_is_a_database_whatever_it_is_called(here: Path) -> None:
    (here / "state").touch()
    assert home_for("state").home == here / "state.agent-store"


def test_a_published_store_is_named_by_its_file_or_its_folder(here: Path) -> None:
    (here / "store").mkdir()
    (here / "store" / "agent_store.duckdb").touch()
    assert home_for("store/agent_store.duckdb") == home_for("store")
    assert home_for("store").home == here / "store"


def test_a_store_that_is_not_published_yet_gets_the_folder_it_is_named_in(here: Path) -> None:
    assert home_for("new/agent_store.duckdb").home == here / "new"
    assert home_for(store_paths().store) == store_paths()


def test_a_folder_with_other_files_does_not_become_a_home(here: Path) -> None:
    assert home_for("agent_store.duckdb").home == here / "agent_store.agent-store"


def test_the_build_folder_of_a_project_does_not_make_it_a_home(here: Path) -> None:
    (here / "build").mkdir()
    assert home_for("agent_store.duckdb").home == here / "agent_store.agent-store"


def test_a_copy_of_a_store_belongs_to_the_home_beside_it(here: Path) -> None:
    (here / "agent_store.agent-store").mkdir()
    (here / "agent_store.duckdb").touch()
    assert home_for("agent_store.duckdb").home == here / "agent_store.agent-store"


def test_a_folder_need_not_be_there(here: Path) -> None:
    assert home_for("new").home == here / "new"
    assert home_for(here / ".agent-store").home == here / ".agent-store"


def test_a_path_may_start_at_the_users_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    assert home_for("~/x.duckdb").home == here / "x.agent-store"


def test_the_home_of_a_spool_is_closed_to_others(here: Path) -> None:
    assert spool_for(home_for("x.duckdb")) == str(here / "x.agent-store" / "spool")
    assert stat.S_IMODE((here / "x.agent-store").stat().st_mode) == 0o700
