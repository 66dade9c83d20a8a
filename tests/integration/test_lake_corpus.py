"""The corpus of real transcripts as four hosts and as one store: the union has the same rows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import BuildStore

from tests.equal_stores import differences
from tests.integration.test_lake import listed, run

pytestmark = [pytest.mark.corpus, pytest.mark.slow]

HOSTS = 4


@pytest.fixture(scope="module")
def lake_home(corpus_dir: Path, build_store: BuildStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four hosts, each with every fourth repository of the corpus, share; the home of the lake's store."""
    folder = tmp_path_factory.mktemp("corpus-hosts")
    lake = folder / "team.ducklake"
    for number in range(HOSTS):
        root = folder / f"root-{number}"
        for repository in sorted(place for place in corpus_dir.iterdir() if place.is_dir())[number::HOSTS]:
            shutil.copytree(repository, root / repository.name)
        build_store([root], folder / f"host-{number}", tests=False)
        shutil.rmtree(root)
        run(folder / f"host-{number}", "share", str(lake), "--host", f"host-{number}")
    run(folder / "nobody", "lake", "build", str(lake), "--into", str(folder / "lake"))
    return folder / "lake"


def test_four_hosts_are_one_store(corpus_store: Path, lake_home: Path) -> None:
    different = differences(corpus_store.parent, [lake_home])
    assert [str(difference) for difference in different if difference.relation not in listed()] == []
