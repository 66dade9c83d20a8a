"""What work would have cost under other assumptions: against an independent count, and against simulated sessions."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from tests.conftest import BuildStore
from tests.independent_count import PRICES, count, total
from tests.simulated_sessions import random_steps, write_session

SESSIONS = 12


def rows(store: Path, arguments: str = "") -> list[dict[str, Any]]:
    """The rows of a scenario, the total first."""
    with duckdb.connect(str(store), read_only=True) as connection:
        found = connection.execute(f"from what_if({arguments})")
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def cost_of(roots: list[Path], prices: Path = PRICES) -> float:
    """What the tokens cost by the independent count with a price list."""
    return total(count(roots, prices=prices).responses).cost_usd


def fees_of(store: Path) -> float:
    """The fees of web searches in a store. No model changes them; those of the tool WebSearch are in no usage."""
    with duckdb.connect(str(store), read_only=True) as connection:
        ((fees,),) = connection.execute("select coalesce(sum(web_search_cost_usd), 0) from fact_api_call").fetchall()
    return float(fees)


def read_price_rows() -> list[dict[str, str]]:
    """The price list as it is in the seed."""
    with PRICES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_price_rows(folder: Path, prices: list[dict[str, str]]) -> Path:
    """Write another price list."""
    path = folder / "prices.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(prices[0]))
        writer.writeheader()
        writer.writerows(prices)
    return path


def swapped_prices(replaced: str, other: str) -> list[dict[str, str]]:
    """A price list in which all models with a word in their name have the prices of another."""
    prices = read_price_rows()
    models = {row["model_name"] for row in prices if replaced in row["model_name"]}
    of_other = [row for row in prices if row["model_name"] == other]
    speeds = {row["speed"] for row in of_other}
    kept = [row for row in prices if row["model_name"] not in models]
    for model in sorted(models):
        kept += [{**row, "model_name": model} for row in of_other]
        # A model without fast mode runs as usual in place of one that ran fast.
        kept += [{**row, "model_name": model, "speed": "fast"} for row in of_other if "fast" not in speeds]
    return kept


def uncached_prices() -> list[dict[str, str]]:
    """A price list in which all input costs what plain input costs."""
    cached = ("cache_write_5m_usd_per_mtok", "cache_write_1h_usd_per_mtok", "cache_read_usd_per_mtok")
    return [{**row, **dict.fromkeys(cached, row["input_usd_per_mtok"])} for row in read_price_rows()]


def batch_prices() -> list[dict[str, str]]:
    """A price list in which everything costs what it costs in the batch tier."""
    prices = read_price_rows()
    for row in prices:
        for name in [name for name in row if name.endswith("_usd_per_mtok")]:
            if not row[name] and name == "cache_write_1h_usd_per_mtok":
                row[name] = str(2 * float(row["input_usd_per_mtok"]))
            row[name] = str(float(row[name]) * float(row["batch_multiplier"] or 1))
        row["batch_multiplier"] = "1"
    return prices


def check_against_the_count(store: Path, root: Path, folder: Path) -> None:
    """Nothing changed is the cost; another model is what its prices make of the same tokens."""
    whole, *models = rows(store)
    with duckdb.connect(str(store), read_only=True) as connection:
        ((cost,),) = connection.execute("select sum(cost_usd) from v_cost where kind = 'session'").fetchall()
    fees = fees_of(store)
    assert whole["cost_usd"] == pytest.approx(cost, abs=1e-6)
    for row in (whole, *models):
        assert (row["exact_cost_usd"] or 0) == pytest.approx(row["cost_usd"] or 0, abs=1e-6)
        assert (row["what_if_cost_usd"] or 0) == pytest.approx(row["cost_usd"] or 0, abs=1e-6)
        assert not row["saved_usd"]
    assert sum(row["cost_usd"] or 0 for row in models) == pytest.approx(whole["cost_usd"])
    for replaced, other in (("opus", "claude-haiku-4-5"), ("sonnet", "claude-opus-4-6")):
        (swapped, *_) = rows(store, f"models := ['{replaced}={other}']")
        expected = fees + cost_of([root], write_price_rows(folder, swapped_prices(replaced, other)))
        assert swapped["what_if_cost_usd"] == pytest.approx(expected, abs=1e-6)
        assert swapped["exact_saved_usd"] == 0
        assert swapped["assumed_saved_usd"] == pytest.approx(whole["cost_usd"] - expected, abs=1e-6)
    for arguments, prices in (("cache_lifetime := 'none'", uncached_prices()), ("tier := 'batch'", batch_prices())):
        (different, *_) = rows(store, arguments)
        expected = fees + cost_of([root], write_price_rows(folder, prices))
        assert different["exact_cost_usd"] == pytest.approx(expected, abs=1e-6)


def test_other_models_cost_what_an_independent_count_says(
    golden_store: Path, golden_dir: Path, tmp_path: Path
) -> None:
    check_against_the_count(golden_store, golden_dir, tmp_path)
    # All searches of these transcripts are in the usage of a response, where the count sees them.
    counted = total(count([golden_dir]).responses)
    assert fees_of(golden_store) == pytest.approx(counted.web_search_usd, abs=1e-9)


def test_other_models_cost_what_an_independent_count_says_on_the_corpus(
    corpus_store: Path, corpus_dir: Path, tmp_path: Path
) -> None:
    check_against_the_count(corpus_store, corpus_dir, tmp_path)


@pytest.fixture(scope="module")
def simulated(build_store: BuildStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """Root and store of the same sessions twice: with cache entries of five minutes, and of an hour."""
    folder = tmp_path_factory.mktemp("simulated")
    random = Random(15)
    for number in range(SESSIONS):
        steps = random_steps(random, random.randint(2, 15))
        for lifetime in ("5m", "1h"):
            name = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{lifetime} {number}"))
            write_session(folder / "root", name, f"cache-{lifetime}", lifetime, steps)
    yield folder / "root", build_store([folder / "root"], folder / "home", tests=False)


@pytest.mark.parametrize(("lived", "asked"), [("5m", "1h"), ("1h", "5m"), ("5m", "5m"), ("1h", "1h")])
def test_another_cache_lifetime_costs_what_the_simulation_of_it_cost(
    simulated: tuple[Path, Path], lived: str, asked: str
) -> None:
    root, store = simulated
    (replayed, *_) = rows(store, f"projects := ['cache-{lived}'], cache_lifetime := '{asked}'")
    expected = cost_of([root / "projects" / f"-home-dev-cache-{asked}"])
    assert replayed["cost_usd"] == pytest.approx(cost_of([root / "projects" / f"-home-dev-cache-{lived}"]))
    assert replayed["exact_cost_usd"] == replayed["what_if_cost_usd"]
    # No other session keeps the system prompts of these cached, so that all that is uncertain was written again.
    assert replayed["exact_cost_usd"] + replayed["uncertain_usd"] == pytest.approx(expected, abs=1e-6)
    assert (replayed["uncertain_usd"] > 0) is ((lived, asked) == ("1h", "5m"))
    assert replayed["replayed_count"] > 0


def test_a_project_name_that_is_part_of_another_finds_both_and_a_whole_one_only_itself(
    simulated: tuple[Path, Path],
) -> None:
    with duckdb.connect(str(simulated[1]), read_only=True) as connection:
        named = [
            connection.execute("from projects_named(?)", [name]).fetchall()[0][0]
            for name in ("cache", "CACHE-5m", " ", "nothing")
        ]
    assert named == [["cache-1h", "cache-5m"], ["cache-5m"], None, None]
