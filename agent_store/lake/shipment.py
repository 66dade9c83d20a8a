"""What a host shares: the rows of sessions that changed since the last time, and its rows that belong to no session.

Everything is a SELECT over the published store and the warehouse, which `opened` attaches; the lake runs them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from agent_store.errors import StoreError, cause_of
from agent_store.lake.merging import SHARED, MergeRule
from agent_store.lake.target import HOST, LAKE_COLUMNS, MONTH, ROW
from agent_store.paths import STAR, WAREHOUSE
from agent_store.sql import literal, quoted
from ingest.privacy.policy import USER_DIGITS, USER_PREFIX, is_below

if TYPE_CHECKING:
    import duckdb

    from agent_store.lake.host import Host
    from agent_store.paths import StorePaths

# Temporary tables: all sessions here with their stamps, those to be sent, and those whose earlier rows have to go.
_KNOWN, SENDING, LEAVING = "known_session", "sending_session", "leaving_session"
# Paths that stay on this machine; the columns that hold one.
_STAYING: Final = "staying_path"
_PATHS: Final = frozenset({
    "document_path", "file_path", "first_source_path", "input_path", "path", "repository", "root", "source_path",
    "source_root", "working_dir",
})  # fmt: skip
# Where a session was and which files it used: one of these in a project that stays here is enough, and the session stays.
_PLACES: Final = (
    ("staging.stg_transcripts__line", "working_dir"),
    ("staging.stg_events__event", "working_dir"),
    ("intermediate.int_tool_call", "target_path"),
)
# Folders of transcripts have their project's path as name, with - for each character except letters and digits.
_TRANSCRIPTS, _TRANSCRIPT = "projects/", ".jsonl"
_NOT_IN_SLUG: Final = re.compile(r"[^A-Za-z0-9*?]")
# The texts of files that may be shared, if some projects stay here.
_CONTENTS: Final = "shared_content"
_MAKE_CONTENTS: Final = f"""
create or replace temp table {_CONTENTS} as
select content_id
from {WAREHOUSE}.staging.stg_code__document
where document_path not in (select path from {_STAYING})
union
select reads.content_id
from {WAREHOUSE}.staging.stg_code__read as reads
inner join {WAREHOUSE}.intermediate.int_tool_call as calls on calls.tool_use_id = reads.tool_use_id
semi join (select session_id from {_KNOWN} where not is_left_out) as sessions on sessions.session_id = calls.session_id
where coalesce(reads.document_path, '') not in (select path from {_STAYING})
"""
# In a stamp, before what has removed rows of a session.
_REMOVED: Final = "#"
# Parquet has no integer of 128 bits; 38 digits are more than any of these numbers has.
_TYPES: Final = {"HUGEINT": "DECIMAL(38,0)"}


@dataclass(frozen=True, slots=True)
class SharedTable:
    """A table of the lake: its columns (name, type), and the rows of this host."""

    name: str
    columns: Sequence[tuple[str, str]]
    # Rows of the sessions to be sent; empty for a table without sessions.
    session_rows: str
    # All rows of this host that belong to no session, and a query for their number and what changes with them.
    host_rows: str
    host_mark: str
    # The name of that table here, and whether it has a column session_id.
    relation: str
    has_sessions: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """Which sessions are sent, and what that does to what was shared before."""

    session_count: int
    # Sessions that are in the lake and no longer here, or no longer shared.
    gone_count: int
    # Whether any session to be sent or removed is in the lake already.
    replaces: bool
    # Whether what is replaced may be in no file afterwards: sessions are gone or expired, or the privacy policy changed.
    erases: bool


@dataclass(frozen=True, slots=True)
class Shipment:
    """Everything to be sent, on a connection that has the temporary tables `sending_session` and `leaving_session`."""

    host: Host
    connection: duckdb.DuckDBPyConnection
    tables: Sequence[SharedTable]
    choice: Choice
    # What the rows depend on besides the landed lines: the code of the models, and the privacy policy.
    state: str = ""


@contextmanager
def opened(paths: StorePaths) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published store and the warehouse, read-only, in one connection. The build lock must be held."""
    import duckdb

    connection = duckdb.connect(
        ":memory:",
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"},
    )
    try:
        try:
            for file, name in ((paths.store, STAR), (paths.warehouse, WAREHOUSE)):
                connection.execute(f"attach {literal(str(file))} as {name} (read_only)")
        except duckdb.Error as error:
            raise StoreError(
                f"The store cannot be opened: {cause_of(error) or str(error).splitlines()[0]}.",
                "Run agent-store build, then share again.",
            ) from error
        connection.execute("set TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def note_sessions(
    connection: duckdb.DuckDBPyConnection,
    code: str,
    privacy: str,
    patterns: Sequence[str] = (),
    expiring: Iterable[str] = (),
) -> dict[str, str]:
    """Make the table of all sessions here; return the stamp of each that is shared.

    A stamp changes with the rows of its session: it names the batch that last touched it and the code of the models,
    and has a hash of its properties. After a `#` it names what removed rows of it: the privacy policy, the last batch in
    which something was removed from its files, and the time when it expired. `patterns` are the folders of projects that
    stay on this machine, `expiring` the facts whose rows are kept for some time only: how many are left is part of the
    stamp.
    """
    stays = "false"
    if patterns:
        connection.execute(f"create or replace temp table {_STAYING} (path varchar primary key)")
        _note_staying(connection, patterns, f"{STAR}.main.dim_session", ("project_path", "working_dir"))
        _note_staying(connection, patterns, f"{WAREHOUSE}.staging.stg_retention__session", ("project_path",))
        for name in ("document", "read"):
            _note_staying(connection, patterns, f"{WAREHOUSE}.staging.stg_code__{name}", ("document_path",))
        for relation, column in _PLACES:
            _note_staying(connection, patterns, f"{WAREHOUSE}.{relation}", (column,))
        stays = " or ".join([
            *(
                f"coalesce({folder}, '') in (select path from {_STAYING})"
                for folder in ("sessions.project_path", "sessions.working_dir", "expired.project_path")
            ),
            *(
                f"stamped.session_id in (select session_id from {WAREHOUSE}.{relation} "
                f"where session_id is not null and {column} in (select path from {_STAYING}))"
                for relation, column in _PLACES
            ),
        ])
    connection.execute(
        f"""
        create or replace temp table {_KNOWN} as
        with lines as (
            select session_id, count(*) as line_count, max(created_at) as last_line_at
            from {WAREHOUSE}.staging.stg_transcripts__line
            group by session_id
        ),
        touched as (
            select touches.session_id, concat(batches.batch_id, '@', batches.started_at) as stamp
            from {WAREHOUSE}.intermediate.int_session_batch as touches
            inner join {WAREHOUSE}.raw.batch as batches on batches.batch_id = touches._batch_id
            union all
            -- The only rows of a session that lines of others may change: its title, and what it continues.
            select session_id, cast(hash(sessions) as varchar)
            from {WAREHOUSE}.intermediate.int_session as sessions
            {_left(connection, expiring)}
        ),
        -- Only their daily costs are left.
        expired as (
            select
                session_id, max(project_path) as project_path, min(started_at) as started_at, max(expired_at) as expired_at
            from {WAREHOUSE}.staging.stg_retention__session
            group by session_id
        ),
        removed as (
            select files.session_id, max(rows.batch_id) as batch_id
            from (
                select session_id, file_id from {WAREHOUSE}.staging.stg_transcripts__line
                union
                select session_id, file_id from {WAREHOUSE}.staging.stg_events__event
            ) as files
            inner join (
                select file_id, rewritten_in_batch_id as batch_id from {WAREHOUSE}.raw.rewritten_row
                union
                select file_id, erased_in_batch_id from {WAREHOUSE}.raw.erased_row
            ) as rows on rows.file_id = files.file_id
            group by files.session_id
        ),
        stamped as (
            select session_id, concat(string_agg(stamp, ' ' order by stamp), ' ', {literal(code)}) as stamp
            from (from touched union all select session_id, null from expired)
            group by session_id
        )
        select
            stamped.session_id,
            concat(
                stamped.stamp, '{_REMOVED}', {literal(privacy)}, '@' || removed.batch_id, ' ' || expired.expired_at
            ) as stamp,
            coalesce(lines.line_count, 0) as line_count,
            lines.last_line_at,
            cast(date_trunc('month', coalesce(sessions.started_at, expired.started_at)) as date) as month,
            {stays} as is_left_out
        from stamped
        left join lines on lines.session_id = stamped.session_id
        left join removed on removed.session_id = stamped.session_id
        left join {STAR}.main.dim_session as sessions on sessions.session_id = stamped.session_id
        left join expired on expired.session_id = stamped.session_id
        """
    )
    if patterns:
        connection.execute(_MAKE_CONTENTS)
        # The rows of no session about their transcripts, such as damaged lines.
        connection.execute(
            f"insert or ignore into {_STAYING} select distinct lines.source_path "
            f"from {WAREHOUSE}.staging.stg_transcripts__line as lines "
            f"semi join (select session_id from {_KNOWN} where is_left_out) as sessions "
            "on sessions.session_id = lines.session_id where lines.source_path is not null"
        )
    return dict(
        connection.execute(f"select session_id, stamp from {_KNOWN} where not is_left_out").fetchall()
    )


