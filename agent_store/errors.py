"""Errors written for people: what happened, and what to do about it."""

from __future__ import annotations

import errno

# The exit code of a build that published, although a table is from an earlier build, or a check found something (--strict).
UNCLEAN = 4
LOCKED = "another process has the file open for writing"
_SYSTEM_CAUSES = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is exhausted",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission was denied",
    errno.EPERM: "the operation is not permitted",
    errno.EMFILE: "too many files are open",
}
_TEXT_CAUSES = (
    ("no space left", "the disk is full"),
    ("disk quota exceeded", "the disk quota is exhausted"),
    ("read-only file system", "the file system is read-only"),
    ("permission denied", "permission was denied"),
    ("could not set lock", LOCKED),
    ("conflicting lock", LOCKED),
)
_ADVICE = {
    "the disk is full": "Free some space, or move the store with AGENT_STORE_HOME. Nothing is lost: "
    "the next run continues where this one ended.",
    "the disk quota is exhausted": "Free some space, or move the store with AGENT_STORE_HOME.",
    "the file system is read-only": "Move the store to a writable disk with AGENT_STORE_HOME.",
    "permission was denied": "Fix the permissions, or change AGENT_STORE_HOME.",
    LOCKED: "Wait until that process is done or close it, then try again.",
}


class StoreError(Exception):
    """Something the user can understand and act on; shown without a traceback."""

    def __init__(self, message: str, hint: str = "", exit_code: int = 1) -> None:
        """Keep the message, what to do about it, and the exit code of the command."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code


def cause_of(error: BaseException | str) -> str:
    """The plain cause behind an error of the operating system or of DuckDB; empty if none is known."""
    if isinstance(error, OSError) and error.errno in _SYSTEM_CAUSES:
        return _SYSTEM_CAUSES[error.errno]
    text = str(error).lower()
    return next((cause for words, cause in _TEXT_CAUSES if words in text), "")


def advice_for(error: BaseException | str) -> str:
    """What to do about an error, if its cause is known."""
    return _ADVICE.get(cause_of(error), "")


def explain(error: BaseException, doing: str) -> StoreError | None:
    """Turn an error of the system into one for people, if we know its cause."""
    if isinstance(error, StoreError):
        return error
    cause = cause_of(error)
    if not cause:
        return None
    where = f" ({error.filename})" if isinstance(error, OSError) and error.filename else ""
    return StoreError(f"{doing} failed: {cause}{where}.", _ADVICE.get(cause, ""))


SEE_MODELS = 'See which there are: agent-store query "select model_name from dim_model where is_priced"'


def no_project(given: str) -> StoreError:
    """The error for a name that names no project."""
    return StoreError(
        f"No project is called {given!r} or has that in its name or folder.",
        "See which there are: agent-store report --by project",
    )


def no_priced_model(given: str) -> StoreError:
    """The error for a name that names no model with a price."""
    return StoreError(f"No model with a price is called {given!r}.", SEE_MODELS)
