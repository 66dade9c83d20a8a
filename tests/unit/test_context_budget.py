"""`agent-store diet --budget`: what a repository's instructions may cost, where there is no store."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from agent_store import cli, context_budget
from agent_store.errors import StoreError
from agent_store.instructions import AGENTS, MEMORY, SKILLS, Rates, instructions_of, sections_of
from agent_store.show import budget as shown
from ingest import git

CLAUDE = "# Shop\n\nUse pytest. @docs/style.md\n\n## Testing *all*\n\n```\n# not a heading\n```\nRun all tests.\n"
FILES = {
    "CLAUDE.md": CLAUDE,
    "AGENTS.md": "# For others\n",
    "docs/style.md": "# Style\n\nBe brief.\n@../CLAUDE.md\n",
    ".claude/rules/general.md": "Lower case.\n",
    ".claude/rules/sql.md": "---\npaths: src/**\n---\nNo select *.\n",
    ".claude/skills/deploy/SKILL.md": "---\nname: deploy\ndescription: Deploys the shop\n---\nA long body.\n" + "word " * 500,
    ".claude/skills/hidden/SKILL.md": "---\nname: hidden\ndescription: x\ndisable-model-invocation: true\n---\nBody.\n",
    ".claude/agents/tester.md": "---\nname: tester\ndescription: Runs the tests\n---\nBody.\n",
    ".claude/commands/ship.md": "Ship it.\n",
}
RATE = 0.3942  # of the seed, for reference files


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with instructions, on a machine without a store."""
    monkeypatch.setenv("AGENT_STORE_HOME", str(tmp_path / "no-store"))
    root = tmp_path / "shop"
    for name, text in FILES.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for folder in (".git/objects", ".git/refs"):
        (root / folder).mkdir(parents=True)
    (root / ".git" / "HEAD").write_text("ref: refs/heads/cart\n", encoding="utf-8")
    return root


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main(["diet", *arguments])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def budget(root: Path, text: str, name: str = "budget.yml") -> str:
    file = root / ".agent-store" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_instructions_are_what_every_session_carries(repository: Path) -> None:
    found = {one.path: one for one in instructions_of(repository)}
    assert {path: one.kind for path, one in found.items()} == {
        "CLAUDE.md": MEMORY, "docs/style.md": MEMORY, ".claude/rules/general.md": MEMORY, ".claude/rules/sql.md": MEMORY,
        ".claude/skills/deploy/SKILL.md": SKILLS, ".claude/commands/ship.md": SKILLS, ".claude/agents/tester.md": AGENTS,
    }  # fmt: skip
    assert [path for path, one in found.items() if one.is_conditional] == [".claude/rules/sql.md"]
    assert found["CLAUDE.md"].tokens == round(len(CLAUDE) * RATE)
    # Of a skill, only its entry in the list.
    assert found[".claude/skills/deploy/SKILL.md"].characters == len("- deploy: Deploys the shop\n")


def test_agents_md_counts_where_there_is_no_claude_md(repository: Path) -> None:
    (repository / "CLAUDE.md").unlink()
    assert "AGENTS.md" in {one.path for one in instructions_of(repository)}


def test_sections_end_at_the_next_heading_and_add_up_to_the_file() -> None:
    rates = Rates(date(2026, 11, 1))
    found = sections_of("Before.\n" + CLAUDE, rates)
    assert [one.heading for one in found] == ["", "Shop", "Testing all"]
    assert sum(one.characters for one in found) == len("Before.\n" + CLAUDE) + 1


def test_rates_are_those_of_the_day() -> None:
    assert Rates(date(2026, 1, 1)).rate("reference_file") == RATE
    assert Rates(date(2020, 1, 1)).rate("reference_file") == RATE
    assert Rates(date(2026, 1, 1)).rate("of no known type") == Rates(date(2026, 1, 1)).rate("any")


