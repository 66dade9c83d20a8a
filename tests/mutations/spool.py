"""A spool with damaged records: values of other types, missing and odd ones, torn and glued lines, foreign bytes."""

from __future__ import annotations

import copy
import json
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests import recordings

_SAMPLE = Path(__file__).resolve().parents[2] / "sample" / "home" / "projects"
_ODD: tuple[Any, ...] = (
    None, "", 0, -1, 1, True, False, [], {}, "x" * 5000, 10**18, -(10**18), 2**63, 1e308, 1.5, "\0", "\u202e\x1b[31m",
    "'; drop table x;--", "{{ 7*7 }}", ["a", {"b": None}], {"type": "message"}, "NaN", "2026-13-45", "🙂" * 50,
    [[[[[]]]]], "unknown", "null",
)  # fmt: skip
_Place = tuple[Any, ...]


def _places(value: object, at: _Place = ()) -> Iterator[_Place]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*at, key)
            yield from _places(inner, (*at, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield (*at, number)
            yield from _places(inner, (*at, number))


def _hurt(record: Any, r: random.Random) -> None:
    places = list(_places(record))
    if not places:
        return
    *above, last = r.choice(places)
    around = record
    for step in above:
        around = around[step]
    if r.random() < 0.2:
        del around[last]
    else:
        around[last] = copy.deepcopy(r.choice(_ODD))


def write_damaged(folder: Path, seed: int, count: int = 1_000) -> None:
    """Write a spool of what would have been recorded of the sample: all of it as it is, and some of it damaged."""
    whole = recordings.of_transcripts(_SAMPLE.rglob("*.jsonl")) + recordings.of_programs(1_793_000_000_000)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "library-2026-11-01.jsonl").write_bytes(whole)
    (folder / "hooks-2026-11-01.jsonl").write_bytes(damaged_spool(whole.decode().splitlines(), seed, count))


def damaged_spool(lines: Sequence[str], seed: int, count: int) -> bytes:
    """So many damaged copies of some of the lines: of every kind of event and hook as many."""
    r = random.Random(seed)
    by_kind: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        record = json.loads(line)
        by_kind[f"{record['kind']} {record['payload'].get('hook_event_name')}"].append(line)
    kinds = sorted(by_kind)
    damaged = []
    for _ in range(count):
        record = json.loads(r.choice(by_kind[r.choice(kinds)]))
        for _ in range(r.choice((1, 1, 1, 2, 5))):
            _hurt(record, r)
        line = json.dumps(record).encode()
        done = r.random()
        if done < 0.03:
            line = line[: r.randrange(len(line))]
        elif done < 0.05:
            line += line
        elif done < 0.06:
            line = line[: len(line) // 2] + line
        elif done < 0.07:
            line += b"\xff\xfe"
        damaged.append(line)
    return b"\n".join(damaged) + b"\n"
