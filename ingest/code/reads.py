"""The ranges of files that agents read, taken from transcript lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_NUMBERED: Final = re.compile(r"^ *([0-9]{1,9})(?:\u2192|\t)(.*)$")
_REMINDER: Final = "<system-reminder>"


@dataclass(frozen=True, slots=True)
class ReadRange:
    """A range of a file as an agent read it."""

    tool_use_id: str
    path: str
    line_start: int
    text: str


class Reads:
    """Pairs calls of Read with their results, over transcript lines in any order; each call once."""

    def __init__(self, known: set[str]) -> None:
        self.known = known
        self.paths: dict[str, str] = {}
        self.results: dict[str, tuple[str | None, int, str]] = {}

    def take(self, line: str) -> None:
        """Process one transcript line."""
        import orjson

        try:
            entry = orjson.loads(line)
            blocks = entry["message"]["content"]
        except (ValueError, KeyError, TypeError):
            return
        if not isinstance(blocks, list):
            return
        for block in blocks:
            if not isinstance(block, dict):
                continue
            if block.get("type") == "tool_use" and block.get("name") == "Read":
                given = block.get("input")
                path = given.get("file_path") if isinstance(given, dict) else None
                if isinstance(path, str) and path:
                    self.paths.setdefault(str(block.get("id")), path)
            elif block.get("type") == "tool_result" and not block.get("is_error"):
                self._take_result(
                    str(block.get("tool_use_id")), block.get("content"), entry.get("toolUseResult")
                )

    def _take_result(self, tool_use_id: str, content: object, result: object) -> None:
        if tool_use_id in self.known or tool_use_id in self.results:
            return
        if isinstance(content, list):
            content = "\n".join(
                str(part.get("text") or "")
                for part in content
                if isinstance(part, dict) and part.get("type") == "text"
            )
        if not isinstance(content, str):
            return
        ranged = numbered_range(content)
        file = result.get("file") if isinstance(result, dict) else None
        path = file.get("filePath") if isinstance(file, dict) else None
        if ranged is not None:
            self.results[tool_use_id] = (path if isinstance(path, str) else None, *ranged)

    def orphans(self) -> list[str]:
        """Results whose call has not been seen, and that do not state themselves what was read."""
        return [one for one, (path, _, _) in self.results.items() if path is None and one not in self.paths]

    def found(self) -> Iterator[ReadRange]:
        """The ranges read, one per call; similar results of other tools are excluded."""
        for tool_use_id, (path, line_start, text) in self.results.items():
            asked = self.paths.get(tool_use_id) or path
            if asked and (tool_use_id in self.paths or path is not None):
                yield ReadRange(tool_use_id, asked, line_start, text)


def numbered_range(content: str) -> tuple[int, str] | None:
    """The first line and the text that Read showed, without the line numbers; None if it has none."""
    shown, mark, _ = content.partition(_REMINDER)
    lines = (shown.rstrip("\n") if mark else shown).split("\n")
    first = _NUMBERED.match(lines[0])
    if first is None:
        return None
    texts: list[str] = []
    for line in lines:
        found = _NUMBERED.match(line)
        if found is None:
            break
        texts.append(found[2])
    return int(first[1]), "\n".join(texts) + "\n"
