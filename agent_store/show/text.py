"""Text from transcripts and projects as it is shown: what would move the cursor or turn the reading direction is visible.

A title may hold anything: sequences that clear the screen, name the window, fill the clipboard, or that make a line read
otherwise than it is. Every one of these characters is shown by its code, as \\x1b or \\u202e.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

# Control characters but the line feed and the tab; C1, which some terminals obey like ESC; marks, embeddings,
# overrides and isolates of direction; separators that some programs take for line ends; other invisible formats, among them
# the tags, in which a whole text can hide.
_OBEYED: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """The text, with each character that a terminal obeys instead of showing it written as its code."""
    if text.isprintable():
        return text
    return _OBEYED.sub(lambda found: _code(found[0]), text)


def _code(sign: str) -> str:
    return f"\\x{ord(sign):02x}" if ord(sign) <= 0xFF else _json_code(sign)  # noqa: PLR2004 - one byte


def _json_code(sign: str) -> str:
    """As JSON escapes it: what lies beyond 16 bits as a pair."""
    units = sign.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def visible_json(text: str) -> str:
    """A JSON document with these characters as escapes of JSON: shown safely, and read as the same values."""
    return _OBEYED.sub(lambda found: _json_code(found[0]), text)


def safe_console(**options: Any) -> Console:  # noqa: ANN401 - what rich's Console takes
    """A console that writes its own styles and nobody else's: every text goes through `visible` on its way."""
    from rich.console import Console
    from rich.segment import Segment

    class SafeConsole(Console):
        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            """What is to be printed, cell by cell, before it is cut and padded to its width."""
            for segment in super().render(renderable, options):
                shown = segment.text if segment.control else visible(segment.text)
                yield segment if shown is segment.text else Segment(shown, segment.style)

    return SafeConsole(**options)
