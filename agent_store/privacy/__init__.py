"""Privacy: the user's policy, and how it is enforced on existing data."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

if TYPE_CHECKING:
    from agent_store.paths import StorePaths
    from ingest.privacy.policy import Policy

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def landing_policy(paths: StorePaths) -> Policy:
    """The policy of a home as landing applies it, with the home's salt and the list of what was forgotten.

    Raises StoreError if privacy.yml is invalid.
    """
    from agent_store.privacy import forgotten
    from agent_store.privacy.salt import read_salt
    from ingest.privacy.policy import Policy

    salt = read_salt(paths)
    known = forgotten.read(paths)
    tombstones = known.tombstones(salt)
    if not paths.privacy.exists():  # pydantic would take a tenth of a build with nothing new
        return Policy(salt=salt, dropped_files=known.files, forgotten=tombstones)
    from agent_store.privacy.policy import read_policy

    return read_policy(paths).landing(salt, tombstones, known.files)


def under_policy(
    function: Callable[Concatenate[StorePaths, _Given], _Result],
) -> Callable[Concatenate[StorePaths, _Given], _Result]:
    """Apply the policy of the given home to everything that a function lands."""

    @wraps(function)
    def landing(paths: StorePaths, /, *given: _Given.args, **named: _Given.kwargs) -> _Result:
        from ingest.privacy.privacy import in_force

        with in_force(lambda: landing_policy(paths)):
            return function(paths, *given, **named)

    return landing
