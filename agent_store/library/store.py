"""`AgentStore`: one home to record into and query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from agent_store.errors import StoreError
from agent_store.library import building, exports
from agent_store.library.answer import Answer
from agent_store.library.answers import QUESTIONS
from agent_store.library.claims import Claims
from agent_store.library.coordinating import Coordinating
from agent_store.library.forecasting import Forecasting
from agent_store.library.modules import selected
from agent_store.library.moments import Moment, between, moment_of
from agent_store.library.reader import Reader
from agent_store.library.recording import Recording
from agent_store.paths import store_paths
from agent_store.record import query_log, spool
from agent_store.record.home import home_for
from agent_store.record.writer import Writer
from ingest.alerts import FILE_NAME as ALERTS

if TYPE_CHECKING:
    from agent_store.library.answers import Question


class AgentStore(Recording, Coordinating, Forecasting):
    """A store that a program records into and queries.

    Records are appended to the spool of the home, and appear in the facts after the next build: `refresh()`, or
    `agent-store build`. Questions are answered from the store as it was last published.

    `db_path` selects the home: None for the user's own (AGENT_STORE_HOME, else ~/.agent-store); a folder; a published
    store; or any other database `x.duckdb`, whose home is the folder `x.agent-store` beside it. Such a home contains
    only records of programs, no transcripts; it is built at the first question; and each `refresh()` puts a copy of the
    store into `x.duckdb`, a database that any program can open.

    `schema_modules` selects what can be recorded and asked in addition to the core; by default everything. `user_id` is
    the user in the query log, by default the login name; `interface` is how the query arrived. `threads` is how many
    threads one question may use, by default all cores.

    Threads may share it, and a forked process may continue to use it. It is its own context manager.
    """

    def __init__(
        self,
        db_path: str | Path | None = None,
        schema_modules: Iterable[str] | None = None,
        user_id: str | int | None = None,
        interface: str = query_log.LIBRARY,
        threads: int | None = None,
    ) -> None:
        """Open nothing yet. Raises StoreError for an unknown module, or a database that is not our store."""
        self._modules = selected(schema_modules)
        self._paths = home_for(db_path)
        self._database = self._own_database(db_path)
        self._is_local = self._paths.home.resolve() != store_paths().home.resolve()
        self._user_id = None if user_id is None else str(user_id)
        self._interface = interface
        self._writer = Writer(self._paths, spool.LIBRARY, self._modules)
        self._reader = Reader(self._paths, threads)
        self._claims = Claims(self._paths)

    def _own_database(self, db_path: str | Path | None) -> Path | None:
        """The file for copies of the store; None if the path is a home itself."""
        if db_path is None or not str(db_path).strip():
            return None
        named = Path(db_path).expanduser().absolute()
        if named in {self._paths.home, self._paths.store}:
            return None
        if named.is_file() and named.stat().st_size and not self._paths.home.exists():
            raise StoreError(
                f"{named} exists already, but {self._paths.home} does not: Agent Store did not create it.",
                "Name a file that does not exist yet, or open this one with DuckDB.",
            )
        return named

    def __repr__(self) -> str:
        """Show its home."""
        return f"AgentStore({str(self._database or self._paths.home)!r})"

    @property
    def home(self) -> Path:
        """The folder of the store."""
        return self._paths.home

    @property
    def modules(self) -> frozenset[str]:
        """The modules that are selected."""
        return self._modules

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the published store. Records are already on disk; a later call reopens it."""
        self._reader.close()

    # ---------------------------------------------------------------------------------- building

    def refresh(self, roots: Sequence[str | Path] | None = None) -> None:
        """Build the home and wait for it: afterwards, records are in the facts. Raises StoreError if nothing was
        published.

        The user's own home is built as by `agent-store build`, including the usual transcripts; any other home from its
        records, and from transcripts only below `roots`, if given. The build runs in a separate process: threads that
        record meanwhile do not wait. It takes about a second if nothing is new, and a minute the first time.
        """
        building.build(
            self._paths,
            roots=[Path(root).expanduser().absolute() for root in roots or ()],
            only_recorded=self._is_local and not roots,
            database=self._database,
        )

    def _make_readable(self) -> bool:
        """Build a local home at the first question; return whether there is a store to query."""
        if self._paths.store.is_file() or not self._is_local:
            return True
        if not self._paths.spool.is_dir():
            return False
        self.refresh()
        return True

    def _check_module(self, question: Question) -> None:
        if question.module not in self._modules:
            raise StoreError(
                f"{question.name} belongs to the module {question.module}, which is not selected.",
                f"Add it: AgentStore(schema_modules=[…, '{question.module}'])",
            )

    # ---------------------------------------------------------------------------------- exporting

    def export_parquet(self, path: str | Path, table: str, since: Moment | None = None) -> int:
        """Write a published table or view to a Parquet file (zstd), with its types; return the number of rows.

        With `since`, only rows whose time (the first time column of the table) is not before it. An existing file is
        replaced when the new one is complete. Raises StoreError for an unknown table.
        """
        return self._export(path, table, exports.PARQUET, since)

    def export_csv(self, path: str | Path, table: str, since: Moment | None = None) -> int:
        """The same as CSV with a header; NULL is an empty field."""
        return self._export(path, table, exports.CSV, since)

    def export_json(self, path: str | Path, table: str, since: Moment | None = None) -> int:
        """The same as JSON, one object per line."""
        return self._export(path, table, exports.JSON, since)

    def _export(self, path: str | Path, table: str, form: str, since: Moment | None) -> int:
        if not self._make_readable():
            raise StoreError("There is nothing to export: nothing has been recorded yet.")
        sql = f"copy {table}{'' if since is None else f' since {since}'} ({form})"
        with query_log.logged(self._paths, self._interface, "export", sql, user_id=self._user_id) as running:
            beginning = moment_of(since, self._today())
            running.row_count = exports.export_table(self._paths, Path(path), table, form, beginning)
        return running.row_count

    def delete_user_data(self, user_id: str | int) -> dict[str, Any]:
        """Permanently remove a user from the store: sessions, their copies, and recorded events.

        `user_id` is a name or the id in the store. Like `agent-store forget --user`: it builds the store again, takes a
        minute or more, and cannot be undone. Returns `session_count`, `row_count` (landed rows removed), `exports`
        (removed) and `sources`, the logs that still contain it, which are never removed. Raises StoreError if it fails;
        the next build then continues it.
        """
        from agent_store.privacy import forget

        return forget.forget(self._paths, forget.Wish(forget.USER, str(user_id)), self._database)

    def export_audit_log(
        self, start_date: Moment, end_date: Moment | None = None, path: str | Path | None = None
    ) -> Answer:
        """Write all prompts, responses, actions, decisions and queries of a period to a file, in order of time.

        It has one JSON object per line. A `path` that ends in `.zip` gives a bundle: the same plus its part of the
        audit chain, signed with the home's key, for `agent-store verify`.

        Both days are included; the default `end_date` is now. One row: `path`, `row_count`, `first_at`, `end_at`, and
        for a bundle `key_fingerprint` and `untied_count`, the number of records whose line is no longer landed. Without
        a `path` the file is created in the folder `exports` of the home.
        """
        question = QUESTIONS["export_audit_log"]
        self._check_module(question)
        if not self._make_readable():
            return Answer([], [], 0)
        today = self._today()
        first, end = between(start_date, end_date or today, today)
        if first is None or end is None:
            raise StoreError("An audit log needs a start date.", "export_audit_log('2026-02-01', '2026-02-14')")
        if path is None:
            folder = self._paths.home / "exports"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = folder / f"audit_{first[:10]}_{end[:10]}.jsonl"
        target = Path(path).expanduser().absolute()
        given = {"first": first, "end": end}
        sql = f"select * from ({question.sql}) as answer order by {question.order}"
        with query_log.logged(
            self._paths, self._interface, question.name, question.sql, parameters=given, user_id=self._user_id
        ) as running:
            signed: dict[str, object] = {}
            if target.suffix == ".zip":
                count, signed = exports.export_bundle(self._paths, target, sql, given)
            else:
                count = exports.export_query(self._paths, target, sql, exports.JSON, given)
            running.row_count = count
        row = {"path": str(target), "row_count": count, "first_at": first, "end_at": end, **signed}
        return Answer([row], list(row), 1, question.views, as_of=self._reader.published_at)

    # ---------------------------------------------------------------------------------- alerts

    def set_cost_alert(
        self,
        threshold_usd: float | None = None,
        period: str | None = None,
        name: str | None = None,
        *,
        project: str | None = None,
        agent: str | None = None,
        growth: float | None = None,
        minimum_usd: float | None = None,
        fan_out_usd: float | None = None,
    ) -> Answer:
        """Warn when a `session`, `day` (the default), `week` or `month` has cost more US dollars at list prices than
        this.

        Instead of a threshold: `growth`, a multiple of the usual day (and at least `minimum_usd`), or `fan_out_usd`,
        the limit for a session including its subagents. With a `project` (name or folder) or an `agent` only its
        dollars count. Returns all alerts, one per row. An alert with the same name (by default its period) is replaced.
        """
        from agent_store.library import alerts  # pydantic takes a while

        self._check_module(QUESTIONS["set_cost_alert"])
        if threshold_usd is not None:
            period = period or "day"
        given = {
            "name": name or period or ("growth" if growth is not None else "fan_out"),
            "threshold_usd": threshold_usd, "period": period, "growth": growth, "minimum_usd": minimum_usd,
            "fan_out_usd": fan_out_usd, "project": project, "agent": agent,
        }  # fmt: skip
        dumped = [one.model_dump(exclude_none=True) for one in alerts.put(self._paths, given)]
        columns = [key for key in given if any(key in row for row in dumped)]
        rows = [{key: row.get(key) for key in columns} for row in dumped]
        return Answer(rows, columns, len(rows), (ALERTS,))
