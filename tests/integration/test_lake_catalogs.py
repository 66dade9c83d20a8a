"""Lakes with a catalog: hosts that share at once or are killed, sessions that are forgotten, object storage, errors."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from agent_store.errors import StoreError
from agent_store.lake import catalog, extensions, reading, share
from agent_store.lake.ducklake import ERASING, DuckLake
from agent_store.lake.host import this_host
from agent_store.lake.target import LAKE, Shared, parse
from tests.conftest import PROJECT, clean_environment
from tests.lake_homes import COMMON, OWN, LakeHost, LakeHosts, lake_hosts
from tests.postgres import Postgres, postgres

__all__ = ("lake_hosts", "postgres")
KINDS = ("postgres", "sqlite", "duckdb")
# A server, and a file: the kinds of files differ little, and each test takes its time.
SERVER_AND_FILE = pytest.mark.parametrize("place", ["postgres", "duckdb"], indirect=True)
# Where a share is killed: a text of a statement, which of them, and how many milliseconds later.
BEFORE_COMMIT = (("insert into lake", 9, 0), ("commit", 2, 0))
AROUND_COMMIT = (("commit", 2, 20), ("ducklake_last_committed_snapshot", 1, 0))
IN_ERASING = ("rewrite_data_files", "cleanup_old_files", "delete from lake.lake_erasing")


@dataclass(frozen=True)
class Place:
    """Where a lake is."""

    target: str
    data: str

    def lake(self) -> DuckLake:
        """The lake, to be called directly."""
        return DuckLake(parse(self.target, self.data))

    def share(self, host: LakeHost) -> Shared:
        """Share from a home, in this process."""
        return share.share(host.paths, PROJECT, parse(self.target, self.data), host=host.name)

    def start(
        self, host: LakeHost, text: str = "never", number: int = 1, delay: int = 0
    ) -> subprocess.Popen[str]:
        """Share from a home in a process, which is killed at a statement."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.lake_kill", str(host.home), host.name, self.target, self.data,
             text, str(number), str(delay)],
            cwd=PROJECT, env=clean_environment(host.home), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def costs(self) -> dict[str, float]:
        """The cost of each session that counts. Fails if a host's session or a row is there twice."""
        with closing(duckdb.connect(":memory:")) as connection:
            try:
                reading.attach(connection, self.target)
            except StoreError:
                return {}
            for table, key in (
                ("lake_session", "host_id, session_id"), ("lake_host", "host_id"), ("fact_api_call", "_host, call_id"),
            ):  # fmt: skip
                twice = connection.execute(
                    f"select {key} from {LAKE}.{table} group by all having count(*) > 1"
                ).fetchall()
                assert not twice, (table, twice)
            return dict(
                connection.execute(
                    f"""
                    select counted.session_id, coalesce(sum(calls.cost_usd), 0)
                    from {reading.SCHEMA}.counted_session as counted
                    left join {LAKE}.fact_api_call as calls
                        on calls.session_id = counted.session_id and calls._host = counted.host_id
                    group by counted.session_id
                    """
                ).fetchall()
            )


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A place for a new lake, with each kind of catalog."""
    if request.param == "postgres":
        return Place(request.getfixturevalue("postgres").database(), str(tmp_path / "lake.data"))
    return Place(str(tmp_path / f"lake.{request.param}"), "")


def expected(*hosts: LakeHost) -> dict[str, object]:
    """The costs of the union, from the stores of its hosts: that of Ann has only the first lines of the common session."""
    costs: dict[str, float] = {}
    for host in sorted(hosts, key=lambda host: host.name != "ann"):
        costs |= host.costs()
    return {session: pytest.approx(cost) for session, cost in costs.items()}


@pytest.mark.parametrize("place", ["postgres", "sqlite"], indirect=True)
def test_hosts_that_share_at_once_all_arrive(place: Place, lake_hosts: LakeHosts, tmp_path: Path) -> None:
    """Four hosts start a lake together: each tries again until it is in, and nothing is there twice."""
    hosts = [host.copy(tmp_path) for host in lake_hosts.values()]
    hosts.append(LakeHost("dan", lake_hosts["bob"].copy(tmp_path / "other").home))
    running = [place.start(host) for host in hosts]
    for process in running:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
    assert place.costs() == expected(*hosts)
    assert all(place.share(host).is_unchanged for host in hosts)


@pytest.mark.parametrize(
    ("words", "is_kept"),
    [("Conflict on tuple", True), ("duplicate key value", True), ("no such host", False)],
)
def test_the_folder_of_a_lake_that_another_host_makes_stays(
    words: str, is_kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host that came second has made the folder for the rows, and the first one already relies on it."""

    def fail(*_: object, **__: object) -> None:
        raise duckdb.TransactionException(words)

    monkeypatch.setattr(catalog, "_attach", fail)
    folder = tmp_path / "lake.data"
    with duckdb.connect() as connection, pytest.raises(duckdb.Error, match=words):
        catalog.attach(connection, parse(f"sqlite:{tmp_path / 'lake.sqlite'}", str(folder)), read_only=False)
    assert folder.is_dir() == is_kept


