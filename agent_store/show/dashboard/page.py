"""The dashboard as one HTML file: styles, programs and rows are in it, and its policy forbids it to ask for more."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_store.replacing import replacing
from agent_store.show.dashboard.collect import collect
from agent_store.store import open_store

if TYPE_CHECKING:
    from agent_store.paths import StorePaths

_HERE = Path(__file__).parent
_PLACE = re.compile(r"\{\{(\w+)\}\}")
# In a script element a browser looks for nothing but its end, and for the beginning of a comment.
_IN_SCRIPT = str.maketrans({"<": "\\u003c", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def render(data: dict[str, Any], version: str | None = None) -> str:
    """The page over what `collect` returned.

    With a `version` the page is one that is served: it asks its own server for the version, and loads itself again when
    that has changed.
    """
    import orjson

    style, library, program = (
        _asset("assets/dashboard.css"),
        _asset("vendor/plot.js"),
        _asset("assets/dashboard.js"),
    )
    policy = [
        "default-src 'none'",
        f"script-src {_hash(library)} {_hash(program)}",
        f"style-src {_hash(style)}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    if version is not None:
        policy.append("connect-src 'self'")
    parts = {
        "served": "" if version is None else f' data-version="{version}"',
        "policy": "; ".join(policy),
        "style": style,
        "data": orjson.dumps(data).decode().translate(_IN_SCRIPT),
        "library": library,
        "program": program,
    }
    return _PLACE.sub(lambda found: parts[found[1]], _asset("assets/dashboard.html"))


def write(paths: StorePaths) -> None:
    """Write the page over the published store beside it. StoreError where there is no store."""
    written = None
    # A build may publish meanwhile: what it has forgotten must not come back with a page of the store before.
    while written != (version := version_of(paths)):
        text = text_of(paths)
        with replacing(paths.dashboard) as fresh:
            fresh.write_text(text, encoding="utf-8")
        written = version


def is_current(paths: StorePaths) -> bool:
    """Whether the page beside the store was written after it."""
    try:
        return paths.dashboard.stat().st_mtime_ns >= paths.store.stat().st_mtime_ns
    except OSError:
        return False


def version_of(paths: StorePaths) -> str:
    """What changes when a store is published: its file is another one then. Empty where there is none."""
    try:
        stat = paths.store.stat()
    except OSError:
        return ""
    return f"{stat.st_ino}-{stat.st_mtime_ns}"


def text_of(paths: StorePaths) -> str:
    """The page over the published store. StoreError where there is none."""
    with open_store(paths) as connection:
        return render(collect(connection))


@cache
def _asset(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8").strip("\n")


@cache
def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
