"""The user's settings, and what is said where they are wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent_store.errors import StoreError
from agent_store.paths import StorePaths
from agent_store.settings import Settings, read_settings, response_paths


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
            "Did you mean 'responses'? There are: projects, responses.",
        ),
        (
            '{"projects": {"/x": {"test_comand": "x"}}}',
            "projects → /x → test_comand",
            "Did you mean 'test_command'?",
        ),
        ('{"colour": 1}', "unknown entry: colour", "There are: projects, responses."),
        ('{"responses": "x"}', "wrong at responses", "Correct it"),
        ('{"projects": {"/x": {"timeout_s": 0}}}', "projects → /x → timeout_s", "Correct it"),
        ("[]", "wrong at the whole file", "Correct it"),
        ('{"responses": [', "not JSON: Expecting value in line 1", "Correct the file"),
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
