"""What agents run and what is printed, against the models that find test runs: verdict, counts, duration and names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.check_cases import Case, Read, cases, read

CASES = cases()
FEWEST_CASES = 150


@pytest.fixture(scope="module")
def read_from(sample_store: Path) -> dict[str, Read]:
    """All cases, read with the SQL that dbt compiled for the store of the sample."""
    return read(sample_store.parent / "target/compiled/agent_store/models/intermediate", CASES)


def test_there_are_many_cases() -> None:
    """Not a handful."""
    assert len(CASES) >= FEWEST_CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.place}: {case.run.strip()[:40]}")
def test_a_command_is_the_test_run_that_it_is(read_from: dict[str, Read], case: Case) -> None:
    """The run is found, or none; it passed or failed; tests are counted where the output counts them."""
    found = read_from[case.place]
    assert found.gives == case.gives
    if case.seconds is not None:
        assert found.seconds == str(case.seconds)
    if case.fails:
        assert found.fails == case.fails
    if case.passes:
        assert found.passes == case.passes
    for name, value in case.fields.items():
        assert found.fields[name] == value, name
