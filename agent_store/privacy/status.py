"""What the policy of a home is, in words, and whether everything that is landed has gone through it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_store.privacy import forgotten, landing_policy
from agent_store.privacy.policy import EMAIL_KIND, PrivacyPolicy, read_policy
from ingest.warehouse import reading

if TYPE_CHECKING:
    from agent_store.paths import StorePaths
    from ingest.privacy.secrets import SecretKind


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
    """The policy in force, line by line."""
    policy = read_policy(paths)
    where = (
        str(paths.privacy)
        if paths.privacy.exists()
        else "the defaults (agent-store privacy init writes them to a file)"
    )
    found = [
        f"policy     {where}",
        f"secrets    {policy.secrets}"
        + (f", but not {', '.join(policy.secret_kinds.skip)}" if policy.secret_kinds.skip else ""),
        f"emails     {policy.emails}",
        f"user ids   {policy.user_ids}",
        f"prompts    {policy.prompts}",
        f"answers    {policy.answers}",
        f"contents   {policy.contents}",
    ]
    for rule in policy.projects:
        said = ", ".join(
            f"{name} {mode}" for name in ("prompts", "answers", "contents") if (mode := getattr(rule, name))
        )
        found.append(f"project    {rule.path}: {said or 'as elsewhere'}")
    found += [f"file       {pattern}: contents dropped" for pattern in policy.files]
    found += [f"forgotten  {pattern}: contents dropped" for pattern in forgotten.read(paths).files]
    if is_applied(paths) is False:
        found.append("Not everything that is landed has gone through this policy: agent-store privacy apply")
    return found
