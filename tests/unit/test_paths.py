"""Where things lie, and which roots are chosen."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from agent_store.errors import StoreError
from agent_store.paths import StorePaths, has_transcripts, project_dir, resolve_roots, store_paths


def _root(folder: Path, *, transcripts: bool = True) -> Path:
    project = folder / "projects" / "-home-x"
    project.mkdir(parents=True)
    if transcripts:
        (project / "a.jsonl").write_text("{}\n", encoding="utf-8")
    return folder


def _project(folder: Path, *, sample: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dbt_project.yml").write_text("name: x\n", encoding="utf-8")
    if sample:
        _root(folder / "sample" / "home")
    return folder


def test_home_is_the_variable_or_a_folder_of_the_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert store_paths({"AGENT_STORE_HOME": str(tmp_path / "s")}).home == tmp_path / "s"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store_paths({}).home == tmp_path / ".agent-store"
    assert store_paths({"AGENT_STORE_HOME": "~/elsewhere"}).home == tmp_path / "elsewhere"
    paths = store_paths({})
    assert paths.star.name == paths.store.name == "agent_store.duckdb"  # views name the stem
    assert paths.warehouse.name == "warehouse.duckdb"


def test_folders_are_closed_to_others_also_when_they_were_open(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    paths = StorePaths(home).ensure()
    for folder in (paths.home, paths.build_dir, paths.target, paths.logs):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_home_that_cannot_be_made_is_said_plainly(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be created"):
        StorePaths(file / "home").ensure()


def test_project_is_the_repository_unless_told(tmp_path: Path) -> None:
    assert (project_dir({}) / "dbt_project.yml").is_file()
    project = _project(tmp_path / "p")
    assert project_dir({"AGENT_STORE_PROJECT_DIR": str(project)}) == project
    with pytest.raises(StoreError, match=r"no dbt_project\.yml"):
        project_dir({"AGENT_STORE_PROJECT_DIR": str(tmp_path)})


def test_given_roots_win_and_missing_ones_are_errors(tmp_path: Path) -> None:
    project, root = _project(tmp_path / "p"), _root(tmp_path / "r")
    found = resolve_roots([root, root / "projects" / ".."], project, {"CLAUDE_CONFIG_DIR": str(tmp_path)})
    assert found.paths == (root,)
    assert not found.is_sample
    with pytest.raises(StoreError, match="does not exist"):
        resolve_roots([tmp_path / "none"], project, {})


def test_a_given_root_without_transcripts_does_not_become_the_sample(tmp_path: Path) -> None:
    empty = _root(tmp_path / "r", transcripts=False)
    found = resolve_roots([empty], _project(tmp_path / "p"), {})
    assert found.paths == (empty,)
    assert "No transcripts below" in found.notes[0]


def test_config_dir_may_name_several(tmp_path: Path) -> None:
    one, two = _root(tmp_path / "one"), _root(tmp_path / "two")
    names = f"{one}, {tmp_path / 'gone'} ,{two}"
    found = resolve_roots([], _project(tmp_path / "p"), {"CLAUDE_CONFIG_DIR": names, "HOME": str(tmp_path)})
    assert found.paths == (one, two)
    assert "gone, which does not exist" in found.notes[0]


def test_a_config_dir_that_is_not_there_is_an_error_and_an_empty_one_is_not_the_sample(
    tmp_path: Path,
) -> None:
    project = _project(tmp_path / "p")
    with pytest.raises(
        StoreError, match=r"CLAUDE_CONFIG_DIR names .*typo, but there is no such folder"
    ) as caught:
        resolve_roots([], project, {"CLAUDE_CONFIG_DIR": str(tmp_path / "typo"), "HOME": str(tmp_path)})
    assert "--root FOLDER" in caught.value.hint
    empty = _root(tmp_path / "empty", transcripts=False)
    found = resolve_roots([], project, {"CLAUDE_CONFIG_DIR": str(empty), "HOME": str(tmp_path)})
    assert (found.paths, found.is_sample) == ((empty,), False)
    assert "No transcripts below" in found.notes[0]


def test_a_config_dir_may_have_a_comma_in_its_name(tmp_path: Path) -> None:
    root = _root(tmp_path / "a, b")
    assert resolve_roots([], _project(tmp_path / "p"), {"CLAUDE_CONFIG_DIR": str(root)}).paths == (root,)


def test_a_home_whose_projects_are_links_has_transcripts(tmp_path: Path) -> None:
    real = _root(tmp_path / "disk") / "projects" / "-home-x"
    (tmp_path / "home" / "projects").mkdir(parents=True)
    assert not has_transcripts(tmp_path / "home")
    (tmp_path / "home" / "projects" / "-linked").symlink_to(real)
    assert has_transcripts(tmp_path / "home")


def test_usual_places(tmp_path: Path) -> None:
    home = tmp_path / "h"
    old, new = _root(home / ".claude"), _root(home / ".config" / "claude")
    desktop = home / ".config" / "Claude" / "local-agent-mode-sessions"
    _root(desktop / "w" / "o" / "local_1" / ".claude")
    assert resolve_roots([], _project(tmp_path / "p"), {"HOME": str(home)}).paths == (old, new, desktop)


def test_without_transcripts_the_sample_is_taken_and_said(tmp_path: Path) -> None:
    home = tmp_path / "h"
    _root(home / ".claude", transcripts=False)
    project = _project(tmp_path / "p")
    found = resolve_roots([], project, {"HOME": str(home)})
    assert found.is_sample
    assert found.paths == (project / "sample" / "home",)
    assert "using the sample" in found.notes[-1]


def test_the_sample_never_joins_a_real_store(tmp_path: Path) -> None:
    found = resolve_roots([], _project(tmp_path / "p"), {"HOME": str(tmp_path)}, allow_sample=False)
    assert found.paths == ()
    assert "nothing to land" in found.notes[-1]


def test_archives_are_transcripts_too(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    assert not has_transcripts(tmp_path)
    (tmp_path / "deep" / "er" / "x.jsonl.gz").write_bytes(b"")
    assert has_transcripts(tmp_path)
