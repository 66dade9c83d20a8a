"""An entry of a list of sources, validated; a mistake is reported with its position and the allowed values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from ingest.contracts.elements import DEPENDENCY_TYPES, Kind
from ingest.sources.source import TYPES, SourcesError
from ingest.text import meant, one_line

_MOST_MISTAKES: Final = 10
_NO_NAME: Final = "has no name"


def _text(value: object) -> str:
    if isinstance(value, Mapping | list):
        raise ValueError("must be text")  # noqa: TRY004 - pydantic reports only this one as a mistake in the list
    text = "" if value is None else str(value).strip()
    if "\0" in text:
        raise ValueError("contains a NUL")
    return text


def _texts(value: object) -> tuple[str, ...]:
    return tuple(text for one in (value if isinstance(value, list) else [value]) if (text := _text(one)))


def _named(name: str) -> str:
    if not name:
        raise ValueError(_NO_NAME)
    return name


def _one_of(known: Iterable[str]) -> AfterValidator:
    def check(value: str) -> str:
        if value and value not in known:
            raise ValueError(f"{value!r} is not one of {', '.join(known)}{_meant(value, known)}")
        return value

    return AfterValidator(check)


def _meant(word: str, known: Iterable[str]) -> str:
    close = meant(word, known)
    return f" (did you mean {close}?)" if close else ""


_Text = Annotated[str, BeforeValidator(_text)]
_Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]


class Entry(BaseModel):
    """The keys of an entry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[_Text, AfterValidator(_named)]
    type: Annotated[_Text, _one_of(TYPES)] = ""
    owner: _Text = ""
    dependency_type: _Text = ""
    url: _Texts = ()
    path: _Texts = ()
    pages: _Texts = ()
    skills: _Texts = ()
    components: _Texts = ()
    env: _Texts = ()
    database: _Texts = ()
    health: _Texts = ()
    contract: Annotated[_Text, _one_of([kind.value for kind in Kind])] = ""
    spec: _Texts = ()
    versions: _Texts = ()
    direction: _Text = ""
    dialect: _Text = ""
    git_history: bool | None = None

    @property
    def kind(self) -> str:
        """Its type; if it is not given, guessed from the keys."""
        if self.type:
            return self.type
        if self.env:
            return "config"
        if self.database:
            return "schema"
        if self.contract == Kind.OPENAPI or self.spec:
            return "api"
        if self.contract:
            return "schema"
        if self.health:
            return "service"
        return "git" if self.url and self.url[0].endswith(".git") else "docs"

    @property
    def dependency(self) -> str:
        """The type of the dependency behind it."""
        if self.dependency_type or self.contract:
            return self.dependency_type or DEPENDENCY_TYPES[self.contract]
        if self.kind == "config":
            return "env_var" if self.env else "config_file"
        return TYPES[self.kind][0]

    @property
    def fetched_spec(self) -> str | None:
        """The address of a contract that is fetched instead of read from a file."""
        return self.spec[0] if len(self.spec) == 1 and "://" in self.spec[0] else None

    @property
    def contract_files(self) -> tuple[str, ...]:
        """The files and patterns of a contract."""
        given = self.versions or self.spec or (self.path if self.contract else ())
        return tuple(one for one in given if "://" not in one)


_ENTRIES: Final = TypeAdapter(list[Entry])


def checked_entries(loaded: object) -> list[Entry]:
    """The entries of a list loaded from YAML; every mistake in it is one line of a SourcesError."""
    entries = loaded.get("sources") if isinstance(loaded, dict) else loaded
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise SourcesError("`sources` must be a list, for example: sources: [{name: guide, url: https://…}]")
    try:
        found = _ENTRIES.validate_python(entries)
    except ValidationError as error:
        mistakes = [_said(one, entries) for one in error.errors(include_url=False)]
        more = f"; and {len(mistakes) - _MOST_MISTAKES:,} more" if len(mistakes) > _MOST_MISTAKES else ""
        raise SourcesError("; ".join(mistakes[:_MOST_MISTAKES]) + more) from error
    names: set[str] = set()
    for entry in found:
        if entry.name in names:
            raise SourcesError(f"there are two sources called {entry.name!r}: rename one")
        names.add(entry.name)
    return found


def _said(mistake: Any, entries: list[Any]) -> str:  # noqa: ANN401 - pydantic's details of an error
    """One mistake in words, with its source and key."""
    number, *inner = mistake["loc"]
    name = entries[number].get("name") if isinstance(entries[number], dict) else None
    shown = one_line(name, 80) if isinstance(name, str) else ""
    place = f"source {number + 1} ({shown})" if shown else f"source {number + 1}"
    key = one_line(inner[0], 80) if inner else "name"
    if mistake["type"] in {"extra_forbidden", "invalid_key"}:
        hint = _meant(key, Entry.model_fields) or f"; there are {', '.join(Entry.model_fields)}"
        return f"{place}: unknown key {key}{hint}"
    if mistake["type"] == "value_error":
        reason = str(mistake["ctx"]["error"])
        return f"{place} {reason}" if reason == _NO_NAME else f"{place}: {key} {reason}"
    return f"{place}: {key} is neither true nor false" if "bool" in mistake["type"] else f"{place} {_NO_NAME}"
