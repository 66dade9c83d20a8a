"""The Dockerfile and the manifests of Kubernetes: linted, and what they name exists."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import PROJECT

from agent_store.cli.program import cli

DOCKERFILE = PROJECT / "Dockerfile"
MANIFESTS = PROJECT / "docker" / "kubernetes.yaml"
ENGINE_SECONDS, BUILD_SECONDS = 10, 1_200


def _instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile: lines are joined, comments left out."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())]


INSTRUCTIONS = _instructions(DOCKERFILE.read_text(encoding="utf-8"))


def _lint(dockerfile: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("hadolint has no package for this system")
    return subprocess.run([program, "-"], input=dockerfile, capture_output=True, text=True, timeout=60, check=False)


def test_the_dockerfile_has_no_finding_of_hadolint() -> None:
    linted = _lint(DOCKERFILE.read_text(encoding="utf-8"))
    assert (linted.returncode, linted.stdout) == (0, "")


def test_hadolint_finds_what_is_wrong() -> None:
    assert "DL3013" in _lint("FROM python:3.12\nRUN pip install uv\n").stdout


def test_the_last_user_is_not_root() -> None:
    users = [rest for word, rest in INSTRUCTIONS if word == "USER"]
    assert users
    assert users[-1].split(":")[0] not in {"0", "root"}


def test_everything_is_pinned() -> None:
    image = next(rest for word, rest in INSTRUCTIONS if rest.startswith("PYTHON_IMAGE="))
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.\d+-slim-\w+", image)
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    version = re.search(r"^UV_VERSION := (\S+)$", makefile, re.MULTILINE)
    assert version
    assert ("ARG", f"UV_VERSION={version[1]}") in INSTRUCTIONS, "the Makefile has another version of uv"
    syncs = [rest for word, rest in INSTRUCTIONS if word == "RUN" and "uv sync" in rest]
    assert syncs
    assert all("--frozen" in rest for rest in syncs)


def _copied() -> list[str]:
    copied = [rest.split() for word, rest in INSTRUCTIONS if word == "COPY" and "--from=" not in rest]
    return [source.rstrip("/") for *sources, _ in copied for source in sources]


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    assert [source for source in _copied() if not (PROJECT / source).exists()] == []
    rules = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = [rule[1:] for rule in rules if rule.startswith("!")]
    assert sorted(kept) == sorted(_copied())
    assert any(fnmatch("sample/home/__pycache__", rule) for rule in rules)


def test_all_that_the_package_contains_is_copied() -> None:
    wheel = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    needed = [*wheel["wheel"]["packages"], *wheel["wheel"]["force-include"]]
    assert sorted(set(needed) - set(_copied())) == []


def test_the_extras_exist() -> None:
    extras = next(rest for word, rest in INSTRUCTIONS if rest.startswith("EXTRAS=")).partition("=")[2].strip('"').split()
    known = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert extras
    assert set(extras) <= set(known)


def _documents() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(MANIFESTS.read_text(encoding="utf-8")))


@pytest.mark.parametrize("document", _documents(), ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_a_manifest_has_the_schema_of_kubernetes(document: dict[str, Any]) -> None:
    import kubernetes_validate

    kubernetes_validate.validate(document, "1.33", strict=True)


def test_a_wrong_manifest_is_noticed() -> None:
    import kubernetes_validate

    wrong = next(one for one in _documents() if one["kind"] == "CronJob")
    wrong["spec"]["jobTemplate"]["spec"]["complections"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.33", strict=True)


def test_manifests_use_commands_that_exist() -> None:
    text = MANIFESTS.read_text(encoding="utf-8")
    named = re.findall(r"^\s+agent-store (\w+)", text, re.MULTILINE)
    assert named == ["build", "share"]
    for name in named:
        known = {option for one in cli.commands[name].params for option in one.opts}
        line = next(line for line in text.splitlines() if f"agent-store {name} " in line)
        assert set(re.findall(r"--[\w-]+", line)) <= known


@pytest.mark.slow
def test_the_image_is_built_where_there_is_an_engine() -> None:
    docker = shutil.which("docker")
    if docker is None:
        pytest.skip("there is no Docker here")
    engine = subprocess.run([docker, "info"], capture_output=True, timeout=ENGINE_SECONDS, check=False)
    if engine.returncode:
        pytest.skip("there is no Docker engine here")
    name = "agent-store-test"
    subprocess.run(
        [docker, "build", "--quiet", "--tag", name, "--build-arg", "EXTRAS=lake", "."],
        cwd=PROJECT, check=True, timeout=BUILD_SECONDS,
    )  # fmt: skip
    done = subprocess.run(
        [docker, "run", "--rm", name, "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert "agent-store" in done.stdout
