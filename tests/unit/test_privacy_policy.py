"""privacy.yml: what may stand in it, what is said where it is wrong, and that SQL and Python hash users alike."""

from __future__ import annotations

import stat
from pathlib import Path

import duckdb
import pytest

from agent_store.errors import StoreError
from agent_store.paths import StorePaths
from agent_store.privacy import forgotten, landing_policy
from agent_store.privacy.policy import PrivacyPolicy, read_policy, write_default
from agent_store.privacy.salt import read_salt
from ingest.privacy.policy import Policy, Texts, user_id
from ingest.privacy.privacy import Privacy


@pytest.fixture
def paths(tmp_path: Path) -> StorePaths:
    return StorePaths(tmp_path / "home").ensure()


def test_the_default_file_says_what_is_in_force_without_one(paths: StorePaths) -> None:
    without = landing_policy(paths)
    assert read_policy(paths) == PrivacyPolicy()
    file = write_default(paths)
    assert read_policy(paths) == PrivacyPolicy()
    assert landing_policy(paths) == without
    assert landing_policy(paths).fingerprint == without.fingerprint
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(StoreError, match="exists already"):
        write_default(paths)


def test_what_is_set_is_what_landing_does(paths: StorePaths) -> None:
    paths.privacy.write_text(
        "secrets: keep\nuser_ids: keep\nprompts: hash\nfiles: ['.env*']\n"
        "projects: [{path: /home/me/clients, answers: drop}]\n"
    )
    policy = landing_policy(paths)
    assert not policy.redacts_secrets
    assert not policy.hashes_users
    assert policy.texts == Texts("hash", "keep", "keep")
    assert policy.texts_in("/home/me/clients/one") == Texts("hash", "drop", "keep")
    assert policy.drops_file("/home/me/shop/.env.local")
    assert Privacy(lambda: policy).redactor is None


def test_a_pattern_may_begin_with_the_home_folder(paths: StorePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("USERPROFILE", "/home/me")
    paths.privacy.write_text(
        "files: ['~/taxes/*', '~$draft']\nprojects: [{path: ~/clients, answers: drop}]\n"
        "sharing: {leave_out: ['~/private']}\n"
    )
    policy = landing_policy(paths)
    assert policy.drops_file("/home/me/taxes/2026.pdf")
    assert policy.drops_file("/home/me/~$draft")
    assert policy.texts_in("/home/me/clients/one") == Texts("keep", "drop", "keep")
    assert read_policy(paths).sharing.leave_out == ("/home/me/private",)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("prompt: drop", "unknown entry: prompt", "Did you mean 'prompts'?"),
        ("prompts: hide", "wrong at prompts", "Fix it"),
        ("contents: hash", "wrong at contents", "Fix it"),
        ("projects: [{path: /a, prompts: drop}, {pth: /b}]", "projects → 2 → pth|projects → 2 → path", ""),
        ("secret_kinds: {add: [aws_acess_key_id]}", "did you mean 'aws_access_key_id'", "Fix it"),
        ("- a\n- b", "wrong at the whole file", "Fix it"),
        ("prompts: [", "are not YAML", "Fix the file"),
        ("a: &a [x]\nb: " + "[" + "*a, " * 3 + "*a]", "unknown entry: a", ""),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_landed(paths: StorePaths, text: str, message: str, hint: str) -> None:
    paths.privacy.write_text(text)
    with pytest.raises(StoreError, match=message) as error:
        landing_policy(paths)
    assert hint in error.value.hint
    assert "othing is landed" in error.value.hint


def test_the_salt_is_made_once_and_a_damaged_one_is_refused(paths: StorePaths) -> None:
    salt = read_salt(paths)
    assert len(salt) == 32
    assert read_salt(paths) == salt
    assert stat.S_IMODE(paths.salt.stat().st_mode) == 0o600
    paths.salt.write_text("zz")
    with pytest.raises(StoreError, match="damaged"):
        read_salt(paths)


def test_a_damaged_list_of_what_was_forgotten_stops_landing_but_a_torn_end_does_not(paths: StorePaths) -> None:
    forgotten.add(paths, "session", {"0123456789abcdef"}, sessions=1, lines=2)
    forgotten.add(paths, "file", (), sessions=0, lines=0, files=["*.key"])
    with paths.forgotten.open("a") as file:
        file.write('{"forgotten_at": "2026')
    found = forgotten.read(paths)
    assert [entry.by for entry in found.entries] == ["session", "file"]
    assert landing_policy(paths).drops_file("/a/b.key")
    paths.forgotten.write_text("{}\n" + paths.forgotten.read_text())
    with pytest.raises(StoreError, match="Line 1 of"):
        landing_policy(paths)


def test_users_are_hashed_alike_in_python_and_in_sql() -> None:
    policy = Policy(salt=b"salt")
    macro = Path(__file__).parents[2].joinpath("macros", "user_identity.sql").read_text()
    body = macro[macro.index("case") : macro.index("{%- endmacro")]
    sql = body.replace("{{ name }}", "name").replace("{{ ref('stg_transcripts__policy') }}", "privacy")
    with duckdb.connect() as connection:
        connection.execute("create table privacy as select ? as user_salt", [policy.user_salt])
        for name in ("ann", "Zoë", "ann@example.com", "user_0123456789ab", "user_0123456789abc"):
            found = connection.execute(f"select {sql} from (select ? as name)", [name]).fetchone()
            assert found == (user_id(name, policy.user_salt),)
        assert connection.execute(f"select {sql} from (select 'unknown' as name)").fetchone() == ("unknown",)
        connection.execute("update privacy set user_salt = null")
        assert connection.execute(f"select {sql} from (select 'ann' as name)").fetchone() == ("ann",)


def test_a_user_that_a_program_names_is_hashed_before_it_is_landed() -> None:
    privacy = Privacy(lambda: Policy(salt=b"salt"))
    line = privacy.line('{"kind":"session","payload":{"user_id":"ann@example.com","n":1}}', "event_line")
    assert "ann" not in line
    assert '"n":1' in line
    assert privacy.line(line, "event_line") == line


def test_the_store_does_not_encrypt_itself_and_says_what_to_do(paths: StorePaths) -> None:
    paths.privacy.write_text("encrypt: true")
    with pytest.raises(StoreError, match=r"docs/at_rest\.md"):
        read_policy(paths)
