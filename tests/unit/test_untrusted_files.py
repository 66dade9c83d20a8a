"""Files of a project that nobody asked to trust: pipes, devices, bombs, and names of what is not its own."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from hashlib import sha1
from pathlib import Path

import pytest

from agent_store.build import scan as scans
from agent_store.paths import StorePaths
from ingest import components, contracts, files, sources, warehouse
from ingest.code.scan import _Run
from ingest.code.work import _content
from ingest.components import Folder
from ingest.contracts import Kind, Watched
from ingest.text import load_yaml
from ingest.warehouse import Changes

SECRET = "correct horse battery staple"
SECONDS = 5


@pytest.fixture(autouse=True)
def _in_time() -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < SECONDS


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / "project"
    (folder / ".claude" / "skills" / "x").mkdir(parents=True)
    (folder / ".agent-store").mkdir()
    return folder


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of the user's, two folders above the project's."""
    path = tmp_path / "home" / "secret.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{SECRET}\n", encoding="utf-8")
    return path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def scanned(folder: Path, origin: str = "project") -> Changes:
    return components.scan([Folder(folder, origin)], {}, set, "here")


def everything(changes: Changes) -> str:
    """All that would be written, as one text."""
    return "\n".join(str(row) for rows in changes.rows.values() for row in rows)


def reasons(changes: Changes, name: str) -> list[str]:
    """Why files were set aside, by the end of their path."""
    return [
        str(row[24])
        for row in changes.rows.get("component_version", ())
        if row[24] and str(row[3]).endswith(name)
    ]


def make_strange(path: Path, kind: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path)


STRANGE = ("pipe", "device", "folder", "circle")


# --- only regular files


@pytest.mark.parametrize("kind", STRANGE)
def test_what_is_no_regular_file_is_not_read(kind: str, tmp_path: Path) -> None:
    make_strange(tmp_path / "file", kind)
    with pytest.raises(OSError):
        files.read_regular(tmp_path / "file", 100)
    assert not files.is_regular(tmp_path / "file")


def test_a_file_is_read_up_to_a_limit(tmp_path: Path) -> None:
    path = write(tmp_path / "file", "0123456789")
    assert files.read_regular(path, 10) == b"0123456789"
    assert files.read_beginning(path, 4) == (b"0123", 10)
    with pytest.raises(files.TooLargeError):
        files.read_regular(path, 9)
    with pytest.raises(OSError):
        files.read_regular(f"{path}\0", 10)


@pytest.mark.parametrize("kind", STRANGE)
def test_a_contract_that_is_no_regular_file_says_so(kind: str, tmp_path: Path) -> None:
    make_strange(tmp_path / "api.json", kind)
    (version,) = contracts.read_versions(Watched("api", Kind.OPENAPI, (tmp_path / "api.json",)))
    assert version.problem is not None
    assert version.problem.startswith("cannot be read")


@pytest.mark.parametrize("kind", STRANGE)
@pytest.mark.parametrize(
    "name",
    [
        ".claude/skills/x/SKILL.md", ".claude/settings.json", ".mcp.json", "CLAUDE.md", ".claude-plugin/plugin.json",
        ".claude-plugin/marketplace.json", ".agent-store/sources.yml",
    ],
)  # fmt: skip
def test_a_component_that_is_no_regular_file_is_left_alone(kind: str, name: str, project: Path) -> None:
    make_strange(project / name, kind)
    write(project / "AGENTS.md", "See @CLAUDE.md\n")
    changes = scanned(project)
    assert "AGENTS.md" in everything(changes)
    assert scans.lists(StorePaths(project / "store"), [Folder(project, "project")]) == {}


@pytest.mark.parametrize("kind", STRANGE)
def test_a_source_that_is_no_regular_file_is_a_failed_look(kind: str, tmp_path: Path) -> None:
    make_strange(tmp_path / "file", kind)
    listed = write(tmp_path / "sources.yml", "sources: [{name: a, path: file}, {name: b, database: file}]")
    for seen in sources.check(sources.read_list(listed), {}):
        assert not seen.is_available
        assert seen.error


# --- bombs


