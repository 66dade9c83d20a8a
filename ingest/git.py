"""The only place that calls git. A repository's own configuration is never read.

Nobody asked to trust a repository: a transcript named its folder. Many configuration keys can name programs, and
every git release may add one. So git gets a stand-in for the `.git` folder, made for one call: a configuration of our
own, HEAD as a commit, and the repository's objects and index. The settings on the command line disable the same
programs once more, in case a future git reads its configuration elsewhere.
"""

from __future__ import annotations

import errno
import os
import re
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Final

from ingest.files import is_regular, read_regular

SECONDS: Final = 20
MOST_OUTPUT: Final = 256 * 1024 * 1024
_MOST_SAID: Final = 64 * 1024
_MOST_AT_ONCE: Final = 32 * 1024 * 1024
_SMALL_FILE: Final = 64 * 1024
_MOST_PACKED_REFS: Final = 64 * 1024 * 1024
_DEEPEST_REFERENCE: Final = 5
_HIGHEST: Final = 64
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REFERENCE: Final = re.compile(r"refs/[^\x00-\x20\x7f~^:?*\[\\]+")
_SHA256_LENGTH: Final = 64
_NOTHING: Final = os.devnull
# Protocols allowed over the network, and only to an address that the user listed.
_PROTOCOLS: Final = "https:http:ssh:file"

# No setting may run a program, ask a question, or leave the repository.
_SETTINGS: Final = (
    # programs that check signatures
    "log.showSignature=false", "gpg.program=false", "gpg.openpgp.program=false", "gpg.x509.program=false",
    "gpg.ssh.program=false", "gpg.ssh.defaultKeyCommand=false", f"gpg.ssh.allowedSignersFile={_NOTHING}",
    # monitors, hooks, and caches that would be written
    "core.fsmonitor=false", f"core.hooksPath={_NOTHING}", "core.untrackedCache=false", "gc.auto=0",
    "maintenance.auto=false",
    # programs that show or change contents
    "diff.external=", f"core.attributesFile={_NOTHING}", "core.pager=cat", "core.editor=false",
    "sequence.editor=false", "interactive.diffFilter=", "core.alternateRefsCommand=",
    # the network, and prompts for credentials
    "protocol.allow=never", "core.sshCommand=false", "core.gitProxy=", "core.askPass=false", "credential.helper=",
    "submodule.recurse=false", "fetch.recurseSubmodules=false", "diff.ignoreSubmodules=all",
    # a bare repository hidden in a folder as if it were an ordinary file
    "safe.bareRepository=explicit",
    # the same output on every machine, and no comparison of huge files
    "core.quotePath=false", "core.precomposeUnicode=true", "core.bigFileThreshold=16m", "color.ui=false",
    "log.mailmap=false",
)  # fmt: skip


class GitError(OSError):
    """Git cannot answer; the message is the reason."""


@dataclass(frozen=True, slots=True)
class _Repository:
    """Parts of a repository: its working files, its own git folder, and the folder shared by worktrees."""

    root: Path
    own: Path
    shared: Path


# ------------------------------------------------------------------------------------------- without git


def repository_of(path: Path) -> Path | None:
    """The folder of the git repository that contains a path, found on disk: no configuration is read."""
    try:
        folder = path.resolve()
        folder = folder if folder.is_dir() else folder.parent
    except (OSError, RuntimeError, ValueError):
        return None
    for candidate in (folder, *list(folder.parents)[:_HIGHEST]):
        with suppress(GitError):
            return _repository(candidate).root
    return None


def is_bare(folder: Path) -> bool:
    """Whether a folder is a repository without working files: nothing in it is read."""
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()


def head_of(folder: Path) -> str | None:
    """The commit of HEAD, read from the files of the repository: no process is started."""
    try:
        repository = _repository(folder)
        _refuse_foreign(repository)
    except GitError:
        return None
    return _head(repository)


def branch_of(path: Path) -> str | None:
    """The branch that is checked out in the repository of a path, read from its files; None on a detached HEAD."""
    root = repository_of(path)
    if root is None:
        return None
    try:
        said = _reference(_repository(root), "HEAD")
    except GitError:
        return None
    found = re.fullmatch(r"ref:\s*refs/heads/(.+)", said or "")
    return found[1] if found else None


def is_commit(text: str) -> bool:
    """Whether a text is a full commit id, and so can be passed to git."""
    return _COMMIT.fullmatch(text) is not None