@SERVER_AND_FILE
def test_a_killed_share_leaves_all_or_nothing(place: Place, lake_hosts: LakeHosts, tmp_path: Path) -> None:
    """A host is killed at many points: its sessions are in the lake as a whole or not at all; the next share repairs it."""
    ann, bob, eve = (host.copy(tmp_path) for host in lake_hosts.values())
    place.share(ann)
    without, whole = expected(ann), expected(ann, bob)
    for point in (*BEFORE_COMMIT, *AROUND_COMMIT):
        process = place.start(bob, *point)
        process.communicate(timeout=300)
        found = place.costs()
        if point in BEFORE_COMMIT:
            assert process.returncode == -signal.SIGKILL, point
            assert found == without, point
        assert found in (without, whole), point
    place.share(bob)
    assert place.costs() == whole
    assert place.share(eve).session_count == 2
    assert place.costs() == expected(ann, bob, eve)
    assert place.costs()[COMMON] == pytest.approx(bob.costs()[COMMON])
    assert place.share(bob).is_unchanged


def _texts_in(folder: Path, session: str) -> list[str]:
    """The Parquet files of a folder that have a session in any row: compressed, they hide it from a search for bytes."""
    with closing(duckdb.connect(":memory:")) as connection:
        return [
            str(file)
            for file in sorted(folder.rglob("*.parquet"))
            if connection.execute(
                f"select 1 from '{file}' as rows where contains(to_json(rows)::varchar, ?) limit 1", [session]
            ).fetchone()
        ]


@pytest.fixture(scope="module")
def bob_before_and_after(
    lake_hosts: LakeHosts, tmp_path_factory: pytest.TempPathFactory
) -> tuple[LakeHost, LakeHost]:
    """One host before and after it forgot its own session."""
    before = lake_hosts["bob"].copy(tmp_path_factory.mktemp("before"))
    this_host(before.paths, before.name)
    after = before.copy(tmp_path_factory.mktemp("after"))
    after.run("forget", "--session", OWN["bob"], "--yes")
    return before, after


@SERVER_AND_FILE
def test_a_forgotten_session_is_in_no_file(
    place: Place, lake_hosts: LakeHosts, bob_before_and_after: tuple[LakeHost, LakeHost], tmp_path: Path
) -> None:
    """The share after forgetting removes the rows from the files too, even if shares before it are killed while they do."""
    ann = lake_hosts["ann"].copy(tmp_path)
    before, bob = (
        host.copy(tmp_path / when) for host, when in zip(bob_before_and_after, ("old", "new"), strict=True)
    )
    forgotten = OWN["bob"]
    data = tmp_path / "lake.data"
    # Rows that a killed share left belong to no table.
    place.start(before, "commit", 2).communicate(timeout=300)
    place.share(ann)
    place.share(before)
    assert _texts_in(data, forgotten)
    for text in IN_ERASING:
        process = place.start(bob, text)
        process.communicate(timeout=300)
        assert process.returncode == -signal.SIGKILL, text
        assert place.costs() == expected(ann, bob)
    place.share(bob)
    assert not _texts_in(data, forgotten)
    assert place.costs() == expected(ann, bob)
    with (
        closing(duckdb.connect(":memory:")) as connection,
        catalog.attached(connection, parse(place.target), read_only=True),
    ):
        for table in ("ducklake_table_column_stats", "ducklake_file_column_stats"):
            assert not connection.execute(
                f"select * from {catalog.METADATA}.{table} where min_value = $1 or max_value = $1",
                [forgotten],
            ).fetchall()


