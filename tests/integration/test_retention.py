"""Sessions that are older than the policy keeps leave raw; what they cost stays, and nothing comes back or counts twice."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from privacy_home import FORK, GONE, OTHER, Home, said, secret_words, written

from agent_store.audit.verify import check as check_chain
from agent_store.build.lock import build_lock
from agent_store.errors import StoreError
from agent_store.privacy import archive, forget, forgotten, landing_policy, purge, retention
from ingest.privacy.tombstones import Tombstones

_NOW = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
_KEPT = "select session_id, relation, count(*) from raw.expired_row group by all order by all"


def at(days_ago: float) -> str:
    """A time, as logs have it."""
    return f"{(_NOW - timedelta(days=days_ago)).isoformat()}Z"


class Aged(Home):
    """A home whose sessions are old, but for one; what a build would publish is made of raw in a few words."""

    def __init__(self, folder: Path, expired: str = "archive") -> None:
        super().__init__(folder)
        self.paths.privacy.write_text(f"retention: {{sessions: 30, expired: {expired}}}\n")
        self.said: list[str] = []
        for file in self.project.rglob("*.jsonl"):
            days = 1 if file.stem == OTHER else 100
            lines = [json.loads(line) | {"timestamp": at(days)} for line in file.read_text().splitlines()]
            written(file, *lines)

    @property
    def project(self) -> Path:
        """Where the transcripts are."""
        return self.logs / "projects" / "-home-ann-shop"

    def add(self, session: str, *lines: dict[str, Any]) -> None:
        """Have a session go on."""
        with (self.project / f"{session}.jsonl").open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)

    def build(self, now: datetime = _NOW) -> None:
        """Let expire, land, and make the tables that the next expiry reads."""
        with build_lock(self.paths):
            retention.carry_out(self.paths, self.said.append, now)
            self.land()
            self.publish()
            purge.finish(self.paths, self.said.append)

    def publish(self) -> None:
        """Stand for a build."""
        self.paths.star.unlink(missing_ok=True)
        with duckdb.connect(str(self.paths.warehouse)) as connection:
            connection.execute(f"attach '{self.paths.star}' as star")
            connection.execute(_PUBLISHED)

    def expire(self, now: datetime = _NOW) -> None:
        """Build what is landed, then have what is old expire."""
        self.build(now)
        self.build(now)

    def kept(self) -> dict[tuple[str, str], int]:
        """How many rows are kept of each session, by relation."""
        return {(session, relation): count for session, relation, count in self.ask(_KEPT)}

    def lines(self, session: str) -> int:
        """How many lines of a session are landed."""
        return int(
            self.ask(f"select count(*) from raw.transcript_line where line ->> 'sessionId' = '{session}'")[0][
                0
            ]
        )


_PUBLISHED = """
    create schema if not exists intermediate;
    create or replace table intermediate.line as
    select line ->> 'uuid' as uuid, line -> 'message' ->> 'id' as message_id,
        try_cast(line ->> 'timestamp' as timestamp) as said_at,
        coalesce(nullif(regexp_extract(path, '([^/]+)/subagents/', 1), ''), regexp_extract(path, '([^/]+)[.]jsonl$', 1))
            as session_id
    from raw.transcript_line inner join raw.source_file using (file_id)
    where session_id not in (select session_id from raw.set_aside_session)
    union all
    select null, line ->> 'id', timestamp '2020-01-01',
        coalesce(line ->> 'session_id', 'responses-' || left(md5(logical_path), 12))
    from raw.api_response inner join raw.source_file using (file_id);
    create or replace table intermediate.int_session_tie as
    select distinct one.session_id, other.session_id as tied_session_id
    from intermediate.line as one inner join intermediate.line as other
        on one.uuid = other.uuid
            or (one.message_id = other.message_id and one.uuid is not null and other.uuid is not null);
    create table star.dim_session as
    select session_id, 'shop' as project_name, '/home/ann/shop' as project_path, 'ann' as user_id,
        min(said_at) as started_at,
        max(said_at) filter (said_at < current_timestamp::timestamp + interval 1 day) as ended_at
    from intermediate.line group by session_id;
    create table star.v_spending as
    select session_id, 'a title' as session_title, 1.5 as cost_usd from star.dim_session
    union all
    select session_id, null, (row_json ->> 'cost_usd')::double from raw.expired_row where relation = 'spending';
    create table star.v_cost as select session_id, unnest(['tool', 'model']) as kind from star.dim_session;
    create table star.fact_api_call as
    select message_id, min(session_id) as session_id from intermediate.line where message_id is not null group by all;