def test_a_budget_that_is_kept_is_zero_and_markdown(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = budget(
        repository,
        "all: {tokens: 500, usd_per_month: 20}\nlimits:\n  - {file: '.claude/rules/*.md', tokens: 100}\n"
        "  - {file: CLAUDE.md, section: Testing *, tokens: 100}\n  - {kind: skill_listing, tokens: 50}\n"
        "  - {file: nothing.md, tokens: 1}\n",
    )
    code, out, _ = run("--budget", file, capsys=capsys)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "### Context budget: kept"
    total = sum(one.tokens for one in instructions_of(repository) if not one.is_conditional)
    assert f"| all instructions | {total:,} | 500 | not known | $20.00 | kept, dollars not known |" in lines
    assert any(line.startswith("| nothing.md | 0 | 1 |") and line.endswith("| nothing found |") for line in lines)
    assert any(line.startswith("| CLAUDE.md § Testing \\* |") for line in lines)
    assert "| skill listing (2) |" in out
    assert "there is no store on this machine" in out
    assert not (repository.parent / "no-store").exists()


def test_a_budget_that_is_exceeded_is_one(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = budget(repository, '[all]\ntokens = 40\n\n[[limits]]\nfile = "CLAUDE.md"\nsection = "testing all"\ntokens = 5\n', "b.toml")
    code, out, _ = run("--budget", file, capsys=capsys)
    assert code == 1
    assert out.startswith("### Context budget: 2 of 2 limits exceeded\n")
    assert "**over by " in out
    code, out, _ = run("--budget", file, "--json", capsys=capsys)
    assert code == 1
    found = json.loads(out)
    assert found["is_exceeded"] is True
    assert [line["is_exceeded"] for line in found["limits"]] == [True, True]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("b.yml", "all: {tokens: 60}\nlimits:\n  - {file: CLAUDE.md, tokens: 2}\n  - file: a.md\n    tokns: 3\n",
         "line 5, have an unknown entry: limits → 2 → tokns."),
        ("b.yml", "all: {tokens: many}\n", "line 1, are wrong at all → tokens: "),
        ("b.yml", "all: {tokens: 60\n", "line 1 is not YAML: "),
        ("b.yml", "limits:\n\n  - {file: a.md}\n", "line 3, are wrong at limits → 1: neither tokens nor usd_per_month"),
        ("b.yml", "limits:\n  - {tokens: 3}\n", "line 2, are wrong at limits → 1: either file or kind"),
        ("b.yml", "limits:\n  - {kind: agent_listing, section: a, tokens: 3}\n", "a section needs its file"),
        ("b.yml", "limits:\n  - {file: a.md, usd_per_month: .inf}\n", "line 2, are wrong at limits → 1 → usd_per_month"),
        ("b.yml", "", "are wrong at the whole file: it has no limit."),
        ("b.yml", "- 1\n", "line 1, are wrong at the whole file"),
        ("b.toml", "[all]\ntokens = \n", "line 2 is not TOML: "),
        ("b.toml", "[all]\ntokens = 3\n\n[[limits]]\nfile = \"a.md\"\ntokens = -1\n", "line 6, are wrong at limits → 1 → tokens"),
        ("b.toml", "[all]\ntokens = 3\ntoken = 3\n", "line 3, have an unknown entry: all → token."),
    ],
)  # fmt: skip
def test_a_broken_budget_is_two_and_says_where(
    repository: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, said: str
) -> None:
    file = budget(repository, text, name)
    code, out, err = run("--budget", file, capsys=capsys)
    assert (code, out) == (2, "")
    assert f"{file}" in err
    assert said in err


def test_a_budget_that_is_not_there_or_no_text_is_two(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--budget", str(repository / "none.yml"), capsys=capsys)[0] == 2
    (repository / "b.yml").write_bytes(b"\xff\xfe\x00")
    code, _, err = run("--budget", str(repository / "b.yml"), capsys=capsys)
    assert code == 2
    assert "is not UTF-8" in err


def test_dollars_come_from_the_rows_of_the_same_files(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[dict[str, Any]] = [
        {"part_kind": MEMORY, "part_name": f"{repository}/CLAUDE.md", "cost_usd_per_month": 3.0, "session_count": 7},
        {"part_kind": MEMORY, "part_name": "/x/worktrees/a/CLAUDE.md", "cost_usd_per_month": 1.0, "session_count": 5},
        {"part_kind": MEMORY, "part_name": "/home/me/.claude/CLAUDE.md", "cost_usd_per_month": 50.0, "session_count": 9},
        {"part_kind": SKILLS, "part_name": SKILLS, "cost_usd_per_month": 10.0, "session_count": 9, "tokens_per_session": 1000},
    ]
    monkeypatch.setattr("agent_store.context_budget.store_paths", lambda: _Paths(repository / "CLAUDE.md"))
    monkeypatch.setattr("agent_store.library.AgentStore.get_context_diet", lambda *_, **__: rows)
    monkeypatch.setenv("AGENT_STORE_HOME", str(repository.parent / "home"))
    file = Path(budget(repository, "limits:\n  - {file: CLAUDE.md, usd_per_month: 3.5}\n  - {kind: skill_listing, usd_per_month: 1}\n"))
    found = context_budget.check(file)
    memory, skills = found.lines
    assert memory.usd_per_month == pytest.approx(4.0)
    assert memory.is_exceeded
    assert found.dollars["CLAUDE.md"].session_count == 7
    # The list also has the entries of the user and of plugins.
    assert skills.usd_per_month == pytest.approx(10.0 * skills.tokens / 1000)
    text = shown.markdown(found)
    assert f"| CLAUDE.md | {memory.tokens} | – | $4.00 | $3.50 | **over by $0.50 a month** |" in text
    assert "from up to 9 sessions" in text


class _Paths:
    def __init__(self, store: Path) -> None:
        self.store = store


def test_a_link_out_of_the_repository_is_not_read(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("# Secret\n", encoding="utf-8")
    (repository / "CLAUDE.md").write_text("@../secret.md @docs/link.md\n", encoding="utf-8")
    (repository / "docs" / "link.md").symlink_to(tmp_path / "secret.md")
    assert {one.path for one in instructions_of(repository) if one.kind == MEMORY} == {
        "CLAUDE.md", ".claude/rules/general.md", ".claude/rules/sql.md",
    }  # fmt: skip


def test_texts_in_cells_stay_in_their_cells() -> None:
    assert shown.cell("a|b\n<c> `d`\x1b") == "a\\|b \\<c\\> \\`d\\`\\\\x1b"


def test_an_unreadable_file_is_an_error_that_names_it(repository: Path) -> None:
    (repository / "CLAUDE.md").unlink()
    (repository / "CLAUDE.md").mkdir()
    assert "CLAUDE.md" not in {one.path for one in instructions_of(repository)}
    with pytest.raises(StoreError, match="cannot be read"):
        context_budget.read(repository / "CLAUDE.md")


def test_the_branch_is_read_from_the_files_of_the_repository(repository: Path) -> None:
    assert git.branch_of(repository / "docs") == "cart"
    (repository / ".git" / "HEAD").write_text("0" * 40 + "\n", encoding="utf-8")
    assert git.branch_of(repository) is None
    assert git.branch_of(repository.parent) is None
