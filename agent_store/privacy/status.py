"""What the policy of a home is, in words, and whether everything that is landed has gone through it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_store.privacy import forgotten, landing_policy
from agent_store.privacy.policy import EMAIL_KIND, PrivacyPolicy, read_policy
from ingest.warehouse import reading

if TYPE_CHECKING:
    from agent_store.paths import StorePaths
    from ingest.privacy.secrets import SecretKind


_TEXTS: Final = ("prompts", "answers", "contents")
_SIMPLE: Final = ("emails", "user_ids", *_TEXTS)


def is_wanted(policy: PrivacyPolicy, kind: SecretKind) -> bool:
    """Whether secrets of a kind are redacted."""
    if policy.secrets == "keep" or kind.kind in policy.secret_kinds.skip:
        return False
    return (
        kind.is_default
        or kind.kind in policy.secret_kinds.add
        or (kind.kind == EMAIL_KIND and policy.emails == "redact")
    )


def is_applied(paths: StorePaths) -> bool | None:
    """Whether all that is landed has gone through the policy in force; None where nothing is landed."""
    with reading(paths.warehouse) as connection:
        if connection is None:
            return None
        landed = connection.execute("select count(*) from raw.batch").fetchone()
        if not landed or not landed[0]:
            return None
        noted = connection.execute("select max(fingerprint) from raw.privacy").fetchone()
    return bool(noted) and noted[0] == landing_policy(paths).fingerprint


def lines(paths: StorePaths) -> list[str]:
    """The policy in force, a rule a line."""
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
    return [*found, *(f"file {pattern}: contents drop" for pattern in dropped)]
