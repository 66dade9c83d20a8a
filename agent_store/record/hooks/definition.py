"""The definition of a skill or an agent, checked for what the client needs to find and offer it.

Only checks that need no YAML parser: `name: value` lines of the front matter, and texts in blocks below them.
"""

import os

VALIDATOR = "agent-store-structure"
SKILL = "skill"
AGENT = "agent"
_FENCE = "---"
_MOST_NAME = 64
_MOST_DESCRIPTION = 1024
# The client cuts the text of a skill in its list.
_MOST_LISTED = 1536
_MOST_LINES = 500
_SKILL_FIELDS = frozenset({
    "name", "description", "when_to_use", "argument-hint", "arguments", "disable-model-invocation", "user-invocable",
    "allowed-tools", "disallowed-tools", "model", "effort", "context", "agent", "background", "hooks", "paths", "shell",
    "metadata", "license", "compatibility", "version",
})  # fmt: skip
_AGENT_FIELDS = frozenset({
    "name", "description", "tools", "disallowedTools", "model", "permissionMode", "maxTurns", "skills", "mcpServers",
    "hooks", "memory", "background", "effort", "isolation", "worktree", "color", "initialPrompt",
})  # fmt: skip


class Checked:
    """The findings in one version of a file."""

    def __init__(self, name: str) -> None:
        """Nothing found yet."""
        self.name = name
        self.errors: list[str] = []
        self.warnings: list[str] = []


def type_of(path: str) -> str:
    """`skill`, `agent`, or nothing, according to its path."""
    folder, name = os.path.split(os.path.normpath(path))
    if name == "SKILL.md":
        return SKILL
    above, own = os.path.split(folder)
    if name.endswith(".md") and own == "agents":
        is_plugin = os.path.isfile(above + "/.claude-plugin/plugin.json")
        return AGENT if os.path.basename(above) == ".claude" or is_plugin else ""
    return ""


def checked(text: str, path: str, component_type: str) -> Checked:
    """Check a definition."""
    place = (
        os.path.basename(os.path.dirname(path))
        if component_type == SKILL
        else os.path.basename(path)[: -len(".md")]
    )
    found = Checked(place)
    fields, body = _parts(text)
    if fields is None:
        found.errors.append("there is no front matter between two lines of ---")
        return found
    name, description = fields.get("name", ""), fields.get("description", "")
    found.name = name or place
    if name:
        _check_name(found, name)
        if component_type == SKILL and name != place:
            found.warnings.append(f"the name is {name}, its folder {place}")
    elif component_type == AGENT:
        found.errors.append("there is no name")
    else:
        found.warnings.append("there is no name, so the folder's name is used")
    if not description:
        found.errors.append("there is no description, which would say when to use it")
    elif len(description) > _MOST_DESCRIPTION:
        found.errors.append(
            f"the description has {len(description):,} characters, {_MOST_DESCRIPTION:,} are allowed"
        )
    listed = len(description) + len(fields.get("when_to_use", ""))
    if listed > _MOST_LISTED:
        found.warnings.append(
            f"description and when_to_use have {listed:,} characters, {_MOST_LISTED:,} are listed"
        )
    known = _SKILL_FIELDS if component_type == SKILL else _AGENT_FIELDS
    found.warnings += [f"the field {field} is unknown" for field in fields if field not in known]
    lines = body.strip().count("\n") + 1 if body.strip() else 0
    if not lines:
        found.errors.append("there is nothing below the front matter")
    elif lines > _MOST_LINES:
        found.warnings.append(f"the text has {lines:,} lines, {_MOST_LINES:,} are recommended")
    return found


def _check_name(found: Checked, name: str) -> None:
    if len(name) > _MOST_NAME:
        found.errors.append(f"the name has {len(name)} characters, {_MOST_NAME} are allowed")
    plain = name.replace("-", "")
    is_plain = plain.isascii() and plain.isalnum() and plain == plain.lower()
    if not is_plain or name.startswith("-") or name.endswith("-") or "--" in name:
        found.errors.append(
            f"the name {name[:_MOST_NAME]} may only have lower-case letters, digits and single hyphens"
        )


def _parts(text: str) -> "tuple[dict[str, str] | None, str]":
    """The fields of the front matter, or None if there is none, and the text below it."""
    lines = text.removeprefix("\ufeff").split("\n")
    if lines[0].rstrip() != _FENCE:
        return None, text
    fields: dict[str, str] = {}
    last = ""
    for place, line in enumerate(lines[1:], 1):
        if line.rstrip() == _FENCE:
            return fields, "\n".join(lines[place + 1 :])
        if line[:1] in (" ", "\t", "-", "") and last:
            fields[last] = (fields[last] + " " + line.strip()).strip()
        elif ":" in line and not line.startswith("#"):
            last, _, value = line.partition(":")
            last, value = last.strip(), value.strip()
            # The text of a block is on the lines below.
            fields[last] = "" if value in {"|", ">", "|-", ">-", "|+", ">+"} else value.strip("\"'")
    return None, text
