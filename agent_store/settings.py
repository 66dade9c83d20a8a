"""The user's settings: `settings.json` in the home.

    {"responses": ["~/answers"], "projects": {"/home/me/shop": {"test_command": "make test", "timeout_s": 300}}}

Hooks read the file themselves, without this module: they cannot wait for pydantic.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent_store import access
from agent_store.errors import StoreError, explain
from agent_store.paths import StorePaths
from agent_store.validated import explained

_EXAMPLE: Final = '{"responses": ["/path/to/answers"]}'


class ProjectSettings(BaseModel):
    """The settings of one project."""

    model_config = ConfigDict(extra="forbid", strict=True)

    # Run in the background when a task is completed; its pass rate is recorded.
    test_command: str | None = None
    timeout_s: Annotated[int, Field(gt=0)] = 300


class McpSettings(BaseModel):
    """The settings of the MCP server."""

    model_config = ConfigDict(extra="forbid", strict=True)

    # Tools that it neither lists nor answers, such as search_prompts and query_store to keep prompts private.
    disabled_tools: list[str] = []
    # A question starts a build in the background if the last one is older than this; 0: never.
    background_build_hours: Annotated[float, Field(ge=0)] = 24.0


class Settings(BaseModel):
    """The settings of a home."""

    model_config = ConfigDict(extra="forbid", strict=True)

    # Folders and files with API responses: landed by every build, in addition to those given to a command.
    responses: list[str] = []
    # By the folder of the project.
    projects: dict[str, ProjectSettings] = {}
    mcp: McpSettings = McpSettings()


def read_settings(paths: StorePaths) -> Settings:
    """Read the settings of a home; the defaults if there is no file."""
    file = paths.settings
    access.refuse(paths.home)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise (
            explain(error, f"Reading {file}") or StoreError(f"The settings {file} cannot be read: {error}.")
        ) from error
    try:
        return Settings.model_validate(json.loads(text))
    except json.JSONDecodeError as error:
        raise StoreError(
            f"The settings {file} are not JSON: {error.msg} in line {error.lineno}.",
            f"Fix the file, or remove it. It looks like this: {_EXAMPLE}",
        ) from error
    except ValidationError as error:
        raise StoreError(*explained("The settings", file, Settings, error, _EXAMPLE)) from error


def response_paths(paths: StorePaths) -> tuple[Path, ...]:
    """The folders and files with API responses named in the settings; relative paths start at the home."""
    return tuple((paths.home / Path(one).expanduser()).absolute() for one in read_settings(paths).responses)
