"""Text: wording of messages, hashes, and bytes and YAML written by others, read up to a limit."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from hashlib import md5
from pathlib import Path
from typing import Any, Final

# How much aliases may add to a text. Anchors save typing; a hundred thousand copies of one are an attack.
MOST_ADDED: Final = 256 * 1024
DEEPEST: Final = 100
_PROBE_BYTES: Final = 8192


def counted(number: int, noun: str, nouns: str = "") -> str:
    """Return a number with its noun; `nouns` is the plural if it is not the noun plus s."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def shorten(text: str, width: int = 200) -> str:
    """Return a text as one line of limited length, with a mark where it was cut."""
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def one_line(said: object, width: int = 200) -> str:
    """The first characters of a text by somebody else, as one line."""
    return " ".join(str(said).split())[:width]


def meant(word: str, known: Iterable[str]) -> str | None:
    """The known word that somebody probably meant by an unknown one."""
    close = difflib.get_close_matches(word, sorted(known), n=1)
    return close[0] if close else None


def content_digest(content: bytes | str) -> str:
    """The hash that identifies a content in the warehouse."""
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    return md5(data, usedforsecurity=False).hexdigest()


def natural_order(path: Path) -> tuple[object, ...]:
    """A sort key that puts v2 before v10."""
    return tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", path.as_posix())
    )


def is_binary(data: bytes) -> bool:
    """Whether bytes are not text, judged by their beginning."""
    return b"\0" in data[:_PROBE_BYTES]


def decoded(data: bytes) -> tuple[str, str | None]:
    """Bytes as text, or the reason why they are not."""
    if is_binary(data):
        return f"{len(data)} bytes", "binary"
    try:
        return data.decode("utf-8-sig"), None
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace"), None


# --- YAML: the expanded size, with its aliases, is computed before any object is created


class YamlError(ValueError):
    """A text is not YAML, or exceeds a limit; the message is the reason."""


def load_yaml(
    text: str,
    most_characters: int,
    *,
    most_added: int = MOST_ADDED,
    loader: Any = None,  # noqa: ANN401 - yaml has no types
) -> Any:  # noqa: ANN401 - whatever YAML holds
    """The content of a text, read with the safe loader unless another is given."""
    import yaml

    if len(text) > most_characters:
        raise YamlError(f"longer than {most_characters:,} characters")
    loader = loader or getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _measure(text, len(text) + most_added)
        return yaml.load(text, Loader=loader)
    except YamlError:
        raise
    except (yaml.YAMLError, ValueError, TypeError, RecursionError, OverflowError, AttributeError) as error:
        raise YamlError(one_line(str(error).replace(' in "<unicode string>",', " in"))) from error


def _measure(text: str, most: int) -> None:
    """Refuse text that is nested too deeply, or becomes too large when every alias is expanded."""
    import yaml

    sizes: dict[str, int] = {}
    # One entry per open collection: its anchor, and the size of its content so far.
    opened: list[list[Any]] = [[None, 0]]
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in opened):
                raise YamlError(f"the alias {event.anchor} is inside its own anchor")
            size = sizes.get(event.anchor, 0)
        elif isinstance(event, yaml.ScalarEvent):
            size = len(event.value) + 1
            if event.anchor:
                sizes[event.anchor] = size
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(opened) > DEEPEST:
                raise YamlError(f"nested more than {DEEPEST} levels deep")
            opened.append([event.anchor, 1])
            continue
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = opened.pop()
            if anchor:
                sizes[anchor] = size
        else:
            continue
        opened[-1][1] += size
        if opened[-1][1] > most:
            raise YamlError(f"with its aliases expanded it has more than {most:,} characters")