@SERVER_AND_FILE
def test_maintenance_merges_files_and_keeps_the_rows(
    place: Place, lake_hosts: LakeHosts, tmp_path: Path
) -> None:
    """Sessions sent again leave removed rows and small files; maintenance leaves one file per host and month."""
    ann, bob = (lake_hosts[name].copy(tmp_path) for name in ("ann", "bob"))
    place.share(bob)
    for _ in range(2):
        _change_stamps(place)
        assert place.share(bob).byte_count > 0
    place.share(ann)
    before = place.costs()
    place.lake().maintain()
    assert place.costs() == before == expected(ann, bob)
    with (
        closing(duckdb.connect(":memory:")) as connection,
        catalog.attached(connection, parse(place.target), read_only=True),
    ):
        files = connection.execute(
            f"select data_file, delete_file from ducklake_list_files('{LAKE}', 'fact_api_call')"
        ).fetchall()
    assert len({Path(file).parent for file, _ in files}) == len(files)
    assert not any(removed for _, removed in files)


def test_waiting_for_a_catalog_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_SAY_AFTER_SECONDS", 0.01)
    monkeypatch.setattr(catalog, "_LONGEST_TURN_SECONDS", 0.01)
    place = parse(str(tmp_path / "lake.sqlite"))
    said: list[str] = []
    with (
        duckdb.connect() as one,
        catalog.attached(one, place, read_only=False),
        duckdb.connect() as other,
        pytest.raises(StoreError, match="is in use by another share"),
        catalog.attached(other, place, read_only=False, say=said.append),
    ):
        pass
    assert said == [f"Waiting until another host is done with {place.place} …"]


@SERVER_AND_FILE
def test_a_host_that_left_is_removed_with_its_rows(place: Place, lake_hosts: LakeHosts, tmp_path: Path) -> None:
    ann, bob = (lake_hosts[name].copy(tmp_path) for name in ("ann", "bob"))
    place.share(ann)
    place.share(bob)
    data = ["--data", place.data] if place.data else []
    said = ann.run("lake", "remove", place.target, "bob", "--yes", *data)
    assert re.search(r"Host bob \(bob-\w+\) in .*, sessions: 2\.", said)
    assert place.costs() == expected(ann)
    folder = Path(place.data or Path(place.target).with_suffix(".data"))
    left = {file.relative_to(folder).parts[1:3] for file in folder.rglob("*.parquet")}
    assert any(partition.startswith("_host=ann-") for _, partition in left)
    assert {table for table, partition in left if "=bob-" in partition} <= {ERASING}
    said = ann.run("lake", "remove", place.target, "bob", "--yes", *data, code=1)
    assert "No host is called 'bob'" in said
    assert re.search(r"ann-\w+ \(ann\), sessions: 2", said)


def _change_stamps(place: Place) -> None:
    with (
        closing(duckdb.connect(":memory:")) as connection,
        catalog.attached(connection, parse(place.target), read_only=False),
    ):
        connection.execute(f"update {LAKE}.lake_session set stamp = concat('earlier#', split_part(stamp, '#', 2))")


def test_maintenance_leaves_the_files_of_others(tmp_path: Path) -> None:
    """DuckLake would remove every Parquet file in the folder that is older than a day."""
    place = parse(str(tmp_path / "lake.ducklake"))
    with closing(duckdb.connect(":memory:")) as connection, catalog.attached(connection, place, read_only=False):
        connection.execute(f"create table {LAKE}.{ERASING} (host_id varchar)")
    folder = tmp_path / "lake.data" / "main" / "fact_prompt" / "_host=ann-1" / "_month=2026-01-01"
    own, other = folder / "ducklake-01a22d6e-5966-7961.parquet", tmp_path / "lake.data" / "sales.parquet"
    folder.mkdir(parents=True)
    for file in (own, other):
        file.touch()
        os.utime(file, (0, 0))
    DuckLake(place).maintain()
    assert other.exists()
    other.unlink()
    DuckLake(place).maintain()
    assert not own.exists()


# --- errors


def test_a_lost_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_FIRST_PAUSE_SECONDS", 0.01)
    place = parse(str(tmp_path / "lake.ducklake"))
    _make_lake(place.place)
    (file,) = (tmp_path / "lake.data").rglob("*.parquet")
    file.unlink()
    with closing(duckdb.connect(":memory:")) as connection, pytest.raises(StoreError, match="a file with rows is gone"):

        def attempt() -> None:
            with catalog.attached(connection, place, read_only=True):
                connection.execute(f"from {LAKE}.here").fetchall()

        catalog.again(attempt, place)


