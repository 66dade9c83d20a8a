"""Cost alerts: `alerts.yml` in the home, a list that people may also edit. Builds land it (`ingest.alerts`)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from agent_store.errors import StoreError, explain
from agent_store.replacing import replacing
from ingest import alerts as lists
from ingest.alerts.entry import Alert, AlertsError, as_yaml, entries, said

if TYPE_CHECKING:
    from pathlib import Path

    from agent_store.paths import StorePaths

_HEAD = "# Cost alerts: a warning when a limit is reached (US dollars at list prices). All keys: docs/alerts.md.\n"


def read(paths: StorePaths) -> list[Alert]:
    """The alerts that are set; none if there is no file. Raises StoreError if any of it is invalid."""
    file = paths.home / lists.FILE_NAME
    try:
        found = entries(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{file} cannot be read: {error}", "Fix it, or remove it.") from error
    except AlertsError as error:
        raise StoreError(f"{file} {error}", "Fix it, or remove it.") from error
    if mistakes := [str(one) for one in found if isinstance(one, AlertsError)]:
        raise StoreError(f"{file}: {mistakes[0]}.", "Fix it, or remove it.")
    return [one for one in found if isinstance(one, Alert)]


def put(paths: StorePaths, given: dict[str, Any]) -> list[Alert]:
    """Set an alert, replacing one with the same name; return all alerts."""
    try:
        alert = Alert.model_validate({key: value for key, value in given.items() if value is not None})
    except ValidationError as error:
        raise StoreError(
            f"This alert cannot be set: {said(error)}.", "docs/alerts.md lists all keys."
        ) from error
    alerts = [one for one in read(paths) if one.name != alert.name] + [alert]
    file = paths.ensure().home / lists.FILE_NAME
    try:
        text = _added(file, alert, alerts)
        with replacing(file) as fresh:
            fresh.write_text(text, encoding="utf-8")
    except OSError as error:
        raise explain(error, f"Writing {file}") or StoreError(f"{file} cannot be written: {error}") from error
    return alerts


def _added(file: Path, alert: Alert, alerts: list[Alert]) -> str:
    """The text of the list with one more alert after what people wrote; a new text if that would not give the same
    list."""
    if file.exists():
        text = f"{file.read_text(encoding='utf-8-sig').rstrip()}\n{as_yaml([alert])}"
        with suppress(AlertsError):
            if entries(text) == alerts:
                return text
    return _HEAD + as_yaml(alerts)
