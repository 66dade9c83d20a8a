"""Components: what agents are made of, found, taken apart and landed, with what git remembers of them."""

from ingest.components.component import Folder
from ingest.components.find import whole_of
from ingest.components.history import scan_history
from ingest.components.landing import known_places, scan

__all__ = [
    "Folder",
    "known_places",
    "scan",
    "scan_history",
    "whole_of",
]
