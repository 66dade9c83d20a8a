"""`privacy.yml` in the home: what of logs is kept, per project and file, and for how long."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agent_store.at_rest import NOT_BY_ITSELF
from agent_store.errors import StoreError, explain
from agent_store.paths import StorePaths, project_dir
from agent_store.replacing import replacing
from agent_store.validated import explained
from ingest.privacy.kinds_file import kinds_file
from ingest.privacy.policy import Policy, Texts
from ingest.privacy.secrets import read_kinds
from ingest.privacy.tombstones import Tombstones
from ingest.text import YamlError, load_yaml, meant

_MOST_CHARACTERS: Final = 256 * 1024
_EXAMPLE: Final = "prompts: keep"
# The kind that `emails` stands for.
EMAIL_KIND: Final = "email_address"

KeepHashDrop = Literal["keep", "hash", "drop"]
KeepDrop = Literal["keep", "drop"]
# Up to a hundred years: every such moment is a date.
Days = Annotated[int, Field(gt=0, le=36_500)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProjectRule(_Model):
    """What is different in the projects below a folder."""

    # A pattern: * is any text. One without a slash fits a folder's name.
    path: str
    prompts: KeepHashDrop | None = None
    answers: KeepHashDrop | None = None
    contents: KeepDrop | None = None

    def texts(self) -> Texts:
        """The rule without its pattern."""
        return Texts(self.prompts, self.answers, self.contents)


class SecretKinds(_Model):
    """Kinds of secrets that are looked for beside the usual ones, and kinds that are not."""

    add: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _are_known(self) -> Self:
        known = {kind.kind for kind in read_kinds(kinds_file())}
        for name in (*self.add, *self.skip):
            if name not in known:
                similar = meant(name, known)
                raise ValueError(
                    f"there is no kind of secret {name!r}"
                    + (f"; did you mean {similar!r}?" if similar else "")
                )
        return self


class Retention(_Model):
    """For how many days things are kept; None: for ever."""

    # Whole sessions since their last line, with everything that is landed of them.
    sessions: Days | None = None
    # Rows of published facts, by the name of the table.
    facts: dict[str, Days] = {}
    # What happens to sessions that are older.
    expired: Literal["archive", "drop"] = "archive"

    @model_validator(mode="after")
    def _facts_are_known(self) -> Self:
        known = fact_names()
        for name in self.facts:
            if known and name not in known:
                similar = meant(name, known)
                raise ValueError(
                    f"there is no fact {name!r}" + (f"; did you mean {similar!r}?" if similar else "")
                )
        return self


def fact_names() -> frozenset[str]:
    """The facts of the project, by the files of their models."""
    return frozenset(file.stem for file in (project_dir() / "models").rglob("fact_*.sql"))


class PrivacyPolicy(_Model):
    """The policy of a home."""

    secrets: Literal["redact", "keep"] = "redact"
    secret_kinds: SecretKinds = SecretKinds()
    # Addresses in texts. Those that stand for a user are hashed with `user_ids`.
    emails: Literal["redact", "keep"] = "keep"
    user_ids: Literal["hash", "keep"] = "hash"
    prompts: KeepHashDrop = "keep"
    answers: KeepHashDrop = "keep"
    # What files contained and what commands and other tools printed.
    contents: KeepDrop = "keep"
    projects: tuple[ProjectRule, ...] = ()
    # Patterns of files whose contents are dropped.
    files: tuple[str, ...] = ()
    retention: Retention = Retention()
    # A file elsewhere that the head of the audit chain is appended to at each publish.
    witness: str | None = None
    encrypt: bool = False

    @model_validator(mode="after")
    def _does_not_encrypt(self) -> Self:
        if self.encrypt:
            raise ValueError(" ".join(NOT_BY_ITSELF))
        return self

    def landing(self, salt: bytes, forgotten: Tombstones, files: Iterable[str] = ()) -> Policy:
        """The policy as landing applies it; `files` are patterns beside those of the policy."""
        return Policy(
            salt=salt,
            redacts_secrets=self.secrets == "redact",
            more_kinds=frozenset(self.secret_kinds.add)
            | ({EMAIL_KIND} if self.emails == "redact" else frozenset()),
            fewer_kinds=frozenset(self.secret_kinds.skip),
            hashes_users=self.user_ids == "hash",
            texts=Texts(self.prompts, self.answers, self.contents),
            projects=tuple((rule.path, rule.texts()) for rule in self.projects),
            dropped_files=(*self.files, *files),
            forgotten=forgotten,
        )


def read_policy(paths: StorePaths) -> PrivacyPolicy:
    """The policy of a home; without a file, the default. StoreError where the file is wrong."""
    file = paths.privacy
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return PrivacyPolicy()
    except (OSError, UnicodeDecodeError) as error:
        raise explain(error, f"Reading {file}") or StoreError(
            f"The rules {file} cannot be read: {error}."
        ) from error
    try:
        value = load_yaml(text, _MOST_CHARACTERS)
    except YamlError as error:
        raise StoreError(
            f"The rules {file} are not YAML: {error}.", "Correct the file: nothing is landed until then."
        ) from error
    try:
        return PrivacyPolicy.model_validate({} if value is None else value)
    except ValidationError as error:
        message, hint = explained("The rules", file, PrivacyPolicy, error, _EXAMPLE)
        raise StoreError(message, f"{hint} Nothing is landed until then.") from error


def write_default(paths: StorePaths) -> Path:
    """Write the default policy with comments. StoreError where there is one already."""
    if paths.privacy.exists():
        raise StoreError(f"{paths.privacy} is there already.", "Edit it, then run agent-store privacy apply.")
    paths.ensure()
    with replacing(paths.privacy) as fresh:
        fresh.write_text(_DEFAULT, encoding="utf-8")
    return paths.privacy


_DEFAULT: Final = """\
# What Agent Store keeps of logs. It is applied before anything is written; what is left out cannot be had back, except by
# landing the logs again. Every text that is left out is replaced by a mark with its length: tokens and costs stay right.
# After a change: agent-store privacy apply

# Keys, tokens and passwords in any text: redact | keep
secrets: redact
# Kinds of secrets to look for beside the usual ones, and kinds not to look for (agent-store privacy kinds lists them).
secret_kinds: {add: [], skip: []}
# E-mail addresses in texts: redact | keep
emails: keep
# Names of users, and addresses that stand for users: hash | keep
user_ids: hash

# What people typed: keep | hash | drop. With hash, equal prompts are still seen to be equal.
prompts: keep
# What models wrote: keep | hash | drop
answers: keep
# What files contained and what commands and other tools printed: keep | drop
contents: keep

# Other rules for some projects, by the folder that the session ran in. The last that fits wins.
projects: []
#  - path: "/home/me/clients/*"
#    prompts: drop
#    contents: drop

# Files whose contents are dropped wherever an agent read or wrote them.
files: []
#  - ".env*"
#  - "/home/me/taxes/*"

# For how many days things are kept; null: for ever.
retention:
  # Sessions, since their last line: their landed lines and all rows made of them go. What they cost stays, by day.
  sessions: null
  # Rows of a published fact. The landed lines keep them: a longer time brings them back with the next build.
  facts: {}
#   fact_context_segment: 90
  # What happens to sessions that are older: archive (as Parquet, in the folder archive of the home) | drop
  expired: archive

# A file on another disk that the head of the audit chain is appended to at each publish: agent-store verify --witness FILE
# compares. A relative path is meant from the home of the store.
witness: null
"""
