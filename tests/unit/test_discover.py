"""Which files are found below which roots, of what kind, and which of them have changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.landing.found import changed_files
from ingest.transcripts import discover
from ingest.transcripts.discover import (
    as_local_path,
    distinct_roots,
    named_roots,
    scan,
    usual_roots,
)
from ingest.transcripts.kinds import Kind

SESSION = "6b7f2a7c-c316-4755-b7ec-5f39b4a2f9cf"


def make(root: Path, *paths: str) -> None:
    """Make small files."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("{}\n")


def kinds(root: Path) -> dict[str, str]:
    """What was found below a root."""
    return {file.path: str(file.kind) for file in scan([root]).files}


def test_every_kind_is_told_by_its_path(tmp_path: Path) -> None:
    slug = "projects/-home-dev-shop"
    expected = {
        f"{slug}/{SESSION}.jsonl": "session",
        f"{slug}/{SESSION}.jsonl.gz": "session",
        f"{slug}/agent-1a2b3c4d.jsonl": "subagent",
        f"{slug}/{SESSION}/subagents/agent-a0123456789abcdef.jsonl": "subagent",
        f"{slug}/{SESSION}/subagents/agent-a0123456789abcdef.meta.json": "agent_meta",
        f"{slug}/{SESSION}/subagents/workflows/wf_1-2/agent-b.jsonl": "workflow_agent",
        f"{slug}/{SESSION}/subagents/workflows/wf_1-2/agent-b.meta.json": "agent_meta",
        f"{slug}/{SESSION}/subagents/workflows/wf_1-2/journal.jsonl": "workflow_journal",
        f"{slug}/{SESSION}/workflows/wf_1-2.json": "workflow_run",
        f"{slug}/{SESSION}/tool-results/toolu_1.txt": "tool_result",
        f"{slug}/{SESSION}/tool-results/toolu_2.json": "tool_result",
        f"{slug}/{SESSION}/custom-title.json": "custom_title",
        f"{slug}/{SESSION}/deeper/notes.jsonl": "other",
        "history.jsonl": "history",
        "stats-cache.json": "stats_cache",
        f"session-env/{SESSION}": "session_environment",
        "somewhere/else.jsonl": "other",
    }
    make(tmp_path, *(path for path, kind in expected.items() if kind != "session_environment"))
    make(
        tmp_path,
        f"session-env/{SESSION}/sessionstart-hook-0.sh",
        f"session-env/{SESSION}/{SESSION}.jsonl",
        "session-env/scratch/history.jsonl",
        f"{slug}/sessions-index.json",
        f"{slug}/memory/MEMORY.md",
        f"{slug}/{SESSION}.orphaned-17.jsonl",
        f"{slug}/{SESSION}.superseded.jsonl",
        f"{slug}/{SESSION}/workflows/scripts/wf_1.js",
        "settings.json",
        "sessions/123.json",
        "sessions/123.key",
        "plugins/cache/x/tests/fixture.jsonl",
        "node_modules/x/y.jsonl",
    )
    assert kinds(tmp_path) == expected
    # The same below `projects` itself and below one of its folders.
    below = {path.removeprefix("projects/"): kind for path, kind in expected.items() if "projects/" in path}
    assert kinds(tmp_path / "projects") == below


def test_environments_of_sessions_are_known_by_name_in_a_home_only(tmp_path: Path) -> None:
    other = "7c8f2a7c-c316-4755-b7ec-5f39b4a2f9cf"
    make(
        tmp_path,
        f"a/projects/-x/{SESSION}.jsonl",
        f"a/session-env/{SESSION}/hook.sh",
        f"b/.claude/session-env/{SESSION}/hook.sh",
        f"c/session-env/{SESSION}/x.jsonl",
    )
    (tmp_path / "a" / "session-env" / other).symlink_to(tmp_path / "c")
    found = {file.path: file for file in scan([tmp_path / "a", tmp_path / "b", tmp_path / "c"]).files}
    path = f"session-env/{SESSION}"
    assert found.keys() == {f"projects/-x/{SESSION}.jsonl", path, f".claude/{path}"}
    environments = [file for file in found.values() if file.kind == Kind.SESSION_ENVIRONMENT]
    assert {(file.logical_path, file.is_name_only, file.stamp.size) for file in environments} == {(path, True, 0)}
    # A home in which nothing was saved is one, but a folder above it is not.
    assert kinds(tmp_path / "c") == {path: "session_environment"}
    assert set(kinds(tmp_path).values()) == {"session", "session_environment"}
    assert len(kinds(tmp_path)) == 2


