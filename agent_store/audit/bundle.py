"""A signed audit log: the records of a period, the part of the chain with their lines, and a signature over both.

A bundle is a zip file whose comment is the signature over every byte before it. It contains no raw lines, only their
hashes. Anyone given a line and its salt can compute the hash and find it in the bundle.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent_store.audit import keys
from agent_store.audit.verify import BROUGHT, NO_WAREHOUSE, registered_tombstones
from agent_store.audit.verify import check as check_chain
from agent_store.errors import StoreError, explain
from agent_store.replacing import replacing
from agent_store.store import open_warehouse
from ingest.chain import SEALED, Batch, batches, has_chain, rows_hash
from ingest.text import counted

if TYPE_CHECKING:
    import duckdb

    from agent_store.paths import StorePaths

SUFFIX: Final = ".zip"
_FORMAT: Final = "agent-store audit log 1"
_MANIFEST: Final = "manifest.json"
_RECORDS: Final = "records.jsonl"
_RECORD_HASHES: Final = "record_hashes.txt"
_BATCHES: Final = "batches.jsonl"
_ROWS: Final = "row_hashes.jsonl"
_FILES: Final = (_RECORDS, _RECORD_HASHES, _BATCHES, _ROWS)
_SIGNATURE_LETTERS: Final = 128
_LISTED: Final = 1_000
_SHOWN: Final = 20
# The most that a bundle may unpack to, so that a hostile one cannot fill the memory.
_MOST_BYTES: Final = 4 << 30
_LINES: Final = " union all ".join(
    f"select files.path, lines.line_number, lines._batch_id, lines.row_hash from raw.{name} as lines "
    "inner join raw.source_file as files using (file_id) "
    "semi join asked on asked.path = files.path and asked.line_number = lines.line_number"
    for name, sealed in SEALED.items()
    if sealed.line_number != "0"
)


# --- writing


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, and the key that signed it."""

    record_count: int
    untied_count: int
    fingerprint: str


def write(paths: StorePaths, records: Path, target: Path, period: tuple[str, str]) -> Written:
    """Write a bundle of records (a file with one JSON object a line) of a period.

    Raises StoreError, and signs nothing, if the chain is not valid.
    """
    texts = [line for line in records.read_bytes().split(b"\n") if line]
    found = [json.loads(text) for text in texts]
    with open_warehouse(paths, busy_code=NO_WAREHOUSE) as connection:
        if not has_chain(connection) or check_chain(connection).finding_count:
            raise StoreError(
                "The audit chain is not valid, so nothing was signed.",
                "See what is wrong: agent-store verify",
            )
        ties = _ties(connection, found)
        needed = {batch_id for lines in ties.values() for batch_id, _ in lines}
        chain = batches(connection)
        rows = _row_hashes(connection, needed)
    key = keys.private_key(paths)
    told: list[bytes] = []
    untied = 0
    for text, record in zip(texts, found, strict=True):
        lines = ties.get((record["source_path"], record["source_line"]), [])
        untied += not lines
        tied = _json([{"batch_id": batch, "row_hash": hash_} for batch, hash_ in lines])
        told.append(text[: text.rindex(b"}")] + f',"lines":{tied}}}'.encode())
    first = min(needed, default=chain[-1].batch_id + 1 if chain else 1)
    part = [batch for batch in chain if batch.batch_id >= first]
    before = next((batch.chain_hash for batch in chain if batch.batch_id == first - 1), "")
    files = {
        _RECORDS: b"".join(record + b"\n" for record in told),
        _RECORD_HASHES: _lines(sha256(record).hexdigest() for record in told),
        _BATCHES: _lines(_json(asdict(batch)) for batch in part),
        _ROWS: _lines(_json({"batch_id": batch, "row_hashes": hashes}) for batch, hashes in rows.items()),
    }
    public = keys.public_bytes(key)
    manifest = {
        "format": _FORMAT,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "first_at": period[0],
        "end_at": period[1],
        "record_counts": dict(sorted(Counter(record["record_type"] for record in found).items())),
        "untied_record_count": untied,
        "chain_hash_before": before,
        "head": {"batch_id": chain[-1].batch_id, "chain_hash": chain[-1].chain_hash} if chain else None,
        "public_key": public.hex(),
        "files": {
            name: {"sha256": sha256(data).hexdigest(), "bytes": len(data), "lines": data.count(b"\n")}
            for name, data in files.items()
        },
    }
    packed = _packed({_MANIFEST: json.dumps(manifest, indent=1).encode(), **files})
    try:
        with replacing(target) as fresh:
            fresh.write_bytes(packed + key.sign(packed).hex().encode())
    except OSError as error:
        raise (
            explain(error, f"Writing {target}") or StoreError(f"Writing {target} failed: {error}")
        ) from error
    return Written(len(told), untied, keys.fingerprint(public))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=datetime.isoformat)


def _lines(texts: Iterable[str]) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


