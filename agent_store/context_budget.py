"""What a repository's instructions may cost: a file of agreed limits, and how they are kept.

    all: {tokens: 6000, usd_per_month: 20}
    limits:
      - {file: CLAUDE.md, tokens: 2500}
      - {file: CLAUDE.md, section: Testing, tokens: 400}
      - {file: ".claude/rules/*.md", tokens: 1500}
      - {kind: skill_listing, tokens: 1200}

Tokens are those of the files in the repository. Dollars are those that the store of this machine knows.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agent_store.errors import StoreError, explain
from agent_store.instructions import AGENTS, MEMORY, SKILLS, Instruction, instructions_of, repository_of
from agent_store.paths import store_paths
from agent_store.validated import explained
from ingest.files import read_regular
from ingest.text import YamlError, load_yaml, one_line

BROKEN: Final = 2
MOST_BYTES: Final = 256 * 1024
_EXAMPLE: Final = "all: {tokens: 6000}, limits: [{file: CLAUDE.md, tokens: 2500}]"
_YAML_LINE: Final = re.compile(r"line (\d+), column")
_TOML_LINE: Final = re.compile(r"at line (\d+)")
_Tokens = Annotated[int, Field(gt=0)]
_Dollars = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Amounts(BaseModel):
    """A limit of tokens, of dollars a month, or of both."""

    model_config = ConfigDict(extra="forbid", strict=True)

    tokens: _Tokens | None = None
    usd_per_month: _Dollars | None = None

    @model_validator(mode="after")
    def has_a_limit(self) -> Self:
        """Refuse an entry that limits nothing."""
        if self.tokens is None and self.usd_per_month is None:
            raise ValueError("neither tokens nor usd_per_month is given")
        return self


class Limit(Amounts):
    """A limit for the files that a pattern names, for one of their sections, or for a kind of instructions."""

    file: Annotated[str, Field(min_length=1)] | None = None
    section: Annotated[str, Field(min_length=1)] | None = None
    kind: Literal["memory_file", "skill_listing", "agent_listing"] | None = None

    @model_validator(mode="after")
    def names_something(self) -> Self:
        """Refuse an entry that names nothing, or too much."""
        if (self.file is None) == (self.kind is None):
            raise ValueError("either file or kind must be given")
        if self.section is not None and self.file is None:
            raise ValueError("a section needs its file")
        return self


class Budget(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    all: Amounts | None = None
    limits: list[Limit] = []

    @model_validator(mode="after")
    def limits_something(self) -> Self:
        """Refuse a file without a limit: a check that cannot fail says nothing."""
        if self.all is None and not self.limits:
            raise ValueError("it has no limit")
        return self


@dataclass(frozen=True, slots=True)
class Dollars:
    """Dollars a month, and what they rest on."""

    usd_per_month: float
    session_count: int


@dataclass(frozen=True, slots=True)
class Line:
    """A limit and how it is kept."""

    label: str
    tokens: int
    limit_tokens: int | None
    usd_per_month: float | None
    limit_usd_per_month: float | None
    # How many instructions (or sections) it is about.
    count: int

    @property
    def over_tokens(self) -> int:
        """Tokens above the limit."""
        return max(self.tokens - self.limit_tokens, 0) if self.limit_tokens is not None else 0

    @property
    def over_usd(self) -> float:
        """Dollars a month above the limit; 0 where they are not known."""
        if self.limit_usd_per_month is None or self.usd_per_month is None:
            return 0.0
        return max(self.usd_per_month - self.limit_usd_per_month, 0.0)

    @property
    def is_exceeded(self) -> bool:
        """Whether it is over its limit."""
        return self.over_tokens > 0 or self.over_usd > 0


@dataclass(frozen=True, slots=True)
class Checked:
    """A budget and how it is kept."""

    file: Path
    root: Path
    lines: Sequence[Line]
    instructions: Sequence[Instruction]
    dollars: Mapping[str, Dollars]
    # Why dollars are not known; empty where they are.
    no_dollars: str

    @property
    def is_exceeded(self) -> bool:
        """Whether any limit is exceeded."""
        return any(line.is_exceeded for line in self.lines)


def check(file: Path, *, project: str | None = None, period: str = "all") -> Checked:
    """Measure the instructions of a file's repository against its limits."""
    budget = read(file)
    root = repository_of(file)
    found = instructions_of(root)
    dollars, why_not = _dollars(root, found, project, period)
    lines = []
    if budget.all is not None:
        lines.append(_line("all instructions", budget.all, [one for one in found if not one.is_conditional], dollars))
    for limit in budget.limits:
        lines.append(_limit_line(limit, found, dollars))
    return Checked(file, root, lines, found, dollars, why_not)


# ------------------------------------------------------------------------------------------------ the file


