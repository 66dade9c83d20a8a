"""Cost alerts: the list `alerts.yml` in the home, landed whole each time it has changed."""

from ingest.alerts.landing import FILE_NAME, changes

__all__ = ["FILE_NAME", "changes"]
