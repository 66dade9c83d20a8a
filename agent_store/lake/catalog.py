"""The catalog of a lake on DuckLake: attach it, with the credentials of the user, and explain what goes wrong.

Passwords: Postgres takes them by libpq's own means (PGPASSWORD, ~/.pgpass), object storage from AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION and AWS_ENDPOINT_URL. Profiles (AWS_PROFILE, ~/.aws) and roles of
machines are not read: `aws configure export-credentials --format env` prints such credentials as variables.

Modes of files: a folder that a share makes is for its owner alone (0700, files 0600), as everything else that Agent Store
makes. A folder that is there already and that its group may write to is a team's: what is made in it can be read and
written by the group, and by nobody else. To set up such a folder: `mkdir lake; chgrp team lake; chmod 2770 lake`.
"""

from __future__ import annotations

import os
import random
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from agent_store.errors import StoreError, cause_of, explain
from agent_store.lake import extensions
from agent_store.lake.target import LAKE, SUFFIXES, Target, no_lake
from agent_store.sql import literal

if TYPE_CHECKING:
    import duckdb
    from filelock import BaseFileLock

_T = TypeVar("_T")
# DuckLake attaches the tables of the catalog itself under this name.
METADATA: Final = f"__ducklake_metadata_{LAKE}"
_EXTENSIONS: Final = {"postgres": "postgres_scanner", "sqlite": "sqlite_scanner"}
_PREFIXES: Final = {"postgres": "postgres:", "sqlite": "sqlite:"}
_OBJECT_STORAGE: Final = "s3://"
_DATA_SUFFIX: Final = ".data"
# Several hosts may commit at once: the later one tries again. Together some two minutes.
_MOST_ATTEMPTS: Final = 12
_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 20.0
# A catalog file is used by one share at a time. The first share of a large store takes a minute or two.
_LONGEST_TURN_SECONDS: Final = 900.0
_SAY_AFTER_SECONDS: Final = 3.0
_POLL_SECONDS: Final = 0.05
_CONFLICTS: Final = (
    "conflict", "could not serialize", "deadlock detected", "database is locked", "could not set lock", "already exists",
    "duplicate key",
)  # fmt: skip
# A host that removed a session has rewritten a file that was about to be read: the next attempt reads the new one.
_MISSING: Final = (".parquet\": no such file", "http 404")
_ATTEMPTS_IF_MISSING: Final = 5
_PERMISSION: Final = "Ask the owner of the database for the right to use it: see docs/lake.md."
# Words of an error in lower case, the explanation and the advice.
_CAUSES: Final = (
    (
        "data_path is not set",
        "There is no lake in this database yet, and nothing says where its rows go.",
        "Name the place at the first share: --data FOLDER or --data s3://BUCKET/PREFIX",
    ),
    (
        "does not match existing data path",
        "The rows of this lake are in another place than --data names.",
        "Leave out --data: the catalog knows the place.",
    ),
    (
        "catalog version mismatch",
        "The catalog has another version of the DuckLake format than this Agent Store reads.",
        "Install the version of Agent Store that the other hosts use: pip install --upgrade 'agent-store[lake]'",
    ),
    (
        "creating a new ducklake is explicitly disabled",
        "There is no lake yet.",
        "Share into it first, from each host: agent-store share TARGET",
    ),
    (
        "password authentication failed",
        "The database did not accept the user or the password.",
        "Set PGPASSWORD, or add a line to ~/.pgpass (mode 0600).",
    ),
    (
        "no password supplied",
        "The database asks for a password.",
        "Set PGPASSWORD, or add a line to ~/.pgpass (mode 0600).",
    ),
    ("no pg_hba.conf entry", "The database server does not let this machine or user in.", _PERMISSION),
    ("could not translate host name", "The name of the database server is not known.", "Check the host in the URL."),
    (
        "unable to connect to postgres",
        "The database server does not answer.",
        "Check that it runs, and the host and port in the URL.",
    ),
    ("permission denied for", "The user of the database may not do that.", _PERMISSION),
    ("read-only transaction", "The user of the database may only read.", _PERMISSION),
    (
        "not a valid duckdb database file",
        "The file is not the catalog of a lake.",
        "Name a new file, or the one that the other hosts use.",
    ),
    ("file is not a database", "The file is not the catalog of a lake.", "Name a new file, or that of the other hosts."),
    (
        "newer version of duckdb",
        "The catalog was written by a newer DuckDB.",
        "Install the version of Agent Store that the other hosts use: pip install --upgrade 'agent-store[lake]'",
    ),
    (
        "http 403",
        "The object storage refused access.",
        "Set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION to those of a user who may write there.",
    ),
    (
        "could not connect to server",
        "The object storage does not answer.",
        "Check the network and AWS_ENDPOINT_URL.",
    ),
    (
        "could not resolve hostname error for http",
        "The object storage is not known by that name.",
        "Check the network, AWS_REGION and AWS_ENDPOINT_URL.",
    ),
)  # fmt: skip
_NAMED: Final = (
    (re.compile(r'fatal:\s+(?:database|role) "[^"]*" does not exist', re.IGNORECASE),
     "Create it first (createdb, createuser), or correct the URL."),
)  # fmt: skip


