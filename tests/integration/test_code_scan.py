"""Scans of git repositories: only what is new, only what git shows, and bad input set aside with its reason."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from agent_store.build.scan import scan
from agent_store.paths import StorePaths
from ingest import files
from ingest import warehouse as warehouse_module
from ingest.code import scan as code_scan
from ingest.code import work
from ingest.code.scan import ScanResult, scan_code
from ingest.land import land
from ingest.privacy.policy import Policy
from ingest.privacy.privacy import in_force
from ingest.warehouse import LandingError

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "code_repo"


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=dev", "-c", "user.email=dev@example.com", *arguments]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, env=environment)
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with code in all languages, committed."""
    folder = tmp_path / "repository"
    shutil.copytree(FIXTURE, folder)
    _git(folder, "init", "-q", "-b", "main")
    _git(folder, "add", "-A")
    _git(folder, "commit", "-q", "-m", "Everything")
    return folder


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    return tmp_path / "build" / "warehouse.duckdb"


def _rows(warehouse: Path, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(sql, list(parameters)).fetchall()


def _documents(warehouse: Path) -> dict[str, tuple[Any, ...]]:
    """The newest row of each file."""
    rows = _rows(
        warehouse,
        "select path, blob_id, set_aside_reason, parse_problem, is_deleted, is_tracked from raw.code_document "
        "qualify row_number() over (partition by repository, path order by _batch_id desc, is_deleted) = 1",
    )
    return {row[0]: row[1:] for row in rows}


def _scan(repository: Path, warehouse: Path, **options: Any) -> ScanResult:
    return scan_code([repository], warehouse, host="here", **options)


def _contents(warehouse: Path) -> list[tuple[Any, ...]]:
    """Everything but numbers of warehouse_module and times, to compare two warehouse_module."""
    return [
        *_rows(
            warehouse,
            "select path, blob_id, language, set_aside_reason, is_deleted from raw.code_document order by all",
        ),
        *_rows(warehouse, "select * exclude (_batch_id) from raw.code_chunk order by all"),
        *_rows(warehouse, "select * exclude (_batch_id) from raw.code_symbol order by all"),
    ]


# ----------------------------------------------------------------------------- what is landed


def test_a_scan_lands_documents_chunks_symbols_and_history(repository: Path, warehouse: Path) -> None:
    done = _scan(repository, warehouse)
    assert done.problems == ()
    assert (done.files_seen, done.files_changed, done.files_set_aside) == (16, 16, 0)
    documents = _documents(warehouse)
    index = {line.split("\t")[1]: line.split()[1] for line in _git(repository, "ls-files", "-s").splitlines()}
    assert {path: row[0] for path, row in documents.items()} == index, "the blob ids are git's"
    found = _rows(warehouse, "select distinct language from raw.code_symbol order by 1")
    assert {language for (language,) in found} == {
        "c", "cpp", "go", "java", "javascript", "markdown", "python", "ruby", "rust", "sql", "tsx", "typescript",
    }  # fmt: skip
    assert _rows(warehouse, "select change_type, count(*) from raw.code_change group by 1") == [
        ("created", 16)
    ]
    head = _git(repository, "rev-parse", "HEAD").strip()
    assert _rows(warehouse, "select distinct commit_id from raw.code_change") == [(head,)]


def test_symbols_stand_in_the_chunk_that_holds_their_line(repository: Path, warehouse: Path) -> None:
    _scan(repository, warehouse)
    stray = _rows(
        warehouse,
        "select symbols.* from raw.code_symbol as symbols join raw.code_chunk as chunks "
        "using (blob_id, language, chunk_index) "
        "where symbols.line_number not between chunks.line_start and chunks.line_end",
    )
    assert stray == []


def test_nothing_new_writes_nothing(repository: Path, warehouse: Path) -> None:
    _scan(repository, warehouse)
    before = warehouse.stat().st_mtime_ns, warehouse.stat().st_size
    done = _scan(repository, warehouse)
    assert (done.batch_id, done.files_seen, done.files_changed) == (0, 16, 0)
    assert (warehouse.stat().st_mtime_ns, warehouse.stat().st_size) == before


def test_only_the_new_blob_is_parsed(repository: Path, warehouse: Path) -> None:
    _scan(repository, warehouse)
    path = repository / "src" / "prices.py"
    path.write_text(path.read_text() + "\n\ndef discount():\n    return 0\n")
    done = _scan(repository, warehouse)
    assert (done.files_changed, done.blobs_parsed, done.batch_id) == (1, 1, 2)
    assert _rows(
        warehouse, "select symbol_name from raw.code_symbol where _batch_id = 2 and symbol_name = 'discount'"
    )
    _git(repository, "commit", "-qam", "A discount")
    done = _scan(repository, warehouse)
    assert (done.files_changed, done.file_changes) == (0, 1), "the commit is new, the content is known"


def test_a_content_that_comes_back_or_moves_is_not_parsed_again(repository: Path, warehouse: Path) -> None:
    _scan(repository, warehouse)
    path = repository / "src" / "prices.py"
    original = path.read_text()
    path.write_text("PRICES = {}\n")
    _scan(repository, warehouse)
    path.write_text(original)
    os.utime(path, (1, 1))
    (repository / "src" / "copy.py").write_text(original)
    _git(repository, "mv", "src/orders.py", "src/moved.py")
    done = _scan(repository, warehouse)
    assert done.blobs_parsed == 0
    assert (done.files_changed, done.files_deleted) == (3, 1)
    documents = _documents(warehouse)
    assert documents["src/copy.py"][0] == documents["src/prices.py"][0]
    assert documents["src/orders.py"][3] is True
    assert documents["src/moved.py"][3] is False


def test_a_touched_file_with_the_same_content_is_no_new_version(repository: Path, warehouse: Path) -> None:
    _scan(repository, warehouse)
    for path in repository.rglob("*.py"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    done = _scan(repository, warehouse)
    assert (done.files_changed, done.blobs_parsed, done.batch_id) == (0, 0, 0)
    done = _scan(repository, warehouse)
    assert done.files_changed == 0


def test_gitignore_is_respected_and_new_files_are_seen(repository: Path, warehouse: Path) -> None:
    (repository / "build").mkdir()
    (repository / "build" / "made.py").write_text("made = 1\n")
    (repository / "plan.secret").write_text("hidden\n")
    (repository / ".git" / "info").mkdir(exist_ok=True)
    (repository / ".git" / "info" / "exclude").write_text("mine.py\n")
    (repository / "mine.py").write_text("mine = 1\n")
    (repository / "new.py").write_text("new = 1\n")
    _scan(repository, warehouse)
    documents = _documents(warehouse)
    assert documents["new.py"][4] is False, "not tracked, but shown"
    assert not {"build/made.py", "plan.secret", "mine.py"} & documents.keys()
    assert not any(path.startswith(".git/") for path in documents)


def test_a_deleted_file_is_marked_once_and_comes_back(repository: Path, warehouse: Path) -> None:
    _scan(repository, warehouse)
    path = repository / "lib" / "shop.rb"
    text = path.read_text()
    path.unlink()
    assert _scan(repository, warehouse).files_deleted == 1
    assert _documents(warehouse)["lib/shop.rb"][3] is True
    assert _scan(repository, warehouse).batch_id == 0
    path.write_text(text)
    done = _scan(repository, warehouse)
    assert (done.files_changed, done.blobs_parsed) == (1, 0)
    assert _documents(warehouse)["lib/shop.rb"][3] is False


def test_a_folder_inside_stands_for_the_repository_and_two_names_are_one(
    repository: Path, warehouse: Path
) -> None:
    done = scan_code([repository / "src", repository], warehouse, host="here")
    assert (done.repositories, done.files_seen) == (1, 16)


def test_several_processes_find_the_same_as_one(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_scan, "POOL_BYTES", 1)
    monkeypatch.setattr(work, "TASK_FILES", 3)
    _scan(repository, tmp_path / "one.duckdb", processes=1)
    _scan(repository, tmp_path / "two.duckdb", processes=2)
    assert _contents(tmp_path / "one.duckdb") == _contents(tmp_path / "two.duckdb")


def test_history_goes_on_where_it_ended_and_survives_a_rewrite(repository: Path, warehouse: Path) -> None:
    _scan(repository, warehouse)
    (repository / "new.py").write_text("new = 1\n")
    _git(repository, "add", "-A")
    _git(repository, "commit", "-qm", "New")
    assert _scan(repository, warehouse).file_changes == 1
    _git(repository, "rm", "-q", "new.py")
    _git(repository, "commit", "-qm", "Gone")
    _scan(repository, warehouse)
    kinds = _rows(
        warehouse,
        "select change_type from raw.code_change where path = 'new.py' order by committed_at, _batch_id",
    )
    assert [kind for (kind,) in kinds] == ["created", "deleted"]
    _git(repository, "reset", "-q", "--hard", "HEAD~2")
    _git(repository, "reflog", "expire", "--expire=now", "--all")
    _git(repository, "gc", "-q", "--prune=now")
    (repository / "other.py").write_text("other = 1\n")
    _git(repository, "add", "-A")
    _git(repository, "commit", "-qm", "Other")
    done = _scan(repository, warehouse)
    assert done.problems == ()
    assert done.file_changes == 1


# ----------------------------------------------------------------------------- bad input


def test_bad_files_are_set_aside_with_their_reason_and_the_rest_goes_on(
    repository: Path, warehouse: Path
) -> None:
    (repository / "picture.png").write_bytes(b"\x89PNG\r\n\0\0" + bytes(range(256)) * 10)
    with (repository / "huge.py").open("wb") as huge:
        huge.truncate(50 * 1024 * 1024)
    (repository / "bundle.min.js").write_text("var a=1;" * 20_000)
    (repository / "latin.txt").write_bytes("äöüß".encode("latin-1") * 100)
    (repository / "wide.txt").write_text("weit", encoding="utf-16")
    (repository / "uv.lock").write_text("version = 1\n")
    (repository / ".env").write_text("TOKEN=secret\n")
    (repository / "empty.py").write_text("")
    (repository / "nul.py").write_bytes(b"x = 1\n" * 3000 + b"\0\n")
    (repository / "deep.py").write_text("(" * 50_000)
    (repository / "link.py").symlink_to("/etc/passwd")
    (repository / "odd\nname.py").write_text("odd = 1\n")
    (repository / "locked.py").write_text("locked = 1\n")
    done = _scan(repository, warehouse)
    documents = _documents(warehouse)
    reasons = {path: row[1] for path, row in documents.items() if row[1]}
    assert reasons.pop("deep.py", "a line of more").startswith("a line of more")
    assert reasons == {
        "picture.png": "binary",
        "huge.py": "larger than 2 MB (50 MB)",
        "bundle.min.js": "a line of more than 20,000 characters: minified or data",
        "latin.txt": "neither UTF-8 nor UTF-16",
        "uv.lock": "lock file, written by a program",
        ".env": "may hold secrets, judging by its name",
    }
    assert done.files_set_aside >= len(reasons)
    assert documents["broken.py"][2] == "syntax error in line 5"
    assert "link.py" not in documents
    assert "odd\nname.py" in documents
    assert _rows(warehouse, "select symbol_name from raw.code_symbol where symbol_name = 'odd'")
    assert not _rows(warehouse, "select chunk_text from raw.code_chunk where contains(chunk_text, 'TOKEN=')")
    assert _scan(repository, warehouse).batch_id == 0, "what was set aside is not looked at again"


SECRET = "tok_fixture_9f8e7d"


def _holding(warehouse: Path, text: str) -> list[str]:
    """The columns of the whole store, tables of all schemas, in which a text stands."""
    columns = _rows(
        warehouse,
        "select schema_name, table_name, column_name from duckdb_columns() where data_type = 'VARCHAR' and not internal",
    )
    return [
        f"{schema}.{table}.{column}"
        for schema, table, column in columns
        if _rows(warehouse, f'select 1 from "{schema}"."{table}" where contains("{column}", ?) limit 1', text)
    ]


def _configure(repository: Path) -> None:
    """Configurations with a token in them, some of them committed."""
    (repository / ".claude").mkdir()
    config = json.dumps(
        {"mcpServers": {"shop": {"command": "npx", "env": {"TOKEN": SECRET}}}, "env": {"TOKEN": SECRET}}
    )
    for name in (
        ".mcp.json", ".claude/settings.json", ".claude/settings.local.json", ".claude.json", "web/.mcp.json",
        "secrets.yaml", "main.tfvars",
    ):  # fmt: skip
        (repository / name).write_text(config)
    _git(repository, "add", "-A")
    _git(repository, "commit", "-qm", "Configurations")


@pytest.fixture
def secrets_kept() -> Iterator[None]:
    """Nothing is redacted: what is left out is left out by the scans."""
    with in_force(lambda: Policy(redacts_secrets=False)):
        yield


@pytest.mark.usefixtures("secrets_kept")
def test_no_column_of_the_store_holds_a_secret_of_a_configuration(
    repository: Path, warehouse: Path, tmp_path: Path
) -> None:
    """Neither scan keeps it, of files as of what an agent read of them."""
    _configure(repository)
    scan(StorePaths(warehouse.parents[1]), [], named=[repository], host="here")
    assert "raw.component_version.component_type" in _holding(warehouse, "mcp_config"), (
        "the component scan has seen it"
    )
    assert _holding(warehouse, SECRET) == []
    reasons = {path: row[1] for path, row in _documents(warehouse).items() if row[1]}
    assert set(reasons.values()) == {"may hold secrets, judging by its name"}
    assert len(reasons) == 7
    shown = f'     1\t{{"env": {{"TOKEN": "{SECRET}"}}}}'
    root = _transcript(tmp_path / "root", tmp_path, [("toolu_1", str(repository / ".mcp.json"), shown)])
    land([root], warehouse, host="here")
    assert scan_code([], warehouse, host="here").reads == 1
    assert _holding(warehouse, SECRET) == ["raw.transcript_line.line"], "the transcript itself alone"


@pytest.mark.usefixtures("secrets_kept")
def test_texts_that_an_older_scan_landed_go(
    repository: Path, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _configure(repository)
    with monkeypatch.context() as before:
        before.setattr(work, "reason_to_skip", lambda _path: None)
        before.setattr(code_scan, "EXTRACTOR_VERSION", code_scan.EXTRACTOR_VERSION - 1)
        _scan(repository, warehouse)
    assert _holding(warehouse, SECRET) == ["raw.code_chunk.chunk_text"]
    _scan(repository, warehouse)
    assert _holding(warehouse, SECRET) == []
    assert _documents(warehouse)[".mcp.json"][1] == "may hold secrets, judging by its name"
    assert _scan(repository, warehouse).batch_id == 0


def test_a_file_that_cannot_be_read_is_set_aside(
    repository: Path, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = files.read_beginning

    def refusing(path: Path, most_bytes: int) -> tuple[bytes, int]:
        if path.name == "prices.py":
            raise PermissionError(13, "Permission denied")
        return opened(path, most_bytes)

    monkeypatch.setattr(work, "read_beginning", refusing)
    _scan(repository, warehouse, processes=1)
    assert _documents(warehouse)["src/prices.py"][1] == "cannot be read: Permission denied"


def test_a_parser_that_crashes_costs_one_file(
    repository: Path, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool is broken as a segmentation fault would break it; the file is found by halving."""
    monkeypatch.setenv("AGENT_STORE_TEST_CRASH", "shop.rb")
    monkeypatch.setattr(code_scan, "POOL_BYTES", 1)
    monkeypatch.setattr(work, "TASK_FILES", 4)
    monkeypatch.setattr(work, "work", _crashing)
    done = _scan(repository, warehouse, processes=2)
    reasons = {path: row[1] for path, row in _documents(warehouse).items() if row[1]}
    assert reasons == {"lib/shop.rb": "the parser crashed on it"}
    assert done.files_changed == 16


def _crashing(files: list[Any]) -> Any:
    if any(file.path.endswith("shop.rb") for file in files):
        os._exit(139)
    return _work(files)


_work = work.work


def test_what_is_no_repository_is_said_and_the_rest_goes_on(
    repository: Path, warehouse: Path, tmp_path: Path
) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    bare = tmp_path / "bare.git"
    _git(tmp_path, "init", "-q", "--bare", str(bare))
    empty = tmp_path / "empty"
    _git(tmp_path, "init", "-q", str(empty))
    done = scan_code([plain, tmp_path / "nowhere", bare, empty, repository], warehouse, host="here")
    said = {Path(problem.path).name: problem.message for problem in done.problems}
    assert said == {
        "plain": "is not a git repository",
        "nowhere": "is not a folder",
        "bare.git": "is a repository without working files",
    }
    assert (done.repositories, done.files_changed) == (2, 16)


def test_a_repository_cannot_run_programs(repository: Path, warehouse: Path, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    script = tmp_path / "script.sh"
    script.write_text(f"#!/bin/sh\ntouch {witness}\n")
    script.chmod(0o755)
    for name in (
        "core.fsmonitor",
        "diff.external",
        "core.pager",
        "core.sshCommand",
        "filter.x.clean",
        "filter.x.smudge",
    ):
        _git(repository, "config", name, str(script))
    (repository / ".gitattributes").write_text("*.py filter=x diff=x\n")
    _git(repository, "config", "diff.x.textconv", str(script))
    (repository / "src" / "prices.py").write_text("PRICES = {}\n")
    witness.unlink(missing_ok=True)
    done = _scan(repository, warehouse)
    assert done.problems == ()
    assert not witness.exists()


def test_a_new_extractor_is_a_finding_of_the_memory(
    repository: Path, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other rules for chunks and symbols: everything is parsed anew, nothing stands twice."""
    _scan(repository, warehouse)
    before = _contents(warehouse)
    monkeypatch.setattr(code_scan, "EXTRACTOR_VERSION", code_scan.EXTRACTOR_VERSION + 1)
    done = _scan(repository, warehouse)
    assert done.blobs_parsed == 16
    assert _rows(
        warehouse, "select count(*) = count(distinct (blob_id, language, chunk_index)) from raw.code_chunk"
    ) == [(True,)]
    chunks = [row for row in before if len(row) == 10]
    assert [row for row in _contents(warehouse) if len(row) == 10] == chunks


# ----------------------------------------------------------------------------- what agents read


def _transcript(folder: Path, cwd: Path, entries: list[tuple[str, str, str]]) -> Path:
    """A root with one session of Reads: (tool_use_id, path, shown)."""
    file = folder / "projects" / "-p" / "11111111-1111-4111-8111-111111111111.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    session = {
        "sessionId": file.stem,
        "cwd": str(cwd),
        "version": "2.1.0",
        "timestamp": "2026-01-01T00:00:00.000Z",
    }
    with file.open("a", encoding="utf-8") as out:
        for tool_use_id, path, shown in entries:
            call = {"type": "tool_use", "id": tool_use_id, "name": "Read", "input": {"file_path": path}}
            result = {"type": "tool_result", "tool_use_id": tool_use_id, "content": shown}
            for kind, block in (("assistant", call), ("user", result)):
                line = {
                    **session, "type": kind, "uuid": f"{tool_use_id}-{kind}",
                    "message": {"role": kind, "content": [block]},
                }  # fmt: skip
                out.write(json.dumps(line) + "\n")
    return folder


def test_a_result_that_was_written_after_the_last_scan_finds_its_call(
    warehouse: Path, tmp_path: Path
) -> None:
    entries = [
        ("toolu_1", "/gone/a.py", "    10\tdef far():"),
        ("toolu_2", "/gone/b.py", "     1\tdef near():"),
    ]
    root = _transcript(tmp_path / "root", tmp_path, entries)
    [file] = root.rglob("*.jsonl")
    lines = file.read_bytes().splitlines(keepends=True)
    lines[0] = lines[0].replace(b'"name": "Read"', b'"name" : "Read"').replace(b'"id": ', b'"id" :')
    file.write_bytes(b"".join(lines[::2]))
    land([root], warehouse, host="here")
    assert scan_code([], warehouse, host="here").reads == 0
    file.write_bytes(b"".join(lines[::2] + lines[1::2]))
    land([root], warehouse, host="here")
    assert scan_code([], warehouse, host="here").reads == 2


def test_ranges_that_agents_read_give_symbols_once(warehouse: Path, tmp_path: Path) -> None:
    entries = [("toolu_1", "/gone/a.py", "    10\tdef far():\n    11\t    return near()")]
    root = _transcript(tmp_path / "root", tmp_path, entries)
    land([root], warehouse, host="here")
    done = scan_code([], warehouse, host="here")
    assert (done.reads, done.symbols, done.chunks) == (1, 2, 1)
    assert _rows(
        warehouse, "select chunk_kind, chunk_name, line_start, line_end, chunk_text from raw.code_chunk"
    ) == [("function", "far", 1, 2, "def far():\n    return near()")]
    assert _rows(warehouse, "select tool_use_id, path, line_start, language from raw.code_read") == [
        ("toolu_1", "/gone/a.py", 10, "python")
    ]
    assert scan_code([], warehouse, host="here").batch_id == 0
    more = [
        ("toolu_2", "/gone/b.py", "10\tdef far():\n11\t    return near()"),
        ("toolu_3", "/gone/c.md", "1\t# Head"),
    ]
    _transcript(tmp_path / "root", tmp_path, more)
    land([root], warehouse, host="here")
    done = scan_code([], warehouse, host="here")
    assert (done.reads, done.blobs_parsed) == (2, 1), "the same text is parsed once"
    assert _rows(warehouse, "select batch_id from raw.batch order by 1") == [(1,), (2,), (3,), (4,)]


def test_folders_that_the_component_scan_noted_are_scanned(
    repository: Path, warehouse: Path, tmp_path: Path
) -> None:
    changes = warehouse_module.Changes()
    for folder in (repository / "src", tmp_path / "gone", Path("/")):
        changes.remember("scan_folder", ("folder",), (str(folder), "project", warehouse_module.utc_now()))
    warehouse_module.write(warehouse, changes)
    done = scan_code([], warehouse, host="here")
    assert (done.repositories, done.files_changed, done.problems) == (1, 16, ())
    assert scan_code([], warehouse, host="here", touched=False).repositories == 0


def test_the_environment_names_repositories(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(code_scan.REPOSITORIES_VARIABLE, f"/one{os.pathsep}{os.pathsep}/two")
    assert code_scan.repositories_from_environment() == [Path("/one"), Path("/two")]
    monkeypatch.delenv(code_scan.REPOSITORIES_VARIABLE)
    assert code_scan.repositories_from_environment() == []


def test_a_failed_write_leaves_nothing_half_done(
    repository: Path, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise LandingError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(warehouse_module, "replace_rows", failing)
        with pytest.raises(LandingError):
            _scan(repository, warehouse)
    assert _rows(warehouse, "select count(*) from raw.code_chunk") == [(0,)]
    done = _scan(repository, warehouse)
    assert (done.files_changed, done.batch_id) == (16, 1)