"""


@pytest.fixture
def aged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Aged:
    monkeypatch.setattr(retention, "_is_whole", lambda paths: paths.star.is_file())
    return Aged(tmp_path)


def test_old_sessions_leave_raw_and_what_dashboards_need_of_them_stays(aged: Aged) -> None:
    aged.expire()
    assert [aged.lines(one) for one in (GONE, FORK, OTHER)] == [0, 0, 20]
    for session in (GONE, FORK):
        assert {relation: aged.kept()[session, relation] for relation in ("spending", "cost", "session")} == {
            "spending": 1, "cost": 1, "session": 1,
        }  # fmt: skip
    assert "a title" not in repr(aged.ask("select row_json from raw.expired_row"))
    counted = aged.ask("select table_name, row_count from raw.expiry order by all")
    assert counted == aged.ask(
        "select table_name, count(*) from raw.erased_row where reason = 'retention' group by all order by all"
    )
    assert aged.ask("select content from raw.document") == []
    (folder,) = archive.folders(aged.paths)
    assert {"raw_transcript_line.parquet", "raw_document.parquet", "dim_session.parquet"} <= {
        file.name for file in folder.iterdir()
    }
    assert all(file.stat().st_mode & 0o077 == 0 for file in (folder.parent, folder, *folder.iterdir()))
    # What scans found in the lines, and the files' own rows, are no landed lines.
    landed = sum(count for table, count in counted if table != "source_file")
    assert f" {landed} landed rows" in aged.said[-1]
    assert not aged.paths.expiring.exists()
    assert not aged.paths.purge_journal.exists()
    with duckdb.connect(str(aged.paths.warehouse), read_only=True) as connection:
        assert check_chain(connection).findings == []
    before = (aged.kept(), counted)
    aged.build()
    assert (aged.kept(), aged.ask("select table_name, row_count from raw.expiry order by all")) == before


def test_nothing_of_an_expired_session_comes_back_from_a_copy_of_today(aged: Aged, tmp_path: Path) -> None:
    bare = {"type": "file-history-snapshot", "note": secret_words(300)}
    wild = said(GONE, 310, "far", timestamp="2199-01-01T00:00:00Z")
    aged.add(GONE, bare, said(GONE, 311, "no time", timestamp=None), wild)
    aged.expire()
    rows = aged.ask("select line from raw.transcript_line order by all")
    elsewhere = tmp_path / "backup" / "claude"
    shutil.copytree(aged.logs, elsewhere, copy_function=shutil.copyfile)
    environment = f"session-env/{GONE}"
    (elsewhere / environment / "more").mkdir()
    for root in (elsewhere, aged.logs):
        aged.land(root)
        assert aged.ask(f"select count(*) from raw.source_file where path = '{environment}'") == [(0,)]
        assert aged.ask("select line from raw.transcript_line order by all") == rows
        assert aged.ask("select content from raw.document") == []
        assert aged.land(root).lines_landed == 0


def test_what_was_said_long_ago_and_not_landed_when_its_session_expired_is_landed(aged: Aged) -> None:
    aged.build()
    aged.add(GONE, said(GONE, 320, "I was back", timestamp=at(60)))
    aged.build()
    assert aged.lines(GONE) == 1


def test_what_a_session_says_before_the_build_in_which_it_expires_is_landed(aged: Aged) -> None:
    aged.build()
    aged.add(GONE, said(GONE, 320, "I am back", timestamp=at(0.1)))
    aged.build()
    assert aged.lines(GONE) == 1
    aged.build()
    assert aged.lines(GONE) == 1


def test_a_session_that_was_resumed_expires_again(aged: Aged) -> None:
    aged.expire()
    aged.add(GONE, said(GONE, 320, "I am back", timestamp=at(0.1)))
    (aged.project / GONE / "tool-results" / "r2.txt").write_text("a new result")
    aged.build()
    assert aged.lines(GONE) == 1
    assert aged.ask("select content from raw.document") == [("a new result",)]
    aged.build(_NOW + timedelta(days=60))
    assert aged.lines(GONE) == 0
    assert aged.kept()[GONE, "spending"] == 2
    aged.build(_NOW + timedelta(days=60))
    assert aged.kept()[GONE, "spending"] == 2
    assert aged.ask("select content from raw.document") == []


def test_what_shares_lines_with_a_younger_session_does_not_expire(aged: Aged) -> None:
    aged.add(FORK, said(FORK, 320, "the fork goes on", timestamp=at(2)))
    aged.expire()
    assert aged.kept() == {}
    assert aged.lines(GONE) > 0


def answered(session: str, number: int, message: str, **more: Any) -> dict[str, Any]:
    content = {"role": "assistant", "type": "message", "id": message, "content": []}
    return said(
        session, number, "", **{"type": "assistant", "message": content, "timestamp": at(100), **more}
    )


def test_a_fork_that_is_made_later_brings_no_copies(aged: Aged) -> None:
    aged.add(GONE, answered(GONE, 330, "msg_1"))
    aged.expire()
    late = "dddddddd-1111-4111-8111-dddddddddddd"
    forked = {"sessionId": late, "forkedFrom": {"sessionId": GONE}}
    written(
        aged.project / f"{late}.jsonl",
        said(GONE, 1, "a copy", timestamp=at(100), **forked),
        answered(late, 330, "msg_1"),
        said(late, 331, "new", timestamp=at(0)),
    )
    aged.build()
    assert aged.ask(
        f"select line ->> 'uuid' from raw.transcript_line where line ->> 'sessionId' = '{late}'"
    ) == [(said(late, 331, "")["uuid"],)]


def test_a_session_that_stays_keeps_lines_that_name_an_expired_one(aged: Aged) -> None:
    """What shares no id with it is counted where it is: `forkedFrom`, or another session's id, does not make it a copy."""
    aged.add(OTHER, said(OTHER, 340, "", forkedFrom={"sessionId": GONE}, timestamp=at(2)))
    aged.add(OTHER, said(OTHER, 341, "", sessionId=GONE, timestamp=at(2)))
    aged.expire()
    assert aged.lines(FORK) == 0
    numbers = "select count(*) from raw.transcript_line where line ->> 'uuid' similar to '0000034[01]-.*'"
    assert aged.ask(numbers) == [(2,)]


