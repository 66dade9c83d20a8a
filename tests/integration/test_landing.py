"""Every line lands exactly once, whatever happens to the files, the disk and the process."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_store.audit.verify import check as check_chain
from ingest.land import land
from ingest.landing import landing, lines
from ingest.landing.landing import LandingResult
from ingest.transcripts import discover
from ingest.warehouse import LandingError

PROJECT = Path(__file__).resolve().parents[2]
SESSION = "6b7f2a7c-c316-4755-b7ec-5f39b4a2f9cf"
SLUG = "projects/-home-dev-shop"


class Store:
    """A root, a warehouse, and questions to it."""

    def __init__(self, folder: Path) -> None:
        """Use the folder for both."""
        self.root = folder / "home"
        self.session = self.root / SLUG / f"{SESSION}.jsonl"
        self.session.parent.mkdir(parents=True)
        self.warehouse = folder / "store" / "build" / "agent_store.duckdb"

    def land(self, *roots: Path, **options: Any) -> LandingResult:
        """Land the roots; by default the one."""
        return land(roots or [self.root], self.warehouse, **options)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Answer a question."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def texts(self, where: str = "true") -> list[str]:
        """All landed lines in order."""
        return [
            line
            for (line,) in self.ask(
                f"select line from raw.transcript_line where {where} "
                "order by file_id, line_number, part_number"
            )
        ]

    def check(self) -> None:
        """What must be true after every landing."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            assert check_chain(connection).findings == []
        batches = self.ask("select batch_id from raw.batch order by batch_id")
        assert [batch for (batch,) in batches] == list(range(1, len(batches) + 1))
        tables = ("transcript_line", "history_line", "event_line", "api_response")
        lines_table = f"({' union all '.join(f'select * from raw.{table}' for table in tables)})"
        assert self.ask(
            f"select count(*), count(set_aside_reason), count(distinct (file_id, line_number, part_number)) "
            f"from {lines_table}"
        ) == self.ask(
            "select coalesce(sum(lines_landed), 0), coalesce(sum(lines_set_aside), 0), "
            "coalesce(sum(lines_landed), 0) from raw.batch"
        )
        assert self.ask(
            "select count(*), count(distinct file_id) from raw.source_file where file_id > 0"
        ) == [(count, count) for (count,) in self.ask("select count(*) from raw.source_file")]
        assert not self.ask(
            "select * from raw.file_location anti join raw.source_file using (file_id) "
            "where file_id is not null"
        )
        assert not self.ask(
            f"select file_id, max(_batch_id), any_value(b) from {lines_table} "
            "join (select file_id, _batch_id as b from raw.source_file) using (file_id) "
            "group by file_id having max(_batch_id) <> any_value(b)"
        )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def write(path: Path, *texts: str | bytes, mode: str = "wb") -> Path:
    """Write lines, each with its line feed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open(mode) as file:
        for text in texts:
            file.write((text.encode() if isinstance(text, str) else text) + b"\n")
    return path


def numbered(start: int, end: int, padding: int = 0) -> list[str]:
    """Some lines that can be told apart."""
    return [
        json.dumps({"type": "user", "number": number, "x": "y" * padding}) for number in range(start, end)
    ]


def complete_lines(path: Path) -> list[bytes]:
    """What an independent reader takes for the complete lines of a file."""
    return [line for line in path.read_bytes().split(b"\n")[:-1] if line.strip()]


# ------------------------------------------------------------------------------------------ the plain way


def test_lines_land_with_where_they_came_from(store: Store) -> None:
    write(store.session, *numbered(0, 3))
    write(store.root / "history.jsonl", '{"display":"hi","timestamp":1}')
    result = store.land(host="laptop")
    assert (result.files_seen, result.files_grown, result.lines_landed, result.lines_set_aside) == (
        2,
        2,
        4,
        0,
    )
    assert (result.last_batch_id, result.problems) == (1, ())
    assert result.summary.startswith("Landed 4 lines (0 set aside): 2 of 2 files changed, in ")
    assert store.ask(
        "select kind, host, root, path, logical_path, generation, size_bytes, read_bytes, line_count, "
        "first_batch_id, _batch_id from raw.source_file order by kind"
    ) == [
        ("history", "laptop", str(store.root), "history.jsonl", "history.jsonl", 1, 31, 31, 1, 1, 1),
        ("session", "laptop", str(store.root), f"{SLUG}/{SESSION}.jsonl", f"-home-dev-shop/{SESSION}.jsonl",
         1, store.session.stat().st_size, store.session.stat().st_size, 3, 1, 1),
    ]  # fmt: skip
    length = len(numbered(0, 1)[0]) + 1
    assert store.ask(
        "select line_number, part_number, byte_offset, line, repaired_line, original_bytes, "
        "set_aside_reason, _batch_id "
        "from raw.transcript_line order by line_number"
    ) == [(n + 1, 0, n * length, text, None, None, None, 1) for n, text in enumerate(numbered(0, 3))]
    assert store.ask("select line from raw.history_line") == [('{"display":"hi","timestamp":1}',)]
    assert store.ask(
        "select host, files_seen, files_grown, lines_landed, lines_set_aside, bytes_landed, "
        "finished_at >= started_at from raw.batch"
    ) == [("laptop", 2, 2, 4, 0, store.session.stat().st_size + 31, True)]
    store.check()


def test_only_what_is_new_is_read_and_landed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    write(store.session, *numbered(0, 2_000, padding=1_000))
    write(store.root / SLUG / "other.jsonl", *numbered(0, 5))
    store.land()
    assert (store.land().lines_landed, store.land().last_batch_id) == (0, 1)
    write(store.session, *numbered(2_000, 2_001), mode="ab")

    read: list[int] = []
    original = lines.LineFile._read

    def counted(self: lines.LineFile, count: int) -> bytes:
        block = original(self, count)
        read.append(len(block))
        return block

    monkeypatch.setattr(lines.LineFile, "_read", counted)
    result = store.land()
    assert (result.files_grown, result.lines_landed, result.last_batch_id) == (1, 1, 2)
    assert sum(read) < 3 * lines.TAIL_BYTES
    assert store.texts("_batch_id = 2") == numbered(2_000, 2_001)
    assert store.ask("select line_number from raw.transcript_line where _batch_id = 2") == [(2_001,)]
    store.check()


def test_an_unchanged_run_opens_no_transcript(store: Store) -> None:
    for number in range(50):
        write(store.root / SLUG / f"{number}.jsonl", *numbered(0, 2))
        write(store.root / SLUG / str(number) / "tool-results" / "a.txt", "text")
    store.land()
    code = (
        "import sys; opened = []\n"
        "sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event == 'open' else None)\n"
        "from pathlib import Path; from ingest.land import land\n"
        f"result = land([Path({str(store.root)!r})], Path({str(store.warehouse)!r}))\n"
        f"touched = [name for name in opened if name.startswith({str(store.root)!r})]\n"
        "print(result.files_seen, result.lines_landed, touched,\n"
        " 'pyarrow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "100 0 [] False"


def test_files_and_folders_are_private(store: Store) -> None:
    write(store.session, "{}")
    store.land()
    assert store.warehouse.stat().st_mode & 0o777 == 0o600
    assert store.warehouse.parent.stat().st_mode & 0o777 == 0o700
    assert store.warehouse.parent.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in store.warehouse.parent.iterdir()] == ["agent_store.duckdb"]


def test_progress_is_told(store: Store) -> None:
    write(store.session, *numbered(0, 10))
    write(store.root / SLUG / "b.jsonl", *numbered(0, 10))
    told: list[tuple[int, int, int, int]] = []
    store.land(progress=lambda *numbers: told.append(numbers))
    size = store.session.stat().st_size
    assert told[-1] == (2, 2, 2 * size, 2 * size)
    assert told == sorted(told)


def test_nothing_to_land_makes_an_empty_warehouse(store: Store, tmp_path: Path) -> None:
    result = store.land(tmp_path / "missing")
    assert (result.files_seen, result.last_batch_id) == (0, 0)
    assert [problem.message for problem in result.problems] == ["there is no such folder"]
    assert store.ask("select count(*) from raw.batch") == [(0,)]


# ------------------------------------------------------------------------------------------ bad lines


def test_bad_lines_are_landed_set_aside_and_named(store: Store) -> None:
    deep = '{"a":' * 500 + "1" + "}" * 500
    write(
        store.session,
        b'\xef\xbb\xbf{"a":1}', '{"b":2}\r', "", "   ", "\r",
        '{"c":"\\ud83d"}', '{"d":"x\0y"}', b'{"e":"caf\xe9"}',
        "not json", '{"f":1}{"g":2}', deep, "[1]", '{"h":"\u2028"}', '{"i":"\\u0000"}',
    )  # fmt: skip
    result = store.land()
    path = f"{store.root}/{SLUG}/{SESSION}.jsonl"
    assert [str(problem) for problem in result.problems] == [
        f"{path}:9: set aside: not JSON",
        f"{path}:12: set aside: JSON, but not an object",
    ]
    assert (result.lines_landed, result.lines_set_aside) == (12, 2)
    assert store.ask(
        "select line_number, part_number, line, repaired_line, original_bytes, set_aside_reason "
        "from raw.transcript_line order by all"
    ) == [
        (1, 0, '\ufeff{"a":1}', '{"a":1}', None, None),
        (2, 0, '{"b":2}', None, None, None),
        (6, 0, '{"c":"\\ud83d"}', '{"c":"\\ufffd"}', None, None),
        (7, 0, '{"d":"x\0y"}', '{"d":"x y"}', None, None),
        (8, 0, '{"e":"caf\ufffd"}', None, b'{"e":"caf\xe9"}', None),
        (9, 0, "not json", None, None, "not JSON"),
        (10, 0, '{"f":1}', None, None, None),
        (10, 1, '{"g":2}', None, None, None),
        (11, 0, deep, None, None, None),
        (12, 0, "[1]", None, None, "JSON, but not an object"),
        (13, 0, '{"h":"\u2028"}', None, None, None),
        (14, 0, '{"i":"\\u0000"}', None, None, None),
    ]
    # Every line that is not set aside can be parsed by what parses it later.
    assert store.ask(
        'select count(json_transform(coalesce(repaired_line, line), \'{"a":"VARCHAR"}\')) '
        "from raw.transcript_line "
        "where set_aside_reason is null"
    ) == [(10,)]
    store.check()


def test_byte_offsets_lead_back_to_the_bytes(store: Store) -> None:
    write(store.session, '{"é":1}\r', "", '{"f":1}{"g":"é"}', b'{"e":"caf\xe9"}', "rubbish")
    store.land()
    data = store.session.read_bytes()
    for offset, line, original in store.ask(
        "select byte_offset, line, original_bytes from raw.transcript_line"
    ):
        expected = original or line.encode()
        assert data[offset : offset + len(expected)] == expected


def test_a_last_line_is_taken_when_it_is_complete(store: Store) -> None:
    write(store.session, '{"a":1}')
    with store.session.open("ab") as file:
        file.write(b'{"b":')
    assert store.land().lines_landed == 1
    with store.session.open("ab") as file:
        file.write(b"2}")  # whole, though its line feed is still to come, or never comes
    assert store.land().lines_landed == 1
    with store.session.open("ab") as file:
        file.write(b'\n{"c":3}\n')
    assert store.land().lines_landed == 1
    assert store.texts() == ['{"a":1}', '{"b":2}', '{"c":3}']
    store.check()


@pytest.mark.parametrize(("start", "batch"), [(b"", 0), (b"\n\n", 1), (b'{"half":', 0)])
def test_a_file_without_a_line_waits(store: Store, start: bytes, batch: int) -> None:
    store.session.write_bytes(start)
    result = store.land()
    # Blank lines are read: the file is known from then on, and sealed with a batch of its own.
    assert (result.lines_landed, result.last_batch_id, result.problems) == (0, batch, ())
    with store.session.open("ab") as file:
        file.write(b'1}\n{"a":2}\n' if start.endswith(b":") else b'{"a":1}\n{"a":2}\n')
    assert store.land().lines_landed == 2
    assert store.land().lines_landed == 0
    store.check()


def test_too_many_bad_lines_are_counted_not_listed(store: Store) -> None:
    write(store.session, *["rubbish"] * 1_500)
    result = store.land()
    assert result.lines_set_aside == 1_500
    assert len(result.problems) == 1_001
    assert "500 more lines set aside" in result.problems[-1].message


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_a_line_of_100_mb_lands_within_bounds(store: Store) -> None:
    with store.session.open("wb") as file:
        file.write(b'{"small":1}\n{"big":"')
        for _ in range(100):
            file.write(b"0123456789abcdef" * 65_536)
        file.write(b'"}\n{"small":2}\n')
    # The peak of this very program: getrusage's counts what its parent, these tests, had before it started.
    code = (
        "import re; from pathlib import Path; from ingest.land import land\n"
        f"result = land([Path({str(store.root)!r})], Path({str(store.warehouse)!r}))\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print(result.lines_landed, int(re.search(r'VmHWM:\\s+(\\d+) kB', status)[1]) // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60
    )
    landed, peak_mb = map(int, done.stdout.split())
    assert landed == 3
    assert peak_mb < 1_000
    assert store.ask("select strlen(line) from raw.transcript_line order by line_number") == [
        (11,), (104_857_610,), (11,),
    ]  # fmt: skip


def test_a_line_too_long_to_keep_is_cut_and_the_rest_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "READ_BYTES", 1_000)
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 5_000)
    monkeypatch.setattr(lines, "KEPT_OF_OVERLONG_BYTES", 100)
    write(store.session, '{"a":1}', '{"x":"' + "y" * 9_000 + '"}', '{"b":2}')
    result = store.land()
    assert (result.lines_landed, result.lines_set_aside, result.problems[0].line) == (3, 1, 2)
    assert store.texts() == ['{"a":1}', '{"x":"' + "y" * 94, '{"b":2}']
    write(store.session, '{"z":"' + "y" * 9_000 + '"}', mode="ab")
    assert store.land().lines_landed == 1
    write(store.session, '{"c":3}', mode="ab")
    assert store.land().lines_landed == 1
    assert store.ask("select max(generation), max(line_count) from raw.source_file") == [(1, 5)]
    os.utime(store.session)
    assert store.land().lines_landed == 0
    store.check()


# ------------------------------------------------------------------------------------------ files that change


def test_a_file_that_shrank_is_a_new_generation(store: Store) -> None:
    write(store.session, *numbered(0, 10))
    store.land()
    write(store.session, *numbered(0, 4))
    result = store.land()
    assert (result.lines_landed, result.last_batch_id) == (4, 2)
    assert store.ask(
        "select file_id, generation, previous_file_id, line_count from raw.source_file order by file_id"
    ) == [(1, 1, None, 10), (2, 2, 1, 4)]
    write(store.session, *numbered(4, 6), mode="ab")
    assert store.land().lines_landed == 2
    assert store.texts("file_id = 2") == numbered(0, 6)
    assert store.land().lines_landed == 0
    store.check()


def test_a_file_emptied_and_written_again_is_a_new_generation(store: Store) -> None:
    write(store.session, *numbered(0, 3))
    store.land()
    store.session.write_bytes(b"")
    assert store.land().lines_landed == 0
    write(store.session, *numbered(50, 60))
    assert store.land().lines_landed == 10
    assert store.ask("select generation, previous_file_id from raw.source_file order by 1") == [
        (1, None),
        (2, 1),
    ]
    store.check()


@pytest.mark.parametrize("line", [0, 150, 299])
def test_a_file_rewritten_with_the_same_size_is_a_new_generation(store: Store, line: int) -> None:
    texts = numbered(100, 400)
    write(store.session, *texts)
    store.land()
    texts[line] = texts[line].replace("user", "resu")
    write(store.session, *texts)
    assert store.land().lines_landed == 300
    assert store.texts("file_id = 2") == texts
    store.check()


def test_a_file_replaced_by_a_longer_one_is_a_new_generation(store: Store) -> None:
    write(store.session, *numbered(0, 300))
    store.land()
    new = write(store.session.with_name("new"), *numbered(1_000, 1_400))
    new.replace(store.session)
    assert store.land().lines_landed == 400
    assert store.texts("file_id = 2") == numbered(1_000, 1_400)
    store.check()


def test_a_file_replaced_by_its_own_continuation_goes_on(store: Store) -> None:
    write(store.session, *numbered(0, 300))
    store.land()
    new = write(store.session.with_name("new"), *numbered(0, 310))
    new.replace(store.session)
    assert store.land().lines_landed == 10
    assert store.texts() == numbered(0, 310)
    store.check()


def test_a_touched_file_lands_nothing_and_is_remembered(store: Store) -> None:
    write(store.session, *numbered(0, 3), "rubbish", '{"a":1}{"b":1}', b'{"\xff":1}', '{"crlf":1}\r')
    store.land()
    os.utime(store.session, (1, 1))
    result = store.land()
    assert (result.lines_landed, result.last_batch_id) == (0, 1)
    assert store.ask("select mtime_ns from raw.file_location") == [(1_000_000_000,)]
    store.check()


def test_a_vanished_file_stays_landed_and_may_come_back(store: Store) -> None:
    write(store.session, *numbered(0, 3))
    write(store.root / SLUG / "b.jsonl", *numbered(5, 7))
    store.land()
    away = store.session.rename(store.root.parent / "away")
    result = store.land()
    assert (result.lines_landed, result.last_batch_id, result.files_seen) == (0, 1, 1)
    assert store.ask("select count(vanished_at), count(*) from raw.file_location") == [(1, 2)]
    assert len(store.texts()) == 5
    away.rename(store.session)
    assert store.land().lines_landed == 0
    assert store.ask("select count(vanished_at), count(*) from raw.file_location") == [(0, 2)]


def test_a_file_that_vanishes_before_it_is_read_is_reported(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(store.session, *numbered(0, 3))
    gone = write(store.root / SLUG / "a.jsonl", *numbered(5, 7))
    real = discover.scan

    def scan_then_lose(roots: Any) -> Any:
        found = real(roots)
        gone.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(discover, "scan", scan_then_lose)
    result = store.land()
    assert [str(problem) for problem in result.problems] == [
        f"{gone}: cannot be read: No such file or directory"
    ]
    assert store.texts() == numbered(0, 3)
    assert result.summary.endswith("1 problem.")


def test_an_unreadable_file_is_reported_and_the_rest_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(store.session, *numbered(0, 3))
    closed = write(store.root / SLUG / "a.jsonl", *numbered(5, 7))
    real = landing.LineFile

    def guarded(path: str, *, is_archive: bool) -> lines.LineFile:
        if path == str(closed):
            raise PermissionError(13, "Permission denied", path)
        return real(path, is_archive=is_archive)

    with monkeypatch.context() as patch:
        patch.setattr(landing, "LineFile", guarded)
        result = store.land()
    assert [str(problem) for problem in result.problems] == [f"{closed}: cannot be read: Permission denied"]
    assert store.texts() == numbered(0, 3)
    assert store.land().lines_landed == 2
    store.check()


@pytest.mark.parametrize("left", [0, 1_500])
def test_a_file_that_shrinks_while_it_is_read(
    store: Store, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    monkeypatch.setattr(lines, "READ_BYTES", 1_000)
    write(store.session, *numbered(100, 300))
    cut: list[int] = []

    def cut_once(*_: int) -> None:
        if not cut:
            cut.append(left)
            os.truncate(store.session, left)

    result = store.land(progress=cut_once)
    assert len(result.problems) == 1
    assert "shrank while it was being read" in result.problems[0].message
    before = store.texts()
    assert before == numbered(100, 100 + len(before))
    write(store.session, *numbered(100, 200))
    store.land()
    newest = store.ask("select max(file_id) from raw.source_file")[0][0]
    assert store.texts(f"file_id = {newest}") == numbered(100, 200)
    store.check()


def test_a_disk_error_in_the_middle_of_a_file(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "READ_BYTES", 1_000)
    write(store.session, *numbered(100, 300))
    write(store.root / SLUG / "later.jsonl", *numbered(0, 3))
    reads = iter(range(1_000))
    original = lines.LineFile._read

    def failing(self: lines.LineFile, count: int) -> bytes:
        if next(reads) == 4:
            raise OSError(5, "Input/output error")
        return original(self, count)

    monkeypatch.setattr(lines.LineFile, "_read", failing)
    result = store.land()
    assert [problem.message for problem in result.problems] == ["cannot be read: Input/output error"]
    assert 3 < result.lines_landed < 203
    assert store.land().problems == ()
    assert sorted(store.texts()) == sorted(numbered(100, 300) + numbered(0, 3))
    store.check()


def test_what_is_appended_while_reading_comes_with_the_next_run(store: Store) -> None:
    write(store.session, *numbered(0, 3))
    done: list[bool] = []

    def append(*_: int) -> None:
        if not done:
            done.append(True)
            write(store.session, *numbered(3, 5), mode="ab")

    assert store.land(progress=append).lines_landed == 3
    assert store.land().lines_landed == 2
    assert store.texts() == numbered(0, 5)


# ------------------------------------------------------------------------------------------ copies


def test_the_same_file_lands_once_wherever_it_lies(store: Store, tmp_path: Path) -> None:
    write(store.session, *numbered(0, 5))
    write(store.root / "history.jsonl", '{"display":"hi"}')
    copy = tmp_path / "backup"
    shutil.copytree(store.root, copy)
    assert store.land(store.root, copy).lines_landed == 6
    assert store.land(copy, host="elsewhere").lines_landed == 0
    assert store.land(copy / "projects").lines_landed == 0
    assert store.ask("select count(*), max(generation) from raw.source_file") == [(2, 1)]
    # The longer copy lands its tail, whichever it is; then the shorter ones are old news.
    write(copy / SLUG / f"{SESSION}.jsonl", *numbered(5, 7), mode="ab")
    assert store.land(store.root, copy).lines_landed == 2
    write(store.session, *numbered(5, 8), mode="ab")
    assert store.land(store.root, copy).lines_landed == 1
    assert store.texts() == numbered(0, 8)
    third = write(tmp_path / "third" / SLUG / f"{SESSION}.jsonl", *numbered(0, 2))
    assert store.land(tmp_path / "third").lines_landed == 0
    write(third, *numbered(2, 4), mode="ab")
    assert store.land(tmp_path / "third").lines_landed == 0
    assert store.ask("select count(*), max(generation) from raw.source_file") == [(2, 1)]
    assert store.land(tmp_path / "third", store.root, copy).lines_landed == 0
    store.check()


def test_a_folder_that_is_linked_lands_once_also_when_the_link_becomes_the_folder(
    store: Store, tmp_path: Path
) -> None:
    outside = tmp_path / "disk" / "-home-dev-lid"
    outside.mkdir(parents=True)
    (outside / "lid.jsonl").write_text('{"n":1}\n{"n":2}\n', encoding="utf-8")
    link = store.root / "projects" / outside.name
    link.symlink_to(outside)
    (store.root / "projects" / "-again").symlink_to(outside)
    assert store.land().lines_landed == 2
    assert store.land(store.root, outside.parent).lines_landed == 0
    link.unlink()
    shutil.copytree(outside, link)
    assert store.land().lines_landed == 0
    assert store.texts() == ['{"n":1}', '{"n":2}']


def test_a_copy_that_went_another_way_is_a_generation_of_its_own(store: Store, tmp_path: Path) -> None:
    write(store.session, *numbered(0, 5))
    copy = tmp_path / "backup"
    shutil.copytree(store.root, copy)
    write(store.session, *numbered(5, 7), mode="ab")
    write(copy / SLUG / f"{SESSION}.jsonl", *numbered(50, 60), mode="ab")
    assert store.land(store.root, copy).lines_landed == 7 + 15
    assert store.land(copy, store.root).lines_landed == 0
    write(store.session, *numbered(7, 8), mode="ab")
    write(copy / SLUG / f"{SESSION}.jsonl", *numbered(60, 61), mode="ab")
    assert store.land(store.root, copy).lines_landed == 2
    assert store.texts("file_id = 1") == numbered(0, 8)
    assert store.texts("file_id = 2") == numbered(0, 5) + numbered(50, 61)
    store.check()


def test_histories_of_two_homes_are_two_files(store: Store, tmp_path: Path) -> None:
    write(store.root / "history.jsonl", '{"display":"a"}')
    write(tmp_path / "b" / "history.jsonl", '{"display":"b"}')
    assert store.land(store.root, tmp_path / "b").lines_landed == 2
    assert store.ask("select generation from raw.source_file") == [(1,), (1,)]


def test_an_archive_after_the_file(store: Store) -> None:
    write(store.session, *numbered(0, 500))
    store.land()
    archive = store.session.with_name(store.session.name + ".gz")
    with gzip.open(archive, "wb") as file:
        file.write(store.session.read_bytes())
    assert store.land().lines_landed == 0  # beside it
    store.session.unlink()
    assert store.land().lines_landed == 0  # instead of it
    with gzip.open(archive, "wb") as file:
        file.write("\n".join(numbered(0, 502)).encode())  # the last line has no line feed, and counts
    assert store.land().lines_landed == 2
    assert store.land().lines_landed == 0
    assert store.texts() == numbered(0, 502)
    write(store.session, *numbered(0, 503))  # unpacked again, and continued
    assert store.land().lines_landed == 1
    assert store.texts() == numbered(0, 503)
    assert store.ask("select count(*) from raw.source_file") == [(1,)]
    store.check()


def test_a_damaged_archive_gives_what_it_can(store: Store) -> None:
    archive = store.session.with_name(store.session.name + ".gz")
    generator = random.Random(1)
    texts = [json.dumps({"x": generator.randbytes(40).hex()}) for _ in range(5_000)]
    whole = gzip.compress("".join(text + "\n" for text in texts).encode())
    archive.write_bytes(whole[: len(whole) // 2])
    result = store.land()
    assert 1_000 < result.lines_landed < 4_000
    assert "damaged archive" in result.problems[0].message
    assert store.texts() == texts[: result.lines_landed]
    archive.write_bytes(b"this is no archive")
    assert "damaged archive" in store.land().problems[0].message
    archive.write_bytes(whole)
    store.land()
    assert store.texts() == texts
    store.check()


# ------------------------------------------------------------------------------------------ documents


def test_documents_land_once_per_content(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "DOCUMENT_BYTES", 1_000)
    folder = store.root / SLUG / SESSION
    meta = folder / "subagents" / "agent-a1.meta.json"
    write(meta, '{"agentType":"Explore"}')
    results = folder / "tool-results"
    results.mkdir()
    (results / "big.txt").write_bytes(b"x" * 5_000)
    (results / "image.png").write_bytes(b"\x89PNG\0\0")
    (results / "latin.txt").write_bytes(b"caf\xe9")
    (results / "empty.txt").write_bytes(b"")
    write(store.root / "stats-cache.json", '{"version":5}')
    result = store.land()
    assert (result.files_grown, result.lines_landed, result.last_batch_id) == (6, 0, 1)
    shown = (
        "select path[-9:], kind, content, content_bytes, is_truncated, d._batch_id from raw.document d "
        "join raw.source_file using (file_id) order by d._batch_id, path"
    )
    assert store.ask(shown) == [
        ("meta.json", "agent_meta", '{"agentType":"Explore"}\n', 24, False, 1),
        ("s/big.txt", "tool_result", "x" * 1_000, 5_000, True, 1),
        ("empty.txt", "tool_result", "", 0, False, 1),
        ("image.png", "tool_result", None, 6, False, 1),
        ("latin.txt", "tool_result", "caf\ufffd", 4, False, 1),
        ("ache.json", "stats_cache", '{"version":5}\n', 14, False, 1),
    ]
    os.utime(meta)
    write(store.root / "stats-cache.json", '{"version":6}')
    shutil.copytree(store.root, store.root.parent / "copy")
    result = store.land(store.root, store.root.parent / "copy")
    assert (result.files_grown, result.last_batch_id) == (1, 2)
    assert store.ask(shown)[6:] == [("ache.json", "stats_cache", '{"version":6}\n', 14, False, 2)]
    assert store.ask("select count(*), count(distinct file_id) from raw.source_file") == [(6, 6)]
    store.check()


# ------------------------------------------------------------------------------------------ names


def test_of_an_environment_only_its_name_and_first_time_are_landed(store: Store) -> None:
    (store.root / "projects").mkdir(exist_ok=True)
    folder = store.root / "session-env" / SESSION
    write(folder / "hook.sh", "export TOKEN=kept-from-everyone")
    os.utime(folder, (1_760_000_000, 1_760_000_000))
    landed = store.land()
    assert (landed.files_grown, landed.lines_landed) == (1, 0)
    shown = "select kind, path, modified_at, size_bytes, line_count, generation, _batch_id from raw.source_file"
    expected = [("session_environment", f"session-env/{SESSION}", datetime(2025, 10, 9, 8, 53, 20), 0, 0, 1, 1)]
    assert store.ask(shown) == expected
    # Something is written into it, its home is copied, and it is deleted: it is the same environment.
    write(folder / "another.sh", "export A=1")
    shutil.copytree(store.root, store.root.parent / "copy")
    assert store.land(store.root, store.root.parent / "copy").files_grown == 0
    shutil.rmtree(folder)
    copied = store.root.parent / "copy" / "session-env" / SESSION
    store.land(store.root, copied.parents[1])
    assert store.ask(shown) == expected
    # The earliest time of its copies counts, whichever is read first.
    os.utime(copied, (1_750_000_000, 1_750_000_000))
    store.land(store.root, copied.parents[1])
    assert [row[2] for row in store.ask(shown)] == [datetime(2025, 6, 15, 15, 6, 40)]
    assert store.ask("select count(*), count(vanished_at) from raw.file_location") == [(2, 1)]
    assert store.ask("select count(*) from raw.document") == [(0,)]
    store.check()


# ------------------------------------------------------------------------------------------ transactions


def test_a_transaction_ends_at_a_full_row_group(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "ROWS_PER_TRANSACTION", 100)
    write(store.session, *numbered(0, 250))
    write(store.root / SLUG / "b.jsonl", *numbered(250, 330))
    result = store.land()
    assert (result.lines_landed, result.last_batch_id, result.files_grown) == (330, 4, 2)
    assert [row for (row,) in store.ask("select lines_landed from raw.batch order by batch_id")] == [
        100,
        100,
        100,
        30,
    ]
    assert store.texts() == numbered(0, 330)
    assert store.land().lines_landed == 0
    store.check()


def test_an_interrupted_landing_is_taken_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "ROWS_PER_TRANSACTION", 100)
    monkeypatch.setattr(lines, "READ_BYTES", 1_000)
    monkeypatch.setattr(landing, "READ_BYTES", 1_000)
    write(store.session, *numbered(0, 250))
    write(store.root / SLUG / "b.jsonl", *numbered(250, 330))
    calls = iter(range(10_000))
    stop_at = 1

    def interrupt(*_: int) -> None:
        if next(calls) >= stop_at:
            raise KeyboardInterrupt

    interrupted = 0
    for step in range(12):
        stop_at, calls = step, iter(range(10_000))
        try:
            store.land(progress=interrupt)
        except KeyboardInterrupt:
            interrupted += 1
        store.check()
    assert interrupted > 3
    assert store.texts() == numbered(0, 330)
    assert store.land().lines_landed == 0
    store.check()


LANDING_PROCESS = """
import sys
from pathlib import Path
from agent_store.audit.verify import check as check_chain
from ingest.land import land
from ingest.landing import landing, lines
landing.ROWS_PER_TRANSACTION = 700
lines.READ_BYTES = landing.READ_BYTES = 50_000
land([Path(sys.argv[1])], Path(sys.argv[2]))
"""


def landing_process(store: Store) -> subprocess.Popen[bytes]:
    """Start a landing in small transactions, in a process of its own."""
    command = [sys.executable, "-c", LANDING_PROCESS, str(store.root), str(store.warehouse)]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.slow
def test_killed_at_any_moment_nothing_is_lost_and_nothing_twice(store: Store) -> None:
    generator = random.Random(7)
    paths = [store.root / SLUG / f"{number}.jsonl" for number in range(12)]
    written: dict[Path, list[str]] = {path: [] for path in paths}
    killed = 0
    for round_number in range(12):
        for path in paths:
            texts = numbered(len(written[path]), len(written[path]) + generator.randint(0, 900), padding=200)
            written[path] += texts
            write(path, *texts, mode="ab")
        process = landing_process(store)
        deadline = time.monotonic() + generator.uniform(0.1, 0.9)
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.communicate()
        if store.warehouse.exists() and round_number % 3 == 2:
            store.land()
            store.check()
    store.land()
    store.check()
    assert killed > 3
    for path in paths:
        where = f"file_id = (select file_id from raw.source_file where path like '%/{path.name}')"
        assert store.texts(where) == written[path]
    assert store.ask("select max(generation) from raw.source_file") == [(1,)]


def test_a_full_disk_is_said_and_nothing_is_half_done(store: Store) -> None:
    generator = random.Random(3)
    write(store.session, *(json.dumps({"x": generator.randbytes(500).hex()}) for _ in range(3_000)))
    write(store.root / SLUG / "z.jsonl", *numbered(0, 3))
    limited = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, 1_500_000))\n"
        "from pathlib import Path; from ingest.landing import landing, lines; from ingest.land import land\n"
        "landing.ROWS_PER_TRANSACTION = 1000\n"
        "try:\n"
        f"    land([Path({str(store.root)!r})], Path({str(store.warehouse)!r}))\n"
        "except landing.LandingError as error:\n"
        "    print(error); sys.exit(3)\n"
    )
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", limited],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 3, done.stderr
        assert "the disk is full" in done.stdout
        assert "continues where this one ended" in done.stdout
        store.check()
    store.land()
    assert store.texts("file_id = 1") == [line.decode() for line in complete_lines(store.session)]
    assert len(store.texts()) == 3_003
    store.check()


def test_a_home_that_cannot_be_written_is_said(store: Store, tmp_path: Path) -> None:
    write(store.session, "{}")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LandingError, match="cannot be created"):
        land([store.root], tmp_path / "file" / "build" / "agent_store.duckdb")
    with pytest.raises(LandingError, match="cannot be written"):
        land([store.root], Path("/proc/agent_store.duckdb"))
    (tmp_path / "text.duckdb").write_text("this is no database" * 1_000)
    with pytest.raises(LandingError, match="not a DuckDB database"):
        land([store.root], tmp_path / "text.duckdb")


@pytest.fixture
def holder(store: Store) -> Iterator[Callable[[float], subprocess.Popen[bytes]]]:
    """Start a process that holds the warehouse for some seconds."""
    started: list[subprocess.Popen[bytes]] = []

    def start(seconds: float) -> subprocess.Popen[bytes]:
        code = (
            "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('held', flush=True); "
            "time.sleep(float(sys.argv[2]))"
        )
        command = [sys.executable, "-c", code, str(store.warehouse), str(seconds)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_second_landing_waits_and_says_so(store: Store, holder: Any) -> None:
    write(store.session, "{}")
    store.land()
    write(store.session, "{}", mode="ab")
    process = holder(2.0)
    told: list[str] = []
    assert store.land(on_wait=told.append).lines_landed == 1
    assert len(told) == 1
    assert f"Waiting for process {process.pid}" in told[0]


def test_a_second_landing_gives_up_in_the_end(store: Store, holder: Any) -> None:
    write(store.session, "{}")
    store.land()
    process = holder(30.0)
    with pytest.raises(LandingError, match=f"still in use by process {process.pid} .* after waiting"):
        store.land(wait_seconds=0.3)


# ------------------------------------------------------------------------------------------ at random

GOOD_OR_BAD = st.one_of(
    st.integers(0, 5).map(lambda number: b'{"a":%d}' % number),
    st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"")),
    st.sampled_from(
        [b'{"a":1}{"b":2}', b"\xef\xbb\xbf{}", b'{"\\ud800":1}', b"{}\r", b'{"x":', b"[]", b"\0{}"]
    ),
)


@settings(max_examples=15, deadline=None)
@given(
    texts=st.lists(GOOD_OR_BAD, max_size=15),
    cuts=st.lists(st.integers(0, 200), max_size=4),
    rows=st.integers(1, 9),
    read_bytes=st.integers(1, 30),
)
def test_any_way_of_growing_lands_every_complete_line_once(
    tmp_path_factory: pytest.TempPathFactory, texts: list[bytes], cuts: list[int], rows: int, read_bytes: int
) -> None:
    store = Store(tmp_path_factory.mktemp("grow"))
    data = b"".join(text + b"\n" for text in texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(landing, "ROWS_PER_TRANSACTION", rows)
        for name in (landing, lines):
            patch.setattr(name, "READ_BYTES", read_bytes)
        for cut in [*sorted(min(cut, len(data)) for cut in cuts), len(data)]:
            with store.session.open("ab") as file:
                file.write(data[file.tell() : cut])
            store.land()
        assert store.land().lines_landed == 0
    store.check()
    landed = store.ask(
        "select distinct on (line_number) line_number, byte_offset, original_bytes, line, "
        "count(*) over (partition by line_number) from raw.transcript_line order by line_number, part_number"
    )
    physical = {
        number: line.removesuffix(b"\r")
        for number, line in enumerate(texts, 1)
        if line.decode("utf-8", "replace").strip(" \t\r\n\ufeff")
    }
    assert [row[0] for row in landed] == sorted(physical)
    for number, offset, original, line, parts in landed:
        if parts == 1:
            assert offset == sum(len(text) + 1 for text in texts[: number - 1])
            assert physical[number] == (original.removesuffix(b"\r") if original else line.encode())


# ------------------------------------------------------------------------------------------ real transcripts


@pytest.mark.corpus
def test_the_corpus_lands_whole(corpus_dir: Path, tmp_path: Path) -> None:
    warehouse = tmp_path / "w.duckdb"
    result = land([corpus_dir], warehouse)
    transcripts = [path for path in corpus_dir.rglob("*.jsonl") if path.name != "history.jsonl"]
    expected = sum(len(complete_lines(path)) for path in transcripts)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        counted = connection.execute(
            "select count(*) from raw.transcript_line where part_number = 0"
        ).fetchone()
        good = connection.execute(
            "select count(*), count(*) filter (where json_valid(coalesce(repaired_line, line))) "
            "from raw.transcript_line where set_aside_reason is null"
        ).fetchone()
    assert counted == (expected,)
    assert good is not None
    assert good[0] == good[1]
    assert warehouse.stat().st_size < 0.5 * result.bytes_landed
    assert land([corpus_dir], warehouse).lines_landed == 0


@pytest.mark.corpus
def test_a_real_session_grows(corpus_dir: Path, store: Store) -> None:
    states = corpus_dir.parent / "growth"
    if not states.is_dir():
        pytest.skip("the corpus here has no growth states")
    for session in sorted(states.iterdir()):
        target = store.root / SLUG / f"{session.name}.jsonl"
        for state in sorted(session.iterdir()):
            before = len(complete_lines(target)) if target.exists() else 0
            target.write_bytes(state.read_bytes())
            assert store.land().lines_landed == len(complete_lines(target)) - before
        where = f"file_id = (select file_id from raw.source_file where path like '%{session.name}%')"
        assert store.texts(where) == [line.decode() for line in complete_lines(target)]
    store.check()


# ------------------------------------------------------------------------------------------ API responses


class Answers:
    """Files with API responses, beside the root of a store."""

    def __init__(self, store: Store) -> None:
        """Use a folder beside the root."""
        self.store = store
        self.folder = store.root.parent / "answers"
        self.folder.mkdir()

    def land(self, **options: Any) -> LandingResult:
        """Land the folder."""
        return self.store.land(responses=[self.folder], **options)

    def write(self, name: str, data: bytes, mode: str = "wb") -> Path:
        """Write a file."""
        path = self.folder / name
        with path.open(mode) as file:
            file.write(data)
        return path

    def rows(self) -> list[tuple[Any, ...]]:
        """What has landed, in order."""
        return self.store.ask(
            "select f.path, f.kind, r.line_number, r.part_number, r.byte_offset, r.line, r.set_aside_reason, r._batch_id "
            "from raw.api_response as r join raw.source_file as f using (file_id) "
            "order by r._batch_id, f.path, r.line_number, r.part_number"
        )


def answer(number: int) -> dict[str, Any]:
    """A message as the Messages API answers it."""
    return {
        "id": f"msg_{number}",
        "type": "message",
        "model": "claude-opus-5-5",
        "content": [],
        "usage": {"input_tokens": 1},
    }


def told(*numbers: int) -> bytes:
    """The event streams that tell of some messages."""
    events = [
        one
        for number in numbers
        for one in ({"type": "message_start", "message": answer(number)}, {"type": "message_stop"})
    ]
    return b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events)


@pytest.fixture
def answers(store: Store) -> Answers:
    return Answers(store)


def test_responses_land_beside_transcripts_in_one_batch(store: Store, answers: Answers) -> None:
    write(store.session, *numbered(0, 2))
    one, two = json.dumps(answer(1)), json.dumps(answer(2))
    answers.write("a.jsonl", f"{one}\n{two}\n".encode())
    answers.write("b.json", json.dumps([answer(3)], indent=1).encode())
    answers.write("c.sse", told(4))
    answers.write("notes.txt", b"none of ours")
    result = answers.land()
    assert (result.files_seen, result.lines_landed, result.lines_set_aside, result.problems) == (4, 6, 0, ())
    first, second, third, fourth = answers.rows()
    assert first == ("answers/a.jsonl", "response_lines", 1, 0, 0, one, None, 1)
    assert second == ("answers/a.jsonl", "response_lines", 2, 0, len(one) + 1, two, None, 1)
    assert third[:5] == ("answers/b.json", "response_document", 1, 0, 3)
    assert json.loads(third[5]) == answer(3)
    assert fourth[:5] == ("answers/c.sse", "response_stream", 1, 0, 21)
    assert json.loads(fourth[5]) == {
        "source": "event_stream",
        "is_complete": True,
        "message": {**answer(4), "content": []},
    }
    assert answers.land().lines_landed == 0
    store.check()


def test_what_is_appended_to_lines_of_responses_is_read_on(store: Store, answers: Answers) -> None:
    answers.write("a.jsonl", json.dumps(answer(1)).encode() + b"\n")
    answers.land()
    answers.write("a.jsonl", json.dumps(answer(2)).encode() + b'\n{"torn', "ab")
    assert answers.land().lines_landed == 1
    answers.write("a.jsonl", b'\n{"custom_id": "c", "result": {}}\n', "ab")
    result = answers.land()
    assert (result.lines_landed, result.lines_set_aside) == (2, 1)
    assert [(row[2], row[6]) for row in answers.rows()] == [(1, None), (2, None), (3, lines.TORN), (4, None)]
    store.check()


def test_of_a_file_that_is_read_whole_only_what_is_new_lands(store: Store, answers: Answers) -> None:
    answers.write("a.json", json.dumps([answer(1), answer(2)]).encode())
    answers.write("a.sse", told(1))
    answers.land()
    answers.write(
        "a.json", json.dumps([answer(2), answer(3), answer(1)], indent=1).encode()
    )  # other spaces: other text
    answers.write("a.sse", told(1, 2))
    assert answers.land().lines_landed == 4
    assert [(row[0], row[2]) for row in answers.rows() if row[-1] == 2] == [
        ("answers/a.json", 3), ("answers/a.json", 4), ("answers/a.json", 5), ("answers/a.sse", 2)
    ]  # fmt: skip
    answers.write("a.sse", told(2, 1))  # nothing that has not been seen
    assert answers.land().lines_landed == 0
    os.utime(answers.folder / "a.json")
    assert answers.land().lines_landed == 0
    store.check()


def test_a_stream_is_landed_again_when_it_is_complete(store: Store, answers: Answers) -> None:
    whole = told(1)
    answers.write("a.sse", whole[: whole.index(b"event: message_stop")])
    answers.land()
    answers.write("a.sse", whole)
    answers.land()
    assert [json.loads(row[5])["is_complete"] for row in answers.rows()] == [False, True]
    store.check()


def test_what_is_no_response_in_a_document_is_set_aside(store: Store, answers: Answers) -> None:
    answers.write("a.json", json.dumps([answer(1), 7, answer(2)]).encode()[:-30])
    result = answers.land()
    assert (result.lines_landed, result.lines_set_aside) == (3, 2)
    assert [row[6] for row in answers.rows()] == [None, lines.NOT_AN_OBJECT, lines.TORN]
    assert [str(problem) for problem in result.problems] == [
        f"{answers.folder}/a.json:2: set aside: {lines.NOT_AN_OBJECT}",
        f"{answers.folder}/a.json:3: set aside: {lines.TORN}",
    ]
    store.check()


def test_a_file_that_becomes_another_kind_lands_anew(store: Store, answers: Answers) -> None:
    pretty = json.dumps(answer(1), indent=1).encode()
    answers.write("a.json", pretty)
    answers.land()
    answers.write("a.json", json.dumps(answer(1)).encode() + b"\n" + json.dumps(answer(2)).encode() + b"\n")
    assert answers.land().lines_landed == 2
    answers.write("a.json", pretty + pretty.replace(b"msg_1", b"msg_3"))
    assert answers.land().lines_landed == 2
    assert [row[1] for row in answers.rows()] == [
        "response_document", "response_lines", "response_lines", "response_document", "response_document",
    ]  # fmt: skip
    assert answers.land().lines_landed == 0
    store.check()


def test_a_copy_of_a_document_elsewhere_is_the_same(store: Store, answers: Answers) -> None:
    answers.write("a.json", json.dumps([answer(1)]).encode())
    answers.land()
    copy = store.root.parent / "copy" / "answers"
    shutil.copytree(answers.folder, copy)
    assert store.land(responses=[copy]).lines_landed == 0
    (copy / "a.json").write_bytes(json.dumps([answer(2)]).encode())
    other = store.root.parent / "other" / "answers"
    other.mkdir(parents=True)
    (other / "a.json").write_bytes(json.dumps([answer(9)]).encode())
    assert store.land(responses=[copy, other]).lines_landed == 2
    store.check()


def test_a_named_file_below_a_root_is_one_of_responses(store: Store) -> None:
    path = write(store.root / "out.jsonl", json.dumps(answer(1)))
    store.land(responses=[path])
    assert store.ask("select count(*) from raw.api_response") == [(1,)]
    assert store.ask("select count(*) from raw.transcript_line") == [(0,)]
    assert store.land(responses=[path]).lines_landed == 0
    store.check()


def test_compressed_responses_land_as_far_as_they_can_be_read(store: Store, answers: Answers) -> None:
    answers.write("a.json.gz", gzip.compress(json.dumps([answer(1), answer(2)]).encode()))
    answers.write("b.jsonl.gz", gzip.compress(json.dumps(answer(3)).encode()))
    assert answers.land().lines_landed == 3
    text = json.dumps(
        [{**answer(number), "x": random.Random(number).randbytes(500).hex()} for number in range(99)]
    )
    answers.write("c.json.gz", gzip.compress(text.encode())[:-9_000])
    result = answers.land()
    assert result.lines_landed > 10
    assert "damaged archive" in str(result.problems[0])
    store.check()


def test_a_landing_of_documents_that_is_interrupted_is_taken_up(
    store: Store, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in range(6):
        answers.write(f"{name}.json", json.dumps([answer(name * 10 + one) for one in range(4)]).encode())
    with monkeypatch.context() as patch:
        patch.setattr(landing, "ROWS_PER_TRANSACTION", 8)
        real = landing.LineFile

        def failing(path: str, **options: Any) -> landing.LineFile:
            if path.endswith("3.json"):
                raise KeyboardInterrupt
            return real(path, **options)

        patch.setattr(landing, "LineFile", failing)
        with pytest.raises(KeyboardInterrupt):
            answers.land()
    before = len(answers.rows())
    assert 0 < before < 24
    assert answers.land().lines_landed == 24 - before
    store.check()
