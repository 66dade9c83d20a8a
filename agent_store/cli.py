"""The command line: `agent-store ingest | build | report | query | line | doctor | docs`.

Start-up matters: DuckDB, rich and dbt are imported by the command that needs them, never by `--help`.
Exit codes: 0 done; 1 failed, nothing was published; 2 wrong usage; 3 no published store; 4 published, but a model
failed, or --strict and a check found something; 130 stopped with Ctrl-C; 141 stopped because nobody read the output of a
command that does something.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from agent_store import __version__
from agent_store.build import last_build
from agent_store.errors import StoreError, advice_for, explain
from agent_store.paths import project_dir, store_paths
from agent_store.show.text import safe_console, visible, visible_json

if TYPE_CHECKING:
    from rich.console import Console

    from agent_store.build.pipeline import Outcome
    from agent_store.build.progress import LandingBar
    from agent_store.build.warehouse import BuildResult, NodeFailure
    from agent_store.show.report import Scope
    from ingest.landing import LandingResult

UNCLEAN = 4
INTERRUPTED = 130
UNREAD = 141
_DOING = frozenset({"ingest", "build", "scan", "check", "docs"})
NARROWEST = 80
_PROBLEMS_SHOWN = 20
_FOLDER = click.Path(path_type=Path)
# What a build does after each of its messages, while nothing tells how far it is.
_AFTER_LANDING = ("Scanning skills, contracts and code", "Preparing the build", "Preparing the build")
_shown: list[LandingBar] = []


def _console(*, error: bool = False) -> Console:
    """A console; what is not a terminal gets plain text of a width that fits."""
    console = safe_console(stderr=error, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = safe_console(stderr=error, highlight=False, width=120)
    return console


def _say(message: str) -> None:
    click.echo(visible(message), err=True)


@contextmanager
def _landing_progress() -> Iterator[Any]:
    """A progress bar where someone watches; None where not."""
    if not sys.stderr.isatty():
        yield None
        return
    from agent_store.build.progress import LandingBar

    with LandingBar(*_AFTER_LANDING) as shown:
        _shown.append(shown)
        try:
            yield shown
        finally:
            _shown.remove(shown)


@contextmanager
def _build_progress() -> Iterator[Callable[[str, int, int], None] | None]:
    """A bar of models and tests where someone watches; None where not."""
    if not sys.stderr.isatty():
        yield None
        return
    from agent_store.build.progress import BuildBar

    # Where a bar is there already, it is this one too: two would write over each other.
    with BuildBar(_shown[-1] if _shown else None) as bar:
        yield bar


class _UnreadError(Exception):
    """Nobody reads the output any more."""


class _Commands(click.Group):
    """The commands; of a broken pipe click itself would make exit code 1, without a word."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - whatever a command returns
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _UnreadError from error


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="agent-store")
def cli() -> None:
    """What your coding agents did and what it cost, as a tested star schema on this machine.

    The store is in $AGENT_STORE_HOME (by default ~/.agent-store). Nothing leaves this machine.
    """


def _ingest_options(command: Any) -> Any:  # noqa: ANN401 - click's decorators
    command = click.option(
        "--host", metavar="NAME", help="The machine the transcripts come from, if it is not this one."
    )(command)
    return click.option(
        "--root", "roots", multiple=True, type=_FOLDER, metavar="FOLDER",
        help="A folder with transcripts; may be given several times. "
        "By default $CLAUDE_CONFIG_DIR, else ~/.claude and ~/.config/claude.",
    )(command)  # fmt: skip


@cli.command()
@_ingest_options
def ingest(roots: tuple[Path, ...], host: str | None) -> int:
    """Land what is new in the transcripts, exactly once, without building anything."""
    from agent_store.build import pipeline, warehouse

    paths = store_paths().ensure()
    options = pipeline.Options(roots=roots, host=host)
    with warehouse.build_lock(paths, on_wait=_say), _landing_progress() as progress:
        result = pipeline.land(paths, project_dir(), options, say=_say, progress=progress)
    _show_landing(result)
    return 0


