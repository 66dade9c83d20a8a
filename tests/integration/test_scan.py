"""Scans as part of a build: fast, incremental, and whatever is broken is a row with its reason."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner
from conftest import PROJECT, clean_environment

from agent_store.build import lock, pipeline
from agent_store.build import scan as scans
from agent_store.build.pipeline import Options
from agent_store.cli import cli
from agent_store.paths import StorePaths
from agent_store.store import open_store
from ingest import warehouse as warehouse_module

FIXTURE = PROJECT / "tests" / "fixtures" / "component_repo"
FILES = 10_000


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StorePaths:
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("AGENT_STORE_HOME", str(tmp_path / "store"))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    return StorePaths(tmp_path / "store").ensure()


def rows(paths: StorePaths, sql: str) -> list[tuple[object, ...]]:
    """Ask the warehouse."""
    with duckdb.connect(str(paths.warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def copy_of_the_fixture(folder: Path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copytree(FIXTURE, folder))


def test_a_second_scan_writes_nothing(home: StorePaths, tmp_path: Path) -> None:
    repository = copy_of_the_fixture(tmp_path / "repository")
    first = scans.scan(home, [], named=[repository])
    assert first.versions_landed > 15
    assert first.contract_versions == 13
    stamp = home.warehouse.stat().st_mtime_ns
    second = scans.scan(home, [])
    assert (second.versions_landed, second.contract_versions, second.batch_id) == (0, 0, 0)
    assert second.files_seen == first.files_seen
    assert home.warehouse.stat().st_mtime_ns == stamp
    assert rows(home, "select count(*) from raw.batch") == [(1,)]


def test_only_what_is_new_is_landed(home: StorePaths, tmp_path: Path) -> None:
    repository = copy_of_the_fixture(tmp_path / "repository")
    scans.scan(home, [], named=[repository])
    skill = repository / ".claude" / "skills" / "order-report" / "SKILL.md"
    skill.write_text(skill.read_text(encoding="utf-8") + "\nOne more line.\n", encoding="utf-8")
    shutil.copy(repository / "specs" / "shop-v4.yaml", repository / "specs" / "shop-v5.yaml")
    with (repository / "specs" / "shop-v5.yaml").open("a", encoding="utf-8") as spec:
        spec.write("tags: [{name: orders}]\n")
    again = scans.scan(home, [])
    assert (again.versions_landed, again.contract_versions) == (1, 1)
    assert rows(
        home, "select max(version_order) from raw.contract_version where contract_name = 'shop-api'"
    ) == [(5,)]
    assert rows(
        home, "select count(*) from raw.component_version where path like '%order-report/SKILL.md'"
    ) == [(2,)]


def test_a_killed_scan_lands_everything_the_next_time(
    home: StorePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = copy_of_the_fixture(tmp_path / "repository")

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(warehouse_module, "replace_rows", fail)
        with pytest.raises(KeyboardInterrupt):
            scans.scan(home, [], named=[repository])
    assert rows(home, "select count(*) from raw.component_version") == [(0,)]
    assert rows(home, "select count(*) from raw.batch") == [(0,)]
    assert scans.scan(home, [], named=[repository]).versions_landed > 15


def test_the_history_of_components_comes_from_git(home: StorePaths, tmp_path: Path) -> None:
    repository = copy_of_the_fixture(tmp_path / "repository")
    environment = {**clean_environment(tmp_path / "user"), "GIT_CONFIG_GLOBAL": "/dev/null"}

    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", "-C", str(repository), *arguments],
            check=True, capture_output=True, env=environment,
        )  # fmt: skip

    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "First")
    scans.scan(home, [], named=[repository])
    before = rows(home, "select count(*) from raw.component_commit")
    skill = repository / ".claude" / "skills" / "order-report" / "SKILL.md"
    skill.write_text(skill.read_text(encoding="utf-8") + "More.\n", encoding="utf-8")
    git("commit", "-qam", "Say more")
    scans.scan(home, [])
    assert before[0][0] > 5
    assert rows(
        home, "select path, subject, lines_added from raw.component_commit where subject = 'Say more'"
    ) == [(".claude/skills/order-report/SKILL.md", "Say more", 1)]
    # Each commit's body is known by its hash; the newest is that of the file.
    bodies = rows(
        home,
        "select body_hash from raw.component_body where path like '%order-report/SKILL.md' order by committed_at",
    )
    assert len(set(bodies)) == 2
    assert rows(
        home, "select body_hash from raw.component_version where path like '%order-report/SKILL.md'"
        " qualify row_number() over (order by _batch_id desc) = 1",
    )[0] in bodies  # fmt: skip
    # A store from before bodies were landed gets them with the next scan, and no commit twice.
    commits = rows(home, "select count(*) from raw.component_commit")
    landed = rows(home, "select count(*) from raw.component_body")
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("drop table raw.component_body")
        connection.execute("delete from raw.scan_memory where name like 'git_history %'")
    scans.scan(home, [])
    assert rows(home, "select count(*) from raw.component_commit") == commits
    assert rows(home, "select count(*) from raw.component_body") == landed


def test_ten_thousand_files_are_scanned_in_seconds(home: StorePaths, tmp_path: Path) -> None:
    base = tmp_path / "repository" / "skills"
    for number in range(FILES // 10):
        folder = base / f"skill-{number}"
        folder.mkdir(parents=True)
        (folder / "SKILL.md").write_text(
            f"---\nname: skill-{number}\ndescription: Does the thing of number {number}.\n---\n"
            + "A line of text.\n" * 40,
            encoding="utf-8",
        )
        for part in range(9):
            (folder / f"part-{part}.md").write_text(f"Part {part} of {number}\n" * 40, encoding="utf-8")
    started = time.monotonic()
    first = scans.scan(home, [], named=[tmp_path / "repository"])
    cold = time.monotonic() - started
    started = time.monotonic()
    second = scans.scan(home, [])
    warm = time.monotonic() - started
    assert first.versions_landed == second.files_seen == FILES
    assert second.versions_landed == 0
    assert cold < 20
    assert warm < 2  # a second of it is room for a busy machine


@pytest.fixture(scope="module")
def built(sample_store: Path, tmp_path_factory: pytest.TempPathFactory) -> StorePaths:
    """A store of the sample, to which the repository of fixtures came later."""
    folder = tmp_path_factory.mktemp("scan")
    shutil.copytree(sample_store.parent, folder / "store")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HOME", str(folder / "nobody"))
        patched.setenv("AGENT_STORE_HOME", str(folder / "store"))
        patched.delenv("CLAUDE_CONFIG_DIR", raising=False)
        paths = StorePaths(folder / "store").ensure()
        with lock.build_lock(paths):
            scans.scan(paths, [], named=[FIXTURE])
        options = Options()
        outcome = pipeline.run(paths, PROJECT, options, say=print)
        assert outcome.success, outcome.build
        assert pipeline.run(paths, PROJECT, options, say=print).is_current
    return paths


def ask(paths: StorePaths, sql: str) -> list[tuple[object, ...]]:
    """Ask the published store."""
    with open_store(paths) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.slow
def test_every_table_has_rows(built: StorePaths) -> None:
    tables = (
        "dim_source", "dim_page", "dim_skill", "skill_source_dep", "fact_content_measurement", "dim_dependency",
        "component_dependency_map", "fact_dependency_check", "fact_schema_change", "fact_api_contract_change",
        "v_skill_freshness", "v_skill_budget", "v_dependency_health", "v_breaking_change", "v_impact_cascade",
        "v_set_aside_input",
    )  # fmt: skip
    empty = [table for table in tables if ask(built, f"select count(*) from {table}") == [(0,)]]
    assert not empty


@pytest.mark.slow
def test_what_breaks_names_who_it_concerns(built: StorePaths) -> None:
    found = ask(
        built,
        "select distinct c.component_name from fact_api_contract_change x, dim_component c "
        "where x.classification = 'BREAKING' and x.endpoint = '/orders/{id}' and x.method = 'DELETE' "
        "and contains(x.affected_components, c.component_id) order by 1",
    )
    assert found == [("order-auditor",), ("order-report",)]


@pytest.mark.slow
def test_a_skill_whose_sources_broke_is_stale(built: StorePaths) -> None:
    assert ask(built, "select freshness from v_skill_freshness where skill_name = 'order-report'") == [
        ("stale",)
    ]


@pytest.mark.slow
def test_sessions_tell_which_version_of_a_skill_they_ran_with(built: StorePaths) -> None:
    """The sample's release-notes are those of the file, arguments filled in; its weekly review was changed since."""
    found = ask(
        built,
        "select s.skill_name, u.is_on_disk, u.is_latest, count(distinct u.body_hash) from skill_version_use u"
        " join dim_skill s using (skill_id) where s.skill_name in ('release-notes', 'weekly-review')"
        " group by all order by 1",
    )
    assert found == [("release-notes", True, True, 1), ("weekly-review", False, False, 2)]
    disk = ask(
        built,
        "select body_hash, file_path from fact_content_measurement where file_path like '%/skills/release-notes/SKILL.md'"
        " and file_role = 'main'",
    )[0]
    assert ask(
        built,
        "select version_hash, file_path, is_on_disk, run_count from v_skill_version where skill_name = 'release-notes'",
    ) == [(*disk, True, 1)]
    assert ask(
        built, "select count(*), count(version_hash) from fact_skill_invocation where success"
    )[0] == ask(built, "select count(*), count(*) from fact_skill_invocation where success")[0]  # fmt: skip