def test_history_events_and_responses_go_with_their_sessions_or_by_their_time(
    aged: Aged, tmp_path: Path
) -> None:
    aged.add(GONE, answered(GONE, 330, "msg_gone"))
    aged.add(OTHER, answered(OTHER, 331, "msg_other", timestamp=at(1)))
    usage = {
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "usage": {"input_tokens": 1},
    }
    responses, alone = tmp_path / "responses.jsonl", tmp_path / "alone.jsonl"
    written(responses, {**usage, "id": "msg_gone"}, {**usage, "id": "msg_other"})
    written(alone, {**usage, "id": "msg_alone", "session_id": None}, {**usage, "id": ""})
    from ingest.land import land
    from ingest.privacy.privacy import in_force

    def land_responses() -> None:
        with in_force(lambda: landing_policy(aged.paths)):
            land([aged.logs], aged.paths.warehouse, spool=aged.paths.spool, responses=[responses, alone])

    land_responses()
    aged.expire()
    # Of the history what names the session, and what names none and is old (1970); so of events.
    assert aged.ask("select count(*) from raw.history_line") == [(0,)]
    assert aged.ask("select line ->> 'session_id' from raw.event_line") == [(OTHER,)]
    left = aged.ask("select line ->> 'id' from raw.api_response order by all")
    assert ("msg_gone",) not in left
    land_responses()
    assert aged.ask("select line ->> 'id' from raw.api_response order by all") == left
    kept = aged.kept()
    aged.build(_NOW + timedelta(days=8))
    assert {key: count for key, count in aged.kept().items() if key in kept} == kept


