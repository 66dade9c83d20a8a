"""Text from transcripts and projects as it is shown: what would move the cursor or turn the reading direction is visible.

A title may hold anything: sequences that clear the screen, name the window, fill the clipboard, or that make a line read
otherwise than it is. Every one of these characters is shown by its code, as \\x1b or \\u202e.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from agent_store.visible import visible as visible  # noqa: PLC0414 - what shows text has it from here
from agent_store.visible import visible_json as visible_json  # noqa: PLC0414

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment


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
