"""Headings of Markdown: their level, and their text as a reader sees it."""

from __future__ import annotations

import re
from typing import Any, Final

# A heading is one readable line; the rest of a longer one is not part of the name. The patterns below need that
# limit.
LONGEST_HEADING: Final = 240
_HEADING_ANCHOR: Final = re.compile(r"\s*\{#[^}]*\}\s*$")
_HEADING_LINK: Final = re.compile(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
_HEADING_TAG: Final = re.compile(r"</?[a-zA-Z][^>`]*>")
_HEADING_STRESS: Final = re.compile(r"(\*\*\*|\*\*|\*|(?<!\w)___?|(?<!\w)_|~~)(?=\S)(.+?)(?<=\S)\1(?!\w)")
_HEADING_ESCAPE: Final = re.compile(r"\\([!-/:-@\[-`{-~])")


def heading_level(node: Any) -> int:  # noqa: ANN401 - a node of tree-sitter
    for child in node.children:
        found = re.fullmatch(r"(?:atx|setext)_h([1-6])_(?:marker|underline)", child.type)
        if found:
            return int(found[1])
    return 1


def heading_text(heading: str) -> str:
    """A heading as a reader sees it, without Markdown markup; unchanged if nothing else would be left."""
    written = heading.strip().strip("#").strip()[:LONGEST_HEADING].rstrip()
    name = _HEADING_ANCHOR.sub("", written)
    name = _HEADING_LINK.sub(r"\1", name)
    name = _HEADING_TAG.sub("", name)
    codes = name.split("`")
    for number in range(0, len(codes), 2):  # text between backticks is code, not markup
        codes[number] = _HEADING_STRESS.sub(r"\2", codes[number])
        codes[number] = _HEADING_ESCAPE.sub(r"\1", codes[number])
    name = _HEADING_STRESS.sub(r"\2", "".join(codes)) if len(codes) > 1 else codes[0]
    return " ".join(name.split()) or written
