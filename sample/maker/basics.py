"""Deterministic numbers and ids, token estimates, list prices."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

Json = dict[str, Any]
T = TypeVar("T")

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


class Dice:
    """A stream of numbers that depends on nothing but its seed (not on Python's own generator)."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._count = 0

    def _next(self) -> bytes:
        self._count += 1
        return hashlib.sha256(self._seed + self._count.to_bytes(8, "big")).digest()

    def number(self, low: int, high: int) -> int:
        """Give a whole number between low and high, both included."""
        return low + int.from_bytes(self._next()[:8], "big") % (high - low + 1)

    def pick(self, choices: Sequence[T]) -> T:
        """Give one of the choices."""
        return choices[self.number(0, len(choices) - 1)]

    def hexa(self, digits: int) -> str:
        """Give lower-case hexadecimal digits."""
        return self._next().hex()[:digits]

    def text(self, length: int, alphabet: str = BASE58) -> str:
        """Give random characters of an alphabet."""
        raw = self._next() + self._next()
        return "".join(alphabet[byte % len(alphabet)] for byte in raw[:length])

    def uuid(self) -> str:
        """Give a well-formed version 4 UUID."""
        raw = self.hexa(32)
        variant = "89ab"[int(raw[16], 16) % 4]
        return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-{variant}{raw[17:20]}-{raw[20:32]}"

    def message_id(self) -> str:
        """Give the id of an API response."""
        return "msg_01" + self.text(22)

    def request_id(self) -> str:
        """Give the id of an HTTP request."""
        return "req_011C" + self.text(20)

    def tool_id(self) -> str:
        """Give the id of a tool call."""
        return "toolu_01" + self.text(22)

    def signature(self, size: int = 180) -> str:
        """Give the opaque signature of a thinking block."""
        raw = b"".join(self._next() for _ in range(size // 32 + 1))[:size]
        return base64.b64encode(raw).decode()


class Clock:
    """The time of one story, moved forward by what happens in it."""

    def __init__(self, start: str) -> None:
        self.now = datetime.fromisoformat(start).replace(tzinfo=UTC)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(milliseconds=round(seconds * 1000))

    def stamp(self) -> str:
        """Give the time as transcripts write it."""
        return iso(self.now)


def iso(moment: datetime) -> str:
    """Write a moment with milliseconds and a Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


NEW_TOKENIZER = ("claude-opus-4-7", "claude-opus-5", "claude-sonnet-5", "claude-haiku-5", "claude-fable")


def tokens_of(text: str, model: str) -> int:
    """Estimate the tokens of a text for a model."""
    per_token = 3.1 if model.startswith(NEW_TOKENIZER) else 3.9
    return max(1, round(len(text) / per_token))


@dataclass(frozen=True)
class Price:
    """USD per million tokens."""

    fresh: float
    write_5m: float
    write_1h: float
    read: float
    output: float


PRICES: dict[str, Price] = {
    "claude-fable-5-1": Price(10, 12.5, 20, 0.25, 50),
    "claude-opus-5-5": Price(4, 5, 8, 0.20, 20),
    "claude-opus-5": Price(5, 6.25, 10, 0.50, 25),
    "claude-opus-4-7": Price(5, 6.25, 10, 0.50, 25),
    "claude-opus-4-5-20251101": Price(5, 6.25, 10, 0.50, 25),
    "claude-opus-4-1-20250805": Price(15, 18.75, 30, 1.50, 75),
    "claude-sonnet-5-5": Price(2, 2.5, 4, 0.20, 10),
    "claude-sonnet-5": Price(2, 2.5, 4, 0.20, 10),
    "claude-sonnet-4-6": Price(3, 3.75, 6, 0.30, 15),
    "claude-sonnet-4-5-20250929": Price(3, 3.75, 6, 0.30, 15),
    "claude-haiku-5-5": Price(0.10, 0.125, 0.20, 0.01, 0.50),
    "claude-haiku-4-5-20251001": Price(1, 1.25, 2, 0.10, 5),
}
SONNET_5_5_CUT = datetime(2026, 10, 7, tzinfo=UTC)
HAIKU_BAND = 100_000
HAIKU_BAND_FACTOR = 5
FAST_FACTOR = 2


@dataclass
class Usage:
    """What one response was billed for."""

    fresh: int = 0
    write_5m: int = 0
    write_1h: int = 0
    read: int = 0
    output: int = 0
    thinking: int = 0
    searches: int = 0
    cost: float = field(default=0.0)

    @property
    def prompt(self) -> int:
        """Tokens of the whole request."""
        return self.fresh + self.write_5m + self.write_1h + self.read

    def add(self, other: Usage) -> None:
        """Add another response's numbers."""
        for name in ("fresh", "write_5m", "write_1h", "read", "output", "thinking", "searches", "cost"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def cost_of(usage: Usage, model: str, at: datetime, *, fast: bool = False) -> float | None:
    """Price one response at list prices; None for a model without a price."""
    price = PRICES.get(model)
    if price is None:
        return None
    read = price.read
    if model == "claude-sonnet-5-5" and at >= SONNET_5_5_CUT:
        read = 0.10
    dollars = (
        usage.fresh * price.fresh
        + usage.write_5m * price.write_5m
        + usage.write_1h * price.write_1h
        + usage.read * read
        + usage.output * price.output
    ) / 1e6
    if model == "claude-haiku-5-5" and usage.prompt > HAIKU_BAND:
        dollars *= HAIKU_BAND_FACTOR
    return dollars * (FAST_FACTOR if fast else 1)
