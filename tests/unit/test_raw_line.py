"""From a row back to its line: what `agent-store line` finds, shows and says."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from agent_store.cli import cli
from agent_store.errors import StoreError
from agent_store.paths import StorePaths
from agent_store.show.raw_line import fetch

SESSION = "projects/-home-ada-shop/s1.jsonl"


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StorePaths:
    monkeypatch.setenv("AGENT_STORE_HOME", str(tmp_path))
    paths = StorePaths(tmp_path).ensure()
    connection = duckdb.connect(str(paths.warehouse))
    connection.execute("create schema raw")
    connection.execute(
        "create table raw.source_file(file_id bigint, host varchar, root varchar, path varchar, generation integer, "
        "line_count bigint)"
    )
    for table in ("transcript_line", "history_line", "event_line", "api_response"):
        connection.execute(
            f"create table raw.{table}(file_id bigint, line_number bigint, part_number integer, line varchar, "
            "repaired_line varchar)"
        )
    connection.execute(
        "insert into raw.source_file values (1, 'desk', '/a', ?, 0, 3), (2, 'desk', '/a', 'history.jsonl', 0, 1), "
        "(3, 'laptop', '/b', 'projects/two/s2.jsonl', 0, 1), (4, 'desk', '/a', 'projects/two/s2.jsonl', 0, 1), "
        "(5, 'desk', '/h/spool', 'sdk-2026-01-01.jsonl', 0, 1), (6, 'desk', '/a', 'answers/a.sse', 0, 1)",
        [SESSION],
    )
    connection.execute(
        'insert into raw.transcript_line values (1, 1, 0, \'{"type":"user","n":1}\', null), '
        "(1, 2, 0, '{\"a\":1}', null), (1, 2, 1, '{\"b\":2}', null), (1, 3, 0, '{\"cut', null), "
        '(3, 1, 0, \'{"of":"laptop"}\', null), (4, 1, 0, \'{"of":"bad"}\', \'{"of":"desk"}\')'
    )
    connection.execute('insert into raw.history_line values (2, 1, 0, \'{"display":"hello"}\', null)')
    connection.execute('insert into raw.event_line values (5, 1, 0, \'{"kind":"api_call"}\', null)')
    connection.execute('insert into raw.api_response values (6, 1, 0, \'{"source":"event_stream"}\', null)')
    connection.close()
    return paths


def test_a_line_is_shown_as_indented_json(paths: StorePaths) -> None:
    shown = CliRunner().invoke(cli, ["line", SESSION, "1"], standalone_mode=False)
    assert shown.output == '{\n  "type": "user",\n  "n": 1\n}\n'
    assert CliRunner().invoke(cli, ["line", SESSION, "1", "--raw"], standalone_mode=False).output == (
        '{"type":"user","n":1}\n'
    )


def test_objects_glued_on_one_line_come_in_their_order(paths: StorePaths) -> None:
    assert [json.loads(found.text) for found in fetch(paths, SESSION, 2)] == [{"a": 1}, {"b": 2}]


def test_what_is_no_json_comes_as_it_is(paths: StorePaths) -> None:
    assert fetch(paths, SESSION, 3)[0].pretty == '{"cut'


def test_lines_of_the_prompt_history_are_found_too(paths: StorePaths) -> None:
    assert fetch(paths, "history.jsonl", 1)[0].text == '{"display":"hello"}'


def test_recorded_events_and_responses_in_files_are_found_too(paths: StorePaths) -> None:
    assert fetch(paths, "sdk-2026-01-01.jsonl", 1)[0].text == '{"kind":"api_call"}'
    assert fetch(paths, "answers/a.sse", 1)[0].text == '{"source":"event_stream"}'


def test_the_same_path_on_two_machines_gives_both_with_their_names(paths: StorePaths) -> None:
    shown = CliRunner().invoke(cli, ["line", "projects/two/s2.jsonl", "1", "--raw"], standalone_mode=False)
    assert shown.stdout.splitlines() == ['{"of":"desk"}', '{"of":"laptop"}']
    assert "laptop /b projects/two/s2.jsonl:1" in shown.stderr


@pytest.mark.parametrize(
    ("path", "number", "message"),
    [
        ("projects/none.jsonl", 1, "No file projects/none.jsonl"),
        (SESSION, 4, "has no line 4; its last one is 3"),
    ],
)
def test_a_missing_file_and_a_missing_line_are_told_apart(
    paths: StorePaths, path: str, number: int, message: str
) -> None:
    with pytest.raises(StoreError, match=message):
        fetch(paths, path, number)


def test_without_a_warehouse_it_says_to_build_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no warehouse") as raised:
        fetch(StorePaths(tmp_path / "empty"), SESSION, 1)
    assert raised.value.exit_code == 3


def test_in_the_home_of_a_lake_it_says_where_the_lines_are(paths: StorePaths) -> None:
    paths.lake_mark.write_text("{}", encoding="utf-8")
    with pytest.raises(StoreError, match="they stay on their host"):
        fetch(paths, SESSION, 1)