def read(file: Path) -> Budget:
    """Read a budget; a StoreError names the line of the first mistake."""
    try:
        text = read_regular(file, MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StoreError(f"The budget {file} is not UTF-8.", f"Fix it: {_EXAMPLE}", BROKEN) from None
    except OSError as error:
        known = explain(error, f"Reading the budget {file}")
        why = known.message if known else f"The budget {file} cannot be read: {error.strerror or error}."
        raise StoreError(why, "Name the file with the agreed limits.", BROKEN) from error
    is_toml = file.suffix.lower() == ".toml"
    try:
        loaded = tomllib.loads(text) if is_toml else load_yaml(text, MOST_BYTES)
    except (tomllib.TOMLDecodeError, YamlError, RecursionError) as error:
        said = one_line(str(error))
        line = (_TOML_LINE if is_toml else _YAML_LINE).search(said)
        where = f", line {line[1]}" if line else ""
        kind = "TOML" if is_toml else "YAML"
        raise StoreError(f"The budget {file}{where} is not {kind}: {said}.", f"Fix it: {_EXAMPLE}", BROKEN) from error
    try:
        return Budget.model_validate({} if loaded is None else loaded)
    except ValidationError as error:
        message, hint = explained("The limits of", file, Budget, error, _EXAMPLE)
        line_number = _line_number(text, error.errors()[0]["loc"], is_toml=is_toml)
        where = f"{file}, line {line_number}," if line_number else str(file)
        raise StoreError(message.replace(str(file), where, 1), hint, BROKEN) from error


def _line_number(text: str, place: Sequence[int | str], *, is_toml: bool) -> int | None:
    """The line of an entry of the file, or of the innermost one around it."""
    if is_toml:
        return _toml_line(text, place)
    import yaml

    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    if node is None:
        return None
    line = node.start_mark.line
    for name in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(name, int) and name < len(node.value):
            node = node.value[name]
            line = node.start_mark.line
        elif isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == name), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line, pair[1]
        else:
            break
    return int(line) + 1


def _toml_line(text: str, place: Sequence[int | str]) -> int | None:
    """The line of a key below its table's head; of the head where it is not found."""
    lines = text.splitlines()
    start = 0
    if len(place) > 1 and place[0] == "limits" and isinstance(place[1], int):
        heads = [number for number, line in enumerate(lines) if line.replace(" ", "").startswith("[[limits]]")]
        if place[1] >= len(heads):
            return None
        start = heads[place[1]]
    if not place:
        return None
    key = re.compile(rf"\s*(\[+\s*)?[\"']?{re.escape(str(place[-1]))}\b")
    return next((number + 1 for number in range(start, len(lines)) if key.match(lines[number])), start + 1)


# ------------------------------------------------------------------------------------------------ what is measured


def _limit_line(limit: Limit, found: Sequence[Instruction], dollars: Mapping[str, Dollars]) -> Line:
    if limit.kind is not None:
        of_kind = [one for one in found if one.kind == limit.kind and not one.is_conditional]
        return _line(limit.kind.replace("_", " "), limit, of_kind, dollars)
    pattern = str(limit.file)
    named = [one for one in found if one.kind == MEMORY and _matches(one.path, pattern)]
    if limit.section is None:
        return _line(pattern, limit, named, dollars)
    wanted = " ".join(limit.section.strip().strip("#").lower().split())
    parts = [
        (one, section) for one in named for section in one.sections if fnmatchcase(section.heading.lower(), wanted)
    ]
    usd = [
        dollars[one.path].usd_per_month * section.characters / max(one.characters, 1)
        for one, section in parts
        if one.path in dollars
    ]
    return Line(
        f"{pattern} § {limit.section}", sum(section.tokens for _, section in parts), limit.tokens,
        sum(usd) if parts and len(usd) == len(parts) else None, limit.usd_per_month, len(parts),
    )  # fmt: skip


def _matches(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern.removeprefix("./"))


def _line(label: str, limit: Amounts, found: Sequence[Instruction], dollars: Mapping[str, Dollars]) -> Line:
    keys = dict.fromkeys(one.path if one.kind == MEMORY else one.kind for one in found)
    usd = [dollars[key].usd_per_month for key in keys if key in dollars]
    return Line(
        label, sum(one.tokens for one in found), limit.tokens,
        sum(usd) if keys and len(usd) == len(keys) else None, limit.usd_per_month, len(found),
    )  # fmt: skip


def _dollars(
    root: Path, found: Sequence[Instruction], project: str | None, period: str
) -> tuple[dict[str, Dollars], str]:
    """What the store knows: dollars a month by path of a memory file, and by kind for the lists.

    A list is one text for the repository's own entries and all others: it is shared by tokens.
    """
    if not store_paths().store.is_file():
        return {}, "there is no store on this machine"
    from agent_store.library import AgentStore

    try:
        with AgentStore(interface="cli") as store:
            rows = list(store.get_context_diet(project=project or str(root), period=period, limit=None))
    except StoreError as error:
        return {}, f"the store does not tell: {error.message.rstrip('.')}"
    known: dict[str, Dollars] = {}
    for one in found:
        if one.kind != MEMORY:
            continue
        same = [row for row in rows if row["part_kind"] == MEMORY and _is_copy(row["part_name"], root, one.path)]
        if same:
            known[one.path] = Dollars(
                sum(row["cost_usd_per_month"] for row in same), max(row["session_count"] for row in same)
            )
    for kind in (SKILLS, AGENTS):
        tokens = sum(one.tokens for one in found if one.kind == kind)
        for row in rows:
            if row["part_kind"] == kind and tokens and row["tokens_per_session"]:
                share = min(tokens / row["tokens_per_session"], 1.0)
                known[kind] = Dollars(share * row["cost_usd_per_month"], row["session_count"])
    return known, "" if known else "no session in the store shows these instructions often enough"


def _is_copy(name: str, root: Path, path: str) -> bool:
    """Whether a path is this file of the repository, or of one of its worktrees."""
    return name == f"{root}/{path}" or re.search(rf"worktrees/[^/]+/{re.escape(path)}$", name) is not None