def is_missing(target: Target) -> bool:
    """Whether a catalog file does not exist yet."""
    return target.kind != "postgres" and not Path(target.place).exists()


@contextmanager
def attached(
    connection: duckdb.DuckDBPyConnection,
    target: Target,
    *,
    read_only: bool,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[None]:
    """Attach the lake for a while. Files that are made meanwhile get the modes that the top of this file explains."""
    umask = None if read_only else os.umask(umask_of(_folder(target)))
    turn: BaseFileLock | None = None
    try:
        turn = _wait_for_turn(target, say, read_only=read_only)
        attach(connection, target, read_only=read_only)
        if umask is not None and target.kind == "postgres":
            os.umask(umask_of(Path(data_place(connection))))
        try:
            yield
        finally:
            if umask is not None:
                _open_to_group(connection, target)
            # An error inside is more telling than one of detaching after it.
            with suppress(Exception):
                connection.execute(f"detach {LAKE}")
    finally:
        if turn is not None:
            turn.release()
        if umask is not None:
            os.umask(umask)


def _wait_for_turn(target: Target, say: Callable[[str], None], *, read_only: bool) -> BaseFileLock | None:
    """For a catalog file: wait until no other share uses it. SQLite and DuckDB would not wait, but fail at the end."""
    if target.kind == "postgres":
        return None
    from filelock import FileLock, Timeout

    place = Path(target.place)
    if not read_only:
        _make_folder(place.parent, "of the catalog")
    lock = FileLock(place.with_name(f".{place.name}.lock"), mode=0o666 & ~umask_of(place.parent))
    try:
        try:
            lock.acquire(timeout=_SAY_AFTER_SECONDS, poll_interval=_POLL_SECONDS)
        except Timeout:
            say(f"Waiting until another host is done with {target.shown} …")
            lock.acquire(timeout=_LONGEST_TURN_SECONDS, poll_interval=_POLL_SECONDS)
    except Timeout as error:
        raise StoreError(
            f"The lake {target.shown} is in use by another share.", "Share again later: nothing is lost."
        ) from error
    except (OSError, NotImplementedError):
        # Somebody who may only read, or a file system without locks: the database's own lock decides.
        return None
    return lock


def attach(
    connection: duckdb.DuckDBPyConnection, target: Target, *, read_only: bool, snapshot: int | None = None
) -> None:
    """Attach the lake as the database `lake`; to write makes the catalog where there is none."""
    import duckdb

    is_new = is_missing(target)
    # Nothing is downloaded: what is needed comes with the extra.
    connection.execute("set autoinstall_known_extensions = false; set autoload_known_extensions = false")
    extensions.load(connection, "ducklake", *filter(None, (_EXTENSIONS.get(target.kind),)))
    beside = Path(target.place).with_suffix(_DATA_SUFFIX) if target.kind != "postgres" else None
    data = target.data or (str(beside) if is_new else "")
    made: Path | None = None
    if data.startswith(_OBJECT_STORAGE):
        use_object_storage(connection)
    elif data:
        if "://" in data:
            raise StoreError(
                f"{data} is no place for the rows of a lake.",
                "Name a folder, or object storage as s3://BUCKET/PREFIX.",
            )
        data = str(Path(data).expanduser().absolute())
        if not read_only:
            made = None if Path(data).exists() else Path(data)
            _make_folder(Path(data), "for the rows of the lake")
    try:
        _refuse_rows_of_others(connection, target, "" if read_only else data)
        try:
            _attach(connection, target, data, read_only=read_only, snapshot=snapshot)
        except duckdb.Error as error:
            if "httpfs" in str(error):
                # The catalog says that the rows are in object storage.
                use_object_storage(connection)
            elif beside is not None and not data and "data_path is not set" in str(error):
                # The first share was killed before it made the catalog in its file.
                data = str(beside)
                _make_folder(beside, "for the rows of the lake")
            else:
                raise
            _attach(connection, target, data, read_only=read_only, snapshot=snapshot)
    except Exception as error:
        # A conflict says that another host is making the lake: the folder is its folder too.
        if made is not None and not is_conflict(error):
            with suppress(OSError):
                made.rmdir()
        raise
    place = data_place(connection)
    if place.startswith(_OBJECT_STORAGE):
        use_object_storage(connection)
        return
    if beside is not None and beside.name == Path(place).name and beside != Path(place) and beside.is_dir():
        # Another host has mounted the shared folder elsewhere.
        connection.execute(f"detach {LAKE}")
        _attach(connection, target, str(beside), read_only=read_only, snapshot=snapshot, is_moved=True)
        place = str(beside)
    _check_folder(target, Path(place), read_only=read_only)


def _refuse_rows_of_others(connection: duckdb.DuckDBPyConnection, target: Target, data: str) -> None:
    """Raise StoreError if a new lake would have its rows where Parquet files are: a lake takes all of them for its own."""
    if not data or not _is_new(connection, target):
        return
    found = connection.execute("select file from glob(?) limit 1", [f"{data.rstrip('/')}/**/*.parquet"]).fetchone()
    # Another host may have made this lake in the meantime.
    if found and _is_new(connection, target):
        raise StoreError(
            f"A new lake needs a place of its own for its rows, and {data} has Parquet files already: {found[0]}",
            "Name an empty folder or prefix with --data, or bring back the catalog that these rows belong to.",
        )


def _is_new(connection: duckdb.DuckDBPyConnection, target: Target) -> bool:
    import duckdb

    if target.kind != "postgres":
        return is_missing(target)
    try:
        _attach(connection, target, "", read_only=True, snapshot=None)
    except duckdb.Error as error:
        return "creating a new ducklake is explicitly disabled" in str(error).lower()
    connection.execute(f"detach {LAKE}")
    return False


def _attach(
    connection: duckdb.DuckDBPyConnection,
    target: Target,
    data: str,
    *,
    read_only: bool,
    snapshot: int | None,
    is_moved: bool = False,
) -> None:
    # Rows in the catalog itself would be invisible to Spark and slower to write.
    options = ["data_inlining_row_limit 0"]
    options += [f"data_path {literal(data.rstrip('/') + '/')}"] if data else []
    options += ["override_data_path true"] if is_moved else []
    options += ["read_only"] if read_only else []
    options += [f"snapshot_version {snapshot}"] if snapshot is not None else []
    place = f"ducklake:{_PREFIXES.get(target.kind, '')}{target.place}"
    connection.execute(f"attach {literal(place)} as {LAKE} ({', '.join(options)})")


def data_place(connection: duckdb.DuckDBPyConnection) -> str:
    """Where the rows of the attached lake are, by its catalog."""
    found = connection.execute(
        f"select value from {METADATA}.ducklake_metadata where key = 'data_path'"
    ).fetchone()
    return str(found[0]) if found else ""


def _make_folder(folder: Path, what: str) -> None:
    try:
        folder.mkdir(mode=0o777, parents=True, exist_ok=True)
    except OSError as error:
        doing = f"The folder {what}, {folder}, cannot be made"
        cause = cause_of(error) or str(error.strerror)
        raise StoreError(f"{doing}: {cause}.", "Name another folder, or ask its owner for access.") from error


def _check_folder(target: Target, folder: Path, *, read_only: bool) -> None:
    needed = os.R_OK | os.X_OK | (0 if read_only else os.W_OK)
    if not folder.is_dir():
        raise StoreError(
            f"The folder with the rows of the lake, {folder}, is not there.",
            "Mount it at this path on this machine too, or bring it back: the catalog alone has no rows.",
        )
    if not os.access(folder, needed):
        raise StoreError(
            f"The folder with the rows of the lake, {folder}, cannot be {'read' if read_only else 'written'}.",
            "Ask its owner to give your group access to it.",
        )
    if target.kind != "postgres" and not read_only:
        _refuse_copy(Path(target.place), folder)


def _refuse_copy(catalog: Path, data: Path) -> None:
    """Raise StoreError if a catalog is a copy, as a backup is: the files that it would remove are those of the original."""
    for suffix in SUFFIXES:
        original = data.with_suffix(suffix)
        if data.suffix == _DATA_SUFFIX and original.is_file() and not original.samefile(catalog):
            raise StoreError(
                f"The rows of {catalog} are in {data}, which belongs to {original}: one of the two is a copy.",
                f"Share into {original}. To restore a copy, put it back in the place of the original.",
            )


def _folder(target: Target) -> Path:
    """The folder that decides about the modes of new files."""
    return (
        Path(target.data).expanduser().absolute() if target.kind == "postgres" else Path(target.place).parent
    )


def umask_of(folder: Path) -> int:
    """Take the rights of all others, and those of the group unless the nearest folder that exists is a team's."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        mode = folder.stat().st_mode
    except OSError:
        mode = 0
    is_of_team = bool(mode & stat.S_IWGRP) and not mode & stat.S_IWOTH
    return stat.S_IRWXO if is_of_team else stat.S_IRWXO | stat.S_IRWXG


def _open_to_group(connection: duckdb.DuckDBPyConnection, target: Target) -> None:
    """In a team's folder, let the group write to what SQLite and DuckDB made for the owner, whatever the umask is."""
    with suppress(Exception):
        if target.kind == "sqlite" and not umask_of(_folder(target)) & stat.S_IRWXG:
            Path(target.place).chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IWGRP)
        data = Path(data_place(connection))
        if data.is_dir() and not umask_of(data) & stat.S_IRWXG:
            for folder, names, _ in os.walk(data):
                for name in names:
                    made = Path(folder, name).stat()
                    if made.st_uid == os.getuid() and made.st_mode & stat.S_IRWXG != stat.S_IRWXG:
                        Path(folder, name).chmod(stat.S_IMODE(made.st_mode) | stat.S_IRWXG)


