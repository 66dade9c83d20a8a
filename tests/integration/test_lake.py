"""The union of hosts, held against one store of everything."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from conftest import PROJECT, BuildStore, clean_environment

from agent_store.errors import StoreError
from agent_store.lake import build as building
from agent_store.lake import catalog, reading, shipment
from agent_store.lake.host import this_host
from agent_store.lake.target import LAKE, parse
from agent_store.paths import StorePaths
from tests.equal_stores import Difference, differences
from tests.lake_homes import COMMON, OWN, LakeHosts, lake_hosts

__all__ = ("lake_hosts",)
SAMPLE = PROJECT / "sample" / "home"
PAGE = PROJECT / "docs" / "lake.md"
HEADING = "## What is not the same as in one store"
USER = "the_user_of_the_sample"
LEFT_OUT = "-home-dev-shop"


def listed() -> set[str]:
    """The relations that the page lists as different."""
    _, _, section = PAGE.read_text(encoding="utf-8").partition(HEADING)
    rows = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def run(home: Path, *arguments: str, code: int = 0) -> str:
    """Run a command in a home of its own; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "agent_store.cli", *arguments],
        cwd=PROJECT,
        env=clean_environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@dataclass(frozen=True)
class Team:
    """Two hosts that have the sample between them, a lake, and the home of its store."""

    first: Path
    second: Path
    lake: Path
    home: Path
    said: str
    # One store of everything.
    one: Path


@pytest.fixture(scope="module")
def team(build_store: BuildStore, tmp_path_factory: pytest.TempPathFactory) -> Team:
    """Two hosts share; a third shares copies of all sessions of the second; the lake is built.

    All logs are at the same path when they are landed, as on machines that are set up alike.
    """
    folder = tmp_path_factory.mktemp("team")
    root = folder / "root"
    first, second, one = (folder / name for name in ("a", "b", "one"))
    shutil.copytree(SAMPLE, root)
    build_store([root], one, tests=False)
    for home, has in ((first, True), (second, False)):
        shutil.rmtree(root)
        shutil.copytree(SAMPLE, root, ignore=lambda _, names, has=has: [
            name for name in names if name.startswith("-home-") and (name == LEFT_OUT) is not has
        ])  # fmt: skip
        if not has:
            # What is beside the transcripts is on the first host only.
            for place in root.iterdir():
                if place.name != "projects":
                    shutil.rmtree(place) if place.is_dir() else place.unlink()
        build_store([root], home, tests=False)
    lake = folder / "team.ducklake"
    for home, name in ((first, "laptop"), (second, "desktop"), (second, "synced")):
        run(home, "share", str(lake), "--host", name)
    aliases = folder / "aliases.yml"
    aliases.write_text(json.dumps({USER: [_user(one)]}), encoding="utf-8")
    said = run(
        folder / "nobody", "lake", "build", str(lake), "--into", str(folder / "lake"), "--aliases", str(aliases)
    )
    return Team(first, second, lake, folder / "lake", said, one)


def _user(home: Path) -> str:
    """The hashed id of the user of the sample."""
    with duckdb.connect(str(home / "agent_store.duckdb"), read_only=True) as connection:
        found = connection.execute("select max(user_id) from dim_session where user_id <> 'unknown'").fetchone()
    return str(found[0]) if found else ""


@pytest.fixture(scope="module")
def different(team: Team) -> list[Difference]:
    """The relations of the lake's store that are not those of the one store."""
    return differences(team.one, [team.home], renamed={USER: _user(team.one)})


def test_the_union_of_hosts_is_one_store(different: list[Difference]) -> None:
    unexplained = [str(difference) for difference in different if difference.relation not in listed()]
    assert unexplained == []


def test_what_is_listed_as_different_is_few() -> None:
    assert len(listed()) == 16, "The list may only shrink."


def test_every_test_of_the_union_passes(team: Team) -> None:
    with duckdb.connect(str(team.home / "agent_store.duckdb"), read_only=True) as connection:
        assert connection.execute("select * from v_failed_check").fetchall() == []
        assert connection.execute("select is_tested, test_count > 100 from store_build").fetchall() == [(True, True)]


def test_copies_of_sessions_count_once_and_are_shown(team: Team) -> None:
    with duckdb.connect(str(team.home / "agent_store.duckdb"), read_only=True) as connection:
        hosts = {
            name: counts
            for name, *counts in connection.execute(
                "select host_name, session_count, counted_session_count, copied_session_count, is_same_code "
                "from v_lake_host"
            ).fetchall()
        }
    assert hosts.keys() == {"laptop", "desktop", "synced"}
    sessions, *_ = hosts["desktop"]
    assert hosts["desktop"] == [sessions, hosts["desktop"][1], sessions, True]
    assert hosts["desktop"][1] + hosts["synced"][1] == sessions
    assert hosts["laptop"][2] == 0
    assert f"on several hosts (each counts once): {sessions}" in team.said


