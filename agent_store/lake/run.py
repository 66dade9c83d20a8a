"""Building logs that were collected in one place: a Ray task per shard, which builds and shares it by the usual commands.

A shard is the folder of one host. Its build is the same program with a home of its own, which is kept, so that the next
run only reads what is new.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent_store import __version__
from agent_store.build import memory
from agent_store.errors import LOCKED, UNCLEAN, StoreError, cause_of
from agent_store.paths import (
    FOLDER_MODE,
    HOME_VARIABLE,
    StorePaths,
    has_transcripts,
    importing_environment,
    private_files,
)
from agent_store.privacy.applied import is_applied
from agent_store.privacy.salt import read_salt
from agent_store.replacing import replacing
from agent_store.store import open_store

if TYPE_CHECKING:
    from agent_store.lake.target import Target

# Memory that a build needs: 1 GB for queries, and the program around them.
BUILD_BYTES: Final = 1_500_000_000
RETRIES: Final = 2
_TAIL_LINES: Final = 12
_TAIL_BYTES: Final = 8_000
_OBJECT_STORE_BYTES: Final = 80 * 1024 * 1024
_STOP_SECONDS: Final = 15
_POLL_SECONDS: Final = 0.5
_OWN_PREFIX: Final = "AGENT_STORE_"
# Shells add it to the number of the signal that ended a program.
_SIGNALED: Final = 128
_OUT_OF_MEMORY: Final = ("out of memory", "cannot allocate memory")
# Ray on this machine only: no telemetry, no port open to others, no task of anyone else, builds as fast as any program.
_LOCAL: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Despite its name it counts on each system: without a cluster Ray binds to 127.0.0.1.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_worker_niceness": "0",
    "RAY_task_oom_retries": str(RETRIES),
    # A build must not outlive its worker.
    "RAY_kill_child_processes_on_worker_exit_with_raylet_subreaper": "true",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else Ray prints a warning about processors that nobody uses here
}


@dataclass(frozen=True, slots=True)
class Shard:
    """The logs of one host."""

    name: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Job:
    """What a task does: commands of this program, in the home of a shard."""

    name: str
    home: Path
    commands: tuple[tuple[str, ...], ...]
    # The variables of this program where the run was started; another machine of a cluster has its own.
    environment: Mapping[str, str]
    version: str = __version__


@dataclass(frozen=True, slots=True)
class Step:
    """The cost of one command of a job, retries included."""

    command: str
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Done:
    """The result of a shard. Sessions and lines are those of its store; `failure` is empty if it was built and shared."""

    name: str
    failure: str = ""
    session_count: int = 0
    line_count: int = 0
    # Of each command, in their order.
    steps: tuple[Step, ...] = ()
    retry_count: int = 0
    # The store was published, but a model failed and its tables are from an earlier build.
    is_partial: bool = False

    @property
    def seconds(self) -> float:
        """Seconds that all commands took."""
        return sum(step.seconds for step in self.steps)


def find_shards(folders: Sequence[Path], *, each: bool = False) -> list[Shard]:
    """The shards that a user named: the folders, or with `each` every folder in them.

    Raises StoreError if a folder does not exist or is none, or if two shards have one name.
    """
    found: dict[str, Shard] = {}
    for named in folders:
        folder = named.expanduser().absolute()
        if not folder.is_dir():
            raise StoreError(
                f"{folder} is not a folder." if folder.exists() else f"There is no folder {folder}.",
                "Name the folder of each host's logs, or the folder that contains them: "
                "agent-store lake run FOLDER --each --to TARGET",
            )
        try:
            inner = sorted(one for one in folder.iterdir() if one.is_dir() and one.name[0] != ".") if each else [folder]
        except PermissionError as error:
            raise StoreError(f"The folder {folder} cannot be read.", "Fix its permissions.") from error
        if not inner:
            raise StoreError(f"There are no folders in {folder}.", "With --each, every folder in it is the logs of a host.")
        for place in inner:
            # Names are folders of homes, and some file systems do not distinguish cases.
            other = found.setdefault(place.name.casefold(), Shard(place.name, place))
            if other.folder.resolve() != place.resolve():
                raise StoreError(
                    f"Two shards are called {place.name}: {other.folder} and {place}.",
                    "The name of the folder is the name of the host: rename one.",
                )
    return list(found.values())


def default_workers() -> int:
    """How many builds this machine can do at once: one per core, as far as memory allows."""
    usable = getattr(os, "sched_getaffinity", None)
    cores = len(usable(0)) if usable else os.cpu_count() or 1
    size = memory.of_machine()
    return max(1, min(cores, size // BUILD_BYTES) if size else cores)


def run(
    paths: StorePaths,
    shards: Sequence[Shard],
    target: Target,
    *,
    homes: Path | None = None,
    workers: int | None = None,
    address: str | None = None,
    on_done: Callable[[Done], None] = lambda _: None,
) -> list[Done]:
    """Build each shard and share it; return the results in the order in which the shards were done.

    The privacy policy and the salt of `paths` apply to all shards. A shard that fails does not stop the others. Raises
    StoreError if Ray is missing or cannot be reached.
    """
    if find_spec("ray") is None:
        raise StoreError(
            "Ray is not installed; it runs the builds of shards.",
            "Install it with the extra of this package: pip install 'agent-store[cluster]'",
        )
    place = (homes or paths.home / "hosts").expanduser().absolute()
    done: list[Done] = []

    def note(one: Done) -> None:
        done.append(one)
        on_done(one)

    jobs: list[Job] = []
    for shard in shards:
        home = StorePaths(place / shard.name)
        try:
            _refuse(shard, home)
            jobs.append(_job(paths, shard, home, target))
        except StoreError as error:
            note(Done(shard.name, "\n".join(filter(None, (error.message, error.hint)))))
    if jobs:
        count = min(workers or default_workers(), len(jobs))
        with _local(count) if address is None else _cluster(address) as ray:
            limit = workers or int(ray.cluster_resources().get("CPU", 1)) if address else count
            _run(ray, jobs, max(limit, 1), memory_bytes=BUILD_BYTES if address else None, note=note)
    return done


def _refuse(shard: Shard, home: StorePaths) -> None:
    """Raise StoreError if a shard cannot be built, as far as that is known without trying."""
    if not os.access(shard.folder, os.R_OK | os.X_OK):
        raise StoreError(f"The folder {shard.folder} cannot be read.", "Fix its permissions.")
    # Logs that were deleted after an earlier run are still in the store.
    if not home.store.is_file() and not has_transcripts(shard.folder):
        raise StoreError(f"There are no transcripts in {shard.folder}.")


def _job(paths: StorePaths, shard: Shard, home: StorePaths, target: Target) -> Job:
    """Prepare the home of a shard, and say what is to be done there."""
    with private_files():
        home.ensure()
    if not home.salt.exists():
        home.keys.mkdir(mode=FOLDER_MODE, exist_ok=True)
        with replacing(home.salt) as fresh:
            fresh.write_text(read_salt(paths).hex(), encoding="ascii")
    policy = paths.privacy.read_bytes() if paths.privacy.is_file() else None
    if policy is not None and not (home.privacy.is_file() and home.privacy.read_bytes() == policy):
        with replacing(home.privacy) as fresh:
            fresh.write_bytes(policy)
    data = ("--data", _absolute(target.data)) if target.data else ()
    commands = [
        ("build", "--quiet", "--root", str(shard.folder), "--host", shard.name),
        ("share", target.place, *data, "--host", shard.name),
    ]
    if home.store.is_file() and is_applied(home) is False:
        commands.insert(0, ("privacy", "apply"))
    own = {name: value for name, value in os.environ.items() if name.startswith(_OWN_PREFIX)}
    return Job(shard.name, home.home, tuple(commands), own | {HOME_VARIABLE: str(home.home)})


def _absolute(place: str) -> str:
    return place if "://" in place else str(Path(place).expanduser().absolute())


# ---- at the driver -----------------------------------------------------------------------------------------------------


@cache
def _token() -> str:
    """The password of Ray's ports; Ray reads it once per process."""
    return secrets.token_hex(32)


