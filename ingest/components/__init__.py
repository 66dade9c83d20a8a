"""Components that agents are made of: found, parsed and landed, with their git history."""

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
