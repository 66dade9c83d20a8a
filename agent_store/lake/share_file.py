"""The file that a host shares into during one month: a tar of shares, one after another.

The members of a share are Parquet files, one per table with rows of sessions (`000007/fact_turn.sessions.parquet`) or of
the host itself (`000007/dim_tool.host.parquet`), and at the end its manifest (`000007/manifest.DIGEST.json`). A share
counts if its manifest is there and names exactly the members before it. An append that was killed leaves a tail without
a manifest: readers ignore it, and the next append overwrites it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tarfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from agent_store.errors import StoreError

SESSIONS, HOST = "sessions", "host"
SUFFIX: Final = ".tar"
FILE_NAME: Final = re.compile(r"\d{4}-\d{2}[.]tar")
_BLOCK: Final = 512
_END: Final = bytes(2 * _BLOCK)
_PIECE_BYTES: Final = 1024 * 1024
_MANIFEST: Final = re.compile(r"(\d+)/manifest[.]([0-9a-f]{16})[.]json")
_MEMBER: Final = re.compile(r"(\d+)/([^/]+)[.](sessions|host)[.]parquet")
_MAGIC, _MAGIC_AT = b"ustar\0", 257
_POINTER: Final = b"version https://git-lfs"
_LOCK_SECONDS, _POLL_SECONDS = 60.0, 0.1


@dataclass(frozen=True, slots=True)
class Member:
    """A Parquet file of a share: rows of one table, of sessions or of the host itself."""

    table: str
    kind: str
    size: int
    sha256: str
    row_count: int

    def path(self, number: int) -> str:
        """Its path in the tar."""
        return f"{number:06d}/{self.table}.{self.kind}.parquet"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of a share."""

    # Number of the share: each one of a host has a greater number than those before it.
    share: int
    # The row of this host in lake_host.
    host: Mapping[str, Any]
    # The rows of its sessions in lake_session, and the ids of sessions that left the lake.
    sessions: Sequence[Mapping[str, Any]] = ()
    leaving: Sequence[str] = ()
    # Whether what it replaces may be in no file.
    erases: bool = False
    # By table, hashes of the host's own rows. A row that is there twice has its hash twice.
    added: Mapping[str, Sequence[str]] = field(default_factory=dict)
    removed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    # By table, names and types of columns, if they are not those of the share before.
    columns: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    members: Sequence[Member] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing would be lost without it, except the row of the host."""
        return not (self.sessions or self.leaving or self.added or self.removed or self.columns)


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """A complete share in a file, and where it is there."""

    file: Path
    manifest: Manifest
    digest: str
    start: int
    end: int
    # Where each member's bytes begin, in the order of the manifest.
    offsets: tuple[int, ...]

    @property
    def shown(self) -> str:
        """Its file and number, for messages."""
        return f"{self.file.parent.name}/{self.file.name}, share {self.manifest.share}"


@dataclass(frozen=True, slots=True)
class Content:
    """The complete shares of a file, the end of the last one, and what cannot be read."""

    shares: tuple[Share, ...]
    end: int
    findings: tuple[str, ...]


@contextmanager
def opened(file: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading. Raises StoreError if Git LFS has not fetched its content."""
    with file.open("rb") as stream:
        if stream.read(len(_POINTER)) == _POINTER:
            raise StoreError(
                f"{file} is a pointer of Git LFS: its content is not here.",
                f"Fetch it: git -C {file.parent.parent} lfs pull",
            )
        yield stream


