"""What a host has shared, replayed from its manifests."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from agent_store.lake import append_only, share_file
from agent_store.lake.append_only import _mark, _Past
from agent_store.lake.share_file import Manifest, Member, Share


def _session(name: str, stamp: str) -> dict[str, object]:
    return {"session_id": name, "stamp": stamp, "line_count": 1}


def _past(*manifests: Manifest) -> _Past:
    return _Past.of(Share(Path("host/2026-01.tar"), manifest, "", 0, 0, ()) for manifest in manifests)


def test_the_last_share_that_names_a_session_counts() -> None:
    past = _past(
        Manifest(3, {}, leaving=["b"], erases=True),
        Manifest(1, {}, sessions=[_session("a", "1"), _session("b", "1")]),
        Manifest(2, {}, sessions=[_session("a", "2")]),
    )
    assert past.sessions == {"a": 1}
    assert [len(past.sessions_of(index)) for index in range(3)] == [0, 1, 0]
    assert past.forgets
    assert past.last_number == 3


def test_rows_of_the_host_are_those_added_and_not_removed_since() -> None:
    past = _past(
        Manifest(1, {}, added={"t": ["7", "7", "9"]}),
        Manifest(2, {}, removed={"t": ["7"]}),
        Manifest(3, {}, added={"t": ["7", "5"]}, removed={"t": ["9"]}),
    )
    assert past.rows == {"t": {"7": (2, 1), "5": (2, 1)}}
    assert past.rows_of(0, "t") == []
    assert _mark(past.rows["t"]) == f"2 {7 ^ 5}"


def test_a_mark_tells_copies_of_a_row() -> None:
    assert _mark({}) == ""
    assert _mark({"6": (0, 2), "3": (0, 1)}) == "3 3"


def test_columns_are_those_of_the_share() -> None:
    past = _past(
        Manifest(1, {}, columns={"t": [["a", "INTEGER"]]}), Manifest(2, {}, columns={"t": [["a", "BIGINT"]]})
    )
    assert [columns["t"] for columns in past.columns_at] == [[["a", "INTEGER"]], [["a", "BIGINT"]]]


def test_a_rewritten_month_still_says_what_was_removed_from_earlier_ones() -> None:
    first, second = Path("host/2026-01.tar"), Path("host/2026-02.tar")
    manifests = (
        (first, Manifest(1, {}, sessions=[_session("a", "1")], added={"t": ["1", "2"]})),
        (second, Manifest(2, {}, sessions=[_session("b", "1")], added={"t": ["3"]}, removed={"t": ["1"]})),
        (second, Manifest(3, {}, sessions=[_session("b", "2")])),
    )
    past = _Past.of(Share(file, manifest, "", 0, 0, ()) for file, manifest in manifests)
    kept = append_only._kept(past, second, is_whole=False)
    assert kept is not None
    assert (kept[0][1].sessions, kept[0][1].removed) == ([], {"t": ["1"]})
    whole = append_only._kept(past, second, is_whole=True)
    assert whole is not None
    assert whole[0][1].removed == {}


@pytest.mark.parametrize("gap", [b"", b"\0" * 1024, b"x" * 512, b"\0" * 700 + b"y" * 324])
def test_shares_behind_foreign_bytes_are_found(tmp_path: Path, gap: bytes) -> None:
    member = tmp_path / "rows.parquet"
    member.write_bytes(b"PAR1" * 300)
    file = tmp_path / "2026-01.tar"
    with file.open("w+b") as stream:
        for number in (1, 2):
            share_file.Appending(stream).share(
                Manifest(number, {"host_id": "h"}), [(Member("t", share_file.HOST, 0, "", 1), member)]
            )
            stream.write(gap)
        share_file.Appending(stream).end()
        found = share_file.content(file, stream)
        assert [share.manifest.share for share in found.shares] == [1, 2]
        copy = io.BytesIO()
        assert share_file.copy_member(stream, found.shares[1], 0, copy)
        assert copy.getvalue() == member.read_bytes()
