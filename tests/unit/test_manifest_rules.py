"""The architecture as rules over dbt's manifest."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from mini import REPOSITORY

from agent_store.build import dbt
from agent_store.lake import merging
from agent_store.library.answers import FILES_OF_PATH, QUESTIONS
from agent_store.paths import StorePaths
from tests import chromium

FIXTURES = REPOSITORY / "tests" / "fixtures"
# Tables and views that the store promises by name, whether or not something of its own reads them.
PROMISED = frozenset((FIXTURES / "promised_names.txt").read_text(encoding="utf-8").split())
# Views without a reader yet, each to be given one, merged or taken out.
UNREAD_FILE = FIXTURES / "unread_names.txt"
UNREAD = frozenset(UNREAD_FILE.read_text(encoding="utf-8").split())
MOST_PARENTS = 7
# They say which rows are to be made anew, and are no source of a row.
WATERMARKS = frozenset({"int_session_batch", "int_document_state"})
MOST_CHAINED_VIEWS = 3
KEY_CONSTRAINTS = frozenset({"primary_key", "unique"})
PUBLISHED_SCHEMA = "main"
LAYERS = ("staging", "intermediate", "marts/star", "marts/answers", "health")
SCANS = ("alerts", "code", "components", "contracts", "events", "sources")
# Logs of conversations in other forms than the transcript's: its staging reads them as they were transcripts.
DIALECTS = frozenset({"stg_api_responses__line", "stg_events__line"})
WORD = re.compile(r"\w+")
JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
JINJA_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
SQL_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
STRING = re.compile(r"'(?:[^']|'')*'")
JSON_ACCESS = re.compile(r"->|\bjson_\w+\s*\(|\bfrom_json\w*\s*\(")
VAR = re.compile(r"""\bvar\(\s*['"](\w+)['"]\s*(,)?""")
HARD_CODED = re.compile(r'(?<!distinct )\b(?:from|join)\s+("?[a-z_]\w*"?\."?[a-z_]\w*"?)', re.IGNORECASE)


class Manifest:
    """What the rules ask of a manifest."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.nodes: dict[str, Any] = data["nodes"]
        self.models = sorted(
            (node for node in self.nodes.values() if node["resource_type"] == "model"),
            key=lambda node: node["name"],
        )
        self.tests = [node for node in self.nodes.values() if node["resource_type"] == "test"]

    def parents(self, model: dict[str, Any]) -> list[str]:
        return list(dict.fromkeys(model["depends_on"]["nodes"]))

    def name(self, unique_id: str) -> str:
        return unique_id.split(".", 2)[2]

    def sql(self, model: dict[str, Any], *, jinja: bool) -> str:
        """The model's SQL without comments; without Jinja and strings where those would mislead."""
        text = SQL_COMMENT.sub(" ", JINJA_COMMENT.sub(" ", model["raw_code"]))
        return text if jinja else STRING.sub("''", JINJA.sub(" x ", text))

    def is_published(self, node: dict[str, Any]) -> bool:
        return bool(node["resource_type"] == "model" and node["schema"] == PUBLISHED_SCHEMA)


def _in(model: dict[str, Any], folder: str) -> bool:
    return bool(model["original_file_path"].startswith(f"models/{folder}/"))


def source_only_in_staging(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for model in manifest.models:
        if not _in(model, "staging"):
            for parent in manifest.parents(model):
                if parent.startswith("source."):
                    yield model["name"], f"reads the source {manifest.name(parent)}"


def _reads_only(manifest: Manifest, layer: str, *allowed: str) -> Iterator[tuple[str, str]]:
    """Seeds are business data, and any layer may read them; who reads a source is a rule of its own."""
    for model in manifest.models:
        if _in(model, layer):
            for parent in manifest.parents(model):
                node = manifest.nodes.get(parent)
                if node is None or node["resource_type"] != "model":
                    continue
                if not any(_in(node, folder) for folder in allowed):
                    yield model["name"], f"reads {node['name']}"


def staging_reads_its_own_source(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Within one source a staging model may read another: the line is parsed once, the rest are views."""
    for model in manifest.models:
        if _in(model, "staging"):
            for parent in manifest.parents(model):
                node = manifest.nodes.get(parent)
                if node is None or node["resource_type"] != "model":
                    continue
                is_dialect = node["name"] in DIALECTS
                if (
                    not is_dialect
                    and Path(node["original_file_path"]).parent != Path(model["original_file_path"]).parent
                ):
                    yield model["name"], f"reads {node['name']}"


def intermediate_reads_no_mart(manifest: Manifest) -> Iterator[tuple[str, str]]:
    yield from _reads_only(manifest, "intermediate", "staging", "intermediate")


def star_reads_what_is_sorted_out(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """A scan lands each version of a thing once, a program records an event once: there is nothing to sort out.

    A transcript holds copies, pieces and other clients' words: what a line is, intermediate models say, once for all facts.
    """
    yield from _reads_only(
        manifest, "marts/star", "marts/star", "intermediate", *(f"staging/{scan}" for scan in SCANS)
    )


def answers_read_the_star(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """What is kept of a session whose lines have expired are rows of answers: they go back to where they came from."""
    yield from _reads_only(manifest, "marts/answers", "marts/answers", "marts/star", "staging/retention")


def every_model_is_in_a_layer(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """The views of health tell of the store itself and may read anything."""
    for model in manifest.models:
        if not any(_in(model, layer) for layer in LAYERS):
            yield model["name"], f"lies in none of {', '.join(LAYERS)}"


def json_only_in_staging(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for model in manifest.models:
        if not _in(model, "staging"):
            found = JSON_ACCESS.search(STRING.sub("''", manifest.sql(model, jinja=True)))
            if found:
                yield model["name"], f"reads JSON: {found.group(0)}"


def one_yml_per_model(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for model in manifest.models:
        patch = (model.get("patch_path") or "").split("://")[-1]
        wanted = str(Path(model["original_file_path"]).with_suffix(".yml"))
        if patch != wanted:
            yield model["name"], f"is described in {patch or 'no yml'}, not in {wanted}"
        elif not model["columns"]:
            yield model["name"], "lists no columns"


def every_column_is_typed_and_described(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for model in manifest.models:
        bare = [
            name
            for name, column in model["columns"].items()
            if not column.get("data_type") or not (column.get("description") or "").strip()
        ]
        if bare:
            yield model["name"], f"columns without data_type or description: {', '.join(bare)}"


def every_model_has_a_key(manifest: Manifest) -> Iterator[tuple[str, str]]:
    tested = {
        test["attached_node"]
        for test in manifest.tests
        if {"columns", "grain"} & ((test.get("test_metadata") or {}).get("kwargs") or {}).keys()
    }
    for model in manifest.models:
        constraints = list(model.get("constraints") or [])
        for column in model["columns"].values():
            constraints += column.get("constraints") or []
        if model["unique_id"] not in tested and not any(c["type"] in KEY_CONSTRAINTS for c in constraints):
            yield model["name"], "has neither a key test nor a key constraint"


def every_model_says_its_grain(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for model in manifest.models:
        if not model["description"].lstrip().startswith("One row"):
            yield model["name"], 'its description does not begin with "One row per …"'


def few_parents(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for model in manifest.models:
        count = sum(manifest.name(parent) not in WATERMARKS for parent in manifest.parents(model))
        if count > MOST_PARENTS:
            yield model["name"], f"has {count} direct parents"


def short_chains_of_views(manifest: Manifest) -> Iterator[tuple[str, str]]:
    depth: dict[str, int] = {}

    def views_above(unique_id: str) -> int:
        node = manifest.nodes.get(unique_id)
        if node is None or node["resource_type"] != "model" or node["config"]["materialized"] != "view":
            return 0
        if unique_id not in depth:
            depth[unique_id] = 1 + max((views_above(parent) for parent in manifest.parents(node)), default=0)
        return depth[unique_id]

    for model in manifest.models:
        chain = views_above(model["unique_id"])
        if chain > MOST_CHAINED_VIEWS:
            yield model["name"], f"is view number {chain} in a chain"


def no_hard_coded_relation(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for model in manifest.models:
        found = HARD_CODED.search(manifest.sql(model, jinja=False))
        if found:
            yield model["name"], f"names {found.group(1)} without ref()"


def every_model_has_a_reader(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """A model, an interface, a question in analyses/; or the store promises the name."""
    read: set[str] = set()
    for node in [
        *(node for node in manifest.nodes.values() if node["resource_type"] in ("model", "analysis")),
        *manifest.data["exposures"].values(),
    ]:
        read.update(node["depends_on"]["nodes"])
    for model in manifest.models:
        is_promised = manifest.is_published(model) and model["name"] in PROMISED
        if model["unique_id"] not in read and not is_promised and not model.get("time_spine"):
            yield model["name"], "is read by nothing"


ANSWERS = "agent_store/library/answers.py"
MACRO_FILES = "agent_store/build/sql_macros"
# A page that lists every published model, whatever it is for.
LISTING = "docs/lake.md"
# Whatever reads the store or shows people how to: each such file belongs to an exposure.
READERS = (
    "agent_store/**/*.py",
    "agent_store/**/*.sql",
    "agent_store/show/**/*.js",
    "analyses/*.py",
    "dashboards/**/*.json",
    "docs/*.md",
    "plugin/**/*",
    "README.md",
)


def _strings(source: str) -> str:
    """The texts in a Python file: SQL, messages. Comments and docstrings read nothing."""
    tree = ast.parse(source)
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return "\n".join(
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    )


def _text(place: str) -> str:
    """What a file says to the store; of the questions of the library those of one module (`answers.py#quality`)."""
    file, _, module = place.partition("#")
    if module:
        sql = [question.sql for question in QUESTIONS.values() if question.module == module]
        assert sql, f"there is no module {module}"
        return "\n".join([*sql, *([FILES_OF_PATH] if any("$file_ids" in one for one in sql) else [])])
    source = (REPOSITORY / file).read_text(encoding="utf-8")
    return _strings(source) if file.endswith(".py") else source


def _macro_bodies() -> dict[str, str]:
    """The SQL macros that the published store holds."""
    bodies: dict[str, str] = {}
    for file in sorted((REPOSITORY / MACRO_FILES).glob("*.sql")):
        for part in file.read_text(encoding="utf-8").split("create or replace macro ")[1:]:
            bodies[part.partition("(")[0]] = part.partition("comment on macro")[0]
    return bodies


def _named(text: str, published: frozenset[str], macros: dict[str, str]) -> set[str]:
    """The published models that a text names, or that a macro reads which it calls."""
    named, seen, texts = set(), set(), [text]
    while texts:
        words = WORD.findall(one := texts.pop())
        named |= published.intersection(words)
        called = {name for name in macros.keys() & set(words) - seen if re.search(rf"\b{name}\s*\(", one)}
        seen |= called
        texts += [macros[name] for name in called]
    return named


def exposures_name_what_is_read(manifest: Manifest) -> Iterator[tuple[str, str]]:
    published = frozenset(model["name"] for model in manifest.models if manifest.is_published(model))
    macros = _macro_bodies()
    for exposure in manifest.data["exposures"].values():
        files = exposure["config"].get("meta", {}).get("reads", [])
        named = {name for file in files for name in _named(_text(file), published, macros)}
        listed = {manifest.name(parent) for parent in exposure["depends_on"]["nodes"]}
        for name in sorted(named - listed):
            yield exposure["name"], f"does not list {name}, which {', '.join(files)} reads"
        for name in sorted(listed - named):
            yield exposure["name"], f"lists {name}, which none of its files reads"


def every_reader_is_an_exposure(manifest: Manifest) -> Iterator[tuple[str, str]]:
    published = frozenset(model["name"] for model in manifest.models if manifest.is_published(model))
    macros = _macro_bodies()
    exposures = manifest.data["exposures"].values()
    covered = {file for exposure in exposures for file in exposure["config"].get("meta", {}).get("reads", [])}
    places = {
        file.relative_to(REPOSITORY).as_posix()
        for pattern in READERS
        for file in REPOSITORY.glob(pattern)
        if file.is_file() and "__pycache__" not in file.parts
    } - {ANSWERS, LISTING}
    places |= {f"{ANSWERS}#{question.module}" for question in QUESTIONS.values()}
    for place in sorted(places - covered):
        if named := _named(_text(place), published, macros):
            yield place, f"reads {', '.join(sorted(named))} and is in no exposure"


# What is kept of expired sessions, and of which models it has to be all columns.
KEPT_COLUMNS = {
    "stg_retention__spending": ("fact_spending_day", "v_spending"),
    "stg_retention__cost": ("fact_cause_day",),
}


def what_is_kept_of_expired_sessions_is_all_of_it(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Rows are added by name: a column that is not read again would be NULL for expired sessions, and nobody told."""
    columns = {
        model["name"]: {name for name in model["columns"] if not name.startswith("_")}
        for model in manifest.models
    }
    for kept, wholes in KEPT_COLUMNS.items():
        for whole in wholes:
            missing = sorted(columns.get(whole, set()) - columns.get(kept, set()))
            if missing:
                yield kept, f"lacks columns of {whole}: {', '.join(missing)}"


def published_views_read_what_is_published(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for model in manifest.models:
        if manifest.is_published(model) and model["config"]["materialized"] == "view":
            for parent in manifest.parents(model):
                node = manifest.nodes.get(parent)
                if node is None or not manifest.is_published(node):
                    yield model["name"], f"is a published view on {manifest.name(parent)}, which stays behind"


def _merge(model: dict[str, Any]) -> dict[str, Any]:
    return dict(model["config"].get("meta", {}).get("merge", {}))


def every_published_model_says_how_hosts_merge(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for model in manifest.models:
        merge = _merge(model)
        rule = merge.get("rule")
        if (manifest.is_published(model) or merge) and rule not in merging.RULES:
            yield model["name"], f"has no merge rule ({', '.join(merging.RULES)})"
        if rule == merging.LOCAL and not merge.get("reason"):
            yield model["name"], "is not shared, and does not say why"
        if rule != merging.BY_KEY:
            continue
        key, aggregates = set(merge.get("key", ())), merge.get("columns", {})
        if not key or key | aggregates.keys() != set(model["columns"]) or key & aggregates.keys():
            yield model["name"], "does not say of each column whether it is of the key, or how it is aggregated"
        if not set(aggregates.values()) <= merging.AGGREGATES:
            yield model["name"], f"has an aggregate that is none of {', '.join(sorted(merging.AGGREGATES))}"
        if {"first", "latest"} & set(aggregates.values()) and "order_by" not in merge:
            yield model["name"], "does not say by which column a row is the first or the latest"


def what_is_built_over_hosts_reads_what_is_merged(manifest: Manifest) -> Iterator[tuple[str, str]]:
    read = set()
    for model in manifest.models:
        if _merge(model).get("rule") == merging.GLOBAL:
            for parent in manifest.parents(model):
                node = manifest.nodes.get(parent)
                if node is None or (
                    node["resource_type"] == "model" and _merge(node).get("rule") in {None, merging.LOCAL}
                ):
                    yield model["name"], f"is built over all hosts, and reads {manifest.name(parent)}, which none shares"
                read.add(parent)
    for model in manifest.models:
        if _merge(model) and not manifest.is_published(model) and model["unique_id"] not in read:
            yield model["name"], "has a merge rule, and nothing that is built over all hosts reads it"


Rule = Callable[[Manifest], Iterator[tuple[str, str]]]
RULES: tuple[Rule, ...] = (
    source_only_in_staging,
    staging_reads_its_own_source,
    intermediate_reads_no_mart,
    star_reads_what_is_sorted_out,
    answers_read_the_star,
    every_model_is_in_a_layer,
    json_only_in_staging,
    one_yml_per_model,
    every_column_is_typed_and_described,
    every_model_has_a_key,
    every_model_says_its_grain,
    few_parents,
    short_chains_of_views,
    no_hard_coded_relation,
    every_model_has_a_reader,
    exposures_name_what_is_read,
    every_reader_is_an_exposure,
    what_is_kept_of_expired_sessions_is_all_of_it,
    published_views_read_what_is_published,
    every_published_model_says_how_hosts_merge,
    what_is_built_over_hosts_reads_what_is_merged,
)


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> StorePaths:
    """A home in which nothing has ever been built, and its documentation."""
    paths = StorePaths(tmp_path_factory.mktemp("manifest") / "home")
    dbt.generate_docs(paths, REPOSITORY, paths.home / "docs.html")
    return paths


@pytest.fixture(scope="module")
def manifest(documented: StorePaths) -> Manifest:
    return Manifest(json.loads((documented.target / "manifest.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule(manifest: Manifest, rule: Rule) -> None:
    known = UNREAD if rule is every_model_has_a_reader else frozenset()
    found: dict[str, list[str]] = {}
    for model, reason in rule(manifest):
        found.setdefault(model, []).append(reason)
    new = [f"{model} {'; '.join(reasons)}" for model, reasons in found.items() if model not in known]
    assert not new, f"{rule.__name__}:\n  " + "\n  ".join(new)
    assert not known - set(found), (
        f"Take them out of {UNREAD_FILE.name}: {', '.join(sorted(known - set(found)))}"
    )


def _git(*arguments: str) -> str | None:
    shown = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return shown.stdout if shown.returncode == 0 else None


def test_views_without_a_reader_only_get_fewer() -> None:
    base = _git("merge-base", "HEAD", "origin/main") or _git("merge-base", "HEAD", "main")
    before = _git("show", f"{base.strip()}:{UNREAD_FILE.relative_to(REPOSITORY)}") if base else None
    if before is None:
        pytest.skip("there is no list on the main branch to compare with")
    assert sorted(UNREAD - set(before.split())) == []


def test_what_the_store_promises_is_there(manifest: Manifest) -> None:
    published = {model["name"] for model in manifest.models if manifest.is_published(model)}
    assert sorted(PROMISED - published) == []


# --- the documentation

LINK = re.compile(r"\]\(#!/(\w+)/([\w.]+)(?:\?g_v=1&g_i=1%2B(\w+)%2B1)?\)")
ANCHOR = re.compile(r"\]\(#!/overview#([\w-]+)\)")
NAMED = re.compile(r"\[(\w+)\](?![:(])")
DEFINED = re.compile(r"^\[(\w+)\]: #!/model/model\.agent_store\.(\w+)$", re.MULTILINE)


def test_the_documentation_needs_no_store_and_is_one_small_file(documented: StorePaths) -> None:
    page = documented.home / "docs.html"
    assert page.stat().st_mode & 0o777 == 0o600
    assert page.stat().st_size < 6_500_000
    assert not documented.warehouse.exists()
    text = page.read_text(encoding="utf-8")
    assert "INLINE DATA" not in text
    assert "# Agent Store" in text


def test_a_browser_shows_the_documentation_and_asks_for_nothing(
    documented: StorePaths, tmp_path: Path
) -> None:
    browser = chromium.start(tmp_path)
    if browser is None:
        if os.environ.get("CI"):
            pytest.fail(chromium.MISSING)
        pytest.skip(chromium.MISSING)
    with browser:
        page = (documented.home / "docs.html").as_uri()
        browser.get("about:blank")
        browser.get_log("performance")  # of the page that Chromium begins with
        browser.get(f"{page}#!/overview")
        links = {link.text: link for link in browser.find_elements("css selector", ".panel-body a")}
        assert {"v_cost", "v_optimization", "What it answers"} <= set(links)
        links["v_cost"].click()
        browser.implicitly_wait(10)
        assert browser.find_element("css selector", "h1 .break").text == "v_cost"
        assert "One row per kind" in browser.find_element("tag name", "body").text
        sent = [
            message["params"]["request"]["url"]
            for entry in browser.get_log("performance")
            if (message := json.loads(entry["message"])["message"])["method"] == "Network.requestWillBeSent"
        ]
        assert {url.split("#")[0] for url in sent if not url.startswith("data:")} == {page}
        assert browser.get_log("browser") == []


def test_the_overview_links_to_what_there_is(manifest: Manifest) -> None:
    text = (REPOSITORY / "models" / "docs" / "overview.md").read_text(encoding="utf-8")
    models = {model["name"] for model in manifest.models}
    defined = dict(DEFINED.findall(text))
    assert all(label == model for label, model in defined.items())
    assert set(defined) <= models
    assert set(NAMED.findall(text)) == set(defined), (
        "each name in brackets has a line at the end, and the reverse"
    )
    headings = {
        re.sub(r"[^\w]+", "-", heading.lower()).strip("-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    assert set(ANCHOR.findall(text)) <= headings
    links = LINK.findall(text)
    assert links
    assert {(kind, node) for kind, node, _ in links} <= {
        ("model", f"model.agent_store.{name}") for name in models
    }


def test_the_lineage_of_the_overview_is_that_of_the_models(manifest: Manifest) -> None:
    text = (REPOSITORY / "models" / "docs" / "overview.md").read_text(encoding="utf-8")
    _, _, section = text.partition("## Lineage of ten answers\n")
    rows = [
        line.split("|")[2:5] for line in section.partition("\n## ")[0].splitlines() if line.startswith("| ")
    ][1:]
    assert len(rows) == 10
    for answer, made_of, graph in rows:
        (name,) = NAMED.findall(answer)
        parents = {
            manifest.name(parent)
            for parent in manifest.parents(manifest.nodes[f"model.agent_store.{name}"])
            if parent.startswith("model.") and manifest.name(parent) not in WATERMARKS
        }
        assert (name, set(NAMED.findall(made_of))) == (name, parents)
        assert LINK.findall(graph) == [("model", f"model.agent_store.{name}", name)]


# Sums over everything: they cannot say which session is wrong.
GUARDS_WITHOUT_SESSION = {"batches_have_no_gap", "cost_marts_agree"}


def test_guards_are_few_listed_in_one_place_and_name_sessions(manifest: Manifest) -> None:
    settings = yaml.safe_load((REPOSITORY / "dbt_project.yml").read_text(encoding="utf-8"))
    listed: set[str] = set()

    def collect(part: dict[str, Any]) -> None:
        for name, value in part.items():
            if isinstance(value, dict):
                if value.get("+severity") == "error":
                    listed.add(name)
                collect(value)

    collect(settings["data_tests"]["agent_store"])
    tests = [node for node in manifest.nodes.values() if node["resource_type"] == "test"]
    guards = {node["name"]: node for node in tests if node["config"]["severity"].lower() == "error"}
    assert set(guards) == listed, (
        "A guard is a test that dbt_project.yml lists, and every test listed there is one."
    )
    assert len(listed) <= 16, "A guard can silence the store: there are few."
    for name, node in guards.items():
        is_grouped = "test_metadata" in node and node["test_metadata"]
        assert node["description"], f"{name} does not say what it checks"
        assert is_grouped or "session_id" in node["raw_code"] or name in GUARDS_WITHOUT_SESSION, name


# --- the rules themselves -----------------------------------------------------


def _model(name: str, folder: str, sql: str = "select 1 as x", **more: Any) -> dict[str, Any]:
    path = f"models/{folder}/{name}.sql"
    return {
        "resource_type": "model",
        "name": name,
        "unique_id": f"model.agent_store.{name}",
        "original_file_path": path,
        "patch_path": f"agent_store://models/{folder}/{name}.yml",
        "schema": "main",
        "raw_code": sql,
        "depends_on": {"nodes": []},
        "columns": {"x": {"name": "x", "data_type": "integer", "description": "An x.", "constraints": []}},
        "constraints": [{"type": "primary_key"}],
        "description": "One row per x.",
        "config": {"materialized": "table"},
        **more,
    }


def _merged(name: str, merge: dict[str, Any], *columns: str, **more: Any) -> dict[str, Any]:
    known = {"columns": {column: {} for column in columns}} if columns else {}
    return _model(name, "core", config={"materialized": "table", "meta": {"merge": merge}}, **known, **more)


def _manifest(*models: dict[str, Any], exposures: dict[str, Any] | None = None) -> Manifest:
    return Manifest({"nodes": {model["unique_id"]: model for model in models}, "exposures": exposures or {}})


def _reading(name: str, folder: str, *parents: dict[str, Any]) -> dict[str, Any]:
    return _model(name, folder, depends_on={"nodes": [parent["unique_id"] for parent in parents]})


@pytest.mark.parametrize(
    ("rule", "model"),
    [
        (
            source_only_in_staging,
            _model("fact_a", "core", depends_on={"nodes": ["source.agent_store.raw.batch"]}),
        ),
        (every_model_is_in_a_layer, _model("fact_a", "core")),
        (json_only_in_staging, _model("fact_a", "core", "select line ->> 'x' from t")),
        (json_only_in_staging, _model("fact_a", "core", "select {{ json_scalar('line', 'x') }} from t")),
        (one_yml_per_model, _model("fact_a", "core", patch_path="agent_store://models/core/facts.yml")),
        (one_yml_per_model, _model("fact_a", "core", columns={})),
        (
            every_column_is_typed_and_described,
            _model("a", "core", columns={"x": {"data_type": "integer", "description": ""}}),
        ),
        (every_model_has_a_key, _model("a", "core", constraints=[])),
        (every_model_says_its_grain, _model("a", "core", description="Things.")),
        (
            few_parents,
            _model("a", "core", depends_on={"nodes": [f"model.agent_store.p{i}" for i in range(8)]}),
        ),
        (no_hard_coded_relation, _model("a", "core", "select 1 from raw.batch")),
        (
            no_hard_coded_relation,
            _model("a", "core", 'select 1 from {{ ref("b") }} join main."fact_x" using (x)'),
        ),
        (every_model_has_a_reader, _model("v_a", "marts/answers/cost")),
        (every_published_model_says_how_hosts_merge, _model("v_a", "marts/answers/cost")),
        (every_published_model_says_how_hosts_merge, _merged("v_a", {"rule": "local"})),
        (every_published_model_says_how_hosts_merge, _merged("v_a", {"rule": "by_key", "key": ["y"]})),
        (
            every_published_model_says_how_hosts_merge,
            _merged("v_a", {"rule": "by_key", "key": ["y"], "columns": {"x": "median"}}, "x", "y"),
        ),
        (
            every_published_model_says_how_hosts_merge,
            _merged("v_a", {"rule": "by_key", "key": ["y"], "columns": {"x": "latest"}}, "x", "y"),
        ),
        (
            what_is_built_over_hosts_reads_what_is_merged,
            _merged("fact_a", {"rule": "global"}, depends_on={"nodes": ["model.agent_store.int_a"]}),
        ),
        (what_is_built_over_hosts_reads_what_is_merged, _merged("int_a", {"rule": "union"}, schema="intermediate")),
        (
            published_views_read_what_is_published,
            _model(
                "v_a",
                "health",
                config={"materialized": "view"},
                depends_on={"nodes": ["model.agent_store.stg_a"]},
            ),
        ),
    ],
    ids=lambda value: getattr(value, "__name__", None) or value["name"],
)
def test_each_rule_finds_its_violation(rule: Rule, model: dict[str, Any]) -> None:
    assert [name for name, _ in rule(_manifest(model))] == [model["name"]]


STAGED = _model("stg_transcripts__a", "staging/transcripts")
SCANNED = _model("stg_code__a", "staging/code")
SORTED = _model("int_a", "intermediate")
STAR = _model("fact_a", "marts/star/core")
ANSWER = _model("v_a", "marts/answers/cost")
HEALTH = _model("v_b", "health")
KEPT = _model("stg_retention__a", "staging/retention")


@pytest.mark.parametrize(
    ("rule", "folder", "allowed", "forbidden"),
    [
        (staging_reads_its_own_source, "staging/code", [SCANNED], [STAGED, SORTED, STAR, ANSWER, HEALTH]),
        (intermediate_reads_no_mart, "intermediate", [STAGED, SCANNED, SORTED], [STAR, ANSWER, HEALTH]),
        (
            star_reads_what_is_sorted_out,
            "marts/star/cost",
            [SCANNED, SORTED, STAR],
            [STAGED, ANSWER, HEALTH, KEPT],
        ),
        (
            answers_read_the_star,
            "marts/answers/cost",
            [STAR, ANSWER, KEPT],
            [STAGED, SCANNED, SORTED, HEALTH],
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_layer_reads_only_what_lies_below_it(
    rule: Rule, folder: str, allowed: list[dict[str, Any]], forbidden: list[dict[str, Any]]
) -> None:
    reader = _reading("reader", folder, *allowed, *forbidden)
    found = list(rule(_manifest(reader, *allowed, *forbidden)))
    assert found == [("reader", f"reads {model['name']}") for model in forbidden]


def test_a_column_that_is_not_kept_of_expired_sessions_is_found() -> None:
    columns: dict[str, dict[str, str]] = {"cost_usd": {}, "_batch_id": {}}
    whole = _model("v_spending", "marts/answers/cost", columns=columns)
    kept = _model("stg_retention__spending", "staging/retention", columns={})
    found = list(what_is_kept_of_expired_sessions_is_all_of_it(_manifest(whole, kept)))
    assert found == [("stg_retention__spending", "lacks columns of v_spending: cost_usd")]


def test_an_exposure_that_lists_more_or_less_than_its_file_names_is_found() -> None:
    listed, named = _model("v_never_named", "health"), _model("fact_prompt", "marts/star/audit")
    exposure = {
        "name": "readme",
        "config": {"meta": {"reads": ["README.md"]}},
        "depends_on": {"nodes": [listed["unique_id"]]},
    }
    found = list(exposures_name_what_is_read(_manifest(listed, named, exposures={"readme": exposure})))
    assert found == [
        ("readme", "does not list fact_prompt, which README.md reads"),
        ("readme", "lists v_never_named, which none of its files reads"),
    ]


def test_a_question_an_interface_and_a_promise_are_readers() -> None:
    read = [_model(name, "marts/answers/cost") for name in ("v_asked", "v_shown", "v_skill_freshness")]
    question = {**_reading("question", "analyses", read[0]), "resource_type": "analysis"}
    shown = {"name": "report", "depends_on": {"nodes": [read[1]["unique_id"]]}}
    assert not list(every_model_has_a_reader(_manifest(*read, question, exposures={"report": shown})))


def test_a_file_that_reads_the_store_and_is_in_no_exposure_is_found() -> None:
    read = _model("v_pass_rate_trend", "marts/answers/quality")
    found = dict(every_reader_is_an_exposure(_manifest(read)))
    assert found["analyses/explore.py"] == "reads v_pass_rate_trend and is in no exposure"


def test_a_text_reads_what_its_macros_read() -> None:
    macros = {"outer": "from inner(1)", "inner": "from v_a -- not other", "other": "from v_b"}
    published = frozenset({"v_a", "v_b", "v_c"})
    assert _named("select * from outer (2)", published, macros) == {"v_a"}
    assert _named("the macro outer reads much", published, macros) == set()
    assert _strings('"""v_a"""\n# v_b\nSQL = f"from v_c limit {n}"\n').split() == ["from", "v_c", "limit"]


def test_a_chain_of_four_views_is_found() -> None:
    views = [
        _model(
            f"v_{i}",
            "cost",
            config={"materialized": "view"},
            depends_on={"nodes": [f"model.agent_store.v_{i - 1}"]},
        )
        for i in range(1, 5)
    ]
    assert [name for name, _ in short_chains_of_views(_manifest(*views))] == ["v_4"]


def test_what_only_looks_like_a_violation_is_none() -> None:
    sql = """
    -- line ->> 'x' from raw.batch
    {# json_extract( #}
    select a.is_json_valid, 'from raw.batch -> json_x(' as text
    from {{ ref('b') }} as a where a.x is distinct from b.y
    """
    manifest = _manifest(_model("a", "core", sql))
    assert not list(json_only_in_staging(manifest))
    assert not list(no_hard_coded_relation(manifest))


# --- yml, by the schemas that dbt ships (dbt runs them on other databases only)


def _yml_files() -> list[Path]:
    folders = ("models", "seeds", "macros", "tests/generic", "tests/invariants")
    return sorted(file for folder in folders for file in (REPOSITORY / folder).rglob("*.yml"))


def _schema_errors(schema: dict[str, Any], data: object) -> list[str]:
    from dbt.jsonschemas.jsonschemas import CustomDraft7Validator
    from jsonschema.exceptions import best_match

    messages = []
    for error in CustomDraft7Validator(schema).iter_errors(data):
        if not error.path and error.validator == "additionalProperties" and "anchors" in error.message:
            continue
        deepest = best_match([error])
        if deepest.validator == "enum" and str(deepest.instance).lower() in (
            str(value).lower() for value in deepest.validator_value
        ):
            continue  # dbt does not mind the case of severities
        path = ".".join(str(part) for part in deepest.absolute_path)
        messages.append(f"{path}: {deepest.message[:300]}")
    return messages


def test_yml_has_no_unknown_or_misspelt_keys() -> None:
    from dbt.jsonschemas.jsonschemas import resources_schema

    files = _yml_files()
    assert files, "There is no yml to check."
    problems = [
        f"{file.relative_to(REPOSITORY)}: {message}"
        for file in files
        for message in _schema_errors(
            resources_schema(), yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        )
    ]
    assert not problems, "\n".join(problems)


def test_the_project_file_has_no_unknown_or_misspelt_keys() -> None:
    from dbt.jsonschemas.jsonschemas import project_schema

    data = yaml.safe_load((REPOSITORY / "dbt_project.yml").read_text(encoding="utf-8"))
    problems = _schema_errors(project_schema(), data)
    assert not problems, "\n".join(problems)


def test_a_var_of_the_project_is_shared_and_any_other_stands_where_it_is_used() -> None:
    shared = yaml.safe_load((REPOSITORY / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    users: dict[str, set[str]] = {"timezone": {"agent_store/build/state.py"}}
    problems = []
    files = [
        file
        for folder in ("models", "macros", "tests")
        for file in (REPOSITORY / folder).rglob("*.[sy][qm]l")
    ]
    assert files
    for file in files:
        for name, default in VAR.findall(file.read_text(encoding="utf-8")):
            path = str(file.relative_to(REPOSITORY))
            users.setdefault(name, set()).add(path)
            if bool(default) == (name in shared):
                problems.append(
                    f"{path}: {name} a default here, or a place in dbt_project.yml: one of the two"
                )
    problems += [
        f"{name} is in dbt_project.yml for one file" for name in shared if len(users.get(name, ())) < 2
    ]
    problems += [
        f"{name} has defaults in {sorted(of)}"
        for name, of in users.items()
        if name not in shared and len(of) > 1
    ]
    assert not problems, "\n".join(problems)


def test_the_schema_check_finds_a_misspelt_key() -> None:
    from dbt.jsonschemas.jsonschemas import resources_schema

    wrong = {"models": [{"name": "a", "colums": [{"name": "x"}]}]}
    assert "colums" in _schema_errors(resources_schema(), wrong)[0]
