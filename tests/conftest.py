"""Fixtures: the project, the corpus, the golden cases, and stores built from them in homes of their own.

Nothing here reads or writes the user's own files: every build gets an empty HOME and an AGENT_STORE_HOME
below the temporary folder of the test run.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pytest

PROJECT = Path(__file__).resolve().parents[1]
GOLDEN = PROJECT / "tests" / "golden"
BUILD_TIMEOUT_SECONDS = 600
_PAD = re.compile(rb"@@PAD:(\d+)@@")


class BuildStore(Protocol):
    """Build a store from roots into a home and return the published file."""

    def __call__(self, roots: Sequence[Path], home: Path, *, tests: bool = True) -> Path: ...


# A store that several tests share, and the files that take longest, in this order.
_SHARED_STORES = ("corpus_store", "golden_store", "sample_store")
_LONGEST_FIRST = (
    "test_incremental",
    "test_build",
    "corpus_store",
    "sample_store",
    "golden_store",
    "test_scan",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run on several processes: those that share a store stay together, else those of a file."""

    def group_of(item: pytest.Item) -> str:
        shared = [name for name in _SHARED_STORES if name in getattr(item, "fixturenames", ())]
        return shared[0] if shared else item.path.stem

    order = {name: place for place, name in enumerate(_LONGEST_FIRST)}
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))
    items.sort(key=lambda item: order.get(group_of(item), len(order)))


@pytest.fixture(scope="session")
def project_dir() -> Path:
    """The root of the project."""
    return PROJECT


def _corpus_source() -> Path | None:
    named = os.environ.get("AGENT_STORE_CORPUS", "").strip()
    if named:
        return Path(named).expanduser()
    beside = PROJECT.parent / "shared" / "corpus" / "transcripts.tar.xz"
    return beside if beside.is_file() else None


def _unpacked(archive: Path) -> Path:
    """Unpack the archive once per machine and version of it; many runs may ask at the same time."""
    stat = archive.stat()
    name = hashlib.sha256(f"{archive.resolve()}:{stat.st_size}:{stat.st_mtime_ns}".encode()).hexdigest()[:12]
    cache = Path(tempfile.gettempdir()) / f"agent-store-corpus-{os.getuid()}-{name}"
    if cache.is_dir() and cache.stat().st_uid == os.getuid():
        return cache
    fresh = Path(tempfile.mkdtemp(prefix=f"{cache.name}-"))
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(fresh, filter="data")
        try:
            fresh.rename(cache)
        except OSError:  # another run was faster
            if not cache.is_dir() or cache.stat().st_uid != os.getuid():
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return cache


@pytest.fixture(scope="session")
def corpus_dir() -> Path:
    """The corpus of real transcripts; the test is skipped where it is not there."""
    source = _corpus_source()
    if source is None or not source.exists():
        pytest.skip(
            "the corpus of real transcripts is not here: name its archive or folder with AGENT_STORE_CORPUS"
        )
    folder = source if source.is_dir() else _unpacked(source)
    return folder / "corpus" if (folder / "corpus").is_dir() else folder


def clean_environment(home: Path) -> dict[str, str]:
    """An environment that knows nothing of the user: for every program a test starts."""
    user = home.parent / f"{home.name}-user"
    user.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(user),
        "AGENT_STORE_HOME": str(home),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONDONTWRITEBYTECODE": "1",
        "DO_NOT_TRACK": "1",
        # Tests share stores: what one asks is not new to another.
        "AGENT_STORE_QUERY_LOG": "0",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
    }


def build_output(store: Path) -> Path:
    """What the build of a store printed, at 100 columns."""
    return store.parent.with_name(f"{store.parent.name}.out")


def give_salt(home: Path) -> None:
    """Have stores hash names alike, so that they can be compared."""
    salt = home / "keys" / "salt"
    if not salt.exists():
        salt.parent.mkdir(mode=0o700, parents=True)
        home.chmod(0o700)
        salt.write_text("5a" * 32, encoding="ascii")
        salt.chmod(0o600)


@pytest.fixture(scope="session")
def build_store() -> BuildStore:
    """A function that builds a store in a process of its own."""

    def build(roots: Sequence[Path], home: Path, *, tests: bool = True) -> Path:
        give_salt(home)
        command = [sys.executable, "-m", "agent_store.cli", "build", "--strict"]
        for root in roots:
            command += ["--root", str(root)]
        if not tests:
            command.append("--no-tests")
        done = subprocess.run(
            command,
            cwd=PROJECT,
            env={**clean_environment(home), "COLUMNS": "100"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BUILD_TIMEOUT_SECONDS,
            check=False,
        )
        store = home / "agent_store.duckdb"
        build_output(store).write_text(done.stdout, encoding="utf-8")
        if done.returncode or not store.is_file():
            pytest.fail(
                f"agent-store build ended with {done.returncode}\n"
                f"{done.stdout[-6000:]}\n{done.stderr[-6000:]}",
                pytrace=False,
            )
        return store

    return build


def golden_names() -> list[str]:
    """The cases of the golden corpus."""
    return sorted(path.parent.name for path in GOLDEN.glob("*/expected.json"))


@pytest.fixture(scope="session")
def golden_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the golden cases in which every `@@PAD:<bytes>@@` has become that many letters."""
    copy = tmp_path_factory.mktemp("golden")
    shutil.copytree(GOLDEN, copy, dirs_exist_ok=True)
    for path in copy.rglob("*.jsonl"):
        content = path.read_bytes()
        padded = _PAD.sub(lambda found: b"x" * int(found.group(1)), content)
        if padded != content:
            path.write_bytes(padded)
    return copy


@pytest.fixture(scope="session")
def golden_store(golden_dir: Path, build_store: BuildStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store of all golden cases, each case a root of its own."""
    roots = [golden_dir / name for name in golden_names()]
    return build_store(roots, tmp_path_factory.mktemp("golden-home") / "store")


@pytest.fixture(scope="session")
def sample_store(build_store: BuildStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of the sample that ships with the project, built as where no transcripts are found."""
    return build_store([], tmp_path_factory.mktemp("sample") / "home")


@pytest.fixture(scope="session")
def corpus_store(corpus_dir: Path, build_store: BuildStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of the corpus."""
    return build_store([corpus_dir], tmp_path_factory.mktemp("corpus-home") / "store")
