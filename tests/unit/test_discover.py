"""Which files are found below which roots, of what kind, and which of them have changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest import discover
from ingest.discover import as_local_path, changed_files, default_roots, distinct_roots, scan
from ingest.transcripts import Kind

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
        "somewhere/else.jsonl": "other",
    }
    make(tmp_path, *expected)
    make(
        tmp_path,
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


def test_roots_come_from_the_environment_or_the_usual_places(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".claude").mkdir(parents=True)
    assert default_roots({}, home) == [home / ".claude"]
    (home / ".config" / "claude").mkdir(parents=True)
    assert default_roots({"CLAUDE_CONFIG_DIR": " "}, home) == [home / ".claude", home / ".config" / "claude"]
    assert default_roots({"CLAUDE_CONFIG_DIR": "/a, /b ,"}, home) == [Path("/a"), Path("/b")]
    comma = tmp_path / "a,b"
    comma.mkdir()
    assert default_roots({"CLAUDE_CONFIG_DIR": str(comma)}, home) == [comma]


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


def test_links_to_folders_are_not_followed_but_projects_is(tmp_path: Path) -> None:
    real = tmp_path / "disk"
    make(real, f"-a/{SESSION}.jsonl")
    (real / "-a" / "loop").symlink_to(real)
    (real / "-b").symlink_to(real / "-a")
    root = tmp_path / "home"
    root.mkdir()
    (root / "projects").symlink_to(real)
    (root / "again").symlink_to(root)
    result = scan([root])
    assert [file.path for file in result.files] == [f"projects/-a/{SESSION}.jsonl"]
    assert result.problems == ()


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
