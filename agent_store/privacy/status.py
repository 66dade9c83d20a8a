"""The policy of a home, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_store.privacy import forgotten
from agent_store.privacy.policy import Retention, read_policy

if TYPE_CHECKING:
    from agent_store.paths import StorePaths

_TEXTS: Final = ("prompts", "answers", "contents")
_SIMPLE: Final = ("emails", "user_ids", *_TEXTS)


def lines(paths: StorePaths) -> list[str]:
    """The current policy, one rule per line."""
    policy = read_policy(paths)
    where = str(paths.privacy) if paths.privacy.exists() else "the defaults"
    skipped = f" but {', '.join(policy.secret_kinds.skip)}" if policy.secret_kinds.skip else ""
    found = [
        f"policy: {where}",
        f"secrets: {policy.secrets}{skipped}",
        *(f"{name.replace('_', ' ')}: {getattr(policy, name)}" for name in _SIMPLE),
    ]
    for rule in policy.projects:
        said = [f"{name} {mode}" for name in _TEXTS if (mode := getattr(rule, name))]
        found.append(f"project {rule.path}: {', '.join(said) or 'as elsewhere'}")
    dropped = dict.fromkeys((*policy.files, *forgotten.read(paths).files))
    found += [f"file {pattern}: contents drop" for pattern in dropped]
    return [*found, *_retention(policy.retention)]


def _retention(rule: Retention) -> list[str]:
    """The retention rules, in words."""
    found = [f"retention of {fact}: {_days(days)} published" for fact, days in sorted(rule.facts.items())]
    if rule.sessions:
        found.insert(0, f"retention of sessions: {_days(rule.sessions)}, then {rule.expired}")
    return found or ["retention: everything is kept"]


def _days(count: int) -> str:
    return f"{count:,} day{'s'[: count != 1]}"
