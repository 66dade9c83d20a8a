"""YAML that somebody else wrote: what it comes to, with its aliases, is counted before anything is made of it."""

from __future__ import annotations

from typing import Any, Final

# What aliases may add to a text. Anchors save typing; a hundred thousand copies of one are an attack.
MOST_ADDED: Final = 256 * 1024
DEEPEST: Final = 100


class YamlError(ValueError):
    """A text is not YAML, or is more than may be read; the message is the reason."""


def load(text: str, most_characters: int, *, most_added: int = MOST_ADDED, loader: Any = None) -> Any:  # noqa: ANN401 - whatever YAML holds
    """What a text says, with the safe loader unless another is given."""
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
        raise YamlError(" ".join(str(error).split())[:200]) from error


def _measure(text: str, most: int) -> None:
    """Refuse what is nested too deep, or comes to too much when every alias is written out."""
    import yaml

    sizes: dict[str, int] = {}
    # One entry per open collection: its anchor, and the size of what it has held so far.
    opened: list[list[Any]] = [[None, 0]]
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in opened):
                raise YamlError(f"the alias {event.anchor} stands within what it names")
            size = sizes.get(event.anchor, 0)
        elif isinstance(event, yaml.ScalarEvent):
            size = len(event.value) + 1
            if event.anchor:
                sizes[event.anchor] = size
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(opened) > DEEPEST:
                raise YamlError(f"nested more than {DEEPEST} deep")
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
            raise YamlError(f"with its aliases written out it has more than {most:,} characters")
