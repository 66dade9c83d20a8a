"""The time zone in which days are counted, checked before anything is built with it."""

from __future__ import annotations

import difflib

from agent_store.errors import StoreError

ZONE_VARIABLE = "AGENT_STORE_TIMEZONE"
_SUGGESTIONS = 3


def check(name: str) -> None:
    """Raise an error with similar names if the database, which counts the days, does not know this zone."""
    import duckdb

    with duckdb.connect(":memory:") as connection:
        try:
            connection.execute("select timezone(?, timestamp '2026-01-01 00:00:00')", [name]).fetchall()
        except duckdb.Error:
            names = [row[0] for row in connection.execute("select name from pg_timezone_names()").fetchall()]
            similar = _similar(name, names)
            raise StoreError(
                f"There is no time zone named {name!r}.",
                f"Set {ZONE_VARIABLE} (or the variable `timezone` in dbt_project.yml) to a name such as "
                f"{', '.join(similar or ['Europe/Berlin', 'America/New_York', 'UTC'])}.",
            ) from None


def _similar(name: str, known: list[str]) -> list[str]:
    """Return the names that were probably meant: the same place first, then similar spellings."""
    wanted = name.strip().replace(" ", "_").lower()
    place = wanted.rpartition("/")[2]
    of_place = sorted(
        (one for one in known if one.lower().rpartition("/")[2] == place), key=lambda one: (-len(one), one)
    )
    spelled = {one.lower(): one for one in known}
    alike = [spelled[one] for one in difflib.get_close_matches(wanted, spelled, n=_SUGGESTIONS, cutoff=0.7)]
    return list(dict.fromkeys([*of_place, *alike]))[:_SUGGESTIONS]
