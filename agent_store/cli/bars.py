"""Progress bars of commands, shown on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent_store.build.progress import LandingBar


# The steps of a build after each message, for which there is no measure of progress.
_AFTER_LANDING = ("Scanning skills, contracts and code", "Preparing the build", "Preparing the build")
_shown: list[LandingBar] = []


@contextmanager
def landing_progress() -> Iterator[Any]:
    """A progress bar on a terminal, else None."""
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
    """A bar of models and tests on a terminal, else None."""
    if not sys.stderr.isatty():
        yield None
        return
    from agent_store.build.progress import BuildBar

    # An existing bar is reused: two would overwrite each other.
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
