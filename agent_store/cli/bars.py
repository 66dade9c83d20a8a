"""Bars that show how far a command is, where someone watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent_store.build.progress import LandingBar


# What a build does after each of its messages, while nothing tells how far it is.
_AFTER_LANDING = ("Scanning skills, contracts and code", "Preparing the build", "Preparing the build")
_shown: list[LandingBar] = []


@contextmanager
def landing_progress() -> Iterator[Any]:
    """A progress bar where someone watches; None where not."""
    if not sys.stderr.isatty():
        yield None
        return
    from agent_store.build.progress import LandingBar

    with LandingBar(*_AFTER_LANDING) as shown:
        _shown.append(shown)
        try:
            yield shown
        finally:
            _shown.remove(shown)


@contextmanager
def build_progress() -> Iterator[Callable[[str, int, int], None] | None]:
    """A bar of models and tests where someone watches; None where not."""
    if not sys.stderr.isatty():
        yield None
        return
    from agent_store.build.progress import BuildBar

    # Where a bar is there already, it is this one too: two would write over each other.
    with BuildBar(_shown[-1] if _shown else None) as bar:
        yield bar


@contextmanager
def doing(what: str) -> Iterator[None]:
    """What a command is doing, where someone watches and it takes a moment."""
    if not sys.stderr.isatty():
        yield
        return
    from agent_store.build.progress import Bar

    with Bar(what):
        yield