def _left(connection: duckdb.DuckDBPyConnection, facts: Iterable[str]) -> str:
    """Queries for the rows that are left of each session in some facts, if these are by session."""
    found = connection.execute(
        "select table_name from duckdb_columns() where database_name = ? and schema_name = 'main' "
        "and column_name = 'session_id' and table_name in (select unnest(?::varchar[])) order by table_name",
        [STAR, list(facts)],
    ).fetchall()
    return "".join(
        f" union all select session_id, concat({literal(name)}, '=', count(*)) from {STAR}.main.{quoted(name)} "
        "where session_id is not null group by session_id"
        for (name,) in found
    )


def _note_staying(
    connection: duckdb.DuckDBPyConnection, patterns: Sequence[str], relation: str, columns: Iterable[str]
) -> None:
    """Add the paths in some columns that stay on this machine."""
    for column in columns:
        found = connection.execute(
            f"select distinct {quoted(column)} from {relation} where {quoted(column)} is not null"
        ).fetchall()
        staying = [(path,) for (path,) in found if any(_stays(path, pattern) for pattern in patterns)]
        if staying:
            connection.executemany(f"insert or ignore into {_STAYING} values (?)", staying)


def _stays(path: str, pattern: str) -> bool:
    """Whether a path is below a folder that stays here, or is a transcript of a project there."""
    if is_below(path, pattern):
        return True
    is_transcript = not path.startswith("/") and _TRANSCRIPT in path
    if not is_transcript:
        return False
    folder = path.replace("\\", "/").rpartition(_TRANSCRIPTS)[2].partition("/")[0] + "-"
    slug = _NOT_IN_SLUG.sub("-", pattern.rstrip("/\\"))
    return fnmatchcase(folder, f"{slug}-*") or ("/" not in pattern and fnmatchcase(f"-{folder}", f"*-{slug}-*"))


