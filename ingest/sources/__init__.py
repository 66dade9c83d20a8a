"""Sources: what skills and components depend on, as listed by the user and by projects, and their current state."""

from ingest.sources.check import check, salt_of
from ingest.sources.landing import changes_of, last_checks, list_changes
from ingest.sources.list import FILE_NAME, read_list
from ingest.sources.seen import Limits, Seen
from ingest.sources.source import Source, SourcesError, Target

__all__ = [
    "FILE_NAME",
    "Limits",
    "Seen",
    "Source",
    "SourcesError",
    "Target",
    "changes_of",
    "check",
    "last_checks",
    "list_changes",
    "read_list",
    "salt_of",
]