def _repository(folder: Path) -> _Repository:
    """The repository whose working files start in this folder."""
    own = folder / ".git"
    try:
        root = folder.resolve()
        if not own.is_dir():
            text = _small_text(own)
            if not text.startswith("gitdir:"):
                raise GitError("is not a git repository")
            own = root / text.removeprefix("gitdir:").strip()
        shared = own
        if os.path.lexists(own / "commondir"):
            shared = own / _small_text(own / "commondir").strip()
        _small_text(own / "HEAD")
        if (shared / "objects").is_dir() and (shared / "refs").is_dir():
            return _Repository(root, own.resolve(), shared.resolve())
    except (OSError, RuntimeError, ValueError) as error:
        raise GitError("is not a git repository") from error
    raise GitError("is not a git repository")


def _small_text(path: Path) -> str:
    """A one-line file. A file with a NUL, or that is not UTF-8, was not written by git."""
    text = read_regular(path, _SMALL_FILE).decode("utf-8")
    if "\0" in text:
        raise ValueError("it contains a NUL")
    return text


def _head(repository: _Repository) -> str | None:
    name = "HEAD"
    for _ in range(_DEEPEST_REFERENCE):
        said = _reference(repository, name)
        if said is None or is_commit(said):
            return said
        name = said.removeprefix("ref:").strip()
        # A reference is a file below refs/, and never any other file of this machine.
        if not said.startswith("ref:") or not _REFERENCE.fullmatch(name) or ".." in name.split("/"):
            return None
    return None


def _reference(repository: _Repository, name: str) -> str | None:
    for base in dict.fromkeys((repository.own, repository.shared)):
        with suppress(OSError, ValueError):
            return _small_text(base / name).strip()
    with suppress(OSError):
        packed = read_regular(repository.shared / "packed-refs", _MOST_PACKED_REFS)
        found = re.search(rb"^([0-9a-f]{40,64}) " + re.escape(name.encode()) + rb"$", packed, re.MULTILINE)
        return found[1].decode() if found else None
    return None


# ------------------------------------------------------------------------------------------- whose it is


def _refuse_foreign(repository: _Repository) -> None:
    """Do as git does: refuse a repository owned by somebody else, unless the user's own settings name it."""
    ours = {os.geteuid()}
    if os.geteuid() == 0:
        with suppress(ValueError):
            ours.add(int(os.environ.get("SUDO_UID", "0")))
    marker = repository.root / ".git"
    try:
        owners = {os.lstat(place).st_uid for place in (repository.root, marker, repository.own)}
    except OSError as error:
        raise GitError("is not a git repository") from error
    if owners - ours and not _is_named_safe(repository):
        raise GitError("belongs to another user, and safe.directory does not name it")


def _is_named_safe(repository: _Repository) -> bool:
    places = {str(repository.root), str(repository.own)}
    is_safe = False
    for name, value in _user_settings(_user_environment()):
        if name != "safe.directory":
            continue
        if not value:
            is_safe = False  # an empty entry cancels all before it
            continue
        entry = _expanded(value)
        if value == "*" or entry in places:
            is_safe = True
        elif value.endswith("/*"):
            is_safe = is_safe or any(place.startswith(entry[:-1]) for place in places)
    return is_safe


def _expanded(value: str) -> str:
    return str(Path.home() / value[2:]) if value.startswith("~/") else value


def _user_environment() -> tuple[tuple[str, str], ...]:
    names = ("HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")
    return tuple((name, os.environ[name]) for name in names if name in os.environ)


