"""Cost alerts: `alerts.yml` in the home, a list of name, threshold_usd and period that people may edit as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent_store.errors import StoreError, explain
from agent_store.replacing import replacing

if TYPE_CHECKING:
    from agent_store.paths import StorePaths

FILE_NAME = "alerts.yml"
PERIODS = ("session", "day", "week", "month")
_HEAD = "# Cost alerts: notice is given when a period has cost more than its threshold (US dollars at list prices).\n"


def read(paths: StorePaths) -> list[dict[str, Any]]:
    """The alerts that are set; none where there is no file."""
    import yaml

    file = paths.home / FILE_NAME
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise StoreError(f"{file} cannot be read: {error}", "Mend it, or remove it.") from error
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise StoreError(
            f"{file} is no list of alerts.", "Write: - {name: day, threshold_usd: 20, period: day}"
        )
    return found


def put(paths: StorePaths, name: str, threshold_usd: float, period: str) -> list[dict[str, Any]]:
    """Set an alert, in the place of one of the same name; all that are set then."""
    import yaml

    if period not in PERIODS:
        raise StoreError(f"There is no period {period!r}.", f"There are: {', '.join(PERIODS)}")
    if not threshold_usd > 0:
        raise StoreError(f"A threshold must be more than 0 dollars, not {threshold_usd}.")
    alert = {"name": name, "threshold_usd": float(threshold_usd), "period": period}
    alerts = [one for one in read(paths) if one.get("name") != name] + [alert]
    file = paths.ensure().home / FILE_NAME
    try:
        with replacing(file) as fresh:
            text = yaml.safe_dump(alerts, sort_keys=False, allow_unicode=True)
            fresh.write_text(_HEAD + text, encoding="utf-8")
    except OSError as error:
        raise explain(error, f"Writing {file}") or StoreError(f"{file} cannot be written: {error}") from error
    return alerts
