"""Logs and projects of somebody who means harm: the build takes in or sets aside what they say, and does nothing else.

One build, on a copy of the sample's store, is what all of these tests look at.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pytest
from conftest import PROJECT, clean_environment

from agent_store.build.state import read_state, write_state
from agent_store.paths import StorePaths
from ingest.land import land
from ingest.landing import lines
from ingest.landing.found import Scan
from ingest.landing.lines import LineFile
from ingest.transcripts import discover
from tests import hostile
from tests.mutations.store import EXPECTED_FINDINGS

# What a terminal obeys: controls, C1, what turns the direction.
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff]")
_COMMANDS = (
    ("report",), ("report", "--json"), ("doctor",), ("doctor", "--json"), ("tables", "session"), ("brief", "/w"),
    ("query", "select * from dim_session", "--format", "table"),
    ("query", "from v_set_aside_line union all by name from v_set_aside_input", "--format", "csv"),
    ("query", "select prompt_text, template_id from fact_prompt", "--format", "json"),
    ("line", "projects/-last/x.jsonl", "1"), ("alert", "--check"),
)  # fmt: skip


@dataclass
class Built:
    """What the build was given, what it said, and what it left."""

    paths: StorePaths
    folder: Path
    done: subprocess.CompletedProcess[str]
    before: set[str]

    def rows(self, sql: str, *, store: bool = False) -> list[tuple[object, ...]]:
        """Ask the warehouse, or the published store."""
        with duckdb.connect(":memory:") as connection:
            file, name = (self.paths.store, "agent_store") if store else (self.paths.warehouse, "warehouse")
            connection.execute(f"attach '{file}' as {name} (read_only)")
            connection.execute(f"use {name}")
            return connection.execute(sql).fetchall()


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent_store.cli", *arguments], cwd=PROJECT, env=clean_environment(home), text=True,
        stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def built(sample_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("hostile")
    logs, _ = hostile.write(folder)
    paths = StorePaths(folder / "store")
    paths.ensure()
    for part in ("build", "target"):
        shutil.copytree(sample_store.parent / part, paths.home / part, dirs_exist_ok=True)
    shutil.copy(sample_store, paths.store)
    # As if the user's own sessions were in it: a sample is thrown away when others come.
    write_state(paths, replace(read_state(paths), holds_sample=False))
    paths.spool.mkdir()
    (paths.spool / "hooks-2026-06-01.jsonl").symlink_to(folder / "secret.txt")
    user = clean_environment(paths.home)["HOME"]
    (Path(user) / ".ssh").mkdir()
    (Path(user) / ".ssh" / "id_rsa").write_text(hostile.SECRET, encoding="utf-8")
    before = {str(path) for path in folder.rglob("*") if not path.is_relative_to(paths.home)}
    done = run(paths.home, "build", "--quiet", "--root", str(logs))
    return Built(paths, folder, done, before)


def test_the_build_ends_and_publishes(built: Built) -> None:
    assert built.done.returncode == 0, built.done.stderr[-3000:]
    assert "Published" in built.done.stdout
    found = built.rows("select test_name from v_failed_check", store=True)
    assert {name for (name,) in found} <= EXPECTED_FINDINGS


def test_every_whole_session_is_there_under_its_own_name(built: Built) -> None:
    models = {name for (name,) in built.rows("select distinct model_id from dim_model", store=True)}
    branches = {
        name for (name,) in built.rows("select distinct git_branch from staging.stg_transcripts__line")
    }
    for name in (*hostile.MARKS, hostile.JINJA, hostile.TERMINAL, "__proto__", "two\nlines"):
        assert name in branches
    assert models
    # The statements in the names were text.
    assert built.rows("select count(*) > 300 from raw.transcript_line") == [(True,)]


def test_what_is_no_file_of_ours_is_a_finding_or_nothing(built: Built) -> None:
    said = built.done.stderr
    assert "loop.jsonl: cannot be read" in said
    assert said.count("a link that does not lead to a transcript of the same owner is not followed") >= 4
    assert "an archive that unpacks to more than 200 times its size" in said
    landed = {path for (path,) in built.rows("select path from raw.source_file")}
    assert not any(name in path for path in landed for name in ("pipe", "socket", "loop"))


def test_nothing_around_the_logs_was_read(built: Built) -> None:
    """Not by a link, not by a path with `..`, not by an import, an alias or a list of sources."""
    for path in built.paths.home.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert hostile.SECRET.encode() not in path.read_bytes(), path
    listed = "select table_name, list(column_name) from duckdb_columns() where {} group by all".format(
        "schema_name = 'raw' and database_name = 'warehouse' and data_type = 'VARCHAR'"
    )
    for table, columns in built.rows(listed):
        assert isinstance(columns, list)
        text = f"concat_ws(' ', {', '.join(columns)})"
        held = built.rows(
            f"select {text} from raw.{table} where contains({text}, '{hostile.SECRET}') or contains({text}, 'root:x:0:0')"
        )
        assert held == [], table


def test_nothing_was_run_made_or_removed_outside_the_store(built: Built) -> None:
    after = {str(path) for path in built.folder.rglob("*") if not path.is_relative_to(built.paths.home)}
    assert {path for path in after ^ built.before if "/store-user/" not in path} == set()
    assert not (built.folder / "project" / "was-run").exists()
    assert (
        not Path("/tmp/x").exists()
        or Path("/tmp/x").stat().st_mtime < built.paths.warehouse.stat().st_ctime - 600
    )


def test_only_folders_that_a_client_can_have_named_are_looked_into(built: Built) -> None:
    found = {
        folder for (folder,) in built.rows("select folder from raw.scan_folder where origin = 'project'")
    }
    assert str(built.folder / "project") in found
    assert found - {str(built.folder / "project"), "/etc"} <= {
        folder for folder in found if folder.startswith("/home/dev/")
    }
    reasons = built.rows(
        "select path, set_aside_reason from raw.component_version where set_aside_reason is not null"
    )
    told = {str(path).rpartition(".claude/")[2]: str(reason) for path, reason in reasons}
    for place in ("skills/link/SKILL.md", "skills/out", "agents", "settings.json"):
        assert told[place] == "a link that leads out of the project"
    assert "with its aliases expanded" in told["skills/bomb/SKILL.md"]
    assert "nested more than" in told["skills/deep/SKILL.md"]
    assert "could not determine a constructor" in told["skills/plain/SKILL.md"]


@pytest.mark.parametrize("command", _COMMANDS, ids=" ".join)
def test_nothing_shown_is_obeyed_by_a_terminal(command: tuple[str, ...], built: Built) -> None:
    done = run(built.paths.home, *command)
    assert "Traceback" not in done.stderr
    for said in (done.stdout, done.stderr, built.done.stdout, built.done.stderr):
        assert not OBEYED.search(said)
    if "--json" in command or "json" in command:
        json.loads(done.stdout)


def test_briefs_are_json_without_what_a_terminal_obeys(built: Built) -> None:
    briefs = list((built.paths.home / "briefs").glob("*.json"))
    assert briefs
    for brief in briefs:
        json.loads(brief.read_bytes())


def test_the_dashboard_is_written_and_has_nothing_that_is_obeyed(built: Built) -> None:
    text = built.paths.dashboard.read_text(encoding="utf-8")
    assert not OBEYED.search(text)
    assert text.count("</script>") == 3
    assert built.paths.dashboard.stat().st_mode & 0o777 == 0o600


# --- files that change while they are looked at


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / "projects" / "-p"
    folder.mkdir(parents=True)
    for number in (1, 2):
        text = hostile.text_of(hostile.lines(number))
        (folder / f"{hostile.session_id(number)}.jsonl").write_text(text, encoding="utf-8")
    return tmp_path / "home"


@pytest.mark.parametrize("now", ["pipe", "folder", "device", "gone"])
def test_a_file_that_is_another_thing_when_it_is_opened_is_a_problem(
    now: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = home / "projects" / "-p" / f"{hostile.session_id(1)}.jsonl"
    scan = discover.scan

    def scanned(roots: Sequence[Path | str]) -> Scan:
        found = scan(roots)
        changed.unlink()
        if now == "pipe":
            os.mkfifo(changed)
        elif now == "folder":
            changed.mkdir()
        elif now == "device":
            changed.symlink_to("/dev/zero")
        return found

    monkeypatch.setattr(discover, "scan", scanned)
    result = land([home], tmp_path / "warehouse.duckdb")
    assert result.lines_landed == 4
    assert [changed.name in problem.path for problem in result.problems] == [True]


def test_a_transcript_that_grows_while_it_is_read_is_read_as_it_was_when_it_was_opened(home: Path) -> None:
    file = home / "projects" / "-p" / f"{hostile.session_id(1)}.jsonl"
    before = file.read_bytes()
    with LineFile(str(file), is_archive=False) as opened:
        found = []
        for chunk in opened.chunks(0):
            found += chunk.lines
            with file.open("ab") as more:
                more.write(b'{"type":"user"}\n' * 3)
    assert b"\n".join(found) + b"\n" == before


def test_an_archive_is_unpacked_no_further_than_transcripts_shrink(tmp_path: Path) -> None:
    archive = tmp_path / "x.jsonl.gz"
    with gzip.open(archive, "wb") as bomb:
        for _ in range(200):
            bomb.write(b"{}\n" * (1 << 19))
    with LineFile(str(archive), is_archive=True) as opened:
        assert opened.size < 70 * 2**20
        assert "unpacks to more than 200 times" in opened.damage


def test_a_line_that_no_build_has_the_memory_to_parse_is_kept_and_set_aside(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line of 100 MB would end every model that reads lines, for all sessions."""
    monkeypatch.setattr(lines, "MOST_PARSED_BYTES", 5_000)
    file = home / "projects" / "-p" / f"{hostile.session_id(1)}.jsonl"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("Done", "x" * 6_000), encoding="utf-8")
    result = land([home], tmp_path / "warehouse.duckdb")
    assert (result.lines_landed, result.lines_set_aside) == (8, 1)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as connection:
        kept = connection.execute(
            "select strlen(line) > 6000, line_number from raw.transcript_line where set_aside_reason = ?",
            [lines.UNREAD],
        ).fetchall()
    assert kept == [(True, 4)]