def removals(connection: duckdb.DuckDBPyConnection) -> str:
    """A mark of what was removed from landed rows so far: it changes with each time."""
    found = connection.execute(
        f"select (select count(*) from {WAREHOUSE}.raw.rewritten_row), (select count(*) from {WAREHOUSE}.raw.erased_row)"
    ).fetchone()
    return " ".join(map(str, found or ()))


def choose(
    connection: duckdb.DuckDBPyConnection, here: Mapping[str, str], shared: Mapping[str, str]
) -> Choice:
    """Make the tables of the sessions to be sent, and of those whose earlier rows have to go."""
    changed = [session for session, stamp in here.items() if shared.get(session) != stamp]
    gone = [session for session in shared if session not in here]
    connection.execute(
        f"create or replace temp table {SENDING} as select known.* from {_KNOWN} as known "
        "semi join (select unnest(?::varchar[]) as session_id) as changed on changed.session_id = known.session_id",
        [changed],
    )
    replaced = [session for session in changed if session in shared]
    connection.execute(
        f"create or replace temp table {LEAVING} as select unnest(?::varchar[]) as session_id", [[*gone, *replaced]]
    )
    is_purged = any(_removed_by(shared[session]) != _removed_by(here[session]) for session in replaced)
    return Choice(len(changed), len(gone), replaces=bool(gone or replaced), erases=bool(gone) or is_purged)


def _removed_by(stamp: str) -> str:
    return stamp.partition(_REMOVED)[2]