@contextmanager
def _local(count: int) -> Iterator[Any]:
    """Ray on this machine, ended and removed afterwards."""
    # A short path: that of a socket in it has at most 103 characters on macOS.
    folder = tempfile.mkdtemp(prefix="agent-store-", dir="/tmp" if Path("/tmp").is_dir() else None)
    before = dict(os.environ)
    # Ray reads some of these when it is imported.
    os.environ.update(importing_environment() | _LOCAL | {"RAY_AUTH_TOKEN": _token()})
    import ray

    try:
        ray.init(
            address="local",
            num_cpus=count,
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _temp_dir=folder,
        )
        yield ray
    finally:
        ray.shutdown()
        _heed_children()
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _cluster(address: str) -> Iterator[Any]:
    """A cluster that is running already."""
    import ray

    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, ImportError, RuntimeError) as error:
        raise StoreError(
            f"There is no cluster of Ray at {address}: {str(error).strip().splitlines()[0]}",
            "Name its address, such as --address auto on a machine of the cluster, or leave it out to use this machine.",
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()
        _heed_children()


def _run(
    ray: Any,  # noqa: ANN401 - Ray's functions have no exact types
    jobs: Sequence[Job],
    limit: int,
    *,
    memory_bytes: int | None,
    note: Callable[[Done], None],
) -> None:
    """Keep `limit` tasks going until all jobs are done. If this is interrupted, the builds are stopped."""
    # A task whose worker was killed runs again: its home is consistent, and what was done is not done again.
    task = ray.remote(num_cpus=1, memory=memory_bytes, max_retries=RETRIES)(build_shard)
    waiting = list(jobs)
    running: dict[Any, Job] = {}
    try:
        while waiting or running:
            while waiting and len(running) < limit:
                job = waiting.pop(0)
                running[task.options(name=job.name).remote(job)] = job
            for ended in ray.wait(list(running), num_returns=1)[0]:
                job = running.pop(ended)
                try:
                    result = ray.get(ended)
                except ray.exceptions.RayError as error:
                    result = Done(job.name, _tail(str(error)), retry_count=RETRIES)
                note(result)
    except BaseException:
        for unfinished in running:
            ray.cancel(unfinished)
        if running:
            ray.wait(list(running), num_returns=len(running), timeout=_STOP_SECONDS)
        raise


# ---- in a task ---------------------------------------------------------------------------------------------------------


def build_shard(job: Job) -> Done:
    """Run the commands of a job, one after the other. Each is tried again after a failure that may pass."""
    if job.version != __version__:
        return Done(job.name, f"This worker has version {__version__}, and the run was started with {job.version}.")
    with suppress(OSError, AttributeError):  # of a cluster that gives its workers another one, if that is permitted
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    _heed_children()
    steps: list[Step] = []
    retries, is_partial, failure = 0, False, ""
    for command in job.commands:
        started, cpu = time.monotonic(), _cpu_of_children()
        code, output = _command(job, command)
        for _ in range(RETRIES):
            if not _may_pass(code, output, command):
                break
            retries += 1
            code, output = _command(job, command)
        steps.append(Step(command[0], time.monotonic() - started, _cpu_of_children() - cpu))
        is_partial = is_partial or code == UNCLEAN
        if code not in {0, UNCLEAN}:
            failure = f"agent-store {command[0]} {_ended(code)}\n{output}".rstrip()
            break
    sessions, lines = (0, 0) if failure else _counts(StorePaths(job.home))
    return Done(job.name, failure, sessions, lines, tuple(steps), retries, is_partial)


def _heed_children() -> None:
    """Ray has a process ignore the end of its children; then nobody learns how they ended, or what they cost."""
    with suppress(ValueError, AttributeError):  # not the main thread; a system without that signal
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _cpu_of_children() -> float:
    """CPU seconds of the programs that this process has run."""
    spent = os.times()
    return spent.children_user + spent.children_system


def _command(job: Job, command: Sequence[str]) -> tuple[int, str]:
    """Run a command of this program; return its exit code and the end of its output."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "agent_store.cli", *command],
            env=importing_environment() | dict(job.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            # In short steps: a task that is cancelled notices it between them.
            while True:
                try:
                    process.wait(_POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_STOP_SECONDS)
                process.kill()
                process.wait()
        output.seek(max(output.seek(0, os.SEEK_END) - _TAIL_BYTES, 0))
        return process.returncode, _tail(output.read().decode("utf-8", "replace"))


def _may_pass(code: int, output: str, command: Sequence[str]) -> bool:
    """Whether a command failed for a reason that may be gone: it was killed, something was in use, memory was short.

    Sharing also depends on a network.
    """
    if code in {0, UNCLEAN}:
        return False
    text = output.lower()
    return (
        code < 0
        or code > _SIGNALED
        or command[0] == "share"
        or cause_of(text) == LOCKED
        or any(words in text for words in _OUT_OF_MEMORY)
    )


def _ended(code: int) -> str:
    number = -code if code < 0 else code - _SIGNALED
    with suppress(ValueError):
        return f"was ended by {signal.Signals(number).name}:"
    return f"failed with exit code {code}:"


def _tail(text: str) -> str:
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-_TAIL_LINES:])


def _counts(home: StorePaths) -> tuple[int, int]:
    """Sessions and landed lines of a store."""
    with open_store(home, threads=1) as connection:
        found = connection.execute(
            "select (select count(*) from dim_session), landed_line_count from store_build"
        ).fetchone()
    return found or (0, 0)
