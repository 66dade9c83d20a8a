"""Cost alerts: the list `alerts.yml` in the home, landed as a whole whenever it changes."""

from ingest.alerts.landing import FILE_NAME, changes

__all__ = ["FILE_NAME", "changes"]