LAUGHS = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 12)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{level}: &a{level}\n  <<: [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 12)
)
BOMBS = {
    "laughs": LAUGHS,
    "merges": MERGES,
    "brackets": "a: " + "[" * 60_000,
    "dashes": "- " * 30_000,
    "questions": "? " * 30_000,
    "itself": "a: &a [*a]",
    "long": f'a: "{"x " * 600_000}"',
    "text": f"a: &a {'x' * 60_000}\nb: [{'*a, ' * 1_000}]",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_in_front_matter_is_set_aside(name: str, project: Path) -> None:
    write(project / ".claude/skills/x/SKILL.md", f"---\n{BOMBS[name]}\n---\nCount.\n")
    changes = scanned(project)
    (reason,) = reasons(changes, "SKILL.md")
    assert reason.startswith("front matter is not YAML")
    assert len(everything(changes)) < 8 * len(BOMBS[name]) + 10_000


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_in_a_list_of_sources_is_set_aside(name: str, project: Path) -> None:
    file = write(project / ".agent-store/sources.yml", f"sources: []\n{BOMBS[name]}\n")
    listed, changes = sources.list_changes({file: project}, None)
    assert listed == []
    assert changes.set_aside == 1


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_as_a_contract_is_a_version_without_elements(name: str, tmp_path: Path) -> None:
    with pytest.raises(contracts.ContractError):
        contracts.flatten(Kind.OPENAPI, [BOMBS[name]])


def test_anchors_that_save_typing_are_read() -> None:
    text = "base: &base {name: a, tools: [Read, Edit]}\nother:\n  <<: *base\n  name: b\n"
    assert load_yaml(text, 1000)["other"] == {"name": "b", "tools": ["Read", "Edit"]}


@pytest.mark.parametrize(
    "header",
    [
        "name: 0x" + "f" * 30_000, "name: 1" + ":59" * 10_000, "score: .nan\nother: -.inf", "2026-01-01: {2026-01-02: x}",
        "? [a, b]\n: c", "tags: !!set {a, b}", "name: !!python/object:os.system x", "name: !!binary aGVsbG8=",
        "metadata:\n" + "".join(f"  k{number}: v\n" for number in range(5_000)), "name: \"\\0\"",
    ],
)  # fmt: skip
def test_strange_values_in_front_matter_are_landed_as_json(header: str, project: Path) -> None:
    write(project / ".claude/skills/x/SKILL.md", f"---\n{header}\n---\nCount.\n")
    write(project / ".claude/agents/x.md", f"---\n{header}\n---\nCount.\n")
    changes = scanned(project)
    rows = [row for row in changes.rows["component_version"] if str(row[3]).endswith(".md")]
    assert len(rows) == 2
    for row in rows:
        json.loads(str(row[16] or "null"), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


@pytest.mark.parametrize("name", [".mcp.json", ".claude/settings.json", ".claude-plugin/plugin.json"])
@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, '{"name": "\\ud800\\u0000"}', "1" * 10_000]
)
def test_strange_json_in_a_configuration_stops_nothing(
    name: str, text: str, project: Path, tmp_path: Path
) -> None:
    write(project / name, text)
    changes = scanned(project)
    assert name in everything(changes)
    warehouse.write(tmp_path / "warehouse.duckdb", changes)


# --- a project names what is inside of it


@pytest.mark.parametrize(
    "entry",
    [
        "path: {secret}", "path: ../../secret.md", "path: ../x/../../secret.md", "path: ~/secret.md", "path: link.md",
        "pages: [../README.md, ../../secret.md]", "url: ../../secret.md", "url: file://{secret}", "database: {secret}",
        "spec: {secret}", "spec: ../../*.md", "spec: ../x*/../../secret.md", "versions: [../../secret.md]",
        "contract: sql_ddl, path: ../../secret.md", "type: git, url: ../../other", "type: git, path: /srv/other",
        "type: git, url: 'file:///srv/other.git'", "url: /srv/other.git", "spec: folder/*.md",
        "type: git, url: 'x@/../../../other', path: 'x@/../../../other'",
    ],
)  # fmt: skip
def test_a_list_of_a_project_names_nothing_outside_of_it(
    entry: str, project: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(secret.parent))
    (project / ".agent-store" / "link.md").symlink_to(secret)
    (project / ".agent-store" / "folder").symlink_to(secret.parent)
    (project / "x1").mkdir()
    text = f"sources:\n- {{name: bad, {entry.format(secret=secret)}}}\n- {{name: good, path: ../README.md}}\n"
    file = write(project / ".agent-store/sources.yml", text)
    write(project / "README.md", "Read me.\n")
    listed, changes = sources.list_changes({file: project}, None)
    bad, good = listed
    versions = list(contracts.read_versions(bad.watched)) if bad.watched else []
    assert SECRET not in str(versions) + everything(changes)
    is_empty = bad.watched is not None and not bad.watched.files
    assert is_empty or bad.refused
    if bad.refused:
        assert bad.watched is None
        assert [row[11] for row in changes.rows["source_entry"] if row[0] == "bad"] == [bad.refused]
        assert changes.set_aside == 1
    seen = sources.check([bad, good], {})
    assert {one.source.name for one in seen if one.is_available} == {"good"}
    assert SECRET not in str(seen)


def test_a_list_of_a_project_names_its_own_files_and_the_network(project: Path) -> None:
    text = """
    sources:
    - {name: api, spec: ../api.json}
    - {name: all, versions: "../versions/*.json", contract: openapi}
    - {name: guide, url: "https://example.com/../guide"}
    - {name: code, type: git, url: "git@example.com:a/b.git"}
    - {name: here, type: git, path: ..}
    """
    file = write(project / ".agent-store/sources.yml", text)
    for name in ("api.json", "versions/1.json", "versions/2.json"):
        write(project / name, "{}")
    listed = sources.read_list(file, project)
    assert [source.refused for source in listed] == [None] * 5
    assert [len(source.watched.files) for source in listed if source.watched] == [1, 2]


