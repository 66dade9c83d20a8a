"""A lake in a plain folder: several writers, kills, damage, forgetting, and a git repository with LFS."""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from agent_store.errors import StoreError
from agent_store.lake import append_only, reading, share_file
from tests.conftest import PROJECT
from tests.lake_folder_host import FolderHost, Found, expected, read, start_arguments, target

ANN = FolderHost("ann", {"s1": ("v1", 3), "s2": ("v1", 40)}, {"Bash": 5, "Read": 1})
BOB = FolderHost("bob", {"s2": ("v7", 41), "s3": ("v1", 2)}, {"Bash": 2})


def _file(folder: Path, host: FolderHost) -> Path:
    (file,) = (folder / host.host_id).glob("*.tar")
    return file


def _texts(folder: Path) -> Iterator[str]:
    """Everything in a folder, unpacked: names, manifests, and the rows of Parquet files."""
    for file in (found for found in folder.rglob("*") if found.is_file()):
        yield str(file)
        if file.suffix != ".tar":
            yield file.read_text(encoding="utf-8")
            continue
        yield file.read_bytes().decode("latin-1")
        with tarfile.open(file) as tar:
            for member in tar:
                content = tar.extractfile(member)
                assert content is not None
                data = content.read()
                if member.name.endswith(".parquet"):
                    copy = folder.parent / "member.parquet"
                    copy.write_bytes(data)
                    yield str(duckdb.sql(f"from '{copy}'").fetchall())
                    yield str(duckdb.sql(f"from parquet_metadata('{copy}')").fetchall())