def content(file: Path, stream: IO[bytes]) -> Content:
    """The complete shares of an open file. What is damaged or unfinished is named, and the rest is read."""
    size = stream.seek(0, os.SEEK_END)
    shares: list[Share] = []
    findings: list[str] = []
    # Members of the share that is being read, by their path: where their bytes begin, and their size.
    pending: dict[str, tuple[int, int]] = {}
    start = position = 0
    shown = f"{file.parent.name}/{file.name}"

    def set_aside(why: str) -> None:
        findings.append(f"{shown}: {why}")

    while position + _BLOCK <= size:
        header = _header(stream, position)
        if header is None:
            following = _next_header(stream, position, size)
            if following is None:
                break
            set_aside(
                f"{following - position:,} bytes from byte {position:,} are damaged, and the share with them."
            )
            pending, start, position = {}, following, following
            continue
        data = position + _BLOCK
        end = data + -(-header.size // _BLOCK) * _BLOCK
        if end > size:
            break
        named = _MANIFEST.fullmatch(header.name)
        if named is None:
            member = _MEMBER.fullmatch(header.name)
            if member and pending and not next(iter(pending)).startswith(f"{member[1]}/"):
                set_aside(
                    f"share {next(iter(pending)).split('/')[0]} has no manifest; its rows are not read."
                )
                pending, start = {}, position
            pending[header.name] = (data, header.size)
        else:
            stream.seek(data)
            share = _share(file, stream.read(header.size), named[2], pending, start, end)
            if share is None:
                set_aside(f"the manifest of share {named[1]} is damaged; its rows are not read.")
            else:
                shares.append(share)
            pending, start = {}, end
        position = end
    last = shares[-1].end if shares else 0
    rest = size - last
    stream.seek(last)
    if rest > len(_END) or any(stream.read(rest)):
        set_aside(
            f"the last {rest:,} bytes are an unfinished share and are not read. The host completes it when it shares again."
        )
    return Content(tuple(shares), last, tuple(findings))


def _header(stream: IO[bytes], position: int) -> tarfile.TarInfo | None:
    stream.seek(position)
    try:
        found = tarfile.TarInfo.frombuf(stream.read(_BLOCK), "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError):
        return None
    return (
        found
        if found.isreg() and (_MEMBER.fullmatch(found.name) or _MANIFEST.fullmatch(found.name))
        else None
    )


def _next_header(stream: IO[bytes], position: int, size: int) -> int | None:
    """The next header behind damaged bytes; None if there is none."""
    place = position + _BLOCK
    while place < size:
        stream.seek(place)
        piece = stream.read(_PIECE_BYTES)
        if not piece:
            return None
        for block in range(0, len(piece), _BLOCK):
            is_marked = piece[block + _MAGIC_AT : block + _MAGIC_AT + len(_MAGIC)] == _MAGIC
            if is_marked and _header(stream, place + block) is not None:
                return place + block
        place += _PIECE_BYTES
    return None


def _share(
    file: Path, text: bytes, digest: str, members: Mapping[str, tuple[int, int]], start: int, end: int
) -> Share | None:
    """The share of a manifest, if that is intact and the members before it are those that it names."""
    if hashlib.sha256(text).hexdigest()[: len(digest)] != digest:
        return None
    try:
        value = json.loads(text)
        listed = tuple(Member(**member) for member in value.pop("members"))
        manifest = Manifest(**value, members=listed)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    places = [members.get(member.path(manifest.share)) for member in listed]
    if any(place is None or place[1] != member.size for place, member in zip(places, listed, strict=True)):
        return None
    return Share(file, manifest, digest, start, end, tuple(place[0] for place in places if place is not None))


def copy_member(stream: IO[bytes], share: Share, index: int, to: IO[bytes]) -> bool:
    """Copy the bytes of a member; return whether they are those that were shared."""
    member = share.manifest.members[index]
    stream.seek(share.offsets[index])
    left, digest = member.size, hashlib.sha256()
    while left and (piece := stream.read(min(left, _PIECE_BYTES))):
        digest.update(piece)
        to.write(piece)
        left -= len(piece)
    return digest.hexdigest() == member.sha256


class Appending:
    """Shares being written to a file, from a position on."""

    def __init__(self, stream: IO[bytes]) -> None:
        """Write at the position where the stream is."""
        self._stream = stream
        self._at = int(time.time())

    def share(self, manifest: Manifest, files: Iterable[tuple[Member, Path]]) -> None:
        """Write a share: its members, and at the end its manifest."""
        members = []
        for member, file in files:
            with file.open("rb") as source:
                digest = hashlib.file_digest(source, "sha256").hexdigest()
                size = source.seek(0, os.SEEK_END)
                source.seek(0)
                known = Member(member.table, member.kind, size, digest, member.row_count)
                self._header(known.path(manifest.share), size)
                while piece := source.read(_PIECE_BYTES):
                    self._stream.write(piece)
            self._pad(size)
            members.append(known)
        value = {**asdict(manifest), "members": [asdict(member) for member in members]}
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        digest = hashlib.sha256(text).hexdigest()[:16]
        # Everything else is on disk before the manifest says so.
        self._sync()
        self._header(f"{manifest.share:06d}/manifest.{digest}.json", len(text))
        self._stream.write(text)
        self._pad(len(text))

    def end(self) -> None:
        """Write the end of the tar."""
        self._stream.write(_END)
        self._sync()

    def _header(self, path: str, size: int) -> None:
        header = tarfile.TarInfo(path)
        header.size, header.mtime, header.mode = size, self._at, 0o644
        self._stream.write(header.tobuf(tarfile.USTAR_FORMAT))

    def _pad(self, size: int) -> None:
        self._stream.write(bytes(-size % _BLOCK))

    def _sync(self) -> None:
        self._stream.flush()
        os.fsync(self._stream.fileno())


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a host's folder against a second process of the same host, on file systems that have locks."""
    try:
        import fcntl
    except ImportError:  # Windows has no lock of a folder.
        yield
        return
    opened_folder = os.open(folder, os.O_RDONLY)
    try:
        started = time.monotonic()
        while True:
            try:
                fcntl.flock(opened_folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() - started > _LOCK_SECONDS:
                    raise StoreError(
                        f"Another process is sharing into {folder}.",
                        "Wait until it is done, then share again.",
                    ) from None
                time.sleep(_POLL_SECONDS)
                continue
            except OSError:
                # Some network drives have no locks. Two processes of one host at once are rare, and the next share
                # writes again what they damaged.
                pass
            break
        yield
    finally:
        os.close(opened_folder)


def sync_folder(folder: Path) -> None:
    """Make renames and new files in a folder durable, where the file system can."""
    with suppress(OSError):
        opened_folder = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened_folder)
        finally:
            os.close(opened_folder)
