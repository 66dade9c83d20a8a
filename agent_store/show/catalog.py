"""The catalog of the store: its tables, views and functions, searched and described by the comments in the store.

`agent-store tables` and `describe`, the library's `describe()` and the MCP tool `describe_store` all read `SQL` and
search with `search`. This module contains nothing about any single table.
"""

from __future__ import annotations

import difflib
import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from agent_store.errors import StoreError
from agent_store.show.text import visible
from ingest.text import shorten

if TYPE_CHECKING:
    import duckdb

# One row per table, view and function and, if `$in_detail`, one per column and parameter, in the order of `ORDER`.
SQL = """
with relations as (
    select 'table' as kind, table_name, comment
    from duckdb_tables()
    where database_name = 'agent_store' and schema_name = 'main'
    union all
    select 'view', view_name, comment
    from duckdb_views()
    where database_name = 'agent_store' and schema_name = 'main' and not internal
    union all
    select 'function', function_name, comment
    from duckdb_functions()
    where database_name = 'agent_store' and function_type = 'table_macro' and comment is not null
),
parameters as (
    select function_name as table_name, unnest(parameters) as name, generate_subscripts(parameters, 1) as place
    from duckdb_functions()
    where database_name = 'agent_store' and function_type = 'table_macro' and comment is not null
),
-- The comment of a function ends with an example.
described as (
    select
        relations.kind, relations.table_name, relations.table_name as name, cast(null as varchar) as data_type,
        regexp_extract(relations.comment, '(?s)^(.*?)\\s*(?:Example: .*)?$', 1) as meaning,
        known.row_count,
        coalesce(known.example, nullif(regexp_extract(relations.comment, '(?s)Example: (.*)$', 1), '')) as example,
        0 as place
    from relations
    left join v_store_table as known on known.table_name = relations.table_name
    union all by name
    select 'parameter' as kind, table_name, name, place from parameters where $in_detail
    union all by name
    select
        'column' as kind, columns.table_name, columns.column_name as name, columns.data_type, columns.comment as meaning,
        1000 + columns.column_index as place
    from duckdb_columns() as columns
    where $in_detail and columns.database_name = 'agent_store' and columns.schema_name = 'main'
)
select kind, name, data_type, meaning, row_count, example, table_name, place
from described
where $table is null or table_name = lower($table)
"""
ORDER = "table_name, place"
_WORD = re.compile(r"[^\W_]+")
_SENTENCE = re.compile(r".*?[.!?](?=\s|$)", re.DOTALL)
_ONE_ROW = "One row per "
_SUGGESTIONS = 3
_ALIKE = 0.78
_SHORTEST_PLURAL = 3
# Words of a question that carry no meaning for the search.
_NOT_TELLING = frozenset(
    _WORD.findall(
        "a about all an and any are at by can did do does for from has have how i in is it me much my of on or so table "
        "tables that the their this to was what when where which who why with"
    )
)
# At most this many matching columns are listed.
_COLUMNS_NAMED = 4
_NARROW = 34
_GROUPS = (
    ("v_", "Answers"),
    ("fact_", "Facts: what happened"),
    ("dim_", "Dimensions: who and what was involved"),
    ("", "Maps, and metadata of the store"),
)
_FUNCTIONS = "Functions: tables with arguments"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table or view, or a parameter of a function."""

    name: str
    data_type: str | None
    meaning: str


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, a view, or a function that gives a table."""

    name: str
    kind: str
    meaning: str
    row_count: int | None = None
    example: str | None = None
    parameters: tuple[Column, ...] = ()
    columns: tuple[Column, ...] = ()
    # The columns in which a search word was found, if it is not in the name or the meaning.
    matched: tuple[str, ...] = ()

    @property
    def grain(self) -> str:
        """What one row is: the first sentence."""
        found = _SENTENCE.match(self.meaning)
        return " ".join((found[0] if found else self.meaning).split())

    @property
    def time_column(self) -> Column | None:
        """The time column of a row: the first timestamp, else the first date."""
        return time_of(self.columns)

    @property
    def words(self) -> set[str]:
        """All words of its names and meanings."""
        named = [f"{one.name} {one.meaning}" for one in self.columns]
        return set(_words(" ".join([self.name, self.meaning, *named])))

    def as_json(self, *, in_detail: bool = False) -> dict[str, Any]:
        """Plain data: as in a list, or everything."""
        data: dict[str, Any] = {
            "name": self.name, "kind": self.kind, "grain": self.grain, "row_count": self.row_count,
        }  # fmt: skip
        if not in_detail:
            return {**data, "matched_columns": list(self.matched)}
        return {
            **data,
            "meaning": self.meaning,
            "parameters": [one.name for one in self.parameters],
            "columns": [
                {"name": one.name, "data_type": one.data_type, "meaning": one.meaning} for one in self.columns
            ],
            "example": self.example,
        }


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a search, best first; `words` are those searched for, if they differ from the given ones."""

    relations: tuple[Relation, ...]
    words: str = ""


def time_of(columns: Iterable[Column]) -> Column | None:
    """The time column of a row: the first timestamp, else the first date; None if there is neither."""
    listed = list(columns)
    times = [one for kind in ("TIMESTAMP", "DATE") for one in listed if one.data_type == kind]
    return times[0] if times else None


def relations(rows: Iterable[Mapping[str, Any]]) -> list[Relation]:
    """The relations of rows of `SQL`."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        one = found.setdefault(row["table_name"], {"parameters": [], "columns": []})
        if row["kind"] in {"parameter", "column"}:
            one[f"{row['kind']}s"].append(Column(row["name"], row["data_type"], row["meaning"] or ""))
        else:
            one |= {
                "name": row["name"], "kind": row["kind"], "meaning": row["meaning"] or "",
                "row_count": row["row_count"], "example": row["example"],
            }  # fmt: skip
    return [
        Relation(**{**one, "parameters": tuple(one["parameters"]), "columns": tuple(one["columns"])})
        for one in found.values()
        if "name" in one
    ]


