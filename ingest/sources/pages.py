"""The text of a response as a reader sees it."""

from __future__ import annotations

from contextlib import suppress
from html.parser import HTMLParser

from ingest.text import is_binary


class _VisibleText(HTMLParser):
    """The text of a page as a reader sees it, without scripts, styles and parts that change with each visit."""

    hidden = frozenset({"script", "style", "noscript", "template", "svg", "nav", "head", "iframe"})
    blocks = frozenset(
        {"p", "div", "li", "ul", "ol", "tr", "td", "th", "table", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "section",
         "article", "br", "dt", "dd", "blockquote", "main", "header", "footer"}
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.hidden:
            self.depth += 1
        elif tag in self.blocks:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.hidden:
            self.depth = max(self.depth - 1, 0)
        elif tag in self.blocks:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.depth:
            self.parts.append(data)


def visible_text(page: str) -> str:
    """The text of an HTML page, one line per block."""
    parser = _VisibleText()
    with suppress(AssertionError, ValueError):
        parser.feed(page)
        parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.parts).splitlines())
    return "\n".join(line for line in lines if line)


def page_text(data: bytes, content_type: str, encoding: str) -> tuple[str | None, bool]:
    """The text of a response, None if it is not text, and whether all of it is kept."""
    kind = content_type.split(";", 1)[0].strip().lower()
    if is_binary(data):
        return None, True
    is_text = (
        not kind
        or kind.startswith("text/")
        or any(word in kind for word in ("json", "xml", "yaml", "javascript"))
    )
    if not is_text:
        return None, True
    try:
        text = data.decode(encoding, "replace")
    except LookupError:
        text = data.decode("utf-8", "replace")
    if "html" in kind or text.lstrip()[:15].lower().startswith(("<!doctype html", "<html")):
        text = visible_text(text)
    return text, True
