"""The places that exports of a home were written to: forgotten data has to be removed from them too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from agent_store.replacing import replacing
from agent_store.serve.export import folder

if TYPE_CHECKING:
    from agent_store.paths import StorePaths


def note(paths: StorePaths, place: Path) -> None:
    """Record that an export was written to a folder or file. One inside the home, for an upload, is deleted anyway."""
    if place.is_relative_to(paths.home) or place in (listed := known(paths)):
        return
    with replacing(paths.exports) as fresh:
        fresh.write_text(json.dumps([*map(str, listed), str(place)], indent=1), encoding="utf-8")


def known(paths: StorePaths) -> list[Path]:
    """The folders and files that exports were written to and that still exist."""
    try:
        listed = json.loads(paths.exports.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    places = [Path(one) for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    return [place for place in places if place.is_file() or folder.is_there(place)]


def remove_all(paths: StorePaths) -> list[Path]:
    """Remove the known exports: single files, and in folders the files listed in their manifests. Return which."""
    removed = known(paths)
    for place in removed:
        if place.is_file():
            place.unlink()
        else:
            folder.remove(place)
    paths.exports.unlink(missing_ok=True)
    return removed
