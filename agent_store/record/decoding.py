"""Decompresses a body while it streams, with the same modules as the SDK's own HTTP client."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

_ZLIB_OR_GZIP: Final = 32 + zlib.MAX_WBITS
_BROTLI: Final = ("brotli", "brotlicffi")
_ZSTD: Final = ("compression.zstd", "backports.zstd")


def decoder_for(encoding: str) -> Callable[[bytes], bytes] | None:
    """Return a function that takes a body in portions and returns it decoded; None if the encoding is not supported
    here."""
    match encoding.strip().lower():
        case "" | "identity":
            return bytes
        case "gzip" | "x-gzip" | "deflate":
            return zlib.decompressobj(_ZLIB_OR_GZIP).decompress
        case "br":
            brotli = _first(_BROTLI)
            decoder = brotli.Decompressor() if brotli else None
            return getattr(decoder, "decompress", None) or getattr(decoder, "process", None)
        case "zstd":
            zstd = _first(_ZSTD)
            return zstd.ZstdDecompressor().decompress if zstd else None
    return None


def _first(names: tuple[str, ...]) -> Any:  # noqa: ANN401 - modules that need not be there
    for name in names:
        try:
            return import_module(name)
        except ImportError:
            continue
    return None
