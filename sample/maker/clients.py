"""What each version of the client writes: the differences that a reader of transcripts must cope with."""

from __future__ import annotations

from dataclasses import dataclass


def numbers(version: str) -> tuple[int, ...]:
    """Split a version into its numbers."""
    return tuple(int(part) for part in version.split("."))


@dataclass(frozen=True)
class Client:
    """One version of the client."""

    version: str
    base_tokens: int
    output: str
    """`early`: only a response's last line is final; `placeholder`: none is; `same`: all are."""
    main_ttl: str
    agents: str
    """`inline` in the main file, `flat` beside it, or in a `folder` of the session."""
    agent_id_digits: int
    agent_tool: str = "Task"

    def since(self, version: str) -> bool:
        """Tell whether this client is that version or newer."""
        return numbers(self.version) >= numbers(version)

    @property
    def new_order(self) -> bool:
        """Newer clients put the envelope behind the message."""
        return self.since("2.1.97")


OLD_1_0_53 = Client("1.0.53", 13_870, "early", "5m", "inline", 0)
OLD_1_0_128 = Client("1.0.128", 15_420, "early", "5m", "inline", 0)
V2_0_42 = Client("2.0.42", 16_180, "same", "5m", "flat", 8)
V2_0_67 = Client("2.0.67", 18_850, "placeholder", "5m", "flat", 7)
V2_1_20 = Client("2.1.20", 21_440, "placeholder", "5m", "folder", 7)
V2_1_98 = Client("2.1.98", 27_310, "early", "1h", "folder", 17, "Agent")
V2_1_205 = Client("2.1.205", 41_960, "same", "1h", "folder", 17, "Agent")
V2_1_296 = Client("2.1.296", 31_640, "same", "1h", "folder", 17, "Agent")