def test_a_lake_that_cannot_be_read_is_not_left_attached(tmp_path: Path) -> None:
    """A second attempt of the same build would wait for minutes for a lake that it has attached itself."""
    place = str(tmp_path / "lake.ducklake")
    with (
        closing(duckdb.connect(":memory:")) as connection,
        catalog.attached(connection, parse(place), read_only=False),
    ):
        connection.execute(f"create table {LAKE}.lake_host as select 'ann-1' as host_id")
    with closing(duckdb.connect(":memory:")) as connection:
        for _ in range(2):
            with pytest.raises(StoreError, match="lake_session does not exist"):
                reading.attach(connection, place)


def test_a_copy_of_a_catalog_is_not_written_to(tmp_path: Path) -> None:
    original, copy = tmp_path / "lake.ducklake", tmp_path / "backup" / "lake.ducklake"
    _make_lake(str(original))
    copy.parent.mkdir()
    shutil.copy(original, copy)
    assert "one of the two is a copy" in _fails(str(copy), read_only=False).message
    with closing(duckdb.connect(":memory:")) as connection:
        with catalog.attached(connection, parse(str(copy)), read_only=True):
            assert connection.execute(f"from {LAKE}.here").fetchall() == [(1,)]
        with catalog.attached(connection, parse(str(original)), read_only=False):
            connection.execute(f"insert into {LAKE}.here values (2)")


def test_a_new_lake_does_not_take_the_rows_of_another(tmp_path: Path) -> None:
    rows = tmp_path / "rows"
    rows.mkdir()
    (rows / "sales.parquet").touch()
    for name in ("lake.ducklake", "lake.sqlite"):
        assert "has Parquet files already" in _fails(str(tmp_path / name), str(rows), read_only=False).message
        assert not (tmp_path / name).exists()


def _fails(target: str, data: str = "", *, read_only: bool = True) -> StoreError:
    with closing(duckdb.connect(":memory:")) as connection, pytest.raises(StoreError) as raised:
        place = parse(target, data)

        def attempt() -> None:
            with catalog.attached(connection, place, read_only=read_only):
                connection.execute(f"create table {LAKE}.here (n int)")

        catalog.again(attempt, place)
    assert "geheim" not in f"{raised.value.message} {raised.value.hint}"
    assert raised.value.hint
    return raised.value


def _make_lake(target: str, data: str = "") -> None:
    with (
        closing(duckdb.connect(":memory:")) as connection,
        catalog.attached(connection, parse(target, data), read_only=False),
    ):
        connection.execute(f"create table {LAKE}.here as select 1 as n")


