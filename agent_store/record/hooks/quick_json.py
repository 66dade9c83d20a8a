"""JSON as Python's own C code reads and writes it.

The module `json` wraps the same code, but also loads regular expressions: 10 ms, more than everything else in a hook.
"""


class _Settings:
    """The attributes that the scanner expects."""

    strict = False
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


def loads(text: "str | bytes") -> object:
    """The value of a JSON document. Raises ValueError."""
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    decoded = decoded.strip(" \t\r\n")
    try:
        from _json import make_scanner
    except ImportError:  # not CPython
        import json

        found: object = json.loads(decoded, strict=False)
        return found
    try:
        value, end = make_scanner(_Settings())(decoded, 0)  # type: ignore[arg-type]
    except StopIteration:
        raise ValueError("not JSON") from None
    if end != len(decoded):
        raise ValueError("more than one document")
    return value


def dumps(value: object) -> bytes:
    """A JSON document of text, numbers, lists and dictionaries, on one line and in ASCII."""
    try:
        return "".join(_parts(value)).encode("ascii")
    except ImportError:
        import json

        return json.dumps(value, separators=(",", ":")).encode("ascii")


def _parts(value: object) -> "list[str]":
    from _json import encode_basestring_ascii as quoted

    if value is None:
        return ["null"]
    if value is True or value is False:
        return ["true" if value else "false"]
    if isinstance(value, str):
        return [quoted(value)]
    if isinstance(value, int | float):
        return [repr(value)]
    parts: list[str] = []
    if isinstance(value, dict):
        for name, held in value.items():
            parts += [",", quoted(str(name)), ":", *_parts(held)]
        return ["{", *parts[1:], "}"]
    if isinstance(value, list | tuple):
        for held in value:
            parts += [",", *_parts(held)]
        return ["[", *parts[1:], "]"]
    raise TypeError(type(value).__name__)
