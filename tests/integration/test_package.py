"""The wheel: everything that a user needs is in it, tried in an empty environment without the clone."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from mini import REPOSITORY

UV = REPOSITORY / ".tools" / "uv" / "bin" / "uv"
SESSION = REPOSITORY / "tests" / "golden" / "h_subagent"


def _run(*command: object, folder: Path, home: Path) -> str:
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(REPOSITORY / ".tools" / "cache")),
        "UV_SYSTEM_CERTS": "true",
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_an_installed_wheel_builds_a_store_without_the_clone(tmp_path: Path) -> None:
    if not UV.is_file():
        pytest.skip("uv is installed by make setup")
    _run(UV, "build", "--wheel", "--quiet", "--out-dir", tmp_path, REPOSITORY, folder=tmp_path, home=tmp_path)
    wheel = next(tmp_path.glob("*.whl"))
    packed = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "models", "macros", "seeds", "analyses", "tests/generic", "tests/invariants"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert not {f"agent_store/project/{name}" for name in tracked} - packed
    plugin = subprocess.run(
        ["git", "ls-files", "plugin"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()  # fmt: skip
    assert plugin
    assert not {f"agent_store/{name}" for name in plugin} - packed

    environment = tmp_path / "environment"
    _run(UV, "venv", "--quiet", "--python", sys.executable, environment, folder=tmp_path, home=tmp_path)
    python = environment / "bin" / "python"
    _run(UV, "pip", "install", "--quiet", "--python", python, wheel, folder=tmp_path, home=tmp_path)
    program = environment / "bin" / "agent-store"
    home = tmp_path / "user"
    home.mkdir()
    built = _run(program, "build", "--root", SESSION, "--no-tests", "--quiet", folder=tmp_path, home=home)
    assert "Published" in built
    shown = _run(
        program, "query", "select count(*) > 0 as found from fact_api_call", folder=tmp_path, home=home
    )
    assert "true" in shown.lower()
    assert "fact_api_call" in _run(
        program, "dbt", "ls", "-q", "-s", "fact_api_call", folder=tmp_path, home=home
    )
    packages = Path(
        _run(
            python, "-c", "import agent_store; print(agent_store.__path__[0])", folder=tmp_path, home=home
        ).strip()
    )
    recorded = subprocess.run(
        [packages / "plugin" / "bin" / "agent-store-hook", "session_start"], input='{"session_id":"s1"}\n',
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), "AGENT_STORE_PYTHON": str(python)}, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert (recorded.returncode, recorded.stdout, recorded.stderr) == (0, "", "")
    (spooled,) = (home / ".agent-store" / "spool").glob("hooks-*.jsonl")
    assert '"session_id":"s1"' in spooled.read_text()
    left = [
        path for path in environment.rglob("*") if path.name in {"target", "logs"} and "project" in path.parts
    ]
    assert left == [], "dbt's folders are in the home"