def test_logical_path_is_the_same_wherever_a_file_lies(tmp_path: Path) -> None:
    paths = (
        f"projects/-a/{SESSION}.jsonl",
        f"backup/2026/projects/-a/{SESSION}.jsonl.gz",
        f"x/projects/y/projects/-a/{SESSION}.jsonl",
    )
    make(tmp_path, *paths, "history.jsonl", "backup/2026/history.jsonl")
    found = scan([tmp_path]).files
    assert {file.logical_path for file in found if file.kind == Kind.SESSION} == {f"-a/{SESSION}.jsonl"}
    assert {file.logical_path for file in found if file.kind == Kind.HISTORY} == {"history.jsonl"}
    assert [file.logical_path for file in scan([tmp_path / "projects"]).files] == [f"-a/{SESSION}.jsonl"]
    assert [file.logical_path for file in scan([tmp_path / "projects" / "-a"]).files] == [
        f"-a/{SESSION}.jsonl"
    ]


def test_a_comma_separates_folders_unless_it_is_part_of_a_name(tmp_path: Path) -> None:
    assert named_roots("") == named_roots(" , ") == []
    assert named_roots("/a, /b ,") == [Path("/a"), Path("/b")]
    for name in ("x,y", "x", "p, q"):
        (tmp_path / name).mkdir()
    assert named_roots(f"{tmp_path}/x,y") == [tmp_path / "x,y"]
    names = f"{tmp_path}/p, q,{tmp_path}/x ,{tmp_path}/x,y, /gone,too"
    assert named_roots(names) == [
        tmp_path / "p, q", tmp_path / "x", tmp_path / "x,y", Path("/gone"), Path("too"),
    ]  # fmt: skip


def test_the_usual_places_are_those_of_every_client_and_system(tmp_path: Path) -> None:
    desktop = "Claude/local-agent-mode-sessions"
    assert usual_roots({}, tmp_path) == [
        tmp_path / ".claude",
        tmp_path / ".config" / "claude",
        tmp_path / "Library" / "Application Support" / desktop,
        tmp_path / ".config" / desktop,
    ]
    packaged = tmp_path / "local" / "Packages" / "Claude_x1" / "LocalCache" / "Roaming"
    packaged.mkdir(parents=True)
    windows = {"APPDATA": str(tmp_path / "roaming"), "LOCALAPPDATA": str(tmp_path / "local")}
    assert usual_roots({**windows, "XDG_CONFIG_HOME": "/etc/xdg"}, tmp_path)[1:] == [
        Path("/etc/xdg/claude"),
        tmp_path / "Library" / "Application Support" / desktop,
        Path("/etc/xdg") / desktop,
        tmp_path / "roaming" / desktop,
        packaged / desktop,
    ]


def test_the_sessions_of_the_desktop_client_are_found_without_the_users_own_files(tmp_path: Path) -> None:
    session = "local-agent-mode-sessions/w/o/local_1"
    expected = {
        f"{session}/audit.jsonl": "audit_log",
        f"{session}/.claude/projects/-s/{SESSION}.jsonl": "session",
        f"{session}/.claude/projects/-s/{SESSION}/subagents/agent-a1.jsonl": "subagent",
        "local-agent-mode-sessions/w/o/agent/local_2/audit.jsonl": "audit_log",
        "projects/-a/audit.jsonl": "session",
    }
    make(tmp_path, *expected)
    make(
        tmp_path,
        f"{session}/uploads/orders.jsonl",
        f"{session}/outputs/orders.jsonl",
        f"{session}/.claude/plugins/x/fixture.jsonl",
        "local-agent-mode-sessions/w/o/local_1.json",
    )
    assert kinds(tmp_path) == expected
    below = {
        path.removeprefix(f"{session}/"): kind for path, kind in expected.items() if path.startswith(session)
    }
    assert kinds(tmp_path / session) == below
    audits = {file.logical_path for file in scan([tmp_path]).files if file.kind == Kind.AUDIT_LOG}
    assert audits == {"local_1/audit.jsonl", "local_2/audit.jsonl"}
    assert [
        file.logical_path for file in scan([tmp_path / session]).files if file.kind == Kind.AUDIT_LOG
    ] == ["audit.jsonl"]


