"""`agent-store reconcile`."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent_store.cli.output import echo_json, new_console, say, tell
from agent_store.errors import StoreError
from agent_store.paths import store_paths
from agent_store.record import query_log
from ingest.text import counted

if TYPE_CHECKING:
    from agent_store.invoice.rows import Reading

_DAYS = 31


@click.command()
@click.option(
    "--csv", "files", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
    help="A usage or cost export of the provider's console. Repeatable.",
)  # fmt: skip
@click.option("--admin-api", is_flag=True, help="Ask the provider's Admin API, with the key in $ANTHROPIC_ADMIN_KEY.")
@click.option("--since", metavar="DAY", help="From this day on; for --admin-api by default the last 31 days.")
@click.option("--until", metavar="DAY", help="Up to the end of this day, week or month.")
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True, help="Rows (0: all).")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON, with all rows.")
def reconcile(
    files: tuple[Path, ...], admin_api: bool, since: str | None, until: str | None, limit: int, as_json: bool
) -> int:
    """Compare the provider's usage and cost report with the store.

    A report is recorded and the store is built; reading the same report again changes nothing. Without --csv and
    --admin-api, the reports read so far are compared. Only --admin-api opens a connection, to api.anthropic.com.
    """
    from agent_store.library import AgentStore
    from agent_store.show import reconcile as shown
    from agent_store.show import tables

    paths = store_paths()
    readings = [_read_file(file) for file in files]
    if admin_api:
        readings.append(_ask(since, until))
    if readings:
        from agent_store.invoice import rows
        from agent_store.library import building

        count = rows.record(paths.ensure(), [row for reading in readings for row in reading.rows])
        say(f"Recorded {counted(count, 'row')}; building …")
        building.build(paths)
    period = "all" if since is None and until is None else f"{since or '2000-01-01'}..{until or 'today'}"
    with AgentStore(interface=query_log.CLI) as store:
        answer = store.get_reconciliation(period, limit=None if as_json or not limit else limit)
        causes = list(store.get_reconciliation_causes(period))
    if as_json:
        echo_json({"causes": causes, "rows": list(answer), "estimated": answer.estimated}, None)
    elif not answer:
        tell("No report was read about this time: agent-store reconcile --csv FILE, or --admin-api.")
    else:
        tables.show(shown.sheet(answer.rows, "The provider's report beside the store"), new_console())
        for note in shown.notes(causes):
            say(note)
    return 0


def _read_file(file: Path) -> Reading:
    from agent_store.invoice import csv_file

    found = csv_file.read(file)
    skipped = f", {counted(found.skipped_count, 'line')} skipped" if found.skipped_count else ""
    say(f"{file}: {counted(len(found.rows), 'row')}{skipped}.")
    for note in found.notes:
        say(f"  {note}")
    return found


def _ask(since: str | None, until: str | None) -> Reading:
    from agent_store.invoice.admin_api import ADDRESS, ADDRESS_VARIABLE, KEY_VARIABLE, AdminApi
    from agent_store.show import periods

    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key:
        raise StoreError(f"There is no key in {KEY_VARIABLE}.", f"Set it to an Admin API key: export {KEY_VARIABLE}=…")
    address = os.environ.get(ADDRESS_VARIABLE, "") or ADDRESS
    today = datetime.now(UTC).date()
    try:
        last = periods.parse(until, today)[1] if until else today
        first = periods.parse(since, today)[0] if since else last - timedelta(days=_DAYS - 1)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    say(f"Asking {address} for {first} to {last} (UTC) …")
    return AdminApi(key, address).read(_midnight(first), _midnight(last + timedelta(days=1)))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