@pytest.mark.slow
def test_guesses_of_tokens_say_so(built: StorePaths) -> None:
    """Every number of tokens that no ledger measured is an estimate, and within the bounds of a text."""
    for table in ("fact_content_measurement", "fact_component_measurement"):
        assert ask(
            built,
            f"select count(*) from {table} where (token_method = 'estimated') <> (provenance = 'estimated')",
        ) == [(0,)]
    assert ask(
        built,
        "select count(*) from fact_content_measurement where char_count >= 100"
        " and estimated_tokens / char_count not between 0.14 and 0.61",
    ) == [(0,)]


@pytest.mark.slow
def test_an_agent_fails_with_the_skill_it_preloads(built: StorePaths) -> None:
    found = ask(
        built,
        "select component_name, depth from v_impact_cascade where dependency_name = 'skill:order-report' order by 2, 1",
    )
    assert ("order-auditor", 1) in found


@pytest.mark.slow
def test_a_report_of_plugin_eval_is_randomised_evidence(built: StorePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ask(
        built,
        "select measure, verdict, before_count, after_count, strata_count, round(difference, 2), version_before"
        " from v_change_effect where component_name = 'packager' and evidence = 'randomised' order by measure",
    )
    assert found == [
        ("corrections", "not enough to tell", 0, 0, 0, None, "without"),
        ("cost_usd", "hurt", 12, 12, 2, 1.32, "without"),
        ("duration_seconds", "not enough to tell", 12, 12, 2, 0.91, "without"),
        ("success", "helped", 12, 12, 2, 0.67, "without"),
    ]
    monkeypatch.setenv("AGENT_STORE_HOME", str(built.home))
    # A question on record would be something new for the next build.
    monkeypatch.setenv("AGENT_STORE_QUERY_LOG", "0")
    shown = CliRunner().invoke(cli, ["effect", "packager"], standalone_mode=False, env={"COLUMNS": "140"})
    assert "+67 pts" in shown.output
    assert "randomised" in shown.output
    as_json = CliRunner().invoke(cli, ["effect", "--json"], standalone_mode=False)
    rows_of_all = json.loads(as_json.output)["rows"]
    assert {row["evidence"] for row in rows_of_all} == {"randomised", "observed, before and after"}
    nothing = CliRunner().invoke(cli, ["effect", "packager", "--until", "2026-01-31"], standalone_mode=False)
    assert "no change of packager in this time" in nothing.output


@pytest.mark.slow
def test_bad_input_is_a_finding(built: StorePaths) -> None:
    reasons = {str(path).rsplit("component_repo/", 1)[-1]: str(reason) for path, reason in
               ask(built, "select input_path, set_aside_reason from v_set_aside_input")}  # fmt: skip
    assert "not YAML" in reasons[".claude/skills/Broken_Name/SKILL.md"]
    assert "not closed" in reasons[".claude/skills/unclosed/SKILL.md"]
    assert "neither JSON nor YAML" in reasons["specs/broken.yaml"]


@pytest.mark.slow
def test_nothing_new_takes_no_time(built: StorePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_STORE_HOME", str(built.home))
    monkeypatch.setenv("HOME", str(built.home.parent / "nobody"))
    started = time.monotonic()
    assert pipeline.run(built, PROJECT, Options(), say=print).is_current
    assert time.monotonic() - started < 2
