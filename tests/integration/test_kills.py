"""Whatever is killed while it lands, builds, publishes, forgets or applies a policy, the next run makes it whole."""

from __future__ import annotations

import os

import pytest
from kills import Drill

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills by signals")
_KILLS, _PARTS = 100, 4


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Drill:
    return Drill(tmp_path_factory.mktemp("kills"))


@pytest.mark.parametrize("part", range(_PARTS))
def test_nothing_is_lost_or_there_twice_or_comes_back_after_kills(drill: Drill, part: int) -> None:
    killed = drill.kills.total()
    seed = part * _KILLS
    while drill.kills.total() < killed + _KILLS // _PARTS:
        assert drill.one(seed) == []
        seed += 1