def read(
    connection: duckdb.DuckDBPyConnection, table: str | None = None, *, in_detail: bool = True
) -> list[Relation]:
    """The catalog of an open store."""
    import duckdb

    try:
        cursor = connection.execute(f"{SQL} order by {ORDER}", {"table": table, "in_detail": in_detail})
    except duckdb.Error as error:
        raise StoreError(
            f"The catalog of the store cannot be read: {str(error).strip().splitlines()[0]}",
            "It was built by another version of Agent Store: rebuild it (agent-store build).",
        ) from error
    names = [column[0] for column in cursor.description or ()]
    return relations(dict(zip(names, row, strict=True)) for row in cursor.fetchall())


def unknown(name: str, names: Collection[str]) -> StoreError:
    """The error for a missing table, which names similar ones."""
    close = alike(name, names)
    return StoreError(
        f"The store has no table {shorten(name, 80)!r}.",
        f"Did you mean {', '.join(close)}?" if close else "agent-store tables lists what it has.",
    )


def alike(name: str, names: Collection[str]) -> list[str]:
    """A few names that may have been meant: similarly spelled, or equal except for the prefix."""
    wanted = name.strip().lower()
    bare = {one.split("_", 1)[-1]: one for one in names}
    close = difflib.get_close_matches(wanted, names, n=_SUGGESTIONS)
    close += [bare[one] for one in difflib.get_close_matches(wanted.split("_", 1)[-1], bare, n=_SUGGESTIONS)]
    return list(dict.fromkeys(close))[:_SUGGESTIONS]


# ------------------------------------------------------------------------------------------------ search


def search(known: Sequence[Relation], text: str) -> Found:
    """The relations that match most words of a text, best first: names before meanings before columns.

    If a word is found nowhere, search for the most similarly spelled one, or else for the other words.
    """
    given = [word for word in _words(text) if word not in _NOT_TELLING]
    indexed = [(relation, _Index.of(relation)) for relation in known]
    vocabulary = {word: _stem(word) for word in sorted({word for one in known for word in one.words})}
    meant = [word for mine in given if (word := _meant(mine, vocabulary))]
    ranked = []
    for relation, index in indexed:
        scores = [score for word in meant if (score := index.score(word))]
        # The shorter a name, the larger the share of the word in it.
        ranked.append(
            (-len(scores), -sum(scores), len(index.name), relation.name, index.with_matches(relation, meant))
        )
    ranked.sort(key=lambda one: one[:4])
    most = ranked[0][0] if ranked else 0
    best = tuple(relation for count, *_, relation in ranked if count == most < 0)
    is_other = meant != [_stem(word) for word in given]
    return Found(best, " ".join(meant) if is_other and best else "")


def _meant(given: str, vocabulary: Mapping[str, str]) -> str:
    """The stem of a word; for one that is found nowhere, the stem of the most similarly spelled word, if any."""
    word = _stem(given)
    if _begins(word, vocabulary.values()):
        return word
    close = difflib.get_close_matches(given, vocabulary, n=1, cutoff=_ALIKE)
    return vocabulary[close[0]] if close else ""


@dataclass(frozen=True, slots=True)
class _Index:
    """The words of a relation, without plural endings, by their place."""

    name: frozenset[str]
    grain: frozenset[str]
    meaning: frozenset[str]
    column_names: Mapping[str, frozenset[str]]
    column_meanings: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, relation: Relation) -> _Index:
        return cls(
            _stems(relation.name),
            _stems(relation.grain),
            _stems(relation.meaning),
            {one.name: _stems(one.name) for one in relation.columns},
            {one.name: _stems(one.meaning) for one in relation.columns},
        )

    def score(self, word: str) -> int:
        """How well the relation matches a word; 0 for not at all."""
        tests = (
            (60, word in self.name),
            (40, _begins(word, self.name)),
            (20, _begins(word, self.grain)),
            (8, any(word in words for words in self.column_names.values())),
            (6, _begins(word, self.meaning)),
            (3, bool(self._holding(word))),
        )
        return sum(points for points, holds in tests if holds)

    def with_matches(self, relation: Relation, words: Sequence[str]) -> Relation:
        """The relation with the columns that match words missing in its name and first sentence."""
        places = [self._holding(word) for word in words if not _begins(word, self.name | self.grain)]
        held = dict.fromkeys(one for columns in places for one in columns[:_COLUMNS_NAMED])
        return replace(relation, matched=tuple(held)[:_COLUMNS_NAMED])

    def _holding(self, word: str) -> list[str]:
        """The columns that match a word, matching names first."""
        named = [one for one, words in self.column_names.items() if _begins(word, words)]
        return named + [
            one for one, words in self.column_meanings.items() if one not in named and _begins(word, words)
        ]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _stems(text: str) -> frozenset[str]:
    return frozenset(map(_stem, _words(text)))