@cli.command()
@_ingest_options
@click.option("--no-tests", is_flag=True, help="Publish without running the data tests.")
@click.option("--full-refresh", is_flag=True, help="Build every table again from the raw lines.")
@click.option("--no-ingest", is_flag=True, help="Build from what has been landed already.")
@click.option(
    "--strict", is_flag=True, help="Exit with 4 if any check found something. What is built is published."
)
@click.option("-q", "--quiet", is_flag=True, help="Only the summary lines, without the report.")
def build(
    roots: tuple[Path, ...],
    host: str | None,
    no_tests: bool,
    full_refresh: bool,
    no_ingest: bool,
    strict: bool,
    quiet: bool,
) -> int:
    """Land, build, test and publish the store, then show the report.

    With nothing new this takes no longer than looking. What a check finds wrong is published and listed in
    v_failed_check. Sessions that one of the few guards finds wrong are set aside, in v_set_aside_session. Only a guard
    that cannot name a session keeps the new store back.

    Exit codes: 0 published or nothing new; 1 nothing was published; 4 published, but a model failed and its tables are
    of an earlier build, or --strict and a check found something.
    """
    from agent_store.build import pipeline

    paths = store_paths().ensure()
    options = pipeline.Options(
        roots=roots, host=host, ingest=not no_ingest, tests=not no_tests, full_refresh=full_refresh
    )

    with _landing_progress() as progress:

        def on_stage(name: str, outcome: Outcome) -> None:
            _interrupts.check()
            if progress is not None:
                progress.stop()
            if name == "landed" and outcome.landing is not None:
                _show_landing(outcome.landing)
            elif name == "scanned" and outcome.scan is not None and outcome.scan.batch_id:
                click.echo(outcome.scan.summary)
            elif name == "building":
                click.echo(f"Building: {outcome.reason} …")
            elif name == "set aside" and outcome.build is not None:
                for guard in outcome.build.guards:
                    _show_failure("guard", guard)
                count = outcome.set_aside
                click.echo(
                    f"{count:,} session{' is' if count == 1 else 's are'} set aside for that: building without …"
                )

        with _build_progress() as on_node:
            outcome = pipeline.run(
                paths, project_dir(), options, say=_say, progress=progress, on_stage=on_stage, on_node=on_node
            )
    if outcome.build is not None:
        _show_build(outcome.build, tested=options.tests)
    if not outcome.success:
        return 1
    if outcome.published is not None:
        done = outcome.published
        click.echo(
            f"Published {done.path}: {done.table_count} tables, {done.view_count} views, "
            f"{done.row_count:,} rows, "
            f"{done.size_bytes / 1e6:,.1f} MB in {done.seconds:.1f} s."
        )
    elif outcome.is_current:
        click.echo(f"Nothing new: {paths.store} is up to date.")
    if not quiet:
        _show_report(as_json=False)
    return _verdict(strict=strict)


def _verdict(*, strict: bool) -> int:
    """The exit code of a build, by what the store says of it: also where nothing new was built."""
    from agent_store.store import open_store

    with open_store(store_paths()) as connection:
        row = connection.execute(
            "select stale_table_count, warned_test_count + set_aside_session_count from store_build"
        ).fetchone()
    stale, found = row or (0, 0)
    if strict and found:
        _say("Strict: a check found something (exit code 4). v_failed_check and v_set_aside_session list it.")
    return UNCLEAN if stale or (strict and found) else 0


