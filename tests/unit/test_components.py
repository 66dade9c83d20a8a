"""Scans of components: what is found, what is read of it, what is set aside."""

from __future__ import annotations

import json
import os
import subprocess
from hashlib import md5
from pathlib import Path

import pytest
from conftest import PROJECT

from ingest import components
from ingest.components import Folder
from ingest.components.component import Found
from ingest.components.front_matter import plain_front_matter, split_front_matter
from ingest.components.landing import Places
from ingest.components.parse import _skill_errors, parse
from ingest.files import Stamp
from ingest.warehouse import Changes

FIXTURE = PROJECT / "tests" / "fixtures" / "component_repo"
NAMES = [
    "host",
    "scope",
    "root",
    "path",
    "component_type",
    "component_name",
    "plugin_name",
    "owner_name",
    "file_role",
    "content_hash",
    "body_hash",
    "content",
    "size_bytes",
    "line_count",
    "word_count",
    "char_count",
    "front_matter",
    "links",
    "entries",
    "validator_name",
    "validator_version",
    "errors",
    "warnings",
    "is_binary",
    "set_aside_reason",
    "modified_at",
    "scanned_at",
]  # the columns of raw.component_version, but the batch


def write(path: Path, text: str) -> Path:
    """Write a file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def scanned(*folders: Folder, places: Places | None = None) -> Changes:
    """Scan folders as if nothing were known."""
    return components.scan(folders, places or {}, set, "here")


def versions(changes: Changes) -> list[dict[str, object]]:
    """The versions found, by column."""
    return [dict(zip(NAMES, row, strict=True)) for row in changes.rows.get("component_version", [])]


def version_of(changes: Changes, path: str) -> dict[str, object]:
    """The version of one file."""
    return next(version for version in versions(changes) if str(version["path"]).endswith(path))


@pytest.fixture
def repository() -> Changes:
    """The components of the repository of fixtures."""
    return scanned(Folder(FIXTURE, "named"))


def test_everything_in_a_repository_is_found(repository: Changes) -> None:
    found = {
        (version["component_type"], version["component_name"], version["file_role"])
        for version in versions(repository)
    }
    assert {
        ("skill", "order-report", "main"), ("skill", "order-report", "reference"), ("skill", "order-report", "script"),
        ("agent", "order-auditor", "main"), ("command", "release:notes", "main"), ("reference_file", "money.md", "rule"),
        ("reference_file", "CLAUDE.md", "memory"), ("mcp_config", ".mcp.json", "config"),
        ("settings", "settings.json", "config"), ("hook", "check.sh", "script"), ("plugin", "packager", "manifest"),
        ("skill", "packager:pack-parcel", "main"), ("agent", "packager:packer", "main"),
        ("command", "packager:label", "main"), ("eval_report", "packager", "report"),
    } <= found  # fmt: skip
    assert repository.files_seen == len(versions(repository))


def test_a_skill_is_measured_and_validated(repository: Changes) -> None:
    skill = version_of(repository, "order-report/SKILL.md")
    text = (FIXTURE / ".claude/skills/order-report/SKILL.md").read_text(encoding="utf-8")
    assert skill["line_count"] == len(text.splitlines())
    assert skill["word_count"] == len(text.split())
    assert skill["char_count"] == len(text)
    assert skill["validator_name"] == "skills-ref"
    assert skill["errors"] == "[]"
    assert json.loads(str(skill["front_matter"]))["name"] == "order-report"
    assert "references/totals.md" in str(skill["warnings"])
    assert {link["target"]: link["exists"] for link in json.loads(str(skill["links"]))} == {
        "references/fields.md": True, "references/totals.md": False, "scripts/report.py": True,
    }  # fmt: skip


def test_secrets_of_configurations_are_not_kept(repository: Changes) -> None:
    assert "not-kept" not in json.dumps(repository.rows, default=str)
    servers = {
        entry["name"]: entry for entry in json.loads(str(version_of(repository, ".mcp.json")["entries"]))
    }
    assert servers["inventory"]["target"] == "https://mcp.parcel-shop.example"
    assert servers["carrier"]["target"] == "npx @parcel-shop/carrier-mcp@1.4.0"
    assert servers["carrier"]["environment"] == "CARRIER_TOKEN"
    assert version_of(repository, ".mcp.json")["content"] is None


def test_hooks_and_plugins_are_named(repository: Changes) -> None:
    entries = json.loads(str(version_of(repository, ".claude/settings.json")["entries"]))
    assert {(entry["type"], entry["name"], entry["target"]) for entry in entries} == {
        ("hook", "PostToolUse:Edit|Write", "check.sh"), ("hook", "SessionStart", "agent-store"),
        ("plugin", "packager", "enabled"),
    }  # fmt: skip


def test_an_agents_tools_are_its_entries(repository: Changes) -> None:
    entries = json.loads(str(version_of(repository, "order-auditor.md")["entries"]))
    assert {(entry["type"], entry["name"]) for entry in entries} == {
        ("tool", "Read"), ("tool", "Grep"), ("tool", "Bash"), ("tool", "mcp__inventory__find_item"),
        ("skill", "order-report"),
    }  # fmt: skip


def test_broken_front_matter_is_set_aside_with_its_reason(repository: Changes) -> None:
    assert "not YAML" in str(version_of(repository, "Broken_Name/SKILL.md")["set_aside_reason"])
    assert version_of(repository, "unclosed/SKILL.md")["set_aside_reason"] == "front matter is not closed"
    assert json.loads(str(version_of(repository, "Broken_Name/SKILL.md")["errors"]))
    assert json.loads(str(version_of(repository, "nameless.md")["errors"])) == [
        "Missing required field in frontmatter: name"
    ]


def test_what_has_not_changed_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    first = scanned(Folder(FIXTURE, "named"))
    places: Places = {}
    for root, path, size, mtime, inode, content_hash, vanished in first.replaced["component_file"][1]:
        places[str(root), str(path)] = (
            Stamp(size, mtime, inode),
            content_hash,
            vanished is not None,
        )  # type: ignore[arg-type]
    monkeypatch.setattr("ingest.components.landing._land", lambda *_: pytest.fail("a file was read"))
    assert not scanned(Folder(FIXTURE, "named"), places=places)


def test_a_new_content_is_a_new_version_and_an_old_one_is_not(tmp_path: Path) -> None:
    file = write(tmp_path / "skills" / "a" / "SKILL.md", "---\nname: a\ndescription: A\n---\nOne\n")
    first = scanned(Folder(tmp_path, "named"))
    known = {
        (str(version["root"]), str(version["path"]), str(version["content_hash"]))
        for version in versions(first)
    }
    file.write_text("---\nname: a\ndescription: A\n---\nTwo\n", encoding="utf-8")
    second = components.scan([Folder(tmp_path, "named")], {}, lambda: set(known), "here")
    assert len(versions(second)) == 1
    file.write_text("---\nname: a\ndescription: A\n---\nOne\n", encoding="utf-8")
    assert not versions(components.scan([Folder(tmp_path, "named")], {}, lambda: set(known), "here"))


def test_the_body_alone_decides_what_a_session_ran_with(tmp_path: Path) -> None:
    one = write(
        tmp_path / "one" / "skills" / "a" / "SKILL.md", "---\nname: a\ndescription: A\n---\n\nDo it.\n"
    )
    two = write(
        tmp_path / "two" / "skills" / "a" / "SKILL.md", "---\nname: a\ndescription: Other words\n---\nDo it."
    )
    found = versions(scanned(Folder(one.parents[2], "named"), Folder(two.parents[2], "named")))
    assert len({version["body_hash"] for version in found}) == 1
    assert len({version["content_hash"] for version in found}) == 2


def test_a_vanished_file_is_remembered(tmp_path: Path) -> None:
    file = write(tmp_path / "CLAUDE.md", "Be brief.\n")
    first = scanned(Folder(tmp_path, "project"))
    row = first.replaced["component_file"][1][0]
    places: Places = {(str(row[0]), str(row[1])): (Stamp(*row[2:5]), str(row[5]), False)}  # type: ignore[arg-type]
    file.unlink()
    (gone,) = scanned(Folder(tmp_path, "project"), places=places).replaced["component_file"][1]
    assert gone[6] is not None


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    write(tmp_path / "skills" / "a" / "SKILL.md", "---\nname: a\ndescription: A\n---\nBody\n")
    (tmp_path / "skills" / "a" / "again").symlink_to(tmp_path / "skills", target_is_directory=True)
    (tmp_path / "skills" / "self").symlink_to(tmp_path / "skills" / "self")
    changes = scanned(Folder(tmp_path, "named"))
    reasons = {version["set_aside_reason"] for version in versions(changes)}
    assert "a link that leads back to a folder above it" in reasons
    assert sum(version["component_name"] == "a" for version in versions(changes)) == 1


def test_a_linked_skill_is_found(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "a" / "SKILL.md", "---\nname: a\ndescription: A\n---\nBody\n")
    (tmp_path / "repo" / "skills").mkdir(parents=True)
    (tmp_path / "repo" / "skills" / "a").symlink_to(tmp_path / "elsewhere" / "a", target_is_directory=True)
    assert [
        version["component_name"] for version in versions(scanned(Folder(tmp_path / "repo", "named")))
    ] == ["a"]


def test_imports_in_a_circle_are_a_warning(tmp_path: Path) -> None:
    write(tmp_path / "docs.md", "See @CLAUDE.md\n")
    write(tmp_path / "skills" / "a" / "SKILL.md", "---\nname: a\ndescription: A\n---\n@SKILL.md\n")
    changes = scanned(Folder(tmp_path, "named"))
    assert "imports itself through SKILL.md" in str(version_of(changes, "SKILL.md")["warnings"])


def test_binary_and_huge_files_are_set_aside(tmp_path: Path) -> None:
    skills = tmp_path / "skills" / "a"
    write(skills / "SKILL.md", "---\nname: a\ndescription: A\n---\nBody\n")
    (skills / "logo.png").write_bytes(b"\x89PNG\0\0")
    (skills / "notes.md").write_bytes(b"text\0binary")
    with (skills / "big.md").open("wb") as big:
        big.truncate(50 * 1024 * 1024)
    changes = scanned(Folder(tmp_path, "named"))
    assert version_of(changes, "logo.png")["set_aside_reason"] is None
    assert version_of(changes, "logo.png")["is_binary"] is True
    assert version_of(changes, "notes.md")["set_aside_reason"] == "binary"
    assert version_of(changes, "big.md")["set_aside_reason"] == "larger than 4 MiB"
    assert version_of(changes, "big.md")["size_bytes"] == 50 * 1024 * 1024
    assert version_of(changes, "SKILL.md")["errors"] == "[]"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_set_aside(tmp_path: Path) -> None:
    file = write(tmp_path / "CLAUDE.md", "Secret\n")
    file.chmod(0)
    (version,) = versions(scanned(Folder(tmp_path, "project")))
    assert "cannot be read" in str(version["set_aside_reason"])


def test_a_file_that_is_not_utf8_is_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "CLAUDE.md").write_bytes(b"caf\xe9\n")
    (version,) = versions(scanned(Folder(tmp_path, "project")))
    assert version["content"] == "caf\ufffd\n"


def test_a_home_has_plugins_of_which_the_newest_version_counts(tmp_path: Path) -> None:
    for number, version in enumerate(("1.0.0", "1.1.0")):
        base = tmp_path / "plugins" / "cache" / "market" / "tool" / version
        write(base / ".claude-plugin" / "plugin.json", json.dumps({"name": "tool", "version": version}))
        write(base / "skills" / "use-it" / "SKILL.md", "---\nname: use-it\ndescription: A\n---\nBody\n")
        os.utime(base, ns=(number * 10**9, number * 10**9))
    write(tmp_path / "CLAUDE.md", "Hi\n")
    found = versions(scanned(Folder(tmp_path, "home")))
    assert {version["component_name"] for version in found} == {"tool", "tool:use-it", "CLAUDE.md"}
    assert all("1.0.0" not in str(version["path"]) for version in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "name: a\ndescription: Does things. Use when asked.",
            {"name": "a", "description": "Does things. Use when asked."},
        ),
        ("name: a\ndescription: Use: when asked", None),
        ("name: 'a'", None),
        ("tools: [Read]", None),
        ("name: a\nname: b", None),
        ("name:\n  - a", None),
        ("name: yes # or no", None),
    ],
)
def test_plain_front_matter_needs_no_parser(text: str, expected: dict[str, str] | None) -> None:
    assert plain_front_matter(text) == expected


def test_the_quick_way_agrees_with_the_validator(tmp_path: Path) -> None:
    """Plain front matter is judged without a YAML parser: with the same result."""
    from skills_ref.validator import validate

    texts = [
        "---\nname: a-skill\ndescription: Fine\n---\nBody",
        "---\nname: Another\ndescription: Fine\n---\nBody",
        "---\nname: a-skill\n---\nBody",
        "---\nname: a-skill\ndescription: Fine\ncolour: blue\n---\nBody",
        "---\nname: a-skill\ndescription: Fine\nlicense: MIT\n---\nBody",
        f"---\nname: a-skill\ndescription: {'x' * 1100}\n---\nBody",
        "no front matter",
        "---\nname: a-skill\ndescription: not closed",
        "---\nname: a-skill\ndescription: [a, list]\n---\nBody",
    ]
    for text in texts:
        file = write(tmp_path / "a-skill" / "SKILL.md", text)
        assert _skill_errors(text, file.parent) == [
            " ".join(e.split())[:500] for e in validate(file.parent)
        ], text


def test_front_matter_is_split_off() -> None:
    assert split_front_matter("---\na: 1\n---\nBody") == ("a: 1", "Body")
    assert split_front_matter("# Title\n---\n") == (None, "# Title\n---\n")
    assert split_front_matter("---\r\na: 1\r\n---\r\nBody")[1] == "Body"


def test_loose_front_matter_is_read_line_by_line(tmp_path: Path) -> None:
    file = write(tmp_path / "a.md", "")
    found = Found("", "a.md", str(file), "project", "agent", "a", None, None, "main", Stamp(0, 0, 0))
    parsed = parse(
        found, "---\nname: helper\ndescription: Use this: it helps\ntools: Read, Write\n---\nYou help."
    )
    assert parsed.front_matter is not None
    assert parsed.front_matter["name"] == "helper"
    assert parsed.problem
    assert [entry["name"] for entry in parsed.entries] == ["Read", "Write"]


def test_bodies_of_commits_are_hashed_as_those_of_files_are(tmp_path: Path) -> None:
    """Front matter is no part of a body; of what a commit deleted there is none; only texts to be filled in are kept."""
    repository = tmp_path / "repository"

    def commit(text: str | None) -> None:
        path = repository / "skills" / "count" / "SKILL.md"
        if text is None:
            path.unlink()
        else:
            write(path, text)
        for arguments in (["add", "-A"], ["commit", "-qm", "Change"]):
            subprocess.run(
                ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", "-C", str(repository), *arguments],
                check=True, capture_output=True,
            )  # fmt: skip

    repository.mkdir()
    subprocess.run(["git", "init", "-q", str(repository)], check=True, capture_output=True)
    commit("---\nname: count\n---\n\nCount the drawers.\n")
    commit("---\nname: count\nversion: 2\n---\n\nCount the drawers.\n")
    commit("---\nname: count\n---\nCount $ARGUMENTS.\r\n")
    commit(None)
    folder = Folder(repository, "named")
    changes = components.scan_history([folder], {}, set, set)
    assert len(changes.rows["component_commit"]) == 4
    bodies = {(row[4], row[5]) for row in changes.rows["component_body"]}
    assert len(changes.rows["component_body"]) == 3
    assert bodies == {
        (md5(b"Count the drawers.").hexdigest(), None),
        (md5(b"Count $ARGUMENTS.").hexdigest(), "Count $ARGUMENTS."),
    }
    memory = {str(row[0]): str(row[1]) for row in changes.replaced["scan_memory"][1]}
    assert not components.scan_history([folder], memory, set, set)


def test_reports_of_evals_are_found_in_plugins_and_skills_alone(tmp_path: Path) -> None:
    write(tmp_path / ".claude-plugin/plugin.json", '{"name": "till-tools"}')
    for place in ("evals/results/1", "skills/sums/evals/2", "notes"):
        write(tmp_path / place / "aggregate-result.json", '{"cases": []}')
    write(tmp_path / "skills/sums/SKILL.md", "---\nname: sums\ndescription: Adds.\n---\nAdd.\n")
    write(tmp_path / "evals/sums/prompt.md", "Add 1 and 1.")
    found = [one for one in versions(scanned(Folder(tmp_path, "named"))) if one["component_type"] == "eval_report"]
    assert {(one["path"], one["component_name"]) for one in found} == {
        ("evals/results/1/aggregate-result.json", "till-tools"), ("skills/sums/evals/2/aggregate-result.json", "sums"),
    }  # fmt: skip
    assert all(one["content"] == '{"cases": []}' and one["set_aside_reason"] is None for one in found)
