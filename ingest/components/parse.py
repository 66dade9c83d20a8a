"""Parses a component's text, and reports its problems."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ingest.components.component import Found, Parsed
from ingest.components.configuration import parse_configuration
from ingest.components.front_matter import plain_front_matter, read_front_matter, split_front_matter
from ingest.components.links import import_circles, links_of
from ingest.text import one_line

# The validator's time grows with the square of its input.
MOST_VALIDATED: Final = 8 * 1024
# Recommended by the client's documentation.
BODY_LINES: Final = 500
LISTING_CHARACTERS: Final = 1_536


def _skill_errors(text: str, folder: Path) -> list[str]:
    """The findings of the reference validator of the Agent Skills format."""
    from skills_ref.errors import SkillError  # type: ignore[import-untyped]
    from skills_ref.parser import parse_frontmatter  # type: ignore[import-untyped]
    from skills_ref.validator import validate_metadata  # type: ignore[import-untyped]

    header, _ = split_front_matter(text)
    plain = plain_front_matter(header) if header is not None else None
    if plain is not None and "metadata" not in plain:
        return [str(error) for error in validate_metadata(plain, folder)]
    if header is not None and len(header) > MOST_VALIDATED:
        return [f"the front matter is longer than {MOST_VALIDATED:,} characters: not validated"]
    try:
        metadata, _ = parse_frontmatter(text)
    except (SkillError, ValueError, RecursionError) as error:
        return [one_line(error, 500)]
    return [str(error) for error in validate_metadata(metadata, folder)]


def _version_of(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def parse(found: Found, text: str) -> Parsed:
    """Parse a component's text."""
    if found.component_type in {"settings", "mcp_config", "plugin"}:
        return parse_configuration(found, text)
    header, body = split_front_matter(text)
    parsed = Parsed(body=body.strip())
    is_markdown = found.system_path.endswith((".md", ".markdown", ".mdc"))
    if is_markdown and found.role in {"main", "memory", "rule"}:
        if header is not None:
            parsed.front_matter, parsed.problem = read_front_matter(header)
        elif text.startswith("---"):
            parsed.problem = "front matter is not closed"
    if is_markdown:
        parsed.links = links_of(Path(found.system_path), body)
        parsed.warnings += [
            f"link to a missing file: {link['target']}" for link in parsed.links if not link["exists"]
        ]
        parsed.warnings += import_circles(Path(found.system_path), body)
    if found.role != "main":
        return parsed
    front = parsed.front_matter or {}
    if found.component_type == "skill":
        _check_skill(found, text, parsed, front)
    elif found.component_type == "agent":
        _check_agent(parsed, front)
    elif found.component_type == "command":
        parsed.validator, parsed.validator_version = "command-file", "1"
        if parsed.problem:
            parsed.errors.append(parsed.problem)
        if not parsed.body:
            parsed.warnings.append("the command has no text")
    for kind, key in (
        ("tool", "tools"),
        ("tool", "allowed-tools"),
        ("skill", "skills"),
        ("mcp_server", "mcpServers"),
    ):
        parsed.entries += [{"type": kind, "name": name} for name in _listed(front.get(key))]
    return parsed


def _check_skill(found: Found, text: str, parsed: Parsed, front: Mapping[str, Any]) -> None:
    parsed.validator, parsed.validator_version = "skills-ref", _version_of("skills-ref")
    parsed.errors += _skill_errors(text, Path(found.system_path).parent)
    if not parsed.body:
        parsed.warnings.append("the skill has no body")
    if parsed.body.count("\n") >= BODY_LINES:
        parsed.warnings.append(
            f"the body has {parsed.body.count(chr(10)) + 1} lines; at most {BODY_LINES} are recommended"
        )
    listed = f"{front.get('description') or ''}{front.get('when_to_use') or ''}"
    if len(listed) > LISTING_CHARACTERS:
        parsed.warnings.append(
            f"description and when_to_use are cut at {LISTING_CHARACTERS} characters in the listing"
        )


def _check_agent(parsed: Parsed, front: Mapping[str, Any]) -> None:
    parsed.validator, parsed.validator_version = "agent-file", "1"
    if parsed.problem:
        parsed.errors.append(parsed.problem)
    for key in ("name", "description"):
        if not str(front.get(key) or "").strip():
            parsed.errors.append(f"Missing required field in frontmatter: {key}")
    name = str(front.get("name") or "")
    if name and not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", name):
        parsed.errors.append(
            f"Agent name '{name}' may contain lower-case letters, digits and single hyphens only"
        )
    if not parsed.body:
        parsed.warnings.append("the agent has no system prompt")


def _listed(value: object) -> list[str]:
    """Names in a list, or in a comma-separated text; text in brackets belongs to the name before it."""
    if isinstance(value, Mapping):
        return [str(key) for key in value]
    if isinstance(value, list):
        return [str(next(iter(one))) if isinstance(one, Mapping) and one else str(one) for one in value]
    if isinstance(value, str):
        return [part for part in re.split(r"[,\s]+", _without_brackets(value)) if part and part != "*"]
    return []


def _without_brackets(text: str) -> str:
    """A text without the parts in round brackets; unchanged if one is not closed."""
    parts: list[str] = []
    depth = 0
    for part in re.split(r"([()])", text):
        depth = max(depth + {"(": 1, ")": -1}.get(part, 0), 0)
        if not depth and part != ")":
            parts.append(part)
    return text if depth else "".join(parts)