def _packed(files: Mapping[str, bytes]) -> bytes:
    """The zip file up to its comment, to which the signature is appended later."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
        archive.comment = b"0" * _SIGNATURE_LETTERS
    return packed.getvalue()[:-_SIGNATURE_LETTERS]


def _ties(
    connection: duckdb.DuckDBPyConnection, records: list[dict[str, Any]]
) -> dict[tuple[str, int], list[tuple[int, str]]]:
    """The lines that records come from, by path and number, with the batch that landed each and its hash there."""
    import pyarrow as pa

    asked = {(one["source_path"], one["source_line"]) for one in records if one["source_line"] is not None}
    given = {
        "path": pa.array([path for path, _ in asked], pa.string()),
        "line_number": pa.array([number for _, number in asked], pa.int64()),
    }
    connection.register("asked", pa.table(given))
    before = dict(connection.execute("select new_row_hash, row_hash from raw.rewritten_row").fetchall())
    ties: dict[tuple[str, int], list[tuple[int, str]]] = {}
    for path, number, batch_id, now in connection.execute(f"{_LINES} order by all").fetchall():
        landed = now  # the batch sealed the row before it was rewritten
        while landed in before:
            landed = before[landed]
        ties.setdefault((path, number), []).append((batch_id, landed.hex()))
    return ties


def _row_hashes(connection: duckdb.DuckDBPyConnection, needed: set[int]) -> dict[int, list[str]]:
    """The hashes of all rows of some batches."""
    rows: dict[int, list[str]] = {batch_id: [] for batch_id in sorted(needed)}
    with registered_tombstones(connection):
        for batch_id, hash_, _ in connection.execute(BROUGHT).fetchall():
            if batch_id in rows:
                rows[batch_id].append(hash_.hex())
    return rows


# --- checking


@dataclass(slots=True)
class Checked:
    """What a bundle says about itself, and what is wrong with it."""

    fingerprint: str = ""
    is_known_key: bool = False
    record_counts: dict[str, int] = field(default_factory=dict)
    head: dict[str, Any] | None = None
    findings: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def add(self, finding: str) -> None:
        """Keep a finding, unless there are too many to list."""
        if len(self.findings) < _LISTED:
            self.findings.append(finding)


def check(bundle: Path, key: str | None = None) -> Checked:
    """Check a bundle without any store: its signature, its files, its part of the chain, and each record.

    `key` is the signer's fingerprint, or a file that contains it or the public key.
    """
    expected = None if key is None else _expected(key)
    try:
        data = bundle.read_bytes()
    except OSError as error:
        raise (
            explain(error, f"Reading {bundle}") or StoreError(f"{bundle} cannot be read: {error}.")
        ) from error
    checked = Checked()
    files = _unpacked(data, checked)
    try:
        manifest = json.loads(files.get(_MANIFEST, b""))
        _check_manifest(manifest, data, expected, checked)
        _check_files(manifest["files"], files, checked)
        _check_records(files, checked)
        _check_chain(manifest, files, checked)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        checked.add(
            f"agent-store did not write this bundle, or it was damaged ({type(error).__name__})."
        )
    checked.told = _told(bundle, checked)
    return checked


def _expected(key: str) -> str:
    """The fingerprint given as text, or read from the file that the text names."""
    text = key.strip().lower()
    file = Path(key).expanduser()
    if file.is_file():
        read = file.read_bytes()
        if read.startswith(b"-----BEGIN PUBLIC KEY"):
            from cryptography.hazmat.primitives.serialization import (
                Encoding,
                PublicFormat,
                load_pem_public_key,
            )

            try:
                public = load_pem_public_key(read).public_bytes(Encoding.Raw, PublicFormat.Raw)
            except ValueError as error:
                raise StoreError(f"{file} is not an ed25519 public key.") from error
            return keys.fingerprint(public)
        text = read.decode("utf-8", "replace").strip().lower()
    if len(text) != len(keys.fingerprint(b"")) or not set(text) <= set("0123456789abcdef"):
        raise StoreError(
            f"{key!r} is neither a fingerprint nor a file that contains one.",
            "A fingerprint has 64 hexadecimal digits; the export of the bundle printed it.",
        )
    return text


def _unpacked(data: bytes, checked: Checked) -> dict[str, bytes]:
    """The files of a bundle that can be unpacked."""
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            known = [info for info in archive.infolist() if info.filename in {_MANIFEST, *_FILES}]
            if len(known) != len(archive.infolist()) or len({info.filename for info in known}) != len(known):
                checked.add("The bundle contains files that do not belong to it.")
            if sum(info.file_size for info in known) > _MOST_BYTES:
                raise StoreError("The bundle unpacks to more than 4 GB, so it was not read.")
            for info in known:
                try:
                    files[info.filename] = archive.read(info)
                except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError):
                    checked.add(f"{info.filename} cannot be unpacked: it was changed.")
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        checked.add(f"It is not a zip file, or it was truncated or changed: {error}")
    return files


def _check_manifest(manifest: dict[str, Any], data: bytes, expected: str | None, checked: Checked) -> None:
    public = bytes.fromhex(manifest["public_key"])
    checked.fingerprint = keys.fingerprint(public)
    checked.record_counts, checked.head = manifest["record_counts"], manifest["head"]
    if manifest["format"] != _FORMAT:
        checked.add(f"Its format is {manifest['format']!r}, not {_FORMAT!r}.")
    try:
        signature = bytes.fromhex(data[-_SIGNATURE_LETTERS:].decode("ascii"))
        # Each signature has exactly one valid spelling.
        is_signed = signature.hex().encode() == data[-_SIGNATURE_LETTERS:] and keys.is_signed(
            public, signature, data[:-_SIGNATURE_LETTERS]
        )
    except ValueError:
        is_signed = False
    if not is_signed:
        checked.add("The signature does not match: the bundle was changed after it was signed.")
    if expected is not None:
        checked.is_known_key = expected == checked.fingerprint
        if not checked.is_known_key:
            checked.add(f"It is signed by another key: {checked.fingerprint}, not {expected}.")


def _check_files(
    listed: Mapping[str, Mapping[str, Any]], files: Mapping[str, bytes], checked: Checked
) -> None:
    for name in _FILES:
        if name not in files:
            checked.add(f"{name} is missing.")
        elif sha256(files[name]).hexdigest() != listed[name]["sha256"]:
            checked.add(f"{name} is not the file listed in the manifest.")


def _objects(data: bytes) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in data.split(b"\n") if line)


def _check_records(files: Mapping[str, bytes], checked: Checked) -> None:
    """Name each record whose hash differs from the listed one."""
    records = files.get(_RECORDS, b"").split(b"\n")[:-1]
    hashes = files.get(_RECORD_HASHES, b"").decode("ascii", "replace").split("\n")[:-1]
    if len(records) != len(hashes):
        checked.add(f"{_RECORDS} has {len(records):,} records, and {len(hashes):,} were written.")
    for number, (record, hash_) in enumerate(zip(records, hashes, strict=False), start=1):
        if sha256(record).hexdigest() != hash_:
            checked.add(f"Record {number} was changed ({_RECORDS}:{number}).")


def _check_chain(manifest: Mapping[str, Any], files: Mapping[str, bytes], checked: Checked) -> None:
    """Recompute this part of the chain, and look for each record's line in it."""
    previous, last = manifest["chain_hash_before"], None
    sealed: dict[int, Batch] = {}
    for read in _objects(files.get(_BATCHES, b"")):
        times = {
            name: read[name] and datetime.fromisoformat(read[name])
            for name in ("started_at", "finished_at", "sealed_at")
        }
        batch = Batch(**{**read, **times})
        if batch.hashed(previous, batch.rows_hash or "") != batch.chain_hash:
            checked.add(f"Batch {batch.batch_id} does not continue the batch before it.")
        previous, last = batch.chain_hash, batch.batch_id
        sealed[batch.batch_id] = batch
    if sealed and manifest["head"] != {"batch_id": last, "chain_hash": previous}:
        checked.add("The chain does not end with the head named in the manifest.")
    rows: dict[int, frozenset[str]] = {}
    for read in _objects(files.get(_ROWS, b"")):
        hashes = [bytes.fromhex(hash_) for hash_ in read["row_hashes"]]
        one = sealed.get(read["batch_id"])
        if one is None or rows_hash(hashes) != one.rows_hash:
            checked.add(f"The row hashes of batch {read['batch_id']} are not the ones it was sealed with.")
        rows[read["batch_id"]] = frozenset(read["row_hashes"])
    for number, record in enumerate(_objects(files.get(_RECORDS, b"")), start=1):
        for line in record["lines"]:
            if line["row_hash"] not in rows.get(line["batch_id"], ()):
                checked.add(f"Record {number}: its line is not in batch {line['batch_id']}.")


def _told(bundle: Path, checked: Checked) -> list[str]:
    """The findings, as sentences."""
    counts = ", ".join(f"{count:,} {name}" for name, count in checked.record_counts.items()) or "none"
    if checked.findings:
        found = counted(len(checked.findings), "finding")
        return [f"{bundle} is not valid. {found}:", *checked.findings[:_SHOWN]]
    told = [f"{bundle} is valid: signature, files and chain match. Records: {counts}."]
    if checked.head:
        told.append(f"Head of its chain: batch {checked.head['batch_id']}, {checked.head['chain_hash']}")
    told.append(f"Signed by the key {checked.fingerprint}.")
    if not checked.is_known_key:
        told.append(
            "The bundle cannot prove whose key that is: without a fingerprint from another source (--key), the "
            "signature only proves that the bundle was not changed after that key signed it."
        )
    return told