def test_errors_of_postgres_say_what_to_do(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each way that a database may refuse: the cause, the advice, and never the password."""
    url, data = postgres.database(), str(tmp_path / "rows")
    name = url.partition("?")[0].rpartition("/")[2]
    assert "--data" in _fails(url, read_only=False).hint
    assert "no lake" in _fails(url).message
    _make_lake(url, data)
    assert "another place" in _fails(url, str(tmp_path / "elsewhere"), read_only=False).message
    assert not (tmp_path / "elsewhere").exists()
    assert "does not answer" in _fails("postgresql://u:geheim@127.0.0.1:1/lake").message
    assert "not known" in _fails("postgresql://u@nowhere.invalid/lake?password=geheim").message
    assert "nope" in _fails(postgres.url("nope")).message
    assert "mallory" in _fails(postgres.url(name, "mallory")).message
    postgres.run("create role reader login", "create role guarded login superuser password 'geheim'")
    assert "may not do that" in _fails(postgres.url(name, "reader")).message
    guarded = postgres.url(name, "guarded")
    assert "password" in _fails(guarded).message
    monkeypatch.setenv("PGPASSWORD", "falsch")
    assert "did not accept" in _fails(guarded).message
    monkeypatch.setenv("PGPASSWORD", "geheim")
    assert not DuckLake(parse(guarded)).stamps("nobody")
    monkeypatch.delenv("PGPASSWORD")
    passwords = tmp_path / "pgpass"
    passwords.write_text("*:*:*:guarded:geheim\n", encoding="ascii")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    assert not DuckLake(parse(guarded)).stamps("nobody")
    postgres.run("update ducklake_metadata set value = '99.0' where key = 'version'", database=name)
    assert "version of the DuckLake format" in _fails(url).message


def test_errors_of_files_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalog that is none, that another process holds, rows that are gone, a place that cannot be."""
    (tmp_path / "letter.ducklake").write_text("Dear Ann,\n" * 900, encoding="utf-8")
    assert "not the catalog" in _fails(str(tmp_path / "letter.ducklake")).message
    (tmp_path / "letter.sqlite").write_text("Dear Ann,\n" * 900, encoding="utf-8")
    assert "not the catalog" in _fails(str(tmp_path / "letter.sqlite")).message
    (tmp_path / "file").touch()
    assert "cannot be made" in _fails(str(tmp_path / "file" / "lake.ducklake"), read_only=False).message
    assert "no place for the rows" in _fails(str(tmp_path / "a.ducklake"), "ftp://b", read_only=False).message
    _make_lake(str(tmp_path / "lake.ducklake"))
    (tmp_path / "lake.data").rename(tmp_path / "gone")
    assert "is not there" in _fails(str(tmp_path / "lake.ducklake")).message
    monkeypatch.setattr(catalog, "_MOST_ATTEMPTS", 2)
    with holding(tmp_path / "lake.ducklake"):
        assert "is in use" in _fails(str(tmp_path / "lake.ducklake")).message
    monkeypatch.setattr(extensions, "_file", lambda _: None)
    assert "agent-store[lake]" in _fails(str(tmp_path / "lake.ducklake")).hint


@contextmanager
def holding(file: Path) -> Iterator[None]:
    """Have another process write to a database."""
    code = f"import duckdb; c = duckdb.connect({str(file)!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        yield
        other.communicate("\n")


# --- files


@pytest.mark.parametrize("kind", ["sqlite", "ducklake"])
def test_files_are_for_the_owner_or_the_team(kind: str, tmp_path: Path) -> None:
    """In a new folder all is for its owner; in one that its group may write to, all is for the group."""
    team = tmp_path / "team"
    team.mkdir()
    team.chmod(0o2770)
    for folder, allowed in ((tmp_path / "own", 0o700), (team, 0o770)):
        _make_lake(str(folder / f"lake.{kind}"))
        files = list(folder.rglob("*"))
        assert any(file.suffix == ".parquet" for file in files)
        for file in files:
            wanted = allowed if file.is_dir() else allowed & 0o666
            assert stat.S_IMODE(file.stat().st_mode) & 0o777 == wanted, file


@pytest.mark.parametrize("kind", ["sqlite", "ducklake"])
def test_a_shared_folder_may_be_mounted_anywhere(kind: str, tmp_path: Path) -> None:
    """The catalog of a folder names its rows by a path; on another machine the folder is at another path."""
    _make_lake(str(tmp_path / "here" / f"lake.{kind}"))
    (tmp_path / "here").rename(tmp_path / "there")
    place = parse(str(tmp_path / "there" / f"lake.{kind}"))
    with closing(duckdb.connect(":memory:")) as connection:
        with catalog.attached(connection, place, read_only=False):
            connection.execute(f"insert into {LAKE}.here values (2)")
        with catalog.attached(connection, place, read_only=True):
            assert connection.execute(f"select sum(n) from {LAKE}.here").fetchone() == (3,)
    assert not (tmp_path / "here").exists()


# --- object storage


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of a local S3 server, with credentials in the environment."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        made = urllib.request.Request(f"http://{host}:{port}/team", method="PUT")
        urllib.request.urlopen(made, timeout=30).close()
        yield "s3://team/lake"
    finally:
        server.stop()


def test_rows_in_object_storage(
    bucket: str,
    postgres: Postgres,
    lake_hosts: LakeHosts,
    bob_before_and_after: tuple[LakeHost, LakeHost],
    tmp_path: Path,
) -> None:
    """The first share names the bucket, later ones and readers do not; a forgotten session is in no object."""
    place = Place(postgres.database(), "")
    ann = lake_hosts["ann"].copy(tmp_path)
    before, bob = (
        host.copy(tmp_path / when) for host, when in zip(bob_before_and_after, ("old", "new"), strict=True)
    )
    Place(place.target, bucket).share(before)
    place.share(ann)
    assert place.costs() == expected(ann, before)
    objects = _objects_with(OWN["bob"], bucket)
    assert objects
    place.share(bob)
    assert place.costs() == expected(ann, bob)
    assert not _objects_with(OWN["bob"], bucket)
    place.lake().maintain()
    assert place.costs() == expected(ann, bob)


def _objects_with(session: str, bucket: str) -> list[str]:
    with closing(duckdb.connect(":memory:")) as connection:
        catalog.use_object_storage(connection)
        files = [file for (file,) in connection.execute(f"select file from glob('{bucket}/**')").fetchall()]
        return [
            file
            for file in files
            if connection.execute(
                f"select 1 from '{file}' as rows where contains(to_json(rows)::varchar, ?) limit 1", [session]
            ).fetchone()
        ]