def test_commands_open_the_store_of_a_lake_as_any_other(team: Team) -> None:
    theirs, ours = (json.loads(run(home, "report", "--json")) for home in (team.home, team.one))
    assert theirs["total"] == ours["total"]
    assert (team.home / "dashboard.html").is_file()


def test_an_alias_unites_the_ids_of_a_user(team: Team) -> None:
    with duckdb.connect(str(team.home / "agent_store.duckdb"), read_only=True) as connection:
        assert (USER,) in connection.execute("select distinct user_id from dim_session").fetchall()


def test_nothing_is_written_if_nothing_changed(team: Team) -> None:
    assert run(team.second, "share", str(team.lake), "--host", "desktop").startswith("Nothing new")


def test_projects_left_out_leave_no_row(team: Team, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(team.first, home)
    run(home, "share", str(tmp_path / "whole.ducklake"))
    (home / "privacy.yml").write_text('sharing: {leave_out: ["shop"]}\n', encoding="utf-8")
    run(home, "share", str(tmp_path / "whole.ducklake"))
    run(home, "share", str(tmp_path / "part.ducklake"))
    for lake in ("whole", "part"):
        with duckdb.connect() as connection, parse(str(tmp_path / f"{lake}.ducklake")).opened() as opened:
            opened.attach(connection)
            found = _rows_with(connection, "/home/dev/shop")
            assert found == {}, lake


def test_a_session_that_was_in_a_folder_left_out_stays_and_damaged_lines_of_its_project_too(
    lake_hosts: LakeHosts, tmp_path: Path
) -> None:
    bob = lake_hosts["bob"].copy(tmp_path)
    (bob.home / "privacy.yml").write_text('sharing: {leave_out: ["/home/me/clients/*"]}\n', encoding="utf-8")
    with duckdb.connect(str(bob.paths.warehouse)) as connection:
        # The session began in another project, and went there later.
        connection.execute(
            "update staging.stg_transcripts__line set working_dir = '/home/me/clients/acme' "
            "where session_id = ? and line_number = 5",
            [COMMON],
        )
    with duckdb.connect(str(bob.paths.store)) as connection:
        connection.execute(
            "insert into v_set_aside_line (source_root, source_path, source_line, part_number, line_head, _batch_id) "
            "values ('/logs', 'projects/-home-me-clients-acme/x.jsonl', 1, 1, 'A prompt at acme', 1)"
        )
    bob.run("share", str(tmp_path / "lake"))
    with duckdb.connect() as connection, parse(str(tmp_path / "lake")).opened() as opened:
        opened.attach(connection)
        assert connection.execute(f"select session_id from {LAKE}.lake_session").fetchall() == [(OWN["bob"],)]
        assert _rows_with(connection, "acme") == {}


def test_a_session_is_sent_again_if_something_was_removed_from_its_lines(lake_hosts: LakeHosts, tmp_path: Path) -> None:
    bob = lake_hosts["bob"].copy(tmp_path)
    lake = str(tmp_path / "lake")
    bob.run("share", lake)
    assert bob.run("share", lake).startswith("Nothing new")
    with duckdb.connect(str(bob.paths.warehouse)) as connection:
        # As `privacy apply` and `forget` note it: the batch that landed the line stays the same.
        connection.execute(
            "insert into raw.rewritten_row by name select 'transcript_line' as table_name, file_id, line_number, "
            "part_number, _batch_id as batch_id, row_hash, row_hash as new_row_hash, 'policy' as reason, "
            "2 as rewritten_in_batch_id from raw.transcript_line where file_id = "
            "(select max(file_id) from staging.stg_transcripts__line where session_id = ?) limit 1",
            [OWN["bob"]],
        )
    assert "Sessions written: 1, removed: 0" in bob.run("share", lake)
    assert bob.run("share", lake).startswith("Nothing new")


def test_a_session_is_sent_again_if_rows_of_a_fact_expired(lake_hosts: LakeHosts, tmp_path: Path) -> None:
    bob = lake_hosts["bob"].copy(tmp_path)
    lake = str(tmp_path / "lake")
    (bob.home / "privacy.yml").write_text("retention: {facts: {fact_context_segment: 90}}\n", encoding="utf-8")
    bob.run("share", lake)
    with duckdb.connect(str(bob.paths.store)) as connection:
        connection.execute("delete from fact_context_segment where session_id = ?", [OWN["bob"]])
    assert "Sessions written: 1, removed: 0" in bob.run("share", lake)
    assert bob.run("share", lake).startswith("Nothing new")


@pytest.mark.parametrize(
    ("path", "pattern", "stays"),
    [
        ("/home/me/clients/acme/x.py", "/home/me/clients/*", True),
        ("projects/-home-me-clients-acme/x.jsonl", "/home/me/clients/*", True),
        ("projects/-home-me-clients-acme/x.jsonl", "/home/me/clients/", True),
        ("projects/-home-me-clients-acme-web/5/subagents/agent-1.jsonl", "acme", True),
        ("projects/-home-me-clients-acme/x.jsonl", "/home/me/client", False),
        ("projects/-home-me-acmeshop/x.jsonl", "acme", False),
        ("/home/me/projects/acme-web/x.jsonl", "acme", False),
    ],
)
def test_transcripts_of_a_project_that_stays_are_known_by_their_folder(path: str, pattern: str, stays: bool) -> None:
    assert shipment._stays(path, pattern) is stays


def _rows_with(connection: duckdb.DuckDBPyConnection, text: str) -> dict[str, int]:
    """The tables of a lake that hold a text, with the number of rows."""
    tables = connection.execute(
        "select table_name, list(column_name) from duckdb_columns() where database_name = ? and data_type = 'VARCHAR' "
        "and not starts_with(table_name, 'lake_') group by table_name",
        [LAKE],
    ).fetchall()
    found = {}
    for table, columns in tables:
        condition = " or ".join(f"contains(\"{column}\", '{text}')" for column in columns)
        row = connection.execute(f'select count(*) from {LAKE}.main."{table}" where {condition}').fetchone()
        if row and row[0]:
            found[table] = row[0]
    return found


def test_a_session_that_fails_a_guard_in_the_union_is_set_aside(team: Team, tmp_path: Path) -> None:
    lake = tmp_path / "team.ducklake"
    shutil.copy(team.lake, lake)
    shutil.copytree(team.lake.with_suffix(".data"), lake.with_suffix(".data"))
    with duckdb.connect() as connection, catalog.attached(connection, parse(str(lake)), read_only=False):
        found = connection.execute(f"select max(session_id) from {LAKE}.fact_inference").fetchone()
        session = found[0] if found else ""
        connection.execute(f"update {LAKE}.fact_inference set cost_usd = cost_usd + 5 where session_id = ?", [session])
    said = run(tmp_path / "nobody", "lake", "build", str(lake), "--into", str(tmp_path / "lake"))
    assert "set aside (v_set_aside_session says why): 1" in said
    with duckdb.connect(str(tmp_path / "lake" / "agent_store.duckdb"), read_only=True) as connection:
        assert connection.execute("select session_id from v_set_aside_session").fetchall() == [(session,)]
        assert connection.execute("select count(*) from fact_api_call where session_id = ?", [session]).fetchall() == [
            (0,)
        ]


def test_a_home_with_logs_is_not_overwritten(team: Team) -> None:
    said = run(team.first, "lake", "build", str(team.lake), "--into", str(team.first), code=1)
    assert "is the home of this machine's own logs" in said


@pytest.mark.parametrize("command", ["build --quiet", "ingest", "privacy apply", "schedule install --yes"])
def test_the_store_of_a_lake_is_not_replaced_by_logs_of_this_machine(tmp_path: Path, command: str) -> None:
    paths = StorePaths(tmp_path).ensure()
    paths.lake_mark.write_text('{"lake": "/mnt/team/lake.ducklake"}', encoding="utf-8")
    said = run(tmp_path, *command.split(), code=1)
    assert "has the store of a lake" in said
    assert not paths.warehouse.exists()


def test_a_place_without_a_lake_is_said(tmp_path: Path) -> None:
    said = run(tmp_path / "home", "lake", "build", str(tmp_path / "none.ducklake"), code=1)
    assert "There is no lake" in said
    assert "agent-store share" in said
    assert not StorePaths(tmp_path / "home" / "lake").lake_mark.exists()


def test_a_file_is_no_folder_of_a_lake(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(StoreError, match="is a file, and not the catalog"):
        parse(str(tmp_path / "notes.txt"))


@pytest.mark.parametrize("name", ["", " ", "é", "a\nb", "a\x1b[31m", "n" * 300])
def test_wrong_names_of_hosts_are_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="is no name of a host"):
        this_host(StorePaths(tmp_path), name)


# --- which copy counts


Shared = tuple[str, str, int, str | None]
Call = tuple[str, str, str | None, str]


def count(connection: duckdb.DuckDBPyConnection, *sessions: Shared, calls: Sequence[Call] = ()) -> list[tuple[str, str]]:
    """The host that counts of each session, for (host, session, lines, last line) and (host, session, message, time)."""
    reading.prepare(connection)
    connection.execute(
        f"create table {reading.SCHEMA}.shared_session (host_id varchar, session_id varchar, line_count bigint, "
        "last_line_at timestamp)"
    )
    connection.executemany(f"insert into {reading.SCHEMA}.shared_session values (?, ?, ?, ?)", list(sessions))
    if calls:
        connection.execute(f"attach ':memory:' as {LAKE}")
        connection.execute(
            f"create table {LAKE}.main.fact_api_call (_host varchar, session_id varchar, message_id varchar, "
            "called_at timestamp)"
        )
        connection.executemany(f"insert into {LAKE}.main.fact_api_call values (?, ?, ?, ?)", list(calls))
    reading.count_sessions(connection)
    return connection.execute(f"select session_id, host_id from {reading.SCHEMA}.counted_session order by all").fetchall()


def counted(*sessions: Shared) -> list[tuple[str, str]]:
    """The host that counts of each session of a lake without responses."""
    with duckdb.connect() as connection:
        return count(connection, *sessions)


def test_the_copy_with_most_lines_counts() -> None:
    assert counted(("a", "s", 10, "2026-01-01"), ("b", "s", 12, "2026-01-01"), ("b", "t", 1, None)) == [
        ("s", "b"),
        ("t", "b"),
    ]


def test_of_equal_copies_the_one_with_the_latest_line_counts_then_the_first_host() -> None:
    assert counted(("a", "s", 10, "2026-01-01"), ("b", "s", 10, "2026-01-02")) == [("s", "b")]
    assert counted(("b", "s", 10, "2026-01-01"), ("a", "s", 10, "2026-01-01"), ("c", "s", 10, None)) == [("s", "a")]


def test_of_a_fork_and_an_original_on_different_hosts_the_longer_one_counts() -> None:
    with duckdb.connect() as connection:
        assert count(
            connection,
            ("a", "original", 20, None), ("b", "fork", 30, None), ("c", "fork", 10, None), ("c", "relayed", 4, None),
            calls=[
                # The second host forked a session and went on longer.
                ("a", "original", "m1", "2026-01-01 10:00:00"), ("b", "fork", "m1", "2026-01-01 10:00:00"),
                ("a", "original", "m2", "2026-01-01 10:01:00"), ("b", "fork", "m2", "2026-01-01 10:01:00"),
                ("b", "fork", "m3", "2026-01-01 10:02:00"),
                # Another host has a copy of the fork, and one that uses the ids of others.
                ("c", "fork", "m1", "2026-01-01 10:00:00"), ("c", "relayed", "m1", "2026-01-05 08:00:00"),
                ("c", "relayed", None, "2026-01-01 10:00:00"),
            ],
        ) == [("fork", "b"), ("relayed", "c")]  # fmt: skip
        ((session, test, reason),) = connection.execute(f"from {reading.SCHEMA}.uncounted_session").fetchall()
        assert (session, test) == ("original", "fork_across_hosts")
        assert reason.startswith("It has 2 responses of session fork, which only another host has.")


def test_of_equal_copies_of_a_fork_the_one_beside_its_original_counts() -> None:
    with duckdb.connect() as connection:
        assert count(
            connection,
            ("a", "fork", 4, None), ("b", "fork", 4, None), ("b", "original", 2, None),
            calls=[
                ("b", "original", "m1", "2026-01-01 10:00:00"), ("b", "fork", "m2", "2026-01-01 10:01:00"),
                ("a", "fork", "m1", "2026-01-01 10:00:00"), ("a", "fork", "m2", "2026-01-01 10:01:00"),
            ],
        ) == [("fork", "b"), ("original", "b")]  # fmt: skip
        assert connection.execute(f"from {reading.SCHEMA}.uncounted_session").fetchall() == []


# --- aliases


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ann: [user_1, user_2]\nbob: user_1\n", "belongs to 'ann' and to 'bob'"),
        ("- ann\n", "are not a list of names"),
        ("ann: [1]\n", "has an id that is no text"),
        ("yes: user_1\n", "True is no name"),
        ("'': user_1\n", "'' is no name"),
        ("ann: [", "are not YAML"),
    ],
)
def test_wrong_aliases_are_said(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "aliases.yml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(StoreError, match=re.escape(message)):
        building.read_aliases(file)


def test_aliases_name_each_id(tmp_path: Path) -> None:
    file = tmp_path / "aliases.yml"
    file.write_text("ann: [user_1, user_2]\nbob: user_3\n", encoding="utf-8")
    assert building.read_aliases(file) == {"user_1": "ann", "user_2": "ann", "user_3": "bob"}
    assert building.read_aliases(tmp_path / "none.yml") == {}
