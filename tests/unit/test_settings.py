"""The user's settings, and what is said where they are wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent_store.build.pipeline import Options, land
from agent_store.errors import StoreError
from agent_store.paths import StorePaths
from agent_store.settings import Settings, read_settings, response_paths
from ingest.warehouse import reading


@pytest.fixture
def paths(tmp_path: Path) -> StorePaths:
    return StorePaths(tmp_path)


def write(paths: StorePaths, text: str) -> None:
    (paths.home / "settings.json").write_text(text, encoding="utf-8")


def test_nothing_need_be_set(paths: StorePaths) -> None:
    assert read_settings(paths) == Settings()
    write(paths, "{}")
    assert read_settings(paths).responses == []


def test_what_is_set_is_read(paths: StorePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    project = {"test_command": "make test", "timeout_s": 60}
    write(paths, json.dumps({"responses": ["/a", "~/b", "c"], "projects": {"/home/me/shop": project}}))
    assert response_paths(paths) == (Path("/a"), Path("/home/me/b"), paths.home / "c")
    assert read_settings(paths).projects["/home/me/shop"].model_dump() == project


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            '{"responces": []}',
            "unknown entry: responces",
            "Did you mean 'responses'? There are: mcp, projects, responses.",
        ),
        (
            '{"projects": {"/x": {"test_comand": "x"}}}',
            "projects → /x → test_comand",
            "Did you mean 'test_command'?",
        ),
        ('{"colour": 1}', "unknown entry: colour", "There are: mcp, projects, responses."),
        ('{"responses": "x"}', "wrong at responses", "Fix it"),
        ('{"projects": {"/x": {"timeout_s": 0}}}', "projects → /x → timeout_s", "Fix it"),
        ("[]", "wrong at the whole file", "Fix it"),
        ('{"responses": [', "not JSON: Expecting value in line 1", "Fix the file"),
    ],
)
def test_what_is_wrong_is_said_with_what_was_meant(
    paths: StorePaths, text: str, message: str, hint: str
) -> None:
    write(paths, text)
    with pytest.raises(StoreError, match=message) as error:
        read_settings(paths)
    assert hint in error.value.hint


def test_settings_that_cannot_be_read_are_said_plainly(paths: StorePaths) -> None:
    (paths.home / "settings.json").write_bytes(b'{"responses": ["\xff"]}')
    with pytest.raises(StoreError, match="cannot be read"):
        read_settings(paths)


# --- what landing makes of it


@pytest.fixture
def landed(paths: StorePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Landed:
    """A user without transcripts, and a project whose sample must not be mixed with what is real."""
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    for name in ("CLAUDE_CONFIG_DIR", "XDG_CONFIG_HOME", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    return Landed(StorePaths(tmp_path / "home").ensure(), tmp_path)


class Landed:
    """A home, and what was said while landing."""

    def __init__(self, paths: StorePaths, folder: Path) -> None:
        """Make a response and a project with a sample."""
        self.paths = paths
        self.said: list[str] = []
        self.project = folder / "project"
        sample = self.project / "sample" / "home" / "projects" / "-x"
        sample.mkdir(parents=True)
        (sample / "a.jsonl").write_text('{"type":"user"}\n', encoding="utf-8")
        self.answer = folder / "answer.json"
        self.answer.write_text('{"type":"message","id":"m","usage":{}}\n', encoding="utf-8")

    def land(self, *responses: Path) -> int:
        """Land; returns how many lines."""
        result = land(self.paths, self.project, Options(responses=responses), say=self.said.append)
        return result.lines_landed

    def count(self, table: str) -> int:
        """How many rows a raw table has."""
        with reading(self.paths.warehouse) as connection:
            return int(connection.execute(f"select count(*) from raw.{table}").fetchone()[0])


def test_responses_that_the_settings_name_land_without_the_sample(landed: Landed) -> None:
    write(landed.paths, json.dumps({"responses": [str(landed.answer), "gone"]}))
    assert landed.land() == 1
    assert landed.land(landed.answer) == 0
    assert (landed.count("api_response"), landed.count("transcript_line")) == (1, 0)
    assert (
        f"The settings name {landed.paths.home / 'gone'} for API responses, which does not exist."
        in landed.said
    )


def test_the_sample_makes_way_for_responses(landed: Landed) -> None:
    assert landed.land() == 1
    assert landed.count("transcript_line") == 1
    assert landed.land(landed.answer) == 1
    assert landed.count("transcript_line") == 0
    assert (
        "API responses were found: the sample store is removed and rebuilt from them."
        in landed.said
    )


def test_a_path_that_is_not_there_is_said_before_anything_is_landed(landed: Landed) -> None:
    with pytest.raises(StoreError, match="There is no file or folder"):
        landed.land(landed.answer, Path("/nowhere"))
    assert not landed.paths.warehouse.exists()
