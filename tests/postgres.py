"""A private Postgres server for the tests of lakes, in a temporary folder and on a Unix socket.

Only the user `guarded` needs a password.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

MISSING = "no Postgres (on Debian: apt install postgresql)"
_DEBIAN = Path("/usr/lib/postgresql")
# A server for tests: no network, and nothing is lost if the machine stops.
_OPTIONS = (
    "-c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off "
    "-c shared_buffers=16MB -c max_connections=60"
)


def program(name: str) -> str | None:
    """The path of a program of Postgres; Debian has them in a folder per version, not on the PATH."""
    versions = sorted(_DEBIAN.glob(f"*/bin/{name}"), key=lambda file: float(file.parts[-3]))
    return str(versions[-1]) if versions else shutil.which(name)


@dataclass(frozen=True)
class Postgres:
    """A running server."""

    socket: Path
    user: str

    def run(self, *statements: str, database: str = "postgres") -> str:
        """Run SQL as the superuser, by the server's own client."""
        psql = shutil.which("psql") or program("psql")
        assert psql is not None
        arguments = [psql, "--no-psqlrc", "-qAt", "-h", str(self.socket), "-U", self.user, "-d", database]
        for statement in statements:
            arguments += ["-c", statement]
        return subprocess.run(
            arguments, check=True, capture_output=True, text=True, timeout=60
        ).stdout.strip()

    def database(self) -> str:
        """Make an empty database; return its URL."""
        name = f"lake_{uuid.uuid4().hex[:8]}"
        self.run(f"create database {name}")
        return self.url(name)

    def url(self, database: str, user: str | None = None) -> str:
        """The URL of a database on the socket."""
        return f"postgresql://{user or self.user}@/{database}?host={quote(str(self.socket), safe='')}"


def _as_user(user: str, command: Sequence[str]) -> list[str]:
    """Postgres refuses to run as root."""
    return list(command) if os.getuid() else ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}",
        "--clear-groups", *command]  # fmt: skip


def _account() -> str | None:
    """The account that the server runs as: this one, or an unprivileged one if this is root."""
    if os.getuid():
        return pwd.getpwuid(os.getuid()).pw_name
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server that ends with the tests; they are skipped where there is no Postgres."""
    initdb, pg_ctl, account = program("initdb"), program("pg_ctl"), _account()
    if (
        initdb is None
        or pg_ctl is None
        or account is None
        or (not os.getuid() and not shutil.which("setpriv"))
    ):
        pytest.skip(MISSING)
    # A socket's path has some 100 characters at most, so the folder is not below pytest's.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if not os.getuid():
            shutil.chown(folder, account)
        data = str(folder / "data")
        _call(
            _as_user(
                account,
                [initdb, "-D", data, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-U", "lake"],
            )
        )
        # One user has to give a password.
        access = folder / "data" / "pg_hba.conf"
        access.write_text(f"local all guarded scram-sha-256\n{access.read_text()}")
        control = [pg_ctl, "-D", data, "-w", "-t", "60", "-l", str(folder / "log")]
        _call(_as_user(account, [*control, "-o", f"{_OPTIONS} -c unix_socket_directories={folder}", "start"]))
        try:
            yield Postgres(folder, "lake")
        finally:
            _call(_as_user(account, [*control, "-m", "immediate", "stop"]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _call(command: Sequence[str]) -> None:
    # A server that keeps the pipe open would hold up the caller: its output goes to a file.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            command, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=120, check=False
        )
        output.seek(0)
        assert not done.returncode, output.read()
