"""A list of cost alerts, as written by hand; a mistake in an entry is reported with its position.

- {name: day, threshold_usd: 20, period: day}
- {name: expensive day, growth: 2, minimum_usd: 10, project: shop}
- {name: many agents, fan_out_usd: 5}
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ingest.text import YamlError, load_yaml, meant, one_line

Period = Literal["session", "day", "week", "month"]
PERIODS: Final[tuple[str, ...]] = get_args(Period)
_EXAMPLE: Final = "- {name: day, threshold_usd: 20, period: day}"
_MOST_CHARACTERS: Final = 1024 * 1024
# The key that determines the kind of an alert.
_KINDS: Final = {"threshold_usd": "threshold", "growth": "growth", "fan_out_usd": "fan_out"}
# No cost or growth exceeds this: a higher limit is a typo, and would make every table too wide to read.
_MOST: Final = 1_000_000_000
_Dollars = Annotated[float, Field(gt=0, le=_MOST, allow_inf_nan=False)]


class AlertsError(ValueError):
    """The list or an entry of it is wrong; the message says where and how."""


class Alert(BaseModel):
    """One alert: a threshold per period, growth against the usual day, or spending of a session and its subagents."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, str_strip_whitespace=True)

    name: Annotated[str, Field(min_length=1, max_length=100)]
    threshold_usd: _Dollars | None = None
    period: Period | None = None
    # Today against the median of the days with use before it.
    growth: Annotated[float, Field(gt=1, le=_MOST, allow_inf_nan=False)] | None = None
    # Growth below this amount is not reported.
    minimum_usd: Annotated[float, Field(ge=0, le=_MOST, allow_inf_nan=False)] | None = None
    fan_out_usd: _Dollars | None = None
    project: Annotated[str, Field(min_length=1)] | None = None
    agent: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        kinds = [key for key in _KINDS if getattr(self, key) is not None]
        if len(kinds) != 1:
            raise ValueError(f"needs one of {', '.join(_KINDS)}; it has {' and '.join(kinds) or 'none'}")
        if self.period is not None and self.kind != "threshold":
            raise ValueError("period is only valid with threshold_usd")
        if self.minimum_usd is not None and self.kind != "growth":
            raise ValueError("minimum_usd is only valid with growth")
        if self.agent is not None and (self.project is not None or self.kind == "fan_out"):
            raise ValueError("agent cannot be combined with project or fan_out_usd")
        return self

    @property
    def kind(self) -> str:
        """`threshold`, `growth` or `fan_out`."""
        return next(kind for key, kind in _KINDS.items() if getattr(self, key) is not None)

    @property
    def scope(self) -> tuple[str, str | None]:
        """Whose dollars count: `all`, or those of a project or an agent."""
        if self.project is not None:
            return "project", self.project
        return ("agent", self.agent) if self.agent is not None else ("all", None)

    def columns(self) -> tuple[object, ...]:
        """Its values in raw.alert."""
        per = {"threshold": self.period or "day", "growth": "day", "fan_out": "session"}[self.kind]
        limit = self.threshold_usd if self.threshold_usd is not None else self.fan_out_usd
        least = (self.minimum_usd or 0.0) if self.kind == "growth" else None
        return (self.name, self.kind, per, *self.scope, limit, self.growth, least)


def entries(text: str) -> list[Alert | AlertsError]:
    """Each entry of a list: the alert, or what is wrong with it. Raises AlertsError where the text is not a list."""
    try:
        loaded = load_yaml(text, _MOST_CHARACTERS)
    except YamlError as error:
        raise AlertsError(f"cannot be read: {error}") from error
    if loaded is None:
        return []
    if not isinstance(loaded, list):
        raise AlertsError(f"is not a list of alerts. It looks like this: {_EXAMPLE}")
    return list(_checked(loaded))


def _checked(loaded: list[Any]) -> Iterator[Alert | AlertsError]:
    names: set[str] = set()
    for number, entry in enumerate(loaded, 1):
        try:
            alert = Alert.model_validate(entry)
        except ValidationError as error:
            yield AlertsError(f"{_place(number, entry)}: {said(error)}")
            continue
        if alert.name in names:
            yield AlertsError(f"entry {number}: there are two alerts called {alert.name!r}, rename one")
            continue
        names.add(alert.name)
        yield alert


def _place(number: int, entry: object) -> str:
    named = entry.get("name") if isinstance(entry, dict) else None
    return f"entry {number} ({one_line(named, 80)})" if isinstance(named, str) else f"entry {number}"


def said(error: ValidationError) -> str:
    """The first mistake in an alert, in words."""
    first = error.errors(include_url=False)[0]
    if first["type"] == "model_type":
        return f"is not an alert. It looks like this: {_EXAMPLE}"
    key = one_line(first["loc"][0], 80) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        known = Alert.model_fields
        similar = meant(key, known)
        hint = f" (did you mean {similar}?)" if similar else f"; there are {', '.join(known)}"
        return f"unknown key {key}{hint}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{key}: {message[:1].lower()}{message[1:]}" if key else f"{message[:1].lower()}{message[1:]}"


def as_yaml(alerts: list[Alert]) -> str:
    """Alerts as a list that people can edit."""
    import yaml

    dumped = [json.loads(one.model_dump_json(exclude_none=True)) for one in alerts]
    return str(yaml.safe_dump(dumped, sort_keys=False, allow_unicode=True)) if dumped else ""