class _By(click.ParamType[str]):
    """What cost is given by; `task type` and `task_type` are `task-type`."""

    name = "by"
    kinds = (
        "day", "week", "month", "model", "project", "branch", "session", "skill", "plugin", "tool", "mcp",
        "agent", "file", "task-type", "component",
    )  # fmt: skip

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """In the help."""
        return f"[{'|'.join(self.kinds)}]"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take what people write for it."""
        kind = "-".join(value.strip().lower().replace("_", " ").replace("-", " ").split())
        if kind not in self.kinds:
            self.fail(f"{value!r} is none of {', '.join(self.kinds)}.", param, ctx)
        return kind


_LIMIT = click.option(
    "--limit", type=click.IntRange(min=0), help="Rows of each table (0: all). JSON has all of them unless told."
)  # fmt: skip


@cli.group(invoke_without_command=True)
@click.option("--by", type=_By(), help="Cost by one thing, the most expensive first.")
@click.option(
    "--since", metavar="DAY",
    help="From this day on: 2026-03-01, 2026-03, yesterday, 7d (seven days ago), 2w, \"3 months\", \"last week\".",
)  # fmt: skip
@click.option("--until", metavar="DAY", help="Up to the end of this day, week or month, written likewise.")
@click.option(
    "--project", metavar="NAME", help="Only this project, or those whose name or folder contains it."
)
@_LIMIT
@click.option("--json", "as_json", is_flag=True, help="The same as JSON, with all rows.")
@click.pass_context
def report(
    context: click.Context,
    by: str | None,
    since: str | None,
    until: str | None,
    project: str | None,
    limit: int | None,
    as_json: bool,
) -> int:
    """What was spent per day, model, project and session, what could be saved, and what is in the store.

    With --by, cost by one thing. `report context SESSION` draws how a session's context grew, `report explain SESSION` says
    where each of its dollars went; the beginning of the id is enough.
    """
    if context.invoked_subcommand is not None:
        if by or since or until or project or limit is not None or as_json:
            raise click.UsageError(f"The options of report do not go with {context.invoked_subcommand}.")
        return 0
    if by is None and not (since or until or project):
        _show_report(as_json=as_json, limit=limit)
        return 0
    scope_of = _scope_reader(since, until, project)
    if by is None:
        _show_report(scope_of, as_json=as_json, limit=limit)
        return 0
    from agent_store.show import ledger

    _show_ledger(
        lambda store: ledger.rank(store, by, scope_of(store)),
        ledger.render_ranking,
        as_json=as_json,
        limit=limit,
    )
    return 0


def _scope_reader(since: str | None, until: str | None, project: str | None) -> Callable[[Any], Scope]:
    """What makes a scope of the options once the store is open: its zone says which day is today."""
    from agent_store.show import periods
    from agent_store.show.report import Scope, find_projects, store_today

    def day(text: str | None, today: date, option: str, *, last: bool) -> date | None:
        if text is None:
            return None
        try:
            return periods.parse(text, today)[last]
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint=option) from error

    def read(store: Any) -> Scope:  # noqa: ANN401 - a connection; duckdb is imported late
        today = store_today(store)
        first, last = day(since, today, "--since", last=False), day(until, today, "--until", last=True)
        if first and last and first > last:
            raise click.UsageError(f"--since {first} is after --until {last}.")
        return Scope(first, last, find_projects(store, project) if project is not None else ())

    # What is no day is said before the store is looked for.
    for text, option in ((since, "--since"), (until, "--until")):
        day(text, date(2000, 1, 1), option, last=False)
    return read


@report.command("context")
@click.argument("session")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def report_context(session: str, as_json: bool) -> int:
    """Draw how the context of SESSION grew, and what it held at its peak and at the end."""
    from agent_store.show import ledger

    _show_ledger(lambda store: ledger.picture(store, session), ledger.render_picture, as_json=as_json)
    return 0


@report.command("explain")
@click.argument("session")
@_LIMIT
@click.option("--json", "as_json", is_flag=True, help="The same as JSON, with all rows.")
def report_explain(session: str, limit: int | None, as_json: bool) -> int:
    """Say where each dollar of SESSION went."""
    from agent_store.show import ledger

    _show_ledger(
        lambda store: ledger.explain(store, session), ledger.render_explanation, as_json=as_json, limit=limit
    )
    return 0


@cli.command()
@click.argument("sql")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How rows are shown.",
)
@click.option(
    "--limit", type=click.IntRange(min=0), help="At most so many rows (table: 100 unless told; 0: all)."
)
@click.option("--raw", is_flag=True, help="CSV and JSON with every character as it is stored.")
def query(sql: str, form: str, limit: int | None, raw: bool) -> int:
    """Run SQL on the published store, read-only. A dash reads the SQL from standard input."""
    from agent_store.show import query as queries
    from agent_store.store import open_store

    text = sys.stdin.read() if sql == "-" else sql
    if not text.strip():
        raise click.UsageError("The SQL is empty.")
    if raw and form == "table":
        raise click.UsageError("--raw goes with --format csv or json.")
    most = limit or (queries.DEFAULT_TABLE_LIMIT if limit is None and form == "table" else None)
    with open_store(store_paths()) as connection:
        answer = queries.run(connection, text, most)
    if form == "csv":
        queries.write_csv(answer, sys.stdout, raw=raw)
    elif form == "json":
        queries.write_json(answer, sys.stdout, raw=raw)
    else:
        queries.show_table(answer, _console())
        return 0
    if answer.is_cut:
        _say(f"Only the first {most:,} rows (--limit).")
    return 0


@cli.command()
@click.argument("source_path")
@click.argument("line_number", type=click.IntRange(min=1), metavar="LINE")
@click.option("--raw", is_flag=True, help="The line as it was written, not indented.")
def line(source_path: str, line_number: int, raw: bool) -> int:
    """Show the original line behind a row: its _source_path and _source_line."""
    from agent_store.show.raw_line import fetch

    found = fetch(store_paths(), source_path, line_number)
    for one in found:
        if len({(other.host, other.root, other.generation) for other in found}) > 1:
            _say(f"{one.host} {one.root} {source_path}:{line_number}")
        click.echo(one.text if raw else one.pretty)
    return 0


@cli.command()
@click.option(
    "--root", "roots", multiple=True, type=_FOLDER, metavar="FOLDER", help="A folder with transcripts."
)
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def doctor(roots: tuple[Path, ...], as_json: bool) -> int:
    """Check the installation, the folders, the history that is about to be deleted, and the store."""
    from dataclasses import asdict

    from agent_store import doctor as doctors

    checks = doctors.examine(store_paths(), roots)
    failed = any(check.status == doctors.FAIL for check in checks)
    if as_json:
        click.echo(
            visible_json(json.dumps([asdict(check) for check in checks], ensure_ascii=False, indent=1))
        )
        return int(failed)
    from rich.table import Table
    from rich.text import Text

    marks = {
        doctors.OK: ("ok", "green"),
        doctors.WARN: ("warn", "yellow"),
        doctors.FAIL: ("FAIL", "bold red"),
    }
    console = _console()
    longest = max((len(check.name) for check in checks), default=0)

    def new_table() -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(min_width=4, no_wrap=True)
        table.add_column(min_width=longest, no_wrap=True)
        table.add_column(overflow="fold")
        return table

    table = new_table()
    for check in checks:
        mark, style = marks[check.status]
        message = Text(check.message, overflow="fold")
        if check.advice:
            message.append(f"\n→ {check.advice}", style="dim")
        table.add_row(Text(mark, style=style), Text(check.name, style="bold"), message)
        if check.command:
            # A line to be copied: not wrapped, nothing before it.
            console.print(table)
            click.echo(check.command)
            table = new_table()
    if table.row_count:
        console.print(table)
    return int(failed)


@cli.command()
@click.option("--serve", is_flag=True, help="Serve it on this machine (127.0.0.1) until Ctrl-C.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8080, show_default=True, help="The port to serve on."
)
def docs(serve: bool, port: int) -> int:
    """Make the documentation of every table and column, as one HTML file."""
    from agent_store.build import pipeline, warehouse

    paths = store_paths().ensure()
    project = project_dir()
    if not paths.warehouse.exists():
        click.echo("There is no warehouse yet: building it first.")
        outcome = pipeline.run(paths, project, pipeline.Options(), say=_say)
        if outcome.build is not None:
            _show_build(outcome.build, tested=True)
        if not outcome.success:
            return 1
    with warehouse.build_lock(paths, on_wait=_say):
        page = warehouse.generate_docs(paths, project)
    click.echo(f"Documentation: {page}")
    if serve:
        _serve(page, port)
    return 0


def _serve(page: Path, port: int) -> None:
    from agent_store.show.docs import server_of

    try:
        server = server_of(page, port)
    except OSError as error:
        raise StoreError(
            f"Port {port} of this machine cannot be served on: {error.strerror}.",
            f"Name another one: agent-store docs --serve --port {port + 1} (0: any that is free)",
        ) from error
    with server:
        click.echo(f"Serving on http://127.0.0.1:{server.server_address[1]}/ – Ctrl-C ends it.")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("")


from agent_store.scan_cli import check as check_command  # noqa: E402 - they only need click
from agent_store.scan_cli import scan as scan_command  # noqa: E402

cli.add_command(scan_command)
cli.add_command(check_command)


# --- showing ------------------------------------------------------------------------------------------------


def _show_landing(result: LandingResult) -> None:
    click.echo(result.summary)
    problems = list(result.problems)
    for problem in problems[:_PROBLEMS_SHOWN]:
        _say(f"  ! {problem}")
    if len(problems) > _PROBLEMS_SHOWN:
        more = len(problems) - _PROBLEMS_SHOWN
        _say(f'  … {more:,} more; agent-store query "from v_set_aside_line" lists the lines.')


def _show_build(result: BuildResult, *, tested: bool) -> None:
    tests = f"{result.passed_count:,} of {result.test_count:,} tests passed" if tested else "tests not run"
    click.echo(f"dbt: {result.model_count:,} models, {tests} in {result.seconds:.1f} s.")
    for warning in result.warnings[:_PROBLEMS_SHOWN]:
        _show_failure("finding", warning)
    if result.warnings:
        more = len(result.warnings) - _PROBLEMS_SHOWN
        _say(
            f"  {f'… {more:,} more; ' if more > 0 else ''}all are in v_failed_check; the rest of the store is right."
        )
    for failure in result.failures:
        _show_failure("guard FAILED" if failure.is_guard else "FAILED", failure)
    hint = next((hint for failure in result.failures if (hint := advice_for(failure.message))), "")
    if result.stale:
        _say(
            f"  {len(result.stale):,} tables and views keep their rows of the last build: v_store_table lists them."
        )
    if not result.success:
        _say("Nothing was published; the store of the last build stays as it is.")
    if hint := hint or last_build.advice_after(result):
        _say(f"  → {hint}")


def _show_failure(word: str, failure: NodeFailure) -> None:
    _say(f"  {word}: {failure}" + (f"  [{failure.path}]" if failure.path else ""))
    for example in failure.examples:
        _say(f"      {example}")


def _echo_json(found: dict[str, Any], limit: int | None) -> None:
    """Print data as strict JSON, each list of rows with at most `limit` of them."""
    from agent_store.show.query import plain

    data = plain(found)
    if limit:
        data = {
            key: value[:limit] if isinstance(value, list) and value and isinstance(value[0], dict) else value
            for key, value in data.items()
        }
    click.echo(visible_json(json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False)))


def _show_report(
    scope_of: Callable[[Any], Scope] | None = None, *, as_json: bool, limit: int | None = None
) -> None:
    from agent_store.show import report as reports
    from agent_store.store import open_store

    paths = store_paths()
    with open_store(paths) as connection:
        found = reports.collect(connection, str(paths.store), scope_of(connection) if scope_of else None)
    if as_json:
        _echo_json(found.as_json(), limit)
    else:
        reports.render(found, _console(), limit)
    last = last_build.read(paths)
    if last is not None and not last.is_published:
        _say(
            f"The last build ({last.ended_at:%Y-%m-%d %H:%M} UTC) published nothing: this is the store of an earlier one. "
            "agent-store doctor says why."
        )
    elif last is not None and last.problems:
        _say("Some tables keep their rows of an earlier build (v_store_table): agent-store doctor says why.")


def _show_ledger(
    ask: Callable[[Any], Any], render: Callable[..., None], *, as_json: bool, limit: int | None = None
) -> None:
    """Ask the ledger and print what it says."""
    import duckdb

    from agent_store.show.report import of_other_shape
    from agent_store.store import open_store

    with open_store(store_paths()) as connection:
        try:
            found = ask(connection)
        except duckdb.CatalogException as error:
            raise of_other_shape(error) from error
    if as_json:
        _echo_json(found.as_json(), limit)
    elif limit is None:
        render(found, _console())
    else:
        render(found, _console(), limit)


class _Interrupts:
    """Remembers Ctrl-C: DuckDB may turn the exception into another one, or swallow it."""

    def __init__(self) -> None:
        self.seen = False

    def watch(self) -> None:
        """Begin to watch (only the main thread of a process can)."""
        self.seen = False
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._handle)

    def check(self) -> None:
        """Stop here if Ctrl-C was pressed and got lost."""
        if self.seen:
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.seen = True
        signal.default_int_handler(number, frame)


_interrupts = _Interrupts()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; every error that has a known cause becomes one or two plain sentences."""
    _interrupts.watch()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that has no such letter gets a question mark
    try:
        code = cli.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
    except (KeyboardInterrupt, click.exceptions.Abort):
        code = _interrupted()
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (BrokenPipeError, _UnreadError):
        code = _unread(arguments)
    except Exception as error:
        if _interrupts.seen:
            code = _interrupted()
        elif (known := explain(error, "This")) is not None:
            code = _fail(known)
        else:
            raise
    sys.exit(code if isinstance(code, int) else 0)


def _fail(error: StoreError) -> int:
    _say(f"Error: {error.message}")
    if error.hint:
        _say(f"  → {error.hint}")
    return error.exit_code


def _unread(arguments: Sequence[str] | None) -> int:
    """Who reads has enough (| head): no error where something was asked; what was to be done is not done."""
    # Python would complain once more when closing stdout.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
    command = next(iter(sys.argv[1:] if arguments is None else arguments), "")
    if command not in _DOING:
        return 0
    with suppress(OSError):
        _say(
            "Stopped: nobody reads the output any more. Nothing is lost or half done: the next run goes on "
            "where this one ended."
        )
    return UNREAD


def _interrupted() -> int:
    _say("\nStopped. Nothing is lost or half done: the next run goes on where this one ended.")
    return INTERRUPTED


if __name__ == "__main__":
    main()
