"""Finds the files that hold API responses: the named files, and those in the named folders."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ingest.files import NotRegularError, read_beginning, reason_of, stamp_of, valid_name
from ingest.landing.found import FoundFile, Problem, Scan
from ingest.responses.documents import responses_of
from ingest.responses.kinds import HEAD_BYTES, Kind, classify

TABLE: Final = "api_response"
NO_RESPONSES: Final = "contains no response of the Messages API"
# Folders that never hold responses.
_SKIPPED: Final = frozenset({"node_modules", "__pycache__"})


def scan(paths: Iterable[Path]) -> Scan:
    """Find the files, ordered by name.

    A named file without a response is a problem; in a folder such a file is skipped. The folders are not roots of the
    scan: a removed file is not a finding.
    """
    files: dict[str, FoundFile] = {}
    problems: list[Problem] = []
    for named in paths:
        path = Path(os.path.abspath(named))  # noqa: PTH100 - links stay: they are what was named
        is_file = not path.is_dir()
        for system_path in [str(path)] if is_file else _below(path, problems):
            try:
                found = _found(path.parent, system_path)
            except (NotRegularError, FileNotFoundError) as error:
                if is_file:
                    problems.append(Problem(valid_name(system_path), None, reason_of(error)))
                continue
            except OSError as error:
                problems.append(Problem(valid_name(system_path), None, f"cannot be read: {reason_of(error)}"))
                continue
            if found is not None:
                files.setdefault(os.path.realpath(system_path), found)
            elif is_file:
                problems.append(Problem(valid_name(system_path), None, NO_RESPONSES))
    return Scan((), tuple(sorted(files.values(), key=lambda file: (file.root, file.path))), tuple(problems))


def _below(folder: Path, problems: list[Problem]) -> Iterator[str]:
    """Regular files below a folder; links and hidden folders are not followed."""

    def cannot(error: OSError) -> None:
        problems.append(
            Problem(valid_name(str(error.filename)), None, f"cannot be listed: {reason_of(error)}")
        )

    for place, folders, names in os.walk(folder, onerror=cannot):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        for name in sorted(names):
            path = f"{place}/{name}"
            try:
                is_regular = stat.S_ISREG(os.lstat(path).st_mode)
            except OSError:
                continue
            if is_regular and not name.startswith("."):
                yield path


def _found(root: Path, system_path: str) -> FoundFile | None:
    head, _ = read_beginning(system_path, HEAD_BYTES)
    name = valid_name(os.path.relpath(system_path, root).replace(os.sep, "/"))
    kind = classify(head, name)
    if kind is None:
        return None
    stamp = stamp_of(os.stat(system_path))  # noqa: PTH116 - names need not be valid text
    return FoundFile(
        valid_name(root.as_posix()), name, system_path, kind, f"responses/{name}", stamp, TABLE,
        is_one_per_root=kind != Kind.LINES, split=None if kind == Kind.LINES else responses_of,
    )  # fmt: skip
