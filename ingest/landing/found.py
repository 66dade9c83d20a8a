"""What a source has found to land: files, judged by their stamps, and what is wrong with some."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from ingest.files import Stamp

if TYPE_CHECKING:
    from ingest.landing.lines import Part

ARCHIVE_SUFFIX: Final = ".gz"
# Cuts the bytes of a file of some kind into what is landed as lines: each a part, or several that are glued together.
Split = Callable[[bytes, str], "list[list[Part]]"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a person should know about a file; the rest went on."""

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
    system_path: str  # what the operating system is asked for
    kind: str
    logical_path: str
    stamp: Stamp
    # The raw table its lines go to, as they come. None: it is landed whole, as a document.
    table: str | None
    # Every root may have one of this name: only the same content makes two of them the same file.
    is_one_per_root: bool = False
    # How its bytes become lines where it is no file of lines: it is read whole whenever it changes.
    split: Split | None = None

    @property
    def is_archive(self) -> bool:
        """Whether the lines are compressed."""
        return self.table is not None and self.path.endswith(ARCHIVE_SUFFIX)


@dataclass(frozen=True, slots=True)
class Scan:
    """Everything found below some roots."""

    roots: tuple[str, ...]
    files: tuple[FoundFile, ...]
    problems: tuple[Problem, ...]

    def __add__(self, other: Scan) -> Scan:
        """Return what both have found."""
        return Scan(self.roots + other.roots, self.files + other.files, self.problems + other.problems)


NOTHING: Final = Scan((), (), ())


def changed_files(files: Iterable[FoundFile], memory: Mapping[tuple[str, str], Stamp]) -> list[FoundFile]:
    """Return the files that are not as they were when they were last read."""
    return [file for file in files if memory.get((file.root, file.path)) != file.stamp]
