"""Removes from a JSON line what the policy does not keep: prompts, answers, contents of files, outputs of tools.

Every text is replaced by its own mark, so that the line keeps its structure and the lengths of its texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from ingest.privacy import fields
from ingest.privacy.fields import ANSWER, ANY, BLOCKS, CONTENT, KEPT, MESSAGE, PROMPT, TOOL_INPUT, Spec
from ingest.privacy.marks import is_mark, mark
from ingest.privacy.policy import DROP, HASH, MARK_DIGITS, Policy, Texts
from ingest.privacy.tombstones import sessions_of

_KINDS: Final = {PROMPT: "prompts", ANSWER: "answers", CONTENT: "contents"}
# This many calls of a file are remembered: their results follow soon.
_MOST_CALLS: Final = 10_000
_PATHS: Final = ("filePath", "file_path", "path", "notebook_path", "filename")
# Markup that the client writes around a typed command: the command's name is not a prompt, the text after it is.
_COMMAND: Final = ("<command-name>", "<command-message>")
_ARGUMENTS: Final = "<command-args>"
_ARGUMENTS_END: Final = "</command-args>"


class Shape:
    """Lines reduced according to a policy.

    It remembers the calls that touched a dropped file, for their results, and the folder of each session, for lines
    that name none.
    """

    def __init__(self, policy: Policy) -> None:
        """Nothing has been seen yet."""
        self._policy = policy
        self._calls: dict[str, None] = {}
        self._folders: dict[str, str] = {}

    def line(self, text: str, table: str, session: str | None = None) -> str:
        """The landed form of a line; `session` is that of its file.

        Text that is not a JSON object is removed completely: its content is unknown.
        """
        try:
            value = _parsed(text)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            return text if not self._policy.changes_texts or is_mark(text) else mark("line", text)
        shaped = self.value(value, table, session)
        return text if shaped is value else _written(shaped)

    def document(self, text: str, spec: Spec, session: str | None) -> str:
        """The same for a session file that is one JSON object."""
        texts = self._policy.texts_in(self.folder_of(session))
        if texts.keeps_all:
            return text
        try:
            value = _parsed(text)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            return text if is_mark(text) else mark("line", text)
        shaped = _Walk(self._policy, texts, PROMPT).walk(value, spec)
        return text if shaped is value else _written(shaped)

    def learn(self, value: dict[str, Any], session: str | None = None) -> None:
        """Remember what a line reveals about others: the first folder of its session, a call that touched a dropped
        file.
        """
        if self._policy.projects and (folder := _project(value)):
            for name in (session, *sessions_of(value, fields.EVENT_TABLE)):
                if name:
                    self._folders.setdefault(name, folder)
        if self._policy.dropped_files:
            self._touches_dropped(value)

    def folder_of(self, session: str | None) -> str | None:
        """The folder of a session, if a line has named it."""
        return self._folders.get(session) if session else None

    def value(self, value: dict[str, Any], table: str, session: str | None = None) -> dict[str, Any]:
        """The same for a parsed line; returns the same object if nothing changes."""
        folder = _project(value)
        if folder is None and self._policy.projects:
            names = (*sessions_of(value, fields.EVENT_TABLE), session)
            folder = next((found for name in names if (found := self.folder_of(name))), None)
        texts = self._policy.texts_in(folder)
        if self._policy.dropped_files and self._touches_dropped(value):
            texts = Texts(contents=DROP).over(texts)
        if texts.keeps_all:
            return value
        # Text that the client writes in the user's place, such as a skill's text, is not a prompt.
        typed = CONTENT if value.get("isMeta") is True else PROMPT
        shaped = _Walk(self._policy, texts, typed).walk(value, _spec_of(value, table))
        return shaped if isinstance(shaped, dict) else value

    def _touches_dropped(self, line: Mapping[str, Any]) -> bool:
        """Whether a line calls a tool on a dropped file, or holds the result of such a call."""
        found = False
        nested = line.get("data")
        for one in (line, nested.get("message") if isinstance(nested, dict) else None, line.get("payload")):
            if isinstance(one, dict):
                found = self._is_of_dropped(one) or found
        return found

    def _is_of_dropped(self, line: Mapping[str, Any]) -> bool:
        found = any(self._drops(line.get(key)) for key in ("toolUseResult", "tool_use_result", "attachment"))
        message = line.get("message")
        content = message.get("content") if isinstance(message, dict) else None
        blocks = content if isinstance(content, list) else []
        if isinstance(line.get("tool_input"), dict):
            blocks = [*blocks, {"id": line.get("tool_use_id"), "input": line["tool_input"]}]
        for block in blocks:
            if not isinstance(block, dict):
                continue
            if self._drops(block.get("input")):
                found = True
                if isinstance(call := block.get("id"), str):
                    self._calls[call] = None
                    if len(self._calls) > _MOST_CALLS:
                        del self._calls[next(iter(self._calls))]
            elif str(block.get("tool_use_id")) in self._calls:
                found = True
        return found

    def _drops(self, holder: object) -> bool:
        if not isinstance(holder, dict):
            return False
        inside = [
            holder,
            *(one for one in (holder.get("file"), holder.get("content")) if isinstance(one, dict)),
        ]
        inside += [one for one in (inside[-1].get("file"),) if isinstance(one, dict)]
        paths = [one.get(key) for one in inside for key in _PATHS]
        return any(isinstance(path, str) and self._policy.drops_file(path) for path in paths)


class _Walk:
    """One walk through one line."""

    def __init__(self, policy: Policy, texts: Texts, typed: str) -> None:
        self._policy = policy
        self._texts = texts
        self._typed = typed

    def walk(self, value: Any, spec: Spec | str) -> Any:  # noqa: ANN401 - whatever JSON holds
        """The value with its texts replaced; the same object if there are none."""
        if spec == KEPT or value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(spec, str):
            if spec == MESSAGE:
                return self._each(value, self._message)
            if spec == BLOCKS:
                return self._each(value, lambda block: self._block(block, ANSWER))
            spec = fields.TOOL_INPUTS if spec == TOOL_INPUT else {ANY: spec}
        inside = spec
        if isinstance(value, str):
            return self._text(value, inside[ANY])
        if isinstance(value, list):
            return self._each(value, lambda one: self.walk(one, inside))
        if inside is fields.ATTACHMENT and str(value.get("type")) in fields.OWN_ATTACHMENTS:
            return value
        return self._dict(value, lambda key, one: self._field(key, one, inside))

    def _field(self, key: str, value: Any, around: Spec) -> Any:  # noqa: ANN401
        """A field by its name; a field without a rule, and everything inside it, follows the rules of its parent."""
        if key in around and key != ANY:
            return self.walk(value, around[key])
        return self._each(value, self._hunk) if key == "structuredPatch" else self.walk(value, around)

    def _hunk(self, hunk: Any) -> Any:  # noqa: ANN401
        """Lines of a patch keep their leading sign, so that added and removed lines are still counted."""
        if not isinstance(hunk, dict) or not isinstance(hunk.get("lines"), list):
            return hunk
        lines = [
            line[:1] + self._text(line[1:], CONTENT) if isinstance(line, str) and line[1:] else line
            for line in hunk["lines"]
        ]
        return {**hunk, "lines": lines}

    def _message(self, message: Any) -> Any:  # noqa: ANN401
        """A message of a conversation: its role determines the kind of its texts."""
        if not isinstance(message, dict):
            return message
        if isinstance(message.get("message"), dict):  # a whole line inside a line
            return self._dict(message, lambda key, one: self.walk(one, fields.TRANSCRIPT.get(key, KEPT)))
        said = ANSWER if message.get("role") == "assistant" else self._typed
        content = message.get("content")
        if isinstance(content, str):
            shaped: Any = self._text(content, said)
        else:
            shaped = self._each(content, lambda block: self._block(block, said))
        return message if shaped is content else {**message, "content": shaped}

    def _block(self, block: Any, said: str) -> Any:  # noqa: ANN401
        if isinstance(block, str):
            return self._text(block, said)
        if not isinstance(block, dict):
            return block
        if isinstance(block.get("input"), dict):
            return self._dict(block, lambda key, one: self.walk(one, TOOL_INPUT if key == "input" else KEPT))
        kinds: dict[str, Spec | str] = (
            {"content": fields.RESULT_BLOCK}
            if "tool_use_id" in block
            else {"text": said, "thinking": ANSWER, "source": fields.RESULT_BLOCK, "title": CONTENT}
        )
        return self._dict(block, lambda key, one: self.walk(one, kinds.get(key, KEPT)))

    def _text(self, text: str, kind: str) -> str:
        mode = getattr(self._texts, _KINDS[kind]) if kind in _KINDS else None
        if mode not in {HASH, DROP} or not text or is_mark(text):
            return text
        if kind == PROMPT and text.lstrip().startswith(_COMMAND) and _ARGUMENTS in text:
            head, _, rest = text.partition(_ARGUMENTS)
            arguments, end, tail = rest.partition(_ARGUMENTS_END)
            if not tail.strip():
                return head + _ARGUMENTS + self._text(arguments, kind) + end + tail
        digest = self._policy.hashed(text)[:MARK_DIGITS] if mode == HASH else ""
        return mark(kind, text, digest)

    @staticmethod
    def _each(value: Any, shaped: Any) -> Any:  # noqa: ANN401
        """A list with each element replaced, or a single value; the same object if nothing is replaced."""
        if not isinstance(value, list):
            return shaped(value)
        made = [shaped(one) for one in value]
        return value if all(new is old for new, old in zip(made, value, strict=True)) else made

    @staticmethod
    def _dict(value: dict[str, Any], shaped: Any) -> dict[str, Any]:  # noqa: ANN401
        made = {key: shaped(key, one) for key, one in value.items()}
        return value if all(made[key] is value[key] for key in value) else made


def _spec_of(line: Mapping[str, Any], table: str) -> Spec:
    if table == fields.HISTORY_TABLE:
        return fields.HISTORY
    if table == fields.RESPONSE_TABLE:
        return fields.RESPONSE
    if table == fields.EVENT_TABLE:
        return fields.PROMPT_EVENT if line.get("kind") == "prompt" else fields.EVENT
    return fields.QUEUED if "operation" in line else fields.TRANSCRIPT


def _project(line: Mapping[str, Any]) -> str | None:
    """The project folder of a line, if the line names it."""
    payload = line.get("payload")
    inside = payload if isinstance(payload, dict) else {}
    for found in (line.get("cwd"), line.get("project"), inside.get("cwd"), inside.get("working_dir")):
        if isinstance(found, str):
            return found
    return None


def _parsed(text: str) -> Any:  # noqa: ANN401
    import orjson

    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


def _written(value: Any) -> str:  # noqa: ANN401
    import orjson

    try:
        return orjson.dumps(value).decode()
    except TypeError:  # an integer of more than 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
