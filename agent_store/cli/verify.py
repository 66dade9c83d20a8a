"""`agent-store verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent_store.cli.output import PROBLEMS_SHOWN, echo_json, tell
from agent_store.paths import store_paths
from ingest.text import counted

if TYPE_CHECKING:
    from agent_store.audit.verify import Verified


@click.command()
@click.argument("bundle", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--witness", "file", type=click.Path(path_type=Path, dir_okay=False),
    help="A file kept elsewhere: compare the chain with the heads in it, and append the current one.",
)  # fmt: skip
@click.option(
    "--key", help="For a bundle: the fingerprint of the key that must have signed it, or a file that contains it."
)
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def verify(bundle: Path | None, file: Path | None, key: str | None, as_json: bool) -> int:
    """Verify that landed data has not been changed, removed or added to.

    Recomputes the audit chain from the warehouse; with BUNDLE, checks an exported audit log (.zip), for which no store
    is needed. Exit code 1 if anything does not match.
    """
    if bundle is not None:
        if file is not None:
            raise click.UsageError("A bundle has no witness: remove --witness.")
        return _verify_bundle(bundle, key, as_json)
    if key is not None:
        raise click.UsageError("--key is for a bundle: name its file.")
    from dataclasses import asdict

    from agent_store.audit import verify as chains
    from agent_store.audit.witness import witness

    paths = store_paths()
    verified = chains.verify(paths)
    witnessed = None
    if file is not None and not verified.finding_count:
        witnessed = witness(paths, file, verified.batches)
    holds = not verified.finding_count and not (witnessed and witnessed.findings)
    if as_json:
        found: dict[str, Any] = {
            "holds": holds,
            "head": verified.head,
            "published_head": verified.published_head,
            "batch_count": len(verified.batches),
            "line_count": verified.line_count,
            "row_counts": dict(verified.row_counts),
            "erased": verified.erased,
            "rewritten": verified.rewritten,
            "sealed_by_upgrade": {f"{time:%Y-%m-%dT%H:%M:%SZ}": count for time, count in verified.sealed_later.items()},
            "finding_count": verified.finding_count,
            "findings": [asdict(finding) for finding in verified.findings],
        }  # fmt: skip
        if witnessed is not None:
            found["witness"] = asdict(witnessed)
        echo_json(found, None)
        return int(not holds)
    for said in _told(verified):
        tell(said)
    if witnessed is not None and file is not None:
        for said in witnessed.findings[:PROBLEMS_SHOWN]:
            tell(said)
        if not witnessed.findings:
            new = "the head was appended" if witnessed.is_added else "the head is already its last line"
            heads = counted(witnessed.head_count, "head")
            tell(f"The witness {file} matches the chain ({heads}); {new}.")
    elif file is not None:
        tell(f"Nothing was written to {file}.")
    return int(not holds)


def _told(verified: Verified) -> list[str]:
    """The findings, as sentences."""
    counts = (
        f"{counted(verified.line_count, 'line')}, {counted(verified.row_counts['document'], 'document')} and "
        f"{counted(verified.row_counts['source_file'], 'file')} in {counted(len(verified.batches), 'batch', 'batches')}"
    )
    if verified.finding_count:
        told = [f"The chain is not valid ({counts}). {counted(verified.finding_count, 'finding')}:"]
        told += [finding.message for finding in verified.findings[:PROBLEMS_SHOWN]]
        if verified.finding_count > PROBLEMS_SHOWN:
            told.append(
                f"… and {verified.finding_count - PROBLEMS_SHOWN:,} more; --json lists {len(verified.findings):,}."
            )
    else:
        told = [f"The chain is valid: {counts}."]
    words = {
        "forgotten": "forgotten",
        "retention": "removed because they were older than the policy allows",
        "policy": "rewritten because the policy changed",
    }
    for reasons in (verified.erased, verified.rewritten):
        told += [
            f"{_were(count, 'row')} {words.get(reason, reason)}; their hashes are kept."
            for reason, count in reasons.items()
        ]
    told += [
        f"{_were(count, 'batch', 'batches')} sealed at the upgrade of {time:%Y-%m-%d %H:%M} UTC: changes made before "
        "then cannot be detected."
        for time, count in verified.sealed_later.items()
    ]
    if verified.published_head and verified.holds(verified.published_head):
        told.append("The published store was made from this chain.")
    if verified.batches:
        told.append(f"Head: batch {verified.batches[-1].batch_id}, {verified.head}")
    return told


def _were(count: int, noun: str, nouns: str = "") -> str:
    return f"{counted(count, noun, nouns)} {'was' if count == 1 else 'were'}"


def _verify_bundle(bundle: Path, key: str | None, as_json: bool) -> int:
    from dataclasses import asdict

    from agent_store.audit.bundle import check

    checked = check(bundle, key)
    if as_json:
        echo_json({"holds": not checked.findings, **asdict(checked)}, None)
        return int(bool(checked.findings))
    for said in checked.told:
        tell(said)
    return int(bool(checked.findings))
