"""Verifying a home, its witness and its signed audit logs."""

from __future__ import annotations

import json
import random
import shutil
import zipfile
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from agent_store.audit import bundle, keys
from agent_store.audit.verify import verify
from agent_store.audit.witness import witness
from agent_store.cli.program import cli
from agent_store.errors import StoreError
from agent_store.paths import StorePaths
from ingest import chain
from ingest.amend import amending
from ingest.land import land
from ingest.warehouse import writing

SESSION = "projects/-home-dev-shop/6b7f2a7c-c316-4755-b7ec-5f39b4a2f9cf.jsonl"


def landed(folder: Path) -> StorePaths:
    """A home in whose warehouse ten lines have been landed, in two batches."""
    paths = StorePaths(folder / "store")
    session = folder / "home" / SESSION
    session.parent.mkdir(parents=True, exist_ok=True)
    for start in (0, 5):
        with session.open("a") as file:
            file.writelines(f'{{"type": "user", "number": {number}}}\n' for number in range(start, start + 5))
        land([folder / "home"], paths.warehouse)
    return paths


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> StorePaths:
    """Such a home, not to be changed."""
    return landed(tmp_path_factory.mktemp("audit"))


@pytest.fixture
def paths(first: StorePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StorePaths:
    """A copy of it, the home of the commands."""
    home = Path(shutil.copytree(first.home, tmp_path / "copy"))
    monkeypatch.setenv("AGENT_STORE_HOME", str(home))
    return StorePaths(home)


def run(*arguments: str | Path) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(cli, [str(one) for one in arguments], standalone_mode=False)


def change(paths: StorePaths, statement: str) -> None:
    """Change the warehouse behind the back of the chain."""
    with duckdb.connect(str(paths.warehouse)) as connection:
        connection.execute(statement)


# ------------------------------------------------------------------------------------------------ verify


def test_an_untouched_home_holds(paths: StorePaths) -> None:
    done = run("verify")
    assert done.return_value == 0
    assert "The chain is valid: 10 lines, 0 documents and 1 file in 2 batches." in done.output
    found = json.loads(run("verify", "--json").output)
    assert (found["holds"], found["line_count"], found["findings"]) == (True, 10, [])
    assert found["head"] in done.output


def test_a_changed_line_is_named_and_ends_with_1(paths: StorePaths) -> None:
    change(paths, "update raw.transcript_line set line = '{}' where line_number = 3")
    done = run("verify")
    assert done.return_value == 1
    assert f"{SESSION}:3 (raw.transcript_line, batch 1) differs from what was landed." in done.output
    found = json.loads(run("verify", "--json").output)
    assert (found["findings"][0]["source_path"], found["findings"][0]["line_number"]) == (SESSION, 3)


def test_forgotten_lines_are_counted(paths: StorePaths) -> None:
    with writing(paths.warehouse) as connection:
        connection.begin()
        with amending(connection) as amendment:
            amendment.erase("transcript_line", "line_number < 4", "forgotten")
        connection.commit()
    done = run("verify")
    assert done.return_value == 0
    assert "3 rows were forgotten; their hashes are kept." in done.output


def test_a_store_of_another_chain_is_named(paths: StorePaths) -> None:
    with duckdb.connect(str(paths.store)) as connection:
        connection.execute("create table store_build as select repeat('ab', 32) as chain_head")
    assert [finding.what for finding in verify(paths).findings] == ["unknown head"]


def test_what_cannot_be_verified_is_said(paths: StorePaths, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no warehouse") as missing:
        verify(StorePaths(tmp_path / "nowhere"))
    assert missing.value.exit_code == 3
    change(paths, "alter table raw.batch drop column chain_hash")
    with pytest.raises(StoreError, match="stored no hashes"):
        verify(paths)


# ------------------------------------------------------------------------------------------------ witness


def test_a_witness_gets_each_head_once(paths: StorePaths, tmp_path: Path) -> None:
    file = tmp_path / "witness.jsonl"
    assert "the head was appended" in run("verify", "--witness", file).output
    assert "the head is already its last line" in run("verify", "--witness", file).output
    assert file.stat().st_mode & 0o777 == 0o600
    more = tmp_path / "home" / "projects" / "-x" / "more.jsonl"
    more.parent.mkdir(parents=True)
    more.write_text('{"type": "user"}\n')
    land([tmp_path / "home"], paths.warehouse)
    keys.private_key(paths)
    assert run("verify", "--witness", file).return_value == 0
    heads = [json.loads(line) for line in file.read_text().splitlines()]
    assert [head["batch_id"] for head in heads] == [2, 3]
    assert ["signature" in head for head in heads] == [False, True], "from when on there is a key"
    assert run("verify", "--witness", file).return_value == 0


def test_a_chain_that_was_made_again_is_noticed(paths: StorePaths, tmp_path: Path) -> None:
    file = tmp_path / "witness.jsonl"
    run("verify", "--witness", file)
    before = file.read_text()
    other = landed(tmp_path / "again")
    shutil.copy(other.warehouse, paths.warehouse)
    assert run("verify").return_value == 0, "it holds by itself"
    done = run("verify", "--witness", file)
    assert done.return_value == 1
    assert f"{file}:1: the chain was rewritten or truncated since" in done.output
    assert file.read_text() == before


def test_nothing_is_appended_where_the_chain_does_not_hold(paths: StorePaths, tmp_path: Path) -> None:
    change(paths, "delete from raw.transcript_line where line_number = 3")
    assert run("verify", "--witness", tmp_path / "witness.jsonl").return_value == 1
    assert not (tmp_path / "witness.jsonl").exists()


def test_a_signed_head_that_was_changed_is_noticed(paths: StorePaths, tmp_path: Path) -> None:
    file = tmp_path / "witness.jsonl"
    keys.private_key(paths)
    run("verify", "--witness", file)
    file.write_text(file.read_text().replace('"host": "', '"host": "x'))
    found = witness(paths, file, verify(paths).batches).findings
    assert found == (f"{file}:1: the line was changed after it was signed.",)


def test_a_file_that_is_no_witness_is_left_alone(paths: StorePaths, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("my notes\n")
    with pytest.raises(StoreError, match=r"notes.txt:1 is not a head"):
        witness(paths, file, verify(paths).batches)
    assert file.read_text() == "my notes\n"


# ------------------------------------------------------------------------------------------------ bundles


def record(number: int, **others: Any) -> dict[str, Any]:
    """A record of a line."""
    return {
        "record_type": "prompt",
        "content": f"prompt {number} \u2028 über",
        "source_path": SESSION,
        "source_line": number,
        **others,
    }


def written(paths: StorePaths, target: Path) -> Path:
    """A bundle of three records of the second batch."""
    records = target.with_suffix(".jsonl")
    records.write_text(
        "".join(json.dumps(record(number), ensure_ascii=False) + "\n" for number in (6, 7, 9)),
        encoding="utf-8",
    )
    done = bundle.write(paths, records, target, ("2026-02-01", "2026-03-01"))
    assert (done.record_count, done.untied_count) == (3, 0)
    return target


def test_a_bundle_is_checked_without_a_store(
    paths: StorePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(paths, tmp_path / "audit.zip")
    fingerprint = keys.fingerprint(keys.public_bytes(keys.private_key(paths)))
    monkeypatch.setenv("AGENT_STORE_HOME", str(tmp_path / "nothing"))
    done = run("verify", file)
    assert done.return_value == 0
    assert "3 prompt" in done.output
    assert f"Signed by the key {fingerprint}." in done.output
    assert "The bundle cannot prove whose key that is" in done.output
    known = run("verify", file, "--key", fingerprint)
    assert known.return_value == 0
    assert "cannot prove" not in known.output
    (tmp_path / "key.txt").write_text(f"{fingerprint.upper()}\n")
    assert run("verify", file, "--key", tmp_path / "key.txt").return_value == 0
    assert run("verify", file, "--key", "0" * 64).return_value == 1
    assert not (tmp_path / "nothing").exists()
    with pytest.raises(StoreError, match="neither a fingerprint"):
        bundle.check(file, "abc")
    with zipfile.ZipFile(file) as archive:
        batches = archive.read("batches.jsonl").decode().splitlines()
    assert [json.loads(batch)["batch_id"] for batch in batches] == [2], "from the first that is needed"


def test_any_byte_of_a_bundle_that_is_changed_is_found(paths: StorePaths, tmp_path: Path) -> None:
    data = written(paths, tmp_path / "audit.zip").read_bytes()
    chance = random.Random(5)
    file = tmp_path / "changed.zip"
    for place in [*range(0, len(data), 5), *range(len(data) - 160, len(data))]:
        file.write_bytes(data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :])
        assert bundle.check(file).findings, place
    for end in range(0, len(data), 501):
        file.write_bytes(data[:end])
        assert bundle.check(file).findings, end
    file.write_bytes(data + b"\n")
    assert bundle.check(file).findings


def packed_again(file: Path, changes: dict[str, tuple[str, str]], key: Any = None) -> Path:
    """Replace texts in files of a bundle, as somebody would who has no key, or another one."""
    with zipfile.ZipFile(file) as archive:
        files = {info.filename: archive.read(info).decode() for info in archive.infolist()}
        signature = archive.comment
    for name, (old, new) in changes.items():
        assert old in files[name]
        files[name] = files[name].replace(old, new)
    if key is not None:
        manifest = json.loads(files["manifest.json"])
        manifest["public_key"] = keys.public_bytes(key).hex()
        for name, listed in manifest["files"].items():
            listed["sha256"] = sha256(files[name].encode()).hexdigest()
        files["manifest.json"] = json.dumps(manifest)
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.comment = signature
    data = packed.getvalue()
    if key is not None:
        data = data[:-128] + key.sign(data[:-128]).hex().encode()
    changed = file.with_name("again.zip")
    changed.write_bytes(data)
    return changed


def test_a_changed_record_is_named(paths: StorePaths, tmp_path: Path) -> None:
    changed = packed_again(
        written(paths, tmp_path / "audit.zip"), {"records.jsonl": ("prompt 7", "prompt 8")}
    )
    assert bundle.check(changed).findings == [
        "The signature does not match: the bundle was changed after it was signed.",
        "records.jsonl is not the file listed in the manifest.",
        "Record 2 was changed (records.jsonl:2).",
    ]


def test_a_bundle_signed_again_has_another_key_and_the_same_chain(paths: StorePaths, tmp_path: Path) -> None:
    other = keys.private_key(StorePaths(tmp_path / "other"))
    expected = keys.fingerprint(keys.public_bytes(keys.private_key(paths)))
    file = written(paths, tmp_path / "audit.zip")
    assert bundle.check(packed_again(file, {}, other)).findings == []
    (finding,) = bundle.check(packed_again(file, {}, other), expected).findings
    assert finding.startswith("It is signed by another key")
    for name, change_of, expected_finding in (
        ("batches.jsonl", ('"host":"', '"host":"x'), "Batch 2 does not continue the batch before it."),
        ("row_hashes.jsonl", ('["', '["' + "0" * 64 + '","'), "The row hashes of batch 2 are not the ones"),
        ("records.jsonl", ('"row_hash":"', '"row_hash":"0'), "Record 1: its line is not in batch 2."),
        ("manifest.json", ('"chain_hash_before": "', '"chain_hash_before": "0'), "Batch 2 does not continue"),
    ):
        findings = bundle.check(packed_again(file, {name: change_of}, other)).findings
        assert any(one.startswith(expected_finding) for one in findings), (name, findings)


def test_records_are_tied_to_lines_as_they_were_landed(paths: StorePaths, tmp_path: Path) -> None:
    with duckdb.connect(str(paths.warehouse), read_only=True) as connection:
        hashes = dict(connection.execute("select line_number, row_hash from raw.transcript_line").fetchall())
    with writing(paths.warehouse) as connection:
        connection.begin()
        with amending(connection) as amendment:
            for text in ("a", "b"):
                connection.execute(
                    f"create or replace temp table given as select rowid as row, '{{\"{text}\": 1}}' as line "
                    "from raw.transcript_line where line_number = 6"
                )
                amendment.rewrite("transcript_line", "given", "policy")
            amendment.erase("transcript_line", "line_number = 7", "forgotten")
        connection.commit()
    records = tmp_path / "records.jsonl"
    records.write_text(
        "".join(json.dumps(record(number)) + "\n" for number in (6, 7))
        + json.dumps(record(1, source_line=None))
    )
    done = bundle.write(paths, records, tmp_path / "audit.zip", ("2026-02-01", "2026-03-01"))
    assert (done.record_count, done.untied_count) == (3, 2)
    assert bundle.check(tmp_path / "audit.zip").findings == []
    with zipfile.ZipFile(tmp_path / "audit.zip") as archive:
        found = [json.loads(line)["lines"] for line in archive.read("records.jsonl").split(b"\n")[:-1]]
    assert found == [[{"batch_id": 2, "row_hash": hashes[6].hex()}], [], []]


def test_what_does_not_hold_is_not_signed(paths: StorePaths, tmp_path: Path) -> None:
    change(paths, "update raw.transcript_line set line = '{}' where line_number = 3")
    with pytest.raises(StoreError, match="is not valid"):
        written(paths, tmp_path / "audit.zip")
    assert not (tmp_path / "audit.zip").exists()


def test_the_key_is_made_once_for_its_owner(paths: StorePaths) -> None:
    made = keys.public_bytes(keys.private_key(paths))
    assert keys.public_bytes(keys.private_key(paths)) == made
    file = keys.key_file(paths)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    file.write_text("no key")
    with pytest.raises(StoreError, match="not a private key"):
        keys.private_key(paths)


def test_the_columns_of_a_batch_are_all_sealed(paths: StorePaths) -> None:
    with duckdb.connect(str(paths.warehouse), read_only=True) as connection:
        columns = [name for name, *_ in connection.execute("describe raw.batch").fetchall()]
    assert sorted(columns) == sorted(chain.Batch.__dataclass_fields__)
