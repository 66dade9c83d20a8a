"""Whatever is killed while it lands, builds, publishes, forgets or lets expire, the next run makes it whole."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from kills import Drill

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills by signals")
# How many kills of each kind of drill, in how many parts.
_KILLS = {"forget": (70, 3), "expire": (30, 1)}


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    made = Drill(tmp_path_factory.mktemp("kills"))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("kind", "part"), [(kind, part) for kind, (_, parts) in _KILLS.items() for part in range(parts)]
)
def test_nothing_is_lost_or_there_twice_or_comes_back_after_kills(drill: Drill, kind: str, part: int) -> None:
    count, parts = _KILLS[kind]
    killed = drill.kills.total()
    seed = part * count
    while drill.kills.total() < killed + count // parts:
        assert drill.one(seed, kind) == []
        seed += 1