def test_a_session_that_is_set_aside_does_not_expire(aged: Aged) -> None:
    aged.land()
    with duckdb.connect(str(aged.paths.warehouse)) as connection:
        connection.execute(
            "insert into raw.set_aside_session values (?, 'guard', 'wrong', 1, null, now()::timestamp)",
            [GONE],
        )
    count = aged.lines(GONE)
    aged.expire()
    assert aged.lines(GONE) == count
    assert (GONE, "spending") not in aged.kept()


def test_a_warehouse_that_is_made_again_has_everything_until_it_expires_again(aged: Aged) -> None:
    aged.expire()
    kept = aged.kept()
    aged.paths.warehouse.unlink()
    aged.paths.star.unlink()
    aged.build()
    assert aged.lines(GONE) > 0
    aged.build(_NOW + timedelta(seconds=1))
    assert aged.lines(GONE) == 0
    assert aged.kept() == kept


@pytest.mark.parametrize("is_lost", [False, True])
def test_what_has_expired_does_not_come_back_when_its_note_was_removed(aged: Aged, is_lost: bool) -> None:
    aged.expire()
    kept = aged.kept()
    if is_lost:
        shutil.rmtree(aged.paths.keys)
    else:
        damaged = aged.paths.forgotten.read_text()[9:]
        aged.paths.forgotten.write_text(damaged)
        with pytest.raises(StoreError, match=r"Line 1 of .* is damaged"):
            aged.build()
        aged.paths.forgotten.write_text("")  # as the message says
    shutil.copytree(aged.logs, aged.logs.parent / "backup" / "claude", copy_function=shutil.copyfile)
    aged.build()
    aged.land(aged.logs.parent / "backup" / "claude")
    assert aged.lines(GONE) == 0
    assert aged.kept() == kept
    assert len(forgotten.read(aged.paths).entries) == 1


def test_an_archive_that_cannot_be_written_leaves_everything(aged: Aged) -> None:
    aged.paths.archive.write_text("no folder")
    before = None
    for _ in range(3):
        aged.build()
        counts = [aged.lines(one) for one in (GONE, FORK, OTHER)]
        assert before in (None, counts)
        before = counts
    assert any("could not be removed" in one for one in aged.said)
    assert aged.kept() == {}
    assert forgotten.read(aged.paths).entries == ()
    assert not aged.paths.purge_journal.exists()
    assert not aged.paths.expiring.exists()
    aged.paths.archive.unlink()
    aged.build()
    assert aged.lines(GONE) == 0


