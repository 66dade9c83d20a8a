"""The spool: files that several writers append to, on this machine and on others."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from agent_store.record import shared, spool
from ingest.events import spool as spools
from ingest.land import land

DAY = 24 * 3600


def lines(folder: Path) -> list[bytes]:
    return [
        line for file in sorted(folder.glob("*.jsonl")) for line in file.read_bytes().split(b"\n") if line
    ]


def test_a_line_is_one_object_in_a_private_file_of_its_day_and_writer(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool.append(str(folder), spool.SDK, spool.envelope("api_call", b'{"a": 1}', "s1", 5, 2))
    (file,) = folder.iterdir()
    assert file.name.startswith("sdk-2") and file.suffix == ".jsonl"
    assert (file.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    record = json.loads(file.read_text())
    assert {name: record[name] for name in ("schema_version", "kind", "received_at_ms", "sequence", "session_id")} == {
        "schema_version": 1, "kind": "api_call", "received_at_ms": 5, "sequence": 2, "session_id": "s1",
    }  # fmt: skip
    assert (record["pid"], record["payload"]) == (os.getpid(), {"a": 1})


def test_a_torn_line_does_not_swallow_the_next_one(tmp_path: Path) -> None:
    spool.append(str(tmp_path), spool.HOOKS, b'{"whole": 1}')
    (file,) = tmp_path.iterdir()
    with file.open("ab") as torn:
        torn.write(b'{"torn": ')
    spool.append(str(tmp_path), spool.HOOKS, b'{"whole": 2}')
    assert lines(tmp_path) == [b'{"whole": 1}', b'{"torn": ', b'{"whole": 2}']


def test_line_breaks_of_an_event_are_white_space_and_a_huge_one_loses_its_content(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = spool.hook_line(b'{"session_id":"s1",\r\n "hook_event_name": "Stop"}\n')
    assert b"\n" not in line
    assert json.loads(line)["payload"] == {"session_id": "s1", "hook_event_name": "Stop"}
    assert json.loads(line)["session_id"] == "s1"
    monkeypatch.setattr(spool, "MOST_BYTES", 10)
    assert json.loads(spool.hook_line(b'{"session_id":"s1"}'))["payload"] == {"dropped_bytes": 19}


NFS = "server:/export /mnt/team nfs4 rw 0 0"
LOCAL = ("/dev/sda1 / ext4 rw 0 0", "proc /proc proc rw 0 0")


@pytest.mark.parametrize(
    ("mounted", "folder", "expected"),
    [
        (LOCAL, "/home/dev/.agent-store/spool", False),
        ((*LOCAL, NFS), "/mnt/team/store/spool", True),
        ((*LOCAL, NFS), "/mnt/teamwork/spool", False),
        ((*LOCAL, NFS, "/dev/sdb1 /mnt/team/local ext4 rw 0 0"), "/mnt/team/local/spool", False),
        ((*LOCAL, "//nas/a /mnt/a\\040b cifs rw 0 0"), "/mnt/a b/spool", True),
        (("nonsense",), "/x", False),
    ],
)
def test_a_network_drive_is_told_by_the_list_of_mounts(
    mounted: Sequence[str], folder: str, expected: bool, tmp_path: Path
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("\n".join(mounted) + "\n")
    assert shared.is_on_network(Path(folder), mounts) is expected
    assert not shared.is_on_network(Path(folder), tmp_path / "none")


def test_each_process_has_its_own_file_where_machines_share_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared.mark(tmp_path / "a")
    assert not (tmp_path / "a").exists()
    monkeypatch.setenv(shared.SHARED_VARIABLE, "1")
    shared.mark(tmp_path / "a")
    spool.append(str(tmp_path / "a"), spool.LIBRARY, b"{}")
    (file,) = (tmp_path / "a").glob("*.jsonl")
    assert file.stem.endswith(f"-{os.getpid()}")


def aged(file: Path, days: float) -> None:
    at = file.stat().st_mtime - days * DAY
    os.utime(file, (at, at))


def test_what_has_been_landed_goes_after_an_hour_and_a_torn_line_is_set_aside_first(tmp_path: Path) -> None:
    folder, warehouse = tmp_path / "spool", tmp_path / "warehouse.duckdb"
    folder.mkdir()
    line = spool.envelope("session", b"{}", "s1", 1) + b"\n"
    for name, content in (("new", line), ("old", line * 2), ("torn", line + b'{"half": ')):
        (folder / f"{name}.jsonl").write_bytes(content)
    aged(folder / "old.jsonl", 8)
    aged(folder / "torn.jsonl", 8)
    (folder / "notes.txt").write_text("not ours")
    (folder / "link.jsonl").symlink_to(folder / "notes.txt")

    first = land([], warehouse, spool=folder)
    assert (first.lines_landed, first.lines_set_aside) == (4, 0)
    names = {file.name for file in folder.iterdir()}
    assert names == {"new.jsonl", "torn.jsonl", "notes.txt", "link.jsonl"}

    # The torn line has its end now. It was written just now, so its file stays for another hour.
    second = land([], warehouse, spool=folder)
    assert (second.lines_landed, second.lines_set_aside) == (1, 1)
    aged(folder / "torn.jsonl", 8)
    third = land([], warehouse, spool=folder)
    assert third.lines_landed == 0
    assert {file.name for file in folder.iterdir()} == {"new.jsonl", "notes.txt", "link.jsonl"}
    assert land([], warehouse, spool=folder).lines_landed == 0
    assert not third.problems


def test_a_file_that_a_writer_has_just_touched_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"{}\n")
    aged(tmp_path / "a.jsonl", 8)
    found = spools.scan(tmp_path)
    with (tmp_path / "a.jsonl").open("ab") as file:
        file.write(b"{}\n")
    assert spools.remove_old(tmp_path, found, ()) == 0
    assert (tmp_path / "a.jsonl").exists()


def test_what_is_written_while_a_file_is_removed_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"{}\n")
    aged(file, 8)
    found = spools.scan(tmp_path)
    writer = file.open("ab")
    monkeypatch.setattr(spools.time, "sleep", lambda _: (writer.write(b'{"late": 1}\n'), writer.close()))
    assert spools.remove_old(tmp_path, found, ()) == 1
    (late,) = tmp_path.iterdir()
    assert late.match("a-*.jsonl")
    assert late.read_bytes() == b'{"late": 1}\n'


def test_a_removal_that_was_killed_is_ended_by_the_next_and_nothing_is_landed_twice(tmp_path: Path) -> None:
    warehouse, folder = tmp_path / "warehouse.duckdb", tmp_path / "spool"
    folder.mkdir()
    moved = folder / ".b.jsonl.3-17.removing"
    moved.write_bytes(b'{}\n{"late": 1}\n')
    # Killed before what was late is in its place, and after it; there need be no other file in the spool.
    for landed in (0, 1, 0):
        assert land([], warehouse, spool=folder).lines_landed == landed
        assert [one.name for one in folder.iterdir()] == ["b-17.jsonl"]
        moved.write_bytes(b'{}\n{"late": 1}\n')
