"""Values from outside: as text, and what is wrong with a file that a user writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from ingest.text import meant


def text_or_none(value: object) -> str | None:
    """A value as text; None stays None."""
    return None if value is None else str(value)


def explained(
    name: str, file: Path, model: type[BaseModel], error: ValidationError, example: str
) -> tuple[str, str]:
    """The first error in a file, and what to do about it; `name` is the kind of file, in the plural."""
    first = error.errors()[0]
    place = (
        " → ".join(str(one + 1) if isinstance(one, int) else str(one) for one in first["loc"])
        or "the whole file"
    )
    if first["type"] != "extra_forbidden":
        message = str(first["msg"]).removeprefix("Value error, ")
        return f"{name} {file} are wrong at {place}: {message}.", f"Fix it: {example}"
    known = sorted(_around(model, first["loc"]).model_fields)
    similar = meant(str(first["loc"][-1]), known)
    hint = f"Did you mean {similar!r}? " if similar else ""
    return f"{name} {file} have an unknown entry: {place}.", f"{hint}There are: {', '.join(known)}."


def _around(model: type[BaseModel], place: tuple[int | str, ...]) -> type[BaseModel]:
    """The model that should have an entry as a field."""
    for name in place[:-1]:
        if isinstance(name, str) and name in model.model_fields:
            model = next(iter(_models(model.model_fields[name].annotation)), model)
    return model


def _models(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401 - a type, or what is made of types
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]
