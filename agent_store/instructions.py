"""The instructions that a repository gives to every session, measured from its files: no store is needed.

Tokens are estimated as the store estimates texts that no request shows: characters times the newest rate of their type
(the seed `token_rates`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from agent_store.build.briefs import seed_rows
from agent_store.errors import StoreError
from agent_store.paths import project_dir
from ingest import git
from ingest.code.headings import heading_text
from ingest.components.component import MOST_BYTES, Folder, Found
from ingest.components.find import Finder
from ingest.components.links import links_of
from ingest.components.parse import LISTING_CHARACTERS, parse
from ingest.files import read_regular

MEMORY: Final = "memory_file"
SKILLS: Final = "skill_listing"
AGENTS: Final = "agent_listing"
KINDS: Final = (MEMORY, SKILLS, AGENTS)
_TYPES: Final = {"skill": SKILLS, "command": SKILLS, "agent": AGENTS}
_DEEPEST_IMPORT: Final = 5


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a memory file, from its heading to the next one."""

    heading: str
    characters: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Instruction:
    """A text that sessions carry: a memory file, or the entry of a skill, command or agent in its list."""

    kind: str
    path: str
    name: str
    characters: int
    tokens: int
    # Only for certain files or on request, so not in every session.
    is_conditional: bool = False
    sections: Sequence[Section] = ()


def repository_of(file: Path) -> Path:
    """The repository of a file, or else its folder."""
    folder = file.resolve().parent
    return git.repository_of(folder) or folder


def instructions_of(root: Path) -> list[Instruction]:
    """The instructions of a repository, files first."""
    finder = Finder()
    finder.look(Folder(root, "project"))
    rates = Rates(datetime.now(UTC).date())
    found: dict[str, Instruction] = {}
    files = sorted(finder.found.values(), key=lambda one: (one.component_type != "reference_file", one.path))
    has_memory = any(one.path in {"CLAUDE.md", ".claude/CLAUDE.md"} for one in files)
    for one in files:
        if one.component_type == "reference_file" and one.role in {"memory", "rule"}:
            # Where there is a CLAUDE.md, AGENTS.md is only read if that imports it.
            if not (has_memory and Path(one.path).name == "AGENTS.md"):
                _add_file(found, root, one, rates)
        elif one.component_type in _TYPES and one.role == "main" and (entry := _entry(one, rates)) is not None:
            found[one.path] = entry
    return list(found.values())


class Rates:
    """Tokens per character by type of text, as of a day."""

    def __init__(self, day: date) -> None:
        """Read the newest rates of the day."""
        self._rates: dict[str, float] = {}
        for row in sorted(seed_rows(project_dir(), "token_rates"), key=lambda row: row["effective_date"]):
            kind = row["component_type"]
            if kind not in self._rates or row["effective_date"] <= day.isoformat():
                self._rates[kind] = float(row["tokens_per_character"])

    def tokens(self, kind: str, characters: int) -> int:
        """The estimated tokens of a text."""
        return round(characters * self.rate(kind))

    def rate(self, kind: str) -> float:
        """Tokens per character."""
        return self._rates.get(kind, self._rates["any"])


def sections_of(text: str, rates: Rates) -> list[Section]:
    """The sections of a memory file; the text before the first heading has none."""
    parts: list[tuple[str, int]] = [("", 0)]
    fence = False
    for line in text.replace("\r", "").split("\n"):
        plain = line.lstrip(" ")
        is_fence = len(line) - len(plain) < 4 and plain.startswith(("```", "~~~"))  # noqa: PLR2004 - more is code
        if not fence and not is_fence and _is_heading(line):
            parts.append((heading_text(line), 0))
        fence ^= is_fence
        parts[-1] = (parts[-1][0], parts[-1][1] + len(line) + 1)
    return [
        Section(heading, characters, rates.tokens("reference_file", characters))
        for heading, characters in parts
        if characters
    ]


def _is_heading(line: str) -> bool:
    plain = line.lstrip(" ")
    marks = len(plain) - len(plain.lstrip("#"))
    return len(line) - len(plain) < 4 and 1 <= marks <= 6 and plain[marks : marks + 1] in {"", " ", "\t"}  # noqa: PLR2004


def _text(path: Path) -> str:
    try:
        return read_regular(path, MOST_BYTES).decode("utf-8-sig", "replace")
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}.") from error


def _add_file(found: dict[str, Instruction], root: Path, one: Found, rates: Rates) -> None:
    text = _text(Path(one.system_path))
    front = parse(one, text).front_matter or {}
    _add_text(found, root, Path(one.system_path), text, rates, is_conditional="paths" in front or "globs" in front)


def _add_text(
    found: dict[str, Instruction], root: Path, path: Path, text: str, rates: Rates, *, is_conditional: bool, depth: int = 0
) -> None:  # fmt: skip
    """Take a file and, like the client, what it imports; files outside of the repository are not its own."""
    real = path.resolve()
    if not real.is_relative_to(root.resolve()):
        return
    shown = real.relative_to(root.resolve()).as_posix()
    known = found.get(shown)
    if known is not None and (is_conditional or not known.is_conditional):
        return
    found[shown] = Instruction(
        MEMORY, shown, shown, len(text), rates.tokens("reference_file", len(text)), is_conditional,
        sections_of(text, rates),
    )  # fmt: skip
    for link in links_of(path, text) if depth < _DEEPEST_IMPORT else ():
        if link["kind"] == "import" and link["exists"]:
            target = path.parent / str(link["target"])
            if target.is_file():
                _add_text(
                    found, root, target, _text(target), rates, is_conditional=is_conditional, depth=depth + 1
                )


def _entry(one: Found, rates: Rates) -> Instruction | None:
    """The line of a skill, command or agent in its list; None for one that only a person can call."""
    parsed = parse(one, _text(Path(one.system_path)))
    front: Mapping[str, Any] = parsed.front_matter or {}
    if front.get("disable-model-invocation") in {True, "true"}:
        return None
    name = str(front.get("name") or one.name)
    said = " - ".join(str(front[key]).strip() for key in ("description", "when_to_use") if front.get(key))
    if one.component_type == "command" and not said:
        said = next(iter(parsed.body.splitlines()), "")
    if one.component_type == "skill":
        said = said[:LISTING_CHARACTERS]
    characters = len(f"- {name}: {said}\n")
    return Instruction(
        _TYPES[one.component_type], one.path, name, characters, rates.tokens(one.component_type, characters)
    )


def by_kind(found: Sequence[Instruction]) -> Iterator[tuple[str, list[Instruction]]]:
    """The instructions of each kind."""
    for kind in KINDS:
        if some := [one for one in found if one.kind == kind]:
            yield kind, some
