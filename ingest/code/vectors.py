"""Vectors of texts from a small static model that a package ships: the mean of the vectors of the text's tokens.

The extra `embeddings` installs the package wordllama, whose files are read from its installation folder; nothing is
ever downloaded, and the package itself is not run. Without the extra there are no vectors.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pyarrow as pa

SWITCH: Final = "AGENT_STORE_EMBEDDINGS"
MODEL: Final = "wordllama-l2-supercat-256"
DIMENSIONS: Final = 256
_PACKAGE: Final = "wordllama"
_TOKENIZER: Final = "tokenizers/l2_supercat_tokenizer_config.json"
_WEIGHTS: Final = "weights/l2_supercat_256.safetensors"
# The first tokens of a text show its subject; the longest chunks have ten times as many.
_MOST_TOKENS: Final = 512
_VECTORS_AT_ONCE: Final = 1000


def is_on() -> bool:
    """Whether the user wants vectors: AGENT_STORE_EMBEDDINGS is set."""
    return os.environ.get(SWITCH, "") in {"1", "true", "on"}


def folder() -> Path | None:
    """Folder of the model's files; None if the extra is not installed."""
    if any(importlib.util.find_spec(name) is None for name in ("tokenizers", "safetensors", "numpy")):
        return None
    found = importlib.util.find_spec(_PACKAGE)
    for place in (found.submodule_search_locations or ()) if found else ():
        if all((Path(place) / name).is_file() for name in (_TOKENIZER, _WEIGHTS)):
            return Path(place)
    return None


@cache
def _model(place: Path) -> tuple[Any, Any]:
    import numpy
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(place / _TOKENIZER))
    tokenizer.no_padding()
    tokenizer.enable_truncation(_MOST_TOKENS)
    (weights,) = load_file(str(place / _WEIGHTS)).values()
    return tokenizer, weights.astype(numpy.float32)


def embed(texts: Sequence[str]) -> list[list[float] | None]:
    """A vector of length one for each text; None for a text without a token."""
    place = folder()
    if place is None:
        raise ModuleNotFoundError(
            "The extra `embeddings` is not installed: pip install 'agent-store[embeddings]'."
        )
    import numpy

    tokenizer, weights = _model(place)
    vectors: list[list[float] | None] = []
    for encoded in tokenizer.encode_batch(list(texts), add_special_tokens=False):
        mean = weights[encoded.ids].mean(axis=0) if encoded.ids else None
        length = float(numpy.linalg.norm(mean)) if mean is not None else 0.0
        vectors.append((mean / length).tolist() if mean is not None and length else None)
    return vectors


def table(rows: Sequence[tuple[str, str]]) -> pa.Table:
    """The vectors of (hash, text) as rows of raw.code_vector."""
    import pyarrow as pa

    vectors = embed([text for _, text in rows])
    return pa.table({
        "chunk_hash": pa.array([key for key, _ in rows], pa.string()),
        "model": pa.array([MODEL] * len(rows), pa.string()),
        "embedding": pa.array(vectors, pa.list_(pa.float32())),
    })  # fmt: skip


def land_missing(warehouse: Path, host: str, on_wait: Callable[[str], None] | None) -> int:
    """Land the vectors of the chunks without one, if they are wanted and the model is available."""
    if not is_on() or folder() is None:
        return 0
    # Imported late: readers, which only make the vector of a query, start without it.
    from ingest.warehouse import Changes, reading, utc_now, write

    started_at = utc_now()
    changes = Changes()
    with reading(warehouse) as connection:
        if connection is None:
            return 0
        cursor = connection.execute(
            """
            select md5(chunk_text) as chunk_hash, min(concat_ws(chr(10), chunk_name, chunk_text))
            from raw.code_chunk
            where md5(chunk_text) not in (select chunk_hash from raw.code_vector where model = ?)
            group by md5(chunk_text)
            order by chunk_hash
            """,
            [MODEL],
        )
        while rows := cursor.fetchmany(_VECTORS_AT_ONCE):
            changes.arrow.setdefault("code_vector", []).append(table(rows))
    return write(warehouse, changes, host=host, started_at=started_at, on_wait=on_wait) if changes else 0
