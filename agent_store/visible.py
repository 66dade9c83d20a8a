"""Untrusted text, with control characters and those that change the reading direction written as codes.

Hooks use it too, so it imports nothing.
"""

# Control characters except line feed and tab; C1, which some terminals obey like ESC; direction marks, embeddings,
# overrides and isolates; separators that some programs treat as line ends; other invisible formats, including tags, in
# which a whole text can hide.
_OBEYED = (
    (0x00, 0x08), (0x0B, 0x1F), (0x7F, 0x9F), (0x061C, 0x061C), (0x200E, 0x200F), (0x2028, 0x202E), (0x2066, 0x206F),
    (0xD800, 0xDFFF), (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB), (0xE0000, 0xE007F),
)  # fmt: skip
_LAST_BYTE = 0xFF


class _Codes(dict[int, "int | str"]):
    """The replacement of each character, computed when it first occurs."""

    def __init__(self, *, is_json: bool) -> None:
        self._is_json = is_json

    def __missing__(self, number: int) -> "int | str":
        shown: int | str = number
        if any(first <= number <= last for first, last in _OBEYED):
            is_short = number <= _LAST_BYTE and not self._is_json
            shown = f"\\x{number:02x}" if is_short else _json_code(number)
        self[number] = shown
        return shown


_codes, _json_codes = _Codes(is_json=False), _Codes(is_json=True)


def visible(text: str) -> str:
    """The text, with each character that a terminal would obey instead of showing it written as its code."""
    return text if text.isprintable() else text.translate(_codes)


def visible_json(text: str) -> str:
    """A JSON document with these characters as escapes of JSON: shown safely, and read as the same values."""
    return text if text.isprintable() else text.translate(_json_codes)


def _json_code(number: int) -> str:
    """As JSON escapes it: a code beyond 16 bits becomes a pair."""
    if number < 0x10000:  # noqa: PLR2004 - sixteen bits
        return f"\\u{number:04x}"
    above = number - 0x10000
    return f"\\u{0xD800 + (above >> 10):04x}\\u{0xDC00 + (above & 0x3FF):04x}"
