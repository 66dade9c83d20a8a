"""The list of sources, and what is made of an answer."""

from __future__ import annotations

import csv
import sqlite3
from pathlib import Path

import duckdb
import pytest
from conftest import PROJECT

from ingest import sources
from ingest.sources import Source, SourcesError, Target, read_list
from ingest.sources.databases import schema_of
from ingest.sources.pages import visible_text
from ingest.sources.seen import Before

FIXTURE = PROJECT / "tests" / "fixtures" / "component_repo"


def listed(tmp_path: Path, text: str) -> list[Source]:
    """Read a list."""
    file = tmp_path / "sources.yml"
    file.write_text(text, encoding="utf-8")
    return read_list(file)


def test_the_list_of_the_fixtures_is_read() -> None:
    found = {source.name: source for source in read_list(FIXTURE / "sources.yml")}
    assert found["shop-api"].dependency_type == "api_endpoint"
    assert found["shop-api"].watched is not None
    assert [file.name for file in found["shop-api"].watched.files] == [
        f"shop-v{number}.yaml" for number in (1, 2, 3, 4)
    ]
    assert found["carrier-token"].targets == (Target("env", "CARRIER_TOKEN"),)
    assert found["carrier"].targets == (Target("health", "https://carrier.example/health"),)
    assert found["shop-guides"].skills == ("order-report",)
    assert found["inventory"].dependency_type == "mcp_server"


def test_versions_are_sorted_as_people_count(tmp_path: Path) -> None:
    for number in (1, 2, 10):
        (tmp_path / f"v{number}.sql").write_text("create table a (x int)", encoding="utf-8")
    (source,) = listed(tmp_path, "sources: [{name: db, contract: sql_ddl, versions: ['v*.sql']}]")
    assert source.watched is not None
    assert [file.stem for file in source.watched.files] == ["v1", "v2", "v10"]


@pytest.mark.parametrize(
    ("entry", "kind", "targets"),
    [
        ("{name: a, url: 'https://a.example/x'}", "docs", [("http", "https://a.example/x")]),
        ("{name: a, url: 'https://a.example/x.git'}", "git", [("git", "https://a.example/x.git")]),
        ("{name: a, type: git, path: repo}", "git", [("git", "repo")]),
        ("{name: a, path: notes.md}", "docs", [("file", "notes.md")]),
        ("{name: a, env: TOKEN}", "config", [("env", "TOKEN")]),
        ("{name: a, database: app.db}", "schema", [("database", "app.db")]),
        ("{name: a, health: 'https://a.example/up'}", "service", [("health", "https://a.example/up")]),
        (
            "{name: a, spec: 'https://a.example/openapi.json'}",
            "api",
            [("http", "https://a.example/openapi.json")],
        ),
    ],
)
def test_a_source_says_how_it_is_looked_at(
    tmp_path: Path, entry: str, kind: str, targets: list[tuple[str, str]]
) -> None:
    (source,) = listed(tmp_path, f"sources: [{entry}]")
    assert source.type == kind
    assert [(one.kind, one.address.removeprefix(f"{tmp_path}/")) for one in source.targets] == targets


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sources: {a: b}", "must be a list"),
        ("sources: [{url: x}]", "source 1 has no name"),
        ("sources: [{name: a, type: planet}]", "not one of docs"),
        ("sources: [{name: a, colour: blue}]", "unknown key colour; there are name, type, .*, git_history"),
        (
            "sources: [{name: a}, {name: b, typ: git}]",
            r"source 2 \(b\): unknown key typ \(did you mean type\?\)",
        ),
        ("sources: [{name: a, type: gti}]", r"source 1 \(a\): type 'gti' .* \(did you mean git\?\)"),
        ("sources: [{name: a, pages: [{b: c}]}]", "pages must be text"),
        ("sources: [{name: [a]}]", "source 1: name must be text"),
        ("sources: [{name: ' '}]", "source 1 has no name"),
        ("sources: [5]", "source 1 has no name"),
        ("sources: [{name: a, git_history: perhaps}]", "git_history is neither true nor false"),
        ('sources: [{name: a, url: "b\\0"}]', "url contains a NUL"),
        ("sources: [{name: a, bad: 1}, {name: b, type: c}]", "unknown key bad.*; source 2 .*type 'c'"),
        ("sources: [{name: a, versions: '**.sql'}]", "is not a file pattern"),
        ("sources: [{name: a}, {name: a}]", "two sources called 'a'"),
        ("sources: [{name: a, contract: graphql, path: x}]", "contract 'graphql'"),
        ("sources: [", "cannot be read"),
    ],
)
def test_a_wrong_list_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SourcesError, match=message):
        listed(tmp_path, text)