def test_the_users_own_list_names_any_file(project: Path, secret: Path) -> None:
    paths = StorePaths(project.parent / "store")
    file = write(paths.home / "sources.yml", f"sources: [{{name: a, path: {secret}}}]")
    write(project / ".agent-store/sources.yml", "sources: []")
    write(project / "sources.yml", "sources: []")
    found = scans.lists(paths, [Folder(project, "named")])
    assert found == {
        file: None, project / ".agent-store/sources.yml": project, project / "sources.yml": project,
    }  # fmt: skip
    (seen,) = sources.check(sources.read_list(file, found[file]), {})
    assert seen.is_available


@pytest.mark.parametrize("linked", [".agent-store/sources.yml", ".agent-store"])
def test_a_list_that_is_a_link_out_of_the_project_is_not_read(
    linked: str, project: Path, secret: Path
) -> None:
    target = write(secret.parent / "private" / "sources.yml", f"- {{name: x, {SECRET.replace(' ', '_')}: 1}}")
    (project / ".agent-store").rmdir()
    place = project / linked
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(target if place.suffix else target.parent)
    listed, changes = sources.list_changes({project / ".agent-store/sources.yml": project}, None)
    assert listed == []
    assert changes.set_aside == 1
    assert "correct" not in everything(changes)


@pytest.mark.parametrize(
    "linked",
    [
        "CLAUDE.md", ".claude", ".claude/skills", ".claude/skills/x", ".claude/skills/x/SKILL.md", ".claude/agents/a.md",
        ".claude/rules", ".mcp.json", ".claude/settings.json", ".claude-plugin", ".claude-plugin/plugin.json", "skills",
    ],
)  # fmt: skip
def test_a_link_of_a_project_is_not_followed_out_of_it(linked: str, project: Path, secret: Path) -> None:
    outside = secret.parent / "private"
    body = f"---\nname: x\ndescription: {SECRET}\n---\n{SECRET}\n"
    for name in ("SKILL.md", "x/SKILL.md", "skills/x/SKILL.md", "CLAUDE.md", "a.md"):
        write(outside / name, body)
    servers = json.dumps(
        {"name": "a", "description": SECRET, "mcpServers": {SECRET: {"url": "https://a.example"}}}
    )
    for name in ("plugin.json", "settings.json"):
        write(outside / name, servers)
    (project / ".claude" / "skills" / "x").rmdir()
    (project / ".claude" / "skills").rmdir()
    (project / ".claude").rmdir()
    place = project / linked
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(
        (outside / ("a.md" if place.suffix == ".md" else "plugin.json")) if place.suffix else outside
    )
    changes = scanned(project)
    assert SECRET not in everything(changes)
    # Of a folder that the user named links are followed: they asked for it.
    if linked != ".claude-plugin":
        assert SECRET in everything(scanned(project, "named"))


def test_a_marketplace_of_a_project_offers_its_own_plugins_only(project: Path, secret: Path) -> None:
    write(secret.parent / "private" / ".claude-plugin" / "plugin.json", json.dumps({"name": SECRET}))
    write(
        project / ".claude-plugin" / "marketplace.json",
        json.dumps({"plugins": [{"name": "p", "source": "./../private"}]}),
    )
    assert SECRET not in everything(scanned(project))


def test_links_within_a_repository_are_followed(project: Path) -> None:
    """A project is its repository: a package of it may link to the skills of the whole."""
    top = project.parent / "repository"
    subprocess.run(["git", "init", "-q", str(top)], check=True, capture_output=True)
    write(top / "shared" / "x" / "SKILL.md", "---\nname: x\ndescription: Count\n---\nCount.\n")
    (top / "package" / ".claude").mkdir(parents=True)
    (top / "package" / ".claude" / "skills").symlink_to(top / "shared")
    assert "Count." in everything(scanned(top / "package"))


def test_an_index_or_a_linked_folder_leads_a_scan_of_code_nowhere(project: Path, secret: Path) -> None:
    """Git would not write such an index; a folder can become a link after it was added."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}

    def run(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", *arguments], cwd=project, env=environment,
            check=True, capture_output=True,
        )  # fmt: skip

    write(project / "private" / "secret.md", "Nothing yet.\n")
    write(project / "aa_aaaaaaa.md", "Nothing.\n")
    run("init", "-q")
    run("add", "-A")
    (project / "private" / "secret.md").unlink()
    (project / "private").rmdir()
    (project / "private").symlink_to(secret.parent)
    index = project / ".git" / "index"
    assert len("aa_aaaaaaa.md") == len("../secret.md/")
    changed = index.read_bytes().replace(b"aa_aaaaaaa.md", b"..//secret.md")
    index.write_bytes(changed[:-20] + sha1(changed[:-20], usedforsecurity=False).digest())
    found = _Run("here", 1)
    found.add_repository(project, is_named=True)
    assert SECRET not in "".join(_content(file)[0] for file in found.todo)
    assert not [file.path for file in found.todo if "secret" in file.path]


def test_what_leads_out_is_a_reason(project: Path, secret: Path) -> None:
    (project / "CLAUDE.md").symlink_to(secret)
    assert reasons(scanned(project), "CLAUDE.md") == ["a link that leads out of the project"]
