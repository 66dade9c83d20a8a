"""The independent counter gives what every golden case says, and what is known of ccusage and the corpus."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import golden_names
from tests.independent_count import (
    Count,
    Response,
    ccusage_count,
    count,
    normalise_model,
    plain_count,
    total,
)

Row = dict[str, Any]
EXACT = (
    "message_id",
    "request_id",
    "session_id",
    "model",
    "raw_model",
    "input_tokens",
    "output_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "cache_read_tokens",
    "is_output_final",
)


def _row(response: Response) -> Row:
    return {
        "message_id": response.message_id,
        "request_id": response.request_id,
        "session_id": response.session_id,
        "model": response.model,
        "raw_model": response.raw_model,
        "input_tokens": response.tokens.input,
        "output_tokens": response.tokens.output,
        "cache_write_5m_tokens": response.tokens.write_5m,
        "cache_write_1h_tokens": response.tokens.write_1h,
        "cache_read_tokens": response.tokens.read,
        "cost_usd": response.cost_usd,
        "web_search_usd": response.web_search_usd,
        "started_at": response.started_at,
        "is_output_final": response.is_output_final,
    }


def _order(row: Row) -> tuple[str, str]:
    return row["started_at"].isoformat() if row["started_at"] else "", str(row["message_id"])


def _expected(folder: Path) -> tuple[list[Row], int]:
    case = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    rows = [
        {**row, "started_at": datetime.fromisoformat(row["started_at"]) if row["started_at"] else None}
        for row in case["responses"]
    ]
    return sorted(rows, key=_order), case["set_aside_lines"]


@pytest.mark.parametrize("name", golden_names())
def test_golden_case(name: str, golden_dir: Path) -> None:
    """Each case alone gives exactly its expected rows."""
    expected, set_aside = _expected(golden_dir / name)
    counted = count([golden_dir / name])
    rows = sorted((_row(response) for response in counted.responses), key=_order)
    assert [{key: row[key] for key in EXACT} for row in rows] == [
        {key: row[key] for key in EXACT} for row in expected
    ]
    assert [row["started_at"] for row in rows] == [row["started_at"] for row in expected]
    assert [row["cost_usd"] for row in rows] == pytest.approx(
        [row["cost_usd"] for row in expected], abs=1e-12
    )
    assert [row["web_search_usd"] for row in rows] == pytest.approx(
        [row["web_search_usd"] for row in expected], abs=1e-12
    )
    assert counted.set_aside_lines == set_aside


def test_all_golden_cases_together(golden_dir: Path) -> None:
    """The cases do not disturb one another, so that one store can hold them all."""
    roots = [golden_dir / name for name in golden_names()]
    together = Counter(response.key for response in count(roots).responses)
    alone = Counter(response.key for root in roots for response in count([root]).responses)
    assert together == alone


def test_golden_ids_are_unique_to_their_case(golden_dir: Path) -> None:
    """No session, and no message, stands in two cases."""
    seen: dict[str, str] = {}
    for name in golden_names():
        for response in count([golden_dir / name]).responses:
            for value in (response.message_id, *response.sessions):
                if value:
                    assert seen.setdefault(value, name) == name


@pytest.mark.parametrize(
    ("name", "report", "dollars"),
    [
        (
            "m_long_context_input",
            "daily",
            1.2 + 0.6 + 0.600006 + 0.015,
        ),  # only what is above 200,000 costs more
        ("k_zero_breakdown", "daily", 0.0),  # the empty breakdown replaces the total
        ("r_cost_on_line", "daily", 7.5),  # costUSD is believed
        ("v_spaced_json", "daily", 0.0),  # the line is not found
        ("aa_null_in_tool_input", "daily", 0.0),  # the line is dropped
        ("o_null_fields", "daily", 0.0),
        ("z_batch", "daily", 0.02175),  # no batch price
        ("c_no_request_id_same_session", "daily", 0.011),  # each timestamp counts
        ("c_no_request_id_same_session", "session", 0.0055),
        ("g_btw_replay", "daily", 0.0055),
        ("g_btw_replay", "session", 0.01125),  # the replay counts again
        ("u_progress", "session", 0.000345),  # nested lines count in `daily` only
        ("u_progress", "daily", 0.000345 + 0.00032),
    ],
)
def test_ccusage_rules(name: str, report: str, dollars: float, golden_dir: Path) -> None:
    """Where ccusage 20 differs from what is right, its rules are kept as they were observed."""
    assert ccusage_count([golden_dir / name], report=report).cost_usd == pytest.approx(dollars, abs=1e-12)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("claude-3-5-sonnet-v2@20241022", "claude-3-5-sonnet"),
        ("vertex_ai/claude-opus-4-1@20250805", "claude-opus-4-1"),
        ("bedrock/us-gov.anthropic.claude-3-haiku-20240307-v1:0", "claude-3-haiku"),
        ("claude-opus-5-5[1m]", "claude-opus-5-5"),
        ("claude-opus-5@default", "claude-opus-5"),
        ("anthropic/claude-opus-4.6:beta", "claude-opus-4-6"),
        ("anthropic/claude-4.5-sonnet", "claude-sonnet-4-5"),
        (
            "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "claude-sonnet-4-5",
        ),
        (
            "arn:aws:bedrock:eu-west-1:1:application-inference-profile/abc",
            "arn:aws:bedrock:eu-west-1:1:application-inference-profile/abc",
        ),
        ("vendor/model-20260101", "vendor/model-20260101"),
        (None, None),
    ],
)
def test_normalise_model(raw: str | None, name: str | None) -> None:
    """Prefixes and suffixes of providers go; names of other makers stay."""
    assert normalise_model(raw) == name


@pytest.fixture(scope="module")
def corpus_counts(corpus_dir: Path) -> tuple[Count, Count]:
    """The right and the plain count of the corpus."""
    return count([corpus_dir]), plain_count([corpus_dir])


@pytest.mark.corpus
def test_plain_count_of_the_corpus(corpus_counts: tuple[Count, Count]) -> None:
    """The published numbers of the corpus, to the token and to the cent."""
    _, plain = corpus_counts
    sums = plain.totals
    assert (sums.responses, sums.unpriced, sums.tokens.input, sums.tokens.output) == (
        13_777,
        9,
        767_985,
        2_886_706,
    )
    assert (sums.tokens.reported_write, sums.tokens.read) == (38_327_134, 1_271_075_077)
    assert round(sums.cost_usd, 2) == 990.29
    assert (plain.line_count, plain.set_aside_lines) == (63_380, 10)


@pytest.mark.corpus
def test_right_count_differs_by_forked_copies_only(corpus_counts: tuple[Count, Count]) -> None:
    """94 responses without requestId stand in a forked session a second time, with the same uuids: $12.10.

    One of the copies lost its usage on the way (all 0 at the top level); its original did not.
    """
    right, plain = corpus_counts
    by_key = {response.key for response in right.responses}
    twice = [response for response in plain.responses if response.key not in by_key]
    originals = {response.message_id: response for response in right.responses}
    assert len(twice) == len(plain.responses) - len(right.responses) == 94
    for copy in twice:
        original = originals[copy.message_id]
        assert copy.request_id is None
        assert set(original.sessions) == {original.session_id, copy.session_id}
        assert (original.started_at, original.model) == (copy.started_at, copy.model)
    emptied = [copy for copy in twice if originals[copy.message_id].tokens != copy.tokens]
    assert [(copy.tokens.input, copy.tokens.output, copy.tokens.read) for copy in emptied] == [(0, 0, 0)]
    assert plain.totals.cost_usd - right.totals.cost_usd == pytest.approx(total(twice).cost_usd, abs=1e-9)
    assert round(total(twice).cost_usd, 2) == 12.1


@pytest.mark.corpus
def test_ccusage_count_of_the_corpus(corpus_dir: Path) -> None:
    """What ccusage 20.0.24 --offline prints here; it prices two models of other makers, we none."""
    other_makers = 0.00556498 + 0.0322872
    daily = ccusage_count([corpus_dir], report="daily")
    assert (daily.tokens.input, daily.tokens.output, daily.tokens.read) == (889_532, 3_535_803, 1_424_058_023)
    assert daily.tokens.write_5m + daily.tokens.write_1h == 43_266_049
    assert daily.cost_usd + other_makers == pytest.approx(1_117.08783265, abs=1e-6)
    session = ccusage_count([corpus_dir], report="session")
    assert (session.tokens.input, session.tokens.output, session.tokens.read) == (
        767_359,
        2_885_931,
        1_265_835_266,
    )
    assert session.tokens.write_5m + session.tokens.write_1h == 37_316_578
    assert session.cost_usd == pytest.approx(970.40663, abs=1e-4)