def tables(
    connection: duckdb.DuckDBPyConnection, rules: Sequence[MergeRule], host: Host, *, patterns: Sequence[str], salt: str
) -> list[SharedTable]:
    """The tables that a host shares.

    Rows about files of projects that stay here (`patterns`) stay too. With a `salt`, names of users are hashed.
    """
    import duckdb

    found = []
    for rule in rules:
        if rule.rule not in SHARED:
            continue
        try:
            described = connection.execute(f"describe {rule.relation}").fetchall()
        except duckdb.Error as error:
            raise StoreError(
                f"The store was built by another version of Agent Store: it has no {rule.name}.",
                "Build it, then share: agent-store build",
            ) from error
        columns = [(name, _lake_type(data_type)) for name, data_type, *_ in described]
        has_sessions = any(name == "session_id" for name, _ in columns)
        paths = sorted({name for name, _ in columns} & _PATHS) if patterns else []
        _note_staying(connection, patterns, rule.relation, paths)
        found.append(
            _table(rule, columns, host, salt, has_sessions=has_sessions, paths=paths, leaves_out=bool(patterns))
        )
    return found


def _lake_type(data_type: str) -> str:
    for here, there in _TYPES.items():
        data_type = data_type.replace(here, there)
    return data_type


def _table(
    rule: MergeRule,
    columns: Sequence[tuple[str, str]],
    host: Host,
    salt: str,
    *,
    has_sessions: bool,
    paths: Sequence[str],
    leaves_out: bool,
) -> SharedTable:
    values = ", ".join(
        f"cast({_hashed_user(salt) if salt and name == 'user_id' else f'rows.{quoted(name)}'} as {kind}) as {quoted(name)}"
        for name, kind in columns
    )
    of_host = f"{literal(host.host_id)} as {HOST}"
    session_rows = (
        f"select {of_host}, sending.month as {MONTH}, cast(null as varchar) as {ROW}, {values} "
        f"from {rule.relation} as rows inner join {SENDING} as sending on sending.session_id = rows.session_id"
    )
    others = [
        f"(rows.session_id is null or rows.session_id not in (select session_id from {_KNOWN}))"
    ] if has_sessions else []  # fmt: skip
    others += [f"coalesce(rows.{quoted(name)}, '') not in (select path from {_STAYING})" for name in paths]
    if leaves_out and any(name == "content_id" for name, _ in columns):
        others.append(f"rows.content_id in (select content_id from {_CONTENTS})")
    chosen = f"from {rule.relation} as rows where {' and '.join(others or ['true'])}"
    # Rows of a landing batch change only with the batches there are: their texts need not be read.
    changing = "sum(_batch_id)" if any(name == "_batch_id" for name, _ in columns) else "bit_xor(hash(rows))"
    host_rows = (
        f"select {of_host}, cast(null as date) as {MONTH}, cast(hash(rows) as varchar) as {ROW}, {values} "
        f"{chosen}"
    )
    return SharedTable(
        rule.name,
        (*LAKE_COLUMNS, *columns),
        session_rows if has_sessions else "",
        host_rows,
        f"select count(*) as row_count, cast({changing} as varchar) as changing {chosen}",
        rule.relation,
        has_sessions,
    )


def _hashed_user(salt: str) -> str:
    """The id of a user whose name privacy.yml keeps on this machine; the macro `user_identity` does the same."""
    digest = f"left(sha256({literal(salt)} || rows.user_id), {USER_DIGITS})"
    return (
        f"case when rows.user_id = 'unknown' or regexp_full_match(rows.user_id, '{USER_PREFIX}[0-9a-f]{{{USER_DIGITS}}}') "
        f"then rows.user_id else '{USER_PREFIX}' || {digest} end"
    )


def session_row_counts(shipment: Shipment) -> dict[str, int]:
    """How many rows of the sessions to be sent each table has."""
    counted = [table for table in shipment.tables if table.has_sessions]
    if not counted or not shipment.choice.session_count:
        return {}
    return dict(
        shipment.connection.execute(
            " union all ".join(
                f"select {literal(table.name)}, count(*) from {table.relation} as rows "
                f"where rows.session_id in (select session_id from {SENDING})"
                for table in counted
            )
        ).fetchall()
    )


def host_row_marks(shipment: Shipment) -> dict[str, str]:
    """A mark of the rows of no session in each table: it changes with them, and is empty where there are none.

    It names the code of the models and the privacy policy, which change rows of the same batches.
    """
    return {
        name: f"{count} {changing} {shipment.state}" if count else ""
        for name, count, changing in shipment.connection.execute(
            " union all ".join(
                f"select {literal(table.name)}, row_count, changing from ({table.host_mark})" for table in shipment.tables
            )
        ).fetchall()
    }