def test_the_lake_has_what_its_hosts_have(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    assert ANN.share(lake).session_count == 2
    assert BOB.share(lake).row_count == 44
    assert read(lake) == expected(ANN, BOB)

    later = replace(
        ANN, sessions={"s1": ("v2", 5), "s2": ("v1", 40), "s4": ("v1", 1)}, tools={"Bash": 6, "Edit": 1}
    )
    shared = later.share(lake)
    assert (shared.session_count, shared.gone_count, shared.row_count) == (2, 0, 8)
    assert read(lake) == expected(later, BOB)
    assert len(list(lake.glob("*/*.tar"))) == 2


def test_a_share_appends_and_nothing_new_writes_nothing(tmp_path: Path) -> None:
    ANN.share(tmp_path)
    before = _file(tmp_path, ANN).read_bytes()
    assert ANN.share(tmp_path).byte_count == 0
    assert _file(tmp_path, ANN).read_bytes() == before
    later = replace(ANN, sessions={**ANN.sessions, "s4": ("v1", 1)})
    shared = later.share(tmp_path)
    after = _file(tmp_path, ANN).read_bytes()
    assert after.startswith(before[:-1024]), "only the end of the tar is overwritten"
    assert shared.byte_count == len(after) - len(before) + 1024
    assert shared.byte_count < len(before)


def test_types_survive(tmp_path: Path) -> None:
    ANN.share(tmp_path)
    replace(BOB, more="score double[] default [0.5]").share(tmp_path)
    with duckdb.connect(":memory:") as connection, append_only.opened(target(tmp_path)) as lake:
        lake.attach(connection)
        types = dict(
            connection.execute(
                "select column_name, data_type from duckdb_columns() "
                "where database_name = 'lake' and table_name = 'fact_turn'"
            ).fetchall()
        )
        row = connection.execute(
            "select * from lake.main.fact_turn where session_id = 's1' and turn = 1"
        ).fetchone()
        scores = connection.execute(
            "select distinct _host, score from lake.main.fact_turn order by all"
        ).fetchall()
        with pytest.raises(duckdb.Error, match="read-only"):
            connection.execute("delete from lake.main.fact_turn")
    assert types == {
        "_host": "VARCHAR", "_month": "DATE", "_row": "VARCHAR", "session_id": "VARCHAR", "turn": "INTEGER",
        "cost": "DECIMAL(18,6)", "happened_at": "TIMESTAMP", "tags": "VARCHAR[]",
        "detail": 'STRUCT(one INTEGER, two VARCHAR[])', "extra": "JSON", "text": "VARCHAR", "score": "DOUBLE[]",
    }  # fmt: skip
    assert row is not None
    text = "text of s1 v1"
    assert row[6:] == (
        datetime(2026, 2, 1, 0, 0, 0, 123456), ["a", text], {"one": 1, "two": [text, None]},
        f'{{"text":"{text}"}}', text, None,
    )  # fmt: skip
    assert scores == [("ann-0", None), ("bob-0", [0.5])]


def test_hosts_share_at_once(tmp_path: Path) -> None:
    hosts = [ANN, BOB, FolderHost("eve", {"s2": ("v9", 5)})]
    processes = [
        subprocess.Popen(start_arguments(host, tmp_path / "lake", tmp_path / host.name, 0), cwd=PROJECT)
        for host in hosts
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert read(tmp_path / "lake") == expected(*hosts)


def test_a_session_that_hosts_have_in_common_counts_once(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    hosts = {host.name: host for host in (ANN, BOB, FolderHost("eve", {"s2": ("v9", 5), "s4": ("v1", 1)}))}
    steps = {"ann": 7, "bob": 0, "eve": 0}
    processes = [
        subprocess.Popen(start_arguments(hosts[name], lake, tmp_path / name, step), cwd=PROJECT)
        for name, step in steps.items()
    ]
    assert [process.wait(60) for process in processes] == [-9, 0, 0]
    assert _counted(lake) == {("bob-0", "s2"), ("bob-0", "s3"), ("eve-0", "s4")}
    ANN.share(lake)
    assert _counted(lake) == {("ann-0", "s1"), ("bob-0", "s2"), ("bob-0", "s3"), ("eve-0", "s4")}
    replace(BOB, sessions={"s3": ("v1", 2)}).share(lake)
    assert ("ann-0", "s2") in _counted(lake)


def _counted(lake: Path) -> set[tuple[str, str]]:
    with duckdb.connect(":memory:") as connection:
        reading.prepare(connection)
        reading.attach(connection, str(lake))
        found = connection.execute("select host_id, session_id from merging.counted_session").fetchall()
        assert len({session for _, session in found}) == len(found)
        rows = connection.execute("select distinct _host, session_id from lake.main.fact_turn").fetchall()
        assert set(found) <= set(rows)
        return set(found)


@pytest.mark.parametrize("step", [2, 5, 8, 12, 15, 18])
def test_a_killed_share_counts_whole_or_not_at_all(tmp_path: Path, step: int) -> None:
    lake = tmp_path / "lake"
    ANN.share(lake)
    BOB.share(lake)
    later = replace(ANN, sessions={"s2": ("v2", 41), "s5": ("v1", 9)}, tools={"Bash": 9})
    killed = subprocess.run(start_arguments(later, lake, tmp_path / "ann", step), cwd=PROJECT, check=False)
    assert killed.returncode in {-9, 0}
    found = replace(read(lake), findings=[])
    assert found in (expected(ANN, BOB), expected(later, BOB))
    later.share(lake)
    assert read(lake) == expected(later, BOB)
    assert not any("text of s1" in text for text in _texts(lake))
    assert not list((lake / ANN.host_id).glob(".*"))


def test_a_cut_file_is_read_up_to_its_last_whole_share(tmp_path: Path) -> None:
    ANN.share(tmp_path)
    file = _file(tmp_path, ANN)
    first = file.stat().st_size - 1024
    later = replace(ANN, sessions={**ANN.sessions, "s1": ("v2", 4)}, tools={"Bash": 9})
    later.share(tmp_path)
    whole = file.read_bytes()
    with tarfile.open(file) as tar:
        starts = [member.offset for member in tar if member.offset >= first]
    cuts = {cut + more for cut in starts for more in (0, 100, 700)}
    assert len(cuts) >= 9
    for cut in sorted(cuts):
        file.write_bytes(whole[:cut])
        found = read(tmp_path)
        assert replace(found, findings=[]) == expected(ANN), cut
        if cut > first:
            assert "unfinished share" in found.findings[0]
        later.share(tmp_path)
        assert read(tmp_path) == expected(later), cut


def test_damage_costs_one_share_and_is_named(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    ANN.share(lake)
    later = replace(ANN, sessions={**ANN.sessions, "s4": ("v1", 30)})
    later.share(lake)
    BOB.share(lake)
    file = _file(lake, ANN)
    whole = file.read_bytes()
    with tarfile.open(file) as tar:
        members = {member.name: member for member in tar}
    first, last = "000001/fact_turn.sessions.parquet", "000002/fact_turn.sessions.parquet"
    (manifest,) = (name for name in members if name.startswith("000001/manifest"))
    lost = {
        # The place of the damage, and the sessions of this host that are still read.
        members[first].offset_data + 50: {"s4"},
        members[last].offset_data + 50: {"s1", "s2"},
        members[first].offset + 20: {"s4"},
        members[manifest].offset_data + 50: {"s4"},
    }
    for place, left in lost.items():
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        found = read(lake)
        assert {session for host, session in found.sessions if host == ANN.host_id} == left
        assert {session for host, session in found.sessions if host == BOB.host_id} == set(BOB.sessions)
        assert any(f"{ANN.host_id}/{file.name}" in finding for finding in found.findings)
        with duckdb.connect(":memory:") as connection:
            reading.prepare(connection)
            reading.attach(connection, str(lake))
            assert reading.findings(connection) == found.findings
    file.unlink()
    later.share(lake)
    assert read(lake) == expected(later, BOB)


def test_forgetting_leaves_no_byte(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    host = FolderHost("ann", {"s1": ("v1", 3), "secret": ("v1", 4)}, {"tool-of-secret": 1, "Bash": 1})
    host.share(lake)
    replace(host, sessions={**host.sessions, "secret": ("v2", 5)}).share(lake)
    replace(host, sessions={**host.sessions, "s3": ("v1", 5)}).share(lake)
    BOB.share(lake)
    assert any("secret" in text for text in _texts(lake))
    after = FolderHost("ann", {"s1": ("v1", 3), "s3": ("v1", 5)}, {"Bash": 1})
    shared = after.share(lake)
    assert (shared.session_count, shared.gone_count) == (0, 1)
    assert not any("secret" in text for text in _texts(lake))
    assert read(lake) == expected(after, BOB)
    assert after.share(lake).byte_count == 0


def test_what_a_new_policy_or_expiry_removes_is_in_no_file(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    host = FolderHost("ann", {"s1": ("plain#policy-1", 3), "s2": ("v1#policy-1", 2)})
    host.share(lake)
    replace(host, sessions={**host.sessions, "s1": ("plainer#policy-1", 4)}).share(lake)
    assert any("plain#" in text for text in _texts(lake))
    after = FolderHost("ann", {"s1": ("redacted#policy-2", 4), "s2": ("v1#policy-2", 2)})
    assert after.share(lake).session_count == 2
    assert not any("plain" in text for text in _texts(lake))
    assert read(lake) == expected(after)
    assert after.share(lake).byte_count == 0


def test_files_of_earlier_months_are_rewritten_when_mostly_replaced(tmp_path: Path) -> None:
    host = FolderHost("ann", {f"s{number}": ("v1", 2000) for number in range(3)} | {"s3": ("v1", 20)})
    host.share(tmp_path)
    old = _file(tmp_path, host).rename(tmp_path / host.host_id / "2026-01.tar")
    one = replace(host, sessions={**host.sessions, "s0": ("v2", 1)})
    before = old.stat().st_size
    one.share(tmp_path)
    assert old.stat().st_size == before
    most = replace(
        host, sessions={f"s{number}": ("v3", 3 + number) for number in range(3)} | {"s3": ("v1", 20)}
    )
    most.share(tmp_path)
    assert old.stat().st_size < before
    assert read(tmp_path) == expected(most)
    assert len(list((tmp_path / host.host_id).glob("*.tar"))) == 2


def test_a_pointer_of_lfs_is_explained(tmp_path: Path) -> None:
    ANN.share(tmp_path)
    _file(tmp_path, ANN).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    for act in (lambda: read(tmp_path), lambda: ANN.share(tmp_path)):
        with pytest.raises(StoreError, match="pointer of Git LFS") as raised:
            act()
        assert "lfs pull" in raised.value.hint


def test_nobody_shared(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no lake"):
        read(tmp_path / "missing")


@pytest.mark.parametrize("kind", ["varchar); attach 'x' as y; --", "none"])
def test_a_type_in_a_manifest_is_no_sql(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = append_only._manifest
    monkeypatch.setattr(
        append_only,
        "_manifest",
        lambda *given: replace(
            real(*given), columns={"fact_turn": [["_host", "varchar"], ["session_id", kind]]}
        ),
    )
    ANN.share(tmp_path)
    with pytest.raises(StoreError, match="of the type"):
        read(tmp_path)


def test_a_drive_without_locks_links_and_renames_across_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    real = os.replace

    def within(source: str, to: str) -> None:
        if Path(source).parent != Path(to).parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        real(source, to)

    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(fcntl, "flock", refused)
    monkeypatch.setattr(os, "link", refused)
    monkeypatch.setattr(os, "replace", within)
    monkeypatch.setattr(os, "rename", within)
    ANN.share(tmp_path)
    after = replace(ANN, sessions={"s2": ("v1", 40)})
    after.share(tmp_path)
    # Coarse times of files must not decide anything.
    os.utime(_file(tmp_path, ANN), (0, 0))
    assert read(tmp_path) == expected(after)


def test_one_process_of_a_host_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fcntl")
    monkeypatch.setattr(share_file, "_LOCK_SECONDS", 0.2)
    (tmp_path / ANN.host_id).mkdir()
    with share_file.alone(tmp_path / ANN.host_id):
        with pytest.raises(StoreError, match="Another process is sharing"):
            ANN.share(tmp_path)
        BOB.share(tmp_path)


def test_files_have_the_permissions_of_the_folder(tmp_path: Path) -> None:
    for mode, of_files in ((0o750, 0o640), (0o700, 0o600)):
        lake = tmp_path / f"{mode:o}"
        lake.mkdir()
        lake.chmod(mode)
        ANN.share(lake)
        replace(ANN, sessions={}).share(lake)
        assert (lake / ANN.host_id).stat().st_mode & 0o777 == mode
        assert {file.stat().st_mode & 0o777 for file in lake.rglob("*") if file.is_file()} == {of_files}


@pytest.mark.parametrize(("around", "made"), [(0o755, 0o700), (0o2770, 0o2770)])
def test_a_new_folder_is_private_or_for_the_team_around_it(tmp_path: Path, around: int, made: int) -> None:
    team = tmp_path / "team"
    team.mkdir()
    team.chmod(around)
    ANN.share(team / "lake")
    assert stat.S_IMODE((team / "lake").stat().st_mode) == made
    # Only its owner writes to the folder of a host; its files belong to the group of the lake.
    assert stat.S_IMODE((team / "lake" / ANN.host_id).stat().st_mode) == made & 0o2755


def test_a_host_that_left_is_removed(tmp_path: Path) -> None:
    ANN.share(tmp_path)
    BOB.share(tmp_path)
    with append_only.opened(target(tmp_path)) as lake:
        assert lake.hosts() == {ANN.host_id: ("ann", 2), BOB.host_id: ("bob", 2)}
        lake.remove(BOB.host_id)
    assert read(tmp_path) == expected(ANN)


def test_the_copy_is_private_and_shared_by_builds_of_one_process(tmp_path: Path) -> None:
    ANN.share(tmp_path)
    with duckdb.connect(":memory:") as one, duckdb.connect(":memory:") as other:
        files = []
        for connection in (one, other):
            with append_only.opened(target(tmp_path)) as lake:
                lake.attach(connection)
            found = connection.execute(
                "select path from duckdb_databases() where database_name = 'lake'"
            ).fetchone()
            assert found is not None
            files.append(Path(found[0]))
    assert files[0] == files[1]
    assert files[0].parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in files[0].parent.iterdir()] == ["lake.duckdb"]


def test_random_bytes_are_no_share() -> None:
    assert share_file.content(Path("host/2026-01.tar"), io.BytesIO(b"x" * 3_000_000)).shares == ()


# -- A git repository with LFS ------------------------------------------------------------------------------------------


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bare repository, with settings of git for this test only."""
    if shutil.which("git-lfs") is None:
        pytest.skip("git-lfs is not installed (apt install git-lfs)")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    _git(tmp_path, "config", "--global", "user.email", "host@example.org")
    _git(tmp_path, "config", "--global", "user.name", "Host")
    _git(tmp_path, "lfs", "install", "--skip-repo")
    _git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "remote.git")
    return tmp_path / "remote.git"


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _push(clone: Path) -> None:
    _git(clone, "add", "--all")
    _git(clone, "commit", "--quiet", "--message", "Shared")
    if _git(clone, "ls-remote", "origin"):
        _git(clone, "pull", "--quiet", "--rebase", "origin", "main")
    _git(clone, "push", "--quiet", "origin", "HEAD:main")


def test_clones_of_a_git_repository_share_without_conflict(git: Path, tmp_path: Path) -> None:
    clones = {host.name: tmp_path / host.name for host in (ANN, BOB)}
    for clone in clones.values():
        _git(tmp_path, "clone", "--quiet", f"file://{git}", str(clone))
        _git(clone, "checkout", "--quiet", "-B", "main")
    assert "git repository" in ANN.share(clones["ann"] / "lake").note
    BOB.share(clones["bob"] / "lake")
    _push(clones["ann"])
    _push(clones["bob"])
    later = replace(ANN, sessions={"s1": ("v2", 4), "s2": ("v1", 40)})
    after = replace(BOB, sessions={"s3": ("v1", 2)})
    later.share(clones["ann"] / "lake")
    assert "filter-repo" in after.share(clones["bob"] / "lake").note
    _push(clones["bob"])
    _push(clones["ann"])

    third = tmp_path / "third"
    _git(tmp_path, "clone", "--quiet", f"file://{git}", str(third))
    assert read(third / "lake") == expected(later, after)
    assert sorted(_git(third, "lfs", "ls-files", "--name-only").split()) == [
        f"lake/{host.host_id}/{_file(third / 'lake', host).name}" for host in (ANN, BOB)
    ]
    assert _git(clones["ann"], "status", "--porcelain") == ""


def test_without_lfs_the_folder_is_shared_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitattributes").write_text("mine\n")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    shared = ANN.share(tmp_path)
    assert "git-lfs is not installed" in shared.note
    assert read(tmp_path).sessions == expected(ANN).sessions
    assert (tmp_path / ".gitattributes").read_text() == "mine\n"


def test_a_new_reader_finds_an_explanation(tmp_path: Path) -> None:
    ANN.share(tmp_path)
    text = (tmp_path / "README.txt").read_text(encoding="utf-8")
    assert "agent-store lake build" in text
    assert read(tmp_path) == Found(expected(ANN).sessions, expected(ANN).tools, [])
