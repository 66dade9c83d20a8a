"""Location of the secret rules."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_SEED: Final = "seeds/secret_kinds.csv"


def kinds_file() -> Path:
    """The seed `secret_kinds`: in the clone that contains this package, or in the project inside the installed
    package.
    """
    above = Path(__file__).resolve().parents[2]
    places = [above / _SEED, above / "agent_store" / "project" / _SEED]
    return next((place for place in places if place.is_file()), places[0])