def use_object_storage(connection: duckdb.DuckDBPyConnection) -> None:
    """Let DuckDB use object storage with the user's credentials, from the usual environment variables."""
    extensions.load(connection, "httpfs")
    names = {
        "key_id": "AWS_ACCESS_KEY_ID",
        "secret": "AWS_SECRET_ACCESS_KEY",
        "session_token": "AWS_SESSION_TOKEN",
    }
    given = {option: os.environ[name] for option, name in names.items() if os.environ.get(name)}
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    given |= {"region": region} if region else {}
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
    if endpoint:
        scheme, _, place = endpoint.rpartition("://")
        given |= {
            "endpoint": place.rstrip("/"),
            "url_style": "path",
            "use_ssl": str(scheme != "http").lower(),
        }
    if not given.get("key_id") and os.environ.get("AWS_PROFILE"):
        raise StoreError(
            "AWS_PROFILE is set, but profiles are not read.",
            'Export its credentials: eval "$(aws configure export-credentials --format env)"',
        )
    options = "".join(f", {option} {literal(value)}" for option, value in given.items())
    connection.execute(f"create or replace temporary secret lake_storage (type s3{options})")


def again(attempt: Callable[[], _T], target: Target) -> _T:
    """Try until there is no conflict with another host, with growing pauses. Errors are explained.

    Half of each pause is left to chance, so that hosts that met once do not meet again.
    """
    import duckdb

    for number in range(_MOST_ATTEMPTS):
        try:
            return attempt()
        except duckdb.Error as error:
            text = str(error).lower()
            is_missing_file = any(words in text for words in _MISSING)
            if not is_missing_file and not is_conflict(error):
                raise explained(error, target) from error
            if is_missing_file and number >= _ATTEMPTS_IF_MISSING - 1:
                raise StoreError(
                    f"The lake {target.shown} is damaged: a file with rows is gone. {_first_line(error, target)}",
                    "Bring the file back from a backup, or let each host share into a new lake.",
                ) from error
            if number == _MOST_ATTEMPTS - 1:
                raise StoreError(
                    f"The lake {target.shown} is in use: {_first_line(error, target)}",
                    "Other hosts are writing. Share again later: nothing is lost.",
                ) from error
            pause = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**number)
            time.sleep(pause * (0.5 + random.random()))
    raise AssertionError("unreachable")


def is_conflict(error: Exception) -> bool:
    """Whether an error says that another host wrote at the same time."""
    text = str(error).lower()
    return any(words in text for words in _CONFLICTS)


def explained(error: Exception, target: Target) -> StoreError:
    """An error of DuckDB, DuckLake or Postgres for people, without passwords."""
    text = str(error).lower()
    for pattern, advice in _NAMED:
        found = pattern.search(str(error))
        if found:
            return StoreError(
                f"The lake {target.shown} cannot be used: {found[0].partition(':')[2].strip()}.", advice
            )
    for words, message, advice in _CAUSES:
        if words in text:
            if words == "creating a new ducklake is explicitly disabled":
                return no_lake(target)
            return StoreError(f"The lake {target.shown} cannot be used. {message}", advice)
    known = explain(error, f"The lake {target.shown}")
    return known or StoreError(f"The lake {target.shown} cannot be used: {_first_line(error, target)}")


def _first_line(error: Exception, target: Target) -> str:
    return str(error).strip().splitlines()[0].replace(target.place, target.shown)