@lru_cache(maxsize=8)
def _user_settings(environment: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The two relevant settings of the user and the machine; read outside of any repository."""
    asked = ["config", "--null", "--get-regexp", r"^(safe\.directory|core\.excludesfile)$"]
    ours = {name: value for name, value in _environment().items() if not name.startswith("GIT_CONFIG_")}
    try:
        printed = _run(asked, Path("/"), {**ours, "GIT_DIR": _NOTHING, **dict(environment)}, settings=())
    except GitError:
        return ()
    pairs = (entry.partition("\n") for entry in printed.decode("utf-8", "surrogateescape").split("\0"))
    return tuple((name.lower(), value) for name, _, value in pairs if name)


# ------------------------------------------------------------------------------------------- with git


def run(
    folder: Path, arguments: Sequence[str], *, seconds: float = SECONDS, given: bytes = b"", with_tags: bool = False,
    settings: Sequence[str] = (),
) -> bytes:  # fmt: skip
    """Output of git about a repository; `folder` is the one that holds `.git`. Tags are included on request."""
    repository = _repository(folder)
    _refuse_foreign(repository)
    with _stand_in(repository, with_tags=with_tags) as environment:
        return _run(
            arguments, repository.root, {**_environment(), **environment}, seconds=seconds, given=given,
            settings=(*_SETTINGS, *settings),
        )  # fmt: skip


def answer(
    folder: Path, arguments: Sequence[str], *, seconds: float = SECONDS, given: bytes = b"", with_tags: bool = False
) -> bytes | None:  # fmt: skip
    """Output of git; None if it fails, is not installed, or takes too long."""
    try:
        return run(folder, arguments, seconds=seconds, given=given, with_tags=with_tags)
    except GitError:
        return None


def untracked(folder: Path, *, seconds: float = SECONDS) -> bytes:
    """The files that are neither in the index nor ignored, as ls-files -z prints them."""
    arguments = ["ls-files", "-o", "-z", "--exclude-standard"]
    own = _repository(folder).shared / "info" / "exclude"
    if is_regular(own):
        arguments.append(f"--exclude-from={own}")
    # The user's own ignore list stays in force; it is the only user setting that does.
    settings = [
        f"core.excludesFile={_expanded(value)}"
        for name, value in _user_settings(_user_environment())
        if name == "core.excludesfile" and value
    ]
    return run(folder, arguments, seconds=seconds, settings=settings)


def blobs(folder: Path, names: Sequence[str], most_bytes: int) -> Iterator[tuple[str, bytes]]:
    """The contents named `<commit>:<path>`, in order. Contents that are missing, not a file or too large are skipped
    unread.
    """
    asked = [name for name in names if "\n" not in name]
    given = "".join(f"{name}\n" for name in asked).encode("utf-8", "surrogateescape")
    described = (answer(folder, ["cat-file", "--batch-check"], given=given) or b"").splitlines()
    part: list[tuple[str, bytes, int]] = []
    room = _MOST_AT_ONCE
    for name, line in zip(asked, described, strict=False):
        fields = line.split(b" ")
        if len(fields) != 3 or fields[1] != b"blob" or not fields[2].isdigit():  # noqa: PLR2004 - id, type, size
            continue
        size = int(fields[2])
        if size > most_bytes:
            continue
        if part and size > room:
            yield from _contents(folder, part)
            part, room = [], _MOST_AT_ONCE
        part.append((name, fields[0], size))
        room -= size
    yield from _contents(folder, part)


def _contents(folder: Path, part: Sequence[tuple[str, bytes, int]]) -> Iterator[tuple[str, bytes]]:
    if not part:
        return
    given = b"".join(blob_id + b"\n" for _, blob_id, _ in part)
    printed = answer(folder, ["cat-file", "--batch"], given=given) or b""
    position = 0
    for name, blob_id, size in part:
        start = printed.find(b"\n", position) + 1
        if not start or printed[position : start - 1] != b"%b blob %d" % (blob_id, size):
            return
        yield name, printed[start : start + size]
        position = start + size + 1


def remote_references(address: str, seconds: float) -> bytes | None:
    """The references of a repository that the user listed: HEAD and tags, as ls-remote prints them."""
    with TemporaryDirectory(prefix="agent-store-git-") as nowhere:
        environment = _environment() | {
            "GIT_ALLOW_PROTOCOL": _PROTOCOLS,
            "GIT_CEILING_DIRECTORIES": str(Path(nowhere).resolve().parent),
            "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=5 -oPermitLocalCommand=no",
        }
        try:
            return _run(
                ["ls-remote", "--upload-pack=git-upload-pack", "--", address, "HEAD", "refs/tags/*"], Path(nowhere),
                environment, seconds=seconds,
            )  # fmt: skip
        except GitError:
            return None


@contextmanager
def _stand_in(repository: _Repository, *, with_tags: bool) -> Iterator[dict[str, str]]:
    """A git folder of our own around the repository's objects and index; its configuration sets nothing."""
    head = _head(repository)
    with TemporaryDirectory(prefix="agent-store-git-") as name:
        place = Path(name)
        is_sha256 = len(head) == _SHA256_LENGTH if head else _says_sha256(repository)
        (place / "config").write_text(
            "[core]\n\trepositoryformatversion = 1\n\tbare = false\n"
            + ("[extensions]\n\tobjectformat = sha256\n" if is_sha256 else ""),
            encoding="utf-8",
        )
        (place / "HEAD").write_text(f"{head or 'ref: refs/heads/unborn'}\n", encoding="utf-8")
        # The boundary of a shallow clone; the base of a split index.
        needed = [repository.shared / "shallow", *repository.own.glob("sharedindex.*")]
        if with_tags:
            needed += [repository.shared / "refs", repository.shared / "packed-refs"]
        else:
            (place / "refs").mkdir()
        for part in needed:
            if part.is_file() or (part.name == "refs" and part.is_dir()):
                (place / part.name).symlink_to(part)
        for part in (repository.own / "index", repository.shared / "objects" / "info" / "alternates"):
            if part.exists() and not part.is_file():
                raise GitError(f"its {part.name} is not a regular file")
        yield {
            "GIT_DIR": str(place),
            "GIT_WORK_TREE": str(repository.root),
            "GIT_OBJECT_DIRECTORY": str(repository.shared / "objects"),
            "GIT_INDEX_FILE": str(repository.own / "index"),
        }


def _says_sha256(repository: _Repository) -> bool:
    """Whether a repository without commits uses long ids: the only thing read from its configuration."""
    with suppress(OSError):
        data = read_regular(repository.shared / "config", _SMALL_FILE)
        return re.search(rb"(?im)^[ \t]*objectformat[ \t]*=[ \t]*sha256\b", data) is not None
    return False


def _environment() -> dict[str, str]:
    """None of git's variables but ours; no question on the terminal or on a screen; programs from absolute folders
    only.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    folders = [
        folder for folder in kept.get("PATH", os.defpath).split(os.pathsep) if Path(folder).is_absolute()
    ]
    return kept | {
        "PATH": os.pathsep.join(folders),
        "LC_ALL": "C",
        "PAGER": "cat",
        "GIT_PAGER": "cat",
        "EDITOR": "false",
        "VISUAL": "false",
        "GIT_EDITOR": "false",
        "GIT_SEQUENCE_EDITOR": "false",
        "GIT_ASKPASS": "false",
        "SSH_ASKPASS": "false",
        "SSH_ASKPASS_REQUIRE": "never",
        "GIT_SSH_COMMAND": "false",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": _NOTHING,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_ALLOW_PROTOCOL": "none",
    }


def _run(
    arguments: Sequence[str], folder: Path, environment: dict[str, str], *, seconds: float = SECONDS,
    given: bytes = b"", settings: Sequence[str] = _SETTINGS,
) -> bytes:  # fmt: skip
    """Run git and read its output within a time and size limit; stop it beyond either."""
    program = shutil.which("git", path=environment["PATH"])
    if program is None:
        raise GitError("git is not installed")
    command = [program, "--no-pager", *(part for one in settings for part in ("-c", one)), *arguments]
    said = ""
    with TemporaryFile() as asked, TemporaryFile() as complaints:
        asked.write(given)
        asked.seek(0)
        try:
            process = subprocess.Popen(
                command, cwd=folder, stdin=asked, stdout=subprocess.PIPE, stderr=complaints, start_new_session=True,
                env=environment,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise GitError(f"git cannot be started there: {error}") from error
        try:
            printed = _printed(process, time.monotonic() + seconds, arguments[0])
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        complaints.seek(0)
        said = complaints.read(_MOST_SAID).decode("utf-8", "replace")
    if process.returncode:
        raise GitError(_reason(said, arguments[0]))
    return printed


def _printed(process: subprocess.Popen[bytes], end: float, verb: str) -> bytes:
    assert process.stdout is not None
    parts: list[bytes] = []
    size = 0
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(max(end - time.monotonic(), 0)):
                raise GitError(errno.ETIMEDOUT, f"git {verb} did not answer in time")
            part = os.read(process.stdout.fileno(), 1 << 16)
            if not part:
                break
            size += len(part)
            if size > MOST_OUTPUT:
                raise GitError(errno.EFBIG, f"git {verb} printed more than {MOST_OUTPUT:,} bytes")
            parts.append(part)
    try:
        process.wait(max(end - time.monotonic(), 0.1))
    except subprocess.TimeoutExpired as error:
        raise GitError(errno.ETIMEDOUT, f"git {verb} did not finish in time") from error
    return b"".join(parts)


def _reason(said: str, verb: str) -> str:
    lines = said.strip().splitlines()
    reason = next((line for line in lines if line.startswith(("fatal", "error"))), lines[0] if lines else "")
    return f"git {verb} failed: {reason}"
