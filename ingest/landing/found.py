"""Files that a source has found to land, judged by their stamps, and problems with some of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from ingest.files import Stamp

if TYPE_CHECKING:
    from ingest.landing.lines import Part

ARCHIVE_SUFFIX: Final = ".gz"
# Cuts the bytes of a file of some kind into units landed as lines: each one part, or several parts glued together.
Split = Callable[[bytes, str], "list[list[Part]]"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem with a file that a person should know about; landing continued."""

    path: str
    line: int | None
    message: str

    def __str__(self) -> str:
        """Return it as one line of text."""
        return f"{self.path}:{self.line}: {self.message}" if self.line else f"{self.path}: {self.message}"


class FoundFile(NamedTuple):
    """One file below a root."""

    root: str
    path: str  # relative to the root, separated by '/', always valid text
    system_path: str  # the path passed to the operating system
    kind: str
    logical_path: str
    stamp: Stamp
    # The raw table for its lines. None: the file is landed whole, as a document.
    table: str | None
    # Every root may have a file of this name: two of them are the same file only if their content is the same.
    is_one_per_root: bool = False
    # How its bytes become lines if it is not a line file: it is read whole whenever it changes.
    split: Split | None = None
    # Only its name and its time are landed: it is a folder.
    is_name_only: bool = False

    @property
    def is_archive(self) -> bool:
        """Whether the lines are compressed."""
        return self.table is not None and self.path.endswith(ARCHIVE_SUFFIX)


@dataclass(frozen=True, slots=True)
class Scan:
    """Everything found below the roots."""

    roots: tuple[str, ...]
    files: tuple[FoundFile, ...]
    problems: tuple[Problem, ...]

    def __add__(self, other: Scan) -> Scan:
        """Return the findings of both."""
        return Scan(self.roots + other.roots, self.files + other.files, self.problems + other.problems)


NOTHING: Final = Scan((), (), ())


def changed_files(files: Iterable[FoundFile], memory: Mapping[tuple[str, str], Stamp]) -> list[FoundFile]:
    """Return the files that have changed since they were last read."""
    return [file for file in files if memory.get((file.root, file.path)) != file.stamp]