@pytest.mark.parametrize(
    ("given", "windows", "expected"),
    [
        (r"C:\Users\dev\.claude", False, "/mnt/c/Users/dev/.claude"),
        ("D:/x y/.claude", False, "/mnt/d/x y/.claude"),
        (r"\\wsl$\Ubuntu\home\dev\.claude", False, "/home/dev/.claude"),
        (r"\\wsl.localhost\Ubuntu-24.04\home\dev", False, "/home/dev"),
        ("/home/dev/.claude", False, "/home/dev/.claude"),
        ("/mnt/c/Users/dev/.claude", True, "C:/Users/dev/.claude"),
        ("/mnt/c", True, "C:/"),
        ("relative", True, "relative"),
    ],
)
def test_paths_of_wsl_and_windows(given: str, windows: bool, expected: str) -> None:
    assert as_local_path(given, windows=windows) == Path(expected)


def test_home_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    assert as_local_path("~/.claude") == Path("/home/someone/.claude")


def test_a_root_within_another_is_walked_once(tmp_path: Path) -> None:
    make(tmp_path, f"projects/-a/{SESSION}.jsonl")
    roots = [tmp_path / "projects", tmp_path, tmp_path / "projects" / ".." / "projects"]
    assert distinct_roots(roots) == [tmp_path.resolve()]
    assert len(scan(roots).files) == 1


def test_links_to_folders_are_followed_but_neither_in_circles_nor_twice(tmp_path: Path) -> None:
    outside = tmp_path / "disk"
    make(outside, f"-a/{SESSION}.jsonl", "-a/deeper/x.jsonl")
    (outside / "-a" / "up").symlink_to(outside)
    (outside / "-a" / "deeper" / "self").symlink_to(outside / "-a" / "deeper")
    root = tmp_path / "home"
    make(root, f"projects/-c/{SESSION}.jsonl")
    (root / "projects" / "-a").symlink_to(outside / "-a")
    (root / "projects" / "-a-again").symlink_to(outside / "-a")
    (root / "projects" / "-b-is-c").symlink_to("-c")
    (root / "projects" / "-whole-disk").symlink_to("/")
    (root / "projects" / "-gone").symlink_to("nowhere")
    (root / "plugins").symlink_to(outside)
    (root / "again").symlink_to(root)
    result = scan([root])
    assert [file.path for file in result.files] == [
        f"projects/-a/{SESSION}.jsonl", "projects/-a/deeper/x.jsonl", f"projects/-c/{SESSION}.jsonl",
    ]  # fmt: skip
    assert result.problems == ()
    # Whatever the link is called, the file is the one that is found without it.
    (root / "projects" / "-a").unlink()
    assert {file.logical_path for file in scan([root]).files} == {
        f"-a/{SESSION}.jsonl", "-a/deeper/x.jsonl", f"-c/{SESSION}.jsonl",
    }  # fmt: skip