@cache
def _stem(word: str) -> str:
    """A word without its plural ending, and without the e that may belong to it: cache and caches, match and
    matches."""
    if len(word) <= _SHORTEST_PLURAL:
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    return word[:-1] if word.endswith("e") and len(word) > _SHORTEST_PLURAL + 1 else word


def _begins(word: str, words: Iterable[str]) -> bool:
    return any(other.startswith(word) for other in words)


# ------------------------------------------------------------------------------------------------ text


def list_text(found: Sequence[Relation], width: int = 100, *, grouped: bool = False) -> str:
    """Relations as lines for people and models: name, rows, what one row is. `grouped` puts kinds under headings."""
    if not grouped:
        return visible("\n".join(list_lines(found, width)))
    parts = ["\n".join([title, *list_lines(members, width)]) for title, members in in_groups(found).items()]
    return visible("\n\n".join(parts))


def in_groups(found: Iterable[Relation]) -> dict[str, list[Relation]]:
    """Relations under the headings of their kind, answers first."""
    groups: dict[str, list[Relation]] = {title: [] for title in (*dict(_GROUPS).values(), _FUNCTIONS)}
    for relation in found:
        title = next(title for prefix, title in _GROUPS if relation.name.startswith(prefix))
        groups[_FUNCTIONS if relation.kind == "function" else title].append(relation)
    return {title: members for title, members in groups.items() if members}


def list_lines(found: Sequence[Relation], width: int) -> Iterator[str]:
    """The lines of a list, under a heading if there is room for one next to the names."""
    counts = [
        f"{one.row_count:,}" if one.row_count is not None else ("" if one.kind == "function" else one.kind)
        for one in found
    ]
    longest = max((len(one.name) for one in found), default=0)
    head = longest + 2 + max(map(len, counts), default=0)
    is_wide = width - head - 2 >= _NARROW
    if is_wide:
        yield f"{'name':<{longest}}  {'rows':>{head - longest - 2}}  one row per"
    for one, count in zip(found, counts, strict=True):
        said = [one.grain.removeprefix(_ONE_ROW) if is_wide else one.grain]
        said += [f"→ {', '.join(one.matched)}"] if one.matched else []
        name = f"{one.name:<{longest}}  {count:>{head - longest - 2}}"
        if is_wide:
            lines = [line for text in said for line in _wrapped(text, width - head - 2)]
            yield f"{name}  {lines[0] if lines else ''}".rstrip()
            yield from (" " * (head + 2) + line for line in lines[1:])
        else:
            yield f"{one.name}  {count}".rstrip()
            yield from (f"    {line}" for text in said for line in _wrapped(text, width - 4))


def detail_text(relation: Relation, width: int = 100) -> str:
    """A relation as lines for people and models: what one row is, its columns with types and meaning, an example."""
    count = (
        f", {relation.row_count:,} row{'s'[: relation.row_count != 1]}"
        if relation.row_count is not None
        else ""
    )
    lines = [f"{relation.name} ({relation.kind}{count})"]
    for paragraph in relation.meaning.split("\n\n"):
        lines += _wrapped(paragraph, width)
    if relation.parameters:
        lines += ["", *_wrapped(f"Parameters: {', '.join(one.name for one in relation.parameters)}", width)]
    if relation.columns:
        lines += ["", "Columns", *column_lines(relation.columns, width)]
    if relation.example:
        lines += ["", "Example", *(f"  {line}" for line in relation.example.splitlines())]
    return visible("\n".join(lines))


def column_lines(columns: Sequence[Column], width: int) -> Iterator[str]:
    """The lines of columns: name, type, meaning."""
    longest = max(len(one.name) for one in columns)
    types = [(one.data_type or "").lower() for one in columns]
    head = 2 + longest + 2 + max(map(len, types))
    for one, data_type in zip(columns, types, strict=True):
        name = f"  {one.name:<{longest}}  {data_type}"
        if width - head - 2 >= _NARROW:
            first, *rest = _wrapped(one.meaning, width - head - 2) or [""]
            yield f"{name:<{head}}  {first}".rstrip()
            yield from (" " * (head + 2) + line for line in rest)
        else:
            yield f"  {one.name}  {data_type}".rstrip()
            yield from (f"      {line}" for line in _wrapped(one.meaning, width - 6))


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(
        visible(" ".join(text.split())), max(width, 20), break_long_words=False, break_on_hyphens=False
    )
