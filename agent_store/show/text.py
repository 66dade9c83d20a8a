"""Text from transcripts and projects as shown: characters that move the cursor or change the reading direction are
visible.

A title may contain anything: sequences that clear the screen, name the window, fill the clipboard, or make a line
appear different from what it is. Each of these characters is shown as its code, such as \\x1b or \\u202e.
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
    """A console that writes only its own styles: every text goes through `visible`."""
    from rich.console import Console
    from rich.segment import Segment

    class SafeConsole(Console):
        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            """Prepare cells for printing, before they are cut and padded to their width."""
            for segment in super().render(renderable, options):
                shown = segment.text if segment.control else visible(segment.text)
                yield segment if shown is segment.text else Segment(shown, segment.style)

    return SafeConsole(**options)