def test_rows_of_raw_that_cannot_be_archived_stay(aged: Aged, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise duckdb.IOException("No space left on device")

    from ingest import purge as raw_purge

    aged.build()
    count = aged.lines(GONE)
    with monkeypatch.context() as patch:
        patch.setattr(raw_purge, "_archive", full)
        aged.build()
    assert aged.lines(GONE) == count
    assert aged.kept() == {}
    assert archive.folders(aged.paths) == []
    assert forgotten.read(aged.paths).entries == ()
    assert not aged.paths.expiring.exists()
    aged.build(_NOW + timedelta(seconds=1))
    assert aged.lines(GONE) == 0
    assert aged.kept()[GONE, "spending"] == 1


@pytest.mark.parametrize("text", ["", "{", "null\n", '{"expired_at": 1}\n', "cut"])
def test_a_damaged_note_of_what_expires_calls_it_off(
    aged: Aged, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    aged.build()
    count = aged.lines(GONE)
    with monkeypatch.context() as patch, build_lock(aged.paths):
        patch.setattr(purge, "resume", lambda _: None)  # killed before
        retention.carry_out(aged.paths, print, _NOW)
    whole = aged.paths.expiring.read_text()
    aged.paths.expiring.write_text(whole[: whole.rindex("\n", 0, -1) + 1] if text == "cut" else text)
    aged.build()
    assert (aged.lines(GONE), aged.kept()) == (count, {})
    assert forgotten.read(aged.paths).entries == ()
    aged.build()
    assert aged.lines(GONE) == 0
    assert aged.kept()[GONE, "spending"] == 1


def test_dropped_sessions_are_in_no_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_is_whole", lambda paths: paths.star.is_file())
    dropping = Aged(tmp_path, "drop")
    dropping.expire()
    assert dropping.kept()[GONE, "spending"] == 1
    assert not dropping.paths.archive.exists()
    assert [word for word in dropping.left() if word != secret_words(103)] == []


def archived(home: Home) -> str:
    """Everything in the archives."""
    files = [str(file) for file in home.paths.archive.glob("*/*.parquet")]
    return repr([duckdb.sql(f"select * from read_parquet('{file}')").fetchall() for file in files])


@pytest.mark.parametrize(
    ("by", "value"), [("session", GONE), ("project", "shop"), ("before", "2999-01-01"), ("user", "ann")]
)
def test_what_has_expired_is_forgotten(
    aged: Aged, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by: str, value: str
) -> None:
    aged.add(GONE, answered(GONE, 330, "msg_gone"))
    responses = tmp_path / "responses.jsonl"
    usage = {
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "usage": {"input_tokens": 1},
    }
    written(responses, {**usage, "id": "msg_gone"})
    from ingest.land import land
    from ingest.privacy.privacy import in_force

    with in_force(lambda: landing_policy(aged.paths)):
        land([aged.logs], aged.paths.warehouse, spool=aged.paths.spool, responses=[responses])
    aged.expire()
    assert GONE in archived(aged)
    assert "msg_gone" in archived(aged)
    found = forget.Selection(forget.Wish(by, value))
    monkeypatch.setattr(
        forget, "_SESSIONS", "select null, null, null, null, null, null, null, null where false"
    )
    monkeypatch.setattr(forget, "open_store", lambda _: duckdb.connect())
    found = forget.select(aged.paths, found.wish)
    assert GONE in found.sessions
    assert found
    forget.note(aged.paths, found)
    aged.finish()
    for text in (archived(aged), repr(aged.ask("from raw.expired_row")), aged.texts()):
        assert GONE not in text
    assert "msg_gone" not in archived(aged)
    assert aged.lines(OTHER) == 20


def test_another_policy_is_applied_to_what_is_kept(aged: Aged) -> None:
    aged.expire()
    with build_lock(aged.paths):
        purge.begin(aged.paths, applies=True)
    aged.finish()
    users = aged.ask("select distinct row_json ->> 'user_id' from raw.expired_row where relation = 'session'")
    assert users == [(landing_policy(aged.paths).user("ann"),)]
    assert any("earlier policy" in one for one in aged.said) or archive.folders(aged.paths)


@pytest.mark.parametrize(
    ("stamp", "table", "is_left_out"),
    [
        ("2026-01-31T23:00:00-03:00", "transcript_line", False),
        ("2026-02-01T02:00:00+03:00", "transcript_line", True),
        ("2026-01-31T23:59:59.999999999Z", "transcript_line", True),
        ("2199-01-01T00:00:00Z", "transcript_line", True),
        ("9999-12-31T23:59:59-14:00", "transcript_line", True),
        ("soon", "transcript_line", True),
        (None, "transcript_line", True),
        (1e300, "history_line", True),
        (1769990400001, "history_line", False),
    ],
)
def test_what_is_later_than_the_expiry_and_not_in_the_future_is_landed(
    stamp: Any, table: str, is_left_out: bool
) -> None:
    from ingest.privacy.tombstones import SESSION, hash_of

    tombstones = Tombstones(salt=b"s", expired={hash_of(SESSION, GONE, b"s"): datetime(2026, 2, 1)})
    text = json.dumps({"sessionId": GONE, "timestamp": stamp})
    assert (tombstones.why_line(text, table) is not None) == is_left_out


def test_sessions_that_share_a_file_stay(aged: Aged) -> None:
    aged.build()
    with duckdb.connect(str(aged.paths.warehouse)) as connection:
        connection.execute("create schema staging")
        connection.execute(
            "create table staging.stg_transcripts__line as select file_id, false as is_event_stream, "
            "if(line_number = 2, 'somebody-else', regexp_extract(path, '([^/]+)[.]jsonl$', 1)) as session_id "
            "from raw.transcript_line inner join raw.source_file using (file_id) "
            "where contains(path, ?) and not contains(path, 'subagents')",
            [GONE],
        )
    aged.build()
    assert aged.lines(GONE) > 0
    assert aged.kept() == {}
