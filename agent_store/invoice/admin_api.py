"""The provider's Admin API: its usage and cost reports of an organisation. The only module here that opens a connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from agent_store.errors import StoreError
from agent_store.invoice.rows import COST, USAGE, ProviderRow, Reading
from agent_store.validated import text_or_none

if TYPE_CHECKING:
    import httpx

ADDRESS: Final = "https://api.anthropic.com"
KEY_VARIABLE: Final = "ANTHROPIC_ADMIN_KEY"
ADDRESS_VARIABLE: Final = "AGENT_STORE_ADMIN_API"
_VERSION: Final = "2023-06-01"
# The most buckets of a page that the API allows for days.
_DAYS_A_PAGE: Final = 31
_MOST_PAGES: Final = 1000
_TRIES: Final = 4
_LONGEST_PAUSE: Final = 60.0
_OK, _UNAUTHORIZED, _FORBIDDEN, _TOO_MANY, _SERVER = 200, 401, 403, 429, 500
_CENTS: Final = 100
_LARGEST: Final = 10**15
_USAGE_GROUPS: Final = ("model", "workspace_id", "api_key_id", "service_tier", "context_window")
_COST_GROUPS: Final = ("workspace_id", "description")


@dataclass(frozen=True, slots=True)
class AdminApi:
    """The API of an organisation. The key is in no message and is not kept."""

    key: str
    address: str = ADDRESS
    pause: Callable[[float], None] = time.sleep

    def read(self, since: datetime, until: datetime) -> Reading:
        """The usage and cost of each day from `since` to `until` (UTC, not included)."""
        import httpx

        with httpx.Client(
            base_url=self.address, timeout=30, follow_redirects=False,
            headers={"x-api-key": self.key, "anthropic-version": _VERSION, "accept": "application/json"},
        ) as client:  # fmt: skip
            rows = [
                *self._rows(client, "/v1/organizations/usage_report/messages", _USAGE_GROUPS, since, until, _usage),
                *self._rows(client, "/v1/organizations/cost_report", _COST_GROUPS, since, until, _cost),
            ]
        return Reading(tuple(rows))

    def _rows(
        self, client: httpx.Client, path: str, groups: tuple[str, ...], since: datetime, until: datetime,
        row_of: Callable[[datetime, datetime, Mapping[str, Any]], ProviderRow],
    ) -> Iterator[ProviderRow]:  # fmt: skip
        asked = [
            ("starting_at", f"{since:%Y-%m-%dT%H:%M:%SZ}"), ("ending_at", f"{until:%Y-%m-%dT%H:%M:%SZ}"),
            ("bucket_width", "1d"), ("limit", str(_DAYS_A_PAGE)), *(("group_by[]", group) for group in groups),
        ]  # fmt: skip
        page: str | None = None
        for _ in range(_MOST_PAGES):
            answer = self._ask(client, path, [*asked, *([("page", page)] if page else [])])
            try:
                for bucket in answer["data"]:
                    starts_at, ends_at = _moment(bucket["starting_at"]), _moment(bucket["ending_at"])
                    for result in bucket["results"]:
                        yield row_of(starts_at, ends_at, result)
                has_more, following = answer["has_more"], answer.get("next_page")
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise self._odd(path) from error
            if not has_more:
                return
            if not isinstance(following, str) or following == page:
                raise self._odd(path)
            page = following
        raise self._odd(path)

    def _ask(self, client: httpx.Client, path: str, asked: Sequence[tuple[str, str]]) -> Mapping[str, Any]:
        import httpx

        for attempt in range(1, _TRIES + 1):
            try:
                response = client.get(path, params=httpx.QueryParams(tuple(asked)))
            except httpx.HTTPError as error:
                raise StoreError(f"{self.address} does not answer: {type(error).__name__}.") from error
            is_last = attempt == _TRIES
            if not is_last and (response.status_code == _TOO_MANY or response.status_code >= _SERVER):
                self.pause(_pause(response.headers.get("retry-after"), attempt))
                continue
            if response.status_code == _OK:
                try:
                    answer = response.json()
                except ValueError as error:
                    raise self._odd(path) from error
                if not isinstance(answer, dict):
                    raise self._odd(path)
                return answer
            break
        raise self._refused(path, response.status_code)

    def _refused(self, path: str, status: int) -> StoreError:
        if status in (_UNAUTHORIZED, _FORBIDDEN):
            return StoreError(
                f"{self.address} refuses the key in {KEY_VARIABLE} ({status}).",
                "It has to be an Admin API key of the organisation (sk-ant-admin…); individual accounts have none.",
            )
        if status == _TOO_MANY:
            return StoreError(f"{self.address} allows no more requests now ({status}).", "Try again in some minutes.")
        return StoreError(f"{self.address}{path} answered with status {status}.")

    def _odd(self, path: str) -> StoreError:
        return StoreError(f"{self.address}{path} gave an answer that is no report. Nothing was recorded.")


def _pause(asked: str | None, attempt: int) -> float:
    try:
        return min(max(float(asked or ""), 0.0), _LONGEST_PAUSE)
    except ValueError:
        return min(2.0**attempt, _LONGEST_PAUSE)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _usage(starts_at: datetime, ends_at: datetime, found: Mapping[str, Any]) -> ProviderRow:
    written = found.get("cache_creation") or {}
    tools = found.get("server_tool_use") or {}
    return ProviderRow(
        USAGE, "admin_api", starts_at, ends_at, model=text_or_none(found.get("model")),
        workspace=text_or_none(found.get("workspace_id")),
        api_key=text_or_none(found.get("api_key_id")), service_tier=text_or_none(found.get("service_tier")),
        context_window=text_or_none(found.get("context_window")),
        uncached_input_tokens=_count(found.get("uncached_input_tokens")),
        cache_write_5m_tokens=_count(written.get("ephemeral_5m_input_tokens")),
        cache_write_1h_tokens=_count(written.get("ephemeral_1h_input_tokens")),
        cache_read_tokens=_count(found.get("cache_read_input_tokens")),
        output_tokens=_count(found.get("output_tokens")), web_search_count=_count(tools.get("web_search_requests")),
    )  # fmt: skip


def _cost(starts_at: datetime, ends_at: datetime, found: Mapping[str, Any]) -> ProviderRow:
    try:
        amount = Decimal(str(found["amount"])) / _CENTS
    except InvalidOperation as error:
        raise ValueError from error
    if not amount.is_finite() or found.get("currency", "USD") != "USD":
        raise ValueError
    return ProviderRow(
        COST, "admin_api", starts_at, ends_at, model=text_or_none(found.get("model")),
        workspace=text_or_none(found.get("workspace_id")),
        service_tier=text_or_none(found.get("service_tier")), context_window=text_or_none(found.get("context_window")),
        cost_type=text_or_none(found.get("cost_type")), token_type=text_or_none(found.get("token_type")),
        description=text_or_none(found.get("description")), currency="USD", amount_usd=float(amount),
    )  # fmt: skip


def _count(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _LARGEST:
        raise ValueError
    return value
