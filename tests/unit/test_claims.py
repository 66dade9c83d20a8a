"""Claims: each piece of work goes to one agent, whoever asks at the same time."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agent_store.library.claims import Claims
from agent_store.paths import StorePaths

ITEMS = [f"item-{number}" for number in range(200)]
# Claims all pieces of work in four threads, and says which it got.
PROGRAM = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from agent_store.library.claims import Claims
from agent_store.paths import StorePaths
claims = Claims(StorePaths(Path(sys.argv[1])))
items = json.load(sys.stdin)
with ThreadPoolExecutor(4) as threads:
    granted = list(threads.map(lambda item: claims.claim(item, sys.argv[2])[0], items))
print(json.dumps([item for item, is_granted in zip(items, granted) if is_granted]))
"""


def test_threads_of_one_process_do_not_take_each_others_locks_away(tmp_path: Path) -> None:
    claims = Claims(StorePaths(tmp_path / "home"))

    def claim(agent: int) -> int:
        return sum(claims.claim(item, f"agent-{agent}")[0] for item in ITEMS)

    with ThreadPoolExecutor(8) as threads:
        granted = list(threads.map(claim, range(8)))
    assert sum(granted) == len(ITEMS)


def test_two_hundred_claims_by_eight_processes_of_four_threads(tmp_path: Path) -> None:
    home = tmp_path / "home"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(home), f"agent-{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(8)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(json.dumps(ITEMS))
        process.stdin.close()
    granted: list[str] = []
    for process in processes:
        assert process.stdout is not None
        granted += json.loads(process.stdout.read())
        assert process.wait() == 0
    assert sorted(granted) == sorted(ITEMS)
    assert {claim.work_id for claim in Claims(StorePaths(home)).all()} == set(ITEMS)