def test_what_lies_in_a_root_is_found_there_and_not_where_another_root_links_to_it(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    make(two, f"projects/-b/{SESSION}.jsonl")
    one.mkdir()
    (one / "projects").symlink_to(two / "projects")
    assert [(file.root, file.path) for file in scan([one, two]).files] == [
        (str(two), f"projects/-b/{SESSION}.jsonl")
    ]
    assert [file.path for file in scan([one]).files] == [f"projects/-b/{SESSION}.jsonl"]


def test_what_cannot_be_read_is_reported_and_the_rest_found(tmp_path: Path) -> None:
    make(tmp_path, "projects/-a/good.jsonl")
    (tmp_path / "projects" / "-a" / "loop.jsonl").symlink_to("loop.jsonl")
    (tmp_path / "projects" / "-a" / "gone.jsonl").symlink_to("nowhere.jsonl")
    os.mkfifo(tmp_path / "projects" / "-a" / "pipe.jsonl")
    (tmp_path / "projects" / "-a" / "folder.jsonl").mkdir()
    result = scan([tmp_path, tmp_path / "missing" / ".." / ".." / "not-there"])
    assert [file.path for file in result.files] == ["projects/-a/good.jsonl"]
    assert sorted(Path(problem.path).name for problem in result.problems) == [
        "gone.jsonl", "loop.jsonl", "not-there",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("place", "target", "is_landed"),
    [
        ("projects/-a/x.jsonl", "/etc/passwd", False), ("projects/-a/x.jsonl", "{outside}/secret.txt", False),
        ("projects/-a/x.jsonl", "{outside}/innocent.jsonl", False),
        ("projects/-a/x/tool-results/y.txt", "/etc/passwd", False),
        ("projects/-a/x.jsonl", "{outside}/good.jsonl", True), ("projects/-a/x.jsonl.gz", "{outside}/good.jsonl.gz", True),
        ("projects/-a/x.jsonl", "/dev/zero", False), ("stats-cache.json", "{outside}/secret.txt", False),
    ],
)  # fmt: skip
def test_a_link_to_a_file_leads_to_a_transcript(
    tmp_path: Path, place: str, target: str, is_landed: bool
) -> None:
    outside, root = tmp_path / "outside", tmp_path / "home"
    make(outside, "secret.txt", "good.jsonl", "good.jsonl.gz")
    (outside / "innocent.jsonl").symlink_to(outside / "secret.txt")
    make(root, "projects/-a/other.jsonl")
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).symlink_to(target.format(outside=outside))
    result = scan([root])
    assert (place in {file.path for file in result.files}) == is_landed
    if target != "/dev/zero":  # no regular file at all is left alone, as everywhere
        assert bool(result.problems) != is_landed


def test_a_link_to_a_transcript_of_somebody_else_is_not_followed(tmp_path: Path) -> None:
    make(tmp_path, "a.jsonl")
    link = tmp_path / "b.jsonl"
    link.symlink_to("a.jsonl")
    status = list((tmp_path / "a.jsonl").stat())
    assert discover.leads_to_transcript(str(link), os.stat_result(status))
    status[4] += 1  # the owner
    assert not discover.leads_to_transcript(str(link), os.stat_result(status))


def test_a_folder_that_cannot_be_listed_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "projects/-a/a.jsonl", "projects/-b/b.jsonl")
    real = os.scandir

    def scandir(path: str) -> object:
        if path.endswith("-a"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(discover.os, "scandir", scandir)
    result = scan([tmp_path])
    assert [file.path for file in result.files] == ["projects/-b/b.jsonl"]
    assert [str(problem) for problem in result.problems] == [
        f"{tmp_path}/projects/-a: cannot be listed: Permission denied"
    ]


def test_names_that_are_not_text_are_escaped(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/projects/-caf\xe9"
    os.makedirs(folder)  # noqa: PTH103 - pathlib has no bytes
    with open(folder + b"/s.jsonl", "wb") as file:  # noqa: PTH123
        file.write(b"{}\n")
    (found,) = scan([tmp_path]).files
    assert found.path.encode() == b"projects/-caf\\udce9/s.jsonl"
    assert Path(found.system_path).read_bytes() == b"{}\n"


def test_changes_are_seen_by_size_time_and_inode(tmp_path: Path) -> None:
    make(tmp_path, "projects/-a/a.jsonl")
    path = tmp_path / "projects" / "-a" / "a.jsonl"
    before = scan([tmp_path]).files
    memory = {(file.root, file.path): file.stamp for file in before}
    assert changed_files(scan([tmp_path]).files, memory) == []
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert len(changed_files(scan([tmp_path]).files, memory)) == 1
    copy = path.with_name("copy")
    copy.write_text("{}\n")
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
    copy.replace(path)
    assert len(changed_files(scan([tmp_path]).files, memory)) == 1
    with path.open("a") as file:
        file.write("{}\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert len(changed_files(scan([tmp_path]).files, memory)) == 1
