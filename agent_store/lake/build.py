"""Building a lake: dbt merges the rows of its hosts and builds the global models; the result is a store like any other."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent_store.build import dbt, models, warehouse
from agent_store.build.lock import build_lock
from agent_store.build.publish import Published, publish
from agent_store.build.results import BuildResult, read_results, sessions_of_guards, with_tests
from agent_store.build.state import fingerprint, timezone
from agent_store.build.warehouse import RawSummary
from agent_store.errors import StoreError
from agent_store.lake import hosts, reading
from agent_store.lake.target import Target
from agent_store.paths import private_files
from agent_store.privacy import landing_policy
from agent_store.replacing import replacing
from ingest.text import YamlError, load_yaml
from ingest.warehouse import remove_database

if TYPE_CHECKING:
    import duckdb

    from agent_store.paths import StorePaths

ALIASES: Final = "aliases.yml"
_MOST_ALIAS_CHARACTERS: Final = 4 * 1024 * 1024
# Leaving out a session may make another fail; if a guard still fails after this many rounds, the cause is something else.
_ROUNDS: Final = 3
_VARIABLES: Final = ("AGENT_STORE_LAKE", "AGENT_STORE_LAKE_DATA")


@dataclass(frozen=True, slots=True)
class LakeBuilt:
    """The result of building a lake."""

    build: BuildResult
    published: Published | None
    host_count: int
    # Hosts whose rows were made by other models than those of this build.
    other_code_count: int
    session_count: int
    # Sessions that several hosts have; each counts once.
    copy_count: int
    # Sessions that are left out: they failed a guard, or are forks of a session that only another host has.
    set_aside: int
    seconds: float


def build(
    paths: StorePaths,
    project: Path,
    target: Target,
    *,
    aliases: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
    on_node: Callable[[str, int, int], None] | None = None,
) -> LakeBuilt:
    """Build the union of a lake's hosts in a home of its own, test it and publish it.

    Raises StoreError if there is no lake, if the home belongs to a host's own logs, or if the models cannot be built.
    """
    started = time.monotonic()
    names = read_aliases(aliases or paths.home / ALIASES, is_named=aliases is not None)
    with build_lock(paths, on_wait=say, lands=False), private_files():
        _refuse_home_with_logs(paths)
        _prepare(target, say)
        with replacing(paths.lake_mark) as fresh:
            fresh.write_text(json.dumps({"lake": target.shown}), encoding="utf-8")
        left_out: dict[str, tuple[str, str]] = {}
        for rounds_left in range(_ROUNDS, -1, -1):
            _start_anew(paths, target, names, left_out)
            result, connection = _build_models(paths, project, target, on_node)
            named = sessions_of_guards(result)
            if not rounds_left or not named.keys() - left_out.keys():
                break
            left_out |= named
            # The next round makes these files anew, which a connection would keep as they were.
            connection.close()
        with connection:
            code = fingerprint(project)
            hosts.write(connection, code.tables)
            result = replace(result, descriptions={**result.descriptions, hosts.TABLE: hosts.DESCRIPTION})
            counts = _counts(connection)
            for finding in reading.findings(connection):
                say(f"Not read: {finding}")
            set_aside = _note_left_out(connection)
            published = None
            # A build of a lake starts anew: a table that could not be made has no earlier rows to fall back to.
            if result.success and not (result.stale and paths.store.exists()):
                published = publish(
                    paths, result, code, _landed(paths, connection), connection, timezone=timezone(project)
                )
        if published is not None:
            _write_dashboard(paths, say)
    return LakeBuilt(
        result, published, *counts, set_aside=set_aside, seconds=time.monotonic() - started
    )


def _refuse_home_with_logs(paths: StorePaths) -> None:
    """Raise StoreError if a home has landed logs, because a build of a lake starts anew."""
    if paths.warehouse.exists() and not paths.lake_mark.exists():
        raise StoreError(
            f"{paths.home} is the home of this machine's own logs.",
            "Build the lake in another folder: agent-store lake build TARGET --into FOLDER",
        )


def _prepare(target: Target, say: Callable[[str], None]) -> None:
    """Make sure that there is a lake, and tidy it up if this machine may write to it."""
    with target.opened(say) as lake:
        lake.check()
        try:
            lake.maintain()
        except StoreError as error:
            say(f"The lake is read as it is, without tidying it up: {error.message}")


def _start_anew(
    paths: StorePaths, target: Target, aliases: Mapping[str, str], left_out: Mapping[str, tuple[str, str]]
) -> None:
    """Make empty files for the build, with what merging needs to know."""
    remove_database(paths.warehouse)
    remove_database(paths.star)
    with warehouse.connect(paths) as connection:
        reading.prepare(connection)
        if aliases:
            connection.executemany(f"insert into {reading.SCHEMA}.user_alias values (?, ?)", list(aliases.items()))
        if left_out:
            connection.executemany(
                f"insert into {reading.SCHEMA}.uncounted_session values (?, ?, ?)",
                [(session, *why) for session, why in left_out.items()],
            )


def _build_models(
    paths: StorePaths, project: Path, target: Target, on_node: Callable[[str, int, int], None] | None
) -> tuple[BuildResult, duckdb.DuckDBPyConnection]:
    """Run dbt over the union; return the result, with its tests, and the open warehouse."""
    started = time.monotonic()
    arguments = [
        "build", "--target", "lake", "--selector", "lake", "--full-refresh", "--no-write-json",
        # A test runs if everything it reads is merged or built.
        "--indirect-selection", "cautious", "--threads", str(models.THREADS),
    ]  # fmt: skip
    outcome = dbt.invoke(
        arguments,
        paths,
        project,
        dbt.node_listener(on_node) if on_node else None,
        environment=dict(zip(_VARIABLES, (target.place, target.data), strict=True)),
    )
    if outcome.result is None or not hasattr(outcome.result, "results"):
        raise StoreError(f"The lake cannot be built: {models.stopped(outcome).message}")
    results: Sequence[Any] = outcome.result.results
    connection = warehouse.connect(paths)
    result = with_tests(read_results(results, seconds=time.monotonic() - started), results, connection)
    if result.stale:
        models.fill_gaps(connection, results, {})
    return result, connection


def _counts(connection: duckdb.DuckDBPyConnection) -> tuple[int, int, int, int]:
    """Hosts, hosts of other code, sessions that count, and sessions that several hosts have."""
    found = connection.execute(
        f"""
        select
            (select count(*) from agent_store.main.{hosts.TABLE}),
            (select count(*) from agent_store.main.{hosts.TABLE} where not is_same_code),
            (select count(*) from {reading.SCHEMA}.counted_session),
            (
                select count(*)
                from (select session_id from {reading.SCHEMA}.shared_session group by session_id having count(*) > 1)
            )
        """
    ).fetchone()
    return found or (0, 0, 0, 0)


def _landed(paths: StorePaths, connection: duckdb.DuckDBPyConnection) -> RawSummary:
    """Everything that the hosts landed, for the table about the build. Each host has applied its own policy."""
    found = connection.execute(
        f"""
        select
            count(*), max(shared_at), coalesce(sum(file_count), 0)::bigint, coalesce(sum(landed_line_count), 0)::bigint,
            coalesce(sum(set_aside_line_count), 0)::bigint, coalesce(sum(landed_bytes), 0)::bigint
        from {reading.SCHEMA}.host
        """
    ).fetchone()
    last: tuple[int, datetime | None, int, int, int, int] = found or (0, None, 0, 0, 0, 0)
    return RawSummary(*last, has_models=True, privacy_fingerprint=landing_policy(paths).fingerprint)


def _note_left_out(connection: duckdb.DuckDBPyConnection) -> int:
    """Add the sessions that were left out of the union to those that hosts had set aside; return how many there are."""
    connection.execute(
        "insert into agent_store.main.v_set_aside_session by name "
        "select session_id, test_name, reason, cast(now() at time zone 'UTC' as timestamp) as set_aside_at "
        f"from {reading.SCHEMA}.uncounted_session"
    )
    found = connection.execute(f"select count(*) from {reading.SCHEMA}.uncounted_session").fetchone()
    return int(found[0]) if found else 0


def _write_dashboard(paths: StorePaths, say: Callable[[str], None]) -> None:
    from agent_store.show.dashboard import page

    try:
        page.write(paths)
    except Exception as error:
        say(f"The dashboard is from an earlier build: {error}")


def read_aliases(file: Path, *, is_named: bool = False) -> dict[str, str]:
    """The names of users by their hashed ids, from a YAML file: name → one id or a list of ids.

    One person has a different id on each host, unless the hosts share the salt. Raises StoreError if a named file is
    missing, or if the file is invalid.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if is_named:
            raise StoreError(f"There is no file {file}.", "Name the file with the aliases of users.") from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"The aliases {file} cannot be read: {error}.") from error
    example = "Write it as `alice: [user_0123456789ab, user_cdef01234567]`, one name per line."
    try:
        value = load_yaml(text, _MOST_ALIAS_CHARACTERS)
    except YamlError as error:
        raise StoreError(f"The aliases {file} are not YAML: {error}.", example) from error
    if value is None:
        return {}
    found: dict[str, str] = {}
    if not isinstance(value, dict):
        raise StoreError(f"The aliases {file} are not a list of names.", example)
    for name, ids in value.items():
        if not isinstance(name, str) or not name.strip():
            raise StoreError(f"In the aliases {file}, {name!r} is no name.", "Write a name such as yes or 12 in quotes.")
        for user_id in ids if isinstance(ids, list) else [ids]:
            if not isinstance(user_id, str):
                raise StoreError(f"In the aliases {file}, {name!r} has an id that is no text.", example)
            if found.setdefault(user_id, name) != name:
                raise StoreError(
                    f"In the aliases {file}, {user_id!r} belongs to {found[user_id]!r} and to {name!r}.", example
                )
    return found


def with_home(paths: StorePaths, into: Path | None) -> StorePaths:
    """The home of a lake's store: a named folder, or the folder `lake` in the home of this machine."""
    return replace(paths, home=(into or paths.home / "lake").expanduser().absolute())