def test_what_people_write_for_a_text_is_one(tmp_path: Path) -> None:
    text = "sources: [{name: 5, owner: 7, skills: a, pages: , path: ~nobody-here/x, url: [2026-01-01, b], git_history: }]"
    (source,) = listed(tmp_path, text)
    assert (source.name, source.owner, source.skills, source.url) == ("5", "7", ("a",), "2026-01-01")


def test_an_empty_list_is_no_error(tmp_path: Path) -> None:
    assert listed(tmp_path, "sources:") == []


def test_a_broken_list_is_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "sources.yml"
    file.write_text("sources: [", encoding="utf-8")
    found, changes = sources.list_changes({file: None}, None)
    assert found == []
    (row,) = changes.rows["source_entry"]
    assert "cannot be read" in str(row[11])
    assert changes.set_aside == 1


def test_visible_text_leaves_out_what_changes_with_each_visit() -> None:
    page = (
        "<!doctype html><html><head><title>x</title><script>var nonce = '%s'</script></head><body><nav>Menu</nav>"
        "<h1>Paging</h1><p>Ask for   page <b>2</b>.</p><style>p {}</style></body></html>"
    )
    assert visible_text(page % "1") == visible_text(page % "2") == "Paging\nAsk for page 2."


def test_a_variable_is_never_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "very-secret")
    (source,) = listed(
        tmp_path, "sources: [{name: token, env: SHOP_TOKEN}, {name: none, env: NOT_SET_HERE}]"
    )[:1]
    (seen,) = sources.check([source], {}, salt=b"salt")
    assert seen.result == "first"
    assert "very-secret" not in str(seen.row())
    (again,) = sources.check(
        [source], {("token", "SHOP_TOKEN"): Before(content_hash=seen.content_hash)}, salt=b"salt"
    )
    assert again.result == "unchanged"
    (other,) = sources.check([source], {}, salt=b"pepper")
    assert other.content_hash != seen.content_hash


def test_schemas_of_databases(tmp_path: Path) -> None:
    lite, duck = tmp_path / "a.db", tmp_path / "b.duckdb"
    with sqlite3.connect(lite) as connection:
        connection.execute("create table item (id integer primary key, name text not null)")
    with duckdb.connect(str(duck)) as opened:
        opened.execute("create table item (id bigint, name varchar); create view v as select id from item")
    assert "create table item" in schema_of(lite)[0].lower()
    assert "create view v" in schema_of(duck)[0].lower()
    (tmp_path / "c.db").write_bytes(b"nothing of the kind")
    with pytest.raises(RuntimeError):
        schema_of(tmp_path / "c.db")


def test_the_salt_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    first = sources.salt_of(tmp_path)
    assert first == sources.salt_of(tmp_path)
    assert (tmp_path / "salt").stat().st_mode & 0o077 == 0


def rules(seed: str) -> list[dict[str, str]]:
    """The rules of a seed, in their order."""
    with (PROJECT / "seeds" / f"{seed}.csv").open(newline="", encoding="utf-8") as file:
        return sorted(csv.DictReader(file), key=lambda rule: int(rule["rule_order"]))


@pytest.mark.parametrize(
    ("seed", "name"), [("page_change_rules", "rule_name"), ("command_dependencies", "dependency_name")]
)
def test_each_rule_is_the_first_to_match_its_example(seed: str, name: str) -> None:
    connection = duckdb.connect()
    for rule in rules(seed):
        for other in rules(seed):
            if other.get("source") != rule.get("source"):
                continue
            found = connection.execute(
                "select regexp_matches(?, ?)", [rule["example"], other["pattern"]]
            ).fetchone()
            if found and found[0]:
                assert other[name] == rule[name], rule["example"]
                break
        else:
            pytest.fail(f"no rule matches {rule['example']!r}")
